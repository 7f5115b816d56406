/** Segmenting: the layer that is painted on, and the panel with its tools. */

import "./segment.css";
import { effect } from "@preact/signals";
import { t } from "../../ui/text";
import { onImage, spotIn } from "../reading/affine";
import type { Reading } from "../reading/model";
import type { Action, Module } from "../reading/module";
import { SegmentLayer } from "./layer";
import { deskOf, handOf, isTool } from "./model";
import { SegmentPanel } from "./panel";

/* While a tool of ours is chosen, these keys are about segments; else other modules have them. */
const acts: readonly Action[] = [
    { id: "segment.undo", label: () => t("Undo, of segments"), keys: ["Ctrl+z"], isOff: (r) => !isTool(r.tool.value) || !r.segments.canUndo.value, run: (r) => r.segments.undo() },
    { id: "segment.redo", label: () => t("Redo, of segments"), keys: ["Ctrl+y"], isOff: (r) => !isTool(r.tool.value) || !r.segments.canRedo.value, run: (r) => r.segments.redo() },
];

function start(r: Reading): () => void {
    const pressed = (e: KeyboardEvent) => {
        if (e.key !== "Escape" || (e.target as HTMLElement).matches?.("input, select, textarea") || r.dialog.value !== "") return;
        if (!handOf(r).cancel() && !isTool(r.tool.value)) return;
        r.tool.value = "window";
        e.preventDefault();
        e.stopImmediatePropagation();
    };
    addEventListener("keydown", pressed, true);
    const stop = effect(() => {
        if (!isTool(r.tool.value)) return void (deskOf(r).at.value = undefined);
        r.panel.value = "segment"; /* where the settings of the tools are */
    });
    return () => {
        removeEventListener("keydown", pressed, true);
        stop();
    };
}

export const segment: Module = {
    id: "segment",
    actions: acts,
    panels: [{ id: "segment", label: () => t("Segments"), icon: "layers", View: SegmentPanel }],
    layers: [{ id: "segment", View: SegmentLayer }],
    claims: (r, pane, e) => {
        const el = e.currentTarget as HTMLElement;
        const layer = el.querySelector(".segment-layer");
        const state = pane.state.value;
        if (e.button !== 0 || !layer || !state || !handOf(r).press(pane, onImage(state.toPane, spotIn(layer, e)))) return false;
        el.setPointerCapture(e.pointerId);
        el.focus();
        return true;
    },
    start,
};
