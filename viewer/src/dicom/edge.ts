/** A part of a segment's edge drawn anew with one line: what lies between its ends is replaced. */

import { eachInside, ringsOf, turnOf, type Ring } from "./contours";
import type { Allowed, Sheet } from "./labelmap";
import type { ImagePoint } from "./measurement";
import { distance, type Metric } from "./shape";

/* Where the line meets the ring: after the corner `leg`, `share` of the way to the next. */
interface Anchor {
    leg: number;
    share: number;
    point: ImagePoint;
    along: number; /* of the line: whole for its points, between them where it crosses */
}

const between = (a: ImagePoint, b: ImagePoint, share: number): ImagePoint => [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];

/* The place on the ring nearest to a point. */
function foot(ring: Ring, p: ImagePoint, metric: Metric): { leg: number; share: number; point: ImagePoint; away: number } {
    const [sx, sy] = metric;
    let best = { leg: 0, share: 0, point: p, away: Infinity };
    ring.forEach((a, leg) => {
        const b = ring[(leg + 1) % ring.length]!;
        const [dx, dy] = [(b[0] - a[0]) * sx, (b[1] - a[1]) * sy];
        const share = Math.max(0, Math.min(1, ((p[0] - a[0]) * sx * dx + (p[1] - a[1]) * sy * dy) / (dx * dx + dy * dy)));
        const point = between(a, b, share);
        const away = distance(p, point, metric);
        if (away < best.away) best = { leg, share, point, away };
    });
    return best;
}

/* The crossings of the line with the ring, in the order of the line. */
function crossings(ring: Ring, line: readonly ImagePoint[]): Anchor[] {
    const found: Anchor[] = [];
    for (let k = 0; k + 1 < line.length; k++) {
        const [p, q] = [line[k]!, line[k + 1]!];
        const [left, right, top, bottom] = [Math.min(p[0], q[0]), Math.max(p[0], q[0]), Math.min(p[1], q[1]), Math.max(p[1], q[1])];
        ring.forEach((a, leg) => {
            const b = ring[(leg + 1) % ring.length]!;
            if (Math.max(a[0], b[0]) < left || Math.min(a[0], b[0]) > right || Math.max(a[1], b[1]) < top || Math.min(a[1], b[1]) > bottom) return;
            const [dx, dy, ex, ey] = [q[0] - p[0], q[1] - p[1], b[0] - a[0], b[1] - a[1]];
            const det = dx * ey - dy * ex;
            if (det === 0) return;
            const t = ((a[0] - p[0]) * ey - (a[1] - p[1]) * ex) / det;
            const share = ((a[0] - p[0]) * dy - (a[1] - p[1]) * dx) / det;
            if (t >= 0 && t <= 1 && share >= 0 && share <= 1) found.push({ leg, share, point: between(a, b, share), along: k + t });
        });
    }
    return found.sort((a, b) => a.along - b.along);
}

/* Where the line takes the ring up and where it leaves it: its ends if they lie on the ring, else its first and last crossing. */
function anchors(ring: Ring, line: readonly ImagePoint[], reach: number, metric: Metric): [Anchor, Anchor] | undefined {
    const crossed = crossings(ring, line);
    const at = (end: number): Anchor | undefined => {
        const near = foot(ring, line[end]!, metric);
        return near.away <= reach ? { ...near, along: end } : undefined;
    };
    const first = at(0) ?? crossed[0];
    const last = at(line.length - 1) ?? crossed.at(-1);
    return first && last && first.along < last.along ? [first, last] : undefined;
}

/* The corners from one place on the ring to another, onwards. */
function arc(ring: Ring, from: Anchor, to: Anchor): ImagePoint[] {
    const count = from.leg === to.leg && from.share <= to.share ? 0 : ((to.leg - from.leg + ring.length - 1) % ring.length) + 1;
    return Array.from({ length: count }, (_, i) => ring[(from.leg + 1 + i) % ring.length]!);
}

/* What the ring can become: the line instead of the one part of it, of the other, or of all. */
function choices(ring: Ring, line: readonly ImagePoint[], [first, last]: [Anchor, Anchor]): ImagePoint[][] {
    const drawn = [first.point, ...line.slice(Math.floor(first.along) + 1, Math.ceil(last.along)), last.point];
    return [[...drawn, ...arc(ring, last, first)], [...drawn, ...arc(ring, first, last).reverse()], drawn];
}

function filled(size: { rows: number; columns: number }, ring: readonly ImagePoint[]): Uint8Array {
    const out = new Uint8Array(size.rows * size.columns);
    eachInside(size, [ring], (i) => (out[i] = 1));
    return out;
}

/** Replaces the part of an edge of the segment between the ends of the line, or between its first and last crossing where an
 *  end is farther than `reach` from it (in the metric); of the ways to do so that which changes the fewest pixels. Pixels
 *  belong by their middles, even and odd. Undefined: the line does not meet an edge twice; else how many pixels have changed. */
export function redraw(sheet: Sheet, label: number, line: readonly ImagePoint[], reach: number, metric: Metric, allowed: Allowed): number | undefined {
    const met = ringsOf(sheet, label).flatMap((ring) => {
        const ends = anchors(ring, line, reach, metric);
        return ends ? [{ ring, ends }] : [];
    });
    if (met.length === 0) return undefined;
    const { ring, ends } = met.reduce((a, b) => (b.ends[0].along < a.ends[0].along ? b : a));
    const old = filled(sheet, ring);
    const [least] = choices(ring, line, ends)
        .map((choice) => {
            const now = filled(sheet, choice);
            return { now, differs: now.reduce((n, v, i) => n + (v ^ old[i]!), 0) };
        })
        .sort((a, b) => a.differs - b.differs);
    const isHole = turnOf(ring) < 0;
    let changed = 0;
    least!.now.forEach((v, i) => {
        if (v === old[i]) return;
        const isOurs = sheet.labels[i] === label;
        if ((v === 1) !== isHole ? isOurs || !allowed(i) : !isOurs) return;
        sheet.labels[i] = isOurs ? 0 : label;
        changed++;
    });
    return changed;
}
