import { describe, expect, it } from "vitest";
import { eachCovered, halfThicknessMm, type Slice, type Stroke } from "./ball";
import type { Vec3 } from "./vector";

/* 21 x 11 pixels of 1 x 2 mm, 3 mm apart */
const frame = (k: number): Slice => ({ rows: 11, columns: 21, position: [-10, -10, 3 * k], rowDirection: [1, 0, 0], columnDirection: [0, 1, 0], rowSpacingMm: 2, columnSpacingMm: 1, sliceThicknessMm: 3 });
const covered = (k: number, s: Stroke) => {
    const out: Vec3[] = [];
    eachCovered(frame(k), s, (i) => out.push([-10 + (i % 21), -10 + 2 * Math.floor(i / 21), 3 * k]));
    return out;
};
const all = [-3, -2, -1, 0, 1, 2, 3];

describe("a round brush", () => {
    it("covers what is within its radius, through the images", () => {
        const found = all.flatMap((k) => covered(k, { from: [0, 0, 0], to: [0, 0, 0], radiusMm: 5 }));
        const expected = all.flatMap((k) => Array.from({ length: 231 }, (_, i): Vec3 => [-10 + (i % 21), -10 + 2 * Math.floor(i / 21), 3 * k])).filter(([x, y, z]) => x * x + y * y + z * z <= 25);
        expect(found).toEqual(expected);
        expect(found.length).toBeGreaterThan(80);
    });
    it("leaves no gaps between two places", () => {
        const found = covered(0, { from: [-8, 0, 0], to: [8, 0, 0], radiusMm: 1 });
        expect(found.filter(([, y]) => y === 0).map(([x]) => x)).toEqual(Array.from({ length: 19 }, (_, i) => i - 9));
    });
    it("is a disc on a plane: one voxel thick, round in it", () => {
        const normal: Vec3 = [0, 1, 0];
        const halfMm = halfThicknessMm([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [1, 2, 3], normal);
        expect(halfMm).toBeCloseTo(1, 5);
        const found = all.flatMap((k) => covered(k, { from: [0, 0.4, 0], to: [0, 0.4, 0], radiusMm: 6, disc: { normal, halfMm } }));
        expect(new Set(found.map(([, y]) => y))).toEqual(new Set([0]));
        expect(found.filter(([, , z]) => z === 6).map(([x]) => x)).toEqual([0]);
        expect(found.filter(([, , z]) => z === 0).map(([x]) => x)).toEqual(Array.from({ length: 13 }, (_, i) => i - 6));
    });
});
