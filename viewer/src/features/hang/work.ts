/** What the module does once the first picture is there: its own chunk. */

import type { Protocol } from "../../dicom/hang";
import { tellFailure } from "../../ui/notice";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { chosen, hung, refusal } from "./hanging";
import { likeNow, use } from "./panel";
import { inOrder, readSite } from "./protocols";

export { hung } from "./hanging";
export { Panel } from "./panel";

export function nextStage(r: Reading): void {
    if (hung.value) use(r, hung.value.protocol, hung.value.stage + 1);
}

export function forgetHung(): void {
    hung.value = undefined;
    refusal.value = "";
}

/* A link to one series shows that series. Without one, what the user has made goes before what the site has, and that before
 * what comes with us; a layout that is no other than the page's own is not worth a change. */
async function choose(r: Reading, address: string): Promise<{ protocol?: Protocol | undefined; refusal?: string }> {
    const query = new URLSearchParams(address);
    const named = query.get("hang");
    await readSite();
    if (!named && (query.has("series") || query.has("follow"))) return {};
    if (!named) return { protocol: await chosen(r, inOrder.value.map((group) => group.filter((p) => p.id !== "ct"))) };
    const protocol = named === "prior" ? likeNow(r) : inOrder.value.flat().find((p) => p.id === named || p.name === named);
    return protocol ? { protocol } : { refusal: t("There is no layout {name} here.", { name: named }) };
}

/** Called once for each study, when its first series is there. address: the query that the page was opened with. */
export function begin(r: Reading, address: string): () => void {
    let isOver = false;
    forgetHung();
    choose(r, address).then((found) => {
        if (isOver) return;
        if (found.protocol) use(r, found.protocol);
        refusal.value = found.refusal ?? "";
    }, tellFailure);
    return () => void (isOver = true);
}
