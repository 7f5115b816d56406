import { describe, expect, it } from "vitest";
import { items, text, type Dataset } from "../dicomweb/json";
import { codeOf, dataset, tagOf } from "./dataset";
import type { Measurement } from "./measurement";
import { assess, type Lesion } from "./recist";
import { courseReport, type CourseOfLesions } from "./report-lesions";
import { listed } from "./report-read";
import { comprehensiveSr } from "./report-write";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const source = dataset({ SOPClassUID: ct, SOPInstanceUID: "1.2.1", StudyInstanceUID: "1.2", SeriesInstanceUID: "1.2.0", Modality: "CT" });
const lesions: Lesion[] = [
    { uid: "2.25.1", role: "target", organ: "Liver", nodal: false, number: 1 },
    { uid: "2.25.2", role: "nonTarget", organ: "Bone", nodal: false, number: 1 },
];
const mark = (length: number, on: boolean): Measurement => ({
    uid: `2.25.9${length}`, kind: "length", label: "T1", quantities: [{ name: "length", value: length, unit: "mm" }], spacing: "calibrated", color: "#ffffff", locked: false, hidden: false, created: "2026-01-01T00:00:00Z",
    lesion: { ...lesions[0]!, state: "measured" },
    ...(on ? { on: { study: "1.2", series: "1.2.0", instance: "1.2.1", sopClass: ct, frame: 1 }, points: [[1, 2], [41, 2]] as const } : {}),
});
const findings = [
    { date: "20260101", findings: [{ lesion: "2.25.1", state: "measured", longMm: 20 }, { lesion: "2.25.2", state: "present" }] },
    { date: "20260301", findings: [{ lesion: "2.25.1", state: "measured", longMm: 26 }, { lesion: "2.25.2", state: "absent" }] },
] as const;
const { timepoints, best } = assess(lesions, findings);
const course = (more: Partial<CourseOfLesions> = {}): CourseOfLesions => ({
    lesions, name: (l) => `${l.role} ${l.number}`, at: 1, isImmune: false, best, words: "RECIST 1.1: PD",
    timepoints: findings.map((f, i) => ({ ...f, marks: [mark(i === 0 ? 20 : 26, i === 1)], assessment: timepoints[i]!, words: `Timepoint ${i}` })),
    ...more,
});
const origin = { date: new Date("2026-03-01T00:00:00Z"), seriesNumber: 9001, seriesDescription: "Lesions", language: "en", author: undefined, isSigned: false, isComplete: true };

const content = (ds: Dataset) => items(ds, tagOf("ContentSequence"));
const conceptOf = (ds: Dataset) => codeOf(items(ds, tagOf("ConceptNameCodeSequence"))[0])!.meaning;
const numbersIn = (ds: Dataset) => content(ds).filter((c) => text(c, tagOf("ValueType")) === "NUM").map((c) => {
    const measured = items(c, tagOf("MeasuredValueSequence"))[0]!;
    return [conceptOf(c), measured[tagOf("FloatingPointValue")]!.Value![0], codeOf(items(measured, tagOf("MeasurementUnitsCodeSequence"))[0])!.value];
});
const codesIn = (ds: Dataset) => content(ds).filter((c) => text(c, tagOf("ValueType")) === "CODE").map((c) => [conceptOf(c), codeOf(items(c, tagOf("ConceptCodeSequence"))[0])!.value]);

describe("the course of lesions as a report", () => {
    const report = JSON.parse(JSON.stringify(courseReport(course(), [source], origin))) as Dataset;
    const sections = content(report).filter((c) => text(c, tagOf("ValueType")) === "CONTAINER");

    it("has a section for each timepoint: lesions, sums, changes, responses", () => {
        expect(text(report, tagOf("SOPClassUID"))).toBe(comprehensiveSr);
        expect(sections.map(conceptOf)).toEqual(["Previous Findings", "Findings", "Impressions"]);
        expect(numbersIn(sections[0]!)).toEqual([["Length", 20, "mm"], ["Sum of the diameters of the target lesions", 20, "mm"]]);
        const [length, sum, ofBaseline, ofNadir] = numbersIn(sections[1]!);
        expect([length, sum]).toEqual([["Length", 26, "mm"], ["Sum of the diameters of the target lesions", 26, "mm"]]);
        for (const change of [ofBaseline!, ofNadir!]) expect([change[1], change[2]]).toEqual([expect.closeTo(30, 9), "%"]);
        expect(codesIn(sections[1]!)).toEqual([["What was found of the lesion", "absent"], ["Current Response", "112043"], ["Current Response", "112045"], ["New lesions", "121054"], ["Overall response", "response-PD"]]);
        expect(codesIn(sections[2]!)).toEqual([["Response Evaluation Method", "126081"], ["Overall response", "response-PD"], ["Best Overall Response", "response-PD"]]);
        expect(codesIn(sections[0]!)).toEqual([["What was found of the lesion", "present"]]); /* a baseline responds to nothing */
    });
    it("names each lesion alike at every timepoint, and refers to the image that it was drawn on", () => {
        const uids = sections.slice(0, 2).map((s) => JSON.stringify(s).match(/2\.25\.1"/g)?.length);
        expect(uids).toEqual([1, 1]);
        expect(JSON.stringify(items(report, tagOf("CurrentRequestedProcedureEvidenceSequence")))).toContain('"1.2.1"');
    });
    it("says by which rules, and is no report to be written on", () => {
        const immune = courseReport(course({ isImmune: true }), [source], origin);
        expect(JSON.stringify(immune)).toContain('"response-iUPD"');
        expect(JSON.stringify(immune)).not.toContain('"126081"');
        expect(listed(report)).toMatchObject({ isOurs: false, isComplete: true, isVerified: false });
    });
    it("is not written without a timepoint", () => expect(() => courseReport(course({ at: -1 }), [source], origin)).toThrow(RangeError));
});
