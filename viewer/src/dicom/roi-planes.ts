/** Contours of a structure in space: by plane, on a picture, across a picture.   PS3.3 §C.8.8.6 */

import type { Contour } from "./rtstruct";
import { medianOf, planeNear } from "./sheaf";
import { normalOf, paneAt, type Section } from "./section";
import { add, cross, dot, length, scale, sub, unit, type Vec3 } from "./vector";

export type Spot = readonly [x: number, y: number];

/** Closed contours that lie in one plane, in millimetres along `right` and `down` of their structure. */
export interface ContourPlane {
    depthMm: number;
    outlines: readonly (readonly Spot[])[];
}

export interface Slabs {
    right: Vec3;
    down: Vec3;
    deep: Vec3;
    planes: readonly ContourPlane[]; /* by depth */
    stepMm: number; /* from plane to plane, mostly; 0: there is one only */
}

const samePlaneMm = 0.05;
const sameCosine = 0.999;

/* Across a closed polygon, by Newell. */
function across(points: readonly Vec3[]): Vec3 {
    let sum: Vec3 = [0, 0, 0];
    const [origin] = points as [Vec3];
    for (let i = 1; i + 1 < points.length; i++) sum = add(sum, cross(sub(points[i]!, origin), sub(points[i + 1]!, origin)));
    return sum;
}

const middleOf = (points: readonly Vec3[]): Vec3 => scale(points.reduce<Vec3>((sum, p) => add(sum, p), [0, 0, 0]), 1 / points.length);

/** The closed contours of a structure by plane; undefined where there are none, or they lie in different directions. */
export function slabsOf(contours: readonly Contour[]): Slabs | undefined {
    const closed = contours.filter((c) => c.closed && c.points.length >= 3);
    const largest = closed.reduce<Vec3>((best, c) => {
        const v = across(c.points);
        return length(v) > length(best) ? v : best;
    }, [0, 0, 0]);
    if (length(largest) < 1e-6) return undefined;
    const axis = largest.reduce((best, v, i) => (Math.abs(v) > Math.abs(largest[best]!) ? i : best), 0);
    const deep = scale(unit(largest), largest[axis]! < 0 ? -1 : 1);
    const right = unit(cross(Math.abs(deep[1]) < 0.9 ? [0, 1, 0] : [0, 0, -1], deep));
    const down = cross(deep, right);
    const placed = closed.map((c) => {
        const depthMm = dot(middleOf(c.points), deep);
        const v = across(c.points);
        const isFlat = length(v) < 1e-6 || Math.abs(dot(unit(v), deep)) > sameCosine;
        return { depthMm, isFlat, outline: c.points.map((p): Spot => [dot(p, right), dot(p, down)]) };
    });
    if (placed.some((p) => !p.isFlat)) return undefined;
    placed.sort((a, b) => a.depthMm - b.depthMm);
    const planes: { depthMm: number; outlines: (readonly Spot[])[] }[] = [];
    for (const { depthMm, outline } of placed) {
        const last = planes.at(-1);
        if (last && depthMm - last.depthMm < samePlaneMm) last.outlines.push(outline);
        else planes.push({ depthMm, outlines: [outline] });
    }
    const gaps = planes.slice(1).map((p, i) => p.depthMm - planes[i]!.depthMm);
    return { right, down, deep, planes, stepMm: gaps.length > 0 ? medianOf(gaps) : 0 };
}

/** How far a plane reaches to either side: half-way to the next, but where planes lack, no further than half a usual step. */
export function reaches(slabs: Slabs, k: number): readonly [beforeMm: number, afterMm: number] {
    const at = slabs.planes[k]!.depthMm;
    const half = (other: ContourPlane | undefined) => {
        const gap = other ? Math.abs(other.depthMm - at) : Infinity;
        return (gap > 1.5 * slabs.stepMm ? slabs.stepMm : gap) / 2;
    };
    return [half(slabs.planes[k - 1]), half(slabs.planes[k + 1])];
}

/** Where a horizontal line enters and leaves outlines, rising: even and odd crossings, so that outlines inside are holes. */
export function crossings(outlines: readonly (readonly Spot[])[], y: number): number[] {
    const out: number[] = [];
    for (const o of outlines)
        for (let i = 0, j = o.length - 1; i < o.length; j = i++) {
            const [[x0, y0], [x1, y1]] = [o[j]!, o[i]!];
            if (y0 <= y !== y1 <= y) out.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
        }
    return out.sort((a, b) => a - b);
}

/** What of a structure a pane shows, in its CSS pixels. */
export interface Drawn {
    closed: Spot[][]; /* together: even and odd */
    open: Spot[][];
    points: Spot[];
    bands: Spot[][]; /* where the picture cuts across contours: each a piece of the thickness of a contour */
}

const isParallel = (a: Vec3, b: Vec3) => Math.abs(dot(a, b)) > 0.9998; /* a degree */

/** Contours lie on the picture that is within half of their distance from each other, or half of its own thickness. Where the
 *  picture cuts across them, they are shown as thick as they stand for. */
export function drawnOn(contours: readonly Contour[], slabs: Slabs | undefined, s: Section): Drawn {
    const out: Drawn = { closed: [], open: [], points: [], bands: [] };
    const spotOf = (p: Vec3): Spot => {
        const { x, y } = paneAt(s, p);
        return [x, y];
    };
    const normal = normalOf(s);
    const here = dot(s.corner, normal);
    if (slabs && isParallel(slabs.deep, normal)) {
        const depth = dot(s.corner, slabs.deep);
        const k = planeNear(slabs.planes.map((p) => p.depthMm), depth, Math.max(slabs.stepMm / 2, s.halfMm, 0.5));
        const plane = slabs.planes[k];
        if (plane) for (const o of plane.outlines) out.closed.push(o.map(([u, v]) => spotOf(add(scale(slabs.deep, plane.depthMm), add(scale(slabs.right, u), scale(slabs.down, v))))));
    } else if (slabs) out.bands.push(...bandsOf(slabs, s));
    const reach = Math.max(s.halfMm, 0.5);
    for (const c of contours) {
        if (c.closed && slabs) continue;
        const away = c.points.map((p) => Math.abs(dot(p, normal) - here));
        if (c.points.length === 1 && away[0]! <= reach) out.points.push(spotOf(c.points[0]!));
        else if (c.points.length > 1 && away.every((a) => a <= reach)) (c.closed ? out.closed : out.open).push(c.points.map(spotOf));
    }
    return out;
}

/* The picture meets the plane of a contour in a line; between its crossings with the outline the structure is cut. */
function bandsOf(slabs: Slabs, s: Section): Spot[][] {
    const normal = normalOf(s);
    const line = unit(cross(slabs.deep, normal));
    const up = cross(normal, line); /* in the picture, across the line */
    const perDepth = dot(up, slabs.deep); /* of depth for one mm that way */
    const [lineX, lineY]: Spot = [dot(line, slabs.right), dot(line, slabs.down)];
    const level = dot(s.corner, normal);
    const bands: Spot[][] = [];
    slabs.planes.forEach((plane, k) => {
        /* A point of that line: at this depth, and in the picture */
        const foot = add(scale(slabs.deep, plane.depthMm), scale(sub(normal, scale(slabs.deep, dot(normal, slabs.deep))), (level - plane.depthMm * dot(normal, slabs.deep)) / (1 - dot(normal, slabs.deep) ** 2)));
        const [footX, footY]: Spot = [dot(foot, slabs.right), dot(foot, slabs.down)];
        const turned = plane.outlines.map((o) => o.map(([u, v]): Spot => [(u - footX) * lineX + (v - footY) * lineY, -(u - footX) * lineY + (v - footY) * lineX]));
        const at = crossings(turned, 0);
        const [before, after] = slabs.stepMm > 0 ? reaches(slabs, k) : [Math.max(s.halfMm, 0.5), Math.max(s.halfMm, 0.5)];
        for (let i = 0; i + 1 < at.length; i += 2) {
            const corner = (along: number, depthMm: number): Spot => {
                const { x, y } = paneAt(s, add(foot, add(scale(line, along), scale(up, depthMm / perDepth))));
                return [x, y];
            };
            bands.push([corner(at[i]!, -before), corner(at[i + 1]!, -before), corner(at[i + 1]!, after), corner(at[i]!, after)]);
        }
    });
    return bands;
}
