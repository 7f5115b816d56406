/** The study search: what the user filters by, the URL that names it, and the QIDO-RS query it becomes. */

export interface StudyFilter {
    name: string;
    id: string;
    from: string; /* "2026-01-31", as date inputs give it; empty is open */
    to: string;
    modality: string;
    description: string;
    accession: string;
    referrer: string;
}

export const noFilter: StudyFilter = { name: "", id: "", from: "", to: "", modality: "", description: "", accession: "", referrer: "" };

export type SortKey = "PatientName" | "PatientID" | "StudyDate" | "StudyDescription" | "AccessionNumber" | "ReferringPhysicianName" | "StudyID";

export interface Sort {
    key: SortKey;
    descending: boolean;
}

export const newestFirst: Sort = { key: "StudyDate", descending: true };

const sortKeys: readonly SortKey[] = ["PatientName", "PatientID", "StudyDate", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "StudyID"];

const matchKeys = {
    name: "PatientName",
    id: "PatientID",
    description: "StudyDescription",
    accession: "AccessionNumber",
    referrer: "ReferringPhysicianName",
} as const;

/** Wildcards on both ends and between words: "doe ja" finds DOE^JANE. The user's own * and ? are kept. */
export function contains(typed: string): string {
    const words = typed.trim().split(/[\s^,]+/).filter(Boolean);
    return words.length === 0 ? "" : `*${words.join("*")}*`.replace(/\*{2,}/g, "*");
}

function dateRange(from: string, to: string): string {
    const da = (d: string) => (/^\d{4}-\d{2}-\d{2}$/.test(d) ? d.replaceAll("-", "") : "");
    const [lo, hi] = [da(from), da(to)];
    return lo || hi ? `${lo}-${hi}` : "";
}

const returned = ["00081030", "00080061", "00080090", "00200010", "00100030", "00100040", "00201206", "00201208"];

export function studyQuery(filter: StudyFilter, sort: Sort, offset: number, limit: number): URLSearchParams {
    const q = new URLSearchParams();
    for (const [field, keyword] of Object.entries(matchKeys)) {
        const pattern = contains(filter[field as keyof typeof matchKeys]);
        if (pattern) q.set(keyword, pattern);
    }
    if (filter.modality) q.set("ModalitiesInStudy", filter.modality);
    q.set("anycase", "true"); /* our server's: "brain" finds "Brain" */
    const range = dateRange(filter.from, filter.to);
    if (range) q.set("StudyDate", range);
    const sign = sort.descending ? "-" : "";
    q.set("orderby", sort.key === "StudyDate" ? `${sign}StudyDate,${sign}StudyTime` : `${sign}${sort.key},-StudyDate`);
    for (const tag of returned) q.append("includefield", tag);
    q.set("limit", String(limit));
    q.set("offset", String(offset));
    if (offset === 0) q.set("totalcount", "true"); /* our server's: X-Total-Count in the answer */
    return q;
}

/** The filter as it stands in the address bar, so that a link reopens the same list. */
export function filterToUrl(filter: StudyFilter, sort: Sort): string {
    const q = new URLSearchParams();
    for (const [field, value] of Object.entries(filter)) if (value) q.set(field, value);
    if (sort.key !== newestFirst.key || sort.descending !== newestFirst.descending)
        q.set("sort", (sort.descending ? "-" : "") + sort.key);
    const s = q.toString();
    return s ? `?${s}` : "";
}

export function filterFromUrl(search: string): { filter: StudyFilter; sort: Sort } {
    const q = new URLSearchParams(search);
    const filter = { ...noFilter };
    for (const field of Object.keys(noFilter) as (keyof StudyFilter)[]) filter[field] = q.get(field) ?? "";
    const said = q.get("sort") ?? "";
    const key = sortKeys.find((k) => k === said.replace(/^-/, ""));
    return { filter, sort: key ? { key, descending: said.startsWith("-") } : newestFirst };
}
