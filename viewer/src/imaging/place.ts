/** Where a picture lies in its pane. */

import type { FrameInfo } from "./frame";
import type { Affine } from "./view";

export interface Place {
    turn: number; /* by so many degrees clockwise, in steps of 90 */
    mirrored: boolean; /* then left to right */
    zoomed: number; /* 1: the whole picture just fits */
    middle: readonly [x: number, y: number]; /* what is in the middle of the pane, as shares of the picture */
}

export interface Size {
    width: number;
    height: number;
}

type Shape = Pick<FrameInfo, "rows" | "columns" | "rowSpacingMm" | "columnSpacingMm">;

/** From image points (columns and rows from the outer corner of the first pixel) to CSS pixels in the pane. */
export function placeOf({ rows, columns, rowSpacingMm, columnSpacingMm }: Shape, { turn, mirrored, zoomed, middle }: Place, pane: Size): Affine {
    const [cos, sin] = [[1, 0, -1, 0][turn / 90]!, [0, 1, 0, -1][turn / 90]!];
    const [width, height] = [columns * columnSpacingMm, rows * rowSpacingMm];
    const perMm = zoomed * (cos === 0 ? Math.min(pane.width / height, pane.height / width) : Math.min(pane.width / width, pane.height / height));
    const side = mirrored ? -1 : 1;
    const [a, b] = [side * cos * columnSpacingMm * perMm, sin * columnSpacingMm * perMm];
    const [c, d] = [-side * sin * rowSpacingMm * perMm, cos * rowSpacingMm * perMm];
    const [x, y] = [middle[0] * columns, middle[1] * rows];
    return [a, b, c, d, pane.width / 2 - a * x - c * y, pane.height / 2 - b * x - d * y];
}

/** The part of the picture's plane that the pane shows. */
export function shownPart([a, b, c, d, e, f]: Affine, { width, height }: Size): { left: number; top: number; right: number; bottom: number } {
    const area = a * d - b * c;
    const corners = [[0, 0], [width, 0], [0, height], [width, height]].map(([x, y]) => [(d * (x! - e) - c * (y! - f)) / area, (a * (y! - f) - b * (x! - e)) / area] as const);
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}
