import { describe, expect, it } from "vitest";
import { cut, middleOf, nearest, sharePlace, toImage, toPatient, type Placed } from "./slices";

const axial = (z: number): Placed => ({
    rows: 100, columns: 200, position: [-100, -50, z], rowDirection: [1, 0, 0], columnDirection: [0, 1, 0],
    rowSpacingMm: 1, columnSpacingMm: 1, frameOfReference: "1.2",
});
const sagittal = (x: number): Placed => ({
    rows: 80, columns: 100, position: [x, -50, 40], rowDirection: [0, 1, 0], columnDirection: [0, 0, -1],
    rowSpacingMm: 1, columnSpacingMm: 1, frameOfReference: "1.2",
});

describe("slices", () => {
    it("goes to the patient and back", () => {
        expect(toPatient(axial(5), [0.5, 0.5])).toEqual([-100, -50, 5]);
        expect(toImage(axial(5), [-90, -30, 8])).toEqual({ point: [10.5, 20.5], awayMm: 3 });
        expect(middleOf(axial(0))).toEqual([-0.5, -0.5, 0]);
    });
    it("finds the nearest slice", () => {
        expect(nearest([0, 3, 6, 9].map(axial), [0, 0, 7])).toBe(2);
        expect(nearest([], [0, 0, 7])).toBeUndefined();
    });
    it("cuts an axial image with a sagittal one", () => {
        const [a, b] = cut(sagittal(20), axial(10))!; /* the column at x = 20, over the rows of the sagittal image */
        expect(a[0]).toBeCloseTo(120.5);
        expect(b[0]).toBeCloseTo(120.5);
        expect([a[1], b[1]].sort((p, q) => p - q)).toEqual([0, 100]);
    });
    it("does not cut what is parallel, apart, or of another patient", () => {
        expect(cut(axial(1), axial(2))).toBeUndefined();
        expect(cut(sagittal(20), axial(500))).toBeUndefined();
        expect(sharePlace(axial(1), { ...sagittal(1), frameOfReference: "1.3" })).toBe(false);
        expect(cut({ ...sagittal(20), frameOfReference: "" }, { ...axial(10), frameOfReference: "" })).toBeUndefined();
    });
});
