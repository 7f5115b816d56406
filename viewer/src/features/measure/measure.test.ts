import { describe, expect, it } from "vitest";
import type { ImagePoint, Measurement } from "../../dicom/measurement";
import { distance, middle, type Metric } from "../../dicom/shape";
import { csv } from "./csv";
import { handlesOf, movedInside, pointsFrom, withHandle } from "./edit";
import { onImage, onPane } from "../reading/affine";
import { linesOf, quantityText, summaryOf } from "./words";

const metric: Metric = [0.5, 2];
const close = (list: readonly ImagePoint[]) => list.map((p) => p.map((v) => Number(v.toFixed(6))));

describe("a shape under the hand", () => {
    it("is an ellipse in its box, the axis first that is longer in the patient", () => {
        expect(pointsFrom("ellipse", [[0, 0], [10, 4]], [1, 1])).toEqual([[0, 2], [10, 2], [5, 0], [5, 4]]);
        expect(pointsFrom("ellipse", [[0, 0], [10, 4]], metric)).toEqual([[5, 0], [5, 4], [0, 2], [10, 2]]);
    });
    it("keeps centre, right angle and width of an ellipse whose end is dragged", () => {
        const before = pointsFrom("ellipse", [[0, 0], [40, 4]], metric);
        const [a, b, c, d] = withHandle({ kind: "ellipse", points: before }, 1, [30, 6], metric) as [ImagePoint, ImagePoint, ImagePoint, ImagePoint];
        expect(close([middle(a, b), middle(c, d), b])).toEqual([[20, 2], [20, 2], [30, 6]]);
        expect(distance(c, d, metric)).toBeCloseTo(distance(before[2]!, before[3]!, metric), 9);
        expect((b[0] - a[0]) * (d[0] - c[0]) * 0.25 + (b[1] - a[1]) * (d[1] - c[1]) * 4).toBeCloseTo(0, 9);
    });
    it.each([0, 1, 2, 3])("keeps a rectangle's opposite corner, and its angles, when corner %i is dragged", (i) => {
        const before = pointsFrom("rectangle", [[2, 3], [8, 6]], metric);
        const after = withHandle({ kind: "rectangle", points: before }, i, [11, 1], metric);
        const [x, y] = before[(i + 2) % 4]!;
        expect(after[i]).toEqual([11, 1]);
        expect(after[(i + 2) % 4]).toEqual([x, y]);
        expect(close([after[(i + 1) % 4]!, after[(i + 3) % 4]!]).sort()).toEqual([[11, y], [x, 1]].sort());
    });
    it("keeps the short axis at right angles, wherever either is dragged", () => {
        const before = pointsFrom("bidirectional", [[0, 0], [40, 0]], metric);
        expect(close(before)).toEqual([[0, 0], [40, 0], [20, 2.5], [20, -2.5]]);
        const turned = withHandle({ kind: "bidirectional", points: before }, 1, [0, 10], metric);
        expect(close(turned)).toEqual([[0, 0], [0, 10], [-10, 5], [10, 5]]);
        expect(close(withHandle({ kind: "bidirectional", points: before }, 2, [30, 4], metric))).toEqual([[0, 0], [40, 0], [30, 4], [30, -2.5]]);
    });
    it("takes its neighbours along when a drawn line is pulled, and no others", () => {
        const line = Array.from({ length: 60 }, (_, i): ImagePoint => [i, 0]);
        const after = withHandle({ kind: "freehand", points: line }, 30, [30, 8], metric);
        expect(after[30]).toEqual([30, 8]);
        expect(after[32]![1]).toBeGreaterThan(after[34]![1]);
        expect(after.slice(0, 25)).toEqual(line.slice(0, 25));
    });
    it("has handles at the points of a spline that were placed, and few on a long line", () => {
        const points = Array.from({ length: 240 }, (_, i): ImagePoint => [i, 0]);
        expect(handlesOf({ kind: "spline", points: points.slice(0, 24) })).toEqual([0, 8, 16]);
        expect(handlesOf({ kind: "freehand", points }).length).toBeLessThanOrEqual(24);
    });
    it("stays in the picture", () => expect(movedInside([[2, 2], [5, 9]], -7, 7, 20, 10)).toEqual([[0, 3], [3, 10]]));
    it("lies on the pane where it lies on the image", () => {
        const turned = [0, 3, -2, 0, 50, 60] as const;
        expect(onPane(turned, [4, 5])).toEqual([40, 72]);
        expect(close([onImage(turned, [40, 72])])).toEqual([[4, 5]]);
    });
});

const mark = (more: Partial<Measurement>): Measurement => ({
    uid: "2.25.1", kind: "length", label: "", quantities: [], spacing: "calibrated", color: "#ffffff", locked: false, hidden: false, created: "2026-01-15T10:15:00Z", ...more,
});

describe("what a measurement says", () => {
    it("has the unit a reader knows", () => {
        expect(quantityText({ name: "mean", value: -12.345, unit: "[hnsf'U]" })).toBe("-12.3 HU");
        expect(quantityText({ name: "max", value: 1200, unit: "1" })).toBe("1200");
        expect(quantityText({ name: "area", value: 3.14159, unit: "mm2" })).toBe("3.14 mm²");
        expect(quantityText({ name: "area", value: 12, unit: "{pixels}" })).toBe("12.0 px²");
        expect(quantityText({ name: "angle", value: 90, unit: "deg" })).toBe("90.0°");
        expect(quantityText({ name: "mean", value: 2.5, unit: "{SUVbw}g/ml" })).toBe("2.50 SUVbw");
    });
    it("says where mm are not those of the patient, and nothing of the kind for pixels and angles", () => {
        const length = { quantities: [{ name: "length" as const, value: 5, unit: "mm" }] };
        expect(linesOf(mark({ ...length, label: "Node" }))).toEqual(["Node", "5.00 mm"]);
        expect(linesOf(mark({ ...length, spacing: "imager" }))[1]).toContain("not corrected");
        expect(linesOf(mark({ quantities: [{ name: "length", value: 5, unit: "{pixels}" }], spacing: "none" }))).toEqual(["5.00 px"]);
        expect(linesOf(mark({ kind: "angle", quantities: [{ name: "angle", value: 5, unit: "deg" }], spacing: "imager" }))).toEqual(["5.0°"]);
    });
    it("is short in the list", () =>
        expect(summaryOf(mark({ kind: "bidirectional", quantities: [{ name: "length", value: 12.34, unit: "mm" }, { name: "shortAxis", value: 8, unit: "mm" }] }))).toBe("12.3 mm × 8.00 mm"));
});

describe("the table", () => {
    it("has a line for each, quoted where needed, and nothing that a spreadsheet runs", () => {
        const on = { study: "1", series: "2", instance: "3", sopClass: "4", frame: 5 };
        const list = [
            { mark: mark({ label: '=HYPERLINK("x"),y', on, points: [[1, 2.00049]], quantities: [{ name: "length", value: -1.5, unit: "mm" }] }), series: "Head, axial", image: 7 },
            { mark: mark({ kind: "keyImage" }), series: "", image: undefined },
            { mark: mark({ kind: "probe", spatial: [[-12.3456, 2, 30]] }), series: "", image: undefined },
        ];
        expect(csv(list).split("\r\n")).toEqual([
            "label,kind,series,image,length,length unit,spacing,points,created,study uid,series uid,instance uid,frame,tracking uid",
            `"'=HYPERLINK(""x""),y",length,"Head, axial",7,-1.5,mm,calibrated,1 2,2026-01-15T10:15:00Z,1,2,3,5,2.25.1`,
            ",keyImage,,,,,calibrated,,2026-01-15T10:15:00Z,,,,,2.25.1",
            ",probe,,,,,calibrated,-12.346 2 30,2026-01-15T10:15:00Z,,,,,2.25.1",
            "",
        ]);
    });
});
