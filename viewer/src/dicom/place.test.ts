import { expect, it } from "vitest";
import { depthMm, inPatient, onImagePlane, type Placed } from "./place";

/* Columns run to the feet, rows to the back: a sagittal image. */
const frame: Placed = { position: [30, -10, 50], rowDirection: [0, 1, 0], columnDirection: [0, 0, -1], rowSpacingMm: 2, columnSpacingMm: 0.5, sliceThicknessMm: 3 };

it("an image point has its place in the patient, pixels counting from their middles", () =>
    expect(inPatient(frame, [[0.5, 0.5], [4.5, 10.5]])).toEqual([[30, -10, 50], [30, -8, 30]]));
it("comes back to the image", () => expect(onImagePlane(frame, inPatient(frame, [[3, 7], [12.25, 1]])!)).toEqual([[3, 7], [12.25, 1]]));
it("lies on an image as thick as it is", () => {
    expect(depthMm(frame, [32, 0, 0])).toBe(-2);
    expect(onImagePlane(frame, [[31.4, -10, 50]])).toEqual([[0.5, 0.5]]);
    expect(onImagePlane(frame, [[31.6, -10, 50]])).toBeUndefined();
    expect(onImagePlane(frame, [[30, -10, 50], [35, -10, 50]])).toBeUndefined();
});
it("has no place without a position", () => {
    expect(inPatient({ ...frame, position: undefined }, [[1, 1]])).toBeUndefined();
    expect(onImagePlane({ ...frame, rowDirection: undefined }, [[1, 1, 1]])).toBeUndefined();
});
