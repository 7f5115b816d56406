import { afterEach, describe, expect, it, vi } from "vitest";
import type { Sync } from "../../dicom/hang";
import type { FrameInfo } from "../../imaging/frame";
import { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import type { Content, Series } from "../reading/series";
import { lookOf } from "./model";
import { linkScrolling } from "./together";

/* Ten slices, `apart` mm from each other; without a frame of reference their places say nothing. */
const stack = (uid: string, apart: number, frameOfReference: string): Content => ({
    datasets: [],
    others: [],
    frames: Array.from({ length: 10 }, (_, i) => ({ id: `${uid}/${i}`, series: uid, instance: `${uid}.${i}`, frame: 1, rows: 4, columns: 4, rowSpacingMm: 1, columnSpacingMm: 1, calibrated: true, frameOfReference, position: [0, 0, apart * i], rowDirection: [1, 0, 0], columnDirection: [0, 1, 0], windows: [] }) as unknown as FrameInfo),
});

function reading(contents: readonly Content[], modalities: readonly string[] = []): Reading {
    const r = new Reading("1.2.3");
    r.layout.value = 4;
    contents.forEach((content, i) => {
        r.panes[i]!.begin({ uid: `s${i}`, modality: modalities[i] ?? "CT" } as Series);
        r.panes[i]!.fill(content, 0);
    });
    return r;
}

const sync = (panes: number[], scroll: Sync["scroll"], more: Partial<Sync> = {}): Sync => ({ panes, scroll, window: false, view: false, ...more });
const at = (r: Reading) => r.panes.map((p) => p.at.value);
let stop: (() => void) | undefined;
afterEach(() => stop?.());

describe("scrolling together", () => {
    const contents = [stack("a", 2, "1.2"), stack("b", 1, "1.2"), stack("c", 1, "9"), stack("d", 1, "9")];
    it("is of a group: to the same place where there is one, else by as many images", () => {
        const r = reading(contents);
        r.sync.value = [sync([0, 1, 2], "place")];
        stop = linkScrolling(r);
        r.panes[0]!.scrollTo(3);
        expect(at(r)).toEqual([3, 6, 3, 0]);
        r.panes[1]!.scrollTo(4);
        expect(at(r)).toEqual([2, 4, 1, 0]);
    });
    it("by images goes by images, whatever the places say; two groups do not touch each other", () => {
        const r = reading(contents);
        r.sync.value = [sync([0, 1], "offset"), sync([2, 3], "offset")];
        stop = linkScrolling(r);
        r.panes[0]!.scrollTo(3);
        r.panes[3]!.scrollTo(2);
        expect(at(r)).toEqual([3, 3, 2, 2]);
    });
    it("of all leaves the groups alone", () => {
        const r = reading(contents);
        r.sync.value = [sync([0, 1], "offset")];
        lookOf(r).linked.value = true;
        stop = linkScrolling(r);
        r.panes[2]!.scrollTo(5);
        expect(at(r)).toEqual([0, 0, 5, 5]);
        r.panes[0]!.scrollTo(1);
        expect(at(r)).toEqual([1, 1, 5, 5]);
    });
});

describe("what is shared of the view", () => {
    const view = (): Record<string, ReturnType<typeof vi.fn>> => Object.fromEntries(["setWindow", "toggleInvert", "pan", "zoom", "rotate", "flip", "fit", "reset", "close", "scroll"].map((k) => [k, vi.fn()]));
    it("is what the group says: the window within one modality, place and turn for all", () => {
        const r = reading([0, 1, 2, 3].map((i) => stack(`s${i}`, 1, "")), ["CT", "CT", "PT", "CT"]);
        const views = r.panes.map((p: Pane) => {
            const v = view();
            p.attachOwn(v as unknown as Parameters<Pane["attachOwn"]>[0]);
            return v;
        });
        r.sync.value = [sync([0, 1, 2], "", { window: true }), sync([0, 3], "", { view: true })];
        r.panes[0]!.view!.setWindow(40, 400);
        r.panes[0]!.view!.zoom(2);
        r.panes[1]!.view!.pan(3, 4);
        expect(views.map((v) => v["setWindow"]!.mock.calls)).toEqual([[[40, 400]], [[40, 400]], [], []]);
        expect(views.map((v) => v["zoom"]!.mock.calls.length)).toEqual([1, 0, 0, 1]);
        expect(views.map((v) => v["pan"]!.mock.calls.length)).toEqual([0, 1, 0, 0]);
        r.layout.value = 1;
        r.panes[0]!.view!.fit();
        expect(views.map((v) => v["fit"]!.mock.calls.length)).toEqual([1, 0, 0, 0]); /* what is not seen is left alone */
    });
});
