/** RT Dose: a grid of dose in the patient, and what it says about histograms.   PS3.3 §A.18.3, §C.8.8.3 */

import { items, number, numbers, text, Tag, type Dataset } from "../dicomweb/json";
import { planeNear, runsOf } from "./sheaf";
import type { Section } from "./section";
import { cross, dot, unit, type Vec3 } from "./vector";

export const doseStorage = "1.2.840.10008.5.1.4.1.1.481.2";

export interface DoseGrid {
    columns: number;
    rows: number;
    columnMm: number;
    rowMm: number;
    right: Vec3;
    down: Vec3;
    deep: Vec3;
    leftMm: number; /* of the middle of the first value, along `right` and `down` */
    topMm: number;
    depths: Float64Array; /* of the planes along `deep`, rising */
    halfMm: number; /* how far the only plane of a grid reaches; 0 where there are several: dose is known between them */
    values: Float32Array; /* plane by plane as in `depths`, in `unit` */
    unit: "Gy" | "%"; /* % of a dose that is not said: DICOM's RELATIVE */
    type: string; /* PHYSICAL, EFFECTIVE, ERROR */
    summation: string;
    max: number;
    plan: string; /* SOP Instance UID; may be empty */
    structures: string;
    frameOfReference: string;
}

export type NoDose = "pixels" | "place" | "offsets" | "scaling" | "size" | "short";

export const doseBytesMax = 256 << 20;

/* The values at which planes lie along `deep`. A vector that begins with 0 is relative to Image Position (Patient); one that
   begins with its z coordinate names z coordinates, of transverse planes.   PS3.3 §C.8.8.3.2 */
function depthsOf(ds: Dataset, frames: number, position: Vec3, deep: Vec3): number[] | undefined {
    const first = dot(position, deep);
    if (frames === 1) return [first];
    const offsets = numbers(ds, "3004000C");
    if (offsets.length < frames) return undefined;
    const [start] = offsets as [number];
    if (start === 0) return offsets.slice(0, frames).map((o) => first + o);
    const isTransverse = Math.abs(deep[2]) > 0.9999;
    if (!isTransverse || Math.abs(start - position[2]) > 0.01) return undefined;
    return offsets.slice(0, frames).map((z) => first + (z - position[2]) * deep[2]);
}

function wordsOf(bytes: Uint8Array, bits: number, isSigned: boolean): Uint16Array | Int16Array | Uint32Array | Int32Array {
    const whole = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const [buffer, at, count] = [whole.buffer, whole.byteOffset, Math.floor((whole.byteLength * 8) / bits)];
    if (bits === 16) return isSigned ? new Int16Array(buffer, at, count) : new Uint16Array(buffer, at, count);
    return isSigned ? new Int32Array(buffer, at, count) : new Uint32Array(buffer, at, count);
}

/** The object that the first item of a sequence names. */
export const referenced = (ds: Dataset, sequence: string): string => text(items(ds, sequence)[0], "00081155");

/** How many bytes the grid takes here; undefined for what has no grid: a dose object may hold histograms alone. */
export function doseBytes(ds: Dataset): number | undefined {
    const [rows, columns, frames] = [number(ds, Tag.rows), number(ds, Tag.columns), number(ds, Tag.numberOfFrames) ?? 1];
    return rows && columns && ds[Tag.pixelData] ? rows * columns * frames * 4 : undefined;
}

/** `pixels`: Pixel Data uncompressed, little endian. */
export function readDose(ds: Dataset, pixels: Uint8Array): DoseGrid | NoDose {
    const bytes = doseBytes(ds);
    const bits = number(ds, Tag.bitsAllocated) ?? 0;
    if (bytes === undefined || (bits !== 16 && bits !== 32)) return "pixels";
    if (bytes > doseBytesMax) return "size";
    const [rows, columns, frames] = [number(ds, Tag.rows)!, number(ds, Tag.columns)!, number(ds, Tag.numberOfFrames) ?? 1];
    const [position, orientation, spacing] = [numbers(ds, Tag.imagePosition), numbers(ds, Tag.imageOrientation), numbers(ds, Tag.pixelSpacing)];
    const [rowMm, columnMm] = spacing;
    if (position.length !== 3 || orientation.length !== 6 || !rowMm || !columnMm || rowMm <= 0 || columnMm <= 0) return "place";
    const at = position as unknown as Vec3;
    const right = unit([orientation[0]!, orientation[1]!, orientation[2]!]);
    const down = unit([orientation[3]!, orientation[4]!, orientation[5]!]);
    const deep = unit(cross(right, down));
    if (Math.abs(dot(right, down)) > 1e-3) return "place";
    const said = depthsOf(ds, frames, at, deep);
    if (!said) return "offsets";
    const order = said.map((_, i) => i).sort((a, b) => said[a]! - said[b]!);
    const depths = Float64Array.from(order, (i) => said[i]!);
    if (depths.some((d, i) => i > 0 && d - depths[i - 1]! < 1e-3)) return "offsets";
    const scaling = number(ds, Tag.doseGridScaling);
    if (scaling === undefined || scaling <= 0) return "scaling";
    const words = wordsOf(pixels, bits, number(ds, Tag.pixelRepresentation) === 1);
    const size = rows * columns;
    if (words.length < size * frames) return "short";
    const isRelative = text(ds, "30040002").trim() === "RELATIVE";
    const values = new Float32Array(size * frames);
    let max = 0;
    order.forEach((frame, k) => {
        for (let i = 0; i < size; i++) {
            const v = words[frame * size + i]! * scaling;
            values[k * size + i] = v;
            if (v > max) max = v;
        }
    });
    const thickness = number(ds, Tag.sliceThickness) ?? 0;
    return {
        columns,
        rows,
        columnMm,
        rowMm,
        right,
        down,
        deep,
        leftMm: dot(at, right),
        topMm: dot(at, down),
        depths,
        halfMm: frames === 1 ? Math.max(0.5, thickness / 2) : 0,
        values,
        unit: isRelative ? "%" : "Gy",
        type: text(ds, "30040004").trim(),
        summation: text(ds, "3004000A").trim(),
        max,
        plan: referenced(ds, "300C0002"),
        structures: referenced(ds, "300C0060"),
        frameOfReference: text(ds, Tag.frameOfReference),
    };
}

/* Between which planes a depth lies, and how far along; NaN outside. */
function between(depths: Float64Array, depthMm: number, halfMm: number): number {
    const last = depths.length - 1;
    if (last === 0) return Math.abs(depthMm - depths[0]!) <= halfMm ? 0 : NaN;
    const edge = 1e-6;
    if (!(depthMm >= depths[0]! - edge && depthMm <= depths[last]! + edge)) return NaN;
    let k = planeNear(depths, depthMm, Infinity);
    if (depths[k]! > depthMm || k === last) k = Math.max(0, k - 1);
    return k + Math.min(1, Math.max(0, (depthMm - depths[k]!) / (depths[k + 1]! - depths[k]!)));
}

/* Trilinear; `plane` as `between` has it. NaN outside. */
function valueIn(g: DoseGrid, column: number, row: number, plane: number): number {
    const edge = 1e-6;
    if (!(column >= -edge && row >= -edge && column <= g.columns - 1 + edge && row <= g.rows - 1 + edge && plane >= 0)) return NaN;
    const [c0, r0, k0] = [Math.max(0, Math.min(g.columns - 2, Math.floor(column))), Math.max(0, Math.min(g.rows - 2, Math.floor(row))), Math.max(0, Math.min(g.depths.length - 2, Math.floor(plane)))];
    const [fc, fr, fk] = [Math.max(0, Math.min(1, column - c0)), Math.max(0, Math.min(1, row - r0)), plane - k0];
    const right = g.columns > 1 ? 1 : 0;
    const below = g.rows > 1 ? g.columns : 0;
    const beyond = g.depths.length > 1 ? g.columns * g.rows : 0;
    const v = g.values;
    const at = (k0 * g.rows + r0) * g.columns + c0;
    const flat = (i: number) => {
        const top = v[i]! + (v[i + right]! - v[i]!) * fc;
        const low = v[i + below]! + (v[i + below + right]! - v[i + below]!) * fc;
        return top + (low - top) * fr;
    };
    const near = flat(at);
    return fk === 0 ? near : near + (flat(at + beyond) - near) * fk;
}

/** The dose at a point of the patient, in the grid's unit; undefined outside of the grid. */
export function doseAt(g: DoseGrid, p: Vec3): number | undefined {
    const v = valueIn(g, (dot(p, g.right) - g.leftMm) / g.columnMm, (dot(p, g.down) - g.topMm) / g.rowMm, between(g.depths, dot(p, g.deep), g.halfMm));
    return Number.isNaN(v) ? undefined : v;
}

/** The dose over a pane: a value for each `step` CSS pixels, from half a step within the corner; NaN outside of the grid. */
export function doseOver(g: DoseGrid, s: Section, width: number, height: number, step: number): Float32Array {
    const out = new Float32Array(width * height).fill(NaN);
    const { column, row, depthMm, isParallel } = runsOf(g, s);
    const [left, top] = [g.leftMm / g.columnMm, g.topMm / g.rowMm];
    const middle = depthMm[0] + ((width * depthMm[1] + height * depthMm[2]) * step) / 2;
    let plane = isParallel ? between(g.depths, middle, Math.max(g.halfMm, g.halfMm > 0 ? s.halfMm : 0)) : NaN;
    if (isParallel && Number.isNaN(plane)) return out;
    for (let y = 0, i = 0; y < height; y++)
        for (let x = 0; x < width; x++, i++) {
            const [px, py] = [(x + 0.5) * step, (y + 0.5) * step];
            if (!isParallel) plane = between(g.depths, depthMm[0] + px * depthMm[1] + py * depthMm[2], g.halfMm);
            out[i] = valueIn(g, column[0] + px * column[1] + py * column[2] - left, row[0] + px * row[1] + py * row[2] - top, plane);
        }
    return out;
}
