/** A plane through a volume, with the slab around it, and another volume laid over it. */

import { planeFrame, PlaneGrid, type Blend, type PlaneFrame, type SlabOf } from "../dicom/plane-grid";
import type { Section } from "../dicom/section";
import { add, along, cross, dot, scale, sub, type Vec3 } from "../dicom/vector";
import { middleOf, reach } from "../dicom/volume";
import { t } from "../ui/text";
import { edgeLetters } from "./orientation";
import type { Affine, Face, Shown } from "./view";
import type { LoadedVolume } from "./volume";
import { renderer, type ColorMap } from "./volume-gl";
import { rangeOf, VolumeView } from "./volume-view";
import type { Grey } from "./window";

export interface Plane {
    name: string; /* what the corner calls it */
    through: Vec3;
    right: Vec3; /* on screen, before it is rotated or mirrored */
    down: Vec3;
    deep: Vec3; /* across the plane, the way scrolling goes */
}

export interface Slab {
    blend: Blend;
    mm: number;
}

export interface Overlay {
    volume: LoadedVolume;
    window: Grey;
    map: ColorMap;
    share: number; /* 0 to 1: how much it covers */
}

/** How values are told to the reader: SUV for Bq/ml. */
export interface Unit {
    factor: number;
    name: string;
}

const slabStepsMost = 1200;

export class PlaneView extends VolumeView {
    private plane: Plane | undefined;
    private slab: Slab = { blend: "none", mm: 0 };
    private overlay: Overlay | undefined;
    private map: ColorMap | undefined;
    private unit: Unit = { factor: 1, name: "" };
    private note = "";
    private quarters = 0;
    private mirrored = false;
    /** Told where scrolling leads. */
    onScroll: (through: Vec3) => void = () => undefined;
    /** Told which points of the patient it shall show. */
    onReveal: (points: readonly Vec3[]) => void = () => undefined;

    set(plane: Plane, slab: Slab, overlay: Overlay | undefined, map: ColorMap | undefined, unit: Unit, note: string): void {
        [this.plane, this.slab, this.overlay, this.map, this.unit, this.note] = [plane, slab, overlay, map, unit, note];
        this.redraw();
    }

    /* Right and down as they are on screen now. */
    private get directions(): readonly [right: Vec3, down: Vec3] {
        let [right, down] = [this.plane!.right, this.plane!.down];
        for (let i = 0; i < this.quarters; i++) [right, down] = [scale(down, -1), right];
        return this.mirrored ? [scale(right, -1), down] : [right, down];
    }

    protected get fitScale(): number {
        if (!this.plane) return 1;
        const [right, down] = this.directions;
        const [width, height] = this.paneSize;
        const extent = (d: Vec3) => this.volume.slices.axes.reduce((sum, a, i) => sum + Math.abs(dot(a, d)) * this.volume.slices.stepMm[i]! * this.volume.slices.size[i]!, 0);
        return Math.min(width / extent(right), height / extent(down));
    }

    /* What lies in the middle of the pane when nothing is panned. */
    private get centre(): Vec3 {
        const { through, deep } = this.plane!;
        const middle = middleOf(this.volume.slices);
        return along(middle, deep, dot(sub(through, middle), deep));
    }

    protected draw(): void {
        if (!this.plane) return;
        const [right, down] = this.directions;
        const { volume, overlay } = this;
        const { blend, stepBy, steps } = this.slabSteps;
        renderer().drawPlane(this.canvas, this.screen(this.centre, right, down), {
            base: volume.texture,
            range: rangeOf(volume.window.value, volume.info.voiFunction === "LINEAR_EXACT"),
            map: this.map,
            inverse: volume.inverse.value,
            over: overlay && { texture: overlay.volume.texture, range: rangeOf(overlay.window, true), map: overlay.map, share: overlay.share },
            blend,
            slabStep: stepBy,
            slabSteps: steps,
        });
    }

    private get slabSteps(): SlabOf {
        const { deep } = this.plane!;
        const step = reach(this.volume.slices, deep).stepMm / 2;
        const isSlab = this.slab.blend !== "none" && this.slab.mm > step;
        const half = isSlab ? Math.floor(this.slab.mm / 2 / step + 1e-6) : 0;
        const thin = Math.ceil((2 * half + 1) / slabStepsMost);
        return { blend: isSlab ? this.slab.blend : "none", stepBy: scale(deep, step * thin), steps: 2 * Math.floor(half / thin) + 1 };
    }

    /** From the patient to CSS pixels in the pane. */
    toPane(p: Vec3): readonly [number, number] {
        if (!this.plane) return [0, 0];
        const [right, down] = this.directions;
        const [width, height] = this.paneSize;
        const from = sub(p, this.centre);
        return [width / 2 + this.shift[0] + dot(from, right) * this.scale, height / 2 + this.shift[1] + dot(from, down) * this.scale];
    }

    /** The point of the plane under CSS pixels of the pane. */
    toPatient(x: number, y: number): Vec3 {
        if (!this.plane) return [0, 0, 0];
        const [right, down] = this.directions;
        const [width, height] = this.paneSize;
        return add(this.centre, add(scale(right, (x - width / 2 - this.shift[0]) / this.scale), scale(down, (y - height / 2 - this.shift[1]) / this.scale)));
    }

    told(): Shown {
        const { volume, plane } = this;
        const { center, width } = volume.window.value;
        const at = this.steps;
        const blends: Readonly<Record<Blend, string>> = { none: "", max: t("MIP"), min: t("MinIP"), mean: t("Mean") };
        const [right, down] = plane ? this.directions : [[1, 0, 0] as Vec3, [0, 1, 0] as Vec3];
        const up = scale(down, -1);
        const exact = volume.info.voiFunction === "LINEAR_EXACT" || this.unit.factor !== 1;
        return {
            place: [
                plane ? `${plane.name}  ${at.step + 1} / ${at.steps}` : "",
                [
                    plane && t("Loc {mm} mm", { mm: location(plane).toFixed(1) }),
                    this.slab.blend !== "none" && `${blends[this.slab.blend]} ${t("{mm} mm", { mm: this.slab.mm.toFixed(1) })}`,
                ].filter(Boolean).join("  "),
                volume.slices.thinned > 1 ? t("Every {count}. slice only: the volume is large", { count: volume.slices.thinned }) : "",
                volume.missing.value > 0 ? t("{count} slices are missing", { count: volume.missing.value }) : "",
                this.note,
            ].filter(Boolean),
            look: [volume.slices.size.join(" × "), t("Zoom {percent} %", { percent: Math.round(this.scale * volume.slices.stepMm[0] * 100) }), this.unit.name].filter(Boolean),
            window: exact ? { center: center * this.unit.factor, width: width * this.unit.factor } : { center, width },
            inverted: volume.inverse.value !== volume.info.inverse,
            letters: edgeLetters(up, cross(right, up)),
            step: at.step,
            steps: at.steps,
            scale: this.scale,
            ...(plane ? { section: this.section(volume), face: this.face(volume) } : {}),
        };
    }

    private face(volume: LoadedVolume): Face {
        const slab = this.slabSteps;
        const frame = planeFrame(volume.slices, this.plane!, this.thicknessMm);
        const slice = (k: number) => volume.valuesOf(k);
        const { time } = volume;
        return {
            id: [volume.info.series, time.value, slab.blend, slab.steps, ...[...frame.position, ...frame.rowDirection, ...frame.columnDirection].map((v) => v.toFixed(4))].join("/"),
            frame,
            on: undefined,
            toPane: this.affine(frame),
            grid: () => new PlaneGrid(volume.slices, frame, slab, slice),
            within: { box: volume.slices, frames: volume.slices.times[time.value]!, isThinned: volume.slices.thinned > 1, slice, fetch: (slices) => volume.fetch(slices) },
        };
    }

    /* From the samples' points to the pane: three of them tell where all are. */
    private affine({ position, rowDirection, columnDirection, rowSpacingMm, columnSpacingMm }: PlaneFrame): Affine {
        const seen = (column: number, row: number) => this.toPane(add(position, add(scale(rowDirection, (column - 0.5) * columnSpacingMm), scale(columnDirection, (row - 0.5) * rowSpacingMm))));
        const [o, x, y] = [seen(0, 0), seen(1, 0), seen(0, 1)];
        return [x[0] - o[0], x[1] - o[1], y[0] - o[0], y[1] - o[1], o[0], o[1]];
    }

    /* What the picture stands for: the slab, or a slice. */
    private get thicknessMm(): number {
        return this.slab.blend !== "none" ? this.slab.mm : reach(this.volume.slices, this.plane!.deep).stepMm;
    }

    private section({ slices }: LoadedVolume): Section {
        const [right, down] = this.directions;
        return {
            corner: this.toPatient(0, 0),
            right: scale(right, 1 / this.scale),
            down: scale(down, 1 / this.scale),
            halfMm: this.thicknessMm / 2,
            frameOfReference: slices.frameOfReference,
        };
    }

    override setWindow(center: number, width: number): void {
        super.setWindow(center / this.unit.factor, width / this.unit.factor);
    }

    private get steps(): { step: number; steps: number } {
        if (!this.plane) return { step: 0, steps: 0 };
        const { firstMm, stepMm, steps } = reach(this.volume.slices, this.plane.deep);
        const step = Math.round((dot(this.plane.through, this.plane.deep) - firstMm) / stepMm);
        return { step: Math.max(0, Math.min(steps - 1, step)), steps };
    }

    scroll(by: number): void {
        if (!this.plane) return;
        const { deep, through } = this.plane;
        const { firstMm, stepMm } = reach(this.volume.slices, deep);
        const { step, steps } = this.steps;
        const to = firstMm + stepMm * Math.max(0, Math.min(steps - 1, step + by));
        this.onScroll(along(through, deep, to - dot(through, deep)));
    }

    reveal(points: readonly Vec3[]): void {
        this.onReveal(points);
    }

    rotate(): void {
        this.quarters = (this.quarters + (this.mirrored ? 3 : 1)) % 4;
        this.shift = [-this.shift[1], this.shift[0]];
        this.redraw();
    }

    flip(): void {
        this.mirrored = !this.mirrored;
        this.shift = [-this.shift[0], this.shift[1]];
        this.redraw();
    }

    override reset(): void {
        this.quarters = 0;
        this.mirrored = false;
        super.reset();
    }
}

/* Along the axis of the patient that the plane is most across; along its own where it is oblique to all. */
function location({ through, deep }: Plane): number {
    const at = deep.findIndex((x) => Math.abs(x) > 0.999);
    return at >= 0 ? through[at]! : dot(through, deep);
}
