import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { items, text, type Dataset } from "../dicomweb/json";
import { code, decimal, placesOf, tagOf } from "./dataset";
import { newUid } from "./uid";
import type { FrameKey, Measurement } from "./measurement";
import { readReport } from "./sr-read";
import { measurementReport } from "./sr-write";

const image = (instance: string, frames = 1): Dataset => ({
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2"] },
    "00080018": { vr: "UI", Value: [instance] },
    "00080060": { vr: "CS", Value: ["CT"] },
    "00100010": { vr: "PN", Value: [{ Alphabetic: "Müller^Ärztin", Ideographic: "山田^太郎" }] },
    "0020000D": { vr: "UI", Value: ["1.2.3"] },
    "0020000E": { vr: "UI", Value: ["1.2.3.4"] },
    "00280008": { vr: "IS", Value: [frames] },
});
const sources = [image("1.2.3.4.5"), image("1.2.3.4.6", 20)];
const on = (frame = 0): FrameKey => ({ study: "1.2.3", series: "1.2.3.4", instance: frame ? "1.2.3.4.6" : "1.2.3.4.5", sopClass: "1.2.840.10008.5.1.4.1.1.2", frame: frame || 1 });
const mark = (what: Partial<Measurement> & Pick<Measurement, "kind">): Measurement => ({
    uid: newUid(), label: "", quantities: [], spacing: "calibrated", color: "#12ab9f", locked: false, hidden: false, created: "2026-01-15T10:15:00.000Z", ...what,
});

const drawn: Measurement[] = [
    mark({ kind: "length", label: "Läsion 1 – größte", on: on(), points: [[10.25, 11.5], [40.125, 51]], quantities: [{ name: "length", value: 49.70123456789012, unit: "mm" }] }),
    mark({ kind: "length", on: on(), points: [[1, 2], [3, 4]], quantities: [{ name: "length", value: 2.8284271247461903, unit: "{pixels}" }], spacing: "none" }),
    mark({ kind: "bidirectional", on: on(7), points: [[1, 1], [9, 1], [5, 0], [5, 3]], quantities: [{ name: "length", value: 8, unit: "mm" }, { name: "shortAxis", value: 3, unit: "mm" }], finding: code("4147007", "SCT", "Mass"), site: code("39607008", "SCT", "Lung structure") }),
    mark({ kind: "angle", on: on(), points: [[0, 0], [5, 5], [10, 0]], quantities: [{ name: "angle", value: 90, unit: "deg" }] }),
    mark({ kind: "cobb", on: on(), points: [[0, 0], [5, 0], [0, 9], [5, 12]], quantities: [{ name: "angle", value: 30.96, unit: "deg" }] }),
    mark({ kind: "ellipse", on: on(), points: [[0, 5], [10, 5], [5, 2], [5, 8]], quantities: [{ name: "area", value: 47.1, unit: "mm2" }, { name: "mean", value: -12.5, unit: "[hnsf'U]" }, { name: "sd", value: 3.25, unit: "[hnsf'U]" }, { name: "min", value: -90, unit: "[hnsf'U]" }, { name: "max", value: 81, unit: "[hnsf'U]" }, { name: "count", value: 47, unit: "1" }] }),
    mark({ kind: "rectangle", on: on(), points: [[0, 0], [4, 0], [4, 3], [0, 3]], quantities: [{ name: "area", value: 12, unit: "mm2" }, { name: "mean", value: 1.5, unit: "{SUVbw}g/ml" }] }),
    mark({ kind: "circle", on: on(), points: [[5, 5], [8, 5]], quantities: [{ name: "radius", value: 3, unit: "mm" }, { name: "mean", value: 7, unit: "1" }] }),
    mark({ kind: "freehand", closed: true, on: on(), points: [[0, 0], [4, 0], [6, 2], [2, 9]], quantities: [{ name: "perimeter", value: 30, unit: "mm" }] }),
    mark({ kind: "freehand", closed: false, on: on(), points: [[0, 0], [4, 0], [6, 2]], quantities: [{ name: "length", value: 6.8, unit: "mm" }] }),
    mark({ kind: "spline", closed: true, on: on(), points: [[0, 0], [4, 0], [6, 2]] }),
    mark({ kind: "livewire", closed: true, on: on(), points: [[0, 0], [4, 0], [6, 2], [1, 1], [0, 3]] }),
    mark({ kind: "arrow", label: "here", on: on(), points: [[0, 0], [4, 0]] }),
    mark({ kind: "probe", on: on(), points: [[3.5, 4.5]], quantities: [{ name: "value", value: 42, unit: "[hnsf'U]" }] }),
    mark({ kind: "label", label: "<b>note</b>", on: on(20), points: [[3.5, 4.5]] }),
    mark({ kind: "length", frameOfReference: "1.2.9", spatial: [[1.5, 2.5, 3.5], [10, 20, 30]], quantities: [{ name: "length", value: 33, unit: "mm" }] }),
    mark({ kind: "ellipse", frameOfReference: "1.2.9", spatial: [[0, 5, 1], [10, 5, 1], [5, 2, 1], [5, 8, 1]], quantities: [{ name: "area", value: 47.1, unit: "mm2" }] }),
    mark({ kind: "freehand", closed: true, frameOfReference: "1.2.9", spatial: [[0, 0, 1], [4, 0, 1], [6, 2, 1]] }),
    mark({ kind: "circle", frameOfReference: "1.2.9", spatial: [[2, 3, 1], [6, 3, 1], [2, 7, 1]], quantities: [{ name: "radius", value: 4, unit: "mm" }, { name: "mean", value: 12, unit: "[hnsf'U]" }] }),
    mark({ kind: "probe", frameOfReference: "1.2.9", spatial: [[2, 3, 1]], quantities: [{ name: "value", value: 12, unit: "[hnsf'U]" }] }),
    mark({ kind: "bidirectional", frameOfReference: "1.2.9", spatial: [[0, 0, 1], [8, 0, 1], [4, 2, 1], [4, -2, 1]], quantities: [{ name: "length", value: 8, unit: "mm" }, { name: "shortAxis", value: 4, unit: "mm" }] }),
    mark({ kind: "circle", frameOfReference: "1.2.9", spatial: [[0, 0, 1], [4, 0, 1]], quantities: [{ name: "radius", value: 4, unit: "mm" }] }),
];
const origin = { date: new Date("2026-01-15T12:00:00Z"), seriesNumber: 9001, seriesDescription: "Measurements" };

describe("a measurement report (TID 1500)", () => {
    const written = JSON.parse(JSON.stringify(measurementReport(drawn, sources, origin))) as Dataset;
    it("reads as what was written, to the last bit of the numbers", () => {
        const read = readReport(written, placesOf(sources));
        expect(read.problems).toEqual([]);
        expect(read.measurements).toEqual(drawn);
    });
    it("has the patient and study of the images, in UTF-8, and UIDs of its own", () => {
        expect(written["00100010"]).toEqual(sources[0]!["00100010"]);
        expect(text(written, "00080005")).toBe("ISO_IR 192");
        expect(text(written, "0020000D")).toBe("1.2.3");
        expect(text(written, "00080018")).toMatch(/^2\.25\.\d{1,39}$/);
        expect(text(written, "0020000E")).not.toBe("1.2.3.4");
    });
    it("names its images as evidence, each once", () => {
        const [study] = items(written, tagOf("CurrentRequestedProcedureEvidenceSequence"));
        const objects = items(study, tagOf("ReferencedSeriesSequence")).flatMap((s) => items(s, tagOf("ReferencedSOPSequence")));
        expect(objects.map((o) => text(o, tagOf("ReferencedSOPInstanceUID")))).toEqual(["1.2.3.4.5", "1.2.3.4.6"]);
    });
    it("has its elements in order, sequences too", () => {
        const check = (ds: Dataset): void => {
            const tags = Object.keys(ds);
            expect(tags).toEqual([...tags].sort());
        };
        check(written);
    });
    it("writes no document of nothing", () => expect(() => measurementReport([mark({ kind: "keyImage", on: on() })], sources, origin)).toThrow(RangeError));
    it("names what lies on images that are not here", () => {
        const read = readReport(written, placesOf([sources[0]!]));
        expect(read.measurements).toHaveLength(drawn.filter((m) => m.on?.instance !== "1.2.3.4.6").length);
        expect(read.problems.join()).toContain("not in this study");
    });
    it("survives whatever is cut out of it", () => {
        const strip = (ds: unknown, n: { left: number }): unknown => {
            if (Array.isArray(ds)) return ds.map((v) => strip(v, n));
            if (typeof ds !== "object" || ds === null) return n.left-- === 0 ? null : ds;
            return Object.fromEntries(Object.entries(ds).flatMap(([k, v]) => (n.left-- === 0 ? [] : [[k, strip(v, n)]])));
        };
        for (let at = 0; at < 3000; at += 23) expect(() => readReport(strip(written, { left: at }) as Dataset, placesOf(sources))).not.toThrow();
    });
    it("keeps what is said of lesions, under one tracking UID at every timepoint, also without its images", () => {
        const lesion = { uid: "2.25.77", role: "target", organ: "Liver, segment VI", nodal: false, number: 2, state: "measured", modality: "CT", sliceMm: 1.25 } as const;
        const list = [
            mark({ kind: "bidirectional", label: "T2", lesion, on: on(7), points: [[1, 1], [9, 1], [5, 0], [5, 3]], quantities: [{ name: "length", value: 32.5, unit: "mm" }, { name: "shortAxis", value: 12, unit: "mm" }] }),
            mark({ kind: "label", label: "NT1", lesion: { uid: "2.25.78", role: "nonTarget", organ: "Bone", nodal: false, number: 1, state: "progressed" } }),
        ];
        const report = JSON.parse(JSON.stringify(measurementReport(list, sources, origin))) as Dataset;
        expect(readReport(report, placesOf(sources)).measurements).toEqual(list);
        const apart = readReport(report, placesOf([])).measurements;
        expect(apart.map((m) => m.lesion)).toEqual(list.map((m) => m.lesion));
        expect(apart[0]).toMatchObject({ uid: list[0]!.uid, quantities: list[0]!.quantities });
        expect(JSON.stringify(report).match(/"2\.25\.77"/g)).toHaveLength(1);
    });
    it("is not read for ever", () => {
        const deep: { [tag: string]: { vr: string; Value: unknown[] } } = { "0040A040": { vr: "CS", Value: ["CONTAINER"] } };
        deep["0040A730"] = { vr: "SQ", Value: [deep, deep] };
        expect(readReport(deep, placesOf([])).problems.length).toBeGreaterThan(0);
    });
});

describe("reports of others", () => {
    const sample = (name: string): Dataset => {
        const ds: unknown = JSON.parse(readFileSync(new URL(`samples/${name}.json`, import.meta.url), "utf8"));
        return (Array.isArray(ds) ? ds[0] : ds) as Dataset;
    };
    /* The images are not in the corpus: places as if they were. */
    const anywhere = (instance: string) => ({ study: "1", series: "2", sopClass: "1.2.840.10008.5.1.4.1.1.2", frames: 1, instance });
    it("dcmjs: tools by their names, old codes", () => {
        const { measurements, problems } = readReport(sample("dcmjs-structured_report"), anywhere);
        expect(problems).toEqual([]);
        expect(measurements.map((m) => m.kind)).toEqual(["label", "ellipse", "bidirectional", "length", "length", "ellipse"]);
        expect(measurements[0]!.label).toBe("ExampleText");
        expect(measurements[1]!.quantities).toEqual([{ name: "area", value: 4806.42320110457, unit: "mm2" }]);
        expect(measurements[2]!.points).toEqual([[71.5, 329], [139.5, 397], [88.5, 380], [122.5, 346]]);
        expect(measurements[2]!.quantities.map((q) => [q.name, q.value])).toEqual([["length", 93.9], ["shortAxis", 47]]);
    });
    it("highdicom: a planar ROI with finding and site", () => {
        const { measurements } = readReport(sample("highdicom-sr_document"), anywhere);
        expect(measurements).toHaveLength(1);
        expect(measurements[0]).toMatchObject({ kind: "circle", label: "Planar ROI Measurements", points: [[58, 52], [58, 41]], finding: { meaning: "Spinal cord" }, site: { meaning: "Cervico-thoracic spine" } });
        expect(measurements[0]!.quantities).toEqual([{ name: "area", value: 1.7, unit: "cm2" }]);
    });
    it("an Enhanced SR, and one whose finding is a point in the patient", () => {
        expect(readReport(sample("syn-enhanced-sr-tid1500"), anywhere).measurements[0]).toMatchObject({ kind: "length", label: "Nodule 1", quantities: [{ name: "length", value: 14.2, unit: "mm" }] });
        expect(readReport(sample("syn-comprehensive-3d-sr"), anywhere).measurements[0]).toMatchObject({ kind: "label", spatial: [[-70, -20, 30]] });
    });
});

describe("decimal strings (PS3.5 §6.2)", () => {
    it.each([[49.70123456789012, "49.7012345678901"], [-0.1234567890123456, "-0.1234567890123"], [1e-7, "1e-7"], [123456789012345680, "123456789012346e3"], [1 / 3, "0.33333333333333"]])("%d", (n) => {
        expect(decimal(n).length).toBeLessThanOrEqual(16);
        expect(Math.abs(Number(decimal(n)) - n)).toBeLessThanOrEqual(Math.abs(n) * 1e-10);
    });
});
