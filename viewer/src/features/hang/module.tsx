/** Hanging protocols: chosen as a study opens, by the address (`?hang=`), or in the panel. */

import "./hang.css";
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../../ui/text";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Module } from "../reading/module";

const work = later(() => import("./work"));

function Panel({ reading }: { reading: Reading }) {
    useEffect(() => void work.fetch(), []);
    const here = work.here.value;
    return here ? <here.Panel reading={reading} /> : null;
}

export const hanging: Module = {
    id: "hang",
    actions: [
        {
            id: "hang.stage",
            label: () => t("Next stage of the layout"),
            keys: ["."],
            isOff: () => (work.here.value?.hung.value?.protocol.stages.length ?? 0) < 2,
            run: (r) => work.here.value?.nextStage(r),
        },
    ],
    panels: [{ id: "hang.panel", label: () => t("Layouts"), icon: "four", View: Panel }],
    /* With the first series' objects: what hangs beside it is wanted from then on. */
    start: (r) => {
        let end = (): void => undefined;
        let isOver = false;
        let isAsked = false;
        const asked = location.search; /* soon the page writes there what it shows */
        work.here.value?.forgetHung();
        const stop = effect(() => {
            if (isAsked || !r.panes[0]!.content.value) return;
            isAsked = true;
            void work.fetch().then((here) => {
                if (here && !isOver) end = here.begin(r, asked);
            });
        });
        return () => {
            isOver = true;
            stop();
            end();
        };
    },
};
