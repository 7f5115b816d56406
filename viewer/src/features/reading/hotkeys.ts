/** Which key stands for what: the keys that come with a command, or those the user has given it. */

import { signal } from "@preact/signals";
import { keep, kept } from "../../ui/storage";
import { t } from "../../ui/text";
import type { Reading } from "./model";

export interface Command {
    id: string; /* `page.what` or `module.what`: the user's keys are kept by it */
    keys: readonly string[]; /* as `pressed` names them */
    what: () => string;
    run: (r: Reading) => void;
    isOff?: (r: Reading) => boolean;
}

type Changes = Readonly<Record<string, readonly string[]>>;

export function readChanges(value: unknown): Changes {
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(Object.entries(value).filter(([, keys]) => Array.isArray(keys) && keys.every((k) => typeof k === "string")));
}

const changes = signal<Changes>(kept("hotkeys", readChanges));

export const isChanged = (): boolean => Object.keys(changes.value).length > 0;

function write(to: Changes): void {
    changes.value = to;
    keep("hotkeys", to);
}

/** The name of the key that was pressed: letters in lower case, `Ctrl+` in front where Ctrl is held. */
export function pressed(e: Pick<KeyboardEvent, "key" | "ctrlKey">): string {
    const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    return e.ctrlKey ? `Ctrl+${key}` : key;
}

export const keysOf = (c: Pick<Command, "id"> & { keys?: readonly string[] }): readonly string[] => changes.value[c.id] ?? c.keys ?? [];

/** Whose key it is. One the user has given goes before one that a command came with. */
export function commandOf(all: readonly Command[], key: string, isOn: (c: Command) => boolean = () => true): Command | undefined {
    const its = all.filter((c) => keysOf(c).includes(key) && isOn(c));
    return its.find((c) => c.id in changes.value) ?? its[0];
}

const modifiers = new Set(["Shift", "Control", "Alt", "AltGraph", "Meta", "CapsLock", "Dead", "Unidentified", "Process"]);

/** Gives a command one key, in place of those it had. What is said is why not; empty when it was done. */
export function bindKey(all: readonly Command[], id: string, key: string): string {
    const name = keyName(key);
    if (modifiers.has(key.replace("Ctrl+", ""))) return t("Press a key that writes or moves something, alone or with Ctrl.");
    if (/^[1-9]$/.test(key)) return t("{key} is taken: the number keys are for the window presets.", { key: name });
    if (key === "Escape" || key === "Tab" || key === "Enter") return t("{key} is taken: one finds one's way about the page with it.", { key: name });
    const owner = commandOf(all.filter((c) => c.id !== id), key);
    if (owner) return t("{key} is taken: {what}. Give that another key first.", { key: name, what: owner.what() });
    write({ ...changes.value, [id]: [key] });
    return "";
}

/** All commands get the keys back that they came with. */
export function resetKeys(): void {
    write({});
}

const names: Readonly<Record<string, string>> = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", PageDown: "PgDn", PageUp: "PgUp", "-": "−" };

/** A key as it is written on screen. */
export function keyName(key: string): string {
    if (key.startsWith("Ctrl+")) return `${t("Ctrl")}+${keyName(key.slice(5))}`;
    if (key === " ") return t("Space");
    return names[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}
