/** Searches kept under a name: filter and order, as the address spells them. */

import { signal } from "@preact/signals";
import { keep, kept } from "../../ui/storage";

export interface SavedSearch {
    name: string;
    search: string; /* "?modality=CT&sort=PatientName" */
}

const savedMax = 40;

export function readSaved(value: unknown): readonly SavedSearch[] {
    if (!Array.isArray(value)) return [];
    return value
        .filter((v): v is SavedSearch => typeof v?.name === "string" && v.name !== "" && typeof v?.search === "string")
        .map(({ name, search }) => ({ name, search }))
        .slice(0, savedMax);
}

export const saved = signal<readonly SavedSearch[]>(kept("searches", readSaved));

function write(list: readonly SavedSearch[]): void {
    saved.value = list.slice(-savedMax);
    keep("searches", saved.value);
}

/** A name that is taken is given to the new search. */
export function save(name: string, search: string): void {
    const said = name.trim().slice(0, 60);
    if (said !== "") write([...saved.value.filter((s) => s.name !== said), { name: said, search }]);
}

export const forget = (name: string): void => write(saved.value.filter((s) => s.name !== name));
