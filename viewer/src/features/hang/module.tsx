/** Hanging protocols: chosen as a study opens, by the address (`?hang=`), or in the panel; a layout can be kept as one. */

import "./hang.css";
import { effect, useSignal } from "@preact/signals";
import { chooseProtocol, type Protocol } from "../../dicom/hang";
import { Icon } from "../../ui/icon";
import { tellFailure } from "../../ui/notice";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Module } from "../reading/module";
import { apply, fromPanes, hangable, hung, refusal } from "./hanging";
import { builtIn, comparison, forgetOwn, own, saveOwn } from "./protocols";

const use = (r: Reading, p: Protocol, stage = 0): void => void apply(r, p, stage).catch(tellFailure);

function active(r: Reading) {
    const series = r.active.value.series.value;
    return series && hangable(r, series);
}

function Row({ r, protocol, isOwn }: { r: Reading; protocol: Protocol; isOwn: boolean }) {
    const isHung = hung.value?.protocol.id === protocol.id;
    return (
        <li>
            <button type="button" class={isHung ? "button on" : "button"} aria-pressed={isHung} onClick={() => use(r, protocol)}>
                {protocol.name}
                {protocol.priors > 0 && protocol.id !== "prior" && ` · ${t("with prior")}`}
            </button>
            {isOwn && (
                <button type="button" class="button quiet icon-only" aria-label={t("Forget the layout {name}", { name: protocol.name })} onClick={() => forgetOwn(protocol.id)}>
                    <Icon name="close" />
                </button>
            )}
        </li>
    );
}

function Panel({ reading: r }: { reading: Reading }) {
    const name = useSignal("");
    const now = active(r);
    const here = hung.value;
    const modalities = new Set(r.series.value.map((s) => s.modality));
    const fitting = builtIn.filter((p) => p.rules.every((rule) => rule.attribute !== "modality" || rule.equals?.some((m) => modalities.has(m))));
    return (
        <div class="hang">
            <h2>{t("Layouts")}</h2>
            <ul>
                {own.value.map((p) => <Row key={p.id} r={r} protocol={p} isOwn />)}
                {fitting.map((p) => <Row key={p.id} r={r} protocol={p} isOwn={false} />)}
                {now && <Row r={r} protocol={comparison(now)} isOwn={false} />}
            </ul>
            {here && here.protocol.stages.length > 1 && (
                <div class="stages" role="group" aria-label={t("Stages")}>
                    {here.protocol.stages.map((s, i) => (
                        <button key={i} type="button" class={i === here.stage ? "button on" : "button"} aria-pressed={i === here.stage} onClick={() => use(r, here.protocol, i)}>
                            {s.name}
                        </button>
                    ))}
                </div>
            )}
            {refusal.value && <p class="warn" role="alert">{refusal.value}</p>}
            <form
                onSubmit={(e) => {
                    e.preventDefault();
                    saveOwn(fromPanes(r, name.value.trim()));
                    name.value = "";
                }}
            >
                <label>
                    {t("Save this layout as")}
                    <input class="filter" maxLength={60} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
                </label>
                <button type="submit" class="button" disabled={name.value.trim() === ""}>{t("Save")}</button>
            </form>
        </div>
    );
}

/* A link to one series shows that series. Without one, what the user has made goes before what comes with us; a layout that
 * is no other than the page's own is not worth a change. */
function start(r: Reading): () => void {
    const query = new URLSearchParams(location.search);
    const named = query.get("hang");
    const isFree = !query.has("series") && !query.has("follow");
    hung.value = undefined;
    refusal.value = "";
    if (!named && !isFree) return () => undefined;
    let isDone = false;
    return effect(() => {
        const list = r.series.value;
        if (isDone || list.length === 0 || !r.panes[0]!.content.value) return;
        isDone = true;
        const all = [...own.value, ...builtIn];
        const now = active(r);
        const chosen = named === "prior" && now ? comparison(now) : named ? all.find((p) => p.id === named || p.name === named) : chooseProtocol(all.filter((p) => p.id !== "ct"), [list.filter((s) => s.study === r.study).map((s) => hangable(r, s))]);
        if (chosen) use(r, chosen);
        else if (named) refusal.value = t("There is no layout {name} here.", { name: named });
    });
}

export const hanging: Module = {
    id: "hang",
    actions: [
        {
            id: "hang.stage",
            label: () => t("Next stage of the layout"),
            keys: ["."],
            isOff: () => (hung.value?.protocol.stages.length ?? 0) < 2,
            run: (r) => hung.value && use(r, hung.value.protocol, hung.value.stage + 1),
        },
    ],
    panels: [{ id: "hang.panel", label: () => t("Layouts"), icon: "four", View: Panel }],
    start,
};
