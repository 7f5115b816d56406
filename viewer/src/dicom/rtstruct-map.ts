/** Between a segmentation as the viewer paints it and the contours of an RT Structure Set. */

import { text, type Dataset } from "../dicomweb/json";
import type { FrameInfo } from "../imaging/frame";
import { t } from "../ui/text";
import { contoursOf, eachInside } from "./contours";
import { plainCategory, plainType } from "./seg";
import type { FrameKey, ImagePoint } from "./measurement";
import type { FrameCounts, Origin } from "./dataset";
import { depthMm, inPatient, onImagePlane } from "./place";
import { structureSet, type Contour, type ReadStructures, type Roi } from "./rtstruct";
import { frameName, type FrameName, type Segment, type Segmentation } from "./segmentation";
import { newUid } from "./uid";

/** A structure for each segment, a contour for each of its parts on an image. RangeError, with the reason, when there is none. */
export function writtenStructures(s: Segmentation, frames: readonly FrameInfo[], sources: readonly Dataset[], counts: FrameCounts, origin: Origin): Dataset {
    const painted = frames.filter((f) => s.frames.has(frameName(f)));
    const [first] = painted;
    if (painted.some((f) => !f.position || f.frameOfReference === "" || f.frameOfReference !== first!.frameOfReference)) throw new RangeError(t("Its images do not say where in the patient they lie"));
    const rois = s.segments.map((x, i): Roi => ({
        number: i + 1,
        name: x.label,
        color: x.color,
        algorithm: x.isAutomatic ? "SEMIAUTOMATIC" : "MANUAL",
        interpreted: "",
        code: x.type,
        contours: painted.flatMap((f) => contoursOn(s, x.number, f)),
    }));
    const source = sources.find((ds) => text(ds, "00080018") === first?.instance);
    if (!source) throw new RangeError(t("There is nothing in it"));
    return structureSet(rois, first!.frameOfReference, source, counts, origin);
}

function contoursOn(s: Segmentation, number: number, f: FrameInfo): Contour[] {
    const labels = s.frames.get(frameName(f))!;
    if (!labels.includes(number)) return [];
    const on: FrameKey = { study: f.study, series: f.series, instance: f.instance, sopClass: f.sopClass, frame: f.frame };
    return contoursOf({ rows: s.rows, columns: s.columns, labels }, number).map((ring) => ({ closed: true, on, points: inPatient(f, ring)! }));
}

/* The image that a contour names, if it lies there; else the nearest in whose slice it lies. */
function placeOf(c: Contour, frames: readonly FrameInfo[]): { frame: FrameInfo; points: readonly ImagePoint[] } | undefined {
    const named = frames.find((f) => f.instance === c.on?.instance && f.frame === c.on.frame);
    const away = (f: FrameInfo) => Math.abs(depthMm(f, c.points[0]!) ?? Infinity);
    const near = frames.reduce<FrameInfo | undefined>((a, b) => (a && away(a) <= away(b) ? a : b), undefined);
    for (const frame of [named, near]) {
        const points = frame && onImagePlane(frame, c.points);
        if (frame && points) return { frame, points };
    }
    return undefined;
}

/** What can be painted on of a structure set, over the frames of one series; what is lost is named. RangeError: nothing. */
export function paintableStructures(read: ReadStructures, uid: string, frames: readonly FrameInfo[]): { segmentation: Segmentation; problems: string[] } {
    const [first] = frames;
    const problems = new Set(read.problems.map((name) => t("{name}: its coordinates cannot be read", { name })));
    const maps = new Map<FrameName, Uint8Array>();
    const segments: Segment[] = [];
    for (const roi of read.rois) {
        if (segments.length === 255) break;
        const number = segments.length + 1;
        const outlines = new Map<FrameInfo, (readonly ImagePoint[])[]>();
        for (const c of roi.contours) {
            if (!c.closed || c.points.length < 3) problems.add(t("{name}: points and open lines are left out", { name: roi.name }));
            const place = c.closed && c.points.length >= 3 ? placeOf(c, frames) : undefined;
            if (place && place.frame.rows === first!.rows && place.frame.columns === first!.columns) outlines.set(place.frame, [...(outlines.get(place.frame) ?? []), place.points]);
            else if (c.closed) problems.add(t("Some of it lies on no image of this series"));
        }
        for (const [frame, list] of outlines) {
            const labels = maps.get(frameName(frame)) ?? new Uint8Array(frame.rows * frame.columns);
            eachInside(frame, list, (i) => {
                if (labels[i] !== 0) problems.add(t("Its segments overlap; where they do, the later one is taken"));
                labels[i] = number;
            });
            maps.set(frameName(frame), labels);
        }
        if (outlines.size === 0) continue;
        segments.push({
            number, label: roi.name, color: roi.color, category: plainCategory, type: roi.code ?? plainType, isAutomatic: roi.algorithm === "AUTOMATIC" || roi.algorithm === "SEMIAUTOMATIC",
            locked: false, hidden: false, trackingUid: newUid(),
        });
    }
    if (!first || segments.length === 0) throw new RangeError(t("It lies on no image of this study, pixel on pixel"));
    return { segmentation: { uid, label: read.label, study: first.study, series: first.series, rows: first.rows, columns: first.columns, segments, frames: maps }, problems: [...problems] };
}
