import { describe, expect, test } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { drawnOn, slabsOf } from "./roi-planes";
import { computedDvh, doseOf, shareOf, storedDvhs, type Dvh } from "./dvh";
import { isolines, levelsOf } from "./isodose";
import { doseAt, doseOver, readDose, type DoseGrid } from "./rtdose";
import type { Contour } from "./rtstruct";
import { sectionOf } from "./section";
import type { Vec3 } from "./vector";

const el = (vr: string, ...Value: unknown[]) => ({ vr, Value });

/* 21 columns of 2 mm, 11 rows of 4 mm, planes at 0, 5, 15, 20 mm from z 100: value = column * 10 + row * 100 + 1000 z */
const columns = 21;
const rows = 11;
const zs = [0, 5, 15, 20];
function grid(more: Record<string, unknown> = {}, order = [0, 1, 2, 3]): Dataset {
    return {
        "00280010": el("US", rows),
        "00280011": el("US", columns),
        "00280008": el("IS", 4),
        "00280100": el("US", 32),
        "00280103": el("US", 0),
        "00280030": el("DS", 4, 2),
        "00200032": el("DS", 10, 20, 100),
        "00200037": el("DS", 1, 0, 0, 0, 1, 0),
        "00200052": el("UI", "1.2.3"),
        "30040002": el("CS", "GY"),
        "3004000C": el("DS", ...order.map((k) => zs[k]! - zs[order[0]!]!)),
        "3004000E": el("DS", "0.001"),
        "7FE00010": { vr: "OW", BulkDataURI: "x" },
        ...more,
    } as Dataset;
}
const pixels = (order = [0, 1, 2, 3]) =>
    new Uint8Array(Uint32Array.from({ length: columns * rows * 4 }, (_, i) => (i % columns) * 10 + (Math.floor(i / columns) % rows) * 100 + 1000 * zs[order[Math.floor(i / columns / rows)]!]!).buffer);
/* By hand: Gy at a point */
const wanted = ([x, y, z]: Vec3) => ((x - 10) / 2) * 0.01 + ((y - 20) / 4) * 0.1 + (z - 100);
const read = (ds: Dataset, bytes: Uint8Array) => {
    const g = readDose(ds, bytes);
    if (typeof g === "string") throw new Error(g);
    return g;
};

describe("the grid", () => {
    const points = [[10, 20, 100], [11, 22, 101], [49.5, 59, 107.5], [50, 60, 120], [33, 41, 119]] as const;
    test("relative offsets", () => {
        const g = read(grid(), pixels());
        for (const p of points) expect(doseAt(g, p)).toBeCloseTo(wanted(p), 4);
        expect(g.max).toBeCloseTo(0.2 + 1 + 20, 4);
        for (const p of [[9.9, 20, 100], [50.1, 20, 100], [10, 19.9, 100], [10, 60.1, 100], [10, 20, 99.9], [10, 20, 120.1]] as const) expect(doseAt(g, p)).toBeUndefined();
    });
    test("offsets that are z coordinates, and frames from above", () => {
        const g = read(grid({ "3004000C": el("DS", 100, 105, 115, 120) }), pixels());
        for (const p of points) expect(doseAt(g, p)).toBeCloseTo(wanted(p), 4);
        const order = [3, 2, 1, 0];
        const down = read(grid({ "00200032": el("DS", 10, 20, 120), "3004000C": el("DS", 0, -5, -15, -20) }, order), pixels(order));
        for (const p of points) expect(doseAt(down, p)).toBeCloseTo(wanted(p), 4);
    });
    test("a patient who lies on the belly with rows turned: offsets run along the normal", () => {
        /* Rows to the left, columns to the front: the normal is up again; columns to the back: it is down */
        const g = read(grid({ "00200037": el("DS", 1, 0, 0, 0, -1, 0), "00200032": el("DS", 10, 20, 100) }), pixels());
        expect(doseAt(g, [10, 20 - 8, 95])).toBeCloseTo(0.2 + 5, 4);
        const absolute = read(grid({ "00200037": el("DS", 1, 0, 0, 0, -1, 0), "3004000C": el("DS", 100, 95, 85, 80) }), pixels());
        expect(doseAt(absolute, [10, 20 - 8, 95])).toBeCloseTo(0.2 + 5, 4);
    });
    test("what cannot be understood is refused", () => {
        expect(readDose(grid({ "3004000C": el("DS", 3, 8, 18, 23) }), pixels())).toBe("offsets");
        expect(readDose(grid({ "3004000C": el("DS", 0, 5) }), pixels())).toBe("offsets");
        expect(readDose(grid({ "3004000C": el("DS", 0, 5, 5, 10) }), pixels())).toBe("offsets");
        expect(readDose(grid({ "3004000E": undefined }), pixels())).toBe("scaling");
        expect(readDose(grid({ "00200037": undefined }), pixels())).toBe("place");
        expect(readDose(grid({ "00280008": el("IS", 1_000_000) }), pixels())).toBe("size");
        for (const n of [0, 1, 3, 100, 3695]) expect(readDose(grid(), pixels().subarray(0, n))).toBe("short");
    });
    test("over a pane", () => {
        const g = read(grid(), pixels());
        const image = { position: [12, 24, 110] as const, rowDirection: [1, 0, 0] as const, columnDirection: [0, 1, 0] as const, rowSpacingMm: 1, columnSpacingMm: 1, sliceThicknessMm: 2, frameOfReference: "1.2.3" };
        const s = sectionOf(image, [4, 0, 0, 4, 0, 0])!;
        const over = doseOver(g, s, 10, 10, 4); /* samples at 2, 6, 10 … CSS pixels: the middles of image pixels */
        expect(over[0]).toBeCloseTo(wanted([12, 24, 110]), 4);
        expect(over[7 * 10 + 3]).toBeCloseTo(wanted([15, 31, 110]), 4);
        const side = sectionOf({ ...image, rowDirection: [0, 0, -1], position: [12, 24, 119] }, [4, 0, 0, 4, 0, 0])!;
        const across = doseOver(g, side, 25, 10, 4);
        expect(across[2 * 25 + 6]).toBeCloseTo(wanted([12, 26, 113]), 4);
        expect(across[2 * 25 + 24]).toBeNaN();
    });
});

/* Dose rises by 1 Gy per mm in x, from 0 at x = 0; nothing else matters */
const ramp: DoseGrid = {
    columns: 101, rows: 101, columnMm: 1, rowMm: 1, right: [1, 0, 0], down: [0, 1, 0], deep: [0, 0, 1], leftMm: 0, topMm: 0,
    depths: Float64Array.from({ length: 41 }, (_, k) => k * 2.5 - 30), halfMm: 0,
    values: Float32Array.from({ length: 101 * 101 * 41 }, (_, i) => i % 101),
    unit: "Gy", type: "PHYSICAL", summation: "PLAN", max: 100, plan: "", structures: "", frameOfReference: "1",
};
const square = (x0: number, x1: number, y0: number, y1: number, z: number): Contour => ({ closed: true, points: [[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]] });

describe("histograms", () => {
    const box = [0, 5, 10, 15, 20].map((z) => square(10, 30, 40, 60, z));
    test("of a box in a ramp, by hand", () => {
        const dvh = computedDvh(box, ramp) as Dvh;
        expect(dvh.volumeCm3).toBeCloseTo((20 * 20 * 25) / 1000, 6);
        expect(dvh.mean).toBeCloseTo(20, 3);
        expect(dvh.min).toBeGreaterThan(10);
        expect(dvh.min).toBeLessThan(10.5);
        expect(dvh.max).toBeGreaterThan(29.5);
        expect(Math.abs(doseOf(dvh, 0.95) - 11)).toBeLessThan(0.3);
        expect(Math.abs(doseOf(dvh, 0.5) - 20)).toBeLessThan(0.3);
        expect(Math.abs(shareOf(dvh, 25) - 0.25)).toBeLessThan(0.015);
        expect([shareOf(dvh, 5), shareOf(dvh, 35)]).toEqual([expect.closeTo(1, 9), 0]);
        expect(dvh.outside).toBe(0);
    });
    test("a hole is not of the volume, and what lies outside of the grid is told", () => {
        const holed = box.flatMap((c) => [c, square(15, 25, 45, 55, c.points[0]![2])]);
        expect((computedDvh(holed, ramp) as Dvh).volumeCm3).toBeCloseTo(((20 * 20 - 10 * 10) * 25) / 1000, 6);
        const beyond = computedDvh([0, 5, 10].map((z) => square(90, 110, 40, 60, z)), ramp) as Dvh;
        expect(beyond.outside).toBeCloseTo(0.5, 2);
    });
    test("a missing contour is not filled up", () => {
        const apart = [0, 5, 10, 40, 45, 50].map((z) => square(10, 30, 40, 60, z));
        expect((computedDvh(apart, ramp) as Dvh).volumeCm3).toBeCloseTo((20 * 20 * 30) / 1000, 6);
    });
    test("one contour has no volume, and neither have points", () => {
        expect(computedDvh(box.slice(0, 1), ramp)).toBe("one");
        expect(computedDvh([{ closed: false, points: [[1, 2, 3]] }], ramp)).toBe("contours");
    });
    test("as they are stored: cumulative and differential are one", () => {
        const item = (type: string, data: number[]) => ({ "30040001": el("CS", type), "30040002": el("CS", "GY"), "30040052": el("DS", 0.5), "30040054": el("CS", "CM3"), "30040058": el("DS", ...data), "30040060": el("SQ", { "30040062": el("CS", "INCLUDED"), "30060084": el("IS", type === "CUMULATIVE" ? 1 : 2) }) });
        const all = storedDvhs({ "30040050": el("SQ", item("CUMULATIVE", [2, 8, 2, 8, 2, 4, 2, 2]), item("DIFFERENTIAL", [2, 0, 2, 4, 2, 2, 2, 2]), item("NATURAL", [1, 1, 1, 1])) } as Dataset);
        expect([...all.keys()]).toEqual([1, 2]);
        for (const dvh of all.values()) {
            expect(dvh.volumeCm3).toBe(8);
            expect(dvh.doses).toEqual([0, 1, 2, 3, 4]);
            expect(dvh.shares).toEqual([1, 1, 0.5, 0.25, 0]);
            expect([doseOf(dvh, 0.5), doseOf(dvh, 0.75), shareOf(dvh, 2.5), dvh.max]).toEqual([2, 1.5, 0.375, 4]);
            expect(dvh.mean).toBeCloseTo(1 + 0.75 + 0.375 + 0.125, 9);
        }
    });
});

describe("isodose lines", () => {
    test("lie where the value is", () => {
        const field = { width: 11, height: 5, values: Float32Array.from({ length: 55 }, (_, i) => i % 11) };
        const lines = isolines(field, 3.25);
        expect(lines.length).toBe(4 * 4);
        for (let i = 0; i < lines.length; i += 2) expect(lines[i]).toBeCloseTo(3.25, 6);
        expect(isolines(field, 20)).toEqual([]);
        field.values[2 * 11 + 3] = NaN;
        expect(isolines(field, 3.25).length).toBe(2 * 4);
    });
    test("a round hill has a round line, closed", () => {
        const values = Float32Array.from({ length: 41 * 41 }, (_, i) => 30 - Math.hypot((i % 41) - 20, Math.floor(i / 41) - 20));
        const lines = isolines({ width: 41, height: 41, values }, 20);
        const ends = new Map<string, number>();
        for (let i = 0; i < lines.length; i += 2) {
            expect(Math.hypot(lines[i]! - 20, lines[i + 1]! - 20)).toBeCloseTo(10, 1);
            const key = `${lines[i]!.toFixed(4)} ${lines[i + 1]!.toFixed(4)}`;
            ends.set(key, (ends.get(key) ?? 0) + 1);
        }
        expect([...ends.values()].every((n) => n % 2 === 0)).toBe(true);
    });
    test("a saddle is joined by its middle", () => {
        const near = (...all: number[]) => all.map((v) => expect.closeTo(v, 3) as unknown);
        const square = (a: number, b: number, d: number, c: number) => isolines({ width: 2, height: 2, values: Float32Array.of(a, b, d, c) }, 0.5);
        expect(square(1, 0.4, 0.4, 1)).toEqual(near(0.833, 0, 1, 0.167, 0.167, 1, 0, 0.833)); /* b and d are cut off */
        expect(square(0.8, 0, 0, 0.8)).toEqual(near(0.375, 0, 0, 0.375, 1, 0.625, 0.625, 1)); /* a and c are */
    });
    test("levels as they are typed", () => {
        expect(levelsOf("50 107;95, 100 95")?.map((l) => l.value)).toEqual([107, 100, 95, 50]);
        expect(levelsOf("47,5 20")?.map((l) => l.value)).toEqual([47.5, 20]);
        const red = { value: 95, color: "#ff0000", isHidden: true };
        expect(levelsOf("95 50", [red])?.[0]).toBe(red);
        for (const bad of ["", "a", "0 10", "-5", "1e9", "50 x"]) expect(levelsOf(bad)).toBeUndefined();
    });
});

describe("contours", () => {
    const box = [0, 5, 10, 15, 20].map((z) => square(10, 30, 40, 60, z));
    const axial = (z: number, sliceThicknessMm = 1) => sectionOf({ position: [0.5, 0.5, z], rowDirection: [1, 0, 0], columnDirection: [0, 1, 0], rowSpacingMm: 1, columnSpacingMm: 1, sliceThicknessMm, frameOfReference: "1" }, [2, 0, 0, 2, 0, 0])!;
    test("lie on the pictures within half their distance", () => {
        const slabs = slabsOf(box)!;
        expect(slabs.stepMm).toBe(5);
        expect(drawnOn(box, slabs, axial(12)).closed).toEqual([[[20, 80], [60, 80], [60, 120], [20, 120]]]);
        expect(drawnOn(box, slabs, axial(22.4)).closed).toHaveLength(1);
        expect(drawnOn(box, slabs, axial(22.6)).closed).toHaveLength(0);
        expect(drawnOn(box, slabs, axial(24, 10)).closed).toHaveLength(1); /* a thick slice reaches further */
    });
    test("cut across they are as thick as they stand for", () => {
        /* A sagittal picture at x 20: columns run along y, rows down along z */
        const s = sectionOf({ position: [20, 0.5, 99.5], rowDirection: [0, 1, 0], columnDirection: [0, 0, -1], rowSpacingMm: 1, columnSpacingMm: 1, sliceThicknessMm: 1, frameOfReference: "1" }, [2, 0, 0, 2, 0, 0])!;
        const { bands } = drawnOn(box, slabsOf(box), s);
        expect(bands).toHaveLength(5);
        const xs = bands.flat().map((p) => Number(p[0].toFixed(6)));
        const ys = bands.flat().map((p) => Number(p[1].toFixed(6)));
        expect([Math.min(...xs), Math.max(...xs)]).toEqual([80, 120]);
        expect([Math.min(...ys), Math.max(...ys)]).toEqual([2 * (100 - 22.5), 2 * (100 + 2.5)]);
        const beside = sectionOf({ position: [31, 0.5, 99.5], rowDirection: [0, 1, 0], columnDirection: [0, 0, -1], rowSpacingMm: 1, columnSpacingMm: 1, sliceThicknessMm: 1, frameOfReference: "1" }, [2, 0, 0, 2, 0, 0])!;
        expect(drawnOn(box, slabsOf(box), beside).bands).toEqual([]);
    });
    test("points and open lines lie on their slice alone", () => {
        const list: Contour[] = [{ closed: false, points: [[5, 6, 10]] }, { closed: false, points: [[1, 1, 10], [9, 1, 10], [9, 4, 10]] }];
        expect(drawnOn(list, undefined, axial(10)).points).toEqual([[10, 12]]);
        expect(drawnOn(list, undefined, axial(10)).open).toEqual([[[2, 2], [18, 2], [18, 8]]]);
        expect(drawnOn(list, undefined, axial(11))).toEqual({ closed: [], open: [], points: [], bands: [] });
    });
});
