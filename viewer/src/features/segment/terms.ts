/** What a segment can be: a choice of PS3.16 CID 7150 and the lists it leads to. */

import type { Code } from "../../dicom/measurement";
import { t } from "../../ui/text";

const sct = (value: string, meaning: string): Code => ({ value, scheme: "SCT", meaning });
const tissue = sct("85756007", "Tissue");
const anatomy = sct("91723000", "Anatomical Structure");
const abnormal = sct("49755003", "Morphologically Abnormal Structure");

export interface Term {
    category: Code;
    type: Code;
    name: () => string;
}

const term = (category: Code, value: string, meaning: string, name: () => string): Term => ({ category, type: sct(value, meaning), name });

export const terms: readonly Term[] = [
    term(tissue, "85756007", "Tissue", () => t("Tissue")),
    term(abnormal, "52988006", "Lesion", () => t("Lesion")),
    term(abnormal, "4147007", "Mass", () => t("Mass")),
    term(abnormal, "108369006", "Neoplasm", () => t("Neoplasm")),
    term(abnormal, "367643001", "Cyst", () => t("Cyst")),
    term(abnormal, "79654002", "Edema", () => t("Oedema")),
    term(abnormal, "50960005", "Hemorrhage", () => t("Haemorrhage")),
    term(abnormal, "6574001", "Necrosis", () => t("Necrosis")),
    term(anatomy, "10200004", "Liver", () => t("Liver")),
    term(anatomy, "78961009", "Spleen", () => t("Spleen")),
    term(anatomy, "64033007", "Kidney", () => t("Kidney")),
    term(anatomy, "15776009", "Pancreas", () => t("Pancreas")),
    term(anatomy, "39607008", "Lung", () => t("Lung")),
    term(anatomy, "80891009", "Heart", () => t("Heart")),
    term(anatomy, "12738006", "Brain", () => t("Brain")),
    term(anatomy, "41216001", "Prostate", () => t("Prostate")),
    term(anatomy, "59441001", "Lymph node", () => t("Lymph node")),
    term(anatomy, "272673000", "Bone", () => t("Bone")),
];

/** The name of a segment's type in the reader's language, or as its object gives it. */
export const nameOf = (type: Code): string => terms.find((x) => x.type.value === type.value && type.scheme === "SCT")?.name() ?? type.meaning;
