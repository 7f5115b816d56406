/** The mark: beams that meet in one point. */
export function Brand() {
    return (
        <span class="brand">
            <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
                <g fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">
                    <circle cx="16" cy="16" r="9" />
                    <path d="M16 2v7M16 23v7M2 16h7M23 16h7" />
                </g>
                <circle cx="16" cy="16" r="2.4" fill="currentColor" />
            </svg>
            Isocenter
        </span>
    );
}
