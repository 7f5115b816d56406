/** The geometry of measurements, in image points. A metric says how long a step along each axis is. */

import type { ImagePoint, Kind } from "./measurement";

export type Metric = readonly [across: number, down: number];
/** What a shape is made of. */
export interface Drawn {
    kind: Kind;
    points: readonly ImagePoint[];
    closed?: boolean;
}

export const distance = (a: ImagePoint, b: ImagePoint, [sx, sy]: Metric = [1, 1]): number => Math.hypot((b[0] - a[0]) * sx, (b[1] - a[1]) * sy);

export const middle = (a: ImagePoint, b: ImagePoint): ImagePoint => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

export function pathLength(points: readonly ImagePoint[], closed: boolean, metric: Metric): number {
    const legs = points.slice(1).reduce((sum, p, i) => sum + distance(points[i]!, p, metric), 0);
    return closed && points.length > 2 ? legs + distance(points.at(-1)!, points[0]!, metric) : legs;
}

/** The angle at `vertex`, 0 to 180 degrees. */
export function angleDeg(a: ImagePoint, vertex: ImagePoint, b: ImagePoint, [sx, sy]: Metric): number {
    const [ax, ay, bx, by] = [(a[0] - vertex[0]) * sx, (a[1] - vertex[1]) * sy, (b[0] - vertex[0]) * sx, (b[1] - vertex[1]) * sy];
    return (Math.atan2(Math.abs(ax * by - ay * bx), ax * bx + ay * by) * 180) / Math.PI;
}

/** The Cobb angle of two lines along end plates: both are read from left to right, so that it may pass 90 degrees. */
export function cobbDeg([a, b, c, d]: readonly ImagePoint[], metric: Metric): number {
    if (!a || !b || !c || !d) return 0;
    const [p, q] = a[0] <= b[0] ? [a, b] : [b, a];
    const [r, s] = c[0] <= d[0] ? [c, d] : [d, c];
    return angleDeg(q, p, [p[0] + s[0] - r[0], p[1] + s[1] - r[1]], metric);
}

/** Centre and two half axes, not necessarily at right angles: centre + u cos t + v sin t. */
export interface Ellipse {
    centre: ImagePoint;
    u: ImagePoint;
    v: ImagePoint;
}

export function ellipseOf({ kind, points }: Drawn, [sx, sy]: Metric): Ellipse | undefined {
    const [a, b, c, d] = points;
    if (kind === "circle" && a && b) {
        const radius = distance(a, b, [sx, sy]);
        return { centre: a, u: [radius / sx, 0], v: [0, radius / sy] };
    }
    if (kind !== "ellipse" || !a || !b || !c || !d) return undefined;
    return { centre: middle(a, b), u: [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2], v: [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2] };
}

export const isOutlined = (s: Drawn): boolean =>
    s.kind === "ellipse" || s.kind === "circle" || s.kind === "rectangle" || (s.closed === true && isDrawnFree(s.kind) && s.points.length > 2);

export const isDrawnFree = (kind: Kind): boolean => kind === "freehand" || kind === "spline" || kind === "livewire";

const ellipseSteps = 96;

/** The line that is drawn: for round shapes a polygon of many corners. */
export function outline(s: Drawn, metric: Metric, steps = ellipseSteps): readonly ImagePoint[] {
    const e = ellipseOf(s, metric);
    if (!e) return s.points;
    return Array.from({ length: steps }, (_, i): ImagePoint => {
        const [cos, sin] = [Math.cos((2 * Math.PI * i) / steps), Math.sin((2 * Math.PI * i) / steps)];
        return [e.centre[0] + e.u[0] * cos + e.v[0] * sin, e.centre[1] + e.u[1] * cos + e.v[1] * sin];
    });
}

/** The area inside, in pixels. */
export function areaPixels(s: Drawn, metric: Metric): number {
    const e = ellipseOf(s, metric);
    if (e) return Math.PI * Math.abs(e.u[0] * e.v[1] - e.u[1] * e.v[0]);
    const twice = s.points.reduce((sum, p, i) => {
        const next = s.points[(i + 1) % s.points.length]!;
        return sum + p[0] * next[1] - next[0] * p[1];
    }, 0);
    return Math.abs(twice) / 2;
}

export const perimeter = (s: Drawn, metric: Metric): number => pathLength(outline(s, metric, 720), true, metric);

/** Where a horizontal line is inside the shape: pairs of columns, ascending. Crossing outlines: even and odd. */
export function spansAt(s: Drawn, metric: Metric, row: number): number[] {
    const e = ellipseOf(s, metric);
    if (e) return ellipseSpan(e, row);
    const crossings: number[] = [];
    s.points.forEach((a, i) => {
        const b = s.points[(i + 1) % s.points.length]!;
        if (a[1] <= row !== b[1] <= row) crossings.push(a[0] + ((row - a[1]) / (b[1] - a[1])) * (b[0] - a[0]));
    });
    return crossings.sort((x, y) => x - y);
}

/* The sine and cosine whose height is that of the row: u.y cos t + v.y sin t = dy. */
function ellipseSpan({ centre, u, v }: Ellipse, row: number): number[] {
    const height = Math.hypot(u[1], v[1]);
    const dy = row - centre[1];
    if (height === 0 || Math.abs(dy) > height) return [];
    const [top, apart] = [Math.atan2(v[1], u[1]), Math.acos(dy / height)];
    return [top - apart, top + apart].map((t) => centre[0] + u[0] * Math.cos(t) + v[0] * Math.sin(t)).sort((x, y) => x - y);
}

export function bounds(points: readonly ImagePoint[]): { left: number; top: number; right: number; bottom: number } {
    const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
    return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

export const splineSteps = 8;

/** A curve through the points (Catmull and Rom's), `splineSteps` points for each. */
export function spline(placed: readonly ImagePoint[], closed: boolean): ImagePoint[] {
    const n = placed.length;
    if (n < 3) return n === 2 && !closed ? withSteps(placed) : [...placed];
    const at = (i: number) => (closed ? placed[(i + n) % n]! : placed[Math.max(0, Math.min(n - 1, i))]!);
    const out: ImagePoint[] = [];
    for (let i = 0; i < (closed ? n : n - 1); i++) {
        const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
        for (let k = 0; k < splineSteps; k++) {
            const t = k / splineSteps;
            const blend = (axis: 0 | 1) =>
                b[axis] + (t / 2) * (c[axis] - a[axis] + t * (2 * a[axis] - 5 * b[axis] + 4 * c[axis] - d[axis] + t * (3 * (b[axis] - c[axis]) + d[axis] - a[axis])));
            out.push([blend(0), blend(1)]);
        }
    }
    return closed ? out : [...out, placed[n - 1]!];
}

function withSteps([a, b]: readonly ImagePoint[]): ImagePoint[] {
    return Array.from({ length: splineSteps + 1 }, (_, k): ImagePoint => [a![0] + ((b![0] - a![0]) * k) / splineSteps, a![1] + ((b![1] - a![1]) * k) / splineSteps]);
}

/** The points that were placed, out of the curve through them. */
export const placedOn = (curve: readonly ImagePoint[]): ImagePoint[] => curve.filter((_, i) => i % splineSteps === 0);

/** The end of the axis at right angles to `a`–`b` through `through`, `half` long, on the other side of `a`–`b` from itself. */
export function perpendicular(a: ImagePoint, b: ImagePoint, through: ImagePoint, half: number, [sx, sy]: Metric): readonly [ImagePoint, ImagePoint] {
    const length = distance(a, b, [sx, sy]) || 1;
    const [dx, dy] = [(-(b[1] - a[1]) * sy * half) / length / sx, ((b[0] - a[0]) * sx * half) / length / sy];
    return [[through[0] + dx, through[1] + dy], [through[0] - dx, through[1] - dy]];
}

/** How far a point is from the line, and how far along it. */
export function nearest(p: ImagePoint, line: readonly ImagePoint[], closed: boolean): { away: number; leg: number } {
    let best = { away: Infinity, leg: -1 };
    const legs = closed ? line.length : line.length - 1;
    for (let i = 0; i < legs; i++) {
        const [a, b] = [line[i]!, line[(i + 1) % line.length]!];
        const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
        const t = Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy || 1)));
        const away = Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
        if (away < best.away) best = { away, leg: i };
    }
    if (line.length === 1) best = { away: distance(p, line[0]!), leg: 0 };
    return best;
}
