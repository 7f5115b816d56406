/** What the distance between two pixels is worth: in the patient, at the detector, in a region of ultrasound, or nothing. */

import { items, number, Tag, type Dataset } from "../dicomweb/json";
import type { ImagePoint, SpacingSource } from "./measurement";

/** A step along one axis of the picture. */
export interface Axis {
    step: number; /* what one pixel is worth, in `unit`; ultrasound may count upwards */
    unit: string; /* UCUM */
    zero: number; /* the image point at which this axis counts 0 */
}

export interface Ruler {
    across: Axis; /* along a row, column by column */
    down: Axis;
    source: SpacingSource;
}

/** What the frame tells of its spacing: see `FrameInfo`. */
export interface Spaced {
    rowSpacingMm: number;
    columnSpacingMm: number;
    spacingSource: SpacingSource;
}

const plain = (step: number, unit: string): Axis => ({ step, unit, zero: 0 });

export const pixelUnit = "{pixels}";
const pixels: Ruler = { across: plain(1, pixelUnit), down: plain(1, pixelUnit), source: "none" };

/* Physical Units X/Y Direction, and what to multiply by.   PS3.3 §C.8.5.5.1.15 */
const regionUnits: Readonly<Record<number, readonly [unit: string, factor: number]>> = {
    1: ["%", 1],
    2: ["dB", 1],
    3: ["mm", 10],
    4: ["s", 1],
    5: ["Hz", 1],
    6: ["dB/s", 1],
    7: ["cm/s", 1],
    8: ["cm2", 1],
    9: ["cm2/s", 1],
    12: ["deg", 1],
};

interface Region {
    left: number;
    top: number;
    right: number;
    bottom: number;
    ruler: Ruler;
}

/* The reference pixel counts from the region's upper left pixel, and pixels from their middles. */
function regionFrom(item: Dataset): Region | undefined {
    const at = (tag: string) => number(item, tag);
    const [left, top, right, bottom] = [at("00186018"), at("0018601A"), at("0018601C"), at("0018601E")];
    if (left === undefined || top === undefined || right === undefined || bottom === undefined) return undefined;
    const axis = (first: number, unitTag: string, deltaTag: string, pixelTag: string, valueTag: string): Axis | undefined => {
        const [unit, factor] = regionUnits[at(unitTag) ?? 0] ?? [];
        const delta = at(deltaTag);
        if (unit === undefined || factor === undefined || delta === undefined || delta === 0) return undefined;
        const step = delta * factor;
        return { unit, step, zero: first + (at(pixelTag) ?? 0) + 0.5 - ((at(valueTag) ?? 0) * factor) / step };
    };
    const across = axis(left, "00186024", "0018602C", "00186020", "00186028");
    const down = axis(top, "00186026", "0018602E", "00186022", "0018602A");
    return across && down && { left, top, right: right + 1, bottom: bottom + 1, ruler: { across, down, source: "calibrated" } };
}

const isIn = (r: Region, [x, y]: ImagePoint) => x >= r.left && x <= r.right && y >= r.top && y <= r.bottom;
const area = (r: Region) => (r.right - r.left) * (r.bottom - r.top);

/** The ruler for points that belong together. In ultrasound they must lie in one region, the smallest that holds them all; what
 *  lies across regions is measured in pixels. `factor`: the reader has said what a length is; the frame's own spacing times it
 *  are mm.   PS3.3 §C.8.5.5 */
export function rulerFor(frame: Spaced, ds: Dataset, points: readonly ImagePoint[], factor?: number): Ruler {
    if (factor !== undefined && factor > 0)
        return { across: plain(frame.columnSpacingMm * factor, "mm"), down: plain(frame.rowSpacingMm * factor, "mm"), source: "user" };
    const declared = items(ds, Tag.ultrasoundRegions);
    if (declared.length > 0) {
        const regions = declared.map(regionFrom).filter((r): r is Region => r !== undefined && points.every((p) => isIn(r, p)));
        return regions.sort((a, b) => area(a) - area(b))[0]?.ruler ?? pixels;
    }
    if (frame.spacingSource === "none") return pixels;
    return { across: plain(frame.columnSpacingMm, "mm"), down: plain(frame.rowSpacingMm, "mm"), source: frame.spacingSource };
}

/** Whether a distance means anything: both axes count the same. */
export const isEven = (r: Ruler): boolean => r.across.unit === r.down.unit && (r.across.unit === "mm" || r.across.unit === pixelUnit);

/** How pixels are shaped, for angles and perpendiculars, where their size may be unknown. */
export function proportions(frame: Spaced, ruler: Ruler): readonly [across: number, down: number] {
    if (ruler.source !== "none" && isEven(ruler)) return [Math.abs(ruler.across.step), Math.abs(ruler.down.step)];
    return [frame.columnSpacingMm, frame.rowSpacingMm];
}
