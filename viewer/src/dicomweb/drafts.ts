/** Unfinished work on a study, kept by the server. */

import { dropMemo, readMemo, writeMemo, type Memo } from "./memo";

export type Draft = Memo;

const path = (study: string) => `/api/v1/drafts/${encodeURIComponent(study)}`;

export const readDraft = (study: string): Promise<Draft | undefined> => readMemo(path(study));
export const writeDraft = (study: string, text: string, tag: string, leaving = false) => writeMemo(path(study), text, tag, leaving);
export const dropDraft = (study: string, tag: string): Promise<boolean> => dropMemo(path(study), tag);
