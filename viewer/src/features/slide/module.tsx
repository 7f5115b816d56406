/** Whole slides as maps. */

import "./slide.css";
import { useEffect } from "preact/hooks";
import type { Dataset } from "../../dicomweb/json";
import { apartKind, isAnnotation, isSlide } from "../../dicom/slide-kind";
import { t } from "../../ui/text";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Action, Module } from "../reading/module";
import type { Pane } from "../reading/pane";
import type { Content } from "../reading/series";

const work = later(() => import("./work"));
const mode = "slide";

function Layer({ reading, pane, index }: { reading: Reading; pane: Pane; index: number }) {
    const isOurs = pane.mode.value === mode;
    const here = work.here.value;
    return isOurs && here ? <here.SlideLayer reading={reading} pane={pane} index={index} /> : null;
}

function Annotations({ reading, dataset }: { reading: Reading; dataset: Dataset }) {
    useEffect(() => void work.fetch(), []);
    const here = work.here.value;
    return here ? <here.AnnotationsView reading={reading} dataset={dataset} /> : <p class="dim">{t("Loading…")}</p>;
}

const isMap = (r: Reading) => r.active.value.mode.value === mode;
const stepPx = 80;
const move = (key: string, x: number, y: number, label: () => string): Action => ({ id: `slide.${key}`, label, keys: [key], isOff: (r) => !isMap(r), run: (r) => r.active.value.view?.pan(x * stepPx, y * stepPx) });

export const slide: Module = {
    id: "slide",
    views: [
        {
            id: mode,
            takes: (content: Content) => content.datasets.some((ds) => isSlide(ds) && apartKind(ds) === undefined),
            open: async (r, pane, element, gone) => {
                const here = await work.fetch();
                if (!here) throw new Error(t("The slide's viewer could not be loaded. Reload the page."));
                return here.openSlide(r, pane, element, gone);
            },
        },
    ],
    layers: [{ id: mode, View: Layer }],
    handlers: [{ id: "slide.annotations", takes: isAnnotation, View: Annotations }],
    actions: [
        move("ArrowLeft", 1, 0, () => t("Slide: to the left")),
        move("ArrowRight", -1, 0, () => t("Slide: to the right")),
        move("ArrowUp", 0, 1, () => t("Slide: up")),
        move("ArrowDown", 0, -1, () => t("Slide: down")),
        {
            id: "slide.delete",
            label: () => t("Slide: delete the chosen line"),
            keys: ["Delete", "Backspace"],
            isOff: (r) => !isMap(r) || !work.here.value?.hasLine(r),
            run: (r) => work.here.value?.removeLine(r),
        },
    ],
};

