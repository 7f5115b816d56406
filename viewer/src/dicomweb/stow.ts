/** STOW-RS (PS3.18 §10.5): one request carries a few files, read from disk as it is sent. */

import { t } from "../ui/text";
import { problemText, root, ServerError } from "./client";
import { items, number, text, type Dataset } from "./json";

export interface StoreOutcome {
    stored: number;
    /** Why objects of this request were refused, one line for each. */
    failures: string[];
}

/* PS3.18 Table 10.5.3-1 and the status codes of PS3.4 Annex B it borrows */
const reasons: readonly (readonly [mask: number, code: number, words: () => string])[] = [
    [0xffff, 0x0110, () => t("processing failure")],
    [0xffff, 0x0111, () => t("another object with this SOP Instance UID is already stored")],
    [0xffff, 0x0117, () => t("invalid SOP Instance UID")],
    [0xffff, 0x0122, () => t("SOP class not supported")],
    [0xffff, 0x0124, () => t("not authorised")],
    [0xffff, 0x0131, () => t("the object belongs to another study")],
    [0xff00, 0xa700, () => t("the server is out of space")],
    [0xff00, 0xa900, () => t("not a valid DICOM object of its class")],
    [0xf000, 0xc000, () => t("not a DICOM file, or one that cannot be read")],
];

export function reasonText(code: number | undefined): string {
    if (code === undefined) return t("refused without a reason");
    const known = reasons.find(([mask, value]) => (code & mask) === value);
    const hex = `0x${code.toString(16).toUpperCase().padStart(4, "0")}`;
    return known ? `${known[2]()} (${hex})` : t("refused with {code}", { code: hex });
}

export function storeOutcome(body: Dataset): StoreOutcome {
    const failed = [...items(body, "00081198"), ...items(body, "0008119A")];
    return {
        stored: items(body, "00081199").length,
        failures: failed.map((f) => {
            const comment = text(f, "00000902") || text(f, "00741207");
            const reason = reasonText(number(f, "00081197"));
            return comment ? `${comment} (${reason})` : reason;
        }),
    };
}

/** The body as a list of parts that the browser reads from disk while it sends. */
export function storeBody(files: readonly Blob[], boundary: string): Blob {
    const parts: BlobPart[] = [];
    for (const file of files)
        parts.push(`${parts.length ? "\r\n" : ""}--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`, file);
    parts.push(`\r\n--${boundary}--\r\n`);
    return new Blob(parts);
}

/** A bulk value of an object that is sent taken apart: the data set names it by a BulkDataURI. */
export interface BulkPart {
    location: string;
    bytes: Uint8Array;
}

/** Objects as metadata, with their bulk values in parts of their own.   PS3.18 §10.5.1.1.2 */
export function metadataBody(objects: readonly Dataset[], bulk: readonly BulkPart[], boundary: string): Blob {
    const parts: BlobPart[] = [`--${boundary}\r\nContent-Type: application/dicom+json\r\n\r\n${JSON.stringify(objects)}`];
    for (const b of bulk)
        parts.push(`\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Location: ${b.location}\r\n\r\n`, b.bytes as Uint8Array<ArrayBuffer>);
    parts.push(`\r\n--${boundary}--\r\n`);
    return new Blob(parts);
}

const newBoundary = () => `isocenter-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;

/** Stores objects made here; the server writes their files. Throws ServerError with the reasons unless all are stored. */
export async function storeObjects(objects: readonly Dataset[], bulk: readonly BulkPart[] = []): Promise<void> {
    const boundary = newBoundary();
    const type = `multipart/related; type="application/dicom+json"; boundary="${boundary}"`;
    const res = await fetch(`${root}/studies`, {
        method: "POST",
        headers: { "Content-Type": type, Accept: "application/dicom+json" },
        body: metadataBody(objects, bulk, boundary),
    }).catch(() => undefined);
    if (!res) throw new ServerError(0, t("The connection to the server broke"));
    const body = await res.text();
    const outcome = outcomeOf(body);
    if (!outcome) throw new ServerError(res.status, res.ok ? t("The server did not say what it stored") : problemText(res.status, body));
    if (outcome.failures.length > 0 || outcome.stored < objects.length) throw new ServerError(res.status, outcome.failures.join("; ") || t("Not everything was stored"));
}

function outcomeOf(json: string): StoreOutcome | undefined {
    let body: unknown;
    try {
        body = JSON.parse(json);
    } catch {
        return undefined;
    }
    const isStore = typeof body === "object" && body !== null && ["00081198", "00081199", "0008119A"].some((t) => t in body);
    return isStore ? storeOutcome(body as Dataset) : undefined;
}

const cancelled = () => new DOMException("cancelled", "AbortError");

/** Sends the files in one request. XMLHttpRequest, because fetch tells no upload progress. */
export function store(files: readonly Blob[], signal: AbortSignal, onSent: (bytes: number) => void): Promise<StoreOutcome> {
    /* abort() of a request that was never sent fires no event: it would wait for ever */
    if (signal.aborted) return Promise.reject(cancelled());
    const boundary = newBoundary();
    return new Promise((resolve, reject) => {
        const xhr = new XMLHttpRequest();
        const abort = () => xhr.abort();
        const settle = (then: () => void) => {
            signal.removeEventListener("abort", abort);
            then();
        };
        xhr.open("POST", `${root}/studies`);
        xhr.setRequestHeader("Content-Type", `multipart/related; type="application/dicom"; boundary="${boundary}"`);
        xhr.setRequestHeader("Accept", "application/dicom+json");
        xhr.upload.onprogress = (e) => onSent(e.loaded);
        xhr.onabort = () => settle(() => reject(cancelled()));
        xhr.onerror = () => settle(() => reject(new ServerError(0, t("The connection to the server broke"))));
        xhr.onload = () => settle(() => finish(xhr, resolve, reject));
        signal.addEventListener("abort", abort);
        xhr.send(storeBody(files, boundary));
    });
}

function finish(xhr: XMLHttpRequest, resolve: (o: StoreOutcome) => void, reject: (e: Error) => void): void {
    const outcome = outcomeOf(xhr.responseText);
    if (outcome) resolve(outcome);
    else if (xhr.status >= 200 && xhr.status < 300) reject(new ServerError(xhr.status, t("The server did not say what it stored")));
    else reject(new ServerError(xhr.status, problemText(xhr.status, xhr.responseText)));
}
