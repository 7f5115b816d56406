/** Sizes, subtraction, colours: what a reader does with the pane that is active. */

import { number, Tag } from "../../dicomweb/json";
import { hasMasks, maskFor } from "../../dicom/subtraction";
import type { MapName } from "../../imaging/colormaps";
import { isColor, subtractedInfo } from "../../imaging/frame";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { cssPxPerMm, lookOf } from "./model";

/** One pixel of the image on one of the screen. */
export function oneToOne(r: Reading): void {
    const pane = r.active.value;
    const state = pane.state.value;
    if (state) pane.stack?.zoomTo(1 / (window.devicePixelRatio || 1), state.scale);
}

/** A millimetre of the patient on a millimetre of the screen. */
export function trueSize(r: Reading): void {
    const look = lookOf(r);
    const pane = r.active.value;
    const state = pane.state.value;
    if (!state) return;
    if (!state.info.calibrated) return say(r, t("True size needs a known pixel spacing, and this image has none"));
    pane.stack?.zoomTo((look.pxPerMm.value ?? cssPxPerMm) * state.info.rowSpacingMm, state.scale);
    if (look.pxPerMm.value === undefined) say(r, t("The screen has not been measured: see the panel Display"));
}

let quiet: ReturnType<typeof setTimeout> | undefined;

export function say(r: Reading, words: string): void {
    const look = lookOf(r);
    look.said.value = words;
    clearTimeout(quiet);
    quiet = setTimeout(() => (look.said.value = ""), 5000);
}

export const canSubtract = (r: Reading): boolean => {
    const pane = r.active.value;
    return pane.mode.value === "stack" && pane.count.value > 1 && (hasMasks(pane.dataset.value) || /^(XA|RF)$/.test(pane.series.value?.modality ?? ""));
};

/** Subtracts the mask that the object names, else the first frame; again: shows the frames as they are. `shift` moves the mask. */
export async function subtract(r: Reading, on: boolean, shift?: readonly [row: number, column: number]): Promise<void> {
    const look = lookOf(r);
    const pane = r.active.value;
    const series = pane.series.value;
    if (!series) return;
    const content = await r.content(series.uid);
    const index = pane.at.value;
    const ds = pane.dataset.value;
    if (pane.series.value !== series || !ds) return;
    const frames = content.frames.map((info) => {
        if (isColor(info)) return info;
        const own = content.frames.filter((f) => f.instance === info.instance);
        const count = number(ds, Tag.numberOfFrames) ?? own.length;
        const mask = hasMasks(ds) ? maskFor(ds, info.frame, count) : { frames: [own[0]!.frame], shift: [0, 0] as const };
        const masks = mask ? mask.frames.flatMap((n) => own.find((f) => f.frame === n) ?? []) : [];
        return mask && masks.length > 0 ? subtractedInfo(info, masks, shift ?? mask.shift) : info;
    });
    const next = new Set(look.subtracted.value);
    if (on) next.add(pane);
    else next.delete(pane);
    look.subtracted.value = next;
    pane.fill(on ? { ...content, frames } : content, index);
}

export function setMap(r: Reading, name: MapName): void {
    const look = lookOf(r);
    const pane = r.active.value;
    look.maps.value = new Map(look.maps.value).set(pane, name);
    pane.stack?.setColorMap(name);
}
