/** The hanging protocols that come with us, those of this browser, and those that the server keeps for everyone. */

import { computed, signal } from "@preact/signals";
import type { Hangable, Place, Protocol, Rule, Sync } from "../../dicom/hang";
import { readProtocol } from "../../dicom/hang-keep";
import { dropLayout, readLayouts, writeLayout } from "../../dicomweb/layouts";
import { keep, kept } from "../../ui/storage";
import { t } from "../../ui/text";

const ct: Protocol = {
    id: "ct",
    name: "CT",
    rules: [{ attribute: "modality", equals: ["CT"], required: true }],
    priors: 0,
    stages: [
        {
            name: "CT",
            layout: 1,
            places: [{ prior: 0, rules: [{ attribute: "modality", equals: ["CT"], required: true }, { attribute: "images", atLeast: 20, weight: 4 }, { attribute: "description", contains: ["soft", "std", "axial"], weight: 1 }], orNext: true }],
        },
    ],
};

const view = (laterality: string, name: string, prior = 0): Place => ({
    prior,
    rules: [
        { attribute: "modality", equals: ["MG"], required: true },
        { attribute: "laterality", equals: [laterality], required: true },
        { attribute: "view", equals: [name], required: true },
    ],
});

/* Right breast at the left, chest wall to chest wall. */
const mammography: Protocol = {
    id: "mg",
    name: "MG",
    rules: [{ attribute: "modality", equals: ["MG"], required: true, weight: 2 }],
    priors: 0,
    stages: [
        { name: "CC + MLO", layout: 4, places: [view("R", "CC"), view("L", "CC"), view("R", "MLO"), view("L", "MLO")] },
        { name: "CC", layout: 2, places: [view("R", "CC"), view("L", "CC")] },
        { name: "MLO", layout: 2, places: [view("R", "MLO"), view("L", "MLO")] },
    ],
};

/* Each breast goes together with what it was before. */
const breasts: readonly Sync[] = [[0, 2], [1, 3]].map((panes) => ({ panes, scroll: "offset", window: false, view: true }));

const mammographyWithPrior: Protocol = {
    id: "mg-prior",
    name: "MG",
    rules: [{ attribute: "modality", equals: ["MG"], required: true, weight: 3 }],
    priors: 1,
    stages: [
        { name: "CC", layout: 4, places: [view("R", "CC"), view("L", "CC"), view("R", "CC", 1), view("L", "CC", 1)], sync: breasts },
        { name: "MLO", layout: 4, places: [view("R", "MLO"), view("L", "MLO"), view("R", "MLO", 1), view("L", "MLO", 1)], sync: breasts },
        ...mammography.stages,
    ],
};

export const builtIn: readonly Protocol[] = [mammographyWithPrior, mammography, ct];

/** The series beside the one that is most like it in all priors: the same kind of image before the same part of the body, of
 *  equals the newest; whatever there is before nothing. */
export function comparison(now: Hangable, region: string): Protocol {
    const same: Rule[] = [
        { attribute: "modality", equals: [now.modality], weight: 8 },
        { attribute: "description", equals: [now.description], weight: 3 },
        { attribute: "bodyPart", equals: [now.bodyPart], weight: 1 },
        { attribute: "images", atLeast: now.images / 2, atMost: now.images * 2, weight: 1 },
        { attribute: "modality", lacks: ["SR", "PR", "KO", "SEG", "DOC", "RTSTRUCT"], required: true, weight: 1 },
    ];
    if (region) same.push({ attribute: "region", equals: [region], weight: 9 });
    return {
        id: "prior",
        name: t("Compare with the prior"),
        rules: [],
        priors: 1,
        stages: [{ name: "", layout: 2, places: [{ prior: 0, rules: [{ attribute: "uid", equals: [now.uid], required: true }] }, { prior: 1, best: true, rules: same }], sync: [{ panes: [0, 1], scroll: "place", window: true, view: true }] }],
    };
}

/* ---- of this browser ---- */

const ownMax = 50;
const read = (value: unknown): readonly Protocol[] => (Array.isArray(value) ? value.flatMap((v) => readProtocol(v) ?? []).slice(0, ownMax) : []);

export const own = signal<readonly Protocol[]>(kept("hanging", read));

function write(list: readonly Protocol[]): void {
    own.value = list.slice(-ownMax);
    keep("hanging", own.value);
}

/* ---- of the site ---- */

const tags = signal<ReadonlyMap<string, string>>(new Map());
export const site = signal<readonly Protocol[]>([]);
export const siteFailure = signal("");

/** Asks the server. Without an answer there are none, and why is said. */
export async function readSite(): Promise<void> {
    try {
        const list = await readLayouts();
        const layouts = list.flatMap((one) => {
            const protocol = readProtocol({ ...(one.layout as object | null), id: one.id });
            return protocol ? [protocol] : [];
        });
        tags.value = new Map(list.map((one) => [one.id, one.tag]));
        site.value = layouts.sort((a, b) => a.name.localeCompare(b.name));
        siteFailure.value = "";
    } catch (e) {
        siteFailure.value = e instanceof Error ? e.message : String(e);
    }
}

/* ---- both ---- */

export type Home = "own" | "site";

export const homeOf = (p: Protocol): Home | undefined => (own.value.some((o) => o.id === p.id) ? "own" : site.value.some((s) => s.id === p.id) ? "site" : undefined);

/** Those that go before come first: what the user has made, what the site has, what comes with us. */
export const inOrder = computed<readonly (readonly Protocol[])[]>(() => [own.value, site.value, builtIn]);

const changed = () => new Error(t("Somebody else has changed this layout meanwhile. Here is what it is now."));

/** In this browser a name that is taken is given to the new one. For everyone, what somebody else has changed stays. */
export async function save(p: Protocol, home: Home): Promise<void> {
    if (home === "own") {
        const at = own.value.findIndex((o) => o.id === p.id);
        return write(at >= 0 ? own.value.map((o, i) => (i === at ? p : o)) : [...own.value.filter((o) => o.name !== p.name), p]);
    }
    const outcome = await writeLayout(p.id, p, tags.value.get(p.id) ?? "");
    await readSite();
    if (outcome === "changed") throw changed();
}

export async function forget(p: Protocol): Promise<void> {
    if (homeOf(p) === "own") return write(own.value.filter((o) => o.id !== p.id));
    const gone = await dropLayout(p.id, tags.value.get(p.id) ?? "");
    await readSite();
    if (!gone) throw changed();
}

/** An id that no layout has: letters, digits and a minus, as the server takes them. */
export const newId = (): string => `layout-${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
