import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { hang, type Hangable, type Protocol } from "./hang";
import { fromHangingProtocol, importHangingProtocol } from "./hang-read";
import { H, vrOfTag } from "./hang-tags";
import { hangingProtocolFile, toHangingProtocol } from "./hang-write";
import { NotDicom, readPart10, writePart10 } from "./part10";

const protocol: Protocol = {
    id: "x",
    name: "Knie, üblich",
    rules: [{ attribute: "modality", equals: ["MR", "CT"], required: true, weight: 2 }],
    priors: 1,
    stages: [
        {
            name: "Vergleich",
            layout: 2,
            places: [
                { prior: 0, rules: [{ attribute: "modality", equals: ["MR"], required: true }, { attribute: "description", equals: ["T1 sag"], required: true, orAbsent: true }, { attribute: "00080008", lacks: ["LOCALIZER"], required: true }] },
                { prior: 1, rules: [{ attribute: "modality", equals: ["MR"], required: true }], preset: "4", invert: true },
            ],
            sync: [{ panes: [0, 1], scroll: "place", window: false, view: false }],
        },
        { name: "Ebenen", layout: 4, places: (["axial", "coronal", "sagittal", "3d"] as const).map((mode) => ({ prior: -1, rules: [{ attribute: "modality", equals: ["CT"], required: true }, { attribute: "plane", equals: ["axial"], required: true, orAbsent: true }], mode })) },
    ],
};
const now = new Date("2026-01-15T12:00:00Z");
const file = hangingProtocolFile(protocol, now);

/* As far as a DICOM hanging protocol has room for it. */
const back: Protocol = { ...protocol, stages: protocol.stages.map((s) => ({ ...s })) };

describe("a layout as a DICOM object", () => {
    it("comes back as it was", () => {
        const { protocol: read, notes } = importHangingProtocol(file, "x");
        expect(read).toEqual({ ...back, name: "Knie, üblich" });
        expect(notes).toEqual(["Filters choose whole series here, not single images"]);
    });
    it("has no error that dciodvfy finds", ({ skip }) => {
        const folder = mkdtempSync(join(tmpdir(), "hang-"));
        try {
            writeFileSync(join(folder, "hang.dcm"), file);
            const said = execFileSync("sh", ["-c", 'command -v dciodvfy >/dev/null || { echo absent; exit 0; }; dciodvfy "$1" 2>&1 || true', "sh", join(folder, "hang.dcm")], { encoding: "utf8" });
            if (said.startsWith("absent")) return skip();
            /* Of a filter by attribute it wants no operator, which PS3.3 §C.23.3.1.3 does */
            const errors = said.split("\n").filter((l) => l.startsWith("Error") && !/1C Conditional Element=<FilterByOperator>/.test(l));
            expect(errors).toEqual([]);
            expect(said).toContain("HangingProtocol");
        } finally {
            rmSync(folder, { recursive: true });
        }
    });
});

/* One as the standard's examples have them: CT of the head now and before, a reformatted view, filters, what has no place here. */
const el = (vr: string, ...Value: unknown[]) => ({ vr, Value });
const selector = (tag: string, value: string, flag = "NO_MATCH"): Dataset => ({ [H.UsageFlag]: el("CS", flag), [H.SelectorAttribute]: el("AT", tag), [H.SelectorVr]: el("CS", "CS"), [H.CS]: el("CS", value) });
const box = (left: number, top: number, type = "STACK"): Dataset => ({ [H.Position]: el("FD", left, top, left + 0.3, top - 0.3), [H.LayoutType]: el("CS", type) });
const display = (number: number, set: number, group: number, boxes: Dataset[], more: Dataset = {}): Dataset => ({ [H.DisplaySetNumber]: el("US", number), [H.ImageSetNumber]: el("US", set), [H.Group]: el("US", group), [H.ImageBoxes]: el("SQ", ...boxes), ...more });
const head: Dataset = {
    [H.SOPClassUID]: el("UI", "1.2.840.10008.5.1.4.38.1"),
    [H.Name]: el("SH", "Neuro"),
    [H.Definition]: el("SQ", { [H.Modality]: el("CS", "CT"), [H.AnatomicRegion]: el("SQ", { [H.CodeValue]: el("SH", "69536005"), [H.CodingSchemeDesignator]: el("SH", "SCT"), [H.CodeMeaning]: el("LO", "Head") }), [H.Reason]: el("SQ", { [H.CodeValue]: el("SH", "I67.1"), [H.CodingSchemeDesignator]: el("SH", "I10"), [H.CodeMeaning]: el("LO", "Cerebral aneurysm") }) }),
    [H.Priors]: el("US", 1),
    [H.ImageSets]: el("SQ", {
        [H.Selectors]: el("SQ", selector("00180015", "HEAD", "MATCH"), selector("00080060", "CT")),
        [H.TimeBased]: el("SQ",
            { [H.ImageSetNumber]: el("US", 1), [H.SelectorCategory]: el("CS", "RELATIVE_TIME"), [H.RelativeTime]: el("US", 0, 0), [H.RelativeTimeUnits]: el("CS", "MINUTES") },
            { [H.ImageSetNumber]: el("US", 2), [H.SelectorCategory]: el("CS", "ABSTRACT_PRIOR"), [H.AbstractPrior]: el("SS", 1, 1) },
            { [H.ImageSetNumber]: el("US", 3), [H.SelectorCategory]: el("CS", "RELATIVE_TIME"), [H.RelativeTime]: el("US", 6, 12), [H.RelativeTimeUnits]: el("CS", "MONTHS") },
        ),
    }),
    [H.Screens]: el("US", 2),
    [H.DisplaySets]: el("SQ",
        display(1, 2, 1, [box(0.5, 1)], { [H.VoiType]: el("CS", "BRAIN") }),
        display(2, 1, 1, [box(0, 1)], { [H.VoiType]: el("CS", "BRAIN"), [H.Filters]: el("SQ", { [H.FilterCategory]: el("CS", "IMAGE_PLANE"), [H.SelectorVr]: el("CS", "CS"), [H.CS]: el("CS", "TRANSVERSE"), [H.FilterOperator]: el("CS", "MEMBER_OF") }) }),
        ...[3, 4, 5, 6, 7].map((n) => display(n, 3, 2, [box(0, 1 - n / 10)], n === 3 ? { [H.Reformatting]: el("CS", "MPR"), [H.ViewDirection]: el("CS", "CORONAL"), [H.GroupDescription]: el("LO", "Later") } : {})),
    ),
    [H.Scrolling]: el("SQ", { [H.ScrollingGroup]: el("US", 1, 2) }),
    [H.Navigation]: el("SQ", {}),
};

describe("a hanging protocol object", () => {
    const { protocol: p, notes } = fromHangingProtocol(head, "id");
    const series = (uid: string, more: Partial<Hangable>): Hangable => ({ uid, study: "", modality: "CT", description: "", bodyPart: "", studyDescription: "", images: 1, laterality: "", view: "", ...more });
    it("hangs what it asks for, in the order of its boxes", () => {
        const [now, prior, old] = [[series("mr", { modality: "MR" }), series("ct", { bodyPart: "HEAD" })], [series("knee", { bodyPart: "KNEE" }), series("before", {})], [series("old", { ageDays: 200 })]];
        expect(p.stages.map((s) => [s.name, s.layout])).toEqual([["Stage 1", 2], ["Later 1", 4], ["Later 2", 1]]);
        expect(hang(p.stages[0]!, [now, prior, old])).toEqual(["ct", "before"]);
        expect(hang(p.stages[1]!, [now, prior, old])[0]).toBe("old");
        expect(p.stages[0]).toMatchObject({ places: [{ preset: "5" }, { preset: "5" }], sync: [{ panes: [0, 1], scroll: "place" }] });
        expect(p.stages[1]!.places[0]).toMatchObject({ mode: "coronal", age: [182, 366] });
        expect(p).toMatchObject({ name: "Neuro", priors: 1, rules: [{ attribute: "modality", equals: ["CT"], required: true }, { attribute: "region", equals: ["head"] }] });
    });
    it("says in words what has no place here", () => {
        for (const words of ["Cerebral aneurysm", "2 screens", "Later: 5 panes", "reference lines", "whole series"]) expect(notes.join("\n")).toContain(words);
    });
    it("that shows nothing is refused", () => expect(() => fromHangingProtocol({ ...head, [H.DisplaySets]: el("SQ") }, "id")).toThrow("shows nothing"));
});

describe("a file", () => {
    it("cut anywhere is refused, or has less in it; never anything else", () => {
        for (let n = 0; n < file.length; n += n > 128 && n < 500 ? 1 : 23)
            try {
                readPart10(file.subarray(0, n), vrOfTag);
            } catch (e) {
                expect(e).toBeInstanceOf(NotDicom);
            }
    });
    it("with any byte turned over does not end in anything but a refusal", () => {
        let refused = 0;
        for (let n = 128; n < file.length; n += 17) {
            const bad = file.slice();
            bad[n]! ^= 0xff;
            try {
                importHangingProtocol(bad, "x");
            } catch (e) {
                expect((e as Error).message).toMatch(/hanging protocol/);
                refused++;
            }
        }
        expect(refused).toBeGreaterThan(20);
    });
    it("nested without end, or full of elements, is refused", () => {
        let deep: Dataset = {};
        for (let i = 0; i < 40; i++) deep = { [H.Definition]: el("SQ", deep) };
        expect(() => readPart10(writePart10({ ...deep, [H.SOPClassUID]: el("UI", "1") }, "2.25.1"), vrOfTag)).toThrow("too deep");
        const many = { [H.Definition]: el("SQ", ...Array.from({ length: 25_000 }, () => ({ [H.Modality]: el("CS", "CT") }))) };
        expect(() => readPart10(writePart10(many, "2.25.1"), vrOfTag)).toThrow("too many");
    });
    it("of another class, or in implicit VR, is told apart", () => {
        expect(() => importHangingProtocol(writePart10({ [H.SOPClassUID]: el("UI", "1.2.3") }, "2.25.1"), "x")).toThrow("no hanging protocol");
        expect(() => importHangingProtocol(new Uint8Array(300), "x")).toThrow("no DICOM file");
        const implicit = Uint8Array.from([...writePart10({}, "2.25.1"), ...[8, 0, 0x60, 0, 2, 0, 0, 0, 0x4d, 0x52], ...[0x72, 0, 0x14, 0, 2, 0, 0, 0, 3, 0], ...[0x72, 0, 0x0c, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff, 8, 0, 0x60, 0, 2, 0, 0, 0, 0x43, 0x54, 0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]]);
        const said = "1.2.840.10008.1.2.1";
        const at = Buffer.from(implicit).indexOf(said);
        implicit[at + said.length - 2] = 0; /* 1.2.840.10008.1.2 */
        implicit[at + said.length - 1] = 0;
        expect(readPart10(implicit, vrOfTag)).toEqual({ "00080060": el("CS", "MR"), [H.Priors]: el("US", 3), [H.Definition]: el("SQ", { "00080060": el("CS", "CT") }) });
    });
});

describe("an object of the standard's", () => {
    it("is written with every type 1 attribute of its definition", () => {
        const ds = toHangingProtocol(protocol, now);
        for (const k of ["Name", "Description", "Level", "Creator", "Created", "Definition", "Priors", "ImageSets", "DisplaySets"] as const) expect(ds[H[k]]?.Value?.length, k).toBeGreaterThan(0);
        expect(ds[H.UserIdentification]).toEqual({ vr: "SQ" });
    });
});
