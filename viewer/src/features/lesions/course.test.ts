import { describe, expect, it } from "vitest";
import type { LesionMark, Measurement } from "../../dicom/measurement";
import { courseOf, findingOf, lesionName, nextNumber } from "./course";

const lesion = (uid: string, more: Partial<LesionMark> = {}): LesionMark => ({ uid, role: "target", organ: "Liver", nodal: false, number: 1, state: "measured", ...more });
const measured = (mark: LesionMark, mm: number, unit = "mm"): Measurement => ({
    uid: `${mark.uid}.${mm}`, kind: "length", label: "", quantities: [{ name: "length", value: mm, unit }], spacing: "calibrated", lesion: mark, color: "#ffffff", locked: false, hidden: false, created: "2026-01-01T00:00:00Z",
});
const study = (uid: string, date: string, ...measurements: Measurement[]) => ({ study: uid, date, measurements });

describe("the course of a patient", () => {
    it("is in the order of time, whatever is read, and leaves out studies that say nothing", () => {
        const course = courseOf([study("b", "20260301", measured(lesion("1"), 26)), study("x", "20260201"), study("a", "20260101", measured(lesion("1"), 20))], "b");
        expect(course.studies.map((s) => s.study)).toEqual(["a", "b"]);
        expect(course.at).toBe(1);
        expect(course.timepoints.map((a) => a.overall)).toEqual(["SD", "PD"]);
    });
    it("has the study that is read as a timepoint though nothing is said in it yet", () => {
        const course = courseOf([study("a", "20260101", measured(lesion("1"), 20)), study("b", "20260301")], "b");
        expect(course.timepoints[1]!.problems).toEqual([{ rule: "missing", lesion: "1" }]);
        expect(courseOf([study("b", "20260301")], "b").at).toBe(-1);
    });
    it("takes what was said last of a lesion", () => {
        const course = courseOf([study("a", "20260101", measured(lesion("1"), 20), measured(lesion("1"), 22))], "a");
        expect(course.timepoints[0]!.sumMm).toBe(22);
    });
    it("lists targets, then the others, by their numbers", () => {
        const all = [lesion("n", { role: "new" }), lesion("2", { number: 2 }), lesion("x", { role: "nonTarget" }), lesion("1")];
        const course = courseOf([study("a", "20260101", ...all.map((l) => measured(l, 20)))], "a");
        expect(course.lesions.map(lesionName)).toEqual(["T1", "T2", "NT1", "N1"]);
        expect(nextNumber(course.lesions, "target")).toBe(3);
    });
    it("does not take pixels for millimetres", () => {
        expect(findingOf(measured(lesion("1"), 20, "{pixels}"), lesion("1"))).toEqual({ lesion: "1", state: "notEvaluable" });
    });
});
