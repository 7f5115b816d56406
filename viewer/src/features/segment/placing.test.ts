import { describe, expect, it } from "vitest";
import { areaPixels } from "../../dicom/shape";
import { Placing } from "./placing";

/* A bright disc of 20 pixels around the middle of 80 x 80. */
const picture = { rows: 80, columns: 80, data: Float32Array.from({ length: 6400 }, (_, i) => (Math.hypot((i % 80) + 0.5 - 40, Math.floor(i / 80) + 0.5 - 40) < 20 ? 100 : 0)) };
const area = (p: Placing) => areaPixels({ kind: "freehand", points: p.line(), closed: true }, [1, 1]);

describe("a contour of points", () => {
    it("is a curve through them, whose points move", () => {
        const p = new Placing("spline", undefined);
        for (let k = 0; k < 8; k++) p.add([40 + 20 * Math.cos((k * Math.PI) / 4), 40 + 20 * Math.sin((k * Math.PI) / 4)]);
        expect(Math.abs(area(p) - Math.PI * 400)).toBeLessThan(15);
        const before = area(p);
        p.move(0, [66, 40]);
        expect(p.line()[0]).toEqual([66, 40]);
        expect(area(p)).toBeGreaterThan(before + 60);
        p.move(0, [60, 40]);
        expect(area(p)).toBeCloseTo(before, 6);
        p.drop();
        expect(p.points).toHaveLength(7);
    });
    it("follows the edge between them, after one was moved too", () => {
        const p = new Placing("livewire", picture);
        for (const at of [[60, 40], [40, 60], [5, 5], [40, 20]] as const) p.add(at);
        p.move(2, [20, 40]);
        expect(Math.abs(area(p) - Math.PI * 400)).toBeLessThan(130); /* one pixel along the edge */
        expect(p.line().every(([x, y]) => Math.abs(Math.hypot(x - 40, y - 40) - 20) < 2)).toBe(true);
        p.drop();
        p.add([40, 20]);
        expect(p.line([42, 21]).at(-1)).toEqual([42, 21]);
        expect(Math.abs(area(p) - Math.PI * 400)).toBeLessThan(130);
    });
    it("goes straight where there is no picture", () => {
        const p = new Placing("livewire", undefined);
        for (const at of [[10, 10], [30, 10], [30, 30], [10, 30]] as const) p.add(at);
        p.move(1, [40, 10]);
        expect(area(p)).toBe(500);
    });
});
