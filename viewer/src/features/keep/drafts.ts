/** The draft of the open study: measurements, segmentations and what else modules have that is not saved as DICOM yet, written to the server a second after each
 *  change and when the page goes away, and taken back when the study is opened again. */

import { effect, signal } from "@preact/signals";
import type { Measurement } from "../../dicom/measurement";
import { kinds } from "../../dicom/sr-codes";
import { frameName, type FrameName, type Segmentation } from "../../dicom/segmentation";
import { dropDraft, readDraft, writeDraft } from "../../dicomweb/drafts";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";

const pauseMs = 1000;
const keepaliveMax = 20_000; /* characters: browsers send on at most 64 KiB for a page that has gone */

export type DraftState =
    | { is: "none" }
    | { is: "waiting" } /* changed, not written yet */
    | { is: "kept"; at: Date }
    | { is: "changed" } /* by another window: nothing is written until the reader has decided */
    | { is: "failed"; why: string };

function isMeasurement(m: unknown): m is Measurement {
    if (typeof m !== "object" || m === null) return false;
    const { uid, kind, label, quantities, color, points, spatial, on } = m as Record<string, unknown>;
    const isPoints = (p: unknown) => p === undefined || (Array.isArray(p) && p.every((q) => Array.isArray(q) && q.every((n) => typeof n === "number")));
    const isKey = on === undefined || (typeof on === "object" && on !== null && "instance" in on && "series" in on && "frame" in on);
    return typeof uid === "string" && typeof kind === "string" && kind in kinds && typeof label === "string" && typeof color === "string" && Array.isArray(quantities) && isPoints(points) && isPoints(spatial) && isKey;
}

/** What a draft holds that can be used here. */
export function measurementsOf(body: unknown): Measurement[] {
    const marks = typeof body === "object" && body !== null ? (body as { marks?: unknown }).marks : undefined;
    return Array.isArray(marks) ? marks.filter(isMeasurement) : [];
}

/* Labels as value, length, value, length …: what is painted lies together. */
export function runsOf(labels: Uint8Array): number[] {
    const out: number[] = [];
    for (const label of labels) {
        if (out.length > 0 && out.at(-2) === label) out[out.length - 1]!++;
        else out.push(label, 1);
    }
    return out;
}

function labelsOf(runs: unknown, size: number): Uint8Array | undefined {
    if (!Array.isArray(runs) || runs.length % 2 !== 0) return undefined;
    const out = new Uint8Array(size);
    let at = 0;
    for (let i = 0; i < runs.length; i += 2) {
        const [label, length] = [Number(runs[i]), Number(runs[i + 1])];
        if (!(length > 0) || at + length > size) return undefined;
        out.fill(label, at, (at += length));
    }
    return at === size ? out : undefined;
}

const pixelsMax = 1 << 26; /* of one frame */

export function segmentationsOf(body: unknown): Segmentation[] {
    const list = typeof body === "object" && body !== null ? (body as { segmentations?: unknown }).segmentations : undefined;
    if (!Array.isArray(list)) return [];
    return (list as unknown[]).flatMap((item): Segmentation[] => {
        if (typeof item !== "object" || item === null) return [];
        const { frames, ...rest } = item as Omit<Segmentation, "frames"> & { frames?: unknown };
        const isWhole = [rest.uid, rest.label, rest.study, rest.series].every((v) => typeof v === "string") && Array.isArray(rest.segments) && rest.segments.every((s) => typeof s?.number === "number" && typeof s.color === "string");
        const size = rest.rows * rest.columns;
        if (!isWhole || !(size > 0) || size > pixelsMax || !Array.isArray(frames)) return [];
        const maps = new Map<FrameName, Uint8Array>();
        for (const f of frames as { instance?: unknown; frame?: unknown; runs?: unknown }[]) {
            const labels = labelsOf(f?.runs, size);
            if (labels && typeof f.instance === "string" && typeof f.frame === "number") maps.set(frameName({ instance: f.instance, frame: f.frame }), labels);
        }
        return [{ ...rest, frames: maps }];
    });
}

type Parts = Readonly<Record<string, unknown>>;

/** What modules have put into it, each by its id. */
export function partsOf(body: unknown): Parts {
    const parts = typeof body === "object" && body !== null ? (body as { parts?: unknown }).parts : undefined;
    return typeof parts === "object" && parts !== null && !Array.isArray(parts) ? (parts as Parts) : {};
}

export interface Work {
    marks: readonly Measurement[];
    segmentations: readonly Segmentation[];
    parts: Parts;
}

const textMax = 1_000_000; /* bytes that the server takes, and a little less */

/** The draft as text; without the segmentations where it would be too large with them. */
export function bodyOf({ marks, segmentations, parts }: Work): { text: string; isWhole: boolean } {
    const painted = segmentations.map(({ frames, shares: _, ...rest }) => ({
        ...rest,
        frames: [...frames].map(([name, labels]) => {
            const at = name.lastIndexOf("/");
            return { instance: name.slice(0, at), frame: Number(name.slice(at + 1)), runs: runsOf(labels) };
        }),
    }));
    const text = JSON.stringify({ version: 1, marks, parts, segmentations: painted });
    if (new Blob([text]).size <= textMax) return { text, isWhole: true };
    return { text: JSON.stringify({ version: 1, marks, parts }), isWhole: false };
}

/* Marks and Segments replace what changes, so an object that is in the set is as it was saved. */
export class Drafts {
    readonly state = signal<DraftState>({ is: "none" });
    /** How many measurements and segmentations came from the draft when the study was opened; 0 once the reader has seen it. */
    readonly restored = signal(0);

    private readonly saved = new WeakSet<Measurement | Segmentation>();
    private tag = ""; /* of the draft on the server; empty: none */
    private written: Work = { marks: [], segmentations: [], parts: {} };
    private timer: ReturnType<typeof setTimeout> | undefined;
    private work: Promise<void> = Promise.resolve();
    private isOpen = false;
    private stopWatching: () => void = () => undefined;

    constructor(private readonly reading: Reading) {}

    private now(): Work {
        const { marks, segments, unsaved } = this.reading;
        return { marks: marks.all.peek(), segmentations: segments.all.peek(), parts: unsaved.peek() };
    }

    /** Takes the draft back, and watches from then on. */
    async open(): Promise<void> {
        try {
            const draft = await readDraft(this.reading.study);
            if (draft) {
                this.tag = draft.tag;
                const [marks, segmentations] = [measurementsOf(draft.body), segmentationsOf(draft.body)];
                if (marks.length > 0) this.reading.marks.load(marks);
                if (segmentations.length > 0) this.reading.segments.load(segmentations);
                this.reading.unsaved.value = { ...this.reading.unsaved.peek(), ...partsOf(draft.body) };
                this.restored.value = marks.length + segmentations.length;
                if (this.hasUnsaved(this.now())) this.state.value = { is: "kept", at: new Date() };
                this.written = this.now();
            }
        } catch (e) {
            this.state.value = { is: "failed", why: e instanceof Error ? e.message : String(e) };
        }
        this.isOpen = true;
        this.stopWatching = effect(() => this.changed({ marks: this.reading.marks.all.value, segmentations: this.reading.segments.all.value, parts: this.reading.unsaved.value }));
        addEventListener("pagehide", this.leave);
    }

    close(): void {
        this.leave();
        this.isOpen = false;
        clearTimeout(this.timer);
        this.stopWatching();
        removeEventListener("pagehide", this.leave);
    }

    /** These are in DICOM objects as they are now. */
    markSaved(list: readonly (Measurement | Segmentation)[]): void {
        for (const m of list) this.saved.add(m);
        if (this.isOpen && this.tag !== "" && this.state.peek().is !== "changed" && !this.hasUnsaved(this.now())) {
            clearTimeout(this.timer);
            this.flush(); /* at once: nothing is left that could come back twice */
        } else this.changed(this.now());
    }

    private hasUnsaved({ marks, segmentations, parts }: Work): boolean {
        return Object.keys(parts).length > 0 || marks.some((m) => !this.saved.has(m)) || segmentations.some((s) => !this.saved.has(s) && s.frames.size > 0);
    }

    private isWritten(w: Work): boolean {
        return w.marks === this.written.marks && w.segmentations === this.written.segmentations && w.parts === this.written.parts;
    }

    private changed(now: Work): void {
        const isClean = !this.hasUnsaved(now);
        if (!this.isOpen || this.state.peek().is === "changed" || (isClean ? this.tag === "" : this.isWritten(now))) return;
        clearTimeout(this.timer);
        if (this.state.peek().is !== "failed") this.state.value = { is: "waiting" };
        this.timer = setTimeout(() => this.flush(), isClean ? 0 : pauseMs); /* what is saved must not come back */
    }

    private flush(): void {
        this.work = this.work.then(() => this.write()).catch((e: unknown) => {
            this.state.value = { is: "failed", why: e instanceof Error ? e.message : String(e) };
            if (this.isOpen) this.timer = setTimeout(() => this.flush(), 10 * pauseMs);
        });
    }

    private async write(): Promise<void> {
        const now = this.now();
        if (!this.hasUnsaved(now)) {
            const isGone = this.tag === "" || (await dropDraft(this.reading.study, this.tag));
            if (isGone) this.tag = "";
            this.written = now;
            this.state.value = isGone ? { is: "none" } : { is: "changed" };
            return;
        }
        const { text, isWhole } = bodyOf(now);
        const answer = await writeDraft(this.reading.study, text, this.tag);
        if (answer === "changed") {
            this.state.value = { is: "changed" };
            return;
        }
        this.tag = answer.tag;
        this.written = now;
        this.state.value = isWhole ? { is: "kept", at: new Date() } : { is: "failed", why: t("the segmentation is too large for a draft; save it") };
    }

    private readonly leave = (): void => {
        const now = this.now();
        if (!this.isOpen || this.isWritten(now) || this.state.peek().is === "changed" || !this.hasUnsaved(now)) return;
        this.written = now;
        const { text } = bodyOf(now);
        void writeDraft(this.reading.study, text, this.tag, text.length < keepaliveMax).catch(() => undefined);
    };

    /** After another window has changed it: what both have, of the same measurement or part this window's. */
    async takeBoth(): Promise<void> {
        const draft = await readDraft(this.reading.study);
        this.tag = draft?.tag ?? "";
        const { marks, segmentations } = this.now();
        const here = new Set([...marks, ...segmentations].map((m) => m.uid));
        this.state.value = { is: "waiting" };
        this.reading.marks.load(measurementsOf(draft?.body).filter((m) => !here.has(m.uid)));
        this.reading.segments.load(segmentationsOf(draft?.body).filter((s) => !here.has(s.uid)));
        this.reading.unsaved.value = { ...partsOf(draft?.body), ...this.reading.unsaved.peek() };
        this.flush();
        await this.work;
    }

    /** The draft goes, with what it brought; what is saved as DICOM stays. */
    async discard(): Promise<void> {
        clearTimeout(this.timer);
        await this.work;
        const { marks, segmentations } = this.now();
        this.reading.marks.remove(...marks.filter((m) => !this.saved.has(m)).map((m) => m.uid));
        for (const s of segmentations) if (!this.saved.has(s)) this.reading.segments.remove(s.uid);
        this.reading.unsaved.value = {};
        clearTimeout(this.timer);
        this.restored.value = 0;
        this.flush();
        await this.work;
    }
}

/** In words. */
export function draftText(state: DraftState): string {
    switch (state.is) {
        case "none":
            return "";
        case "waiting":
            return t("Draft: being kept…");
        case "kept":
            return t("Draft kept on the server at {time}", { time: state.at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" }) });
        case "changed":
            return t("Another window has changed the draft of this study. Nothing is kept until you decide.");
        case "failed":
            return t("The draft is not kept: {why}", { why: state.why });
    }
}
