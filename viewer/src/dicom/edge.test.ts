import { describe, expect, it } from "vitest";
import { redraw } from "./edge";
import { allowing, countOf, paint, type Sheet } from "./labelmap";
import type { ImagePoint } from "./measurement";

const disc = (label = 1): Sheet => {
    const sheet = { rows: 80, columns: 80, labels: new Uint8Array(6400) };
    paint(sheet, { kind: "circle", points: [[40, 40], [60, 40]] }, [1, 1], label, () => true);
    return sheet;
};
const area = Math.PI * 400;
const draw = (s: Sheet, line: readonly ImagePoint[], locked = new Set<number>()) => redraw(s, 1, line, 1.5, [1, 1], allowing(s.labels, 1, locked));
const curve = (count: number, at: (share: number) => ImagePoint): ImagePoint[] => Array.from({ length: count + 1 }, (_, i) => at(i / count));
/* round the middle, from one angle to another in degrees */
const around = (radius: number, from: number, to: number) =>
    curve(90, (t) => [40 + radius * Math.cos(((from + (to - from) * t) * Math.PI) / 180), 40 + radius * Math.sin(((from + (to - from) * t) * Math.PI) / 180)]);

describe("an edge that is drawn anew", () => {
    it("takes in a lobe that leaves and meets it", () => {
        const s = disc();
        const before = countOf(s.labels, 1);
        const changed = draw(s, [[50, 35], [75, 35], [75, 45], [50, 45]]); /* begins and ends inside: its crossings count */
        expect(countOf(s.labels, 1)).toBe(before + changed!);
        /* to x = 75 between the rows 35 and 45, less what of the disc was there already */
        const had = Array.from({ length: 10 }, (_, r) => Math.sqrt(400 - (35.5 + r - 40) ** 2)).reduce((sum, v) => sum + v, 0);
        expect(Math.abs(changed! - (350 - had))).toBeLessThan(6);
    });
    it("loses what is cut off, the larger part stays", () => {
        const s = disc();
        draw(s, [[50, 10], [50, 70]]);
        const cap = 400 * Math.acos(0.5) - 10 * Math.sqrt(300); /* beyond 10 of 20 */
        expect(Math.abs(countOf(s.labels, 1) - (area - cap))).toBeLessThan(12);
        expect(s.labels.some((v, i) => v === 1 && i % 80 >= 50)).toBe(false);
    });
    it("follows a line that begins and ends on it, in either direction", () => {
        for (const [from, to] of [[-90, 90], [90, -90]] as const) {
            const s = disc();
            draw(s, around(20, from, to).map(([x, y]): ImagePoint => [40 + (x - 40) * 1.5, y])); /* the right half: an ellipse of 30 x 20 */
            expect(Math.abs(countOf(s.labels, 1) - area * 1.25)).toBeLessThan(20);
        }
    });
    it("is all replaced by a line around it, whether that ends short or runs over", () => {
        for (const to of [350, 372]) {
            const s = disc();
            draw(s, [[59.5, 40], ...around(25, 0, to), [59.5, to === 350 ? 36.5 : 43]]);
            expect(Math.abs(countOf(s.labels, 1) - Math.PI * 625)).toBeLessThan(80);
        }
    });
    it("may be that of a hole, whose lobe is cut out", () => {
        const s = disc();
        paint(s, { kind: "rectangle", points: [[36, 36], [44, 36], [44, 44], [36, 44]] }, [1, 1], 0, () => true);
        const before = countOf(s.labels, 1);
        expect(draw(s, [[44, 38], [50, 38], [50, 42], [44, 42]])).toBe(24);
        expect(countOf(s.labels, 1)).toBe(before - 24);
        expect(draw(s, [[36, 38], [38, 38], [38, 42], [36, 42]])).toBe(8); /* and back into it */
        expect(countOf(s.labels, 1)).toBe(before - 16);
    });
    it("does not go over what is locked, nor take from others", () => {
        const s = disc();
        for (let row = 0; row < 80; row++) s.labels.fill(2, row * 80 + 65, row * 80 + 70);
        draw(s, [[50, 35], [75, 35], [75, 45], [50, 45]], new Set([2]));
        expect([s.labels[40 * 80 + 63], s.labels[40 * 80 + 67], s.labels[40 * 80 + 72]]).toEqual([1, 2, 1]);
        draw(s, [[50, 10], [50, 70]]);
        expect(countOf(s.labels, 2)).toBe(400);
    });
    it("is none where the line does not meet it twice", () => {
        expect(draw(disc(), [[2, 2], [10, 2], [10, 10]])).toBeUndefined();
        expect(draw(disc(), [[2, 2], [40, 40]])).toBeUndefined();
        expect(draw({ rows: 4, columns: 4, labels: new Uint8Array(16) }, [[0, 0], [3, 3]])).toBeUndefined();
    });
    it("counts the reach in the patient", () => {
        const line: ImagePoint[] = [[30, 58.5], [30, 62], [50, 62], [50, 58.5]]; /* ends two rows under the edge */
        const s = disc();
        expect(redraw(s, 1, line, 1.5, [1, 0.5], allowing(s.labels, 1, new Set()))).toBeGreaterThan(0);
        expect(redraw(disc(), 1, line.map(([x, y]): ImagePoint => [x, y + 3]), 1.5, [1, 1], allowing(s.labels, 1, new Set()))).toBeUndefined();
    });
});
