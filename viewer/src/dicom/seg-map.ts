/** Between a segmentation as the viewer paints it, where each pixel belongs to one segment or none, and SEG objects. */

import { text, type Dataset } from "../dicomweb/json";
import type { FrameInfo } from "../imaging/frame";
import { t } from "../ui/text";
import type { FrameKey } from "./measurement";
import { segmentation, type ReadSegmentation, type SegmentationKind, type SegmentPlane, type SegmentationOrigin } from "./seg";
import { frameName, type FrameName, type Segment, type Segmentation, type Shares } from "./segmentation";
import { sliceStepMm } from "./segment-stats";

/** The object and its pixels. Segments without a pixel are left out; the others are numbered from 1. */
export function writtenSegmentation(s: Segmentation, kind: SegmentationKind, frames: readonly FrameInfo[], sources: readonly Dataset[], origin: SegmentationOrigin): ReturnType<typeof segmentation> {
    const used = new Set<number>();
    for (const labels of s.frames.values()) for (const l of labels) if (l !== 0) used.add(l);
    if (kind === "FRACTIONAL") for (const planes of s.shares?.planes.values() ?? []) for (const [n, values] of planes) if (values.some((v) => v !== 0)) used.add(n);
    const kept = s.segments.filter((x) => used.has(x.number));
    const renumbered = new Map(kept.map((x, i) => [x.number, i + 1]));
    const planes = frames.flatMap((f): SegmentPlane[] => {
        const labels = s.frames.get(frameName(f));
        const shares = kind === "FRACTIONAL" ? s.shares?.planes.get(frameName(f)) : undefined;
        if (!shares && !labels?.some((l) => renumbered.has(l))) return [];
        const on: FrameKey = { study: f.study, series: f.series, instance: f.instance, sopClass: f.sopClass, frame: f.frame };
        if (kind === "FRACTIONAL") return fractional(s, frameName(f), kept).map(({ number, values }) => ({ on, segment: renumbered.get(number)!, values }));
        if (!labels) return [];
        if (kind === "LABELMAP") return [{ on, segment: 0, values: labels.map((l) => renumbered.get(l) ?? 0) }];
        return kept.filter((x) => labels.includes(x.number)).map((x) => ({ on, segment: renumbered.get(x.number)!, values: labels.map((l) => (l === x.number ? 1 : 0)) }));
    });
    const segments = kept.map((x, i) => ({
        number: i + 1,
        label: x.label,
        category: x.category,
        type: x.type,
        color: x.color,
        algorithm: x.isAutomatic ? ("SEMIAUTOMATIC" as const) : ("MANUAL" as const),
        algorithmName: "",
        trackingUid: x.trackingUid,
    }));
    const needed = new Set(planes.map((p) => p.on.instance));
    const stepMm = sliceStepMm(frames.map((f) => ({ ...f, name: frameName(f) })));
    const more = { ...(stepMm === undefined ? {} : { stepMm }), ...(s.shares ? { fractions: { kind: s.shares.kind, maximum: s.shares.maximum } } : {}) };
    return segmentation(kind, segments, planes, sources.filter((ds) => needed.has(text(ds, "00080018"))), { ...origin, ...more });
}

/* The shares as they were read; where something was painted since, all or nothing. */
function fractional(s: Segmentation, name: FrameName, segments: readonly Segment[]): { number: number; values: Uint8Array }[] {
    const [now, before, planes] = [s.frames.get(name), s.shares?.read.get(name), s.shares?.planes.get(name)];
    const all = s.shares?.maximum ?? 255;
    return segments.flatMap(({ number }) => {
        const was = planes?.get(number);
        const values = new Uint8Array(s.rows * s.columns);
        let isEmpty = true;
        for (let i = 0; i < values.length; i++) {
            const [label, old] = [now?.[i] ?? 0, before?.[i] ?? 0];
            values[i] = label === old ? (was?.[i] ?? 0) : label === number ? all : old === number ? 0 : (was?.[i] ?? 0);
            isEmpty &&= values[i] === 0;
        }
        return isEmpty ? [] : [{ number, values }];
    });
}

const apart = (a: readonly number[], b: readonly number[]) => Math.hypot(...a.map((v, i) => v - (b[i] ?? NaN)));

/* The frame that a plane lies on: the one it names, else the one at its place. */
function frameOf(plane: ReadSegmentation["planes"][number], frames: readonly FrameInfo[]): FrameInfo | undefined {
    const named = plane.on && frames.find((f) => f.instance === plane.on!.instance && f.frame === plane.on!.frame);
    if (named || plane.position.length !== 3) return named;
    return frames.find((f) => f.position && apart(f.position, plane.position) < 0.01);
}

/** What can be painted on of a SEG object, over the frames of one series; what is lost is named. RangeError: nothing. */
export function paintable(read: ReadSegmentation, uid: string, frames: readonly FrameInfo[]): { segmentation: Segmentation; problems: string[] } {
    const problems = new Set<string>();
    const maps = new Map<ReturnType<typeof frameName>, Uint8Array>();
    const half = read.maximum / 2;
    if (read.kind === "FRACTIONAL") problems.add(t("It has shares of pixels: a half and more is shown; saved as fractional they stay"));
    const shares = new Map<FrameName, Map<number, Uint8Array>>();
    for (const plane of read.planes) {
        const frame = frameOf(plane, frames);
        if (!frame || frame.rows !== read.rows || frame.columns !== read.columns) {
            problems.add(t("Some of it lies on no image of this series"));
            continue;
        }
        const name = frameName(frame);
        const labels = maps.get(name) ?? new Uint8Array(read.rows * read.columns);
        plane.values.forEach((v, i) => {
            const to = read.kind === "LABELMAP" ? v : v >= half && v > 0 ? plane.segment : 0;
            if (to === 0) return;
            if (labels[i] !== 0 && labels[i] !== to) problems.add(t("Its segments overlap; where they do, the later one is taken"));
            labels[i] = to;
        });
        maps.set(name, labels);
        if (read.kind === "FRACTIONAL") shares.set(name, (shares.get(name) ?? new Map<number, Uint8Array>()).set(plane.segment, plane.values));
    }
    const kept: Shares = { kind: read.fractionalType, maximum: read.maximum, planes: shares, read: maps };
    const [first] = frames;
    if (!first || maps.size === 0) throw new RangeError(t("It lies on no image of this study, pixel on pixel"));
    const segments = read.segments
        .filter((s) => s.number >= 1 && s.number <= 255)
        .map((s): Segment => ({ number: s.number, label: s.label, color: s.color, category: s.category, type: s.type, isAutomatic: s.algorithm !== "MANUAL", locked: false, hidden: false, trackingUid: s.trackingUid ?? "" }));
    return {
        segmentation: { uid, label: read.label, study: first.study, series: first.series, rows: read.rows, columns: read.columns, segments, frames: maps, ...(shares.size > 0 ? { shares: kept } : {}) },
        problems: [...problems],
    };
}
