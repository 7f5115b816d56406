/** One pane: the series in it and its state on screen. The viewport attaches the stack that draws it. */

import { batch, computed, signal } from "@preact/signals";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import type { StackState, StackView } from "../../imaging";
import { presetsFor } from "./presets";
import { cineRate, type Content, type Series } from "./series";

export class Pane {
    readonly series = signal<Series | undefined>(undefined);
    readonly content = signal<Content | undefined>(undefined);
    readonly state = signal<StackState | undefined>(undefined); /* what is on screen */
    readonly at = signal(0); /* what was asked for, from 0 */
    readonly failure = signal("");
    readonly loaded = signal(0); /* grows with every frame that arrives */
    readonly listed = signal(false); /* the objects beside the images are shown instead of them */
    readonly cine = signal(false);
    readonly rate = signal(10);
    readonly count = computed(() => this.content.value?.frames.length ?? 0);
    readonly presets = computed(() => presetsFor(this.content.value?.frames[this.at.value]));
    /** The object on screen, or the first of those that cannot be drawn. */
    readonly dataset = computed<Dataset | undefined>(() => {
        const content = this.content.value;
        const instance = content?.frames[this.at.value]?.instance;
        return content?.datasets.find((ds) => text(ds, Tag.sopInstance) === instance) ?? content?.datasets[0];
    });

    private view: StackView | undefined;
    private timer: ReturnType<typeof setTimeout> | undefined;

    begin(series: Series): void {
        this.stopCine();
        batch(() => {
            this.series.value = series;
            this.listed.value = false;
            this.content.value = undefined;
            this.state.value = undefined;
            this.failure.value = "";
            this.at.value = 0;
        });
    }

    fill(content: Content, index: number): void {
        batch(() => {
            this.content.value = content;
            this.at.value = Math.max(0, Math.min(content.frames.length - 1, index));
            this.rate.value = cineRate(content.datasets[0]);
        });
        this.draw();
    }

    clear(): void {
        this.stopCine();
        batch(() => {
            this.series.value = undefined;
            this.content.value = undefined;
            this.state.value = undefined;
            this.failure.value = "";
            this.at.value = 0;
        });
    }

    attach(view: StackView): void {
        this.view = view;
        this.draw();
    }

    detach(): void {
        this.stopCine();
        this.view?.close();
        this.view = undefined;
        this.state.value = undefined;
    }

    private draw(): void {
        const frames = this.content.value?.frames;
        if (this.view && frames && frames.length > 0) void this.view.open(frames, this.at.value);
    }

    get stack(): StackView | undefined {
        return this.view;
    }

    scrollTo(index: number): void {
        const to = Math.max(0, Math.min(this.count.value - 1, index));
        if (to === this.at.value || this.count.value === 0) return;
        this.failure.value = "";
        this.at.value = to;
        void this.view?.show(to);
    }

    scroll(by: number): void {
        this.scrollTo(this.at.value + by);
    }

    usePreset(key: string): void {
        const preset = this.presets.value.find((p) => p.key === key);
        if (preset) this.view?.setWindow(preset.center, preset.width);
    }

    toggleCine(): void {
        if (this.cine.value) return this.stopCine();
        if (this.count.value < 2) return;
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
            const next = (this.at.value + 1) % this.count.value;
            const arrived = this.state.value?.index === this.at.value || this.failure.value !== "";
            if (arrived) this.scrollTo(next);
            if (this.cine.value) this.tick();
        }, 1000 / this.rate.value);
    }
}
