import { describe, expect, it } from "vitest";
import { inPatient, onImagePlane } from "./place";
import { labelsOnPlane, noSlab, planeFrame, PlaneGrid, planeThrough, type Cut, type SliceValues } from "./plane-grid";
import { statsIn, valueAt } from "./stats";
import { scale, turned, unit, type Vec3 } from "./vector";
import { pointAt, type Box } from "./volume";

/* 8 x 6 x 5 voxels of 1 x 2 x 4 mm, whose values grow evenly: 3 for a column, 20 for a row, 100 for a slice. */
const box: Box = { size: [8, 6, 5], stepMm: [1, 2, 4], axes: [[1, 0, 0], [0, 1, 0], [0, 0, 1]], origin: [-10, 5, 40], frameOfReference: "1.2" };
const at = (i: number, j: number, k: number) => 3 * i + 20 * j + 100 * k;
const slice = (k: number): SliceValues => ({ data: Array.from({ length: 48 }, (_, n) => at(n % 8, Math.floor(n / 8), k)), padding: undefined });
const coronal = (y: number): Cut => ({ through: [0, y, 0], right: [1, 0, 0], down: [0, 0, -1], deep: [0, 1, 0] });
const gridOf = (cut: Cut, slab = noSlab, get: (k: number) => SliceValues | undefined = slice) => {
    const frame = planeFrame(box, cut, 2);
    return { frame, grid: new PlaneGrid(box, frame, slab, get) };
};

describe("the grid of a plane", () => {
    it("is that of the voxels where it lies straight", () => {
        const { frame, grid } = gridOf(coronal(9));
        expect(frame).toMatchObject({ rows: 5, columns: 8, position: [-10, 9, 56], rowSpacingMm: 4, columnSpacingMm: 1, frameOfReference: "1.2" });
        expect([...(grid.data as Float64Array)]).toEqual(Array.from({ length: 40 }, (_, n) => at(n % 8, 2, 4 - Math.floor(n / 8))));
    });
    it("has points of the patient, and back", () => {
        const { frame } = gridOf(coronal(9));
        expect(inPatient(frame, [[0.5, 0.5], [3.5, 1.5]])).toEqual([[-10, 9, 56], [-7, 9, 52]]);
        expect(onImagePlane(frame, [[-7, 9.9, 52]])).toEqual([[3.5, 1.5]]);
        expect(onImagePlane(frame, [[-7, 10.1, 52]])).toBeUndefined(); /* more than half a slice away */
    });
    it("lies between voxels by their shares", () => {
        const { grid } = gridOf(coronal(9.5));
        expect(grid.at(0)).toBeCloseTo(at(0, 2.25, 4), 9);
        const stats = statsIn(grid, { kind: "rectangle", points: [[1, 1], [4, 1], [4, 3], [1, 3]] }, [1, 4])!;
        expect([stats.count, stats.min, stats.max]).toEqual([6, at(1, 2.25, 2), at(3, 2.25, 3)]);
        expect(stats.mean).toBeCloseTo(at(2, 2.25, 2.5), 9);
        expect(valueAt(grid, [3.2, 1.7])).toBeCloseTo(at(3, 2.25, 3), 9);
    });
    it("holds what its places say when it lies obliquely", () => {
        const turn = (v: Vec3) => turned(turned(v, [0, 0, 1], 0.5), unit([1, 1, 0]), 0.3);
        const cut = { through: pointAt(box, [3.5, 2.5, 2]), right: turn([1, 0, 0]), down: turn([0, 0, -1]), deep: turn([0, 1, 0]) };
        const { frame, grid } = gridOf(cut);
        let seen = 0;
        for (let i = 0; i < frame.rows * frame.columns; i++) {
            const v = grid.at(i)!;
            const [p] = inPatient(frame, [[(i % frame.columns) + 0.5, Math.floor(i / frame.columns) + 0.5]])!;
            const [x, y, z] = [p![0] + 10, (p![1] - 5) / 2, (p![2] - 40) / 4];
            const isWithin = x >= 0 && y >= 0 && z >= 0 && x <= 7 && y <= 5 && z <= 4;
            if (isWithin) expect(v).toBeCloseTo(at(x, y, z), 6), seen++;
            if (x < -0.51 || y < -0.51 || z < -0.51 || x > 7.51 || y > 5.51 || z > 4.51) expect(v).toBeNaN();
        }
        expect(seen).toBeGreaterThan(8);
    });
    it("is the highest, the lowest, the mean of a slab", () => {
        const slab = (blend: "max" | "min" | "mean") => gridOf(coronal(9), { blend, stepBy: [0, 1, 0], steps: 5 }).grid.at(0); /* 2 mm each way: one row */
        expect([slab("max"), slab("min"), slab("mean")]).toEqual([at(0, 3, 4), at(0, 1, 4), at(0, 2, 4)]);
    });
    it("has nothing where there is padding, and nothing is told before its slices are there", () => {
        const padded = gridOf(coronal(10), noSlab, (k) => ({ ...slice(k), padding: Uint8Array.of(0, 0, 1, 0, 0, 0) })); /* column 0 of row 2 */
        expect(padded.grid.at(0)).toBeNaN();
        expect(padded.grid.at(1)).toBe(at(1, 2.5, 4));
        const part = gridOf(coronal(9), noSlab, (k) => (k === 3 ? undefined : slice(k))).grid;
        expect(statsIn(part, { kind: "rectangle", points: [[0, 0], [3, 0], [3, 2], [0, 2]] }, [1, 4])).toBeUndefined();
        expect([...part.missing]).toEqual([3]);
    });
});

describe("labels on a plane", () => {
    const painted = (k: number) => (k === 1 ? undefined : Uint8Array.from({ length: 48 }, (_, n) => (n % 8 === 3 ? k + 1 : 0))); /* column 3 */
    it("are those of the voxels under it", () => {
        const { frame } = gridOf(coronal(9));
        const labels = labelsOnPlane(box, frame, painted);
        expect([...labels].flatMap((v, i) => (v > 0 ? [[i % 8, Math.floor(i / 8), v]] : []))).toEqual([[3, 0, 5], [3, 1, 4], [3, 2, 3], [3, 4, 1]]);
    });
    it("are found obliquely too", () => {
        const s = Math.SQRT1_2;
        const { frame } = gridOf({ through: pointAt(box, [3, 2, 2]), right: [s, s, 0], down: [0, 0, -1], deep: [-s, s, 0] });
        const labels = labelsOnPlane(box, frame, painted);
        for (let i = 0; i < labels.length; i++) {
            const [p] = inPatient(frame, [[(i % frame.columns) + 0.5, Math.floor(i / frame.columns) + 0.5]])!;
            const [x, y, k] = [p![0] + 10, (p![1] - 5) / 2, Math.round((p![2] - 40) / 4)];
            if (Math.abs(x - 3) < 0.45 && y > -0.45 && y < 5.45) expect(labels[i]).toBe(k === 1 ? 0 : k + 1);
            if (Math.abs(x - 3) > 0.55) expect(labels[i]).toBe(0);
        }
        expect(labels.some((v) => v > 0)).toBe(true);
    });
});

describe("the plane of points", () => {
    it("is theirs, the same way round", () => {
        expect(planeThrough([[0, 0, 5], [4, 0, 5], [2, 3, 5]], [0.1, 0, -0.9])[2]).toBe(-1);
        expect(planeThrough([[1, 2, 3]], [0, 1, 0])).toEqual([0, 1, 0]);
    });
    it("is the nearest of those that hold a line", () => {
        const s = Math.SQRT1_2;
        const n = planeThrough([[0, 0, 0], [10, 10, 0]], [0, 1, 0]);
        expect(n.map((v) => Number(v.toFixed(9)))).toEqual([-s, s, 0].map((v) => Number(v.toFixed(9))));
        expect(planeThrough([[0, 0, 0], scale([0, 1, 0], 9)], [0, 1, 0])).toEqual([0, 1, 0]);
    });
});
