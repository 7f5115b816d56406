/** The panel "Keep": what can be saved as DICOM, what the study has of that already, the draft. */

import { useSignal } from "@preact/signals";
import { keyTitles } from "../../dicom/ko";
import type { Measurement } from "../../dicom/measurement";
import type { SegmentationKind } from "../../dicom/seg";
import { isWritable } from "../../dicom/sr-write";
import { kinds } from "../../dicom/sr-codes";
import { dateText } from "../../dicomweb/json";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { draftText } from "./drafts";
import { aboutImages, type Keeper } from "./model";

function quantityText(m: Measurement): string {
    return m.quantities.map((q) => `${Number(q.value.toFixed(2))} ${q.unit}`).join(", ");
}

function Draft({ keeper }: { keeper: Keeper }) {
    const state = keeper.drafts.state.value;
    const said = draftText(state);
    const restored = keeper.drafts.restored.value;
    return (
        <section class="keep-draft" aria-live="polite" data-draft={state.is}>
            {restored > 0 && <p>{t("What was not saved yet is back: {count} measurements and segmentations.", { count: restored })}</p>}
            {said && <p class={state.is === "failed" || state.is === "changed" ? "warn" : "dim"}>{said}</p>}
            {state.is === "changed" && (
                <button type="button" class="button" onClick={() => void keeper.run(async () => (await keeper.drafts.takeBoth(), []))}>
                    {t("Take both")}
                </button>
            )}
            {(restored > 0 || state.is === "kept") && (
                <button type="button" class="button" onClick={() => void keeper.run(async () => (await keeper.drafts.discard(), []))}>
                    {t("Discard what is not saved")}
                </button>
            )}
        </section>
    );
}

function Measurements({ keeper }: { keeper: Keeper }) {
    const name = useSignal("");
    const all = keeper.reading.marks.all.value.filter((m) => m.kind !== "keyImage");
    const count = all.filter(isWritable).length;
    const save = () => void keeper.run(() => keeper.saveMeasurements(name.value.trim() || t("Measurements")));
    return (
        <section>
            <h3>{t("Measurements")}</h3>
            {all.length === 0 && <p class="dim">{t("There are none yet.")}</p>}
            <ul class="keep-marks">
                {all.map((m) => (
                    <li key={m.uid} data-mark={m.uid}>
                        <span>{m.label || kinds[m.kind]}</span> <span class="dim">{quantityText(m)}</span>
                    </li>
                ))}
            </ul>
            <label>
                {t("Name of the report")}
                <input type="text" maxLength={64} placeholder={t("Measurements")} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
            </label>
            <button type="button" class="button" disabled={count === 0 || keeper.isBusy.value} onClick={save}>
                {t("Save measurements")}
            </button>
        </section>
    );
}

function KeyImages({ keeper }: { keeper: Keeper }) {
    const chosen = useSignal(0);
    const description = useSignal("");
    const count = keeper.reading.marks.all.value.filter((m) => m.kind === "keyImage").length;
    const save = () => void keeper.run(() => keeper.saveKeyImages(keyTitles[chosen.value]!, description.value.trim()));
    return (
        <section>
            <h3>{t("Key images")}</h3>
            <label>
                {t("Title")}
                <select value={chosen.value} onChange={(e) => (chosen.value = Number(e.currentTarget.value))}>
                    {keyTitles.map((c, i) => (
                        <option key={c.value} value={i}>{c.meaning}</option>
                    ))}
                </select>
            </label>
            <label>
                {t("Description")}
                <input type="text" maxLength={1024} value={description.value} onInput={(e) => (description.value = e.currentTarget.value)} />
            </label>
            <button type="button" class="button" disabled={count === 0 || keeper.isBusy.value} onClick={save}>
                {t("Save {count} key images", { count })}
            </button>
        </section>
    );
}

function Display({ keeper }: { keeper: Keeper }) {
    const name = useSignal("");
    const hasImage = keeper.reading.active.value.state.value !== undefined;
    const save = () => void keeper.run(() => keeper.saveDisplay(name.value.trim() || t("Display")));
    return (
        <section>
            <h3>{t("Display")}</h3>
            <p class="dim">{t("Window, turn, zoom and what is drawn, for the series of the active pane.")}</p>
            <label>
                {t("Name of the display")}
                <input type="text" maxLength={64} placeholder={t("Display")} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
            </label>
            <button type="button" class="button" disabled={!hasImage || keeper.isBusy.value} onClick={save}>
                {t("Save display")}
            </button>
            {keeper.applied.value && (
                <button type="button" class="button" onClick={() => keeper.unapply()}>
                    {t("Take off “{name}”", { name: keeper.applied.value.description || keeper.applied.value.label })}
                </button>
            )}
        </section>
    );
}

function Segmentations({ keeper }: { keeper: Keeper }) {
    const kind = useSignal<SegmentationKind | "RTSTRUCT">("BINARY");
    const all = keeper.reading.segments.all.value;
    if (all.length === 0) return null;
    const kinds: readonly (readonly [SegmentationKind | "RTSTRUCT", string])[] = [
        ["BINARY", t("SEG: a bit map for each segment")],
        ["LABELMAP", t("SEG: one label map (not all programs read it)")],
        ...(all.some((s) => s.shares) ? [["FRACTIONAL", t("SEG: shares of pixels")] as const] : []),
        ["RTSTRUCT", t("RT Structure Set: contours")],
    ];
    return (
        <section>
            <h3>{t("Segmentations")}</h3>
            <label>
                {t("Save as")}
                <select value={kind.value} onChange={(e) => (kind.value = e.currentTarget.value as SegmentationKind)}>
                    {kinds.map(([value, name]) => <option key={value} value={value}>{name}</option>)}
                </select>
            </label>
            {all.map((s) => (
                <button key={s.uid} type="button" class="button" disabled={keeper.isBusy.value} onClick={() => void keeper.run(() => keeper.saveSegmentation(s, kind.value))}>
                    {t("Save segmentation “{name}”", { name: s.label })}
                </button>
            ))}
        </section>
    );
}

function loadLabel(modality: string): string {
    if (modality === "SR") return t("Load measurements");
    if (modality === "KO") return t("Load key images");
    if (modality === "RTSTRUCT") return t("Load structures");
    return modality === "SEG" ? t("Load segmentation") : t("Apply display");
}

function Stored({ keeper }: { keeper: Keeper }) {
    const { reading } = keeper;
    const list = reading.series.value.filter((s) => aboutImages.has(s.modality));
    const dateOf = (study: string) => reading.studies.value.find((s) => s.uid === study)?.date ?? "";
    return (
        <section>
            <h3>{t("In this study")}</h3>
            {list.length === 0 && <p class="dim">{t("It has no reports, key images or displays yet.")}</p>}
            <ul class="keep-stored">
                {list.map((s) => (
                    <li key={s.uid} data-series={s.uid}>
                        <span class="chip">{s.modality}</span>
                        <span class="name">{s.description || s.number || s.modality}</span>
                        {s.study !== reading.study && <span class="dim">{dateText(dateOf(s.study))}</span>}
                        <button type="button" class="button" disabled={keeper.isBusy.value} onClick={() => void keeper.run(() => keeper.load(s))}>
                            {loadLabel(s.modality)}
                        </button>
                    </li>
                ))}
            </ul>
        </section>
    );
}

export function KeepPanel({ keeper }: { reading: Reading; keeper: Keeper }) {
    return (
        <div class="keep">
            <h2>{t("Keep")}</h2>
            <Draft keeper={keeper} />
            <div role="status" class="keep-notes">
                {keeper.notes.value.map((n, i) => (
                    <p key={i} class={n.isProblem ? "warn" : ""}>{n.text}</p>
                ))}
            </div>
            <Stored keeper={keeper} />
            <Measurements keeper={keeper} />
            <Segmentations keeper={keeper} />
            <KeyImages keeper={keeper} />
            <Display keeper={keeper} />
        </div>
    );
}
