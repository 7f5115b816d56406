/** Whether the frames of a series are the slices of a volume, and which: the box they fill, or why they fill none.
 *  What is not a box of equal steps is refused: a plane cut through it would show what is not there. */

import { add, cross, dot, length, scale, sub, unit, type Vec3 } from "./vector";

/** What is asked of a frame. `FrameInfo` answers it. */
export interface Slice {
    rows: number;
    columns: number;
    samples: number;
    photometric: string;
    bitsAllocated: number;
    position: Vec3 | undefined;
    rowDirection: Vec3 | undefined;
    columnDirection: Vec3 | undefined;
    rowSpacingMm: number;
    columnSpacingMm: number;
    calibrated: boolean;
    frameOfReference: string;
}

export interface Box {
    /** Voxels along the row, the column, and from slice to slice. */
    size: readonly [number, number, number];
    stepMm: readonly [number, number, number];
    /** Unit vectors, at right angles. */
    axes: readonly [Vec3, Vec3, Vec3];
    /** The middle of the first voxel. */
    origin: Vec3;
    frameOfReference: string;
}

export interface Volume<T> extends Box {
    /** The slices from the first along the last axis; of a series over time, those of each point in time. */
    times: readonly (readonly T[])[];
    /** Every how manyeth slice is used: more than 1 where the whole does not fit. */
    thinned: number;
}

export type Why =
    | "few" | "colour" | "place" | "spacing" | "size" | "orientation" | "frame" | "duplicates" | "uneven" | "tilt" | "memory";

export interface NoVolume {
    why: Why;
    /** What the words need: mm, degrees, counts. */
    values: Readonly<Record<string, string | number>>;
}

export interface Limits {
    bytesMax: number;
    bytesPerVoxel: number;
    sideMax: number; /* voxels along one side that the renderer takes */
}

const slicesLeast = 3;
const cosineLeast = 0.99995; /* between directions that count as one: half a degree */
const unevenMost = 0.05; /* of a step, or: */
const unevenMostMm = 0.02; /* positions are rounded */
const tiltMostDegrees = 0.25;

const no = (why: Why, values: NoVolume["values"] = {}): NoVolume => ({ why, values });
const isAlike = (a: number, b: number, share = 1e-3) => Math.abs(a - b) <= share * Math.max(Math.abs(a), Math.abs(b));
const mm = (x: number) => x.toFixed(2).replace(/\.?0+$/, "");

export const isNoVolume = (v: object): v is NoVolume => "why" in v;

/** `timeOf` orders the frames that lie in one place: by when they were taken. */
export function volumeOf<T extends Slice>(frames: readonly T[], limits: Limits, timeOf: (frame: T) => number): Volume<T> | NoVolume {
    const first = frames[0];
    if (!first || frames.length < slicesLeast) return no("few", { count: frames.length });
    const bad = likeness(first, frames);
    if (bad) return bad;
    const axes = axesOf(first)!;
    const stacks = inPlaces(frames, axes[2], timeOf);
    if (isNoVolume(stacks)) return stacks;
    const positions = stacks[0]!.map((f) => f.position!);
    if (positions.length < slicesLeast) return no("few", { count: positions.length });
    const steps = evenness(positions, axes);
    if (isNoVolume(steps)) return steps;
    return fitted(first, stacks, axes, steps.stepMm, limits);
}

/* What all frames must have, and have alike. */
function likeness(first: Slice, frames: readonly Slice[]): NoVolume | undefined {
    for (const f of frames) {
        if (f.samples !== 1 || !/^MONOCHROME[12]$/.test(f.photometric)) return no("colour");
        if (!f.position || !f.rowDirection || !f.columnDirection || !axesOf(f)) return no("place");
        if (!f.calibrated || !(f.rowSpacingMm > 0) || !(f.columnSpacingMm > 0)) return no("spacing");
        if (f.frameOfReference !== first.frameOfReference) return no("frame");
        if (f.rows !== first.rows || f.columns !== first.columns)
            return no("size", { one: `${first.columns} × ${first.rows}`, other: `${f.columns} × ${f.rows}` });
        if (!isAlike(f.rowSpacingMm, first.rowSpacingMm) || !isAlike(f.columnSpacingMm, first.columnSpacingMm))
            return no("size", { one: `${mm(first.columnSpacingMm)} mm`, other: `${mm(f.columnSpacingMm)} mm` });
        if (dot(f.rowDirection, first.rowDirection!) < cosineLeast || dot(f.columnDirection, first.columnDirection!) < cosineLeast) return no("orientation");
    }
    return undefined;
}

/* Right-angled unit vectors, or nothing where the file's directions are none. */
function axesOf(f: Slice): readonly [Vec3, Vec3, Vec3] | undefined {
    const [row, column] = [f.rowDirection!, f.columnDirection!];
    if (!isAlike(length(row), 1, 0.01) || !isAlike(length(column), 1, 0.01) || Math.abs(dot(row, column)) > 0.01) return undefined;
    const across = unit(cross(row, column));
    return [unit(row), cross(across, unit(row)), across];
}

/* The frames along the normal; where each place has as many as any other, one stack for each point in time. */
function inPlaces<T extends Slice>(frames: readonly T[], normal: Vec3, timeOf: (frame: T) => number): readonly (readonly T[])[] | NoVolume {
    const keyed = frames.map((f) => ({ f, mm: dot(f.position!, normal), at: timeOf(f) })).sort((a, b) => a.mm - b.mm || a.at - b.at);
    const places: (typeof keyed)[] = [];
    for (const k of keyed) {
        const last = places.at(-1);
        if (last && k.mm - last[0]!.mm < unevenMostMm / 2) last.push(k);
        else places.push([k]);
    }
    const times = places[0]!.length;
    if (places.some((p) => p.length !== times)) return no("duplicates", { count: places.filter((p) => p.length > 1).length });
    for (const p of places) {
        p.sort((a, b) => a.at - b.at);
        if (times > 1 && p.some((k, i) => i > 0 && k.at === p[i - 1]!.at)) return no("duplicates", { count: places.length });
    }
    return Array.from({ length: times }, (_, t) => places.map((p) => p[t]!.f));
}

function evenness(positions: readonly Vec3[], axes: readonly [Vec3, Vec3, Vec3]): { stepMm: number } | NoVolume {
    const whole = sub(positions.at(-1)!, positions[0]!);
    const deep = dot(whole, axes[2]);
    const stepMm = deep / (positions.length - 1);
    const tilt = (Math.atan2(Math.hypot(dot(whole, axes[0]), dot(whole, axes[1])), deep) * 180) / Math.PI;
    if (tilt > tiltMostDegrees) return no("tilt", { degrees: tilt.toFixed(1) });
    const gaps = positions.slice(1).map((p, i) => dot(sub(p, positions[i]!), axes[2]));
    const [least, most] = [Math.min(...gaps), Math.max(...gaps)];
    const off = positions.some((p, i) => length(sub(sub(p, positions[0]!), scale(whole, i / (positions.length - 1)))) > Math.max(unevenMost * stepMm, unevenMostMm));
    return off ? no("uneven", { least: mm(least), most: mm(most) }) : { stepMm };
}

/* What is too large for the memory takes every second slice, every third …; what is too large even so is refused. */
function fitted<T extends Slice>(
    first: Slice,
    stacks: readonly (readonly T[])[],
    axes: readonly [Vec3, Vec3, Vec3],
    stepMm: number,
    { bytesMax, bytesPerVoxel, sideMax }: Limits,
): Volume<T> | NoVolume {
    const sliceBytes = first.rows * first.columns * bytesPerVoxel;
    const fit = Math.min(sideMax, Math.floor(bytesMax / sliceBytes));
    const count = stacks[0]!.length;
    const thinned = Math.max(1, Math.ceil(count / Math.max(1, fit)));
    if (first.rows > sideMax || first.columns > sideMax || thinned > 4)
        return no("memory", { megabytes: Math.round((sliceBytes * count) / 2 ** 20), most: Math.round(bytesMax / 2 ** 20) });
    const times = stacks.map((s) => s.filter((_, i) => i % thinned === 0));
    return {
        size: [first.columns, first.rows, times[0]!.length],
        stepMm: [first.columnSpacingMm, first.rowSpacingMm, stepMm * thinned],
        axes,
        origin: stacks[0]![0]!.position!,
        frameOfReference: first.frameOfReference,
        times,
        thinned,
    };
}

/** Where a point of the patient lies, in voxels: 0,0,0 is the middle of the first. */
export function voxelAt(box: Box, p: Vec3): Vec3 {
    const from = sub(p, box.origin);
    return [dot(from, box.axes[0]) / box.stepMm[0], dot(from, box.axes[1]) / box.stepMm[1], dot(from, box.axes[2]) / box.stepMm[2]];
}

export function pointAt(box: Box, [i, j, k]: Vec3): Vec3 {
    const { axes, stepMm, origin } = box;
    return add(origin, add(scale(axes[0], i * stepMm[0]), add(scale(axes[1], j * stepMm[1]), scale(axes[2], k * stepMm[2]))));
}

export const middleOf = (box: Box): Vec3 => pointAt(box, [(box.size[0] - 1) / 2, (box.size[1] - 1) / 2, (box.size[2] - 1) / 2]);

export interface Reach {
    firstMm: number; /* along the direction, from the origin of the patient */
    stepMm: number;
    steps: number;
}

/** The planes across a direction that meet the box: a step is as far as from voxel to voxel that way. */
export function reach(box: Box, direction: Vec3): Reach {
    const share = box.axes.map((a) => Math.abs(dot(a, direction)));
    const half = share.reduce((sum, s, i) => sum + (s * box.stepMm[i]! * (box.size[i]! - 1)) / 2, 0);
    const stepMm = share.reduce((sum, s, i) => sum + s * s * box.stepMm[i]!, 0);
    const steps = Math.max(1, Math.floor((2 * half) / stepMm + 1e-6) + 1);
    const middle = dot(middleOf(box), direction);
    return { firstMm: middle - ((steps - 1) / 2) * stepMm, stepMm, steps };
}
