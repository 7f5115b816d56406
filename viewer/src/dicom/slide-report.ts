/** Lengths on a whole slide as a TID 1500 report and back: lines on the total pixel matrix of its finest level.
 *  PS3.3 §C.18.6.1.2 (Pixel Origin Interpretation), PS3.16 TID 1501, TID 320 */

import { items, numbers, text, type Dataset } from "../dicomweb/json";
import { dataset, tagOf } from "./dataset";
import type { FrameKey } from "./measurement";
import type { Level, Point, Slide } from "./slide";
import { Concept, conceptOf as quantityConcept } from "./sr-codes";
import { about, childrenOf, measurementGroups } from "./sr-tree";
import { container, contentItem, numberContent, reportOf, textContent, uidContent, type ReportOrigin } from "./sr-write";

/** In pixels of the finest level. */
export interface SavedLine {
    uid: string;
    a: Point;
    b: Point;
}

/** The report of lengths on a slide: mm if its pixels have a size, else pixels. Throws RangeError when there are none. */
export function lineReport(lines: readonly SavedLine[], slide: Slide, origin: ReportOrigin): Dataset {
    const level = slide.levels[0]!;
    const ds = level.dataset;
    const key: FrameKey = { study: text(ds, "0020000D"), series: text(ds, "0020000E"), instance: text(ds, "00080018"), sopClass: text(ds, "00080016"), frame: 1 };
    if (lines.length === 0) throw new RangeError("there is no line to write");
    const isKnown = level.mmX > 0 && level.mmY > 0;
    const groups = lines.map(({ uid, a, b }) => {
        const image = contentItem("SELECTED FROM", "IMAGE", undefined, { ReferencedSOPSequence: [dataset({ ReferencedSOPClassUID: key.sopClass, ReferencedSOPInstanceUID: key.instance })] });
        const where = contentItem("INFERRED FROM", "SCOORD", Concept.source, { GraphicType: "POLYLINE", GraphicData: [...a, ...b], PixelOriginInterpretation: "VOLUME" }, [image]);
        const length = Math.hypot((b[0] - a[0]) * (isKnown ? level.mmX : 1), (b[1] - a[1]) * (isKnown ? level.mmY : 1));
        const unit = isKnown ? "mm" : "{pixels}";
        return container(Concept.group, 1501, [
            textContent("HAS OBS CONTEXT", Concept.trackingId, "Length"),
            uidContent("HAS OBS CONTEXT", Concept.trackingUid, uid),
            numberContent("CONTAINS", quantityConcept("length", "length", unit), length, unit, [where]),
        ]);
    });
    return reportOf(ds, [key], [], groups, origin);
}

const levelOf = (slide: Slide, instance: string): Level | undefined => slide.levels.find((l) => text(l.dataset, "00080018") === instance || l.sources.some((s) => s.instance === instance));

/** The lines of a report that lie on the total pixel matrix of a level of this slide. */
export function readLines(report: Dataset, slide: Slide): SavedLine[] {
    const finest = slide.levels[0]!;
    return measurementGroups(report).flatMap((group): SavedLine[] => {
        const list = childrenOf(group);
        const [uid] = about(list, Concept.trackingUid).map((item) => text(item, tagOf("UID")));
        const drawn = [...list, ...list.flatMap(childrenOf)].filter((item) => text(item, tagOf("ValueType")) === "SCOORD" && text(item, tagOf("GraphicType")) === "POLYLINE");
        for (const scoord of drawn) {
            const reference = childrenOf(scoord).flatMap((image) => items(image, tagOf("ReferencedSOPSequence")))[0];
            const level = levelOf(slide, text(reference, tagOf("ReferencedSOPInstanceUID")));
            const [ax, ay, bx, by, ...more] = numbers(scoord, tagOf("GraphicData"));
            const isWhole = text(scoord, tagOf("PixelOriginInterpretation")) === "VOLUME" || reference?.[tagOf("ReferencedFrameNumber")] === undefined;
            if (!level || !isWhole || more.length > 0 || ![ax, ay, bx, by].every((v) => Number.isFinite(v))) continue;
            const [sx, sy] = [finest.columns / level.columns, finest.rows / level.rows];
            return [{ uid: uid ?? "", a: [ax! * sx, ay! * sy], b: [bx! * sx, by! * sy] }];
        }
        return [];
    });
}
