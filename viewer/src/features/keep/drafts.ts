/** The draft of the open study: the measurements that are not saved as DICOM yet, written to the server a second after each
 *  change and when the page goes away, and taken back when the study is opened again. */

import { effect, signal } from "@preact/signals";
import type { Measurement } from "../../dicom/measurement";
import { kinds } from "../../dicom/sr-codes";
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

export const bodyOf = (marks: readonly Measurement[]): string => JSON.stringify({ version: 1, marks });

/* `Marks` replaces what changes, so an object that is in the set is as it was saved. */
export class Drafts {
    readonly state = signal<DraftState>({ is: "none" });
    /** How many measurements came from the draft when the study was opened; 0 once the reader has seen it. */
    readonly restored = signal(0);

    private readonly saved = new WeakSet<Measurement>();
    private tag = ""; /* of the draft on the server; empty: none */
    private written: readonly Measurement[] = [];
    private timer: ReturnType<typeof setTimeout> | undefined;
    private work: Promise<void> = Promise.resolve();
    private isOpen = false;
    private stopWatching: () => void = () => undefined;

    constructor(private readonly reading: Reading) {}

    /** Takes the draft back, and watches from then on. */
    async open(): Promise<void> {
        try {
            const draft = await readDraft(this.reading.study);
            if (draft) {
                this.tag = draft.tag;
                const marks = measurementsOf(draft.body);
                if (marks.length > 0) {
                    this.reading.marks.load(marks);
                    this.restored.value = marks.length;
                    this.state.value = { is: "kept", at: new Date() };
                }
                this.written = this.reading.marks.all.peek();
            }
        } catch (e) {
            this.state.value = { is: "failed", why: e instanceof Error ? e.message : String(e) };
        }
        this.isOpen = true;
        this.stopWatching = effect(() => this.changed(this.reading.marks.all.value));
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
    markSaved(marks: readonly Measurement[]): void {
        for (const m of marks) this.saved.add(m);
        this.changed(this.reading.marks.all.peek());
    }

    isSaved(m: Measurement): boolean {
        return this.saved.has(m);
    }

    private hasUnsaved(marks: readonly Measurement[]): boolean {
        return marks.some((m) => !this.saved.has(m));
    }

    private changed(marks: readonly Measurement[]): void {
        const isClean = !this.hasUnsaved(marks);
        if (this.state.peek().is === "changed" || (isClean ? this.tag === "" : marks === this.written)) return;
        clearTimeout(this.timer);
        if (this.state.peek().is !== "failed") this.state.value = { is: "waiting" };
        this.timer = setTimeout(() => this.flush(), pauseMs);
    }

    private flush(): void {
        this.work = this.work.then(() => this.write()).catch((e: unknown) => {
            this.state.value = { is: "failed", why: e instanceof Error ? e.message : String(e) };
            if (this.isOpen) this.timer = setTimeout(() => this.flush(), 10 * pauseMs);
        });
    }

    private async write(): Promise<void> {
        const marks = this.reading.marks.all.peek();
        if (!this.hasUnsaved(marks)) {
            const isGone = this.tag === "" || (await dropDraft(this.reading.study, this.tag));
            if (isGone) this.tag = "";
            this.written = marks;
            this.state.value = isGone ? { is: "none" } : { is: "changed" };
            return;
        }
        const answer = await writeDraft(this.reading.study, bodyOf(marks), this.tag);
        if (answer === "changed") {
            this.state.value = { is: "changed" };
            return;
        }
        this.tag = answer.tag;
        this.written = marks;
        this.state.value = { is: "kept", at: new Date() };
    }

    private readonly leave = (): void => {
        const marks = this.reading.marks.all.peek();
        if (!this.isOpen || marks === this.written || this.state.peek().is === "changed" || !this.hasUnsaved(marks)) return;
        this.written = marks;
        const body = bodyOf(marks);
        void writeDraft(this.reading.study, body, this.tag, body.length < keepaliveMax).catch(() => undefined);
    };

    /** After another window has changed it: what both have, of the same measurement this window's. */
    async takeBoth(): Promise<void> {
        const draft = await readDraft(this.reading.study);
        this.tag = draft?.tag ?? "";
        const here = new Set(this.reading.marks.all.peek().map((m) => m.uid));
        this.state.value = { is: "waiting" };
        this.reading.marks.load(measurementsOf(draft?.body).filter((m) => !here.has(m.uid)));
        this.flush();
        await this.work;
    }

    /** The draft goes, with what it brought; what is saved as DICOM stays. */
    async discard(): Promise<void> {
        clearTimeout(this.timer);
        await this.work;
        this.reading.marks.remove(...this.reading.marks.all.peek().filter((m) => !this.saved.has(m)).map((m) => m.uid));
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
