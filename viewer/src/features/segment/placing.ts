/** A contour that is made of points, each of which can be moved until it is closed: a curve through them, or the way along
 *  the edges of the picture from each to the next. */

import { Livewire, type Picture } from "../../dicom/livewire";
import type { ImagePoint } from "../../dicom/measurement";
import { spline } from "../../dicom/shape";

export type PlacedKind = "spline" | "livewire";

export class Placing {
    readonly points: ImagePoint[] = [];
    private readonly ways: ImagePoint[][] = []; /* from each point to the next, without its end */
    private readonly wires = new Map<ImagePoint, Livewire>();

    /** Without a picture the ways are straight. */
    constructor(
        readonly kind: PlacedKind,
        private readonly picture: Picture | undefined,
    ) {}

    add(at: ImagePoint): void {
        const last = this.points.at(-1);
        if (last) this.ways.push(this.way(last, at));
        this.points.push(at);
    }

    move(n: number, to: ImagePoint): void {
        this.wires.delete(this.points[n]!);
        this.points[n] = to;
        if (n > 0) this.ways[n - 1] = this.way(this.points[n - 1]!, to);
        const next = this.points[n + 1];
        if (next) this.ways[n] = this.back(next, to);
    }

    drop(): void {
        this.points.pop();
        this.ways.pop();
    }

    /** The contour as it is, closed; `to`: with the point that may come next, open while it has no more than that. */
    line(to?: ImagePoint): ImagePoint[] {
        const [first, last] = [this.points[0], this.points.at(-1)];
        if (!first || !last) return [];
        if (this.kind === "spline") {
            const all = to ? [...this.points, to] : this.points;
            return spline(all, all.length > 2);
        }
        return [...this.ways.flat(), ...(to ? [...this.way(last, to), to] : this.points.length > 2 ? this.way(last, first) : [last])];
    }

    private way(from: ImagePoint, to: ImagePoint): ImagePoint[] {
        if (this.kind === "spline" || !this.picture) return [from];
        let wire = this.wires.get(from);
        if (!wire) this.wires.set(from, (wire = new Livewire(this.picture, from)));
        return wire.path(to);
    }

    /* The same from its end: that one stays while the beginning is moved. */
    private back(from: ImagePoint, to: ImagePoint): ImagePoint[] {
        return this.kind === "spline" || !this.picture ? [to] : this.way(from, to).reverse();
    }
}
