import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { amplitudeText, groupsOf, intervalText, isNotedOn, leadName, millivolts, notesOf, Samples, unitText } from "./waveform";

const code = (value: string, meaning = value): Dataset => ({ "00080100": { Value: [value] }, "00080104": { Value: [meaning] } });
const channel = (label: string, more: Dataset = {}): Dataset => ({
    "003A0203": { Value: [label] }, "003A0210": { Value: [2.5] }, "003A0211": { Value: [code("uV")] }, "003A0212": { Value: [2] }, "003A0213": { Value: [100] }, ...more,
});
const group = (more: Dataset = {}, channels: Dataset[] = [channel("I"), channel("Lead II (Einthoven)")]): Dataset => ({
    "003A0005": { Value: [channels.length] }, "003A0010": { Value: [4] }, "003A001A": { Value: [500] }, "003A0200": { Value: channels },
    "54001004": { Value: [16] }, "54001006": { Value: ["SS"] }, ...more,
});
const wave = (...groups: unknown[]): Dataset => ({ "54000100": { Value: groups } });
const bytes = new Uint8Array(Int16Array.from([1, 10, -2, 20, 3, -32768, 4, 40]).buffer);

describe("samples", () => {
    it("are in the channel's unit, with correction and baseline", () => {
        const [g] = groupsOf(wave(group()));
        const s = new Samples(g!, bytes);
        expect([s.count, s.isCut, s.seconds]).toEqual([4, false, 4 / 500]);
        expect([0, 1, 2, 3].map((i) => s.value(0, i))).toEqual([105, 90, 115, 120]);
        expect(s.value(1, 0)).toBe(150);
        expect(g!.channels.map((c) => [c.label, c.unit])).toEqual([["I", "uV"], ["II", "uV"]]);
    });
    it("leave out padding", () => {
        const [g] = groupsOf(wave(group({ "5400100A": { InlineBinary: "AIA=" } })));
        const s = new Samples(g!, bytes);
        expect(s.value(1, 2)).toBeNaN();
        expect(s.range(1, 0, 4)).toEqual([150, 300]);
    });
    it("are as many as there are bytes for: every prefix", () => {
        const [g] = groupsOf(wave(group({ "003A0010": { Value: [4e9] } })));
        for (let n = 0; n <= bytes.length; n++) {
            const s = new Samples(g!, bytes.subarray(0, n));
            expect(s.count).toBe(Math.floor(n / 4));
            expect(s.isCut).toBe(true);
            for (let i = -1; i < 6; i++) expect(Number.isNaN(s.value(0, i))).toBe(i < 0 || i >= s.count);
            expect(s.range(0, -5, 1e9) === undefined).toBe(s.count === 0);
        }
    });
    it("of every coding", () => {
        const read = (bits: number, coding: string, data: ArrayBufferLike) => {
            const [g] = groupsOf(wave(group({ "54001004": { Value: [bits] }, "54001006": { Value: [coding] } }, [{}])));
            const s = new Samples(g!, new Uint8Array(data));
            return [0, 1, 2].map((i) => s.value(0, i));
        };
        expect(read(8, "SB", Int8Array.of(-1, 0, 127).buffer)).toEqual([-1, 0, 127]);
        expect(read(8, "UB", Uint8Array.of(255, 0, 127).buffer)).toEqual([255, 0, 127]);
        expect(read(16, "US", Uint16Array.of(65535, 0, 1).buffer)).toEqual([65535, 0, 1]);
        expect(read(32, "SL", Int32Array.of(-70000, 0, 1).buffer)).toEqual([-70000, 0, 1]);
        expect(read(32, "UL", Uint32Array.of(4e9, 0, 1).buffer)).toEqual([4e9, 0, 1]);
        expect(read(8, "MB", Uint8Array.of(0x00, 0xff, 0x80).buffer)).toEqual([-32124, 0, 32124]); /* G.711, in 16 bits */
        expect(read(8, "AB", Uint8Array.of(0x2a, 0xd5, 0xaa).buffer)).toEqual([-32256, 8, 32256]);
    });
    it("are found by time, skewed channels too", () => {
        const [g] = groupsOf(wave(group({}, [channel("I"), channel("II", { "003A0215": { Value: [1] } })])));
        const s = new Samples(g!, bytes);
        expect([s.nearest(0, 0.0041), s.nearest(1, 0.0041), s.nearest(0, -5), s.nearest(0, 9)]).toEqual([2, 1, 0, 3]);
        expect(s.timeOf(1, 2)).toBeCloseTo(0.006);
    });
});

it("groups that make no sense are none, and the others keep their ordinal", () => {
    const bad = [{}, group({ "003A0005": { Value: [0] } }), group({ "003A0005": { Value: [9999] } }), group({ "003A001A": { Value: [0] } }), group({ "003A0010": { Value: ["x"] } }), "text", null, 5];
    expect(groupsOf(wave(...bad, group())).map((g) => g !== undefined)).toEqual([false, false, false, false, false, true]);
    expect(groupsOf({ "54000100": { Value: "x" as unknown as unknown[] } })).toEqual([]);
    expect(groupsOf(wave(group({ "54001006": { Value: ["XX"] } })))[0]!.coding).toBeUndefined();
    expect(groupsOf(wave(group({ "54001004": { Value: [8] } })))[0]!.coding).toBeUndefined();
    expect(() => new Samples(groupsOf(wave(group({ "54001006": { Value: ["XX"] } })))[0]!, bytes)).toThrow(/XX/);
});

it("notes stand at their channels and times", () => {
    const groups = groupsOf(wave(group({ "00181068": { Value: [2000] } }), group()));
    const note = (more: Dataset) => notesOf({ "0040B020": { Value: [more] } }, groups)[0];
    expect(note({ "00700006": { Value: ["Sinus rhythm"] } })).toEqual({ text: "Sinus rhythm", on: [], at: [], kind: "point" });
    const qrs = note({ "0040A043": { Value: [code("x", "QRS duration")] }, "0040A30A": { Value: ["92"] }, "004008EA": { Value: [code("ms")] }, "0040A0B0": { Value: [2, 0] }, "0040A130": { Value: ["SEGMENT"] }, "0040A132": { Value: [51, 101] } })!;
    expect(qrs).toEqual({ text: "QRS duration: 92 ms", on: [[1, -1]], at: [0.1, 0.2], kind: "segment" });
    expect([isNotedOn(qrs, 1, 5), isNotedOn(qrs, 0, 0)]).toEqual([true, false]);
    expect(note({ "00700006": { Value: ["P"] }, "0040A0B0": { Value: [1, 2] }, "0040A130": { Value: ["POINT"] }, "0040A138": { Value: ["2500"] } })).toEqual({ text: "P", on: [[0, 1]], at: [0.5], kind: "point" });
    expect(note({ "0040A0B0": { Value: [1] } })).toBeUndefined();
});

it("numbers are told with their units", () => {
    expect(["mV", "uV", "µV", "V", "mm[Hg]", "MV"].map(millivolts)).toEqual([1, 1e-3, 1e-3, 1000, undefined, undefined]);
    expect([unitText("mm[Hg]"), unitText("uV"), unitText("{SUVbw}g/ml"), unitText("u")]).toEqual(["mmHg", "µV", "g/ml", "u"]);
    expect([amplitudeText(1250, "uV"), amplitudeText(-0.05, "mV"), amplitudeText(12.3456, "mm[Hg]"), amplitudeText(7, "")]).toEqual(["1.250 mV", "-50.0 µV", "12.35 mmHg", "7"]);
    expect(intervalText(-0.8)).toEqual({ ms: "800 ms", perMinute: "75/min" });
    expect(intervalText(0)).toEqual({ ms: "0 ms", perMinute: "" });
    expect(["aVR", "Lead V1", "lead (x)", "III (Einthoven)"].map(leadName)).toEqual(["aVR", "V1", "lead (x)", "III"]);
});
