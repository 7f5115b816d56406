import { describe, expect, it } from "vitest";
import { cleaned, largest, narrowed, smoothed, widened, type Block } from "./margin";

type Step = Block["stepMm"];

/* An ellipsoid that is a ball in the patient, in the middle of the block; of one frame a disc. */
function ball(size: readonly [number, number, number], stepMm: Step, radiusMm: number): Block {
    const [columns, rows, frames] = size;
    const inside = Uint8Array.from({ length: columns * rows * frames }, (_, i) => {
        const at = [i % columns, Math.floor(i / columns) % rows, Math.floor(i / columns / rows)];
        return Math.hypot(...at.map((v, k) => (v - (size[k]! - 1) / 2) * stepMm[k]!)) <= radiusMm ? 1 : 0;
    });
    return { columns, rows, frames, stepMm, inside };
}
const mm2 = (b: Block, pixels: Uint8Array) => pixels.reduce((n, v) => n + v, 0) * b.stepMm[0] * b.stepMm[1];
const mm3 = (b: Block, pixels: Uint8Array) => mm2(b, pixels) * b.stepMm[2];
const near = (value: number, expected: number, share: number) => expect(Math.abs(value / expected - 1)).toBeLessThan(share);
const rows = (...lines: string[]): Block => ({ columns: lines[0]!.length, rows: lines.length, frames: 1, stepMm: [1, 1, 1], inside: Uint8Array.from(lines.join(""), Number) });
const show = (b: Block, v: Uint8Array) => Array.from({ length: b.rows }, (_, r) => v.slice(r * b.columns, (r + 1) * b.columns).join("")).join(" ");

describe("a margin", () => {
    it.each([[1, 1], [0.5, 1.25], [2, 0.7]])("of 6 mm makes discs of 20 mm to 26 and to 14, pixels of %f x %f mm", (x, y) => {
        const b = ball([Math.ceil(60 / x), Math.ceil(60 / y), 1], [x, y, 9], 20);
        near(mm2(b, widened(b, 6)), Math.PI * 26 ** 2, 0.04);
        near(mm2(b, narrowed(b, 6)), Math.PI * 14 ** 2, 0.06);
    });
    it("through slices makes balls of balls, whatever their distance", () => {
        const b = ball([60, 50, 20], [1, 1.2, 3], 18);
        const radius = (pixels: Uint8Array) => Math.cbrt((mm3(b, pixels) * 3) / 4 / Math.PI);
        expect([b.inside, widened(b, 6), narrowed(b, 6)].map((v, i) => Math.abs(radius(v) - [18, 24, 12][i]!) < 0.5)).toEqual([true, true, true]);
    });
    it("is exact: what is within it, and nothing else", () => {
        const size = [9, 7, 5] as const;
        const stepMm: Step = [1, 1.5, 2.5];
        let seed = 5;
        const b: Block = { columns: 9, rows: 7, frames: 5, stepMm, inside: Uint8Array.from({ length: 315 }, () => ((seed = (seed * 48271) % 2147483647) % 100 < 4 ? 1 : 0)) };
        const at = (i: number) => [i % size[0], Math.floor(i / size[0]) % size[1], Math.floor(i / size[0] / size[1])];
        const apart = (i: number, j: number) => Math.hypot(...at(i).map((v, k) => (v - at(j)[k]!) * stepMm[k]!));
        const ours = [...b.inside.keys()].filter((i) => b.inside[i]);
        expect(ours.length).toBeGreaterThan(3);
        for (const mm of [1, 2, 2.5, 3.2])
            expect(widened(b, mm)).toEqual(b.inside.map((_, i) => (ours.some((j) => apart(i, j) <= mm + 1e-6) ? 1 : 0)));
    });
    it("does not come off where the image ends, and widens nothing into something", () => {
        const b = rows("1110", "1110", "0000");
        expect(show(b, narrowed(b, 1))).toBe("1100 0000 0000");
        const none = rows("00", "00");
        expect([show(none, widened(none, 5)), show(none, smoothed(none, 2)), show(none, largest(none))]).toEqual(["00 00", "00 00", "00 00"]);
        const all = rows("11", "11");
        expect(show(all, narrowed(all, 5))).toBe("11 11");
    });
});

describe("smoothing", () => {
    it("takes teeth and gaps away, and rounds corners", () => {
        const b = rows("00000000000", "00001000000", "01111111110", "01111111110", "01110111110", "01111111110", "01111111110", "00000000000");
        expect(show(b, smoothed(b, 1)).split(" ").slice(1, 5)).toEqual(["00000000000", "00111111100", "01111111110", "01111111110"]);
    });
    it("leaves a ball a ball", () => {
        const b = ball([60, 60, 30], [1, 1, 2], 20);
        near(mm3(b, smoothed(b, 2)), mm3(b, b.inside), 0.03);
    });
});

describe("small parts", () => {
    const b = rows("1100000", "1101110", "0001010", "0101110", "0000000");
    it("go, and small holes with them", () => {
        expect(show(b, cleaned(b, 2))).toBe("1100000 1101110 0001110 0001110 0000000");
        expect(show(b, cleaned(b, 5))).toBe("0000000 0001110 0001110 0001110 0000000");
        expect(show(b, cleaned(b, 1))).toBe(show(b, b.inside));
    });
    it("leave the largest", () => expect(show(b, largest(b))).toBe("0000000 0001110 0001010 0001110 0000000"));
    it("hang together through the frames", () => {
        const deep: Block = { columns: 2, rows: 2, frames: 3, stepMm: [1, 1, 1], inside: Uint8Array.from([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]) };
        expect([...largest(deep)]).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
        const shell: Block = { columns: 3, rows: 3, frames: 3, stepMm: [1, 1, 1], inside: new Uint8Array(27).fill(1) };
        shell.inside[13] = 0;
        expect(cleaned(shell, 2)[13]).toBe(1);
    });
});
