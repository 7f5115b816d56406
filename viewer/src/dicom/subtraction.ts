/** Digital subtraction angiography: which mask belongs to a frame, and the difference.   PS3.3 §C.7.6.10 */

import { items, number, numbers, text, type Dataset } from "../dicomweb/json";

export interface Mask {
    frames: readonly number[]; /* from 1; averaged */
    shift: readonly [row: number, column: number]; /* pixels, by which the mask is moved */
}

/** The mask of a frame, or none. */
export function maskFor(ds: Dataset, frame: number, frames: number): Mask | undefined {
    for (const item of items(ds, "00286100")) {
        const ranges = numbers(item, "00286102"); /* first, last, first, last … */
        const isMeant = ranges.length < 2 || ranges.some((from, i) => i % 2 === 0 && frame >= from && frame <= (ranges[i + 1] ?? from));
        if (!isMeant) continue;
        const [row = 0, column = 0] = numbers(item, "00286114");
        const operation = text(item, "00286101");
        const within = (list: readonly number[]) => list.filter((n) => Number.isInteger(n) && n >= 1 && n <= frames);
        if (operation === "AVG_SUB") {
            const of = within(numbers(item, "00286110"));
            if (of.length > 0) return { frames: of, shift: [row, column] };
        }
        if (operation === "TID") {
            const of = within([frame - (number(item, "00286120") ?? 1)]);
            if (of.length > 0) return { frames: of, shift: [row, column] };
        }
    }
    return undefined;
}

export const hasMasks = (ds: Dataset | undefined): boolean => items(ds, "00286100").length > 0;

type Values = ArrayLike<number>;

/** Contrast less mask, the mask moved by whole and parts of pixels; outside of it nothing is subtracted. */
export function subtracted(contrast: Values, masks: readonly Values[], [down, right]: readonly [number, number], rows: number, columns: number): Float32Array {
    const out = new Float32Array(rows * columns);
    const mask = new Float32Array(rows * columns);
    for (const m of masks) for (let i = 0; i < mask.length; i++) mask[i]! += m[i]! / masks.length;
    const isMoved = down !== 0 || right !== 0;
    for (let r = 0, i = 0; r < rows; r++)
        for (let c = 0; c < columns; c++, i++) {
            const m = isMoved ? sampled(mask, r - down, c - right, rows, columns) : mask[i]!;
            out[i] = m === undefined ? 0 : contrast[i]! - m;
        }
    return out;
}

function sampled(v: Float32Array, row: number, column: number, rows: number, columns: number): number | undefined {
    if (row < 0 || column < 0 || row > rows - 1 || column > columns - 1) return undefined;
    const [r, c] = [Math.min(rows - 2, Math.floor(row)), Math.min(columns - 2, Math.floor(column))];
    if (r < 0 || c < 0) return v[Math.round(row) * columns + Math.round(column)];
    const [y, x] = [row - r, column - c];
    const at = r * columns + c;
    return (v[at]! * (1 - x) + v[at + 1]! * x) * (1 - y) + (v[at + columns]! * (1 - x) + v[at + columns + 1]! * x) * y;
}
