/** Waveforms: channels sampled together in multiplex groups, in their own units, and what is noted along them.   PS3.3 §C.10.9, §C.10.10 */

import { inlineBytes, items, number, numbers, text, texts, type Dataset, type Element } from "../dicomweb/json";

/** How a sample is coded: Waveform Sample Interpretation and Waveform Bits Allocated.   PS3.3 §C.10.9.1.5 */
export type Coding = "SB" | "UB" | "MB" | "AB" | "SS" | "US" | "SL" | "UL";

export interface Channel {
    label: string;
    unit: string; /* UCUM; empty: stored values */
    scale: number; /* unit for each step of a stored value */
    baseline: number; /* what the stored value 0 stands for, in `unit` */
    skewS: number; /* its samples were taken so much later than the group's */
    lowHz: number | undefined; /* filters */
    highHz: number | undefined;
    notchHz: number | undefined;
}

export interface Group {
    label: string;
    originality: string;
    frequency: number; /* Hz */
    offsetS: number; /* of its first sample, from the start of the acquisition */
    samples: number; /* as declared */
    channels: readonly Channel[];
    coding: Coding | undefined; /* undefined: one that we do not know */
    codingText: string;
    padding: number | undefined; /* a stored value that stands for nothing */
    data: Element | undefined;
}

/** What is noted of a waveform: a text or a measurement, at times or of the whole. */
export interface Note {
    text: string;
    on: readonly (readonly [group: number, channel: number])[]; /* from 0; channel -1: all of the group. Empty: all */
    at: readonly number[]; /* s from the first sample of its group; empty: of all its time */
    kind: "point" | "segment"; /* segment: between pairs of `at` */
}

const codings: Readonly<Record<string, readonly [bits: number, coding: Coding]>> = {
    SB: [8, "SB"], UB: [8, "UB"], MB: [8, "MB"], AB: [8, "AB"], SS: [16, "SS"], US: [16, "US"], SL: [32, "SL"], UL: [32, "UL"],
};
export const bytesOf = (c: Coding): number => codings[c]![0] / 8;

const channelsMax = 512;
const groupsMax = 64;
const notesMax = 5000;

const codeOf = (ds: Dataset | undefined, tag: string): Dataset | undefined => items(ds, tag)[0];
const codeMeaning = (code: Dataset | undefined): string => text(code, "00080104") || text(code, "00080100");

/** "Lead II (Einthoven)" is II. */
export function leadName(label: string): string {
    return label.trim().replace(/^lead\s+/i, "").replace(/\s*\(.*$/, "").trim() || label.trim();
}

/** Sensitivity is units a step, times its correction. Without one the stored values are all there is.   PS3.3 §C.10.9.1.4.2 */
function channelFrom(ds: Dataset | undefined, ordinal: number): Channel {
    const sensitivity = number(ds, "003A0210");
    const known = sensitivity !== undefined && sensitivity !== 0;
    const unit = known ? codeOf(ds, "003A0211") : undefined;
    const value = text(unit, "00080100");
    const hz = (tag: string) => {
        const n = number(ds, tag);
        return n !== undefined && n > 0 ? n : undefined;
    };
    return {
        label: leadName(text(ds, "003A0203") || codeMeaning(codeOf(ds, "003A0208"))) || String(ordinal),
        unit: value === "1" ? "" : value || codeMeaning(unit),
        scale: known ? sensitivity * (number(ds, "003A0212") || 1) : 1,
        baseline: known ? (number(ds, "003A0213") ?? 0) : 0,
        skewS: number(ds, "003A0214") ?? 0,
        lowHz: hz("003A0220"),
        highHz: hz("003A0221"),
        notchHz: hz("003A0222"),
    };
}

function groupFrom(ds: Dataset): Group | undefined {
    const count = number(ds, "003A0005") ?? 0;
    const samples = Math.floor(number(ds, "003A0010") ?? 0);
    const frequency = number(ds, "003A001A") ?? 0;
    if (count < 1 || count > channelsMax || samples < 1 || !(frequency > 0)) return undefined;
    const codingText = text(ds, "54001006").trim();
    const [bits, coding] = codings[codingText] ?? [];
    const known = bits === number(ds, "54001004") ? coding : undefined;
    const defined = items(ds, "003A0200");
    const padding = inlineBytes(ds["5400100A"]);
    return {
        label: text(ds, "003A0020"),
        originality: text(ds, "003A0004"),
        frequency,
        offsetS: (number(ds, "00181068") ?? 0) / 1000,
        samples,
        channels: Array.from({ length: Math.floor(count) }, (_, i) => skewed(channelFrom(defined[i], i + 1), number(defined[i], "003A0215"), frequency)),
        coding: known,
        codingText: `${codingText} ${number(ds, "54001004") ?? ""}`.trim(),
        padding: known && padding && padding.length >= bytesOf(known) ? storedAt(known, new DataView(padding.buffer, padding.byteOffset), 0) : undefined,
        data: ds["54001010"],
    };
}

/* Channel Time Skew is in seconds, Channel Sample Skew in samples. */
const skewed = (c: Channel, samples: number | undefined, frequency: number): Channel => (c.skewS === 0 && samples ? { ...c, skewS: samples / frequency } : c);

/** The groups of a waveform; undefined stands for one that makes no sense, so that ordinals stay what they are. */
export const groupsOf = (ds: Dataset): (Group | undefined)[] => items(ds, "54000100").slice(0, groupsMax).map(groupFrom);

/* G.711: eight bits on a logarithmic scale, of 14 and 13 bits. */
function muLaw(byte: number): number {
    const u = ~byte & 0xff;
    const magnitude = ((((u & 0x0f) << 3) + 0x84) << ((u & 0x70) >> 4)) - 0x84;
    return u & 0x80 ? -magnitude : magnitude;
}
function aLaw(byte: number): number {
    const a = byte ^ 0x55;
    const [exponent, mantissa] = [(a & 0x70) >> 4, (a & 0x0f) << 4];
    const magnitude = exponent === 0 ? mantissa + 8 : (mantissa + 0x108) << (exponent - 1);
    return a & 0x80 ? magnitude : -magnitude;
}

function storedAt(coding: Coding, view: DataView, at: number): number {
    switch (coding) {
        case "SB": return view.getInt8(at);
        case "UB": return view.getUint8(at);
        case "MB": return muLaw(view.getUint8(at));
        case "AB": return aLaw(view.getUint8(at));
        case "SS": return view.getInt16(at, true);
        case "US": return view.getUint16(at, true);
        case "SL": return view.getInt32(at, true);
        case "UL": return view.getUint32(at, true);
    }
}

/** The samples of a group: as many as there are bytes for, whatever is declared. */
export class Samples {
    readonly count: number;
    private readonly view: DataView;
    private readonly coding: Coding;
    private readonly size: number;

    constructor(
        readonly group: Group,
        bytes: Uint8Array,
    ) {
        if (!group.coding) throw new Error(`samples of an unknown kind: ${group.codingText}`);
        this.coding = group.coding;
        this.size = bytesOf(group.coding);
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        this.count = Math.min(group.samples, Math.floor(bytes.byteLength / (this.size * group.channels.length)));
    }

    get seconds(): number {
        return this.count / this.group.frequency;
    }

    get isCut(): boolean {
        return this.count < this.group.samples;
    }

    /** In the channel's unit; NaN where there is none. */
    value(channel: number, i: number): number {
        const c = this.group.channels[channel];
        if (!c || i < 0 || i >= this.count) return NaN;
        const stored = storedAt(this.coding, this.view, (i * this.group.channels.length + channel) * this.size);
        return stored === this.group.padding ? NaN : stored * c.scale + c.baseline;
    }

    /** The sample that was taken next to a time, in s from the group's first sample. */
    nearest(channel: number, s: number): number {
        const skew = this.group.channels[channel]?.skewS ?? 0;
        return Math.max(0, Math.min(this.count - 1, Math.round((s - skew) * this.group.frequency)));
    }

    timeOf(channel: number, i: number): number {
        return i / this.group.frequency + (this.group.channels[channel]?.skewS ?? 0);
    }

    /** Lowest and highest value between two samples, the second left out; undefined where there is none. Of very many
     *  some are looked at. */
    range(channel: number, from: number, to: number, lookMost = Infinity): readonly [low: number, high: number] | undefined {
        const [first, end] = [Math.max(0, from), Math.min(this.count, to)];
        const step = Math.max(1, Math.ceil((end - first) / lookMost));
        let [low, high] = [Infinity, -Infinity];
        for (let i = first; i < end; i += step) {
            const v = this.value(channel, i);
            if (v < low) low = v;
            if (v > high) high = v;
        }
        return low <= high ? [low, high] : undefined;
    }
}

/* "QRS duration: 92 ms", "Sinus rhythm". */
function noteText(ds: Dataset): string {
    const name = codeMeaning(codeOf(ds, "0040A043"));
    const unit = text(codeOf(ds, "004008EA"), "00080100");
    const value = texts(ds, "0040A30A").join(", ");
    const said = value ? [value, unit && unit !== "1" ? unitText(unit) : ""].filter(Boolean).join(" ") : codeMeaning(codeOf(ds, "0040A168"));
    return [text(ds, "00700006"), [name, said].filter(Boolean).join(": ")].filter(Boolean).join(" ");
}

/** What is noted, in the order of the file. Sample positions count from 1; offsets are ms from the start of the acquisition. */
export function notesOf(ds: Dataset, groups: readonly (Group | undefined)[]): Note[] {
    return items(ds, "0040B020").slice(0, notesMax).flatMap((item): Note[] => {
        const said = noteText(item);
        if (said === "") return [];
        const pairs = numbers(item, "0040A0B0");
        const on = Array.from({ length: Math.floor(pairs.length / 2) }, (_, i) => [pairs[2 * i]! - 1, pairs[2 * i + 1]! - 1] as const);
        const group = groups[on[0]?.[0] ?? 0];
        const positions = numbers(item, "0040A132");
        const at = group ? (positions.length > 0 ? positions.map((p) => (p - 1) / group.frequency) : numbers(item, "0040A138").map((ms) => ms / 1000 - group.offsetS)) : [];
        const range = text(item, "0040A130");
        const end = group ? group.samples / group.frequency : 0;
        if (range === "BEGIN" && at[0] !== undefined) return [{ text: said, on, at: [at[0], end], kind: "segment" }];
        if (range === "END" && at[0] !== undefined) return [{ text: said, on, at: [0, at[0]], kind: "segment" }];
        return [{ text: said, on, at, kind: /SEGMENT$/.test(range) ? "segment" : "point" }];
    });
}

export const isNotedOn = (n: Note, group: number, channel: number): boolean => n.on.length === 0 || n.on.some(([g, c]) => g === group && (c === -1 || c === channel));

/** UCUM as it is read: "mm[Hg]" is mmHg, "uV" is µV. */
export const unitText = (ucum: string): string => ucum.replace(/\[(.*?)\]/g, "$1").replace(/^u(?=[A-Za-z])/, "µ").replace(/\{.*?\}/g, "").trim();

/** How many mV a unit is; undefined when it is no voltage. */
export function millivolts(unit: string): number | undefined {
    const known: Readonly<Record<string, number>> = { v: 1000, volt: 1000, mv: 1, millivolt: 1, uv: 1e-3, "µv": 1e-3, "μv": 1e-3, microvolt: 1e-3, nv: 1e-6 };
    return unit === "MV" ? undefined : known[unit.trim().toLowerCase()];
}

/** A difference of values as it is told: voltages in µV below a tenth of a millivolt, else in mV. */
export function amplitudeText(value: number, unit: string): string {
    const mv = millivolts(unit);
    if (mv !== undefined) return Math.abs(value * mv) < 0.1 ? `${(value * mv * 1000).toFixed(1)} µV` : `${(value * mv).toFixed(3)} mV`;
    return `${Number(value.toPrecision(4))}${unit ? ` ${unitText(unit)}` : ""}`;
}

/** Time between two points, and what comes once in that time. */
export function intervalText(seconds: number): { ms: string; perMinute: string } {
    const ms = Math.abs(seconds) * 1000;
    return { ms: `${ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(3))} ms`, perMinute: ms > 0 ? `${Number((60000 / ms).toPrecision(3))}/min` : "" };
}
