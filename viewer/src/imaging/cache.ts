/** Frames in memory: one load for each, shared by all who want it, aborted when the last of them loses interest. What has not
 *  been looked at for longest goes when there is no more room. */

import { fetchFrame, isAbort, type Frame } from "../dicomweb/client";
import { decode, isProgressive, type Decoded } from "./decode";
import { decodedInfo, isColor, type FrameInfo } from "./frame";
import { darken, minMax, type Pixels } from "./pixels";
import { openingWindow, paddingOf, type Grey } from "./window";
import { subtracted } from "../dicom/subtraction";
import { t } from "../ui/text";

/** Modality values, row by row, and which of them are padding: a bit for each pixel, the lowest first. */
export interface FrameValues {
    data: Pixels;
    padding: Uint8Array | undefined;
}

/** A frame, decoded: RGB bytes by pixel, or values that a window makes grey. */
export interface Picture {
    info: FrameInfo;
    pixels: Pixels;
    color: boolean;
    min: number;
    max: number;
    opening: Grey; /* the window it opens with */
    values: FrameValues | undefined; /* none for colour, nor where a VOI LUT has taken their place */
    isEarly?: boolean; /* made of the beginning of the frame's bytes: coarse, not to be measured, followed by the whole one */
}

export type Early = (picture: Picture) => void;

const bytesMax = 768 << 20;
const shareOfOneStack = 0.6;

interface Load {
    users: number;
    urgent: boolean;
    abort: AbortController;
    picture: Promise<Picture>;
}

const known = new Map<string, FrameInfo>();
const loads = new Map<string, Load>();
const pictures = new Map<string, Picture>(); /* in the order in which they were last asked for */
let bytes = 0;

export function register(frames: readonly FrameInfo[]): void {
    for (const f of frames) known.set(f.id, f);
}

/** The values of a frame in memory; undefined for colour, and where a VOI LUT has taken their place. */
export const valuesOf = (id: string): FrameValues | undefined => pictures.get(id)?.values;

export const isLoaded = (id: string): boolean => pictures.has(id);

/** A frame that is in memory. */
export function pictureOf(id: string): Picture | undefined {
    const picture = pictures.get(id);
    if (!picture) return undefined;
    pictures.delete(id);
    pictures.set(id, picture);
    return picture;
}

/** How many frames of this size one stack may keep while room is left for others. */
export function framesThatFit(info: FrameInfo): number {
    const each = info.rows * info.columns * (isColor(info) ? 3 : info.bitsAllocated > 8 ? 2 : 1);
    return Math.max(8, Math.floor((bytesMax * shareOfOneStack) / Math.max(1, each)));
}

/** Forgets all frames: a study was closed. */
export function forget(): void {
    for (const { abort } of loads.values()) abort.abort();
    loads.clear();
    pictures.clear();
    known.clear();
    bytes = 0;
}

function keep(picture: Picture): void {
    for (const [id, old] of pictures) {
        if (bytes + picture.pixels.byteLength <= bytesMax) break;
        pictures.delete(id);
        bytes -= old.pixels.byteLength;
    }
    bytes += picture.pixels.byteLength;
    pictures.set(picture.info.id, picture);
}

/** early: gets a coarse picture before, when the frame takes its time and its encoding can have one */
export async function load(id: string, urgent: boolean, signal?: AbortSignal, early?: Early): Promise<Picture> {
    const ready = pictureOf(id);
    if (ready) return ready;
    signal?.throwIfAborted();
    const running = loads.get(id) ?? started(id, urgent, early);
    running.users++;
    try {
        return await orAbort(running.picture, signal);
    } finally {
        if (--running.users === 0) {
            running.abort.abort(); /* does nothing to a load that has ended */
            if (loads.get(id) === running) loads.delete(id);
        }
    }
}

function started(id: string, urgent: boolean, early: Early | undefined): Load {
    const abort = new AbortController();
    const info = known.get(id);
    const picture = (info ? pictureFor(info, urgent, abort.signal, early) : Promise.reject(new Error(t("This frame does not belong to the open study")))).then((p) => {
        abort.signal.throwIfAborted(); /* the study was closed meanwhile */
        keep(p);
        return p;
    });
    const load = { users: 0, urgent, abort, picture };
    picture.catch(() => undefined).finally(() => loads.get(id) === load && loads.delete(id));
    loads.set(id, load);
    return load;
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
async function decodedByServer(info: FrameInfo, signal: AbortSignal, priority: RequestPriority, why: unknown): Promise<Decoded> {
    signal.throwIfAborted();
    try {
        return await decode(await fetchFrame(info, "plain", signal, priority), decodedInfo(info));
    } catch (e) {
        throw isAbort(e) ? e : why;
    }
}

async function difference(info: FrameInfo, { of, masks, shift }: NonNullable<FrameInfo["subtraction"]>, urgent: boolean, signal: AbortSignal): Promise<Decoded> {
    const [contrast, ...others] = await Promise.all([of, ...masks].map((id) => load(id, urgent, signal).then((p) => p.pixels)));
    return { pixels: subtracted(contrast!, others, shift, info.rows, info.columns), color: false, voiBits: undefined };
}

async function pictureFor(info: FrameInfo, urgent: boolean, signal: AbortSignal, early: Early | undefined): Promise<Picture> {
    if (info.subtraction) return pictureFrom(info, await difference(info, info.subtraction, urgent, signal));
    const priority = urgent ? "high" : "low";
    let isWhole = false;
    const beginning = (frame: Frame) => {
        if (!isProgressive(frame.transferSyntax)) return;
        const shown = decode(frame, info).then((decoded) => !isWhole && !signal.aborted && early?.({ ...pictureFrom(info, decoded), values: undefined, isEarly: true }));
        shown.catch(() => undefined); /* too little of it: the whole one comes */
    };
    const frame = await fetchFrame(info, "stored", signal, priority, early && beginning);
    const decoded = await decode(frame, info).catch((why: unknown) => decodedByServer(info, signal, priority, why));
    isWhole = true;
    return pictureFrom(info, decoded);
}

function pictureFrom(info: FrameInfo, { pixels, color, voiBits }: Decoded): Picture {
    const opening = color ? { center: 128, width: 256 } : openingWindow(info, pixels, voiBits);
    const range = color ? undefined : paddingOf(info);
    const padding = range && darken(pixels, range, info.inverse);
    const isMeasurable = !color && voiBits === undefined;
    return { info, pixels, color, opening, ...minMax(pixels), values: isMeasurable ? { data: pixels, padding } : undefined };
}
