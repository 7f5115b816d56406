import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { maskFor, subtracted } from "./subtraction";

const sequence = (item: Record<string, unknown[]>): Dataset => ({
    "00286100": { vr: "SQ", Value: [Object.fromEntries(Object.entries(item).map(([tag, Value]) => [tag, { Value }]))] },
});

describe("subtraction", () => {
    it("finds the mask of a frame within its range", () => {
        const ds = sequence({ "00286101": ["AVG_SUB"], "00286102": [3, 8], "00286110": [1, 2], "00286114": [0.5, -1] });
        expect(maskFor(ds, 3, 10)).toEqual({ frames: [1, 2], shift: [0.5, -1] });
        expect(maskFor(ds, 9, 10)).toBeUndefined();
    });
    it("does not believe frames that are not there", () => {
        expect(maskFor(sequence({ "00286101": ["AVG_SUB"], "00286110": [0, 99] }), 3, 10)).toBeUndefined();
        expect(maskFor({}, 3, 10)).toBeUndefined();
    });
    it("time interval difference takes the frame before", () => {
        const ds = sequence({ "00286101": ["TID"], "00286120": [2] });
        expect(maskFor(ds, 5, 10)?.frames).toEqual([3]);
        expect(maskFor(ds, 2, 10)).toBeUndefined();
    });
    it("averages, shifts and subtracts", () => {
        expect([...subtracted([10, 20, 30, 40], [[1, 2, 3, 4], [3, 4, 5, 6]], [0, 0], 2, 2)]).toEqual([8, 17, 26, 35]);
        expect([...subtracted([10, 20, 30, 40], [[1, 2, 3, 4]], [0, 1], 2, 2)]).toEqual([0, 19, 0, 37]);
        expect([...subtracted([10, 10, 10, 10, 10, 10], [[0, 4, 8, 0, 4, 8]], [0, 0.5], 2, 3)]).toEqual([0, 8, 4, 0, 8, 4]);
    });
});
