/** Where images lie in the patient: points, nearest slices, the line in which one image cuts another. mm, LPS; image points are
 *  column and row, 0,0 the outer corner of the first pixel.   PS3.3 §C.7.6.2.1.1 */

type Vec3 = readonly [number, number, number];
type Point = readonly [column: number, row: number];

export interface Placed {
    rows: number;
    columns: number;
    position: Vec3 | undefined;
    rowDirection: Vec3 | undefined;
    columnDirection: Vec3 | undefined;
    rowSpacingMm: number;
    columnSpacingMm: number;
    frameOfReference: string;
}

interface Plane {
    at: Vec3;
    along: Vec3;
    down: Vec3;
    normal: Vec3;
}

const dot = (a: Vec3, b: Vec3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vec3, b: Vec3): Vec3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const moved = (p: Vec3, by: Vec3, length: number): Vec3 => [p[0] + by[0] * length, p[1] + by[1] * length, p[2] + by[2] * length];
const between = (a: Vec3, b: Vec3, share: number): Vec3 => [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];

function planeOf(i: Placed): Plane | undefined {
    if (!i.position || !i.rowDirection || !i.columnDirection) return undefined;
    return { at: i.position, along: i.rowDirection, down: i.columnDirection, normal: cross(i.rowDirection, i.columnDirection) };
}

/** Only images that name one frame of reference can be compared. */
export const sharePlace = (a: Placed, b: Placed): boolean =>
    a.frameOfReference !== "" && a.frameOfReference === b.frameOfReference && planeOf(a) !== undefined && planeOf(b) !== undefined;

/** Whether two images look the same way, or against each other: within some 8°. */
export function areParallel(a: Placed, b: Placed): boolean {
    const [p, q] = [planeOf(a), planeOf(b)];
    return p !== undefined && q !== undefined && Math.abs(dot(p.normal, q.normal)) > 0.99;
}

export function toPatient(i: Placed, [column, row]: Point): Vec3 | undefined {
    const p = planeOf(i);
    return p && moved(moved(p.at, p.along, (column - 0.5) * i.columnSpacingMm), p.down, (row - 0.5) * i.rowSpacingMm);
}

/** The image point nearest to a point of the patient, and how far before the image that is, in mm. */
export function toImage(i: Placed, point: Vec3): { point: Point; awayMm: number } | undefined {
    const p = planeOf(i);
    if (!p) return undefined;
    const d = moved(point, p.at, -1);
    return { point: [dot(d, p.along) / i.columnSpacingMm + 0.5, dot(d, p.down) / i.rowSpacingMm + 0.5], awayMm: dot(d, p.normal) };
}

export const middleOf = (i: Placed): Vec3 | undefined => toPatient(i, [i.columns / 2, i.rows / 2]);

/** Which of the images is nearest to a point of the patient. */
export function nearest(images: readonly Placed[], point: Vec3): number | undefined {
    let best: number | undefined;
    let least = Infinity;
    images.forEach((image, i) => {
        const away = Math.abs(toImage(image, point)?.awayMm ?? Infinity);
        if (away >= least) return;
        least = away;
        best = i;
    });
    return best;
}

/** Where image `of` cuts image `on`, as two points of `on`; none when they are parallel or do not meet. */
export function cut(of: Placed, on: Placed): readonly [Point, Point] | undefined {
    const plane = planeOf(on);
    if (!plane || !sharePlace(of, on) || areParallel(of, on)) return undefined;
    const corners = [[0, 0], [of.columns, 0], [of.columns, of.rows], [0, of.rows]].map(([c, r]) => toPatient(of, [c!, r!])!);
    const aways = corners.map((c) => dot(moved(c, plane.at, -1), plane.normal));
    const found: Point[] = [];
    for (let i = 0; i < 4; i++) {
        const [a, b] = [aways[i]!, aways[(i + 1) % 4]!];
        if (a < 0 === b < 0) continue;
        found.push(toImage(on, between(corners[i]!, corners[(i + 1) % 4]!, a / (a - b)))!.point);
    }
    return found.length === 2 ? [found[0]!, found[1]!] : undefined;
}
