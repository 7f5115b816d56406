/** The report panel: what the study has of reports, and the one that is being written. */

import { useSignal, type Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Measurement } from "../../dicom/measurement";
import { composed, isMeasured, linksIn, linkWords, piecesOf, textMax, usedLinks, type Report, type ReportLink, type ReportSection } from "../../dicom/report";
import { heading, headings, titles } from "../../dicom/report-codes";
import { kinds } from "../../dicom/sr-codes";
import { renderedPath } from "../../dicomweb/client";
import { dateText, text, timeText, Tag } from "../../dicomweb/json";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { StoredDocument, Writer } from "./model";
import { addOwn, builtIn, own, removeOwn, suited } from "./templates";
import { headingText, stateText } from "./words";

/** Where a mark is inserted: a section, and behind so many characters. */
type Caret = Signal<{ heading: string; at: number }>;

const order = headings.map((h) => h.code.value);

/* Escape leaves the field, not the page. */
const leave = (e: KeyboardEvent) => {
    if (e.key !== "Escape" || e.isComposing) return;
    e.stopPropagation();
    (e.target as HTMLElement).blur();
};

/* ---- before one is written ---- */

function Begin({ writer }: { writer: Writer }) {
    const ds = writer.reading.active.value.dataset.value;
    const series = writer.reading.active.value.series.value;
    const list = [...builtIn(), ...own.value];
    const about = [text(ds, Tag.bodyPart), text(ds, Tag.studyDescription), series?.description ?? ""].join(" ");
    const chosen = useSignal("");
    const template = list.find((x) => x.id === chosen.value) ?? suited(list, text(ds, Tag.modality), about);
    return (
        <section>
            <h3>{t("New report")}</h3>
            <label>
                {t("Template")}
                <select value={template.id} onChange={(e) => (chosen.value = e.currentTarget.value)}>
                    {list.map((x) => <option key={x.id} value={x.id}>{x.name}</option>)}
                </select>
            </label>
            <div class="report-row">
                <button type="button" class="button primary" onClick={() => writer.begin(template)}>{t("Write")}</button>
                {template.isOwn && <button type="button" class="button" onClick={() => removeOwn(template.id)}>{t("Delete this template")}</button>}
            </div>
        </section>
    );
}

function Document({ writer, d }: { writer: Writer; d: StoredDocument }) {
    const canTakeUp = d.isOurs && !d.isReplaced && !writer.report.value;
    return (
        <li data-document={d.instance}>
            <span class="chip">{d.isPdf ? "PDF" : "SR"}</span>
            <span class="name">
                {d.title || t("Report")}
                <small class={d.isVerified && !d.isReplaced ? "" : "dim"}>{[`${dateText(d.date)} ${timeText(d.time)}`.trim(), stateText(d)].filter(Boolean).join(" · ")}</small>
            </span>
            <a class="button" href={renderedPath(d, "application/pdf")} target="_blank" rel="noopener">{t("Open as PDF")}</a>
            {canTakeUp && (
                <button type="button" class="button" disabled={writer.isBusy.value} onClick={() => void writer.run(() => writer.takeUp(d))}>
                    {d.isVerified ? t("Amend") : t("Go on")}
                </button>
            )}
        </li>
    );
}

function Documents({ writer }: { writer: Writer }) {
    const list = writer.documents.value;
    return (
        <section>
            <h3>{t("Reports of this study")}</h3>
            {list.length === 0 && <p class="dim">{t("There are none yet.")}</p>}
            <ul class="report-documents">{list.map((d) => <Document key={d.instance} writer={writer} d={d} />)}</ul>
        </section>
    );
}

/* ---- writing ---- */

/* "Key image 3": the number is that of its image, where a pane shows its series. */
function markName(reading: Reading, m: Measurement): string {
    if (m.label || m.kind !== "keyImage") return [m.label, linkWords(m)].filter(Boolean).join(" ") || kinds[m.kind];
    const numbers = reading.panes.map((p) => (p.content.value?.frames ?? []).findIndex((f) => f.instance === m.on?.instance && f.frame === m.on.frame) + 1);
    return `${t("Key image")} ${numbers.find((n) => n > 0) ?? ""}`.trim();
}

/** Buttons that put measurements and key images where the caret is. */
function Insert({ writer, section, caret, onInserted }: { writer: Writer; section: ReportSection; caret: Caret; onInserted: (at: number) => void }) {
    const put = (mark: Measurement | undefined) => {
        if (mark) onInserted(writer.insert(section.heading, Math.min(caret.value.at, section.text.length), mark));
    };
    return (
        <div class="report-insert" role="group" aria-label={t("Insert")}>
            {writer.marks.value.map((m) => (
                <button key={m.uid} type="button" class="chip" data-mark={m.uid} onClick={() => put(m)}>+ {markName(writer.reading, m)}</button>
            ))}
            {writer.reading.active.value.state.value && <button type="button" class="chip" onClick={() => put(writer.keyImage())}>+ {t("The image on screen")}</button>}
        </div>
    );
}

/** The lines that have measurements and key images in them, as they will be stored; each leads to its image. */
function Reads({ writer, report, section }: { writer: Writer; report: Report; section: ReportSection }) {
    const lines = section.text.split("\n").filter((line) => linksIn(line, report.links).length > 0);
    if (lines.length === 0) return null;
    const button = (l: ReportLink, i: number) => (
        <button key={i} type="button" class={l.gone ? "gone" : ""} data-link={l.number} title={l.gone ? t("Deleted") : t("Show on the image")} disabled={!l.mark.on} onClick={() => void writer.jump(l.mark)}>
            {isMeasured(l.mark) ? composed(`[${l.number}]`, [l]) : `[${l.number}] ${markName(writer.reading, l.mark)}`}
        </button>
    );
    return (
        <div class="report-reads">
            {lines.map((line, at) => <p key={at}>{piecesOf(line, report.links).map((p, i) => (typeof p === "string" ? p : button(p, i)))}</p>)}
        </div>
    );
}

function Section({ writer, report, section, caret }: { writer: Writer; report: Report; section: ReportSection; caret: Caret }) {
    const field = useRef<HTMLTextAreaElement>(null);
    const name = headingText(heading(section.heading)!);
    const remember = () => (caret.value = { heading: section.heading, at: field.current?.selectionEnd ?? section.text.length });
    const goOn = (at: number) => {
        caret.value = { heading: section.heading, at };
        requestAnimationFrame(() => {
            field.current?.focus();
            field.current?.setSelectionRange(at, at);
        });
    };
    return (
        <section class="report-section" data-section={section.heading}>
            <header>
                <h3>{name}</h3>
                <button type="button" class="button quiet icon-only" title={t("Remove “{section}”", { section: name })} aria-label={t("Remove “{section}”", { section: name })} onClick={() => writer.removeSection(section.heading)}>
                    <Icon name="close" />
                </button>
            </header>
            <textarea ref={field} aria-label={name} dir="auto" rows={2} maxLength={textMax} value={section.text} onFocus={remember} onSelect={remember} onKeyDown={leave}
                onInput={(e) => (writer.write(section.heading, e.currentTarget.value), remember())} />
            <Reads writer={writer} report={report} section={section} />
            {caret.value.heading === section.heading && <Insert writer={writer} section={section} caret={caret} onInserted={goOn} />}
        </section>
    );
}

function AsTemplate({ writer, report }: { writer: Writer; report: Report }) {
    const name = useSignal("");
    const ds = writer.reading.active.value.dataset.value;
    const add = (e: Event) => {
        e.preventDefault();
        addOwn(name.value.trim(), report, text(ds, Tag.modality), text(ds, Tag.bodyPart));
        writer.notes.value = [{ isProblem: false, text: t("Kept in this browser as the template “{name}”", { name: name.value.trim() }) }];
        name.value = "";
    };
    return (
        <form class="report-row" onSubmit={add}>
            <input type="text" aria-label={t("Name of the template")} placeholder={t("Name of the template")} maxLength={64} value={name.value} onKeyDown={leave} onInput={(e) => (name.value = e.currentTarget.value)} />
            <button type="submit" class="button" disabled={name.value.trim() === ""}>{t("Keep as template")}</button>
        </form>
    );
}

function Sign({ writer, report }: { writer: Writer; report: Report }) {
    const withPdf = useSignal(true);
    const said = writer.signature.value;
    const isBusy = writer.isBusy.value;
    return (
        <section>
            <h3>{t("Signature")}</h3>
            <label>
                {t("Your name (family name, given name)")}
                <input type="text" maxLength={64} autocomplete="name" value={said.name} onKeyDown={leave} onInput={(e) => (writer.signature.value = { ...said, name: e.currentTarget.value })} />
            </label>
            <label>
                {t("Organization")}
                <input type="text" maxLength={64} autocomplete="organization" value={said.organization} onKeyDown={leave} onInput={(e) => (writer.signature.value = { ...said, organization: e.currentTarget.value })} />
            </label>
            <label class="report-check">
                <input type="checkbox" checked={withPdf.value} onChange={(e) => (withPdf.value = e.currentTarget.checked)} />
                {t("Store it as PDF too")}
            </label>
            <div class="report-row">
                <button type="button" class="button primary" disabled={isBusy} onClick={() => void writer.run(() => writer.store("sign", withPdf.value))}>{t("Sign and store")}</button>
                {!report.amends && <button type="button" class="button" disabled={isBusy} onClick={() => void writer.run(() => writer.store("preliminary", withPdf.value))}>{t("Store as preliminary")}</button>}
                <button type="button" class="button" disabled={isBusy} onClick={() => writer.discard()}>{t("Discard")}</button>
            </div>
        </section>
    );
}

function Editor({ writer, report }: { writer: Writer; report: Report }) {
    const caret: Caret = useSignal({ heading: "59776-5", at: textMax });
    const missing = headings.filter((h) => !report.sections.some((s) => s.heading === h.code.value));
    return (
        <>
            {report.follows && <p class="dim">{report.amends ? t("This amends a signed report: it is stored as a new one that names it.") : t("This goes on with a preliminary report.")}</p>}
            <label>
                {t("Title")}
                <select value={report.title} onChange={(e) => writer.entitle(e.currentTarget.value)}>
                    {titles.map((c) => <option key={c.value} value={c.value}>{c.meaning}</option>)}
                </select>
            </label>
            {report.sections.map((s) => <Section key={s.heading} writer={writer} report={report} section={s} caret={caret} />)}
            {usedLinks(report).some((l) => l.gone) && <p class="warn">{t("What is struck out was deleted; its value is the last one.")}</p>}
            {missing.length > 0 && (
                <select class="report-add" aria-label={t("Add a section")} value="" onChange={(e) => writer.addSection(e.currentTarget.value, order)}>
                    <option value="">{t("Add a section")}…</option>
                    {missing.map((h) => <option key={h.code.value} value={h.code.value}>{headingText(h)}</option>)}
                </select>
            )}
            <AsTemplate writer={writer} report={report} />
            <Sign writer={writer} report={report} />
        </>
    );
}

export function ReportPanel({ writer }: { writer: Writer }) {
    const report = writer.report.value;
    return (
        <div class="report" data-writing={report ? "yes" : "no"}>
            <h2>{t("Report")}</h2>
            {report ? <Editor writer={writer} report={report} /> : <Begin writer={writer} />}
            <div role="status" class="report-notes">
                {writer.notes.value.map((n, i) => <p key={i} class={n.isProblem ? "warn" : ""}>{n.text}</p>)}
            </div>
            <Documents writer={writer} />
        </div>
    );
}
