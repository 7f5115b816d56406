/** A stored frame to pixel values. Native data, RLE and deflate are decoded here; the image codecs run in
 *  workers. The answer is the same whatever the encoding was. */

import { fetchBulk, type Frame } from "../dicomweb/client";
import { inlineBytes } from "../dicomweb/json";
import { decodeBy, type CodecName } from "./codecs";
import { isColor, type FrameInfo, type Lut } from "./frame";
import { applyTable, expandSegments, jpegFrame, markRgbJpeg, nativeValues, paletteRgb, rescale, rgb, rleBytes, tableEntries, type Pixels, type Table } from "./pixels";
import { openingWindow, shownByte } from "./window";
import { t } from "../ui/text";

export interface Decoded {
    pixels: Pixels; /* RGB bytes, or modality values */
    color: boolean;
    /** The values went through a VOI LUT: a window over its output range shows them. */
    voiBits: number | undefined;
}

const explicitBig = "1.2.840.10008.1.2.2";
const native = new Set(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.1.99", explicitBig]);
const rle = "1.2.840.10008.1.2.5";
const deflatedFrame = "1.2.840.10008.1.2.8.1";
const jpeg = new Set([50, 51, 53, 55, 57, 70].map((n) => `1.2.840.10008.1.2.4.${n}`));
const jpegXl = /^1\.2\.840\.10008\.1\.2\.4\.11[0-2]$/;
const codecs: readonly (readonly [syntaxes: RegExp, codec: CodecName])[] = [
    [/\.4\.8[01]$/, "jpegLs"],
    [/\.4\.9[01]$/, "jpeg2000"],
    [/\.4\.20[123]$/, "htj2k"],
    [jpegXl, "jpegXl"],
];

/** Whether the beginning of a frame is a whole picture, only coarser: HTJ2K, whose resolutions may follow each other. */
export const isProgressive = (syntax: string): boolean => /\.4\.20[123]$/.test(syntax);

export async function decode(frame: Frame, info: FrameInfo): Promise<Decoded> {
    const { values, layout } = await storedValues(frame, info);
    if (info.photometric === "PALETTE COLOR" && info.samples === 1) {
        if (!info.palette) throw new Error(t("The image has palette colours but no palette"));
        const [r, g, b] = await Promise.all(info.palette.map((t) => table(t, info)));
        return { pixels: paletteRgb(values, [r!, g!, b!]), color: true, voiBits: undefined };
    }
    if (info.supplemental) return supplemented(values, info);
    if (isColor(info)) return { pixels: rgb(values, layout), color: true, voiBits: undefined };
    return grey(values, info);
}

/* Grey in the window it opens with, and colours from the palette's first value on.   PS3.3 §C.7.6.19 */
async function supplemented(values: Pixels, info: FrameInfo): Promise<Decoded> {
    const tables = await Promise.all(info.palette!.map((t) => table(t, info)));
    const pixels = paletteRgb(values, [tables[0]!, tables[1]!, tables[2]!]);
    const { pixels: scaled, voiBits } = await grey(values, info);
    const window = openingWindow(info, scaled, voiBits);
    for (let i = 0; i < values.length; i++)
        if (values[i]! < tables[0]!.first) pixels.fill(shownByte(scaled[i]!, window, info.inverse), 3 * i, 3 * i + 3);
    return { pixels, color: true, voiBits: undefined };
}

async function grey(values: Pixels, info: FrameInfo): Promise<Decoded> {
    const scaled = info.modalityLut
        ? applyTable(values, await table(info.modalityLut, info))
        : rescale(values, info.slope, info.intercept, info);
    if (!info.voiLut || info.windows.length > 0) return { pixels: scaled, color: false, voiBits: undefined };
    return { pixels: applyTable(scaled, await table(info.voiLut, info)), color: false, voiBits: info.voiLut.bits };
}

async function storedValues(frame: Frame, info: FrameInfo): Promise<{ values: Pixels; layout: FrameInfo }> {
    const syntax = frame.transferSyntax;
    if (native.has(syntax)) return { values: nativeValues(frame.bytes, info, syntax === explicitBig), layout: info };
    if (syntax === deflatedFrame) return { values: nativeValues(await inflate(frame.bytes), info, false), layout: info };
    const byPixel = { ...info, planar: false };
    if (syntax === rle) return { values: nativeValues(rleBytes(frame.bytes, info), byPixel, false), layout: byPixel };
    const isLossyJpeg = jpeg.has(syntax) && !jpegFrame(frame.bytes).lossless;
    const values = await codec(frame, info);
    const pixels = info.rows * info.columns;
    if (values.length < pixels * info.samples) throw new Error(t("The compressed image is smaller than its header says"));
    const isRgb = isLossyJpeg || jpegXl.test(syntax) || !/^YBR_FULL/.test(info.photometric);
    const photometric = info.samples >= 3 ? (isRgb ? "RGB" : "YBR_FULL") : info.photometric;
    return { values, layout: { ...byPixel, photometric } };
}

async function codec({ bytes, transferSyntax }: Frame, info: FrameInfo): Promise<Pixels> {
    if (!jpeg.has(transferSyntax)) {
        const name = codecs.find(([syntaxes]) => syntaxes.test(transferSyntax))?.[1];
        if (!name) throw new Error(`${t("The image cannot be decoded")}: ${transferSyntax}`);
        return decodeBy(name, bytes, info);
    }
    const { lossless, precision } = jpegFrame(bytes); /* what it says counts, whatever the syntax is called */
    if (lossless) return decodeBy("jpegLossless", bytes, info);
    if (precision > 8) throw new Error(t("No decoder here is exact for JPEG of 12 bits"));
    if (info.samples === 3) return browserJpeg(info.photometric === "RGB" ? markRgbJpeg(bytes) : bytes, info);
    return decodeBy("jpeg", bytes, info);
}

/* The browser's own decoder: off the main thread, and right about chroma subsampling. */
async function browserJpeg(bytes: Uint8Array, info: FrameInfo): Promise<Uint8Array> {
    const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "image/jpeg" });
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
    try {
        if (bitmap.width !== info.columns || bitmap.height !== info.rows) throw new Error(t("The JPEG has another size than its header says"));
        const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true })!;
        context.drawImage(bitmap, 0, 0);
        const rgba = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
        const out = new Uint8Array(bitmap.width * bitmap.height * 3);
        for (let i = 0, o = 0; i < rgba.length; i += 4, o += 3) {
            out[o] = rgba[i]!;
            out[o + 1] = rgba[i + 1]!;
            out[o + 2] = rgba[i + 2]!;
        }
        return out;
    } finally {
        bitmap.close();
    }
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
    const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    const reader = stream.getReader();
    const parts: Uint8Array<ArrayBuffer>[] = [];
    try {
        for (let next = await reader.read(); !next.done; next = await reader.read()) parts.push(next.value);
    } catch {
        /* a frame padded to an even length has a byte behind its end: what came before it counts, if it is enough */
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/* Tables are shared by the frames of an object, and often by all objects of a series. */
const tables = new Map<string, Promise<Table>>();
const tablesMax = 256;

function table(lut: Lut, info: FrameInfo): Promise<Table> {
    const el = lut.data;
    const key = el?.BulkDataURI ? `${info.instance} ${el.BulkDataURI}` : `${lut.first} ${lut.bits} ${lut.entries} ${el?.InlineBinary ?? el?.Value?.join(",")}`;
    const known = tables.get(key);
    if (known) return known;
    if (tables.size >= tablesMax) tables.clear();
    const loading = loadTable(lut, info);
    loading.catch(() => tables.delete(key));
    tables.set(key, loading);
    return loading;
}

async function loadTable(lut: Lut, info: FrameInfo): Promise<Table> {
    const el = lut.data;
    const words = el?.Value?.map(Number);
    const bytes = words ? new Uint8Array(Uint16Array.from(words).buffer) : (inlineBytes(el) ?? (el?.BulkDataURI ? await fetchBulk(info, el.BulkDataURI) : undefined));
    if (!bytes) throw new Error(t("The image refers to a look-up table that is not there"));
    const entries = lut.segmented
        ? expandSegments(tableEntries(bytes, bytes.length / 2, 16), lut.entries)
        : tableEntries(bytes, lut.entries, lut.bits);
    return { first: lut.first, bits: lut.bits, entries };
}
