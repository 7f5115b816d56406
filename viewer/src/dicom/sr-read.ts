/** Measurements out of the structured reports of anyone: TID 1500 in all its forms, and whatever else has numbers with
 *  coordinates. What can be drawn becomes a measurement, what cannot is named. Nothing of the tree is trusted. */

import { items, number, numbers, text, type Dataset } from "../dicomweb/json";
import { codeOf, dtDate, isCode, keysOf, ownScheme, tagOf, type Places } from "./dataset";
import { newUid } from "./uid";
import type { Code, FrameKey, ImagePoint, Kind, LesionMark, Measurement, PatientPoint, Quantity } from "./measurement";
import { t } from "../ui/text";
import { Concept, foreignKind, kinds, lesionRoles, lesionStates, quantityName } from "./sr-codes";

export interface ReadReport {
    title: string;
    measurements: Measurement[];
    problems: string[]; /* what is in the report and cannot be drawn, one line each */
}

const depthMax = 32;
const itemsMax = 20_000;
const problemsMax = 50;
const pointsMax = 10_000;
const plainColor = "#f4c542";

const Sequence = tagOf("ContentSequence");
const conceptOf = (item: Dataset): Code | undefined => codeOf(items(item, tagOf("ConceptNameCodeSequence"))[0]);
const codeValue = (item: Dataset): Code | undefined => codeOf(items(item, tagOf("ConceptCodeSequence"))[0]);
const typeOf = (item: Dataset): string => text(item, tagOf("ValueType"));
const nameOf = (item: Dataset): string => conceptOf(item)?.meaning || conceptOf(item)?.value || typeOf(item) || "item";

/** A graphic of the report, over an image or in the patient. */
interface Drawing {
    type: string;
    points: readonly (readonly number[])[];
    on?: FrameKey;
    frameOfReference?: string;
}

class Reader {
    readonly measurements: Measurement[] = [];
    readonly problems: string[] = [];
    private left = itemsMax;

    constructor(private readonly places: Places) {}

    tell(problem: string): void {
        if (this.problems.length < problemsMax && !this.problems.includes(problem)) this.problems.push(problem);
    }

    children(item: Dataset): Dataset[] {
        const list = items(item, Sequence).slice(0, Math.max(0, this.left));
        this.left -= list.length;
        if (this.left <= 0) this.tell(t("The report is too long; the rest of it was not read"));
        return list;
    }

    walk(item: Dataset, depth: number): void {
        if (depth > depthMax) return this.tell(t("The report is nested too deeply; the rest of it was not read"));
        for (const child of this.children(item)) {
            const concept = conceptOf(child);
            if (typeOf(child) === "CONTAINER" && isCode(concept, Concept.group)) this.group(child);
            else if (typeOf(child) === "NUM" || typeOf(child) === "SCOORD" || typeOf(child) === "SCOORD3D") this.loose(child);
            else if (items(child, Sequence).length > 0) this.walk(child, depth + 1);
        }
    }

    /* A number or a drawing that stands by itself, as reports of other templates have it. */
    private loose(item: Dataset): void {
        const drawings: Drawing[] = [];
        const children = typeOf(item) === "NUM" ? this.children(item) : [item];
        for (const child of children) this.drawing(child, drawings);
        const quantity = drawings.length > 0 && typeOf(item) === "NUM" ? this.quantity(item, children) : undefined;
        if (drawings.length === 0) return;
        this.add({ drawings, quantities: quantity ? [quantity] : [], trackingId: nameOf(item), uid: "", tool: undefined, spacing: "", color: "", created: "", observed: "", lesion: {} });
    }

    group(container: Dataset): void {
        const drawings: Drawing[] = [];
        const quantities: Quantity[] = [];
        const found: Found = { drawings, quantities, trackingId: "", uid: "", tool: undefined, spacing: "", color: "", created: text(container, tagOf("ObservationDateTime")), observed: text(container, tagOf("ObservationUID")), lesion: {} };
        for (const item of this.children(container)) this.member(item, found);
        const name = found.trackingId || nameOf(container);
        if (drawings.length > 0) return this.add(found);
        if (lesionOf(found)) return this.keep(found, { kind: found.tool && found.tool in kinds ? (found.tool as Kind) : "label", points: [] }, undefined);
        this.tell(found.segmented ? t("{name}: it refers to a segmentation, which is not drawn from here", { name }) : t("{name}: it has no drawing on an image of this study", { name }));
    }

    private member(item: Dataset, found: Found): void {
        const concept = conceptOf(item);
        const value = codeValue(item);
        switch (typeOf(item)) {
            case "TEXT":
                if (isCode(concept, Concept.trackingId)) found.trackingId = text(item, tagOf("TextValue"));
                else if (isCode(concept, Concept.color)) found.color = text(item, tagOf("TextValue"));
                else if (isCode(concept, Concept.lesionOrgan)) found.lesion.organ = text(item, tagOf("TextValue")).slice(0, 100);
                else if (isCode(concept, Concept.lesionNumber)) found.lesion.number = Number(text(item, tagOf("TextValue")));
                else if (isCode(concept, Concept.comment)) found.comment = text(item, tagOf("TextValue"));
                return;
            case "UIDREF":
                if (isCode(concept, Concept.trackingUid)) found.uid = text(item, tagOf("UID"));
                return;
            case "CODE":
                if (isCode(concept, Concept.tool)) found.tool = value?.scheme === ownScheme ? value.value : undefined;
                else if (isCode(concept, Concept.spacing)) found.spacing = value?.value ?? "";
                else if (isCode(concept, Concept.lesionRole)) found.lesion.role = Object.keys(lesionRoles).find((r): r is LesionMark["role"] => r === value?.value);
                else if (isCode(concept, Concept.lesionState)) found.lesion.state = Object.keys(lesionStates).find((s): s is LesionMark["state"] => s === value?.value);
                else if (isCode(concept, Concept.lesionKind)) found.lesion.nodal = value?.value === "nodal";
                else if (isCode(concept, Concept.modality)) found.lesion.modality = value?.value ?? "";
                else if (isCode(concept, Concept.finding)) found.finding = value;
                else if (isCode(concept, Concept.findingSite) || concept?.value === "G-C0E3") found.site = value;
                else this.tell(t("{name}: {what} is not shown", { name: found.trackingId || t("A measurement"), what: `${nameOf(item)}: ${value?.meaning ?? ""}` }));
                return;
            case "NUM": {
                if (isCode(concept, Concept.sliceThickness)) {
                    found.lesion.sliceMm = number(items(item, tagOf("MeasuredValueSequence"))[0], tagOf("NumericValue"));
                    return;
                }
                const children = this.children(item);
                for (const child of children) this.drawing(child, found.drawings);
                const quantity = this.quantity(item, children);
                if (quantity) found.quantities.push(quantity);
                return;
            }
            case "SCOORD":
            case "SCOORD3D":
                return this.drawing(item, found.drawings);
            case "IMAGE":
                found.segmented ||= items(item, tagOf("ReferencedSOPSequence")).some((r) => r[tagOf("ReferencedSegmentNumber")] !== undefined);
                return;
            case "CONTAINER":
                for (const child of this.children(item)) this.member(child, found);
                return;
            default:
                return;
        }
    }

    private quantity(item: Dataset, children: readonly Dataset[]): Quantity | undefined {
        const measured = items(item, tagOf("MeasuredValueSequence"))[0];
        const value = number(measured, tagOf("FloatingPointValue")) ?? number(measured, tagOf("NumericValue"));
        const unit = codeOf(items(measured, tagOf("MeasurementUnitsCodeSequence"))[0])?.value ?? "1";
        const derivation = children.find((c) => isCode(conceptOf(c), Concept.derivation));
        const name = quantityName(conceptOf(item), derivation && codeValue(derivation), unit);
        if (value !== undefined && !name) this.tell(t("{name}: {value}: a quantity that is not listed here", { name: nameOf(item), value: `${value} ${unit}` }));
        return value === undefined || !name ? undefined : { name, value, unit };
    }

    private drawing(item: Dataset, into: Drawing[]): void {
        const type = typeOf(item);
        if (type !== "SCOORD" && type !== "SCOORD3D") return;
        const size = type === "SCOORD" ? 2 : 3;
        const flat = numbers(item, tagOf("GraphicData"));
        const points = Array.from({ length: Math.floor(flat.length / size) }, (_, i) => flat.slice(i * size, (i + 1) * size));
        const graphic = text(item, tagOf("GraphicType"));
        if (points.length === 0 || points.length > pointsMax || flat.length % size !== 0) return this.tell(t("{name}: its coordinates cannot be read", { name: nameOf(item) }));
        if (type === "SCOORD3D") {
            into.push({ type: graphic, points, frameOfReference: text(item, tagOf("ReferencedFrameOfReferenceUID")) });
            return;
        }
        const images = this.children(item).filter((c) => typeOf(c) === "IMAGE");
        const on = images.flatMap((c) => items(c, tagOf("ReferencedSOPSequence"))).flatMap((r) => keysOf(r, this.places))[0];
        if (on) into.push({ type: graphic, points, on });
        else this.tell(t("{name}: it is drawn on an image that is not in this study", { name: nameOf(item) }));
    }

    private add(found: Found): void {
        const name = found.trackingId || t("A measurement");
        const drawings = withoutRepeats(found.drawings);
        const first = drawings[0]!;
        const same = drawings.filter((d) => d.on?.instance === first.on?.instance && d.on?.frame === first.on?.frame && d.frameOfReference === first.frameOfReference);
        if (same.length < drawings.length) this.tell(t("{name}: it is drawn on several images; only the first is shown", { name }));
        const shape = shapeOf(found, same);
        if (typeof shape === "string") return this.tell(`${name}: ${shape}`);
        this.keep(found, shape, first);
    }

    private keep(found: Found, shape: Shape, first: Drawing | undefined): void {
        const lesion = lesionOf(found);
        const uid = lesion ? found.observed : found.uid;
        const foreign = foreignKind(found.trackingId);
        const isFreeText = found.finding?.value === "CORNERSTONEFREETEXT"; /* how others write the text of an arrow */
        const label = (foreign ? (isFreeText ? found.finding!.meaning : found.comment) : found.trackingId) ?? "";
        this.measurements.push({
            uid: /^[0-9.]{1,64}$/.test(uid) && !this.measurements.some((m) => m.uid === uid) ? uid : newUid(),
            kind: shape.kind,
            label: found.tool && label === kinds[shape.kind] ? "" : label,
            ...(lesion ? { lesion } : {}),
            ...(!first
                ? {}
                : first.on
                ? { on: first.on, points: shape.points as readonly unknown[] as readonly ImagePoint[] }
                : { frameOfReference: first.frameOfReference ?? "", spatial: shape.points as readonly unknown[] as readonly PatientPoint[] }),
            ...(shape.closed === undefined ? {} : { closed: shape.closed }),
            quantities: found.quantities,
            spacing: spacingOf(found),
            ...(found.finding && !isFreeText ? { finding: found.finding } : {}),
            ...(found.site ? { site: found.site } : {}),
            color: /^#[0-9a-f]{6}$/i.test(found.color) ? found.color.toLowerCase() : plainColor,
            locked: false,
            hidden: false,
            created: dtDate(found.created) ?? new Date(0).toISOString(),
        });
    }
}

interface Found {
    drawings: Drawing[];
    quantities: Quantity[];
    trackingId: string;
    uid: string;
    tool: string | undefined;
    spacing: string;
    color: string;
    created: string;
    comment?: string;
    finding?: Code | undefined;
    site?: Code | undefined;
    segmented?: boolean;
    observed: string; /* Observation UID */
    lesion: { [K in keyof LesionMark]?: LesionMark[K] | undefined };
}

/* All of it is there, and can be used. */
function lesionOf({ uid, lesion: { role, state, number: n, organ = "", nodal = false, modality, sliceMm } }: Found): LesionMark | undefined {
    if (!role || !state || !/^[0-9.]{1,64}$/.test(uid)) return undefined;
    const count = n !== undefined && Number.isInteger(n) && n > 0 && n < 1000 ? n : 1;
    return { uid, role, state, number: count, organ, nodal, ...(modality ? { modality } : {}), ...(sliceMm !== undefined && sliceMm > 0 ? { sliceMm } : {}) };
}

const sources = ["calibrated", "imager", "estimated", "user", "none"] as const;

function spacingOf(found: Found): Measurement["spacing"] {
    const said = sources.find((s) => s === found.spacing);
    const inPixels = found.quantities.some((q) => /pix|px/i.test(q.unit));
    return said ?? (inPixels ? "none" : "calibrated");
}

/* Several numbers of one drawing each repeat it. */
function withoutRepeats(list: readonly Drawing[]): Drawing[] {
    const seen = new Map<string, Drawing>();
    for (const d of list) {
        const key = JSON.stringify([d.type, d.points, d.on?.instance, d.on?.frame]);
        if (!seen.has(key)) seen.set(key, d);
    }
    return [...seen.values()];
}

interface Shape {
    kind: Kind;
    points: readonly (readonly number[])[];
    closed?: boolean;
}

const same = (a: readonly number[] | undefined, b: readonly number[] | undefined) => a !== undefined && b !== undefined && a.every((v, i) => Math.abs(v - b[i]!) < 1e-4);

/* Which mark draws this: the tool that made it where that is said, else what the graphic is. A string: why it cannot be. */
function shapeOf(found: Found, drawings: readonly Drawing[]): Shape | string {
    const said = (found.tool && found.tool in kinds ? (found.tool as Kind) : undefined) ?? foreignKind(found.trackingId);
    const has = (name: string) => found.quantities.some((q) => q.name === name);
    const [first, second] = drawings as [Drawing, Drawing | undefined];
    const lines = drawings.filter((d) => d.type === "POLYLINE" && d.points.length === 2);
    if (second && lines.length >= 2) {
        const [a, b] = lines as [Drawing, Drawing];
        const isCobb = said === "cobb" || (said === undefined && has("angle"));
        return { kind: isCobb ? "cobb" : "bidirectional", points: [...a.points, ...b.points] };
    }
    const { type, points } = first;
    const isRing = type === "POLYGON" || (type === "POLYLINE" && points.length > 2 && same(points[0], points.at(-1)));
    if (type === "POINT") return { kind: said === "label" || said === "arrow" ? "label" : said === "probe" || found.quantities.length > 0 ? "probe" : "label", points: points.slice(0, 1) };
    if (type === "ELLIPSE" && points.length === 4) return said === "circle" ? { kind: said, points: circleOf(points, !first.on) } : { kind: "ellipse", points };
    if (type === "CIRCLE" && points.length === 2) return { kind: "circle", points };
    if (type === "MULTIPOINT" && points.length === 4 && (said === "bidirectional" || said === "cobb")) return { kind: said, points };
    if (type === "MULTIPOINT" && points.length === 3 && has("angle")) return { kind: "angle", points };
    if (type !== "POLYLINE" && type !== "POLYGON") return t("{type} of {count} points cannot be drawn", { type: type || "?", count: points.length });
    if (isRing) {
        const ring = same(points[0], points.at(-1)) ? points.slice(0, -1) : points;
        const kind = said === "rectangle" || said === "freehand" || said === "spline" || said === "livewire" ? said : "freehand";
        return kind === "rectangle" && ring.length === 4 ? { kind, points: ring } : { kind: kind === "rectangle" ? "freehand" : kind, points: ring, closed: true };
    }
    return openLine(said, points, has);
}

function openLine(said: Kind | undefined, points: readonly (readonly number[])[], has: (name: string) => boolean): Shape {
    const two = points.length === 2;
    if (two && said === "circle") return { kind: "circle", points };
    if (said === "freehand" || said === "spline" || said === "livewire") return { kind: said, points, closed: false };
    if (two) return { kind: said === "arrow" || (said === undefined && !has("length")) ? "arrow" : "length", points };
    if (points.length === 3 && (said === "angle" || has("angle"))) return { kind: "angle", points };
    if (points.length === 4 && (said === "cobb" || (said === undefined && has("angle")))) return { kind: "cobb", points };
    if (points.length === 4 && said === "rectangle") return { kind: "rectangle", points };
    return { kind: "freehand", points, closed: false };
}

/* Centre and rim; in the patient also a quarter on. */
const circleOf = ([a, b, , d]: readonly (readonly number[])[], isSpatial: boolean): (readonly number[])[] => [a!.map((v, i) => (v + b![i]!) / 2), b!, ...(isSpatial ? [d!] : [])];

/** Reads one SR object. `places` knows the objects that are in the study; what is drawn on others is named. */
export function readReport(ds: Dataset, places: Places): ReadReport {
    const reader = new Reader(places);
    reader.walk(ds, 0);
    const title = text(ds, "0008103E") || codeOf(items(ds, tagOf("ConceptNameCodeSequence"))[0])?.meaning || "";
    return { title, measurements: reader.measurements, problems: reader.problems };
}

/** One measurement whose tracking identifier, numbers and drawings are the content of `container`; undefined where it has no drawing
 *  that is in the study. */
export function readGroup(container: Dataset, places: Places): Measurement | undefined {
    const reader = new Reader(places);
    reader.group(container);
    return reader.measurements[0];
}
