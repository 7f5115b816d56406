/** Microscopy Bulk Simple Annotations: many shapes of one kind for each group.   PS3.3 §A.87, §C.37.1 */

import { items, number, numbers, text, type Dataset, type Element } from "../dicomweb/json";
import { onMatrix, type Level, type Slide } from "./slide";

export type Graphic = "POINT" | "POLYLINE" | "POLYGON" | "ELLIPSE" | "RECTANGLE";

/** Shapes of one group, in the pixels of the slide's finest level. */
export interface Shapes {
    graphic: Graphic;
    points: Float64Array; /* x and y, in turns */
    starts: Uint32Array; /* of each shape in points, and the end: one more than there are shapes */
    boxes: Float64Array; /* of each shape: left, top, right, bottom */
}

export interface AnnotationGroup {
    uid: string;
    label: string;
    what: string; /* in words of its code */
    graphic: Graphic | undefined;
    count: number; /* as declared */
    color: string;
    item: Dataset;
}

const graphics: readonly Graphic[] = ["POINT", "POLYLINE", "POLYGON", "ELLIPSE", "RECTANGLE"];
const colors = ["#ffd65c", "#6cdcff", "#8af59a", "#ff9ad5", "#ffa25c", "#ff6b6b", "#c7a6ff"];

export function annotationGroups(ds: Dataset): AnnotationGroup[] {
    return items(ds, "006A0002").slice(0, 1000).map((item, i) => ({
        uid: text(item, "006A0003") || String(i),
        label: text(item, "006A0005") || String(number(item, "0040A180") ?? i + 1),
        what: text(items(item, "006A000A")[0], "00080104"),
        graphic: graphics.find((g) => g === text(item, "00700023").trim()),
        count: number(item, "006A000C") ?? 0,
        color: colors[i % colors.length]!,
        item,
    }));
}

/** The elements with its numbers, which may be bulk data. */
export const coordinatesOf = (g: AnnotationGroup): { element: Element | undefined; isDouble: boolean } =>
    g.item["00660022"] ? { element: g.item["00660022"], isDouble: true } : { element: g.item["00660016"], isDouble: false };
export const indexOf = (g: AnnotationGroup): Element | undefined => g.item["00660040"];

const reader = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What the slide's level is to the image that the annotations count in; undefined: they are about other images. */
export function annotatedLevel(ds: Dataset, slide: Slide): Level | undefined {
    const named = [...items(ds, "00081140"), ...items(ds, "00081115").flatMap((s) => items(s, "0008114A"))].map((i) => text(i, "00081155"));
    return slide.levels.find((l) => l.sources.some((s) => named.includes(s.instance)));
}

/** In 2D they are columns and rows of the image they name, in 3D mm on the slide. Where a list of indices is needed it counts
 *  numbers from 1. What does not fit its bytes is left out.   PS3.3 §C.37.1.2 */
export function shapesOf(ds: Dataset, group: AnnotationGroup, coordinates: Uint8Array, index: Uint8Array | undefined, slide: Slide, level: Level | undefined): Shapes | undefined {
    const { graphic } = group;
    const { isDouble } = coordinatesOf(group);
    const isFlat = text(ds, "006A0001") !== "3D";
    if (!graphic || (isFlat ? !level : !slide.origin)) return undefined;
    const z = isFlat ? undefined : numbers(group.item, "006A0010")[0];
    const stored = isFlat || z !== undefined ? 2 : 3; /* numbers a point */
    const size = isDouble ? 8 : 4;
    const view = reader(coordinates);
    const numbersThere = Math.floor(coordinates.byteLength / size);
    const at = (i: number) => (isDouble ? view.getFloat64(i * size, true) : view.getFloat32(i * size, true));
    const all = Math.floor(numbersThere / stored);
    const starts = startsOf(graphic, all, stored, index, numbersThere);
    const base = slide.levels[0]!;
    const [kx, ky] = level ? [base.columns / level.columns, base.rows / level.rows] : [1, 1];
    const points = new Float64Array(2 * all);
    for (let i = 0; i < all; i++) {
        const p = isFlat ? ([at(2 * i) * kx, at(2 * i + 1) * ky] as const) : onMatrix(slide, [at(stored * i), at(stored * i + 1), z ?? at(stored * i + 2)]);
        points[2 * i] = p?.[0] ?? NaN;
        points[2 * i + 1] = p?.[1] ?? NaN;
    }
    return { graphic, points, starts, boxes: boxesOf(points, starts) };
}

function startsOf(graphic: Graphic, all: number, stored: number, index: Uint8Array | undefined, numbersThere: number): Uint32Array {
    if (graphic !== "POLYGON" && graphic !== "POLYLINE") {
        const each = graphic === "POINT" ? 1 : 4;
        return Uint32Array.from({ length: Math.floor(all / each) + 1 }, (_, i) => i * each);
    }
    if (!index) return Uint32Array.of(0, all);
    const view = reader(index);
    const out: number[] = [];
    for (let i = 0; i + 4 <= index.byteLength; i += 4) {
        const first = view.getUint32(i, true) - 1;
        if (first < 0 || first >= numbersThere || first % stored !== 0 || first / stored < (out[out.length - 1] ?? 0)) continue;
        out.push(first / stored);
    }
    return Uint32Array.from([...out, all]);
}

function boxesOf(points: Float64Array, starts: Uint32Array): Float64Array {
    const boxes = new Float64Array(4 * (starts.length - 1));
    for (let s = 0; s + 1 < starts.length; s++) {
        let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
        for (let i = starts[s]!; i < starts[s + 1]!; i++) {
            const [x, y] = [points[2 * i]!, points[2 * i + 1]!];
            if (x < left) left = x;
            if (x > right) right = x;
            if (y < top) top = y;
            if (y > bottom) bottom = y;
        }
        boxes.set([left, top, right, bottom], 4 * s);
    }
    return boxes;
}
