/** What is done to the chosen segment as a whole: margins, smoothing, small parts, copies from image to image. */

import { signal, type Signal } from "@preact/signals";
import { allowing } from "../../dicom/labelmap";
import { cleaned, largest, narrowed, smoothed, widened, type Block } from "../../dicom/margin";
import { depthMm } from "../../dicom/place";
import { sliceStepMm } from "../../dicom/segment-stats";
import { frameName, type FrameName, type Segment, type Segmentation } from "../../dicom/segmentation";
import type { FrameInfo } from "../../imaging";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { deskOf, lockedIn, newSegment, withMaps } from "./model";

/** The image that is shown, each image by itself, or all as a volume. */
export type Scope = "image" | "each" | "through";

export interface Whole {
    scope: Signal<Scope>;
    mm: Signal<number>; /* pixels where there is no spacing */
    small: Signal<number>; /* mm², mm³ through the images, else pixels */
}

const wholes = new WeakMap<Reading, Whole>();

export function wholeOf(r: Reading): Whole {
    let whole = wholes.get(r);
    if (!whole) wholes.set(r, (whole = { scope: signal<Scope>("each"), mm: signal(5), small: signal(50) }));
    return whole;
}

interface Now {
    s: Segmentation;
    segment: Segment;
}

function chosen(r: Reading): Now | undefined {
    const now = r.segments.current;
    deskOf(r).said.value = "";
    if (now?.segment.locked) return void (deskOf(r).said.value = t("The segment is locked."));
    return now && { s: now.segmentation, segment: now.segment };
}

/* The image of the segment's series that is shown in the active pane. */
function shownOf(r: Reading, { s }: Now): { pane: Pane; frame: FrameInfo } | undefined {
    const pane = r.active.value;
    const frame = pane.face.value?.within ? undefined : pane.state.value?.info;
    return frame?.series === s.series && frame.rows === s.rows && frame.columns === s.columns ? { pane, frame } : undefined;
}

const voxelsMost = 16_000_000;

/* The part of the frames around the segment. Undefined: it is not on them. */
interface Cut {
    frames: readonly FrameInfo[];
    left: number;
    top: number;
    block: Block;
    beside: Block; /* the same place, of the segment that it keeps away from */
}

function cut({ s, segment }: Now, frames: readonly FrameInfo[], alongMm: number, reachMm: number, other: number): Cut | undefined {
    const [at] = frames;
    if (!at) return undefined;
    let [left, top, right, bottom, first, last] = [s.columns, s.rows, -1, -1, frames.length, -1];
    frames.forEach((f, k) =>
        s.frames.get(frameName(f))?.forEach((v, i) => {
            if (v !== segment.number) return;
            const [c, r] = [i % s.columns, Math.floor(i / s.columns)];
            [left, right, top, bottom] = [Math.min(left, c), Math.max(right, c), Math.min(top, r), Math.max(bottom, r)];
            [first, last] = [Math.min(first, k), k];
        }),
    );
    if (last < 0) return undefined;
    const reach = (stepMm: number) => Math.ceil(reachMm / stepMm) + 1;
    const [wide, high, deep] = [reach(at.columnSpacingMm), reach(at.rowSpacingMm), frames.length > 1 ? reach(alongMm) : 0];
    [left, right, top, bottom] = [Math.max(0, left - wide), Math.min(s.columns - 1, right + wide), Math.max(0, top - high), Math.min(s.rows - 1, bottom + high)];
    const within = frames.slice(Math.max(0, first - deep), last + deep + 1);
    const [columns, rows] = [right - left + 1, bottom - top + 1];
    if (columns * rows * within.length > voxelsMost) throw new RangeError(t("The segment is too large for that."));
    const blockOf = (number: number): Block => {
        const inside = new Uint8Array(columns * rows * within.length);
        within.forEach((f, k) => {
            const labels = s.frames.get(frameName(f));
            for (let i = 0; labels && i < columns * rows; i++)
                if (labels[(top + Math.floor(i / columns)) * s.columns + left + (i % columns)] === number) inside[k * columns * rows + i] = 1;
        });
        return { columns, rows, frames: within.length, stepMm: [at.columnSpacingMm, at.rowSpacingMm, alongMm], inside };
    };
    const block = blockOf(segment.number);
    return { frames: within, left, top, block, beside: other === segment.number ? block : blockOf(other) };
}

/* What is altered of the frames: the segment is what has come out; or that without what it was, painted as another. */
function altered({ s, segment }: Now, { frames, left, top, block }: Cut, out: Uint8Array, shell: number | undefined): [FrameName, Uint8Array][] {
    const locked = lockedIn(s);
    const each = block.columns * block.rows;
    return frames.flatMap((f, k): [FrameName, Uint8Array][] => {
        const name = frameName(f);
        let labels: Uint8Array | undefined;
        for (let i = 0; i < each; i++) {
            const [now, was] = [out[k * each + i]!, block.inside[k * each + i]!];
            if (now === was || (now === 0 && shell !== undefined)) continue;
            const at = (top + Math.floor(i / block.columns)) * s.columns + left + (i % block.columns);
            if (now === 1 && locked.has(s.frames.get(name)?.[at] ?? 0)) continue;
            labels ??= Uint8Array.from(s.frames.get(name) ?? new Uint8Array(s.rows * s.columns));
            labels[at] = now === 0 ? 0 : (shell ?? segment.number);
        }
        return labels ? [[name, labels]] : [];
    });
}

/* The groups of frames that are treated together, and how far apart those of one lie. RangeError: why there are none. */
async function groups(r: Reading, now: Now): Promise<{ frames: readonly FrameInfo[]; alongMm: number }[]> {
    const { scope } = wholeOf(r);
    if (scope.value === "image") {
        const shown = shownOf(r, now);
        if (!shown || !now.s.frames.get(frameName(shown.frame))?.includes(now.segment.number)) throw new RangeError(t("The segment is not on this image."));
        return [{ frames: [shown.frame], alongMm: 1 }];
    }
    const { frames } = await r.content(now.s.series);
    if (scope.value === "each") return frames.map((f) => ({ frames: [f], alongMm: 1 }));
    const alongMm = sliceStepMm(frames.map((f) => ({ ...f, name: frameName(f) })));
    if (alongMm === undefined || frames.some((f) => f.rows !== now.s.rows || f.columns !== now.s.columns)) throw new RangeError(t("These images are no volume: choose each image by itself."));
    const [first] = frames;
    const depth = (f: FrameInfo) => depthMm(first!, f.position!) ?? 0;
    return [{ frames: [...frames].sort((a, b) => depth(a) - depth(b)), alongMm }];
}

async function change(r: Reading, reachMm: number, make: (block: Block, beside: Block) => Uint8Array, { asShell = false, other = 0 } = {}): Promise<void> {
    const now = chosen(r);
    if (!now) return;
    const { said } = deskOf(r);
    try {
        const parts = await groups(r, now);
        if (r.segments.get(now.s.uid) !== now.s) return; /* altered meanwhile */
        const shell = asShell ? newSegment(now.s) : undefined;
        const maps = parts.flatMap(({ frames, alongMm }) => {
            const part = cut(now, frames, alongMm, reachMm, other || now.segment.number);
            return part ? altered(now, part, make(part.block, part.beside), shell?.number) : [];
        });
        if (maps.length === 0) return void (said.value = t("Nothing has changed by that."));
        const segments = shell
            ? [...now.s.segments, { ...shell, label: t("Margin of {name}", { name: now.segment.label }).slice(0, 64), isAutomatic: true }]
            : now.s.segments.map((x) => (x.number === now.segment.number ? { ...x, isAutomatic: true } : x));
        r.segments.put(withMaps({ ...now.s, segments }, maps));
    } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        said.value = error.message;
    }
}

export function widen(r: Reading, asShell: boolean): Promise<void> {
    const mm = wholeOf(r).mm.value;
    return change(r, mm, (b) => widened(b, mm), { asShell });
}

export function narrow(r: Reading): Promise<void> {
    const mm = wholeOf(r).mm.value;
    return change(r, 0, (b) => narrowed(b, mm));
}

/** Takes off what lies within the margin of another segment. */
export function keepAway(r: Reading, other: number): Promise<void> {
    const mm = wholeOf(r).mm.value;
    const without = (block: Block, beside: Block) => {
        const near = widened(beside, mm);
        return block.inside.map((v, i) => (near[i] === 1 ? 0 : v));
    };
    return change(r, mm, without, { other });
}

export function smooth(r: Reading): Promise<void> {
    const mm = wholeOf(r).mm.value;
    return change(r, 3 * mm, (b) => smoothed(b, mm));
}

export function clean(r: Reading): Promise<void> {
    const { small, scope } = wholeOf(r);
    return change(r, 0, (b) => cleaned(b, small.value / (b.stepMm[0] * b.stepMm[1] * (scope.value === "through" ? b.stepMm[2] : 1))));
}

export const keepLargest = (r: Reading): Promise<void> => change(r, 0, largest);

/** The contour of the image that is shown, on the one before or after it, which is shown then. What was there of it goes. */
export function copyTo(r: Reading, by: -1 | 1): void {
    const now = chosen(r);
    if (!now) return;
    const { said } = deskOf(r);
    const { s, segment } = now;
    const shown = shownOf(r, now);
    const from = shown && s.frames.get(frameName(shown.frame));
    if (!shown || !from?.includes(segment.number)) return void (said.value = t("The segment is not on this image."));
    const to = shown.pane.content.value?.frames[shown.pane.at.value + by];
    if (!to || to.rows !== s.rows || to.columns !== s.columns) return void (said.value = t("There is no such image of the same size."));
    const labels = Uint8Array.from(s.frames.get(frameName(to)) ?? new Uint8Array(from.length), (v) => (v === segment.number ? 0 : v));
    const may = allowing(labels, segment.number, lockedIn(s));
    from.forEach((v, i) => v === segment.number && may(i) && (labels[i] = segment.number));
    r.segments.put(withMaps(s, [[frameName(to), labels]]));
    shown.pane.scrollTo(shown.pane.at.value + by);
}

/** Takes the segment off the image that is shown. */
export function clearHere(r: Reading): void {
    const now = chosen(r);
    const shown = now && shownOf(r, now);
    const from = shown && now.s.frames.get(frameName(shown.frame));
    if (!now) return;
    if (!shown || !from?.includes(now.segment.number)) return void (deskOf(r).said.value = t("The segment is not on this image."));
    r.segments.put(withMaps(now.s, [[frameName(shown.frame), from.map((v) => (v === now.segment.number ? 0 : v))]]));
}

/** Makes another segment part of the chosen one. */
export function takeIn(r: Reading, number: number): void {
    const now = chosen(r);
    if (!now) return;
    const { s, segment } = now;
    const maps = [...s.frames].flatMap(([name, labels]): [FrameName, Uint8Array][] => (labels.includes(number) ? [[name, labels.map((v) => (v === number ? segment.number : v))]] : []));
    r.segments.put(withMaps({ ...s, segments: s.segments.filter((x) => x.number !== number) }, maps));
}
