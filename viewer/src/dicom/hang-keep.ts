/** Keeping hanging protocols: what is read from storage, a file or the server is not trusted; made of what is on screen. */

import type { Hangable, Place, Protocol, Rule, Stage, Sync } from "./hang";
import { modes } from "./hang";

const nameMax = 200;
const listMax = 64;

type Plain = Readonly<Record<string, unknown>>;
const plain = (v: unknown): Plain | undefined => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Plain) : undefined);
const word = (v: unknown): string | undefined => (typeof v === "string" ? v.slice(0, nameMax) : undefined);
const finite = (v: unknown): number | undefined => (typeof v === "number" && Number.isFinite(v) ? v : undefined);
/* All of them, or the list is none. */
function list<T>(v: unknown, read: (x: unknown) => T | undefined): T[] | undefined {
    if (!Array.isArray(v) || v.length > listMax) return undefined;
    const all = v.map(read);
    return all.every((x) => x !== undefined) ? all : undefined;
}
/* Without what is undefined. */
const some = <T extends object>(v: T): T => Object.fromEntries(Object.entries(v).filter(([, x]) => x !== undefined)) as T;

function readRule(v: unknown): Rule | undefined {
    const r = plain(v);
    const attribute = word(r?.["attribute"]);
    if (!r || !attribute) return undefined;
    return some<Record<keyof Rule, unknown>>({
        attribute,
        contains: list(r["contains"], word),
        equals: list(r["equals"], word),
        lacks: list(r["lacks"], word),
        atLeast: finite(r["atLeast"]),
        atMost: finite(r["atMost"]),
        orAbsent: r["orAbsent"] === true || undefined,
        weight: finite(r["weight"]),
        required: r["required"] === true || undefined,
    }) as unknown as Rule;
}

function readPlace(v: unknown): Place | undefined {
    const p = plain(v);
    const [prior, rules] = [finite(p?.["prior"]), list(p?.["rules"], readRule)];
    if (!p || prior === undefined || !rules) return undefined;
    const age = list(p["age"], finite);
    return some<Record<keyof Place, unknown>>({
        prior: Math.max(-1, Math.min(9, Math.trunc(prior))),
        age: age?.length === 2 ? age : undefined,
        best: p["best"] === true || undefined,
        rules,
        orNext: p["orNext"] === true || undefined,
        preset: word(p["preset"]),
        invert: p["invert"] === true || undefined,
        mode: modes.find((m) => m === p["mode"]),
    }) as unknown as Place;
}

function readSync(v: unknown): Sync | undefined {
    const s = plain(v);
    const panes = list(s?.["panes"], finite);
    const scroll = (["", "place", "offset"] as const).find((w) => w === s?.["scroll"]);
    return s && panes && scroll !== undefined ? { panes, scroll, window: s["window"] === true, view: s["view"] === true } : undefined;
}

function readStage(v: unknown): Stage | undefined {
    const s = plain(v);
    const layout = ([1, 2, 4] as const).find((n) => n === s?.["layout"]);
    const places = list(s?.["places"], readPlace);
    if (!s || !layout || !places) return undefined;
    const sync = list(s["sync"], readSync);
    return { name: word(s["name"]) ?? "", layout, places: places.slice(0, layout), ...(sync && sync.length > 0 ? { sync } : {}) };
}

/** A kept protocol, or undefined where what was kept is none. */
export function readProtocol(value: unknown): Protocol | undefined {
    const p = plain(value);
    const [id, name, priors] = [word(p?.["id"]), word(p?.["name"]), finite(p?.["priors"])];
    const [rules, stages] = [list(p?.["rules"], readRule), list(p?.["stages"], readStage)];
    if (!id || !name || priors === undefined || !rules || !stages || stages.length === 0) return undefined;
    return { id, name, rules, priors: Math.max(0, Math.min(9, Math.trunc(priors))), stages };
}

const nothing: Place = { prior: 0, rules: [{ attribute: "modality", equals: [""], required: true }] };

/** A pane that stays empty. */
export const emptyPlace = (): Place => nothing;

/** The rules that find a series like this one. */
export function rulesLike(s: Hangable): Rule[] {
    const rules: Rule[] = [{ attribute: "modality", equals: [s.modality], required: true }];
    const words = s.description.split(/[^\p{L}\p{N}]+/u).filter((w) => w.length > 2).slice(0, 3);
    if (s.description) rules.push({ attribute: "description", equals: [s.description], weight: 4 });
    if (words.length > 0) rules.push({ attribute: "description", contains: words, weight: 1 });
    if (s.bodyPart) rules.push({ attribute: "bodyPart", equals: [s.bodyPart] });
    return rules;
}

/** What is on screen: what each pane shows, and how. */
export interface OnScreen {
    layout: 1 | 2 | 4;
    panes: readonly ({ series: Hangable; mode: string } | undefined)[];
    sync: readonly Sync[];
}

/** The protocol that brings a layout back: studies of the same kind, in each pane a series that is called the same. */
export function protocolOf(id: string, name: string, { layout, panes, sync }: OnScreen, read: string, priors: readonly string[]): Protocol {
    const first = (panes.find((p) => p?.series.study === read) ?? panes.find((p) => p !== undefined))?.series;
    const places = panes.slice(0, layout).map((p): Place => {
        if (!p) return nothing;
        const mode = modes.find((m) => m === p.mode);
        return { prior: p.series.study === read ? 0 : Math.max(1, priors.indexOf(p.series.study) + 1), rules: rulesLike(p.series), ...(mode ? { mode } : {}) };
    });
    const rules: Rule[] = first ? [{ attribute: "modality", equals: [first.modality], required: true, weight: 2 }] : [];
    if (first?.studyDescription) rules.push({ attribute: "studyDescription", equals: [first.studyDescription], weight: 3 });
    return { id, name, rules, priors: Math.max(0, ...places.map((p) => p.prior)), stages: [{ name, layout, places, ...(sync.length > 0 ? { sync } : {}) }] };
}
