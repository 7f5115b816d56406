import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { frameCount, frameInfo, isImage } from "./frame";
import { edgeLetters } from "./orientation";
import { centreOut, LoadQueue } from "./queue";

const ref = { study: "1", series: "2", instance: "3", frame: 1 };
const ct: Dataset = {
    "00080060": { vr: "CS", Value: ["CT"] },
    "00280010": { vr: "US", Value: [512] },
    "00280011": { vr: "US", Value: [512] },
    "00280100": { vr: "US", Value: [16] },
    "00280101": { vr: "US", Value: [12] },
    "00280030": { vr: "DS", Value: [0.7, 0.8] },
    "00281050": { vr: "DS", Value: [40, "50"] },
    "00281051": { vr: "DS", Value: [400, 0] },
    "00281052": { vr: "DS", Value: ["-1024"] },
};

describe("a frame", () => {
    it("reads what it needs and fills in the rest", () => {
        const f = frameInfo(ref, ct);
        expect(f).toMatchObject({ rows: 512, bitsStored: 12, highBit: 11, slope: 1, intercept: -1024, samples: 1, photometric: "MONOCHROME2", signed: false });
        expect(f).toMatchObject({ rowSpacingMm: 0.7, columnSpacingMm: 0.8, calibrated: true });
        expect(f.windows).toEqual([{ center: 40, width: 400, name: "" }]); /* a width of 0 is no window */
    });
    it("prefers per-frame groups to shared ones, and those to the top", () => {
        const mf: Dataset = {
            ...ct,
            "00280008": { vr: "IS", Value: [2] },
            "52009229": { vr: "SQ", Value: [{ "00289110": { vr: "SQ", Value: [{ "00280030": { vr: "DS", Value: [2, 2] }, "00180050": { vr: "DS", Value: [5] } }] } }] },
            "52009230": {
                vr: "SQ",
                Value: [1, 2].map((n) => ({ "00209113": { vr: "SQ", Value: [{ "00200032": { vr: "DS", Value: [0, 0, n] } }] } })),
            },
        };
        expect(frameCount(mf)).toBe(2);
        expect(frameInfo({ ...ref, frame: 2 }, mf)).toMatchObject({ rowSpacingMm: 2, sliceThicknessMm: 5, position: [0, 0, 2], intercept: -1024 });
    });
    it("keeps the shape of pixels without a size", () => {
        const { "00280030": _, ...bare } = ct;
        expect(frameInfo(ref, { ...bare, "00280034": { vr: "IS", Value: [2, 1] } })).toMatchObject({ rowSpacingMm: 2, columnSpacingMm: 1, calibrated: false });
        expect(frameInfo(ref, bare)).toMatchObject({ rowSpacingMm: 1, columnSpacingMm: 1, calibrated: false });
    });
    it.each([
        ["a tomogram", {}, 0.7, "calibrated"],
        ["a projection that says no more", { "00080060": { Value: ["CR"] } }, 0.7, "imager"],
        ["one of the same spacing at the detector", { "00181164": { Value: [0.7, 0.8] } }, 0.7, "imager"],
        ["one whose spacing was corrected", { "00181164": { Value: [1.4, 1.6] } }, 0.7, "calibrated"],
        ["one that says how it was calibrated", { "00080060": { Value: ["DX"] }, "00280A02": { Value: ["FIDUCIAL"] } }, 0.7, "calibrated"],
        ["one of known magnification", { "00280030": undefined, "00181164": { Value: [1.4, 1.6] }, "00181114": { Value: [2] } }, 0.7, "estimated"],
        ["a scanned film", { "00280030": undefined, "00182010": { Value: [0.7, 0.8] } }, 0.7, "imager"],
        ["none at all", { "00280030": undefined }, 1, "none"],
    ])("knows what the spacing of %s is worth", (_, more, rowSpacingMm, spacingSource) =>
        expect(frameInfo(ref, { ...ct, ...more } as Dataset)).toMatchObject({ rowSpacingMm, spacingSource, calibrated: spacingSource !== "none" }));
    it("survives nonsense", () => {
        expect(frameInfo(ref, {})).toMatchObject({ rows: 0, windows: [], palette: undefined });
        expect(isImage({})).toBe(false);
        expect(isImage({ ...ct, "00083002": { vr: "UI", Value: ["1.2.840.10008.1.2.4.102"] } })).toBe(false);
        expect(isImage(ct)).toBe(true);
    });
});

describe("the sides of the patient", () => {
    it("axial, seen from the feet", () => expect(edgeLetters([0, -1, 0], [0, 0, -1])).toEqual({ top: "A", right: "L", bottom: "P", left: "R" }));
    it("coronal", () => expect(edgeLetters([0, 0, 1], [0, -1, 0])).toEqual({ top: "H", right: "L", bottom: "F", left: "R" }));
    it("oblique, the larger part first", () => expect(edgeLetters([0.6, -0.8, 0], [0, 0, -1])?.top).toBe("AL"));
});

describe("what is loaded next", () => {
    it("lies around the centre", () => {
        expect(centreOut(2, 6, 99)).toEqual([2, 3, 1, 4, 0, 5]);
        expect(centreOut(0, 5, 3)).toEqual([0, 1, 2]);
        expect(centreOut(0, 1, 9)).toEqual([0]);
    });
    it("starts in order, few at a time, and aborts what is no longer wanted", async () => {
        const queue = new LoadQueue(2);
        const log: string[] = [];
        const task = (key: string) => ({
            key,
            run: (signal: AbortSignal) => {
                log.push(`start ${key}`);
                return new Promise<void>((_, fail) => signal.addEventListener("abort", () => (log.push(`stop ${key}`), fail(new Error("aborted")))));
            },
        });
        queue.replace(["a", "b", "c"].map(task));
        expect(log).toEqual(["start a", "start b"]);
        queue.replace(["b", "d"].map(task));
        await new Promise((done) => setTimeout(done));
        expect(log).toEqual(["start a", "start b", "stop a", "start d"]);
    });
    it("waits while something urgent is under way", async () => {
        const queue = new LoadQueue(1);
        let ran = 0;
        const release = queue.hold();
        queue.replace([{ key: "a", run: () => Promise.resolve(ran++) }]);
        expect(ran).toBe(0);
        release();
        release();
        expect(ran).toBe(1);
    });
});
