import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { eachSet, overlaysOf, shutterGrey, unpack, unpackEmbedded, visibleOf } from "./shutter";

const of = (values: Record<string, unknown[]>): Dataset => Object.fromEntries(Object.entries(values).map(([tag, Value]) => [tag, { Value }]));
const shown = (mask: Uint8Array | undefined) => [...mask!].map((v, i) => (v ? i : -1)).filter((i) => i >= 0);

describe("shutters", () => {
    it("rectangular: edges are visible, counted from 1", () => {
        const ds = of({ "00181600": ["RECTANGULAR"], "00181602": [2], "00181604": [3], "00181606": [2], "00181608": [2] });
        expect(shown(visibleOf(ds, 4, 4))).toEqual([5, 6]);
    });
    it("circular", () => {
        const ds = of({ "00181600": ["CIRCULAR"], "00181610": [3, 3], "00181612": [1] });
        expect(shown(visibleOf(ds, 5, 5))).toEqual([7, 11, 12, 13, 17]);
    });
    it("polygonal, and what two hide together", () => {
        const triangle = { "00181600": ["POLYGONAL"], "00181620": [1, 1, 5, 1, 5, 5] };
        expect(visibleOf(of(triangle), 5, 5)![3 * 5 + 1]).toBe(1);
        expect(visibleOf(of(triangle), 5, 5)![0 * 5 + 4]).toBe(0);
        const both = of({ ...triangle, "00181600": ["POLYGONAL", "RECTANGULAR"], "00181602": [1], "00181604": [1], "00181606": [4], "00181608": [4] });
        expect(shown(visibleOf(both, 5, 5))).toEqual([15]);
    });
    it("bitmap: what its overlay sets is hidden", () => {
        const ds = of({ "00181600": ["BITMAP"], "00181623": [0x6000] });
        const plane = { group: 0x6000, rows: 1, columns: 2, top: 1, left: 0, set: Uint8Array.of(1, 0) };
        expect(shown(visibleOf(ds, 2, 2, [plane]))).toEqual([0, 1, 3]);
    });
    it("a shutter without its numbers hides nothing", () => {
        expect(visibleOf(of({ "00181600": ["CIRCULAR"] }), 2, 2)).toBeUndefined();
        expect(visibleOf(of({}), 2, 2)).toBeUndefined();
    });
    it("its colour is a P-value", () => expect(shutterGrey(of({ "00181622": [65535] }))).toBe(255));
});

describe("overlays", () => {
    const ds: Dataset = {
        ...of({ "60000010": [2], "60000011": [3], "60000050": [2, 1], "60000015": [2], "60000051": [3] }),
        "60003000": { vr: "OW", InlineBinary: btoa(String.fromCharCode(0b01_000001, 0b0000_1000)) },
    };
    it("takes the bits of the frame, from where they begin", () => {
        const bytes = Uint8Array.of(0b01_000001, 0b0000_1000);
        const first = unpack(overlaysOf(ds, 3)[0]!, bytes)!;
        expect([...first.set]).toEqual([1, 0, 0, 0, 0, 0]);
        expect([...unpack(overlaysOf(ds, 4)[0]!, bytes)!.set]).toEqual([1, 0, 0, 0, 0, 1]);
        expect(unpack(overlaysOf(ds, 1)[0]!, bytes)).toBeUndefined();
        expect(unpack(overlaysOf(ds, 4)[0]!, bytes.subarray(0, 1))).toBeUndefined();
    });
    it("lies where it says, cut at the edges", () => {
        const hits: number[] = [];
        eachSet({ group: 0x6000, rows: 2, columns: 2, top: -1, left: 1, set: Uint8Array.of(1, 1, 1, 1) }, 2, 2, (i) => hits.push(i));
        expect(hits).toEqual([1]);
    });
    it("of old lies in the pixels' upper bits", () => {
        const old = overlaysOf(of({ "60020010": [1], "60020011": [2], "60020102": [15] }), 1)[0]!;
        expect([...unpackEmbedded(old, Uint8Array.of(0, 0x80, 0xff, 0x7f), 16)!.set]).toEqual([1, 0]);
    });
});
