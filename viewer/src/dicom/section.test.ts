import { expect, test } from "vitest";
import { normalOf, paneAt, patientAt, sectionOf, type PlacedImage } from "./section";

const image: PlacedImage = { position: [10, 20, 30], rowDirection: [0, 1, 0], columnDirection: [0, 0, -1], rowSpacingMm: 2, columnSpacingMm: 0.5, sliceThicknessMm: 3, frameOfReference: "1.2" };

test("pixels of the pane are points of the patient, and back", () => {
    /* Twice as wide, four times as high, moved by 100 and 50: the middle of pixel (column 4, row 2) is at 109, 60 */
    const s = sectionOf(image, [2, 0, 0, 4, 100, 50])!;
    expect(patientAt(s, 109, 60)).toEqual([10, 20 + 4 * 0.5, 30 - 2 * 2]);
    expect(s.halfMm).toBe(1.5);
    const at = paneAt(s, [13, 22, 26]);
    expect([at.x, at.y]).toEqual([109, 60]);
    expect(Math.abs(at.awayMm)).toBeCloseTo(3, 9);
    expect(normalOf(s).map(Math.abs)).toEqual([1, 0, 0]);
});

test("a turned and mirrored picture", () => {
    /* Columns run up the pane, rows to the left */
    const s = sectionOf(image, [0, -3, -3, 0, 300, 300])!;
    const p = patientAt(s, 300 - 3 * 2.5, 300 - 3 * 4.5);
    expect(p.map((v) => Number(v.toFixed(9)))).toEqual([10, 22, 26]);
});

test("an image without a place has no section", () => {
    expect(sectionOf({ ...image, position: undefined }, [1, 0, 0, 1, 0, 0])).toBeUndefined();
    expect(sectionOf(image, [0, 0, 0, 0, 0, 0])).toBeUndefined();
});
