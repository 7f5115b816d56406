/** Hanging protocols: which series of which study stands in which pane, found by rules. Pure: it knows what is listed of
 *  studies and series, and answers with an arrangement.   PS3.3 §C.23 names the idea; the rules here are our own and plain. */

import { numbers, text, values, type Dataset } from "../dicomweb/json";
import { codeOf } from "./dataset";
import { regionOf } from "./region";

/** What is listed of a series; `region` is the part of the body as any of its texts names it. */
export const listed = ["modality", "description", "bodyPart", "region", "studyDescription", "images", "laterality", "view"] as const;
/** What only its first object tells. */
export const inObject = ["institution", "plane", "scanner"] as const;
export type Attribute = (typeof listed)[number] | (typeof inObject)[number];

/** One thing that must or should be so. */
export interface Rule {
    attribute: Attribute | (string & {}); /* or a tag, as DICOM JSON spells it: of the first object of the series */
    /** Of text, in any case. Of what has several values, one must do. */
    contains?: readonly string[]; /* one of these is contained in it */
    equals?: readonly string[];
    lacks?: readonly string[]; /* none of these is contained in it */
    atLeast?: number;
    atMost?: number;
    orAbsent?: boolean; /* it holds where there is no value at all */
    weight?: number; /* 1 unless said */
    required?: boolean; /* without it there is no match at all */
}

/** What one pane wants: a series of the study that is read (0), or of the first prior (1), the second …, the oldest (-1). */
export interface Place {
    prior: number;
    age?: readonly [fromDays: number, toDays: number]; /* the newest prior of that age instead */
    best?: boolean; /* of all priors the one that fits best instead, of equals the newest */
    rules: readonly Rule[];
    /** Where nothing matches: left empty, or the next series that stands nowhere yet. */
    orNext?: boolean;
    preset?: string; /* key of a window preset */
    invert?: boolean;
    mode?: Mode; /* a stack of images unless said */
}

export const modes = ["axial", "coronal", "sagittal", "3d"] as const;
export type Mode = (typeof modes)[number];

/** Panes that go together: which, and in what. */
export interface Sync {
    panes: readonly number[];
    scroll: "" | "place" | "offset"; /* to the same place of the patient where that can be told, or by as many images */
    window: boolean;
    view: boolean; /* zoom, pan, turn, mirror */
}

export interface Stage {
    name: string;
    layout: 1 | 2 | 4;
    places: readonly Place[];
    sync?: readonly Sync[];
}

export interface Protocol {
    id: string;
    name: string;
    /** On the study that is read, by its first series that matches all. */
    rules: readonly Rule[];
    priors: number; /* how many it needs to be of use */
    stages: readonly Stage[];
}

/** What is known of a series when it is hung. */
export interface Hangable {
    uid: string;
    study: string;
    modality: string;
    description: string;
    bodyPart: string;
    studyDescription: string;
    images: number;
    laterality: string; /* L or R; empty where it is not listed */
    view: string; /* CC, MLO … */
    object?: Dataset | undefined; /* the first one, where rules ask for it */
    ageDays?: number; /* its study is older than the one that is read by so many days */
}

const isTag = (attribute: string) => /^[0-9A-F]{8}$/.test(attribute);
export const needsObject = (rule: Rule): boolean => isTag(rule.attribute) || (inObject as readonly string[]).includes(rule.attribute);

/* ---- what a series is ---- */

/** Along which axis of the patient the images lie, by the largest part of their normal. */
export function planeOf(ds: Dataset | undefined): string {
    const o = numbers(ds, "00200037");
    if (o.length < 6) return "";
    const normal = [o[1]! * o[5]! - o[2]! * o[4]!, o[2]! * o[3]! - o[0]! * o[5]!, o[0]! * o[4]! - o[1]! * o[3]!].map(Math.abs);
    const most = Math.max(...normal);
    return most < 0.8 ? "oblique" : ["sagittal", "coronal", "axial"][normal.indexOf(most)]!;
}

/* A code counts by its value and by its meaning. */
function plainValues(ds: Dataset | undefined, tag: string): (string | number)[] {
    return values(ds, tag).flatMap((v) => {
        if (typeof v === "string" || typeof v === "number") return [v];
        const code = typeof v === "object" && v !== null ? codeOf(v as Dataset) : undefined;
        return code ? [code.value, code.meaning] : [text({ x: { Value: [v] } }, "x")];
    });
}

function valuesOf(attribute: string, s: Hangable): (string | number)[] {
    if (attribute === "region") return [regionOf(s.bodyPart, s.description, s.studyDescription)];
    if (attribute === "institution") return [text(s.object, "00080080")];
    if (attribute === "scanner") return [`${text(s.object, "00080070")} ${text(s.object, "00081090")}`.trim()];
    if (attribute === "plane") return [planeOf(s.object)];
    if (isTag(attribute)) return plainValues(s.object, attribute);
    const value = (s as unknown as Record<string, unknown>)[attribute];
    return typeof value === "string" || typeof value === "number" ? [value] : [];
}

function holds(rule: Rule, s: Hangable): boolean {
    const there = valuesOf(rule.attribute, s).filter((v) => v !== "");
    if (there.length === 0) return rule.orAbsent ?? (rule.lacks !== undefined && !rule.equals && !rule.contains);
    const said = there.map((v) => String(v).toLowerCase());
    const among = (list: readonly string[], test: (v: string, e: string) => boolean) => list.some((e) => said.some((v) => test(v, e.toLowerCase())));
    if (rule.equals && !among(rule.equals, (v, e) => v === e)) return false;
    if (rule.contains && !among(rule.contains, (v, e) => v.includes(e))) return false;
    if (rule.lacks && among(rule.lacks, (v, e) => v.includes(e))) return false;
    const [least, most] = [rule.atLeast ?? -Infinity, rule.atMost ?? Infinity];
    return (rule.atLeast === undefined && rule.atMost === undefined) || there.some((v) => Number(v) >= least && Number(v) <= most);
}

/** The sum of the weights of the rules that hold; undefined where a required one does not, or none at all does. */
export function score(rules: readonly Rule[], s: Hangable): number | undefined {
    let sum = 0;
    for (const rule of rules) {
        if (holds(rule, s)) sum += rule.weight ?? 1;
        else if (rule.required) return undefined;
    }
    return rules.length === 0 ? 0 : sum > 0 ? sum : undefined;
}

function bestOf(rules: readonly Rule[], list: readonly Hangable[]): { uid: string; score: number } | undefined {
    let best: { uid: string; score: number } | undefined;
    for (const s of list) {
        const points = score(rules, s);
        if (points !== undefined && points > (best?.score ?? -1)) best = { uid: s.uid, score: points };
    }
    return best;
}

/* ---- which protocol ---- */

/** Those whose rules fit the study, the best first; of equals the one that comes first. */
export function fitting(protocols: readonly Protocol[], study: readonly Hangable[]): Protocol[] {
    return protocols
        .map((protocol) => ({ protocol, points: bestOf(protocol.rules, study)?.score }))
        .filter((p) => p.points !== undefined)
        .sort((a, b) => b.points! - a.points!)
        .map((p) => p.protocol);
}

/* ---- which priors ---- */

/** An older study, as the list of studies has it. */
export interface Prior {
    uid: string;
    modalities: readonly string[];
    ageDays: number;
    series?: readonly Hangable[]; /* where they have been listed */
}

const isOfPrior = (p: Place) => p.prior !== 0 || p.age !== undefined || p.best === true;
/** So many older studies are looked into at most, the newest and the oldest. */
export const searchMax = 6;

/* What the list of its series does not tell is left to later. */
const isToldLater = (rule: Rule) => needsObject(rule) || rule.attribute === "laterality" || rule.attribute === "view";

/* Where the study's modalities, or its series, say that nothing in it can match, it is none to look into. */
function canMatch(place: Place, prior: Prior): boolean {
    const required = place.rules.filter((rule) => rule.required && !isToldLater(rule));
    if (prior.series) return prior.series.some((s) => required.every((rule) => holds(rule, s)));
    return prior.modalities.length === 0 || required.every((rule) => rule.attribute !== "modality" || !rule.equals || rule.equals.some((m) => prior.modalities.includes(m.toUpperCase())));
}

const isOfAge = (days: number, [from, to]: readonly [number, number]) => days >= from && days <= to;

/** The older studies that a protocol asks for, the newest first. `older`: all there are, the newest first. */
export function priorsFor(protocol: Protocol, older: readonly Prior[]): string[] {
    const wanted = new Set<Prior>();
    const add = (list: readonly Prior[]) => list.forEach((p) => wanted.add(p));
    for (const place of protocol.stages.flatMap((s) => s.places).filter(isOfPrior)) {
        const possible = older.filter((p) => canMatch(place, p));
        if (place.best) add(possible.slice(0, searchMax));
        else if (place.age) add(possible.filter((p) => isOfAge(p.ageDays, place.age!)).slice(0, 1));
        else add(place.prior < 0 ? possible.slice(-1) : possible.slice(0, place.prior));
    }
    return older.filter((p) => wanted.has(p)).map((p) => p.uid);
}

/* ---- which series ---- */

function candidates(place: Place, studies: readonly (readonly Hangable[])[]): readonly Hangable[] {
    const priors = studies.slice(1);
    if (place.best) return priors.flat();
    if (place.age) return priors.find((list) => list.some((s) => s.ageDays !== undefined && isOfAge(s.ageDays, place.age!))) ?? [];
    return (place.prior < 0 ? priors.at(-1) : studies[place.prior]) ?? [];
}

/** The series for each place of a stage, by UID; undefined where a place stays empty. `studies`: the one that is read, then its
 *  priors, the newest first. A series stands in one place only, unless it is shown there in another way. */
export function hang(stage: Stage, studies: readonly (readonly Hangable[])[]): (string | undefined)[] {
    const used = new Map<string, Set<string>>();
    const taken = (uid: string, mode: string) => used.get(uid)?.has(mode) === true;
    const take = (uid: string, mode: string) => used.set(uid, (used.get(uid) ?? new Set()).add(mode));
    const free = (place: Place) => candidates(place, studies).filter((s) => !taken(s.uid, place.mode ?? ""));
    const found = stage.places.map((place) => {
        const best = bestOf(place.rules, free(place));
        if (best) take(best.uid, place.mode ?? "");
        return best?.uid;
    });
    return stage.places.map((place, i) => {
        const uid = found[i] ?? (place.orNext ? free(place).find((s) => !used.has(s.uid))?.uid : undefined);
        if (uid) take(uid, place.mode ?? "");
        return uid;
    });
}

/** Side and view of a mammogram, as technologists write them into the description of its series: "R CC", "L-MLO", "RCC". */
export function mammographyView(description: string): { laterality: string; view: string } {
    const m = /(?:^|[^A-Z])(?:(R|L|RIGHT|LEFT)[^A-Z]*)?(CC|MLO|ML|LM|XCCL)(?:[^A-Z]*(R|L|RIGHT|LEFT))?(?:[^A-Z]|$)/.exec(description.toUpperCase());
    return { laterality: (m?.[1] ?? m?.[3] ?? "").slice(0, 1), view: m?.[2] ?? "" };
}
