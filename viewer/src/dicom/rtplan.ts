/** What an RT plan says, as a reader wants to know it.   PS3.3 §A.20, §A.48, §C.8.8.9 to §C.8.8.15, §C.8.8.24 to §C.8.8.26 */

import { items, number, numbers, text, Tag, type Dataset } from "../dicomweb/json";
import { referenced } from "./rtdose";
import type { Vec3 } from "./vector";

export const planStorage = "1.2.840.10008.5.1.4.1.1.481.5";
export const ionPlanStorage = "1.2.840.10008.5.1.4.1.1.481.8";

export interface Prescription {
    type: string; /* TARGET, ORGAN_AT_RISK */
    name: string;
    roi: number | undefined;
    targetGy: number | undefined;
    maxGy: number | undefined;
}

export interface Beam {
    number: number | undefined;
    name: string;
    type: string; /* STATIC, DYNAMIC; of ions how they are scanned */
    radiation: string; /* PHOTON, ELECTRON, PROTON, ION … */
    delivery: string; /* TREATMENT, SETUP … */
    machine: string;
    energy: readonly number[]; /* least and greatest, as they are told: MV, MeV, for ions MeV a nucleon */
    gantry: readonly number[]; /* degrees: where it begins, and where it ends if it moves */
    turns: string; /* CW, CC */
    collimator: number | undefined;
    couch: number | undefined;
    isocenter: Vec3 | undefined;
    controlPoints: number;
    meterset: number | undefined;
    metersetUnit: string; /* MU, MINUTE, NP */
    doseGy: number | undefined; /* of one fraction */
}

export interface FractionGroup {
    number: number | undefined;
    fractions: number | undefined;
    beams: number;
    brachySetups: number;
}

export interface Channel {
    number: number | undefined;
    setup: string;
    isotope: string;
    seconds: number | undefined;
    positions: number;
}

export interface Source {
    number: number | undefined;
    isotope: string;
    type: string;
    airKerma: number | undefined; /* reference air kerma rate, uGy/h at 1 m */
}

export interface Plan {
    label: string;
    name: string;
    date: string;
    intent: string;
    approval: string;
    isIon: boolean;
    prescriptions: readonly Prescription[];
    groups: readonly FractionGroup[];
    beams: readonly Beam[];
    setups: readonly { position: string; technique: string }[];
    technique: string; /* of brachytherapy */
    sources: readonly Source[];
    channels: readonly Channel[];
    structures: string; /* SOP Instance UID of the structure set */
    frameOfReference: string;
}

const itemsMax = 500;

function beamOf(item: Dataset, isIon: boolean, group: readonly Dataset[]): Beam {
    const id = number(item, "300A00C0");
    const points = items(item, isIon ? "300A03A8" : "300A0111");
    const first = (tag: string) => points.map((p) => number(p, tag)).find((v) => v !== undefined);
    const angles = points.map((p) => number(p, "300A011E")).filter((v) => v !== undefined);
    const energies = points.map((p) => number(p, "300A0114")).filter((v) => v !== undefined);
    const [begin, end] = [angles[0], angles.at(-1)];
    const low = energies.reduce((m, v) => Math.min(m, v), Infinity);
    const high = energies.reduce((m, v) => Math.max(m, v), -Infinity);
    const at = points.map((p) => numbers(p, "300A012C")).find((p) => p.length === 3);
    const given = group.find((b) => number(b, "300C0006") === id);
    return {
        number: id,
        name: text(item, "300A00C2") || text(item, "300A00C3"),
        type: [text(item, "300A00C4"), text(item, "300A0308")].map((s) => s.trim()).filter(Boolean).join(", "),
        radiation: text(item, "300A00C6").trim(),
        delivery: text(item, "300A00CE").trim(),
        machine: text(item, "300A00B2").trim(),
        energy: energies.length === 0 ? [] : low === high ? [low] : [low, high],
        gantry: begin === undefined ? [] : angles.some((a) => a !== begin) ? [begin, end!] : [begin],
        turns: points.map((p) => text(p, "300A011F").trim()).find((d) => d === "CW" || d === "CC") ?? "",
        collimator: first("300A0120"),
        couch: first("300A0122"),
        isocenter: at as Vec3 | undefined,
        controlPoints: points.length,
        meterset: number(given, "300A0086"),
        metersetUnit: text(item, "300A00B3").trim() || "MU",
        doseGy: number(given, "300A0084"),
    };
}

function prescriptionOf(item: Dataset): Prescription {
    return {
        type: text(item, "300A0020").trim(),
        name: text(item, "300A0016").trim(),
        roi: number(item, "30060084"),
        targetGy: number(item, "300A0026"),
        maxGy: number(item, "300A002C") ?? number(item, "300A0027") ?? number(item, "300A0023"),
    };
}

export function readPlan(ds: Dataset): Plan {
    const isIon = text(ds, Tag.sopClass) === ionPlanStorage || items(ds, "300A03A2").length > 0;
    const groups = items(ds, "300A0070").slice(0, itemsMax);
    const referencedBeams = groups.flatMap((g) => items(g, "300C0004"));
    const sources = items(ds, "300A0210").slice(0, itemsMax).map((s): Source => ({ number: number(s, "300A0212"), isotope: text(s, "300A0226").trim(), type: text(s, "300A0214").trim(), airKerma: number(s, "300A022A") }));
    const isotopeOf = (n: number | undefined) => sources.find((s) => s.number === n)?.isotope ?? "";
    return {
        label: text(ds, "300A0002").trim(),
        name: text(ds, "300A0003").trim(),
        date: text(ds, "300A0006").trim(),
        intent: text(ds, "300A000A").trim(),
        approval: text(ds, "300E0002").trim(),
        isIon,
        prescriptions: items(ds, "300A0010").slice(0, itemsMax).map(prescriptionOf),
        groups: groups.map((g) => ({ number: number(g, "300A0071"), fractions: number(g, "300A0078"), beams: number(g, "300A0080") ?? items(g, "300C0004").length, brachySetups: number(g, "300A00A0") ?? 0 })),
        beams: items(ds, isIon ? "300A03A2" : "300A00B0").slice(0, itemsMax).map((b) => beamOf(b, isIon, referencedBeams)),
        setups: items(ds, "300A0180").slice(0, itemsMax).map((s) => ({ position: text(s, "00185100").trim(), technique: text(s, "300A01B0").trim() })),
        technique: [text(ds, "300A0200"), text(ds, "300A0202")].map((s) => s.trim()).filter(Boolean).join(", "),
        sources,
        channels: items(ds, "300A0230").flatMap((setup) =>
            items(setup, "300A0280").map((c): Channel => ({
                number: number(c, "300A0282"),
                setup: text(setup, "300A0236").trim() || text(setup, "300A0232").trim(),
                isotope: isotopeOf(number(c, "300C000E")),
                seconds: number(c, "300A0286"),
                positions: items(c, "300A02D0").length,
            })),
        ).slice(0, itemsMax),
        structures: referenced(ds, "300C0060"),
        frameOfReference: text(ds, Tag.frameOfReference),
    };
}

/** The dose that 100 % is of: the greatest that is prescribed to a target, for a grid of one fraction its share. */
export function prescribedGy(plan: Plan, summation: string): number | undefined {
    const most = plan.prescriptions.reduce((m, p) => Math.max(m, p.targetGy ?? 0), 0);
    if (most <= 0) return undefined;
    if (summation === "PLAN" || summation === "MULTI_PLAN" || summation === "") return most;
    const [group] = plan.groups;
    return summation === "FRACTION" && plan.groups.length === 1 && group?.fractions ? most / group.fractions : undefined;
}

/** Each place once, with the beams that meet there. */
export function isocentersOf(plan: Plan): { at: Vec3; beams: string[] }[] {
    const out: { at: Vec3; beams: string[] }[] = [];
    for (const b of plan.beams) {
        if (!b.isocenter) continue;
        const same = out.find((o) => Math.hypot(...o.at.map((v, i) => v - b.isocenter![i]!)) < 0.1);
        if (same) same.beams.push(b.name);
        else out.push({ at: b.isocenter, beams: [b.name] });
    }
    return out;
}
