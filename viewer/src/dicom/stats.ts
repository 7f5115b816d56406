/** Statistics of the pixels whose middle lies inside a shape. */

import type { ImagePoint } from "./measurement";
import { bounds, outline, spansAt, type Drawn, type Metric } from "./shape";

export interface Grid {
    rows: number;
    columns: number;
    data: ArrayLike<number>; /* modality values, row by row */
    padding: Uint8Array | undefined; /* a bit for each pixel, the lowest first: it is no value */
    /** Where values are made when they are asked for: NaN is none, undefined not known yet. */
    at?(i: number): number | undefined;
}

export interface Stats {
    count: number; /* pixels that have a value */
    mean: number;
    sd: number; /* of these pixels, not an estimate for others */
    min: number;
    max: number;
}

const isPadding = (g: Grid, i: number) => g.padding !== undefined && (g.padding[i >> 3]! & (1 << (i & 7))) !== 0;

/** Undefined when no pixel with a value is inside, or the value of one is not known. */
export function statsIn(g: Grid, shape: Drawn, metric: Metric): Stats | undefined {
    const box = bounds(outline(shape, metric));
    let [count, mean, squares, min, max] = [0, 0, 0, Infinity, -Infinity];
    for (let row = Math.max(0, Math.floor(box.top - 0.5)); row < Math.min(g.rows, box.bottom); row++) {
        const spans = spansAt(shape, metric, row + 0.5);
        for (let k = 0; k + 1 < spans.length; k += 2) {
            const last = Math.min(g.columns - 1, Math.ceil(spans[k + 1]! - 0.5) - 1);
            for (let column = Math.max(0, Math.ceil(spans[k]! - 0.5)); column <= last; column++) {
                const i = row * g.columns + column;
                const value = g.at ? g.at(i) : g.data[i]!;
                if (value === undefined) return undefined;
                if (isPadding(g, i) || !Number.isFinite(value)) continue;
                count++;
                const off = value - mean; /* Welford's sums: no loss when the mean is large */
                mean += off / count;
                squares += off * (value - mean);
                if (value < min) min = value;
                if (value > max) max = value;
            }
        }
    }
    return count > 0 ? { count, mean, sd: Math.sqrt(squares / count), min, max } : undefined;
}

/** The value of the pixel that a point lies in. */
export function valueAt(g: Grid, [x, y]: ImagePoint): number | undefined {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const i = row * g.columns + column;
    if (column < 0 || row < 0 || column >= g.columns || row >= g.rows || isPadding(g, i)) return undefined;
    const value = g.at ? g.at(i) : g.data[i]!;
    return value !== undefined && Number.isFinite(value) ? value : undefined;
}
