/** The plane of the patient that a pane shows: what is laid over pictures is drawn by it, whatever draws the picture. */

import { add, cross, dot, scale, sub, unit, type Vec3 } from "./vector";

export interface Section {
    /** The point of the patient under the upper left corner of the pane, mm. */
    corner: Vec3;
    /** From one CSS pixel to the next, mm in the patient: at right angles to each other. */
    right: Vec3;
    down: Vec3;
    /** Half of the thickness that the picture stands for, mm; 0 where nothing is said. */
    halfMm: number;
    frameOfReference: string;
}

/** What is asked of an image. `FrameInfo` answers it. */
export interface PlacedImage {
    position: Vec3 | undefined;
    rowDirection: Vec3 | undefined;
    columnDirection: Vec3 | undefined;
    rowSpacingMm: number;
    columnSpacingMm: number;
    sliceThicknessMm: number | undefined;
    frameOfReference: string;
}

type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Of an image whose points (0,0: the outer corner of the first pixel) lie in the pane by `toPane`; undefined where the image
 *  has no place in the patient. */
export function sectionOf(image: PlacedImage, [a, b, c, d, e, f]: Affine): Section | undefined {
    const { position, rowDirection, columnDirection } = image;
    const det = a * d - b * c;
    if (!position || !rowDirection || !columnDirection || det === 0) return undefined;
    const step = (x: number, y: number): Vec3 => {
        const [column, row] = [(d * x - c * y) / det, (a * y - b * x) / det];
        return add(scale(rowDirection, column * image.columnSpacingMm), scale(columnDirection, row * image.rowSpacingMm));
    };
    const first = add(position, add(scale(rowDirection, -image.columnSpacingMm / 2), scale(columnDirection, -image.rowSpacingMm / 2)));
    return { corner: add(first, step(-e, -f)), right: step(1, 0), down: step(0, 1), halfMm: Math.max(0, image.sliceThicknessMm ?? 0) / 2, frameOfReference: image.frameOfReference };
}

export const normalOf = (s: Section): Vec3 => unit(cross(s.right, s.down));

/** The point of the patient under CSS pixels of the pane. */
export const patientAt = (s: Section, x: number, y: number): Vec3 => add(s.corner, add(scale(s.right, x), scale(s.down, y)));

/** Where a point of the patient lies in the pane, and how far in front of the plane, mm. */
export function paneAt(s: Section, p: Vec3): { x: number; y: number; awayMm: number } {
    const from = sub(p, s.corner);
    return { x: dot(from, s.right) / dot(s.right, s.right), y: dot(from, s.down) / dot(s.down, s.down), awayMm: dot(from, normalOf(s)) };
}
