/** Dose-volume histograms of the structures that are shown, with the doses that are shown. */

import { useSignal } from "@preact/signals";
import { doseOf, shareOf, type Dvh } from "../../dicom/dvh";
import { t } from "../../ui/text";
import type { LaidDose, LaidStructures, LaidObject, Overlays, ShownRoi } from "./model";
import { refusalOf, short } from "./words";

const [width, height] = [270, 170];
const [left, bottom, top, right] = [30, 24, 6, 6];

interface Row {
    key: string;
    name: string;
    color: string;
    dvh: Dvh;
}

function Plot({ rows, unit }: { rows: readonly Row[]; unit: string }) {
    const most = rows.reduce((m, r) => Math.max(m, r.dvh.max ?? 0), 0) * 1.05 || 1;
    const x = (dose: number) => left + (dose / most) * (width - left - right);
    const y = (share: number) => top + (1 - share) * (height - top - bottom);
    const ticks = [0, 0.25, 0.5, 0.75, 1];
    /* No more points than the plot has pixels */
    const line = ({ doses, shares }: Dvh) => {
        const every = Math.max(1, Math.floor(doses.length / 400));
        return doses.flatMap((d, i) => (i % every === 0 || i === doses.length - 1 ? [`${x(d).toFixed(1)},${y(shares[i]!).toFixed(1)}`] : [])).join(" ");
    };
    return (
        <svg class="overlays-dvh" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={t("Dose-volume histogram")} dir="ltr">
            {ticks.map((s) => (
                <g key={s}>
                    <line x1={left} x2={width - right} y1={y(s)} y2={y(s)} />
                    <text x={left - 4} y={y(s) + 3} text-anchor="end">{100 * s}</text>
                    <text x={x(s * most * 0.952)} y={height - bottom + 12} text-anchor="middle">{short(s * most * 0.952)}</text>
                </g>
            ))}
            <text x={width - right} y={height - 2} text-anchor="end">{unit}, %</text>
            {rows.map((r) => <polyline key={r.key} data-roi={r.name} points={line(r.dvh)} stroke={r.color} {...(r.dvh.source === "stored" ? {} : { "stroke-dasharray": "5 3" })} />)}
        </svg>
    );
}

function Table({ rows, unit }: { rows: readonly Row[]; unit: string }) {
    const share = useSignal(95);
    const dose = useSignal(20);
    const field = (label: string, of: typeof share, max: number) => (
        <label>
            {label}
            <input class="filter" type="number" min={0} max={max} value={of.value} onChange={(e) => e.currentTarget.valueAsNumber >= 0 && e.currentTarget.valueAsNumber <= max && (of.value = e.currentTarget.valueAsNumber)} />
        </label>
    );
    return (
        <table class="overlays-numbers" dir="ltr">
            <thead>
                <tr>
                    <th />
                    <th>cm³</th>
                    <th>{t("min")}</th>
                    <th>{t("mean")}</th>
                    <th>{t("max")}</th>
                    <th>{field("D", share, 100)}</th>
                    <th>{field("V", dose, 1e6)}</th>
                </tr>
                <tr class="dim">
                    <th colSpan={2} />
                    <th colSpan={3}>{unit}</th>
                    <th>% → {unit}</th>
                    <th>{unit} → %</th>
                </tr>
            </thead>
            <tbody>
                {rows.map(({ key, name, color, dvh }) => (
                    <>
                        <tr key={key} class="of">
                            <th colSpan={7}>
                                <i style={{ background: color }} />
                                {name} <span class="dim">{dvh.source === "stored" ? t("as stored") : t("computed here")}</span>
                                {dvh.outside > 0.001 && <span class="warn"> {t("{percent} % outside of the dose grid", { percent: (100 * dvh.outside).toFixed(1) })}</span>}
                            </th>
                        </tr>
                        <tr key={`${key} numbers`} data-dvh={name}>
                            <td />
                            <td>{dvh.volumeCm3 === undefined ? "–" : dvh.volumeCm3.toFixed(2)}</td>
                            {[dvh.min, dvh.mean, dvh.max].map((v, i) => <td key={i}>{v === undefined ? "–" : v.toFixed(2)}</td>)}
                            <td>{doseOf(dvh, share.value / 100).toFixed(2)}</td>
                            <td>{(100 * shareOf(dvh, dose.value)).toFixed(1)}</td>
                        </tr>
                    </>
                ))}
            </tbody>
        </table>
    );
}

function OfDose({ overlays, dose, structures }: { overlays: Overlays; dose: LaidDose; structures: readonly LaidStructures[] }) {
    const chosen = overlays.dvhs.value;
    const toggle = (key: string) => {
        const next = new Set(chosen);
        if (!next.delete(key)) next.add(key);
        overlays.dvhs.value = next;
    };
    const list = structures.flatMap((s) => s.rois.map((roi) => ({ s, roi, key: `${s.ref.instance} ${roi.number}` })));
    const found = list.filter((l) => chosen.has(l.key)).map((l) => ({ ...l, dvh: overlays.dvhOf(dose, l.s, l.roi) }));
    const color = (s: LaidStructures, roi: ShownRoi) => s.colorOf(roi);
    const unit = dose.grid?.unit ?? "Gy";
    const rows = found.flatMap(({ s, roi, key, dvh }): Row[] => (dvh && typeof dvh === "object" ? [{ key, name: roi.name, color: color(s, roi), dvh }] : []));
    return (
        <section class="overlays-histograms">
            <h3>{t("Dose-volume histogram")}</h3>
            <p class="dim">{dose.name}</p>
            <div class="overlays-choice">
                {list.map(({ s, roi, key }) => (
                    <button key={key} type="button" class="chip" aria-pressed={chosen.has(key)} style={{ borderColor: color(s, roi) }} onClick={() => toggle(key)}>{roi.name || roi.number}</button>
                ))}
            </div>
            {found.map(({ roi, key, dvh }) => typeof dvh === "string" && <p key={key} class="warn">{roi.name}: {refusalOf(dvh)}</p>)}
            {rows.length > 0 && <Plot rows={rows} unit={unit} />}
            {rows.length > 0 && <Table rows={rows} unit={unit} />}
        </section>
    );
}

/** For each dose that is shown, of the structures that are. */
export function Histograms({ overlays, objects }: { overlays: Overlays; objects: readonly LaidObject[] }) {
    const here = objects.filter((o) => o.shown.value && o.state.value === "here");
    const doses = here.filter((o): o is LaidDose => o.kind === "dose");
    const structures = here.filter((o): o is LaidStructures => o.kind === "structures");
    if (doses.length === 0) return null;
    if (structures.length === 0) return <p class="dim">{t("Show a structure set beside the dose for its dose-volume histogram.")}</p>;
    return <>{doses.map((dose) => <OfDose key={dose.ref.instance} overlays={overlays} dose={dose} structures={structures} />)}</>;
}
