/** Saving what a reader has made as DICOM objects, and taking up what is in those of the study. */

import { signal } from "@preact/signals";
import { placesOf, tagOf, type Origin } from "../../dicom/dataset";
import { areaOf, presentationState, readPresentationState, softcopyState, turnOf, windowFor, type PresentationState } from "../../dicom/gsps";
import { keyObject, keyObjectSelection, readKeyObject } from "../../dicom/ko";
import type { Code, FrameKey, Measurement } from "../../dicom/measurement";
import { readStructureSet, structureSetStorage } from "../../dicom/rtstruct";
import { paintableStructures, writtenStructures } from "../../dicom/rtstruct-map";
import { labelMapStorage, readSegmentation, segmentationStorage, type SegmentationKind } from "../../dicom/seg";
import { paintable, writtenSegmentation } from "../../dicom/seg-map";
import { frameName, type Segmentation } from "../../dicom/segmentation";
import { readReport } from "../../dicom/sr-read";
import { isWritable, measurementReport } from "../../dicom/sr-write";
import { newUid } from "../../dicom/uid";
import { fetchBulk, fetchFrame } from "../../dicomweb/client";
import { inlineBytes, items, number, text, Tag, type Dataset } from "../../dicomweb/json";
import { storeObjects } from "../../dicomweb/stow";
import type { FrameInfo } from "../../imaging";
import { t } from "../../ui/text";
import { objectsOf, originOf, type Note } from "../reading/documents";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import type { Content, Series } from "../reading/series";
import { Drafts } from "./drafts";

const seriesMax = 100; /* whose objects are looked through for what a report refers to */

/** A presentation state that is in force: its drawings and shutters are laid over the panes. */
export interface Applied extends PresentationState {
    uid: string;
}

export class Keeper {
    readonly drafts: Drafts;
    readonly notes = signal<readonly Note[]>([]);
    readonly isBusy = signal(false);
    readonly applied = signal<Applied | undefined>(undefined);

    constructor(readonly reading: Reading) {
        this.drafts = new Drafts(reading);
    }

    /* ---- doing one thing at a time, and saying what became of it ---- */

    async run(act: () => Promise<readonly Note[]>): Promise<void> {
        if (this.isBusy.value) return;
        this.isBusy.value = true;
        this.notes.value = [];
        try {
            this.notes.value = await act();
        } catch (e) {
            this.notes.value = [{ isProblem: true, text: e instanceof Error ? e.message : String(e) }];
        } finally {
            this.isBusy.value = false;
        }
    }

    private origin(description: string): Origin {
        return originOf(this.reading, description);
    }

    private objectsOf(series: Iterable<string>): Promise<Dataset[]> {
        return objectsOf(this.reading, series);
    }

    private async stored(objects: readonly Dataset[], done: string): Promise<Note> {
        await storeObjects(objects);
        await this.reading.refresh();
        return { isProblem: false, text: done };
    }

    /* ---- saving ---- */

    /** One report for each study that was measured in. */
    async saveMeasurements(description: string): Promise<Note[]> {
        const marks = this.reading.marks.all.value.filter(isWritable);
        const objects: Dataset[] = [];
        for (const study of new Set(marks.map((m) => m.on?.study ?? this.reading.study))) {
            const own = marks.filter((m) => (m.on?.study ?? this.reading.study) === study);
            const fallback = this.reading.series.value.find((s) => s.study === study)?.uid;
            const drawnOn = own.flatMap((m) => (m.on ? [m.on.series] : []));
            const sources = await this.objectsOf(drawnOn.length > 0 ? drawnOn : fallback ? [fallback] : []);
            const used = new Set(own.flatMap((m) => (m.on ? [m.on.instance] : [])));
            const needed = sources.filter((ds) => used.has(text(ds, Tag.sopInstance)));
            objects.push(measurementReport(own, needed.length > 0 ? needed : sources.slice(0, 1), this.origin(description)));
        }
        const note = await this.stored(objects, t("Saved: {count} measurements as “{name}”", { count: marks.length, name: description }));
        this.drafts.markSaved(marks);
        return [note];
    }

    async saveKeyImages(title: Code, description: string): Promise<Note[]> {
        const marks = this.reading.marks.all.value.filter((m) => m.kind === "keyImage" && m.on && m.on.study === this.reading.study);
        const images = [...new Map(marks.map((m) => [`${m.on!.instance}/${m.on!.frame}`, m.on!])).values()];
        const sources = await this.objectsOf(images.map((k) => k.series));
        const places = placesOf(sources);
        const source = sources.find((ds) => text(ds, Tag.sopInstance) === images[0]?.instance);
        if (!source) throw new RangeError(t("There is no key image to save"));
        const object = keyObject({ title, description, images }, source, (i) => places(i)?.frames ?? 1, this.origin(title.meaning));
        const note = await this.stored([object], t("Saved: {count} key images as “{name}”", { count: images.length, name: title.meaning }));
        this.drafts.markSaved(marks);
        return [note];
    }

    /** How the active pane shows its series, with what is drawn on it. */
    async saveDisplay(name: string): Promise<Note[]> {
        const pane = this.reading.active.value;
        const [state, content, view] = [pane.state.value, pane.content.value, pane.stack];
        if (!state || !content || !view) throw new Error(t("Only the display of a stack of images can be saved"));
        const info = state.info;
        const alike = content.frames.filter((f) => f.rows === info.rows && f.columns === info.columns && f.slope === info.slope && f.intercept === info.intercept);
        if (info.samples > 1 || info.modalityLut) throw new Error(t("The display of images in colour, or with a modality table, is not saved"));
        const keys = alike.map(({ study, series, instance, frame, sopClass }): FrameKey => ({ study, series, instance, frame, sopClass }));
        const places = placesOf(content.datasets);
        const display = {
            window: { center: state.center, width: state.width },
            rescale: { slope: info.slope, intercept: info.intercept, unit: info.unit },
            inverted: state.invert,
            ...turnOf(state.toPane),
            area: areaOf(state.toPane, view.size, info),
            magnification: undefined,
        };
        const shown = { keys, rows: info.rows, columns: info.columns, aspect: info.calibrated ? ([info.rowSpacingMm, info.columnSpacingMm] as const) : undefined };
        const object = presentationState(display, shown, this.reading.marks.all.value, content.datasets[0]!, (i) => places(i)?.frames ?? 1, { ...this.origin(name), label: name });
        return [await this.stored([object], t("Saved: the display of {count} images as “{name}”", { count: keys.length, name }))];
    }

    /** What is painted, as a SEG of some kind or as the contours of a structure set. */
    async saveSegmentation(s: Segmentation, kind: SegmentationKind | "RTSTRUCT"): Promise<Note[]> {
        const content = await this.reading.content(s.series);
        if (kind === "RTSTRUCT") {
            const places = placesOf(content.datasets);
            await storeObjects([writtenStructures(s, content.frames, content.datasets, (i) => places(i)?.frames ?? 1, this.origin(s.label))]);
        } else {
            const { object, bulk } = writtenSegmentation(s, kind, content.frames, content.datasets, { ...this.origin(s.label), label: s.label });
            await storeObjects([object], bulk);
        }
        this.drafts.markSaved([s]);
        await this.reading.refresh();
        return [{ isProblem: false, text: t("Saved: the segmentation “{name}”", { name: s.label }) }];
    }

    /* ---- taking up ---- */

    /** Everything in the objects of a series that is about images. */
    async load(series: Series): Promise<Note[]> {
        const { datasets } = await this.reading.content(series.uid);
        const notes: Note[] = [];
        for (const ds of datasets) {
            const sopClass = text(ds, Tag.sopClass);
            const sources = await this.objectsOf(seriesNamedBy(ds, this.reading));
            if (sopClass === keyObjectSelection) notes.push(...(await this.loadKeyImages(ds, sources)));
            else if (sopClass === softcopyState) notes.push(...(await this.apply(ds, sources)));
            else if (sopClass === segmentationStorage || sopClass === labelMapStorage) notes.push(...(await this.loadSegmentation(ds, sources)));
            else if (sopClass === structureSetStorage) notes.push(...(await this.loadStructures(ds, sources)));
            else if (/\.1\.1\.88\./.test(sopClass)) notes.push(...this.loadReport(ds, sources));
            else notes.push({ isProblem: true, text: t("An object of this kind cannot be taken up here") });
        }
        return notes;
    }

    private loadReport(ds: Dataset, sources: readonly Dataset[]): Note[] {
        const { title, measurements, problems } = readReport(ds, placesOf(sources));
        this.reading.marks.load(measurements);
        this.drafts.markSaved(this.reading.marks.all.value.filter((m) => measurements.includes(m)));
        const said = measurements.length > 0 ? t("“{name}”: {count} measurements are on the images", { name: title, count: measurements.length }) : t("“{name}” has no measurement that can be drawn", { name: title });
        return [{ isProblem: measurements.length === 0, text: said }, ...problems.map((p) => ({ isProblem: true, text: p }))];
    }

    private async loadSegmentation(ds: Dataset, sources: readonly Dataset[]): Promise<Note[]> {
        const ref = { study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) };
        const read = readSegmentation(ds, await nativePixels(ds, ref), placesOf(sources));
        const named = read.planes.find((p) => p.on)?.on?.series;
        const series = this.reading.series.value.find((s) => s.uid === named) ?? this.reading.series.value.find((s) => sources.some((o) => text(o, Tag.seriesUid) === s.uid));
        const frames = series ? (await this.reading.content(series.uid)).frames : [];
        return this.takeUp(paintable(read, ref.instance, frames), frames);
    }

    private async loadStructures(ds: Dataset, sources: readonly Dataset[]): Promise<Note[]> {
        const read = readStructureSet(ds, placesOf(sources));
        const named = read.rois.flatMap((r) => r.contours.flatMap((c) => c.on?.series ?? []))[0];
        const contents = await Promise.all(this.reading.series.value.filter((s) => sources.some((o) => text(o, Tag.seriesUid) === s.uid)).map((s) => this.reading.content(s.uid)));
        const isIts = (c: Content) => (named ? c.frames[0]?.series === named : c.frames[0] !== undefined && c.frames[0].frameOfReference === read.frameOfReference);
        const frames = contents.find(isIts)?.frames ?? [];
        return this.takeUp(paintableStructures(read, text(ds, Tag.sopInstance), frames), frames);
    }

    private async takeUp({ segmentation, problems }: { segmentation: Segmentation; problems: string[] }, frames: readonly FrameInfo[]): Promise<Note[]> {
        this.reading.segments.load([segmentation]);
        this.drafts.markSaved([segmentation]);
        const painted = frames.find((f) => segmentation.frames.has(frameName(f)));
        if (painted) await this.goTo(painted, this.reading.active.value);
        return [{ isProblem: false, text: t("“{name}”: {count} segments are on the images", { name: segmentation.label, count: segmentation.segments.length }) }, ...problems.map((p) => ({ isProblem: true, text: p }))];
    }

    private async loadKeyImages(ds: Dataset, sources: readonly Dataset[]): Promise<Note[]> {
        const { title, description, images, missing } = readKeyObject(ds, placesOf(sources));
        const have = new Set(this.reading.marks.all.value.filter((m) => m.kind === "keyImage").map((m) => `${m.on?.instance}/${m.on?.frame}`));
        const marks = images.filter((k) => !have.has(`${k.instance}/${k.frame}`)).map((on): Measurement => ({
            uid: newUid(), kind: "keyImage", label: description, on, quantities: [], spacing: "none", color: "#f4c542", locked: false, hidden: false, created: new Date().toISOString(),
        }));
        this.reading.marks.load(marks);
        this.drafts.markSaved(marks);
        if (images[0]) await this.goTo(images[0], this.reading.active.value);
        const notes = [{ isProblem: images.length === 0, text: t("{title}: {count} key images", { title: title.meaning, count: images.length }) }];
        return missing > 0 ? [...notes, { isProblem: true, text: t("{count} of its images are not in this study", { count: missing }) }] : notes;
    }

    private async goTo(key: FrameKey, pane: Pane): Promise<boolean> {
        const series = this.reading.series.value.find((s) => s.uid === key.series);
        if (!series) return false;
        const { frames } = await this.reading.content(series.uid);
        const index = frames.findIndex((f) => f.instance === key.instance && f.frame === key.frame);
        if (pane.series.value?.uid === series.uid && pane.count.value > 0) pane.scrollTo(Math.max(0, index));
        else await this.reading.show(series, pane, Math.max(0, index));
        return shown(pane, key);
    }

    private async apply(ds: Dataset, sources: readonly Dataset[]): Promise<Note[]> {
        const places = placesOf(sources);
        const pane = this.reading.active.value;
        const now = pane.state.value?.info;
        const all = readPresentationState(ds, places);
        const key = all.images.find((k) => k.instance === now?.instance && k.frame === now?.frame) ?? all.images[0];
        if (!key) return [{ isProblem: true, text: t("“{name}” is about images that are not in this study", { name: all.description || all.label }) }];
        if (!(await this.goTo(key, pane)) || !pane.stack) return [{ isProblem: true, text: t("Its image cannot be shown") }];
        const state = readPresentationState(ds, places, key);
        const info = pane.state.value!.info;
        pane.stack.present({ ...state.display, window: windowFor(state.display, info) });
        this.applied.value = { ...state, uid: text(ds, Tag.sopInstance) };
        const unread = state.problems.length > 0 ? [{ isProblem: true, text: t("Not applied of it: {what}", { what: state.problems.join(", ") }) }] : [];
        return [{ isProblem: false, text: t("“{name}” is applied", { name: state.description || state.label }) }, ...unread];
    }

    /** Without the presentation state: as the images open. */
    unapply(): void {
        this.applied.value = undefined;
        this.reading.active.value.stack?.reset();
    }
}

const isPlain = (syntax: string) => syntax === "" || /^1\.2\.840\.10008\.1\.2(\.1(\.99)?|\.2)?$/.test(syntax);

/* Pixel Data uncompressed: as one value, or frame by frame where the server has to decode it. */
async function nativePixels(ds: Dataset, ref: { study: string; series: string; instance: string }): Promise<Uint8Array> {
    const pixels = ds[Tag.pixelData];
    const inline = inlineBytes(pixels);
    if (inline) return inline;
    if (isPlain(text(ds, Tag.availableTransferSyntax)) && pixels?.BulkDataURI) return fetchBulk(ref, pixels.BulkDataURI);
    const frames = await Promise.all(Array.from({ length: Math.max(1, number(ds, Tag.numberOfFrames) ?? 1) }, (_, i) => fetchFrame({ ...ref, frame: i + 1 }, "plain")));
    const out = new Uint8Array(frames.reduce((n, f) => n + f.bytes.length, 0));
    frames.reduce((at, f) => (out.set(f.bytes, at), at + f.bytes.length), 0);
    return out;
}

/* Resolves when the pane shows the frame; false when it does not within a few seconds. */
function shown(pane: Pane, key: FrameKey): Promise<boolean> {
    const isThere = () => pane.state.value?.info.instance === key.instance && pane.state.value.info.frame === key.frame;
    return new Promise((resolve) => {
        const untilMs = performance.now() + 10_000;
        const look = () => {
            if (isThere() || performance.now() > untilMs) resolve(isThere());
            else setTimeout(look, 30);
        };
        look();
    });
}

/* The series that an object says it is about; where it says nothing, those with images. */
function seriesNamedBy(ds: Dataset, reading: Reading): string[] {
    const structured = items(ds, tagOf("ReferencedFrameOfReferenceSequence")).flatMap((f) => items(f, tagOf("RTReferencedStudySequence")));
    const studies = [...items(ds, tagOf("CurrentRequestedProcedureEvidenceSequence")), ...items(ds, "0040A385"), ds, ...structured];
    const named = studies.flatMap((s) => [...items(s, tagOf("ReferencedSeriesSequence")), ...items(s, tagOf("RTReferencedSeriesSequence"))]).map((s) => text(s, Tag.seriesUid));
    const known = new Set(reading.series.value.map((s) => s.uid));
    if (named.some((uid) => known.has(uid))) return named;
    return reading.series.value.filter((s) => !aboutImages.has(s.modality)).map((s) => s.uid).slice(0, seriesMax);
}

export const aboutImages: ReadonlySet<string> = new Set(["SR", "KO", "PR", "SEG", "RTSTRUCT"]);

const keepers = new WeakMap<Reading, Keeper>();

export function keeperOf(reading: Reading): Keeper {
    let keeper = keepers.get(reading);
    if (!keeper) keepers.set(reading, (keeper = new Keeper(reading)));
    return keeper;
}
