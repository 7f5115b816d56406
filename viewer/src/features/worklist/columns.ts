/** The columns of the list: which there are, which this user wants and in what order, and which of them fit. */

import { signal } from "@preact/signals";
import type { SortKey } from "../../dicomweb/query";
import { keep, kept } from "../../ui/storage";
import { t } from "../../ui/text";

export const columnIds = ["name", "id", "date", "modality", "description", "accession", "count", "referrer", "studyId"] as const;
export type ColumnId = (typeof columnIds)[number];

export interface Column {
    title: () => string;
    cell: string; /* CSS class */
    sort?: SortKey;
    leastPx: number;
    grows: number; /* share of what is left over */
    importance: number; /* where not all fit, the least important go first */
}

export const columns: Readonly<Record<ColumnId, Column>> = {
    name: { title: () => t("Patient"), cell: "c-name", sort: "PatientName", leastPx: 150, grows: 2.1, importance: 9 },
    id: { title: () => t("Patient ID"), cell: "c-id", sort: "PatientID", leastPx: 90, grows: 1.1, importance: 5 },
    date: { title: () => t("Date"), cell: "c-date", sort: "StudyDate", leastPx: 216, grows: 0.2, importance: 8 },
    modality: { title: () => t("Modality"), cell: "c-mod", leastPx: 76, grows: 0.6, importance: 7 },
    description: { title: () => t("Description"), cell: "c-desc", sort: "StudyDescription", leastPx: 120, grows: 2, importance: 6 },
    accession: { title: () => t("Accession"), cell: "c-acc", sort: "AccessionNumber", leastPx: 100, grows: 1, importance: 3 },
    count: { title: () => t("Series / images"), cell: "c-count", leastPx: 116, grows: 0, importance: 4 },
    referrer: { title: () => t("Referred by"), cell: "c-ref", sort: "ReferringPhysicianName", leastPx: 110, grows: 1.2, importance: 2 },
    studyId: { title: () => t("Study ID"), cell: "c-sid", sort: "StudyID", leastPx: 80, grows: 0.8, importance: 1 },
};

export const usual: readonly ColumnId[] = ["name", "id", "date", "modality", "description", "accession", "count"];

/** A kept choice, with what no longer exists left out. */
export function readChoice(value: unknown): readonly ColumnId[] {
    const said = Array.isArray(value) ? columnIds.filter((id) => value.includes(id)).sort((a, b) => value.indexOf(a) - value.indexOf(b)) : [];
    return said.length > 0 ? said : usual;
}

export const chosen = signal<readonly ColumnId[]>(kept("columns", readChoice));

export function choose(ids: readonly ColumnId[]): void {
    if (ids.length === 0) return; /* a list without columns shows nothing */
    chosen.value = ids;
    keep("columns", ids);
}

/** Puts a column one place further to the front (-1) or to the back (1). */
export function moved(ids: readonly ColumnId[], id: ColumnId, by: 1 | -1): ColumnId[] {
    const out = [...ids];
    const from = out.indexOf(id);
    const to = from + by;
    if (from < 0 || to < 0 || to >= out.length) return out;
    [out[from], out[to]] = [out[to]!, out[from]!];
    return out;
}

const gapPx = 14;
const edgesPx = 2 * 16 + 2 * (28 + gapPx); /* padding, the box to pick a row and the button for its details */

/** The columns that fit beside each other, in their order. */
export function fitting(ids: readonly ColumnId[], widthPx: number): ColumnId[] {
    const out = [...ids];
    const needed = () => edgesPx + out.reduce((sum, id) => sum + columns[id].leastPx, 0) + gapPx * Math.max(0, out.length - 1);
    while (out.length > 1 && needed() > widthPx) {
        const least = out.reduce((a, b) => (columns[b].importance < columns[a].importance ? b : a));
        out.splice(out.indexOf(least), 1);
    }
    return out;
}

/** For `grid-template-columns`. */
export const template = (ids: readonly ColumnId[]): string =>
    `28px ${ids.map((id) => `minmax(${columns[id].leastPx}px, ${columns[id].grows || 0.01}fr)`).join(" ")} 28px`;
