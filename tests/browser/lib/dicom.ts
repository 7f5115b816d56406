/* Writes small DICOM Part 10 files (explicit VR little endian) for the tests: phantoms whose every pixel is known. */
import { randomBytes } from "node:crypto";

export const newUid = (): string => `2.25.${BigInt(`0x${randomBytes(15).toString("hex")}`)}`;

type Value = string | number | readonly number[] | Uint8Array | readonly Attributes[];
/** "0010,0010 PN" to its value. */
export interface Attributes {
    [tagAndVr: string]: Value;
}

const longVr = new Set(["OB", "OW", "OF", "OD", "SQ", "UN", "UT", "UC", "OL"]);

function body(vr: string, value: Value): Buffer {
    if (vr === "SQ") return Buffer.concat((value as readonly Attributes[]).map((item) => head("FFFE,E000", "", dataset(item))));
    if (value instanceof Uint8Array) return even(Buffer.from(value), 0);
    const list = typeof value === "object" ? (value as readonly number[]) : [value as number];
    if (vr === "US" || vr === "SS") {
        const out = Buffer.alloc(2 * list.length);
        list.forEach((n, i) => out.writeUInt16LE(n & 0xffff, 2 * i));
        return out;
    }
    if (vr === "FD") {
        const out = Buffer.alloc(8 * list.length);
        list.forEach((n, i) => out.writeDoubleLE(n, 8 * i));
        return out;
    }
    if (vr === "UL") {
        const out = Buffer.alloc(4 * list.length);
        list.forEach((n, i) => out.writeUInt32LE(n, 4 * i));
        return out;
    }
    return even(Buffer.from(typeof value === "object" ? list.join("\\") : String(value), "utf8"), vr === "UI" ? 0 : 32);
}

const even = (b: Buffer, pad: number) => (b.length % 2 ? Buffer.concat([b, Buffer.from([pad])]) : b);

function head(tag: string, vr: string, bytes: Buffer): Buffer {
    const [group, element] = tag.split(",").map((h) => parseInt(h, 16)) as [number, number];
    const isLong = longVr.has(vr);
    const h = Buffer.alloc(vr === "" ? 8 : isLong ? 12 : 8);
    h.writeUInt16LE(group, 0);
    h.writeUInt16LE(element, 2);
    if (vr === "") h.writeUInt32LE(bytes.length, 4);
    else {
        h.write(vr, 4, "latin1");
        if (isLong) h.writeUInt32LE(bytes.length, 8);
        else h.writeUInt16LE(bytes.length, 6);
    }
    return Buffer.concat([h, bytes]);
}

function dataset(a: Attributes): Buffer {
    const keys = Object.keys(a).sort();
    return Buffer.concat(keys.map((key) => head(key.slice(0, 9), key.slice(10), body(key.slice(10), a[key]!))));
}

const explicitLittle = "1.2.840.10008.1.2.1";

export function part10(a: Attributes, transferSyntax = explicitLittle): Buffer {
    const meta = dataset({
        "0002,0001 OB": new Uint8Array([0, 1]),
        "0002,0002 UI": a["0008,0016 UI"]!,
        "0002,0003 UI": a["0008,0018 UI"]!,
        "0002,0010 UI": transferSyntax,
        "0002,0012 UI": "2.25.302043790172249692526321623266752743501",
    });
    const length = head("0002,0000", "UL", body("UL", meta.length));
    return Buffer.concat([Buffer.alloc(128), Buffer.from("DICM"), length, meta, dataset(a)]);
}

export const SecondaryCapture = "1.2.840.10008.5.1.4.1.1.7";
export const CtImage = "1.2.840.10008.5.1.4.1.1.2";
export const ReportSr = "1.2.840.10008.5.1.4.1.1.88.11";

export interface Identity {
    study: string;
    series: string;
    patientName: string;
    patientId: string;
}

/** The attributes of one object without pixels; add to them what a test is about. */
export function object(who: Identity, more: Attributes): Attributes {
    return {
        "0008,0005 CS": "ISO_IR 192",
        "0008,0016 UI": SecondaryCapture,
        "0008,0018 UI": newUid(),
        "0008,0020 DA": "20260115",
        "0008,0030 TM": "101500",
        "0008,0050 SH": "",
        "0008,0060 CS": "OT",
        "0008,0090 PN": "",
        "0010,0010 PN": who.patientName,
        "0010,0020 LO": who.patientId,
        "0010,0030 DA": "",
        "0010,0040 CS": "",
        "0020,000D UI": who.study,
        "0020,000E UI": who.series,
        "0020,0010 SH": "1",
        "0020,0011 IS": 1,
        "0020,0013 IS": 1,
        ...more,
    };
}

export interface Picture {
    rows: number;
    columns: number;
    bits: 8 | 16;
    stored?: number;
    signed?: boolean;
    photometric?: string;
    values: readonly number[];
}

export function picture(p: Picture): Attributes {
    const bytes = p.bits === 8 ? Uint8Array.from(p.values) : new Uint8Array(Uint16Array.from(p.values.map((v) => v & 0xffff)).buffer);
    const samples = p.values.length / (p.rows * p.columns);
    const stored = p.stored ?? p.bits;
    return {
        "0028,0002 US": samples,
        "0028,0004 CS": p.photometric ?? "MONOCHROME2",
        ...(samples > 1 ? { "0028,0006 US": 0 } : {}),
        "0028,0010 US": p.rows,
        "0028,0011 US": p.columns,
        "0028,0100 US": p.bits,
        "0028,0101 US": stored,
        "0028,0102 US": stored - 1,
        "0028,0103 US": p.signed ? 1 : 0,
        [p.bits === 8 ? "7FE0,0010 OB" : "7FE0,0010 OW"]: bytes,
    };
}

/** A board of 8 x 8 blocks, each `block` pixels wide: what is in the middle of a block survives any scaling. */
export function board(block: number, value: (row: number, column: number) => number | readonly number[]): number[] {
    const out: number[] = [];
    for (let y = 0; y < 8 * block; y++)
        for (let x = 0; x < 8 * block; x++) {
            const v = value(Math.floor(y / block), Math.floor(x / block));
            if (typeof v === "number") out.push(v);
            else out.push(...v);
        }
    return out;
}
