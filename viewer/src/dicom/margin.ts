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
    const [stride, count] = [[1, columns] as const, [columns, rows] as const, [each, frames] as const][axis]!;
    if (count < 2) return;
    for (let i = 0; i < each * frames; i++) {
        const at = axis === 0 ? i % columns : axis === 1 ? Math.floor(i / columns) % rows : Math.floor(i / each);
        if (at === 0) line(i, stride, count);
    }
}

/* The squares of distances to the nearest pixel that fits, exact: Felzenszwalb and Huttenlocher, Theory of Computing 2012; 8:415. */
function squaredMm(block: Block, fits: (i: number) => boolean): Float32Array {
    const d = new Float32Array(block.inside.length);
    for (let i = 0; i < d.length; i++) d[i] = fits(i) ? 0 : Infinity;
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

/** With all that is at most so far from it. */
export function widened(block: Block, mm: number): Uint8Array {
    return Uint8Array.from(squaredMm(block, (i) => block.inside[i] === 1), (d) => (d <= mm * mm + rounding ? 1 : 0));
}

/** Without what is at most so far from the outside. */
export function narrowed(block: Block, mm: number): Uint8Array {
    return Uint8Array.from(squaredMm(block, (i) => block.inside[i] === 0), (d) => (d > mm * mm + rounding ? 1 : 0));
}

/** Where a Gaussian mean of it is more than a half; `mm`: the standard deviation. Beside the block all is as at its rim. */
export function smoothed(block: Block, mm: number): Uint8Array {
    const v = Float32Array.from(block.inside);
    for (const axis of [0, 1, 2] as const) {
        const reach = Math.ceil((3 * mm) / block.stepMm[axis]);
        const weights = Array.from({ length: reach + 1 }, (_, k) => Math.exp(-((k * block.stepMm[axis]) ** 2) / (2 * mm * mm)));
        const sum = weights.reduce((s, w, k) => s + (k === 0 ? w : 2 * w), 0);
        eachLine(block, axis, (start, stride, count) => {
            const line = Float32Array.from({ length: count }, (_, q) => v[start + q * stride]!);
            for (let q = 0; q < count; q++) {
                let mean = weights[0]! * line[q]!;
                for (let k = 1; k <= reach; k++) mean += weights[k]! * (line[Math.max(0, q - k)]! + line[Math.min(count - 1, q + k)]!);
                v[start + q * stride] = mean / sum;
            }
        });
    }
    return Uint8Array.from(v, (mean, i) => (Math.abs(mean - 0.5) < 1e-4 ? block.inside[i]! : mean > 0.5 ? 1 : 0));
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
