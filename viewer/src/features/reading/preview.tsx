/** The server's picture of a frame, at the place where its pixels will be drawn: seen while the imaging library, which takes the
 *  main thread for a while when it is first run, is not there yet. */

import { effect } from "@preact/signals";
import { renderedPath } from "../../dicomweb/client";
import type { FrameInfo } from "../../imaging/frame";
import { t } from "../../ui/text";
import type { Reading } from "./model";
import type { Pane } from "./pane";

type Imaging = typeof import("../../imaging");

let imaging: Imaging | undefined;

const waitMs = 1500; /* for a picture, at most, before the library starts without */

/* What the server draws with other images beneath it, or in colours of its own, looks otherwise than our pixels. */
const isDrawnAlike = (f: FrameInfo) => !/\.66\.[47]$|\.481\.2$|\.1\.1\.30$/.test(f.sopClass);

/** The picture that goes before the pixels of this pane, if one does. */
export function previewOf(pane: Pane): FrameInfo | undefined {
    const frame = pane.content.value?.frames[pane.at.value];
    return frame && !imaging && pane.mode.value === "stack" && !pane.state.value && !pane.failure.value && isDrawnAlike(frame) ? frame : undefined;
}

export function Preview({ reading, frame }: { reading: Reading; frame: FrameInfo }) {
    const seen = () => requestAnimationFrame(() => setTimeout(() => (reading.previewed.value = true))); /* it has been painted */
    return (
        <>
            <img class="preview" alt="" src={renderedPath(frame, "image/jpeg")} onLoad={seen} onError={() => (reading.previewed.value = true)} />
            <div class="preview-note">{t("Preview")}</div>
        </>
    );
}

/** The imaging library, once the first picture stands or there is none to wait for. */
export async function imagingFor(reading: Reading, pane: Pane): Promise<Imaging> {
    if (imaging) return imaging;
    await new Promise<void>((go) => {
        let stop: () => void = () => undefined;
        const timer = setTimeout(go, waitMs);
        stop = effect(() => {
            const content = pane.content.value;
            if (!reading.previewed.value && !pane.failure.value && (!content || previewOf(pane))) return;
            clearTimeout(timer);
            go();
            queueMicrotask(() => stop());
        });
    });
    return (imaging = await import("../../imaging"));
}
