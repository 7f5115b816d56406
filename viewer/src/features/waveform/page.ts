/** Paper: which stretch of which channel stands where, in mm, at a speed and a height. */

import { millivolts, type Samples } from "../../dicom/waveform";

/** A stretch of one channel. */
export interface Strip {
    channel: number;
    fromS: number;
    seconds: number;
    x: number; /* mm, as all that follows */
    y: number;
    width: number;
    height: number;
    mmPerUnit: number;
    centre: number; /* the value at half its height */
}

export interface Page {
    strips: readonly Strip[];
    width: number;
    height: number;
    seconds: number; /* that the whole width shows */
    speed: number; /* mm/s */
}

export type LayoutName = "rows" | "6x2" | "3x4";

const twelve: readonly (readonly string[])[] = [["I", "II", "III"], ["aVR", "aVL", "aVF"], ["V1", "V2", "V3"], ["V4", "V5", "V6"]];
const rhythm = "II";
export const gutterMm = 9; /* left of the strips: the calibration pulse */

const leadOf = (s: Samples, name: string) => s.group.channels.findIndex((c) => c.label.toLowerCase() === name.toLowerCase());

/** The twelve leads in columns where the group has them all, else one row for each channel. */
export const layoutsOf = (s: Samples): readonly LayoutName[] => (twelve.flat().every((name) => leadOf(s, name) >= 0) ? ["3x4", "6x2", "rows"] : ["rows"]);

/** 1, 2 or 5 times a power of ten, not above `v`. */
export function niceBelow(v: number): number {
    if (!(v > 0) || !Number.isFinite(v)) return 1;
    const power = 10 ** Math.floor(Math.log10(v) + 1e-9);
    const lead = v / power + 1e-9;
    return (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
}

export interface Scale {
    mmPerUnit: number;
    centre: number;
}

const lookMost = 50_000; /* samples, for the range of a channel */

/** How high each channel is drawn: voltages of an ECG by mm/mV around zero, all else so that it fills its row, the same for
 *  all channels of one unit. */
export function scalesOf(s: Samples, height: { mmPerMv: number } | { times: number }, rowMm: number): Scale[] {
    const ranges = s.group.channels.map((_, i) => s.range(i, 0, s.count, lookMost) ?? ([0, 0] as const));
    const most = new Map<string, number>();
    s.group.channels.forEach((c, i) => most.set(c.unit, Math.max(most.get(c.unit) ?? 0, ranges[i]![1] - ranges[i]![0])));
    return s.group.channels.map((c, i) => {
        const mv = millivolts(c.unit);
        if ("mmPerMv" in height && mv !== undefined) return { mmPerUnit: height.mmPerMv * mv, centre: 0 };
        const [low, high] = ranges[i]!;
        const times = "times" in height ? height.times : 1;
        return { mmPerUnit: niceBelow((0.9 * rowMm) / (most.get(c.unit) || 1)) * times, centre: low <= 0 && high >= 0 && mv !== undefined ? 0 : (low + high) / 2 };
    });
}

export const rowMmOf = (layout: LayoutName, channels: number): number => (layout === "3x4" ? 26 : layout === "6x2" ? 20 : Math.max(13, Math.min(40, 120 / channels)));

/** Columns follow one another in time, as on the paper of a recorder. */
export function pageOf(s: Samples, layout: LayoutName, scales: readonly Scale[], widthMm: number, speed: number, startS: number): Page {
    const rowMm = rowMmOf(layout, s.group.channels.length);
    const width = Math.max(10, widthMm - gutterMm);
    const seconds = width / speed;
    const strips: Strip[] = [];
    const add = (channel: number, row: number, column: number, columns: number) => {
        if (channel < 0) return;
        const part = width / columns;
        strips.push({ channel, fromS: startS + (column * seconds) / columns, seconds: seconds / columns, x: gutterMm + column * part, y: row * rowMm, width: part, height: rowMm, ...scales[channel]! });
    };
    const columns = layout === "3x4" ? twelve : layout === "6x2" ? [twelve.slice(0, 2).flat(), twelve.slice(2).flat()] : [];
    columns.forEach((names, column) => names.forEach((name, row) => add(leadOf(s, name), row, column, columns.length)));
    if (layout === "3x4") add(leadOf(s, rhythm), 3, 0, 1);
    if (layout === "rows") s.group.channels.forEach((_, i) => add(i, i, 0, 1));
    const rows = layout === "3x4" ? 4 : layout === "6x2" ? 6 : s.group.channels.length;
    return { strips, width: widthMm, height: rows * rowMm, seconds, speed };
}

/** A point of a channel. */
export interface Spot {
    s: number;
    value: number;
}

export const xOf = (p: Page, strip: Strip, s: number): number => strip.x + (s - strip.fromS) * p.speed;
export const yOf = (strip: Strip, value: number): number => strip.y + strip.height / 2 - (value - strip.centre) * strip.mmPerUnit;
export const spotAt = (p: Page, strip: Strip, x: number, y: number): Spot => ({ s: strip.fromS + (x - strip.x) / p.speed, value: strip.centre + (strip.y + strip.height / 2 - y) / strip.mmPerUnit });

/** The strip under a point: tall curves leave their row, so the nearest one counts. */
export function stripAt(p: Page, x: number, y: number): Strip | undefined {
    const inside = p.strips.filter((t) => x >= t.x && x <= t.x + t.width && y >= 0 && y <= p.height);
    return inside.sort((a, b) => Math.abs(a.y + a.height / 2 - y) - Math.abs(b.y + b.height / 2 - y))[0];
}

const samplesMost = 4000;

/** The sample whose place on the paper is nearest to a point, if it is within `reach` mm; else the point itself. */
export function snapped(p: Page, strip: Strip, samples: Samples, x: number, y: number, reach: number): Spot {
    const [first, last] = [-1, 1].map((side) => samples.nearest(strip.channel, strip.fromS + (x + side * reach - strip.x) / p.speed)) as [number, number];
    const step = Math.max(1, Math.ceil((last - first) / samplesMost));
    let best: Spot | undefined;
    let least = reach;
    for (let i = first; i <= last; i += step) {
        const spot = { s: samples.timeOf(strip.channel, i), value: samples.value(strip.channel, i) };
        const far = Math.hypot(xOf(p, strip, spot.s) - x, yOf(strip, spot.value) - y);
        if (far < least) [least, best] = [far, spot];
    }
    return best ?? spotAt(p, strip, x, y);
}
