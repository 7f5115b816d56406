/** The imaging library: the only folder that knows Cornerstone3D. */

import { cache, getWebWorkerManager, imageLoader, init as initCore, metaData } from "@cornerstonejs/core";
import { forget, loaderFor, scheme } from "./cache";
import { provider } from "./metadata";
import { StackView, type StackEvents } from "./stack";

export { frameCount, frameInfo, isImage, isVideo, type FrameInfo } from "./frame";
export type { FrameValues } from "./cache";
export type { StackEvents, StackState, StackView } from "./stack";
export { Refused, type Affine, type Face, type OwnView, type Shown, type View } from "./view";

const cacheBytesMax = 768 << 20;
const glContexts = 2; /* each has textures of its own: of a volume in three planes there are not seven copies */

/* The loader's decoders alone: its own main part brings parsers and loaders that nothing here uses. */
const decodeWorker = () => new Worker(new URL("../../node_modules/@cornerstonejs/dicom-image-loader/dist/esm/decodeImageFrameWorker.js", import.meta.url), { type: "module" });

let ready = false;

/** Prepares the renderer; harmless to call again. The list calls it in idle time. */
export function warmUp(): void {
    if (ready) return;
    ready = true;
    initCore({ rendering: { webGlContextCount: glContexts } } as Parameters<typeof initCore>[0]);
    getWebWorkerManager().registerWorker("dicomImageLoader", decodeWorker, { maxWorkerInstances: Math.max(2, Math.min(4, (navigator.hardwareConcurrency || 2) - 1)) });
    cache.setMaxCacheSize(cacheBytesMax);
    imageLoader.registerImageLoader(scheme, loaderFor);
    metaData.addProvider(provider, 10_000);
}

export function openStack(element: HTMLDivElement, events: StackEvents): StackView {
    warmUp();
    return new StackView(element, events);
}

/** Releases every frame in memory: the study was closed. */
export const release = forget;
