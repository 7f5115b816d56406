/** What will be needed, asked for before it is (the address is that of a study; the pointer rests on one), and kept for a moment. */

import { searchSeries, seriesMetadata } from "./client";
import type { Dataset } from "./json";

const keepMs = 20_000;
const ahead = new Map<string, { rows: Promise<Dataset[]>; atMs: number }>();

function ask(key: string, request: () => Promise<Dataset[]>): Promise<Dataset[]> {
    const known = ahead.get(key);
    if (known && performance.now() - known.atMs < keepMs) return known.rows;
    for (const [old, entry] of ahead) if (performance.now() - entry.atMs >= keepMs) ahead.delete(old);
    const rows = request();
    rows.catch(() => ahead.delete(key)); /* whoever opens the study asks again and sees the error */
    ahead.set(key, { rows, atMs: performance.now() });
    return rows;
}

function take(key: string, request: () => Promise<Dataset[]>): Promise<Dataset[]> {
    const known = ahead.get(key);
    ahead.delete(key);
    return known && performance.now() - known.atMs < keepMs ? known.rows : request();
}

export function askAhead(study: string): Promise<Dataset[]> {
    return study === "" ? Promise.resolve([]) : ask(study, () => searchSeries(study));
}

export function askMetadataAhead(study: string, series: string): void {
    if (series !== "") void ask(`${study}/${series}`, () => seriesMetadata(study, series));
}

/** The series of a study: the answer already under way, or a new one. */
export const seriesOf = (study: string, signal: AbortSignal): Promise<Dataset[]> => take(study, () => searchSeries(study, signal));

/** The objects of a series, likewise. */
export const metadataOf = (study: string, series: string, signal: AbortSignal): Promise<Dataset[]> => take(`${study}/${series}`, () => seriesMetadata(study, series, signal));
