/** The tag browser: every attribute of one object, searchable; another image is one slider away. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { text, Tag } from "../../dicomweb/json";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { count, t } from "../../ui/text";
import { download } from "./objects";
import type { Pane } from "./pane";
import { matchingRows, tagRows, type Names } from "./tag-rows";

const rowPx = 26;

export function Tags({ pane, onClose }: { pane: Pane; onClose: () => void }) {
    const datasets = pane.content.value?.datasets ?? [];
    const index = useSignal(Math.max(0, datasets.findIndex((ds) => ds === pane.dataset.value)));
    const typed = useSignal("");
    const names = useSignal<Names>(new Map());
    const failure = useSignal("");
    const top = useSignal(0);
    const body = useRef<HTMLDivElement>(null);
    useEffect(() => {
        void import("./dictionary").then(async (m) => (names.value = await m.tagNames()));
    }, []);
    const rows = useComputed(() => {
        const ds = datasets[index.value];
        return ds ? matchingRows(tagRows(ds, names.value), typed.value) : [];
    });
    const ds = datasets[index.value];
    const all = rows.value;
    const from = Math.max(0, Math.floor(top.value / rowPx) - 10);
    const shown = all.slice(from, from + Math.ceil((body.current?.clientHeight ?? 800) / rowPx) + 20);
    return (
        <Dialog title={t("Tags")} kind="side" onClose={onClose}>
            <div class="tags-bar">
                <input
                    data-first
                    class="filter"
                    type="search"
                    placeholder={t("Name, value or tag")}
                    aria-label={t("Search the tags")}
                    value={typed.value}
                    onInput={(e) => (typed.value = e.currentTarget.value)}
                />
                <span class="dim" role="status">{t("{count} rows", { count: count(all.length) })}</span>
                {ds && (
                    <button type="button" class="button icon-only" aria-label={t("Download this DICOM file")} title={t("Download this DICOM file")} onClick={() => download(ds).catch((e: unknown) => (failure.value = String(e)))}>
                        <Icon name="download" />
                    </button>
                )}
            </div>
            {datasets.length > 1 && (
                <label class="tags-which">
                    <span>{t("Object {number} / {count}", { number: index.value + 1, count: datasets.length })}</span>
                    <input type="range" min={0} max={datasets.length - 1} value={index.value} onInput={(e) => (index.value = Number(e.currentTarget.value))} />
                </label>
            )}
            {failure.value && <p class="warn">{failure.value}</p>}
            <div ref={body} class="tags" tabIndex={0} role="table" aria-label={t("Attributes of {uid}", { uid: text(ds, Tag.sopInstance) })} aria-rowcount={all.length} onScroll={(e) => (top.value = e.currentTarget.scrollTop)}>
                <div class="extent" style={{ height: `${all.length * rowPx}px` }}>
                    {shown.map((r, i) => (
                        <div key={r.path} class={r.isItem ? "tag item" : "tag"} role="row" style={{ transform: `translateY(${(from + i) * rowPx}px)` }}>
                            <span class="tag-id" role="cell" style={{ paddingLeft: `${r.depth * 14}px` }}>{r.tag || r.name}</span>
                            <span class="tag-vr" role="cell">{r.vr}</span>
                            <span class="tag-name" role="cell" title={r.name}>{r.isItem ? "" : r.name}</span>
                            <span class="tag-value" role="cell" title={r.value}>{r.value}</span>
                        </div>
                    ))}
                </div>
            </div>
        </Dialog>
    );
}
