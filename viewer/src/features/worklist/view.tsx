/** The study list: filters over a table that holds only the rows in sight. */

import "./worklist.css";
import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { askAhead } from "../../dicomweb/ahead";
import { thumbnailPath } from "../../dicomweb/client";
import type { SortKey, StudyFilter } from "../../dicomweb/query";
import { Brand } from "../../ui/brand";
import { Icon } from "../../ui/icon";
import { count, t } from "../../ui/text";
import { Thumbnail } from "../../ui/thumbnail";
import * as model from "./model";

export interface WorklistProps {
    search: string;
    onRename: (search: string) => void;
    onOpen: (study: string) => void;
    onUpload: (files: readonly File[]) => void;
}

const rowPx = 44;
const spareRows = 12;
const pictureSide = 36; /* as in the style sheet */
const modalities = "CR CT DX ES IO MG MR NM OP OT PT PX RF RT SC SM SR US XA XC".split(" ");

interface Column {
    title: string;
    cell: string; /* CSS class: its place and width in the grid */
    sort?: SortKey;
    filter?: JSX.Element;
}

function Filter({ field, label, inputRef }: { field: keyof StudyFilter; label: string; inputRef?: { current: HTMLInputElement | null } }) {
    return (
        <input
            ref={inputRef ?? null}
            class="filter"
            type="search"
            aria-label={label}
            placeholder={t("Any")}
            autocomplete="off"
            spellcheck={false}
            value={model.filter.value[field]}
            onInput={(e) => model.setFilter(field, e.currentTarget.value)}
        />
    );
}

function DateFilter({ field, label }: { field: "from" | "to"; label: string }) {
    const value = model.filter.value[field];
    return (
        <input
            class={value ? "filter" : "filter unset"}
            type="date"
            aria-label={label}
            title={label}
            value={value}
            onInput={(e) => model.setFilter(field, e.currentTarget.value)}
        />
    );
}

function ModalityFilter() {
    return (
        <select class="filter" aria-label={t("Filter by modality")} value={model.filter.value.modality} onChange={(e) => model.setFilter("modality", e.currentTarget.value)}>
            <option value="">{t("Any")}</option>
            {modalities.map((m) => (
                <option key={m} value={m}>
                    {m}
                </option>
            ))}
        </select>
    );
}

function Head({ columns }: { columns: readonly Column[] }) {
    const { key, descending } = model.sort.value;
    return (
        <div class="list-head" role="rowgroup">
            <div class="row" role="row" aria-rowindex={1}>
                {columns.map((c) => {
                    const sorted = c.sort !== undefined && c.sort === key;
                    const order = sorted ? (descending ? "descending" : "ascending") : "none";
                    return (
                        <div key={c.title} class={c.cell} role="columnheader" {...(c.sort ? { "aria-sort": order as "none" } : {})}>
                            {c.sort ? (
                                <button type="button" class={sorted ? "sorter on" : "sorter"} onClick={() => model.setSort(c.sort!)}>
                                    {c.title}
                                    {sorted && <Icon name={descending ? "down" : "up"} />}
                                </button>
                            ) : (
                                <span class="sorter">{c.title}</span>
                            )}
                            {c.filter}
                        </div>
                    );
                })}
            </div>
        </div>
    );
}

function Row({ index, onOpen }: { index: number; onOpen: (study: string) => void }) {
    const study = model.rowAt(index);
    const hover = useRef<ReturnType<typeof setTimeout>>(undefined);
    const on = model.active.value === index;
    const place = { transform: `translateY(${index * rowPx}px)` };
    if (!study)
        return (
            <div class="row pending" role="row" aria-rowindex={index + 2} style={place}>
                <div class="c-name"><span class="bone" /></div>
                <div class="c-desc"><span class="bone" /></div>
            </div>
        );
    const demographics = [study.birthDate, study.sex].filter(Boolean).join(" · ");
    return (
        <div
            class={on ? "row study on" : "row study"}
            role="row"
            id={`row-${index}`}
            aria-rowindex={index + 2}
            aria-selected={on}
            data-study={study.uid}
            style={place}
            onClick={() => {
                model.active.value = index;
                onOpen(study.uid);
            }}
            onPointerEnter={() => (hover.current = setTimeout(() => askAhead(study.uid), 60))}
            onPointerLeave={() => clearTimeout(hover.current)}
        >
            <div class="c-name" role="gridcell" title={study.patientName}>
                <span class="row-picture">
                    <Thumbnail src={thumbnailPath(study.uid, undefined, 2 * pictureSide)} ready>
                        <Icon name="document" />
                    </Thumbnail>
                </span>
                <span class="who">
                    <span class="name">{study.patientName || t("No name")}</span>
                    {demographics && <span class="sub">{demographics}</span>}
                </span>
            </div>
            <div class="c-id" role="gridcell" title={study.patientId}>{study.patientId}</div>
            <div class="c-date" role="gridcell">
                {study.date || t("No date")} <span class="dim">{study.time.slice(0, 5)}</span>
            </div>
            <div class="c-mod" role="gridcell">
                {study.modalities.slice(0, 4).map((m) => (
                    <span key={m} class="chip">{m}</span>
                ))}
                {study.modalities.length > 4 && <span class="dim">+{study.modalities.length - 4}</span>}
            </div>
            <div class="c-desc" role="gridcell" title={study.description}>{study.description || <span class="dim">{t("No description")}</span>}</div>
            <div class="c-acc" role="gridcell" title={study.accession}>{study.accession}</div>
            <div class="c-count" role="gridcell">
                {study.series ?? ""} <span class="dim">/ {study.instances ?? ""}</span>
            </div>
        </div>
    );
}

function Empty({ onPick }: { onPick: () => void }) {
    if (model.filtered.value)
        return (
            <div class="empty">
                <h2>{t("No study matches")}</h2>
                <p>{t("Names match anywhere, in any case. Leave a filter empty to match all.")}</p>
                <button type="button" class="button" onClick={model.clearFilter}>{t("Clear the filters")}</button>
            </div>
        );
    const host = location.hostname;
    return (
        <div class="empty">
            <h2>{t("No images yet")}</h2>
            <p>{t("Drop files or whole folders of DICOM anywhere on this page, or send them from a modality or the command line:")}</p>
            <pre>storescu -aec ISOCENTER {host} 4242 *.dcm{"\n"}isocenter import FOLDER</pre>
            <button type="button" class="button primary" onClick={onPick}>
                <Icon name="upload" /> {t("Choose files")}
            </button>
        </div>
    );
}

function Failure() {
    return (
        <div class="empty" role="alert">
            <h2>{t("The list cannot be shown")}</h2>
            <p>{model.failure.value}</p>
            <button type="button" class="button" onClick={() => void model.refresh()}>{t("Try again")}</button>
        </div>
    );
}

/** Buttons over two hidden file inputs: single files, or a folder with everything below it. */
function UploadButtons({ files, onUpload }: { files: { current: HTMLInputElement | null }; onUpload: (files: readonly File[]) => void }) {
    const folder = useRef<HTMLInputElement>(null);
    const take = ({ currentTarget: input }: { currentTarget: HTMLInputElement }) => {
        onUpload([...(input.files ?? [])]);
        input.value = "";
    };
    useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);
    return (
        <>
            <input ref={files} type="file" multiple hidden data-upload="files" onChange={take} />
            <input ref={folder} type="file" multiple hidden data-upload="folder" onChange={take} />
            <button type="button" class="button" onClick={() => files.current?.click()}>
                <Icon name="upload" /> {t("Upload")}
            </button>
            <button type="button" class="button icon-only" aria-label={t("Upload a folder")} title={t("Upload a folder")} onClick={() => folder.current?.click()}>
                <Icon name="folder" />
            </button>
        </>
    );
}

function countText(): string {
    const { rows, open } = model.extent.value;
    if (rows === 0) return model.waiting.value ? t("Asking…") : t("No studies");
    if (rows === 1 && !open) return t("1 study");
    return t("{count} studies", { count: `${count(rows)}${open ? "+" : ""}` });
}

export function Worklist({ search, onRename, onOpen, onUpload }: WorklistProps) {
    const body = useRef<HTMLDivElement>(null);
    const first = useRef<HTMLInputElement>(null);
    const files = useRef<HTMLInputElement>(null);
    const heightPx = useSignal(600);
    const span = useComputed(() => {
        const { rows, open } = model.extent.value;
        const all = rows + (open ? 1 : 0);
        const from = Math.max(0, Math.floor(model.scrollTop.value / rowPx) - spareRows);
        const to = Math.min(all - 1, Math.ceil((model.scrollTop.value + heightPx.value) / rowPx) + spareRows);
        return { all, from, to };
    });

    useEffect(() => model.readUrl(search), [search]);
    useEffect(() => onRename(model.urlSearch.value), [model.urlSearch.value]);
    useEffect(() => model.need(span.value.from, span.value.to), [span.value, model.pages.value]);
    useLayoutEffect(() => {
        const el = body.current!;
        el.scrollTop = model.scrollTop.value;
        const watch = new ResizeObserver(() => (heightPx.value = el.clientHeight));
        watch.observe(el);
        return () => watch.disconnect();
    }, []);
    useEffect(() => {
        if (body.current && model.scrollTop.value === 0) body.current.scrollTop = 0;
    }, [model.scrollTop.value === 0]);
    useEffect(() => {
        const keys = (e: KeyboardEvent) => listKey(e, body.current!, first.current, onOpen);
        addEventListener("keydown", keys);
        return () => removeEventListener("keydown", keys);
    }, []);

    const columns: Column[] = [
        { title: t("Patient"), cell: "c-name", sort: "PatientName", filter: <Filter field="name" label={t("Filter by patient name")} inputRef={first} /> },
        { title: t("Patient ID"), cell: "c-id", sort: "PatientID", filter: <Filter field="id" label={t("Filter by patient ID")} /> },
        {
            title: t("Date"),
            cell: "c-date",
            sort: "StudyDate",
            filter: (
                <span class="range">
                    <DateFilter field="from" label={t("Studies from")} />
                    <DateFilter field="to" label={t("Studies until")} />
                </span>
            ),
        },
        { title: t("Modality"), cell: "c-mod", filter: <ModalityFilter /> },
        { title: t("Description"), cell: "c-desc", sort: "StudyDescription", filter: <Filter field="description" label={t("Filter by description")} /> },
        { title: t("Accession"), cell: "c-acc", sort: "AccessionNumber", filter: <Filter field="accession" label={t("Filter by accession number")} /> },
        { title: t("Series / images"), cell: "c-count" },
    ];
    const { all, from, to } = span.value;
    const shown = [];
    for (let i = from; i <= to; i++) shown.push(<Row key={i} index={i} onOpen={onOpen} />);
    const nothing = all === 0 && !model.waiting.value;

    return (
        <main class="worklist">
            <header class="bar">
                <Brand />
                <span class="count" role="status">{countText()}</span>
                {model.filtered.value && (
                    <button type="button" class="button quiet" onClick={model.clearFilter}>
                        <Icon name="close" /> {t("Clear filters")}
                    </button>
                )}
                <span class="space" />
                <span class="hint"><kbd>/</kbd> {t("search")} <kbd>↑</kbd><kbd>↓</kbd> {t("move")} <kbd>Enter</kbd> {t("open")}</span>
                <UploadButtons files={files} onUpload={onUpload} />
            </header>
            <div class={model.waiting.value ? "progress on" : "progress"} aria-hidden="true" />
            <div class="list" role="grid" aria-label={t("Studies")} aria-rowcount={all + 1} aria-busy={model.waiting.value}>
                <Head columns={columns} />
                <div
                    ref={body}
                    class="list-body"
                    role="rowgroup"
                    tabIndex={0}
                    aria-label={t("Studies")}
                    aria-activedescendant={all > 0 ? `row-${model.active.value}` : undefined}
                    onScroll={(e) => {
                        /* a list that is being taken down tells a last time, that it is at 0 */
                        if (e.currentTarget.isConnected) model.scrollTop.value = e.currentTarget.scrollTop;
                    }}
                >
                    <div class="extent" style={{ height: `${all * rowPx}px` }}>{shown}</div>
                    {model.failure.value ? <Failure /> : nothing && <Empty onPick={() => files.current?.click()} />}
                </div>
            </div>
        </main>
    );
}

/** Arrows and paging move the active row, Enter opens it, `/` goes to the first filter. */
function listKey(e: KeyboardEvent, body: HTMLElement, first: HTMLInputElement | null, onOpen: (study: string) => void): void {
    const target = e.target as HTMLElement;
    const typing = target.matches("input, select, textarea");
    if (e.ctrlKey || e.metaKey || e.altKey || target.closest("[role=dialog]")) return;
    if (e.key === "/" && !typing) {
        e.preventDefault();
        first?.focus();
        first?.select();
        return;
    }
    if (e.key === "Escape" && typing) return target.blur();
    if (typing && (target.matches("select, [type=date]") || !["ArrowDown", "ArrowUp", "Enter"].includes(e.key))) return;
    const page = Math.max(1, Math.floor(body.clientHeight / rowPx) - 1);
    const last = model.extent.value.rows - 1;
    const now = model.active.value;
    const moves: Record<string, number> = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: last };
    if (e.key === "Enter" && !target.matches("button")) {
        const study = model.rowAt(now);
        if (study) onOpen(study.uid);
        return;
    }
    const to = moves[e.key];
    if (to === undefined || last < 0) return;
    e.preventDefault();
    const index = Math.min(last, Math.max(0, to));
    model.active.value = index;
    const top = index * rowPx;
    if (top < body.scrollTop) body.scrollTop = top;
    else if (top + rowPx > body.scrollTop + body.clientHeight) body.scrollTop = top + rowPx - body.clientHeight;
    model.scrollTop.value = body.scrollTop; /* the event comes a frame later, when the study may be open */
    const study = model.rowAt(index);
    if (study) askAhead(study.uid);
}
