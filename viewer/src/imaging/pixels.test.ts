import { describe, expect, it } from "vitest";
import { applyTable, darken, expandSegments, jpegFrame, markRgbJpeg, minMax, nativeValues, paletteRgb, rescale, rgb, rleBytes, tableEntries, usedRange, type Layout } from "./pixels";

const layout = (l: Partial<Layout>): Layout => ({
    rows: 1,
    columns: 4,
    samples: 1,
    photometric: "MONOCHROME2",
    planar: false,
    bitsAllocated: 16,
    bitsStored: l.bitsStored ?? l.bitsAllocated ?? 16,
    highBit: (l.bitsStored ?? l.bitsAllocated ?? 16) - 1,
    signed: false,
    float: false,
    pixelVr: "OW",
    ...l,
});

const bytes16 = (...v: number[]) => new Uint8Array(Uint16Array.from(v.map((x) => x & 0xffff)).buffer);

describe("native values (PS3.5 §8.1)", () => {
    it("cuts what lies above the stored bits", () =>
        expect([...nativeValues(bytes16(0xf001, 0x0fff, 0x1000, 5), layout({ bitsStored: 12 }), false)]).toEqual([1, 4095, 0, 5]));
    it("reads cells of twelve bits without gaps", () =>
        expect([...nativeValues(new Uint8Array([0x23, 0x61, 0x45, 0xff, 0x0f, 0x80]), layout({ bitsAllocated: 12 }), false)]).toEqual([0x123, 0x456, 0xfff, 0x800]));
    it("extends the sign from the stored bits", () =>
        expect([...nativeValues(bytes16(0x0fff, 0x0800, 0x07ff, 0xf000), layout({ bitsStored: 12, signed: true }), false)]).toEqual([-1, -2048, 2047, 0]));
    it("reads values that stand in the upper bits", () =>
        expect([...nativeValues(bytes16(0xfff0, 0x0010, 0, 0x7ff0), layout({ bitsStored: 12, highBit: 15 }), false)]).toEqual([4095, 1, 0, 2047]));
    it("turns big endian words round", () => expect([...nativeValues(new Uint8Array([1, 2, 0, 3, 0, 4, 0, 5]), layout({}), true)]).toEqual([258, 3, 4, 5]));
    it("turns bytes in big endian words round, where they are words", () => {
        const l = layout({ bitsAllocated: 8 });
        expect([...nativeValues(new Uint8Array([1, 2, 3, 4]), l, true)]).toEqual([2, 1, 4, 3]);
        expect([...nativeValues(new Uint8Array([1, 2, 3, 4]), { ...l, pixelVr: "OB" }, true)]).toEqual([1, 2, 3, 4]);
    });
    it("unpacks single bits, lowest first", () => expect([...nativeValues(new Uint8Array([0b0101]), layout({ bitsAllocated: 1 }), false)]).toEqual([1, 0, 1, 0]));
    it("reads 32 bits and floats", () => {
        expect([...nativeValues(new Uint8Array(Int32Array.from([-1, 70000, 0, 1]).buffer), layout({ bitsAllocated: 32, signed: true }), false)]).toEqual([-1, 70000, 0, 1]);
        expect([...nativeValues(new Uint8Array(Float32Array.from([0.5, -2, 0, 1]).buffer), layout({ bitsAllocated: 32, float: true }), false)]).toEqual([0.5, -2, 0, 1]);
    });
    it("refuses every frame that is too short", () => {
        for (let n = 0; n < 8; n++) expect(() => nativeValues(new Uint8Array(n), layout({}), false)).toThrow(/bytes/);
    });
    it("refuses depths it does not know", () => expect(() => nativeValues(new Uint8Array(100), layout({ bitsAllocated: 24 }), false)).toThrow(/24 bits/));
});

describe("RLE (PS3.5 Annex G)", () => {
    const frame = (...segments: number[][]) => {
        const head = new Uint8Array(64);
        const view = new DataView(head.buffer);
        view.setUint32(0, segments.length, true);
        let at = 64;
        segments.forEach((s, i) => (view.setUint32(4 + 4 * i, at, true), (at += s.length)));
        return new Uint8Array([...head, ...segments.flat()]);
    };
    it("joins byte planes, most significant first", () => {
        const coded = frame([253, 1], [3, 10, 20, 30, 40]);
        expect([...nativeValues(rleBytes(coded, layout({})), layout({}), false)]).toEqual([266, 276, 286, 296]);
    });
    it("interleaves the samples of colours", () => {
        const l = layout({ bitsAllocated: 8, samples: 3, columns: 2 });
        expect([...rleBytes(frame([1, 1, 2], [255, 7], [1, 5, 6]), l)]).toEqual([1, 7, 5, 2, 7, 6]);
    });
    it("stays in its bounds whatever the segments say", () => {
        expect([...rleBytes(frame([129, 9], [127, 1]), layout({}))]).toHaveLength(8);
        const coded = frame([253, 1], [3, 10, 20, 30, 40]);
        for (let n = 0; n < coded.length; n++)
            try {
                expect(rleBytes(coded.slice(0, n), layout({}))).toHaveLength(8);
            } catch (e) {
                expect(e).toBeInstanceOf(Error);
            }
    });
    it("refuses a wrong number of planes", () => expect(() => rleBytes(frame([0, 1]), layout({}))).toThrow(/segments/));
});

describe("colour", () => {
    const color = layout({ bitsAllocated: 8, samples: 3, columns: 2, photometric: "RGB" });
    it("is read by pixel or by plane", () => {
        expect([...rgb(Uint8Array.of(1, 2, 3, 4, 5, 6), color)]).toEqual([1, 2, 3, 4, 5, 6]);
        expect([...rgb(Uint8Array.of(1, 4, 2, 5, 3, 6), { ...color, planar: true })]).toEqual([1, 2, 3, 4, 5, 6]);
    });
    it("keeps the upper byte of 16 bits", () => expect([...rgb(Uint16Array.of(0x1234, 0xff00, 0xff, 0, 0, 0), { ...color, bitsAllocated: 16, bitsStored: 16 })].slice(0, 3)).toEqual([0x12, 0xff, 0]));
    it("converts YBR_FULL (PS3.3 §C.7.6.3.1.2)", () => {
        const ybr = { ...color, photometric: "YBR_FULL" };
        expect([...rgb(Uint8Array.of(76, 85, 255, 128, 128, 128), ybr)]).toEqual([254, 0, 0, 128, 128, 128]);
    });
    it("shares the chroma of two pixels in 422", () => {
        const ybr = { ...color, photometric: "YBR_FULL_422" };
        expect([...rgb(Uint8Array.of(100, 200, 128, 128), ybr)]).toEqual([100, 100, 100, 200, 200, 200]);
    });
    it("looks palettes up and stops at their ends", () => {
        const table = { first: 2, bits: 16, entries: Uint16Array.of(0x1000, 0x2000, 0xff00) };
        expect([...paletteRgb(Uint8Array.of(0, 3, 9), [table, table, table])]).toEqual([16, 16, 16, 32, 32, 32, 255, 255, 255]);
    });
});

describe("tables", () => {
    it("come as words or as bytes", () => {
        expect([...tableEntries(bytes16(1, 2, 300), 3, 16)]).toEqual([1, 2, 300]);
        expect([...tableEntries(new Uint8Array([7, 8, 9, 0]), 3, 8)]).toEqual([7, 8, 9]);
    });
    it("map from their first value", () => expect([...applyTable(Int16Array.of(-2, -1, 5), { first: -2, bits: 8, entries: Uint16Array.of(9, 8) })]).toEqual([9, 8, 8]));
    it("may be segmented (PS3.3 §C.7.9.2)", () => {
        expect([...expandSegments(Uint16Array.of(0, 2, 5, 9, 1, 3, 12), 5)]).toEqual([5, 9, 10, 11, 12]);
        expect([...expandSegments(Uint16Array.of(0, 2, 1, 2, 2, 1, 0, 0), 4)]).toEqual([1, 2, 1, 2]);
    });
    it("never run on for ever", () => expect(expandSegments(Uint16Array.of(2, 1, 0, 0, 2, 1, 0, 0), 10)).toHaveLength(10));
});

describe("rescaling", () => {
    it("keeps one type for all slices of a series", () => {
        const l = layout({ bitsStored: 12 });
        expect(rescale(Uint16Array.of(0, 1), 1, -1024, l)).toEqual(Int16Array.of(-1024, -1023));
        expect(rescale(Uint16Array.of(2000, 2001), 1, -1024, l)).toBeInstanceOf(Int16Array);
    });
    it("uses floats where a slope is fractional or the range is wide", () => {
        expect(rescale(Uint16Array.of(3), 0.5, 0, layout({}))).toEqual(Float32Array.of(1.5));
        expect(rescale(Uint16Array.of(3), 100, 0, layout({}))).toBeInstanceOf(Float32Array);
    });
    it("passes values through that need nothing", () => {
        const v = Uint16Array.of(1, 2);
        expect(rescale(v, 1, 0, layout({}))).toBe(v);
    });
    it("knows the range, even of nothing", () => {
        expect(minMax(Int16Array.of(3, -4, 9))).toEqual({ min: -4, max: 9 });
        expect(minMax(new Uint8Array())).toEqual({ min: 0, max: 1 });
    });
});

describe("a JPEG of RGB", () => {
    const plain = new Uint8Array([0xff, 0xd8, 0xff, 0xdb, 0, 4, 1, 2, 0xff, 0xda, 0, 2]);
    it("is marked as such where it says nothing", () => {
        const marked = markRgbJpeg(plain);
        expect(marked.length).toBe(plain.length + 16);
        expect(String.fromCharCode(...marked.subarray(6, 11))).toBe("Adobe");
    });
    it("loses a JFIF marker, which says nothing of DICOM's, and an Adobe marker cut short", () => {
        const cut = [0xff, 0xee, 0, 12, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 0, 0, 0, 0];
        const marked = markRgbJpeg(new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 2, ...cut, 0xff, 0xdb, 0, 2, 0xff, 0xda, 0, 2]));
        expect([...marked.subarray(18)]).toEqual([0xff, 0xdb, 0, 2, 0xff, 0xda, 0, 2]);
        expect(String.fromCharCode(...marked.subarray(6, 11))).toBe("Adobe");
    });
    it("is left alone where it says what it is", () => {
        const adobe = new Uint8Array([0xff, 0xd8, 0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 1, 0xff, 0xda, 0, 2]);
        expect(markRgbJpeg(adobe)).toBe(adobe);
        expect(markRgbJpeg(new Uint8Array([1, 2, 3]))).toHaveLength(3);
    });
});

describe("the frame header of a JPEG", () => {
    const stream = (sof: number, precision: number) => new Uint8Array([0xff, 0xd8, 0xff, 0xc4, 0, 3, 0, 0xff, 0xff, sof, 0, 11, precision, 0, 8, 0, 8, 1]);
    it("says what the stream is", () => {
        expect(jpegFrame(stream(0xc0, 8))).toEqual({ lossless: false, precision: 8 });
        expect(jpegFrame(stream(0xc1, 12))).toEqual({ lossless: false, precision: 12 });
        expect(jpegFrame(stream(0xc3, 16))).toEqual({ lossless: true, precision: 16 });
    });
    it("is missed where it lacks", () => {
        const whole = stream(0xc0, 8);
        for (let n = 0; n < 12; n++) expect(() => jpegFrame(whole.subarray(0, n))).toThrow(/no frame header/);
    });
});

describe("the range in use", () => {
    const ramp = Array.from({ length: 2000 }, (_, i) => i);
    it("is all but the outermost half per cents", () => expect(usedRange(Int16Array.from(ramp))).toEqual({ lo: 10, hi: 1989 }));
    it("leaves out padding", () => expect(usedRange(Int16Array.from([...ramp, -2000, -2000]), { lo: -2000.5, hi: -1999.5 })).toEqual({ lo: 10, hi: 1989 }));
    it("leaves out what lies outside of a scanner's circle", () => {
        const circle = Int16Array.from([...Array.from({ length: 1000 }, () => -3000), ...ramp]);
        expect(usedRange(circle)).toEqual({ lo: 0, hi: 1984 });
    });
    it("keeps the ends of a picture of few values", () => expect(usedRange(Uint16Array.from([0, 0, 0, 900, 901, 902, 1000]))).toEqual({ lo: 0, hi: 1000 }));
    it("shows padding as dark as the darkest", () => {
        const [plain, inverse] = [Int16Array.of(-2000, 5, 9), Int16Array.of(-2000, 5, 9)];
        expect(darken(plain, { lo: -2000, hi: -2000 }, false)).toEqual(Uint8Array.of(1));
        expect(darken(inverse, { lo: -2000, hi: -2000 }, true)).toEqual(Uint8Array.of(1));
        expect([[...plain], [...inverse]]).toEqual([[5, 5, 9], [9, 5, 9]]);
    });
    it("says which pixels are padding, and that all are", () => {
        expect(darken(Int16Array.from([...ramp.slice(0, 8), -2000, 1, -2000]), { lo: -2000, hi: -2000 }, false)).toEqual(Uint8Array.of(0, 5));
        expect(darken(Int16Array.of(1, 2), { lo: -2000, hi: -2000 }, false)).toBeUndefined();
        expect(darken(Int16Array.of(7, 7), { lo: 7, hi: 7 }, false)).toEqual(Uint8Array.of(3));
    });
});
