import { describe, expect, it } from "vitest";
import { items, numbers, text, type Dataset } from "../dicomweb/json";
import { cielab, fromCielab, placesOf, tagOf } from "./dataset";
import { areaOf, presentationState, readPresentationState, turnOf, windowFor, type Display, type Turn } from "./gsps";
import type { FrameKey, Measurement } from "./measurement";
import { keyObject, keyTitles, readKeyObject } from "./ko";

const image = (n: number): Dataset => ({
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.2"] },
    "00080018": { vr: "UI", Value: [`1.2.3.4.${n}`] },
    "0020000D": { vr: "UI", Value: ["1.2.3"] },
    "0020000E": { vr: "UI", Value: ["1.2.3.4"] },
    "00280008": { vr: "IS", Value: [n === 9 ? 3 : 1] },
});
const sources = [image(1), image(2), image(9)];
const places = placesOf(sources);
const key = (n: number, frame = 1): FrameKey => ({ study: "1.2.3", series: "1.2.3.4", instance: `1.2.3.4.${n}`, sopClass: "1.2.840.10008.5.1.4.1.1.2", frame });
const counts = (instance: string) => places(instance)?.frames ?? 1;
const origin = { date: new Date("2026-01-15T12:00:00Z"), seriesNumber: 9002, seriesDescription: "Lung window", label: "Lung, left" };
const display: Display = { window: { center: -600, width: 1500 }, rescale: { slope: 1, intercept: -1024, unit: "HU" }, inverted: true, turn: 90, mirrored: true, area: { left: 10, top: 20, right: 110, bottom: 90 }, magnification: undefined };
const mark: Measurement = { uid: "2.25.1", kind: "length", label: "Lesion", on: key(2), points: [[1.5, 2.5], [30, 40]], quantities: [{ name: "length", value: 12.345678, unit: "mm" }], spacing: "calibrated", color: "#ff0000", locked: false, hidden: false, created: "2026-01-15T12:00:00Z" };
const through = (ds: Dataset) => JSON.parse(JSON.stringify(ds)) as Dataset;

describe("a presentation state", () => {
    const shown = { keys: [key(1), key(2)], rows: 512, columns: 256, aspect: [0.7, 0.5] as const };
    const written = through(presentationState(display, shown, [mark, { ...mark, hidden: true }, { ...mark, on: key(9) }], sources[0]!, counts, origin));
    it("reads as what was written", () => {
        const read = readPresentationState(written, places);
        expect(read.display).toEqual(display);
        expect(read.images).toEqual(shown.keys);
        expect(read.label).toBe("LUNG_ LEFT");
        expect(read.problems).toEqual([]);
        expect(read.drawn.map((d) => [d.type, d.on?.instance, d.points])).toEqual([["POLYLINE", "1.2.3.4.2", [[1.5, 2.5], [30, 40]]], ["TEXT", "1.2.3.4.2", [[1.5, 2.5]]]]);
        expect(read.drawn[1]!.text).toBe("Lesion\r\nlength 12.346 mm");
    });
    it("tells the modality LUT, which would be none without", () => expect([text(written, tagOf("RescaleIntercept")), text(written, tagOf("RescaleSlope"))]).toEqual(["-1024", "1"]));
    /* Upper left and lower right on screen, as pixels of the image (PS3.3 §C.10.4); 90 clockwise: its lower left comes to the upper left. */
    it.each([
        [0, false, [1, 1], [256, 512]],
        [0, true, [256, 1], [1, 512]],
        [90, false, [1, 512], [256, 1]],
        [180, false, [256, 512], [1, 1]],
        [270, false, [256, 1], [1, 512]],
        [90, true, [1, 1], [256, 512]],
        [270, true, [256, 512], [1, 1]],
    ] as [Turn, boolean, number[], number[]][])("turned by %i, mirrored %s, has its corners", (turn, mirrored, first, last) => {
        const [area] = items(presentationState({ ...display, area: undefined, turn, mirrored }, shown, [], sources[0]!, counts, origin), tagOf("DisplayedAreaSelectionSequence"));
        expect(numbers(area, tagOf("DisplayedAreaTopLeftHandCorner"))).toEqual(first);
        expect(numbers(area, tagOf("DisplayedAreaBottomRightHandCorner"))).toEqual(last);
    });
    it("names frames of a multi-frame object, and all of them by none", () => {
        const some = through(presentationState(display, { ...shown, keys: [key(9, 2)] }, [], sources[2]!, counts, origin));
        expect(readPresentationState(some, places).images).toEqual([key(9, 2)]);
        const all = through(presentationState(display, { ...shown, keys: [key(9, 1), key(9, 2), key(9, 3)] }, [], sources[2]!, counts, origin));
        expect(readPresentationState(all, places).images).toHaveLength(3);
        expect(JSON.stringify(all)).not.toContain(tagOf("ReferencedFrameNumber"));
    });
    it("takes windows to the units of the image", () => {
        expect(windowFor({ ...display, rescale: { slope: 1, intercept: 0, unit: "" }, window: { center: 1064, width: 400 } }, { slope: 1, intercept: -1024 })).toEqual({ center: 40, width: 400 });
        expect(windowFor(display, { slope: 1, intercept: -1024 })).toEqual(display.window);
    });
    it("reads shutters and is not thrown by nonsense", () => {
        const odd = { ...written, "00181600": { vr: "CS", Value: ["CIRCULAR", "POLYGONAL", "RECTANGULAR"] }, "00181610": { vr: "IS", Value: [10, 20] }, "00181612": { vr: "IS", Value: [5] }, [tagOf("GraphicAnnotationSequence")]: { vr: "SQ", Value: [null, 3, { [tagOf("GraphicObjectSequence")]: { Value: [{}] } }] } } as unknown as Dataset;
        const read = readPresentationState(odd, places);
        expect(read.shutters).toEqual([{ shape: "circle", center: [19.5, 9.5], radius: 5 }]);
        expect(read.problems).toEqual(["?: 0"]);
    });
});

describe("the place of a picture", () => {
    it.each([
        [[2, 0, 0, 2, 0, 0], 0, false],
        [[-2, 0, 0, 2, 9, 0], 0, true],
        [[0, 2, -2, 0, 9, 0], 90, false],
        [[-2, 0, 0, -2, 9, 9], 180, false],
        [[0, -2, 2, 0, 0, 9], 270, false],
        [[2, 0, 0, -2, 0, 9], 180, true],
    ] as [[number, number, number, number, number, number], number, boolean][])("%j", (affine, turn, mirrored) => expect(turnOf(affine)).toEqual({ turn, mirrored }));
    it("tells what is shown of it", () => {
        expect(areaOf([2, 0, 0, 2, 10, 0], { width: 220, height: 200 }, { rows: 100, columns: 100 })).toBeUndefined();
        expect(areaOf([4, 0, 0, 4, -40, -80], { width: 200, height: 200 }, { rows: 100, columns: 100 })).toEqual({ left: 10, top: 20, right: 60, bottom: 70 });
    });
});

describe("colours as CIELab", () => {
    it.each(["#f4c542", "#000000", "#ffffff", "#12ab9f", "#ff0000"])("%s comes back", (color) => expect(fromCielab(cielab(color))).toBe(color));
    it("white is 65535 at the middle of a and b", () => expect(cielab("#ffffff")[0]).toBeGreaterThan(65500));
});

describe("a key object selection (TID 2010)", () => {
    it("reads as what was written", () => {
        const what = { title: keyTitles[3]!, description: "für die Lehre", images: [key(1), key(9, 2)] };
        const written = through(keyObject(what, sources[0]!, counts, { ...origin, observer: "Reader^Rita" }));
        expect(readKeyObject(written, places)).toEqual({ ...what, missing: 0 });
        expect(readKeyObject(written, placesOf([sources[0]!])).missing).toBe(1);
    });
    it("is not made of nothing", () => expect(() => keyObject({ title: keyTitles[0]!, description: "", images: [] }, sources[0]!, counts, origin)).toThrow(RangeError));
});
