/** A brush that is round in the patient and reaches through the images beside the one it is on. */

import type { PatientPoint } from "./measurement";
import { depthMm } from "./place";
import { add, dot, scale, sub, unit, type Vec3 } from "./vector";

export interface Slice {
    rows: number;
    columns: number;
    position: Vec3 | undefined; /* the middle of the first pixel */
    rowDirection: Vec3 | undefined;
    columnDirection: Vec3 | undefined;
    rowSpacingMm: number;
    columnSpacingMm: number;
    sliceThicknessMm: number | undefined;
}

export interface Stroke {
    from: PatientPoint;
    to: PatientPoint;
    radiusMm: number;
    /** Not a ball but a disc: what lies at most so far from a plane, seen along its normal. */
    disc?: { normal: Vec3; halfMm: number };
}

/** Calls `inside` with each pixel of the image whose middle the stroke covers. */
export function eachCovered(f: Slice, { from, to, radiusMm, disc }: Stroke, inside: (i: number) => void): void {
    const [a, b] = [depthMm(f, from), depthMm(f, to)];
    const reach = disc ? Infinity : radiusMm;
    if (a === undefined || b === undefined || Math.min(a, b) > reach || Math.max(a, b) < -reach) return;
    const [position, across, down] = [f.position!, f.rowDirection!, f.columnDirection!];
    const flat = (v: Vec3): Vec3 => (disc ? sub(v, scale(disc.normal, dot(v, disc.normal))) : v);
    const way = flat(sub(to, from));
    const long = dot(way, way) || 1;
    const wide = radiusMm + (disc ? disc.halfMm : 0);
    const at = (p: Vec3, axis: Vec3, mm: number) => dot(sub(p, position), axis) / mm;
    const range = (axis: Vec3, mm: number, count: number): readonly [number, number] => {
        const ends = [at(from, axis, mm), at(to, axis, mm)];
        return [Math.max(0, Math.ceil(Math.min(...ends) - wide / mm)), Math.min(count - 1, Math.floor(Math.max(...ends) + wide / mm))];
    };
    const [left, right] = range(across, f.columnSpacingMm, f.columns);
    const [top, bottom] = range(down, f.rowSpacingMm, f.rows);
    for (let row = top; row <= bottom; row++)
        for (let column = left; column <= right; column++) {
            const p = sub(add(position, add(scale(across, column * f.columnSpacingMm), scale(down, row * f.rowSpacingMm))), from);
            if (disc) {
                const away = dot(p, disc.normal);
                if (away <= -disc.halfMm || away > disc.halfMm) continue;
            }
            const q = flat(p);
            const share = Math.max(0, Math.min(1, dot(q, way) / long));
            const off = sub(q, scale(way, share));
            if (dot(off, off) <= radiusMm * radiusMm) inside(row * f.columns + column);
        }
}

/** The voxel that a place is in or next to: of the image whose plane is nearest; undefined beside it. */
export function voxelAt(frames: readonly Slice[], p: PatientPoint): { k: number; i: number } | undefined {
    const away = frames.map((f) => Math.abs(depthMm(f, p) ?? Infinity));
    const k = away.indexOf(Math.min(...away));
    const f = frames[k];
    if (!f?.position || !f.rowDirection || !f.columnDirection) return undefined;
    const column = Math.round(dot(sub(p, f.position), f.rowDirection) / f.columnSpacingMm);
    const row = Math.round(dot(sub(p, f.position), f.columnDirection) / f.rowSpacingMm);
    return column >= 0 && row >= 0 && column < f.columns && row < f.rows ? { k, i: row * f.columns + column } : undefined;
}

/** Half of the thickness in which a plane meets every voxel that it goes through. */
export function halfThicknessMm(axes: readonly Vec3[], stepMm: readonly number[], normal: Vec3): number {
    return axes.reduce((sum, axis, i) => sum + Math.abs(dot(axis, unit(normal))) * stepMm[i]!, 0) / 2 + 1e-6;
}
