/** What a reader should know about an image that is not as it should be. */

import { numbers, text, Tag, type Dataset } from "../../dicomweb/json";
import type { FrameInfo } from "../../imaging/frame";
import { t } from "../../ui/text";

export function notesOf(info: FrameInfo, ds: Dataset): string[] {
    const notes: string[] = [];
    const widths = numbers(ds, Tag.windowWidth);
    if (widths.length > 0 && info.windows.length === 0) notes.push(t("The file's window has no width: opened in the range of the values"));
    if (info.voiFunction === "LINEAR" && info.windows.length > 0 && widths.some((w) => w < 0)) notes.push(t("The file has a window of negative width: left out"));
    if (/\.1\.1\.1\.[123]\.1$/.test(info.sopClass)) notes.push(t("For processing: not meant to be read"));
    if (text(ds, "00282110") === "01") notes.push(t("Compressed with loss"));
    return notes;
}
