/** A stack of frames in one pane: what is shown, how, and what is fetched next. */

import { cross, unit, type Vec3 } from "../dicom/vector";
import { isAbort } from "../dicomweb/client";
import { framesThatFit, isLoaded, load, pictureOf, register, valuesOf, type FrameValues, type Picture } from "./cache";
import type { FrameInfo } from "./frame";
import { edgeLetters, type EdgeLetters } from "./orientation";
import { placeOf, shownPart, type Place } from "./place";
import { centreOut, LoadQueue } from "./queue";
import { Raster } from "./raster";
import type { Affine, View } from "./view";
import type { MapName } from "./colormaps";
import type { Grey } from "./window";
import { t } from "../ui/text";

export interface StackState {
    index: number; /* the frame on screen, from 0 */
    info: FrameInfo;
    isEarly: boolean; /* coarse: the rest of its bytes is still on its way */
    center: number;
    width: number;
    invert: boolean;
    scale: number; /* CSS pixels for one image pixel */
    letters: EdgeLetters | undefined;
    toPane: Affine; /* from image points (column, row; 0,0 is the outer corner of the first pixel) to CSS pixels in the pane */
}

export interface Presentation {
    window: Grey | undefined;
    inverted: boolean;
    turn: 0 | 90 | 180 | 270;
    mirrored: boolean;
    area: { left: number; top: number; right: number; bottom: number } | undefined;
    magnification: number | undefined;
}

export interface StackEvents {
    onState: (state: StackState) => void;
    onLoaded: () => void; /* another frame has arrived */
    onError: (index: number, message: string) => void;
}

const prefetchParallel = 5; /* of the six requests that browsers make at once: one is left for what is wanted now */
const zoomLeast = 0.05;
const zoomMost = 40;
const upright: Place = { turn: 0, mirrored: false, zoomed: 1, middle: [0.5, 0.5] };

export class StackView implements View {
    private readonly canvas = document.createElement("canvas");
    private readonly context = this.canvas.getContext("2d", { alpha: false })!;
    private readonly raster = new Raster();
    private readonly queue = new LoadQueue(prefetchParallel);
    private readonly resizing: ResizeObserver;
    private frames: readonly FrameInfo[] = [];
    private asked = -1; /* the frame the user wants to see */
    private shown = -1;
    private latest = 0; /* a newer request makes older ones void */
    private pending: AbortController | undefined;
    private picture: Picture | undefined; /* on screen */
    private chosen: Grey | undefined; /* the user's window, or the one that stands for a series without */
    private inverted = false;
    private colors: MapName = "grey";
    private place = upright;
    private drawing = 0;
    private closed = false;

    constructor(
        private readonly element: HTMLDivElement,
        private readonly events: StackEvents,
    ) {
        this.canvas.className = "stack-canvas";
        element.append(this.canvas);
        this.resizing = new ResizeObserver(() => this.draw());
        this.resizing.observe(element);
    }

    /** Shows `frames` from `index` on; what was loading for the previous stack is aborted. */
    async open(frames: readonly FrameInfo[], index: number): Promise<void> {
        this.queue.clear();
        register(frames);
        this.frames = frames;
        this.asked = this.shown = -1;
        this.picture = undefined;
        await this.show(index);
    }

    /** Shows nothing, until the next `open`. */
    empty(): void {
        this.latest++;
        this.pending?.abort();
        this.queue.clear();
        this.frames = [];
        this.asked = this.shown = -1;
        this.picture = undefined;
        cancelAnimationFrame(this.drawing);
        this.drawing = 0;
        this.canvas.width = this.canvas.height = 0;
    }

    get count(): number {
        return this.frames.length;
    }

    get wanted(): number {
        return this.asked;
    }

    loaded(index: number): boolean {
        const frame = this.frames[index];
        return frame !== undefined && isLoaded(frame.id);
    }

    /** Shows a frame as soon as it is there; a later call overtakes an earlier one. */
    async show(to: number): Promise<void> {
        const index = Math.max(0, Math.min(this.frames.length - 1, to));
        const info = this.frames[index];
        if (!info || this.closed || (index === this.asked && this.picture)) return;
        this.asked = index;
        const mine = ++this.latest;
        this.pending?.abort();
        const ready = pictureOf(info.id);
        if (ready) {
            this.take(ready, index);
            return this.prefetch(index);
        }
        const abort = (this.pending = new AbortController());
        const release = this.queue.hold();
        try {
            const take = (picture: Picture) => mine === this.latest && !this.closed && this.take(picture, index);
            take(await load(info.id, true, abort.signal, take));
        } catch (e) {
            if (mine === this.latest && !this.closed && !isAbort(e)) this.events.onError(index, wording(e));
        } finally {
            release();
            if (mine === this.latest && !this.closed) this.prefetch(index);
        }
    }

    private take(picture: Picture, index: number): void {
        const before = this.picture;
        this.picture = picture;
        this.shown = index;
        if (before?.isEarly && before.opening === this.chosen) this.chosen = picture.opening; /* it was found in the coarse picture */
        if (before) return this.redraw();
        this.place = upright; /* what was turned or moved was another series */
        this.inverted = false;
        this.chosen = picture.info.windows.length === 0 ? picture.opening : undefined; /* one for all slices, or each its own */
        this.draw();
    }

    private prefetch(center: number): void {
        const info = this.frames[center];
        if (!info || this.frames.length < 2) return;
        const order = centreOut(center, this.frames.length, framesThatFit(info));
        const tasks = order
            .map((i) => this.frames[i]!.id)
            .filter((id) => !isLoaded(id))
            .map((id) => ({
                key: id,
                run: (signal: AbortSignal) => load(id, false, signal).then(() => this.events.onLoaded()),
            }));
        this.queue.replace(tasks);
        this.events.onLoaded();
    }

    /* Once for each frame of the screen, however much has changed. */
    private redraw(): void {
        this.drawing ||= requestAnimationFrame(() => this.draw());
    }

    private draw(): void {
        cancelAnimationFrame(this.drawing);
        this.drawing = 0;
        const { picture, context, canvas } = this;
        const pane = this.size;
        if (this.closed || !picture || pane.width === 0 || pane.height === 0) return;
        const dense = devicePixelRatio || 1;
        const [width, height] = [Math.round(pane.width * dense), Math.round(pane.height * dense)];
        if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
        const toPane = placeOf(picture.info, this.place, pane);
        const [a, b, c, d, e, f] = toPane;
        context.resetTransform();
        context.clearRect(0, 0, width, height);
        context.setTransform(a * dense, b * dense, c * dense, d * dense, e * dense, f * dense);
        const inverse = this.inverted !== (picture.info.inverse && !picture.color);
        const scale = dense * Math.max(Math.hypot(a, b), Math.hypot(c, d));
        this.raster.draw(context, picture, { window: this.window(picture), inverse, colors: this.colors }, scale, shownPart(toPane, pane));
        this.tell(picture, toPane); /* only what has been drawn is told */
    }

    private window(picture: Picture): Grey {
        return this.chosen ?? picture.opening;
    }

    private tell(picture: Picture, toPane: Affine): void {
        const { center, width } = this.window(picture);
        this.events.onState({
            index: this.shown,
            info: picture.info,
            isEarly: picture.isEarly ?? false,
            center,
            width,
            invert: this.inverted,
            scale: Math.hypot(toPane[2], toPane[3]),
            letters: lettersOf(picture.info, toPane),
            toPane,
        });
    }

    /** Of the pane, in CSS pixels. */
    get size(): { width: number; height: number } {
        return { width: this.element.clientWidth, height: this.element.clientHeight };
    }

    /** The modality values of a frame that is here; undefined for colour. */
    values(index: number): FrameValues | undefined {
        const frame = this.frames[index];
        return frame && valuesOf(frame.id);
    }

    /** Window centre and width in modality units.   PS3.3 §C.11.2.1.2 */
    setWindow(center: number, width: number): void {
        if (!this.picture) return;
        this.chosen = { center, width: Math.max(width, 1e-6) };
        this.redraw();
    }

    /** The colours that stand for grey values; `grey` is none. */
    setColorMap(name: MapName): void {
        this.colors = name;
        this.redraw();
    }

    toggleInvert(): void {
        this.inverted = !this.inverted;
        this.redraw();
    }

    pan(dx: number, dy: number): void {
        const info = this.picture?.info;
        if (!info) return;
        const [a, b, c, d] = placeOf(info, this.place, this.size);
        const area = a * d - b * c;
        const [columns, rows] = [(d * dx - c * dy) / area, (a * dy - b * dx) / area];
        const [x, y] = this.place.middle;
        this.move({ middle: [x - columns / info.columns, y - rows / info.rows] });
    }

    zoom(factor: number): void {
        this.move({ zoomed: Math.min(zoomMost, Math.max(zoomLeast, this.place.zoomed * factor)) });
    }

    /** So that an image pixel takes `scale` CSS pixels (those of its rows). */
    zoomTo(scale: number, now: number): void {
        if (now > 0 && scale > 0) this.zoom(scale / now);
    }

    get isFlipped(): boolean {
        return this.place.mirrored;
    }

    /** By 90° clockwise, as it is seen. What filled the pane does so afterwards; what had been zoomed keeps its size. */
    rotate(): void {
        const info = this.picture?.info;
        if (!info) return;
        const turn = (this.place.turn + (this.place.mirrored ? 270 : 90)) % 360;
        const size = (p: Place) => Math.hypot(...(placeOf(info, p, this.size).slice(0, 2) as [number, number]));
        const isWhole = this.place.zoomed === 1;
        this.move({ turn, zoomed: isWhole ? 1 : (this.place.zoomed * size(this.place)) / size({ ...this.place, turn }) });
    }

    flip(): void {
        this.move({ mirrored: !this.place.mirrored });
    }

    /** The whole picture, turned and mirrored as it is. */
    fit(): void {
        this.move({ zoomed: 1, middle: [0.5, 0.5] });
    }

    private move(change: Partial<Place>): void {
        this.place = { ...this.place, ...change };
        this.redraw();
    }

    /** As a presentation state has it: turned clockwise by `turn` degrees, then mirrored; `area` in image points fills the
     *  pane, or `magnification` CSS pixels stand for one of the image around its middle. */
    present(how: Presentation): void {
        const info = this.picture?.info;
        if (!info) return;
        if (how.window) this.chosen = how.window;
        this.inverted = how.inverted;
        this.place = { ...upright, turn: how.turn, mirrored: how.mirrored };
        if (how.area) this.showArea(info, how.area, how.magnification);
        this.redraw();
    }

    private showArea(info: FrameInfo, { left, top, right, bottom }: NonNullable<Presentation["area"]>, magnification: number | undefined): void {
        const [a, b, c, d] = placeOf(info, this.place, this.size);
        const [across, down] = [right - left, bottom - top];
        const fit = Math.min(this.size.width / Math.abs(a * across + c * down), this.size.height / Math.abs(b * across + d * down));
        const zoomed = magnification === undefined ? fit : magnification / Math.hypot(a, b);
        if (!Number.isFinite(zoomed) || zoomed <= 0) return;
        this.place = { ...this.place, zoomed, middle: [(left + right) / 2 / info.columns, (top + bottom) / 2 / info.rows] };
    }

    /** The window of the file, and the picture upright, unmirrored, whole. */
    reset(): void {
        const { picture } = this;
        if (!picture) return;
        this.chosen = picture.info.windows.length === 0 ? picture.opening : undefined;
        this.inverted = false;
        this.place = upright;
        this.redraw();
    }

    close(): void {
        this.closed = true;
        this.latest++;
        cancelAnimationFrame(this.drawing);
        this.pending?.abort();
        this.queue.clear();
        this.resizing.disconnect();
        this.canvas.remove();
    }
}

/* What of the patient lies up and to the right in the pane. */
function lettersOf({ rowDirection, columnDirection, columnSpacingMm, rowSpacingMm }: FrameInfo, [a, b, c, d]: Affine): EdgeLetters | undefined {
    if (!rowDirection || !columnDirection) return undefined;
    const area = a * d - b * c;
    const seen = (x: number, y: number): Vec3 => {
        const [along, down] = [((d * x - c * y) / area) * columnSpacingMm, ((a * y - b * x) / area) * rowSpacingMm];
        return unit(rowDirection.map((v, i) => v * along + columnDirection[i]! * down) as unknown as Vec3);
    };
    const up = seen(0, -1);
    return edgeLetters(up, cross(seen(1, 0), up));
}

function wording(e: unknown): string {
    if (e instanceof Error) return e.message;
    return typeof e === "string" ? e : t("The image cannot be decoded");
}
