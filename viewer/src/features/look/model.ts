/** What a reader has set about looking: what lies over the images, what moves together, how large a millimetre is. */

import { signal } from "@preact/signals";
import type { MapName } from "../../imaging/colormaps";
import type { Affine } from "../../imaging";
import { keep, kept } from "../../ui/storage";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";

type Vec3 = readonly [number, number, number];

const isOn = (byDefault: boolean) => (v: unknown) => (typeof v === "boolean" ? v : byDefault);
export const cssPxPerMm = 96 / 25.4; /* what CSS says of its pixels, and what few screens do */

export class Look {
    readonly planes = signal(kept("look.planes", isOn(true))); /* overlays of group 60xx */
    readonly shutters = signal(kept("look.shutters", isOn(true)));
    readonly lines = signal(kept("look.lines", isOn(true))); /* reference lines */
    readonly linked = signal(kept("look.linked", isOn(false)));
    readonly autoCine = signal(kept("look.autoCine", isOn(true)));
    readonly pxPerMm = signal(kept("look.pxPerMm", (v) => (typeof v === "number" && v > 0.5 && v < 50 ? v : undefined))); /* measured by the user */
    readonly cursor = signal<Vec3 | undefined>(undefined); /* the point of the 3D cursor */
    readonly lens = signal<{ pane: Pane; x: number; y: number } | undefined>(undefined); /* CSS pixels in the pane */
    readonly maps = signal<ReadonlyMap<Pane, MapName>>(new Map());
    readonly subtracted = signal<ReadonlySet<Pane>>(new Set());
    readonly said = signal(""); /* why something asked for is not done */

    toggle(which: "planes" | "shutters" | "lines" | "linked" | "autoCine"): void {
        this[which].value = !this[which].value;
        keep(`look.${which}`, this[which].value);
    }

    calibrate(pxPerMm: number): void {
        this.pxPerMm.value = pxPerMm;
        keep("look.pxPerMm", pxPerMm);
    }
}

const looks = new WeakMap<Reading, Look>();

export function lookOf(r: Reading): Look {
    let look = looks.get(r);
    if (!look) looks.set(r, (look = new Look()));
    return look;
}

/** From CSS pixels in the pane to image points. */
export function imagePoint([a, b, c, d, e, f]: Affine, x: number, y: number): readonly [column: number, row: number] | undefined {
    const area = a * d - b * c;
    if (area === 0) return undefined;
    const [dx, dy] = [x - e, y - f];
    return [(d * dx - c * dy) / area, (a * dy - b * dx) / area];
}

export const panePoint = ([a, b, c, d, e, f]: Affine, [column, row]: readonly [number, number]): readonly [x: number, y: number] => [a * column + c * row + e, b * column + d * row + f];

export const visiblePanes = (r: Reading): readonly Pane[] => r.panes.slice(0, r.layout.value);

