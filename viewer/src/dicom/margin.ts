/** What a segment becomes as a whole: wider or narrower by a margin, smoothed, without its small parts. A pixel stands for its
 *  middle; distances are those from middle to middle in mm, so that a disc of radius r becomes one of r plus or minus the margin. */

/** A part of a stack, frame by frame, row by row; what lies beside it is not known and counts as neither in nor out. */
export interface Block {
    columns: number;
    rows: number;
    frames: number;
    stepMm: readonly [across: number, down: number, along: number];
    inside: Uint8Array; /* 1 or 0 */
}

/* Calls `line` with where each line of pixels along an axis begins, and how far apart its pixels are in the array. */
function eachLine({ columns, rows, frames }: Block, axis: 0 | 1 | 2, line: (start: number, stride: number, count: number) => void): void {
    const each = columns * rows;
    const all = each * frames;
    if (axis === 0 && columns > 1) for (let at = 0; at < all; at += columns) line(at, 1, columns);
    if (axis === 1 && rows > 1) for (let top = 0; top < all; top += each) for (let c = 0; c < columns; c++) line(top + c, columns, rows);
    if (axis === 2 && frames > 1) for (let at = 0; at < each; at++) line(at, each, frames);
}

/* The squares of distances to the nearest pixel inside (1) or outside (0), exact: Felzenszwalb and Huttenlocher, Theory of Computing 2012; 8:415. */
function squaredMm(block: Block, fitting: 0 | 1): Float32Array {
    const d = new Float32Array(block.inside.length);
    for (let i = 0; i < d.length; i++) d[i] = block.inside[i] === fitting ? 0 : Infinity;
    const most = Math.max(block.columns, block.rows, block.frames);
    const [heights, roots, starts] = [new Float64Array(most), new Int32Array(most), new Float64Array(most + 1)];
    for (const axis of [0, 1, 2] as const) {
        const mm2 = block.stepMm[axis] ** 2;
        eachLine(block, axis, (start, stride, count) => {
            let n = -1; /* the parabola that is lowest at the right end so far */
            for (let q = 0; q < count; q++) {
                const height = d[start + q * stride]!;
                heights[q] = height;
                if (height === Infinity) continue;
                let from = -Infinity;
                for (; n >= 0; n--) {
                    const p = roots[n]!;
                    from = (height - heights[p]! + mm2 * (q * q - p * p)) / (2 * mm2 * (q - p));
                    if (from > starts[n]!) break;
                }
                roots[++n] = q;
                starts[n] = n === 0 ? -Infinity : from;
            }
            if (n < 0) return;
            starts[n + 1] = Infinity;
            for (let q = 0, k = 0; q < count; q++) {
                while (starts[k + 1]! < q) k++;
                d[start + q * stride] = mm2 * (q - roots[k]!) ** 2 + heights[roots[k]!]!;
            }
        });
    }
    return d;
}

const rounding = 1e-4; /* mm², of what is just as far as the margin */

function mapped(values: Float32Array, isIn: (value: number, i: number) => boolean): Uint8Array {
    const out = new Uint8Array(values.length);
    for (let i = 0; i < out.length; i++) if (isIn(values[i]!, i)) out[i] = 1;
    return out;
}

/** With all that is at most so far from it. */
export function widened(block: Block, mm: number): Uint8Array {
    return mapped(squaredMm(block, 1), (d) => d <= mm * mm + rounding);
}

/** Without what is at most so far from the outside. */
export function narrowed(block: Block, mm: number): Uint8Array {
    return mapped(squaredMm(block, 0), (d) => d > mm * mm + rounding);
}

/** Where a Gaussian mean of it is more than a half; `mm`: the standard deviation. Beside the block all is as at its rim. */
export function smoothed(block: Block, mm: number): Uint8Array {
    const v = Float32Array.from(block.inside);
    for (const axis of [0, 1, 2] as const) {
        const reach = Math.ceil((3 * mm) / block.stepMm[axis]);
        const weights = Float64Array.from({ length: reach + 1 }, (_, k) => Math.exp(-((k * block.stepMm[axis]) ** 2) / (2 * mm * mm)));
        const sum = weights.reduce((s, w, k) => s + (k === 0 ? w : 2 * w), 0);
        const line = new Float64Array(Math.max(block.columns, block.rows, block.frames) + 2 * reach);
        eachLine(block, axis, (start, stride, count) => {
            let isFlat = true;
            for (let q = 0; q < count; q++) {
                const value = v[start + q * stride]!;
                line[reach + q] = value;
                isFlat &&= value === line[reach];
            }
            if (isFlat) return;
            line.fill(line[reach]!, 0, reach);
            line.fill(line[reach + count - 1]!, reach + count, count + 2 * reach);
            for (let q = reach; q < reach + count; q++) {
                let mean = weights[0]! * line[q]!;
                for (let k = 1; k <= reach; k++) mean += weights[k]! * (line[q - k]! + line[q + k]!);
                v[start + (q - reach) * stride] = mean / sum;
            }
        });
    }
    return mapped(v, (mean, i) => (Math.abs(mean - 0.5) < 1e-4 ? block.inside[i] === 1 : mean > 0.5));
}

interface Part {
    pixels: number[];
    isAtRim: boolean; /* of the block, in its planes; through several frames also at the first and the last */
}

/* What is connected by sides, of the inside or the outside. */
function partsOf({ columns, rows, frames, inside }: Block, value: 0 | 1): Part[] {
    const each = columns * rows;
    const seen = new Uint8Array(inside.length);
    const parts: Part[] = [];
    for (let first = 0; first < inside.length; first++) {
        if (seen[first] || inside[first] !== value) continue;
        const part: Part = { pixels: [first], isAtRim: false };
        seen[first] = 1;
        const visit = (i: number) => {
            if (seen[i] || inside[i] !== value) return;
            seen[i] = 1;
            part.pixels.push(i);
        };
        for (let n = 0; n < part.pixels.length; n++) {
            const i = part.pixels[n]!;
            const [c, r, f] = [i % columns, Math.floor(i / columns) % rows, Math.floor(i / each)];
            part.isAtRim ||= c === 0 || r === 0 || c === columns - 1 || r === rows - 1 || (frames > 1 && (f === 0 || f === frames - 1));
            if (c > 0) visit(i - 1);
            if (c < columns - 1) visit(i + 1);
            if (r > 0) visit(i - columns);
            if (r < rows - 1) visit(i + columns);
            if (f > 0) visit(i - each);
            if (f < frames - 1) visit(i + each);
        }
        parts.push(part);
    }
    return parts;
}

/** Without parts, and with holes filled, of fewer pixels than `least`. */
export function cleaned(block: Block, least: number): Uint8Array {
    const out = Uint8Array.from(block.inside);
    for (const part of partsOf(block, 1)) if (part.pixels.length < least) for (const i of part.pixels) out[i] = 0;
    for (const hole of partsOf({ ...block, inside: out }, 0)) if (!hole.isAtRim && hole.pixels.length < least) for (const i of hole.pixels) out[i] = 1;
    return out;
}

/** The largest part alone. */
export function largest(block: Block): Uint8Array {
    const out = new Uint8Array(block.inside.length);
    const parts = partsOf(block, 1);
    const most = Math.max(0, ...parts.map((p) => p.pixels.length));
    for (const i of parts.find((p) => p.pixels.length === most)?.pixels ?? []) out[i] = 1;
    return out;
}
