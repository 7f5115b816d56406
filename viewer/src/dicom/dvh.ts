/** Dose-volume histograms: as a dose object has them, and computed from contours and a grid.   PS3.3 §C.8.8.4 */

import { items, number, numbers, text, type Dataset } from "../dicomweb/json";
import { crossings, reaches, slabsOf } from "./roi-planes";
import { doseAt, type DoseGrid } from "./rtdose";
import type { Contour } from "./rtstruct";
import { add, scale } from "./vector";

export interface Dvh {
    source: "stored" | "computed";
    unit: "Gy" | "%";
    volumeCm3: number | undefined; /* undefined: only shares of it are known */
    doses: readonly number[]; /* rising, from 0 */
    shares: readonly number[]; /* of the volume that has at least this dose: from 1 down */
    min: number | undefined;
    mean: number | undefined;
    max: number | undefined;
    outside: number; /* share of the volume that lies outside of the grid, and counts as without dose */
}

/** Why there is none. */
export type NoDvh = "contours" | "one";

const bins = 2000;
const samplesWanted = 120_000;
const samplesMax = 800_000;
const inPlaneMostMm = 2;
const acrossMostMm = 1.5;

/** Each contour stands for the volume half-way to its neighbours. Dose is interpolated at points half a step of the
 *  grid apart, of large structures at some 800,000. */
export function computedDvh(contours: readonly Contour[], grid: DoseGrid): Dvh | NoDvh {
    const slabs = slabsOf(contours);
    if (!slabs) return "contours";
    if (slabs.stepMm <= 0) return "one";
    let area = 0;
    for (const { outlines } of slabs.planes) {
        const all = outlines.flat();
        const span = (i: 0 | 1) => all.reduce((m, p) => Math.max(m, p[i]), -Infinity) - all.reduce((m, p) => Math.min(m, p[i]), Infinity);
        area += span(0) * span(1);
    }
    const layers = Math.max(1, Math.ceil(slabs.stepMm / acrossMostMm));
    const stepFor = (samples: number) => Math.max(0.05, Math.sqrt((area * layers) / samples));
    const stepMm = Math.max(stepFor(samplesMax), Math.min(inPlaneMostMm, grid.columnMm / 2, grid.rowMm / 2, stepFor(samplesWanted)));
    const width = grid.max > 0 ? grid.max / bins : 1;
    const held = new Float64Array(bins + 1); /* by bin of dose */
    let [volume, sum, outside, min, max] = [0, 0, 0, Infinity, 0];
    const take = (dose: number | undefined, mm3: number) => {
        if (dose === undefined) outside += mm3;
        const d = dose ?? 0;
        held[Math.min(bins, Math.max(0, Math.floor(d / width)))]! += mm3;
        volume += mm3;
        sum += d * mm3;
        if (d < min) min = d;
        if (d > max) max = d;
    };
    slabs.planes.forEach((plane, k) => {
        const [before, after] = reaches(slabs, k);
        const ys = plane.outlines.flat().map((p) => p[1]);
        const [top, bottom] = [ys.reduce((m, y) => Math.min(m, y), Infinity), ys.reduce((m, y) => Math.max(m, y), -Infinity)];
        const lines = Math.max(1, Math.ceil((bottom - top) / stepMm));
        const lineMm = (bottom - top) / lines;
        for (let j = 0; j < lines; j++) {
            const v = top + (j + 0.5) * lineMm;
            const at = crossings(plane.outlines, v);
            for (let i = 0; i + 1 < at.length; i += 2) {
                const long = at[i + 1]! - at[i]!;
                const count = Math.max(1, Math.ceil(long / stepMm));
                for (let n = 0; n < count; n++) {
                    const flat = add(scale(slabs.right, at[i]! + ((n + 0.5) * long) / count), scale(slabs.down, v));
                    for (let l = 0; l < layers; l++) {
                        const depth = plane.depthMm - before + ((l + 0.5) * (before + after)) / layers;
                        take(doseAt(grid, add(flat, scale(slabs.deep, depth))), ((long / count) * lineMm * (before + after)) / layers);
                    }
                }
            }
        }
    });
    if (volume <= 0) return "contours";
    const doses = Array.from({ length: bins + 2 }, (_, i) => i * width);
    const shares = new Array<number>(bins + 2).fill(0);
    for (let i = bins; i >= 0; i--) shares[i] = shares[i + 1]! + held[i]! / volume;
    shares[0] = 1;
    return { source: "computed", unit: grid.unit, volumeCm3: volume / 1000, doses, shares, min, mean: sum / volume, max, outside: outside / volume };
}

/** Of the histograms that a dose object holds: by ROI number. Those of volumes made of several structures are left out, and
 *  so are natural ones, which are no shares of a volume. */
export function storedDvhs(ds: Dataset): Map<number, Dvh> {
    const out = new Map<number, Dvh>();
    for (const item of items(ds, "30040050")) {
        const refs = items(item, "30040060");
        const roi = number(refs[0], "30060084");
        const dvh = storedDvh(item);
        if (refs.length === 1 && roi !== undefined && text(refs[0], "30040062").trim() !== "EXCLUDED" && dvh && !out.has(roi)) out.set(roi, dvh);
    }
    return out;
}

/* Pairs of the width of a bin of dose and the volume: in it, or, cumulative, that has at least the dose it begins with. */
function storedDvh(item: Dataset): Dvh | undefined {
    const kind = text(item, "30040001").trim();
    const data = numbers(item, "30040058");
    const scaling = number(item, "30040052") ?? 1;
    const volumes = text(item, "30040054").trim();
    if ((kind !== "CUMULATIVE" && kind !== "DIFFERENTIAL") || data.length < 4 || data.length % 2 === 1 || (volumes !== "CM3" && volumes !== "PERCENT")) return undefined;
    const doses = [0];
    const held: number[] = [];
    for (let i = 0; i < data.length; i += 2) {
        if (!(data[i]! >= 0) || !(data[i + 1]! >= 0)) return undefined;
        doses.push(doses.at(-1)! + data[i]! * scaling);
        held.push(data[i + 1]!);
    }
    const cumulative = kind === "CUMULATIVE" ? held : held.map((_, i) => i).reverse().reduce<number[]>((sums, i) => [(sums[0] ?? 0) + held[i]!, ...sums], []);
    const whole = cumulative[0] ?? 0;
    if (whole <= 0) return undefined;
    const shares = [...cumulative.map((v) => Math.min(1, v / whole)), 0];
    const said = (tag: string) => number(item, tag);
    return {
        source: "stored",
        unit: text(item, "30040002").trim() === "RELATIVE" ? "%" : "Gy",
        volumeCm3: volumes === "CM3" ? whole : undefined,
        doses,
        shares,
        min: said("30040070") ?? doseOf({ doses, shares }, 1),
        mean: said("30040074") ?? meanOf({ doses, shares }),
        max: said("30040072") ?? doseOf({ doses, shares }, 0),
        outside: 0,
    };
}

type Curve = Pick<Dvh, "doses" | "shares">;

/* The area below the curve. */
function meanOf({ doses, shares }: Curve): number {
    return doses.slice(1).reduce((sum, d, i) => sum + (d - doses[i]!) * (shares[i]! + shares[i + 1]!) / 2, 0);
}

/** D95 is `doseOf(dvh, 0.95)`: the dose that this share of the volume has at least. */
export function doseOf({ doses, shares }: Curve, share: number): number {
    let i = shares.length - 1;
    while (i > 0 && shares[i]! < share - 1e-12) i--;
    if (share <= 0) while (i > 0 && shares[i - 1]! <= 0) i--;
    const [from, to] = [shares[i]!, shares[i + 1]];
    if (to === undefined || from <= to || share <= 0) return doses[i]!;
    return doses[i]! + ((from - share) / (from - to)) * (doses[i + 1]! - doses[i]!);
}

/** V20 is `shareOf(dvh, 20)`: the share of the volume that has at least this dose. */
export function shareOf({ doses, shares }: Curve, dose: number): number {
    if (dose <= doses[0]!) return shares[0]!;
    const i = doses.findIndex((d) => d >= dose);
    if (i < 0) return 0;
    const [d0, d1] = [doses[i - 1]!, doses[i]!];
    return shares[i - 1]! + ((dose - d0) / (d1 - d0 || 1)) * (shares[i]! - shares[i - 1]!);
}
