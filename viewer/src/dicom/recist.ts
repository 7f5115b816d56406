/** Lesions over time: RECIST 1.1 (Eisenhauer et al., Eur J Cancer 2009;45:228) and iRECIST (Seymour et al., Lancet Oncol
 *  2017;18:e143): what may be a target, the sums, the response at each timepoint. Pure: no texts, no pictures. */

export type Role = "target" | "nonTarget" | "new";

export interface Lesion {
    uid: string; /* the Tracking UID of its measurements, the same at every timepoint */
    role: Role;
    organ: string; /* all lymph nodes together are one organ */
    nodal: boolean; /* its short axis counts, else the longest diameter */
    number: number; /* within its role, from 1 */
}

/** What was found of a lesion. measured: `longMm` and `shortMm` say. tooSmall: there, but cannot be measured: counts 5 mm.
 *  progressed: unequivocally worse (non-target). increased: larger than at the last timepoint, not unequivocally so. */
export type State = "measured" | "tooSmall" | "present" | "increased" | "progressed" | "absent" | "notEvaluable";

export interface Finding {
    lesion: string;
    state: State;
    longMm?: number;
    shortMm?: number;
    modality?: string; /* of the image it was measured on */
    sliceMm?: number; /* its slice thickness */
}

export interface Timepoint {
    date: string; /* YYYYMMDD */
    findings: readonly Finding[];
}

export type Category = "CR" | "PR" | "SD" | "PD" | "NE";
export type NonTargetCategory = "CR" | "nonCR" | "PD" | "NE" | "none"; /* nonCR: neither CR nor PD. none: there are no such lesions */
export type Immune = "iCR" | "iPR" | "iSD" | "iUPD" | "iCPD" | "NE" | "nonCR";

export type Rule =
    | "tooManyTargets" | "tooManyInOrgan" | "noOrgan" | "notMeasured" | "tooSmallAtBaseline" | "slicesTooThick" | "modality"
    | "absentAtBaseline" | "missing" | "otherModality" | "belowFive" | "noLesions" | "confirmedTooSoon" | "confirmedLate" | "confirmationUndated";

/** What does not conform. lesion: empty when it is the timepoint's. limit: mm, how many, or days. */
export interface Problem {
    rule: Rule;
    lesion: string;
    organ?: string;
    limit?: number;
}

export interface Assessment {
    sumMm: number | undefined; /* undefined while a target is missing */
    ofBaseline: number | undefined; /* change as a fraction: -0.3 is 30 % less */
    nadirMm: number | undefined; /* the smallest sum before this timepoint */
    ofNadir: number | undefined;
    target: Category | "none";
    nonTarget: NonTargetCategory;
    newLesions: boolean;
    overall: Category | "nonCR"; /* nonCR: neither CR nor PD, of those who have no targets */
    immune: Immune;
    problems: readonly Problem[];
    immuneProblems: readonly Problem[]; /* those of iRECIST alone */
    toConfirm: readonly [from: string, to: string] | undefined; /* the dates (DA) between which iRECIST wants an unconfirmed progression looked at again */
}

export interface Assessed {
    timepoints: readonly Assessment[]; /* the first is the baseline; its categories are those of no change */
    best: Category | "nonCR" | undefined; /* the best overall response after the baseline */
}

const targetsMax = 5;
const perOrganMax = 2;
const nodes = "lymph nodes";

const organOf = (l: Lesion): string => (l.nodal ? nodes : l.organ.trim().toLowerCase());

/** What a target adds to the sum; undefined when it was not seen or not measured. */
export function diameterMm(lesion: Lesion, f: Finding | undefined): number | undefined {
    if (!f) return undefined;
    if (f.state === "absent") return 0;
    if (f.state === "tooSmall") return 5;
    if (f.state !== "measured") return undefined;
    return lesion.nodal ? (f.shortMm ?? f.longMm) : f.longMm;
}

/* ---- rules ---- */

function baselineProblems(l: Lesion, f: Finding): Problem[] {
    const problems: Problem[] = [];
    const mm = diameterMm(l, f);
    if (f.state === "absent") return [{ rule: "absentAtBaseline", lesion: l.uid }];
    if (f.state !== "measured" || mm === undefined) return [{ rule: "notMeasured", lesion: l.uid }];
    const isRadiograph = /^(CR|DX|RG|RF)$/.test(f.modality ?? "");
    const least = l.nodal ? 15 : isRadiograph ? 20 : 10;
    if (mm < least) problems.push({ rule: "tooSmallAtBaseline", lesion: l.uid, limit: least });
    if (f.sliceMm !== undefined && f.sliceMm > 5 && mm < 2 * f.sliceMm) problems.push({ rule: "slicesTooThick", lesion: l.uid, limit: 2 * f.sliceMm });
    return problems;
}

function targetProblems(targets: readonly Lesion[]): Problem[] {
    const problems: Problem[] = targets.length > targetsMax ? [{ rule: "tooManyTargets", lesion: "", limit: targetsMax }] : [];
    const organs = new Map<string, number>();
    for (const l of targets) organs.set(organOf(l), (organs.get(organOf(l)) ?? 0) + 1);
    for (const [organ, count] of organs) if (organ !== "" && count > perOrganMax) problems.push({ rule: "tooManyInOrgan", lesion: "", organ, limit: perOrganMax });
    return problems;
}

function problemsOf(lesions: readonly Lesion[], timepoints: readonly Timepoint[], at: number): Problem[] {
    const targets = lesions.filter((l) => l.role === "target");
    const old = lesions.filter((l) => l.role !== "new");
    const problems: Problem[] = at === 0 ? targetProblems(targets) : [];
    if (at === 0 && old.length === 0) problems.push({ rule: "noLesions", lesion: "" });
    const find = (tp: number, l: Lesion) => timepoints[tp]?.findings.find((f) => f.lesion === l.uid);
    for (const l of old) {
        const f = find(at, l);
        if (at === 0 && l.organ.trim() === "") problems.push({ rule: "noOrgan", lesion: l.uid });
        if (!f) {
            problems.push({ rule: "missing", lesion: l.uid });
            continue;
        }
        if (f.modality === "US") problems.push({ rule: "modality", lesion: l.uid });
        if (l.role !== "target") continue;
        const first = find(0, l);
        if (at === 0) problems.push(...baselineProblems(l, f));
        else if (f.modality && first?.modality && f.modality !== first.modality) problems.push({ rule: "otherModality", lesion: l.uid });
        if (at > 0 && f.state === "measured" && (diameterMm(l, f) ?? 5) < 5) problems.push({ rule: "belowFive", lesion: l.uid, limit: 5 });
    }
    return problems;
}

/* ---- RECIST 1.1 ---- */

interface Sums {
    whole: number | undefined;
    seen: number; /* of the targets that were evaluated */
}

function sums(targets: readonly Lesion[], tp: Timepoint): Sums {
    const each = targets.map((l) => diameterMm(l, tp.findings.find((f) => f.lesion === l.uid)));
    const seen = each.reduce<number>((sum, mm) => sum + (mm ?? 0), 0);
    return { whole: each.includes(undefined) ? undefined : seen, seen };
}

/* Sums of mm with decimals: 0.7 times 100 must not miss 70. */
const atMost = (a: number, b: number): boolean => a <= b + 1e-9;

const isProgress = (sum: number, nadir: number): boolean => atMost(1.2 * nadir, sum) && atMost(5, sum - nadir);

/** Nothing is left: the others gone, lymph nodes below 10 mm. */
function isGone(l: Lesion, f: Finding | undefined): boolean {
    if (!f) return false;
    if (f.state === "absent") return true;
    if (!l.nodal || f.state !== "measured") return f.state === "measured" && f.longMm === 0;
    return (diameterMm(l, f) ?? 10) < 10;
}

function targetCategory(targets: readonly Lesion[], tp: Timepoint, sum: Sums, baseline: number | undefined, nadir: number | undefined): Category | "none" {
    if (targets.length === 0) return "none";
    if (sum.whole !== undefined && targets.every((l) => isGone(l, tp.findings.find((f) => f.lesion === l.uid)))) return "CR";
    if (nadir !== undefined && isProgress(sum.seen, nadir)) return "PD"; /* also when some were not seen: they only add */
    if (sum.whole === undefined || baseline === undefined) return "NE";
    return atMost(sum.whole, 0.7 * baseline) ? "PR" : "SD";
}

function nonTargetCategory(list: readonly Lesion[], tp: Timepoint): NonTargetCategory {
    if (list.length === 0) return "none";
    const all = list.map((l) => ({ l, f: tp.findings.find((f) => f.lesion === l.uid) }));
    if (all.some(({ f }) => f?.state === "progressed")) return "PD";
    if (all.some(({ f }) => !f || f.state === "notEvaluable")) return "NE";
    return all.every(({ l, f }) => isGone(l, f)) ? "CR" : "nonCR";
}

/* Tables 1 to 3 of the paper. */
function overall(target: Category | "none", nonTarget: NonTargetCategory, newLesions: boolean): Category | "nonCR" {
    if (newLesions || target === "PD" || nonTarget === "PD") return "PD";
    if (target === "none") return nonTarget === "CR" ? "CR" : nonTarget === "nonCR" ? "nonCR" : "NE";
    if (target === "CR") return nonTarget === "CR" || nonTarget === "none" ? "CR" : "PR";
    return target;
}

/* ---- iRECIST ---- */

/* What made the last timepoint an unconfirmed progression, and how large it was then. */
interface Unconfirmed {
    targetSumMm: number | undefined; /* of the targets, when they had progressed */
    nonTarget: boolean;
    newUids: ReadonlySet<string>;
    newSumMm: number;
}

const isThere = (f: Finding | undefined): boolean => f !== undefined && f.state !== "absent" && f.state !== "notEvaluable";

function newOf(lesions: readonly Lesion[], tp: Timepoint): { uids: Set<string>; sumMm: number; isLarger: boolean } {
    const there = lesions.filter((l) => l.role === "new").flatMap((l) => tp.findings.filter((f) => f.lesion === l.uid && isThere(f)).map((f) => ({ l, f })));
    return {
        uids: new Set(there.map(({ l }) => l.uid)),
        sumMm: there.reduce((sum, { l, f }) => sum + (f.state === "measured" ? (diameterMm(l, f) ?? 0) : 0), 0),
        isLarger: there.some(({ f }) => f.state === "increased" || f.state === "progressed"),
    };
}

const named: Readonly<Record<Category | "nonCR", Immune>> = { CR: "iCR", PR: "iPR", SD: "iSD", PD: "iUPD", NE: "NE", nonCR: "nonCR" };

/** The timepoint's response, and what it leaves to be confirmed at the next. */
function immune(lesions: readonly Lesion[], tp: Timepoint, a: Pick<Assessment, "target" | "nonTarget">, sum: Sums, before: Unconfirmed | undefined): [Immune, Unconfirmed | undefined] {
    const news = newOf(lesions, tp);
    const isStillLarger = (before?.nonTarget ?? false) && tp.findings.some((f) => f.state === "increased" && lesions.some((l) => l.uid === f.lesion && l.role === "nonTarget"));
    const hasProgress = a.target === "PD" || a.nonTarget === "PD" || news.uids.size > 0 || isStillLarger;
    if (!hasProgress) return [named[overall(a.target, a.nonTarget, false)], undefined];
    const now: Unconfirmed = {
        targetSumMm: a.target === "PD" ? (before?.targetSumMm ?? sum.seen) : before?.targetSumMm,
        nonTarget: a.nonTarget === "PD" || (before?.nonTarget ?? false),
        newUids: before && before.newUids.size > 0 ? before.newUids : news.uids,
        newSumMm: before && before.newUids.size > 0 ? before.newSumMm : news.sumMm,
    };
    if (!before) return ["iUPD", now];
    const another = [...news.uids].some((uid) => !before.newUids.has(uid));
    const confirmed =
        (a.target === "PD" && (before.targetSumMm === undefined || atMost(before.targetSumMm + 5, sum.seen))) ||
        isStillLarger ||
        (!before.nonTarget && a.nonTarget === "PD") ||
        another ||
        (before.newUids.size > 0 && (news.isLarger || atMost(before.newSumMm + 5, news.sumMm)));
    return [confirmed ? "iCPD" : "iUPD", now];
}

/* Progression is confirmed 4 to 8 weeks after it was seen first. */
const confirmDays = [28, 56] as const;

const dayMs = 86_400_000;
const momentOf = (da: string): number => (/^\d{8}$/.test(da) ? Date.UTC(Number(da.slice(0, 4)), Number(da.slice(4, 6)) - 1, Number(da.slice(6))) : NaN);
const daAfter = (da: string, days: number): string => new Date(momentOf(da) + days * dayMs).toISOString().slice(0, 10).replaceAll("-", "");

/* Of a timepoint that has progression again, after one where it was not confirmed. */
function confirmationProblems(before: string, now: string): Problem[] {
    const days = Math.round((momentOf(now) - momentOf(before)) / dayMs);
    if (Number.isNaN(days)) return [{ rule: "confirmationUndated", lesion: "" }];
    if (days < confirmDays[0]) return [{ rule: "confirmedTooSoon", lesion: "", limit: days }];
    return days > confirmDays[1] ? [{ rule: "confirmedLate", lesion: "", limit: days }] : [];
}

/* ---- all of it ---- */

const rank: readonly (Category | "nonCR")[] = ["CR", "PR", "SD", "nonCR", "NE", "PD"];

/** The timepoints in the order of time, the baseline first. */
export function assess(lesions: readonly Lesion[], timepoints: readonly Timepoint[]): Assessed {
    const targets = lesions.filter((l) => l.role === "target");
    const others = lesions.filter((l) => l.role === "nonTarget");
    const done: Assessment[] = [];
    const wholes: number[] = [];
    let baseline: number | undefined;
    let unconfirmed: Unconfirmed | undefined;
    let isConfirmed = false;
    for (const [at, tp] of timepoints.entries()) {
        const sum = sums(targets, tp);
        const nadirMm = wholes.length > 0 ? Math.min(...wholes) : undefined;
        const change = (from: number | undefined) => (from && sum.whole !== undefined ? sum.whole / from - 1 : undefined);
        if (at === 0) baseline = sum.whole;
        const newLesions = at > 0 && newOf(lesions, tp).uids.size > 0;
        const target = at === 0 && targets.length > 0 ? "SD" : targetCategory(targets, tp, sum, baseline, nadirMm);
        const nonTarget = at === 0 && others.length > 0 ? "nonCR" : nonTargetCategory(others, tp);
        const a = {
            sumMm: targets.length > 0 ? sum.whole : undefined,
            ofBaseline: at > 0 ? change(baseline) : undefined,
            nadirMm,
            ofNadir: change(nadirMm),
            target,
            nonTarget,
            newLesions,
            overall: overall(target, nonTarget, newLesions),
            problems: problemsOf(lesions, timepoints, at),
        };
        const [response, left] = at === 0 ? [named[a.overall], undefined] : immune(lesions, tp, a, sum, unconfirmed);
        const isAgain = unconfirmed !== undefined && !isConfirmed && (response === "iUPD" || response === "iCPD");
        const immuneProblems = isAgain ? confirmationProblems(timepoints[at - 1]!.date, tp.date) : [];
        unconfirmed = left;
        isConfirmed ||= response === "iCPD";
        const isOpen = !isConfirmed && response === "iUPD" && !Number.isNaN(momentOf(tp.date));
        const toConfirm = isOpen ? ([daAfter(tp.date, confirmDays[0]), daAfter(tp.date, confirmDays[1])] as const) : undefined;
        done.push({ ...a, immune: isConfirmed ? "iCPD" : response, immuneProblems, toConfirm });
        if (sum.whole !== undefined) wholes.push(sum.whole);
    }
    const reached = done.slice(1, 1 + firstProgress(done.slice(1))).map((a) => a.overall);
    return { timepoints: done, best: rank.find((c) => reached.includes(c)) };
}

/* Responses after progression do not count; the progression itself does. */
function firstProgress(list: readonly Assessment[]): number {
    const at = list.findIndex((a) => a.overall === "PD");
    return at < 0 ? list.length : at + 1;
}
