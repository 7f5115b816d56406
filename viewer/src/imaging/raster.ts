/** A frame as it is seen: its values, through a window and colours, as the pixels of a canvas from which panes are drawn. */

import type { Picture } from "./cache";
import { colorMaps, type MapName } from "./colormaps";
import type { Pixels } from "./pixels";
import { shareIn, type Grey } from "./window";

export interface Shade {
    window: Grey;
    inverse: boolean; /* the highest value is dark */
    colors: MapName;
}

/** A part of a frame, in its pixels: whole ones. */
export interface Part {
    left: number;
    top: number;
    right: number;
    bottom: number;
}

const wholeMost = 4 << 20; /* pixels: of a frame with more, what is in view is drawn anew each time */

/** The mean of each `step` by `step` pixels: a picture that is shown smaller than it is has to leave out no pixel. */
export function coarser(pixels: Pixels, columns: number, rows: number, samples: number, step: number): Pixels {
    const [width, height] = [Math.ceil(columns / step), Math.ceil(rows / step)];
    const out = new (pixels.constructor as { new (n: number): Pixels })(width * height * samples);
    const isWhole = !(pixels instanceof Float32Array || pixels instanceof Float64Array);
    const sums = new Float64Array(width * samples);
    for (let y = 0, o = 0; y < height; y++) {
        sums.fill(0);
        const end = Math.min(rows, (y + 1) * step);
        for (let r = y * step; r < end; r++)
            for (let x = 0, i = r * columns * samples; x < width; x++) {
                const n = Math.min(step, columns - x * step);
                for (let k = 0; k < n; k++) for (let s = 0; s < samples; s++) sums[x * samples + s]! += pixels[i++]!;
            }
        for (let x = 0; x < width; x++) {
            const n = Math.min(step, columns - x * step) * (end - y * step);
            for (let s = 0; s < samples; s++, o++) out[o] = isWhole ? Math.round(sums[x * samples + s]! / n) : sums[x * samples + s]! / n;
        }
    }
    return out;
}

const opaque = 0xff000000;

/** What each value from `min` to `max` looks like, as a pixel of a canvas. */
export function lookUp(min: number, max: number, { window, inverse, colors }: Shade, voiFunction: string): Uint32Array {
    const map = new Uint32Array(colorMaps[colors].buffer);
    const share = shareIn(window, voiFunction);
    return Uint32Array.from({ length: max - min + 1 }, (_, i) => map[entry(share(min + i), inverse)]!);
}

const entry = (share: number, inverse: boolean) => Math.round(255 * Math.min(1, Math.max(0, inverse ? 1 - share : share)));

export class Raster {
    private readonly canvas = document.createElement("canvas");
    private readonly context = this.canvas.getContext("2d", { alpha: false })!;
    private image: ImageData | undefined;
    private drawn = ""; /* with which look, and which part */
    private of: Picture | undefined;
    private small: { of: Picture; step: number; pixels: Pixels } | undefined;

    /** Draws the part `view` of a frame into `onto`, whose coordinates are those of the frame's pixels.
     *  scale: pixels of `onto`'s canvas for one of the frame */
    draw(onto: CanvasRenderingContext2D, picture: Picture, shade: Shade, scale: number, view: Part): void {
        const { rows, columns } = picture.info;
        const step = Math.max(1, Math.floor(1 / scale));
        const [width, height] = [Math.ceil(columns / step), Math.ceil(rows / step)];
        const part = width * height <= wholeMost ? { left: 0, top: 0, right: width, bottom: height } : within(view, step, width, height);
        const [w, h] = [part.right - part.left, part.bottom - part.top];
        if (w <= 0 || h <= 0) return;
        const look = `${JSON.stringify(shade)} ${step} ${Object.values(part).join()}`;
        if (this.of !== picture || this.drawn !== look) {
            this.fill(picture, shade, step, width, part);
            [this.of, this.drawn] = [picture, look];
        }
        /* the last of the coarse pixels may stand for fewer: what is beyond the frame is not drawn */
        const [right, bottom] = [Math.min(columns, part.right * step), Math.min(rows, part.bottom * step)];
        const [left, top] = [part.left * step, part.top * step];
        onto.drawImage(this.canvas, 0, 0, (right - left) / step, (bottom - top) / step, left, top, right - left, bottom - top);
    }

    private fill(picture: Picture, shade: Shade, step: number, width: number, part: Part): void {
        const [w, h] = [part.right - part.left, part.bottom - part.top];
        if (this.canvas.width !== w || this.canvas.height !== h) {
            this.canvas.width = w;
            this.canvas.height = h;
        }
        if (this.image?.width !== w || this.image.height !== h) this.image = this.context.createImageData(w, h);
        const out = new Uint32Array(this.image.data.buffer);
        const pixels = step === 1 ? picture.pixels : this.reduced(picture, step);
        if (picture.color) colored(pixels, out, width, part, shade);
        else if (pixels instanceof Float32Array || pixels instanceof Float64Array || picture.max - picture.min > 0xffff) computed(picture, pixels, out, width, part, shade);
        else looked(picture, pixels, out, width, part, shade);
        this.context.putImageData(this.image, 0, 0);
    }

    private reduced(picture: Picture, step: number): Pixels {
        if (this.small?.of !== picture || this.small.step !== step)
            this.small = { of: picture, step, pixels: coarser(picture.pixels, picture.info.columns, picture.info.rows, picture.color ? 3 : 1, step) };
        return this.small.pixels;
    }
}

/* In coarse pixels, with one more at each side for what lies between pixels. */
function within(view: Part, step: number, width: number, height: number): Part {
    return {
        left: Math.max(0, Math.floor(view.left / step) - 1),
        top: Math.max(0, Math.floor(view.top / step) - 1),
        right: Math.min(width, Math.ceil(view.right / step) + 1),
        bottom: Math.min(height, Math.ceil(view.bottom / step) + 1),
    };
}

function looked({ min, max, info }: Picture, v: Pixels, out: Uint32Array, width: number, { left, top, right, bottom }: Part, shade: Shade): void {
    const table = lookUp(min, max, shade, info.voiFunction);
    for (let y = top, o = 0; y < bottom; y++) for (let i = y * width + left, end = y * width + right; i < end; i++) out[o++] = table[v[i]! - min]!;
}

function computed({ info }: Picture, v: Pixels, out: Uint32Array, width: number, { left, top, right, bottom }: Part, { window, inverse, colors }: Shade): void {
    const map = new Uint32Array(colorMaps[colors].buffer);
    const share = shareIn(window, info.voiFunction);
    for (let y = top, o = 0; y < bottom; y++) for (let i = y * width + left, end = y * width + right; i < end; i++) out[o++] = map[entry(share(v[i]!), inverse)]!;
}

/* The window moves each colour by itself: brightness and contrast. */
function colored(v: Pixels, out: Uint32Array, width: number, { left, top, right, bottom }: Part, { window, inverse }: Shade): void {
    const share = shareIn(window, "LINEAR");
    const table = Uint8Array.from({ length: 256 }, (_, x) => entry(share(x), inverse));
    for (let y = top, o = 0; y < bottom; y++)
        for (let i = 3 * (y * width + left), end = 3 * (y * width + right); i < end; i += 3)
            out[o++] = (opaque | (table[v[i + 2]!]! << 16) | (table[v[i + 1]!]! << 8) | table[v[i]!]!) >>> 0;
}
