/** Marks as they are drawn over a pane, and what is typed or chosen beside them. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ImagePoint, Measurement } from "../../dicom/measurement";
import { isDrawnFree, middle, outline } from "../../dicom/shape";
import type { Affine } from "../../imaging";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import { onPane, spotIn, type Spot } from "../reading/affine";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { handlesOf } from "./edit";
import { handOf, hitAt, isTool } from "./hand";
import { deskOf, isKeyImage, jump, lyingOn, marksOn, metricOn, put, remove, type ContextMenu, type Question } from "./model";
import { linesOf } from "./words";

const clickPx = 4;
const lineHeight = 15;

interface ViewProps {
    reading: Reading;
    pane: Pane;
}

const said = (points: readonly Spot[]) => points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join(" L ");

/** The lines of a mark as an SVG path. */
function pathOf(m: Measurement, line: readonly Spot[]): string {
    if (m.kind === "probe") return line.map(([x, y]) => `M ${x - 6} ${y} h 12 M ${x} ${y - 6} v 12`).join(" ");
    if (m.kind === "label") return line.map(([x, y]) => `M ${x - 2} ${y} h 4`).join(" ");
    if (m.kind === "cobb" || m.kind === "bidirectional") return [line.slice(0, 2), line.slice(2)].filter((l) => l.length > 0).map((l) => `M ${said(l)}`).join(" ");
    const isClosed = m.kind === "ellipse" || m.kind === "circle" || m.kind === "rectangle" || m.closed === true;
    return `M ${said(line)}${isClosed ? " Z" : ""}${m.kind === "arrow" ? headOf(line) : ""}`;
}

function headOf([from, to]: readonly Spot[]): string {
    if (!from || !to) return "";
    const along = Math.atan2(to[1] - from[1], to[0] - from[0]);
    const barb = (turn: number): Spot => [to[0] - 11 * Math.cos(along + turn), to[1] - 11 * Math.sin(along + turn)];
    return ` M ${said([barb(0.45), to, barb(-0.45)])}`;
}

function Mark({ reading, pane, toPane, mark: m }: ViewProps & { toPane: Affine; mark: Measurement }) {
    const points = m.points ?? [];
    const line = outline({ kind: m.kind, points, closed: m.closed === true }, metricOn(reading, pane, points)).map((p) => onPane(toPane, p));
    const isChosen = reading.marks.selected.value === m.uid;
    const isLifted = isChosen || deskOf(reading).hover.value === m.uid;
    const path = pathOf(m, line);
    const ends = points.map((p) => onPane(toPane, p));
    const beside = m.kind === "arrow" || line.length === 0 ? ends[0] : line.reduce((a, b) => (b[0] > a[0] ? b : a));
    const lines = linesOf(m);
    return (
        <g data-mark={m.uid} data-kind={m.kind} class={isChosen ? "mark chosen" : "mark"} stroke={m.color} fill="none">
            <path class="halo" d={path} />
            <path class="line" d={path} stroke-width={isLifted ? 2.2 : 1.5} />
            {m.kind === "cobb" && ends.length === 4 && <path class="dashed" d={`M ${said([middle(ends[0]!, ends[1]!), middle(ends[2]!, ends[3]!)] as Spot[])}`} />}
            {!isDrawnFree(m.kind) && !isLifted && m.kind !== "label" && m.kind !== "probe" && ends.map(([x, y], i) => <circle key={i} class="end" cx={x} cy={y} r={1.8} fill={m.color} />)}
            {isLifted && !m.locked && handlesOf(m).map((i) => <circle key={i} class="handle" data-handle={i} cx={ends[i]![0]} cy={ends[i]![1]} r={4.5} />)}
            {beside && lines.length > 0 && (
                <text class="said" x={beside[0] + 10} y={beside[1] - ((lines.length - 1) * lineHeight) / 2 + 4} fill={m.color}>
                    {lines.map((l, i) => <tspan key={i} x={beside[0] + 10} dy={i === 0 ? 0 : lineHeight}>{l}</tspan>)}
                </text>
            )}
        </g>
    );
}

function Asking({ question: q, at }: { question: Question; at: Spot }) {
    const input = useRef<HTMLInputElement>(null);
    useLayoutEffect(() => {
        input.current?.focus();
        input.current?.select();
    }, [q]);
    const name = q.kind === "text" ? t("Text") : t("Length in mm");
    return (
        <form
            class="measure-ask"
            style={{ left: `${at[0] + 8}px`, top: `${at[1] - 16}px` }}
            onPointerDown={(e) => e.stopPropagation()}
            onSubmit={(e) => (e.preventDefault(), q.answer(input.current?.value))}
            onKeyDown={(e) => {
                e.stopPropagation();
                if (e.key === "Escape") q.answer(undefined);
            }}
        >
            <input ref={input} class="filter" aria-label={name} placeholder={name} inputMode={q.kind === "text" ? "text" : "decimal"} maxLength={q.kind === "text" ? 64 : 12} defaultValue={q.value} />
            <button type="submit" class="button">{t("OK")}</button>
        </form>
    );
}

export const colors = ["#ffd65c", "#6cdcff", "#8af59a", "#ff9ad5", "#ffa25c", "#ff6b6b", "#c7a6ff", "#ffffff"];

/** Asks for the text of a mark where it lies. */
export function rename(r: Reading, pane: Pane, m: Measurement): void {
    const [first] = (pane.face.value && lyingOn(m, pane.face.value)?.points) ?? [];
    if (first) handOf(r).ask(pane, "text", first, m.label, (text) => text !== undefined && put(r, { ...m, label: text.trim() }));
}

function Context({ reading, pane, menu }: ViewProps & { menu: ContextMenu }) {
    const m = reading.marks.get(menu.uid);
    if (!m) return null;
    const desk = deskOf(reading);
    const then = (act: () => void) => () => {
        desk.menu.value = undefined;
        act();
    };
    return (
        <div class="menu-list measure-menu" role="menu" aria-label={t("Measurement")} style={{ left: `${menu.x}px`, top: `${menu.y}px` }} onPointerDown={(e) => e.stopPropagation()}>
            <button type="button" role="menuitem" onClick={then(() => rename(reading, pane, m))}>{t("Rename")}</button>
            <button type="button" role="menuitem" onClick={then(() => put(reading, { ...m, locked: !m.locked }))}>{m.locked ? t("Unlock") : t("Lock")}</button>
            <button type="button" role="menuitem" onClick={then(() => put(reading, { ...m, hidden: true }))}>{t("Hide")}</button>
            <button type="button" role="menuitem" onClick={then(() => ((reading.panel.value = "measure"), void jump(reading, m)))}>{t("Show in the list")}</button>
            <button type="button" role="menuitem" disabled={m.locked} onClick={then(() => remove(reading, [m.uid]))}>{t("Delete")}</button>
            <div class="measure-colors">
                {colors.map((color) => (
                    <button key={color} type="button" role="menuitem" aria-label={t("Colour {color}", { color })} style={{ background: color }} onClick={then(() => put(reading, { ...m, color }))} />
                ))}
            </div>
        </div>
    );
}

/* The pointer on the pane, where it is ours: presses come through `claims`. */
function attach(layer: HTMLElement, reading: Reading, pane: Pane): () => void {
    const el = layer.closest<HTMLElement>(".pane")!;
    const hand = handOf(reading);
    const desk = deskOf(reading);
    let right: Spot | undefined;
    const move = (e: PointerEvent) => {
        if (e.buttons !== 0 && !hand.isBusy) return;
        hand.move(pane, spotIn(layer, e));
        el.style.cursor = desk.hover.value ? "pointer" : isTool(reading.tool.value) ? "crosshair" : "";
    };
    const down = (e: PointerEvent) => {
        right = e.button === 2 ? spotIn(layer, e) : undefined;
        if (desk.menu.value?.pane === pane) desk.menu.value = undefined;
    };
    const up = (e: PointerEvent) => {
        const spot = spotIn(layer, e);
        if (e.button === 2 && right && Math.hypot(spot[0] - right[0], spot[1] - right[1]) < clickPx) {
            const hit = hitAt(reading, pane, spot, 2.5);
            if (hit) {
                reading.marks.selected.value = hit.mark.uid;
                desk.menu.value = { pane, uid: hit.mark.uid, x: Math.min(spot[0], layer.clientWidth - 200), y: Math.min(spot[1], Math.max(0, layer.clientHeight - 230)) };
            }
        } else if (e.button === 0) hand.release(pane, spot);
    };
    const cancel = () => hand.withdraw();
    el.addEventListener("pointermove", move);
    el.addEventListener("pointerdown", down);
    el.addEventListener("pointerup", up);
    el.addEventListener("pointercancel", cancel);
    return () => {
        el.removeEventListener("pointermove", move);
        el.removeEventListener("pointerdown", down);
        el.removeEventListener("pointerup", up);
        el.removeEventListener("pointercancel", cancel);
    };
}

/** What is drawn of a mark and may be edited: the list holds it, or it is in the reader's hand. */
export function shownOn(reading: Reading, pane: Pane): readonly Measurement[] {
    const desk = deskOf(reading);
    const live = desk.liveOn.value === pane ? desk.live.value : undefined;
    const listed = marksOn(reading, pane).filter((m) => m.uid !== desk.live.value?.uid);
    return live && pane.face.value ? [...listed, live] : listed;
}

export function MeasureLayer({ reading, pane }: ViewProps) {
    const layer = useRef<HTMLDivElement>(null);
    useEffect(() => attach(layer.current!, reading, pane), []);
    const face = pane.face.value;
    useEffect(() => handOf(reading).left(pane), [face?.id]);
    const desk = deskOf(reading);
    const question = desk.question.value;
    const menu = desk.menu.value;
    const at = (p: ImagePoint) => onPane(face!.toPane, p);
    return (
        <div ref={layer} class="measure-layer">
            <svg width="100%" height="100%" aria-hidden="true">
                {face && shownOn(reading, pane).map((m) => m.points && m.points.length > 0 && <Mark key={m.uid} reading={reading} pane={pane} toPane={face.toPane} mark={m} />)}
            </svg>
            {face?.on && isKeyImage(reading, pane) && <div class="key-image"><Icon name="key" /> {t("Key image")}</div>}
            {face && question?.pane === pane && <Asking question={question} at={at(question.at)} />}
            {menu?.pane === pane && <Context reading={reading} pane={pane} menu={menu} />}
        </div>
    );
}
