/** Frames on their way into Cornerstone's cache: one load for each, shared by all who want it, aborted when
 *  the last of them loses interest. */

import { cache, utilities, type Types } from "@cornerstonejs/core";
import { fetchFrame, isAbort } from "../dicomweb/client";
import { decode, type Decoded } from "./decode";
import { decodedInfo, isColor, type FrameInfo } from "./frame";
import { darken, minMax, type Pixels } from "./pixels";
import { openingWindow, paddingOf } from "./window";
import { subtracted } from "../dicom/subtraction";
import { t } from "../ui/text";

export const scheme = "dicomweb";

const known = new Map<string, FrameInfo>();
const interest = new Map<string, { users: number; urgent: boolean; abort: AbortController }>();

export function register(frames: readonly FrameInfo[]): void {
    for (const f of frames) known.set(f.id, f);
}

/** Modality values, row by row, and which of them are padding: a bit for each pixel, the lowest first. */
export interface FrameValues {
    data: Pixels;
    padding: Uint8Array | undefined;
}

const measurable = new WeakMap<Types.IImage, FrameValues>();

/** The values of a frame in memory; undefined for colour, and where a VOI LUT has taken their place. */
export function valuesOf(id: string): FrameValues | undefined {
    const image = cache.getImage(id);
    return image && measurable.get(image);
}

export const infoOf = (id: string): FrameInfo | undefined => known.get(id);

export const isLoaded = (id: string): boolean => cache.getImage(id) !== undefined;

/** How many frames of this size the cache takes while room is left for other viewports. */
export function framesThatFit(info: FrameInfo): number {
    const bytes = info.rows * info.columns * (isColor(info) ? 3 : info.bitsAllocated > 8 ? 2 : 1);
    return Math.max(8, Math.floor((cache.getMaxCacheSize() * 0.6) / Math.max(1, bytes)));
}

/** Forgets all frames: a study was closed. */
export function forget(): void {
    for (const { abort } of interest.values()) abort.abort();
    interest.clear();
    cache.purgeCache();
    known.clear();
}

export async function load(id: string, urgent: boolean, signal?: AbortSignal): Promise<Types.IImage> {
    const ready = cache.getImage(id);
    if (ready) return ready;
    signal?.throwIfAborted();
    const entry = interest.get(id) ?? { users: 0, urgent, abort: new AbortController() };
    interest.set(id, entry);
    entry.users++;
    entry.urgent ||= urgent;
    const leave = () => {
        if (--entry.users === 0 && interest.get(id) === entry) {
            interest.delete(id);
            entry.abort.abort(); /* does nothing to a load that has ended */
        }
    };
    try {
        return await orAbort(started(id), signal);
    } finally {
        leave();
    }
}

/* Not Cornerstone's loadAndCacheImage: that leaves a rejected promise behind for each load that fails. */
function started(id: string): Promise<Types.IImage> {
    const running = cache.getImageLoadObject(id);
    if (running) return running.promise;
    const object = loaderFor(id);
    cache.putImageLoadObject(id, object).catch(() => undefined); /* `promise` says the same, to whoever waits */
    return object.promise;
}

function orAbort<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
    if (!signal) return work;
    return new Promise<T>((resolve, reject) => {
        const stop = () => reject(new DOMException("no longer wanted", "AbortError"));
        signal.addEventListener("abort", stop, { once: true });
        work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
    });
}

/* What no decoder here takes (an exotic syntax, a damaged stream) the server may still decode. If it cannot
 * either, the first reason counts. */
async function decodedByServer(info: FrameInfo, signal: AbortSignal | undefined, priority: RequestPriority, why: unknown): Promise<Decoded> {
    signal?.throwIfAborted();
    try {
        return await decode(await fetchFrame(info, "plain", signal, priority), decodedInfo(info));
    } catch (e) {
        throw isAbort(e) ? e : why;
    }
}

async function difference(info: FrameInfo, { of, masks, shift }: NonNullable<FrameInfo["subtraction"]>, urgent: boolean, signal: AbortSignal | undefined): Promise<Decoded> {
    const images = await Promise.all([of, ...masks].map((id) => load(id, urgent, signal)));
    const [contrast, ...others] = images.map((i) => i.getPixelData());
    return { pixels: subtracted(contrast!, others, shift, info.rows, info.columns), color: false, voiBits: undefined };
}

/** The loader Cornerstone calls for our image ids. */
export function loaderFor(id: string): Types.IImageLoadObject {
    const entry = interest.get(id);
    const signal = entry?.abort.signal;
    const work = async () => {
        const info = known.get(id);
        if (!info) throw new Error(t("This frame does not belong to the open study"));
        if (info.subtraction) return imageOf(info, await difference(info, info.subtraction, entry?.urgent ?? false, signal));
        const priority = entry?.urgent === false ? "low" : "high";
        const frame = await fetchFrame(info, "stored", signal, priority);
        const decoded = await decode(frame, info).catch((why: unknown) => decodedByServer(info, signal, priority, why));
        signal?.throwIfAborted();
        return imageOf(info, decoded);
    };
    return { promise: work(), cancelFn: () => entry?.abort.abort() };
}

function imageOf(info: FrameInfo, { pixels, color, voiBits }: Decoded): Types.IImage {
    const window = color ? { center: 128, width: 256 } : openingWindow(info, pixels, voiBits);
    const padding = color ? undefined : paddingOf(info);
    const padded = padding && darken(pixels, padding, info.inverse);
    const { min, max } = minMax(pixels);
    const components = color ? 3 : 1;
    const scalarData = pixels as Types.PixelDataTypedArray;
    const voxelManager = utilities.VoxelManager.createImageVoxelManager({
        scalarData,
        width: info.columns,
        height: info.rows,
        numberOfComponents: components,
    });
    const image = {
        imageId: info.id,
        dataType: pixels.constructor.name,
        color,
        rgba: false,
        numberOfComponents: components,
        rows: info.rows,
        columns: info.columns,
        width: info.columns,
        height: info.rows,
        rowPixelSpacing: info.rowSpacingMm,
        columnPixelSpacing: info.columnSpacingMm,
        slope: 1, /* the values are modality values already */
        intercept: 0,
        invert: info.inverse && !color,
        photometricInterpretation: color ? "RGB" : info.photometric,
        minPixelValue: min,
        maxPixelValue: max,
        windowCenter: window.center,
        windowWidth: Math.max(window.width, info.voiFunction === "LINEAR_EXACT" ? 0 : 1.001, Math.abs(window.center) * 1e-6), /* the renderer needs two ends */
        voiLUTFunction: info.voiFunction,
        sizeInBytes: pixels.byteLength,
        voxelManager,
        getPixelData: () => scalarData,
        getCanvas: () => rgbCanvas(pixels, info.columns, info.rows),
    } as unknown as Types.IImage;
    if (!color && voiBits === undefined) measurable.set(image, { data: pixels, padding: padded });
    return image;
}

/* For Cornerstone's CPU renderer, where there is no WebGL */
function rgbCanvas(pixels: Pixels, width: number, height: number): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d")!;
    const image = context.createImageData(width, height);
    for (let i = 0, o = 0; o < image.data.length; i += 3, o += 4) {
        image.data[o] = pixels[i]!;
        image.data[o + 1] = pixels[i + 1]!;
        image.data[o + 2] = pixels[i + 2]!;
        image.data[o + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    return canvas;
}
