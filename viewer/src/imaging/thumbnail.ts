/** Small pictures of frames, drawn by the processor in idle time: no viewport waits for them. */

import { load, register } from "./cache";
import { isColor, type FrameInfo } from "./frame";
import type { Pixels } from "./pixels";

export async function drawThumbnail(canvas: HTMLCanvasElement, info: FrameInfo, signal: AbortSignal): Promise<void> {
    register([info]);
    const image = await load(info.id, false, signal);
    const pixels = image.getPixelData() as Pixels;
    const aspect = (info.rows * info.rowSpacingMm) / (info.columns * info.columnSpacingMm);
    const side = canvas.width;
    const width = Math.max(1, Math.round(aspect > 1 ? side / aspect : side));
    const height = Math.max(1, Math.round(aspect > 1 ? side : side * aspect));
    const context = canvas.getContext("2d")!;
    const out = context.createImageData(width, height);
    if (isColor(info)) sampleColor(pixels, info, out);
    else sampleGrey(pixels, info, out, Number(image.windowCenter), Number(image.windowWidth));
    context.clearRect(0, 0, side, side);
    context.putImageData(out, Math.floor((side - width) / 2), Math.floor((side - height) / 2));
}

/* The mean of up to 3 x 3 points under each thumbnail pixel: quick, and without the worst of aliasing */
function* cells(info: FrameInfo, out: ImageData): Generator<[number, readonly number[]]> {
    const spots = [1 / 6, 1 / 2, 5 / 6];
    for (let y = 0, o = 0; y < out.height; y++)
        for (let x = 0; x < out.width; x++, o += 4) {
            const at: number[] = [];
            for (const dy of spots)
                for (const dx of spots) {
                    const r = Math.min(info.rows - 1, Math.floor(((y + dy) * info.rows) / out.height));
                    const c = Math.min(info.columns - 1, Math.floor(((x + dx) * info.columns) / out.width));
                    at.push(r * info.columns + c);
                }
            yield [o, at];
        }
}

function sampleGrey(pixels: Pixels, info: FrameInfo, out: ImageData, center: number, width: number): void {
    const range = Math.max(width - 1, width * 1e-3); /* PS3.3 §C.11.2.1.2.1 */
    const low = center - 0.5 - range / 2;
    const inverted = info.photometric === "MONOCHROME1";
    for (const [o, at] of cells(info, out)) {
        let sum = 0;
        for (const i of at) sum += pixels[i]!;
        const share = Math.min(1, Math.max(0, (sum / at.length - low) / range));
        const grey = Math.round(255 * (inverted ? 1 - share : share));
        out.data.set([grey, grey, grey, 255], o);
    }
}

function sampleColor(pixels: Pixels, info: FrameInfo, out: ImageData): void {
    for (const [o, at] of cells(info, out)) {
        const sum = [0, 0, 0];
        for (const i of at) for (let c = 0; c < 3; c++) sum[c]! += pixels[3 * i + c]!;
        out.data.set([...sum.map((s) => Math.round(s / at.length)), 255], o);
    }
}
