/** The hanging protocols that come with us, and those the user has made. */

import { signal } from "@preact/signals";
import { readProtocol, type Hangable, type Place, type Protocol } from "../../dicom/hang";
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

const mammographyWithPrior: Protocol = {
    id: "mg-prior",
    name: "MG",
    rules: [{ attribute: "modality", equals: ["MG"], required: true }],
    priors: 1,
    stages: [
        { name: "CC", layout: 4, places: [view("R", "CC"), view("L", "CC"), view("R", "CC", 1), view("L", "CC", 1)] },
        { name: "MLO", layout: 4, places: [view("R", "MLO"), view("L", "MLO"), view("R", "MLO", 1), view("L", "MLO", 1)] },
    ],
};

export const builtIn: readonly Protocol[] = [mammography, mammographyWithPrior, ct];

/** The series beside the one of the newest prior that is most like it. */
export function comparison(now: Hangable): Protocol {
    const like: Place["rules"] = [
        { attribute: "modality", equals: [now.modality], required: true },
        { attribute: "description", equals: [now.description], weight: 4 },
        { attribute: "bodyPart", equals: [now.bodyPart], weight: 1 },
        { attribute: "images", atLeast: now.images / 2, atMost: now.images * 2, weight: 1 },
    ];
    return { id: "prior", name: t("Compare with the prior"), rules: [], priors: 1, stages: [{ name: "", layout: 2, places: [{ prior: 0, rules: like }, { prior: 1, rules: like, orNext: true }] }] };
}

const ownMax = 50;
const read = (value: unknown): readonly Protocol[] => (Array.isArray(value) ? value.flatMap((v) => readProtocol(v) ?? []).slice(0, ownMax) : []);

export const own = signal<readonly Protocol[]>(kept("hanging", read));

function write(list: readonly Protocol[]): void {
    own.value = list.slice(-ownMax);
    keep("hanging", own.value);
}

/** A name that is taken is given to the new one. */
export const saveOwn = (p: Protocol): void => write([...own.value.filter((o) => o.name !== p.name), p]);
export const forgetOwn = (id: string): void => write(own.value.filter((o) => o.id !== id));
