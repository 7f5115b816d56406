/** Objects that are not images: what the server draws of them, what they are, their tags, their file. */

import { useSignal } from "@preact/signals";
import { fetchInstance, renderedPath } from "../../dicomweb/client";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { Guard } from "../../ui/guard";
import { Icon } from "../../ui/icon";
import { saveBlob } from "../../ui/save";
import { t } from "../../ui/text";
import type { Reading } from "./model";
import type { Handler } from "./module";
import type { Pane } from "./pane";
import { objectName, renderingOf, type Rendering } from "./series";

/** Saves an object as a file on the user's machine; its UID names it. */
export async function download(ds: Dataset): Promise<void> {
    const instance = text(ds, Tag.sopInstance);
    const blob = await fetchInstance({ study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance });
    saveBlob(blob, `${instance.replace(/[^0-9.]/g, "")}.dcm`);
}

/* What the server draws. Reports are pages of the server's own making, and still get no script, no form and no
 * origin; where it can draw nothing the place stays empty. */
function Rendered({ ds, as, onFail }: { ds: Dataset; as: Rendering; onFail: () => void }) {
    const ref = { study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) };
    const src = renderedPath(ref, as);
    const title = objectName(ds);
    switch (as) {
        case "text/html":
            return <iframe class="rendered page" sandbox="" title={title} src={src} />;
        case "video/mp4":
            return <video class="rendered" controls preload="metadata" src={src} onError={onFail} />;
        case "application/pdf":
            return (
                <a class="rendered" href={src} target="_blank" rel="noopener" title={t("Open the document")}>
                    <img alt={t("{title}: first page", { title })} src={renderedPath(ref, "image/png")} onError={onFail} />
                </a>
            );
        default:
            return <img class="rendered" alt={title} src={src} onError={onFail} />;
    }
}

/* What a site has added goes before what is built in. */
const handlerOf = (reading: Reading, ds: Dataset): Handler | undefined =>
    [...reading.added.value, ...reading.modules].flatMap((m) => m.handlers ?? []).find((h) => h.takes(ds));

function ObjectCard({ reading, ds, isFirst }: { reading: Reading; ds: Dataset; isFirst: boolean }) {
    const failure = useSignal("");
    const as = renderingOf(ds);
    const handler = handlerOf(reading, ds);
    const toggled = useSignal<boolean | undefined>(undefined);
    const isOpen = toggled.value ?? (isFirst && (handler ?? as) !== undefined);
    const cannot = useSignal(false);
    const title = text(ds, "00420010") || text(ds, Tag.seriesDescription);
    return (
        <li class="object">
            <Icon name="document" />
            <div>
                <strong>{objectName(ds)}</strong>
                {title && <span>{title}</span>}
                {cannot.value && <span class="warn">{t("It cannot be shown here.")}</span>}
                {failure.value && <span class="warn">{failure.value}</span>}
            </div>
            {(handler ?? as) && !cannot.value && (
                <button type="button" class="button" aria-pressed={isOpen} onClick={() => (toggled.value = !isOpen)}>
                    {isOpen ? t("Hide") : t("Show")}
                </button>
            )}
            {as === "application/pdf" && (
                <a class="button" target="_blank" rel="noopener" href={renderedPath({ study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) }, as)}>
                    {t("Open")}
                </a>
            )}
            <button type="button" class="button" onClick={() => (reading.dialog.value = "tags")}>
                <Icon name="tags" /> {t("Tags")}
            </button>
            <button type="button" class="button" onClick={() => download(ds).catch((e: unknown) => (failure.value = String(e)))}>
                <Icon name="download" /> {t("DICOM file")}
            </button>
            {handler && isOpen && (
                <Guard name={handler.id}>
                    <div class="rendered own"><handler.View reading={reading} dataset={ds} /></div>
                </Guard>
            )}
            {!handler && as && isOpen && !cannot.value && <Rendered ds={ds} as={as} onFail={() => (cannot.value = true)} />}
        </li>
    );
}

export function Objects({ reading, pane }: { reading: Reading; pane: Pane }) {
    const others = pane.content.value?.others ?? [];
    const hasDrawn = others.some((ds) => (handlerOf(reading, ds) ?? renderingOf(ds)) !== undefined);
    return (
        <div class="objects">
            {others.length === 0 && <p>{t("This series is empty.")}</p>}
            {others.length > 0 && !hasDrawn && <p>{t("These objects hold no image to draw. Their content is in the tags and in the file.")}</p>}
            <ul>
                {others.slice(0, 50).map((ds, i) => (
                    <ObjectCard key={text(ds, Tag.sopInstance)} reading={reading} ds={ds} isFirst={i === 0} />
                ))}
            </ul>
            {others.length > 50 && <p class="dim">{t("and {count} more", { count: others.length - 50 })}</p>}
        </div>
    );
}
