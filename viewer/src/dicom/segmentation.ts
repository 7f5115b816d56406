/** A segmentation as the whole viewer knows it: what tools paint, panels list, and SEG is written from and read into. Each
 *  pixel belongs to one segment or to none. */

import type { Code } from "./measurement";

export interface Segment {
    number: number; /* 1 to 255 */
    label: string;
    color: string; /* #rrggbb */
    category: Code; /* Segmented Property Category   PS3.16 CID 7150 */
    type: Code; /* Segmented Property Type   PS3.16 CID 7151 ff. */
    isAutomatic: boolean; /* a region that grew, slices in between: SEMIAUTOMATIC, else MANUAL */
    locked: boolean; /* what belongs to it is not painted over */
    hidden: boolean;
    trackingUid: string;
}

/** `instance/frame` of a frame of the series, the frame from 1. */
export type FrameName = `${string}/${number}`;
export const frameName = (f: { instance: string; frame: number }): FrameName => `${f.instance}/${f.frame}`;

export interface Segmentation {
    uid: string; /* of this segmentation, not of an object */
    label: string;
    study: string;
    series: string; /* on whose frames it lies, pixel on pixel */
    rows: number;
    columns: number;
    segments: readonly Segment[];
    /** For each pixel, row by row, the number of its segment or 0. Frames without any are not here. Never altered, only replaced. */
    frames: ReadonlyMap<FrameName, Uint8Array>;
    /** What it was read from, where that had shares of pixels. */
    shares?: Shares;
}

/** How much of each pixel is a segment's, as a fractional SEG has it. */
export interface Shares {
    kind: "PROBABILITY" | "OCCUPANCY";
    maximum: number; /* stands for all of a pixel */
    planes: ReadonlyMap<FrameName, ReadonlyMap<number, Uint8Array>>; /* by segment */
    read: ReadonlyMap<FrameName, Uint8Array>; /* the labels that were made of them: what differs now was painted since */
}
