/** A volume in space: turned by the pointer, lit by a preset, cut back by a box. */

import { cross, dot, length, scale, turned, unit, type Vec3 } from "../dicom/vector";
import { middleOf } from "../dicom/volume";
import { t } from "../ui/text";
import { edgeLetters } from "./orientation";
import { spacePresets, spaceTable, unitMm, type PresetName } from "./space-presets";
import type { Shown } from "./view";
import type { ShownSurface } from "./volume-mesh";
import { renderer } from "./volume-gl";
import { rangeOf, VolumeView } from "./volume-view";

export interface SpaceLook {
    preset: PresetName;
    name: string;
    shift: number; /* of the opacities, in modality values */
    crop: readonly [lo: Vec3, hi: Vec3]; /* shares of the box along its own axes */
    surfaces: readonly ShownSurface[];
    isBare: boolean; /* the surfaces alone */
}

const restMs = 200;
const quickShare = 0.4; /* of the pixels each way, while it is turned */
const shareMost = 900; /* pixels each way, when it rests: the processor may be all there is */

export class SpaceView extends VolumeView {
    private look: SpaceLook = { preset: "window", name: "", shift: 0, crop: [[0, 0, 0], [1, 1, 1]], surfaces: [], isBare: false };
    private right: Vec3 = [1, 0, 0]; /* seen from the front */
    private down: Vec3 = [0, 0, -1];
    private quick = false;
    private rest: ReturnType<typeof setTimeout> | undefined;
    private table: Uint8Array | undefined;

    set(look: SpaceLook): void {
        this.look = look;
        this.hurry();
    }

    protected get fitScale(): number {
        const { stepMm, size } = this.volume.slices;
        return Math.min(...this.paneSize) / length([stepMm[0] * size[0], stepMm[1] * size[1], stepMm[2] * size[2]]) * 1.25;
    }

    /* Coarse while something changes, fine once it rests. */
    private hurry(): void {
        this.quick = true;
        clearTimeout(this.rest);
        this.rest = setTimeout(() => {
            this.quick = false;
            this.redraw();
        }, restMs);
        this.redraw();
    }

    protected draw(): void {
        const { volume, look } = this;
        const { stepMm, size } = volume.slices;
        const away = cross(this.right, this.down); /* from the eye into the picture */
        const deep = length([stepMm[0] * size[0], stepMm[1] * size[1], stepMm[2] * size[2]]);
        const from = middleOf(volume.slices).map((x, i) => x - (away[i]! * deep) / 2) as unknown as Vec3;
        const window = rangeOf(volume.window.value, false);
        const isMaximum = look.preset === "mip" && !look.isBare;
        const table = isMaximum || look.isBare ? { map: new Uint8Array(4096), ...window } : spaceTable(spacePresets[look.preset as Exclude<PresetName, "mip">], window, look.shift);
        const share = Math.min(1, shareMost / Math.max(this.canvas.width, this.canvas.height)) * (this.quick ? quickShare : 1);
        renderer().drawSpace(this.canvas, this.screen(from, this.right, this.down, share), {
            base: volume.texture,
            ray: away,
            stepMm: Math.min(...stepMm) * (this.quick ? 1.5 : 0.6),
            deepMm: deep,
            unitMm,
            crop: look.crop,
            range: { lower: table.lower, upper: table.upper },
            map: table.map,
            maximum: isMaximum,
            surfaces: look.surfaces,
        });
        if (this.table) renderer().forget(this.table);
        this.table = table.map;
    }

    protected told(): Shown {
        const { volume } = this;
        return {
            place: [[t("3D"), this.look.name].filter(Boolean).join("  "), volume.missing.value > 0 ? t("{count} slices are missing", { count: volume.missing.value }) : ""].filter(Boolean),
            look: [volume.slices.size.join(" × ")],
            window: this.look.preset === "mip" || this.look.preset === "window" ? volume.window.value : undefined,
            inverted: false,
            letters: edgeLetters(scale(this.down, -1), cross(this.right, scale(this.down, -1))),
            step: 0,
            steps: 0,
            scale: this.scale,
        };
    }

    /** By CSS pixels of a drag: a full turn for about the width of a pane. */
    turn(dx: number, dy: number): void {
        const around = (axis: Vec3, radians: number) => {
            this.right = unit(turned(this.right, axis, radians));
            this.down = unit(turned(this.down, axis, radians));
        };
        around(unit(this.down), dx / 120);
        around(unit(this.right), -dy / 120);
        this.down = unit(this.down.map((x, i) => x - dot(this.down, this.right) * this.right[i]!) as unknown as Vec3);
        this.hurry();
    }

    override pan(dx: number, dy: number): void {
        this.quick = true;
        super.pan(dx, dy);
        this.hurry();
    }

    override zoom(factor: number): void {
        super.zoom(factor);
        this.hurry();
    }

    scroll(by: number): void {
        this.turn(by * 12, 0);
    }

    rotate(): void {
        [this.right, this.down] = [scale(this.down, -1), this.right];
        this.redraw();
    }

    /** Seen from behind: a mirrored patient would mislead. */
    flip(): void {
        this.right = scale(this.right, -1);
        this.down = [...this.down];
        this.redraw();
    }

    override reset(): void {
        [this.right, this.down] = [[1, 0, 0], [0, 0, -1]];
        super.reset();
    }

    override close(): void {
        clearTimeout(this.rest);
        super.close();
    }
}
