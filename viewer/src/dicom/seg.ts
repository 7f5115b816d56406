/** Segmentations: bit maps (BINARY), shares (FRACTIONAL) and label maps, over the frames that they were drawn on.
 *  PS3.3 §A.51, §C.8.20 */

import type { BulkPart } from "../dicomweb/stow";
import { items, number, numbers, text, type Dataset } from "../dicomweb/json";
import { frameDataset } from "../imaging/frame";
import { cielab, code, codeItem, codeOf, daText, dataset, fromCielab, imageReference, keysOf, newObject, referencedSeries, sorted, tagOf, tmText, type FrameCounts, type Origin, type Places } from "./dataset";
import type { Code, FrameKey } from "./measurement";
import { newUid } from "./uid";

export const segmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4";
export const labelMapStorage = "1.2.840.10008.5.1.4.1.1.66.7";

export type SegmentationKind = "BINARY" | "FRACTIONAL" | "LABELMAP";

export interface Segment {
    number: number; /* from 1, without gaps */
    label: string;
    category: Code; /* CID 7150 */
    type: Code; /* CID 7151 and its kin */
    color: string; /* #rrggbb */
    algorithm: "MANUAL" | "SEMIAUTOMATIC" | "AUTOMATIC";
    algorithmName: string; /* empty for MANUAL */
    trackingUid?: string;
}

/** One frame of a segmentation: a value for each pixel of the frame `on`. BINARY: 0 or 1; FRACTIONAL: 0 to 255; LABELMAP:
 *  the number of a segment or 0, and `segment` is 0. */
export interface SegmentPlane {
    on: FrameKey;
    segment: number;
    values: Uint8Array;
}

export const plainCategory = code("85756007", "SCT", "Tissue");
export const plainType = code("85756007", "SCT", "Tissue");

const bulkName = "pixels";

/* ---- pixels ---- */

/** Bits one after another across frames, the first in the lowest of a byte.   PS3.5 §8.1.1, §D */
export function packBits(frames: readonly Uint8Array[]): Uint8Array {
    const length = frames.reduce((n, f) => n + f.length, 0);
    const out = new Uint8Array(2 * Math.ceil(length / 16));
    let at = 0;
    for (const frame of frames)
        for (const value of frame) {
            if (value !== 0) out[at >> 3]! |= 1 << (at & 7);
            at++;
        }
    return out;
}

export function unpackBits(bytes: Uint8Array, pixels: number, frame: number): Uint8Array {
    const first = frame * pixels;
    return Uint8Array.from({ length: pixels }, (_, i) => ((bytes[(first + i) >> 3] ?? 0) >> ((first + i) & 7)) & 1);
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
    const length = frames.reduce((n, f) => n + f.length, 0);
    const out = new Uint8Array(length + (length & 1));
    frames.reduce((at, f) => (out.set(f, at), at + f.length), 0);
    return out;
}

/* ---- writing ---- */

interface Geometry {
    position: readonly number[]; /* empty: it has no place in the patient */
    orientation: readonly number[];
    spacing: readonly number[];
    thickness: number | undefined;
    frameOfReference: string;
    rows: number;
    columns: number;
}

function geometryOf(ds: Dataset, frame: number): Geometry {
    const own = frameDataset(ds, frame);
    return {
        position: numbers(own, "00200032"),
        orientation: numbers(own, "00200037"),
        spacing: numbers(own, "00280030"),
        thickness: number(own, "00180050"),
        frameOfReference: text(own, "00200052"),
        rows: number(own, "00280010") ?? 0,
        columns: number(own, "00280011") ?? 0,
    };
}

const isPlaced = (g: Geometry) => g.position.length === 3 && g.orientation.length === 6;

function depth({ position: p, orientation: o }: Geometry): number {
    if (p.length !== 3 || o.length !== 6) return 0;
    return (o[1]! * o[5]! - o[2]! * o[4]!) * p[0]! + (o[2]! * o[3]! - o[0]! * o[5]!) * p[1]! + (o[0]! * o[4]! - o[1]! * o[3]!) * p[2]!;
}

function segmentItem(s: Segment): Dataset {
    return dataset({
        SegmentNumber: s.number,
        SegmentLabel: [...s.label].slice(0, 64).join("") || String(s.number),
        SegmentedPropertyCategoryCodeSequence: [codeItem(s.category)],
        SegmentedPropertyTypeCodeSequence: [codeItem(s.type)],
        SegmentAlgorithmType: s.algorithm,
        SegmentAlgorithmName: s.algorithm === "MANUAL" ? undefined : s.algorithmName || "Isocenter viewer",
        RecommendedDisplayCIELabValue: cielab(s.color),
        TrackingID: s.trackingUid ? s.label || String(s.number) : undefined,
        TrackingUID: s.trackingUid,
    });
}

function derivation(on: FrameKey, counts: FrameCounts): Dataset {
    const purpose = codeItem(code("121322", "DCM", "Source image for image processing operation"));
    return dataset({
        DerivationCodeSequence: [codeItem(code("113076", "DCM", "Segmentation"))],
        SourceImageSequence: [{ ...imageReference(on, counts), ...dataset({ PurposeOfReferenceCodeSequence: [purpose], SpatialLocationsPreserved: "YES" }) }],
    });
}

function dimensions(isPlacedAll: boolean, hasSegments: boolean, organization: string): Dataset[] {
    const index = (pointer: string, group: string, label: string) =>
        dataset({ DimensionOrganizationUID: organization, DimensionIndexPointer: pointer, FunctionalGroupPointer: group, DimensionDescriptionLabel: label });
    return [
        ...(hasSegments ? [index(tagOf("ReferencedSegmentNumber"), tagOf("SegmentIdentificationSequence"), "ReferencedSegmentNumber")] : []),
        ...(isPlacedAll ? [index(tagOf("ImagePositionPatient"), tagOf("PlanePositionSequence"), "ImagePositionPatient")] : []),
    ];
}

export interface SegmentationOrigin extends Origin {
    label: string; /* at most 16 capitals, digits, blanks and _ */
    creator?: string;
    stepMm?: number; /* between the slices of the series, where they are even */
    fractions?: { kind: "PROBABILITY" | "OCCUPANCY"; maximum: number };
}

/** The object and its pixels, to be stored together. All planes are of one size and lie alike: RangeError otherwise. */
export function segmentation(kind: SegmentationKind, segments: readonly Segment[], planes: readonly SegmentPlane[], sources: readonly Dataset[], origin: SegmentationOrigin): { object: Dataset; bulk: BulkPart[] } {
    const objects = new Map(sources.map((ds) => [text(ds, "00080018"), ds]));
    const counts: FrameCounts = (instance) => number(objects.get(instance), "00280008") ?? 1;
    const placed = planes.map((plane) => {
        const source = objects.get(plane.on.instance);
        if (!source) throw new RangeError("a segmentation names an image that is not given");
        return { plane, at: geometryOf(source, plane.on.frame) };
    });
    const [first] = placed;
    if (!first || segments.length === 0) throw new RangeError("there is nothing in the segmentation");
    const { rows, columns, orientation } = first.at;
    const pixels = rows * columns;
    const isSame = (g: Geometry) => g.rows === rows && g.columns === columns && g.orientation.every((v, i) => Math.abs(v - (orientation[i] ?? NaN)) < 1e-4);
    if (placed.some(({ plane, at }) => plane.values.length !== pixels || !isSame(at))) throw new RangeError("the images of a segmentation must have one size and lie in parallel");
    const isPlacedAll = placed.every(({ at }) => isPlaced(at));
    placed.sort((a, b) => a.plane.segment - b.plane.segment || depth(a.at) - depth(b.at));
    const depths = [...new Set(placed.map(({ at }) => depth(at).toFixed(3)))].sort((a, b) => Number(a) - Number(b));
    const source = objects.get(first.plane.on.instance)!;
    const organization = newUid();
    const isMap = kind === "LABELMAP";
    const perFrame = placed.map(({ plane, at }) =>
        dataset({
            FrameContentSequence: [dataset({ DimensionIndexValues: [...(isMap ? [] : [plane.segment]), ...(isPlacedAll ? [depths.indexOf(depth(at).toFixed(3)) + 1] : [])] })],
            PlanePositionSequence: isPlacedAll ? [dataset({ ImagePositionPatient: [...at.position] })] : undefined,
            SegmentIdentificationSequence: isMap ? undefined : [dataset({ ReferencedSegmentNumber: plane.segment })],
            DerivationImageSequence: [derivation(plane.on, counts)],
        }),
    );
    const gaps = depths.slice(1).map((d, i) => Number(d) - Number(depths[i]));
    const step = gaps.length > 0 ? Math.min(...gaps) : undefined;
    /* The macro wants a thickness; where nothing tells one the images that are referred to say all there is. */
    const thickness = first.at.thickness ?? origin.stepMm ?? step;
    const measures = dataset({ PixelSpacing: [...first.at.spacing], SliceThickness: thickness, SpacingBetweenSlices: step });
    const shared = dataset({
        PixelMeasuresSequence: first.at.spacing.length === 2 && thickness !== undefined ? [measures] : undefined,
        PlaneOrientationSequence: isPlacedAll ? [dataset({ ImageOrientationPatient: [...orientation] })] : undefined,
    });
    const bits = kind === "BINARY" ? 1 : 8;
    const object = sorted({
        ...newObject(source, isMap ? labelMapStorage : segmentationStorage, "SEG", origin),
        ...dataset({
            ImageType: ["DERIVED", "PRIMARY"],
            ContentDate: daText(origin.date),
            ContentTime: tmText(origin.date),
            ContentLabel: origin.label.toUpperCase().replace(/[^A-Z0-9_ ]/g, "_").slice(0, 16).trim() || "SEGMENTATION",
            ContentDescription: [...origin.seriesDescription].slice(0, 64).join(""),
            ContentCreatorName: origin.creator ?? "",
            ReferencedSeriesSequence: commonReferences(planes, counts),
            FrameOfReferenceUID: first.at.frameOfReference || undefined,
            PositionReferenceIndicator: first.at.frameOfReference ? "" : undefined,
            DimensionOrganizationSequence: [dataset({ DimensionOrganizationUID: organization })],
            DimensionIndexSequence: dimensions(isPlacedAll, !isMap, organization),
            SamplesPerPixel: 1,
            PhotometricInterpretation: "MONOCHROME2",
            NumberOfFrames: placed.length,
            Rows: rows,
            Columns: columns,
            BitsAllocated: bits,
            BitsStored: bits,
            HighBit: bits - 1,
            PixelRepresentation: 0,
            LossyImageCompression: "00",
            SegmentationType: kind,
            SegmentationFractionalType: kind === "FRACTIONAL" ? (origin.fractions?.kind ?? "PROBABILITY") : undefined,
            MaximumFractionalValue: kind === "FRACTIONAL" ? (origin.fractions?.maximum ?? 255) : undefined,
            SegmentsOverlap: isMap ? "NO" : "UNDEFINED",
            SegmentSequence: segments.map(segmentItem),
            SharedFunctionalGroupsSequence: [shared],
            PerFrameFunctionalGroupsSequence: perFrame,
            PixelData: { vr: "OB", BulkDataURI: bulkName },
        }),
    });
    const frames = placed.map(({ plane }) => plane.values);
    return { object, bulk: [{ location: bulkName, bytes: kind === "BINARY" ? packBits(frames) : joined(frames) }] };
}

/* Common Instance Reference: the objects, without frames.   PS3.3 §C.12.2 */
function commonReferences(planes: readonly SegmentPlane[], counts: FrameCounts): Dataset[] {
    const keys = [...new Map(planes.map((p) => [p.on.instance, p.on])).values()];
    return referencedSeries(keys, counts).map((series) => ({
        ...dataset({
            ReferencedInstanceSequence: items(series, tagOf("ReferencedImageSequence")).map((i) =>
                dataset({ ReferencedSOPClassUID: text(i, tagOf("ReferencedSOPClassUID")), ReferencedSOPInstanceUID: text(i, tagOf("ReferencedSOPInstanceUID")) }),
            ),
        }),
        [tagOf("SeriesInstanceUID")]: series[tagOf("SeriesInstanceUID")],
    }));
}

/* ---- reading ---- */

export interface ReadPlane {
    segment: number;
    on: FrameKey | undefined; /* the frame it was made from, where that is said and in the study */
    position: readonly number[];
    values: Uint8Array;
}

export interface ReadSegmentation {
    kind: SegmentationKind;
    label: string;
    rows: number;
    columns: number;
    maximum: number; /* the value that stands for all of a pixel: 1, or that of FRACTIONAL */
    fractionalType: "PROBABILITY" | "OCCUPANCY";
    orientation: readonly number[];
    spacing: readonly number[];
    frameOfReference: string;
    segments: Segment[];
    planes: ReadPlane[];
}

const framesMax = 20_000;

export function readSegment(item: Dataset): Segment {
    const lab = numbers(item, tagOf("RecommendedDisplayCIELabValue"));
    const algorithm = (["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC"] as const).find((a) => a === text(item, tagOf("SegmentAlgorithmType")));
    const trackingUid = text(item, tagOf("TrackingUID"));
    return {
        number: number(item, tagOf("SegmentNumber")) ?? 0,
        label: text(item, tagOf("SegmentLabel")),
        category: codeOf(items(item, tagOf("SegmentedPropertyCategoryCodeSequence"))[0]) ?? plainCategory,
        type: codeOf(items(item, tagOf("SegmentedPropertyTypeCodeSequence"))[0]) ?? plainType,
        color: lab.length === 3 ? fromCielab(lab) : "#f4c542",
        algorithm: algorithm ?? "MANUAL",
        algorithmName: text(item, tagOf("SegmentAlgorithmName")),
        ...(trackingUid ? { trackingUid } : {}),
    };
}

/** `pixels`: Pixel Data as it is stored uncompressed. Throws RangeError, with the reason, for what is no segmentation that
 *  can be read: 16-bit label maps, pixels cut short. */
export function readSegmentation(ds: Dataset, pixels: Uint8Array, places: Places): ReadSegmentation {
    const kind = (["BINARY", "FRACTIONAL", "LABELMAP"] as const).find((k) => k === text(ds, tagOf("SegmentationType")));
    const [rows, columns, frames] = [number(ds, tagOf("Rows")) ?? 0, number(ds, tagOf("Columns")) ?? 0, number(ds, tagOf("NumberOfFrames")) ?? 1];
    const bits = number(ds, tagOf("BitsAllocated"));
    const size = rows * columns;
    if (!kind || size <= 0 || frames < 1 || frames > framesMax) throw new RangeError("it is no segmentation that can be read");
    if (bits !== (kind === "BINARY" ? 1 : 8)) throw new RangeError(`its values have ${bits ?? 0} bits`);
    if (pixels.length * (bits === 1 ? 8 : 1) < size * frames) throw new RangeError("its pixels are cut short");
    const shared = frameDataset(ds, 1);
    const sharedGroups = items(ds, tagOf("SharedFunctionalGroupsSequence"))[0];
    const perFrame = items(ds, tagOf("PerFrameFunctionalGroupsSequence"));
    const planes = Array.from({ length: frames }, (_, i): ReadPlane => {
        const own = perFrame[i];
        const from = (tag: string) => items(own, tag)[0] ?? items(sharedGroups, tag)[0];
        const reference = items(from(tagOf("DerivationImageSequence")), tagOf("SourceImageSequence"))[0];
        return {
            segment: kind === "LABELMAP" ? 0 : (number(from(tagOf("SegmentIdentificationSequence")), tagOf("ReferencedSegmentNumber")) ?? 0),
            on: reference ? keysOf(reference, places)[0] : undefined,
            position: numbers(from(tagOf("PlanePositionSequence")), tagOf("ImagePositionPatient")),
            values: bits === 1 ? unpackBits(pixels, size, i) : pixels.slice(i * size, (i + 1) * size),
        };
    });
    return {
        kind,
        label: text(ds, tagOf("ContentDescription")) || text(ds, tagOf("ContentLabel")),
        rows,
        columns,
        fractionalType: text(ds, tagOf("SegmentationFractionalType")) === "OCCUPANCY" ? "OCCUPANCY" : "PROBABILITY",
        maximum: kind === "FRACTIONAL" ? (number(ds, tagOf("MaximumFractionalValue")) ?? 255) : 1,
        orientation: numbers(shared, "00200037"),
        spacing: numbers(shared, "00280030"),
        frameOfReference: text(ds, tagOf("FrameOfReferenceUID")),
        segments: items(ds, tagOf("SegmentSequence")).map(readSegment),
        planes,
    };
}
