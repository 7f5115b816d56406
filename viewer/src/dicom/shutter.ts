/** Display shutters and overlay planes of an image: what hides of it, what is drawn over it.   PS3.3 §C.7.6.11, §C.7.6.15, §C.9.2 */

import { inlineBytes, number, numbers, text, texts, type Dataset, type Element } from "../dicomweb/json";

const Shutter = {
    shape: "00181600", left: "00181602", right: "00181604", upper: "00181606", lower: "00181608", centre: "00181610", radius: "00181612",
    vertices: "00181620", presentation: "00181622", group: "00181623",
} as const;

/** The pixels that stay visible are 1; undefined where no shutter is. Shapes add up: what one of them hides is hidden. */
export function visibleOf(ds: Dataset, rows: number, columns: number, planes: readonly Bits[] = []): Uint8Array | undefined {
    const shapes = texts(ds, Shutter.shape);
    if (shapes.length === 0) return undefined;
    const tests = shapes.flatMap((s) => {
        const test = s === "RECTANGULAR" ? rectangle(ds) : s === "CIRCULAR" ? circle(ds) : s === "POLYGONAL" ? polygon(ds) : undefined;
        return test ? [test] : [];
    });
    const bitmap = shapes.includes("BITMAP") ? planes.find((p) => p.group === number(ds, Shutter.group)) : undefined;
    if (tests.length === 0 && !bitmap) return undefined;
    const out = new Uint8Array(rows * columns).fill(1);
    for (let r = 0; r < rows; r++) /* pixels are counted from 1 */
        for (let c = 0; c < columns; c++) if (!tests.every((test) => test(c + 1, r + 1))) out[r * columns + c] = 0;
    if (bitmap) eachSet(bitmap, rows, columns, (i) => (out[i] = 0));
    return out;
}

type Test = (column: number, row: number) => boolean;

function rectangle(ds: Dataset): Test | undefined {
    const [left, right, upper, lower] = [Shutter.left, Shutter.right, Shutter.upper, Shutter.lower].map((tag) => number(ds, tag));
    if (left === undefined || right === undefined || upper === undefined || lower === undefined) return undefined;
    return (c, r) => c >= left && c <= right && r >= upper && r <= lower;
}

function circle(ds: Dataset): Test | undefined {
    const [row, column] = numbers(ds, Shutter.centre);
    const radius = number(ds, Shutter.radius);
    if (row === undefined || column === undefined || radius === undefined) return undefined;
    return (c, r) => (c - column) ** 2 + (r - row) ** 2 <= radius ** 2;
}

function polygon(ds: Dataset): Test | undefined {
    const v = numbers(ds, Shutter.vertices); /* row, column, row, column … */
    const n = Math.floor(v.length / 2);
    if (n < 3) return undefined;
    return (c, r) => {
        let inside = false;
        for (let i = 0, j = n - 1; i < n; j = i++) {
            const [ri, ci, rj, cj] = [v[2 * i]!, v[2 * i + 1]!, v[2 * j]!, v[2 * j + 1]!];
            if (ri > r !== rj > r && c < ((cj - ci) * (r - ri)) / (rj - ri) + ci) inside = !inside;
        }
        return inside;
    };
}

/** What a shutter covers the image with: a P-value of 16 bits, as a grey of 8.   PS3.3 §C.7.6.11.1 */
export const shutterGrey = (ds: Dataset): number => Math.min(255, Math.max(0, Math.round((number(ds, Shutter.presentation) ?? 0) / 257)));

/** One overlay plane of one frame, unpacked. */
export interface Bits {
    group: number;
    rows: number;
    columns: number;
    top: number; /* row and column of the image where it begins, from 0 */
    left: number;
    set: Uint8Array;
}

/** An overlay as the data set tells of it. */
export interface Overlay {
    group: number;
    label: string;
    rows: number;
    columns: number;
    top: number;
    left: number;
    /** Its bits begin here among those of all frames; undefined when it has none for this frame. */
    firstBit: number | undefined;
    data: Element | undefined; /* packed, the first in the lowest bit */
    embeddedBit: number | undefined; /* else: in this bit of each pixel, as of old */
}

export function overlaysOf(ds: Dataset, frame: number): Overlay[] {
    const out: Overlay[] = [];
    for (let group = 0x6000; group <= 0x601e; group += 2) {
        const tag = (element: string) => group.toString(16).toUpperCase() + element;
        const [rows, columns] = [number(ds, tag("0010")), number(ds, tag("0011"))];
        if (!rows || !columns) continue;
        const [top = 1, left = 1] = numbers(ds, tag("0050"));
        const data = ds[tag("3000")];
        const frames = number(ds, tag("0015")) ?? 1;
        const origin = number(ds, tag("0051")) ?? 1;
        const mine = frames > 1 ? frame - origin : 0; /* a single one is over every frame */
        out.push({
            group,
            label: text(ds, tag("1500")) || text(ds, tag("0022")),
            rows,
            columns,
            top: top - 1,
            left: left - 1,
            firstBit: mine >= 0 && mine < frames ? mine * rows * columns : undefined,
            data,
            embeddedBit: data ? undefined : number(ds, tag("0102")),
        });
    }
    return out;
}

/** Unpacks an overlay from its bytes. */
export function unpack(o: Overlay, bytes: Uint8Array): Bits | undefined {
    if (o.firstBit === undefined || bytes.length * 8 < o.firstBit + o.rows * o.columns) return undefined;
    const set = new Uint8Array(o.rows * o.columns);
    for (let i = 0, b = o.firstBit; i < set.length; i++, b++) set[i] = (bytes[b >> 3]! >> (b & 7)) & 1;
    return { group: o.group, rows: o.rows, columns: o.columns, top: o.top, left: o.left, set };
}

/** Takes an overlay out of the pixels' unused bits: `words` are the pixels as stored, little endian.   PS3.5 §8.1.1 */
export function unpackEmbedded(o: Overlay, bytes: Uint8Array, bitsAllocated: number): Bits | undefined {
    const wide = bitsAllocated > 8;
    if (o.embeddedBit === undefined || bytes.length < o.rows * o.columns * (wide ? 2 : 1)) return undefined;
    const set = new Uint8Array(o.rows * o.columns);
    for (let i = 0; i < set.length; i++) set[i] = ((wide ? bytes[2 * i]! | (bytes[2 * i + 1]! << 8) : bytes[i]!) >> o.embeddedBit) & 1;
    return { group: o.group, rows: o.rows, columns: o.columns, top: o.top, left: o.left, set };
}

export const inlineOf = (o: Overlay): Uint8Array | undefined => inlineBytes(o.data);

/** Calls `at` with the index of each image pixel that a plane sets. */
export function eachSet(b: Bits, rows: number, columns: number, at: (index: number) => void): void {
    for (let r = 0; r < b.rows; r++) {
        const y = r + b.top;
        if (y < 0 || y >= rows) continue;
        for (let c = 0; c < b.columns; c++) {
            const x = c + b.left;
            if (x >= 0 && x < columns && b.set[r * b.columns + c]) at(y * columns + x);
        }
    }
}
