/** What a pane asks of whatever draws in it: a stack of frames, a plane through a volume, a volume in space. */

import type { Section } from "../dicom/section";
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
