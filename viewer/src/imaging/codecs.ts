/** Image codecs for the page: frames are decoded in a few workers, each by whichever is free. */

import type { FrameInfo } from "./frame";
import type { Pixels } from "./pixels";

export type CodecName = "jpeg" | "jpegLossless" | "jpegLs" | "jpeg2000" | "htj2k" | "jpegXl";

export interface Job {
    id: number;
    codec: CodecName;
    bytes: Uint8Array;
    bitsAllocated: number;
    bitsStored: number;
    signed: boolean;
}

export interface Done {
    id: number;
    pixels?: Pixels;
    why?: string; /* instead of pixels */
}

interface Waiting {
    job: Job;
    done: (pixels: Pixels) => void;
    fail: (why: Error) => void;
}

const workersMax = Math.max(2, Math.min(4, (navigator.hardwareConcurrency || 2) - 1));
const idle: Worker[] = [];
const waiting: Waiting[] = [];
let workers = 0;
let serial = 0;

/** Stored values of a compressed frame. Takes the buffer that `bytes` are in. */
export function decodeBy(codec: CodecName, bytes: Uint8Array, { bitsAllocated, bitsStored, signed }: FrameInfo): Promise<Pixels> {
    return new Promise((done, fail) => {
        waiting.push({ job: { id: ++serial, codec, bytes, bitsAllocated, bitsStored, signed }, done, fail });
        start();
    });
}

function start(): void {
    if (idle.length === 0 && workers < workersMax && waiting.length > 0) {
        workers++;
        idle.push(new Worker(new URL("./codec-worker.ts", import.meta.url), { type: "module" }));
    }
    while (idle.length > 0 && waiting.length > 0) run(idle.pop()!, waiting.shift()!);
}

function run(worker: Worker, { job, done, fail }: Waiting): void {
    const over = () => {
        worker.onmessage = worker.onerror = null;
        start();
    };
    worker.onmessage = ({ data }: MessageEvent<Done>) => {
        idle.push(worker);
        over();
        if (data.pixels) done(data.pixels);
        else fail(new Error(data.why));
    };
    /* A codec that ran out of memory has taken its worker with it: another takes its place. */
    worker.onerror = (e) => {
        worker.terminate();
        workers--;
        over();
        fail(new Error(e.message));
    };
    worker.postMessage(job, [job.bytes.buffer as ArrayBuffer]);
}
