import { expect, it } from "vitest";
import { cross, dot, sub, type Vec3 } from "../../dicom/vector";
import { Focus, planeNames } from "./planes";

it.each(planeNames)("%s is moved and turned until it holds what is to be seen, as it was seen", (name) => {
    const focus = new Focus([1, 2, 3]);
    const before = focus.planes.value[name];
    const points: readonly Vec3[] = [[10, 0, 0], [14, 6, 2], [3, 5, 12]];
    focus.reveal(name, points);
    const { right, down, deep } = focus.planes.value[name];
    for (const p of points) expect(dot(sub(p, focus.centre.value), deep)).toBeCloseTo(0, 9);
    for (const [a, b] of [[right, down], [right, deep], [down, deep]] as const) expect(dot(a, b)).toBeCloseTo(0, 9);
    expect(dot(deep, before.deep)).toBeGreaterThan(0);
    expect(dot(cross(right, down), deep)).toBeCloseTo(dot(cross(before.right, before.down), before.deep), 9); /* not mirrored */
});

it("is not turned for what it holds already", () => {
    const focus = new Focus([1, 2, 3]);
    focus.reveal("coronal", [[5, 20, 1], [9, 20, 8]]);
    expect(focus.isOblique("coronal")).toBe(false);
    expect(focus.centre.value).toEqual([1, 20, 3]);
});
