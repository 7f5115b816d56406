/** Pictures of a pane: saved, copied, printed, or as a film of its whole stack. Loaded when first asked for. */

import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { saveBlob } from "../../ui/save";
import { tell } from "../../ui/notice";
import { t } from "../../ui/text";
import { blobOf, paint } from "./paint";

const mark = () => t("Not for diagnostic use");

const elementOf = (r: Reading): HTMLElement | null => document.querySelector<HTMLElement>(`[data-pane="${r.activeIndex.value}"]`);

/* No name of a patient in the name of a file: it goes through hands that the picture may not be meant for. */
function fileName(pane: Pane, ending: string): string {
    const series = pane.series.value;
    const parts = [series?.modality || "image", series?.number !== undefined ? `series-${series.number}` : "", `image-${pane.steps.value.at + 1}`];
    return `${parts.filter(Boolean).join("-").replace(/[^\w-]/g, "")}.${ending}`;
}

export async function savePicture(r: Reading, type: "image/png" | "image/jpeg", texts: boolean): Promise<void> {
    const el = elementOf(r);
    if (!el) return;
    const canvas = await paint(el, { texts, mark: type === "image/jpeg" ? mark() : "" });
    saveBlob(await blobOf(canvas, type), fileName(r.active.value, type === "image/png" ? "png" : "jpg"));
}

export async function copyPicture(r: Reading): Promise<void> {
    const el = elementOf(r);
    if (!el) return;
    try {
        const blob = paint(el, { texts: true, mark: "" }).then((canvas) => blobOf(canvas, "image/png"));
        await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
        tell(t("The picture is in the clipboard"));
    } catch {
        tell(t("The browser does not let this page use the clipboard. It does over HTTPS."), true);
    }
}

/** Puts a picture of all panes on a sheet that only the printer sees. */
export async function print(): Promise<void> {
    const panes = document.querySelector<HTMLElement>(".panes");
    if (!panes) return;
    const url = URL.createObjectURL(await blobOf(await paint(panes, { texts: true, mark: mark() }), "image/png"));
    const sheet = document.createElement("div");
    sheet.className = "print-sheet";
    const image = document.createElement("img");
    image.src = url;
    image.alt = "";
    sheet.append(image);
    document.querySelector(".print-sheet")?.remove();
    document.body.append(sheet);
    const done = () => {
        sheet.remove();
        URL.revokeObjectURL(url);
    };
    addEventListener("afterprint", done, { once: true });
    await image.decode();
    window.print();
}

const filmStepsMax = 3000;
const arrivalMs = 15_000;
const dwellTurns = 3; /* on the first and on the last image */
const dwellMs = 150;
const encoderMs = 1500; /* it drops what it has not encoded when it is stopped */
const filmTypes = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

let filming: AbortController | undefined;

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** Goes through the stack once, at the rate of the pane, and saves what is seen; a second call stops it and saves nothing. */
export async function saveFilm(r: Reading): Promise<void> {
    if (filming) return filming.abort();
    const el = elementOf(r);
    const pane = r.active.value;
    const { at, count } = pane.steps.value;
    const type = typeof MediaRecorder === "undefined" ? undefined : filmTypes.find((f) => MediaRecorder.isTypeSupported(f));
    if (!type) return tell(t("This browser cannot make films."), true);
    if (!el || count < 2 || count > filmStepsMax) return tell(t("A film needs a stack of 2 to {count} images.", { count: filmStepsMax }), true);
    pane.stopCine();
    const stop = (filming = new AbortController());
    const canvas = document.createElement("canvas");
    const look = () => paint(el, { texts: true, mark: mark() });
    try {
        ({ width: canvas.width, height: canvas.height } = await look());
        const context = canvas.getContext("2d")!;
        const stream = canvas.captureStream(0);
        const [track] = stream.getVideoTracks() as CanvasCaptureMediaStreamTrack[];
        const expose = async () => {
            const picture = await look();
            track?.requestFrame(); /* what is drawn next is taken */
            context.drawImage(picture, 0, 0);
        };
        const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 8_000_000 });
        const chunks: Blob[] = [];
        recorder.ondataavailable = (e) => chunks.push(e.data);
        const ended = new Promise((done) => (recorder.onstop = done));
        recorder.start();
        for (let step = 0; step < count && !stop.signal.aborted; step++) {
            const due = performance.now() + 1000 / pane.rate.value;
            pane.scrollTo(step);
            await arrival(pane, step);
            await expose();
            for (let i = 0; step === 0 && i < dwellTurns; i++, await pause(dwellMs)) await expose(); /* while the recorder starts */
            if (step % 10 === 0) tell(t("Film: image {number} of {count}", { number: step + 1, count }));
            await pause(Math.max(0, due - performance.now()));
        }
        for (let i = 0; i < dwellTurns; i++, await pause(dwellMs)) await expose();
        await pause(encoderMs);
        recorder.stop();
        await ended;
        track?.stop();
        if (stop.signal.aborted) return tell(t("The film was stopped."));
        saveBlob(new Blob(chunks, { type: type.split(";")[0]! }), fileName(pane, type.startsWith("video/mp4") ? "mp4" : "webm").replace(/-image-\d+/, ""));
        tell(t("The film is saved."));
    } finally {
        filming = undefined;
        pane.scrollTo(at);
    }
}

/* A frame that cannot be shown stands in the film as what is said about it. */
async function arrival(pane: Pane, step: number): Promise<void> {
    const until = performance.now() + arrivalMs;
    const isThere = () => (pane.mode.value === "stack" ? pane.state.value?.index === step : pane.shown.value?.step === step);
    while (!isThere() && pane.failure.value === "" && performance.now() < until) await pause(10);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}
