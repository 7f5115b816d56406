import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { frameInfo } from "../imaging/frame";
import { code, placesOf } from "./dataset";
import { readSegmentation } from "./seg";
import { paintable, writtenSegmentation } from "./seg-map";
import { frameName, type Segmentation } from "./segmentation";

const image = (n: number): Dataset => ({
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2"] }, "00080018": { vr: "UI", Value: [`1.2.3.4.${n}`] },
    "0020000D": { vr: "UI", Value: ["1.2.3"] }, "0020000E": { vr: "UI", Value: ["1.2.3.4"] },
    "00200032": { vr: "DS", Value: [0, 0, 3 * n] }, "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] }, "00200052": { vr: "UI", Value: ["1.2.9"] },
    "00280010": { vr: "US", Value: [3] }, "00280011": { vr: "US", Value: [5] }, "00280030": { vr: "DS", Value: [1, 1] },
});
const sources = [image(1), image(2), image(3)];
const frames = sources.map((ds, i) => frameInfo({ study: "1.2.3", series: "1.2.3.4", instance: `1.2.3.4.${i + 1}`, frame: 1 }, ds));
const segment = (number: number, label: string, isAutomatic: boolean) => ({ number, label, color: "#4fc36e", category: code("85756007", "SCT", "Tissue"), type: code("10200004", "SCT", "Liver"), isAutomatic, locked: false, hidden: false, trackingUid: `2.25.${number}` });
const painted: Segmentation = {
    uid: "2.25.9", label: "Leber", study: "1.2.3", series: "1.2.3.4", rows: 3, columns: 5,
    segments: [segment(2, "Leber", false), segment(5, "leer", false), segment(7, "Tumor", true)],
    frames: new Map([
        [frameName(frames[0]!), Uint8Array.of(0, 2, 2, 0, 0, 7, 7, 0, 0, 0, 2, 2, 0, 0, 7)],
        [frameName(frames[2]!), Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7)],
        [frameName(frames[1]!), new Uint8Array(15)],
    ]),
};
const origin = { date: new Date("2026-01-15T12:00:00Z"), seriesNumber: 9001, seriesDescription: "Leber", label: "Leber" };

describe("what is painted, as SEG and back", () => {
    it.each(["BINARY", "LABELMAP"] as const)("%s", (kind) => {
        const { object, bulk } = writtenSegmentation(painted, kind, frames, sources, origin);
        const read = readSegmentation(JSON.parse(JSON.stringify(object)) as Dataset, bulk[0]!.bytes, placesOf(sources));
        const { segmentation, problems } = paintable(read, "2.25.9", frames);
        expect(problems).toEqual([]);
        const to = (labels: Uint8Array) => labels.map((l) => (l === 2 ? 1 : l === 7 ? 2 : 0)); /* numbered without gaps */
        expect(segmentation).toEqual({
            ...painted,
            segments: [{ ...painted.segments[0]!, number: 1 }, { ...painted.segments[2]!, number: 2 }],
            frames: new Map([...painted.frames].filter(([, l]) => l.some((v) => v !== 0)).map(([name, l]) => [name, to(l)])),
        });
    });
    it("names what cannot be painted on, and finds frames by their place", () => {
        const { object, bulk } = writtenSegmentation(painted, "BINARY", frames, sources, origin);
        const read = readSegmentation(object, bulk[0]!.bytes, placesOf([])); /* no image is known by its UID */
        expect(paintable(read, "2.25.9", frames).problems).toEqual([]);
        expect(paintable({ ...read, planes: [...read.planes, { ...read.planes[0]!, segment: 2 }] }, "2.25.9", frames).problems.join()).toContain("overlap");
        expect(paintable(read, "2.25.9", frames.slice(0, 1)).problems.join()).toContain("no image");
        expect(() => paintable(read, "2.25.9", [])).toThrow(RangeError);
    });
    it("stays fractional where nothing is painted, and is all or nothing where something was", () => {
        const fractional = { ...painted, segments: painted.segments.slice(0, 1), shares: { kind: "OCCUPANCY" as const, maximum: 200, read: new Map(), planes: new Map([[frameName(frames[0]!), new Map([[2, Uint8Array.from({ length: 15 }, (_, i) => 10 * i)]])]]) }, frames: new Map() };
        const round = (s: Segmentation) => {
            const { object, bulk } = writtenSegmentation(s, "FRACTIONAL", frames, sources, origin);
            const read = readSegmentation(JSON.parse(JSON.stringify(object)) as Dataset, bulk[0]!.bytes, placesOf(sources));
            return { read, again: paintable(read, "2.25.9", frames).segmentation };
        };
        const { read, again } = round(fractional);
        expect([read.kind, read.maximum, read.fractionalType, read.planes.map((p) => [...p.values])]).toEqual(["FRACTIONAL", 200, "OCCUPANCY", [[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140]]]);
        const [name] = again.frames.keys();
        expect([...again.frames.get(name!)!]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]); /* a half and more */
        const labels = Uint8Array.from(again.frames.get(name!)!);
        labels[0] = 1;
        labels[14] = 0;
        const edited = round({ ...again, frames: new Map([[name!, labels], [frameName(frames[1]!), Uint8Array.from({ length: 15 }, (_, i) => (i === 3 ? 1 : 0))]]) }).read;
        expect([...edited.planes[0]!.values]).toEqual([200, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 0]);
        expect([...edited.planes[1]!.values].map((v, i) => (v > 0 ? [i, v] : 0)).filter(Boolean)).toEqual([[3, 200]]);
    });
    it("says how thick its slices are by their distance, or not at all", () => {
        const one = { ...painted, frames: new Map([...painted.frames].slice(0, 1)) };
        const measures = (list: typeof frames) => /"00180050":\{"vr":"DS","Value":\["(\d+)"\]/.exec(JSON.stringify(writtenSegmentation(one, "BINARY", list, sources, origin).object))?.[1];
        expect(measures(frames)).toBe("3");
        expect(measures(frames.slice(0, 1))).toBeUndefined();
    });
    it("is no object without a pixel", () => expect(() => writtenSegmentation({ ...painted, frames: new Map() }, "BINARY", frames, sources, origin)).toThrow(RangeError));
});
