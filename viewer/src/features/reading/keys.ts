/** The keyboard on the reading page: one table, which is also the help. */

import { t } from "../../ui/text";
import { commandOf, keyName, keysOf, pressed, type Command } from "./hotkeys";
import type { Reading } from "./model";

export type Binding = Omit<Command, "isOff">;

const big = (r: Reading) => Math.max(1, Math.round(r.active.value.steps.value.count / 10));

export const bindings: readonly Binding[] = [
    { id: "page.next", keys: ["ArrowDown", "ArrowRight"], what: () => t("Next image"), run: (r) => r.active.value.scroll(1) },
    { id: "page.previous", keys: ["ArrowUp", "ArrowLeft"], what: () => t("Previous image"), run: (r) => r.active.value.scroll(-1) },
    { id: "page.ahead", keys: ["PageDown"], what: () => t("Ahead by a tenth of the stack"), run: (r) => r.active.value.scroll(big(r)) },
    { id: "page.back", keys: ["PageUp"], what: () => t("Back by a tenth of the stack"), run: (r) => r.active.value.scroll(-big(r)) },
    { id: "page.first", keys: ["Home"], what: () => t("First image"), run: (r) => r.active.value.scrollTo(0) },
    { id: "page.last", keys: ["End"], what: () => t("Last image"), run: (r) => r.active.value.scrollTo(r.active.value.steps.value.count - 1) },
    { id: "page.nextSeries", keys: ["]"], what: () => t("Next series"), run: (r) => r.step(1) },
    { id: "page.previousSeries", keys: ["["], what: () => t("Previous series"), run: (r) => r.step(-1) },
    { id: "page.nextStudy", keys: [">"], what: () => t("Next study of the list"), run: (r) => r.toStudy(1)?.() },
    { id: "page.previousStudy", keys: ["<"], what: () => t("Previous study of the list"), run: (r) => r.toStudy(-1)?.() },
    { id: "page.cine", keys: [" ", "c"], what: () => t("Play or pause"), run: (r) => r.active.value.toggleCine() },
    { id: "page.window", keys: ["w"], what: () => t("Drag sets the window"), run: (r) => (r.tool.value = "window") },
    { id: "page.scroll", keys: ["s"], what: () => t("Drag scrolls"), run: (r) => (r.tool.value = "scroll") },
    { id: "page.zoom", keys: ["z"], what: () => t("Drag zooms"), run: (r) => (r.tool.value = "zoom") },
    { id: "page.pan", keys: ["p"], what: () => t("Drag pans"), run: (r) => (r.tool.value = "pan") },
    { id: "page.invert", keys: ["i"], what: () => t("Invert"), run: (r) => r.active.value.view?.toggleInvert() },
    { id: "page.fit", keys: ["f"], what: () => t("Fit to the pane"), run: (r) => r.active.value.view?.fit() },
    { id: "page.reset", keys: ["0"], what: () => t("Reset window and view"), run: (r) => r.active.value.view?.reset() },
    { id: "page.rotate", keys: ["r"], what: () => t("Rotate by 90°"), run: (r) => r.active.value.view?.rotate() },
    { id: "page.flip", keys: ["h"], what: () => t("Mirror left to right"), run: (r) => r.active.value.view?.flip() },
    { id: "page.zoomIn", keys: ["+", "="], what: () => t("Zoom in"), run: (r) => r.active.value.view?.zoom(1.2) },
    { id: "page.zoomOut", keys: ["-"], what: () => t("Zoom out"), run: (r) => r.active.value.view?.zoom(1 / 1.2) },
    { id: "page.nextPane", keys: ["Tab"], what: () => t("Next pane"), run: (r) => (r.activeIndex.value = (r.activeIndex.value + 1) % r.layout.value) },
    { id: "page.overlay", keys: ["o"], what: () => t("Overlay text on or off"), run: (r) => (r.overlay.value = !r.overlay.value) },
    { id: "page.tags", keys: ["t"], what: () => t("Tags of this image"), run: (r) => (r.dialog.value = "tags") },
    { id: "page.help", keys: ["?"], what: () => t("This help"), run: (r) => (r.dialog.value = "help") },
];

/** Everything a key can stand for now: the modules' actions, then the page's own. */
export function commands(r: Reading): Command[] {
    const actions = r.actions().map(({ id, keys = [], label, run, isOff }) => ({ id, keys, what: label, run, ...(isOff ? { isOff } : {}) }));
    return [...actions, ...bindings];
}

/** The first key of one of the page's own bindings, for the hint of its button. */
export const hintOf = (id: string): string => {
    const binding = bindings.find((b) => b.id === id);
    return binding ? keyName(keysOf(binding)[0] ?? "") : "";
};

/** Runs what a key stands for; true when it did. */
export function pressKey(r: Reading, e: KeyboardEvent): boolean {
    const target = e.target as HTMLElement;
    if (e.metaKey || e.altKey || target.closest("[role=dialog]") || target.matches("input, select, textarea")) return false;
    if (r.dialog.value !== "") return false;
    if (e.key === "Tab" && (r.layout.value === 1 || e.shiftKey || !target.closest(".pane, body:focus"))) return false;
    if ((e.key === " " || e.key === "Enter") && target.matches("button, a")) return false;
    if (/^[1-9]$/.test(e.key) && !e.ctrlKey) {
        r.active.value.usePreset(e.key);
        return true;
    }
    const command = commandOf(commands(r), pressed(e), (c) => !c.isOff?.(r));
    command?.run(r);
    return command !== undefined;
}
