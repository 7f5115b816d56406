/** A layout in full: for which studies, its stages, what each pane takes, which panes go together. */

import { useSignal } from "@preact/signals";
import type { Mode, Place, Protocol, Stage } from "../../dicom/hang";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { saveBlob } from "../../ui/save";
import { t } from "../../ui/text";
import type { Home } from "./protocols";
import { Rules } from "./rules";
import { SyncChoice } from "./sync";

const without = <T extends object, K extends keyof T>(value: T, ...keys: K[]): Omit<T, K> => {
    const rest = { ...value };
    for (const key of keys) delete rest[key];
    return rest;
};

/* Where a pane's series comes from, as one choice. */
function originOf(p: Place): string {
    if (p.best) return "best";
    return p.age ? "age" : String(p.prior);
}

function withOrigin(p: Place, origin: string): Place {
    const plain = without(p, "best", "age");
    if (origin === "best") return { ...plain, prior: 1, best: true };
    if (origin === "age") return { ...plain, prior: 1, age: p.age ?? [0, 365] };
    return { ...plain, prior: Number(origin) };
}

const ways = (): readonly (readonly [Mode | "", string])[] => [["", t("Stack of images")], ["axial", t("Axial")], ["coronal", t("Coronal")], ["sagittal", t("Sagittal")], ["3d", t("3D")]];
const windows = (): readonly (readonly [string, string])[] => [["", t("as it opens")], ["1", t("Soft tissue")], ["2", t("Lung")], ["3", t("Liver")], ["4", t("Bone")], ["5", t("Brain")]];

function PlaceFields({ place, number, change }: { place: Place; number: number; change: (p: Place) => void }) {
    const origins: readonly (readonly [string, string])[] = [["0", t("the study that is read")], ["1", t("the prior")], ["2", t("the second prior")], ["3", t("the third prior")], ["-1", t("the oldest")], ["best", t("the prior that fits best")], ["age", t("a prior of a certain age")]];
    const age = place.age;
    return (
        <fieldset class="hang-place">
            <legend>{t("Pane {number}", { number })}</legend>
            <div class="hang-line">
                <label>{t("From")} <select value={originOf(place)} onChange={(e) => change(withOrigin(place, e.currentTarget.value))}>{origins.map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></label>
                {age && [0, 1].map((i) => (
                    <label key={i}>{i === 0 ? t("from days") : t("to days")} <input class="weight" type="number" min={0} value={age[i]} onChange={(e) => change({ ...place, age: i === 0 ? [Number(e.currentTarget.value), age[1]] : [age[0], Number(e.currentTarget.value)] })} /></label>
                ))}
                <label>{t("Shown as")} <select value={place.mode ?? ""} onChange={(e) => change(e.currentTarget.value === "" ? without(place, "mode") : { ...place, mode: e.currentTarget.value as Mode })}>{ways().map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></label>
                <label>{t("Window")} <select value={place.preset ?? ""} onChange={(e) => change(e.currentTarget.value === "" ? without(place, "preset") : { ...place, preset: e.currentTarget.value })}>{windows().map(([id, name]) => <option key={id} value={id}>{name}</option>)}</select></label>
                <label><input type="checkbox" checked={place.orNext === true} onChange={(e) => change({ ...place, orNext: e.currentTarget.checked })} /> {t("else the next series")}</label>
            </div>
            <Rules rules={place.rules} change={(rules) => change({ ...place, rules })} />
        </fieldset>
    );
}

function StageFields({ stage, change }: { stage: Stage; change: (s: Stage) => void }) {
    const resize = (layout: Stage["layout"]) => {
        const places = Array.from({ length: layout }, (_, i): Place => stage.places[i] ?? { prior: 0, rules: [], orNext: true });
        change({ ...stage, layout, places, sync: (stage.sync ?? []).map((s) => ({ ...s, panes: s.panes.filter((i) => i < layout) })) });
    };
    return (
        <>
            <div class="hang-line">
                <label>{t("Name of the stage")} <input maxLength={60} value={stage.name} onInput={(e) => change({ ...stage, name: e.currentTarget.value })} /></label>
                <label>{t("Panes")} <select value={String(stage.layout)} onChange={(e) => resize(Number(e.currentTarget.value) as Stage["layout"])}>{[1, 2, 4].map((n) => <option key={n} value={String(n)}>{n}</option>)}</select></label>
            </div>
            {Array.from({ length: stage.layout }, (_, i) => (
                <PlaceFields key={i} number={i + 1} place={stage.places[i] ?? { prior: 0, rules: [] }} change={(p) => change({ ...stage, places: Array.from({ length: stage.layout }, (_x, at) => (at === i ? p : (stage.places[at] ?? { prior: 0, rules: [] }))) })} />
            ))}
            <SyncChoice panes={stage.layout} value={stage.sync ?? []} change={(sync) => change({ ...stage, sync })} />
        </>
    );
}

interface Props {
    protocol: Protocol;
    notes: readonly string[]; /* what could not be taken over from where it comes from */
    save: (p: Protocol, home: Home) => Promise<void>;
    show: (p: Protocol, stage: number) => void;
    onClose: () => void;
}

export function Editor({ protocol, notes, save, show, onClose }: Props) {
    const edited = useSignal(protocol);
    const at = useSignal(0);
    const failure = useSignal("");
    const p = edited.value;
    const stage = p.stages[at.value] ?? p.stages[0]!;
    const put = (more: Partial<Protocol>) => (edited.value = { ...p, ...more });
    const keepIt = (home: Home) =>
        void save({ ...p, name: p.name.trim() }, home).then(onClose, (e: unknown) => (failure.value = e instanceof Error ? e.message : String(e)));
    const move = (by: 1 | -1) => {
        const stages = [...p.stages];
        const [one] = stages.splice(at.value, 1);
        stages.splice(at.value + by, 0, one!);
        put({ stages });
        at.value += by;
    };
    const drop = () => {
        put({ stages: p.stages.filter((_, i) => i !== at.value) });
        at.value = Math.max(0, at.value - 1);
    };
    const add = () => {
        put({ stages: [...p.stages, { ...stage, name: "" }] });
        at.value = p.stages.length;
    };
    const file = p.name.replace(/[^\p{L}\p{N} _-]+/gu, "_").trim() || "layout";
    const asDicom = async () => {
        const { hangingProtocolFile } = await import("../../dicom/hang-write");
        saveBlob(new Blob([hangingProtocolFile(p, new Date())], { type: "application/dicom" }), `${file}.dcm`);
    };
    return (
        <Dialog title={t("Layout")} kind="side" onClose={onClose}>
            <div class="hang-editor">
                {notes.length > 0 && (
                    <div class="hang-notes" role="note">
                        <b>{t("Not taken over, or not quite:")}</b>
                        <ul>{notes.map((n) => <li key={n}>{n}</li>)}</ul>
                    </div>
                )}
                <div class="hang-line">
                    <label>{t("Name")} <input data-first maxLength={60} value={p.name} onInput={(e) => put({ name: e.currentTarget.value })} /></label>
                    <label>{t("Older studies it needs")} <input class="weight" type="number" min={0} max={9} value={p.priors} onChange={(e) => put({ priors: Math.max(0, Math.min(9, Number(e.currentTarget.value) || 0)) })} /></label>
                </div>
                <fieldset>
                    <legend>{t("For studies with")}</legend>
                    <Rules rules={p.rules} change={(rules) => put({ rules })} />
                </fieldset>
                <div class="hang-stages" role="group" aria-label={t("Stages")}>
                    {p.stages.map((s, i) => (
                        <button key={i} type="button" class={i === at.value ? "button on" : "button"} aria-pressed={i === at.value} onClick={() => (at.value = i)}>
                            {s.name || t("Stage {number}", { number: i + 1 })}
                        </button>
                    ))}
                    <button type="button" class="button quiet icon-only" aria-label={t("Add a stage")} onClick={add}><Icon name="add" /></button>
                    <button type="button" class="button quiet icon-only" aria-label={t("This stage earlier")} disabled={at.value === 0} onClick={() => move(-1)}><Icon name="up" /></button>
                    <button type="button" class="button quiet icon-only" aria-label={t("This stage later")} disabled={at.value === p.stages.length - 1} onClick={() => move(1)}><Icon name="down" /></button>
                    <button type="button" class="button quiet icon-only" aria-label={t("Remove this stage")} disabled={p.stages.length < 2} onClick={drop}><Icon name="bin" /></button>
                </div>
                <StageFields key={at.value} stage={stage} change={(s) => put({ stages: p.stages.map((x, i) => (i === at.value ? s : x)) })} />
                {failure.value && <p class="warn" role="alert">{failure.value}</p>}
            </div>
            <footer class="hang-foot">
                <button type="button" class="button primary" disabled={p.name.trim() === ""} onClick={() => keepIt("own")}>{t("Save in this browser")}</button>
                <button type="button" class="button" disabled={p.name.trim() === ""} onClick={() => keepIt("site")}>{t("Save for everyone")}</button>
                <button type="button" class="button" onClick={() => show(p, at.value)}>{t("Show it")}</button>
                <span class="space" />
                <button type="button" class="button quiet" onClick={() => saveBlob(new Blob([JSON.stringify(p, undefined, 2)], { type: "application/json" }), `${file}.json`)}>{t("As JSON")}</button>
                <button type="button" class="button quiet" onClick={() => void asDicom()}>{t("As DICOM")}</button>
            </footer>
        </Dialog>
    );
}
