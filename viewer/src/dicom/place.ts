/** Image points in the patient, and points in the patient on an image.   PS3.3 §C.7.6.2.1.1 */

import type { ImagePoint, PatientPoint } from "./measurement";

export interface Placed {
    position: readonly [number, number, number] | undefined; /* the middle of the first pixel */
    rowDirection: readonly [number, number, number] | undefined;
    columnDirection: readonly [number, number, number] | undefined;
    rowSpacingMm: number;
    columnSpacingMm: number;
    sliceThicknessMm: number | undefined;
}

export function inPatient({ position: at, rowDirection: along, columnDirection: down, ...f }: Placed, points: readonly ImagePoint[]): PatientPoint[] | undefined {
    if (!at || !along || !down) return undefined;
    return points.map(([column, row]) => {
        const [x, y] = [(column - 0.5) * f.columnSpacingMm, (row - 0.5) * f.rowSpacingMm];
        const on = (axis: 0 | 1 | 2) => at[axis] + x * along[axis] + y * down[axis];
        return [on(0), on(1), on(2)] as const;
    });
}

const dot = (a: PatientPoint, b: PatientPoint) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** How far a point lies in front of the image's plane, in mm. */
export function depthMm({ position: at, rowDirection: u, columnDirection: v }: Placed, p: PatientPoint): number | undefined {
    if (!at || !u || !v) return undefined;
    const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]] as const;
    return dot(normal, [p[0] - at[0], p[1] - at[1], p[2] - at[2]]);
}

const leastMm = 0.5; /* of slices that say no thickness */

/** Points of the patient on an image; undefined when one of them lies outside of its slice. */
export function onImagePlane(f: Placed, points: readonly PatientPoint[]): ImagePoint[] | undefined {
    const { position: at, rowDirection: u, columnDirection: v } = f;
    const half = (f.sliceThicknessMm ? f.sliceThicknessMm / 2 : leastMm) + 1e-3;
    if (!at || !u || !v || points.length === 0 || points.some((p) => Math.abs(depthMm(f, p) ?? Infinity) > half)) return undefined;
    return points.map((p): ImagePoint => {
        const d: PatientPoint = [p[0] - at[0], p[1] - at[1], p[2] - at[2]];
        return [dot(d, u) / f.columnSpacingMm + 0.5, dot(d, v) / f.rowSpacingMm + 0.5];
    });
}
