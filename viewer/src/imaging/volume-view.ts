/** What planes and space have in common on screen: a canvas in the pane that follows its size, and draws once for each
 *  frame of the screen however often it is asked to. */

import { effect } from "@preact/signals";
import { along, scale, type Vec3 } from "../dicom/vector";
import type { OwnView, Shown } from "./view";
import type { LoadedVolume } from "./volume";
import type { Screen } from "./volume-gl";
import type { Grey } from "./window";

const zoomLeast = 0.05;
const zoomMost = 40;

/** A linear window's ends.   PS3.3 §C.11.2.1.2.1 */
export const rangeOf = ({ center, width }: Grey, exact: boolean) =>
    exact ? { lower: center - width / 2, upper: center + Math.max(width, 1e-6) / 2 } : { lower: center - 0.5 - (Math.max(width, 1.001) - 1) / 2, upper: center - 0.5 + (Math.max(width, 1.001) - 1) / 2 };

export abstract class VolumeView implements OwnView {
    protected readonly canvas = document.createElement("canvas");
    protected zoomed = 1;
    protected shift: readonly [x: number, y: number] = [0, 0]; /* of the picture in the pane, CSS pixels */
    private readonly resizing: ResizeObserver;
    private readonly stops: (() => void)[];
    private asked = 0;
    private closed = false;

    constructor(
        private readonly element: HTMLElement,
        readonly volume: LoadedVolume,
        private readonly onShown: (shown: Shown) => void,
        private readonly onClose: () => void,
    ) {
        this.canvas.className = "volume-canvas";
        element.append(this.canvas);
        this.resizing = new ResizeObserver(() => this.redraw());
        this.resizing.observe(element);
        this.stops = [effect(() => (void volume.changed.value, void volume.window.value, void volume.inverse.value, this.redraw()))];
    }

    protected get paneSize(): readonly [width: number, height: number] {
        return [this.element.clientWidth, this.element.clientHeight];
    }

    redraw(): void {
        if (this.asked !== 0 || this.closed) return;
        this.asked = requestAnimationFrame(() => {
            this.asked = 0;
            const [width, height] = this.paneSize;
            if (this.closed || width === 0 || height === 0) return;
            const dense = devicePixelRatio || 1;
            this.canvas.width = Math.round(width * dense);
            this.canvas.height = Math.round(height * dense);
            this.draw();
            this.onShown(this.told());
        });
    }

    protected abstract draw(): void;
    protected abstract told(): Shown;
    protected abstract get fitScale(): number;
    abstract scroll(by: number): void;
    abstract rotate(): void;
    abstract flip(): void;

    /** CSS pixels for one mm. */
    get scale(): number {
        return this.fitScale * this.zoomed;
    }

    /* The picture whose middle shows `centre`, at `share` of the canvas' pixels. */
    protected screen(centre: Vec3, right: Vec3, down: Vec3, share = 1): Screen {
        const [paneWidth, paneHeight] = this.paneSize;
        const [width, height] = [Math.max(1, Math.round(this.canvas.width * share)), Math.max(1, Math.round(this.canvas.height * share))];
        const [mmX, mmY] = [paneWidth / width / this.scale, paneHeight / height / this.scale];
        const [x, y] = this.shift;
        const left = along(centre, right, -(paneWidth / 2 + x) / this.scale);
        return { width, height, corner: along(left, down, -(paneHeight / 2 + y) / this.scale), right: scale(right, mmX), down: scale(down, mmY) };
    }

    setWindow(center: number, width: number): void {
        this.volume.window.value = { center, width: Math.max(width, 1e-6) };
    }

    toggleInvert(): void {
        this.volume.inverse.value = !this.volume.inverse.value;
    }

    pan(dx: number, dy: number): void {
        this.shift = [this.shift[0] + dx, this.shift[1] + dy];
        this.redraw();
    }

    zoom(factor: number): void {
        const zoomed = Math.min(zoomMost, Math.max(zoomLeast, this.zoomed * factor));
        this.shift = [(this.shift[0] * zoomed) / this.zoomed, (this.shift[1] * zoomed) / this.zoomed];
        this.zoomed = zoomed;
        this.redraw();
    }

    fit(): void {
        this.zoomed = 1;
        this.shift = [0, 0];
        this.redraw();
    }

    reset(): void {
        this.volume.window.value = this.volume.opening;
        this.volume.inverse.value = this.volume.info.inverse;
        this.fit();
    }

    /** Calls `run` now and whenever a signal it has read changes, until the view closes. */
    follow(run: () => void): void {
        this.stops.push(effect(run));
    }

    close(): void {
        if (this.closed) return;
        this.closed = true;
        cancelAnimationFrame(this.asked);
        this.stops.forEach((stop) => stop());
        this.resizing.disconnect();
        this.canvas.remove();
        this.onClose();
    }
}
