import { expect, it } from "vitest";
import { coarser, lookUp } from "./raster";

const greys = (of: Uint32Array) => [...of].map((p) => p & 255);
const shade = (center: number, width: number, more = {}) => ({ window: { center, width }, inverse: false, colors: "grey" as const, ...more });

it("a linear window, as PS3.3 §C.11.2.1.2.1 has it", () => {
    const look = greys(lookUp(-2, 3, shade(1, 4), "LINEAR")); /* (x - 0.5) / 3 + 0.5 */
    expect(look).toEqual([0, 0, 85, 170, 255, 255]);
    expect(greys(lookUp(-2, 3, shade(1, 1), "LINEAR"))).toEqual([0, 0, 0, 255, 255, 255]);
});

it("an exact one and a sigmoid", () => {
    expect(greys(lookUp(0, 4, shade(2, 4), "LINEAR_EXACT"))).toEqual([0, 64, 128, 191, 255]);
    const look = greys(lookUp(-4, 4, shade(0, 4), "SIGMOID"));
    expect(look[4]).toBe(128);
    expect(look[8]).toBe(Math.round(255 / (1 + Math.exp(-4))));
});

it("inverted, then coloured, and opaque", () => {
    expect(greys(lookUp(0, 1, shade(1, 2, { inverse: true }), "LINEAR"))).toEqual([255, 0]);
    expect([...lookUp(0, 1, shade(1, 2, { colors: "hotIron" }), "LINEAR")]).toEqual([0xff000000, 0xfffcfeff]);
});

it("coarser pixels are means, at the edges of those that are there", () => {
    expect([...coarser(Int16Array.of(1, 3, -7, 5, 7, -9), 3, 2, 1, 2)]).toEqual([4, -8]);
    expect([...coarser(Uint8Array.of(0, 10, 20, 100, 110, 120), 2, 1, 3, 2)]).toEqual([50, 60, 70]);
    expect([...coarser(Float32Array.of(1, 2), 2, 1, 1, 2)]).toEqual([1.5]);
});
