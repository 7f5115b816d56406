/** The DICOMweb client: with `stow.ts`, the only place that talks to the server. */

import { t } from "../ui/text";
import type { Dataset } from "./json";
import { firstPart, partSyntax } from "./multipart";

export const root = "/dicom-web";

/** What went wrong, in words for the person at the screen. */
export class ServerError extends Error {
    readonly status: number;
    constructor(status: number, message: string) {
        super(message);
        this.name = "ServerError";
        this.status = status;
    }
}

export function isAbort(e: unknown): boolean {
    return e instanceof DOMException && e.name === "AbortError";
}

/** The cause as the server tells it (RFC 9457), or a plain sentence for the status. */
export function problemText(status: number, body: string): string {
    try {
        const problem: unknown = JSON.parse(body);
        if (typeof problem === "object" && problem !== null) {
            const p = problem as Record<string, unknown>;
            const said = [p["title"], p["detail"], p["Details"], p["Message"]].filter(
                (v): v is string => typeof v === "string" && v !== "",
            );
            if (said.length > 0) return [...new Set(said)].join(": ");
        }
    } catch {
        /* not JSON: fall through to the status */
    }
    return t("The server answered {status}", { status });
}

interface Ask {
    method?: string;
    accept: string;
    signal?: AbortSignal | undefined;
    priority?: RequestPriority;
    json?: unknown;
}

async function ask(path: string, { method = "GET", accept, signal, priority = "auto", json }: Ask): Promise<Response> {
    const init: RequestInit = { method, headers: { Accept: accept }, credentials: "same-origin", priority };
    if (signal) init.signal = signal;
    if (json !== undefined) {
        init.headers = { Accept: accept, "Content-Type": "application/json" };
        init.body = JSON.stringify(json);
    }
    let res: Response;
    try {
        res = await fetch(path, init);
    } catch (e) {
        if (isAbort(e)) throw e;
        throw new ServerError(0, t("The server cannot be reached"));
    }
    if (!res.ok) throw new ServerError(res.status, problemText(res.status, await res.text().catch(() => "")));
    return res;
}

export interface Page {
    rows: Dataset[];
    /** All matches, where the server counts them (X-Total-Count). */
    total: number | undefined;
}

async function rows(path: string, signal?: AbortSignal): Promise<Page> {
    const res = await ask(path, { accept: "application/dicom+json", signal });
    const count = Number(res.headers.get("X-Total-Count") ?? NaN);
    const body: unknown = res.status === 204 ? [] : await res.json();
    if (!Array.isArray(body)) throw new ServerError(res.status, t("The server's answer is not a DICOM JSON list"));
    return { rows: body as Dataset[], total: Number.isInteger(count) && count >= 0 ? count : undefined };
}

const uid = encodeURIComponent;
const explicitLittle = "1.2.840.10008.1.2.1";

/** QIDO-RS studies; `query` comes from `studyQuery`. */
export const searchStudies = (query: URLSearchParams, signal?: AbortSignal) => rows(`${root}/studies?${query}`, signal);

export const searchSeries = (study: string, signal?: AbortSignal) =>
    rows(
        `${root}/studies/${uid(study)}/series?includefield=0008103E&includefield=00200011` +
            `&includefield=00201209&includefield=00180015&includefield=00080021&includefield=00080020&includefield=00081030`,
        signal,
    ).then((p) => p.rows);

/** The objects of some SOP Classes in a study, as QIDO-RS tells of them. */
export const searchInstances = (study: string, sopClasses: readonly string[], signal?: AbortSignal) =>
    rows(`${root}/studies/${uid(study)}/instances?SOPClassUID=${sopClasses.join(",")}&limit=500`, signal).then((p) => p.rows);

/** A study as a ZIP archive of Part 10 files, as an address to save from. */
export interface ZipWish {
    /** Files named for discs, with a DICOMDIR; uncompressed where they can be (PS3.11 Annex D). */
    dicomdir: boolean;
    deidentify?: {
        dates: "remove" | "shift" | "keep";
        retain: readonly ("patient" | "device" | "institution" | "uids")[];
        /** Also images that may show names. */
        pixels: boolean;
        /** The same one for studies that are to fit together; without one nobody can make the same UIDs again. */
        pseudonym?: string;
    };
}

export function zipPath(study: string, wish: ZipWish = { dicomdir: false }): string {
    const zip = "application/zip";
    const query = new URLSearchParams({ accept: wish.dicomdir ? `${zip}; transfer-syntax=${explicitLittle}, ${zip}; q=0.5` : zip });
    if (wish.dicomdir) query.set("dicomdir", "true");
    const d = wish.deidentify;
    if (d) {
        query.set("deidentify", "basic");
        query.set("dates", d.dates);
        query.set("retain", d.retain.join(","));
        query.set("pixels", d.pixels ? "keep" : "drop");
        if (d.pseudonym !== undefined) query.set("pseudonym", d.pseudonym);
    }
    return `${root}/studies/${uid(study)}?${query}`;
}

/** The applications that the server may send to, by AE title. */
export async function peers(signal?: AbortSignal): Promise<string[]> {
    const res = await ask("/api/v1/peers", { accept: "application/json", signal });
    const body = (await res.json()) as { peers?: readonly { aet?: unknown }[] };
    return (body.peers ?? []).map((p) => p.aet).filter((a): a is string => typeof a === "string");
}

export interface SendJob {
    id: string;
    peer: string;
    state: "waiting" | "sending" | "pausing" | "ended" | "failed" | "cancelled";
    total: number;
    sent: number;
    warned: number;
    failed: number;
    remaining: number;
    error?: string;
}

const jobPath = (id = "") => `/api/v1/send${id && "/"}${encodeURIComponent(id)}`;

export async function sendStudies(peer: string, studies: readonly string[]): Promise<SendJob> {
    return (await (await ask(jobPath(), { method: "POST", accept: "application/json", json: { peer, studies } })).json()) as SendJob;
}

export async function sendJob(id: string): Promise<SendJob> {
    return (await (await ask(jobPath(id), { accept: "application/json" })).json()) as SendJob;
}

export async function stopSending(id: string): Promise<void> {
    await ask(jobPath(id), { method: "DELETE", accept: "application/json" });
}

/** Removes a study for a reason, which is a code of PS3.16 CID 7011. */
export async function rejectStudy(study: string, code: string): Promise<void> {
    await ask(`${root}/studies/${uid(study)}/reject/${encodeURIComponent(`${code}^DCM`)}`, { method: "POST", accept: "application/json" });
}

export const seriesMetadata = (study: string, series: string, signal?: AbortSignal) =>
    rows(`${root}/studies/${uid(study)}/series/${uid(series)}/metadata`, signal).then((p) => p.rows);

export interface FrameRef {
    study: string;
    series: string;
    instance: string;
    /** From 1, as PS3.18 counts. */
    frame: number;
}

export const instancePath = (r: Omit<FrameRef, "frame">) =>
    `${root}/studies/${uid(r.study)}/series/${uid(r.series)}/instances/${uid(r.instance)}`;

/** What the server draws of an object or of one frame (PS3.18 §10.4.1.1.3), as an address for `src`. */
export const renderedPath = (r: Omit<FrameRef, "frame"> & { frame?: number }, type: string): string =>
    `${instancePath(r)}${r.frame === undefined ? "" : `/frames/${r.frame}`}/rendered?accept=${encodeURIComponent(type)}`;

/** What the server draws of an object, as bytes. */
export async function fetchRendered(r: Omit<FrameRef, "frame">, type: string): Promise<Uint8Array> {
    return new Uint8Array(await (await ask(`${instancePath(r)}/rendered`, { accept: type })).arrayBuffer());
}

/** The picture that stands for a study or a series, as the server draws it (PS3.18 §10.4.1.1.4). */
export const thumbnailPath = (study: string, series: string | undefined, side: number): string =>
    `${root}/studies/${uid(study)}${series === undefined ? "" : `/series/${uid(series)}`}/thumbnail?viewport=${side},${side}`;

/** A frame as the server draws it; query: more of PS3.18 §8.3.5, as `window` and `quality`. */
export async function fetchPicture(ref: FrameRef, type: string, query: string, signal?: AbortSignal): Promise<Blob> {
    return (await ask(renderedPath(ref, type) + query, { accept: type, signal })).blob();
}

export interface Frame {
    bytes: Uint8Array;
    transferSyntax: string;
}

const slowMs = 250;
const earlyShare = 0.2; /* of a frame's bytes, with which there is something to be seen */

/* A body as it comes. When it takes its time, `early` gets what of it is here, once. */
async function bodyOf(res: Response, early: (soFar: Uint8Array) => void): Promise<Uint8Array> {
    const total = Number(res.headers.get("Content-Length"));
    const reader = res.body!.getReader();
    const body = new Uint8Array(total);
    const startedMs = performance.now();
    let filled = 0;
    let isSaid = false;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
        body.set(next.value, filled);
        filled += next.value.length;
        if (isSaid || filled < earlyShare * total || filled > 0.8 * total || performance.now() - startedMs < slowMs) continue;
        isSaid = true;
        early(body.slice(0, filled));
    }
    return body;
}

/** One frame, in the transfer syntax it is stored in, or decoded by the server.
 *  early: gets the beginning of the frame when the rest takes its time */
export async function fetchFrame(ref: FrameRef, as: "stored" | "plain", signal?: AbortSignal, priority?: RequestPriority, early?: (soFar: Frame) => void): Promise<Frame> {
    const path = `${instancePath(ref)}/frames/${ref.frame}`;
    const accept = `multipart/related; type="application/octet-stream"; transfer-syntax=${as === "stored" ? "*" : explicitLittle}`;
    const res = await ask(path, { accept, signal, priority: priority ?? "auto" });
    const type = res.headers.get("Content-Type") ?? "";
    const frame = (body: Uint8Array, isWhole: boolean): Frame => {
        const part = firstPart(body, type, isWhole);
        return { bytes: part.bytes, transferSyntax: partSyntax(part.contentType) };
    };
    const isStreamed = early && Number(res.headers.get("Content-Length")) > 0 && !res.headers.has("Content-Encoding");
    return frame(isStreamed ? await bodyOf(res, (soFar) => early(frame(soFar, false))) : new Uint8Array(await res.arrayBuffer()), true);
}

/** The bytes behind a BulkDataURI, which may be relative to its instance. */
export async function fetchBulk(ref: Omit<FrameRef, "frame">, uri: string, signal?: AbortSignal): Promise<Uint8Array> {
    const url = bulkUrl(ref, uri, location.origin);
    const res = await ask(url, { accept: "*/*", signal });
    return firstPart(new Uint8Array(await res.arrayBuffer()), res.headers.get("Content-Type") ?? "").bytes;
}

/** Resolves a BulkDataURI; never leaves our origin, whatever the data set says. */
export function bulkUrl(ref: Omit<FrameRef, "frame">, uri: string, origin: string): string {
    const ownFolder = /^(bulkdata|bulk)\b/.test(uri);
    const studyFolder = /^(series|instances)\//.test(uri);
    const base = ownFolder
        ? `${instancePath(ref)}/`
        : studyFolder
          ? uri.startsWith("series/")
              ? `${root}/studies/${uid(ref.study)}/`
              : `${root}/studies/${uid(ref.study)}/series/${uid(ref.series)}/`
          : `${instancePath(ref)}/metadata`;
    const url = new URL(uri, new URL(base, origin));
    return url.pathname + url.search;
}

/** What this server answers to a path of its own. */
export async function getJson(path: string, signal?: AbortSignal): Promise<unknown> {
    if (!/^\/(?!\/)/.test(path)) throw new Error(`${path} is no path of this server`);
    return (await ask(path, { accept: "application/dicom+json, application/json", signal })).json();
}

/** The whole object as a Part 10 file. */
export async function fetchInstance(ref: Omit<FrameRef, "frame">): Promise<Blob> {
    const res = await ask(instancePath(ref), { accept: 'multipart/related; type="application/dicom"' });
    const part = firstPart(new Uint8Array(await res.arrayBuffer()), res.headers.get("Content-Type") ?? "");
    return new Blob([part.bytes as Uint8Array<ArrayBuffer>], { type: "application/dicom" });
}
