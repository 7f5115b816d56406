/** Upload state: a queue of files, a few requests at a time, and what became of each file. */

import { batch, computed, signal } from "@preact/signals";
import { isAbort } from "../../dicomweb/client";
import { t } from "../../ui/text";
import { store, type StoreOutcome } from "../../dicomweb/stow";

const parallel = 3;
const batchFiles = 12;
const batchBytes = 4 << 20;
const failuresMax = 500; /* listed by name; all are counted */

export interface Failure {
    path: string;
    reason: string;
}

export const running = signal(false);
export const files = signal(0);
export const stored = signal(0);
export const refused = signal(0);
export const bytes = signal(0);
export const sent = signal(0);
export const failures = signal<readonly Failure[]>([]);
export const cancelled = signal(false);
export const scanning = signal(false); /* a dropped folder is still being read */
export const share = computed(() => (bytes.value > 0 ? Math.min(1, sent.value / bytes.value) : 0));

let queue: File[] = [];
let stop = new AbortController();
let workers = 0;
const listeners = new Set<() => void>();

/** Calls back whenever new objects have been stored, at most about once a second. */
export function onStored(call: () => void): () => void {
    listeners.add(call);
    return () => listeners.delete(call);
}

let lastTold = 0;
function tell(force: boolean): void {
    if (!force && performance.now() - lastTold < 1500) return;
    lastTold = performance.now();
    for (const call of listeners) call();
}

export const pathOf = (file: File): string => file.webkitRelativePath || file.name;

export function add(more: readonly File[]): void {
    if (more.length === 0) return;
    batch(() => {
        if (!running.value) reset();
        running.value = true;
        files.value += more.length;
        bytes.value += more.reduce((sum, f) => sum + f.size, 0);
    });
    queue.push(...more);
    while (workers < parallel && workers < queue.length) void work();
}

export function reset(): void {
    queue = [];
    stop = new AbortController();
    for (const s of [files, stored, refused, bytes, sent]) s.value = 0;
    failures.value = [];
    cancelled.value = false;
}

export function cancel(): void {
    cancelled.value = true;
    queue = [];
    stop.abort();
}

/** The next request: several small files that look like DICOM, or one file alone. */
export async function takeBatch(from: File[]): Promise<File[]> {
    const taken: File[] = [];
    let size = 0;
    while (from.length > 0 && taken.length < batchFiles) {
        const file = from[0]!;
        if (taken.length > 0 && size + file.size > batchBytes) break;
        from.shift();
        const alone = !(await looksLikePart10(file));
        if (alone && taken.length > 0) {
            from.unshift(file);
            break;
        }
        taken.push(file);
        size += file.size;
        if (alone) break;
    }
    return taken;
}

/** "DICM" after the preamble (PS3.10 §7.1). Others are sent too, but alone, so that the reason is theirs. */
async function looksLikePart10(file: File): Promise<boolean> {
    try {
        return (await file.slice(128, 132).text()) === "DICM";
    } catch {
        return false;
    }
}

async function work(): Promise<void> {
    const mine = stop;
    workers++;
    try {
        while (queue.length > 0 && !mine.signal.aborted) await send(await takeBatch(queue), mine.signal);
    } finally {
        workers--;
        if (workers === 0 && queue.length === 0) {
            running.value = false;
            tell(true);
        } else tell(false);
    }
}

async function send(group: File[], signal: AbortSignal): Promise<void> {
    const size = group.reduce((sum, f) => sum + f.size, 0);
    let told = 0;
    const progress = (done: number) => {
        const now = Math.min(done, size);
        sent.value += now - told;
        told = now;
    };
    try {
        const outcome = await store(group, signal, progress);
        if (group.length > 1 && outcome.stored !== group.length) return void (await each(group, signal, progress));
        settle(group, outcome);
        tell(false);
    } catch (e) {
        if (isAbort(e)) return;
        if (group.length > 1) return void (await each(group, signal, progress));
        fail(group[0]!, e instanceof Error ? e.message : String(e));
    } finally {
        if (!signal.aborted) progress(size);
    }
}

/* Something in the group was refused: send its files one by one, so that each gets its own answer. What was
 * stored the first time is accepted again unchanged. */
async function each(group: File[], signal: AbortSignal, progress: (done: number) => void): Promise<void> {
    let before = 0;
    for (const file of group) {
        if (signal.aborted) return;
        try {
            settle([file], await store([file], signal, () => undefined));
        } catch (e) {
            if (isAbort(e)) return;
            fail(file, e instanceof Error ? e.message : String(e));
        }
        progress((before += file.size));
    }
}

function settle(group: File[], outcome: StoreOutcome): void {
    if (outcome.failures.length === 0 && outcome.stored > 0) stored.value += group.length;
    else fail(group[0]!, outcome.failures[0] ?? t("The server stored nothing of it"));
}

function fail(file: File, reason: string): void {
    refused.value++;
    if (failures.value.length < failuresMax) failures.value = [...failures.value, { path: pathOf(file), reason }];
}
