/** Colour maps: 256 entries of RGBA. */

export type MapName = "grey" | "inverse" | "hotIron" | "rainbow" | "jet";

type Rgb = readonly [number, number, number];

function mapOf(color: (share: number, i: number) => Rgb): Uint8Array {
    const out = new Uint8Array(1024);
    for (let i = 0; i < 256; i++) out.set([...color(i / 255, i), 255], 4 * i);
    return out;
}

const byte = (x: number) => Math.round(255 * Math.min(1, Math.max(0, x)));
const ramp = (x: number, middle: number) => byte(1.5 - Math.abs(4 * (x - middle)));

/* The fully saturated colour of an angle, 0 to 6 */
const hue = (h: number): Rgb => [byte(Math.abs(h - 3) - 1), byte(2 - Math.abs(h - 2)), byte(2 - Math.abs(h - 4))];

export const colorMaps: Readonly<Record<MapName, Uint8Array>> = {
    grey: mapOf((_, i) => [i, i, i]),
    inverse: mapOf((_, i) => [255 - i, 255 - i, 255 - i]),
    hotIron: mapOf((_, i) => [Math.min(255, 2 * i), Math.max(0, 2 * (i - 128)), Math.max(0, 4 * (i - 192))]), /* PS3.6 §B.1.1 */
    rainbow: mapOf((x) => hue(4 * (1 - x))),
    jet: mapOf((x) => [ramp(x, 0.75), ramp(x, 0.5), ramp(x, 0.25)]),
};
