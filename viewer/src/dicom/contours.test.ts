import { describe, expect, it } from "vitest";
import { contoursOf, eachInside } from "./contours";

const sheet = (...lines: string[]) => ({ rows: lines.length, columns: lines[0]!.length, labels: Uint8Array.from(lines.join(""), (c) => Number(c)) });
const filled = (s: ReturnType<typeof sheet>, rings: ReturnType<typeof contoursOf>) => {
    const out = new Uint8Array(s.labels.length);
    eachInside(s, rings, (i) => (out[i] = 1));
    return out;
};

describe("outlines", () => {
    it("go around pixels by their corners", () => {
        const s = sheet("000000", "011100", "010000", "000002");
        expect(contoursOf(s, 1)).toEqual([[[1, 1], [4, 1], [4, 2], [2, 2], [2, 3], [1, 3]]]);
        expect(contoursOf(s, 2)).toEqual([[[5, 3], [6, 3], [6, 4], [5, 4]]]);
        expect(contoursOf(s, 3)).toEqual([]);
    });
    it("are one for each part, also of those that touch by a corner", () => expect(contoursOf(sheet("110", "001", "101"), 1)).toHaveLength(3));
    it("reach a hole through a channel", () => {
        const s = sheet("1111", "1001", "1111");
        const rings = contoursOf(s, 1);
        expect(rings).toHaveLength(1);
        expect(filled(s, rings)).toEqual(s.labels);
    });
    it.each([
        ["holes in a row", ["1111111", "1010101", "1111111"], 1],
        ["a hole beside a hole, an island in one", ["111111111", "100000001", "101110101", "100010101", "111111111"], 1],
        ["a hole that touches by a corner", ["111110", "101010", "110110", "011111"], 1],
        ["all of it", ["11", "11"], 1],
    ])("enclose what they were drawn around: %s", (_, lines) => {
        const s = sheet(...lines);
        expect(filled(s, contoursOf(s, 1))).toEqual(s.labels);
    });
    it("enclose what they were drawn around, whatever it is", () => {
        let seed = 7;
        for (let n = 0; n < 60; n++) {
            const labels = Uint8Array.from({ length: 15 * 11 }, () => ((seed = (seed * 48271) % 2147483647) % 100 < 30 + n ? 1 : 0));
            const s = { rows: 11, columns: 15, labels };
            expect(filled(s, contoursOf(s, 1))).toEqual(labels);
        }
    });
});
