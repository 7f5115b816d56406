/** A dialog over the page: takes the focus, gives it back, closes on Escape. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./icon";
import { t } from "./text";

export interface DialogProps {
    title: string;
    kind: "centre" | "side";
    onClose: () => void;
    children: ComponentChildren;
}

export function Dialog({ title, kind, onClose, children }: DialogProps) {
    const box = useRef<HTMLDivElement>(null);
    useLayoutEffect(() => {
        const before = document.activeElement as HTMLElement | null;
        (box.current?.querySelector<HTMLElement>("[data-first]") ?? box.current)?.focus();
        return () => before?.focus?.();
    }, []);
    return (
        <div class={`dialog-ground ${kind}`} onPointerDown={(e) => e.target === e.currentTarget && onClose()}>
            <div
                ref={box}
                class="dialog"
                role="dialog"
                aria-modal="true"
                aria-label={title}
                tabIndex={-1}
                onKeyDown={(e) => {
                    if (e.key === "Escape") {
                        e.stopPropagation();
                        onClose();
                    } else if (e.key === "Tab") keepInside(e, box.current!);
                }}
            >
                <header>
                    <h2>{title}</h2>
                    <span class="space" />
                    <button type="button" class="button quiet icon-only" aria-label={t("Close")} onClick={onClose}>
                        <Icon name="close" />
                    </button>
                </header>
                {children}
            </div>
        </div>
    );
}

function keepInside(e: KeyboardEvent, box: HTMLElement): void {
    const stops = [...box.querySelectorAll<HTMLElement>("button, input, select, [tabindex='0']")].filter((el) => el.offsetParent !== null);
    const [first, last] = [stops[0], stops.at(-1)];
    if (!first || !last) return;
    const now = document.activeElement;
    if (e.shiftKey ? now === first || now === box : now === last) {
        e.preventDefault();
        (e.shiftKey ? last : first).focus();
    }
}
