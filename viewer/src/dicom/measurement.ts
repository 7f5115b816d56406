/** A measurement or mark as the whole viewer knows it: what tools draw, panels list, drafts keep, and SR, GSPS and KO are
 *  written from and read into. Plain data: it goes through JSON unchanged. */

import type { Role, State } from "./recist";

/** A coded concept.   PS3.3 §8 */
export interface Code {
    value: string;
    scheme: string;
    meaning: string;
}

/** One frame of a stored object. */
export interface FrameKey {
    study: string;
    series: string;
    instance: string;
    sopClass: string;
    frame: number; /* from 1 */
}

/** Column and row, in pixels; 0,0 is the outer corner of the first pixel, its middle 0.5,0.5.   PS3.3 §C.18.6.1.1 */
export type ImagePoint = readonly [column: number, row: number];
/** Patient coordinates, mm, LPS.   PS3.3 §C.7.6.2.1.1 */
export type PatientPoint = readonly [x: number, y: number, z: number];

/** The order of `points`: length, arrow: from, to (an arrow points at `to`). bidirectional: long axis, then short. angle: end,
 *  vertex, end. cobb: two lines. ellipse: major axis, minor axis. rectangle: the four corners in turn. circle: centre, one
 *  on the rim. freehand, spline, livewire: the outline, closed when `closed`; of a spline eight points for each one that was
 *  placed, that one first (an open one ends with the last placed). probe, label: the one point. keyImage: none. */
export type Kind =
    | "length" | "bidirectional" | "angle" | "cobb" | "ellipse" | "rectangle" | "circle"
    | "freehand" | "spline" | "livewire" | "arrow" | "probe" | "label" | "keyImage";

export type QuantityName =
    | "length" | "shortAxis" | "angle" | "area" | "perimeter" | "radius" | "mean" | "sd" | "min" | "max" | "value" | "count"
    | "across" | "down"; /* along the axes of a region of ultrasound where a length has no meaning, as of M mode; of a probe: where it is on them */

export interface Quantity {
    name: QuantityName;
    value: number;
    unit: string; /* UCUM: mm, mm2, deg, [hnsf'U], {SUVbw}g/ml, {pixels}, 1 … */
}

/** What the mm come from: measured in the patient; at the detector or on the film, uncorrected for magnification; corrected by
 *  an estimate; by what the reader said; none, and lengths are in pixels.   PS3.3 §10.7.1.3 */
export type SpacingSource = "calibrated" | "imager" | "estimated" | "user" | "none";

/** What a measurement says of a lesion that is followed over time. Without points it says it all: gone, not seen, still there. */
export interface LesionMark {
    uid: string; /* the same at every timepoint: it becomes the Tracking Unique Identifier */
    role: Role;
    organ: string;
    nodal: boolean;
    number: number; /* within its role, from 1 */
    state: State;
    modality?: string; /* of the image that it was measured on */
    sliceMm?: number; /* its slice thickness */
}

export interface Measurement {
    uid: string; /* Tracking Unique Identifier; a UID under 2.25 */
    kind: Kind;
    label: string; /* the reader's name of it; text of arrow and label */
    on?: FrameKey; /* absent for what was drawn on a reformatted plane */
    points?: readonly ImagePoint[]; /* with `on` */
    frameOfReference?: string; /* with `spatial` */
    spatial?: readonly PatientPoint[]; /* the same points in the patient; all there is on a reformatted plane, where a circle has a third: a quarter on, which tells its plane */
    closed?: boolean;
    quantities: readonly Quantity[];
    spacing: SpacingSource;
    finding?: Code;
    site?: Code;
    lesion?: LesionMark;
    color: string; /* #rrggbb */
    locked: boolean;
    hidden: boolean;
    created: string; /* ISO 8601, UTC */
}
