/** A waveform on screen: its groups, how it is drawn, and the calipers on it. */

import { computed, signal } from "@preact/signals";
import type { SavedCaliper } from "../../dicom/caliper-report";
import { newUid } from "../../dicom/uid";
import { bytesOf, groupsOf, notesOf, Samples, type Group } from "../../dicom/waveform";
import { fetchBulk } from "../../dicomweb/client";
import { inlineBytes, text, Tag, type Dataset } from "../../dicomweb/json";
import { t } from "../../ui/text";
import { layoutsOf, niceBelow, pageOf, rowMmOf, scalesOf, type LayoutName, type Page, type Spot } from "./page";

const bytesMost = 256 * 1024 * 1024;

export interface Caliper {
    id: number;
    uid: string;
    group: number;
    channel: number;
    ends: readonly [Spot, Spot];
}

async function samplesOf(ds: Dataset, group: Group, signal: AbortSignal): Promise<Samples> {
    if (!group.coding) throw new Error(t("the samples are coded as {coding}", { coding: group.codingText || "?" }));
    if (group.samples * group.channels.length * bytesOf(group.coding) > bytesMost) throw new Error(t("it is too large"));
    const ref = { study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) };
    const bytes = inlineBytes(group.data) ?? (group.data?.BulkDataURI ? await fetchBulk(ref, group.data.BulkDataURI, signal) : undefined);
    if (!bytes || bytes.length === 0) throw new Error(t("it has no samples"));
    return new Samples(group, bytes);
}

/* How a class is usually read: with ECG the paper of its recorders, else what shows the whole. */
const isOnPaper = (sopClass: string) => /\.1\.1\.9\.([123]\.|7)/.test(sopClass);
export const isSound = (sopClass: string): boolean => /\.1\.1\.9\.4\./.test(sopClass);

export class Wave {
    readonly groups: readonly (Group | undefined)[];
    readonly notes;
    readonly group = signal(0);
    readonly samples = signal<Samples | undefined>(undefined); /* of the group */
    readonly failure = signal("");
    readonly layout = signal<LayoutName>("rows");
    readonly speed = signal(25); /* mm/s */
    readonly mmPerMv = signal(10);
    readonly times = signal(1); /* of what is no voltage, or no ECG: how much higher than what fills a row */
    readonly startS = signal(0);
    readonly zoom = signal(1);
    readonly widthPx = signal(0); /* of the paper on screen */
    readonly calipers = signal<readonly Caliper[]>([]);
    readonly chosen = signal(0); /* a caliper's id */
    readonly live = signal<Caliper | undefined>(undefined); /* under the pointer */
    readonly isEcg: boolean;
    private readonly loaded = new Map<number, Promise<Samples>>();
    private readonly gone = new AbortController();
    private ids = 0;

    constructor(readonly dataset: Dataset) {
        this.groups = groupsOf(dataset);
        this.notes = notesOf(dataset, this.groups);
        this.isEcg = /\.1\.1\.9\.1\./.test(text(dataset, Tag.sopClass));
        void this.open(Math.max(0, this.groups.findIndex((g) => g?.coding)));
    }

    async open(index: number): Promise<void> {
        this.group.value = index;
        this.samples.value = undefined;
        this.failure.value = "";
        const group = this.groups[index];
        try {
            if (!group) throw new Error(t("it has no samples"));
            const samples = await this.fetch(index, group);
            if (this.group.value !== index || this.gone.signal.aborted) return;
            this.layout.value = layoutsOf(samples)[0]!;
            this.speed.value = this.openingSpeed(samples);
            this.startS.value = 0;
            this.samples.value = samples;
        } catch (e) {
            this.loaded.delete(index);
            if (!this.gone.signal.aborted) this.failure.value = e instanceof Error ? e.message : String(e);
        }
    }

    private fetch(index: number, group: Group): Promise<Samples> {
        let coming = this.loaded.get(index);
        if (!coming) this.loaded.set(index, (coming = samplesOf(this.dataset, group, this.gone.signal)));
        return coming;
    }

    /** Takes up calipers that were saved, unless there are some. Those without values lie on the curve. */
    async take(saved: readonly SavedCaliper[]): Promise<void> {
        const taken: Caliper[] = [];
        for (const { uid, group, channel, ends } of saved) {
            const isBare = ends.some((e) => e.value === undefined);
            const samples = isBare && this.groups[group] ? await this.fetch(group, this.groups[group]).catch(() => undefined) : undefined;
            const on = ({ s, value }: SavedCaliper["ends"][0]): Spot => ({ s, value: value ?? samples?.value(channel, samples.nearest(channel, s)) ?? NaN });
            const [a, b] = [on(ends[0]), on(ends[1])];
            if (Number.isFinite(a.value) && Number.isFinite(b.value)) taken.push({ id: ++this.ids, uid: uid || newUid(), group, channel, ends: [a, b] });
        }
        if (this.calipers.value.length === 0) this.calipers.value = taken;
    }

    private openingSpeed(s: Samples): number {
        return isOnPaper(text(this.dataset, Tag.sopClass)) ? 25 : Math.max(0.1, niceBelow(250 / Math.max(1e-3, s.seconds)));
    }

    /** CSS pixels for one mm: about its size on a screen, less where ten seconds at 25 mm/s would not fit. */
    readonly pxPerMm = computed(() => Math.max(2.2, Math.min(4.2, this.widthPx.value / 262)) * this.zoom.value);

    private readonly scales = computed(() => {
        const s = this.samples.value;
        const height = this.isEcg ? { mmPerMv: this.mmPerMv.value } : { times: this.times.value };
        return s ? scalesOf(s, height, rowMmOf(this.layout.value, s.group.channels.length)) : [];
    });

    readonly page = computed<Page | undefined>(() => {
        const s = this.samples.value;
        if (!s || this.widthPx.value < 50) return undefined;
        return pageOf(s, this.layout.value, this.scales.value, this.widthPx.value / this.pxPerMm.value, this.speed.value, this.startS.value);
    });

    /** So far the paper can be moved. */
    readonly lastStartS = computed(() => Math.max(0, (this.samples.value?.seconds ?? 0) - (this.page.value?.seconds ?? 0)));

    moveTo(s: number): void {
        this.startS.value = Math.max(0, Math.min(this.lastStartS.value, s));
    }

    begin(channel: number, at: Spot): Caliper {
        return { id: ++this.ids, uid: newUid(), group: this.group.value, channel, ends: [at, at] };
    }

    put(c: Caliper): void {
        const others = this.calipers.value.filter((o) => o.id !== c.id);
        this.calipers.value = [...others, c].sort((a, b) => a.id - b.id);
        this.chosen.value = c.id;
    }

    remove(id: number): void {
        this.calipers.value = this.calipers.value.filter((c) => c.id !== id);
    }

    /** Moves an end of the chosen caliper along its curve, sample by sample. */
    nudge(end: 0 | 1, by: number): boolean {
        const c = this.calipers.value.find((o) => o.id === this.chosen.value);
        const s = this.samples.value;
        if (!c || !s || c.group !== this.group.value) return false;
        const i = s.nearest(c.channel, c.ends[end].s) + by;
        const value = s.value(c.channel, i);
        if (Number.isNaN(value)) return false;
        const to = { s: s.timeOf(c.channel, i), value };
        this.put({ ...c, ends: end === 0 ? [to, c.ends[1]] : [c.ends[0], to] });
        return true;
    }

    close(): void {
        this.gone.abort();
    }
}
