import { describe, expect, it } from "vitest";
import { items, number, numbers, text, type Dataset } from "../dicomweb/json";
import { code, placesOf, tagOf } from "./dataset";
import type { FrameKey } from "./measurement";
import { readStructureSet, structureSet, type Roi } from "./rtstruct";
import { packBits, plainCategory, readSegmentation, segmentation, unpackBits, type Segment, type SegmentPlane } from "./seg";

const [rows, columns] = [5, 7]; /* 35 pixels: no frame ends with a byte */
const image = (n: number, more: Record<string, { vr: string; Value: unknown[] }> = {}): Dataset => ({
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2"] },
    "00080018": { vr: "UI", Value: [`1.2.3.4.${n}`] },
    "0020000D": { vr: "UI", Value: ["1.2.3"] },
    "0020000E": { vr: "UI", Value: ["1.2.3.4"] },
    "00180050": { vr: "DS", Value: [2.5] },
    "00200032": { vr: "DS", Value: [-10, -20, 2.5 * n] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
    "00200052": { vr: "UI", Value: ["1.2.9"] },
    "00280010": { vr: "US", Value: [rows] },
    "00280011": { vr: "US", Value: [columns] },
    "00280030": { vr: "DS", Value: [0.5, 0.75] },
    ...more,
});
const sources = [image(1), image(2), image(3)];
const places = placesOf(sources);
const on = (n: number): FrameKey => ({ study: "1.2.3", series: "1.2.3.4", instance: `1.2.3.4.${n}`, sopClass: "1.2.840.10008.5.1.4.1.1.2", frame: 1 });
const origin = { date: new Date("2026-01-15T12:00:00Z"), seriesNumber: 9003, seriesDescription: "Leber", label: "Leber" };
const segments: Segment[] = [
    { number: 1, label: "Leber", category: code("123037004", "SCT", "Anatomical Structure"), type: code("10200004", "SCT", "Liver"), color: "#12ab9f", algorithm: "MANUAL", algorithmName: "", trackingUid: "2.25.5" },
    { number: 2, label: "Tumor", category: plainCategory, type: code("86049000", "SCT", "Neoplasm, Primary"), color: "#ff0000", algorithm: "SEMIAUTOMATIC", algorithmName: "Threshold" },
];
const values = (seed: number, max: number) => Uint8Array.from({ length: rows * columns }, (_, i) => (i * 7 + seed * 13) % (max + 1));
const planes = (max: number): SegmentPlane[] => [
    { on: on(1), segment: 1, values: values(1, max) },
    { on: on(2), segment: 1, values: values(2, max) },
    { on: on(2), segment: 2, values: values(3, max) },
];
const through = (ds: Dataset) => JSON.parse(JSON.stringify(ds)) as Dataset;

describe("bits (PS3.5 §8.1.1)", () => {
    it("run on from frame to frame, the first in the lowest", () => {
        expect([...packBits([Uint8Array.of(1, 0, 1), Uint8Array.of(0, 0, 0, 0, 0, 1, 1)])]).toEqual([0b00000101, 0b00000011]);
        const frames = [values(1, 1), values(5, 1), values(9, 1)];
        const packed = packBits(frames);
        expect(packed.length).toBe(14); /* 105 bits, and even */
        frames.forEach((f, i) => expect(unpackBits(packed, f.length, i)).toEqual(f));
    });
});

describe("a segmentation", () => {
    it.each([["BINARY", 1], ["FRACTIONAL", 255]] as const)("%s reads as what was written", (kind, max) => {
        const given = planes(max);
        const { object, bulk } = segmentation(kind, segments, [...given].reverse(), sources, origin);
        const read = readSegmentation(through(object), bulk[0]!.bytes, places);
        expect(read.segments).toEqual(segments);
        expect(read.planes.map(({ on, segment, values }) => ({ on, segment, values }))).toEqual(given);
        expect(read.planes.map((p) => p.position[2])).toEqual([2.5, 5, 5]);
        expect([read.orientation, read.spacing, read.frameOfReference, read.maximum]).toEqual([[1, 0, 0, 0, 1, 0], [0.5, 0.75], "1.2.9", max]);
        expect(object["7FE00010"]?.BulkDataURI).toBe(bulk[0]!.location);
    });
    it("LABELMAP has one frame for an image and names its segments by value", () => {
        const { object, bulk } = segmentation("LABELMAP", segments, [{ on: on(1), segment: 0, values: values(1, 2) }, { on: on(3), segment: 0, values: values(2, 2) }], sources, origin);
        const read = readSegmentation(through(object), bulk[0]!.bytes, places);
        expect(read.planes.map((p) => [p.segment, p.on?.instance])).toEqual([[0, "1.2.3.4.1"], [0, "1.2.3.4.3"]]);
        expect(bulk[0]!.bytes.length % 2).toBe(0);
    });
    it("tells where its frames are by index", () => {
        const { object } = segmentation("BINARY", segments, planes(1), sources, origin);
        const index = items(object, tagOf("PerFrameFunctionalGroupsSequence")).map((f) => numbers(items(f, tagOf("FrameContentSequence"))[0], tagOf("DimensionIndexValues")));
        expect(index).toEqual([[1, 1], [1, 2], [2, 2]]);
        expect(number(items(items(object, tagOf("SharedFunctionalGroupsSequence"))[0], tagOf("PixelMeasuresSequence"))[0], tagOf("SpacingBetweenSlices"))).toBe(2.5);
    });
    it("is refused over images of several sizes or directions", () => {
        const odd = [image(1), image(2, { "00200037": { vr: "DS", Value: [0, 1, 0, 0, 0, 1] } })];
        expect(() => segmentation("BINARY", segments, planes(1).slice(0, 2), odd, origin)).toThrow(RangeError);
        expect(() => segmentation("BINARY", segments, [{ ...planes(1)[0]!, values: new Uint8Array(3) }], sources, origin)).toThrow(RangeError);
        expect(() => segmentation("BINARY", segments, [], sources, origin)).toThrow(RangeError);
    });
    it("cut short is refused", () => {
        const { object, bulk } = segmentation("BINARY", segments, planes(1), sources, origin);
        expect(() => readSegmentation(object, bulk[0]!.bytes.slice(0, 10), places)).toThrow("cut short");
        expect(() => readSegmentation({ ...object, "00620001": { vr: "CS", Value: ["ODD"] } }, bulk[0]!.bytes, places)).toThrow(RangeError);
    });
});

describe("a structure set", () => {
    const rois: Roi[] = [
        { number: 1, name: "Leber", color: "#12ab9f", algorithm: "MANUAL", interpreted: "ORGAN", code: code("10200004", "SCT", "Liver"), contours: [{ closed: true, on: on(1), points: [[-1.25, 2, 2.5], [3, 4.0625, 2.5], [5, 1, 2.5]] }, { closed: true, on: on(2), points: [[0, 0, 5], [1, 0, 5], [1, 1, 5]] }] },
        { number: 2, name: "Marker", color: "#ff0000", algorithm: "", interpreted: "", contours: [{ closed: false, points: [[1, 2, 3]] }, { closed: false, points: [[1, 2, 3], [4, 5, 6]] }] },
    ];
    const written = through(structureSet([...rois, { ...rois[0]!, number: 3, contours: [] }], "1.2.9", sources[0]!, () => 1, origin));
    it("reads as what was written", () => expect(readStructureSet(written, places)).toEqual({ label: "Leber", frameOfReference: "1.2.9", rois, problems: [] }));
    it("names its images by study and series", () => {
        const study = items(items(written, tagOf("ReferencedFrameOfReferenceSequence"))[0], tagOf("RTReferencedStudySequence"))[0];
        expect(text(study, tagOf("ReferencedSOPInstanceUID"))).toBe("1.2.3");
        expect(items(items(study, tagOf("RTReferencedSeriesSequence"))[0], tagOf("ContourImageSequence"))).toHaveLength(2);
    });
    it("names structures with contours that cannot be read", () => {
        const broken = JSON.parse(JSON.stringify(written).replace('"ContourData"', "x")) as Dataset;
        (items(items(broken, tagOf("ROIContourSequence"))[0], tagOf("ContourSequence"))[0] as Record<string, unknown>)[tagOf("ContourData")] = { vr: "DS", Value: [1, 2] };
        expect(readStructureSet(broken, places).problems).toEqual(["Leber"]);
    });
    it("is not made of nothing", () => expect(() => structureSet([], "1.2.9", sources[0]!, () => 1, origin)).toThrow(RangeError));
});
