/** Keeping what a reader makes, in DICOM and as a draft. What does the work is fetched after the first picture. */

import "./keep.css";
import { effect, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Module } from "../reading/module";
import type { Pane } from "../reading/pane";

type Work = typeof import("./work");
const work = signal<Work | undefined>(undefined);
let coming: Promise<Work> | undefined;

function loaded(): Promise<Work> {
    coming ??= import("./work").then(
        (m) => (work.value = m),
        (e: unknown) => {
            coming = undefined; /* a failed download may be tried again */
            throw e;
        },
    );
    return coming;
}

function Panel({ reading }: { reading: Reading }) {
    const failure = useSignal("");
    useEffect(() => void loaded().catch(() => (failure.value = t("This part of the viewer could not be loaded. Reload the page."))), []);
    if (failure.value) return <p class="warn">{failure.value}</p>;
    const here = work.value;
    return here ? <here.KeepPanel reading={reading} keeper={here.keeperOf(reading)} /> : null;
}

function Layer({ reading, pane }: { reading: Reading; pane: Pane }) {
    const here = work.value;
    return here ? <here.Laid keeper={here.keeperOf(reading)} pane={pane} /> : null;
}

export const keep: Module = {
    id: "keep",
    panels: [{ id: "keep", label: () => t("Keep"), icon: "save", View: Panel }],
    layers: [{ id: "keep", View: Layer }],
    start: (reading) => {
        let isOver = false;
        let close = (): void => undefined;
        const stop = effect(() => {
            if (!reading.settled.value) return;
            void loaded().then(
                async ({ keeperOf }) => {
                    if (isOver) return;
                    const { drafts } = keeperOf(reading);
                    close = () => drafts.close();
                    await drafts.open();
                    if (isOver) drafts.close();
                    else if (drafts.restored.value > 0 && reading.panel.value === "") reading.panel.value = "keep"; /* it says what came back */
                },
                () => undefined,
            );
        });
        return () => {
            isOver = true;
            stop();
            close();
        };
    },
};
