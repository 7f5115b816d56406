import { describe, expect, it } from "vitest";
import type { Dataset } from "../../dicomweb/json";
import { presetsFor } from "./presets";
import { cineRate, contentOf, inReadingOrder, inStackOrder, objectName, seriesFrom } from "./series";
import { matchingRows, tagRows, valueText } from "./tag-rows";

const instance = (uid: string, number?: number | string, z?: number): Dataset => ({
    "00080018": { vr: "UI", Value: [uid] },
    ...(number === undefined ? {} : { "00200013": { vr: "IS", Value: [number] } }),
    ...(z === undefined ? {} : { "00200032": { vr: "DS", Value: [0, 0, z] }, "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] } }),
});
const uids = (list: readonly Dataset[]) => list.map((ds) => ds["00080018"]?.Value?.[0]);

describe("the order of a stack", () => {
    it("is that of the instance numbers, numbers or strings", () => expect(uids(inStackOrder([instance("a", "10"), instance("b", 2), instance("c")]))).toEqual(["b", "a", "c"]));
    it("is that of the places where numbers repeat", () => expect(uids(inStackOrder([instance("a", 1, 9), instance("b", 1, -3)]))).toEqual(["b", "a"]));
    it("never changes by itself", () => expect(uids(inStackOrder([instance("b"), instance("a")]))).toEqual(["a", "b"]));
});

describe("the order of series", () => {
    it("has images first, then what is about them", () => {
        const list = [["SR", 1], ["CT", 3], ["CT", 2]].map(([m, n], i) =>
            seriesFrom({ "0020000E": { Value: [String(i)] }, "00080060": { Value: [m] }, "00200011": { Value: [n] } }),
        );
        expect(inReadingOrder(list).map((s) => s.modality + s.number)).toEqual(["CT2", "CT3", "SR1"]);
    });
});

describe("content", () => {
    it("has a frame for each frame, and the rest apart", () => {
        const image = { ...instance("i", 1), "00280010": { Value: [4] }, "00280011": { Value: [4] }, "00280100": { Value: [8] }, "00280008": { Value: ["3"] } };
        const content = contentOf("1", "2", [instance("report", 2), image]);
        expect(content.frames.map((f) => f.frame)).toEqual([1, 2, 3]);
        expect(uids(content.others)).toEqual(["report"]);
    });
    it.each([
        [{ "00181063": { Value: [40] } }, 25],
        [{ "00082144": { Value: [7] }, "00181063": { Value: [40] } }, 7],
        [{ "00180040": { Value: [900] } }, 60],
        [{}, 10],
    ])("plays %j at %i", (ds, rate) => expect(cineRate(ds as Dataset)).toBe(rate));
    it("has names for what is no image", () => {
        expect(objectName({ "00080016": { Value: ["1.2.840.10008.5.1.4.1.1.104.1"] } })).toBe("PDF document");
        expect(objectName({ "00080016": { Value: ["1.2.3"] }, "00080060": { Value: ["XX"] } })).toBe("XX object");
    });
});

describe("presets", () => {
    it("are the known ones for CT, then those of the file", () => {
        const info = { modality: "CT", windows: [{ center: 1, width: 2, name: "KNIE" }] } as unknown as Parameters<typeof presetsFor>[0];
        expect(presetsFor(info).map((p) => p.key + p.name)).toEqual(["1Soft tissue", "2Lung", "3Liver", "4Bone", "5Brain", "6KNIE"]);
        expect(presetsFor(undefined)).toEqual([]);
    });
});

describe("tag rows", () => {
    const names = new Map([["00100010", "Patient's Name"], ["0040A043", "Concept Name Code Sequence"], ["00080104", "Code Meaning"], ["60xx3000", "Overlay Data"]]);
    const ds: Dataset = {
        "00100010": { vr: "PN", Value: [{ Alphabetic: "Doe^Jane", Ideographic: "X" }] },
        "0040A043": { vr: "SQ", Value: [{ "00080104": { vr: "LO", Value: ["Finding"] } }, {}] },
        "60023000": { vr: "OW", BulkDataURI: "bulk" },
        "00291010": { vr: "OB", InlineBinary: "AAEC" },
        "00290010": { vr: "LO", Value: ["ACME"] },
    };
    const rows = tagRows(ds, names);
    it("list elements in order, sequences with their items below", () =>
        expect(rows.map((r) => `${r.depth} ${r.tag || r.name} ${r.value}`)).toEqual([
            "0 (0010,0010) Doe^Jane = X",
            "0 (0029,0010) ACME",
            "0 (0029,1010) binary, 3 bytes",
            "0 (0040,A043) 2 items",
            "1 Item 1 ",
            "1 (0008,0104) Finding",
            "1 Item 2 ",
            "0 (6002,3000) binary, kept apart",
        ]));
    it("know repeating groups and private elements", () => expect(rows.map((r) => r.name)).toEqual(expect.arrayContaining(["Overlay Data", "Private", "Private creator"])));
    it("are found by name, value or tag, with what they lie in", () => {
        expect(matchingRows(rows, "finding").map((r) => r.tag || r.name)).toEqual(["(0040,A043)", "Item 1", "(0008,0104)"]);
        expect(matchingRows(rows, "0010,0010")).toHaveLength(1);
        expect(matchingRows(rows, "  ")).toHaveLength(rows.length);
    });
    it("never show a value without end", () => expect(valueText({ vr: "DS", Value: Array.from({ length: 100_000 }, () => 1) }).length).toBeLessThan(450));
});
