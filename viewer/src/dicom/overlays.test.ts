import { expect, test } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { rangeOf, readMap, type ParametricMap } from "./parametric";
import { isocentersOf, prescribedGy, readPlan } from "./rtplan";
import { packBits } from "./seg";
import { labelsOn, segHead, type SegHead } from "./seg-planes";
import { indexAt, indexed, planeNear, planeUnder, sheafOf, type Sheaf } from "./sheaf";
import { sectionOf } from "./section";

const el = (vr: string, ...Value: unknown[]) => ({ vr, Value });
const sq = (...items: object[]) => el("SQ", ...items);

const groups = (zs: readonly number[], more: (i: number) => object = () => ({})) => ({
    "52009229": sq({ "00289110": sq({ "00280030": el("DS", 2, 1), "00180050": el("DS", 3) }), "00209116": sq({ "00200037": el("DS", 1, 0, 0, 0, 1, 0) }) }),
    "52009230": sq(...zs.map((z, i) => ({ "00209113": sq({ "00200032": el("DS", 0, 0, z) }), ...more(i) }))),
});
const image = (z: number, thickness = 1) => sectionOf({ position: [0.5, 1, z], rowDirection: [1, 0, 0], columnDirection: [0, 1, 0], rowSpacingMm: 2, columnSpacingMm: 1, sliceThicknessMm: thickness, frameOfReference: "1" }, [10, 0, 0, 10, 0, 0])!;

test("the nearest plane, within reach", () => {
    const depths = [0, 3, 6, 20];
    expect([-2, -1.5, 1.4, 1.5, 1.6, 7.4, 7.6, 13, 20, 21.5, 22].map((d) => planeNear(depths, d, 1.5))).toEqual([-1, 0, 0, 0, 1, 2, -1, -1, 3, 3, -1]);
});

test("planes that lie as they like: order, thickness, what does not fit", () => {
    const frame = (n: number, z: number, o = [1, 0, 0, 0, 1, 0]) => ({ frame: n, position: [0, 0, z], orientation: o });
    const size = { rows: 4, columns: 5, spacing: [2, 1], thicknessMm: undefined };
    const sheaf = sheafOf([frame(1, 6), frame(2, 0), frame(3, 3), frame(4, 3)], size) as Sheaf;
    expect(sheaf.planes.map((p) => [p.depthMm, p.frames])).toEqual([[0, [2]], [3, [3, 4]], [6, [1]]]);
    expect(sheaf.halfMm).toBe(1.5);
    expect(sheafOf([frame(1, 0), frame(2, 3, [1, 0, 0, 0, 0, -1])], size)).toBe("orientation");
    expect(sheafOf([{ frame: 1, position: [], orientation: [1, 0, 0, 0, 1, 0] }], size)).toBe("place");
    expect(sheafOf([frame(1, 0)], { ...size, spacing: [] })).toBe("spacing");
    expect(sheafOf([frame(1, 0), { frame: 2, position: [5, 0, 0], orientation: [1, 0, 0, 0, 1, 0] }], size)).toBe("beside");
    expect(planeUnder(sheaf, image(7.6), 1, 1)).toBe(-1);
    expect(planeUnder(sheaf, image(8, 5), 1, 1)).toBe(2);
    expect(indexAt(sheaf, [3.4, 4.9, 3.2])).toBe((1 * 4 + 2) * 5 + 3);
    expect(indexAt(sheaf, [-0.6, 0, 3])).toBe(-1);
});

test("pixels of a pane find theirs, also where the picture cuts across the planes", () => {
    const sheaf = sheafOf([0, 3, 6].map((z, i) => ({ frame: i + 1, position: [0, 0, z], orientation: [1, 0, 0, 0, 1, 0] })), { rows: 4, columns: 5, spacing: [2, 1], thicknessMm: 3 }) as Sheaf;
    /* The image's first pixel is a pixel further right and half a row lower; 10 CSS pixels a pixel of it */
    const on = indexed(sheaf, image(3), 50, 40);
    expect(on[0]).toBe((1 * 4 + 0) * 5 + 0);
    expect([on[4 * 50 + 4], on[4 * 50 + 6], on[6 * 50 + 4]]).toEqual([20, 21, 25]); /* 0.45 and 0.65 mm across, 0.9 and 1.3 down */
    expect(on[15 * 50 + 49]).toBe(-1); /* column 5 */
    expect(on[15 * 50 + 42]).toBe(20 + 10 + 4);
    /* Coronal, at y 4: rows run down from z 8 */
    const across = indexed(sheaf, sectionOf({ position: [0, 4, 7.5], rowDirection: [1, 0, 0], columnDirection: [0, 0, -1], rowSpacingMm: 1, columnSpacingMm: 1, sliceThicknessMm: 1, frameOfReference: "1" }, [1, 0, 0, 1, 0, 0])!, 5, 12);
    const planes = Array.from({ length: 12 }, (_, r) => (across[r * 5 + 2]! < 0 ? -1 : Math.floor(across[r * 5 + 2]! / 20)));
    expect(planes.slice(0, 9)).toEqual([2, 2, 2, 1, 1, 1, 0, 0, 0]);
    expect(across[2]! % 20).toBe(2 * 5 + 2);
    expect(planes.slice(10)).toEqual([-1, -1]);
});

const seg = (kind: string, bits: number, zs: readonly number[], numbers: readonly number[]): Dataset => ({
    "00620001": el("CS", kind),
    "00280010": el("US", 3),
    "00280011": el("US", 5),
    "00280008": el("IS", zs.length),
    "00280100": el("US", bits),
    "0062000E": el("US", 200),
    "00620002": sq({ "00620004": el("US", 1), "00620005": el("LO", "One"), "0062000D": el("US", 30000, 40000, 20000) }, { "00620004": el("US", 2), "00620005": el("LO", "Two") }),
    ...groups(zs, (i) => ({ "0062000A": sq({ "0062000B": el("US", numbers[i]) }) })),
}) as Dataset;
const head = (ds: Dataset): SegHead => {
    const h = segHead(ds);
    if (typeof h === "string") throw new Error(h);
    return h;
};

test("bit maps: frames begin in the middle of bytes, the later segment is on top, what is hidden is not there", () => {
    const frames = [[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].map((f) => Uint8Array.from(f));
    const h = head(seg("BINARY", 1, [3, 0, 3], [1, 1, 2]));
    const bytes = packBits(frames);
    const at = (f: number) => ({ bytes, firstBit: (f - 1) * 15 });
    expect([...labelsOn(h, 0, at, () => false)!.labels]).toEqual([...frames[1]!]);
    expect([...labelsOn(h, 1, at, () => false)!.labels].slice(0, 3)).toEqual([2, 2, 0]);
    expect([...labelsOn(h, 1, at, (n) => n === 2)!.labels]).toEqual([...frames[0]!]);
    expect(labelsOn(h, 1, (f) => (f === 3 ? undefined : at(f)), () => false)).toBeUndefined();
    expect(h.segments.map((s) => s.label)).toEqual(["One", "Two"]);
    expect(h.segments[1]!.color).toMatch(/^#[0-9a-f]{6}$/);
});

test("fractions and label maps, and what is neither", () => {
    const fractional = head(seg("FRACTIONAL", 8, [0, 0], [1, 2]));
    const shares = Uint8Array.from({ length: 30 }, (_, i) => (i < 15 ? 100 : i === 15 ? 200 : i === 16 ? 50 : 0));
    const plane = labelsOn(fractional, 0, (f) => ({ bytes: shares, firstBit: (f - 1) * 15 * 8 }), () => false)!;
    expect([...plane.labels].slice(0, 3)).toEqual([2, 1, 1]);
    expect([...plane.shares!].slice(0, 3)).toEqual([255, 128, 128]);
    const map = head(seg("LABELMAP", 16, [0], [0]));
    const wide = new Uint8Array(Uint16Array.from({ length: 15 }, (_, i) => (i === 4 ? 2 : i === 5 ? 300 : 0)).buffer);
    expect([...labelsOn(map, 0, () => ({ bytes: wide, firstBit: 0 }), () => false)!.labels].slice(4, 7)).toEqual([2, 300, 0]);
    expect(segHead(seg("BINARY", 8, [0], [1]))).toBe("kind");
    expect(segHead({ ...seg("BINARY", 1, [0], [1]), "00280008": el("IS", 10_000_000) } as Dataset)).toBe("size");
    expect(segHead({ ...seg("BINARY", 1, [0], [1]), "52009230": undefined } as Dataset)).toBe("place");
});

const mapping = (more: object) => ({ "00409096": sq({ "004008EA": sq({ "00080100": el("SH", "mm2/s"), "00080102": el("SH", "UCUM"), "00080104": el("LO", "mm2/s") }), "00283003": el("LO", "ADC"), "00409224": el("FD", 1), "00409225": el("FD", 0.5), ...more }) });
const map = (more: object, zs = [0, 3]): Dataset => ({ "00280010": el("US", 3), "00280011": el("US", 5), "00280008": el("IS", zs.length), "00280100": el("US", 16), "00280103": el("US", 0), ...groups(zs, () => mapping({ "00409216": el("US", 2), "00409211": el("US", 40) })), ...more }) as Dataset;

test("parametric maps: slope, range, units; floats and doubles; several at one place", () => {
    const words = new Uint8Array(Uint16Array.from({ length: 30 }, (_, i) => i * 2).buffer);
    const m = readMap(map({}), words) as ParametricMap;
    expect([...m.values.slice(0, 3)]).toEqual([NaN, 2, 3]);
    expect(m.values[20]).toBe(21);
    expect(m.values[21]).toBeNaN(); /* 42 is beyond the last that is mapped */
    expect([m.units[0], m.names[1], m.channels]).toEqual(["mm2/s", "ADC", 1]);
    expect(rangeOf(m, 0)).toEqual({ low: 2, high: 21 });
    const floats = new Uint8Array(Float32Array.from({ length: 30 }, (_, i) => i / 4).buffer);
    const f = readMap(map({ "7FE00008": { vr: "OF" }, "00280122": el("FL", 1) }, [3, 3]), floats) as ParametricMap;
    expect([...f.values.slice(3, 6)]).toEqual([1.375, NaN, 1.625]);
    expect([f.channels, rangeOf(f, 1)]).toEqual([2, { low: 1 + 15 / 8, high: 1 + 29 / 8 }]);
    const doubles = new Uint8Array(Float64Array.from({ length: 30 }, (_, i) => i).buffer);
    expect((readMap(map({ "7FE00009": { vr: "OD" } }), doubles) as ParametricMap).values[29]).toBe(15.5);
    const table = readMap(map({ ...groups([0], () => mapping({ "00409216": el("US", 2), "00409211": el("US", 4), "00409212": el("FD", 7, 8, 9) })), "00280008": el("IS", 1) }), words) as ParametricMap;
    expect([...table.values.slice(0, 4)]).toEqual([NaN, 7, 9, NaN]);
    for (const n of [0, 1, 59]) expect(readMap(map({}), words.subarray(0, n))).toBe("short");
});

test("a plan in words", () => {
    const point = (gantry: number, more: object = {}) => ({ "300A011E": el("DS", gantry), ...more });
    const plan = readPlan({
        "00080016": el("UI", "1.2.840.10008.5.1.4.1.1.481.5"),
        "300A0002": el("SH", "P1"),
        "300A0010": sq({ "300A0016": el("LO", "PTV"), "300A0020": el("CS", "TARGET"), "300A0026": el("DS", "50") }, { "300A0020": el("CS", "ORGAN_AT_RISK"), "300A002C": el("DS", "45") }),
        "300A0070": sq({ "300A0071": el("IS", 1), "300A0078": el("IS", 25), "300A0080": el("IS", 2), "300C0004": sq({ "300A0084": el("DS", 1.2), "300A0086": el("DS", 117.5), "300C0006": el("IS", 2) }) }),
        "300A00B0": sq(
            { "300A00C0": el("IS", 1), "300A00C2": el("LO", "AP"), "300A00C6": el("CS", "PHOTON"), "300A0111": sq(point(0, { "300A0114": el("DS", 6), "300A012C": el("DS", 1, 2, 3), "300A0120": el("DS", 10), "300A0122": el("DS", 5) }), {}) },
            { "300A00C0": el("IS", 2), "300A00C2": el("LO", "Arc"), "300A00C6": el("CS", "PHOTON"), "300A0111": sq(point(181, { "300A011F": el("CS", "CW"), "300A012C": el("DS", 1, 2, 3.05) }), point(0), point(179)) },
        ),
        "300A0180": sq({ "00185100": el("CS", "HFS"), "300A01B0": el("CS", "ISOCENTRIC") }),
    } as Dataset);
    expect(plan.beams.map((b) => [b.name, b.gantry, b.turns, b.meterset, b.doseGy])).toEqual([["AP", [0], "", undefined, undefined], ["Arc", [181, 179], "CW", 117.5, 1.2]]);
    expect([plan.beams[0]!.energy, plan.beams[0]!.collimator, plan.beams[0]!.couch, plan.beams[1]!.controlPoints]).toEqual([[6], 10, 5, 3]);
    expect(isocentersOf(plan)).toEqual([{ at: [1, 2, 3], beams: ["AP", "Arc"] }]);
    expect([prescribedGy(plan, "PLAN"), prescribedGy(plan, "FRACTION"), prescribedGy(plan, "BEAM")]).toEqual([50, 2, undefined]);
    const brachy = readPlan({
        "300A0200": el("CS", "INTRACAVITARY"),
        "300A0202": el("CS", "HDR"),
        "300A0210": sq({ "300A0212": el("IS", 1), "300A0214": el("CS", "LINE"), "300A0226": el("LO", "Ir-192"), "300A022A": el("DS", 40820) }),
        "300A0230": sq({ "300A0232": el("CS", "FLETCHER_SUIT"), "300A0280": sq({ "300A0282": el("IS", 1), "300A0286": el("DS", 63.5), "300C000E": el("IS", 1), "300A02D0": sq({}, {}) }) }),
    } as Dataset);
    expect([brachy.technique, brachy.channels]).toEqual(["INTRACAVITARY, HDR", [{ number: 1, setup: "FLETCHER_SUIT", isotope: "Ir-192", seconds: 63.5, positions: 2 }]]);
    const ion = readPlan({ "00080016": el("UI", "1.2.840.10008.5.1.4.1.1.481.8"), "300A03A2": sq({ "300A00C2": el("LO", "P"), "300A0308": el("CS", "MODULATED"), "300A00C6": el("CS", "PROTON"), "300A03A8": sq({ "300A0114": el("DS", 120), "300A011E": el("DS", 90) }, { "300A0114": el("DS", 80) }) }) } as Dataset);
    expect([ion.isIon, ion.beams[0]!.energy, ion.beams[0]!.type]).toEqual([true, [80, 120], "MODULATED"]);
    expect(readPlan({}).beams).toEqual([]);
});
