/** A diagnostic report as it is written at the screen: sections of text with places of measurements and key images in it, "[1]".
 *  Plain data: it goes through the draft unchanged, and is not trusted when it comes back. `report-write.ts` makes an SR of it,
 *  `report-read.ts` takes one up again. */

import type { Measurement, Quantity } from "./measurement";
import { kinds } from "./sr-codes";
import { heading, titles } from "./report-codes";

export interface ReportSection {
    heading: string; /* a code of `headings` */
    text: string;
}

/** What a "[number]" in the text stands for. */
export interface ReportLink {
    number: number; /* from 1 */
    mark: Measurement; /* as it was last seen: a key image, too */
    gone: boolean; /* the reader has deleted it since */
}

/** A stored document. */
export interface ReportRef {
    study: string;
    series: string;
    instance: string;
    sopClass: string;
}

export interface Report {
    title: string; /* a code of `titles` */
    sections: readonly ReportSection[];
    links: readonly ReportLink[];
    follows?: ReportRef; /* the document that this one continues or amends */
    amends: boolean; /* that document is signed */
}

export const textMax = 20_000; /* characters of a section */
export const sectionsMax = 40;
export const linksMax = 200;

/* ---- the places in the text ---- */

/** The text in pieces: what stands for a link that is there, and what is between. */
export function piecesOf(text: string, links: readonly ReportLink[]): (string | ReportLink)[] {
    const pieces: (string | ReportLink)[] = [];
    let at = 0;
    for (const found of text.matchAll(/\[(\d{1,4})\]/g)) {
        const link = links.find((l) => l.number === Number(found[1]));
        if (!link) continue; /* a bracketed number of the reader's own */
        if (found.index > at) pieces.push(text.slice(at, found.index));
        pieces.push(link);
        at = found.index + found[0].length;
    }
    if (at < text.length) pieces.push(text.slice(at));
    return pieces;
}

export function linksIn(text: string, links: readonly ReportLink[]): ReportLink[] {
    return [...new Set(piecesOf(text, links).filter((p): p is ReportLink => typeof p !== "string"))];
}

/** Those that the text still names. */
export const usedLinks = (r: Report): ReportLink[] => r.links.filter((l) => r.sections.some((s) => linksIn(s.text, [l]).length > 0));

const units: Readonly<Record<string, string>> = { "[hnsf'U]": "HU", mm2: "mm²", deg: "°", "1": "", "{pixels}": "px" };
const unitText = (unit: string) => units[unit] ?? (/^\{SUV/.test(unit) ? unit.replace(/^\{(\w+)\}.*/, "$1") : unit.replace(/^\{(.*)\}$/, "$1"));
const numberText = (v: number) => v.toFixed(Math.abs(v) >= 1000 ? 0 : Math.abs(v) < 10 ? 2 : 1);

/** What the text says in the place of a measurement: the same in every language, since it is found again by it. A key image says nothing. */
export function linkWords({ kind, quantities }: Measurement): string {
    const find = (name: Quantity["name"]) => quantities.find((q) => q.name === name && Number.isFinite(q.value));
    const said = (...list: (Quantity | undefined)[]) => {
        const there = list.filter((q): q is Quantity => q !== undefined);
        if (there.length === 0) return "";
        const unit = there[0]!.unit === "{pixels}" && there[0]!.name === "area" ? "px²" : unitText(there[0]!.unit);
        const between = there[1]?.name === "sd" ? " ± " : " × ";
        return `${there.map((q) => numberText(q.value)).join(between)}${unit === "" || unit === "°" ? unit : ` ${unit}`}`;
    };
    if (kind === "keyImage") return "";
    if (kind === "bidirectional") return said(find("length"), find("shortAxis"));
    const [size, mean] = [said(find("length") ?? find("angle") ?? find("area")), said(find("mean"), find("sd"))];
    return [size, mean].filter(Boolean).join(", ") || said(find("value") ?? quantities.find((q) => Number.isFinite(q.value)));
}

/** Whether it is written as numbers; else it is a reference to its image. */
export const isMeasured = (m: Measurement): boolean => linkWords(m) !== "";

/** "[2] Liver": the name of a link in the stored document, and on the list under the text. */
export const linkName = ({ number, mark }: ReportLink): string => `[${number}] ${mark.label || kinds[mark.kind]}`;

/** The text as it is stored and read: "a lesion of 40.0 mm [1]". */
export function composed(text: string, links: readonly ReportLink[]): string {
    return piecesOf(text, links)
        .map((p) => (typeof p === "string" ? p : [linkWords(p.mark), `[${p.number}]`].filter(Boolean).join(" ")))
        .join("");
}

/** The other way round: the places alone. */
export function uncomposed(text: string, links: readonly ReportLink[]): string {
    return links.reduce((said, l) => {
        const words = linkWords(l.mark);
        return words ? said.replaceAll(`${words} [${l.number}]`, `[${l.number}]`) : said;
    }, text);
}

/* ---- following the marks ---- */

/** The report after the marks of the reading have changed. known: those that were seen in this session; one of them that is not
 *  there any more was deleted, while one that never was is only not loaded. The same object where nothing has changed. */
export function followed(r: Report, marks: readonly Measurement[], known: ReadonlySet<string>): Report {
    let isSame = true;
    const links = r.links.map((l): ReportLink => {
        const now = marks.find((m) => m.uid === l.mark.uid);
        const gone = now ? false : l.gone || known.has(l.mark.uid);
        if (gone === l.gone && (!now || now === l.mark || JSON.stringify(now) === JSON.stringify(l.mark))) return l;
        isSame = false;
        return { number: l.number, mark: now ?? l.mark, gone };
    });
    return isSame ? r : { ...r, links };
}

/** The report with a place for the mark, and its number: that which it has already, or a new one. undefined: there are too many. */
export function withLink(r: Report, mark: Measurement): { report: Report; number: number } | undefined {
    const used = usedLinks(r);
    const there = used.find((l) => l.mark.uid === mark.uid);
    if (there) return { report: r, number: there.number };
    if (used.length >= linksMax) return undefined;
    let number = 1; /* that the reader has not written in brackets either */
    while (r.sections.some((s) => s.text.includes(`[${number}]`))) number++;
    return { report: { ...r, links: [...used, { number, mark, gone: false }] }, number };
}

/* ---- whether it may be signed ---- */

export type Lack = { is: "empty"; heading: string } | { is: "gone"; link: ReportLink };

const needed = ["59776-5", "19005-8"] as const; /* findings, impression */

/** What stands against storing a report, or signing it. */
export function lacks(r: Report, toSign: boolean): Lack[] {
    /* a line that ends with a colon is one of a template that nothing was written to */
    const filled = (code: string) => r.sections.some((s) => s.heading === code && s.text.split("\n").some((line) => !/^\s*$|[:：]\s*$/.test(line)));
    return [
        ...(toSign ? needed : []).filter((code) => !filled(code)).map((code): Lack => ({ is: "empty", heading: code })),
        ...usedLinks(r).filter((l) => l.gone).map((link): Lack => ({ is: "gone", link })),
    ];
}

/* ---- what a draft brings ---- */

const isText = (v: unknown): v is string => typeof v === "string";
const record = (v: unknown): Readonly<Record<string, unknown>> => (typeof v === "object" && v !== null ? (v as Record<string, unknown>) : {});

function markOf(v: unknown): Measurement | undefined {
    const m = record(v);
    const quantities = Array.isArray(m["quantities"]) ? (m["quantities"] as unknown[]) : [];
    const areQuantities = quantities.every((q) => isText(record(q)["name"]) && isText(record(q)["unit"]) && typeof record(q)["value"] === "number");
    const isKey = m["on"] === undefined || ["study", "series", "instance", "sopClass"].every((k) => isText(record(m["on"])[k]));
    const isWhole = isText(m["uid"]) && isText(m["label"]) && isText(m["kind"]) && m["kind"] in kinds && areQuantities && isKey && Array.isArray(m["quantities"]);
    return isWhole ? (v as Measurement) : undefined;
}

const uidPattern = /^[0-9.]{1,64}$/;

function refOf(v: unknown): ReportRef | undefined {
    const { study, series, instance, sopClass } = record(v);
    return [study, series, instance, sopClass].every((u) => isText(u) && uidPattern.test(u)) ? ({ study, series, instance, sopClass } as ReportRef) : undefined;
}

const reports = new WeakMap<object, Report>();

/** The report in a draft; undefined where there is none that can be used. */
export function reportOf(v: unknown): Report | undefined {
    if (typeof v !== "object" || v === null) return undefined;
    const known = reports.get(v);
    if (known) return known;
    const { title, sections, links, follows, amends } = record(v);
    if (!Array.isArray(sections)) return undefined;
    const read: Report = {
        title: titles.some((c) => c.value === title) ? (title as string) : titles[0]!.value,
        sections: (sections as unknown[]).slice(0, sectionsMax).flatMap((s) => {
            const { heading: code, text } = record(s);
            return isText(code) && heading(code) && isText(text) ? [{ heading: code, text: text.slice(0, textMax) }] : [];
        }),
        links: (Array.isArray(links) ? (links as unknown[]) : []).slice(0, linksMax).flatMap((l) => {
            const [mark, number] = [markOf(record(l)["mark"]), record(l)["number"]];
            return mark && typeof number === "number" && Number.isInteger(number) && number > 0 ? [{ number, mark, gone: record(l)["gone"] === true }] : [];
        }),
        ...(refOf(follows) ? { follows: refOf(follows)! } : {}),
        amends: amends === true && refOf(follows) !== undefined,
    };
    reports.set(v, read);
    return read;
}
