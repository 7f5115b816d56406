/** Measuring on the open study: what lies on which image, what the reader has calibrated, how marks are made and changed. */

import { signal, type Signal } from "@preact/signals";
import type { Code, FrameKey, ImagePoint, Kind, Measurement } from "../../dicom/measurement";
import { depthMm, inPatient, onImagePlane } from "../../dicom/place";
import { measured, metricFor, type Ground } from "../../dicom/quantities";
import { distance, type Metric } from "../../dicom/shape";
import { isNoSuv, suvOf, type NoSuv, type Suv } from "../../dicom/suv";
import { newUid } from "../../dicom/uid";
import { valueUnit } from "../../dicom/unit";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { frameDataset, type FrameInfo } from "../../imaging/frame";
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

/** That of the image on screen. */
export function groundOn(r: Reading, pane: Pane): Ground | undefined {
    const content = pane.content.value;
    const index = pane.state.value?.index;
    return content && index !== undefined ? groundOf(r.marks.all.value, content, index, pane) : undefined;
}

export const metricOn = (r: Reading, pane: Pane, points: readonly ImagePoint[]): Metric => {
    const ground = groundOn(r, pane);
    return ground ? metricFor(ground, points) : [1, 1];
};

function placeOf(f: FrameInfo, points: readonly ImagePoint[]): Pick<Measurement, "spatial" | "frameOfReference"> {
    const spatial = f.frameOfReference && f.spacingSource !== "none" ? inPatient(f, points) : undefined;
    return spatial ? { frameOfReference: f.frameOfReference, spatial } : {};
}

/** The mark as it lies on an image: drawn there, or given in the patient, in the slice of this image. */
export function lyingOn(m: Measurement, f: FrameInfo): Measurement | undefined {
    if (m.on) return isOn(m, f) ? m : undefined;
    if (!m.spatial || !f.frameOfReference || m.frameOfReference !== f.frameOfReference) return undefined;
    const points = onImagePlane(f, m.spatial);
    return points && { ...m, on: keyOf(f), points };
}

/** The marks that are seen on the image of a pane. */
export function marksOn(r: Reading, pane: Pane): readonly Measurement[] {
    const frame = pane.state.value?.info;
    return frame ? r.marks.all.value.flatMap((m) => (m.hidden ? [] : (lyingOn(m, frame) ?? []))) : [];
}

export function newMark(kind: Kind, frame: FrameInfo): Measurement {
    return {
        uid: newUid(),
        kind,
        label: "",
        on: keyOf(frame),
        points: [],
        quantities: [],
        spacing: "none",
        color: standardColor,
        locked: false,
        hidden: false,
        created: new Date().toISOString(),
    };
}

/** The mark with these points, measured anew. A calibration keeps the length it was given. */
export function withPoints(m: Measurement, points: readonly ImagePoint[], ground: Ground, frame: FrameInfo): Measurement {
    const said = isCalibration(m) ? { quantities: m.quantities, spacing: "user" as const } : measured({ kind: m.kind, points, closed: m.closed === true }, ground);
    const { spatial: _, frameOfReference: __, ...rest } = m;
    return { ...rest, points, ...placeOf(frame, points), ...said };
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

/** Adds, replaces or removes a mark; if it calibrates, all that lies on its image is measured anew in the same step. */
export function put(r: Reading, m: Measurement): void {
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

/** Marks the image on screen as a key image, or no longer. */
export function toggleKeyImage(r: Reading): void {
    const frame = r.active.value.state.value?.info;
    if (!frame) return;
    const there = r.marks.all.value.filter((m) => m.kind === "keyImage" && isOn(m, frame));
    if (there.length > 0) r.marks.remove(...there.map((m) => m.uid));
    else r.marks.add(newMark("keyImage", frame));
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

/** Shows the image that a mark lies on, where its series already is, else in the active pane. */
export async function jump(r: Reading, m: Measurement): Promise<void> {
    r.marks.selected.value = m.uid;
    const panes = r.panes.slice(0, r.layout.value);
    const isShowing = (p: Pane) => p.stack !== undefined && (m.on ? p.series.value?.uid === m.on.series : nearestTo(m, p.content.value?.frames ?? []) >= 0);
    const at = panes.findIndex(isShowing);
    const series = m.on ? r.series.value.find((s) => s.uid === m.on?.series) : panes[at]?.series.value;
    if (!series) return;
    const { frames } = await r.content(series.uid);
    const index = m.on ? frames.findIndex((f) => isOn(m, f)) : nearestTo(m, frames);
    if (index < 0) return;
    if (at < 0) return r.show(series, r.active.value, index);
    r.activeIndex.value = at;
    panes[at]!.listed.value = false;
    panes[at]!.scrollTo(index);
}
