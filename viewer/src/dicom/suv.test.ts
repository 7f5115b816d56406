import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { leanMassKg, seconds, suvOf } from "./suv";

const value = (...v: (string | number | object)[]) => ({ Value: v });
const drug = { "00181074": value(370e6), "00181075": value(6586.2), "00181078": value("20260115090000") };
const pet: Dataset = {
    "00080060": value("PT"),
    "00080021": value("20260115"),
    "00080031": value("100000"),
    "00080022": value("20260115"),
    "00080032": value("100500"),
    "00100040": value("M"),
    "00101020": value(1.8),
    "00101030": value(80),
    "00280051": value("NORM", "ATTN", "DECY"),
    "00540016": value(drug),
    "00541001": value("BQML"),
    "00541102": value("START"),
};
const with_ = (more: Dataset): Dataset => ({ ...pet, ...more });
const factor = (ds: Dataset, kind: "bw" | "lbm" = "bw", all = [ds]) => {
    const s = suvOf(ds, all, kind);
    return "why" in s ? s.why : s.factor;
};
/* An hour after the injection 370 MBq of F-18 (109.77 min) are 370 × 2^(-3600/6586.2) = 253.3142 MBq: 80,000 g over that. */
const hour = 80_000 / 253.3142e6;

describe("SUV of Bq/ml", () => {
    it("is what QIBA's formula gives, by body weight", () => {
        expect(factor(pet)).toBeCloseTo(hour, 8);
        expect(suvOf(pet, [pet], "bw")).toMatchObject({ kind: "bw", ucum: "{SUVbw}g/ml" });
    });
    it("by lean body mass is smaller by the share of it", () => {
        /* 1.80 m, 80 kg: BMI 24.691; 9270 × 80 / (6680 + 216 × 24.691) = 741600 / 12013.33 = 61.7314 kg */
        expect(leanMassKg(80, 1.8, "M")).toBeCloseTo(61.7314, 3);
        /* 9270 × 60 / (8780 + 244 × 60 / 1.65²) = 556200 / 14157.41 = 39.2869 kg */
        expect(leanMassKg(60, 1.65, "F")).toBeCloseTo(39.2869, 3);
        expect(factor(pet, "lbm")).toBeCloseTo((hour * 61.7314) / 80, 8);
    });
    it("with the time of the injection alone, also over midnight", () => {
        const timed = { ...drug, "00181078": undefined, "00181072": value("090000.00") };
        expect(factor(with_({ "00540016": value(timed) }))).toBeCloseTo(hour, 8);
        const night = with_({ "00540016": value({ ...timed, "00181072": value("233000") }), "00080031": value("003000"), "00080032": value("003000") });
        expect(factor(night)).toBeCloseTo(hour, 8);
    });
    it("corrected to the injection has nothing decayed", () => expect(factor(with_({ "00541102": value("ADMIN") }))).toBeCloseTo(80_000 / 370e6, 12));
    it("of a series made later counts from the scan, not from its making", () => {
        const late = with_({ "00080031": value("180000"), "00080032": value("100000") });
        expect(factor(late)).toBeCloseTo(hour, 8);
        const ge = with_({ "00080031": value("180000"), "00090010": value("GEMS_PETD_01"), "0009100D": value("20260115100000.00") });
        expect(factor(ge)).toBeCloseTo(hour, 8);
        /* a bed at 10:20 whose average count rate is at 1350 s: 300 s long, so that this is 149.6 s into it */
        const rate = Math.LN2 / 6586.2;
        const average = Math.log((rate * 300) / (1 - Math.exp(-rate * 300))) / rate;
        expect(average).toBeCloseTo(149.6, 1);
        const bed = with_({ "00080031": value("180000"), "00080032": value("102000"), "00541300": value((1200 + average) * 1000), "00181242": value(300_000) });
        expect(factor(bed)).toBeCloseTo(hour, 8);
    });
    it("of several beds goes by the first", () => {
        const beds = [with_({ "00080032": value("102000") }), with_({ "00080032": value("100200") })];
        expect(factor(beds[0]!, "bw", beds)).toBeCloseTo(hour, 8);
    });
});

describe("SUV that the file brings", () => {
    it("in g/ml is there already", () => {
        expect(factor(with_({ "00541001": value("GML") }))).toBe(1);
        expect(factor(with_({ "00541001": value("GML") }), "lbm")).toBeCloseTo(61.7314 / 80, 5);
        expect(factor(with_({ "00541001": value("GML"), "00541006": value("BSA") }))).toBe("type");
        expect(factor(with_({ "00541001": value("GML"), "00541006": value("LBMJANMA") }), "lbm")).toBe(1);
    });
    it("by Philips' private factors", () => {
        const counts = with_({ "00541001": value("CNTS") });
        expect(factor({ ...counts, "70531000": value(0.000587) })).toBeCloseTo(0.000587, 12);
        expect(factor({ ...counts, "70531000": { vr: "UN", InlineBinary: btoa("0.000587 ") } })).toBeCloseTo(0.000587, 12);
        expect(factor({ ...counts, "70531009": value("1.5") })).toBeCloseTo(1.5 * hour, 8);
        expect(factor(counts)).toBe("units");
    });
});

describe("no SUV", () => {
    it.each<[string, Dataset]>([
        ["modality", { "00080060": value("CT") }],
        ["units", { "00541001": value("PROPCPS") }],
        ["correction", { "00280051": value("ATTN") }],
        ["correction", { "00541102": value("NONE") }],
        ["dose", { "00540016": value({ ...drug, "00181074": value(0) }) }],
        ["dose", { "00540016": undefined }],
        ["weight", { "00101030": value(0) }],
        ["times", { "00540016": value({ ...drug, "00181078": value("20260115110000") }) }],
        ["times", { "00080031": undefined, "00080032": undefined }],
    ])("without %s", (why, more) => expect(factor(with_(more))).toBe(why));
    it("by lean body mass without height or sex", () => {
        expect(factor(with_({ "00101020": undefined }), "lbm")).toBe("height");
        expect(factor(with_({ "00100040": value("O") }), "lbm")).toBe("sex");
    });
});

it("times are read with and without their parts", () => {
    expect(seconds("20260115", "10")! - seconds("20260114", "2359")!).toBe(10 * 3600 + 60);
    expect(seconds("2026.01.15", "10:00:00.25")! - seconds("20260115", "100000")!).toBe(0.25);
    expect(seconds("", "10")).toBeUndefined();
});
