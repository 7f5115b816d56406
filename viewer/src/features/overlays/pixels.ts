/** The pixels of an object that is laid over images: all at once where they are stored plain, else frame by frame, decoded by
 *  the server. */

import { signal } from "@preact/signals";
import type { FrameBytes } from "../../dicom/seg-planes";
import { fetchBulk, fetchFrame } from "../../dicomweb/client";
import { inlineBytes, number, text, Tag, type Dataset } from "../../dicomweb/json";

export interface Ref {
    study: string;
    series: string;
    instance: string;
}

const parallel = 6;
const pixelTags = [Tag.pixelData, Tag.floatPixelData, Tag.doublePixelData];

/* Little endian, one frame after another. */
const isPlain = (syntax: string) => syntax === "" || /^1\.2\.840\.10008\.1\.2(\.1(\.99)?)?$/.test(syntax);

function wholeOf(ds: Dataset, ref: Ref, signal?: AbortSignal): Promise<Uint8Array> | undefined {
    const pixels = pixelTags.map((tag) => ds[tag]).find((e) => e !== undefined);
    const inline = inlineBytes(pixels);
    if (inline) return Promise.resolve(inline);
    return isPlain(text(ds, Tag.availableTransferSyntax)) && pixels?.BulkDataURI ? fetchBulk(ref, pixels.BulkDataURI, signal) : undefined;
}

/** Everything, one frame after another. */
export async function allPixels(ds: Dataset, ref: Ref, abort: AbortSignal): Promise<Uint8Array> {
    const whole = wholeOf(ds, ref, abort);
    if (whole) return whole;
    const count = Math.max(1, number(ds, Tag.numberOfFrames) ?? 1);
    const parts = new Array<Uint8Array>(count);
    let next = 0;
    const work = async () => {
        while (next < count) {
            const i = next++;
            parts[i] = (await fetchFrame({ ...ref, frame: i + 1 }, "plain", abort)).bytes;
        }
    };
    await Promise.all(Array.from({ length: parallel }, work));
    const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((at, p) => (out.set(p, at), at + p.length), 0);
    return out;
}

/** Frames as they are wanted. */
export class Frames {
    readonly arrived = signal(0); /* grows with what is here */
    readonly failure = signal("");
    private whole: Uint8Array | undefined;
    private coming: Promise<void> | undefined;
    private readonly each = new Map<number, Uint8Array>();
    private readonly asked = new Set<number>();
    private readonly running = new Set<number>();

    constructor(
        private readonly ds: Dataset,
        private readonly ref: Ref,
        private readonly bitsEach: number,
        private readonly abort: AbortSignal,
    ) {}

    /** The frame, if it is here; else it is asked for. */
    get(frame: number): FrameBytes | undefined {
        if (this.whole) return { bytes: this.whole, firstBit: (frame - 1) * this.bitsEach };
        const own = this.each.get(frame);
        if (own) return { bytes: own, firstBit: 0 };
        if (this.failure.value !== "") return undefined;
        this.coming ??= this.fetchWhole();
        if (!this.running.has(frame)) this.asked.add(frame);
        void this.coming.then(() => this.fetchNext());
        return undefined;
    }

    private async fetchWhole(): Promise<void> {
        try {
            const whole = await wholeOf(this.ds, this.ref, this.abort);
            if (!whole) return;
            const wanted = Math.ceil((this.bitsEach * Math.max(1, number(this.ds, Tag.numberOfFrames) ?? 1)) / 8);
            if (whole.length < wanted) throw new RangeError("short");
            this.whole = whole;
            this.arrived.value++;
        } catch (e) {
            this.failure.value = e instanceof Error ? e.message : String(e);
        }
    }

    private fetchNext(): void {
        if (this.whole || this.failure.value !== "") return;
        for (const frame of this.asked) {
            if (this.running.size >= parallel) return;
            this.asked.delete(frame);
            this.running.add(frame);
            fetchFrame({ ...this.ref, frame }, "plain", this.abort)
                .then(({ bytes }) => {
                    if (bytes.length * 8 < this.bitsEach) throw new RangeError("short");
                    this.each.set(frame, bytes);
                    this.arrived.value++;
                })
                .catch((e: unknown) => (this.failure.value = e instanceof Error ? e.message : String(e)))
                .finally(() => {
                    this.running.delete(frame);
                    this.fetchNext();
                });
        }
    }
}
