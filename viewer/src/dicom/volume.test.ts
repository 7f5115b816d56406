import { describe, expect, it } from "vitest";
import { turned, type Vec3 } from "./vector";
import { isNoVolume, middleOf, pointAt, reach, volumeOf, voxelAt, type Slice, type Volume } from "./volume";

const limits = { bytesMax: 2 ** 20, bytesPerVoxel: 2, sideMax: 2048 };
const slice = (z: number, more: Partial<Slice> = {}): Slice & { z: number } => ({
    rows: 16,
    columns: 32,
    samples: 1,
    photometric: "MONOCHROME2",
    bitsAllocated: 16,
    position: [-10, -20, z],
    rowDirection: [1, 0, 0],
    columnDirection: [0, 1, 0],
    rowSpacingMm: 2,
    columnSpacingMm: 0.5,
    calibrated: true,
    frameOfReference: "1.2",
    ...more,
    z,
});
const stack = (count = 8, more: Partial<Slice> = {}) => Array.from({ length: count }, (_, i) => slice(3 * i, more));
const never = () => 0;
const of = (frames: readonly Slice[], l = limits) => volumeOf(frames, l, never);
const why = (frames: readonly Slice[]) => {
    const v = of(frames);
    return isNoVolume(v) ? v : undefined;
};
const box = (frames: readonly Slice[], l = limits) => of(frames, l) as Volume<Slice>;

describe("a volume", () => {
    it("has its size, its steps and its first voxel from the frames, in whatever order they come", () => {
        const v = box([...stack()].reverse());
        expect(v.size).toEqual([32, 16, 8]);
        expect(v.stepMm).toEqual([0.5, 2, 3]);
        expect(v.origin).toEqual([-10, -20, 0]);
        expect(v.axes[2]).toEqual([0, 0, 1]);
        expect(v.times[0]!.map((f) => (f as unknown as { z: number }).z)).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
        expect(v.thinned).toBe(1);
    });
    it("goes from voxels to the patient and back", () => {
        const v = box(stack());
        expect(pointAt(v, [4, 3, 2])).toEqual([-8, -14, 6]);
        expect(voxelAt(v, [-8, -14, 6])).toEqual([4, 3, 2]);
        expect(middleOf(v)).toEqual([-10 + 15.5 * 0.5, -20 + 15, 10.5]);
    });
    it("may lie obliquely", () => {
        const tip = (p: Vec3) => turned(p, [1, 0, 0], 0.5);
        const v = box(stack().map((f) => ({ ...f, position: tip(f.position!), rowDirection: tip([1, 0, 0]), columnDirection: tip([0, 1, 0]) })));
        expect(v.stepMm[2]).toBeCloseTo(3, 9);
        expect(v.axes[2][1]).toBeCloseTo(-Math.sin(0.5), 9);
    });
    it("takes positions rounded to a hundredth", () => expect(why(stack().map((f, i) => ({ ...f, position: [-10, -20, 3 * i + (i % 2) * 0.01] })))).toBeUndefined());
    it("over time has a stack for each point in time", () => {
        const later = stack().map((f, i) => ({ ...f, at: 2, i }));
        const sooner = stack().map((f, i) => ({ ...f, at: 1, i }));
        const v = volumeOf([...later, ...sooner], limits, (f) => f.at) as Volume<(typeof later)[number]>;
        expect(v.times.map((t) => t.map((f) => f.at))).toEqual([Array(8).fill(1), Array(8).fill(2)]);
        expect(v.size).toEqual([32, 16, 8]);
    });
    it("that is too large leaves slices out, and says so", () => {
        const v = box(stack(9), { ...limits, bytesMax: 5 * 16 * 32 * 2 });
        expect(v.thinned).toBe(2);
        expect(v.size[2]).toBe(5);
        expect(v.stepMm[2]).toBe(6);
        expect((of(stack(9), { ...limits, bytesMax: 16 * 32 * 2 }) as { why: string }).why).toBe("memory");
    });
});

describe("what is no volume", () => {
    const broken = (at: number, more: Partial<Slice>) => stack().map((f, i) => (i === at ? { ...f, ...more } : f));
    it.each<[string, readonly Slice[], object]>([
        ["few", stack(2), { count: 2 }],
        ["colour", stack(8, { samples: 3, photometric: "RGB" }), {}],
        ["place", broken(3, { position: undefined }), {}],
        ["place", broken(3, { rowDirection: undefined }), {}],
        ["place", stack(8, { rowDirection: [0, 0, 0] }), {}],
        ["spacing", stack(8, { calibrated: false }), {}],
        ["size", broken(3, { columns: 33 }), { one: "32 × 16", other: "33 × 16" }],
        ["size", broken(3, { columnSpacingMm: 0.6 }), { one: "0.5 mm", other: "0.6 mm" }],
        ["orientation", broken(0, { columnDirection: [0, 0, -1] }), {}],
        ["frame", broken(0, { frameOfReference: "1.3" }), {}],
        ["duplicates", [...stack(), slice(6)], { count: 1 }],
        ["duplicates", [...stack(), ...stack()], { count: 8 }],
        ["uneven", stack().filter((_, i) => i !== 3), { least: "3", most: "6" }],
        ["uneven", broken(3, { position: [-10, -20, 9.5] }), { least: "2.5", most: "3.5" }],
        ["uneven", broken(3, { position: [-9, -20, 9] }), { least: "3", most: "3" }],
        ["tilt", stack().map((f, i) => ({ ...f, position: [-10, -20 + i * 3 * Math.tan(Math.PI / 12), 3 * i] as Vec3 })), { degrees: "15.0" }],
    ])("is refused: %s", (reason, frames, values) => expect(why(frames)).toEqual({ why: reason, values }));
});

describe("planes through a volume", () => {
    it("are as many as its voxels, along its axes", () => {
        const v = box(stack());
        expect(reach(v, [0, 0, 1])).toEqual({ firstMm: 0, stepMm: 3, steps: 8 });
        expect(reach(v, [1, 0, 0])).toEqual({ firstMm: -10, stepMm: 0.5, steps: 32 });
        expect(reach(v, [0, -1, 0])).toEqual({ firstMm: -10, stepMm: 2, steps: 16 }); /* y from 10 down to -20 */
    });
    it("meet all of it obliquely", () => {
        const v = box(stack());
        const d: Vec3 = [Math.SQRT1_2, 0, Math.SQRT1_2];
        const r = reach(v, d);
        expect(r.stepMm).toBeCloseTo((0.5 + 3) / 2, 9);
        expect(r.firstMm).toBeGreaterThanOrEqual(-10 * Math.SQRT1_2 - 1e-9);
    });
});
