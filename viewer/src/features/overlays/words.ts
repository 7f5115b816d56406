/** Why an object is not shown, and what things are called. */

import { t } from "../../ui/text";

const reasons: Readonly<Record<string, () => string>> = {
    kind: () => t("It is no segmentation that can be read"),
    pixels: () => t("It has no values that can be read"),
    place: () => t("It does not say where in the patient it lies"),
    spacing: () => t("It has no spacing"),
    orientation: () => t("Its planes lie in different directions"),
    beside: () => t("Its planes lie beside each other"),
    offsets: () => t("Where its planes lie cannot be understood (grid frame offsets)"),
    scaling: () => t("It does not say what its values stand for (dose grid scaling)"),
    short: () => t("Its pixels are cut short"),
    empty: () => t("It has no contours"),
    size: () => t("It is too large to be shown here"),
    room: () => t("There is no room for it: hide others first"),
    contours: () => t("no closed contours in parallel planes"),
    one: () => t("one contour only: it has no volume"),
};

export const refusalOf = (code: string): string => reasons[code]?.() ?? code;

export const kindName = (kind: string): string =>
    ({ seg: "SEG", structures: "RTSTRUCT", dose: "RTDOSE", plan: "RTPLAN", map: "MAP" })[kind] ?? kind;

/** A value as a reader wants it: three digits that count. */
export const short = (v: number): string => (Math.abs(v) >= 1000 || (Number.isInteger(v) && Math.abs(v) < 1e6) ? String(Math.round(v)) : String(Number(v.toPrecision(3))));
