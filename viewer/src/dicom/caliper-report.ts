/** Calipers on a waveform as a TID 1500 report and back: each a measurement group with its time and its difference, inferred
 *  from temporal coordinates on a channel.   PS3.3 §C.18.7, PS3.16 TID 1501, TID 321 */

import { items, numbers, text, type Dataset } from "../dicomweb/json";
import { dataset, tagOf } from "./dataset";
import type { FrameKey } from "./measurement";
import { Concept } from "./sr-codes";
import { about, childrenOf, measuredOf, measurementGroups } from "./sr-tree";
import { container, contentItem, numberContent, reportOf, textContent, uidContent, type ReportOrigin } from "./sr-write";
import type { Group } from "./waveform";

/** Of a time in s from the first sample of the group. Without a value it is that of the curve. */
interface End {
    s: number;
    value: number | undefined;
}

export interface SavedCaliper {
    uid: string;
    group: number; /* from 0 */
    channel: number; /* from 0 */
    ends: readonly [End, End];
}

type Groups = readonly (Group | undefined)[];

/* Where it is in time: by samples if both ends lie on one, else by seconds. */
function timesOf(c: SavedCaliper, g: Group, [from, to]: readonly [End, End]): Parameters<typeof dataset>[0] {
    const skew = g.channels[c.channel]?.skewS ?? 0;
    const at = [from, to].map((e) => (e.s - skew) * g.frequency);
    const onSamples = at.every((i) => Math.abs(i - Math.round(i)) < 1e-4 && i > -0.5);
    return onSamples ? { ReferencedSamplePositions: at.map((i) => Math.round(i) + 1) } : { ReferencedTimeOffsets: [from, to].map((e) => e.s + g.offsetS) };
}

function groupContent(c: SavedCaliper, g: Group, key: FrameKey): Dataset {
    const unit = g.channels[c.channel]?.unit ?? "";
    const [a, b] = c.ends;
    const [from, to] = a.s <= b.s ? [a, b] : [b, a];
    const wave = contentItem("SELECTED FROM", "WAVEFORM", undefined, {
        ReferencedSOPSequence: [dataset({ ReferencedSOPClassUID: key.sopClass, ReferencedSOPInstanceUID: key.instance, ReferencedWaveformChannels: [c.group + 1, c.channel + 1] })],
    });
    const where = (): Dataset => contentItem("INFERRED FROM", "TCOORD", Concept.source, { TemporalRangeType: "SEGMENT", ...timesOf(c, g, [from, to]) }, [wave]);
    const values = [a.value, b.value].every((v) => v !== undefined && Number.isFinite(v));
    return container(Concept.group, 1501, [
        textContent("HAS OBS CONTEXT", Concept.trackingId, `Caliper ${g.channels[c.channel]?.label ?? ""}`.trim()),
        uidContent("HAS OBS CONTEXT", Concept.trackingUid, c.uid),
        numberContent("CONTAINS", Concept.duration, Math.abs(b.s - a.s) * 1000, "ms", [where()]),
        ...(values
            ? [
                  numberContent("CONTAINS", Concept.difference, b.value! - a.value!, unit, [where()]),
                  numberContent("CONTAINS", Concept.earlier, from.value!, unit, []),
                  numberContent("CONTAINS", Concept.later, to.value!, unit, []),
              ]
            : []),
    ]);
}

/** The report of calipers on a waveform. Throws RangeError when there are none. */
export function caliperReport(calipers: readonly SavedCaliper[], wave: Dataset, groups: Groups, origin: ReportOrigin): Dataset {
    const key: FrameKey = { study: text(wave, "0020000D"), series: text(wave, "0020000E"), instance: text(wave, "00080018"), sopClass: text(wave, "00080016"), frame: 1 };
    const written = calipers.flatMap((c) => (groups[c.group] ? [groupContent(c, groups[c.group]!, key)] : []));
    if (written.length === 0) throw new RangeError("there is no caliper to write");
    return reportOf(wave, [key], [], written, origin);
}

/* The first segment of time on the waveform that the numbers of a group were inferred from. */
function segmentOf(list: readonly Dataset[], instance: string, groups: Groups): { group: number; channel: number; s: [number, number] } | undefined {
    for (const tcoord of list.flatMap(childrenOf).filter((item) => text(item, tagOf("ValueType")) === "TCOORD")) {
        const on = childrenOf(tcoord).flatMap((w) => items(w, tagOf("ReferencedSOPSequence"))).find((r) => text(r, tagOf("ReferencedSOPInstanceUID")) === instance);
        const [g, c] = numbers(on, tagOf("ReferencedWaveformChannels"));
        const group = groups[(g ?? 0) - 1];
        const channel = group?.channels[(c ?? 0) - 1];
        if (!group || !channel || text(tcoord, tagOf("TemporalRangeType")) !== "SEGMENT") continue;
        const samples = numbers(tcoord, tagOf("ReferencedSamplePositions"));
        const [from, to] = samples.length > 0 ? samples.map((p) => (p - 1) / group.frequency + channel.skewS) : numbers(tcoord, tagOf("ReferencedTimeOffsets")).map((s) => s - group.offsetS);
        if (from !== undefined && to !== undefined && Number.isFinite(from) && Number.isFinite(to)) return { group: g! - 1, channel: c! - 1, s: [from, to] };
    }
    return undefined;
}

/** The calipers of a report that lie on this waveform: of ours, and of whoever measures times by temporal coordinates. */
export function readCalipers(report: Dataset, instance: string, groups: Groups): SavedCaliper[] {
    return measurementGroups(report).flatMap((group): SavedCaliper[] => {
        const list = childrenOf(group);
        const at = segmentOf(list, instance, groups);
        if (!at) return [];
        const [earlier, later, difference] = [Concept.earlier, Concept.later, Concept.difference].map((concept) => about(list, concept).map(measuredOf)[0]);
        const ends = [{ s: at.s[0], value: earlier }, { s: at.s[1], value: later }] as const;
        const isTurned = earlier !== undefined && later !== undefined && difference !== undefined && (later - earlier) * difference < 0; /* it was drawn backwards */
        const [uid] = about(list, Concept.trackingUid).map((item) => text(item, tagOf("UID")));
        return [{ uid: uid ?? "", group: at.group, channel: at.channel, ends: isTurned ? [ends[1], ends[0]] : ends }];
    });
}
