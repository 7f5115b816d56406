/** The panel Layouts: those there are, the stages of the one that hangs, which panes go together, keeping and importing. */

import { signal, useSignal } from "@preact/signals";
import type { Protocol } from "../../dicom/hang";
import { readProtocol } from "../../dicom/hang-keep";
import { regionOf } from "../../dicom/region";
import { Icon } from "../../ui/icon";
import { tellFailure } from "../../ui/notice";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { Editor } from "./editor";
import { apply, fromPanes, hangable, hung, refusal } from "./hanging";
import { builtIn, comparison, forget, homeOf, newId, own, save, site, siteFailure, type Home } from "./protocols";
import { SyncChoice } from "./sync";

export const use = (r: Reading, p: Protocol, stage = 0): void => void apply(r, p, stage).catch(tellFailure);

export function likeNow(r: Reading): Protocol | undefined {
    const series = r.active.value.series.value;
    if (!series) return undefined;
    const now = hangable(r, series);
    return comparison(now, regionOf(now.bodyPart, now.description, now.studyDescription));
}

const editing = signal<{ protocol: Protocol; notes: readonly string[] } | undefined>(undefined);

/* One that comes with us is changed as a copy. */
const edit = (p: Protocol): void => void (editing.value = { protocol: homeOf(p) ? p : { ...p, id: newId() }, notes: [] });

function Row({ r, protocol }: { r: Reading; protocol: Protocol }) {
    const isHung = hung.value?.protocol.id === protocol.id;
    return (
        <li>
            <button type="button" class={isHung ? "button on" : "button"} aria-pressed={isHung} onClick={() => use(r, protocol)}>
                {protocol.name}
                {protocol.priors > 0 && protocol.id !== "prior" && ` · ${t("with prior")}`}
            </button>
            {protocol.id !== "prior" && (
                <button type="button" class="button quiet icon-only" aria-label={t("Change the layout {name}", { name: protocol.name })} onClick={() => edit(protocol)}>
                    <Icon name="settings" />
                </button>
            )}
            {homeOf(protocol) && (
                <button type="button" class="button quiet icon-only" aria-label={t("Forget the layout {name}", { name: protocol.name })} onClick={() => void forget(protocol).catch(tellFailure)}>
                    <Icon name="close" />
                </button>
            )}
        </li>
    );
}

function List({ r, title, all }: { r: Reading; title: string; all: readonly Protocol[] }) {
    if (all.length === 0) return null;
    return (
        <>
            <h3>{title}</h3>
            <ul>{all.map((p) => <Row key={p.id} r={r} protocol={p} />)}</ul>
        </>
    );
}

function SaveForm({ r }: { r: Reading }) {
    const name = useSignal("");
    const home = useSignal<Home>("own");
    const choice = (value: Home, label: string) => <label class="choice"><input type="radio" name="hang-home" checked={home.value === value} onChange={() => (home.value = value)} /> {label}</label>;
    return (
        <form
            onSubmit={(e) => {
                e.preventDefault();
                void save(fromPanes(r, newId(), name.value.trim()), home.value).then(() => (name.value = ""), tellFailure);
            }}
        >
            <label>
                {t("Save this layout as")}
                <input class="filter" maxLength={60} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
            </label>
            <div class="hang-line">
                {choice("own", t("In this browser"))}
                {choice("site", t("For everyone"))}
            </div>
            <button type="submit" class="button" disabled={name.value.trim() === ""}>{t("Save")}</button>
        </form>
    );
}

const fileMax = 1 << 20;

/* A layout as JSON, or a hanging protocol as DICOM has it. */
async function take(file: File): Promise<void> {
    if (file.size > fileMax) throw new Error(t("This file is too large to be a layout."));
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (bytes[0] === 0x7b) {
        const protocol = readProtocol(JSON.parse(new TextDecoder().decode(bytes)));
        if (!protocol) throw new Error(t("This file has no layout in it."));
        editing.value = { protocol: { ...protocol, id: newId() }, notes: [] };
        return;
    }
    const { importHangingProtocol } = await import("../../dicom/hang-read");
    editing.value = importHangingProtocol(bytes, newId());
}

function Import() {
    return (
        <label class="button hang-import">
            <Icon name="upload" /> {t("Import a layout")}
            <input
                type="file"
                accept=".json,.dcm,application/json,application/dicom"
                onChange={(e) => {
                    const [file] = e.currentTarget.files ?? [];
                    e.currentTarget.value = "";
                    if (file) void take(file).catch(tellFailure);
                }}
            />
        </label>
    );
}

export function Panel({ reading: r }: { reading: Reading }) {
    const here = hung.value;
    const modalities = new Set(r.series.value.map((s) => s.modality));
    const fitting = builtIn.filter((p) => p.rules.every((rule) => rule.attribute !== "modality" || rule.equals?.some((m) => modalities.has(m))));
    const compare = likeNow(r);
    return (
        <div class="hang">
            <h2>{t("Layouts")}</h2>
            <List r={r} title={t("In this browser")} all={own.value} />
            <List r={r} title={t("For everyone")} all={site.value} />
            {siteFailure.value && <p class="warn">{t("Layouts for everyone: {reason}", { reason: siteFailure.value })}</p>}
            <List r={r} title={t("Built in")} all={compare ? [...fitting, compare] : fitting} />
            {here && here.protocol.stages.length > 1 && (
                <div class="stages" role="group" aria-label={t("Stages")}>
                    {here.protocol.stages.map((s, i) => (
                        <button key={i} type="button" class={i === here.stage ? "button on" : "button"} aria-pressed={i === here.stage} onClick={() => use(r, here.protocol, i)}>
                            {s.name || t("Stage {number}", { number: i + 1 })}
                        </button>
                    ))}
                </div>
            )}
            {refusal.value && <p class="warn" role="alert">{refusal.value}</p>}
            <SyncChoice panes={r.layout.value} value={r.sync.value} change={(sync) => (r.sync.value = sync)} />
            <SaveForm r={r} />
            <Import />
            {editing.value && (
                <Editor
                    key={editing.value.protocol.id}
                    protocol={editing.value.protocol}
                    notes={editing.value.notes}
                    save={save}
                    show={(p, stage) => use(r, p, stage)}
                    onClose={() => (editing.value = undefined)}
                />
            )}
        </div>
    );
}
