import { describe, expect, it } from "vitest";
import { MeshError, readObj, readStl, sizeText, trianglesMost } from "./stl";

const triangle = [[0, 0, 0], [4, 0, 0], [0, 3, 1.5]];
function binary(count: number, corners: readonly (readonly number[])[] = triangle, head = "solid but binary"): Uint8Array {
    const bytes = new Uint8Array(84 + 50 * 2);
    new TextEncoder().encodeInto(head, bytes);
    const view = new DataView(bytes.buffer);
    view.setUint32(80, count, true);
    for (let t = 0; t < 2; t++) corners.forEach((c, i) => c.forEach((v, k) => view.setFloat32(84 + 50 * t + 12 * (i + 1) + 4 * k, v, true)));
    return bytes;
}
const text = (s: string) => new TextEncoder().encode(s);
const ascii = `solid x\n facet normal 0 0 1\n  outer loop\n${triangle.map((c) => `   vertex ${c.join(" ")}`).join("\n")}\n  endloop\n endfacet\nendsolid x\n`;
const why = (run: () => unknown) => {
    try {
        run();
    } catch (e) {
        return e instanceof MeshError ? e.why : String(e);
    }
    return undefined;
};

describe("STL", () => {
    it("binary and text", () => {
        const b = readStl(binary(2));
        expect([b.triangles, b.isCut, sizeText(b), [...b.positions.slice(0, 9)]]).toEqual([2, false, "4 × 3 × 1.5", triangle.flat()]);
        const t = readStl(text(ascii));
        expect([t.triangles, t.isCut, sizeText(t), [...t.positions]]).toEqual([1, false, "4 × 3 × 1.5", triangle.flat()]);
        expect(readStl(text(ascii.toUpperCase())).triangles).toBe(1);
    });
    it("never believes a count", () => {
        expect(readStl(binary(4e9))).toMatchObject({ triangles: 2, isCut: true });
        expect(readStl(binary(1))).toMatchObject({ triangles: 1, isCut: false });
        expect(why(() => readStl(binary(0, triangle, "x")))).toBe("empty");
    });
    it("every prefix is a surface or refused", () => {
        const whole = binary(2, triangle, "x");
        for (let n = 0; n <= whole.length; n++) {
            const said = why(() => expect(readStl(whole.subarray(0, n)).triangles).toBe(Math.floor((n - 84) / 50)));
            expect(said).toBe(n < 84 ? "broken" : n < 134 ? "empty" : undefined);
        }
        for (let n = 0; n <= ascii.length; n++) expect(["broken", "empty", undefined]).toContain(why(() => readStl(text(ascii.slice(0, n)))));
    });
    it("refuses numbers that are none", () => {
        for (const bad of [NaN, Infinity, 1e38]) expect(why(() => readStl(binary(2, [[0, 0, bad], ...triangle.slice(1)], "x")))).toBe("not finite");
        expect(why(() => readStl(text(ascii.replace("4 0 0", "4 zero 0"))))).toBe("not finite");
        expect(why(() => readStl(text(ascii.replace("vertex 4 0 0", "vertex 4"))))).toBe("not finite");
        expect(readStl(text(`${ascii.replace("endsolid x\n", "")}facet normal 0 0 1\nvertex 1 1 1\nendfacet\n`)).triangles).toBe(1); /* two corners are no triangle */
    });
    it("has an end", () => {
        const bytes = new Uint8Array(84 + 50 * (trianglesMost + 1));
        new DataView(bytes.buffer).setUint32(80, trianglesMost + 1, true);
        expect(why(() => readStl(bytes))).toBe("too many");
    });
});

describe("OBJ", () => {
    const square = "mtllib x.mtl\nv 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 0\n";
    it("is cut into triangles", () => {
        expect(readObj(text(`${square}f 1/1/1 2//2 3 4`))).toMatchObject({ triangles: 2, low: [0, 0, 0], high: [2, 2, 0] });
        expect([...readObj(text(`${square}f -4 -3 -2`)).positions]).toEqual([0, 0, 0, 2, 0, 0, 2, 2, 0]);
    });
    it("with corners that are not there has no such triangle", () => {
        expect(why(() => readObj(text(`${square}f 1 2 9\nf 0 1 2\nf x y z\nf 1 2`)))).toBe("empty");
        expect(why(() => readObj(text(`${square}v 1 nan 1\nf 1 2 5`)))).toBe("not finite");
        expect(why(() => readObj(text("")))).toBe("empty");
    });
});
