/** What leaves the page: pictures, films, print, and a second window. */

import "./carry.css";
import { tellFailure } from "../../ui/notice";
import { t } from "../../ui/text";
import type { Action, Module } from "../reading/module";
import { openSecond, startFollowing } from "./follow";

type Capture = typeof import("./capture");
const capture = (run: (c: Capture) => Promise<void>): void => void import("./capture").then(run).catch(tellFailure);

const isEmpty: NonNullable<Action["isOff"]> = (r) => !r.active.value.content.value;

const actions: readonly Action[] = [
    { id: "carry.png", label: () => t("Save as PNG"), keys: ["Ctrl+s"], isOff: isEmpty, run: (r) => capture((c) => c.savePicture(r, "image/png", true)) },
    { id: "carry.plain", label: () => t("Save as PNG without texts"), isOff: isEmpty, run: (r) => capture((c) => c.savePicture(r, "image/png", false)) },
    { id: "carry.jpeg", label: () => t("Save as JPEG"), isOff: isEmpty, run: (r) => capture((c) => c.savePicture(r, "image/jpeg", true)) },
    { id: "carry.copy", label: () => t("Copy the picture"), keys: ["Ctrl+c"], isOff: isEmpty, run: (r) => capture((c) => c.copyPicture(r)) },
    { id: "carry.film", label: () => t("Save as film"), isOff: (r) => r.active.value.steps.value.count < 2, run: (r) => capture((c) => c.saveFilm(r)) },
    { id: "carry.print", label: () => t("Print"), keys: ["Ctrl+p"], isOff: isEmpty, run: () => capture((c) => c.print()) },
    { id: "carry.second", label: () => t("Second window"), run: () => openSecond() },
];

export const carry: Module = {
    id: "carry",
    menus: [{ id: "carry.menu", label: () => t("Capture"), icon: "camera", actions }],
    start: startFollowing,
};
