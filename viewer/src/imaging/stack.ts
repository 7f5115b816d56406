/** A stack of frames in one viewport: what is shown, how, and what is fetched next. */

import { Enums, RenderingEngine, utilities, type Types } from "@cornerstonejs/core";
import { isAbort } from "../dicomweb/client";
import { framesThatFit, isLoaded, load, register, valuesOf, type FrameValues } from "./cache";
import { isColor, type FrameInfo } from "./frame";
import { edgeLetters, type EdgeLetters } from "./orientation";
import { centreOut, LoadQueue } from "./queue";
import type { Affine, View } from "./view";
import { colorMaps, type MapName } from "./colormaps";
import type { Grey } from "./window";
import { t } from "../ui/text";

export interface StackState {
    index: number; /* the frame on screen, from 0 */
    info: FrameInfo;
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

/* Where the rows of the picture point to on screen, turned and then mirrored. */
function lies([a, b]: Affine, { turn, mirrored }: Presentation): boolean {
    const angle = (turn * Math.PI) / 180;
    const [x, y] = [(mirrored ? -1 : 1) * Math.cos(angle), Math.sin(angle)];
    return a * x + b * y > 0.9 * Math.hypot(a, b);
}

export interface StackEvents {
    onState: (state: StackState) => void;
    onLoaded: () => void; /* another frame has arrived */
    onError: (index: number, message: string) => void;
}

const prefetchParallel = 4;
let engine: RenderingEngine | undefined;
let serial = 0;

type VoiFunction = Enums.VOILUTFunctionType;
const voiFunctionOf = (info: FrameInfo): VoiFunction =>
    Object.values(Enums.VOILUTFunctionType).find((f) => f === info.voiFunction) ?? Enums.VOILUTFunctionType.LINEAR;

/* With sigmoid, the range is the linear one around the same centre. A linear width of 1 is a threshold; the
 * renderer needs a little more than nothing between its two ends. */
function windowRange(info: FrameInfo, center: number, width: number): { lower: number; upper: number } {
    const voi = voiFunctionOf(info);
    const least = voi === Enums.VOILUTFunctionType.LINEAR_EXACT ? 1e-6 : 1.001;
    return utilities.windowLevel.toLowHighRange(Math.max(width, least), center, voi);
}

export class StackView implements View {
    private readonly id = `stack-${++serial}`;
    private readonly viewport: Types.IStackViewport;
    private readonly queue = new LoadQueue(prefetchParallel);
    private readonly resizing: ResizeObserver;
    private frames: readonly FrameInfo[] = [];
    private asked = -1; /* the frame the user wants to see */
    private shown = -1;
    private turn = 0; /* a newer request makes older ones void */
    private pending: AbortController | undefined;
    private hasStack = false;
    private chosen: Grey | undefined; /* the user's window, or the one that stands for a series without */
    private opening: Grey = { center: 128, width: 256 }; /* that of the frame on screen */
    private isWhole = true; /* the picture fills its pane: nobody has moved it */
    private closed = false;

    constructor(
        private readonly element: HTMLDivElement,
        private readonly events: StackEvents,
    ) {
        engine ??= new RenderingEngine("isocenter");
        engine.enableElement({
            viewportId: this.id,
            type: Enums.ViewportType.STACK,
            element,
            defaultOptions: { background: [0, 0, 0] },
        });
        this.viewport = engine.getViewport(this.id) as Types.IStackViewport;
        element.addEventListener(Enums.Events.IMAGE_RENDERED, this.tell);
        this.resizing = new ResizeObserver(() => {
            if (this.closed || element.clientWidth === 0 || element.clientHeight === 0) return;
            engine?.resize(true, true);
            if (this.isWhole && this.hasStack) this.fit(); /* what was whole in the pane stays so */
        });
        this.resizing.observe(element);
    }

    /** Shows `frames` from `index` on; what was loading for the previous stack is aborted. */
    async open(frames: readonly FrameInfo[], index: number): Promise<void> {
        this.queue.clear();
        register(frames);
        this.frames = frames;
        this.asked = this.shown = -1;
        this.hasStack = false;
        this.isWhole = true;
        await this.show(index);
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
        if (!info || this.closed || (index === this.asked && this.hasStack)) return;
        this.asked = index;
        const mine = ++this.turn;
        this.pending?.abort();
        const abort = (this.pending = new AbortController());
        const release = this.queue.hold();
        try {
            const image = await load(info.id, true, abort.signal);
            if (mine !== this.turn || this.closed) return;
            this.opening = { center: Number(image.windowCenter), width: Number(image.windowWidth) };
            if (this.hasStack) await this.viewport.setImageIdIndex(index);
            else await this.start(info, index);
            if (mine !== this.turn || this.closed) return; /* overtaken meanwhile: the newer one tells */
            this.applyWindow(info, this.chosen ?? this.opening);
            this.shown = index;
            this.viewport.render(); /* and only what has been drawn is told */
        } catch (e) {
            if (mine === this.turn && !this.closed && !isAbort(e)) this.events.onError(index, wording(e));
        } finally {
            release();
            if (mine === this.turn && !this.closed) this.prefetch(index);
        }
    }

    private async start(info: FrameInfo, index: number): Promise<void> {
        const ids = this.frames.map((f) => f.id);
        await this.viewport.setStack(ids, index);
        this.hasStack = true;
        this.upright(); /* what was turned or moved was another series */
        this.chosen = info.windows.length === 0 ? this.opening : undefined; /* one for all slices, or each its own */
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

    private readonly tell = (): void => {
        const info = this.frames[this.shown];
        if (!info || this.closed) return;
        const camera = this.viewport.getCamera();
        const perMm = camera.parallelScale ? this.element.clientHeight / (2 * camera.parallelScale) : 1;
        this.events.onState({
            index: this.shown,
            info,
            ...this.grey(),
            invert: (this.viewport.getProperties().invert ?? false) !== (info.inverse && !isColor(info)),
            scale: perMm * info.rowSpacingMm,
            letters: info.rowDirection ? edgeLetters(camera.viewUp, camera.viewPlaneNormal) : undefined,
            toPane: this.toPane(info),
        });
    };

    /* The picture lies flat in the pane, so three of its points tell where all are. */
    private toPane(info: FrameInfo): Affine {
        const at = info.position ?? [0, 0, 0];
        const along = info.rowDirection ?? [1, 0, 0];
        const down = info.columnDirection ?? [0, 1, 0];
        const seen = (column: number, row: number) => {
            const [x, y] = [(column - 0.5) * info.columnSpacingMm, (row - 0.5) * info.rowSpacingMm];
            return this.viewport.worldToCanvas(at.map((o, i) => o + x * along[i]! + y * down[i]!) as Types.Point3);
        };
        const [o, x, y] = [seen(0, 0), seen(info.columns, 0), seen(0, info.rows)];
        const part = (p: Types.Point2, axis: 0 | 1, length: number) => (p[axis] - o[axis]) / length;
        return [part(x, 0, info.columns), part(x, 1, info.columns), part(y, 0, info.rows), part(y, 1, info.rows), o[0], o[1]];
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

    private grey(): { center: number; width: number } {
        const range = this.viewport.getProperties().voiRange;
        if (!range) return { center: 128, width: 256 };
        const info = this.frames[Math.max(0, this.asked)]!;
        const exact = voiFunctionOf(info) === Enums.VOILUTFunctionType.LINEAR_EXACT ? 0 : 1;
        return { center: (range.lower + range.upper + exact) / 2, width: range.upper - range.lower + exact };
    }

    /** Window centre and width in modality units.   PS3.3 §C.11.2.1.2 */
    setWindow(center: number, width: number): void {
        const info = this.frames[Math.max(0, this.asked)];
        if (!info || !this.hasStack) return;
        this.chosen = { center, width: Math.max(width, 1e-6) };
        this.applyWindow(info, this.chosen);
    }

    private applyWindow(info: FrameInfo, { center, width }: Grey): void {
        const { lower, upper } = windowRange(info, center, width);
        const now = this.viewport.getProperties().voiRange;
        if (now && Math.abs(now.lower - lower) < 1e-9 && Math.abs(now.upper - upper) < 1e-9) return;
        this.viewport.setProperties({ voiRange: { lower, upper } });
        this.viewport.render();
    }

    /** The colours that stand for grey values; `grey` is none. */
    setColorMap(name: MapName): void {
        if (!this.hasStack) return;
        const map = colorMaps[name];
        const points = Array.from({ length: 256 }, (_, i) => [i / 255, map[4 * i]! / 255, map[4 * i + 1]! / 255, map[4 * i + 2]! / 255]).flat();
        utilities.colormap.registerColormap({ Name: `isocenter ${name}`, ColorSpace: "RGB", RGBPoints: points } as Parameters<typeof utilities.colormap.registerColormap>[0]);
        const { voiRange, invert } = this.viewport.getProperties();
        this.viewport.setProperties({ colormap: { name: `isocenter ${name}` }, ...(voiRange ? { voiRange } : {}), invert: false });
        if (invert) this.viewport.setProperties({ invert });
        this.viewport.render();
    }

    toggleInvert(): void {
        if (!this.hasStack) return;
        this.viewport.setProperties({ invert: !(this.viewport.getProperties().invert ?? false) });
        this.viewport.render();
    }

    pan(dx: number, dy: number): void {
        this.isWhole = false;
        const [x, y] = this.viewport.getPan();
        this.viewport.setPan([x + dx, y + dy]);
        this.viewport.render();
    }

    zoom(factor: number): void {
        this.isWhole = false;
        this.viewport.setZoom(Math.min(40, Math.max(0.05, this.viewport.getZoom() * factor)));
        this.viewport.render();
    }

    /** So that an image pixel takes `scale` CSS pixels (those of its rows). */
    zoomTo(scale: number, now: number): void {
        if (this.hasStack && now > 0 && scale > 0) this.zoom(scale / now);
    }

    get isFlipped(): boolean {
        return this.viewport.getCamera().flipHorizontal ?? false;
    }

    rotate(): void {
        const { rotation = 0 } = this.viewport.getViewPresentation();
        this.viewport.setViewPresentation({ rotation: (rotation + 90) % 360 });
        this.viewport.render();
    }

    flip(): void {
        const { flipHorizontal = false } = this.viewport.getCamera();
        this.viewport.setCamera({ flipHorizontal: !flipHorizontal });
        this.viewport.render();
    }

    /** The whole picture, turned and mirrored as it is. */
    fit(): void {
        this.isWhole = true;
        const { rotation = 0 } = this.viewport.getViewPresentation();
        const { flipHorizontal = false, flipVertical = false } = this.viewport.getCamera();
        this.viewport.resetCamera();
        this.viewport.setCamera({ flipHorizontal, flipVertical });
        this.viewport.setViewPresentation({ rotation });
        this.viewport.render();
    }

    private upright(): void {
        this.isWhole = true;
        this.viewport.setCamera({ flipHorizontal: false, flipVertical: false });
        this.viewport.setViewPresentation({ rotation: 0 });
        this.viewport.resetCamera();
    }

    /** As a presentation state has it: turned clockwise by `turn` degrees, then mirrored; `area` in image points fills the
     *  pane, or `magnification` CSS pixels stand for one of the image around its middle. */
    present(how: Presentation): void {
        const info = this.frames[Math.max(0, this.asked)];
        if (!info || !this.hasStack) return;
        if (how.window) {
            this.chosen = how.window;
            this.applyWindow(info, how.window);
        }
        this.viewport.setProperties({ invert: how.inverted !== (info.inverse && !isColor(info)) });
        this.viewport.setCamera({ flipHorizontal: how.mirrored, flipVertical: false });
        for (const rotation of [0, 90, 180, 270]) {
            this.viewport.setViewPresentation({ rotation });
            if (lies(this.toPane(info), how)) break;
        }
        this.viewport.resetCamera();
        if (how.area) this.showArea(info, how.area, how.magnification);
        this.viewport.render();
    }

    private showArea(info: FrameInfo, area: NonNullable<Presentation["area"]>, magnification: number | undefined): void {
        const [width, height] = [this.element.clientWidth, this.element.clientHeight];
        const at = (m: Affine, x: number, y: number) => [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]] as const;
        const before = this.toPane(info);
        const [a, b] = [at(before, area.left, area.top), at(before, area.right, area.bottom)];
        const fit = Math.min(width / Math.abs(a[0] - b[0]), height / Math.abs(a[1] - b[1]));
        const factor = magnification === undefined ? fit : magnification / Math.hypot(before[0], before[1]);
        if (!Number.isFinite(factor) || factor <= 0) return;
        this.viewport.setZoom(this.viewport.getZoom() * factor);
        const middle = at(this.toPane(info), (area.left + area.right) / 2, (area.top + area.bottom) / 2);
        const [x, y] = this.viewport.getPan();
        this.viewport.setPan([x + width / 2 - middle[0], y + height / 2 - middle[1]]);
    }

    /** The window of the file, and the picture upright, unmirrored, whole. */
    reset(): void {
        const info = this.frames[Math.max(0, this.asked)];
        if (!info || !this.hasStack) return;
        this.chosen = info.windows.length === 0 ? this.opening : undefined;
        this.applyWindow(info, this.opening);
        this.viewport.setProperties({ invert: info.inverse && !isColor(info) });
        this.upright();
        this.viewport.render();
    }

    close(): void {
        this.closed = true;
        this.turn++;
        this.pending?.abort();
        this.queue.clear();
        this.resizing.disconnect();
        this.element.removeEventListener(Enums.Events.IMAGE_RENDERED, this.tell);
        engine?.disableElement(this.id);
    }
}

function wording(e: unknown): string {
    if (e instanceof Error) return e.message;
    return typeof e === "string" ? e : t("The image cannot be decoded");
}
