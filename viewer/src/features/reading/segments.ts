/** The segmentations of the open study. What is listed here is the truth: layers draw it, SEG is written from it. One is never
 *  altered, only replaced by another with the same uid; frames that did not change are shared between the two. */

import { computed, signal } from "@preact/signals";
import type { Segment, Segmentation } from "../../dicom/segmentation";

type State = readonly Segmentation[];

const stepsMax = 50;

export class Segments {
    /** It changes once for each act of the reader, not while something is painted. */
    readonly all = signal<State>([]);
    /** The segment that is painted. */
    readonly chosen = signal<{ uid: string; number: number } | undefined>(undefined);
    readonly canUndo = computed(() => this.undone.value.length > 0);
    readonly canRedo = computed(() => this.redone.value.length > 0);

    private readonly undone = signal<readonly State[]>([]);
    private readonly redone = signal<readonly State[]>([]);

    get(uid: string): Segmentation | undefined {
        return this.all.value.find((s) => s.uid === uid);
    }

    get current(): { segmentation: Segmentation; segment: Segment } | undefined {
        const chosen = this.chosen.value;
        const segmentation = chosen && this.get(chosen.uid);
        const segment = segmentation?.segments.find((s) => s.number === chosen?.number);
        return segmentation && segment && { segmentation, segment };
    }

    /** Adds it, or takes it for that with its uid: one step of undo. */
    put(s: Segmentation): void {
        this.step(this.get(s.uid) ? this.all.value.map((x) => (x.uid === s.uid ? s : x)) : [...this.all.value, s]);
    }

    remove(uid: string): void {
        this.step(this.all.value.filter((s) => s.uid !== uid));
    }

    /** What an object brings; undo begins anew. Of the same uid the new one stays. */
    load(list: State): void {
        const uids = new Set(list.map((s) => s.uid));
        this.all.value = [...this.all.value.filter((s) => !uids.has(s.uid)), ...list];
        this.undone.value = this.redone.value = [];
    }

    undo(): void {
        const before = this.undone.value.at(-1);
        if (!before) return;
        this.undone.value = this.undone.value.slice(0, -1);
        this.redone.value = [...this.redone.value, this.all.value];
        this.all.value = before;
    }

    redo(): void {
        const after = this.redone.value.at(-1);
        if (!after) return;
        this.redone.value = this.redone.value.slice(0, -1);
        this.undone.value = [...this.undone.value, this.all.value];
        this.all.value = after;
    }

    private step(next: State): void {
        this.undone.value = [...this.undone.value, this.all.value].slice(-stepsMax);
        this.redone.value = [];
        this.all.value = next;
    }
}
