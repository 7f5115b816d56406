/** Measurements as a Comprehensive 3D SR after TID 1500, "Measurement Report": SCOORD over the image for what was drawn on
 *  one, SCOORD3D for what was drawn on a reformatted plane. Outlines and points are planar ROIs (TID 1410), lines and angles
 *  measurements with their source (TID 1501).   PS3.3 §A.35.13, PS3.16 TID 1500 */

import { text, type Dataset } from "../dicomweb/json";
import { code, codeItem, daText, dataset, dtText, evidence, imageReference, newObject, ownSchemeItem, sorted, tmText, type FrameCounts, type Keyword, type Value } from "./dataset";
import type { Code, FrameKey, Kind, LesionMark, Measurement, Quantity } from "./measurement";
import { Concept, conceptOf, derivations, kinds, lesionRoles, lesionStates, unitCode } from "./sr-codes";

export const comprehensive3dSr = "1.2.840.10008.5.1.4.1.1.88.34";
/* The device observer where no person is named: this program, on any machine. */
const deviceUid = "2.25.215840317903219066139906711186427043877";

export type Relation = "CONTAINS" | "HAS CONCEPT MOD" | "HAS OBS CONTEXT" | "HAS ACQ CONTEXT" | "INFERRED FROM" | "SELECTED FROM" | "HAS PROPERTIES";
type Values = Partial<Record<Keyword, Value>>;

/* ---- content items ---- */

export function contentItem(relation: Relation, type: string, concept: Code | undefined, values: Values, children: readonly Dataset[] = []): Dataset {
    return dataset({
        RelationshipType: relation,
        ValueType: type,
        ConceptNameCodeSequence: concept ? [codeItem(concept)] : undefined,
        ...values,
        ContentSequence: children.length > 0 ? children : undefined,
    });
}

export const codeContent = (relation: Relation, concept: Code, value: Code, children: readonly Dataset[] = []): Dataset =>
    contentItem(relation, "CODE", concept, { ConceptCodeSequence: [codeItem(value)] }, children);
export const textContent = (relation: Relation, concept: Code, value: string, children: readonly Dataset[] = []): Dataset => contentItem(relation, "TEXT", concept, { TextValue: value }, children);
export const uidContent = (relation: Relation, concept: Code, value: string): Dataset => contentItem(relation, "UIDREF", concept, { UID: value });
export const dateContent = (relation: Relation, concept: Code, value: string): Dataset => contentItem(relation, "DATE", concept, { Date: value });

export function container(concept: Code, template: number | undefined, children: readonly Dataset[], more: Values = {}): Dataset {
    return contentItem("CONTAINS", "CONTAINER", concept, { ContinuityOfContent: "SEPARATE", ContentTemplateSequence: template === undefined ? undefined : [templateItem(template)], ...more }, children);
}

export const templateItem = (template: number): Dataset => dataset({ MappingResource: "DCMR", TemplateIdentifier: String(template) });

export const imageContent = (relation: Relation, key: FrameKey, counts: FrameCounts, children: readonly Dataset[] = [], purpose?: Code): Dataset =>
    contentItem(relation, "IMAGE", purpose, { ReferencedSOPSequence: [imageReference(key, counts)] }, children);

export function numberContent(relation: Relation, concept: Code, value: number, unit: string, children: readonly Dataset[]): Dataset {
    const measured = dataset({
        NumericValue: value,
        FloatingPointValue: value,
        MeasurementUnitsCodeSequence: [codeItem(unitCode(unit))],
    });
    return contentItem(relation, "NUM", concept, { MeasuredValueSequence: [measured] }, children);
}

/* ---- where it was drawn ---- */

export interface Graphic {
    type: string;
    points: readonly (readonly number[])[];
}

const outlines: ReadonlySet<Kind> = new Set(["ellipse", "rectangle", "circle", "freehand", "spline", "livewire"]);

function isClosed(m: Measurement): boolean {
    return m.kind === "rectangle" || (outlines.has(m.kind) && m.kind !== "ellipse" && m.kind !== "circle" && m.closed === true);
}

/* What one drawing is made of: two lines where there are two. SCOORD3D has no circle: it is an ellipse of equal axes, or its
 * radius where its plane is not known. */
export function graphicsOf(m: Measurement): Graphic[] {
    const points: readonly (readonly number[])[] = m.on ? (m.points ?? []) : (m.spatial ?? []);
    if (points.length === 0) return [];
    if (m.kind === "bidirectional" || m.kind === "cobb")
        return [points.slice(0, 2), points.slice(2, 4)].filter((p) => p.length === 2).map((p) => ({ type: "POLYLINE", points: p }));
    if (m.kind === "ellipse" && points.length === 4) return [{ type: "ELLIPSE", points }];
    if (m.kind === "circle" && points.length === 3) return [{ type: "ELLIPSE", points: axesOf(points) }];
    if (m.kind === "circle" && points.length === 2 && m.on) return [{ type: "CIRCLE", points }];
    if (points.length === 1) return [{ type: "POINT", points }];
    if (isClosed(m)) return [{ type: m.on ? "POLYLINE" : "POLYGON", points: [...points, points[0]!] }];
    return [{ type: "POLYLINE", points }];
}

/* The ends of two axes, of a circle by its centre and two points a quarter apart. */
const axesOf = ([c, a, b]: readonly (readonly number[])[]): (readonly number[])[] => [a!, b!].flatMap((p) => [c!.map((v, i) => 2 * v - p[i]!), p]);

export function graphicContent(relation: Relation, m: Measurement, g: Graphic, concept: Code, counts: FrameCounts): Dataset {
    const values = { GraphicType: g.type, GraphicData: g.points.flat() };
    if (m.on) return contentItem(relation, "SCOORD", concept, values, [imageContent("SELECTED FROM", m.on, counts)]);
    return contentItem(relation, "SCOORD3D", concept, { ...values, ReferencedFrameOfReferenceUID: m.frameOfReference ?? "" });
}

/* ---- one measurement ---- */

export function quantityContent(relation: Relation, m: Measurement, q: Quantity, about: readonly Dataset[]): Dataset {
    const derived = derivations[q.name];
    const modifiers = derived ? [codeContent("HAS CONCEPT MOD", Concept.derivation, derived)] : [];
    return numberContent(relation, conceptOf(m.kind, q.name, q.unit), q.value, q.unit, [...modifiers, ...about]);
}

/** The axis that a quantity is the length of; else all that is drawn. */
export function sourceOf(m: Measurement, q: Quantity, graphics: readonly Graphic[]): readonly Graphic[] {
    if (m.kind !== "bidirectional" || graphics.length !== 2) return graphics;
    return q.name === "length" ? [graphics[0]!] : q.name === "shortAxis" ? [graphics[1]!] : graphics;
}

function lesionContent(l: LesionMark): Dataset[] {
    const own = Concept.tool.scheme;
    return [
        codeContent("CONTAINS", Concept.lesionRole, code(l.role, own, lesionRoles[l.role])),
        codeContent("CONTAINS", Concept.lesionKind, code(l.nodal ? "nodal" : "extranodal", own, l.nodal ? "Lymph node" : "Not a lymph node")),
        codeContent("CONTAINS", Concept.lesionState, code(l.state, own, lesionStates[l.state])),
        textContent("CONTAINS", Concept.lesionNumber, String(l.number)),
        ...(l.organ ? [textContent("CONTAINS", Concept.lesionOrgan, l.organ)] : []),
        ...(l.modality ? [codeContent("CONTAINS", Concept.modality, code(l.modality, "DCM", l.modality))] : []),
        ...(l.sliceMm === undefined ? [] : [numberContent("CONTAINS", Concept.sliceThickness, l.sliceMm, "mm", [])]),
    ];
}

/** Whether it can be written: drawn somewhere, and on what an SR can name; or what it says of a lesion. */
export const isWritable = (m: Measurement): boolean => m.lesion !== undefined || isDrawn(m);
const isDrawn = (m: Measurement): boolean => m.kind !== "keyImage" && graphicsOf(m).length > 0 && (m.on !== undefined || !!m.frameOfReference);

function groupContent(m: Measurement, counts: FrameCounts): Dataset {
    const graphics = isDrawn(m) ? graphicsOf(m) : [];
    const isLine = graphics.length === 0 || m.quantities.length > 0 && (m.kind === "length" || m.kind === "bidirectional" || m.kind === "angle" || m.kind === "cobb" || (outlines.has(m.kind) && graphics[0]?.type === "POLYLINE" && !isClosed(m)));
    const drawn = (list: readonly Graphic[], concept: Code, relation: Relation) => list.map((g) => graphicContent(relation, m, g, concept, counts));
    const quantities = m.quantities.filter((q) => Number.isFinite(q.value));
    const about: Dataset[] = [
        textContent("HAS OBS CONTEXT", Concept.trackingId, m.label || kinds[m.kind]),
        uidContent("HAS OBS CONTEXT", Concept.trackingUid, m.lesion?.uid ?? m.uid),
        ...(m.finding ? [codeContent("CONTAINS", Concept.finding, m.finding)] : []),
        ...(m.site ? [codeContent("HAS CONCEPT MOD", Concept.findingSite, m.site)] : []),
    ];
    const ours: Dataset[] = [
        codeContent("CONTAINS", Concept.tool, code(m.kind, Concept.tool.scheme, kinds[m.kind])),
        codeContent("CONTAINS", Concept.spacing, code(m.spacing, Concept.tool.scheme, m.spacing === "none" ? "None: lengths are in pixels" : m.spacing)),
        textContent("CONTAINS", Concept.color, m.color),
        ...(m.lesion ? lesionContent(m.lesion) : []),
    ];
    const content = isLine
        ? quantities.map((q) => quantityContent("CONTAINS", m, q, drawn(sourceOf(m, q, graphics), Concept.source, "INFERRED FROM")))
        : [...drawn(graphics, Concept.region, "CONTAINS"), ...quantities.map((q) => quantityContent("CONTAINS", m, q, []))];
    return container(Concept.group, isLine ? 1501 : 1410, [...about, ...content, ...ours], { ObservationDateTime: dtText(m.created), ObservationUID: m.uid });
}

/* ---- the document ---- */

export interface ReportOrigin {
    date: Date;
    seriesNumber: number;
    seriesDescription: string;
    observer?: string; /* PN of the person; without one this program is the observer */
    organization?: string; /* of the person */
    isComplete?: boolean;
}

/** Who says so: a person (TID 1003), or this program (TID 1004).   TID 1002 */
export function observerContext(observer: string | undefined, organization = ""): Dataset[] {
    if (observer)
        return [
            codeContent("HAS OBS CONTEXT", Concept.observerType, Concept.person),
            contentItem("HAS OBS CONTEXT", "PNAME", Concept.personName, { PersonName: observer }),
            ...(organization ? [textContent("HAS OBS CONTEXT", Concept.organization, organization)] : []),
        ];
    return [
        codeContent("HAS OBS CONTEXT", Concept.observerType, Concept.device),
        uidContent("HAS OBS CONTEXT", Concept.deviceUid, deviceUid),
        textContent("HAS OBS CONTEXT", Concept.deviceName, "Isocenter viewer"),
    ];
}

export const languageContext = (said: Code = Concept.english): Dataset => codeContent("HAS CONCEPT MOD", Concept.language, said);

/** Document General of an SR.   PS3.3 §C.17.2 */
export function documentGeneral(date: Date, keys: readonly FrameKey[], isComplete: boolean): Dataset {
    return dataset({
        ContentDate: daText(date),
        ContentTime: tmText(date),
        CompletionFlag: isComplete ? "COMPLETE" : "PARTIAL",
        VerificationFlag: "UNVERIFIED",
        ReferencedPerformedProcedureStepSequence: [],
        PerformedProcedureCodeSequence: [],
        CurrentRequestedProcedureEvidenceSequence: keys.length > 0 ? evidence(keys) : undefined,
        CodingSchemeIdentificationSequence: [ownSchemeItem()],
    });
}

function library(keys: readonly FrameKey[], objects: ReadonlyMap<string, Dataset>, counts: FrameCounts): Dataset[] {
    const each = [...new Map(keys.map((k) => [`${k.instance}/${k.frame}`, k])).values()].map((key) => {
        const ds = objects.get(key.instance);
        const [modality, date] = [text(ds, "00080060"), text(ds, "00080020")];
        const about = [
            ...(modality ? [codeContent("HAS ACQ CONTEXT", Concept.modality, code(modality, "DCM", modality))] : []),
            ...(date ? [dateContent("HAS ACQ CONTEXT", Concept.studyDate, date)] : []),
        ];
        return imageContent("CONTAINS", key, counts, about);
    });
    return each.length > 0 ? [container(Concept.library, 1600, [container(Concept.libraryGroup, undefined, each)])] : [];
}

/** The report of the measurements that `isWritable`. `sources` are the metadata of the objects that were drawn on, one at
 *  least of the study. Throws RangeError when there is nothing to write. */
export function measurementReport(measurements: readonly Measurement[], sources: readonly Dataset[], origin: ReportOrigin): Dataset {
    const written = measurements.filter(isWritable);
    const [source] = sources;
    if (written.length === 0 || !source) throw new RangeError("there is no measurement to write");
    const objects = new Map(sources.map((ds) => [text(ds, "00080018"), ds]));
    const counts: FrameCounts = (instance) => Number(objects.get(instance)?.["00280008"]?.Value?.[0] ?? 1);
    const keys = written.flatMap((m) => (m.on ? [m.on] : []));
    return reportOf(source, keys, library(keys, objects, counts), written.map((m) => groupContent(m, counts)), origin);
}

/** A measurement report with these groups, of the patient and study of the source.   TID 1500 */
export function reportOf(source: Dataset, keys: readonly FrameKey[], imageLibrary: readonly Dataset[], groups: readonly Dataset[], origin: ReportOrigin): Dataset {
    const root = {
        ValueType: "CONTAINER",
        ConceptNameCodeSequence: [codeItem(Concept.measurementReport)],
        ContinuityOfContent: "SEPARATE",
        ContentTemplateSequence: [templateItem(1500)],
        ContentSequence: [
            languageContext(),
            ...observerContext(origin.observer),
            codeContent("HAS CONCEPT MOD", Concept.procedure, Concept.imaging),
            ...imageLibrary,
            container(Concept.measurements, undefined, groups),
        ],
    };
    return sorted({
        ...newObject(source, comprehensive3dSr, "SR", origin),
        ...documentGeneral(origin.date, keys, origin.isComplete ?? true),
        ...dataset(root),
    });
}
