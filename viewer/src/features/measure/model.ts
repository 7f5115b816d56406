/** Measuring on the open study: what lies on which image, what the reader has calibrated, how marks are made and changed. */

import { signal, type Signal } from "@preact/signals";
import type { Code, FrameKey, ImagePoint, Kind, Measurement } from "../../dicom/measurement";
import { depthMm, inPatient, onImagePlane } from "../../dicom/place";
import { PlaneGrid, planeThrough } from "../../dicom/plane-grid";
import { measured, metricFor, type Ground } from "../../dicom/quantities";
import { distance, perpendicular, type Metric } from "../../dicom/shape";
import { isNoSuv, suvOf, type NoSuv, type Suv } from "../../dicom/suv";
import { newUid } from "../../dicom/uid";
import { cross, dot, type Vec3 } from "../../dicom/vector";
import { valueUnit } from "../../dicom/unit";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { frameDataset, type FrameInfo } from "../../imaging/frame";
import type { Face } from "../../imaging";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import type { Content } from "../reading/series";

/** Something to be typed beside a mark. */
export interface Question {
    pane: Pane;
    kind: "text" | "millimetres";
    at: ImagePoint;
    value: string;
    answer: (value: string | undefined) => void; /* undefined: it was put away */
}

export interface ContextMenu {
    pane: Pane;
    uid: string;
    x: number; /* CSS pixels in the pane */
    y: number;
}

export interface Desk {
    live: Signal<Measurement | undefined>; /* being drawn or dragged: shown instead of that with its uid */
    liveOn: Signal<Pane | undefined>;
    hover: Signal<string>;
    question: Signal<Question | undefined>;
    menu: Signal<ContextMenu | undefined>;
}

const desks = new WeakMap<Reading, Desk>();

export function deskOf(r: Reading): Desk {
    let desk = desks.get(r);
    if (!desk) {
        desk = { live: signal(undefined), liveOn: signal(undefined), hover: signal(""), question: signal(undefined), menu: signal(undefined) };
        desks.set(r, desk);
    }
    return desk;
}

export const standardColor = "#ffd65c";

/** A length that says how long it is: it calibrates its image. */
export const calibration: Code = { value: "calibration", scheme: "99ISOCENTER", meaning: "Calibration" };
export const isCalibration = (m: Measurement): boolean => m.finding?.scheme === calibration.scheme && m.finding.value === calibration.value;

export const keyOf = (f: FrameInfo): FrameKey => ({ study: f.study, series: f.series, instance: f.instance, sopClass: f.sopClass, frame: f.frame });
export const isOn = (m: Measurement, f: FrameInfo): boolean => m.on?.instance === f.instance && m.on.frame === f.frame;

/* How much a step of the frame's own spacing is worth, after the latest calibration of this image. */
function factorOf(marks: readonly Measurement[], frame: FrameInfo): number | undefined {
    const line = marks.findLast((m) => isCalibration(m) && m.on?.instance === frame.instance);
    const mm = line?.quantities.find((q) => q.name === "length" && q.unit === "mm")?.value;
    const [a, b] = line?.points ?? [];
    const drawn = a && b ? distance(a, b, [frame.columnSpacingMm, frame.rowSpacingMm]) : 0;
    return mm !== undefined && drawn > 0 ? mm / drawn : undefined;
}

const uptakes = new WeakMap<Content, Suv | NoSuv>();

/* PET is read in SUV by body weight wherever its object says enough for that. */
function suvIn(content: Content, ds: Dataset): Suv | undefined {
    if (text(ds, Tag.modality) !== "PT") return undefined;
    const found = uptakes.get(content) ?? suvOf(ds, content.datasets, "bw");
    uptakes.set(content, found);
    return isNoSuv(found) ? undefined : found;
}

/** The picture under a mark; with `values` only where the pane has it in memory. */
export function groundOf(marks: readonly Measurement[], content: Content, index: number, pane?: Pane): Ground | undefined {
    const frame = content.frames[index];
    const whole = content.datasets.find((ds) => text(ds, Tag.sopInstance) === frame?.instance);
    if (!frame || !whole) return undefined;
    const values = pane?.stack?.values(index);
    const ds = frameDataset(whole, frame.frame);
    const uptake = suvIn(content, whole);
    return {
        frame,
        ds,
        grid: values && { rows: frame.rows, columns: frame.columns, ...values },
        ...(uptake ? { scale: uptake.factor, unit: uptake.ucum } : { scale: 1, unit: valueUnit(ds, frame.unit) }),
        factor: factorOf(marks, frame),
    };
}

/** That of the picture on screen: an image, or a plane through the volume. */
export function groundOn(r: Reading, pane: Pane): Ground | undefined {
    const [content, face] = [pane.content.value, pane.face.value];
    const index = pane.state.value?.index;
    if (!content || !face) return undefined;
    if (index !== undefined) return groundOf(r.marks.all.value, content, index, pane);
    const of = groundOf([], content, content.frames.findIndex((f) => f.series === face.within?.frames[0]?.series));
    return of && { ...of, ds: { ...of.ds, [Tag.ultrasoundRegions]: undefined }, frame: face.frame, grid: face.grid() };
}

export const metricOn = (r: Reading, pane: Pane, points: readonly ImagePoint[]): Metric => {
    const ground = groundOn(r, pane);
    return ground ? metricFor(ground, points) : [1, 1];
};

function placeOf(f: Face["frame"], points: readonly ImagePoint[]): Pick<Measurement, "spatial" | "frameOfReference"> {
    const spatial = f.frameOfReference && f.spacingSource !== "none" ? inPatient(f, points) : undefined;
    return spatial ? { frameOfReference: f.frameOfReference, spatial } : {};
}

/** The mark as it lies on what a pane shows: drawn there, or given in the patient, in the slice or slab that is seen. On a plane
 *  what was drawn on an image is seen too, but stays as it is. */
export function lyingOn(m: Measurement, face: Pick<Face, "frame" | "on">): Measurement | undefined {
    const { frame: f, on } = face;
    if (m.on && on) return m.on.instance === on.instance && m.on.frame === on.frame ? m : undefined;
    if (!m.spatial || !f.frameOfReference || m.frameOfReference !== f.frameOfReference) return undefined;
    const points = onImagePlane(f, m.spatial);
    if (!points) return undefined;
    const drawn = { ...m, points: m.kind === "circle" ? points.slice(0, 2) : points };
    return on ? { ...drawn, on } : m.on ? { ...drawn, locked: true } : drawn;
}

/** The marks that are seen on what a pane shows. */
export function marksOn(r: Reading, pane: Pane): readonly Measurement[] {
    const face = pane.face.value;
    return face ? r.marks.all.value.flatMap((m) => (m.hidden ? [] : (lyingOn(m, face) ?? []))) : [];
}

export function newMark(kind: Kind, on: FrameKey | undefined): Measurement {
    return {
        uid: newUid(),
        kind,
        label: "",
        ...(on ? { on } : {}),
        points: [],
        quantities: [],
        spacing: "none",
        color: standardColor,
        locked: false,
        hidden: false,
        created: new Date().toISOString(),
    };
}

/* On a plane only what lies in the patient is kept, so a circle says which plane it lies in. */
function placeOnPlane(m: Measurement, f: Face["frame"], points: readonly ImagePoint[]): Pick<Measurement, "spatial" | "frameOfReference"> {
    const [centre, rim] = points;
    if (m.kind !== "circle" || !centre || !rim) return placeOf(f, points);
    const metric: Metric = [f.columnSpacingMm, f.rowSpacingMm];
    return placeOf(f, [centre, rim, perpendicular(centre, rim, centre, distance(centre, rim, metric), metric)[0]]);
}

/** The mark with these points, measured anew. A calibration keeps the length it was given. */
export function withPoints(m: Measurement, points: readonly ImagePoint[], ground: Ground, frame: Face["frame"]): Measurement {
    const said = isCalibration(m) ? { quantities: m.quantities, spacing: "user" as const } : measured({ kind: m.kind, points, closed: m.closed === true }, ground);
    const { spatial: _, frameOfReference: __, ...rest } = m;
    return { ...rest, points, ...(m.on ? placeOf(frame, points) : placeOnPlane(m, frame, points)), ...said };
}

/* The statistics stay: they do not depend on the spacing, and the pixels may not be in memory. */
const isOfValues = (name: string) => /^(mean|sd|min|max|value|count)$/.test(name);

/* What lies on an image whose calibration has become another. */
function remeasured(marks: readonly Measurement[], next: readonly Measurement[], instance: string, content: Content): Measurement[] {
    return next.flatMap((m) => {
        if (m.on?.instance !== instance || !m.points || isCalibration(m) || m.points.length === 0) return [];
        const index = content.frames.findIndex((f) => isOn(m, f));
        const [before, after] = [groundOf(marks, content, index), groundOf(next, content, index)];
        if (!before || !after || before.factor === after.factor) return [];
        const said = measured({ kind: m.kind, points: m.points, closed: m.closed === true }, after);
        return [{ ...m, ...said, quantities: [...said.quantities, ...m.quantities.filter((q) => isOfValues(q.name))] }];
    });
}

const contentWith = (r: Reading, instance: string): Content | undefined =>
    r.panes.map((p) => p.content.value).find((c) => c?.frames.some((f) => f.instance === instance));

/* What was drawn on a plane has points there only while it is in the hand. */
function kept(m: Measurement): Measurement {
    if (m.on) return m;
    const { points: _, ...rest } = m;
    return rest;
}

/** Adds, replaces or removes a mark; if it calibrates, all that lies on its image is measured anew in the same step. */
export function put(r: Reading, drawn: Measurement): void {
    const m = kept(drawn);
    const marks = r.marks.all.value;
    const isNew = !r.marks.get(m.uid);
    const next = isNew ? [...marks, m] : marks.map((x) => (x.uid === m.uid ? m : x));
    const content = isCalibration(m) && m.on ? contentWith(r, m.on.instance) : undefined;
    const changed = content ? remeasured(marks, next, m.on!.instance, content) : [];
    r.marks.change(isNew ? { add: [m], replace: changed } : { replace: [m, ...changed] });
}

export function remove(r: Reading, uids: readonly string[]): void {
    const marks = r.marks.all.value;
    const next = marks.filter((m) => !uids.includes(m.uid));
    const instances = new Set(marks.filter((m) => uids.includes(m.uid) && isCalibration(m)).flatMap((m) => m.on?.instance ?? []));
    const changed = [...instances].flatMap((instance) => {
        const content = contentWith(r, instance);
        return content ? remeasured(marks, next, instance, content) : [];
    });
    r.marks.change({ remove: uids, replace: changed });
}

/** Measures a mark of a plane anew once the slices under it, of which some were not in memory, have come. */
export async function complete(r: Reading, pane: Pane, uid: string): Promise<void> {
    const before = r.marks.get(uid);
    const face = pane.face.value;
    const [grid, ground] = [face?.grid(), groundOn(r, pane)];
    const here = before && face?.within && !before.on ? lyingOn(before, face) : undefined;
    if (!here?.points || !ground || !face?.within || !(grid instanceof PlaneGrid)) return;
    withPoints(here, here.points, { ...ground, grid }, face.frame);
    if (grid.missing.size === 0) return;
    await face.within.fetch(grid.missing);
    if (r.marks.get(uid) === before) r.marks.load([kept(withPoints(here, here.points, { ...ground, grid: face.grid() }, face.frame))]);
}

/** Marks the image on screen as a key image, or no longer. */
export function toggleKeyImage(r: Reading): void {
    const frame = r.active.value.state.value?.info;
    if (!frame) return;
    const there = r.marks.all.value.filter((m) => m.kind === "keyImage" && isOn(m, frame));
    if (there.length > 0) r.marks.remove(...there.map((m) => m.uid));
    else r.marks.add(newMark("keyImage", keyOf(frame)));
}

export const isKeyImage = (r: Reading, pane: Pane): boolean => {
    const frame = pane.state.value?.info;
    return frame !== undefined && r.marks.all.value.some((m) => m.kind === "keyImage" && isOn(m, frame));
};

/* The image whose plane is nearest to the first point of a mark that lies in the patient alone. */
function nearestTo(m: Measurement, frames: readonly FrameInfo[]): number {
    const [p] = m.spatial ?? [];
    const away = frames.map((f) => (p && f.frameOfReference === m.frameOfReference ? Math.abs(depthMm(f, p) ?? Infinity) : Infinity));
    const least = Math.min(...away);
    return Number.isFinite(least) ? away.indexOf(least) : -1;
}

const modes = ["sagittal", "coronal", "axial"] as const; /* by the axis that they lie across */

/* A mark that lies in the patient alone is shown on a plane where one is open that holds it, else on the image that does, else a
 * plane is turned to it. */
async function jumpToPlane(r: Reading, m: Measurement): Promise<void> {
    const points = m.spatial as readonly Vec3[];
    const panes = r.panes.slice(0, r.layout.value);
    const fits = panes.flatMap((pane, index) => {
        const frame = pane.face.value?.within && pane.face.value.frame.frameOfReference === m.frameOfReference ? pane.face.value.frame : undefined;
        if (!frame) return [];
        const deep = cross(frame.rowDirection!, frame.columnDirection!);
        return [{ pane, index, straight: dot(planeThrough(points, deep), deep) }];
    });
    const best = fits.sort((a, b) => b.straight - a.straight)[0];
    const at = panes.findIndex((p) => p.stack && p.content.value?.frames.some((f) => lyingOn(m, { frame: f, on: keyOf(f) })));
    if (best && (best.straight > 0.99999 || at < 0)) {
        r.activeIndex.value = best.index;
        return best.pane.reveal(best.pane.mode.value, points);
    }
    if (at >= 0) {
        r.activeIndex.value = at;
        return panes[at]!.scrollTo(nearestTo(m, panes[at]!.content.value!.frames));
    }
    const [active] = [r.active.value];
    const isOf = (frames: readonly FrameInfo[]) => frames.some((f) => f.frameOfReference === m.frameOfReference);
    if (!isOf(active.content.value?.frames ?? [])) {
        const contents = await Promise.all(r.series.value.map(async (s) => ({ s, frames: (await r.content(s.uid).catch(() => undefined))?.frames ?? [] })));
        const found = contents.find(({ frames }) => isOf(frames));
        if (!found) return;
        await r.show(found.s, active);
    }
    const straight = modes.map((_, axis) => [0, 1, 2].map((a) => (a === axis ? 1 : 0)) as unknown as Vec3).map((axis) => dot(planeThrough(points, axis), axis));
    active.reveal(modes[straight.indexOf(Math.max(...straight))]!, points);
}

/** Shows the image that a mark lies on, where its series already is, else in the active pane. */
export async function jump(r: Reading, m: Measurement): Promise<void> {
    r.marks.selected.value = m.uid;
    if (!m.on) return m.spatial?.length ? jumpToPlane(r, m) : undefined;
    const panes = r.panes.slice(0, r.layout.value);
    const at = panes.findIndex((p) => p.stack !== undefined && p.series.value?.uid === m.on?.series);
    const series = r.series.value.find((s) => s.uid === m.on?.series);
    if (!series) return;
    const { frames } = await r.content(series.uid);
    const index = frames.findIndex((f) => isOn(m, f));
    if (index < 0) return;
    if (at < 0) return r.show(series, r.active.value, index);
    r.activeIndex.value = at;
    panes[at]!.listed.value = false;
    panes[at]!.scrollTo(index);
}
