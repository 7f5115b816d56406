/** Multipart bodies of WADO-RS (PS3.18 §8.6.1): the first part of a response, found by its boundary. */

import { t } from "../ui/text";

export interface Part {
    contentType: string;
    bytes: Uint8Array;
}

/** Reads `name=value` or `name="value"` out of a media type. */
export function parameter(contentType: string, name: string): string | undefined {
    const m = new RegExp(`;\\s*${name}\\s*=\\s*("([^"]*)"|[^;\\s]*)`, "i").exec(contentType);
    return m ? (m[2] ?? m[1]) : undefined;
}

function indexOf(hay: Uint8Array, needle: Uint8Array, from: number): number {
    const first = needle[0]!;
    const last = hay.length - needle.length;
    for (let at = hay.indexOf(first, from); at >= 0 && at <= last; at = hay.indexOf(first, at + 1)) {
        let n = 1;
        while (n < needle.length && hay[at + n] === needle[n]) n++;
        if (n === needle.length) return at;
    }
    return -1;
}

/** The first part; a body that is not multipart is one part by itself.
 *  isWhole: no more is to come; else the part may break off anywhere behind its head */
export function firstPart(body: Uint8Array, contentType: string, isWhole = true): Part {
    if (!/^\s*multipart\//i.test(contentType)) return { contentType, bytes: body };
    const encode = new TextEncoder();
    const boundary = parameter(contentType, "boundary") ?? declaredBoundary(body);
    const open = indexOf(body, encode.encode(`--${boundary}`), 0);
    if (open < 0) throw new Error(t("The server's answer cannot be read: its multipart form is broken"));
    const headEnd = indexOf(body, encode.encode("\r\n\r\n"), open);
    if (headEnd < 0) throw new Error(t("The server's answer cannot be read: its multipart form is broken"));
    const head = new TextDecoder("latin1").decode(body.subarray(open, headEnd));
    const type = /^content-type:\s*(.*)$/im.exec(head)?.[1]?.trim() ?? "application/octet-stream";
    const start = headEnd + 4;
    const end = indexOf(body, encode.encode(`\r\n--${boundary}`), start);
    if (end < 0 && isWhole) throw new Error(t("The server's answer cannot be read: its multipart form is broken"));
    return { contentType: type, bytes: body.subarray(start, end < 0 ? body.length : end) };
}

function declaredBoundary(body: Uint8Array): string {
    const line = new TextDecoder("latin1").decode(body.subarray(0, 256)).split("\r\n")[0] ?? "";
    if (!line.startsWith("--")) throw new Error(t("The server's answer cannot be read: its multipart form is broken"));
    return line.slice(2);
}

const typeSyntax: Readonly<Record<string, string>> = {
    "image/jpeg": "1.2.840.10008.1.2.4.50",
    "image/x-dicom-rle": "1.2.840.10008.1.2.5",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/x-jls": "1.2.840.10008.1.2.4.80",
    "image/jll": "1.2.840.10008.1.2.4.70",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "image/jxl": "1.2.840.10008.1.2.4.110",
};

/** The transfer syntax of a frame: what the part says, or the default of its type (PS3.18 §8.7.3). */
export function partSyntax(contentType: string): string {
    const said = parameter(contentType, "transfer-syntax");
    if (said && said !== "*") return said;
    return typeSyntax[contentType.split(";")[0]!.trim().toLowerCase()] ?? "1.2.840.10008.1.2.1";
}
