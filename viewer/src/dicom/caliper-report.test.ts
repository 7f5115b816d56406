import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { caliperReport, readCalipers, type SavedCaliper } from "./caliper-report";
import { dataset } from "./dataset";
import { groupsOf } from "./waveform";

/* Two groups: one of a channel, one of two at 250 Hz, its second channel 2 ms late, 1.5 s after the start. */
const wave: Dataset = {
    ...dataset({ StudyInstanceUID: "1.2", SeriesInstanceUID: "1.2.3", SOPInstanceUID: "1.2.3.4", SOPClassUID: "1.2.840.10008.5.1.4.1.1.9.1.1" }),
    "54000100": { vr: "SQ", Value: [group(500, [{}]), { ...group(250, [{}, { "003A0214": { vr: "DS", Value: [0.002] } }]), "00181068": { vr: "DS", Value: [1500] } }] },
};
function group(hz: number, channels: Dataset[]): Dataset {
    return {
        "003A0005": { vr: "US", Value: [channels.length] }, "003A0010": { vr: "UL", Value: [1000] }, "003A001A": { vr: "DS", Value: [hz] },
        "54001006": { vr: "CS", Value: ["SS"] }, "54001004": { vr: "US", Value: [16] }, "003A0200": { vr: "SQ", Value: channels },
    };
}
const groups = groupsOf(wave);
const origin = { date: new Date("2026-01-15T10:15:00Z"), seriesNumber: 7, seriesDescription: "Calipers" };
const calipers: SavedCaliper[] = [
    { uid: "2.25.1", group: 0, channel: 0, ends: [{ s: 0.2, value: -0.125 }, { s: 1.034, value: 1.5 }] },
    { uid: "2.25.2", group: 1, channel: 1, ends: [{ s: 0.406, value: 2 }, { s: 0.102, value: 0.5 }] }, /* drawn backwards */
    { uid: "2.25.3", group: 1, channel: 0, ends: [{ s: 0.1015, value: 0.25 }, { s: 0.5, value: 0.25 }] }, /* beside the samples */
];
const all = (ds: Dataset, tag: string): unknown[] =>
    Object.entries(ds).flatMap(([t, e]) => (t === tag ? [e?.Value] : e?.vr === "SQ" ? ((e.Value ?? []) as Dataset[]).flatMap((d) => all(d, tag)) : []));

describe("calipers in a report", () => {
    const report = caliperReport(calipers, wave, groups, origin);
    it("come back as they were", () => {
        const back = readCalipers(JSON.parse(JSON.stringify(report)) as Dataset, "1.2.3.4", groups);
        expect(back.map((c) => [c.uid, c.group, c.channel])).toEqual(calipers.map((c) => [c.uid, c.group, c.channel]));
        back.forEach((c, k) => c.ends.forEach((e, i) => {
            expect(e.s).toBeCloseTo(calipers[k]!.ends[i as 0 | 1].s, 9);
            expect(e.value).toBe(calipers[k]!.ends[i as 0 | 1].value);
        }));
    });
    it("tell where they are by samples from 1, else by seconds from the start of the acquisition", () => {
        expect(all(report, "0040A132")).toEqual([[101, 518], [101, 518], [26, 102], [26, 102]]);
        expect(all(report, "0040A138")).toEqual([["1.6015", "2"], ["1.6015", "2"]]);
        expect(all(report, "0040A0B0")).toEqual([[1, 1], [1, 1], [2, 2], [2, 2], [2, 1], [2, 1]]);
        expect(all(report, "0040A161").map((v) => Number((v as number[])[0]!.toFixed(6)))).toEqual([834, 1.625, -0.125, 1.5, 304, -1.5, 0.5, 2, 398.5, 0, 0.25, 0.25]);
    });
    it("belong to their waveform alone, and none is no report", () => {
        expect(readCalipers(report, "1.2.3.5", groups)).toEqual([]);
        expect(readCalipers(report, "1.2.3.4", [undefined, undefined])).toEqual([]);
        expect(readCalipers({}, "1.2.3.4", groups)).toEqual([]);
        expect(() => caliperReport([], wave, groups, origin)).toThrow(RangeError);
    });
});
