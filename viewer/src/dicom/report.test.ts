import { describe, expect, it } from "vitest";
import { items, text, type Dataset } from "../dicomweb/json";
import { codeOf, dataset, placesOf, tagOf } from "./dataset";
import type { Measurement } from "./measurement";
import { composed, followed, lacks, linkWords, reportOf, uncomposed, usedLinks, withLink, type Report } from "./report";
import { listed, readWritten } from "./report-read";
import { basicTextSr, comprehensiveSr, encapsulatedPdf, personName, writtenReport, type DocumentOrigin } from "./report-write";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const [study, series] = ["1.2.3", "1.2.3.4"];
const image = (instance: string) => dataset({ SOPClassUID: ct, SOPInstanceUID: instance, StudyInstanceUID: study, SeriesInstanceUID: series, PatientName: "Ä^B", PatientID: "7", Modality: "CT" });
const sources = [image("1.1"), image("1.2")];
const places = placesOf(sources);
const on = (instance: string) => ({ study, series, instance, sopClass: ct, frame: 1 });
const common = { spacing: "calibrated", color: "#f4c542", locked: false, hidden: false, created: "1970-01-01T00:00:00.000Z" } as const;
const lesion: Measurement = { ...common, uid: "2.25.1", kind: "bidirectional", label: "Läsion", on: on("1.1"), points: [[1, 2], [41, 2], [20, 1], [20, 11]], quantities: [{ name: "length", value: 40.00000000000001, unit: "mm" }, { name: "shortAxis", value: 10, unit: "mm" }] };
const ring: Measurement = { ...common, uid: "2.25.2", kind: "ellipse", label: "", on: on("1.2"), points: [[20, 40], [60, 40], [40, 30], [40, 50]], quantities: [{ name: "area", value: 157.07963267948966, unit: "mm2" }, { name: "mean", value: 45.2, unit: "[hnsf'U]" }, { name: "sd", value: 3, unit: "[hnsf'U]" }] };
const key: Measurement = { ...common, uid: "2.25.3", kind: "keyImage", label: "Best", on: on("1.2"), quantities: [] };
const links = [lesion, ring, key].map((mark, i) => ({ number: i + 1, mark, gone: false }));

const report: Report = {
    title: "25045-6",
    sections: [
        { heading: "18785-6", text: "Cough <b>" },
        { heading: "18834-2", text: "" },
        { heading: "59776-5", text: "A lesion of [1], liver [2].\nSee [3], and Ref. [9]." },
        { heading: "19005-8", text: "Lesion [1]" },
    ],
    links,
    amends: false,
};
const date = new Date("2026-02-03T04:05:06Z");
const origin: DocumentOrigin = { date, seriesNumber: 9001, seriesDescription: "CT Report", language: "de", author: { name: "Doe, Jane", organization: "Clinic\\A" }, isSigned: true, isComplete: true };

const content = (ds: Dataset | undefined) => items(ds, tagOf("ContentSequence"));
const all = (ds: Dataset): Dataset[] => content(ds).flatMap((c) => [c, ...all(c)]);
const ofType = (ds: Dataset, type: string) => all(ds).filter((c) => text(c, tagOf("ValueType")) === type);
const through = (ds: Dataset) => JSON.parse(JSON.stringify(ds)) as Dataset;

describe("the text of a report", () => {
    it("tells the value in its place, and finds the place again", () => {
        const said = composed(report.sections[2]!.text, links);
        expect(said).toBe("A lesion of 40.0 × 10.0 mm [1], liver 157.1 mm², 45.2 ± 3.00 HU [2].\nSee [3], and Ref. [9].");
        expect(uncomposed(said, links)).toBe(report.sections[2]!.text);
    });
    it("says pixels where there are no millimetres", () => expect(linkWords({ ...lesion, kind: "length", quantities: [{ name: "length", value: 7, unit: "{pixels}" }] })).toBe("7.00 px"));
    it("follows the marks: changed, deleted, and back; what was never loaded is not called deleted", () => {
        const longer = { ...lesion, quantities: [{ name: "length", value: 50, unit: "mm" }] } as const;
        const known = new Set([lesion.uid]);
        const now = followed(report, [longer], known);
        expect(composed("[1]", now.links)).toBe("50.0 mm [1]");
        const without = followed(now, [], known);
        expect(without.links.map((l) => l.gone)).toEqual([true, false, false]);
        expect(lacks(without, false)).toEqual([{ is: "gone", link: without.links[0] }]);
        expect(followed(without, [longer], known).links[0]!.gone).toBe(false);
        expect(followed(report, [lesion, ring, key], known)).toBe(report);
    });
    it("gives a mark one number, which is not one that is written in it", () => {
        const few = { ...report, links: links.slice(0, 1) };
        expect(withLink(few, lesion)).toEqual({ report: few, number: 1 });
        expect(withLink(few, ring)!.number).toBe(4); /* 2 and 3 stand in brackets in the text */
        expect(usedLinks(withLink({ ...few, sections: [] }, ring)!.report)).toEqual([]);
    });
    it("needs findings and an impression to be signed", () => {
        expect(lacks(report, true)).toEqual([]);
        expect(lacks({ ...report, sections: report.sections.slice(0, 3) }, true)).toEqual([{ is: "empty", heading: "19005-8" }]);
        expect(lacks({ ...report, sections: [{ heading: "19005-8", text: "  \n" }, { heading: "59776-5", text: "Lungs: \nPleura:" }] }, true)).toEqual(["59776-5", "19005-8"].map((heading) => ({ is: "empty", heading })));
    });
    it("comes back from a draft as it was, and nonsense does not", () => {
        expect(reportOf(JSON.parse(JSON.stringify(report)))).toEqual(report);
        for (const v of [null, 5, [], {}, { sections: 3 }]) expect(reportOf(v)).toBeUndefined();
        expect(reportOf({ sections: [null, { heading: "x", text: "" }, { heading: "59776-5", text: 5 }], links: [null, { number: 1 }, { number: -1, mark: lesion }, { number: 1, mark: { ...lesion, on: 5 } }], follows: { study: "x y" }, amends: true })).toEqual({ title: "11528-7", sections: [], links: [], amends: false });
    });
});

describe("a stored report", () => {
    const written = through(writtenReport(report, sources, origin));
    it("is a Comprehensive SR with the numbers, their units, drawings and images", () => {
        expect(text(written, "00080016")).toBe(comprehensiveSr);
        const numbers = ofType(written, "NUM").map((n) => {
            const measured = items(n, tagOf("MeasuredValueSequence"))[0]!;
            return [codeOf(items(n, tagOf("ConceptNameCodeSequence"))[0])!.meaning, measured[tagOf("FloatingPointValue")]!.Value![0], codeOf(items(measured, tagOf("MeasurementUnitsCodeSequence"))[0])!.value];
        });
        expect(numbers.slice(0, 5)).toEqual([["Long axis", 40.00000000000001, "mm"], ["Short axis", 10, "mm"], ["Area", 157.07963267948966, "mm2"], ["Attenuation Coefficient", 45.2, "[hnsf'U]"], ["Attenuation Coefficient", 3, "[hnsf'U]"]]);
        expect(ofType(written, "SCOORD").length).toBeGreaterThan(4);
        expect(content(written).filter((c) => text(c, tagOf("ValueType")) === "CONTAINER").map((c) => codeOf(items(c, tagOf("ConceptNameCodeSequence"))[0])!.meaning)).toEqual(["Indications for Procedure", "Findings", "Impressions"]);
        const evidence = items(written, tagOf("CurrentRequestedProcedureEvidenceSequence"));
        expect(JSON.stringify(evidence)).toContain('"1.1"');
        expect(JSON.stringify(evidence)).toContain('"1.2"');
    });
    it("says who has verified it, and what it is in", () => {
        expect([text(written, tagOf("CompletionFlag")), text(written, tagOf("VerificationFlag"))]).toEqual(["COMPLETE", "VERIFIED"]);
        const [verifier] = items(written, tagOf("VerifyingObserverSequence"));
        expect(verifier![tagOf("VerifyingObserverName")]!.Value).toEqual([{ Alphabetic: "Doe^Jane" }]);
        expect([text(verifier, tagOf("VerifyingOrganization")), text(verifier, tagOf("VerificationDateTime"))]).toEqual(["Clinic A", "20260203040506+0000"]);
        expect(JSON.stringify(written)).toContain('"de"');
    });
    it("is read again as it was written, and followed", () => {
        const again = readWritten(written, places);
        expect(again.sections).toEqual(report.sections.filter((s) => s.text !== ""));
        expect(again.links.slice(0, 2)).toEqual(links.slice(0, 2));
        expect(again.links[2]!.mark).toMatchObject({ kind: "keyImage", label: "Best", on: on("1.2") });
        expect([again.title, again.amends, again.follows?.instance]).toEqual(["25045-6", true, text(written, "00080018")]);
        const amendment = through(writtenReport({ ...again, sections: [...again.sections, { heading: "55107-7", text: "Later" }] }, sources, { ...origin, follows: again.follows }));
        expect(listed(amendment)).toMatchObject({ replaces: [text(written, "00080018")], isOurs: true, isVerified: true, verifiedBy: "Doe, Jane, Clinic A" });
        expect(text(amendment, "00080018")).not.toBe(text(written, "00080018"));
    });
    it("is Basic Text while there is no number in it, and preliminary while nobody has signed", () => {
        const plain: Report = { ...report, sections: [{ heading: "59776-5", text: "See [3]" }] };
        const first = through(writtenReport(plain, sources, { ...origin, isSigned: false, isComplete: false, author: undefined }));
        expect(text(first, "00080016")).toBe(basicTextSr);
        expect([text(first, tagOf("CompletionFlag")), text(first, tagOf("VerificationFlag")), text(first, tagOf("PreliminaryFlag"))]).toEqual(["PARTIAL", "UNVERIFIED", "PRELIMINARY"]);
        expect(first[tagOf("VerifyingObserverSequence")]).toBeUndefined();
        expect([ofType(first, "NUM").length, ofType(first, "IMAGE").length]).toEqual([0, 1]);
        expect(readWritten(first, places)).toMatchObject({ amends: false, sections: plain.sections });
    });
    it("is not written empty", () => expect(() => writtenReport({ ...report, sections: [{ heading: "59776-5", text: " " }] }, sources, origin)).toThrow(RangeError));
    it("is listed only where it is a report, and taken up only where it is ours", () => {
        expect(listed(image("1.1"))).toBeUndefined();
        const foreign = { ...written, [tagOf("ManufacturerModelName")]: { vr: "LO", Value: ["Other"] } };
        expect(listed(foreign)).toMatchObject({ isOurs: false, title: "CT Report" });
        expect(() => readWritten(foreign, places)).toThrow(RangeError);
        for (const broken of [{ ...written, "0040A730": { vr: "SQ", Value: [5, null, {}] } }, { ...written, "0040A043": undefined }]) expect(() => listed(through(broken as Dataset))).not.toThrow();
    });
    it("is wrapped as a PDF that names it", () => {
        const { object, bulk } = encapsulatedPdf(written, Uint8Array.of(37, 80, 68, 70, 45), origin);
        expect(bulk[0]!.bytes).toHaveLength(5);
        expect(object[tagOf("EncapsulatedDocument")]).toEqual({ vr: "OB", BulkDataURI: bulk[0]!.location });
        expect(text(items(object, tagOf("SourceInstanceSequence"))[0], tagOf("ReferencedSOPInstanceUID"))).toBe(text(written, "00080018"));
        expect(listed(through(object))).toMatchObject({ isPdf: true, isOurs: false, isVerified: true, madeOf: [text(written, "00080018")] });
    });
});

it("takes names as they are typed", () => {
    expect(["Doe, Jane", "Doe^Jane^^Dr", "Doe", "Doe\\,=Jane", " , "].map(personName)).toEqual(["Doe^Jane", "Doe^Jane^^Dr", "Doe", "Doe^Jane", ""]);
});
