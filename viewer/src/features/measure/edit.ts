/** How shapes come about and change under the hand: points in, points out. */

import type { ImagePoint, Kind, Measurement } from "../../dicom/measurement";
import { bounds, distance, isDrawnFree, middle, perpendicular, placedOn, spline, splineSteps, type Metric } from "../../dicom/shape";

/** The points of a kind out of those that were placed; the last may still be moving. */
export function pointsFrom(kind: Kind, placed: readonly ImagePoint[], metric: Metric): readonly ImagePoint[] {
    const [a, b] = placed;
    if (!a || !b) return placed;
    if (kind === "rectangle") return [a, [b[0], a[1]], b, [a[0], b[1]]];
    if (kind === "ellipse") {
        const [x, y] = middle(a, b);
        return majorFirst([[a[0], y], [b[0], y], [x, a[1]], [x, b[1]]], metric);
    }
    if (kind === "bidirectional") return [a, b, ...perpendicular(a, b, middle(a, b), distance(a, b, metric) / 4, metric)];
    return placed;
}

/** The longer axis comes first. */
export function majorFirst(points: readonly ImagePoint[], metric: Metric): readonly ImagePoint[] {
    const [a, b, c, d] = points;
    if (!a || !b || !c || !d) return points;
    return distance(c, d, metric) > distance(a, b, metric) ? [c, d, a, b] : points;
}

const handlesMost = 24;

/** Which points can be taken hold of. */
export function handlesOf({ kind, points = [] }: Pick<Measurement, "kind" | "points">): number[] {
    const all = points.map((_, i) => i);
    if (kind === "spline") return all.filter((i) => i % splineSteps === 0);
    if (!isDrawnFree(kind)) return all;
    const every = Math.max(1, Math.ceil(points.length / handlesMost));
    return all.filter((i) => i % every === 0);
}

/** The shape after one of its points was dragged to `to`. */
export function withHandle({ kind, points = [], closed = false }: Pick<Measurement, "kind" | "points" | "closed">, i: number, to: ImagePoint, metric: Metric): readonly ImagePoint[] {
    const put = (list: readonly ImagePoint[]) => list.map((p, k) => (k === i ? to : p));
    switch (kind) {
        case "rectangle":
            return rectangleWith(points, i, to);
        case "ellipse":
            return ellipseWith(points, i, to, metric);
        case "circle":
            return i === 0 ? moved(points, to[0] - points[0]![0], to[1] - points[0]![1]) : put(points);
        case "bidirectional":
            return i < 2 ? longAxisWith(points, i, to, metric) : shortAxisWith(points, i, to, metric);
        case "spline":
            return spline(placedOn(points).map((p, k) => (k * splineSteps === i ? to : p)), closed);
        case "freehand":
        case "livewire":
            return pulled(points, i, to, closed);
        default:
            return put(points);
    }
}

export const moved = (points: readonly ImagePoint[], dx: number, dy: number): ImagePoint[] => points.map(([x, y]) => [x + dx, y + dy]);

/** As far as the shape can go without leaving the picture. */
export function movedInside(points: readonly ImagePoint[], dx: number, dy: number, columns: number, rows: number): ImagePoint[] {
    const box = bounds(points);
    const within = (d: number, low: number, high: number) => (low > high ? 0 : Math.max(low, Math.min(high, d)));
    return moved(points, within(dx, -box.left, columns - box.right), within(dy, -box.top, rows - box.bottom));
}

/* The opposite corner stays, and so do the directions of the sides. */
function rectangleWith(points: readonly ImagePoint[], i: number, to: ImagePoint): readonly ImagePoint[] {
    const o = points[(i + 2) % 4]!;
    const unit = (a: ImagePoint, b: ImagePoint, fallback: ImagePoint): ImagePoint => {
        const length = distance(a, b);
        return length > 1e-9 ? [(b[0] - a[0]) / length, (b[1] - a[1]) / length] : fallback;
    };
    const e = unit(points[0]!, points[1]!, [1, 0]);
    const f = unit(points[1]!, points[2]!, [-e[1], e[0]]);
    const [dx, dy, det] = [to[0] - o[0], to[1] - o[1], e[0] * f[1] - e[1] * f[0] || 1];
    const [along, aside] = [(dx * f[1] - dy * f[0]) / det, (e[0] * dy - e[1] * dx) / det];
    const byE: ImagePoint = [o[0] + along * e[0], o[1] + along * e[1]];
    const byF: ImagePoint = [o[0] + aside * f[0], o[1] + aside * f[1]];
    const out: ImagePoint[] = [...points];
    out[i] = to;
    out[(i + 1) % 4] = i % 2 === 0 ? byF : byE; /* sides 0-1 and 2-3 lie along e */
    out[(i + 3) % 4] = i % 2 === 0 ? byE : byF;
    return out;
}

/* The centre and the length of the other axis stay. */
function ellipseWith(points: readonly ImagePoint[], i: number, to: ImagePoint, metric: Metric): readonly ImagePoint[] {
    const [a, b, c, d] = points as [ImagePoint, ImagePoint, ImagePoint, ImagePoint];
    const centre = middle(a, b);
    const across: ImagePoint = [2 * centre[0] - to[0], 2 * centre[1] - to[1]];
    if (i < 2) {
        const axis: [ImagePoint, ImagePoint] = i === 0 ? [to, across] : [across, to];
        return [...axis, ...perpendicular(axis[0], axis[1], centre, distance(c, d, metric) / 2, metric)];
    }
    const axis: [ImagePoint, ImagePoint] = i === 2 ? [to, across] : [across, to];
    return [...perpendicular(axis[0], axis[1], centre, distance(a, b, metric) / 2, metric), ...axis];
}

const share = (p: ImagePoint, a: ImagePoint, b: ImagePoint, [sx, sy]: Metric) => {
    const [dx, dy] = [(b[0] - a[0]) * sx, (b[1] - a[1]) * sy];
    return ((p[0] - a[0]) * sx * dx + (p[1] - a[1]) * sy * dy) / (dx * dx + dy * dy || 1);
};
const between = (a: ImagePoint, b: ImagePoint, t: number): ImagePoint => [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];

/* How far p lies from the line through a and b: positive on the side of `perpendicular`'s first end. */
function aside(p: ImagePoint, a: ImagePoint, b: ImagePoint, metric: Metric): number {
    const foot = between(a, b, share(p, a, b, metric));
    const [first] = perpendicular(a, b, foot, 1, metric);
    return ((p[0] - foot[0]) * (first[0] - foot[0]) * metric[0] ** 2 + (p[1] - foot[1]) * (first[1] - foot[1]) * metric[1] ** 2);
}

/* The short axis goes along: at the same share of the long one, as long on each side. */
function longAxisWith(points: readonly ImagePoint[], i: number, to: ImagePoint, metric: Metric): readonly ImagePoint[] {
    const [a, b, c, d] = points as [ImagePoint, ImagePoint, ImagePoint, ImagePoint];
    const [t, ofC, ofD] = [share(c, a, b, metric), aside(c, a, b, metric), aside(d, a, b, metric)];
    const [p, q] = i === 0 ? [to, b] : [a, to];
    const foot = between(p, q, t);
    return [p, q, perpendicular(p, q, foot, ofC, metric)[0], perpendicular(p, q, foot, ofD, metric)[0]];
}

/* It stays at right angles to the long one and crosses it where the hand is; the other end keeps its length. */
function shortAxisWith(points: readonly ImagePoint[], i: number, to: ImagePoint, metric: Metric): readonly ImagePoint[] {
    const [a, b, c, d] = points as [ImagePoint, ImagePoint, ImagePoint, ImagePoint];
    const foot = between(a, b, Math.max(0, Math.min(1, share(to, a, b, metric))));
    const end = (p: ImagePoint) => perpendicular(a, b, foot, aside(p, a, b, metric), metric)[0];
    return [a, b, end(i === 2 ? to : c), end(i === 3 ? to : d)];
}

/* The neighbours follow, the less the farther they are along the line. */
function pulled(points: readonly ImagePoint[], i: number, to: ImagePoint, closed: boolean): ImagePoint[] {
    const n = points.length;
    const reach = Math.max(2, n / 12);
    const [dx, dy] = [to[0] - points[i]![0], to[1] - points[i]![1]];
    return points.map(([x, y], k): ImagePoint => {
        const apart = closed ? Math.min(Math.abs(k - i), n - Math.abs(k - i)) : Math.abs(k - i);
        const weight = apart < reach ? (1 + Math.cos((Math.PI * apart) / reach)) / 2 : 0;
        return [x + dx * weight, y + dy * weight];
    });
}
