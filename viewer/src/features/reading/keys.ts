/** The keyboard on the reading page: one table, which is also the help. */

import { t } from "../../ui/text";
import type { Reading } from "./model";

export interface Binding {
    keys: readonly string[];
    shown: string;
    what: () => string;
    run: (r: Reading) => void;
}

const big = (r: Reading) => Math.max(1, Math.round(r.active.value.steps.value.count / 10));

export const bindings: readonly Binding[] = [
    { keys: ["ArrowDown", "ArrowRight"], shown: "↓ →", what: () => t("Next image"), run: (r) => r.active.value.scroll(1) },
    { keys: ["ArrowUp", "ArrowLeft"], shown: "↑ ←", what: () => t("Previous image"), run: (r) => r.active.value.scroll(-1) },
    { keys: ["PageDown"], shown: "PgDn", what: () => t("Ahead by a tenth of the stack"), run: (r) => r.active.value.scroll(big(r)) },
    { keys: ["PageUp"], shown: "PgUp", what: () => t("Back by a tenth of the stack"), run: (r) => r.active.value.scroll(-big(r)) },
    { keys: ["Home"], shown: "Home", what: () => t("First image"), run: (r) => r.active.value.scrollTo(0) },
    { keys: ["End"], shown: "End", what: () => t("Last image"), run: (r) => r.active.value.scrollTo(r.active.value.steps.value.count - 1) },
    { keys: ["]"], shown: "]", what: () => t("Next series"), run: (r) => r.step(1) },
    { keys: ["["], shown: "[", what: () => t("Previous series"), run: (r) => r.step(-1) },
    { keys: [">"], shown: ">", what: () => t("Next study of the list"), run: (r) => r.toStudy(1)?.() },
    { keys: ["<"], shown: "<", what: () => t("Previous study of the list"), run: (r) => r.toStudy(-1)?.() },
    { keys: [" ", "c"], shown: "Space", what: () => t("Play or pause"), run: (r) => r.active.value.toggleCine() },
    { keys: ["w"], shown: "W", what: () => t("Drag sets the window"), run: (r) => (r.tool.value = "window") },
    { keys: ["s"], shown: "S", what: () => t("Drag scrolls"), run: (r) => (r.tool.value = "scroll") },
    { keys: ["z"], shown: "Z", what: () => t("Drag zooms"), run: (r) => (r.tool.value = "zoom") },
    { keys: ["p"], shown: "P", what: () => t("Drag pans"), run: (r) => (r.tool.value = "pan") },
    { keys: ["i"], shown: "I", what: () => t("Invert"), run: (r) => r.active.value.view?.toggleInvert() },
    { keys: ["f"], shown: "F", what: () => t("Fit to the pane"), run: (r) => r.active.value.view?.fit() },
    { keys: ["0"], shown: "0", what: () => t("Reset window and view"), run: (r) => r.active.value.view?.reset() },
    { keys: ["r"], shown: "R", what: () => t("Rotate by 90°"), run: (r) => r.active.value.view?.rotate() },
    { keys: ["h"], shown: "H", what: () => t("Mirror left to right"), run: (r) => r.active.value.view?.flip() },
    { keys: ["+", "="], shown: "+", what: () => t("Zoom in"), run: (r) => r.active.value.view?.zoom(1.2) },
    { keys: ["-"], shown: "−", what: () => t("Zoom out"), run: (r) => r.active.value.view?.zoom(1 / 1.2) },
    { keys: ["Tab"], shown: "Tab", what: () => t("Next pane"), run: (r) => (r.activeIndex.value = (r.activeIndex.value + 1) % r.layout.value) },
    { keys: ["o"], shown: "O", what: () => t("Overlay text on or off"), run: (r) => (r.overlay.value = !r.overlay.value) },
    { keys: ["t"], shown: "T", what: () => t("Tags of this image"), run: (r) => (r.dialog.value = "tags") },
    { keys: ["?"], shown: "?", what: () => t("This help"), run: (r) => (r.dialog.value = "help") },
];

const byKey = new Map(bindings.flatMap((b) => b.keys.map((k) => [k, b] as const)));

/** Runs what a key stands for; true when it did. */
export function pressKey(r: Reading, e: KeyboardEvent): boolean {
    const target = e.target as HTMLElement;
    if (e.metaKey || e.altKey || target.closest("[role=dialog]") || target.matches("input, select, textarea")) return false;
    if (r.dialog.value !== "") return false;
    const key = e.key.length === 1 ? e.key.toLowerCase() : e.key;
    const named = e.ctrlKey ? `Ctrl+${key}` : key;
    const action = r.actions().find((a) => a.keys?.includes(named) && !a.isOff?.(r));
    if (action) {
        action.run(r);
        return true;
    }
    if (e.ctrlKey) return false;
    if (e.key === "Tab" && (r.layout.value === 1 || e.shiftKey || !target.closest(".pane, body:focus"))) return false;
    if ((e.key === " " || e.key === "Enter") && target.matches("button, a")) return false;
    if (/^[1-9]$/.test(e.key)) {
        r.active.value.usePreset(e.key);
        return true;
    }
    const binding = byKey.get(key);
    binding?.run(r);
    return binding !== undefined;
}
