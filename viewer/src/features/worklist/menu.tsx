/** What can be done with studies of the list, where the pointer is. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../../ui/text";

export interface MenuEntry {
    label: string;
    run: () => void;
    isOff?: boolean;
}

export interface MenuProps {
    at: { x: number; y: number };
    entries: readonly MenuEntry[];
    onClose: () => void;
}

export function Menu({ at, entries, onClose }: MenuProps) {
    const box = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => {
        const before = document.activeElement as HTMLElement | null;
        const el = box.current!;
        el.style.left = `${Math.max(4, Math.min(at.x, innerWidth - el.offsetWidth - 4))}px`;
        el.style.top = `${Math.max(4, Math.min(at.y, innerHeight - el.offsetHeight - 4))}px`;
        el.querySelector<HTMLElement>("button:not(:disabled)")?.focus();
        return () => before?.focus?.();
    }, []);
    useEffect(() => {
        const outside = (e: Event) => !box.current?.contains(e.target as Node) && onClose();
        addEventListener("pointerdown", outside, true);
        addEventListener("blur", onClose);
        return () => {
            removeEventListener("pointerdown", outside, true);
            removeEventListener("blur", onClose);
        };
    }, []);
    const move = (e: KeyboardEvent) => {
        e.stopPropagation();
        const stops = [...box.current!.querySelectorAll<HTMLElement>("button:not(:disabled)")];
        const now = stops.indexOf(document.activeElement as HTMLElement);
        const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[e.key];
        if (e.key === "Escape" || e.key === "Tab") {
            e.preventDefault();
            onClose();
        } else if (to !== undefined) {
            e.preventDefault();
            stops.at(to % stops.length)?.focus();
        }
    };
    return (
        <div ref={box} class="row-menu" role="menu" aria-label={t("Actions")} onKeyDown={move} onContextMenu={(e) => e.preventDefault()}>
            {entries.map((entry) => (
                <button key={entry.label} type="button" role="menuitem" disabled={entry.isOff} onClick={() => (onClose(), entry.run())}>
                    {entry.label}
                </button>
            ))}
        </div>
    );
}
