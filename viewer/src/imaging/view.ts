/** What a pane asks of whatever draws in it: a stack of frames, a plane through a volume, a volume in space. */

import type { FrameKey } from "../dicom/measurement";
import type { PlaneFrame, SliceValues } from "../dicom/plane-grid";
import type { Section } from "../dicom/section";
import type { Grid } from "../dicom/stats";
import type { Vec3 } from "../dicom/vector";
import type { Box } from "../dicom/volume";
import type { FrameInfo } from "./frame";
import type { EdgeLetters } from "./orientation";
import type { Grey } from "./window";

export interface View {
    /** Window centre and width in modality units. */
    setWindow(center: number, width: number): void;
    toggleInvert(): void;
    /** By CSS pixels. */
    pan(dx: number, dy: number): void;
    zoom(factor: number): void;
    /** By 90° clockwise. */
    rotate(): void;
    /** Left to right. */
    flip(): void;
    /** The whole picture in the pane. */
    fit(): void;
    /** As it opened. */
    reset(): void;
    /** Releases what it holds; nothing else is called after it. */
    close(): void;
}

/** A view that is not the stack of the pane's frames: a volume has steps of its own, or none. */
export interface OwnView extends View {
    /** By so many steps; as far as it goes with ±Infinity. */
    scroll(by: number): void;
    /** Moves, and turns if need be, so that these points of the patient lie in what is shown. */
    reveal?(points: readonly Vec3[]): void;
}

/** x' = a x + c y + e, y' = b x + d y + f, as in SVG and CSS. */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** A flat picture as it lies in a pane, to measure and paint on: an image of the stack, or a plane through a volume. Its points
 *  (`ImagePoint`) lead to the pane by `toPane`, and to the patient by the frame's place. */
export interface Face {
    id: string; /* another one when another picture is shown */
    frame: FrameInfo | PlaneFrame;
    on: FrameKey | undefined; /* the stored frame; none for a plane */
    toPane: Affine;
    /** The values under it, as far as they are in memory. */
    grid: () => Grid | undefined;
    /** Of a plane: the volume that it goes through. */
    within?: Within;
}

export interface Within {
    box: Box;
    frames: readonly FrameInfo[]; /* its slices */
    isThinned: boolean; /* they are not all of the series */
    slice: (k: number) => SliceValues | undefined;
    /** Brings slices into memory. */
    fetch: (slices: Iterable<number>) => Promise<void>;
}

/** What such a view tells of itself: the pane shows it in its corners. */
export interface Shown {
    place: readonly string[]; /* lines: which plane, where, how thick */
    look: readonly string[]; /* lines: size, zoom */
    window: Grey | undefined; /* what a window drag starts from */
    inverted: boolean;
    letters: EdgeLetters | undefined;
    step: number; /* from 0 */
    steps: number; /* 0: it does not scroll */
    scale: number; /* CSS pixels for one mm */
    section?: Section; /* the plane it shows; none for what is no plane */
    face?: Face; /* the same, to be measured on */
}

/** Why something is not shown that way, in words for the reader. */
export class Refused extends Error {
    constructor(
        readonly title: string,
        reason: string,
    ) {
        super(reason);
        this.name = "Refused";
    }
}
