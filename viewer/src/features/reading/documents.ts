/** Storing the documents that modules write into the open study, with the PDF that the server draws of them; going to their images. */

import type { Origin } from "../../dicom/dataset";
import type { FrameKey } from "../../dicom/measurement";
import { encapsulatedPdf } from "../../dicom/report-write";
import { fetchRendered } from "../../dicomweb/client";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { storeObjects } from "../../dicomweb/stow";
import { t } from "../../ui/text";
import type { Reading } from "./model";
import { newSeriesNumber } from "./series";

export interface Note {
    isProblem: boolean;
    text: string;
}

export const originOf = (reading: Reading, seriesDescription: string): Origin => ({ date: new Date(), seriesNumber: newSeriesNumber(reading.series.value), seriesDescription });

/** The metadata of all objects in these series, as far as they are open. */
export async function objectsOf(reading: Reading, series: Iterable<string>): Promise<Dataset[]> {
    const known = new Set(reading.series.value.map((s) => s.uid));
    const contents = await Promise.all([...new Set(series)].filter((uid) => known.has(uid)).map((uid) => reading.content(uid)));
    return contents.flatMap((c) => c.datasets);
}

const reportsMost = 100; /* series of them that are looked through */

/** What is said by the newest structured report of the open studies that says anything of it. */
export async function fromNewestReport<T>(reading: Reading, read: (report: Dataset) => readonly T[]): Promise<readonly T[]> {
    const series = reading.series.value.filter((s) => s.modality === "SR").slice(-reportsMost);
    const contents = await Promise.all(series.map((s) => reading.content(s.uid).catch(() => undefined)));
    const when = (ds: Dataset) => `${text(ds, "00080023")} ${text(ds, "00080033")}`;
    const newestFirst = contents.flatMap((c) => c?.datasets ?? []).sort((a, b) => (when(a) < when(b) ? 1 : -1));
    for (const report of newestFirst) {
        const found = read(report);
        if (found.length > 0) return found;
    }
    return [];
}

/** Stores a report; what became of its PDF, where one is wanted, is in the notes. Rejects when the report is not stored. */
export async function storeDocument(reading: Reading, report: Dataset, origin: Origin, withPdf: boolean): Promise<Note[]> {
    await storeObjects([report]);
    const notes: Note[] = [];
    if (withPdf) {
        try {
            const ref = { study: text(report, Tag.studyUid), series: text(report, Tag.seriesUid), instance: text(report, Tag.sopInstance) };
            const pdf = await fetchRendered(ref, "application/pdf");
            const { object, bulk } = encapsulatedPdf(report, pdf, { ...origin, seriesNumber: origin.seriesNumber + 1 });
            await storeObjects([object], bulk);
        } catch (e) {
            notes.push({ isProblem: true, text: t("The PDF was not stored: {why}", { why: e instanceof Error ? e.message : String(e) }) });
        }
    }
    await reading.refresh().catch(() => undefined); /* it is stored; the list may be read again later */
    return notes;
}

/** Shows an image where its series is already, else in the active pane; false when it is not in the open studies. */
export async function goTo(reading: Reading, key: FrameKey): Promise<boolean> {
    const series = reading.series.value.find((s) => s.uid === key.series);
    if (!series) return false;
    const index = (await reading.content(series.uid)).frames.findIndex((f) => f.instance === key.instance && f.frame === key.frame);
    if (index < 0) return false;
    const at = reading.panes.slice(0, reading.layout.value).findIndex((p) => p.series.value?.uid === key.series && p.mode.value === "stack" && p.count.value > 0);
    if (at < 0) await reading.show(series, reading.active.value, index);
    else {
        reading.activeIndex.value = at;
        reading.panes[at]!.listed.value = false;
        reading.panes[at]!.scrollTo(index);
    }
    return true;
}
