/** The outlines of what is painted, along the edges of its pixels, and what outlines enclose. One leads to the other without loss. */

import type { Sheet } from "./labelmap";
import type { ImagePoint } from "./measurement";
import { spansAt } from "./shape";

export type Ring = ImagePoint[];

const steps = [[1, 0], [0, 1], [-1, 0], [0, -1]] as const; /* each a turn to the right from the one before */

/* The edges between a segment and the rest, by the corner that they begin at: a bit for each direction, the segment at the right. */
function edgesOf({ rows, columns, labels }: Sheet, label: number): Map<number, number> {
    const edges = new Map<number, number>();
    const wide = columns + 1;
    const put = (column: number, row: number, direction: number) => {
        const at = row * wide + column;
        edges.set(at, (edges.get(at) ?? 0) | (1 << direction));
    };
    for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
            const i = row * columns + column;
            if (labels[i] !== label) continue;
            if (row === 0 || labels[i - columns] !== label) put(column, row, 0);
            if (column === columns - 1 || labels[i + 1] !== label) put(column + 1, row, 1);
            if (row === rows - 1 || labels[i + columns] !== label) put(column + 1, row + 1, 2);
            if (column === 0 || labels[i - 1] !== label) put(column, row + 1, 3);
        }
    return edges;
}

/** The edges of a segment, by corners of pixels: those around its parts turn to the right, those around holes to the left.
 *  Where pixels touch by a corner, each keeps its own ring: a turn to the right comes first. */
export function ringsOf(sheet: Sheet, label: number): Ring[] {
    const edges = edgesOf(sheet, label);
    const wide = sheet.columns + 1;
    const rings: Ring[] = [];
    for (const start of edges.keys()) {
        let [at, bits] = [start, edges.get(start)!];
        if (bits === 0) continue;
        let direction = [0, 1, 2, 3].find((d) => bits & (1 << d))!;
        const ring: Ring = [];
        let last = -1;
        while (bits & (1 << direction)) {
            edges.set(at, bits & ~(1 << direction));
            if (direction !== last) ring.push([at % wide, Math.floor(at / wide)]);
            last = direction;
            at += steps[direction]![0] + steps[direction]![1] * wide;
            bits = edges.get(at) ?? 0;
            direction = [1, 0, 3].map((turn) => (last + turn) % 4).find((d) => bits & (1 << d)) ?? last;
        }
        rings.push(ring);
    }
    return rings;
}

/** Twice the area inside; negative for a hole. */
export const turnOf = (ring: Ring): number => ring.reduce((sum, [x, y], i) => sum + x * ring[(i + 1) % ring.length]![1] - ring[(i + 1) % ring.length]![0] * y, 0);

/* Off the middles of pixels, where it is asked what is inside. */
const bridgeShare = 0.25;

/* A hole is joined to the ring around it by a bridge without width. */
function joined(rings: Ring[], hole: Ring): void {
    const leftmost = Math.min(...hole.map(([x]) => x));
    const n = hole.findIndex(([x], i) => x === leftmost && hole[(i + 1) % hole.length]![0] === leftmost);
    const [a, b] = [hole[n]!, hole[(n + 1) % hole.length]!];
    const y = Math.min(a[1], b[1]) + bridgeShare;
    let best: { ring: Ring; at: number; x: number } | undefined;
    for (const ring of rings)
        ring.forEach(([x, y0], at) => {
            const [x1, y1] = ring[(at + 1) % ring.length]!;
            if (x === x1 && x < leftmost && y0 < y !== y1 < y && x > (best?.x ?? -Infinity)) best = { ring, at, x };
        });
    if (!best) return void rings.push(hole);
    const [from, to]: [ImagePoint, ImagePoint] = [[best.x, y], [leftmost, y]];
    best.ring.splice(best.at + 1, 0, from, to, ...hole.slice(n + 1), ...hole.slice(0, n + 1), to, from);
}

/** Closed outlines of a segment on a frame, in image points: one for each part; a hole is reached by a channel without width, as
 *  contours of radiotherapy have it.   PS3.3 §C.8.8.6.3 */
export function contoursOf(sheet: Sheet, label: number): ImagePoint[][] {
    const all = ringsOf(sheet, label);
    const rings = all.filter((r) => turnOf(r) > 0);
    const left = (r: Ring) => Math.min(...r.map(([x]) => x));
    for (const hole of all.filter((r) => turnOf(r) < 0).sort((p, q) => left(p) - left(q))) joined(rings, hole);
    return rings;
}

/** Calls `inside` with each pixel whose middle lies in an odd number of the outlines. */
export function eachInside(size: { rows: number; columns: number }, outlines: readonly (readonly ImagePoint[])[], inside: (i: number) => void): void {
    const high = outlines.map((points) => {
        const [top, bottom] = points.reduce(([t, b], [, y]) => [Math.min(t, y), Math.max(b, y)], [Infinity, -Infinity]);
        return { points, top, bottom };
    });
    const [first, last] = high.reduce(([t, b], o) => [Math.min(t, o.top), Math.max(b, o.bottom)], [Infinity, -Infinity]);
    for (let row = Math.max(0, Math.floor(first - 0.5)); row < Math.min(size.rows, last); row++) {
        const crossed = high.filter((o) => o.top <= row + 0.5 && o.bottom >= row + 0.5);
        const spans = crossed.flatMap(({ points }) => spansAt({ kind: "freehand", points, closed: true }, [1, 1], row + 0.5)).sort((a, b) => a - b);
        for (let k = 0; k + 1 < spans.length; k += 2) {
            const end = Math.min(size.columns - 1, Math.ceil(spans[k + 1]! - 0.5) - 1);
            for (let column = Math.max(0, Math.ceil(spans[k]! - 0.5)); column <= end; column++) inside(row * size.columns + column);
        }
    }
}
