/** Objects that are not images: what they are, their tags, their file. */

import { useSignal } from "@preact/signals";
import { fetchInstance } from "../../dicomweb/client";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { Icon } from "../../ui/icon";
import type { Reading } from "./model";
import type { Pane } from "./pane";
import { objectName } from "./series";

/** Saves an object as a file on the user's machine; its UID names it. */
export async function download(ds: Dataset): Promise<void> {
    const instance = text(ds, Tag.sopInstance);
    const blob = await fetchInstance({ study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance });
    const url = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = url;
    link.download = `${instance.replace(/[^0-9.]/g, "")}.dcm`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function ObjectCard({ ds, onTags }: { ds: Dataset; onTags: () => void }) {
    const failure = useSignal("");
    const title = text(ds, "00420010") || text(ds, Tag.seriesDescription);
    return (
        <li class="object">
            <Icon name="document" />
            <div>
                <strong>{objectName(ds)}</strong>
                {title && <span>{title}</span>}
                {failure.value && <span class="warn">{failure.value}</span>}
            </div>
            <button type="button" class="button" onClick={onTags}>
                <Icon name="tags" /> Tags
            </button>
            <button type="button" class="button" onClick={() => download(ds).catch((e: unknown) => (failure.value = String(e)))}>
                <Icon name="download" /> DICOM file
            </button>
        </li>
    );
}

export function Objects({ reading, pane }: { reading: Reading; pane: Pane }) {
    const others = pane.content.value?.others ?? [];
    return (
        <div class="objects">
            <p>{others.length === 0 ? "This series is empty." : "These objects hold no image to draw. Their content is in the tags and in the file."}</p>
            <ul>
                {others.slice(0, 50).map((ds) => (
                    <ObjectCard key={text(ds, Tag.sopInstance)} ds={ds} onTags={() => (reading.dialog.value = "tags")} />
                ))}
            </ul>
            {others.length > 50 && <p class="dim">and {others.length - 50} more</p>}
        </div>
    );
}
