/** Segmentations to be looked at: where their planes lie, and what is on one of them, without unpacking the rest.
 *  PS3.3 §C.8.20, §C.7.6.16 */

import { items, number, numbers, text, Tag, type Dataset } from "../dicomweb/json";
import { frameDataset } from "../imaging/frame";
import { tagOf } from "./dataset";
import { readSegment, type SegmentationKind } from "./seg";
import { sheafOf, type Sheaf } from "./sheaf";

export interface ShownSegment {
    number: number;
    label: string;
    color: string;
    meaning: string; /* Segmented Property Type */
}

export interface SegHead {
    kind: SegmentationKind;
    rows: number;
    columns: number;
    frames: number;
    bits: 1 | 8 | 16;
    frameBytes: number; /* of one frame alone */
    maximum: number; /* the stored value that stands for all of a pixel */
    segments: readonly ShownSegment[];
    segmentOf: Uint16Array; /* by frame from 0; 0 in label maps */
    sheaf: Sheaf;
    frameOfReference: string;
}

export type NoSeg = "kind" | "place" | "spacing" | "orientation" | "beside" | "size";

export const segBytesMax = 256 << 20;
const framesMax = 50_000;

/* For segments that bring no colour: far apart on the wheel. */
export function colorOf(n: number): string {
    const hue = (n * 137.508 + 20) % 360;
    const channel = (k: number) => {
        const at = (k + hue / 30) % 12;
        return Math.round(255 * (0.58 - 0.4 * Math.max(-1, Math.min(at - 3, 9 - at, 1)))).toString(16).padStart(2, "0");
    };
    return `#${channel(0)}${channel(8)}${channel(4)}`;
}

function segmentOf(item: Dataset): ShownSegment {
    const { number: n, label, color, type } = readSegment(item);
    return { number: n, label, color: numbers(item, tagOf("RecommendedDisplayCIELabValue")).length === 3 ? color : colorOf(n), meaning: type.meaning };
}

export function segHead(ds: Dataset): SegHead | NoSeg {
    const kind = (["BINARY", "FRACTIONAL", "LABELMAP"] as const).find((k) => k === text(ds, tagOf("SegmentationType")).trim());
    const [rows, columns, frames] = [number(ds, Tag.rows) ?? 0, number(ds, Tag.columns) ?? 0, number(ds, Tag.numberOfFrames) ?? 1];
    const bits = number(ds, Tag.bitsAllocated);
    if (!kind || rows <= 0 || columns <= 0 || frames < 1 || (bits !== 1 && bits !== 8 && bits !== 16) || (bits === 16 && kind !== "LABELMAP") || (bits === 1) !== (kind === "BINARY")) return "kind";
    if (frames > framesMax || (rows * columns * frames * bits) / 8 > segBytesMax) return "size";
    const perFrame = items(ds, Tag.perFrameGroups);
    const shared = items(ds, Tag.sharedGroups)[0];
    const placed = Array.from({ length: frames }, (_, i) => {
        const own = frameDataset(ds, i + 1);
        return { frame: i + 1, position: numbers(own, Tag.imagePosition), orientation: numbers(own, Tag.imageOrientation) };
    });
    const first = frameDataset(ds, 1);
    const sheaf = sheafOf(placed, { rows, columns, spacing: numbers(first, Tag.pixelSpacing), thicknessMm: number(first, Tag.sliceThickness) });
    if (typeof sheaf === "string") return sheaf;
    if (sheaf.planes.length * rows * columns >= 2 ** 31) return "size"; /* pixels are counted in 32 bits */
    const identification = tagOf("SegmentIdentificationSequence");
    const numberOf = (i: number) => number(items(perFrame[i], identification)[0] ?? items(shared, identification)[0], tagOf("ReferencedSegmentNumber")) ?? 0;
    return {
        kind,
        rows,
        columns,
        frames,
        bits,
        frameBytes: Math.ceil((rows * columns * bits) / 8),
        maximum: kind === "FRACTIONAL" ? Math.max(1, number(ds, tagOf("MaximumFractionalValue")) ?? 255) : 1,
        segments: items(ds, tagOf("SegmentSequence")).map(segmentOf).filter((s) => s.number > 0),
        segmentOf: Uint16Array.from({ length: frames }, (_, i) => (kind === "LABELMAP" ? 0 : numberOf(i))),
        sheaf,
        frameOfReference: text(ds, Tag.frameOfReference),
    };
}

/** Where the pixels of a frame begin: frames of bits follow each other without a gap. */
export interface FrameBytes {
    bytes: Uint8Array;
    firstBit: number;
}

/** What is on a plane: the number of a segment for each pixel or 0, and for fractions how much of the pixel belongs to it. */
export interface LabelPlane {
    labels: Uint16Array;
    shares: Uint8Array | undefined; /* 0 to 255 */
}

/** Where segments overlap the later frame is on top, of fractions the larger. Undefined while a frame is not here yet. */
export function labelsOn(head: SegHead, plane: number, frameBytes: (frame: number) => FrameBytes | undefined, isHidden: (segment: number) => boolean): LabelPlane | undefined {
    const size = head.rows * head.columns;
    const labels = new Uint16Array(size);
    const shares = head.kind === "FRACTIONAL" ? new Uint8Array(size) : undefined;
    const wanted = head.sheaf.planes[plane]!.frames.filter((f) => head.kind === "LABELMAP" || !isHidden(head.segmentOf[f - 1]!));
    const given = wanted.map((f) => ({ segment: head.segmentOf[f - 1]!, at: frameBytes(f) }));
    if (given.some((g) => !g.at)) return undefined;
    for (const { segment, at } of given) {
        const { bytes, firstBit } = at!;
        if (head.bits === 1) setBits(labels, bytes, firstBit, segment);
        else if (head.kind === "LABELMAP") setLabels(labels, bytes, firstBit >> 3, head.bits, isHidden);
        else
            for (let i = 0, b = firstBit >> 3; i < size; i++, b++) {
                const share = Math.min(255, Math.round(((bytes[b] ?? 0) * 255) / head.maximum));
                if (share <= shares![i]!) continue;
                shares![i] = share;
                labels[i] = segment;
            }
    }
    return { labels, shares };
}

function setBits(labels: Uint16Array, bytes: Uint8Array, firstBit: number, segment: number): void {
    const end = firstBit + labels.length;
    for (let bit = firstBit; bit < end; ) {
        const byte = bytes[bit >> 3] ?? 0;
        const stop = Math.min(end, ((bit >> 3) + 1) << 3);
        if (byte === 0) bit = stop;
        else for (; bit < stop; bit++) if ((byte >> (bit & 7)) & 1) labels[bit - firstBit] = segment;
    }
}

function setLabels(labels: Uint16Array, bytes: Uint8Array, first: number, bits: 8 | 16, isHidden: (segment: number) => boolean): void {
    const wide = bits === 16;
    for (let i = 0; i < labels.length; i++) {
        const label = wide ? (bytes[first + 2 * i] ?? 0) | ((bytes[first + 2 * i + 1] ?? 0) << 8) : (bytes[first + i] ?? 0);
        if (label !== 0 && !isHidden(label)) labels[i] = label;
    }
}
