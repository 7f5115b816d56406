/** Worklist state. Rows live on the server; here are the pages of them that the screen has come by.
 *  Views read signals; only this file writes them. */

import { batch, computed, signal } from "@preact/signals";
import { isAbort, searchStudies } from "../../dicomweb/client";
import { filterFromUrl, filterToUrl, newestFirst, noFilter, studyQuery, type Sort, type SortKey, type StudyFilter } from "../../dicomweb/query";
import { studyOf, type Study } from "../../dicomweb/study";

export const pageRows = 60;
const typingPauseMs = 220;

export const filter = signal<StudyFilter>(noFilter);
export const sort = signal<Sort>(newestFirst);
export const pages = signal<ReadonlyMap<number, readonly Study[]>>(new Map());
export const counted = signal<number | undefined>(undefined); /* what the server says; not every server does */
export const waiting = signal(false);
export const failure = signal("");
export const active = signal(0); /* the row the keyboard is on */
export const picked = signal<ReadonlyMap<string, Study>>(new Map()); /* studies chosen for what is done with several */
export const scrollTop = signal(0); /* kept while a study is open */

export const filtered = computed(() => Object.values(filter.value).some((v) => v !== ""));
export const urlSearch = computed(() => filterToUrl(filter.value, sort.value));

/** How many rows are known to exist. Without a count: those seen, and whether more may follow. */
export const extent = computed<{ rows: number; open: boolean }>(() => {
    if (counted.value !== undefined) return { rows: counted.value, open: false };
    let rows = 0;
    let open = pages.value.size === 0;
    for (const [page, list] of pages.value) {
        rows = Math.max(rows, page * pageRows + list.length);
        if (page === Math.max(...pages.value.keys())) open = list.length === pageRows;
    }
    return { rows, open };
});

export function rowAt(index: number): Study | undefined {
    return pages.value.get(Math.floor(index / pageRows))?.[index % pageRows];
}

/* One generation of requests for each filter and order: whatever is older is aborted and cannot write. */
let generation = new AbortController();
const asked = new Set<number>();
let typing: ReturnType<typeof setTimeout> | undefined;

/** Asks for the pages that hold rows `first` to `last`, each once. */
export function need(first: number, last: number): void {
    for (let page = Math.floor(first / pageRows); page <= Math.floor(last / pageRows); page++)
        if (page >= 0 && !asked.has(page) && (page === 0 || page * pageRows < extent.value.rows + pageRows)) void load(page);
}

async function load(page: number, afresh = false): Promise<void> {
    const mine = generation;
    asked.add(page);
    waiting.value = true;
    try {
        const query = studyQuery(filter.value, sort.value, page * pageRows, pageRows);
        const answer = await searchStudies(query, mine.signal);
        if (mine !== generation) return;
        batch(() => {
            pages.value = new Map(afresh ? [] : pages.value).set(page, answer.rows.map(studyOf));
            if (page === 0) counted.value = answer.total;
            failure.value = "";
        });
    } catch (e) {
        if (mine !== generation || isAbort(e)) return; /* a page that failed waits for `refresh` */
        failure.value = e instanceof Error ? e.message : String(e);
    } finally {
        if (mine === generation) waiting.value = false;
    }
}

/** Asks again from the start; the rows on screen stay until their successors arrive. */
export function refresh(): Promise<void> {
    generation.abort();
    generation = new AbortController();
    asked.clear();
    return load(0, true);
}

/** What finds the study after (1) or before (-1) one of the list; undefined at its ends, and where the list does not
 *  hold it. The row it finds becomes the one the keyboard is on. */
export function neighbour(uid: string, by: 1 | -1): (() => Promise<string | undefined>) | undefined {
    let at = -1;
    for (const [page, list] of pages.value) {
        const row = list.findIndex((s) => s.uid === uid);
        if (row >= 0) at = page * pageRows + row;
    }
    const to = at + by;
    if (at < 0 || to < 0 || (to >= extent.value.rows && !extent.value.open)) return undefined;
    return async () => {
        if (!rowAt(to)) await load(Math.floor(to / pageRows));
        const study = rowAt(to);
        if (study) active.value = to;
        return study?.uid;
    };
}

export function pick(study: Study, isIn: boolean): void {
    const now = new Map(picked.value);
    if (isIn) now.set(study.uid, study);
    else now.delete(study.uid);
    picked.value = now;
}

/** Takes over what the address bar says, where that differs. */
export function readUrl(search: string): void {
    if (search === urlSearch.value && (pages.value.size > 0 || waiting.value)) return;
    const said = filterFromUrl(search);
    batch(() => {
        filter.value = said.filter;
        sort.value = said.sort;
    });
    void refresh();
}

function restart(pauseMs: number): void {
    active.value = 0;
    scrollTop.value = 0;
    clearTimeout(typing);
    typing = setTimeout(() => void refresh(), pauseMs);
}

export function setFilter(field: keyof StudyFilter, value: string): void {
    if (filter.value[field] === value) return;
    filter.value = { ...filter.value, [field]: value };
    restart(field === "modality" || field === "from" || field === "to" ? 0 : typingPauseMs);
}

export function clearFilter(): void {
    filter.value = noFilter;
    restart(0);
}

/** A second click turns the order round; dates start with the newest. */
export function setSort(key: SortKey): void {
    const now = sort.value;
    sort.value = { key, descending: now.key === key ? !now.descending : key === "StudyDate" };
    restart(0);
}
