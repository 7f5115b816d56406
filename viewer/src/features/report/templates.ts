/** What a report begins with: those that come with the viewer, in the reader's language, and those that this browser keeps. */

import { signal } from "@preact/signals";
import { sectionsMax, textMax, type Report, type ReportSection } from "../../dicom/report";
import { heading, titles } from "../../dicom/report-codes";
import { keep, kept } from "../../ui/storage";
import { t } from "../../ui/text";

export interface Template {
    id: string;
    name: string;
    title: string; /* a code of `titles` */
    modalities: readonly string[]; /* none: any */
    bodyPart: string; /* words that Body Part Examined or a description may have, apart by blanks; empty: any */
    sections: readonly ReportSection[];
    isOwn: boolean;
}

const usual = ["18785-6", "55111-9", "18834-2", "59776-5", "19005-8"] as const;

function template(id: string, name: string, title: string, modalities: readonly string[], bodyPart: string, findings: string): Template {
    return { id, name, title, modalities, bodyPart, sections: usual.map((code) => ({ heading: code, text: code === "59776-5" ? findings : "" })), isOwn: false };
}

/** The general one first. */
export const builtIn = (): Template[] => [
    template("general", t("General"), "11528-7", [], "", ""),
    template("ct-trunk", t("CT of chest and abdomen"), "25045-6", ["CT"], "chest thorax abdomen pelvis lung liver trunk",
        t("Lungs and airways: \nPleura: \nMediastinum and heart: \nLiver and bile ducts: \nPancreas, spleen, adrenals: \nKidneys and urinary tract: \nBowel and peritoneum: \nLymph nodes and vessels: \nBones and soft tissues: ")),
    template("mr-brain", t("MR of the brain"), "24590-2", ["MR"], "brain head skull neuro",
        t("Brain tissue: \nDiffusion: \nVentricles and outer CSF spaces: \nVessels: \nPituitary and posterior fossa: \nOrbits, sinuses, mastoids: ")),
    template("mammography", t("Mammography"), "24606-6", ["MG"], "", t("Breast density (ACR): \nRight breast: \nLeft breast: \nAxillae: \nBI-RADS right, left: ")),
    template("us-abdomen", t("Ultrasound of the abdomen"), "25061-3", ["US"], "abdomen liver kidney",
        t("Liver: \nGallbladder and bile ducts: \nPancreas: \nSpleen: \nKidneys: \nVessels: \nFree fluid: ")),
    template("xr-chest", t("X-ray of the chest"), "43468-8", ["CR", "DX"], "chest thorax lung", t("Heart and mediastinum: \nLungs: \nPleura: \nBones: ")),
];

function readOwn(v: unknown): Template[] {
    const record = (o: unknown) => (typeof o === "object" && o !== null ? (o as Record<string, unknown>) : {});
    return (Array.isArray(v) ? (v as unknown[]) : []).slice(0, 100).flatMap((one): Template[] => {
        const { id, name, title, modalities, bodyPart, sections } = record(one);
        if (typeof id !== "string" || typeof name !== "string" || !Array.isArray(sections)) return [];
        const read = (sections as unknown[]).slice(0, sectionsMax).flatMap((s) => {
            const { heading: code, text } = record(s);
            return typeof code === "string" && heading(code) && typeof text === "string" ? [{ heading: code, text: text.slice(0, textMax) }] : [];
        });
        const list = Array.isArray(modalities) ? (modalities as unknown[]).filter((m): m is string => typeof m === "string") : [];
        return [{ id, name, title: titles.find((c) => c.value === title)?.value ?? titles[0]!.value, modalities: list, bodyPart: typeof bodyPart === "string" ? bodyPart : "", sections: read, isOwn: true }];
    });
}

export const own = signal<readonly Template[]>(kept("report.templates", readOwn));

function set(list: readonly Template[]): void {
    own.value = list;
    keep("report.templates", list);
}

/** The report as a template for studies like this one; of the same name the new one stays. Places of measurements are taken out. */
export function addOwn(name: string, report: Report, modality: string, bodyPart: string): void {
    const sections = report.sections.map((s) => ({ heading: s.heading, text: report.links.reduce((text, l) => text.replaceAll(`[${l.number}]`, ""), s.text) }));
    const made: Template = { id: `own.${name}`, name, title: report.title, modalities: modality ? [modality] : [], bodyPart: bodyPart.toLowerCase(), sections, isOwn: true };
    set([...own.value.filter((o) => o.id !== made.id), made]);
}

export const removeOwn = (id: string): void => set(own.value.filter((o) => o.id !== id));

/** The one that suits best: own ones before the others, with the part of the body before without. about: body part and descriptions. */
export function suited(list: readonly Template[], modality: string, about: string): Template {
    const said = about.toLowerCase();
    const points = (x: Template) => {
        const words = x.bodyPart.split(/\s+/).filter(Boolean);
        if (x.modalities.length > 0 && !x.modalities.includes(modality)) return -1;
        const part = words.length === 0 ? 0 : words.some((w) => said.includes(w)) ? 4 : x.isOwn || said.trim() !== "" ? -8 : 0;
        return (x.modalities.length > 0 ? 2 : 0) + part + (x.isOwn && x.modalities.length > 0 ? 1 : 0);
    };
    return list.reduce((best, x) => (points(x) > points(best) ? x : best), list[0]!);
}
