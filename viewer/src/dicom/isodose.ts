/** Lines of equal value over a field of samples, by marching squares. */

export interface Field {
    width: number;
    height: number;
    values: Float32Array; /* NaN: no value */
}

/** Segments as x0 y0 x1 y1, in samples: 0,0 is the middle of the first. Where the middle of a square with two crossings lies
 *  decides how they are joined. Nothing is drawn beside samples without a value. */
export function isolines({ width, height, values }: Field, level: number): number[] {
    const out: number[] = [];
    for (let y = 0; y + 1 < height; y++)
        for (let x = 0; x + 1 < width; x++) {
            const i = y * width + x;
            const [a, b, c, d] = [values[i]!, values[i + 1]!, values[i + width + 1]!, values[i + width]!];
            const code = (a >= level ? 1 : 0) | (b >= level ? 2 : 0) | (c >= level ? 4 : 0) | (d >= level ? 8 : 0);
            if (code === 0 || code === 15 || Number.isNaN(a + b + c + d)) continue;
            const share = (from: number, to: number) => (level - from) / (to - from);
            const edges: [number, number][] = [];
            if ((code & 1) !== ((code >> 1) & 1)) edges.push([x + share(a, b), y]);
            if (((code >> 1) & 1) !== ((code >> 2) & 1)) edges.push([x + 1, y + share(b, c)]);
            if (((code >> 2) & 1) !== ((code >> 3) & 1)) edges.push([x + share(d, c), y + 1]);
            if (((code >> 3) & 1) !== (code & 1)) edges.push([x, y + share(a, d)]);
            const join = (p: number, q: number) => out.push(...edges[p]!, ...edges[q]!);
            if (edges.length === 2) join(0, 1);
            else if ((a + b + c + d) / 4 >= level === (a >= level)) join(0, 1), join(2, 3); /* the middle belongs to a and c: b and d are cut off */
            else join(0, 3), join(1, 2);
        }
    return out;
}

export interface Level {
    value: number; /* as it was typed: %, or in the unit of the dose */
    color: string;
    isHidden: boolean;
}

/* From the hottest down. */
const spectrum = ["#ff2d2d", "#ff8c1a", "#ffd60a", "#8ce03a", "#20c997", "#22b8ff", "#4d6bff", "#b35cff", "#ff6fd0", "#cfd8e3"];

export const usualLevels = [107, 100, 95, 90, 80, 70, 50, 30, 10];
const levelsMax = 20;

/** The levels of a text like "107 100 95"; what was there before keeps its colour. Undefined: that is no list of levels. */
export function levelsOf(said: string, before: readonly Level[] = []): Level[] | undefined {
    const list = said.trim().split(/[\s;]+|,\s+/).filter((w) => w !== "").map((w) => Number(w.replace(",", ".")));
    if (list.length === 0 || list.length > levelsMax || list.some((v) => !(v > 0) || v > 1e6)) return undefined;
    return [...new Set(list)]
        .sort((a, b) => b - a)
        .map((value, i) => before.find((l) => l.value === value) ?? { value, color: spectrum[i % spectrum.length]!, isHidden: false });
}
