import { describe, expect, it } from "vitest";
import { newUid } from "../../dicom/uid";
import type { Measurement } from "../../dicom/measurement";
import type { Segmentation } from "../../dicom/segmentation";
import { bodyOf, measurementsOf, partsOf, runsOf, segmentationsOf } from "./drafts";

const on = { study: "1", series: "1.2", instance: "1.2.3", sopClass: "1.2.840.10008.5.1.4.1.1.2", frame: 1 };
const mark: Measurement = { uid: newUid(), kind: "length", label: "L", on, points: [[1, 2], [3, 4]], quantities: [{ name: "length", value: 2.8284271247461903, unit: "mm" }], spacing: "calibrated", color: "#ff0000", locked: true, hidden: false, created: "2026-01-15T12:00:00.000Z" };
const code = { value: "1", scheme: "SCT", meaning: "x" };
const painted: Segmentation = {
    uid: newUid(), label: "S", study: "1", series: "1.2", rows: 2, columns: 3,
    segments: [{ number: 1, label: "a", color: "#00ff00", category: code, type: code, isAutomatic: false, locked: false, hidden: false, trackingUid: "2.25.1" }],
    frames: new Map([["1.2.3/1", Uint8Array.of(0, 1, 1, 1, 0, 1)], ["1.2.3/2", new Uint8Array(6)]] as const),
};

describe("a draft", () => {
    it("comes back as it was, locks, numbers, pixels and all", () => {
        const { text, isWhole } = bodyOf({ marks: [mark], segmentations: [painted], parts: { report: { text: "ß" } } });
        expect(isWhole).toBe(true);
        expect(measurementsOf(JSON.parse(text))).toEqual([mark]);
        expect(segmentationsOf(JSON.parse(text))).toEqual([painted]);
        expect(partsOf(JSON.parse(text))).toEqual({ report: { text: "ß" } });
    });
    it("tells what lies together once", () => expect(runsOf(Uint8Array.of(0, 0, 5, 5, 5, 0))).toEqual([0, 2, 5, 3, 0, 1]));
    it("goes without what would be too large", () => {
        const noise = Uint8Array.from({ length: 600 * 600 }, (_, i) => i & 1);
        const { text, isWhole } = bodyOf({ marks: [mark], segmentations: [{ ...painted, rows: 600, columns: 600, frames: new Map([["1.2.3/1", noise]] as const) }], parts: { report: 1 } });
        expect(isWhole).toBe(false);
        expect(partsOf(JSON.parse(text))).toEqual({ report: 1 });
        expect(measurementsOf(JSON.parse(text))).toEqual([mark]);
    });
    it.each([[null], [3], [{}], [{ marks: {}, segmentations: 5, parts: [1] }], [{ marks: [null, {}, { ...mark, kind: "bomb" }, { ...mark, points: ["x"] }], segmentations: [null, {}, { ...painted, frames: 5 }, { ...painted, rows: -1, frames: [] }] }]])("of nonsense is empty: %j", (body) => {
        expect(measurementsOf(body)).toEqual([]);
        expect(segmentationsOf(body)).toEqual([]);
        expect(partsOf(body)).toEqual({});
    });
    it("leaves out frames whose pixels do not add up", () => {
        const body = JSON.parse(bodyOf({ marks: [], segmentations: [painted], parts: {} }).text) as { segmentations: { frames: { runs: unknown }[] }[] };
        body.segmentations[0]!.frames[0]!.runs = [1, 1e9];
        expect([...segmentationsOf(body)[0]!.frames.keys()]).toEqual(["1.2.3/2"]);
    });
});
