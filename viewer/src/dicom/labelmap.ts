/** Painting on the label map of one frame, and what is between two of them. Maps are altered in place: give copies. */

import type { ImagePoint } from "./measurement";
import { bounds, outline, spansAt, type Drawn, type Metric } from "./shape";

export interface Sheet {
    rows: number;
    columns: number;
    labels: Uint8Array;
}

/** Whether a pixel may be painted: by its index. */
export type Allowed = (i: number) => boolean;

/** What pixels of locked segments keep; `to` 0 erases. */
export function allowing(labels: Uint8Array, to: number, locked: ReadonlySet<number>, values?: { data: ArrayLike<number>; low: number; high: number }): Allowed {
    return (i) => {
        const now = labels[i]!;
        if (now === to || locked.has(now)) return false;
        if (!values) return true;
        const v = values.data[i]!;
        return v >= values.low && v <= values.high;
    };
}

/** Paints the pixels whose middle is inside the shape; says how many have changed. */
export function paint(sheet: Sheet, shape: Drawn, metric: Metric, to: number, allowed: Allowed): number {
    const box = bounds(outline(shape, metric));
    let changed = 0;
    for (let row = Math.max(0, Math.floor(box.top - 0.5)); row < Math.min(sheet.rows, box.bottom); row++) {
        const spans = spansAt(shape, metric, row + 0.5);
        for (let k = 0; k + 1 < spans.length; k += 2) {
            const last = Math.min(sheet.columns - 1, Math.ceil(spans[k + 1]! - 0.5) - 1);
            for (let column = Math.max(0, Math.ceil(spans[k]! - 0.5)); column <= last; column++) {
                const i = row * sheet.columns + column;
                if (!allowed(i)) continue;
                sheet.labels[i] = to;
                changed++;
            }
        }
    }
    return changed;
}

/** A stroke of a round brush from one point to another; `radius` in the metric. Never less than the pixel it begins on. */
export function stroke(sheet: Sheet, from: ImagePoint, to: ImagePoint, radius: number, metric: Metric, label: number, allowed: Allowed): number {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const steps = Math.max(1, Math.ceil(Math.hypot(dx * metric[0], dy * metric[1]) / Math.max(radius / 3, Math.min(...metric))));
    let changed = 0;
    for (let k = 0; k <= steps; k++) {
        const at: ImagePoint = [from[0] + (dx * k) / steps, from[1] + (dy * k) / steps];
        changed += paint(sheet, { kind: "circle", points: [at, [at[0] + radius / metric[0], at[1]]] }, metric, label, allowed);
        const [column, row] = [Math.floor(at[0]), Math.floor(at[1])];
        const i = row * sheet.columns + column;
        if (column >= 0 && row >= 0 && column < sheet.columns && row < sheet.rows && allowed(i)) {
            sheet.labels[i] = label;
            changed++;
        }
    }
    return changed;
}

/** Paints what is connected with a pixel by its sides and allowed. */
export function flood(sheet: Sheet, [x, y]: ImagePoint, to: number, allowed: Allowed): number {
    const { rows, columns, labels } = sheet;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || row < 0 || column >= columns || row >= rows) return 0;
    const first = row * columns + column;
    if (!allowed(first)) return 0;
    const seen = new Uint8Array(labels.length);
    const stack = [first];
    seen[first] = 1;
    const found: number[] = [];
    const visit = (i: number) => {
        if (seen[i] || !allowed(i)) return;
        seen[i] = 1;
        stack.push(i);
    };
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
        found.push(i);
        const c = i % columns;
        if (c > 0) visit(i - 1);
        if (c < columns - 1) visit(i + 1);
        if (i >= columns) visit(i - columns);
        if (i < labels.length - columns) visit(i + columns);
    }
    for (const i of found) labels[i] = to;
    return found.length;
}

/** What is connected with a pixel through neighbouring frames as well: its pixels by frame. `allowed` is asked for a pixel of a
 *  frame, once. Stops, and says so, at `most` pixels: what grows so far has run out of what was meant. */
export function floodStack(
    size: { rows: number; columns: number; frames: number },
    start: { frame: number; i: number },
    allowed: (frame: number, i: number) => boolean,
    most: number,
): { found: Map<number, number[]>; isCut: boolean } {
    const { rows, columns, frames } = size;
    const each = rows * columns;
    const seen = Array.from({ length: frames }, (): Uint8Array | undefined => undefined);
    const found = new Map<number, number[]>();
    const stack: number[] = [];
    const visit = (frame: number, i: number) => {
        const marks = (seen[frame] ??= new Uint8Array(each));
        if (marks[i] || !allowed(frame, i)) return;
        marks[i] = 1;
        stack.push(frame * each + i);
    };
    visit(start.frame, start.i);
    let count = 0;
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
        const [frame, i] = [Math.floor(at / each), at % each];
        if (++count > most) return { found, isCut: true };
        const list = found.get(frame);
        if (list) list.push(i);
        else found.set(frame, [i]);
        const c = i % columns;
        if (c > 0) visit(frame, i - 1);
        if (c < columns - 1) visit(frame, i + 1);
        if (i >= columns) visit(frame, i - columns);
        if (i < each - columns) visit(frame, i + columns);
        if (frame > 0) visit(frame - 1, i);
        if (frame < frames - 1) visit(frame + 1, i);
    }
    return { found, isCut: false };
}

/** Fills what a segment encloses on a frame: what the rim cannot reach without crossing it. */
export function fillHoles(sheet: Sheet, label: number, allowed: Allowed): number {
    const { rows, columns, labels } = sheet;
    const outside = new Uint8Array(labels.length);
    const stack: number[] = [];
    const visit = (i: number) => {
        if (outside[i] || labels[i] === label) return;
        outside[i] = 1;
        stack.push(i);
    };
    for (let c = 0; c < columns; c++) visit(c), visit((rows - 1) * columns + c);
    for (let r = 0; r < rows; r++) visit(r * columns), visit(r * columns + columns - 1);
    for (let i = stack.pop(); i !== undefined; i = stack.pop()) {
        const c = i % columns;
        if (c > 0) visit(i - 1);
        if (c < columns - 1) visit(i + 1);
        if (i >= columns) visit(i - columns);
        if (i < labels.length - columns) visit(i + columns);
    }
    let changed = 0;
    for (let i = 0; i < labels.length; i++) {
        if (outside[i] || labels[i] === label || !allowed(i)) continue;
        labels[i] = label;
        changed++;
    }
    return changed;
}

const far = 1e6;

/* About how far each pixel is from the nearest that fits, in pixels: chamfer distances of 3 and 4 (Borgefors). */
function distances({ rows, columns }: Sheet, fits: (i: number) => boolean): Float32Array {
    const d = Float32Array.from({ length: rows * columns }, (_, i) => (fits(i) ? 0 : far));
    const relax = (i: number, c: number, r: number, dc: number, dr: number) => {
        if (c + dc < 0 || c + dc >= columns || r + dr < 0 || r + dr >= rows) return;
        d[i] = Math.min(d[i]!, d[i + dr * columns + dc]! + (dc !== 0 && dr !== 0 ? 4 : 3));
    };
    for (let i = 0; i < d.length; i++) for (const [dc, dr] of [[-1, 0], [-1, -1], [0, -1], [1, -1]] as const) relax(i, i % columns, Math.floor(i / columns), dc, dr);
    for (let i = d.length - 1; i >= 0; i--) for (const [dc, dr] of [[1, 0], [1, 1], [0, 1], [-1, 1]] as const) relax(i, i % columns, Math.floor(i / columns), dc, dr);
    return d;
}

/* Positive inside, negative outside. */
function signedDistances(sheet: Sheet, label: number): Float32Array {
    const inside = distances(sheet, (i) => sheet.labels[i] !== label);
    const outside = distances(sheet, (i) => sheet.labels[i] === label);
    return inside.map((d, i) => (d > 0 ? d : -outside[i]!));
}

/** The shape of a segment on the frames between two: a pixel for each that lies inside, one array for each frame.
 *  Raya and Udupa, IEEE Trans Med Imaging 1990; 9:32. */
export function between(first: Sheet, last: Sheet, label: number, count: number): Uint8Array[] {
    const [a, b] = [signedDistances(first, label), signedDistances(last, label)];
    return Array.from({ length: count }, (_, k) => {
        const share = (k + 1) / (count + 1);
        return Uint8Array.from(a, (v, i) => (v * (1 - share) + b[i]! * share > 0 ? 1 : 0));
    });
}

export function countOf(labels: Uint8Array, label: number): number {
    let n = 0;
    for (let i = 0; i < labels.length; i++) if (labels[i] === label) n++;
    return n;
}

/** Whether any pixel belongs to a segment: a frame without one is not kept. */
export const isEmpty = (labels: Uint8Array): boolean => labels.every((v) => v === 0);
