/** Slides that are open: their views, the lines drawn on them, the annotations about them. */

import { signal, type Signal } from "@preact/signals";
import { fetchBulk } from "../../dicomweb/client";
import { inlineBytes, text, Tag, type Dataset, type Element } from "../../dicomweb/json";
import { slideOf, type Point, type Slide } from "../../dicom/slide";
import { lineReport, readLines } from "../../dicom/slide-report";
import { annotatedLevel, annotationGroups, coordinatesOf, indexOf, shapesOf, type AnnotationGroup, type Shapes } from "../../dicom/slide-annotations";
import { isAnnotation } from "../../dicom/slide-kind";
import { newUid } from "../../dicom/uid";
import { SlideView } from "../../imaging/slide-view";
import { Refused } from "../../imaging/view";
import { t } from "../../ui/text";
import { fromNewestReport, originOf, storeDocument } from "../reading/documents";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";

/** In pixels of the finest level. */
export interface Line {
    id: number;
    uid: string;
    a: Point;
    b: Point;
}

/** A group of annotations about a slide. */
export interface Listed {
    group: AnnotationGroup;
    dataset: Dataset;
    on: Signal<boolean>;
    shapes: Signal<Shapes | undefined>;
    note: Signal<string>; /* why there are none */
}

/** What is kept of a slide, whichever pane it is in. */
export interface Desk {
    lines: Signal<readonly Line[]>;
    chosen: Signal<number>;
    listed: Signal<readonly Listed[]>;
    isAsked: boolean; /* whether lines were looked for that were saved */
}

const atOnceMost = 300_000; /* annotations that are drawn without being asked for */

class Slides {
    readonly views = new Map<Pane, SlideView>();
    readonly viewed = signal(0); /* grows when one opens or closes */
    private readonly desks = new Map<string, Desk>(); /* by series */

    deskOf(series: string): Desk {
        let desk = this.desks.get(series);
        if (!desk) this.desks.set(series, (desk = { lines: signal([]), chosen: signal(0), listed: signal([]), isAsked: false }));
        return desk;
    }
}

const all = new WeakMap<Reading, Slides>();
export function slidesOf(r: Reading): Slides {
    let slides = all.get(r);
    if (!slides) all.set(r, (slides = new Slides()));
    return slides;
}

async function bytesOf(ds: Dataset, element: Element | undefined): Promise<Uint8Array | undefined> {
    const ref = { study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) };
    return inlineBytes(element) ?? (element?.BulkDataURI ? fetchBulk(ref, element.BulkDataURI) : undefined);
}

async function fetchShapes(one: Listed, slide: Slide): Promise<void> {
    const { dataset, group } = one;
    const level = annotatedLevel(dataset, slide);
    try {
        const [coordinates, index] = await Promise.all([bytesOf(dataset, coordinatesOf(group).element), bytesOf(dataset, indexOf(group))]);
        one.shapes.value = coordinates && shapesOf(dataset, group, coordinates, index, slide, level);
        if (!one.shapes.value) one.note.value = t("It has no places that can be drawn.");
    } catch (e) {
        one.note.value = e instanceof Error ? e.message : String(e);
    }
}

/* Those about this slide: they name an image of it, or count on the same slide in mm. */
async function listAnnotations(r: Reading, desk: Desk, slide: Slide, frameOfReference: string): Promise<void> {
    const series = r.series.value.filter((s) => s.modality === "ANN");
    const contents = await Promise.all(series.map((s) => r.content(s.uid).catch(() => undefined)));
    const about = contents
        .flatMap((c) => c?.others ?? [])
        .filter((ds) => isAnnotation(ds) && (annotatedLevel(ds, slide) !== undefined || (text(ds, "006A0001") === "3D" && text(ds, Tag.frameOfReference) === frameOfReference)));
    let rest = atOnceMost;
    desk.listed.value = about.flatMap((dataset) =>
        annotationGroups(dataset).map((group): Listed => ({ group, dataset, on: signal((rest -= group.count) >= 0), shapes: signal(undefined), note: signal("") })),
    );
}

/* The lines that were saved last, unless there are some. */
async function takeLines(r: Reading, desk: Desk, slide: Slide): Promise<void> {
    desk.isAsked = true;
    const saved = await fromNewestReport(r, (report) => readLines(report, slide));
    if (desk.lines.value.length === 0) desk.lines.value = saved.map((l, i) => ({ ...l, uid: l.uid || newUid(), id: i + 1 }));
}

/** The lengths as a report of the study. */
export async function saveLines(r: Reading, desk: Desk, slide: Slide): Promise<void> {
    const origin = originOf(r, t("Lengths"));
    await storeDocument(r, lineReport(desk.lines.value, slide, origin), origin, false);
}

export async function openSlide(r: Reading, pane: Pane, element: HTMLDivElement, gone: AbortSignal): Promise<SlideView> {
    const content = pane.content.value!;
    const series = pane.series.value!;
    const slide = slideOf(content.datasets);
    if (!slide) throw new Refused(t("The slide cannot be shown"), t("None of its images says how large it is."));
    const slides = slidesOf(r);
    const desk = slides.deskOf(series.uid);
    const onClose = () => {
        if (slides.views.get(pane) === view) slides.views.delete(pane);
        slides.viewed.value++;
    };
    const view = new SlideView(element, slide, { study: series.study, series: series.uid }, (shown) => (pane.shown.value = shown), onClose);
    slides.views.set(pane, view);
    slides.viewed.value++;
    if (desk.listed.value.length === 0) void listAnnotations(r, desk, slide, text(slide.levels[0]!.dataset, Tag.frameOfReference));
    if (!desk.isAsked) void takeLines(r, desk, slide);
    if (gone.aborted) view.close();
    return view;
}

/** Shapes that are to be drawn, fetched when they are first wanted. */
export function shownShapes(desk: Desk, slide: Slide): { shapes: Shapes; color: string }[] {
    return desk.listed.value.flatMap((one) => {
        if (!one.on.value) return [];
        const shapes = one.shapes.value;
        if (!shapes && !one.note.value && !asked.has(one)) {
            asked.add(one);
            void fetchShapes(one, slide);
        }
        return shapes ? [{ shapes, color: one.group.color }] : [];
    });
}
const asked = new WeakSet<Listed>();

const deskIn = (r: Reading): Desk | undefined => {
    const uid = r.active.value.series.value?.uid;
    return uid ? slidesOf(r).deskOf(uid) : undefined;
};
export const hasLine = (r: Reading): boolean => deskIn(r)?.lines.value.some((l) => l.id === deskIn(r)?.chosen.value) ?? false;
export function removeLine(r: Reading): void {
    const desk = deskIn(r);
    if (desk) desk.lines.value = desk.lines.value.filter((l) => l.id !== desk.chosen.value);
}
