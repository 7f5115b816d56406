/** Layouts for everyone, kept by the server. */

import { dropMemo, readMemo, writeMemo } from "./memo";

export interface SiteLayout {
    id: string;
    tag: string;
    layout: unknown; /* not looked into here */
}

const path = "/api/v1/viewer/layouts";
const of = (id: string) => `${path}/${encodeURIComponent(id)}`;

export async function readLayouts(): Promise<SiteLayout[]> {
    const body = (await readMemo(path))?.body as { layouts?: unknown } | undefined;
    if (!Array.isArray(body?.layouts)) return [];
    return body.layouts.flatMap((one: { id?: unknown; etag?: unknown; layout?: unknown } | null) =>
        typeof one?.id === "string" && typeof one.etag === "string" ? [{ id: one.id, tag: `"${one.etag}"`, layout: one.layout }] : [],
    );
}

/** As `writeMemo`. */
export const writeLayout = (id: string, layout: unknown, tag: string) => writeMemo(of(id), JSON.stringify(layout), tag);
export const dropLayout = (id: string, tag: string): Promise<boolean> => dropMemo(of(id), tag);
