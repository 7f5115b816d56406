/** Films of ultrasound and angiography begin by themselves, at the rate that they say. */

import { effect } from "@preact/signals";
import { number, text, Tag } from "../../dicomweb/json";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { lookOf } from "./model";

/** Only a film that says its rate: frames of one object, of a modality that moves. */
export function isFilm(pane: Pane): boolean {
    const ds = pane.content.value?.datasets[0];
    const says = number(ds, Tag.recommendedRate) ?? number(ds, Tag.cineRate) ?? number(ds, Tag.frameTime);
    return /^(US|XA|IVUS)$/.test(text(ds, Tag.modality)) && (number(ds, Tag.numberOfFrames) ?? 1) > 1 && says !== undefined && says > 0;
}

export function startFilms(r: Reading): () => void {
    const begun = new Map<Pane, string>();
    return effect(() => {
        for (const pane of r.panes.slice(0, r.layout.value)) {
            const series = pane.series.value?.uid ?? "";
            if (!pane.state.value || begun.get(pane) === series) continue;
            begun.set(pane, series);
            if (lookOf(r).autoCine.peek() && isFilm(pane) && !pane.cine.peek()) pane.toggleCine();
        }
    });
}
