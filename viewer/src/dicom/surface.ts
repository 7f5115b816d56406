/** The surface of a segment: naive surface nets (Gibson, MICCAI 1998), where each cell of eight voxels that the surface goes through
 *  has one corner, in the middle of its crossings. Corners are then smoothed, never far from where they were. */

import type { Vec3 } from "./vector";

export interface Surface {
    points: Float32Array; /* x, y, z in the patient, mm */
    normals: Float32Array; /* outwards, unit vectors */
    triangles: Uint32Array; /* three corners each, counter-clockwise from outside */
}

export interface Solid {
    size: readonly [columns: number, rows: number, slices: number];
    /** The labels of a slice; none: nothing is painted there. */
    labels: (k: number) => Uint8Array | undefined;
    /** From voxels to the patient. */
    place: (voxel: Vec3) => Vec3;
}

const smoothings = 10;
const [inwards, outwards] = [0.5, -0.53]; /* in turn: they smooth without shrinking (Taubin, SIGGRAPH 1995) */
const softenings = 3; /* of the normals */
const reach = 0.75; /* voxels that smoothing may move a corner */

/* The box of voxels with this label; nothing where there is none. */
function extent({ size: [columns, rows, slices], labels }: Solid, label: number): readonly [lo: number[], hi: number[]] | undefined {
    const [lo, hi] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
    for (let k = 0; k < slices; k++) {
        const slice = labels(k);
        if (!slice?.includes(label)) continue;
        for (let j = 0; j < rows; j++) {
            const row = slice.subarray(j * columns, (j + 1) * columns);
            const first = row.indexOf(label);
            if (first < 0) continue;
            [first, j, k].forEach((v, a) => (lo[a] = Math.min(lo[a]!, v)));
            [row.lastIndexOf(label), j, k].forEach((v, a) => (hi[a] = Math.max(hi[a]!, v)));
        }
    }
    return Number.isFinite(lo[0]) ? [lo, hi] : undefined;
}

/** Undefined where nothing has this label. */
export function surfaceOf(solid: Solid, label: number): Surface | undefined {
    const box = extent(solid, label);
    if (!box) return undefined;
    const [lo, hi] = box;
    const [nx, ny, nz] = [0, 1, 2].map((a) => hi[a]! - lo[a]! + 3) as [number, number, number]; /* voxels, one more at each side */
    const inside = new Uint8Array(nx * ny * nz);
    for (let k = 0; k < nz - 2; k++) {
        const slice = solid.labels(k + lo[2]!);
        for (let j = 0; slice && j < ny - 2; j++)
            for (let i = 0; i < nx - 2; i++) if (slice[(j + lo[1]!) * solid.size[0] + i + lo[0]!] === label) inside[((k + 1) * ny + j + 1) * nx + i + 1] = 1;
    }
    const { cells, spots } = corners(inside, nx, ny, nz);
    const { triangles, neighbours } = faces(inside, cells, nx, ny, nz);
    smooth(spots, neighbours);
    const points = new Float32Array(spots.length);
    for (let n = 0; n < spots.length; n += 3) points.set(solid.place([spots[n]! + lo[0]! - 1, spots[n + 1]! + lo[1]! - 1, spots[n + 2]! + lo[2]! - 1]), n);
    if (volumeOf(points, triangles) < 0) for (let n = 0; n < triangles.length; n += 3) [triangles[n + 1], triangles[n + 2]] = [triangles[n + 2]!, triangles[n + 1]!];
    return { points, normals: softened(normalsOf(points, triangles), neighbours), triangles };
}

/* A corner for each cell of eight voxels that are not all alike, in the middle of the edges that are crossed. */
function corners(inside: Uint8Array, nx: number, ny: number, nz: number): { cells: Int32Array; spots: number[] } {
    const cells = new Int32Array(nx * ny * nz).fill(-1);
    const spots: number[] = [];
    const at = (i: number, j: number, k: number) => inside[(k * ny + j) * nx + i]!;
    for (let k = 0; k < nz - 1; k++)
        for (let j = 0; j < ny - 1; j++)
            for (let i = 0; i < nx - 1; i++) {
                const v = [0, 1, 2, 3, 4, 5, 6, 7].map((c) => at(i + (c & 1), j + ((c >> 1) & 1), k + (c >> 2)));
                const sum = v.reduce((a, b) => a + b, 0);
                if (sum === 0 || sum === 8) continue;
                let [count, x, y, z] = [0, 0, 0, 0];
                for (let c = 0; c < 8; c++)
                    for (const axis of [1, 2, 4]) {
                        if (c & axis || v[c] === v[c | axis]) continue;
                        x += (c & 1) + (axis === 1 ? 0.5 : 0);
                        y += ((c >> 1) & 1) + (axis === 2 ? 0.5 : 0);
                        z += (c >> 2) + (axis === 4 ? 0.5 : 0);
                        count++;
                    }
                cells[(k * ny + j) * nx + i] = spots.length / 3;
                spots.push(i + x / count, j + y / count, k + z / count);
            }
    return { cells, spots };
}

/* Two triangles for each pair of neighbouring voxels of which one is inside: between the four cells around their edge. */
function faces(inside: Uint8Array, cells: Int32Array, nx: number, ny: number, nz: number): { triangles: Uint32Array; neighbours: Uint32Array } {
    const steps = [1, nx, nx * ny];
    const triangles: number[] = [];
    const neighbours: number[] = [];
    for (let k = 1; k < nz; k++)
        for (let j = 1; j < ny; j++)
            for (let i = 1; i < nx; i++) {
                const n = (k * ny + j) * nx + i;
                for (let axis = 0; axis < 3; axis++) {
                    const before = n - steps[axis]!;
                    if (inside[n] === inside[before]) continue;
                    const [u, v] = [steps[(axis + 1) % 3]!, steps[(axis + 2) % 3]!];
                    const ring = [before - u - v, before - v, before, before - u].map((c) => cells[c]!) as [number, number, number, number];
                    const [a, b, c, d] = inside[n] ? [ring[0], ring[3], ring[2], ring[1]] : ring;
                    triangles.push(a, b, c, a, c, d);
                    neighbours.push(a, b, b, c, c, d, d, a);
                }
            }
    return { triangles: Uint32Array.from(triangles), neighbours: Uint32Array.from(neighbours) };
}

function smooth(spots: number[], neighbours: Uint32Array): void {
    const first = Float32Array.from(spots);
    const sums = new Float32Array(spots.length);
    const counts = new Uint16Array(spots.length / 3);
    for (let turn = 0; turn < smoothings; turn++) {
        sums.fill(0);
        counts.fill(0);
        for (let n = 0; n < neighbours.length; n += 2) {
            const [p, q] = [neighbours[n]!, neighbours[n + 1]!];
            for (let a = 0; a < 3; a++) {
                sums[3 * p + a]! += spots[3 * q + a]!;
                sums[3 * q + a]! += spots[3 * p + a]!;
            }
            counts[p]!++;
            counts[q]!++;
        }
        for (let n = 0; n < spots.length; n++) {
            const wanted = spots[n]! + (turn % 2 ? outwards : inwards) * (sums[n]! / counts[Math.floor(n / 3)]! - spots[n]!);
            spots[n] = Math.max(first[n]! - reach, Math.min(first[n]! + reach, wanted));
        }
    }
}

function cornersOf(points: Float32Array, triangles: Uint32Array, n: number): readonly [Vec3, Vec3, Vec3] {
    const at = (c: number): Vec3 => [points[3 * c]!, points[3 * c + 1]!, points[3 * c + 2]!];
    return [at(triangles[n]!), at(triangles[n + 1]!), at(triangles[n + 2]!)];
}

const acrossOf = ([a, b, c]: readonly [Vec3, Vec3, Vec3]): Vec3 => {
    const [ux, uy, uz, vx, vy, vz] = [b[0] - a[0], b[1] - a[1], b[2] - a[2], c[0] - a[0], c[1] - a[1], c[2] - a[2]];
    return [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
};

/* Each triangle counts by its area. */
function normalsOf(points: Float32Array, triangles: Uint32Array): Float32Array {
    const out = new Float32Array(points.length);
    for (let n = 0; n < triangles.length; n += 3) {
        const across = acrossOf(cornersOf(points, triangles, n));
        for (let c = 0; c < 3; c++) for (let a = 0; a < 3; a++) out[3 * triangles[n + c]! + a]! += across[a]!;
    }
    return unitsOf(out);
}

function unitsOf(out: Float32Array): Float32Array {
    for (let n = 0; n < out.length; n += 3) {
        const long = Math.hypot(out[n]!, out[n + 1]!, out[n + 2]!) || 1;
        for (let a = 0; a < 3; a++) out[n + a]! /= long;
    }
    return out;
}

/* Light that shows the shape, not the steps of the voxels. */
function softened(normals: Float32Array, neighbours: Uint32Array): Float32Array {
    for (let turn = 0; turn < softenings; turn++) {
        const out = Float32Array.from(normals);
        for (let n = 0; n < neighbours.length; n += 2)
            for (let a = 0; a < 3; a++) {
                const [p, q] = [3 * neighbours[n]! + a, 3 * neighbours[n + 1]! + a];
                out[p]! += normals[q]! / 2; /* an edge is there from both its faces */
                out[q]! += normals[p]! / 2;
            }
        normals = unitsOf(out);
    }
    return normals;
}

/** What a surface encloses, in the cube of its points' unit; below 0 when it is inside out. */
export function volumeOf(points: Float32Array, triangles: Uint32Array): number {
    let sum = 0;
    for (let n = 0; n < triangles.length; n += 3) {
        const [a, b, c] = cornersOf(points, triangles, n);
        sum += a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
    }
    return sum / 6;
}

/** As a binary STL file: little endian, in mm. */
export function stlOf({ points, triangles }: Surface): ArrayBuffer {
    const count = triangles.length / 3;
    const out = new DataView(new ArrayBuffer(84 + 50 * count));
    out.setUint32(80, count, true);
    for (let n = 0; n < count; n++) {
        const face = cornersOf(points, triangles, 3 * n);
        const across = acrossOf(face);
        const long = Math.hypot(...across) || 1;
        [...across.map((v) => v / long), ...face.flat()].forEach((v, i) => out.setFloat32(84 + 50 * n + 4 * i, v, true));
    }
    return out.buffer;
}
