import { describe, expect, it } from "vitest";
import { dateText, inlineBytes, items, number, numbers, personName, Tag, text, timeText, type Dataset } from "./json";

describe("values", () => {
    const ds: Dataset = {
        [Tag.rows]: { vr: "US", Value: [512] },
        [Tag.sliceThickness]: { vr: "DS", Value: ["2.5"] },
        [Tag.pixelSpacing]: { vr: "DS", Value: [0.5, "0.7", "", null, "x"] },
        [Tag.patientName]: { vr: "PN", Value: [{ Alphabetic: "DOE^JANE" }] },
        [Tag.modalityLut]: { vr: "SQ", Value: [{}, null, 3] },
        [Tag.studyDate]: { vr: "DA" },
    };
    it("reads numbers sent as numbers or as strings, and drops what is none", () => {
        expect(number(ds, Tag.rows)).toBe(512);
        expect(number(ds, Tag.sliceThickness)).toBe(2.5);
        expect(numbers(ds, Tag.pixelSpacing)).toEqual([0.5, 0.7]);
    });
    it("takes absence in every form", () => {
        expect(text(ds, Tag.studyDate)).toBe("");
        expect(text(undefined, Tag.studyDate)).toBe("");
        expect(number(ds, Tag.columns)).toBeUndefined();
        expect(numbers({ [Tag.rows]: { Value: "512" as unknown as unknown[] } }, Tag.rows)).toEqual([]);
    });
    it("keeps only items that are data sets", () => expect(items(ds, Tag.modalityLut)).toEqual([{}]));
    it("shows names as they are read", () => expect(text(ds, Tag.patientName)).toBe("DOE, JANE"));
});

describe("person names (PS3.5 §6.2.1)", () => {
    it.each([
        ["Adams^John Robert Quincy^^Rev.^B.A. M.Div.", "Adams, John Robert Quincy (Rev., B.A. M.Div.)"],
        ["Doe", "Doe"],
        ["^Jane", "Jane"],
        ["", ""],
    ])("%s", (pn, shown) => expect(personName({ Alphabetic: pn })).toBe(shown));
    it("shows both writings", () => expect(personName({ Alphabetic: "Yamada^Tarou", Ideographic: "山田^太郎" })).toBe("Yamada, Tarou · 山田 太郎"));
    it("falls back on the only writing there is", () => expect(personName({ Phonetic: "やまだ" })).toBe("やまだ"));
});

describe("dates and times", () => {
    it.each([["20260131", "2026-01-31"], ["2026.01.31", "2026-01-31"], ["nonsense", "nonsense"], ["", ""]])("%s", (da, shown) => expect(dateText(da)).toBe(shown));
    it.each([["142501.123456", "14:25:01"], ["1425", "14:25"], ["14", "14:00"], ["", ""]])("%s", (tm, shown) => expect(timeText(tm)).toBe(shown));
});

describe("inline binary", () => {
    it("is base64", () => expect([...inlineBytes({ InlineBinary: "AAEC/w==" })!]).toEqual([0, 1, 2, 255]));
    it("is undefined when it is not", () => expect(inlineBytes({ InlineBinary: "%" })).toBeUndefined());
});
