import { describe, expect, it } from "vitest";
import { allowing, between, countOf, fillHoles, flood, floodStack, isEmpty, paint, stroke, type Sheet } from "./labelmap";
import { segmentStats, sliceStepMm, type StackFrame } from "./segment-stats";

const sheet = (text: string): Sheet => {
    const lines = text.trim().split(/\s+/);
    return { rows: lines.length, columns: lines[0]!.length, labels: Uint8Array.from(lines.join(""), Number) };
};
const blank = (columns: number, rows: number): Sheet => ({ rows, columns, labels: new Uint8Array(rows * columns) });
const show = (s: Sheet) => Array.from({ length: s.rows }, (_, r) => [...s.labels.slice(r * s.columns, (r + 1) * s.columns)].join("")).join(" ");
const free = () => true;

describe("a brush", () => {
    it("is round in the patient, on pixels whose middle it covers", () => {
        const s = blank(9, 5);
        stroke(s, [4.5, 2.5], [4.5, 2.5], 2.1, [1, 2], 1, free);
        expect(show(s)).toBe("000000000 000010000 001111100 000010000 000000000");
    });
    it("leaves no gaps, and at least the pixel below it", () => {
        const s = blank(30, 3);
        stroke(s, [0.5, 1.5], [29.5, 1.5], 0.1, [1, 1], 2, free);
        expect(countOf(s.labels, 2)).toBe(30);
    });
    it("keeps to values between the thresholds, and off locked segments", () => {
        const s = sheet("0003 0000");
        const data = [5, 10, 20, 10, 30, 10, 10, 10];
        paint(s, { kind: "rectangle", points: [[0, 0], [4, 0], [4, 2], [0, 2]] }, [1, 1], 1, allowing(s.labels, 1, new Set([3]), { data, low: 10, high: 20 }));
        expect(show(s)).toBe("0113 0111");
    });
    it("erases others than the locked", () => {
        const s = sheet("123");
        paint(s, { kind: "rectangle", points: [[0, 0], [3, 0], [3, 1], [0, 1]] }, [1, 1], 0, allowing(s.labels, 0, new Set([2])));
        expect(show(s)).toBe("020");
        expect([isEmpty(s.labels), isEmpty(new Uint8Array(4))]).toEqual([false, true]);
    });
});

describe("filling", () => {
    it("goes as far as values are alike and touch by their sides", () => {
        const s = blank(4, 3);
        const data = [1, 1, 9, 1, 9, 1, 9, 1, 1, 9, 1, 1];
        expect(flood(s, [0.5, 0.5], 2, allowing(s.labels, 2, new Set(), { data, low: 0, high: 2 }))).toBe(3);
        expect(show(s)).toBe("2200 0200 0000");
        expect(flood(s, [-1, 0], 2, free)).toBe(0);
    });
    it("goes through neighbouring frames, and stops where it has run out", () => {
        const volume = ["1100", "0100", "0111"];
        const size = { rows: 2, columns: 2, frames: 3 };
        const allowed = (frame: number, i: number) => volume[frame]![i] === "1";
        expect([...floodStack(size, { frame: 0, i: 0 }, allowed, 99).found]).toEqual([[0, [0, 1]], [1, [1]], [2, [1, 3, 2]]]);
        expect(floodStack(size, { frame: 0, i: 0 }, allowed, 3).isCut).toBe(true);
        expect(floodStack(size, { frame: 0, i: 2 }, allowed, 3).found.size).toBe(0);
    });
    it("takes what a segment encloses, corners counting as closed", () => {
        const s = sheet("00100 01010 10001 01010 00100");
        expect(fillHoles(s, 1, free)).toBe(5);
        expect(show(s)).toBe("00100 01110 11111 01110 00100");
    });
});

describe("between two slices", () => {
    it("a square grows into a larger one step by step", () => {
        const square = (half: number): Sheet => {
            const s = blank(21, 21);
            paint(s, { kind: "rectangle", points: [[10.5 - half, 10.5 - half], [10.5 + half, 10.5 - half], [10.5 + half, 10.5 + half], [10.5 - half, 10.5 + half]] }, [1, 1], 1, free);
            return s;
        };
        const middle = between(square(2.5), square(8.5), 1, 3).map((m) => Math.sqrt(countOf(m, 1)));
        expect(middle).toEqual([8, 11, 14].map((side) => expect.closeTo(side, -0.5)));
        expect(middle[0]).toBeLessThan(middle[1]!);
        expect(middle[1]).toBeLessThan(middle[2]!);
    });
});

describe("a segment", () => {
    const frame = (z: number, more: Partial<StackFrame> = {}): StackFrame => ({
        name: `i${z}/1`, rowSpacingMm: 2, columnSpacingMm: 0.5, spacingSource: "calibrated", position: [0, 0, z], rowDirection: [1, 0, 0], columnDirection: [0, 1, 0], ...more,
    });
    const maps = new Map([["i0/1", Uint8Array.of(1, 1, 2, 0)], ["i10/1", Uint8Array.of(1, 0, 0, 0)]] as const);
    const data = [10, 20, 30, 40];
    it("has the volume of its pixels, and the statistics of their values", () =>
        expect(segmentStats(1, maps, [0, 5, 10].map((z) => frame(z)), () => ({ data, padding: undefined }))).toMatchObject({ pixels: 3, frames: 2, volumeMl: 0.015, missing: 0, mean: expect.closeTo(40 / 3, 9), min: 10, max: 20 }));
    it("has no volume where frames are no volume or spacing is not known", () => {
        expect(sliceStepMm([frame(0), frame(5), frame(11)])).toBeUndefined();
        expect(sliceStepMm([frame(0), frame(5, { rowDirection: [0, 1, 0] })])).toBeUndefined();
        expect(sliceStepMm([frame(0), frame(0)])).toBeUndefined();
        expect(segmentStats(1, maps, [frame(0, { spacingSource: "imager" }), frame(10)], () => undefined)).toMatchObject({ volumeMl: undefined, pixels: 3, missing: 3 });
    });
});
