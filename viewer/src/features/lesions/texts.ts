/** Roles, states, categories and rules in words. */

import type { Category, Immune, NonTargetCategory, Problem, Role, State } from "../../dicom/recist";
import { t } from "../../ui/text";

export const roleText = (role: Role): string => ({ target: t("Target"), nonTarget: t("Non-target"), new: t("New lesion") })[role];

export const stateText = (state: State): string =>
    ({
        measured: t("measured"),
        tooSmall: t("too small to measure"),
        present: t("present"),
        increased: t("increased"),
        progressed: t("unequivocally progressed"),
        absent: t("absent"),
        notEvaluable: t("not evaluable"),
    })[state];

export const categoryText = (c: Category | Immune | NonTargetCategory): string => {
    switch (c) {
        case "nonCR":
            return t("Non-CR/non-PD");
        case "none":
            return "–";
        default:
            return c; /* CR, PR, SD, PD, NE and iRECIST's own are the same in every language */
    }
};

export function problemText({ rule, limit = 0, organ = "" }: Problem): string {
    switch (rule) {
        case "tooManyTargets":
            return t("More than {limit} target lesions", { limit });
        case "tooManyInOrgan":
            return t("More than {limit} target lesions in one organ: {organ}", { limit, organ });
        case "noOrgan":
            return t("Its organ is not named");
        case "notMeasured":
            return t("A target must be measured at baseline");
        case "tooSmallAtBaseline":
            return t("Below {limit} mm: no target at baseline", { limit });
        case "slicesTooThick":
            return t("Below twice the slice thickness ({limit} mm)", { limit });
        case "modality":
            return t("Ultrasound does not measure lesions for response");
        case "absentAtBaseline":
            return t("Absent at baseline: it is no lesion");
        case "missing":
            return t("Nothing is said of it yet");
        case "otherModality":
            return t("Measured with another modality than at baseline");
        case "belowFive":
            return t("Below {limit} mm: say too small if it cannot be measured reliably", { limit });
        case "noLesions":
            return t("There is no target and no non-target lesion");
        case "confirmedTooSoon":
            return t("{days} days after the unconfirmed progression: iRECIST has it confirmed after 4 to 8 weeks, this is too soon", { days: limit });
        case "confirmedLate":
            return t("{days} days after the unconfirmed progression: iRECIST has it confirmed after 4 to 8 weeks, this is late", { days: limit });
        case "confirmationUndated":
            return t("The dates do not say whether progression was confirmed after 4 to 8 weeks");
    }
}
