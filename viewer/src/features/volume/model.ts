/** What the volume module knows of an open study: the planes' focus, slab, fusion, units and light. */

import { computed, signal } from "@preact/signals";
import { frameName, type Segment, type Segmentation } from "../../dicom/segmentation";
import type { Surface } from "../../dicom/surface";
import { suvOf, isNoSuv, seconds, type Suv, type SuvKind, type WhyNoSuv } from "../../dicom/suv";
import { dot, sub, along, type Vec3 } from "../../dicom/vector";
import { middleOf } from "../../dicom/volume";
import { number, text, Tag, type Dataset } from "../../dicomweb/json";
import type { MapName } from "../../imaging/colormaps";
import { frameDataset, type FrameInfo } from "../../imaging/frame";
import type { PresetName } from "../../imaging/space-presets";
import type { LoadedVolume } from "../../imaging/volume";
import type { Blend } from "../../dicom/plane-grid";
import type { Overlay, PlaneView, Unit } from "../../imaging/volume-plane";
import type { SpaceView } from "../../imaging/volume-space";
import type { Grey } from "../../imaging/window";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import type { Content, Series } from "../reading/series";
import { Focus } from "./planes";
import { refusalOf, suvRefusal } from "./words";

type SurfaceMaker = typeof import("../../imaging/volumes").surfaceNow;

export interface Fusion {
    series: Series;
    volume: LoadedVolume;
    unit: Unit;
    map: MapName;
    share: number;
    lower: number; /* in the reader's units */
    upper: number;
}

export const surfaceName = (uid: string, number: number): string => `${uid}/${number}`;

export type Units = "stored" | SuvKind;

const stored: Unit = { factor: 1, name: "" };

export class Volumes {
    readonly slab = signal<{ blend: Blend; mm: number }>({ blend: "none", mm: 10 });
    readonly crosshair = signal(true);
    readonly units = signal<Units>("bw");
    readonly map = signal<MapName>("grey");
    readonly preset = signal<PresetName | "">(""); /* empty: what fits the modality */
    readonly shift = signal(0);
    readonly crop = signal<readonly [lo: Vec3, hi: Vec3]>([[0, 0, 0], [1, 1, 1]]);
    readonly bare = signal(false); /* in space: the surfaces of segments alone */
    readonly opacities = signal<ReadonlyMap<string, number>>(new Map()); /* of those, by `surfaceName` */
    readonly fusion = signal<Fusion | undefined>(undefined);
    readonly fusing = signal(""); /* the series that is being fetched to be laid over */
    readonly trouble = signal(""); /* why it was not */
    /** The view that each pane shows, while it is not the stack. */
    readonly views = new Map<Pane, PlaneView | SpaceView>();
    readonly viewed = signal(0); /* grows as views come and go */
    /** The window that a stack had when its pane was to show the volume: the volume opens with it. */
    private readonly carried = new Map<Pane, Grey>();
    private readonly foci = new Map<string, Focus>();
    private fetching: AbortController | undefined;

    constructor(readonly reading: Reading) {}

    readonly activeVolume = computed(() => (void this.viewed.value, this.views.get(this.reading.active.value)?.volume));

    /** The focus of the volume's frame of reference: at first in its middle, or at the image that the pane has shown. */
    focusOf(volume: LoadedVolume, from?: FrameInfo): Focus {
        const { slices } = volume;
        const key = slices.frameOfReference || volume.info.series;
        let focus = this.foci.get(key);
        if (!focus) {
            const middle = middleOf(slices);
            const normal = slices.axes[2];
            const start = from?.position ? along(middle, normal, dot(sub(from.position, middle), normal)) : middle;
            focus = new Focus(volume.snapped(start));
            this.foci.set(key, focus);
        }
        return focus;
    }

    carry(pane: Pane): void {
        const state = pane.state.value;
        if (state) this.carried.set(pane, { center: state.center, width: state.width });
    }

    carryInto(pane: Pane, volume: LoadedVolume): void {
        const window = this.carried.get(pane);
        this.carried.delete(pane);
        if (window) volume.window.value = window;
    }

    /** How values of a pane's series are told: as SUV where that is asked for and can be computed. */
    unitOf(content: Content | undefined): Unit {
        const first = content?.frames[0];
        if (!first || first.modality !== "PT") return { factor: 1, name: first?.modality === "CT" ? "HU" : (first?.unit ?? "") };
        const suv = this.suv(content!);
        if (suv && !isNoSuv(suv)) return { factor: suv.factor, name: suv.kind === "bw" ? "SUVbw" : "SUVlbm" };
        return { ...stored, name: text(content!.datasets[0], "00541001") };
    }

    private suv(content: Content): Suv | { why: WhyNoSuv } | undefined {
        const kind = this.units.value;
        const instance = content.frames[0]!.instance;
        const ds = content.datasets.find((d) => text(d, Tag.sopInstance) === instance);
        return kind === "stored" || !ds ? undefined : suvOf(ds, content.datasets, kind);
    }

    /** Why values of a PET are not told as SUV, in words; empty when they are. */
    whyNoSuv(content: Content | undefined): string {
        if (content?.frames[0]?.modality !== "PT") return "";
        const suv = this.suv(content);
        return suv && isNoSuv(suv) ? suvRefusal(suv.why) : "";
    }

    /** Lays another series over the planes, or says why not. */
    async fuse(series: Series | undefined): Promise<void> {
        this.fetching?.abort();
        this.release();
        this.trouble.value = "";
        this.fusing.value = series?.uid ?? "";
        const base = this.activeVolume.value;
        if (!series || !base) return;
        const gone = (this.fetching = new AbortController());
        try {
            const content = await this.reading.content(series.uid);
            const imaging = await import("../../imaging/volumes");
            const volume = await imaging.enterVolume(content.frames, timeOf(content), gone.signal);
            if ("why" in volume) throw new Error(refusalOf(volume).message);
            if (gone.signal.aborted) return imaging.leaveVolume(volume);
            const same = volume.slices.frameOfReference !== "" && volume.slices.frameOfReference === base.slices.frameOfReference;
            if (!same) {
                imaging.leaveVolume(volume);
                throw new Error(refusalOf({ why: "frame", values: {} }).message);
            }
            const unit = this.unitOf(content);
            const isSuv = unit.name.startsWith("SUV");
            const { center, width } = volume.opening;
            const [lower, upper] = isSuv ? [0, 10] : [(center - width / 2) * unit.factor, (center + width / 2) * unit.factor];
            this.fusion.value = { series, volume, unit, map: "hotIron", share: 0.6, lower, upper };
        } catch (e) {
            if (!gone.signal.aborted) this.trouble.value = e instanceof Error ? e.message : String(e);
        } finally {
            if (this.fetching === gone) this.fusing.value = "";
        }
    }

    private release(): void {
        const volume = this.fusion.value?.volume;
        this.fusion.value = undefined;
        if (volume) void import("../../imaging/volumes").then((imaging) => imaging.leaveVolume(volume));
    }

    changeFusion(more: Partial<Fusion>): void {
        if (this.fusion.value) this.fusion.value = { ...this.fusion.value, ...more };
    }

    /** The segments of a volume, those that are shown. */
    segmentsOf(volume: LoadedVolume): { segmentation: Segmentation; segment: Segment }[] {
        const own = this.reading.segments.all.value.filter((s) => s.series === volume.info.series && s.frames.size > 0);
        return own.flatMap((segmentation) => segmentation.segments.flatMap((segment) => (segment.hidden ? [] : [{ segmentation, segment }])));
    }

    /** As soon as it is made. */
    surfaceOf(volume: LoadedVolume, s: Segmentation, number: number, make: SurfaceMaker): Surface | undefined {
        const frames = volume.slices.times[0]!;
        return make(s.frames, volume.slices, () => frames.map((f) => s.frames.get(frameName(f))), number);
    }

    opacityOf(uid: string, number: number): number {
        return this.opacities.value.get(surfaceName(uid, number)) ?? 1;
    }

    /** What is laid over a plane of `base`. */
    overlayOn(base: LoadedVolume, maps: Readonly<Record<MapName, Uint8Array>>): Overlay | undefined {
        const f = this.fusion.value;
        if (!f || f.volume === base || f.volume.slices.frameOfReference !== base.slices.frameOfReference) return undefined;
        const [lower, upper] = [f.lower / f.unit.factor, f.upper / f.unit.factor];
        return { volume: f.volume, window: { center: (lower + upper) / 2, width: upper - lower }, map: maps[f.map], share: f.share };
    }

    close(): void {
        this.fetching?.abort();
        this.release();
        if (this.viewed.value > 0) void import("../../imaging/volumes").then((imaging) => imaging.releaseVolumes());
    }
}

const open = new WeakMap<Reading, Volumes>();

export function volumesOf(reading: Reading): Volumes {
    let volumes = open.get(reading);
    if (!volumes) open.set(reading, (volumes = new Volumes(reading)));
    return volumes;
}

/* Where in time a frame belongs: what says so best comes first.   PS3.3 §C.7.6.2, §C.7.6.16.2.2, §C.8.9.4 */
const timeTags = ["00200100", "00209128", "00181060", "00541300"] as const;

export function timeOf(content: Content): (frame: FrameInfo) => number {
    const byInstance = new Map<string, Dataset>(content.datasets.map((ds) => [text(ds, Tag.sopInstance), ds]));
    return (frame) => {
        const ds = byInstance.get(frame.instance);
        const own = ds && frameDataset(ds, frame.frame);
        const said = timeTags.map((tag) => number(own, tag)).find((n) => n !== undefined);
        return said ?? seconds(text(own, "00080022"), text(own, "00080032")) ?? seconds(text(own, "00080023"), text(own, "00080033")) ?? 0;
    };
}
