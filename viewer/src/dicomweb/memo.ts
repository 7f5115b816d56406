/** Texts that the server keeps for the viewer. A change names what it was made from by its entity tag, so that two windows
 *  never overwrite each other unseen. */

import { t } from "../ui/text";
import { problemText, ServerError } from "./client";

export interface Memo {
    body: unknown;
    tag: string;
}

async function send(path: string, init: RequestInit): Promise<Response> {
    try {
        return await fetch(path, { credentials: "same-origin", ...init });
    } catch {
        throw new ServerError(0, t("The server cannot be reached"));
    }
}

const fail = async (res: Response) => new ServerError(res.status, problemText(res.status, await res.text().catch(() => "")));

/* What was compressed on the way has a weak tag; the text is the same. */
const tagOf = (res: Response) => (res.headers.get("ETag") ?? "").replace(/^W\//, "");

/** undefined: there is none. */
export async function readMemo(path: string): Promise<Memo | undefined> {
    const res = await send(path, { headers: { Accept: "application/json" }, cache: "no-store" });
    if (res.status === 204) return undefined;
    if (!res.ok) throw await fail(res);
    return { body: (await res.json()) as unknown, tag: tagOf(res) };
}

/** The new tag, or "changed": somebody else has written since `tag` (empty: since there was none).
 *  leaving: the page is going away; the browser sends on by itself, at most 64 KiB. */
export async function writeMemo(path: string, text: string, tag: string, leaving = false): Promise<{ tag: string } | "changed"> {
    const res = await send(path, {
        method: "PUT",
        headers: { "Content-Type": "application/json", ...(tag ? { "If-Match": tag } : { "If-None-Match": "*" }) },
        body: text,
        keepalive: leaving,
    });
    if (res.status === 412) return "changed";
    if (!res.ok) throw await fail(res);
    return { tag: tagOf(res) };
}

/** False: it has been changed since, and stays. */
export async function dropMemo(path: string, tag: string): Promise<boolean> {
    const res = await send(path, { method: "DELETE", headers: tag ? { "If-Match": tag } : {} });
    if (res.status === 412) return false;
    if (!res.ok && res.status !== 404) throw await fail(res);
    return true;
}
