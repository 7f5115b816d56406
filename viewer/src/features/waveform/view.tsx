/** A waveform on its paper, with what sets it, and calipers. */

import "./waveform.css";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { caliperReport, readCalipers } from "../../dicom/caliper-report";
import { amplitudeText, intervalText, type Group } from "../../dicom/waveform";
import { renderedPath } from "../../dicomweb/client";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import { fromNewestReport, originOf, storeDocument } from "../reading/documents";
import type { Reading } from "../reading/model";
import { SaveButton } from "../reading/save-button";
import { draw } from "./draw";
import { isSound, Wave, type Caliper } from "./model";
import { layoutsOf, snapped, spotAt, stripAt, xOf, yOf, type LayoutName, type Page, type Strip } from "./page";
import { play } from "./sound";

interface Props {
    wave: Wave;
}

const layoutNames: Readonly<Record<LayoutName, string>> = { "3x4": "3 × 4 + II", "6x2": "6 × 2", rows: "" };
const speeds = [5, 10, 12.5, 25, 50, 100];
const heights = [2.5, 5, 10, 20, 40];
const multiples = [0.25, 0.5, 1, 2, 4];

/** "0.05–150 Hz, notch 50 Hz"; empty when nothing is said. */
function filterText(g: Group, channel: number): string {
    const { lowHz, highHz, notchHz } = g.channels[channel]!;
    const band = lowHz !== undefined || highHz !== undefined ? `${lowHz ?? 0}–${highHz ?? ""} Hz` : "";
    return [band, notchHz !== undefined ? t("notch {hz} Hz", { hz: notchHz }) : ""].filter(Boolean).join(", ");
}

function filtersOf(g: Group): string {
    const all = g.channels.map((_, i) => filterText(g, i));
    if (all.every((f) => f === all[0])) return all[0] ?? "";
    return all.map((f, i) => f && `${g.channels[i]!.label}: ${f}`).filter(Boolean).join("; ");
}

function Choice<T extends string | number>({ label, value, all, say, pick }: { label: string; value: T; all: readonly T[]; say: (v: T) => string; pick: (v: T) => void }) {
    return (
        <label>
            {label}
            <select value={String(value)} onChange={(e) => pick(all.find((v) => String(v) === e.currentTarget.value) ?? value)}>
                {all.map((v) => <option key={v} value={String(v)}>{say(v)}</option>)}
            </select>
        </label>
    );
}

function Settings({ wave }: Props) {
    const s = wave.samples.value;
    if (!s) return null;
    const layouts = layoutsOf(s);
    const groups = wave.groups.flatMap((g, i) => (g ? [i] : []));
    const speed = wave.speed.value;
    const fastest = [...new Set([...speeds, speed])].sort((a, b) => a - b);
    return (
        <div class="wave-settings">
            {groups.length > 1 && <Choice label={t("Group")} value={wave.group.value} all={groups} say={(i) => `${i + 1} ${wave.groups[i]!.label}`} pick={(i) => void wave.open(i)} />}
            {layouts.length > 1 && <Choice label={t("Leads")} value={wave.layout.value} all={layouts} say={(l) => layoutNames[l] || `${s.group.channels.length} × 1`} pick={(l) => (wave.layout.value = l)} />}
            <Choice label={t("Speed")} value={speed} all={fastest} say={(v) => `${v} mm/s`} pick={(v) => ((wave.speed.value = v), wave.moveTo(wave.startS.value))} />
            {wave.isEcg ? (
                <Choice label={t("Height")} value={wave.mmPerMv.value} all={heights} say={(v) => `${v} mm/mV`} pick={(v) => (wave.mmPerMv.value = v)} />
            ) : (
                <Choice label={t("Height")} value={wave.times.value} all={multiples} say={(v) => `× ${v}`} pick={(v) => (wave.times.value = v)} />
            )}
            <button type="button" class="button" aria-label={t("Zoom out")} onClick={() => (wave.zoom.value = Math.max(0.5, wave.zoom.value / 1.25))}>−</button>
            <button type="button" class="button" aria-label={t("Zoom in")} onClick={() => (wave.zoom.value = Math.min(6, wave.zoom.value * 1.25))}>+</button>
            {isSound(text(wave.dataset, Tag.sopClass)) && <button type="button" class="button" onClick={() => play(s)}><Icon name="play" /> {t("Play")}</button>}
            <span class="space" />
            <span>{[t("{count} channels", { count: s.group.channels.length }), `${s.group.frequency} Hz`, `${Number(s.seconds.toPrecision(4))} s`].join(" · ")}</span>
        </div>
    );
}

const reachPx = 9;

function valuesOf(wave: Wave, c: Caliper): { lead: string; ms: string; perMinute: string; amplitude: string } {
    const channel = wave.groups[c.group]?.channels[c.channel];
    const [a, b] = c.ends;
    return { lead: channel?.label ?? "", ...intervalText(b.s - a.s), amplitude: amplitudeText(b.value - a.value, channel?.unit ?? "") };
}

/* One caliper on each strip that shows some of it. */
function Drawn({ wave, page, caliper: c }: Props & { page: Page; caliper: Caliper }) {
    const px = wave.pxPerMm.value;
    const strips = page.strips.filter((s) => s.channel === c.channel && c.ends.some((e) => e.s >= s.fromS && e.s <= s.fromS + s.seconds));
    const said = valuesOf(wave, c);
    const isChosen = wave.chosen.value === c.id;
    return (
        <g class={isChosen ? "caliper chosen" : "caliper"} data-caliper={c.id}>
            {strips.map((s, k) => {
                const [[ax, ay], [bx, by]] = c.ends.map((e) => [xOf(page, s, e.s) * px, yOf(s, e.value) * px]) as [[number, number], [number, number]];
                const [left, right, top] = [Math.min(ax, bx), Math.max(ax, bx), Math.min(ay, by)];
                const [up, down] = [Math.min(top, s.y * px + 4), Math.max(ay, by, (s.y + s.height) * px - 4)];
                return (
                    <g key={k}>
                        <path d={`M ${ax} ${up} V ${down} M ${bx} ${up} V ${down}`} class="thin" />
                        <path d={`M ${ax} ${ay} H ${bx} V ${by}`} />
                        <circle cx={ax} cy={ay} r={4} data-end={0} />
                        <circle cx={bx} cy={by} r={4} data-end={1} />
                        <text x={(left + right) / 2} y={Math.max(14, top - 8)} text-anchor="middle">{`${said.ms} · ${said.perMinute} · ${said.amplitude}`}</text>
                    </g>
                );
            })}
        </g>
    );
}

/* The pointer on the paper: a caliper's end is taken, else one is begun; with Shift or another button the paper is moved. */
function attach(svg: SVGSVGElement, wave: Wave): () => void {
    let strip: Strip | undefined;
    let held: 0 | 1 = 1;
    let pan: { x: number; startS: number } | undefined;
    const at = (e: PointerEvent | WheelEvent) => {
        const box = svg.getBoundingClientRect();
        return [(e.clientX - box.left) / wave.pxPerMm.value, (e.clientY - box.top) / wave.pxPerMm.value] as const;
    };
    const spot = (e: PointerEvent) => {
        const [x, y] = at(e);
        const page = wave.page.value!;
        return e.altKey ? spotAt(page, strip!, x, y) : snapped(page, strip!, wave.samples.value!, x, y, reachPx / wave.pxPerMm.value);
    };
    const taken = (x: number, y: number) => {
        const page = wave.page.value!;
        const near = wave.calipers.value.filter((c) => c.group === wave.group.value).flatMap((c) =>
            page.strips.filter((s) => s.channel === c.channel).flatMap((s) =>
                ([0, 1] as const).map((end) => ({ c, s, end, far: Math.hypot(xOf(page, s, c.ends[end].s) - x, yOf(s, c.ends[end].value) - y) })),
            ),
        );
        const best = near.sort((a, b) => a.far - b.far)[0];
        return best && best.far * wave.pxPerMm.value <= reachPx ? best : undefined;
    };
    const down = (e: PointerEvent) => {
        const page = wave.page.value;
        if (!page || !wave.samples.value) return;
        svg.setPointerCapture(e.pointerId);
        const [x, y] = at(e);
        if (e.button !== 0 || e.shiftKey) return void (pan = { x, startS: wave.startS.value });
        const grip = taken(x, y);
        strip = grip?.s ?? stripAt(page, x, y);
        if (!strip) return;
        held = grip?.end ?? 1;
        wave.live.value = grip?.c ?? wave.begin(strip.channel, spot(e));
        if (grip) wave.chosen.value = grip.c.id;
    };
    const move = (e: PointerEvent) => {
        const live = wave.live.value;
        if (pan) return wave.moveTo(pan.startS - (at(e)[0] - pan.x) / (wave.page.value?.speed ?? 25));
        if (!live || !strip) return;
        const to = spot(e);
        wave.live.value = { ...live, ends: held === 0 ? [to, live.ends[1]] : [live.ends[0], to] };
    };
    const up = () => {
        const live = wave.live.value;
        const page = wave.page.value;
        pan = undefined;
        wave.live.value = undefined;
        if (!live || !strip || !page) return;
        const [a, b] = live.ends;
        const px = Math.hypot((b.s - a.s) * page.speed, (b.value - a.value) * strip.mmPerUnit) * wave.pxPerMm.value;
        if (px >= 4) wave.put(live);
        else wave.chosen.value = 0;
    };
    const wheel = (e: WheelEvent) => {
        if (e.ctrlKey) {
            e.preventDefault();
            wave.zoom.value = Math.max(0.5, Math.min(6, wave.zoom.value * Math.exp(-e.deltaY / 400)));
        } else if (wave.lastStartS.value > 0) {
            e.preventDefault();
            wave.moveTo(wave.startS.value + ((e.deltaY + e.deltaX) / 800) * (wave.page.value?.seconds ?? 1));
        }
    };
    const cancel = () => ((pan = undefined), (wave.live.value = undefined));
    svg.addEventListener("pointerdown", down);
    svg.addEventListener("pointermove", move);
    svg.addEventListener("pointerup", up);
    svg.addEventListener("pointercancel", cancel);
    svg.addEventListener("wheel", wheel, { passive: false });
    return () => {
        svg.removeEventListener("pointerdown", down);
        svg.removeEventListener("pointermove", move);
        svg.removeEventListener("pointerup", up);
        svg.removeEventListener("pointercancel", cancel);
        svg.removeEventListener("wheel", wheel);
    };
}

function Paper({ wave }: Props) {
    const holder = useRef<HTMLDivElement>(null);
    const canvas = useRef<HTMLCanvasElement>(null);
    const svg = useRef<SVGSVGElement>(null);
    const page = wave.page.value;
    const samples = wave.samples.value;
    const px = wave.pxPerMm.value;
    useEffect(() => {
        const watch = new ResizeObserver(() => (wave.widthPx.value = holder.current?.clientWidth ?? 0));
        watch.observe(holder.current!);
        const stop = attach(svg.current!, wave);
        return () => (watch.disconnect(), stop());
    }, [wave]);
    useLayoutEffect(() => {
        if (page && samples && canvas.current) draw(canvas.current, page, samples, wave.group.value, wave.notes, px);
    }, [page, samples, px]);
    const size = page ? { width: `${page.width * px}px`, height: `${page.height * px}px` } : { width: "100%", height: "300px" };
    const live = wave.live.value;
    const drawn = wave.calipers.value.filter((c) => c.group === wave.group.value && c.id !== live?.id);
    return (
        <div ref={holder} class="wave-paper">
            <canvas ref={canvas} style={size} />
            <svg ref={svg} style={size} aria-label={t("Waveform")} data-px-per-mm={page && px} data-start={wave.startS.value}>
                {page && [...drawn, ...(live ? [live] : [])].map((c) => <Drawn key={c.id} wave={wave} page={page} caliper={c} />)}
            </svg>
        </div>
    );
}

function Calipers({ wave }: Props) {
    const all = wave.calipers.value;
    if (all.length === 0) return <p class="dim">{t("Drag from one point of a curve to another to measure; the ends snap to it, with Alt they do not. Shift and drag moves the paper.")}</p>;
    return (
        <table class="wave-calipers" aria-label={t("Calipers")}>
            <tbody>
                {all.map((c) => {
                    const { lead, ms, perMinute, amplitude } = valuesOf(wave, c);
                    return (
                        <tr key={c.id} class={c.id === wave.chosen.value ? "chosen" : ""} onClick={() => (wave.chosen.value = c.id)}>
                            <th>{lead}</th>
                            <td>{ms}</td>
                            <td>{perMinute}</td>
                            <td>{amplitude}</td>
                            <td>
                                <button type="button" class="button quiet" aria-label={t("Delete")} onClick={() => wave.remove(c.id)}><Icon name="bin" /></button>
                            </td>
                        </tr>
                    );
                })}
            </tbody>
        </table>
    );
}

/* The calipers as a report of the study. What was saved last is there again when the waveform is opened. */
function Save({ reading, wave }: Props & { reading: Reading }) {
    const all = wave.calipers.value;
    if (all.length === 0) return null;
    const save = () => {
        const origin = originOf(reading, t("Calipers"));
        return storeDocument(reading, caliperReport(all, wave.dataset, wave.groups, origin), origin, false);
    };
    return <SaveButton label={t("Save the calipers")} what={all} save={save} />;
}

function Notes({ wave }: Props) {
    const whole = wave.notes.filter((n) => n.at.length === 0);
    const g = wave.samples.value?.group;
    const filters = g ? filtersOf(g) : "";
    return (
        <div class="wave-notes">
            {whole.map((n, i) => <span key={i}>{n.text}</span>)}
            {filters && <span class="dim">{t("Filters: {filters}", { filters })}</span>}
            {wave.samples.value?.isCut && <span class="warn">{t("Samples are missing at its end")}</span>}
        </div>
    );
}

/* What cannot be read is shown as the server draws it, if it can. */
function Failed({ ds, reason }: { ds: Dataset; reason: string }) {
    const ref = { study: text(ds, Tag.studyUid), series: text(ds, Tag.seriesUid), instance: text(ds, Tag.sopInstance) };
    return (
        <>
            <p class="warn" role="alert">{t("The samples cannot be read: {reason}", { reason })}</p>
            <img class="rendered" alt={t("Waveform")} src={renderedPath(ref, "image/svg+xml")} onError={(e) => (e.currentTarget.hidden = true)} />
        </>
    );
}

export function WaveformView({ reading, dataset }: { reading: Reading; dataset: Dataset }) {
    const wave = useMemo(() => new Wave(dataset), [dataset]);
    useEffect(() => {
        const instance = text(dataset, Tag.sopInstance);
        void fromNewestReport(reading, (report) => readCalipers(report, instance, wave.groups)).then((saved) => wave.take(saved));
        return () => wave.close();
    }, [wave]);
    const keys = (e: KeyboardEvent) => {
        if ((e.target as HTMLElement).matches("input, select")) return e.stopPropagation();
        const isOurs =
            (e.key === "Delete" || e.key === "Backspace" ? (wave.remove(wave.chosen.value), true) : false) ||
            (e.key === "ArrowLeft" && wave.nudge(e.shiftKey ? 0 : 1, -1)) ||
            (e.key === "ArrowRight" && wave.nudge(e.shiftKey ? 0 : 1, 1));
        if (!isOurs) return;
        e.preventDefault();
        e.stopPropagation();
    };
    if (wave.failure.value) return <Failed ds={dataset} reason={wave.failure.value} />;
    return (
        <div class="waveform" tabIndex={0} onKeyDown={keys}>
            <Settings wave={wave} />
            <Notes wave={wave} />
            <Paper wave={wave} />
            {wave.lastStartS.value > 0 && (
                <input type="range" aria-label={t("Time")} min={0} max={wave.lastStartS.value} step={0.01} value={wave.startS.value} onInput={(e) => wave.moveTo(Number(e.currentTarget.value))} />
            )}
            <Calipers wave={wave} />
            <Save reading={reading} wave={wave} />
        </div>
    );
}
