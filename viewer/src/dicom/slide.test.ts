import { describe, expect, it } from "vitest";
import type { Dataset } from "../dicomweb/json";
import { lengthOf, lengthText, levelFor, onMatrix, scaleBar, slideOf, tilesAt, uprightOf } from "./slide";
import { annotatedLevel, annotationGroups, shapesOf } from "./slide-annotations";

const v = (...values: unknown[]) => ({ Value: values });
const image = (instance: string, columns: number, rows: number, more: Dataset = {}): Dataset => ({
    "00080016": v("1.2.840.10008.5.1.4.1.1.77.1.6"), "00080018": v(instance), "00080008": v("ORIGINAL", "PRIMARY", "VOLUME", "NONE"), "00280002": v(3),
    "00280010": v(256), "00280011": v(256), "00480006": v(columns), "00480007": v(rows), "00280008": v(Math.ceil(columns / 256) * Math.ceil(rows / 256)),
    "00209311": v("TILED_FULL"), "00480102": v(0, -1, 0, -1, 0, 0), "00480008": v({ "0040072A": v(20), "0040073A": v(40) }),
    "52009229": v({ "00289110": v({ "00280030": v((0.0005 * 4096) / columns, (0.0005 * 4096) / columns) }) }), ...more,
});
const sparse = (path: string, z: number, column: number, row: number): Dataset => ({ "0048021A": v({ "0048021E": v(column), "0048021F": v(row), "0040074A": v(z) }), "00480207": v({ "00480106": v(path) }) });

describe("a pyramid", () => {
    const label = image("label", 300, 200, { "00080008": v("ORIGINAL", "PRIMARY", "LABEL", "NONE") });
    const slide = slideOf([image("b", 1024, 512), label, image("a", 4096, 2048), { "00080016": v("1.2.3") }])!;
    it("has its levels by size, and what is apart", () => {
        expect(slide.levels.map((l) => [l.columns, l.sources[0]!.instance, l.mmX])).toEqual([[4096, "a", 0.0005], [1024, "b", 0.002]]);
        expect(slide.apart).toEqual([{ kind: "LABEL", instance: "label" }]);
        expect(slideOf([label])).toBeUndefined();
        expect([0.1, 1, 3, 3.3, 4, 100].map((n) => levelFor(slide, n).columns)).toEqual([4096, 4096, 4096, 1024, 1024, 1024]);
    });
    it("has its tiles in rows", () => {
        expect(tilesAt(slide.levels[0]!, "", 0, 3, 2)).toEqual([{ instance: "a", frame: 36, x: 768, y: 512 }]);
        expect([tilesAt(slide.levels[0]!, "", 0, 16, 0), tilesAt(slide.levels[0]!, "", 0, 0, 8), tilesAt(slide.levels[0]!, "", 1, 0, 0), tilesAt(slide.levels[0]!, "x", 0, 0, 0)]).toEqual([[], [], [], []]);
    });
    it("lies on the slide", () => {
        expect(uprightOf(slide)).toBe(0);
        const p = onMatrix(slide, [20 - 10 * 0.0005, 40 - 30 * 0.0005, 0])!;
        expect(p[0]).toBeCloseTo(30.5);
        expect(p[1]).toBeCloseTo(10.5);
        expect(uprightOf({ ...slide, across: [-1, 0, 0], down: [0, 1, 0] })).toBeCloseTo(Math.PI / 2);
        expect(uprightOf({ ...slide, across: [-1, 0, 0], down: [0, -1, 0] })).toBe(0); /* mirrored */
        expect(uprightOf({ ...slide, across: [0, 0, 0] })).toBe(0);
    });
    it("is measured", () => {
        expect([lengthOf(slide, [0, 0], [300, 400]), lengthText(1.23456, 0), lengthText(undefined, 12)]).toEqual(["250 µm", "1.235 mm", "12 px"]);
        expect(scaleBar(100, 150)).toEqual({ text: "1 mm", px: 100 });
        expect(scaleBar(2000, 150)).toEqual({ text: "50 µm", px: 100 });
    });
});

it("focal planes and optical paths follow the tiles; a concatenation is one level", () => {
    const paths = { "00480105": v({ "00480106": v("A") }, { "00480106": v("B"), "00480107": v("DAPI") }), "00480303": v(2) };
    const slide = slideOf([image("one", 512, 512, { ...paths, "00280008": v(10) }), image("two", 512, 512, { ...paths, "00280008": v(6), "00209228": v(10) })])!;
    expect(slide.levels).toHaveLength(1);
    expect([slide.paths, slide.planes]).toEqual([[{ id: "A", name: "A" }, { id: "B", name: "DAPI" }], 2]);
    expect(tilesAt(slide.levels[0]!, "A", 1, 1, 1)).toEqual([{ instance: "one", frame: 8, x: 256, y: 256 }]);
    expect(tilesAt(slide.levels[0]!, "B", 0, 1, 1)).toEqual([{ instance: "two", frame: 2, x: 256, y: 256 }]);
});

it("sparse tiles lie where they say", () => {
    const frames = [sparse("A", 0, 257, 1), sparse("B", 0, 257, 1), sparse("A", 1, 1, 300), {}, sparse("A", 0, -5, 1)];
    const level = slideOf([image("s", 1024, 1024, { "00209311": v("TILED_SPARSE"), "52009230": v(...frames) })])!.levels[0]!;
    expect(tilesAt(level, "A", 0, 1, 0)).toEqual([{ instance: "s", frame: 1, x: 256, y: 0 }]);
    expect(tilesAt(level, "B", 0, 1, 0)).toEqual([{ instance: "s", frame: 2, x: 256, y: 0 }]);
    expect(tilesAt(level, "A", 1, 0, 1)).toEqual([{ instance: "s", frame: 3, x: 0, y: 299 }]);
    expect(tilesAt(level, "A", 0, 0, 0)).toEqual([]);
});

it("sizes that make no sense are no level", () => {
    for (const more of [{ "00480006": v(-1) }, { "00480006": v(4294967295), "00480007": v(4294967295) }, { "00280010": v(0) }, { "00480007": v(1.5) }, { "00080018": v() }])
        expect(slideOf([image("x", 1024, 1024, more)])).toBeUndefined();
    expect(slideOf([image("x", 1024, 1024, { "52009229": v("nonsense"), "00480008": v(null), "00480102": v("a") })])!.origin).toBeUndefined();
});

describe("annotations", () => {
    const slide = slideOf([image("a", 4096, 2048), image("b", 1024, 512)])!;
    const set = (graphic: string, more: Dataset = {}, whole: Dataset = {}): Dataset => ({
        "00081140": v({ "00081155": v("b") }), "006A0001": v("2D"), ...whole,
        "006A0002": v({ "006A0003": v("1.2"), "006A0005": v("nuclei"), "00700023": v(graphic), "006A000C": v(2), "00660016": { vr: "OF" }, ...more }),
    });
    const shapes = (ds: Dataset, numbers: readonly number[], index?: readonly number[]) =>
        shapesOf(ds, annotationGroups(ds)[0]!, new Uint8Array(Float32Array.from(numbers).buffer), index && new Uint8Array(Uint32Array.from(index).buffer), slide, annotatedLevel(ds, slide));
    it("count in the pixels of the level they name", () => {
        const s = shapes(set("POINT"), [10, 20, 30, 40])!;
        expect([[...s.points], [...s.starts], [...s.boxes]]).toEqual([[40, 80, 120, 160], [0, 1, 2], [40, 80, 40, 80, 120, 160, 120, 160]]);
        expect([...shapes(set("RECTANGLE"), [0, 0, 4, 0, 4, 2, 0, 2, 9])!.starts]).toEqual([0, 4]);
    });
    it("are cut into polygons by an index that counts numbers from 1", () => {
        const s = shapes(set("POLYGON"), [0, 0, 1, 0, 1, 1, 5, 5, 6, 5, 6, 6, 5, 6], [1, 7])!;
        expect([...s.starts]).toEqual([0, 3, 7]);
        expect([...s.boxes.slice(4)]).toEqual([20, 20, 24, 24]);
        expect([...shapes(set("POLYGON"), [0, 0, 1, 0, 1, 1], [1, 900, 0, 2, 5, 3])!.starts]).toEqual([0, 2, 3]); /* nonsense is left out */
    });
    it("in 3D lie on the slide in mm, with one depth for all or each with its own", () => {
        const whole = { "006A0001": v("3D") };
        const at = [20 - 10 * 0.0005, 40 - 30 * 0.0005];
        for (const s of [shapes(set("POINT", { "006A0010": v(0) }, whole), at), shapes(set("POINT", {}, whole), [...at, 0])]) {
            expect(s!.starts).toHaveLength(2);
            expect(s!.points[0]).toBeCloseTo(30.5, 1);
            expect(s!.points[1]).toBeCloseTo(10.5, 1);
        }
    });
    it("of other images are none; every prefix is read", () => {
        expect(annotatedLevel(set("POINT", {}, { "00081140": v() }), slide)).toBeUndefined();
        expect(shapes(set("POINT", {}, { "00081140": v() }), [1, 2])).toBeUndefined();
        expect(shapes(set("SPLINE"), [1, 2])).toBeUndefined();
        const ds = set("POLYGON");
        const bytes = new Uint8Array(Float32Array.of(0, 0, 1, 0, 1, 1).buffer);
        const index = new Uint8Array(Uint32Array.of(1, 5).buffer);
        for (let n = 0; n <= bytes.length; n++)
            for (let m = 0; m <= index.length; m++) {
                const s = shapesOf(ds, annotationGroups(ds)[0]!, bytes.subarray(0, n), index.subarray(0, m), slide, slide.levels[1])!;
                expect(s.points.length).toBe(2 * Math.floor(n / 8));
                expect(s.starts[s.starts.length - 1]).toBe(Math.floor(n / 8));
            }
    });
});
