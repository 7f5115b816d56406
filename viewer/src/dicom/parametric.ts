/** Parametric maps: values in the patient with a quantity and a unit.   PS3.3 §A.75, §C.7.6.16.2.11 */

import { items, number, numbers, text, Tag, type Dataset } from "../dicomweb/json";
import { frameDataset } from "../imaging/frame";
import { codeOf } from "./dataset";
import { sheafOf, type Sheaf } from "./sheaf";

export const mapStorage = "1.2.840.10008.5.1.4.1.1.30";

export interface ParametricMap {
    sheaf: Sheaf;
    /** Of each frame of the object, one after another; NaN: no value is said for what is stored. */
    values: Float32Array;
    names: readonly string[]; /* by frame: what it is a map of; may be empty */
    units: readonly string[]; /* by frame, as UCUM has them; empty where nothing is said */
    channels: number; /* how many frames lie in one place at most */
    frameOfReference: string;
}

export type NoMap = "pixels" | "place" | "spacing" | "orientation" | "beside" | "size" | "short";

export const mapBytesMax = 256 << 20;

interface Mapping {
    name: string;
    unit: string;
    slope: number;
    intercept: number;
    first: number;
    last: number;
    table: readonly number[];
}

/* Which stored values are mapped: integers say so as US or SS, floats as FD.   PS3.3 §C.7.6.16.2.11 */
function mappingOf(item: Dataset | undefined, isFloat: boolean): Mapping {
    const quantity = items(item, "00409220").map((q) => codeOf(items(q, "0040A168")[0])?.meaning).find((m) => m);
    const unit = codeOf(items(item, "004008EA")[0]);
    const [first, last] = [number(item, "00409214") ?? (isFloat ? undefined : number(item, "00409216")), number(item, "00409213") ?? (isFloat ? undefined : number(item, "00409211"))];
    return {
        name: text(item, "00283003").trim() || quantity || text(item, "00409210").trim(),
        unit: unit?.value === "1" ? "" : (unit?.value ?? ""),
        slope: number(item, "00409225") ?? 1,
        intercept: number(item, "00409224") ?? 0,
        first: first ?? -Infinity,
        last: last ?? Infinity,
        table: isFloat ? [] : numbers(item, "00409212"),
    };
}

export function mapBytes(ds: Dataset): number {
    return (number(ds, Tag.rows) ?? 0) * (number(ds, Tag.columns) ?? 0) * (number(ds, Tag.numberOfFrames) ?? 1) * 4;
}

function storedValues(ds: Dataset, pixels: Uint8Array): ArrayLike<number> | undefined {
    const aligned = pixels.byteOffset % 8 === 0 ? pixels : pixels.slice();
    const [buffer, at, bytes] = [aligned.buffer, aligned.byteOffset, aligned.byteLength];
    if (ds[Tag.floatPixelData]) return new Float32Array(buffer, at, bytes >> 2);
    if (ds[Tag.doublePixelData]) return new Float64Array(buffer, at, bytes >> 3);
    const isSigned = number(ds, Tag.pixelRepresentation) === 1;
    const bits = number(ds, Tag.bitsAllocated);
    if (bits === 8) return isSigned ? new Int8Array(buffer, at, bytes) : aligned;
    if (bits === 16) return isSigned ? new Int16Array(buffer, at, bytes >> 1) : new Uint16Array(buffer, at, bytes >> 1);
    return undefined;
}

/** `pixels`: the frames one after another, uncompressed, little endian. */
export function readMap(ds: Dataset, pixels: Uint8Array): ParametricMap | NoMap {
    const [rows, columns, frames] = [number(ds, Tag.rows) ?? 0, number(ds, Tag.columns) ?? 0, number(ds, Tag.numberOfFrames) ?? 1];
    if (rows <= 0 || columns <= 0 || frames < 1) return "pixels";
    if (mapBytes(ds) > mapBytesMax) return "size";
    const stored = storedValues(ds, pixels);
    if (!stored) return "pixels";
    const size = rows * columns;
    if (stored.length < size * frames) return "short";
    const isFloat = ds[Tag.floatPixelData] !== undefined || ds[Tag.doublePixelData] !== undefined;
    const padding = number(ds, ds[Tag.floatPixelData] ? "00280122" : ds[Tag.doublePixelData] ? "00280123" : Tag.paddingValue);
    const shared = items(ds, Tag.sharedGroups)[0];
    const perFrame = items(ds, Tag.perFrameGroups);
    const placed = Array.from({ length: frames }, (_, i) => {
        const own = frameDataset(ds, i + 1);
        return { frame: i + 1, position: numbers(own, Tag.imagePosition), orientation: numbers(own, Tag.imageOrientation) };
    });
    const first = frameDataset(ds, 1);
    const sheaf = sheafOf(placed, { rows, columns, spacing: numbers(first, Tag.pixelSpacing), thicknessMm: number(first, Tag.sliceThickness) });
    if (typeof sheaf === "string") return sheaf;
    const values = new Float32Array(size * frames);
    const [names, units]: [string[], string[]] = [[], []];
    for (let f = 0; f < frames; f++) {
        const m = mappingOf(items(perFrame[f], "00409096")[0] ?? items(shared, "00409096")[0] ?? items(ds, "00409096")[0], isFloat);
        names.push(m.name);
        units.push(m.unit);
        for (let i = f * size; i < (f + 1) * size; i++) {
            const v = stored[i]!;
            const isMapped = v >= m.first && v <= m.last && v !== padding;
            values[i] = !isMapped ? NaN : m.table.length > 0 ? (m.table[v - m.first] ?? NaN) : v * m.slope + m.intercept;
        }
    }
    return { sheaf, values, names, units, channels: Math.max(...sheaf.planes.map((p) => p.frames.length)), frameOfReference: text(ds, Tag.frameOfReference) };
}

/** The frame of a plane that belongs to a channel; undefined where the plane has fewer. */
export const frameOn = (map: ParametricMap, plane: number, channel: number): number | undefined => map.sheaf.planes[plane]?.frames[channel];

/** The least and greatest value of a channel; undefined where it has none. */
export function rangeOf(map: ParametricMap, channel: number): { low: number; high: number } | undefined {
    let [low, high] = [Infinity, -Infinity];
    const size = map.sheaf.rows * map.sheaf.columns;
    for (const plane of map.sheaf.planes) {
        const frame = plane.frames[channel];
        if (frame === undefined) continue;
        for (let i = (frame - 1) * size; i < frame * size; i++) {
            const v = map.values[i]!;
            if (v < low) low = v;
            if (v > high) high = v;
        }
    }
    return low <= high ? { low, high } : undefined;
}
