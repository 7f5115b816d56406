/** Mammograms: chest wall to chest wall, and all at one scale.   PS3.3 §C.8.11.7; IHE RAD TF-1 §4.16 (Mammography Image) */

import { effect } from "@preact/signals";
import { text, texts, items, type Dataset } from "../../dicomweb/json";
import type { StackState } from "../../imaging";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { visiblePanes } from "./model";

export type Side = "L" | "R";

/** Which breast, as the image says it. */
export function breastOf(ds: Dataset | undefined): Side | undefined {
    const said = text(ds, "00200062") || text(ds, "00200060") || text(items(ds, "00209071")[0], "00209072");
    return said === "L" || said === "R" ? said : undefined;
}

/** Whether the picture must be mirrored so that the chest wall of the right breast is at the right, of the left at the left.
 *  The rows' direction tells: towards A(nterior) the chest wall is where the rows begin. */
export function mustFlip(ds: Dataset | undefined): boolean | undefined {
    const breast = breastOf(ds);
    const along = texts(ds, "00200020")[0]?.[0];
    if (!breast || (along !== "A" && along !== "P")) return undefined;
    return breast === "R" ? along === "A" : along === "P";
}

/** By how many CSS pixels the picture must be moved so that its chest wall lies at the edge of the pane. */
export function toWall(state: Pick<StackState, "toPane" | "info">, breast: Side, paneWidth: number): number {
    const [a, , c, , e] = state.toPane;
    const xs = [e, e + a * state.info.columns, e + c * state.info.rows, e + a * state.info.columns + c * state.info.rows];
    return breast === "R" ? paneWidth - Math.max(...xs) : -Math.min(...xs);
}

const boxOf = (r: Reading, pane: Pane) => document.querySelector(`[data-pane="${r.panes.indexOf(pane)}"]`)?.getBoundingClientRect();

/* Once for each image that comes into a pane, and again when the panes change; then the reader's hand counts. */
export function hangMammograms(r: Reading): () => void {
    const done = new Map<Pane, string>();
    let pending = 0;
    const hang = () => {
        const all = visiblePanes(r).flatMap((pane) => {
            const state = pane.state.value;
            const box = boxOf(r, pane);
            const breast = breastOf(pane.dataset.value);
            return state?.info.modality === "MG" && pane.stack && box && box.width > 0 && breast ? [{ pane, stack: pane.stack, state, box, breast }] : [];
        });
        /* CSS pixels for one mm at which each fits */
        const perMm = Math.min(...all.map(({ state: { info }, box }) => Math.min(box.width / (info.columns * info.columnSpacingMm), box.height / (info.rows * info.rowSpacingMm))));
        for (const { pane, stack, state, box, breast } of all) {
            const key = `${state.info.series} ${r.layout.value} ${Math.round(box.width)} ${perMm.toFixed(4)}`;
            if (done.get(pane) === key) continue;
            done.set(pane, key);
            const flip = mustFlip(pane.dataset.value);
            if (flip !== undefined && flip !== stack.isFlipped) stack.flip();
            stack.zoomTo(perMm * state.info.rowSpacingMm, state.scale);
            requestAnimationFrame(() => requestAnimationFrame(() => {
                const now = pane.state.value;
                if (now?.info.series === state.info.series) stack.pan(toWall(now, breast, box.width), 0);
            }));
        }
    };
    return effect(() => {
        for (const pane of visiblePanes(r)) void pane.state.value?.info;
        cancelAnimationFrame(pending);
        pending = requestAnimationFrame(hang);
    });
}
