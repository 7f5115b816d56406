/** Reading state: the open study, its series, and what each pane shows. Views read signals; only this file
 *  and `pane.ts` write them. */

import { batch, computed, signal } from "@preact/signals";
import type { Sync } from "../../dicom/hang";
import { metadataOf, seriesOf } from "../../dicomweb/ahead";
import { isAbort } from "../../dicomweb/client";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { Marks } from "./marks";
import { Pane } from "./pane";
import { Segments } from "./segments";
import { actionsOf, type Action, type Module } from "./module";
import { contentOf, inReadingOrder, seriesFrom, type Content, type Series } from "./series";

export type Layout = 1 | 2 | 4;
/** What a left drag does: one of these four, or a tool that a module names and handles itself. */
export type Tool = "window" | "scroll" | "zoom" | "pan" | (string & {});

/** One of the open studies, as the strip names it. */
export interface OpenStudy {
    uid: string;
    date: string; /* DA; empty until its series are listed */
    description: string;
}

export class Reading {
    readonly studies = signal<readonly OpenStudy[]>([]); /* that of the address first, then those beside it */
    readonly series = signal<readonly Series[]>([]);
    readonly failure = signal("");
    readonly isEmpty = signal(false);
    readonly layout = signal<Layout>(1);
    readonly tool = signal<Tool>("window");
    readonly panes: readonly Pane[] = [new Pane(), new Pane(), new Pane(), new Pane()];
    readonly activeIndex = signal(0);
    readonly sync = signal<readonly Sync[]>([]); /* panes that go together */
    readonly overlay = signal(true);
    readonly dialog = signal<"" | "help" | "tags">("");
    readonly panel = signal(""); /* the side panel that is open */
    readonly marks = new Marks(); /* measurements */
    readonly segments = new Segments();
    /** What else is in the draft of the study, by the id of the module whose it is: plain data, only ever replaced, and not to be
     *  trusted when it comes back. An entry goes when its module has saved it. */
    readonly unsaved = signal<Readonly<Record<string, unknown>>>({});
    readonly firstShown = signal(false);
    readonly settled = signal(false); /* the first image is shown, or cannot be: thumbnails wait for this */
    readonly active = computed(() => this.panes[this.activeIndex.value]!);
    /** The address of what the active pane shows. */
    readonly address = computed(() => {
        const pane = this.active.value;
        const uid = pane.series.value?.uid;
        if (!uid) return "";
        return `?series=${uid}${pane.at.value > 0 ? `&image=${pane.at.value + 1}` : ""}${this.kept.value}`;
    });

    /** The rest of the address, which stays as it is: what modules read from it. */
    private readonly kept = signal("");
    private readonly abort = new AbortController();
    /** To the next (1) or previous (-1) study of the list, where there is one. */
    toStudy: (by: 1 | -1) => (() => void) | undefined = () => undefined;
    private readonly contents = new Map<string, Promise<Content>>();

    /** study: the one that is read; beside: others that are shown with it. */
    constructor(
        readonly study: string,
        private readonly builtIn: readonly Module[] = [],
        private readonly beside: readonly string[] = [],
    ) {
        this.panes.forEach((pane, i) => (pane.fellows = (what) => this.fellows(i, what)));
    }

    /* A window in one modality's units says nothing in another's. */
    private fellows(index: number, what: "window" | "view"): readonly Pane[] {
        const modality = this.panes[index]!.series.value?.modality;
        const groups = this.sync.value.filter((s) => s[what] && s.panes.includes(index));
        const others = new Set(groups.flatMap((s) => s.panes).filter((i) => i !== index && i < this.layout.value));
        return [...others].flatMap((i) => this.panes[i] ?? []).filter((p) => what === "view" || p.series.value?.modality === modality);
    }

    readonly added = signal<readonly Module[]>([]); /* extensions: they may come when the page is there already */
    readonly notes = signal<readonly string[]>([]); /* what the reader should know of them */

    get modules(): readonly Module[] {
        return [...this.builtIn, ...this.added.value];
    }

    /** undefined: the module has nothing for the draft any more. */
    keepUnsaved(id: string, what: unknown): void {
        const { [id]: _, ...rest } = this.unsaved.peek();
        this.unsaved.value = what === undefined ? rest : { ...rest, [id]: what };
    }

    /** Everything the modules can do now. */
    actions(): Action[] {
        return this.modules.flatMap((m) => actionsOf(m, this));
    }

    /** Opens what the address names, or the first series with images. */
    async open(search: string): Promise<void> {
        const query = new URLSearchParams(search);
        const named = query.get("series") ?? "";
        const image = Math.max(1, Number(query.get("image")) || 1);
        this.kept.value = [...query].filter(([k]) => k !== "series" && k !== "image").map(([k, v]) => `&${k}=${encodeURIComponent(v)}`).join("");
        if (named && this.beside.length === 0) void this.content(named).catch(() => undefined); /* asked for beside the list, not after it */
        try {
            const all = await Promise.all([this.study, ...this.beside].map((uid) => this.list(uid)));
            const list = all.flatMap((a) => a.series);
            const first = list.find((s) => s.uid === named) ?? list[0];
            batch(() => {
                this.studies.value = all.map((a) => a.study);
                this.series.value = list;
                this.isEmpty.value = list.length === 0;
            });
            if (first) await this.show(first, this.panes[0]!, first.uid === named ? image - 1 : 0);
        } catch (e) {
            if (!isAbort(e)) this.failure.value = e instanceof Error ? e.message : String(e);
        }
    }

    private async list(uid: string): Promise<{ study: OpenStudy; series: Series[] }> {
        const rows = await seriesOf(uid, this.abort.signal);
        return {
            study: { uid, date: text(rows[0], Tag.studyDate), description: text(rows[0], Tag.studyDescription) },
            series: inReadingOrder(rows.map((ds) => seriesFrom(ds, uid)).filter((s) => s.uid !== "")),
        };
    }

    /** Shows the series of another study below those that are open. Rejects with the reason in words. */
    async include(uid: string): Promise<readonly Series[]> {
        if (this.studies.value.some((s) => s.uid === uid)) return this.series.value.filter((s) => s.study === uid);
        const more = await this.list(uid);
        if (!this.studies.value.some((s) => s.uid === uid))
            batch(() => {
                this.studies.value = [...this.studies.value, more.study];
                this.series.value = [...this.series.value, ...more.series];
            });
        return more.series;
    }

    /** Takes in what has been stored since: new series appear in the strip, those that are known stay as they are. */
    async refresh(): Promise<void> {
        const all = await Promise.all(this.studies.value.map((s) => this.list(s.uid)));
        const known = new Map(this.series.value.map((s) => [s.uid, s]));
        this.series.value = all.flatMap((a) => a.series).map((s) => {
            const was = known.get(s.uid);
            if (was && was.count === s.count) return was;
            this.contents.delete(s.uid);
            return s;
        });
    }

    /** A series' objects, asked for once. */
    content(series: string): Promise<Content> {
        let content = this.contents.get(series);
        if (!content) {
            const study = this.series.value.find((s) => s.uid === series)?.study ?? this.study;
            content = metadataOf(study, series, this.abort.signal).then((list: Dataset[]) => contentOf(study, series, list));
            content.catch(() => this.contents.delete(series));
            this.contents.set(series, content);
        }
        return content;
    }

    async show(series: Series, pane: Pane = this.active.value, index = 0): Promise<void> {
        pane.begin(series);
        try {
            const content = await this.content(series.uid);
            const kind = this.modules.flatMap((m) => m.views ?? []).find((v) => v.takes?.(content));
            if (pane.series.value === series) pane.fill(content, index, kind?.id);
        } catch (e) {
            if (!isAbort(e) && pane.series.value === series) pane.failure.value = e instanceof Error ? e.message : String(e);
        }
    }

    /** The next or previous series in the active pane. */
    step(by: number): void {
        const now = this.series.value.findIndex((s) => s.uid === this.active.value.series.value?.uid);
        const next = this.series.value[now + by];
        if (next) void this.show(next);
    }

    /** More panes take the series that follow the active one; fewer keep the active one. */
    setLayout(layout: Layout): void {
        const kept = this.active.value.series.value;
        const index = this.active.value.at.value;
        this.layout.value = layout;
        if (this.activeIndex.value >= layout) {
            this.activeIndex.value = 0;
            if (kept && this.panes[0]!.series.value !== kept) void this.show(kept, this.panes[0], index);
        }
        this.panes.slice(layout).forEach((p) => p.clear());
        const used = new Set(this.panes.map((p) => p.series.value?.uid));
        for (const pane of this.panes.slice(0, layout)) {
            if (pane.series.value) continue;
            const next = this.series.value.find((s) => !used.has(s.uid));
            if (!next) break;
            used.add(next.uid);
            void this.show(next, pane);
        }
    }

    /** So many panes, and in each what is given for it; nothing given leaves it empty. */
    arrange(layout: Layout, places: readonly ({ series: Series; index: number } | undefined)[]): void {
        batch(() => {
            this.layout.value = layout;
            this.activeIndex.value = 0;
        });
        this.panes.forEach((pane, i) => {
            const place = i < layout ? places[i] : undefined;
            if (!place) pane.clear();
            else if (pane.series.value === place.series && pane.content.value) pane.scrollTo(place.index);
            else void this.show(place.series, pane, place.index);
        });
    }

    close(): void {
        this.abort.abort();
        this.panes.forEach((p) => p.clear());
    }
}
