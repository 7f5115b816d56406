import { expect, it } from "vitest";
import { placeOf, shownPart, type Place } from "./place";
import type { Affine } from "./view";

const shape = { rows: 100, columns: 200, rowSpacingMm: 2, columnSpacingMm: 1 }; /* 200 mm by 200 mm */
const wide = { ...shape, rows: 50 }; /* 200 mm by 100 mm */
const pane = { width: 400, height: 300 };
const whole: Place = { turn: 0, mirrored: false, zoomed: 1, middle: [0.5, 0.5] };
const at = ([a, b, c, d, e, f]: Affine, x: number, y: number) => [a * x + c * y + e, b * x + d * y + f].map((v) => Math.round(v * 1e6) / 1e6 + 0);

it("a picture fits, in the shape of the patient, in the middle", () => {
    const m = placeOf(shape, whole, pane);
    expect(at(m, 0, 0)).toEqual([50, 0]);
    expect(at(m, 200, 100)).toEqual([350, 300]);
});

it("turned, it fits as it lies then, and its top is at the right", () => {
    const m = placeOf(wide, { ...whole, turn: 90 }, pane);
    expect(at(m, 0, 0)).toEqual([275, 0]); /* 150 wide, 300 high */
    expect(at(m, 200, 0)).toEqual([275, 300]);
    expect(at(m, 0, 50)).toEqual([125, 0]);
});

it("mirrored after it is turned", () => {
    expect(at(placeOf(wide, { ...whole, turn: 90, mirrored: true }, pane), 0, 0)).toEqual([125, 0]);
    expect(at(placeOf(wide, { ...whole, turn: 180 }, pane), 0, 0)).toEqual([400, 250]);
    expect(at(placeOf(wide, { ...whole, turn: 270 }, pane), 0, 0)).toEqual([125, 300]);
});

it("zoomed around what is in the middle, and what the pane then shows", () => {
    const m = placeOf(shape, { ...whole, zoomed: 2, middle: [0.25, 0.5] }, pane);
    expect(at(m, 50, 50)).toEqual([200, 150]);
    const { left, top, right, bottom } = shownPart(m, pane);
    expect([right - left, bottom - top].map(Math.round)).toEqual([133, 50]);
    expect([(left + right) / 2, (top + bottom) / 2].map(Math.round)).toEqual([50, 50]);
});
