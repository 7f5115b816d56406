import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { dataset } from "./dataset";
import type { Level, Slide } from "./slide";
import { lineReport, readLines } from "./slide-report";

const level = (instance: string, columns: number, rows: number, mmX: number, mmY: number): Level => ({
    columns, rows, tileColumns: 256, tileRows: 256, mmX, mmY, isGrey: false, sources: [],
    dataset: dataset({ StudyInstanceUID: "1.2", SeriesInstanceUID: "1.2.3", SOPInstanceUID: instance, SOPClassUID: "1.2.840.10008.5.1.4.1.1.77.1.6" }),
});
const slideOf = (mmX: number, mmY: number): Slide => ({ levels: [level("1.2.3.4", 4096, 2048, mmX, mmY), level("1.2.3.5", 1024, 512, mmX * 4, mmY * 4)], apart: [], paths: [], planes: 1, origin: undefined, across: [1, 0, 0], down: [0, 1, 0] });
const origin = { date: new Date("2026-01-15T10:15:00Z"), seriesNumber: 7, seriesDescription: "Lengths" };
const lines = [{ uid: "2.25.1", a: [100, 60.5], b: [400, 460.5] }, { uid: "2.25.2", a: [3000, 2000], b: [10.25, 5] }] as const;
const values = (report: Dataset) => [...JSON.stringify(report).matchAll(/"0040A161":\{"vr":"FD","Value":\[([^\]]*)\]/g)].map((m) => Number(m[1]));

describe("lengths of a slide in a report", () => {
    it("come back as they were, with lengths in mm of pixels that are not square", () => {
        const slide = slideOf(0.001, 0.002);
        const report = lineReport(lines, slide, origin);
        expect(readLines(JSON.parse(JSON.stringify(report)) as Dataset, slide)).toEqual(lines);
        expect(values(report)[0]).toBeCloseTo(Math.hypot(0.3, 0.8), 12);
        expect(JSON.stringify(report)).toContain('"00480301":{"vr":"CS","Value":["VOLUME"]}');
    });
    it("are pixels where their size is not known", () => {
        const report = lineReport(lines, slideOf(0, 0), origin);
        expect(values(report)[0]).toBe(500);
        expect(JSON.stringify(report)).toContain("{pixels}");
    });
    it("drawn on a coarser level lie on the finest; those on single tiles and on other slides are left", () => {
        const coarse = JSON.stringify(lineReport(lines, slideOf(0.001, 0.001), origin)).replaceAll("1.2.3.4", "1.2.3.5");
        expect(readLines(JSON.parse(coarse) as Dataset, slideOf(0.001, 0.001))[0]).toEqual({ uid: "2.25.1", a: [400, 242], b: [1600, 1842] });
        const other = JSON.parse(coarse.replaceAll("1.2.3.5", "1.2.3.6")) as Dataset;
        expect(readLines(other, slideOf(1, 1))).toEqual([]);
        const tile = JSON.parse(coarse.replaceAll("VOLUME", "FRAME").replaceAll('"00081155"', '"00081160":{"vr":"IS","Value":[3]},"00081155"')) as Dataset;
        expect(readLines(tile, slideOf(1, 1))).toEqual([]);
        expect(() => lineReport([], slideOf(1, 1), origin)).toThrow(RangeError);
    });
});
