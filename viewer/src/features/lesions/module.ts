/** Lesions followed over time: RECIST 1.1 and iRECIST. */

import { t } from "../../ui/text";
import type { Module } from "../reading/module";
import { lesionsOf, Panel } from "./view";

export const lesions: Module = {
    id: "lesions",
    panels: [{ id: "lesions", label: () => t("Lesions over time"), icon: "trend", View: Panel }],
    start: (reading) => () => lesionsOf(reading).close(),
};
