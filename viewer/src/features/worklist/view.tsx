/** The study list: filters over a table that holds only the rows in sight. */

import "./worklist.css";
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { askAhead } from "../../dicomweb/ahead";
import type { Study } from "../../dicomweb/study";
import { Brand } from "../../ui/brand";
import { Icon } from "../../ui/icon";
import { keep, kept } from "../../ui/storage";
import { count, t } from "../../ui/text";
import { copyLink, type Leaving } from "./actions";
import { chosen, fitting, template } from "./columns";
import { Removal, SaveSearch, Settings } from "./dialogs";
import { Head } from "./head";
import { Menu, type MenuProps } from "./menu";
import * as model from "./model";
import { Download, Sending } from "./outgoing";
import { Preview } from "./preview";
import { Row, rowPx } from "./row";
import { forget, saved } from "./saved";

export interface WorklistProps {
    search: string;
    onRename: (search: string) => void;
    /** One study, or several apart by commas; `search` names what of it. */
    onOpen: (studies: string, search?: string) => void;
    onUpload: (files: readonly File[]) => void;
}

const spareRows = 12;

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

function SavedSearches({ onUse }: { onUse: (search: string) => void }) {
    if (saved.value.length === 0) return null;
    return (
        <nav class="searches" aria-label={t("Saved searches")}>
            {saved.value.map((s) => (
                <span key={s.name} class={s.search === model.urlSearch.value ? "search on" : "search"}>
                    <button type="button" onClick={() => onUse(s.search)}>{s.name}</button>
                    <button type="button" aria-label={t("Forget the search {name}", { name: s.name })} onClick={() => forget(s.name)}>
                        <Icon name="close" />
                    </button>
                </span>
            ))}
        </nav>
    );
}

const togetherMax = 8; /* as many as the address takes */

function Picked({ onOpen, onLeave }: { onOpen: (studies: string) => void; onLeave: (how: Leaving, studies: readonly Study[]) => void }) {
    const list = [...model.picked.value.values()];
    const together = list.map((s) => s.uid).join(",");
    return (
        <div class="picked" role="toolbar" aria-label={t("Chosen studies")}>
            <strong>{list.length === 1 ? t("1 study chosen") : t("{count} studies chosen", { count: count(list.length) })}</strong>
            <button type="button" class="button primary" disabled={list.length > togetherMax} onClick={() => onOpen(together)}>{t("Open together")}</button>
            <button type="button" class="button" onClick={() => onLeave("send", list)}>
                <Icon name="send" /> {t("Send to…")}
            </button>
            <button type="button" class="button" onClick={() => onLeave("download", list)}>
                <Icon name="download" /> {t("Download…")}
            </button>
            <button type="button" class="button" disabled={list.length > togetherMax} onClick={() => void copyLink(together)}>
                <Icon name="link" /> {t("Copy a link")}
            </button>
            <button type="button" class="button" onClick={() => onLeave("delete", list)}>
                <Icon name="bin" /> {t("Delete…")}
            </button>
            <button type="button" class="button quiet" onClick={() => (model.picked.value = new Map())}>
                <Icon name="close" /> {t("None")}
            </button>
        </div>
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
    const grid = useRef<HTMLDivElement>(null);
    const files = useRef<HTMLInputElement>(null);
    const heightPx = useSignal(600);
    const widthPx = useSignal(1200);
    const isPreviewed = useSignal(kept("preview", (v) => v === true));
    const dialog = useSignal<"" | "settings" | "save">("");
    const leaving = useSignal<{ how: Leaving; studies: readonly Study[] } | undefined>(undefined);
    const menu = useSignal<{ studies: readonly Study[]; at: MenuProps["at"] } | undefined>(undefined);
    const span = useComputed(() => {
        const { rows, open } = model.extent.value;
        const all = rows + (open ? 1 : 0);
        const from = Math.max(0, Math.floor(model.scrollTop.value / rowPx) - spareRows);
        const to = Math.min(all - 1, Math.ceil((model.scrollTop.value + heightPx.value) / rowPx) + spareRows);
        return { all, from, to };
    });

    useLayoutEffect(() => model.readUrl(search), [search]); /* before anything can be typed: later it would be taken back */
    useEffect(() => onRename(model.urlSearch.value), [model.urlSearch.value]);
    useEffect(() => model.need(span.value.from, span.value.to), [span.value, model.pages.value]);
    useLayoutEffect(() => {
        const el = body.current!;
        el.scrollTop = model.scrollTop.value;
        const watch = new ResizeObserver(() => {
            heightPx.value = el.clientHeight;
            widthPx.value = el.clientWidth;
        });
        watch.observe(el);
        return () => watch.disconnect();
    }, []);
    useEffect(() => {
        if (body.current && model.scrollTop.value === 0) body.current.scrollTop = 0;
    }, [model.scrollTop.value === 0]);
    useEffect(() => {
        const keys = (e: KeyboardEvent) => listKey(e, body.current!, grid.current!, onOpen);
        addEventListener("keydown", keys);
        return () => removeEventListener("keydown", keys);
    }, []);

    const preview = (is: boolean) => {
        isPreviewed.value = is;
        keep("preview", is);
    };
    const details = (index: number) => {
        preview(!isPreviewed.value || index !== model.active.value);
        model.active.value = index;
    };
    const leave = (how: Leaving, studies: readonly Study[]) => (leaving.value = { how, studies });
    const openMenu = (index: number, at: MenuProps["at"]) => {
        const study = model.rowAt(index);
        if (!study) return;
        model.active.value = index;
        menu.value = { at, studies: model.picked.value.has(study.uid) ? [...model.picked.value.values()] : [study] };
    };
    const stay = () => (leaving.value = undefined);
    const ids = fitting(chosen.value, widthPx.value);
    const current = model.rowAt(model.active.value);
    const { all, from, to } = span.value;
    const shown = [];
    for (let i = from; i <= to; i++) shown.push(<Row key={i} index={i} ids={ids} onOpen={onOpen} onDetails={details} onMenu={openMenu} />);
    const nothing = all === 0 && !model.waiting.value;

    return (
        <main class="worklist">
            <header class="bar">
                <Brand />
                <span class="count" role="status">{countText()}</span>
                {model.filtered.value && (
                    <>
                        <button type="button" class="button quiet" onClick={model.clearFilter}>
                            <Icon name="close" /> {t("Clear filters")}
                        </button>
                        <button type="button" class="button quiet" onClick={() => (dialog.value = "save")}>{t("Save this search")}</button>
                    </>
                )}
                <span class="space" />
                <span class="hint"><kbd>/</kbd> {t("search")} <kbd>↑</kbd><kbd>↓</kbd> {t("move")} <kbd>Enter</kbd> {t("open")}</span>
                <UploadButtons files={files} onUpload={onUpload} />
                <button type="button" class="button icon-only" aria-label={t("Settings")} title={t("Settings")} onClick={() => (dialog.value = "settings")}>
                    <Icon name="settings" />
                </button>
            </header>
            <SavedSearches onUse={(search) => (model.readUrl(search), onRename(search))} />
            {model.picked.value.size > 0 && <Picked onOpen={onOpen} onLeave={leave} />}
            <div class={model.waiting.value ? "progress on" : "progress"} aria-hidden="true" />
            <div class="worklist-desk">
                <div ref={grid} class="list" role="grid" aria-label={t("Studies")} aria-rowcount={all + 1} aria-busy={model.waiting.value} style={{ "--columns": template(ids) }}>
                    <Head ids={ids} />
                    <div
                        ref={body}
                        class="list-body"
                        role="rowgroup"
                        tabIndex={0}
                        aria-label={t("Studies")}
                        aria-activedescendant={all > 0 ? `row-${model.active.value}` : undefined}
                        onContextMenu={(e) => {
                            if (e.target !== e.currentTarget) return; /* the pointer is on a row; else it is the key, for the active one */
                            e.preventDefault();
                            const { left, top } = e.currentTarget.getBoundingClientRect();
                            openMenu(model.active.value, { x: left + 60, y: top + (model.active.value + 1) * rowPx - model.scrollTop.value });
                        }}
                        onScroll={(e) => {
                            /* a list that is being taken down tells a last time, that it is at 0 */
                            if (e.currentTarget.isConnected) model.scrollTop.value = e.currentTarget.scrollTop;
                        }}
                    >
                        <div class="extent" style={{ height: `${all * rowPx}px` }}>{shown}</div>
                        {model.failure.value ? <Failure /> : nothing && <Empty onPick={() => files.current?.click()} />}
                    </div>
                </div>
                {isPreviewed.value && current && <Preview study={current} onOpen={onOpen} onLeave={(how, s) => leave(how, [s])} onClose={() => preview(false)} />}
            </div>
            {dialog.value === "settings" && <Settings onClose={() => (dialog.value = "")} />}
            {dialog.value === "save" && <SaveSearch onClose={() => (dialog.value = "")} />}
            {leaving.value?.how === "delete" && <Removal studies={leaving.value.studies} onClose={stay} />}
            {leaving.value?.how === "send" && <Sending studies={leaving.value.studies} onClose={stay} />}
            {leaving.value?.how === "download" && <Download studies={leaving.value.studies} onClose={stay} />}
            {menu.value && <Menu at={menu.value.at} entries={entriesFor(menu.value.studies, onOpen, leave)} onClose={() => (menu.value = undefined)} />}
        </main>
    );
}

function entriesFor(studies: readonly Study[], onOpen: (studies: string) => void, onLeave: (how: Leaving, studies: readonly Study[]) => void): MenuProps["entries"] {
    const together = studies.map((s) => s.uid).join(",");
    const isOff = studies.length > togetherMax;
    return [
        { label: t("Open"), isOff, run: () => onOpen(together) },
        { label: t("Copy a link"), isOff, run: () => void copyLink(together) },
        { label: t("Send to…"), run: () => onLeave("send", studies) },
        { label: t("Download…"), run: () => onLeave("download", studies) },
        { label: t("Delete…"), run: () => onLeave("delete", studies) },
    ];
}

/** Arrows and paging move the active row, Enter opens it, X chooses it, `/` goes to the first filter. */
function listKey(e: KeyboardEvent, body: HTMLElement, grid: HTMLElement, onOpen: (study: string) => void): void {
    const target = e.target as HTMLElement;
    const typing = target.matches("input, select, textarea");
    if (e.ctrlKey || e.metaKey || e.altKey || target.closest("[role=dialog]")) return;
    if (e.key === "/" && !typing) {
        e.preventDefault();
        const first = grid.querySelector<HTMLInputElement>("input[type=search]");
        first?.focus();
        first?.select();
        return;
    }
    if (e.key === "Escape" && typing) return target.blur();
    if (e.key === "x" && !typing) {
        const study = model.rowAt(model.active.value);
        if (study) model.pick(study, !model.picked.value.has(study.uid));
        return;
    }
    if (typing && (target.matches("select, [type=date]") || !["ArrowDown", "ArrowUp", "Enter"].includes(e.key))) return;
    const page = Math.max(1, Math.floor(body.clientHeight / rowPx) - 1);
    const last = model.extent.value.rows - 1;
    const now = model.active.value;
    const moves: Record<string, number> = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: last };
    if (e.key === "Enter" && !target.matches("button, a")) {
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
