/** What can be laid over the images of the open studies, what of it is shown, and how. */

import { batch, computed, signal, type Signal } from "@preact/signals";
import { slabsOf, type Slabs } from "../../dicom/roi-planes";
import { computedDvh, storedDvhs, type Dvh, type NoDvh } from "../../dicom/dvh";
import { levelsOf, usualLevels, type Level } from "../../dicom/isodose";
import { mapBytes, mapStorage, rangeOf, readMap, type ParametricMap } from "../../dicom/parametric";
import { doseBytes, doseStorage, readDose, referenced, type DoseGrid } from "../../dicom/rtdose";
import { ionPlanStorage, planStorage, prescribedGy, readPlan, type Plan } from "../../dicom/rtplan";
import { readStructureSet, structureSetStorage, type Roi } from "../../dicom/rtstruct";
import { labelMapStorage, segmentationStorage } from "../../dicom/seg";
import { colorOf, labelsOn, segHead, type LabelPlane, type SegHead } from "../../dicom/seg-planes";
import { sectionOf, type Section } from "../../dicom/section";
import { nearest } from "../../dicom/slices";
import { add, scale, type Vec3 } from "../../dicom/vector";
import { isAbort, searchInstances } from "../../dicomweb/client";
import { items, number, text, Tag, type Dataset } from "../../dicomweb/json";
import type { MapName } from "../../imaging/colormaps";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { Frames, allPixels, type Ref } from "./pixels";
import { refusalOf } from "./words";

export type Kind = "seg" | "structures" | "dose" | "plan" | "map";

const kinds: Readonly<Record<string, Kind>> = {
    [segmentationStorage]: "seg",
    [labelMapStorage]: "seg",
    [structureSetStorage]: "structures",
    [doseStorage]: "dose",
    [planStorage]: "plan",
    [ionPlanStorage]: "plan",
    [mapStorage]: "map",
};
const objectsMax = 200;
const seriesMax = 60;
const bytesMax = 512 << 20; /* of all that is held at a time */
const pointsMax = 3_000_000;
const planesKept = 48;

/** A part that can be shown, hidden and coloured by itself: a segment, a structure. */
export interface Part {
    number: number;
    name: string;
    meaning: string;
    color: string;
}

/** One object. */
export abstract class Laid {
    readonly shown = signal(false);
    readonly opacity: Signal<number>;
    readonly state = signal<"" | "loading" | "here" | "failed">("");
    readonly failure = signal("");
    readonly hidden = signal<ReadonlySet<number>>(new Set());
    readonly colors = signal<ReadonlyMap<number, string>>(new Map());
    abstract readonly kind: Kind;

    constructor(
        readonly dataset: Dataset,
        readonly ref: Ref,
        readonly name: string,
        opacity: number,
    ) {
        this.opacity = signal(opacity);
    }

    get frameOfReference(): string {
        return text(this.dataset, Tag.frameOfReference);
    }

    /** What it will hold in memory. */
    abstract get bytes(): number;
    /** Reads what it needs; throws what is said to the reader. */
    abstract read(abort: AbortSignal): Promise<void>;
    /** Gives back what it holds. */
    abstract drop(): void;

    colorOf(part: Part): string {
        return this.colors.value.get(part.number) ?? part.color;
    }

    setColor(part: number, color: string): void {
        this.colors.value = new Map([...this.colors.value, [part, color]]);
    }

    hide(parts: readonly number[], isHidden: boolean): void {
        const next = new Set(this.hidden.value);
        for (const p of parts) isHidden ? next.add(p) : next.delete(p);
        this.hidden.value = next;
    }
}

/* The code of what stands in the way becomes words. */
function orRefused<T extends object>(read: T | string): T {
    if (typeof read === "string") throw new RangeError(refusalOf(read));
    return read;
}

export class LaidSeg extends Laid {
    readonly kind = "seg";
    head: SegHead | undefined;
    frames: Frames | undefined;
    private readonly planes = new Map<number, LabelPlane>();
    private planesHidden: ReadonlySet<number> | undefined;

    get bytes(): number {
        return this.head ? (this.head.rows * this.head.columns * this.head.frames * this.head.bits) / 8 : 0;
    }

    get parts(): readonly Part[] {
        return this.head?.segments.map((s) => ({ number: s.number, name: s.label, meaning: s.meaning, color: s.color })) ?? [];
    }

    async read(abort: AbortSignal): Promise<void> {
        this.head = orRefused(segHead(this.dataset));
        this.frames = new Frames(this.dataset, this.ref, this.head.rows * this.head.columns * this.head.bits, abort);
        return Promise.resolve();
    }

    drop(): void {
        this.frames = undefined;
        this.planes.clear();
    }

    /** What is on a plane; undefined while it is not here. `most`: how many planes are kept at least. */
    plane(k: number, most = planesKept): LabelPlane | undefined {
        const hidden = this.hidden.value;
        if (this.planesHidden !== hidden) this.planes.clear();
        this.planesHidden = hidden;
        const known = this.planes.get(k);
        if (known) return known;
        if (!this.head || !this.frames) return undefined;
        const made = labelsOn(this.head, k, (f) => this.frames!.get(f), (n) => hidden.has(n));
        if (!made) return undefined;
        if (this.planes.size >= Math.max(most, planesKept)) this.planes.delete(this.planes.keys().next().value!);
        this.planes.set(k, made);
        return made;
    }

    /** The middle one of the planes on which a segment is. */
    placeOf(part: number): Vec3 | undefined {
        const head = this.head;
        if (!head) return undefined;
        const planes = head.sheaf.planes.filter((p) => head.kind === "LABELMAP" || p.frames.some((f) => head.segmentOf[f - 1] === part));
        const plane = planes[planes.length >> 1];
        if (!plane) return undefined;
        const { right, down, deep, columnMm, rowMm, columns, rows } = head.sheaf;
        const flat = add(scale(right, plane.leftMm + (columnMm * columns) / 2), scale(down, plane.topMm + (rowMm * rows) / 2));
        return add(flat, scale(deep, plane.depthMm));
    }
}

export interface ShownRoi extends Part {
    roi: Roi;
    slabs: Slabs | undefined;
}

export class LaidStructures extends Laid {
    readonly kind = "structures";
    rois: readonly ShownRoi[] = [];
    problems: readonly string[] = [];

    override get frameOfReference(): string {
        const [first] = items(this.dataset, "30060020");
        return text(first, "30060024") || text(items(this.dataset, "30060010")[0], Tag.frameOfReference) || text(this.dataset, Tag.frameOfReference);
    }

    get bytes(): number {
        return this.rois.reduce((n, r) => n + r.roi.contours.reduce((m, c) => m + c.points.length, 0), 0) * 64;
    }

    get parts(): readonly Part[] {
        return this.rois;
    }

    read(): Promise<void> {
        const points = items(this.dataset, "30060039").reduce((n, roi) => n + items(roi, "30060040").reduce((m, c) => m + (c["30060050"]?.Value?.length ?? 0) / 3, 0), 0);
        if (points > pointsMax) throw new RangeError(refusalOf("size"));
        const { rois, problems } = readStructureSet(this.dataset, () => undefined);
        const colored = new Set(items(this.dataset, "30060039").filter((c) => (c["3006002A"]?.Value?.length ?? 0) === 3).map((c) => number(c, "30060084")));
        const elsewhere = new Set(items(this.dataset, "30060020").filter((r) => ![this.frameOfReference, ""].includes(text(r, "30060024"))).map((r) => number(r, "30060022")));
        const drawn = rois.filter((r) => r.contours.length > 0);
        this.rois = drawn.filter((r) => !elsewhere.has(r.number)).map((roi) => ({ number: roi.number, name: roi.name, meaning: roi.interpreted, color: colored.has(roi.number) ? roi.color : colorOf(roi.number), roi, slabs: slabsOf(roi.contours) }));
        this.problems = [...problems, ...drawn.filter((r) => elsewhere.has(r.number)).map((r) => r.name)];
        if (this.rois.length === 0) throw new RangeError(refusalOf("empty"));
        return Promise.resolve();
    }

    drop(): void {
        this.rois = [];
    }

    placeOf(part: number): Vec3 | undefined {
        const contours = this.rois.find((r) => r.number === part)?.roi.contours ?? [];
        return contours[contours.length >> 1]?.points[0];
    }
}

export class LaidDose extends Laid {
    readonly kind = "dose";
    grid: DoseGrid | undefined;
    stored: ReadonlyMap<number, Dvh> = new Map();
    readonly wash = signal(true);
    readonly lines = signal(true);
    readonly map = signal<MapName>("jet");
    readonly range = signal({ low: 0, high: 1 }); /* in the unit of the grid */
    readonly levels = signal<readonly Level[]>(levelsOf(usualLevels.join(" "))!);
    readonly inPercent = signal(true);
    readonly reference = signal(1); /* what 100 % is, in the unit of the grid */
    readonly referenceFrom = signal<"plan" | "max" | "typed">("max");

    get bytes(): number {
        return doseBytes(this.dataset) ?? 0;
    }

    async read(abort: AbortSignal): Promise<void> {
        this.stored = storedDvhs(this.dataset);
        if (doseBytes(this.dataset) === undefined && this.stored.size > 0) return;
        if (readDose(this.dataset, new Uint8Array(0)) === "size") throw new RangeError(refusalOf("size"));
        this.grid = orRefused(readDose(this.dataset, await allPixels(this.dataset, this.ref, abort)));
    }

    drop(): void {
        this.grid = undefined;
    }

    /** 100 % is what the plan prescribes, where it does; else the greatest dose. */
    refer(plan: Plan | undefined): void {
        const { grid } = this;
        if (!grid || this.referenceFrom.value === "typed") return;
        const prescribed = plan && grid.unit === "Gy" ? prescribedGy(plan, grid.summation) : undefined;
        batch(() => {
            this.reference.value = prescribed ?? (grid.max || 1);
            this.referenceFrom.value = prescribed === undefined ? "max" : "plan";
            this.range.value = { low: 0.1 * this.reference.value, high: Math.max(this.reference.value, grid.max) };
        });
    }

    /** A level in the unit of the grid. */
    levelValue(level: Level): number {
        return this.inPercent.value ? (level.value / 100) * this.reference.value : level.value;
    }
}

export class LaidMap extends Laid {
    readonly kind = "map";
    values: ParametricMap | undefined;
    readonly map = signal<MapName>("hotIron");
    readonly channel = signal(0);
    readonly range = signal({ low: 0, high: 1 });

    get bytes(): number {
        return mapBytes(this.dataset);
    }

    async read(abort: AbortSignal): Promise<void> {
        if (readMap(this.dataset, new Uint8Array(0)) === "size") throw new RangeError(refusalOf("size"));
        this.values = orRefused(readMap(this.dataset, await allPixels(this.dataset, this.ref, abort)));
        this.choose(0);
    }

    drop(): void {
        this.values = undefined;
    }

    choose(channel: number): void {
        if (!this.values) return;
        batch(() => {
            this.channel.value = channel;
            this.range.value = rangeOf(this.values!, channel) ?? { low: 0, high: 1 };
        });
    }

    get unit(): string {
        return this.values?.units[this.firstFrame] ?? "";
    }

    get quantity(): string {
        return this.values?.names[this.firstFrame] ?? "";
    }

    private get firstFrame(): number {
        const frame = this.values?.sheaf.planes.find((p) => p.frames[this.channel.value] !== undefined)?.frames[this.channel.value];
        return (frame ?? 1) - 1;
    }
}

export class LaidPlan extends Laid {
    readonly kind = "plan";
    readonly plan = readPlan(this.dataset);
    readonly bytes = 0;

    read(): Promise<void> {
        return Promise.resolve();
    }

    drop(): void {
        /* it holds nothing but its data set */
    }
}

export type LaidObject = LaidSeg | LaidStructures | LaidDose | LaidMap | LaidPlan;

function laidOf(ds: Dataset, ref: Ref): LaidObject | undefined {
    const kind = kinds[text(ds, Tag.sopClass)];
    const name = (...tags: string[]) => tags.map((tag) => text(ds, tag).trim()).find((v) => v !== "") ?? "";
    if (kind === "seg") return new LaidSeg(ds, ref, name("0008103E", "00700081", "00700080"), 0.35);
    if (kind === "structures") return new LaidStructures(ds, ref, name("30060004", "30060002", "0008103E"), 0.15);
    if (kind === "dose") return new LaidDose(ds, ref, name("30040006", "0008103E", "3004000A"), 0.4);
    if (kind === "map") return new LaidMap(ds, ref, name("0008103E", "00700081", "00700080"), 0.6);
    return kind === "plan" ? new LaidPlan(ds, ref, name("300A0003", "300A0002", "0008103E"), 1) : undefined;
}

/** The series that an object says it was made from. */
function seriesNamed(ds: Dataset): string[] {
    const own = items(ds, "00081115").map((s) => text(s, Tag.seriesUid));
    const structures = items(ds, "30060010").flatMap((f) => items(f, "30060012").flatMap((study) => items(study, "30060014").map((s) => text(s, Tag.seriesUid))));
    return [...own, ...structures].filter((uid) => uid !== "");
}

/** The plane that a pane shows; undefined for what is none. Reads signals. */
export function sectionIn(pane: Pane): Section | undefined {
    const state = pane.state.value;
    return state ? sectionOf(state.info, state.toPane) : pane.shown.value?.section;
}

export class Overlays {
    readonly objects = signal<readonly LaidObject[]>([]);
    readonly search = signal<"" | "running" | "done">("");
    readonly problem = signal("");
    readonly dvhs = signal<ReadonlySet<string>>(new Set()); /* structures whose histogram is drawn */
    readonly isAnyShown = computed(() => this.objects.value.some((o) => o.shown.value));
    private readonly abort = new AbortController();
    private isBehind = false; /* series have come while it was looking */
    private readonly seen = new Set<string>();
    private readonly computedDvhs = new Map<string, Dvh | NoDvh>();

    constructor(readonly reading: Reading) {}

    /** Looks for objects in the open studies; again, where studies or series have come. */
    async find(): Promise<void> {
        if (this.search.value === "running") return void (this.isBehind = true);
        this.search.value = "running";
        this.isBehind = false;
        this.problem.value = "";
        try {
            const found = (await Promise.all(this.reading.studies.value.map((s) => searchInstances(s.uid, Object.keys(kinds), this.abort.signal)))).flat();
            const series = [...new Set(found.map((ds) => text(ds, Tag.seriesUid)))].filter((uid) => !this.seen.has(uid)).slice(0, seriesMax);
            const known = new Set(this.reading.series.value.map((s) => s.uid));
            const contents = await Promise.all(series.filter((uid) => known.has(uid)).map((uid) => this.reading.content(uid).then((c) => ({ uid, datasets: c.datasets }))));
            const more = contents.flatMap(({ uid, datasets }) => {
                this.seen.add(uid);
                return datasets.flatMap((ds) => {
                    const laid = laidOf(ds, { study: text(ds, Tag.studyUid), series: uid, instance: text(ds, Tag.sopInstance) });
                    return laid ? [laid] : [];
                });
            });
            this.objects.value = [...this.objects.value, ...more].slice(0, objectsMax);
        } catch (e) {
            if (!isAbort(e)) this.problem.value = e instanceof Error ? e.message : String(e);
        } finally {
            this.search.value = "done";
        }
        if (this.isBehind) await this.find();
    }

    byInstance(uid: string): LaidObject | undefined {
        return uid === "" ? undefined : this.objects.value.find((o) => o.ref.instance === uid);
    }

    /** A plan may say no frame of reference: then it is that of its structures. */
    frameOf(o: LaidObject): string {
        if (o.frameOfReference !== "" || o.kind !== "plan") return o.frameOfReference;
        return this.byInstance(o.plan.structures)?.frameOfReference ?? "";
    }

    /** Whether it lies in the frame of reference of what the pane shows, or was made from its series and names none. */
    fits(o: LaidObject, pane: Pane): boolean {
        const here = sectionIn(pane)?.frameOfReference ?? pane.content.value?.frames[0]?.frameOfReference ?? "";
        const own = this.frameOf(o);
        if (own !== "") return own === here;
        return seriesNamed(o.dataset).includes(pane.series.value?.uid ?? "-");
    }

    planOf(dose: LaidDose): Plan | undefined {
        const o = this.byInstance(dose.grid?.plan ?? referenced(dose.dataset, "300C0002"));
        return o?.kind === "plan" ? o.plan : undefined;
    }

    /** Shows it, reading it first; or hides it. */
    async show(o: LaidObject, isShown: boolean): Promise<void> {
        o.shown.value = isShown;
        if (!isShown || o.state.value === "loading" || o.state.value === "here") return;
        batch(() => ((o.state.value = "loading"), (o.failure.value = "")));
        try {
            this.makeRoom(o);
            await o.read(this.abort.signal);
            this.makeRoom(o); /* of some it is known only now */
            if (o.kind === "dose") o.refer(this.planOf(o));
            o.state.value = "here";
        } catch (e) {
            o.drop();
            batch(() => ((o.state.value = "failed"), (o.failure.value = e instanceof Error ? e.message : String(e))));
        }
    }

    /* What is hidden gives way to what is wanted. */
    private makeRoom(wanted: LaidObject): void {
        const held = () => this.objects.value.reduce((n, o) => n + (o !== wanted && o.state.value === "here" ? o.bytes : 0), wanted.bytes);
        for (const o of this.objects.value) {
            if (held() <= bytesMax) return;
            if (o.shown.value || o.state.value !== "here" || o === wanted) continue;
            o.drop();
            o.state.value = "";
        }
        if (held() > bytesMax) throw new RangeError(refusalOf("room"));
    }

    /** The histogram of a structure: as stored with the dose, else computed. */
    dvhOf(dose: LaidDose, structures: LaidStructures, roi: ShownRoi): Dvh | NoDvh | undefined {
        const of = referenced(dose.dataset, "300C0060") || this.planOf(dose)?.structures || "";
        const stored = of === "" || of === structures.ref.instance ? dose.stored.get(roi.number) : undefined;
        if (stored) return stored;
        if (!dose.grid) return undefined;
        const key = `${dose.ref.instance} ${structures.ref.instance} ${roi.number}`;
        let dvh = this.computedDvhs.get(key);
        if (!dvh) this.computedDvhs.set(key, (dvh = computedDvh(roi.roi.contours, dose.grid)));
        return dvh;
    }

    /** The image of the active pane's stack that is nearest to a point. */
    goTo(point: Vec3): void {
        const pane = this.reading.active.value;
        const frames = pane.content.value?.frames ?? [];
        if (pane.mode.value !== "stack") return;
        const index = nearest(frames, point);
        if (index !== undefined) pane.scrollTo(index);
    }

    close(): void {
        this.abort.abort();
        this.objects.value.forEach((o) => o.drop());
    }
}

const all = new WeakMap<Reading, Overlays>();

export function overlaysOf(reading: Reading): Overlays {
    let overlays = all.get(reading);
    if (!overlays) all.set(reading, (overlays = new Overlays(reading)));
    return overlays;
}
