/** A volume in the graphics memory, filled from the frames' cache as they come: coarse first, then slice by slice. Views
 *  share it; the last one to leave releases it. */

import { signal } from "@preact/signals";
import { isNoVolume, pointAt, volumeOf, voxelAt, type NoVolume, type Volume as Slices } from "../dicom/volume";
import type { Vec3 } from "../dicom/vector";
import { isAbort } from "../dicomweb/client";
import { load, register, valuesOf, type FrameValues } from "./cache";
import type { FrameInfo } from "./frame";
import { rescale, type Pixels } from "./pixels";
import { LoadQueue, type Task } from "./queue";
import { renderer, type VolumeTexture, type Voxels } from "./volume-gl";
import type { Grey } from "./window";

const bytesMax = 512 << 20; /* of one volume, in the graphics memory */
const parallel = 4;
const coarse = 16; /* every 16th slice comes first */

/* All slices of one kind: that of the frames' values, floats where they differ. */
function kindOf(frames: readonly FrameInfo[]): Voxels {
    const first = frames[0]!;
    const isAlike = (f: FrameInfo) =>
        f.slope === first.slope && f.intercept === first.intercept && f.signed === first.signed && f.bitsStored === first.bitsStored && f.float === first.float;
    if (first.modalityLut || (first.voiLut && first.windows.length === 0) || !frames.every(isAlike)) return new Float32Array();
    const kind = rescale(new Float64Array(), first.slope, first.intercept, first);
    return kind instanceof Uint8Array || kind instanceof Uint16Array || kind instanceof Int16Array ? kind : new Float32Array();
}

/** Slices from coarse to fine: each with how many from it on it stands for until they come themselves. */
export function coarseToFine(count: number): { k: number; stride: number }[] {
    const order: { k: number; stride: number }[] = [];
    for (let stride = coarse; stride >= 1; stride /= 2)
        for (let k = 0; k < count; k += stride) if (stride === coarse || k % (2 * stride) !== 0) order.push({ k, stride });
    return order;
}

/** When a frame was taken, for those that lie in one place: by what the object says of time, else by its number. */
export type TimeOf = (frame: FrameInfo) => number;

export class LoadedVolume {
    /** Grows when what is drawn has changed. */
    readonly changed = signal(0);
    readonly window = signal<Grey>({ center: 128, width: 256 });
    readonly inverse = signal(false);
    readonly time = signal(0);
    readonly here = signal(0); /* slices that have come */
    readonly missing = signal(0); /* slices that cannot be loaded: they are left dark */
    texture: VolumeTexture;
    opening: Grey = { center: 128, width: 256 };

    private filling: Filling | undefined;
    private closed = false;

    constructor(
        readonly slices: Slices<FrameInfo>,
        private readonly kind: Voxels,
    ) {
        this.texture = renderer().create(slices, kind);
        register(slices.times.flat());
    }

    get info(): FrameInfo {
        return this.slices.times[this.time.value]![0]!;
    }

    /** Resolves when there is something to show. */
    async start(): Promise<void> {
        const middle = this.slices.times[0]![this.slices.size[2] >> 1]!;
        this.opening = (await load(middle.id, true)).opening;
        this.window.value = this.opening;
        this.inverse.value = middle.inverse;
        if (!this.closed) await this.fill(0, this.texture).coarse;
    }

    private fill(time: number, texture: VolumeTexture): Filling {
        this.filling?.stop();
        this.here.value = this.missing.value = 0;
        const filling = new Filling(this.slices.times[time]!, texture, renderer().takesFloats(texture) ? new Float32Array() : this.kind, (came) => {
            if (this.closed || filling !== this.filling) return;
            if (came) this.here.value++;
            else this.missing.value++;
            this.changed.value++;
        });
        this.filling = filling;
        return filling;
    }

    /** Shows another point in time, once its slices are there: until then the one before stays. */
    async setTime(time: number): Promise<void> {
        if (!this.slices.times[time] || this.closed) return;
        const texture = renderer().create(this.slices, this.kind);
        const filling = this.fill(time, texture);
        await filling.whole;
        if (this.closed || this.filling !== filling) return texture.free();
        this.texture.free();
        this.texture = texture;
        this.time.value = time;
        this.changed.value++;
    }

    /** The value of the voxel nearest to a point of the patient; nothing outside, and where its slice is not in memory. */
    valueAt(p: Vec3): number | undefined {
        const [i, j, k] = voxelAt(this.slices, p).map(Math.round) as [number, number, number];
        const [columns, rows, count] = this.slices.size;
        if (i < 0 || j < 0 || k < 0 || i >= columns || j >= rows || k >= count) return undefined;
        const frame = this.slices.times[this.time.value]![k]!;
        const values = valuesOf(frame.id);
        if (!values) void load(frame.id, false).catch(() => undefined); /* for the next time it is asked */
        return values?.data[j * columns + i];
    }

    /** Modality values of a slice, where they are in memory. */
    valuesOf(k: number): FrameValues | undefined {
        const frame = this.slices.times[this.time.value]![k];
        return frame && valuesOf(frame.id);
    }

    /** Brings slices into memory; one that cannot be loaded stays away. */
    async fetch(slices: Iterable<number>): Promise<void> {
        const frames = [...slices].map((k) => this.slices.times[this.time.value]![k]!);
        await Promise.all(frames.map((f) => load(f.id, false).catch(() => undefined)));
    }

    /** The middle of the voxel nearest to a point. */
    snapped(p: Vec3): Vec3 {
        return pointAt(this.slices, voxelAt(this.slices, p).map((x, i) => Math.min(this.slices.size[i]! - 1, Math.max(0, Math.round(x)))) as unknown as Vec3);
    }

    close(): void {
        this.closed = true;
        this.filling?.stop();
        this.texture.free();
    }
}

/** One run of loading: the slices of one point in time into one texture. */
class Filling {
    /** Kept also when loading is stopped before. */
    readonly coarse: Promise<void>;
    readonly whole: Promise<void>;
    private readonly queue = new LoadQueue(parallel);
    private readonly done: () => void;
    private readonly own: boolean[]; /* slices that show themselves, not a neighbour */

    constructor(
        private readonly frames: readonly FrameInfo[],
        private readonly texture: VolumeTexture,
        private readonly kind: Voxels,
        private readonly onSlice: (came: boolean) => void,
    ) {
        this.own = frames.map(() => false);
        const order = coarseToFine(frames.length);
        let [coarseLeft, left] = [order.filter((o) => o.stride === coarse).length, order.length];
        let coarseDone = () => {};
        let wholeDone = () => {};
        this.coarse = new Promise((done) => (coarseDone = done));
        this.whole = new Promise((done) => (wholeDone = done));
        this.done = () => (coarseDone(), wholeDone());
        const tasks: Task[] = order.map(({ k, stride }) => ({
            key: String(k),
            run: async (signal) => {
                const came = await this.one(k, stride, signal);
                if (came === undefined) return;
                if (stride === coarse && --coarseLeft === 0) coarseDone();
                if (--left === 0) wholeDone();
                this.onSlice(came);
            },
        }));
        this.queue.replace(tasks);
    }

    /* Whether the slice came; undefined when nobody waits for it any more. */
    private async one(k: number, stride: number, signal: AbortSignal): Promise<boolean | undefined> {
        try {
            const { pixels } = await load(this.frames[k]!.id, false, signal);
            if (signal.aborted) return undefined;
            this.put(k, stride, pixels);
            return true;
        } catch (e) {
            if (signal.aborted || isAbort(e)) return undefined;
            const { size } = this.texture.box;
            this.put(k, 1, new Float32Array(size[0] * size[1]).fill(this.kind instanceof Int16Array ? -32767 : this.kind instanceof Float32Array ? -1e6 : 0));
            return false;
        }
    }

    private put(k: number, stride: number, pixels: Pixels): void {
        const Kind = this.kind.constructor as { new (from: ArrayLike<number>): Voxels };
        const voxels = pixels.constructor === Kind ? (pixels as Voxels) : new Kind(pixels);
        this.own[k] = true;
        this.texture.put(k, voxels);
        for (let i = k + 1; i < Math.min(this.frames.length, k + stride); i++) if (!this.own[i]) this.texture.put(i, voxels);
    }

    stop(): void {
        this.queue.clear();
        this.done();
    }
}

interface Entry {
    volume: LoadedVolume;
    opening: Promise<void>;
    users: number;
}

const entries = new Map<string, Entry>();

/** The volume of a series, shared with whoever has it open; or why it is none. Give it back with `leaveVolume`, unless
 *  `gone` was aborted, or this throws. */
export async function enterVolume(frames: readonly FrameInfo[], timeOf: TimeOf, gone: AbortSignal): Promise<LoadedVolume | NoVolume> {
    const key = frames[0]?.series ?? "";
    let entry = entries.get(key);
    if (!entry) {
        const kind = kindOf(frames);
        const slices = volumeOf(frames, { bytesMax, bytesPerVoxel: renderer().bytesOf(kind), sideMax: renderer().sideMax }, timeOf);
        if (isNoVolume(slices)) return slices;
        const volume = new LoadedVolume(slices, kind);
        entry = { volume, opening: volume.start(), users: 0 };
        entries.set(key, entry);
        entry.opening.catch(() => {
            entries.delete(key); /* whoever asks again tries again */
            volume.close();
        });
    }
    entry.users++;
    try {
        await Promise.race([entry.opening, new Promise((_, no) => gone.addEventListener("abort", () => no(gone.reason), { once: true }))]);
        return entry.volume;
    } catch (e) {
        leaveVolume(entry.volume);
        throw e;
    }
}

/* The volume that was left last stays a while: its pane may be about to show another plane of it. */
let lingering: { key: string; timer: ReturnType<typeof setTimeout> } | undefined;
const lingerMs = 30_000;

function drop(key: string): void {
    const entry = entries.get(key);
    if (!entry || entry.users > 0) return;
    entries.delete(key);
    entry.volume.close();
}

export function leaveVolume(volume: LoadedVolume): void {
    for (const [key, entry] of entries) {
        if (entry.volume !== volume || --entry.users > 0) continue;
        if (lingering) {
            clearTimeout(lingering.timer);
            if (lingering.key !== key) drop(lingering.key);
        }
        lingering = { key, timer: setTimeout(drop, lingerMs, key) };
    }
}

/** Forgets what lingers: a study was closed. */
export function releaseVolumes(): void {
    clearTimeout(lingering?.timer);
    lingering = undefined;
    for (const key of [...entries.keys()]) drop(key);
}
