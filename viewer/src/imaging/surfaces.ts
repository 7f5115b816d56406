/** Surfaces of segments, made by a worker; of the same labels once. */

import { signal } from "@preact/signals";
import type { Surface } from "../dicom/surface";
import type { Box } from "../dicom/volume";
import type { SurfaceAnswer, SurfaceOrder } from "./surface-worker";

type Labels = ReadonlyMap<string, Uint8Array>;

/** Grows when a surface has been made. */
export const surfacesMade = signal(0);

const known = new WeakMap<Labels, Map<number, Surface | undefined>>();
const waiting = new Map<number, (surface: Surface | undefined) => void>();
let worker: Worker | undefined;
let serial = 0;

function order(what: Omit<SurfaceOrder, "id">, done: (surface: Surface | undefined) => void): void {
    if (!worker) {
        worker = new Worker(new URL("./surface-worker.ts", import.meta.url), { type: "module" });
        worker.onmessage = ({ data }: MessageEvent<SurfaceAnswer>) => {
            waiting.get(data.id)?.(data.surface);
            waiting.delete(data.id);
        };
    }
    waiting.set(++serial, done);
    worker.postMessage({ ...what, id: serial } satisfies SurfaceOrder);
}

/** That of a segment, as soon as it is there: undefined until then, and where nothing is painted. `all` is what the labels are
 *  taken from: a key to what is known already. */
export function surfaceNow(all: Labels, box: Box, slices: () => readonly (Uint8Array | undefined)[], label: number): Surface | undefined {
    void surfacesMade.value;
    const made = known.get(all) ?? new Map<number, Surface | undefined>();
    known.set(all, made);
    if (!made.has(label)) {
        made.set(label, undefined);
        const { size, stepMm, axes, origin, frameOfReference } = box;
        order({ box: { size, stepMm, axes, origin, frameOfReference }, slices: slices(), label }, (surface) => {
            made.set(label, surface);
            surfacesMade.value++;
        });
    }
    return made.get(label);
}
