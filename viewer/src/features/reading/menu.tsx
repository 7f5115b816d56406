/** The buttons of the toolbar: one action each, or a list of them. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../../ui/icon";
import { keyName, keysOf } from "./hotkeys";
import type { Reading } from "./model";
import type { Action, Menu } from "./module";

export interface ToolButton {
    icon: IconName;
    label: string;
    hint: string;
    on?: boolean;
    run: () => void;
    disabled?: boolean;
}

export function Button({ icon, label, hint, on, run, disabled }: ToolButton) {
    return (
        <button
            type="button"
            class={on ? "tool on" : "tool"}
            aria-label={label}
            title={hint ? `${label} (${hint})` : label}
            {...(on === undefined ? {} : { "aria-pressed": on })}
            disabled={disabled ?? false}
            onClick={run}
        >
            <Icon name={icon} />
        </button>
    );
}

const hintOf = (a: Action): string => keysOf(a).slice(0, 1).map(keyName).join("");

export function ActionButton({ reading, action }: { reading: Reading; action: Action & { icon: IconName } }) {
    const on = action.isOn ? { on: action.isOn(reading) } : {};
    return (
        <Button icon={action.icon} label={action.label()} hint={hintOf(action)} {...on} disabled={action.isOff?.(reading) ?? false} run={() => action.run(reading)} />
    );
}

/* Wherever the toolbar has been scrolled to, and never beyond the window. */
function placeBelow(list: HTMLElement, button: DOMRect): void {
    const isRtl = document.documentElement.dir === "rtl";
    const left = isRtl ? button.right - list.offsetWidth : button.left;
    list.style.left = `${Math.max(4, Math.min(innerWidth - list.offsetWidth - 4, left))}px`;
    list.style.top = `${button.bottom + 2}px`;
    list.style.maxHeight = `${innerHeight - button.bottom - 10}px`;
}

/** Closes on a choice, on Escape, and when the focus or a press goes elsewhere. */
export function MenuButton({ reading, menu }: { reading: Reading; menu: Menu }) {
    const isOpen = useSignal(false);
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const elsewhere = (e: Event) => {
            if (isOpen.value && !box.current?.contains(e.target as Node)) isOpen.value = false;
        };
        addEventListener("pointerdown", elsewhere, true);
        return () => removeEventListener("pointerdown", elsewhere, true);
    }, []);
    useLayoutEffect(() => {
        const list = box.current?.querySelector<HTMLElement>(".menu-list");
        if (list) placeBelow(list, box.current!.getBoundingClientRect());
    });
    const actions = isOpen.value ? (typeof menu.actions === "function" ? menu.actions(reading) : menu.actions) : [];
    const keys = (e: KeyboardEvent) => {
        if (!isOpen.value) return;
        e.stopPropagation();
        if (e.key === "Escape") isOpen.value = false;
        if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
        e.preventDefault();
        const all = [...(box.current?.querySelectorAll<HTMLElement>("[role^=menuitem]:not(:disabled)") ?? [])];
        const at = all.indexOf(document.activeElement as HTMLElement);
        all[(at + (e.key === "ArrowDown" ? 1 : all.length - (at < 0 ? 0 : 1))) % all.length]?.focus();
    };
    return (
        <div ref={box} class="menu" onKeyDown={keys}>
            <button
                type="button"
                class="tool wide"
                aria-label={menu.label()}
                title={menu.label()}
                aria-haspopup="menu"
                aria-expanded={isOpen.value}
                onClick={() => (isOpen.value = !isOpen.value)}
            >
                <Icon name={menu.icon} />
                <Icon name="down" />
            </button>
            {isOpen.value && (
                <div class="menu-list" role="menu" aria-label={menu.label()}>
                    {actions.map((a) => (
                        <button
                            key={a.id}
                            type="button"
                            role={a.isOn ? "menuitemcheckbox" : "menuitem"}
                            class={a.isOn?.(reading) ? "on" : ""}
                            {...(a.isOn ? { "aria-checked": a.isOn(reading) } : {})}
                            disabled={a.isOff?.(reading) ?? false}
                            onClick={() => ((isOpen.value = false), a.run(reading))}
                        >
                            {a.icon ? <Icon name={a.icon} /> : <span class="icon" />}
                            <span>{a.label()}</span>
                            <kbd>{hintOf(a)}</kbd>
                        </button>
                    ))}
                </div>
            )}
        </div>
    );
}
