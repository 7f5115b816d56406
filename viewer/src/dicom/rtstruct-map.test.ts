import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { frameInfo } from "../imaging/frame";
import { code, placesOf } from "./dataset";
import { readStructureSet } from "./rtstruct";
import { paintableStructures, writtenStructures } from "./rtstruct-map";
import { frameName, type Segmentation } from "./segmentation";

/* Oblique, 0.7 x 1.3 mm */
const image = (n: number): Dataset => ({
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2"] }, "00080018": { vr: "UI", Value: [`1.2.3.4.${n}`] },
    "0020000D": { vr: "UI", Value: ["1.2.3"] }, "0020000E": { vr: "UI", Value: ["1.2.3.4"] },
    "00200032": { vr: "DS", Value: [-120.5, 33.3 - 0.6 * 3 * n, 0.8 * 3 * n] }, "00200037": { vr: "DS", Value: [1, 0, 0, 0, 0.8, 0.6] }, "00200052": { vr: "UI", Value: ["1.2.9"] },
    "00280010": { vr: "US", Value: [4] }, "00280011": { vr: "US", Value: [6] }, "00280030": { vr: "DS", Value: [1.3, 0.7] },
});
const sources = [image(1), image(2), image(3)];
const frames = sources.map((ds, i) => frameInfo({ study: "1.2.3", series: "1.2.3.4", instance: `1.2.3.4.${i + 1}`, frame: 1 }, ds));
const segment = (number: number, label: string, isAutomatic: boolean) => ({ number, label, color: "#4fc36e", category: code("85756007", "SCT", "Tissue"), type: code("10200004", "SCT", "Liver"), isAutomatic, locked: false, hidden: false, trackingUid: "" });
const painted: Segmentation = {
    uid: "2.25.9", label: "Leber", study: "1.2.3", series: "1.2.3.4", rows: 4, columns: 6, segments: [segment(2, "Leber", false), segment(7, "Tumor", true)],
    frames: new Map([
        [frameName(frames[0]!), Uint8Array.of(2, 2, 2, 2, 0, 0, 2, 0, 7, 2, 0, 0, 2, 2, 2, 2, 0, 7, 0, 0, 0, 0, 7, 7)],
        [frameName(frames[2]!), Uint8Array.from({ length: 24 }, () => 7)],
    ]),
};
const origin = { date: new Date("2026-01-15T12:00:00Z"), seriesNumber: 9001, seriesDescription: "Leber" };
const written = () => readStructureSet(JSON.parse(JSON.stringify(writtenStructures(painted, frames, sources, () => 1, origin))) as Dataset, placesOf(sources));

describe("what is painted, as contours and back", () => {
    it("is the same to the pixel, holes and places and all", () => {
        const { segmentation, problems } = paintableStructures(written(), "2.25.9", frames);
        expect(problems).toEqual([]);
        const to = (labels: Uint8Array) => labels.map((l) => (l === 2 ? 1 : l === 7 ? 2 : 0));
        const trackingUid = expect.stringMatching(/^2\.25\./) as string;
        expect(segmentation).toEqual({ ...painted, segments: painted.segments.map((s, i) => ({ ...s, number: i + 1, trackingUid })), frames: new Map([...painted.frames].map(([name, l]) => [name, to(l)])) });
    });
    it("lies where it lies when it names no image", () => {
        const read = written();
        const bare = { ...read, rois: read.rois.map((r) => ({ ...r, contours: r.contours.map(({ points, closed }) => ({ points, closed })) })) };
        expect([...paintableStructures(bare, "1", frames).segmentation.frames.keys()]).toEqual([...painted.frames.keys()]);
    });
    it("names what is lost", () => {
        const read = written();
        const [roi] = read.rois as [(typeof read.rois)[number]];
        const open = { ...roi, contours: [...roi.contours, { closed: false, points: [[0, 0, 0]] as const }, { closed: true, points: [[0, 0, 500], [9, 0, 500], [9, 9, 500]] as const }] };
        const { problems } = paintableStructures({ ...read, rois: [open, roi], problems: ["Milz"] }, "1", frames);
        expect(problems.map((p) => /Milz|open lines|no image|overlap/.exec(p)?.[0]).sort()).toEqual(["Milz", "no image", "open lines", "overlap"]);
        expect(() => paintableStructures(read, "1", [])).toThrow(RangeError);
    });
    it("is refused where images have no place", () => {
        const bare = frames.map((f) => ({ ...f, position: undefined }));
        expect(() => writtenStructures(painted, bare, sources, () => 1, origin)).toThrow(RangeError);
        expect(() => writtenStructures({ ...painted, frames: new Map() }, frames, sources, () => 1, origin)).toThrow(RangeError);
    });
});
