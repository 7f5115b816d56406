/** The panel: what there is to be laid over the images, and how it is shown. */

import { useEffect } from "preact/hooks";
import { planeUnder } from "../../dicom/sheaf";
import type { Vec3 } from "../../dicom/vector";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { DoseSettings, MapSettings } from "./colors";
import { Histograms } from "./histograms";
import { overlaysOf, sectionIn, type LaidSeg, type LaidStructures, type LaidObject, type Overlays } from "./model";
import { PlanSummary } from "./plan";
import { kindName } from "./words";

function Parts({ o, overlays }: { o: LaidSeg | LaidStructures; overlays: Overlays }) {
    const hidden = o.hidden.value;
    const isStack = overlays.reading.active.value.mode.value === "stack";
    const goTo = (at: Vec3 | undefined) => at && overlays.goTo(at);
    return (
        <>
            {o.parts.length > 1 && (
                <label class="overlays-check">
                    <input type="checkbox" checked={hidden.size === 0} onChange={(e) => o.hide(o.parts.map((p) => p.number), !e.currentTarget.checked)} />
                    <span class="dim">{t("All")}</span>
                </label>
            )}
            <ul class="overlays-parts">
                {o.parts.map((p) => (
                    <li key={p.number} data-part={p.number}>
                        <input type="checkbox" aria-label={t("Show {name}", { name: p.name })} checked={!hidden.has(p.number)} onChange={(e) => o.hide([p.number], !e.currentTarget.checked)} />
                        <input type="color" aria-label={t("Colour of {name}", { name: p.name })} value={o.colorOf(p)} onInput={(e) => o.setColor(p.number, e.currentTarget.value)} />
                        <span class="name" title={[p.name, p.meaning].filter(Boolean).join(" · ")}>{p.name || p.number}</span>
                        {isStack && (
                            <button type="button" class="tool small" aria-label={t("Go to {name}", { name: p.name })} title={t("Go to {name}", { name: p.name })} onClick={() => goTo(o.placeOf(p.number))}>
                                <Icon name="probe" />
                            </button>
                        )}
                    </li>
                ))}
            </ul>
        </>
    );
}

/* Where the picture of the active pane misses it. */
function Missing({ o, overlays }: { o: LaidObject; overlays: Overlays }) {
    const pane = overlays.reading.active.value;
    const section = sectionIn(pane);
    const sheaf = o.kind === "seg" ? o.head?.sheaf : o.kind === "map" ? o.values?.sheaf : undefined;
    if (!section || !sheaf || planeUnder(sheaf, section, 1, 1) !== -1) return null;
    return <p class="dim">{t("None of its planes is within half a thickness of this image.")}</p>;
}

function Opacity({ o }: { o: LaidObject }) {
    return (
        <label class="overlays-field">
            <span>{t("Opacity")}</span>
            <input type="range" min={0} max={1} step={0.05} value={o.opacity.value} onInput={(e) => (o.opacity.value = e.currentTarget.valueAsNumber)} />
        </label>
    );
}

function Details({ o, overlays }: { o: LaidObject; overlays: Overlays }) {
    const failure = o.failure.value || (o.kind === "seg" ? (o.frames?.failure.value ?? "") : "");
    if (o.state.value === "loading") return <p class="dim">{t("Loading…")}</p>;
    if (failure) return <p class="warn" role="alert">{t("It cannot be shown: {reason}", { reason: failure })}</p>;
    if (o.state.value !== "here") return null;
    return (
        <>
            {o.kind !== "plan" && !(o.kind === "dose" && !o.grid) && <Opacity o={o} />}
            <Missing o={o} overlays={overlays} />
            {o.kind === "structures" && o.problems.length > 0 && <p class="warn">{t("Contours that cannot be read: {names}", { names: o.problems.join(", ") })}</p>}
            {(o.kind === "seg" || o.kind === "structures") && <Parts o={o} overlays={overlays} />}
            {o.kind === "dose" && <DoseSettings o={o} />}
            {o.kind === "map" && <MapSettings o={o} />}
            {o.kind === "plan" && <PlanSummary plan={o.plan} goTo={(at) => overlays.goTo(at)} />}
        </>
    );
}

function Entry({ o, overlays }: { o: LaidObject; overlays: Overlays }) {
    return (
        <li data-object={o.ref.instance} data-state={o.state.value}>
            <label class="overlays-head">
                <input type="checkbox" checked={o.shown.value} onChange={(e) => void overlays.show(o, e.currentTarget.checked)} />
                <span class="chip">{kindName(o.kind)}</span>
                <span class="name" title={o.name}>{o.name || kindName(o.kind)}</span>
            </label>
            {o.shown.value && <Details o={o} overlays={overlays} />}
        </li>
    );
}

export function OverlaysPanel({ reading }: { reading: Reading }) {
    const overlays = overlaysOf(reading);
    const series = reading.series.value;
    useEffect(() => void overlays.find(), [series]);
    const pane = reading.active.value;
    const fitting = overlays.objects.value.filter((o) => overlays.fits(o, pane));
    const others = overlays.objects.value.length - fitting.length;
    return (
        <div class="overlays-panel">
            <h2>{t("Objects over images")}</h2>
            {overlays.problem.value && <p class="warn" role="alert">{overlays.problem.value}</p>}
            {overlays.search.value !== "done" && <p class="dim">{t("Loading…")}</p>}
            {overlays.search.value === "done" && fitting.length === 0 && <p class="dim">{t("There is nothing that lies in the frame of reference of this series.")}</p>}
            <ul class="overlays-list">{fitting.map((o) => <Entry key={o.ref.instance} o={o} overlays={overlays} />)}</ul>
            {others > 0 && <p class="dim">{t("{count} more lie in another frame of reference.", { count: others })}</p>}
            <Histograms overlays={overlays} objects={fitting} />
        </div>
    );
}
