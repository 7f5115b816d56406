/** How large a segment is, and what values it has. */

import type { FrameName } from "./segmentation";
import type { SpacingSource } from "./measurement";

export interface StackFrame {
    name: FrameName;
    rowSpacingMm: number;
    columnSpacingMm: number;
    spacingSource: SpacingSource;
    position: readonly number[] | undefined;
    rowDirection: readonly number[] | undefined;
    columnDirection: readonly number[] | undefined;
}

export interface SegmentStats {
    pixels: number;
    frames: number; /* on which it is */
    volumeMl: number | undefined; /* undefined: the frames are no volume, or have no spacing */
    missing: number; /* pixels whose values are not in memory: not in the statistics */
    mean: number;
    sd: number; /* of these pixels */
    min: number;
    max: number;
}

const tolerance = 0.01;

/** How far apart the frames lie, in mm; undefined where they do not lie parallel, one behind the other, at even distances. */
export function sliceStepMm(frames: readonly StackFrame[]): number | undefined {
    const [first] = frames;
    const [along, down] = [first?.rowDirection, first?.columnDirection];
    if (frames.length < 2 || !along || !down) return undefined;
    const normal = [along[1]! * down[2]! - along[2]! * down[1]!, along[2]! * down[0]! - along[0]! * down[2]!, along[0]! * down[1]! - along[1]! * down[0]!];
    const depths: number[] = [];
    for (const f of frames) {
        const isParallel = f.rowDirection?.every((v, i) => Math.abs(v - along[i]!) < 1e-3) && f.columnDirection?.every((v, i) => Math.abs(v - down[i]!) < 1e-3);
        if (!isParallel || !f.position) return undefined;
        depths.push(f.position.reduce((sum, p, i) => sum + p * normal[i]!, 0));
    }
    depths.sort((a, b) => a - b);
    const step = (depths.at(-1)! - depths[0]!) / (depths.length - 1);
    const isEven = step > 0 && depths.every((d, i) => Math.abs(d - depths[0]! - i * step) < Math.max(tolerance, step * 0.02));
    return isEven ? step : undefined;
}

/** `values` gives what a frame has in memory. */
export function segmentStats(
    label: number,
    maps: ReadonlyMap<FrameName, Uint8Array>,
    frames: readonly StackFrame[],
    values: (index: number) => { data: ArrayLike<number>; padding: Uint8Array | undefined } | undefined,
): SegmentStats {
    const step = sliceStepMm(frames);
    const isKnown = step !== undefined && frames.every((f) => f.spacingSource === "calibrated");
    let [pixels, on, ml, missing, count, mean, squares, min, max] = [0, 0, 0, 0, 0, 0, 0, Infinity, -Infinity];
    frames.forEach((frame, index) => {
        const labels = maps.get(frame.name);
        if (!labels) return;
        const grid = values(index);
        let here = 0;
        for (let i = 0; i < labels.length; i++) {
            if (labels[i] !== label) continue;
            here++;
            if (!grid) missing++;
            const v = grid?.data[i];
            if (v === undefined || !Number.isFinite(v) || (grid!.padding && grid!.padding[i >> 3]! & (1 << (i & 7)))) continue;
            count++;
            const off = v - mean;
            mean += off / count;
            squares += off * (v - mean);
            min = Math.min(min, v);
            max = Math.max(max, v);
        }
        pixels += here;
        if (here > 0) on++;
        ml += (here * frame.rowSpacingMm * frame.columnSpacingMm * (step ?? 0)) / 1000;
    });
    return { pixels, frames: on, volumeMl: isKnown ? ml : undefined, missing, mean, sd: count > 0 ? Math.sqrt(squares / count) : 0, min, max };
}
