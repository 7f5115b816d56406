/** The list of all measurements and marks of the study. */

import type { Measurement } from "../../dicom/measurement";
import { Icon, type IconName } from "../../ui/icon";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { csv, type Placed } from "./csv";
import { deskOf, isCalibration, isOn, jump, put, remove } from "./model";
import { kindName, spacingText, summaryOf } from "./words";

function Small({ icon, label, on, run, disabled }: { icon: IconName; label: string; on?: boolean; run: () => void; disabled?: boolean }) {
    return (
        <button type="button" class="tool small" aria-label={label} title={label} {...(on === undefined ? {} : { "aria-pressed": on })} disabled={disabled ?? false} onClick={run}>
            <Icon name={icon} />
        </button>
    );
}

const seriesText = (r: Reading, uid: string | undefined): string => {
    const s = r.series.value.find((x) => x.uid === uid);
    return s ? [s.number !== undefined ? t("Series {number}", { number: s.number }) : "", s.description].filter(Boolean).join(" · ") : "";
};

async function placed(r: Reading, mark: Measurement): Promise<Placed> {
    const series = r.series.value.find((s) => s.uid === mark.on?.series);
    const content = series && (await r.content(series.uid).catch(() => undefined));
    const index = content ? content.frames.findIndex((f) => isOn(mark, f)) : -1;
    return { mark, series: series?.description ?? "", image: index < 0 ? undefined : index + 1 };
}

/** Hands the table to the reader as a file. */
export async function saveCsv(r: Reading): Promise<void> {
    const rows = await Promise.all(r.marks.all.value.map((m) => placed(r, m)));
    const url = URL.createObjectURL(new Blob(["\ufeff", csv(rows)], { type: "text/csv;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = "measurements.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function Row({ reading, mark: m }: { reading: Reading; mark: Measurement }) {
    const isChosen = reading.marks.selected.value === m.uid;
    const kind = isCalibration(m) ? t("Calibration") : kindName(m.kind);
    return (
        <li class={isChosen ? "measure-row on" : "measure-row"} data-mark={m.uid} data-kind={m.kind}>
            <input type="color" aria-label={t("Colour")} title={t("Colour")} value={m.color} onChange={(e) => put(reading, { ...m, color: e.currentTarget.value })} />
            <div class="measure-what">
                <input
                    class="measure-name"
                    aria-label={t("Name")}
                    maxLength={64}
                    placeholder={kind}
                    value={m.label}
                    onKeyDown={(e) => {
                        if (e.key !== "Enter" && e.key !== "Escape") return;
                        e.stopPropagation();
                        if (e.key === "Escape") e.currentTarget.value = m.label;
                        e.currentTarget.blur();
                    }}
                    onChange={(e) => put(reading, { ...m, label: e.currentTarget.value.trim() })}
                />
                <button type="button" class="measure-jump" title={t("Show on the image")} onClick={() => void jump(reading, m)}>
                    <span>{summaryOf(m) || kind}</span>
                    <small>{[m.label === "" || summaryOf(m) === "" ? "" : kind, m.on || !m.spatial ? seriesText(reading, m.on?.series) : t("On a plane"), spacingText(m)].filter(Boolean).join(" · ")}</small>
                </button>
            </div>
            <Small icon={m.hidden ? "hidden" : "visible"} label={m.hidden ? t("Show") : t("Hide")} on={m.hidden} run={() => put(reading, { ...m, hidden: !m.hidden })} />
            <Small icon={m.locked ? "locked" : "unlocked"} label={m.locked ? t("Unlock") : t("Lock")} on={m.locked} run={() => put(reading, { ...m, locked: !m.locked })} />
            <Small icon="delete" label={t("Delete")} disabled={m.locked} run={() => remove(reading, [m.uid])} />
        </li>
    );
}

export function MeasurePanel({ reading }: { reading: Reading }) {
    const { marks } = reading;
    const live = deskOf(reading).live.value;
    const list = marks.all.value.map((m) => (m.uid === live?.uid ? live : m));
    const isAllHidden = list.length > 0 && list.every((m) => m.hidden);
    const free = list.filter((m) => !m.locked);
    return (
        <div class="measure-panel">
            <header>
                <h2>{t("Measurements")}</h2>
                <span class="space" />
                <Small icon="undo" label={t("Undo")} disabled={!marks.canUndo.value} run={() => marks.undo()} />
                <Small icon="redo" label={t("Redo")} disabled={!marks.canRedo.value} run={() => marks.redo()} />
                <Small icon={isAllHidden ? "hidden" : "visible"} label={isAllHidden ? t("Show all") : t("Hide all")} disabled={list.length === 0} run={() => marks.replace(...marks.all.value.map((m) => ({ ...m, hidden: !isAllHidden })))} />
                <Small icon="download" label={t("Save as CSV")} disabled={list.length === 0} run={() => void saveCsv(reading)} />
                <Small icon="delete" label={t("Delete all")} disabled={free.length === 0} run={() => remove(reading, free.map((m) => m.uid))} />
            </header>
            {list.length === 0 && <p class="dim">{t("Nothing is measured yet.")}</p>}
            <ol>{list.map((m) => <Row key={m.uid} reading={reading} mark={m} />)}</ol>
        </div>
    );
}
