/** How a volume is lit in space: which values are seen, in which colours. */

export type PresetName = "bone" | "muscle" | "skin" | "lung" | "vessels" | "soft" | "window" | "mip";

/** Value, red, green, blue, opacity for each `unitMm` of depth. Values are HU; those of "window" are shares of the window. */
type Point = readonly [value: number, r: number, g: number, b: number, opacity: number];

export interface SpacePreset {
    points: readonly Point[];
    relative: boolean;
}

export const unitMm = 1;

export const spacePresets: Readonly<Record<Exclude<PresetName, "mip">, SpacePreset>> = {
    bone: { relative: false, points: [[150, 110, 60, 45, 0], [280, 190, 140, 100, 0.25], [600, 240, 225, 200, 0.7], [1500, 255, 255, 250, 0.9]] },
    muscle: { relative: false, points: [[-60, 120, 40, 30, 0], [20, 165, 70, 55, 0.12], [90, 190, 90, 70, 0.35], [220, 225, 190, 160, 0.6], [900, 255, 250, 240, 0.9]] },
    skin: { relative: false, points: [[-500, 150, 105, 85, 0], [-250, 225, 175, 150, 0.35], [0, 240, 200, 175, 0.85], [900, 255, 240, 230, 0.95]] },
    lung: { relative: false, points: [[-950, 40, 60, 90, 0], [-800, 90, 130, 170, 0.015], [-600, 190, 190, 200, 0.05], [-400, 230, 150, 120, 0.02], [-200, 120, 60, 50, 0], [3000, 120, 60, 50, 0]] },
    vessels: { relative: false, points: [[100, 90, 10, 10, 0], [180, 200, 40, 30, 0.3], [300, 240, 120, 80, 0.6], [600, 255, 235, 210, 0.85], [1500, 255, 255, 255, 0.9]] },
    soft: { relative: false, points: [[-20, 100, 60, 40, 0], [40, 190, 120, 90, 0.06], [120, 220, 110, 80, 0.25], [250, 235, 200, 170, 0.5], [1000, 255, 255, 245, 0.9]] },
    window: { relative: true, points: [[0.1, 40, 40, 50, 0], [0.4, 150, 120, 100, 0.08], [0.7, 225, 200, 170, 0.35], [1, 255, 255, 255, 0.8]] },
};

const entries = 1024;

/** The preset as a table over its range of values: opacity and colour wander along by `shift`. */
export function spaceTable({ points, relative }: SpacePreset, window: { lower: number; upper: number }, shift: number): { map: Uint8Array; lower: number; upper: number } {
    const span = window.upper - window.lower;
    const values = points.map(([v]) => (relative ? window.lower + v * span : v) + shift);
    const [lower, upper] = [values[0]!, values.at(-1)!];
    const map = new Uint8Array(4 * entries);
    for (let i = 0, p = 0; i < entries; i++) {
        const value = lower + ((upper - lower) * i) / (entries - 1);
        while (p < points.length - 2 && value > values[p + 1]!) p++;
        const part = Math.min(1, Math.max(0, (value - values[p]!) / (values[p + 1]! - values[p]!)));
        for (let c = 0; c < 4; c++) {
            const [from, to] = [points[p]![c + 1]!, points[p + 1]![c + 1]!];
            map[4 * i + c] = Math.round((from + (to - from) * part) * (c === 3 ? 255 : 1));
        }
    }
    return { map, lower, upper };
}
