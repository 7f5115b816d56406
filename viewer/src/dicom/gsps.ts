/** How images are shown and what is drawn on them, as a Grayscale Softcopy Presentation State.   PS3.3 §A.33.1 */

import { items, number, numbers, text, texts, type Dataset } from "../dicomweb/json";
import { cielab, daText, dataset, fromCielab, keysOf, newObject, referencedImages, referencedSeries, sorted, tagOf, tmText, type FrameCounts, type Places } from "./dataset";
import type { FrameKey, ImagePoint, Measurement } from "./measurement";
import { graphicsOf, type ReportOrigin } from "./sr-write";

export const softcopyState = "1.2.840.10008.5.1.4.1.1.11.1";

export type Turn = 0 | 90 | 180 | 270;

/** The part of the image that is shown: edges in image points, 0,0 being the outer corner of the first pixel. */
export interface Area {
    left: number;
    top: number;
    right: number;
    bottom: number;
}

export interface Display {
    window: { center: number; width: number } | undefined; /* in the units that `rescale` gives */
    rescale: { slope: number; intercept: number; unit: string };
    inverted: boolean; /* against what the photometric interpretation says */
    turn: Turn; /* clockwise, and then */
    mirrored: boolean; /* left to right */
    area: Area | undefined; /* undefined: all of it */
    magnification: number | undefined; /* screen pixels for one of the image, where it is a fixed one */
}

/** A drawing of a presentation state. Points are of the image, or shares of the pane. */
export interface Drawn {
    on: FrameKey | undefined; /* undefined: on each image of the state */
    inPane: boolean;
    type: "POINT" | "POLYLINE" | "INTERPOLATED" | "CIRCLE" | "ELLIPSE" | "TEXT";
    points: readonly ImagePoint[]; /* of a text: its anchor, or the two corners of its box */
    filled: boolean;
    text: string;
    color: string;
}

export type Shutter =
    | { shape: "rectangle"; area: Area }
    | { shape: "circle"; center: ImagePoint; radius: number }
    | { shape: "polygon"; points: readonly ImagePoint[] };

export interface PresentationState {
    label: string;
    description: string;
    images: readonly FrameKey[];
    display: Display;
    drawn: readonly Drawn[];
    shutters: readonly Shutter[];
    problems: readonly string[];
}

/* ---- writing ---- */

const layer = "MARKS";

/* The first pixel that is shown is the one at the upper left of the screen, as it lies there.   PS3.3 §C.10.4 */
function areaItem(display: Display, rows: number, columns: number): Dataset {
    const { left, top, right, bottom } = display.area ?? { left: 0, top: 0, right: columns, bottom: rows };
    const [x0, y0, x1, y1] = [Math.floor(left) + 1, Math.floor(top) + 1, Math.ceil(right), Math.ceil(bottom)];
    const corners: Record<Turn, readonly [ImagePoint, ImagePoint]> = {
        0: [[x0, y0], [x1, y1]],
        90: [[x0, y1], [x1, y0]],
        180: [[x1, y1], [x0, y0]],
        270: [[x1, y0], [x0, y1]],
    };
    const [a, b] = corners[display.turn];
    const isSide = display.turn === 90 || display.turn === 270;
    /* mirrored, the other two corners: the axis that runs across the screen is exchanged */
    const across = isSide ? 1 : 0;
    const [first, last] = display.mirrored ? [swapAxis(a, b, across), swapAxis(b, a, across)] : [a, b];
    return dataset({
        DisplayedAreaTopLeftHandCorner: [...first],
        DisplayedAreaBottomRightHandCorner: [...last],
        PresentationSizeMode: "SCALE TO FIT",
        PresentationPixelAspectRatio: [1, 1],
    });
}

const swapAxis = (to: ImagePoint, from: ImagePoint, axis: 0 | 1): ImagePoint => (axis === 0 ? [from[0], to[1]] : [to[0], from[1]]);

function graphicItem(type: string, points: readonly (readonly number[])[]): Dataset {
    return dataset({
        GraphicAnnotationUnits: "PIXEL",
        GraphicDimensions: 2,
        NumberOfGraphicPoints: points.length,
        GraphicData: points.flat(),
        GraphicType: type,
        GraphicFilled: type === "POINT" ? undefined : "N",
    });
}

function words(m: Measurement): string {
    const values = m.quantities.map((q) => `${q.name} ${Number(q.value.toPrecision(5))} ${q.unit}`);
    return [m.label, ...values].filter((l) => l !== "").join("\r\n").slice(0, 1024);
}

function textItem(at: readonly number[], said: string): Dataset {
    return dataset({ UnformattedTextValue: said, AnchorPointAnnotationUnits: "PIXEL", AnchorPoint: [at[0]!, at[1]!], AnchorPointVisibility: "Y" });
}

function annotationItem(m: Measurement, key: FrameKey, counts: FrameCounts): Dataset | undefined {
    const graphics = graphicsOf(m);
    const said = words(m);
    const first = graphics[0]?.points[0];
    if (!first) return undefined;
    return dataset({
        ReferencedImageSequence: referencedImages([key], counts),
        GraphicLayer: layer,
        TextObjectSequence: said ? [textItem(first, said)] : undefined,
        GraphicObjectSequence: graphics.map((g) => graphicItem(g.type, g.points)),
    });
}

export interface StateOrigin extends ReportOrigin {
    label: string; /* a short name: at most 16 capitals, digits, blanks and _ */
}

export interface ShownImages {
    keys: readonly FrameKey[]; /* all of one size and one rescale */
    rows: number;
    columns: number;
    aspect: readonly [vertical: number, horizontal: number] | undefined; /* pixel spacing, mm */
}

export const contentLabel = (name: string): string => name.toUpperCase().replace(/[^A-Z0-9_ ]/g, "_").slice(0, 16).trim() || "DISPLAY";

export function presentationState(display: Display, shown: ShownImages, marks: readonly Measurement[], source: Dataset, counts: FrameCounts, origin: StateOrigin): Dataset {
    if (shown.keys.length === 0) throw new RangeError("a presentation state needs an image");
    const here = new Set(shown.keys.map((k) => `${k.instance}/${k.frame}`));
    const annotations = marks
        .filter((m) => !m.hidden && m.on && here.has(`${m.on.instance}/${m.on.frame}`))
        .map((m) => annotationItem(m, m.on!, counts))
        .filter((item) => item !== undefined);
    const { slope, intercept, unit } = display.rescale;
    const area = areaItem(display, shown.rows, shown.columns);
    const sized = shown.aspect ? { ...area, ...dataset({ PresentationPixelSpacing: [...shown.aspect] }) } : area;
    if (shown.aspect) delete (sized as Record<string, unknown>)[tagOf("PresentationPixelAspectRatio")];
    return sorted({
        ...newObject(source, softcopyState, "PR", origin),
        ...dataset({
            Laterality: "",
            ContentLabel: contentLabel(origin.label),
            ContentDescription: origin.seriesDescription.slice(0, 64),
            ContentCreatorName: origin.observer ?? "",
            PresentationCreationDate: daText(origin.date),
            PresentationCreationTime: tmText(origin.date),
            ReferencedSeriesSequence: referencedSeries(shown.keys, counts),
            DisplayedAreaSelectionSequence: [sized],
            ImageRotation: display.turn,
            ImageHorizontalFlip: display.mirrored ? "Y" : "N",
            RescaleIntercept: intercept,
            RescaleSlope: slope,
            RescaleType: unit || "US",
            SoftcopyVOILUTSequence: display.window ? [dataset({ WindowCenter: display.window.center, WindowWidth: display.window.width })] : undefined,
            PresentationLUTShape: display.inverted ? "INVERSE" : "IDENTITY",
            GraphicAnnotationSequence: annotations.length > 0 ? annotations : undefined,
            GraphicLayerSequence: annotations.length > 0 ? [dataset({ GraphicLayer: layer, GraphicLayerOrder: 1, GraphicLayerRecommendedDisplayCIELabValue: cielab("#f4c542") })] : undefined,
        }),
    });
}

/* ---- reading ---- */

const pairs = (flat: readonly number[]): ImagePoint[] => Array.from({ length: Math.floor(flat.length / 2) }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!] as const);
const graphicTypes = ["POINT", "POLYLINE", "INTERPOLATED", "CIRCLE", "ELLIPSE"] as const;
const drawnMax = 2000;

function readArea(item: Dataset | undefined): { area: Area | undefined; magnification: number | undefined } {
    const [a, b] = [numbers(item, tagOf("DisplayedAreaTopLeftHandCorner")), numbers(item, tagOf("DisplayedAreaBottomRightHandCorner"))];
    if (a.length < 2 || b.length < 2) return { area: undefined, magnification: undefined };
    const mode = text(item, tagOf("PresentationSizeMode"));
    const ratio = number(item, tagOf("PresentationPixelMagnificationRatio"));
    return {
        area: { left: Math.min(a[0]!, b[0]!) - 1, top: Math.min(a[1]!, b[1]!) - 1, right: Math.max(a[0]!, b[0]!), bottom: Math.max(a[1]!, b[1]!) },
        magnification: mode === "MAGNIFY" && ratio !== undefined && ratio > 0 ? ratio : undefined,
    };
}

/* Whether an item without references, or with one to this image, is about it. */
function isAbout(item: Dataset, key: FrameKey, places: Places): boolean {
    const references = items(item, tagOf("ReferencedImageSequence"));
    if (references.length === 0) return true;
    return references.some((r) => text(r, tagOf("ReferencedSOPInstanceUID")) === key.instance && (r[tagOf("ReferencedFrameNumber")] === undefined || keysOf(r, places).some((k) => k.frame === key.frame)));
}

const layerColor = (ds: Dataset, name: string): string => {
    const item = items(ds, tagOf("GraphicLayerSequence")).find((l) => text(l, tagOf("GraphicLayer")) === name);
    const lab = numbers(item, tagOf("GraphicLayerRecommendedDisplayCIELabValue"));
    return lab.length === 3 ? fromCielab(lab) : "#f4c542";
};

function readText(item: Dataset): Pick<Drawn, "type" | "points" | "text" | "inPane"> | undefined {
    const said = text(item, tagOf("UnformattedTextValue"));
    const anchor = pairs(numbers(item, tagOf("AnchorPoint"))).slice(0, 1);
    const box = [...pairs(numbers(item, tagOf("BoundingBoxTopLeftHandCorner"))).slice(0, 1), ...pairs(numbers(item, tagOf("BoundingBoxBottomRightHandCorner"))).slice(0, 1)];
    const points = box.length === 2 ? box : anchor;
    const units = text(item, tagOf(box.length === 2 ? "BoundingBoxAnnotationUnits" : "AnchorPointAnnotationUnits"));
    return said && points.length > 0 ? { type: "TEXT", points, text: said.slice(0, 1024), inPane: units === "DISPLAY" } : undefined;
}

function readDrawn(ds: Dataset, places: Places, problems: string[]): Drawn[] {
    const out: Drawn[] = [];
    for (const annotation of items(ds, tagOf("GraphicAnnotationSequence"))) {
        const color = layerColor(ds, text(annotation, tagOf("GraphicLayer")));
        const references = items(annotation, tagOf("ReferencedImageSequence"));
        const keys: (FrameKey | undefined)[] = references.length === 0 ? [undefined] : references.flatMap((r) => keysOf(r, places));
        const shapes: Omit<Drawn, "on">[] = [];
        for (const g of items(annotation, tagOf("GraphicObjectSequence"))) {
            const type = graphicTypes.find((known) => known === text(g, tagOf("GraphicType")));
            const points = pairs(numbers(g, tagOf("GraphicData")));
            if (!type || points.length === 0) problems.push(`${text(g, tagOf("GraphicType")) || "?"}: ${points.length}`);
            else shapes.push({ type, points, filled: text(g, tagOf("GraphicFilled")) === "Y", text: "", color, inPane: text(g, tagOf("GraphicAnnotationUnits")) === "DISPLAY" });
        }
        for (const item of items(annotation, tagOf("TextObjectSequence"))) {
            const read = readText(item);
            if (read) shapes.push({ ...read, filled: false, color });
        }
        for (const on of keys) for (const shape of shapes) if (out.length < drawnMax) out.push({ on, ...shape });
    }
    return out;
}

function readShutters(ds: Dataset): Shutter[] {
    const out: Shutter[] = [];
    const edge = (tag: string) => number(ds, tag);
    for (const shape of texts(ds, "00181600")) {
        const [left, right, top, bottom] = [edge("00181602"), edge("00181604"), edge("00181606"), edge("00181608")];
        const [row, column] = numbers(ds, "00181610");
        const radius = edge("00181612");
        const flat = numbers(ds, "00181620"); /* row, column */
        if (shape === "RECTANGULAR" && left !== undefined && right !== undefined && top !== undefined && bottom !== undefined)
            out.push({ shape: "rectangle", area: { left: left - 0.5, right: right - 0.5, top: top - 0.5, bottom: bottom - 0.5 } });
        if (shape === "CIRCULAR" && row !== undefined && column !== undefined && radius !== undefined) out.push({ shape: "circle", center: [column - 0.5, row - 0.5], radius });
        if (shape === "POLYGONAL" && flat.length >= 6) out.push({ shape: "polygon", points: pairs(flat).map(([y, x]) => [x - 0.5, y - 0.5] as const) });
    }
    return out;
}

/** Reads a state as it stands for `image`, or for the first image it refers to. */
export function readPresentationState(ds: Dataset, places: Places, image?: FrameKey): PresentationState {
    const references = items(ds, tagOf("ReferencedSeriesSequence")).flatMap((s) => items(s, tagOf("ReferencedImageSequence")));
    const images = references.flatMap((r) => {
        const place = places(text(r, tagOf("ReferencedSOPInstanceUID")));
        if (!place || r[tagOf("ReferencedFrameNumber")] !== undefined) return keysOf(r, places);
        const instance = text(r, tagOf("ReferencedSOPInstanceUID"));
        return Array.from({ length: Math.min(place.frames, drawnMax) }, (_, i) => ({ study: place.study, series: place.series, sopClass: place.sopClass, instance, frame: i + 1 }));
    });
    const key = image ?? images[0];
    const about = (tag: string) => items(ds, tag).find((i) => key === undefined || isAbout(i, key, places));
    const voi = about(tagOf("SoftcopyVOILUTSequence"));
    const [center, width] = [number(voi, tagOf("WindowCenter")), number(voi, tagOf("WindowWidth"))];
    const problems: string[] = [];
    if (voi && center === undefined) problems.push("VOI LUT");
    if (images.length === 0) problems.push("images");
    const turn = ([90, 180, 270] as const).find((a) => a === number(ds, tagOf("ImageRotation"))) ?? 0;
    return {
        label: text(ds, tagOf("ContentLabel")),
        description: text(ds, tagOf("ContentDescription")),
        images,
        display: {
            window: center !== undefined && width !== undefined && width > 0 ? { center, width } : undefined,
            rescale: { slope: number(ds, tagOf("RescaleSlope")) || 1, intercept: number(ds, tagOf("RescaleIntercept")) ?? 0, unit: text(ds, tagOf("RescaleType")) },
            inverted: text(ds, tagOf("PresentationLUTShape")) === "INVERSE",
            turn,
            mirrored: text(ds, tagOf("ImageHorizontalFlip")) === "Y",
            ...readArea(about(tagOf("DisplayedAreaSelectionSequence"))),
        },
        drawn: readDrawn(ds, places, problems),
        shutters: readShutters(ds),
        problems,
    };
}

/** A window of the state in the units of an image that rescales otherwise. Without a rescale of its own a state is about
 *  stored values.   PS3.4 §N.2.1 */
export function windowFor(display: Display, image: { slope: number; intercept: number }): { center: number; width: number } | undefined {
    if (!display.window) return undefined;
    const { slope, intercept } = display.rescale;
    const factor = image.slope / slope;
    return { center: (display.window.center - intercept) * factor + image.intercept, width: Math.abs(display.window.width * factor) };
}

/* ---- the place of a picture in its pane ---- */

type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** How a picture is turned and mirrored on screen, from where its points lie. */
export function turnOf([a, b, c, d]: Affine): { turn: Turn; mirrored: boolean } {
    const mirrored = a * d - b * c < 0;
    const angle = Math.round(Math.atan2(b, mirrored ? -a : a) / (Math.PI / 2));
    return { turn: (((angle + 4) % 4) * 90) as Turn, mirrored };
}

/** What of the image the pane shows; undefined when that is all of it. */
export function areaOf([a, b, c, d, e, f]: Affine, pane: { width: number; height: number }, image: { rows: number; columns: number }): Area | undefined {
    const det = a * d - b * c;
    const at = (x: number, y: number): ImagePoint => [(d * (x - e) - c * (y - f)) / det, (a * (y - f) - b * (x - e)) / det];
    const corners = [at(0, 0), at(pane.width, pane.height)] as const;
    const [left, right] = [Math.min(corners[0][0], corners[1][0]), Math.max(corners[0][0], corners[1][0])];
    const [top, bottom] = [Math.min(corners[0][1], corners[1][1]), Math.max(corners[0][1], corners[1][1])];
    if (![left, right, top, bottom].every(Number.isFinite)) return undefined;
    const isAll = left <= 0.5 && top <= 0.5 && right >= image.columns - 0.5 && bottom >= image.rows - 0.5;
    return isAll ? undefined : { left, top, right, bottom };
}
