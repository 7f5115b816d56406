/** DICOM files that the viewer reads and writes by itself: small ones without pixels, uncompressed, little endian. What comes in
 *  is not trusted: sizes, depth and counts are bounded, and what is cut short is refused.   PS3.5 §7, PS3.10 §7 */

import type { Dataset, Element } from "../dicomweb/json";

export const implicitLittle = "1.2.840.10008.1.2";
export const explicitLittle = "1.2.840.10008.1.2.1";

const depthMax = 12;
const elementsMax = 20_000;
const undefinedLength = 0xffffffff;
const long = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const oneText = new Set(["LT", "ST", "UT", "UR"]);
const texts = new Set(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI", ...oneText]);
const numeric: Readonly<Record<string, readonly [bytes: number, get: "getUint16" | "getInt16" | "getUint32" | "getInt32" | "getFloat32" | "getFloat64", set: "setUint16" | "setInt16" | "setUint32" | "setInt32" | "setFloat32" | "setFloat64"]>> = {
    US: [2, "getUint16", "setUint16"],
    SS: [2, "getInt16", "setInt16"],
    UL: [4, "getUint32", "setUint32"],
    SL: [4, "getInt32", "setInt32"],
    FL: [4, "getFloat32", "setFloat32"],
    FD: [8, "getFloat64", "setFloat64"],
};

/* Defined terms of (0008,0005) to what browsers call them; several with escapes between them are not read.   PS3.3 §C.12.1.1.2 */
const encodings: Readonly<Record<string, string>> = {
    "": "latin1", "ISO_IR 6": "latin1", "ISO_IR 100": "latin1", "ISO_IR 101": "iso-8859-2", "ISO_IR 109": "iso-8859-3", "ISO_IR 110": "iso-8859-4", "ISO_IR 144": "iso-8859-5",
    "ISO_IR 127": "iso-8859-6", "ISO_IR 126": "iso-8859-7", "ISO_IR 138": "iso-8859-8", "ISO_IR 148": "windows-1254", "ISO_IR 203": "iso-8859-15", "ISO_IR 13": "shift_jis",
    "ISO_IR 166": "windows-874", "ISO_IR 192": "utf-8", GB18030: "gb18030", GBK: "gbk",
};

export class NotDicom extends Error {}

class Reader {
    private at = 0;
    private elements = 0;
    private decoder = new TextDecoder("latin1");

    constructor(
        private readonly data: DataView,
        private readonly vrOf: (tag: string) => string | undefined,
    ) {}

    private take(bytes: number): number {
        const from = this.at;
        if (bytes > this.data.byteLength - from) throw new NotDicom("it ends in the middle of an element");
        this.at += bytes;
        return from;
    }

    private tag(): string {
        const from = this.take(4);
        return ((this.data.getUint16(from, true) * 65536 + this.data.getUint16(from + 2, true)) >>> 0).toString(16).toUpperCase().padStart(8, "0");
    }

    private u32(): number {
        return this.data.getUint32(this.take(4), true);
    }

    skip(bytes: number): void {
        this.take(bytes);
    }

    /** Elements up to `end`, to the end of their item, or to the first that `isPast`. */
    dataset(explicit: boolean, end: number, depth: number, isPast: (tag: string) => boolean = () => false): Dataset {
        const out: Record<string, Element> = {};
        while (this.at < end) {
            const tag = this.tag();
            if (tag === "FFFEE00D") {
                this.u32();
                return out;
            }
            if (isPast(tag)) {
                this.at -= 4;
                return out;
            }
            if (++this.elements > elementsMax) throw new NotDicom("it has too many elements");
            out[tag] = this.element(tag, explicit, end, depth);
        }
        return out;
    }

    private element(tag: string, explicit: boolean, end: number, depth: number): Element {
        let vr = this.vrOf(tag) ?? "UN";
        let length: number;
        if (explicit) {
            vr = String.fromCharCode(this.data.getUint8(this.take(1)), this.data.getUint8(this.take(1)));
            length = long.has(vr) ? (this.take(2), this.u32()) : this.data.getUint16(this.take(2), true);
        } else length = this.u32();
        if (length === undefinedLength) {
            if (vr !== "SQ" && vr !== "UN") throw new NotDicom("a value without a length is no sequence");
            return { vr: "SQ", Value: this.items(explicit && vr === "SQ", Infinity, depth + 1) };
        }
        if (length > Math.min(end, this.data.byteLength) - this.at) throw new NotDicom("an element is longer than what it is in");
        if (vr === "SQ") return { vr, Value: this.items(explicit, this.at + length, depth + 1) };
        const from = this.take(length);
        const value = this.value(vr, new DataView(this.data.buffer, this.data.byteOffset + from, length));
        if (tag === "00080005") this.decoder = new TextDecoder(encodings[String(value[0] ?? "").trim()] ?? "latin1");
        return value.length > 0 ? { vr, Value: value } : { vr };
    }

    private items(explicit: boolean, end: number, depth: number): Dataset[] {
        if (depth > depthMax) throw new NotDicom("its sequences lie too deep in each other");
        const out: Dataset[] = [];
        while (this.at < end) {
            const tag = this.tag();
            const length = this.u32();
            if (tag === "FFFEE0DD" && end === Infinity) return out;
            if (tag !== "FFFEE000") throw new NotDicom("a sequence has something else than items");
            const last = length === undefinedLength ? Infinity : this.at + length;
            if (last !== Infinity && last > Math.min(end, this.data.byteLength)) throw new NotDicom("an item is longer than its sequence");
            out.push(this.dataset(explicit, last, depth));
        }
        return out;
    }

    private value(vr: string, bytes: DataView): unknown[] {
        const number = numeric[vr];
        if (number) return Array.from({ length: Math.floor(bytes.byteLength / number[0]) }, (_, i) => bytes[number[1]](i * number[0], true));
        if (vr === "AT") return Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, i) => (bytes.getUint16(4 * i, true) * 65536 + bytes.getUint16(4 * i + 2, true)).toString(16).toUpperCase().padStart(8, "0"));
        if (!texts.has(vr)) return [];
        const said = this.decoder.decode(bytes).replace(/[\0 ]+$/, "");
        const parts = (oneText.has(vr) ? [said] : said.split("\\").map((s) => s.trim())).map((s) => s.replace(/\0/g, ""));
        if (parts.every((s) => s === "")) return [];
        return vr === "PN" ? parts.map((s) => ({ Alphabetic: s.split("=")[0] })) : parts;
    }
}

/** The data set of a file, as DICOM JSON; values of bytes are left out. vrOf: what implicit VR leaves unsaid.
 *  Throws NotDicom, with the reason, for what is no such file. */
export function readPart10(bytes: Uint8Array, vrOf: (tag: string) => string | undefined): Dataset {
    if (String.fromCharCode(...bytes.subarray(128, 132)) !== "DICM") throw new NotDicom("it is no DICOM file");
    const reader = new Reader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), vrOf);
    reader.skip(132);
    const meta = reader.dataset(true, Infinity, 0, (tag) => !tag.startsWith("0002"));
    const syntax = String(meta["00020010"]?.Value?.[0] ?? "");
    if (syntax !== implicitLittle && syntax !== explicitLittle) throw new NotDicom("it is compressed, or in another byte order");
    return reader.dataset(syntax === explicitLittle, bytes.byteLength, 0);
}

/* ---- writing ---- */

const joined = (parts: readonly Uint8Array[]): Uint8Array => {
    const out = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
    let at = 0;
    for (const p of parts) {
        out.set(p, at);
        at += p.length;
    }
    return out;
};

function head(tag: string, vr: string, length: number): Uint8Array {
    const isLong = long.has(vr);
    const out = new DataView(new ArrayBuffer(vr === "" || !isLong ? 8 : 12));
    out.setUint16(0, parseInt(tag.slice(0, 4), 16), true);
    out.setUint16(2, parseInt(tag.slice(4), 16), true);
    if (vr !== "") [0, 1].forEach((i) => out.setUint8(4 + i, vr.charCodeAt(i)));
    if (vr === "") out.setUint32(4, length, true);
    else if (isLong) out.setUint32(8, length, true);
    else out.setUint16(6, length, true);
    return new Uint8Array(out.buffer);
}

function valueBytes(vr: string, value: readonly unknown[]): Uint8Array {
    if (vr === "SQ") {
        const items = value.map((v) => encoded(v as Dataset));
        return joined(items.flatMap((item) => [head("FFFEE000", "", item.length), item]));
    }
    const number = numeric[vr];
    if (number || vr === "AT") {
        const size = number?.[0] ?? 4;
        const out = new DataView(new ArrayBuffer(size * value.length));
        value.forEach((v, i) => {
            if (number) return out[number[2]](i * size, Number(v), true);
            out.setUint16(4 * i, parseInt(String(v).slice(0, 4), 16), true);
            out.setUint16(4 * i + 2, parseInt(String(v).slice(4), 16), true);
        });
        return new Uint8Array(out.buffer);
    }
    if (vr === "OB") return Uint8Array.from(value as number[]);
    const text = new TextEncoder().encode(value.map((v) => (typeof v === "object" && v !== null ? String((v as { Alphabetic?: string }).Alphabetic ?? "") : String(v))).join("\\"));
    return text.length % 2 ? joined([text, Uint8Array.of(vr === "UI" ? 0 : 32)]) : text;
}

function encoded(ds: Dataset): Uint8Array {
    return joined(
        Object.keys(ds).sort().flatMap((tag) => {
            const vr = ds[tag]?.vr ?? "UN";
            const bytes = valueBytes(vr, ds[tag]?.Value ?? []);
            return [head(tag, vr, bytes.length), bytes];
        }),
    );
}

/** The data set as a file in explicit VR little endian; its text must be UTF-8 (ISO_IR 192). */
export function writePart10(ds: Dataset, implementation: string): Uint8Array {
    const meta = encoded({
        "00020001": { vr: "OB", Value: [0, 1] },
        "00020002": { vr: "UI", Value: ds["00080016"]?.Value ?? [] },
        "00020003": { vr: "UI", Value: ds["00080018"]?.Value ?? [] },
        "00020010": { vr: "UI", Value: [explicitLittle] },
        "00020012": { vr: "UI", Value: [implementation] },
    });
    const preamble = new Uint8Array(132);
    preamble.set(new TextEncoder().encode("DICM"), 128);
    return joined([preamble, head("00020000", "UL", 4), valueBytes("UL", [meta.length]), meta, encoded(ds)]);
}
