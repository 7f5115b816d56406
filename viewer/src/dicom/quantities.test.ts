import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { Livewire } from "./livewire";
import type { ImagePoint, Kind, SpacingSource } from "./measurement";
import { measured, type Ground } from "./quantities";
import { placedOn, spansAt, spline, splineSteps } from "./shape";
import { statsIn, valueAt, type Grid } from "./stats";
import { valueUnit } from "./unit";

const grid = (columns: number, rows: number, value: (c: number, r: number) => number, padding?: Uint8Array): Grid => ({
    rows, columns, padding, data: Float32Array.from({ length: rows * columns }, (_, i) => value(i % columns, Math.floor(i / columns))),
});
const ground = (more: Partial<Ground> & { row?: number; column?: number; source?: SpacingSource } = {}): Ground => ({
    frame: { rowSpacingMm: more.row ?? 2, columnSpacingMm: more.column ?? 0.5, spacingSource: more.source ?? "calibrated" },
    ds: {}, grid: undefined, scale: 1, unit: "[hnsf'U]", factor: undefined, ...more,
});
const say = (kind: Kind, points: ImagePoint[], on = ground(), closed = false) => {
    const m = measured({ kind, points, closed }, on);
    return Object.fromEntries([...m.quantities.map((q) => [q.name, `${Number(q.value.toFixed(3))} ${q.unit}`]), ["spacing", m.spacing]]);
};

describe("lengths", () => {
    const line: ImagePoint[] = [[10, 10], [16, 12]];
    it("have a spacing for each axis", () => expect(say("length", line)).toEqual({ length: "5 mm", spacing: "calibrated" }));
    it("say when they are at the detector", () => expect(say("length", line, ground({ source: "imager" })).spacing).toBe("imager"));
    it("are in pixels without a spacing, whatever their proportions", () =>
        expect(say("length", [[0, 0], [3, 4]], ground({ source: "none" }))).toEqual({ length: "5 {pixels}", spacing: "none" }));
    it("follow the reader's calibration", () => expect(say("length", line, ground({ source: "imager", factor: 2 }))).toEqual({ length: "10 mm", spacing: "user" }));
    it("of two axes", () => expect(say("bidirectional", [[0, 0], [8, 0], [4, -1], [4, 1]])).toEqual({ length: "4 mm", shortAxis: "4 mm", spacing: "calibrated" }));
    it("of an open line", () => expect(say("freehand", [[0, 0], [6, 2], [6, 4]])).toEqual({ length: "9 mm", spacing: "calibrated" }));
});

describe("angles", () => {
    it("are those in the patient, not on the grid", () => {
        expect(say("angle", [[4, 0], [0, 0], [4, 1]]).angle).toBe("45 deg");
        expect(say("angle", [[4, 0], [0, 0], [4, 4]], ground({ row: 1, column: 1 })).angle).toBe("45 deg");
        expect(say("angle", [[1, 0], [0, 0], [-1, 0]]).angle).toBe("180 deg");
    });
    it("of Cobb are between lines, in whichever direction they were drawn, and may pass 90", () => {
        const square = ground({ row: 1, column: 1 });
        expect(say("cobb", [[0, 0], [4, 1], [4, 9], [0, 10]], square).angle).toBe(`${Number((2 * Math.atan(1 / 4) * 180 / Math.PI).toFixed(3))} deg`);
        expect(say("cobb", [[0, 0], [1, 2], [1, 7], [0, 9]], square).angle).toBe(`${Number((2 * Math.atan(2) * 180 / Math.PI).toFixed(3))} deg`);
    });
});

describe("areas and statistics", () => {
    const ramp = grid(10, 10, (c, r) => 100 * r + c);
    it("of a rectangle count the pixels whose middle is inside", () =>
        expect(say("rectangle", [[2, 3], [5, 3], [5, 5], [2, 5]], ground({ grid: ramp }))).toEqual({
            area: "6 mm2", perimeter: "11 mm", mean: "353 [hnsf'U]", sd: "50.007 [hnsf'U]", min: "302 [hnsf'U]", max: "404 [hnsf'U]", count: "6 {pixels}", spacing: "calibrated",
        }));
    it("of an ellipse are exact in area, and its pixels those that the formula says", () => {
        const shape = { kind: "ellipse" as const, points: [[1, 5], [9, 5], [5, 2], [5, 8]] as ImagePoint[] };
        expect(say("ellipse", shape.points).area).toBe(`${Number((Math.PI * 4 * 3).toFixed(3))} mm2`);
        const inside = Array.from({ length: 100 }, (_, i) => i).filter((i) => (((i % 10) + 0.5 - 5) / 4) ** 2 + ((Math.floor(i / 10) + 0.5 - 5) / 3) ** 2 <= 1);
        const values = inside.map((i) => ramp.data[i]!);
        const mean = values.reduce((a, b) => a + b) / values.length;
        const stats = statsIn(ramp, shape, [0.5, 2])!;
        expect(stats.count).toBe(values.length);
        expect(stats.mean).toBeCloseTo(mean, 9);
        expect(stats.sd).toBeCloseTo(Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length), 9);
    });
    it("of a circle: round in the patient, not on the grid", () => {
        expect(say("circle", [[5, 5], [9, 5]])).toMatchObject({ radius: "2 mm", area: "12.566 mm2", perimeter: "12.566 mm" });
        expect(spansAt({ kind: "circle", points: [[5, 5], [9, 5]] }, [0.5, 2], 5)).toEqual([1, 9]);
        expect(spansAt({ kind: "circle", points: [[5, 5], [9, 5]] }, [0.5, 2], 6.5)).toEqual([]);
    });
    it("of an outline with a bay leave the bay out", () => {
        const bay: ImagePoint[] = [[0, 0], [9, 0], [9, 6], [6, 6], [6, 2], [3, 2], [3, 6], [0, 6]];
        expect(statsIn(grid(10, 10, () => 7), { kind: "freehand", points: bay, closed: true }, [1, 1])).toEqual({ count: 42, mean: 7, sd: 0, min: 7, max: 7 });
    });
    it("leave out padding, and what lies outside of the picture", () => {
        const padded = grid(4, 1, (c) => c, Uint8Array.of(0b0010));
        expect(statsIn(padded, { kind: "rectangle", points: [[-3, -3], [3, -3], [3, 9], [-3, 9]] }, [1, 1])).toEqual({ count: 2, mean: 1, sd: 1, min: 0, max: 2 });
        expect(statsIn(padded, { kind: "rectangle", points: [[1, 0], [2, 0], [2, 1], [1, 1]] }, [1, 1])).toBeUndefined();
        expect([valueAt(padded, [0.9, 0.9]), valueAt(padded, [1, 0]), valueAt(padded, [4, 0]), valueAt(padded, [-0.1, 0])]).toEqual([0, undefined, undefined, undefined]);
    });
    it("are in square pixels without a spacing", () => expect(say("rectangle", [[0, 0], [3, 0], [3, 2], [0, 2]], ground({ source: "none" })).area).toBe("6 {pixels}"));
    it("are none for an open line or in colour", () => {
        expect(say("freehand", [[0, 0], [6, 0], [6, 6]], ground({ grid: ramp })).mean).toBeUndefined();
        expect(say("ellipse", [[1, 5], [9, 5], [5, 2], [5, 8]]).mean).toBeUndefined();
    });
    it("are scaled where the values are: SUV from activity", () => {
        const on = ground({ grid: ramp, scale: 0.01, unit: "{SUVbw}g/ml" });
        expect(say("rectangle", [[2, 3], [5, 3], [5, 5], [2, 5]], on)).toMatchObject({ mean: "3.53 {SUVbw}g/ml", sd: "0.5 {SUVbw}g/ml", max: "4.04 {SUVbw}g/ml", count: "6 {pixels}" });
        expect(say("probe", [[3.2, 4.9]], on).value).toBe("4.03 {SUVbw}g/ml");
    });
    it("of a probe: the pixel it lies in", () => expect(say("probe", [[3.2, 4.9]], ground({ grid: ramp })).value).toBe("403 [hnsf'U]"));
});

describe("ultrasound regions", () => {
    const region = (left: number, right: number, unitX: number, deltaX: number, unitY: number, deltaY: number): Dataset => ({
        "00186018": { Value: [left] }, "0018601A": { Value: [0] }, "0018601C": { Value: [right] }, "0018601E": { Value: [99] },
        "00186020": { Value: [0] }, "00186022": { Value: [49] },
        "00186024": { Value: [unitX] }, "00186026": { Value: [unitY] }, "0018602C": { Value: [deltaX] }, "0018602E": { Value: [deltaY] },
    });
    const ds: Dataset = { "00186011": { Value: [region(0, 99, 3, 0.02, 3, 0.04), region(100, 199, 4, 0.01, 7, -2)] } };
    const us = ground({ ds, source: "none", row: 1, column: 1 });
    it("turn centimetres into millimetres, each axis its own", () => expect(say("length", [[10, 10], [25, 20]], us)).toEqual({ length: "5 mm", spacing: "calibrated" }));
    it("measure time and velocity in a spectrum, from its base line", () => {
        expect(say("length", [[110, 30], [160, 10]], us)).toEqual({ across: "0.5 s", down: "40 cm/s", spacing: "calibrated" });
        expect(say("probe", [[150.5, 29.5]], us)).toEqual({ across: "0.5 s", down: "40 cm/s", spacing: "calibrated" });
        expect(say("ellipse", [[110, 30], [160, 30], [135, 20], [135, 40]], us)).toEqual({ spacing: "calibrated" });
    });
    it("give pixels where a line leaves them", () => expect(say("length", [[90, 10], [130, 10]], us)).toEqual({ length: "40 {pixels}", spacing: "none" }));
});

describe("a spline", () => {
    const placed: ImagePoint[] = [[0, 0], [10, 0], [10, 10], [0, 10]];
    it("goes through its points, and gives them back", () => {
        expect(spline(placed, true)).toHaveLength(4 * splineSteps);
        expect(placedOn(spline(placed, true))).toEqual(placed);
        expect(placedOn(spline(placed, false))).toEqual(placed);
        expect(placedOn(spline(placed.slice(0, 2), false))).toEqual(placed.slice(0, 2));
    });
});

describe("a live wire", () => {
    it("follows an edge round its corner", () => {
        const picture = grid(40, 40, (c, r) => (c >= 20 && r >= 10 ? 100 : 0));
        const path = new Livewire(picture, [20, 35]).path([35, 10]);
        expect(path[0]).toEqual([20.5, 35.5]);
        expect(path.at(-1)).toEqual([35.5, 10.5]);
        for (const [x, y] of path) expect(Math.min(Math.abs(x - 20), Math.abs(y - 10))).toBeLessThanOrEqual(1.5);
    });
    it("goes straight where there is nothing, and as far as it reaches", () => {
        const path = new Livewire(grid(400, 20, () => 5), [1, 5]).path([399, 5]);
        expect(path).toHaveLength(161);
        expect(new Set(path.map((p) => p[1]))).toEqual(new Set([5.5]));
    });
});

describe("units of values", () => {
    const ds = (values: Record<string, string>): Dataset => Object.fromEntries(Object.entries(values).map(([tag, v]) => [tag, { Value: [v] }]));
    it.each([
        [{ "00080016": "1.2.840.10008.5.1.4.1.1.2" }, "", "[hnsf'U]"],
        [{ "00080016": "1.2.840.10008.5.1.4.1.1.2" }, "US", "1"],
        [{ "00080016": "1.2.840.10008.5.1.4.1.1.4" }, "", "1"],
        [{}, "HU", "[hnsf'U]"],
        [{ "00541001": "BQML" }, "", "Bq/ml"],
        [{ "00541001": "GML" }, "", "{SUVbw}g/ml"],
        [{ "00541001": "GML", "00541006": "LBM" }, "", "{SUVlbm}g/ml"],
        [{ "00541001": "WHAT" }, "", "1"],
    ])("%j, rescale type '%s': %s", (values, type, unit) => expect(valueUnit(ds(values as Record<string, string>), type)).toBe(unit));
});
