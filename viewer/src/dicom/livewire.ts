/** The way along an edge: cheapest paths from one pixel to all around it, cheap where the picture changes most. */

import type { ImagePoint } from "./measurement";

export interface Picture {
    rows: number;
    columns: number;
    data: ArrayLike<number>;
}

const reach = 160; /* pixels to each side */
const least = 0.03; /* what a step along the strongest edge costs, of one where there is none */

export class Livewire {
    private readonly left: number;
    private readonly top: number;
    private readonly width: number;
    private readonly height: number;
    private readonly from: Int32Array; /* for each pixel the one before it on its way, -1 at the start */

    /** Takes some ten milliseconds: once for each point that is placed. */
    constructor(picture: Picture, start: ImagePoint) {
        const [x, y] = [clamp(start[0], picture.columns), clamp(start[1], picture.rows)];
        this.left = Math.max(0, x - reach);
        this.top = Math.max(0, y - reach);
        this.width = Math.min(picture.columns, x + reach + 1) - this.left;
        this.height = Math.min(picture.rows, y + reach + 1) - this.top;
        this.from = cheapest(this.costs(picture), this.width, this.height, (y - this.top) * this.width + x - this.left);
    }

    /** From the start to the pixel that `to` lies in, by the middles of pixels; straight on where it is out of reach. */
    path(to: ImagePoint): ImagePoint[] {
        const column = Math.max(0, Math.min(this.width - 1, Math.floor(to[0]) - this.left));
        const row = Math.max(0, Math.min(this.height - 1, Math.floor(to[1]) - this.top));
        const out: ImagePoint[] = [];
        for (let i = row * this.width + column; i >= 0; i = this.from[i]!)
            out.push([this.left + (i % this.width) + 0.5, this.top + Math.floor(i / this.width) + 0.5]);
        return out.reverse();
    }

    private costs({ data, columns, rows }: Picture): Float32Array {
        const at = (c: number, r: number) => data[Math.max(0, Math.min(rows - 1, r)) * columns + Math.max(0, Math.min(columns - 1, c))]!;
        const out = new Float32Array(this.width * this.height);
        let most = 0;
        for (let i = 0; i < out.length; i++) {
            const [c, r] = [this.left + (i % this.width), this.top + Math.floor(i / this.width)];
            const dx = at(c + 1, r - 1) + 2 * at(c + 1, r) + at(c + 1, r + 1) - at(c - 1, r - 1) - 2 * at(c - 1, r) - at(c - 1, r + 1);
            const dy = at(c - 1, r + 1) + 2 * at(c, r + 1) + at(c + 1, r + 1) - at(c - 1, r - 1) - 2 * at(c, r - 1) - at(c + 1, r - 1);
            out[i] = Math.hypot(dx, dy) || 0;
            most = Math.max(most, out[i]!);
        }
        return most > 0 ? out.map((g) => Math.max(least, 1 - g / most)) : out.fill(1);
    }
}

const clamp = (v: number, count: number) => Math.max(0, Math.min(count - 1, Math.floor(v)));

/* Dijkstra's, with a heap that may hold a pixel more than once: what comes late is passed over. */
function cheapest(costs: Float32Array, width: number, height: number, start: number): Int32Array {
    const from = new Int32Array(costs.length).fill(-1);
    const total = new Float64Array(costs.length).fill(Infinity);
    const isDone = new Uint8Array(costs.length);
    const heap = new Heap();
    total[start] = 0;
    heap.push(start, 0);
    for (let i = heap.pop(); i >= 0; i = heap.pop()) {
        if (isDone[i]) continue;
        isDone[i] = 1;
        const [x, y] = [i % width, Math.floor(i / width)];
        for (let dy = -1; dy <= 1; dy++)
            for (let dx = -1; dx <= 1; dx++) {
                const next = i + dy * width + dx;
                if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height || isDone[next]) continue;
                const cost = total[i]! + costs[next]! * (dx !== 0 && dy !== 0 ? Math.SQRT2 : 1);
                if (cost >= total[next]!) continue;
                total[next] = cost;
                from[next] = i;
                heap.push(next, cost);
            }
    }
    return from;
}

class Heap {
    private readonly items: number[] = [];
    private readonly keys: number[] = [];

    push(item: number, key: number): void {
        let i = this.items.length;
        for (let up = (i - 1) >> 1; i > 0 && this.keys[up]! > key; i = up, up = (i - 1) >> 1) this.put(i, this.items[up]!, this.keys[up]!);
        this.put(i, item, key);
    }

    pop(): number {
        const first = this.items[0];
        if (first === undefined) return -1;
        const [item, key] = [this.items.pop()!, this.keys.pop()!];
        const n = this.items.length;
        if (n === 0) return first;
        let i = 0;
        for (let down = 1; down < n; down = 2 * i + 1) {
            if (down + 1 < n && this.keys[down + 1]! < this.keys[down]!) down++;
            if (this.keys[down]! >= key) break;
            this.put(i, this.items[down]!, this.keys[down]!);
            i = down;
        }
        this.put(i, item, key);
        return first;
    }

    private put(i: number, item: number, key: number): void {
        this.items[i] = item;
        this.keys[i] = key;
    }
}
