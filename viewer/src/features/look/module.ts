/** Looking at stacks: overlays, shutters, colours, sizes, panes that follow each other, subtraction, mammograms. */

import "./look.css";
import { effect } from "@preact/signals";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Action, Module } from "../reading/module";
import type { Pane } from "../reading/pane";
import { canSubtract, oneToOne, subtract, trueSize } from "./actions";
import { startFilms } from "./cine";
import { LookLayer } from "./layer";
import { hangMammograms } from "./mammography";
import { lookOf } from "./model";
import { LookPanel } from "./panel";
import { linkScrolling, pointAt } from "./together";

const tool = (id: string, label: () => string, icon: NonNullable<Action["icon"]>, key: string): Action => ({
    id,
    label,
    icon,
    keys: [key],
    isOn: (r) => r.tool.value === id,
    run: (r) => (r.tool.value = r.tool.value === id ? "window" : id),
});

const actions: readonly Action[] = [
    tool("look.lens", () => t("Magnifier"), "zoom", "g"),
    tool("look.cursor", () => t("3D cursor"), "cross", "u"),
    { id: "look.linked", label: () => t("Linked scrolling"), icon: "link", keys: ["y"], isOn: (r) => lookOf(r).linked.value, run: (r) => lookOf(r).toggle("linked") },
    { id: "look.lines", label: () => t("Reference lines"), icon: "scroll", keys: ["Ctrl+l"], isOn: (r) => lookOf(r).lines.value, run: (r) => lookOf(r).toggle("lines") },
    { id: "look.planes", label: () => t("Overlays of the image"), icon: "visible", isOn: (r) => lookOf(r).planes.value, run: (r) => lookOf(r).toggle("planes") },
    { id: "look.shutters", label: () => t("Shutters"), icon: "circle", isOn: (r) => lookOf(r).shutters.value, run: (r) => lookOf(r).toggle("shutters") },
    { id: "look.oneToOne", label: () => t("One to one"), icon: "one", keys: ["Ctrl+1"], run: oneToOne },
    { id: "look.trueSize", label: () => t("True size"), icon: "ruler", keys: ["Ctrl+2"], run: trueSize },
    { id: "look.subtract", label: () => t("Subtract the mask"), icon: "contrast", keys: ["d"], isOn: (r) => lookOf(r).subtracted.value.has(r.active.value), isOff: (r) => !canSubtract(r), run: (r) => void subtract(r, !lookOf(r).subtracted.value.has(r.active.value)) },
];

/* A press with one of our tools: the lens and the cursor go with the pointer until it is let go. */
function claims(r: Reading, pane: Pane, e: PointerEvent): boolean {
    const look = lookOf(r);
    if (r.tool.value !== "look.lens" && r.tool.value !== "look.cursor") return false;
    const box = (e.currentTarget as HTMLElement).getBoundingClientRect();
    const isLens = r.tool.value === "look.lens";
    const at = (x: number, y: number) => {
        if (isLens) look.lens.value = { pane, x: x - box.left, y: y - box.top };
        else pointAt(r, pane, x - box.left, y - box.top);
    };
    const move = (m: PointerEvent) => m.pointerId === e.pointerId && at(m.clientX, m.clientY);
    const up = (m: PointerEvent) => {
        if (m.pointerId !== e.pointerId) return;
        look.lens.value = undefined;
        removeEventListener("pointermove", move);
        removeEventListener("pointerup", up);
        removeEventListener("pointercancel", up);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", up);
    at(e.clientX, e.clientY);
    return true;
}

/* What was chosen for a pane goes when another series comes into it. */
function forgetOld(r: Reading): () => void {
    const seen = new Map<Pane, unknown>();
    return effect(() => {
        const look = lookOf(r);
        for (const pane of r.panes) {
            const series = pane.series.value;
            if (seen.get(pane) === series) continue;
            seen.set(pane, series);
            const [maps, masks] = [new Map(look.maps.peek()), new Set(look.subtracted.peek())];
            const had = maps.get(pane);
            maps.delete(pane);
            masks.delete(pane);
            look.maps.value = maps;
            look.subtracted.value = masks;
            if (had && had !== "grey") pane.stack?.setColorMap("grey");
        }
    });
}

export const look: Module = {
    id: "look",
    menus: [{ id: "look", label: () => t("Look"), icon: "visible", actions }],
    panels: [{ id: "look", label: () => t("Display"), icon: "settings", View: LookPanel }],
    layers: [{ id: "look", View: LookLayer }],
    claims,
    start: (r) => {
        const stops = [linkScrolling(r), startFilms(r), hangMammograms(r), forgetOld(r)];
        return () => stops.forEach((stop) => stop());
    },
};
