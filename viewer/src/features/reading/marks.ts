/** The measurements and marks of the open study. What is listed here is the truth: tools draw it, panels list it, drafts and
 *  reports are made of it. A measurement is never altered, only replaced by another with the same uid. */

import { computed, signal } from "@preact/signals";
import type { Measurement } from "../../dicom/measurement";

/* One change: what stood there, what stands there now. */
interface Change {
    at: number; /* its place in the list */
    before: Measurement | undefined;
    after: Measurement | undefined;
}
type Step = readonly Change[];

const stepsMax = 200;

export class Marks {
    /** In the order in which they were made. It changes once for each act of the reader, not while something is dragged. */
    readonly all = signal<readonly Measurement[]>([]);
    /** The uid of the one that is chosen, in the list and on the image; else empty. */
    readonly selected = signal("");
    readonly canUndo = computed(() => this.undone.value.length > 0);
    readonly canRedo = computed(() => this.redone.value.length > 0);

    private readonly undone = signal<readonly Step[]>([]); /* what undo takes back, the latest last */
    private readonly redone = signal<readonly Step[]>([]);

    get(uid: string): Measurement | undefined {
        return this.all.value.find((m) => m.uid === uid);
    }

    add(...list: readonly Measurement[]): void {
        this.change({ add: list });
    }

    /** Those with the uids of these become these; a uid that is not here is passed over. */
    replace(...list: readonly Measurement[]): void {
        this.change({ replace: list });
    }

    remove(...uids: readonly string[]): void {
        this.change({ remove: uids });
    }

    /** All of it in one step of undo. */
    change({ add = [], replace = [], remove = [] }: { add?: readonly Measurement[]; replace?: readonly Measurement[]; remove?: readonly string[] }): void {
        const all = this.all.value;
        this.act([
            ...add.map((after, i) => ({ at: all.length + i, before: undefined, after })),
            ...replace.flatMap((after) => {
                const at = all.findIndex((m) => m.uid === after.uid);
                return at < 0 || all[at] === after || remove.includes(after.uid) ? [] : [{ at, before: all[at], after }];
            }),
            ...all.flatMap((before, at) => (remove.includes(before.uid) ? [{ at, before, after: undefined }] : [])),
        ]);
    }

    /** What a draft or an object brings: no step of the reader, so undo does not take it back. Of the same uid the new one stays. */
    load(list: readonly Measurement[]): void {
        const news = new Map(list.map((m) => [m.uid, m]));
        const kept = this.all.value.map((m) => news.get(m.uid) ?? m);
        for (const m of kept) news.delete(m.uid);
        this.all.value = [...kept, ...news.values()];
    }

    undo(): void {
        const step = this.undone.value.at(-1);
        if (!step) return;
        this.undone.value = this.undone.value.slice(0, -1);
        this.redone.value = [...this.redone.value, step];
        this.apply(step.map((c) => ({ at: c.at, before: c.after, after: c.before })));
    }

    redo(): void {
        const step = this.redone.value.at(-1);
        if (!step) return;
        this.redone.value = this.redone.value.slice(0, -1);
        this.undone.value = [...this.undone.value, step];
        this.apply(step);
    }

    private act(step: Step): void {
        if (step.length === 0) return;
        this.undone.value = [...this.undone.value, step].slice(-stepsMax);
        this.redone.value = [];
        this.apply(step);
    }

    /* By uid, since loading may have moved them; `at` says where one that was gone comes back. */
    private apply(step: Step): void {
        const list = [...this.all.value];
        const removed = new Set<string>();
        for (const { at, before, after } of step) {
            const uid = (before ?? after)!.uid;
            const now = list.findIndex((m) => m.uid === uid);
            if (!after) removed.add(uid);
            else if (now >= 0) list[now] = after;
            else list.splice(Math.min(at, list.length), 0, after);
        }
        this.all.value = removed.size > 0 ? list.filter((m) => !removed.has(m.uid)) : list;
        if (removed.has(this.selected.value)) this.selected.value = "";
    }
}
