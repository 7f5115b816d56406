/** A plane through a volume as a picture that can be measured: a grid of samples whose steps are those of the voxels along it.
 *  Where it lies straight in the volume the samples are the voxels themselves. */

import type { Grid } from "./stats";
import { add, cross, dot, length, scale, sub, unit, type Vec3 } from "./vector";
import { reach, voxelAt, type Box } from "./volume";

/** A plane: `right`, `down` and `deep` are unit vectors at right angles. */
export interface Cut {
    through: Vec3;
    right: Vec3;
    down: Vec3;
    deep: Vec3;
}

/** The picture's place and size, as a stored frame tells of its own. */
export interface PlaneFrame {
    rows: number;
    columns: number;
    position: Vec3; /* of the middle of the first sample */
    rowDirection: Vec3;
    columnDirection: Vec3;
    rowSpacingMm: number;
    columnSpacingMm: number;
    spacingSource: "calibrated";
    sliceThicknessMm: number;
    frameOfReference: string;
}

/** Large enough to hold all of the volume that the plane meets. */
export function planeFrame(box: Box, { through, right, down, deep }: Cut, thicknessMm: number): PlaneFrame {
    const [across, along] = [reach(box, right), reach(box, down)];
    return {
        rows: along.steps,
        columns: across.steps,
        position: add(add(scale(right, across.firstMm), scale(down, along.firstMm)), scale(deep, dot(through, deep))),
        rowDirection: right,
        columnDirection: down,
        rowSpacingMm: along.stepMm,
        columnSpacingMm: across.stepMm,
        spacingSource: "calibrated",
        sliceThicknessMm: thicknessMm,
        frameOfReference: box.frameOfReference,
    };
}

export type Blend = "none" | "max" | "min" | "mean";

/** The samples of a slab that stand for one of the plane. */
export interface SlabOf {
    blend: Blend;
    stepBy: Vec3;
    steps: number;
}

export const noSlab: SlabOf = { blend: "none", stepBy: [0, 0, 0], steps: 1 };

export interface SliceValues {
    data: ArrayLike<number>;
    padding: Uint8Array | undefined;
}

const slackVoxels = 1e-6;

const stepIn = (box: Box, by: Vec3): Vec3 => sub(voxelAt(box, add(box.origin, by)), voxelAt(box, box.origin));

/* The first sample of a plane, and the steps from one to the next, in voxels. */
const inVoxels = (box: Box, f: PlaneFrame): readonly [first: Vec3, across: Vec3, along: Vec3] => [
    voxelAt(box, f.position),
    stepIn(box, scale(f.rowDirection, f.columnSpacingMm)),
    stepIn(box, scale(f.columnDirection, f.rowSpacingMm)),
];

/** The labels of the voxels that the samples of a plane lie in. `labels` gives those of a slice; none: nothing is painted there. */
export function labelsOnPlane(box: Box, frame: PlaneFrame, labels: (k: number) => Uint8Array | undefined): Uint8Array {
    const [first, across, along] = inVoxels(box, frame);
    const [columns, rows, count] = box.size;
    const slices = Array.from({ length: count }, (_, k) => labels(k));
    const out = new Uint8Array(frame.rows * frame.columns);
    for (let row = 0, n = 0; row < frame.rows; row++)
        for (let column = 0; column < frame.columns; column++, n++) {
            const k = Math.round(first[2] + column * across[2] + row * along[2] - slackVoxels);
            const slice = slices[k];
            if (!slice) continue;
            const i = Math.round(first[0] + column * across[0] + row * along[0] - slackVoxels);
            const j = Math.round(first[1] + column * across[1] + row * along[1] - slackVoxels);
            if (i >= 0 && j >= 0 && i < columns && j < rows) out[n] = slice[j * columns + i]!;
        }
    return out;
}

/** Interpolated between the eight voxels around each point; nothing outside of the volume, and where one of them is padding.
 *  `slice` gives the values of one that is in memory. */
export class PlaneGrid implements Grid {
    readonly rows: number;
    readonly columns: number;
    readonly padding = undefined;
    /** Slices that were wanted and are not in memory. */
    readonly missing = new Set<number>();
    private readonly first: Vec3; /* in voxels */
    private readonly across: Vec3;
    private readonly along: Vec3;
    private readonly deep: Vec3;
    private readonly slices = new Map<number, SliceValues | undefined>();
    private whole: Float64Array | undefined;

    constructor(
        private readonly box: Box,
        frame: PlaneFrame,
        private readonly slab: SlabOf,
        private readonly slice: (k: number) => SliceValues | undefined,
    ) {
        this.rows = frame.rows;
        this.columns = frame.columns;
        [this.first, this.across, this.along] = inVoxels(box, frame);
        this.deep = stepIn(box, slab.stepBy);
    }

    /** All of it, for what looks at neighbours too; NaN where there is nothing. */
    get data(): ArrayLike<number> {
        this.whole ??= Float64Array.from({ length: this.rows * this.columns }, (_, i) => this.at(i) ?? NaN);
        return this.whole;
    }

    /** NaN: there is no value here. Undefined: not in memory. */
    at(i: number): number | undefined {
        const [column, row] = [i % this.columns, Math.floor(i / this.columns)];
        const [x, y, z] = [0, 1, 2].map((a) => this.first[a]! + column * this.across[a]! + row * this.along[a]!) as unknown as Vec3;
        const { blend, steps } = this.slab;
        let [count, found] = [0, NaN];
        for (let s = 0; s < steps; s++) {
            const by = s - (steps - 1) / 2;
            const v = this.sample(x + by * this.deep[0], y + by * this.deep[1], z + by * this.deep[2]);
            if (v === undefined) return undefined;
            if (Number.isNaN(v)) continue;
            if (count === 0) found = v;
            else if (blend === "max") found = Math.max(found, v);
            else if (blend === "min") found = Math.min(found, v);
            else found += v;
            count++;
        }
        return blend === "mean" && count > 0 ? found / count : found;
    }

    private sample(x: number, y: number, z: number): number | undefined {
        const [columns, rows, count] = this.box.size;
        if (!(x >= -0.5 - slackVoxels && y >= -0.5 - slackVoxels && z >= -0.5 - slackVoxels && x <= columns - 0.5 + slackVoxels && y <= rows - 0.5 + slackVoxels && z <= count - 0.5 + slackVoxels)) return NaN;
        const [i, u] = cell(x, columns);
        const [j, v] = cell(y, rows);
        const [k, w] = cell(z, count);
        let sum = 0;
        for (let dk = 0; dk <= (w > 0 ? 1 : 0); dk++) {
            const values = this.get(k + dk);
            if (!values) return undefined;
            for (let dj = 0; dj <= (v > 0 ? 1 : 0); dj++)
                for (let di = 0; di <= (u > 0 ? 1 : 0); di++) {
                    const at = (j + dj) * columns + i + di;
                    if (values.padding && values.padding[at >> 3]! & (1 << (at & 7))) return NaN;
                    sum += values.data[at]! * (di ? u : 1 - u) * (dj ? v : 1 - v) * (dk ? w : 1 - w);
                }
        }
        return sum;
    }

    private get(k: number): SliceValues | undefined {
        if (!this.slices.has(k)) this.slices.set(k, this.slice(k));
        const values = this.slices.get(k);
        if (!values) this.missing.add(k);
        return values;
    }
}

/* The voxel before a place, and how far beyond it that is; next to a voxel's middle it is that one alone. */
function cell(x: number, count: number): readonly [at: number, share: number] {
    const within = Math.max(0, Math.min(count - 1, x));
    const at = Math.min(count - 1, Math.floor(within + slackVoxels));
    const share = within - at;
    return share > slackVoxels ? [at, share] : [at, 0];
}

/** The direction across the plane that holds all points (they lie in one), the nearest to `deep` where several do. */
export function planeThrough(points: readonly Vec3[], deep: Vec3): Vec3 {
    const [first] = points;
    if (!first) return deep;
    const legs = points.map((p) => sub(p, first));
    const long = legs.reduce((a, b) => (length(b) > length(a) ? b : a), [0, 0, 0] as Vec3);
    if (length(long) < leastMm) return deep;
    const line = unit(long);
    const asides = legs.map((l) => sub(l, scale(line, dot(l, line))));
    const aside = asides.reduce((a, b) => (length(b) > length(a) ? b : a), [0, 0, 0] as Vec3);
    const normal = length(aside) > leastMm ? unit(cross(line, aside)) : unit(sub(deep, scale(line, dot(deep, line))));
    if (length(normal) < 0.5) return deep; /* the line goes straight along it */
    return dot(normal, deep) < 0 ? scale(normal, -1) : normal;
}

const leastMm = 0.01;
