/** What is done with studies of the list. */

import { rejectStudy, zipPath, type ZipWish } from "../../dicomweb/client";
import type { Study } from "../../dicomweb/study";
import { copyText } from "../../ui/copy";
import { t } from "../../ui/text";
import * as model from "./model";

/** The ways of studies out of the list that ask something first. */
export type Leaving = "send" | "download" | "delete";

export const copyLink = (studies: string): Promise<void> => copyText(`${location.origin}/ui/study/${studies}`, t("The link is in the clipboard"));

/** One archive for each study: the browser saves them one after the other. */
export function downloadAll(studies: readonly Study[], wish: ZipWish): void {
    studies.forEach((s, i) => {
        setTimeout(() => {
            const link = document.createElement("a");
            link.href = zipPath(s.uid, wish);
            link.download = "";
            link.click();
        }, 400 * i);
    });
}

/** What nobody guesses: with it, UIDs and patient IDs of several archives agree. */
export const newPseudonym = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

/** Why a study goes, by the codes that DICOM has for it.   PS3.16 CID 7011 */
export const reasons: readonly (readonly [code: string, words: () => string])[] = [
    ["113001", () => t("Its quality is too poor")],
    ["113037", () => t("It endangers the patient: wrong patient, wrong side, wrong exam")],
    ["113038", () => t("It was made under a wrong worklist entry")],
    ["113039", () => t("It has been kept for as long as it must be")],
];

/** Removes studies one by one and tells what became of each; the list is asked for anew. */
export async function removeAll(studies: readonly Study[], code: string): Promise<{ gone: number; failures: string[] }> {
    const failures: string[] = [];
    let gone = 0;
    for (const s of studies) {
        try {
            await rejectStudy(s.uid, code);
            gone++;
            model.pick(s, false);
        } catch (e) {
            failures.push(`${s.patientName || s.uid}: ${e instanceof Error ? e.message : String(e)}`);
        }
    }
    void model.refresh();
    return { gone, failures };
}
