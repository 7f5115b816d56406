import { describe, expect, it } from "vitest";
import { contains, filterFromUrl, filterToUrl, newestFirst, noFilter, studyQuery } from "./query";

describe("what is typed", () => {
    it.each([
        ["doe", "*doe*"],
        [" doe  ja ", "*doe*ja*"],
        ["Doe, Jane", "*Doe*Jane*"],
        ["DOE^JANE", "*DOE*JANE*"],
        ["d?e*", "*d?e*"],
        ["   ", ""],
    ])("%j becomes %j", (typed, pattern) => expect(contains(typed)).toBe(pattern));
});

describe("the query", () => {
    it("asks for one page in the chosen order", () => {
        const q = studyQuery(noFilter, newestFirst, 120, 60);
        expect(q.get("orderby")).toBe("-StudyDate,-StudyTime");
        expect([q.get("limit"), q.get("offset")]).toEqual(["60", "120"]);
        expect(q.getAll("includefield")).toContain("00201208");
        expect(q.has("PatientName")).toBe(false);
        expect(q.has("totalcount")).toBe(false); /* counted once, with the first page */
        expect(studyQuery(noFilter, newestFirst, 0, 60).has("totalcount")).toBe(true);
    });
    it.each([
        ["2026-01-01", "2026-01-31", "20260101-20260131"],
        ["2026-01-01", "", "20260101-"],
        ["", "2026-01-31", "-20260131"],
    ])("dates from %j to %j", (from, to, range) => expect(studyQuery({ ...noFilter, from, to }, newestFirst, 0, 1).get("StudyDate")).toBe(range));
    it("never asks for a range without an end or a beginning", () => expect(studyQuery({ ...noFilter, from: "x" }, newestFirst, 0, 1).has("StudyDate")).toBe(false));
});

describe("the address", () => {
    it("names filter and order, and gives them back", () => {
        const filter = { ...noFilter, name: "doe & sons", modality: "CT", from: "2026-01-01" };
        const sort = { key: "PatientName", descending: true } as const;
        expect(filterFromUrl(filterToUrl(filter, sort))).toEqual({ filter, sort });
    });
    it("is empty for the plain list", () => expect(filterToUrl(noFilter, newestFirst)).toBe(""));
    it("does not believe an order it does not know", () => expect(filterFromUrl("?sort=-Password").sort).toEqual(newestFirst));
});
