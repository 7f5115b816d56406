/** Measuring and marking: tools, the layer they draw on, the list. */

import "./measure.css";
import { effect } from "@preact/signals";
import { t } from "../../ui/text";
import { spotIn } from "../reading/affine";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Action, Module } from "../reading/module";
import type { Pane } from "../reading/pane";
import { kindName } from "./words";

const work = later(() => import("./work"));

function Layer(props: { reading: Reading; pane: Pane }) {
    const here = work.here.value;
    return here ? <here.MeasureLayer {...props} /> : null;
}

function Panel({ reading }: { reading: Reading }) {
    const here = work.here.value;
    return here ? <here.MeasurePanel reading={reading} /> : null;
}

const tool = (id: string, label: () => string, icon: NonNullable<Action["icon"]>, key?: string): Action => ({
    id,
    label,
    icon,
    ...(key ? { keys: [key] } : {}),
    isOn: (r) => r.tool.value === id,
    run: (r) => (r.tool.value = r.tool.value === id ? "window" : id),
});

const tools: readonly Action[] = [
    tool("measure.length", () => kindName("length"), "ruler", "l"),
    tool("measure.bidirectional", () => kindName("bidirectional"), "cross", "b"),
    tool("measure.angle", () => kindName("angle"), "angle", "a"),
    tool("measure.cobb", () => kindName("cobb"), "cobb"),
    tool("measure.ellipse", () => kindName("ellipse"), "ellipse", "e"),
    tool("measure.rectangle", () => kindName("rectangle"), "rectangle"),
    tool("measure.circle", () => kindName("circle"), "circle"),
    tool("measure.freehand", () => kindName("freehand"), "freehand"),
    tool("measure.spline", () => kindName("spline"), "spline"),
    tool("measure.livewire", () => kindName("livewire"), "livewire"),
    tool("measure.arrow", () => kindName("arrow"), "arrow", "n"),
    tool("measure.probe", () => kindName("probe"), "probe", "v"),
    tool("measure.label", () => kindName("label"), "label"),
    tool("measure.calibrate", () => t("Calibrate: draw a line of known length"), "calibrate"),
];

const acts: readonly Action[] = [
    { id: "measure.keyImage", label: () => t("Key image"), icon: "key", keys: ["k"], isOn: (r) => work.here.value?.isKeyImage(r, r.active.value) ?? false, isOff: (r) => r.active.value.state.value === undefined, run: (r) => void work.fetch().then((here) => here?.toggleKeyImage(r)) },
    { id: "measure.undo", label: () => t("Undo"), icon: "undo", keys: ["Ctrl+z"], isOff: (r) => !r.marks.canUndo.value, run: (r) => r.marks.undo() },
    { id: "measure.redo", label: () => t("Redo"), icon: "redo", keys: ["Ctrl+y"], isOff: (r) => !r.marks.canRedo.value, run: (r) => r.marks.redo() },
    { id: "measure.delete", label: () => t("Delete the chosen measurement"), icon: "delete", keys: ["Delete", "Backspace"], isOff: (r) => r.marks.get(r.marks.selected.value)?.locked !== false, run: (r) => work.here.value?.remove(r, [r.marks.selected.value]) },
    { id: "measure.csv", label: () => t("Save as CSV"), icon: "download", isOff: (r) => r.marks.all.value.length === 0, run: (r) => void work.here.value?.saveCsv(r) },
];

/* Before the page gets it: Escape puts away what has begun, then the menu, then the tool. Enter ends an outline. */
function keys(r: Reading): (e: KeyboardEvent) => void {
    return (e) => {
        const here = work.here.value;
        if (!here) return;
        const { handOf, deskOf, isTool } = here;
        const desk = deskOf(r);
        if ((e.target as HTMLElement).matches?.("input, select, textarea") || r.dialog.value !== "") return;
        const isDone = () => {
            if (e.key === "Enter") return handOf(r).finishOpen();
            if (e.key !== "Escape") return false;
            if (handOf(r).cancel()) return true;
            if (desk.menu.value) return (desk.menu.value = undefined), true;
            return isTool(r.tool.value) && ((r.tool.value = "window"), true);
        };
        if (!isDone()) return;
        e.preventDefault();
        e.stopImmediatePropagation();
    };
}

function start(r: Reading): () => void {
    const pressed = keys(r);
    addEventListener("keydown", pressed, true);
    let last = r.tool.value;
    const stop = effect(() => {
        if (r.tool.value !== last) work.here.peek()?.handOf(r).cancel();
        last = r.tool.value;
    });
    const fetching = effect(() => void (r.settled.value && work.fetch()));
    return () => {
        removeEventListener("keydown", pressed, true);
        stop();
        fetching();
    };
}

export const measure: Module = {
    id: "measure",
    menus: [{ id: "measure.tools", label: () => t("Measure"), icon: "ruler", actions: [...tools, ...acts] }],
    panels: [{ id: "measure", label: () => t("Measurements"), icon: "list", View: Panel }],
    layers: [{ id: "measure", View: Layer }],
    claims: (r, pane, e) => {
        if (!work.here.value) return r.tool.value.startsWith("measure."); /* a moment too early: no other tool takes it */
        const el = e.currentTarget as HTMLElement;
        const layer = el.querySelector(".measure-layer");
        if (e.button !== 0 || !layer || !work.here.value.handOf(r).press(pane, spotIn(layer, e), e.pointerType === "touch")) return false;
        el.setPointerCapture(e.pointerId);
        el.focus();
        return true;
    },
    start,
};
