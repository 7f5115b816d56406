/** The server's picture of a frame, at the place where its pixels will be drawn: seen while these take their time, because they
 *  are many or the way is long. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { renderedPath } from "../../dicomweb/client";
import { isColor, type FrameInfo } from "../../imaging/frame";
import { t } from "../../ui/text";
import type { Pane } from "./pane";

const waitMs = 300;
const bytesAtOnce = 4 << 20; /* of a frame: more are not waited for */

/* What the server draws with other images beneath it, or in colours of its own, looks otherwise than our pixels. */
const isDrawnAlike = (f: FrameInfo) => !/\.66\.[47]$|\.481\.2$|\.1\.1\.30$/.test(f.sopClass);

/** The frame whose picture goes before the pixels of this pane, if one does. */
export function previewOf(pane: Pane): FrameInfo | undefined {
    const frame = pane.content.value?.frames[pane.at.value];
    return frame && pane.mode.value === "stack" && !pane.state.value && !pane.failure.value && isDrawnAlike(frame) ? frame : undefined;
}

export function Preview({ frame }: { frame: FrameInfo }) {
    const bytes = frame.rows * frame.columns * (isColor(frame) ? 3 : frame.bitsAllocated / 8);
    const isDue = useSignal(bytes > bytesAtOnce);
    const isDrawn = useSignal(false);
    useEffect(() => {
        const timer = setTimeout(() => (isDue.value = true), waitMs);
        return () => clearTimeout(timer);
    }, []);
    if (!isDue.value) return null;
    return (
        <>
            <img class="preview" alt="" hidden={!isDrawn.value} src={renderedPath(frame, "image/jpeg")} onLoad={() => (isDrawn.value = true)} />
            {isDrawn.value && <div class="preview-note">{t("Preview")}</div>}
        </>
    );
}
