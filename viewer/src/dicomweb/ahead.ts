/** Series lists asked for before they are needed (the pointer rests on a study), kept for a moment. */

import { searchSeries } from "./client";
import type { Dataset } from "./json";

const keepMs = 20_000;
const ahead = new Map<string, { rows: Promise<Dataset[]>; atMs: number }>();

export function askAhead(study: string): void {
    const known = ahead.get(study);
    if (study === "" || (known && performance.now() - known.atMs < keepMs)) return;
    for (const [uid, entry] of ahead) if (performance.now() - entry.atMs >= keepMs) ahead.delete(uid);
    const rows = searchSeries(study);
    rows.catch(() => ahead.delete(study)); /* whoever opens the study asks again and sees the error */
    ahead.set(study, { rows, atMs: performance.now() });
}

/** The series of a study: the answer already under way, or a new one. */
export function seriesOf(study: string, signal: AbortSignal): Promise<Dataset[]> {
    const known = ahead.get(study);
    ahead.delete(study);
    return known && performance.now() - known.atMs < keepMs ? known.rows : searchSeries(study, signal);
}
