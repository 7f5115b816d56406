/** Shutters and overlays over a frame: drawn at the size of the image and laid over the picture by the browser. */

import { useEffect, useRef } from "preact/hooks";
import { fetchBulk, fetchFrame } from "../../dicomweb/client";
import type { Dataset } from "../../dicomweb/json";
import { eachSet, inlineOf, overlaysOf, shutterGrey, unpack, unpackEmbedded, visibleOf, type Bits } from "../../dicom/shutter";
import type { StackState } from "../../imaging";
import { frameDataset, type FrameInfo } from "../../imaging/frame";

export interface Planes {
    bits: readonly Bits[];
    hidden: Uint8Array | undefined; /* 1: the shutter covers this pixel */
    grey: number;
}

const made = new Map<string, Promise<Planes | undefined>>();
const madeMax = 64;

/** What lies over a frame; undefined when nothing does. */
export function planesOf(info: FrameInfo, whole: Dataset): Promise<Planes | undefined> {
    const key = `${info.instance}/${info.frame}`;
    let planes = made.get(key);
    if (!planes) {
        if (made.size >= madeMax) made.clear();
        planes = make(info, frameDataset(whole, info.frame));
        planes.catch(() => made.delete(key));
        made.set(key, planes);
    }
    return planes;
}

async function make(info: FrameInfo, ds: Dataset): Promise<Planes | undefined> {
    const bits: Bits[] = [];
    for (const o of overlaysOf(ds, info.frame)) {
        const packed = inlineOf(o) ?? (o.data?.BulkDataURI ? await fetchBulk(info, o.data.BulkDataURI) : undefined);
        const inPixels = !packed && o.embeddedBit !== undefined ? (await fetchFrame(info, "plain")).bytes : undefined;
        const one = packed ? unpack(o, packed) : inPixels ? unpackEmbedded(o, inPixels, info.bitsAllocated) : undefined;
        if (one) bits.push(one);
    }
    const visible = visibleOf(ds, info.rows, info.columns, bits);
    if (bits.length === 0 && !visible) return undefined;
    return { bits, hidden: visible?.map((v) => 1 - v), grey: shutterGrey(ds) };
}

function paint(canvas: HTMLCanvasElement, { bits, hidden, grey }: Planes, withShutter: boolean, withBits: boolean): void {
    const context = canvas.getContext("2d")!;
    const image = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer); /* ABGR */
    if (withShutter && hidden) hidden.forEach((h, i) => h && (pixels[i] = 0xff000000 | (grey * 0x010101)));
    if (withBits) for (const b of bits) eachSet(b, canvas.height, canvas.width, (i) => (pixels[i] = 0xffffffff));
    context.putImageData(image, 0, 0);
}

export function PlanesCanvas({ state, dataset, shutters, overlays }: { state: StackState; dataset: Dataset; shutters: boolean; overlays: boolean }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const { info } = state;
    useEffect(() => {
        let gone = false;
        canvas.current!.hidden = true;
        planesOf(info, dataset).then(
            (planes) => {
                if (gone || !canvas.current || !planes) return;
                paint(canvas.current, planes, shutters, overlays);
                canvas.current.hidden = false;
            },
            () => undefined, /* an overlay that cannot be had is not drawn */
        );
        return () => {
            gone = true;
        };
    }, [info.instance, info.frame, dataset, shutters, overlays]);
    return <canvas ref={canvas} hidden class="look-planes" width={info.columns} height={info.rows} style={{ transform: `matrix(${state.toPane.join(",")})` }} />;
}
