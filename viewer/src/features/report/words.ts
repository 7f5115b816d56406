/** What the panel says of sections and documents. */

import type { Heading } from "../../dicom/report-codes";
import type { Listed } from "../../dicom/report-read";
import { t } from "../../ui/text";

export function headingText({ code }: Heading): string {
    switch (code.value) {
        case "18785-6": return t("Indication");
        case "55752-0": return t("Clinical information");
        case "11329-0": return t("History");
        case "55111-9": return t("Procedure");
        case "29549-3": return t("Medication");
        case "73569-6": return t("Radiation exposure");
        case "55109-3": return t("Complications");
        case "18834-2": return t("Comparison");
        case "59776-5": return t("Findings");
        case "55113-5": return t("Key images");
        case "19005-8": return t("Impression");
        case "18783-1": return t("Recommendations");
        case "73568-8": return t("Communication of critical results");
        case "55107-7": return t("Addendum");
        default: return code.meaning;
    }
}

export function stateText(d: Listed & { isReplaced: boolean }): string {
    if (d.isReplaced) return t("replaced by a later one");
    if (d.isVerified) return d.verifiedBy ? t("signed by {who}", { who: d.verifiedBy }) : t("signed");
    return d.isComplete ? t("not signed") : t("preliminary");
}
