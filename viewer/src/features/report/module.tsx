/** Writing reports. What does the work is fetched when the panel is opened, or when the draft of the study has a report. */

import "./report.css";
import { effect } from "@preact/signals";
import { t } from "../../ui/text";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Module } from "../reading/module";

const work = later(() => import("./work"));

function Panel({ reading }: { reading: Reading }) {
    void work.fetch();
    const here = work.here.value;
    return here ? <here.ReportPanel writer={here.writerOf(reading)} /> : null;
}

/* A report that comes back with the draft is shown at once, unless another panel is open by then. */
function start(reading: Reading): () => void {
    let isShown = false;
    const stop = effect(() => {
        if (isShown || reading.unsaved.value["report"] === undefined) return;
        isShown = true;
        if (reading.panel.peek() === "") reading.panel.value = "report";
        void work.fetch().then((here) => here?.writerOf(reading));
    });
    return () => {
        stop();
        work.here.peek()?.writerOf(reading).close();
    };
}

export const report: Module = {
    id: "report",
    panels: [{ id: "report", label: () => t("Report"), icon: "document", View: Panel }],
    start,
};
