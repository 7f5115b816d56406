/** Pixel arithmetic, without a browser: stored bytes to stored values to displayable values.
 *  PS3.5 §8 (encoding), PS3.3 §C.7.6.3 (photometric interpretation), §C.11 (look-up tables). */

import type { FrameInfo } from "./frame";
import { t } from "../ui/text";

export type Pixels = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

export type Layout = Pick<
    FrameInfo,
    "rows" | "columns" | "samples" | "photometric" | "planar" | "bitsAllocated" | "bitsStored" | "highBit" | "signed" | "float" | "pixelVr"
>;

/** Subsampled YBR holds two values a pixel: Y1 Y2 Cb Cr.   PS3.3 §C.7.6.3.1.2 */
const isSubsampled = (l: Layout) => l.samples === 3 && /_422$/.test(l.photometric);

function expectedValues(l: Layout): number {
    const pixels = l.rows * l.columns;
    return isSubsampled(l) ? 2 * l.rows * (l.columns + (l.columns % 2)) : pixels * l.samples;
}

/** Uncompressed bytes as stored values, sign-extended and cut to the bits stored. */
export function nativeValues(bytes: Uint8Array, l: Layout, bigEndian: boolean): Pixels {
    const count = expectedValues(l);
    const needed = Math.ceil((count * l.bitsAllocated) / 8);
    if (bytes.length < needed)
        throw new Error(`The frame holds ${bytes.length} bytes where ${needed} are needed`);
    if (l.bitsAllocated === 1) return unpackBits(bytes, count);
    if (l.bitsAllocated === 12) return unpackTwelve(bytes, count);
    const raw = bytes.slice(0, needed); /* aligned, and ours to swap */
    const unit = l.bitsAllocated === 8 ? (l.pixelVr === "OW" ? 2 : 1) : l.bitsAllocated / 8;
    if (bigEndian && unit > 1) swapBytes(raw, unit);
    if (l.float) return l.bitsAllocated === 64 ? new Float64Array(raw.buffer) : new Float32Array(raw.buffer);
    switch (l.bitsAllocated) {
        case 8:
            return storedBits(l.signed ? new Int8Array(raw.buffer) : raw, l);
        case 16:
            return storedBits(l.signed ? new Int16Array(raw.buffer) : new Uint16Array(raw.buffer), l);
        case 32:
            return storedBits(l.signed ? new Int32Array(raw.buffer) : new Uint32Array(raw.buffer), l);
        default:
            throw new Error(`${l.bitsAllocated} bits allocated cannot be shown`);
    }
}

function unpackBits(bytes: Uint8Array, count: number): Uint8Array {
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) out[i] = (bytes[i >> 3]! >> (i & 7)) & 1; /* first pixel in the lowest bit */
    return out;
}

/* Cells without gaps, of old: two in three bytes, the first from the lowest bit on.   PS3.5 §8.1.1 (until 1998) */
function unpackTwelve(bytes: Uint8Array, count: number): Uint16Array {
    const out = new Uint16Array(count);
    for (let i = 0, b = 0; i < count; i += 2, b += 3) {
        out[i] = bytes[b]! | ((bytes[b + 1]! & 15) << 8);
        if (i + 1 < count) out[i + 1] = (bytes[b + 1]! >> 4) | (bytes[b + 2]! << 4);
    }
    return out;
}

function swapBytes(raw: Uint8Array, unit: number): void {
    for (let i = 0; i + unit <= raw.length; i += unit) raw.subarray(i, i + unit).reverse();
}

/* Old overlays live in the bits above the stored ones; they are not part of the value. */
function storedBits<T extends Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array>(v: T, l: Layout): T {
    const up = l.bitsAllocated - 1 - l.highBit;
    if (l.bitsStored >= l.bitsAllocated || up < 0) return v;
    const left = 32 - l.bitsAllocated + up;
    const right = 32 - l.bitsStored;
    if (l.signed) for (let i = 0; i < v.length; i++) v[i] = (v[i]! << left) >> right;
    else for (let i = 0; i < v.length; i++) v[i] = (v[i]! << left) >>> right;
    return v;
}

/** One RLE frame (PS3.5 Annex G): byte planes, most significant first, each packed by itself. */
export function rleBytes(frame: Uint8Array, l: Layout): Uint8Array {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const pixels = l.rows * l.columns;
    const depth = Math.ceil(l.bitsAllocated / 8);
    const segments = view.byteLength >= 64 ? view.getUint32(0, true) : 0;
    if (segments !== depth * l.samples) throw new Error(`RLE: ${segments} segments where ${depth * l.samples} are needed`);
    const out = new Uint8Array(pixels * depth * l.samples);
    for (let s = 0; s < segments; s++) {
        const from = view.getUint32(4 + 4 * s, true);
        const to = s + 1 < segments ? view.getUint32(8 + 4 * s, true) : frame.length;
        const sample = Math.floor(s / depth);
        const byte = depth - 1 - (s % depth);
        unpackRle(frame.subarray(from, to), out, sample * depth + byte, depth * l.samples, pixels);
    }
    return out; /* colour-by-pixel, little endian */
}

function unpackRle(src: Uint8Array, out: Uint8Array, first: number, step: number, count: number): void {
    let at = first;
    const end = first + step * count;
    for (let i = 0; i < src.length && at < end; ) {
        const n = src[i++]!;
        if (n < 128) for (let k = 0; k <= n && at < end && i < src.length; k++, at += step) out[at] = src[i++]!;
        else if (n > 128) {
            const value = src[i++] ?? 0;
            for (let k = 0; k < 257 - n && at < end; k++, at += step) out[at] = value;
        }
    }
}

/** Values to 8-bit RGB. `v` is colour-by-pixel unless the layout says planes. */
export function rgb(v: Pixels, l: Layout): Uint8Array {
    const pixels = l.rows * l.columns;
    const out = new Uint8Array(pixels * 3);
    if (isSubsampled(l)) return expand422(v, l, out);
    const shift = Math.max(0, l.bitsStored - 8);
    const [step, plane] = l.planar ? [1, pixels] : [l.samples, 1];
    const isFull = l.photometric === "YBR_FULL";
    const isPartial = /^YBR_PARTIAL/.test(l.photometric);
    for (let p = 0, o = 0; p < pixels; p++, o += 3) {
        const a = v[p * step]! >> shift;
        const b = v[p * step + plane]! >> shift;
        const c = v[p * step + 2 * plane]! >> shift;
        if (isFull) putFull(out, o, a, b, c);
        else if (isPartial) putPartial(out, o, a, b, c);
        else {
            out[o] = a;
            out[o + 1] = b;
            out[o + 2] = c;
        }
    }
    return out;
}

function clamp(x: number): number {
    return x < 0 ? 0 : x > 255 ? 255 : Math.round(x);
}

function putFull(out: Uint8Array, o: number, y: number, cb: number, cr: number): void {
    out[o] = clamp(y + 1.402 * (cr - 128));
    out[o + 1] = clamp(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128));
    out[o + 2] = clamp(y + 1.772 * (cb - 128));
}

/* CCIR 601-2 with 16..235 and 16..240 */
function putPartial(out: Uint8Array, o: number, y: number, cb: number, cr: number): void {
    const l = 1.16438 * (y - 16);
    out[o] = clamp(l + 1.59603 * (cr - 128));
    out[o + 1] = clamp(l - 0.39176 * (cb - 128) - 0.81297 * (cr - 128));
    out[o + 2] = clamp(l + 2.01723 * (cb - 128));
}

function expand422(v: Pixels, l: Layout, out: Uint8Array): Uint8Array {
    const put = l.photometric === "YBR_FULL_422" ? putFull : putPartial;
    const pairs = Math.ceil(l.columns / 2);
    for (let r = 0; r < l.rows; r++)
        for (let p = 0; p < pairs; p++) {
            const i = 4 * (r * pairs + p);
            const o = 3 * (r * l.columns + 2 * p);
            put(out, o, v[i]!, v[i + 2]!, v[i + 3]!);
            if (2 * p + 1 < l.columns) put(out, o + 3, v[i + 1]!, v[i + 2]!, v[i + 3]!);
        }
    return out;
}

/** The entries of a table, from bytes: 16-bit words, or bytes where the table is that short. */
export function tableEntries(bytes: Uint8Array, entries: number, bits: number): Uint16Array {
    const out = new Uint16Array(entries);
    const wide = bytes.length >= 2 * entries && (bits > 8 || bytes.length >= 2 * entries);
    for (let i = 0; i < entries; i++) out[i] = wide ? bytes[2 * i]! | (bytes[2 * i + 1]! << 8) : (bytes[i] ?? 0);
    return out;
}

/** Segmented palettes: discrete, linear and indirect segments.   PS3.3 §C.7.9.2 */
export function expandSegments(words: Uint16Array, entries: number): Uint16Array {
    const out = new Uint16Array(entries);
    let filled = 0;
    const run = (from: number, segments: number, nested: boolean) => {
        for (let i = from, n = 0; i + 1 < words.length && n < segments && filled < entries; n++) {
            const [op, length] = [words[i]!, words[i + 1]!];
            if (op === 0) {
                for (let k = 0; k < length && filled < entries; k++) out[filled++] = words[i + 2 + k] ?? 0;
                i += 2 + length;
            } else if (op === 1) {
                const [start, end] = [filled > 0 ? out[filled - 1]! : 0, words[i + 2] ?? 0];
                for (let k = 1; k <= length && filled < entries; k++) out[filled++] = Math.round(start + ((end - start) * k) / length);
                i += 3;
            } else if (op === 2 && !nested) {
                run(((words[i + 2] ?? 0) | ((words[i + 3] ?? 0) << 16)) >>> 1, length, true);
                i += 4;
            } else return;
        }
    };
    run(0, words.length, false);
    return out;
}

export interface Table {
    first: number;
    bits: number;
    entries: Uint16Array;
}

const look = (t: Table, v: number) => t.entries[Math.min(t.entries.length - 1, Math.max(0, v - t.first))]!;

/** Palette colour to 8-bit RGB; 16-bit tables are read by their upper byte. */
export function paletteRgb(v: Pixels, tables: readonly [Table, Table, Table]): Uint8Array {
    const out = new Uint8Array(v.length * 3);
    const shifts = tables.map((t) => (t.bits > 8 && t.entries.some((e) => e > 255) ? 8 : 0)) as [number, number, number];
    for (let i = 0, o = 0; i < v.length; i++, o += 3)
        for (let c = 0; c < 3; c++) out[o + c] = look(tables[c]!, v[i]!) >> shifts[c]!;
    return out;
}

export function applyTable(v: Pixels, table: Table): Uint16Array {
    const out = new Uint16Array(v.length);
    for (let i = 0; i < v.length; i++) out[i] = look(table, v[i]!);
    return out;
}

/** Stored values to modality values, in the smallest type that holds every value the frame could have: the
 *  same for all slices of a series, so that the renderer keeps its texture. */
export function rescale(v: Pixels, slope: number, intercept: number, l: Layout): Pixels {
    const whole = Number.isInteger(slope) && Number.isInteger(intercept) && !l.float;
    if (!whole) return v.constructor === Float32Array && slope === 1 && intercept === 0 ? v : mapped(v, new Float32Array(v.length), slope, intercept);
    const [lo, hi] = l.signed ? [-(2 ** (l.bitsStored - 1)), 2 ** (l.bitsStored - 1) - 1] : [0, 2 ** l.bitsStored - 1];
    const [a, b] = [lo * slope + intercept, hi * slope + intercept];
    const [min, max] = [Math.min(a, b), Math.max(a, b)];
    const Type = min >= 0 && max <= 255 ? Uint8Array : min >= 0 && max <= 65535 ? Uint16Array : min >= -32768 && max <= 32767 ? Int16Array : Float32Array;
    if (slope === 1 && intercept === 0 && v.constructor === Type) return v;
    return mapped(v, new Type(v.length), slope, intercept);
}

function mapped<T extends Pixels>(v: Pixels, out: T, slope: number, intercept: number): T {
    for (let i = 0; i < v.length; i++) out[i] = v[i]! * slope + intercept;
    return out;
}

export interface Range {
    lo: number;
    hi: number;
}

const isIn = (r: Range, x: number) => x >= r.lo && x <= r.hi;

/** What shows the picture well: all but padding, the darkest and the brightest half per cent, and values close
 *  together at one end that many pixels have and that are far from all others, as outside of a scanner's circle. From
 *  at most some 65,000 samples. */
export function usedRange(pixels: Pixels, padding?: Range): Range {
    const step = Math.max(1, Math.floor(pixels.length / 65536));
    const some = new Float64Array(Math.floor((pixels.length - 1) / step) + 1);
    for (let i = 0; i < some.length; i++) some[i] = pixels[i * step]!;
    const sorted = some.filter((x) => Number.isFinite(x) && !(padding && isIn(padding, x))).sort();
    if (sorted.length === 0) return { lo: 0, hi: 1 };
    const last = sorted.length - 1;
    const cut = Math.floor(sorted.length * 0.005);
    const all = { lo: sorted[0]!, hi: sorted[last]! };
    const inner = withoutBackground(sorted, all);
    const [lo, hi] = [Math.max(inner.lo, sorted[cut]!), Math.min(inner.hi, sorted[last - cut]!)];
    return lo < hi ? { lo, hi } : all;
}

/* As the server does it (img_window.c): the two must agree on the window that nobody gave. */
const bins = 4096;
const binsBackground = bins / 64; /* that a background may take, at one end */
const binsApart = bins / 4; /* between it and all else */
const binsUsed = 32; /* by all that is not background, at least: else these few values are the picture */

function withoutBackground(sorted: Float64Array, { lo, hi }: Range): Range {
    const bin = (hi - lo) / (bins - 1);
    const of = (x: number) => Math.floor((x - lo) / bin);
    const last = sorted.length - 1;
    const dark = behindBackground(sorted.length, (i) => of(sorted[i]!));
    const bright = behindBackground(sorted.length, (i) => bins - 1 - of(sorted[last - i]!));
    const between = sorted.subarray(dark, sorted.length - bright);
    if (new Set(between.map(of)).size < binsUsed) return { lo, hi };
    return { lo: dark > 0 ? between[0]! : lo, hi: bright > 0 ? between[between.length - 1]! : hi };
}

/* How many values, from one end on, are close together, many, and far from all others. */
function behindBackground(count: number, binAt: (i: number) => number): number {
    for (let i = 1; i < count; i++) {
        const before = binAt(i - 1);
        if (before >= binsBackground) return 0;
        if (binAt(i) - before - 1 > binsApart) return i > count / 100 ? i : 0;
    }
    return 0;
}

/** Makes padding as dark as the darkest of the other values is shown. Says which pixels it is, a bit for each, the lowest
 *  first; undefined when there is none. */
export function darken(pixels: Pixels, padding: Range, inverse: boolean): Uint8Array | undefined {
    let dark = inverse ? -Infinity : Infinity;
    for (let i = 0; i < pixels.length; i++) {
        const x = pixels[i]!;
        if ((inverse ? x > dark : x < dark) && !isIn(padding, x)) dark = x;
    }
    let found: Uint8Array | undefined;
    for (let i = 0; i < pixels.length; i++) {
        if (!isIn(padding, pixels[i]!)) continue;
        found ??= new Uint8Array(Math.ceil(pixels.length / 8));
        found[i >> 3]! |= 1 << (i & 7);
        if (Number.isFinite(dark)) pixels[i] = dark;
    }
    return found;
}

export function minMax(v: Pixels): { min: number; max: number } {
    let min = Infinity;
    let max = -Infinity;
    for (let i = 0; i < v.length; i++) {
        const x = v[i]!;
        if (x < min) min = x;
        if (x > max) max = x;
    }
    return min <= max ? { min, max } : { min: 0, max: 1 };
}

/** What the frame header of a JPEG stream says.   ITU-T T.81 §B.2.2 */
export function jpegFrame(bytes: Uint8Array): { lossless: boolean; precision: number } {
    for (let i = 2; i + 4 < bytes.length && bytes[i] === 0xff; ) {
        const marker = bytes[i + 1]!;
        const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
        if (isFrame) return { lossless: (marker & 3) === 3, precision: bytes[i + 4]! };
        i += marker === 0xff ? 1 : 2 + ((bytes[i + 2]! << 8) | bytes[i + 3]!);
    }
    throw new Error(t("The JPEG has no frame header"));
}

/** Where DICOM says RGB and the stream has no Adobe marker of full length to say otherwise, it is RGB. Decoders of
 *  the web take a JFIF marker for YCbCr: it goes, and Adobe's says what is there. */
export function markRgbJpeg(bytes: Uint8Array): Uint8Array {
    if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return bytes;
    const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];
    const parts: Uint8Array[] = [Uint8Array.of(0xff, 0xd8, ...adobe)];
    let i = 2;
    while (i + 4 <= bytes.length && bytes[i] === 0xff && bytes[i + 1] !== 0xda) {
        const end = i + 2 + ((bytes[i + 2]! << 8) | bytes[i + 3]!);
        const segment = bytes.subarray(i, end);
        const isAdobe = segment[1] === 0xee && adobe.slice(4, 9).every((c, k) => segment[4 + k] === c);
        if (isAdobe && segment.length >= adobe.length) return bytes;
        if (!isAdobe && segment[1] !== 0xe0) parts.push(segment);
        i = end;
    }
    parts.push(bytes.subarray(i));
    const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
    parts.reduce((at, p) => (out.set(p, at), at + p.length), 0);
    return out;
}
