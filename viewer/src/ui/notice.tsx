/** A sentence at the foot of the page about what was just done, or why it was not. */

import { signal } from "@preact/signals";

const shownMs = 6000;
const notice = signal<{ text: string; isBad: boolean } | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

export function tell(text: string, isBad = false): void {
    notice.value = { text, isBad };
    clearTimeout(timer);
    timer = setTimeout(() => (notice.value = undefined), shownMs);
}

/** Tells what went wrong, in its own words. */
export const tellFailure = (e: unknown): void => tell(e instanceof Error ? e.message : String(e), true);

export function Notice() {
    const now = notice.value;
    return (
        <div class="notice-place" role="status">
            {now && <div class={now.isBad ? "notice bad" : "notice"}>{now.text}</div>}
        </div>
    );
}
