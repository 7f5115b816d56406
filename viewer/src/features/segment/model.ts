/** Segmenting the open study: what is painted, with what, and what can be done with a segment as a whole. */

import { signal, type Signal } from "@preact/signals";
import { eachCovered, halfThicknessMm, voxelAt, type Stroke } from "../../dicom/ball";
import { redraw } from "../../dicom/edge";
import { allowing, between, countOf, fillHoles, flood, floodStack, isEmpty, paint, stroke, type Allowed, type Sheet } from "../../dicom/labelmap";
import type { Picture } from "../../dicom/livewire";
import type { ImagePoint } from "../../dicom/measurement";
import { frameName, type FrameName, type Segment, type Segmentation } from "../../dicom/segmentation";
import { inPatient } from "../../dicom/place";
import { segmentStats, sliceStepMm, type SegmentStats } from "../../dicom/segment-stats";
import { distance, type Metric } from "../../dicom/shape";
import { newUid } from "../../dicom/uid";
import { cross } from "../../dicom/vector";
import type { FrameInfo } from "../../imaging";
import { t } from "../../ui/text";
import { onPane } from "../reading/affine";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { Placing, type PlacedKind } from "./placing";
import { nameOf, terms } from "./terms";

/** What is under the brush: shown instead of what is listed for these frames. */
export interface Live {
    uid: string;
    maps: ReadonlyMap<FrameName, Uint8Array>; /* altered in place while it is painted */
    turn: number; /* grows with each alteration */
}

export interface Desk {
    radiusMm: Signal<number>; /* pixels where there is no spacing */
    low: Signal<number>;
    high: Signal<number>;
    tolerance: Signal<number>; /* how far a region may differ from where it starts */
    isThrough: Signal<boolean>; /* a region grows through all images */
    isBall: Signal<boolean>; /* the brush reaches through the images beside */
    opacity: Signal<number>;
    live: Signal<Live | undefined>;
    outline: Signal<readonly ImagePoint[]>; /* scissors on their way */
    placed: Signal<Placed | undefined>; /* a contour of points, not painted yet */
    at: Signal<{ pane: Pane; point: ImagePoint } | undefined>; /* the brush */
    said: Signal<string>; /* why something was not done */
}

/** What is drawn of a contour of points. */
export interface Placed {
    pane: Pane;
    line: readonly ImagePoint[];
    points: readonly ImagePoint[];
}

const desks = new WeakMap<Reading, Desk>();

export function deskOf(r: Reading): Desk {
    let desk = desks.get(r);
    if (!desk) {
        desk = {
            radiusMm: signal(8), low: signal(-100), high: signal(300), tolerance: signal(50), isThrough: signal(false), isBall: signal(false), opacity: signal(0.4),
            live: signal(undefined), outline: signal([]), placed: signal(undefined), at: signal(undefined), said: signal(""),
        };
        desks.set(r, desk);
    }
    return desk;
}

export const brushes = new Set(["segment.brush", "segment.eraser", "segment.threshold", "segment.sculpt"]);
const drawn = new Set(["segment.outline", "segment.cut", "segment.redraw"]); /* by one line */
const placedKinds: Readonly<Record<string, PlacedKind>> = { "segment.spline": "spline", "segment.livewire": "livewire" };
const erasers = new Set(["segment.eraser", "segment.cut"]); /* they take from all segments but the locked */
export const isTool = (tool: string): boolean => tool.startsWith("segment.");

const palette = ["#ff5a5a", "#4fc36e", "#4f9cff", "#ffc44f", "#c873ff", "#3fd6d0", "#ff8fc8", "#a0d64f"];

/* Pixels as wide as one, as high as they are in the patient. */
const relative = (f: FrameInfo): Metric => [1, f.rowSpacingMm / f.columnSpacingMm];
const metricOf = (f: FrameInfo): Metric => [f.columnSpacingMm, f.rowSpacingMm];

/** The segmentation of the series in a pane. */
export const segmentationOn = (r: Reading, pane: Pane): Segmentation | undefined => r.segments.all.value.findLast((s) => s.series === pane.series.value?.uid);

/** One more segment for it; undefined when all numbers are taken. */
export function newSegment(s: Pick<Segmentation, "segments">): Segment | undefined {
    const number = Array.from({ length: 255 }, (_, i) => i + 1).find((n) => s.segments.every((x) => x.number !== n));
    if (number === undefined) return undefined;
    const [tissue] = terms;
    return {
        number, label: t("Segment {number}", { number }), color: palette[(number - 1) % palette.length]!, category: tissue!.category, type: tissue!.type,
        isAutomatic: false, locked: false, hidden: false, trackingUid: newUid(),
    };
}

/** Adds a segment to the segmentation of the active series, and a segmentation where there is none. */
export function addSegment(r: Reading): void {
    const pane = r.active.value;
    const frame = pane.content.value?.frames[pane.at.value];
    if (!frame) return;
    const own = segmentationOn(r, pane) ?? {
        uid: newUid(), label: t("Segmentation"), study: frame.study, series: frame.series, rows: frame.rows, columns: frame.columns, segments: [], frames: new Map(),
    };
    const segment = newSegment(own);
    if (!segment) return;
    r.segments.put({ ...own, segments: [...own.segments, segment] });
    r.segments.chosen.value = { uid: own.uid, number: segment.number };
}

export function changeSegment(r: Reading, s: Segmentation, number: number, change: Partial<Segment>): void {
    r.segments.put({ ...s, segments: s.segments.map((x) => (x.number === number ? { ...x, ...change } : x)) });
}

/** A type that brings its name, unless the reader has given another. */
export function setType(r: Reading, s: Segmentation, segment: Segment, value: string): void {
    const term = terms.find((x) => x.type.value === value);
    if (!term) return;
    const isOwnName = segment.label !== nameOf(segment.type) && segment.label !== t("Segment {number}", { number: segment.number });
    changeSegment(r, s, segment.number, { category: term.category, type: term.type, ...(isOwnName ? {} : { label: term.name() }) });
}

export function removeSegment(r: Reading, s: Segmentation, number: number): void {
    const segments = s.segments.filter((x) => x.number !== number);
    if (segments.length === 0) return r.segments.remove(s.uid);
    const maps = [...s.frames].map(([name, labels]): [FrameName, Uint8Array] => [name, labels.includes(number) ? labels.map((v) => (v === number ? 0 : v)) : labels]);
    r.segments.put(withMaps({ ...s, segments }, maps));
}

export function withMaps(s: Segmentation, maps: Iterable<readonly [FrameName, Uint8Array]>): Segmentation {
    const frames = new Map(s.frames);
    for (const [name, labels] of maps) {
        if (isEmpty(labels)) frames.delete(name);
        else frames.set(name, labels);
    }
    return { ...s, frames };
}

export const lockedIn = (s: Segmentation): ReadonlySet<number> => new Set(s.segments.filter((x) => x.locked).map((x) => x.number));

/* Painting through images: in the patient, on those that it touches. */
interface Through {
    s: Segmentation;
    segment: Segment;
    frames: readonly FrameInfo[];
    maps: Map<FrameName, Uint8Array>; /* copies of those that were touched */
    values: (k: number) => ArrayLike<number> | undefined;
    disc: Stroke["disc"];
}

interface Work {
    s: Segmentation;
    segment: Segment;
    frame: FrameInfo;
    sheet: Sheet; /* a copy */
    allowed: (to: number, values?: { low: number; high: number }) => Allowed;
}

/* The chosen segment, or one to choose; why not is said. */
function chosen(r: Reading, pane: Pane, frame: FrameInfo): { s: Segmentation; segment: Segment } | undefined {
    const desk = deskOf(r);
    if (r.segments.current?.segmentation.series !== frame.series) {
        const own = segmentationOn(r, pane);
        const free = own?.segments.find((x) => !x.locked);
        if (own && free) r.segments.chosen.value = { uid: own.uid, number: free.number };
        else addSegment(r);
    }
    const now = r.segments.current;
    if (!now || now.segmentation.series !== frame.series) return undefined;
    const { segmentation: s, segment } = now;
    if (segment.locked && !erasers.has(r.tool.value)) return void (desk.said.value = t("The segment is locked."));
    if (s.rows !== frame.rows || s.columns !== frame.columns) return void (desk.said.value = t("This image has another size than the first of its series that was segmented."));
    return { s, segment };
}

function begin(r: Reading, pane: Pane, frame = pane.state.value?.info): Work | undefined {
    deskOf(r).said.value = "";
    const now = frame && chosen(r, pane, frame);
    if (!now) return undefined;
    const { s, segment } = now;
    const labels = Uint8Array.from(s.frames.get(frameName(frame)) ?? new Uint8Array(s.rows * s.columns));
    const grid = pane.stack?.values(pane.state.value!.index);
    const allowed = (to: number, values?: { low: number; high: number }) => allowing(labels, to, lockedIn(s), values && { data: grid?.data ?? [], ...values });
    return { s, segment, frame, sheet: { rows: s.rows, columns: s.columns, labels }, allowed };
}

/* On a plane, or with a brush that is a ball. */
function beginThrough(r: Reading, pane: Pane): Through | undefined {
    const desk = deskOf(r);
    const face = pane.face.value;
    const within = face?.within;
    const frames = within?.frames ?? pane.content.value?.frames ?? [];
    desk.said.value = "";
    const [first] = frames;
    if (!face || !first) return undefined;
    if (!brushes.has(r.tool.value)) return void (desk.said.value = t("On planes only the brushes paint."));
    if (within?.isThinned) return void (desk.said.value = t("The volume is too large to be painted on planes: it has not all slices."));
    if (sliceStepMm(frames.map((f) => ({ ...f, name: frameName(f) }))) === undefined) return void (desk.said.value = t("These images are no volume: the brush stays on one of them."));
    const now = chosen(r, pane, first);
    if (!now) return undefined;
    const normal = cross(face.frame.rowDirection!, face.frame.columnDirection!);
    const disc = within && !desk.isBall.value ? { normal, halfMm: halfThicknessMm(within.box.axes, within.box.stepMm, normal) } : undefined;
    return { ...now, frames, maps: new Map(), values: (k) => (within ? within.slice(k) : pane.stack?.values(k))?.data, disc };
}

const handlePx = 8;
const clickPx = 3;
const redrawPx = 8; /* how far from the edge a line may begin */

/* A contour of points on its way. */
interface Points {
    pane: Pane;
    frame: FrameInfo;
    placing: Placing;
    held: number; /* the point that is moved, or -1 */
    isNew: boolean; /* this press has placed it */
    start: ImagePoint; /* of this press */
    hasMoved: boolean;
}

function pictureOf(pane: Pane, { rows, columns }: FrameInfo): Picture | undefined {
    const values = pane.stack?.values(pane.state.value!.index);
    return values && { rows, columns, data: values.data };
}

/** The painting hand: one for each study. */
export class Hand {
    private points: Points | undefined;
    private pushes = 0; /* what the sculptor paints: the segment, from inside of it, or nothing */
    private work: Work | undefined;
    private through: Through | undefined;
    private pane: Pane | undefined;
    private last: ImagePoint = [0, 0];
    private changed = 0;

    constructor(private readonly r: Reading) {}

    get isBusy(): boolean {
        return this.work !== undefined || this.through !== undefined || this.points !== undefined;
    }

    press(pane: Pane, at: ImagePoint): boolean {
        const tool = this.r.tool.value;
        const face = pane.face.value;
        if (!isTool(tool) || !face) return this.isBusy;
        const kind = placedKinds[tool];
        if (kind) return this.place(pane, at, kind), true;
        if (this.isBusy) return true;
        if (face.within || (deskOf(this.r).isBall.value && brushes.has(tool))) {
            this.through = beginThrough(this.r, pane);
            this.pane = pane;
            this.changed = 0;
            this.last = at;
            if (this.through) this.aim(this.through, at);
            if (this.through) this.dabThrough(at);
            return true;
        }
        const work = begin(this.r, pane);
        if (!work) return true; /* ours, though nothing comes of it */
        this.work = work;
        this.pane = pane;
        this.changed = 0;
        this.last = at;
        if (tool === "segment.fill") this.once(flood(work.sheet, at, work.segment.number, this.alike(work, at)));
        else if (tool === "segment.grow") this.grow(work, at);
        else if (drawn.has(tool)) deskOf(this.r).outline.value = [at];
        else {
            const here = work.sheet.labels[Math.floor(at[1]) * work.s.columns + Math.floor(at[0])];
            this.pushes = here === work.segment.number ? work.segment.number : 0;
            this.dab(at);
        }
        return true;
    }

    /* Whether the press is inside of the segment. */
    private aim({ s, segment, frames }: Through, at: ImagePoint): void {
        const [p] = inPatient(this.pane!.face.value!.frame, [at]) ?? [];
        const voxel = p && voxelAt(frames, p);
        this.pushes = voxel && s.frames.get(frameName(frames[voxel.k]!))?.[voxel.i] === segment.number ? segment.number : 0;
    }

    move(pane: Pane, at: ImagePoint): void {
        if (this.points?.pane === pane) this.follow(this.points, at);
        if (this.through && pane === this.pane) this.dabThrough(at);
        if (this.work && pane === this.pane) {
            if (drawn.has(this.r.tool.value)) deskOf(this.r).outline.value = [...deskOf(this.r).outline.value, at];
            else if (brushes.has(this.r.tool.value)) this.dab(at);
        }
        deskOf(this.r).at.value = isTool(this.r.tool.value) ? { pane, point: at } : undefined;
    }

    release(): void {
        if (this.points) return this.lift(this.points);
        const work = this.work;
        const desk = deskOf(this.r);
        const line = desk.outline.value;
        if (work && line.length > 1) {
            const reach = this.r.tool.value === "segment.redraw" ? redrawPx / this.pxPerPixel() : 0;
            const redrawn = reach > 0 ? redraw(work.sheet, work.segment.number, line, reach, relative(work.frame), work.allowed(work.segment.number)) : undefined;
            const to = this.r.tool.value === "segment.cut" ? 0 : work.segment.number;
            this.changed += redrawn ?? paint(work.sheet, { kind: "freehand", points: line, closed: true }, metricOf(work.frame), to, work.allowed(to));
        }
        this.end();
    }

    private pxPerPixel(): number {
        const [a, b] = this.pane!.face.value!.toPane;
        return Math.hypot(a, b);
    }

    /* A press of such a tool: takes up a point, or places one. */
    private place(pane: Pane, at: ImagePoint, kind: PlacedKind): void {
        const desk = deskOf(this.r);
        if (this.points && (this.points.pane !== pane || this.points.placing.kind !== kind)) this.close();
        desk.said.value = "";
        const face = pane.face.value!;
        const frame = pane.state.value?.info;
        if (face.within) return void (desk.said.value = t("On planes only the brushes paint."));
        if (!frame || !chosen(this.r, pane, frame)) return;
        const now = (this.points ??= { pane, frame, placing: new Placing(kind, pictureOf(pane, frame)), held: -1, isNew: false, start: at, hasMoved: false });
        const held = this.handleAt(now, at);
        Object.assign(now, { held: held < 0 ? now.placing.points.length : held, isNew: held < 0, start: at, hasMoved: false });
        if (held < 0) now.placing.add(at);
        this.showPoints(now);
    }

    private handleAt({ pane, placing }: Points, at: ImagePoint): number {
        const { toPane } = pane.face.value!;
        const away = placing.points.map((p) => distance(onPane(toPane, p), onPane(toPane, at)));
        const least = Math.min(...away);
        return least <= handlePx ? away.indexOf(least) : -1;
    }

    private follow(now: Points, at: ImagePoint): void {
        const { toPane } = now.pane.face.value!;
        if (now.held < 0) return this.showPoints(now, this.handleAt(now, at) < 0 ? at : undefined);
        now.hasMoved ||= distance(onPane(toPane, now.start), onPane(toPane, at)) > clickPx;
        if (now.hasMoved) now.placing.move(now.held, at);
        this.showPoints(now);
    }

    /* A click on the first or the last point closes the contour. */
    private lift(now: Points): void {
        const isEnd = now.held === 0 || now.held === now.placing.points.length - 1;
        const isClick = now.held >= 0 && !now.isNew && !now.hasMoved;
        now.held = -1;
        if (isClick && isEnd && now.placing.points.length > 2) this.close();
    }

    private showPoints({ pane, placing }: Points, next?: ImagePoint): void {
        deskOf(this.r).placed.value = { pane, line: placing.line(next), points: [...placing.points] };
    }

    /** Takes the latest point back. False: there is none. */
    unplace(): boolean {
        const now = this.points;
        if (!now) return false;
        now.placing.drop();
        now.held = -1;
        if (now.placing.points.length === 0) this.points = deskOf(this.r).placed.value = undefined;
        else this.showPoints(now);
        return true;
    }

    /** Paints what the contour of points encloses. False: there is none. */
    close(): boolean {
        const now = this.points;
        if (!now) return false;
        this.points = deskOf(this.r).placed.value = undefined;
        const isStill = this.r.segments.current?.segmentation.series === now.frame.series;
        const work = isStill && now.placing.points.length > 2 ? begin(this.r, now.pane, now.frame) : undefined;
        if (!work) return true;
        const { number } = work.segment;
        this.work = work;
        this.once(paint(work.sheet, { kind: "freehand", points: now.placing.line(), closed: true }, metricOf(work.frame), number, work.allowed(number)));
        return true;
    }

    /** Another picture is in the pane, or another tool in the hand: points become a contour, anything else ends. */
    turn(pane: Pane | undefined, tool?: string): void {
        const now = this.points;
        if (now && (pane ? now.pane === pane : placedKinds[tool ?? ""] !== now.placing.kind)) this.close();
        else if (!now && pane && this.isBusy) this.cancel();
    }

    cancel(): boolean {
        const wasBusy = this.isBusy;
        this.points = deskOf(this.r).placed.value = undefined;
        this.changed = 0;
        this.end();
        return wasBusy;
    }

    private dab(at: ImagePoint): void {
        const { sheet, segment, frame, allowed } = this.work!;
        const desk = deskOf(this.r);
        const tool = this.r.tool.value;
        const to = this.paints(segment.number);
        const limits = tool === "segment.threshold" ? { low: desk.low.value, high: desk.high.value } : undefined;
        const may = allowed(to, limits);
        const own: Allowed = tool === "segment.sculpt" && to === 0 ? (i) => sheet.labels[i] === segment.number : may;
        this.changed += stroke(sheet, this.last, at, desk.radiusMm.value, metricOf(frame), to, own);
        this.last = at;
        this.show(this.work!.s.uid, new Map([[frameName(frame), sheet.labels]]));
    }

    private paints(number: number): number {
        const tool = this.r.tool.value;
        return tool === "segment.eraser" ? 0 : tool === "segment.sculpt" ? this.pushes : number;
    }

    private show(uid: string, maps: ReadonlyMap<FrameName, Uint8Array>): void {
        const { live } = deskOf(this.r);
        live.value = { uid, maps, turn: (live.value?.turn ?? 0) + 1 };
    }

    private dabThrough(at: ImagePoint): void {
        const { s, segment, frames, maps, values, disc } = this.through!;
        const desk = deskOf(this.r);
        const tool = this.r.tool.value;
        const to = this.paints(segment.number);
        const [from, here] = inPatient(this.pane!.face.value!.frame, [this.last, at]) ?? [];
        if (!from || !here) return;
        this.last = at;
        const stroke: Stroke = { from, to: here, radiusMm: desk.radiusMm.value, ...(disc ? { disc } : {}) };
        frames.forEach((frame, k) => {
            const name = frameName(frame);
            let labels = maps.get(name);
            let allowed: Allowed | undefined;
            eachCovered(frame, stroke, (i) => {
                labels ??= Uint8Array.from(s.frames.get(name) ?? new Uint8Array(s.rows * s.columns));
                allowed ??= allowing(labels, to, lockedIn(s), tool === "segment.threshold" ? { data: values(k) ?? [], low: desk.low.value, high: desk.high.value } : undefined);
                if (!allowed(i) || (tool === "segment.sculpt" && to === 0 && labels[i] !== segment.number)) return;
                labels[i] = to;
                this.changed++;
            });
            if (labels) maps.set(name, labels);
        });
        this.show(s.uid, maps);
    }

    /* The same segment, or the same nothing, as at the press. */
    private alike({ sheet, segment, allowed }: Work, [x, y]: ImagePoint): Allowed {
        const here = sheet.labels[Math.floor(y) * sheet.columns + Math.floor(x)];
        const may = allowed(segment.number);
        return (i) => sheet.labels[i] === here && may(i);
    }

    private once(changed: number): void {
        this.changed = changed;
        this.end();
    }

    private grow(work: Work, at: ImagePoint): void {
        const { sheet, segment, s, allowed } = work;
        const desk = deskOf(this.r);
        const pane = this.pane!;
        const i = Math.floor(at[1]) * s.columns + Math.floor(at[0]);
        const value = pane.stack?.values(pane.state.value!.index)?.data[i];
        if (value === undefined) return (desk.said.value = t("Colour has no values to grow by.")), void this.cancel();
        const limits = { low: value - desk.tolerance.value, high: value + desk.tolerance.value };
        if (!desk.isThrough.value) this.changed = flood(sheet, at, segment.number, allowed(segment.number, limits));
        else this.growThrough(work, i, limits);
        if (this.changed > 0 && !segment.isAutomatic) work.s = { ...work.s, segments: work.s.segments.map((x) => (x.number === segment.number ? { ...x, isAutomatic: true } : x)) };
        this.end();
    }

    private growThrough(work: Work, i: number, limits: { low: number; high: number }): void {
        const desk = deskOf(this.r);
        const pane = this.pane!;
        const frames = pane.content.value!.frames;
        const values = frames.map((_, k) => pane.stack?.values(k)?.data);
        if (values.some((v) => !v || v.length !== work.sheet.labels.length)) return void (desk.said.value = t("Not all images are here yet, or they differ in size."));
        const maps = frames.map((f) => work.s.frames.get(frameName(f)));
        const locked = lockedIn(work.s);
        const may = (k: number, at: number) => {
            const now = maps[k]?.[at] ?? 0;
            const v = values[k]![at]!;
            return now !== work.segment.number && !locked.has(now) && v >= limits.low && v <= limits.high;
        };
        const grown = floodStack({ ...work.sheet, frames: frames.length }, { frame: pane.state.value!.index, i }, may, pixelsMost);
        if (grown.isCut) return void (desk.said.value = t("The region is too large: choose a smaller tolerance."));
        const changed = [...grown.found].map(([k, list]): [FrameName, Uint8Array] => {
            const labels = Uint8Array.from(maps[k] ?? new Uint8Array(work.sheet.labels.length));
            for (const at of list) labels[at] = work.segment.number;
            return [frameName(frames[k]!), labels];
        });
        work.s = withMaps(work.s, changed);
        work.sheet.labels = Uint8Array.from(work.s.frames.get(frameName(work.frame)) ?? work.sheet.labels);
        this.changed = changed.length;
    }

    private end(): void {
        const { work, through, changed } = this;
        const desk = deskOf(this.r);
        this.work = this.through = this.pane = undefined;
        desk.live.value = undefined;
        desk.outline.value = [];
        if (through && changed > 0) this.r.segments.put(withMaps(through.s, through.maps));
        if (work && changed > 0) this.r.segments.put(withMaps(work.s, [[frameName(work.frame), work.sheet.labels]]));
    }
}

const pixelsMost = 12_000_000;

const hands = new WeakMap<Reading, Hand>();

export function handOf(r: Reading): Hand {
    let hand = hands.get(r);
    if (!hand) hands.set(r, (hand = new Hand(r)));
    return hand;
}

/** Fills what the chosen segment encloses on each image. */
export function fillAll(r: Reading): void {
    const now = r.segments.current;
    if (!now) return;
    const { segmentation: s, segment } = now;
    const maps = [...s.frames].flatMap(([name, old]): [FrameName, Uint8Array][] => {
        const labels = Uint8Array.from(old);
        const filled = fillHoles({ rows: s.rows, columns: s.columns, labels }, segment.number, allowing(labels, segment.number, lockedIn(s)));
        return filled > 0 ? [[name, labels]] : [];
    });
    if (maps.length > 0) r.segments.put(withMaps(s, maps));
}

/** Fills the images between those on which the chosen segment is painted. */
export async function interpolate(r: Reading): Promise<void> {
    const now = r.segments.current;
    if (!now) return;
    const { segmentation: s, segment } = now;
    const { frames } = await r.content(s.series);
    const painted = frames.map((f, k) => ({ k, labels: s.frames.get(frameName(f)) })).filter((p) => p.labels?.includes(segment.number));
    const sheet = (labels: Uint8Array): Sheet => ({ rows: s.rows, columns: s.columns, labels });
    const maps: [FrameName, Uint8Array][] = [];
    for (let p = 1; p < painted.length; p++) {
        const [a, b] = [painted[p - 1]!, painted[p]!];
        const shapes = b.k - a.k > 1 ? between(sheet(a.labels!), sheet(b.labels!), segment.number, b.k - a.k - 1) : [];
        shapes.forEach((shape, n) => {
            const name = frameName(frames[a.k + 1 + n]!);
            const labels = Uint8Array.from(s.frames.get(name) ?? new Uint8Array(shape.length));
            const may = allowing(labels, segment.number, lockedIn(s));
            shape.forEach((inside, i) => inside && may(i) && (labels[i] = segment.number));
            maps.push([name, labels]);
        });
    }
    const desk = deskOf(r);
    desk.said.value = maps.length === 0 ? t("There is no image between two that are painted.") : "";
    if (maps.length > 0) r.segments.put(withMaps({ ...s, segments: s.segments.map((x) => (x.number === segment.number ? { ...x, isAutomatic: true } : x)) }, maps));
}

/** Shows the image on which most of a segment is. */
export async function jump(r: Reading, s: Segmentation, number: number): Promise<void> {
    r.segments.chosen.value = { uid: s.uid, number };
    const series = r.series.value.find((x) => x.uid === s.series);
    const content = series && (await r.content(series.uid));
    const counts = content?.frames.map((f) => countOf(s.frames.get(frameName(f)) ?? new Uint8Array(0), number)) ?? [];
    const most = Math.max(0, ...counts);
    if (!series || most === 0) return;
    const panes = r.panes.slice(0, r.layout.value);
    const at = panes.findIndex((p) => p.series.value === series && p.stack !== undefined);
    if (at < 0) return r.show(series, r.active.value, counts.indexOf(most));
    r.activeIndex.value = at;
    panes[at]!.scrollTo(counts.indexOf(most));
}

/** Undefined while the series is in no pane: its frames are not known here. */
export function statsOf(r: Reading, s: Segmentation, number: number): SegmentStats | undefined {
    const pane = r.panes.find((p) => p.series.value?.uid === s.series && p.content.value);
    const frames = pane?.content.value?.frames;
    const within = pane?.face.value?.within;
    return pane && frames && segmentStats(number, s.frames, frames.map((f) => ({ ...f, name: frameName(f) })), (k) => pane.stack?.values(k) ?? within?.slice(within.frames.indexOf(frames[k]!)));
}
