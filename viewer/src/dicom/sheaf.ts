/** Parallel planes of one size, wherever each of them lies: what an object that is laid over images is made of. */

import { cross, dot, length, unit, type Vec3 } from "./vector";
import { normalOf, type Section } from "./section";

export interface SheafPlane {
    depthMm: number; /* along `deep`, from the origin of the patient */
    leftMm: number; /* of the middle of its first pixel, along `right` and `down` */
    topMm: number;
    frames: readonly number[]; /* from 1: those that lie here */
}

export interface Sheaf {
    rows: number;
    columns: number;
    rowMm: number;
    columnMm: number;
    right: Vec3;
    down: Vec3;
    deep: Vec3;
    planes: readonly SheafPlane[]; /* by depth */
    halfMm: number; /* how far a plane reaches to either side */
}

export interface PlacedFrame {
    frame: number;
    position: readonly number[];
    orientation: readonly number[];
}

export interface Size {
    rows: number;
    columns: number;
    spacing: readonly number[]; /* between rows, between columns */
    thicknessMm: number | undefined;
}

/** Why frames are no sheaf. */
export type NoSheaf = "place" | "spacing" | "orientation" | "beside";

const sameMm = 0.01;
const leastHalfMm = 0.5; /* of one plane that says no thickness */
const sameCosine = 0.9999;

export function sheafOf(frames: readonly PlacedFrame[], { rows, columns, spacing, thicknessMm }: Size): Sheaf | NoSheaf {
    const [rowMm, columnMm] = spacing;
    const [first] = frames;
    if (!first || frames.some((f) => f.position.length !== 3 || f.orientation.length !== 6)) return "place";
    if (!rowMm || !columnMm || rowMm <= 0 || columnMm <= 0) return "spacing";
    const [right, down] = directions(first.orientation);
    const deep = cross(right, down);
    if (Math.abs(dot(right, down)) > 1e-3 || length(deep) < 0.5) return "place";
    for (const f of frames) {
        const [r, d] = directions(f.orientation);
        if (dot(r, right) < sameCosine || dot(d, down) < sameCosine) return "orientation";
    }
    const planes: { depthMm: number; leftMm: number; topMm: number; frames: number[] }[] = [];
    const placed = frames.map((f) => ({ frame: f.frame, at: f.position as unknown as Vec3 }));
    placed.sort((a, b) => dot(a.at, deep) - dot(b.at, deep) || a.frame - b.frame);
    for (const { frame, at } of placed) {
        const plane = { depthMm: dot(at, deep), leftMm: dot(at, right), topMm: dot(at, down), frames: [frame] };
        const last = planes.at(-1);
        if (!last || plane.depthMm - last.depthMm >= sameMm) planes.push(plane);
        else if (Math.abs(last.leftMm - plane.leftMm) < sameMm && Math.abs(last.topMm - plane.topMm) < sameMm) last.frames.push(frame);
        else return "beside";
    }
    return { rows, columns, rowMm, columnMm, right, down, deep: unit(deep), planes, halfMm: halfOf(planes, thicknessMm) };
}

function directions(o: readonly number[]): readonly [Vec3, Vec3] {
    return [unit([o[0]!, o[1]!, o[2]!]), unit([o[3]!, o[4]!, o[5]!])];
}

/* Where no thickness is said, planes reach to the middle between them. */
function halfOf(planes: readonly { depthMm: number }[], thicknessMm: number | undefined): number {
    if (thicknessMm !== undefined && thicknessMm > 0) return thicknessMm / 2;
    const gaps = planes.slice(1).map((p, i) => p.depthMm - planes[i]!.depthMm).filter((g) => g > sameMm);
    return gaps.length > 0 ? medianOf(gaps) / 2 : leastHalfMm;
}

export function medianOf(list: readonly number[]): number {
    const sorted = [...list].sort((a, b) => a - b);
    const half = Math.floor((sorted.length - 1) / 2);
    return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half]! + sorted[half + 1]!) / 2;
}

/** The plane nearest to a depth, if that is within `reachMm` of it; of two as near the one before. -1: none. */
export function planeNear(depths: ArrayLike<number>, depthMm: number, reachMm: number): number {
    let [low, high] = [0, depths.length];
    while (low < high) {
        const mid = (low + high) >> 1;
        if (depths[mid]! < depthMm) low = mid + 1;
        else high = mid;
    }
    const before = low > 0 ? depthMm - depths[low - 1]! : Infinity;
    const after = low < depths.length ? depths[low]! - depthMm : Infinity;
    if (Math.min(before, after) > reachMm + 1e-3) return -1;
    return before <= after ? low - 1 : low;
}

/** How columns, rows and depth of a sheaf run over a pane: each is `at` + x `right` + y `down`, in pixels and mm. */
export interface Runs {
    column: readonly [at: number, right: number, down: number]; /* as if the plane began at 0 */
    row: readonly [number, number, number];
    depthMm: readonly [number, number, number];
    isParallel: boolean;
}

export function runsOf(sheaf: Pick<Sheaf, "right" | "down" | "deep" | "columnMm" | "rowMm">, s: Section): Runs {
    const along = (axis: Vec3, mm: number) => [dot(s.corner, axis) / mm, dot(s.right, axis) / mm, dot(s.down, axis) / mm] as const;
    return {
        column: along(sheaf.right, sheaf.columnMm),
        row: along(sheaf.down, sheaf.rowMm),
        depthMm: along(sheaf.deep, 1),
        isParallel: Math.abs(dot(sheaf.deep, normalOf(s))) > 0.9998, /* a degree */
    };
}

/** How far from its plane something is still said to lie on it: half of its own thickness, or of the picture's. */
export const reachOf = (sheaf: Pick<Sheaf, "halfMm">, s: Section): number => Math.max(sheaf.halfMm, s.halfMm);

/** For each pixel of a pane the plane and the pixel of the sheaf under it, plane * rows * columns + row * columns + column;
 *  -1 where there is none. */
export function indexed(sheaf: Sheaf, s: Section, width: number, height: number): Int32Array {
    const out = new Int32Array(width * height).fill(-1);
    const { column, row, depthMm, isParallel } = runsOf(sheaf, s);
    const depths = Float64Array.from(sheaf.planes, (p) => p.depthMm);
    const lefts = Float64Array.from(sheaf.planes, (p) => p.leftMm / sheaf.columnMm - 0.5);
    const tops = Float64Array.from(sheaf.planes, (p) => p.topMm / sheaf.rowMm - 0.5);
    const reach = reachOf(sheaf, s);
    const { rows, columns } = sheaf;
    const middle = depthMm[0] + (depthMm[1] * width + depthMm[2] * height) / 2;
    let plane = isParallel ? planeNear(depths, middle, reach) : -1;
    if (isParallel && plane < 0) return out;
    for (let y = 0, i = 0; y < height; y++) {
        for (let x = 0; x < width; x++, i++) {
            const [px, py] = [x + 0.5, y + 0.5];
            if (!isParallel) {
                plane = planeNear(depths, depthMm[0] + px * depthMm[1] + py * depthMm[2], reach);
                if (plane < 0) continue;
            }
            const c = Math.floor(column[0] + px * column[1] + py * column[2] - lefts[plane]!);
            const r = Math.floor(row[0] + px * row[1] + py * row[2] - tops[plane]!);
            if (c >= 0 && r >= 0 && c < columns && r < rows) out[i] = (plane * rows + r) * columns + c;
        }
    }
    return out;
}

/** Which of its planes a picture shows; -1 where it lies beside them all, undefined where it cuts across them. */
export function planeUnder(sheaf: Sheaf, s: Section, width: number, height: number): number | undefined {
    const { depthMm, isParallel } = runsOf(sheaf, s);
    if (!isParallel) return undefined;
    return planeNear(sheaf.planes.map((p) => p.depthMm), depthMm[0] + (depthMm[1] * width + depthMm[2] * height) / 2, reachOf(sheaf, s));
}

/** The plane and pixel under a point of the patient, as `indexed` has it. */
export function indexAt(sheaf: Sheaf, p: Vec3, reachMm = sheaf.halfMm): number {
    const plane = planeNear(sheaf.planes.map((x) => x.depthMm), dot(p, sheaf.deep), reachMm);
    if (plane < 0) return -1;
    const { leftMm, topMm } = sheaf.planes[plane]!;
    const [c, r] = [Math.round((dot(p, sheaf.right) - leftMm) / sheaf.columnMm), Math.round((dot(p, sheaf.down) - topMm) / sheaf.rowMm)];
    return c >= 0 && r >= 0 && c < sheaf.columns && r < sheaf.rows ? (plane * sheaf.rows + r) * sheaf.columns + c : -1;
}
