import { expect, it } from "vitest";
import { Samples, type Group } from "../../dicom/waveform";
import { gutterMm, layoutsOf, niceBelow, pageOf, scalesOf, snapped, spotAt, stripAt, xOf, yOf } from "./page";

const leads = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"];
function samplesOf(labels: readonly string[], unit: string, at: (channel: number, i: number) => number, count = 5000): Samples {
    const group: Group = {
        label: "", originality: "ORIGINAL", frequency: 500, offsetS: 0, samples: count, coding: "SS", codingText: "SS 16", padding: undefined, data: undefined,
        channels: labels.map((label) => ({ label, unit, scale: 1, baseline: 0, skewS: 0, lowHz: undefined, highHz: undefined, notchHz: undefined })),
    };
    const values = Int16Array.from({ length: count * labels.length }, (_, k) => at(k % labels.length, Math.floor(k / labels.length)));
    return new Samples(group, new Uint8Array(values.buffer));
}

it("twelve leads stand in four columns that follow one another, with lead II below", () => {
    const s = samplesOf(leads, "uV", () => 0);
    expect(layoutsOf(s)).toEqual(["3x4", "6x2", "rows"]);
    const p = pageOf(s, "3x4", scalesOf(s, { mmPerMv: 10 }, 26), 250 + gutterMm, 25, 1);
    expect(p.seconds).toBe(10);
    expect(p.strips).toHaveLength(13);
    const v1 = p.strips.find((t) => t.channel === 6)!;
    expect([v1.fromS, v1.seconds, v1.x, v1.y]).toEqual([6, 2.5, gutterMm + 125, 0]);
    expect(p.strips[12]).toMatchObject({ channel: 1, fromS: 1, seconds: 10, y: 78 });
    expect(pageOf(s, "6x2", scalesOf(s, { mmPerMv: 10 }, 20), 259, 25, 0).strips).toHaveLength(12);
    expect(layoutsOf(samplesOf(leads.slice(1), "uV", () => 0))).toEqual(["rows"]);
});

it("a millivolt is as high as is said, whatever the unit; other units fill their row", () => {
    const s = samplesOf(["I"], "uV", (_, i) => (i % 100 ? 0 : 1000));
    const p = pageOf(s, "rows", scalesOf(s, { mmPerMv: 10 }, 40), 259, 50, 0);
    const strip = p.strips[0]!;
    expect(yOf(strip, 0) - yOf(strip, 1000)).toBeCloseTo(10);
    expect(xOf(p, strip, 1) - xOf(p, strip, 0)).toBeCloseTo(50);
    const pressure = samplesOf(["AO"], "mm[Hg]", (_, i) => 80 + (i % 40));
    const [scale] = scalesOf(pressure, { mmPerMv: 10 }, 40);
    expect(scale).toEqual({ mmPerUnit: 0.5, centre: 99.5 });
});

it("points of the paper are points of the curve, and back", () => {
    const s = samplesOf(["I", "II"], "mV", (c, i) => (i === 700 ? 1 + c : 0));
    const p = pageOf(s, "rows", scalesOf(s, { mmPerMv: 10 }, 40), 259, 25, 0);
    const strip = stripAt(p, 44, 60)!;
    expect(strip.channel).toBe(1);
    const spot = spotAt(p, strip, 44, 60);
    expect([xOf(p, strip, spot.s), yOf(strip, spot.value)]).toEqual([44, 60]);
    expect(snapped(p, strip, s, xOf(p, strip, 1.4) + 1, yOf(strip, 2) - 1, 2)).toEqual({ s: 1.4, value: 2 });
    const far = snapped(p, strip, s, xOf(p, strip, 1.4), yOf(strip, 1), 0.05);
    expect(far.value).toBeCloseTo(1);
    expect(stripAt(p, 2, 60)).toBeUndefined();
});

it("round numbers", () => expect([0.9, 1, 4.99, 5, 24, 0, NaN, Infinity].map(niceBelow)).toEqual([0.5, 1, 2, 5, 20, 1, 1, 1]));
