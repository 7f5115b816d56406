/** One pane: the series in it and its state on screen. The viewport attaches the view that draws it. */

import { batch, computed, signal } from "@preact/signals";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import type { StackState, StackView } from "../../imaging";
import type { Vec3 } from "../../dicom/vector";
import type { Face, OwnView, Shown, View } from "../../imaging/view";
import { presetsFor } from "./presets";
import { cineRate, type Content, type Series } from "./series";
import { sharedView } from "./shared-view";

export class Pane {
    readonly series = signal<Series | undefined>(undefined);
    readonly content = signal<Content | undefined>(undefined);
    readonly mode = signal("stack"); /* or the id of a `ViewKind` */
    readonly state = signal<StackState | undefined>(undefined); /* the image on screen; none in another mode */
    readonly shown = signal<Shown | undefined>(undefined); /* what another view than the stack shows */
    readonly refused = signal<{ title: string; reason: string } | undefined>(undefined); /* why it shows nothing */
    readonly at = signal(0); /* what was asked for, from 0 */
    readonly failure = signal("");
    readonly loaded = signal(0); /* grows with every frame that arrives */
    readonly listed = signal(false); /* the objects beside the images are shown instead of them */
    readonly cine = signal(false);
    readonly rate = signal(10);
    readonly count = computed(() => this.content.value?.frames.length ?? 0);
    readonly presets = computed(() => presetsFor(this.content.value?.frames[this.at.value], text(this.dataset.value, Tag.bodyPart)));
    /** The object on screen, or the first of those that cannot be drawn. */
    readonly dataset = computed<Dataset | undefined>(() => {
        const content = this.content.value;
        const instance = content?.frames[this.at.value]?.instance;
        return content?.datasets.find((ds) => text(ds, Tag.sopInstance) === instance) ?? content?.datasets[0];
    });

    /** The flat picture on screen, whatever draws it; none in space. */
    readonly face = computed<Face | undefined>(() => {
        const state = this.state.value;
        if (!state) return this.shown.value?.face;
        const { study, series, instance, sopClass, frame } = state.info;
        const grid = () => {
            const values = this.stack?.values(state.index);
            return values && { rows: state.info.rows, columns: state.info.columns, ...values };
        };
        return { id: state.info.id, frame: state.info, on: { study, series, instance, sopClass, frame }, toPane: state.toPane, grid };
    });

    /** Where the pane is among what it scrolls through, whatever the mode. */
    readonly steps = computed(() => {
        if (this.mode.value === "stack") return { at: this.at.value, count: this.count.value };
        return { at: this.shown.value?.step ?? 0, count: this.shown.value?.steps ?? 0 };
    });

    private revealing: readonly Vec3[] | undefined; /* by a view that is still to come */
    private drawn: StackView | undefined;
    private own: OwnView | undefined;
    private timer: ReturnType<typeof setTimeout> | undefined;

    begin(series: Series): void {
        this.stopCine();
        batch(() => {
            this.series.value = series;
            this.listed.value = false;
            this.content.value = undefined;
            this.mode.value = "stack";
            this.state.value = undefined;
            this.failure.value = "";
            this.at.value = 0;
        });
    }

    fill(content: Content, index: number, mode?: string): void {
        batch(() => {
            this.content.value = content;
            if (mode) this.mode.value = mode;
            this.at.value = Math.max(0, Math.min(content.frames.length - 1, index));
            this.rate.value = cineRate(content.datasets[0]);
        });
        this.draw();
    }

    clear(): void {
        this.stopCine();
        this.drawn?.empty();
        batch(() => {
            this.series.value = undefined;
            this.content.value = undefined;
            this.mode.value = "stack";
            this.state.value = undefined;
            this.failure.value = "";
            this.at.value = 0;
        });
    }

    attach(view: StackView): void {
        this.drawn = view;
        this.draw();
    }

    attachOwn(view: OwnView): void {
        this.own = view;
        if (this.revealing) view.reveal?.(this.revealing);
        this.revealing = undefined;
    }

    /** Shows these points of the patient in another mode than the stack. */
    reveal(mode: string, points: readonly Vec3[]): void {
        if (this.own && this.mode.value === mode) return this.own.reveal?.(points);
        this.revealing = points;
        this.mode.value = mode;
    }

    detach(): void {
        this.stopCine();
        this.view?.close();
        this.drawn = this.own = undefined;
        batch(() => {
            this.state.value = undefined;
            this.shown.value = undefined;
            this.refused.value = undefined;
        });
    }

    private draw(): void {
        const frames = this.content.value?.frames;
        if (this.drawn && this.mode.value === "stack" && frames && frames.length > 0) void this.drawn.open(frames, this.at.value);
    }

    /** The panes that go with this one in what is done to their views. */
    fellows: (what: "window" | "view") => readonly Pane[] = () => [];

    /** What draws in the pane, and in those that go with it. */
    get view(): View | undefined {
        const own = this.own ?? this.drawn;
        return own && sharedView(own, (what) => this.fellows(what).flatMap((p) => p.own ?? p.drawn ?? []));
    }

    /** The stack of images; none in another mode. */
    get stack(): StackView | undefined {
        return this.drawn;
    }

    /** Steps from 0: images of the stack, or whatever another view scrolls through. */
    scrollTo(index: number): void {
        const { at, count } = this.steps.value;
        const to = Math.max(0, Math.min(count - 1, index));
        if (to === at || count === 0) return;
        if (this.own) return this.own.scroll(to - at);
        this.failure.value = "";
        this.at.value = to;
        void this.drawn?.show(to);
    }

    scroll(by: number): void {
        this.scrollTo(this.steps.value.at + by);
    }

    usePreset(key: string): void {
        const preset = this.presets.value.find((p) => p.key === key);
        if (preset) this.view?.setWindow(preset.center, preset.width);
    }

    toggleCine(): void {
        if (this.cine.value) return this.stopCine();
        if (this.steps.value.count < 2) return;
        this.cine.value = true;
        this.tick();
    }

    stopCine(): void {
        clearTimeout(this.timer);
        this.cine.value = false;
    }

    /* Waits for a frame that is still on its way: a slow network slows the film, it never skips */
    private tick(): void {
        this.timer = setTimeout(() => {
            const { at, count } = this.steps.value;
            const next = (at + 1) % Math.max(1, count);
            const arrived = this.own !== undefined || this.state.value?.index === this.at.value || this.failure.value !== "";
            if (arrived) this.scrollTo(next);
            if (this.cine.value) this.tick();
        }, 1000 / this.rate.value);
    }
}
