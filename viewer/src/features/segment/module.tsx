/** Segmenting: the layer that is painted on, and the panel with its tools. */

import "./segment.css";
import { effect, untracked } from "@preact/signals";
import { t } from "../../ui/text";
import { onImage, spotIn } from "../reading/affine";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Action, Module } from "../reading/module";
import type { Pane } from "../reading/pane";

const work = later(() => import("./work"));
const isTool = (tool: string): boolean => tool.startsWith("segment.");

function Layer(props: { reading: Reading; pane: Pane }) {
    const here = work.here.value;
    return here && props.reading.segments.all.value.length + (isTool(props.reading.tool.value) ? 1 : 0) > 0 ? <here.SegmentLayer {...props} /> : null;
}

function Panel({ reading }: { reading: Reading }) {
    void work.fetch();
    const here = work.here.value;
    return here ? <here.SegmentPanel reading={reading} /> : null;
}

/* While a tool of ours is chosen, these keys are about segments; else other modules have them. */
const acts: readonly Action[] = [
    { id: "segment.undo", label: () => t("Undo, of segments"), keys: ["Ctrl+z"], isOff: (r) => !isTool(r.tool.value) || !r.segments.canUndo.value, run: (r) => r.segments.undo() },
    { id: "segment.redo", label: () => t("Redo, of segments"), keys: ["Ctrl+y"], isOff: (r) => !isTool(r.tool.value) || !r.segments.canRedo.value, run: (r) => r.segments.redo() },
];

function start(r: Reading): () => void {
    const pressed = (e: KeyboardEvent) => {
        const taken = e.key === "Escape" ? "input, select, textarea" : "input, select, textarea, button";
        if ((e.target as HTMLElement).matches?.(taken) || r.dialog.value !== "") return;
        const hand = work.here.value?.handOf(r);
        if ((e.key === "Enter" && hand?.close()) || (e.key === "Backspace" && hand?.unplace())) {
            e.preventDefault();
            return e.stopImmediatePropagation();
        }
        if (e.key !== "Escape") return;
        if (!work.here.value?.handOf(r).cancel() && !isTool(r.tool.value)) return;
        r.tool.value = "window";
        e.preventDefault();
        e.stopImmediatePropagation();
    };
    addEventListener("keydown", pressed, true);
    const stop = effect(() => {
        const tool = r.tool.value;
        untracked(() => work.here.value?.handOf(r).turn(undefined, tool));
        if (!isTool(tool)) return void (work.here.peek() && (work.here.peek()!.deskOf(r).at.value = undefined));
        r.panel.value = "segment"; /* where the settings of the tools are */
    });
    const fetching = effect(() => void (r.segments.all.value.length > 0 && work.fetch())); /* brought by an object, with no panel open */
    return () => {
        removeEventListener("keydown", pressed, true);
        stop();
        fetching();
    };
}

export const segment: Module = {
    id: "segment",
    actions: acts,
    panels: [{ id: "segment", label: () => t("Segments"), icon: "layers", View: Panel }],
    layers: [{ id: "segment", View: Layer }],
    claims: (r, pane, e) => {
        const el = e.currentTarget as HTMLElement;
        const layer = el.querySelector(".segment-layer");
        const face = pane.face.value;
        if (e.button !== 0 || !layer || !face || !work.here.value?.handOf(r).press(pane, onImage(face.toPane, spotIn(layer, e)))) return false;
        el.setPointerCapture(e.pointerId);
        el.focus();
        return true;
    },
    start,
};
