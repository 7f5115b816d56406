/** Hanging protocols: which series of which study stands in which pane, found by rules. Pure: it knows what is listed of
 *  studies and series, and answers with an arrangement.   PS3.3 §C.23 names the idea; the rules here are our own and plain. */

/** One thing that must or should be so. */
export interface Rule {
    attribute: "modality" | "description" | "bodyPart" | "studyDescription" | "images" | "laterality" | "view";
    /** Of text: one of these is contained in it, in any case. */
    contains?: readonly string[];
    equals?: readonly string[];
    atLeast?: number;
    atMost?: number;
    weight?: number; /* 1 unless said */
    required?: boolean; /* without it there is no match at all */
}

/** What one pane wants: a series of the study that is read (0), or of the first prior (1), the second … */
export interface Place {
    prior: number;
    rules: readonly Rule[];
    /** Where nothing matches: left empty, or the next series that stands nowhere yet. */
    orNext?: boolean;
    preset?: string; /* key of a window preset */
}

export interface Stage {
    name: string;
    layout: 1 | 2 | 4;
    places: readonly Place[];
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
}

function holds(rule: Rule, s: Hangable): boolean {
    const value = s[rule.attribute];
    if (typeof value === "number") return value >= (rule.atLeast ?? -Infinity) && value <= (rule.atMost ?? Infinity);
    const said = value.toLowerCase();
    if (rule.equals && !rule.equals.some((e) => e.toLowerCase() === said)) return false;
    return !rule.contains || rule.contains.some((c) => said.includes(c.toLowerCase()));
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

/** The protocol that fits best; of equals the first, so those of the user stand before those that come with us. */
export function chooseProtocol(protocols: readonly Protocol[], studies: readonly (readonly Hangable[])[]): Protocol | undefined {
    let best: { protocol: Protocol; score: number } | undefined;
    for (const protocol of protocols) {
        if (studies.length - 1 < protocol.priors) continue;
        for (const s of studies[0] ?? []) {
            const points = score(protocol.rules, s);
            if (points !== undefined && points > (best?.score ?? -1)) best = { protocol, score: points };
        }
    }
    return best?.protocol;
}

/** The series for each place of a stage, by UID; undefined where a place stays empty. `studies`: the one that is read, then its
 *  priors, the newest first. A series stands in one place only. */
export function hang(stage: Stage, studies: readonly (readonly Hangable[])[]): (string | undefined)[] {
    const used = new Set<string>();
    const free = (prior: number) => (studies[prior] ?? []).filter((s) => !used.has(s.uid));
    const found = stage.places.map((place) => {
        let best: { uid: string; score: number } | undefined;
        for (const s of free(place.prior)) {
            const points = score(place.rules, s);
            if (points !== undefined && points > (best?.score ?? -1)) best = { uid: s.uid, score: points };
        }
        if (best) used.add(best.uid);
        return best?.uid;
    });
    return stage.places.map((place, i) => {
        const uid = found[i] ?? (place.orNext ? free(place.prior)[0]?.uid : undefined);
        if (uid) used.add(uid);
        return uid;
    });
}

/** Side and view of a mammogram, as technologists write them into the description of its series: "R CC", "L-MLO", "RCC". */
export function mammographyView(description: string): { laterality: string; view: string } {
    const m = /(?:^|[^A-Z])(?:(R|L|RIGHT|LEFT)[^A-Z]*)?(CC|MLO|ML|LM|XCCL)(?:[^A-Z]*(R|L|RIGHT|LEFT))?(?:[^A-Z]|$)/.exec(description.toUpperCase());
    return { laterality: (m?.[1] ?? m?.[3] ?? "").slice(0, 1), view: m?.[2] ?? "" };
}

/** A kept protocol, or undefined where what was kept is none. */
export function readProtocol(value: unknown): Protocol | undefined {
    const p = value as Partial<Protocol> | null;
    const isRules = (r: unknown) => Array.isArray(r) && r.every((x) => typeof (x as Rule | null)?.attribute === "string");
    const isPlace = (x: unknown) => typeof (x as Place | null)?.prior === "number" && isRules((x as Place).rules);
    const isStage = (x: unknown) => [1, 2, 4].includes((x as Stage | null)?.layout ?? 0) && Array.isArray((x as Stage).places) && (x as Stage).places.every(isPlace);
    if (typeof p?.id !== "string" || typeof p.name !== "string" || typeof p.priors !== "number" || !isRules(p.rules)) return undefined;
    return Array.isArray(p.stages) && p.stages.length > 0 && p.stages.every(isStage) ? (p as Protocol) : undefined;
}

/** The protocol that brings a layout back: studies of the same kind, in each pane a series that is called the same. */
export function protocolOf(id: string, name: string, layout: 1 | 2 | 4, panes: readonly (Hangable | undefined)[], read: string, priors: readonly string[]): Protocol {
    const first = panes.find((s) => s?.study === read) ?? panes.find((s) => s !== undefined);
    const places = panes.slice(0, layout).map((s): Place => {
        if (!s) return { prior: 0, rules: [{ attribute: "modality", equals: [""], required: true }] };
        const rules: Rule[] = [{ attribute: "modality", equals: [s.modality], required: true }];
        if (s.description) rules.push({ attribute: "description", equals: [s.description], weight: 4 }, { attribute: "description", contains: s.description.split(/[^\p{L}\p{N}]+/u).filter((w) => w.length > 2).slice(0, 3), weight: 1 });
        if (s.bodyPart) rules.push({ attribute: "bodyPart", equals: [s.bodyPart] });
        return { prior: s.study === read ? 0 : Math.max(1, priors.indexOf(s.study) + 1), rules };
    });
    const rules: Rule[] = first ? [{ attribute: "modality", equals: [first.modality], required: true, weight: 2 }] : [];
    if (first?.studyDescription) rules.push({ attribute: "studyDescription", equals: [first.studyDescription], weight: 3 });
    return { id, name, rules, priors: Math.max(0, ...places.map((p) => p.prior)), stages: [{ name, layout, places }] };
}
