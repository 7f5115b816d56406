/** Contours as an RT Structure Set.   PS3.3 §A.19, §C.8.8.5, §C.8.8.6, §C.8.8.8 */

import { items, number, numbers, text, type Dataset } from "../dicomweb/json";
import { codeItem, codeOf, daText, dataset, imageReference, keysOf, newObject, sorted, tagOf, tmText, type FrameCounts, type Origin, type Places } from "./dataset";
import type { Code, FrameKey, PatientPoint } from "./measurement";

export const structureSetStorage = "1.2.840.10008.5.1.4.1.1.481.3";
const studyComponent = "1.2.840.10008.3.1.2.3.1"; /* Detached Study Management, as the standard has it here */

export interface Contour {
    points: readonly PatientPoint[];
    closed: boolean;
    on?: FrameKey; /* the image it was drawn on */
}

export interface Roi {
    number: number;
    name: string;
    color: string; /* #rrggbb */
    algorithm: "MANUAL" | "SEMIAUTOMATIC" | "AUTOMATIC" | "";
    interpreted: string; /* GTV, ORGAN …; may be empty */
    code?: Code;
    contours: readonly Contour[];
}

const rgb = (color: string): number[] => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));

function geometricType(c: Contour): string {
    if (c.points.length === 1) return "POINT";
    return c.closed ? "CLOSED_PLANAR" : "OPEN_PLANAR";
}

function contourItem(c: Contour, i: number, counts: FrameCounts): Dataset {
    return dataset({
        ContourNumber: i + 1,
        ContourImageSequence: c.on ? [imageReference(c.on, counts)] : undefined,
        ContourGeometricType: geometricType(c),
        NumberOfContourPoints: c.points.length,
        ContourData: c.points.flat(),
    });
}

function references(rois: readonly Roi[], frameOfReference: string, study: string, counts: FrameCounts): Dataset {
    const keys = [...new Map(rois.flatMap((r) => r.contours.flatMap((c) => (c.on ? [[`${c.on.instance}/${c.on.frame}`, c.on] as const] : [])))).values()];
    const series = [...new Set(keys.map((k) => k.series))].map((uid) =>
        dataset({ SeriesInstanceUID: uid, ContourImageSequence: keys.filter((k) => k.series === uid).map((k) => imageReference(k, counts)) }),
    );
    const studies = [dataset({ ReferencedSOPClassUID: studyComponent, ReferencedSOPInstanceUID: study, RTReferencedSeriesSequence: series })];
    return dataset({ FrameOfReferenceUID: frameOfReference, RTReferencedStudySequence: series.length > 0 ? studies : undefined });
}

/** All contours lie in `frameOfReference`. RangeError when there is none. */
export function structureSet(rois: readonly Roi[], frameOfReference: string, source: Dataset, counts: FrameCounts, origin: Origin): Dataset {
    const drawn = rois.filter((r) => r.contours.some((c) => c.points.length > 0));
    if (drawn.length === 0 || frameOfReference === "") throw new RangeError("there is no contour to write");
    return sorted({
        ...newObject(source, structureSetStorage, "RTSTRUCT", origin),
        ...dataset({
            OperatorsName: "",
            StructureSetLabel: [...origin.seriesDescription].slice(0, 16).join("") || "Contours",
            StructureSetDate: daText(origin.date),
            StructureSetTime: tmText(origin.date),
            FrameOfReferenceUID: frameOfReference,
            PositionReferenceIndicator: "",
            ApprovalStatus: "UNAPPROVED",
            ReferencedFrameOfReferenceSequence: [references(drawn, frameOfReference, text(source, "0020000D"), counts)],
            StructureSetROISequence: drawn.map((r) => dataset({ ROINumber: r.number, ReferencedFrameOfReferenceUID: frameOfReference, ROIName: [...r.name].slice(0, 64).join(""), ROIGenerationAlgorithm: r.algorithm })),
            ROIContourSequence: drawn.map((r) =>
                dataset({ ReferencedROINumber: r.number, ROIDisplayColor: rgb(r.color), ContourSequence: r.contours.filter((c) => c.points.length > 0).map((c, i) => contourItem(c, i, counts)) }),
            ),
            RTROIObservationsSequence: drawn.map((r, i) =>
                dataset({ ObservationNumber: i + 1, ReferencedROINumber: r.number, RTROIInterpretedType: r.interpreted, ROIInterpreter: "", RTROIIdentificationCodeSequence: r.code ? [codeItem(r.code)] : undefined }),
            ),
        }),
    });
}

export interface ReadStructures {
    label: string;
    frameOfReference: string;
    rois: Roi[];
    problems: string[]; /* names of structures with contours that cannot be read */
}

const pointsMax = 100_000;

function readContour(item: Dataset, places: Places): Contour | undefined {
    const flat = numbers(item, tagOf("ContourData"));
    if (flat.length === 0 || flat.length % 3 !== 0 || flat.length > 3 * pointsMax) return undefined;
    const points = Array.from({ length: flat.length / 3 }, (_, i) => [flat[3 * i]!, flat[3 * i + 1]!, flat[3 * i + 2]!] as const);
    const reference = items(item, tagOf("ContourImageSequence"))[0];
    const on = reference && keysOf(reference, places)[0];
    return { points, closed: /^CLOSED/.test(text(item, tagOf("ContourGeometricType"))), ...(on ? { on } : {}) };
}

export function readStructureSet(ds: Dataset, places: Places): ReadStructures {
    const drawn = new Map(items(ds, tagOf("ROIContourSequence")).map((c) => [number(c, tagOf("ReferencedROINumber")), c]));
    const observed = new Map(items(ds, tagOf("RTROIObservationsSequence")).map((o) => [number(o, tagOf("ReferencedROINumber")), o]));
    const problems: string[] = [];
    const rois = items(ds, tagOf("StructureSetROISequence")).flatMap((item): Roi[] => {
        const id = number(item, tagOf("ROINumber"));
        if (id === undefined) return [];
        const [contour, observation] = [drawn.get(id), observed.get(id)];
        const color = numbers(contour, tagOf("ROIDisplayColor"));
        const list = items(contour, tagOf("ContourSequence"));
        const contours = list.map((c) => readContour(c, places)).filter((c) => c !== undefined);
        const name = text(item, tagOf("ROIName"));
        if (contours.length < list.length) problems.push(name);
        const identified = codeOf(items(observation, tagOf("RTROIIdentificationCodeSequence"))[0]);
        const algorithm = (["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC"] as const).find((a) => a === text(item, tagOf("ROIGenerationAlgorithm")));
        return [
            {
                number: id,
                name,
                color: color.length === 3 ? `#${color.map((v) => Math.max(0, Math.min(255, Math.round(v))).toString(16).padStart(2, "0")).join("")}` : "#f4c542",
                algorithm: algorithm ?? "",
                interpreted: text(observation, tagOf("RTROIInterpretedType")),
                ...(identified ? { code: identified } : {}),
                contours,
            },
        ];
    });
    const [first] = items(ds, tagOf("StructureSetROISequence"));
    const frameOfReference = text(first, tagOf("ReferencedFrameOfReferenceUID")) || text(items(ds, tagOf("ReferencedFrameOfReferenceSequence"))[0], tagOf("FrameOfReferenceUID"));
    return { label: text(ds, tagOf("StructureSetLabel")), frameOfReference, rois, problems };
}
