/** Objects that are laid over images: segmentations, structures, dose, plans, parametric maps. */

import { t } from "../../ui/text";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Module } from "../reading/module";
import type { Pane } from "../reading/pane";

const work = later(() => import("./work"));

function Layer(props: { reading: Reading; pane: Pane }) {
    const here = work.here.value;
    return here?.overlaysOf(props.reading).isAnyShown.value ? <here.OverlaysLayer {...props} /> : null;
}

function Panel({ reading }: { reading: Reading }) {
    void work.fetch();
    const here = work.here.value;
    return here ? <here.OverlaysPanel reading={reading} /> : null;
}

export const overlays: Module = {
    id: "overlays",
    panels: [{ id: "overlays", label: () => t("Objects over images"), icon: "laid", View: Panel }],
    layers: [{ id: "overlays", View: Layer }],
    start: (reading) => () => work.here.peek()?.overlaysOf(reading).close(),
};
