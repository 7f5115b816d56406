/** Over a slide: the pointer on the map, lengths, scale bar, overview, and what can be chosen. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { renderedPath } from "../../dicomweb/client";
import { lengthOf, scaleBar, type Apart, type Point } from "../../dicom/slide";
import { newUid } from "../../dicom/uid";
import { back, through, type SlideView } from "../../imaging/slide-view";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { SaveButton } from "../reading/save-button";
import { saveLines, shownShapes, slidesOf, type Desk, type Line } from "./model";

interface Props {
    reading: Reading;
    pane: Pane;
    index: number;
}

/* The ruler of the toolbar measures here too, whoever has brought it. */
const rulerTool = "measure.length";
const gripPx = 9;
const at = (el: Element, e: PointerEvent | WheelEvent): Point => {
    const box = el.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
};

/* A press that is ours: with the ruler an end of a line is taken or a line begun, else the map is moved; two fingers zoom. */
function attach(el: HTMLElement, { reading, index }: Props, view: SlideView, desk: Desk): () => void {
    const fingers = new Map<number, Point>();
    let line: Line | undefined;
    let held: "a" | "b" = "b";
    const gripAt = (p: Point) =>
        desk.lines.value.flatMap((l) => (["a", "b"] as const).map((end) => ({ l, end, far: Math.hypot(through(view.map, l[end])[0] - p[0], through(view.map, l[end])[1] - p[1]) })))
            .sort((x, y) => x.far - y.far)
            .find(({ far }) => far <= gripPx);
    const put = (l: Line) => {
        desk.lines.value = [...desk.lines.value.filter((o) => o.id !== l.id), l];
        desk.chosen.value = l.id;
    };
    const down = (e: PointerEvent) => {
        const tool = reading.tool.value;
        if ((e.target as Element).closest("button, select, input, label, .slide-overview") || e.button !== 0 || e.ctrlKey || tool === "zoom" || (tool === "window" && view.base.isGrey)) return;
        e.stopPropagation();
        reading.activeIndex.value = index;
        el.closest<HTMLElement>(".pane")?.focus();
        el.setPointerCapture(e.pointerId);
        const p = at(el, e);
        fingers.set(e.pointerId, p);
        const grip = gripAt(p);
        if (grip) [line, held] = [grip.l, grip.end];
        else if (tool === rulerTool && fingers.size === 1) [line, held] = [{ id: Date.now(), uid: newUid(), a: back(view.map, p), b: back(view.map, p) }, "b"];
        desk.chosen.value = line?.id ?? 0;
    };
    const move = (e: PointerEvent) => {
        const before = fingers.get(e.pointerId);
        if (!before) return;
        const p = at(el, e);
        fingers.set(e.pointerId, p);
        const other = [...fingers].find(([id]) => id !== e.pointerId)?.[1];
        if (other) {
            line = undefined;
            const apart = (q: Point) => Math.max(1, Math.hypot(q[0] - other[0], q[1] - other[1]));
            view.zoomAt(apart(p) / apart(before), [(p[0] + other[0]) / 2, (p[1] + other[1]) / 2]);
            view.pan((p[0] - before[0]) / 2, (p[1] - before[1]) / 2);
        } else if (line) put((line = { ...line, [held]: back(view.map, p) }));
        else view.pan(p[0] - before[0], p[1] - before[1]);
    };
    const up = (e: PointerEvent) => {
        fingers.delete(e.pointerId);
        line = undefined;
    };
    const wheel = (e: WheelEvent) => {
        e.preventDefault();
        e.stopPropagation();
        const px = e.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? e.deltaY : e.deltaY * 40;
        view.zoomAt(Math.exp(-Math.max(-200, Math.min(200, px)) / 400), at(el, e));
    };
    el.addEventListener("pointerdown", down);
    el.addEventListener("pointermove", move);
    el.addEventListener("pointerup", up);
    el.addEventListener("pointercancel", up);
    el.addEventListener("wheel", wheel, { passive: false });
    return () => {
        el.removeEventListener("pointerdown", down);
        el.removeEventListener("pointermove", move);
        el.removeEventListener("pointerup", up);
        el.removeEventListener("pointercancel", up);
        el.removeEventListener("wheel", wheel);
    };
}

const overviewSide = 150;

function Overview({ view, width, height }: { view: SlideView; width: number; height: number }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const { columns, rows } = view.base;
    const whole = view.mapInto(overviewSide, overviewSide);
    const corners = [[0, 0], [columns, 0], [columns, rows], [0, rows]].map((p) => through(whole, p as unknown as Point));
    const box = (axis: 0 | 1) => Math.max(...corners.map((c) => c[axis])) - Math.min(...corners.map((c) => c[axis]));
    const [w, h] = [Math.max(20, Math.ceil(box(0))), Math.max(20, Math.ceil(box(1)))];
    const map = view.mapInto(w, h);
    useLayoutEffect(() => {
        const dense = devicePixelRatio || 1;
        const el = canvas.current!;
        [el.width, el.height] = [w * dense, h * dense];
        const context = el.getContext("2d")!;
        context.scale(dense, dense);
        view.paint(context, map, w, h, dense);
    });
    const go = (e: PointerEvent & { currentTarget: HTMLElement }) => view.moveTo(back(map, at(e.currentTarget, e)));
    const seen = [[0, 0], [width, 0], [width, height], [0, height]].map((p) => through(map, back(view.map, p as unknown as Point)).map((n) => n.toFixed(1)).join(","));
    return (
        <div
            class="slide-overview"
            style={{ width: `${w}px`, height: `${h}px` }}
            onPointerDown={(e) => (e.stopPropagation(), e.currentTarget.setPointerCapture(e.pointerId), go(e))}
            onPointerMove={(e) => e.currentTarget.hasPointerCapture(e.pointerId) && go(e)}
        >
            <canvas ref={canvas} style={{ width: `${w}px`, height: `${h}px` }} />
            <svg width={w} height={h} aria-hidden="true"><polygon points={seen.join(" ")} /></svg>
        </div>
    );
}

const powers = [40, 20, 10, 5, 2.5, 1.25];
const mmAtOne = 0.01; /* a pixel at 1×, as microscopes count: 0.25 µm at 40× */

const apartNames: Readonly<Record<Apart["kind"], () => string>> = { LABEL: () => t("Label"), OVERVIEW: () => t("Whole glass"), THUMBNAIL: () => t("Thumbnail") };

function Choices({ reading, pane, view, desk, open }: { reading: Reading; pane: Pane; view: SlideView; desk: Desk; open: (a: Apart) => void }) {
    const { slide } = view;
    return (
        <div class="slide-choices" onPointerDown={(e) => e.stopPropagation()}>
            {view.base.mmX > 0 && (
                <select aria-label={t("Magnification")} value="" onChange={(e) => (view.setScale((view.base.mmX * Number(e.currentTarget.value)) / mmAtOne), (e.currentTarget.value = ""), e.currentTarget.blur())}>
                    <option value="" hidden>{`${Number((mmAtOne / view.mmPerPx).toPrecision(3))}×`}</option>
                    {powers.map((p) => <option key={p} value={p}>{`${p}×`}</option>)}
                </select>
            )}
            {slide.paths.length > 1 && (
                <select aria-label={t("Optical path")} value={view.path} onChange={(e) => ((view.path = e.currentTarget.value), view.redraw(), e.currentTarget.blur())}>
                    {slide.paths.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
                </select>
            )}
            {slide.apart.map((a) => <button key={a.instance} type="button" class="button" onClick={() => open(a)}>{apartNames[a.kind]()}</button>)}
            {desk.listed.value.map((one) => (
                <label key={one.group.uid} title={one.note.value || one.group.what}>
                    <input type="checkbox" checked={one.on.value} onChange={(e) => ((one.on.value = e.currentTarget.checked), e.currentTarget.blur())} />
                    <i style={{ background: one.group.color }} />
                    {`${one.group.label} (${one.group.count})`}
                    {one.note.value && <Icon name="warning" />}
                </label>
            ))}
            {desk.lines.value.length > 0 && <SaveButton label={t("Save the lengths")} what={desk.lines.value} save={() => saveLines(reading, desk, view.slide)} />}
            {view.isTooFine && <span class="warn">{t("Zoom in: this slide has no coarser images.")}</span>}
            {view.failures > 0 && <span class="warn">{t("{count} tiles cannot be shown", { count: view.failures })}</span>}
            {pane.steps.value.count > 1 && <span>{t("The bar at the side changes the focus.")}</span>}
        </div>
    );
}

export function SlideLayer(props: Props) {
    const { reading, pane } = props;
    const layer = useRef<HTMLDivElement>(null);
    const opened = useSignal<Apart | undefined>(undefined);
    const slides = slidesOf(reading);
    void slides.viewed.value;
    const shown = pane.shown.value; /* drawn again whenever the map moves */
    const view = slides.views.get(pane);
    const series = pane.series.value;
    const desk = series && slides.deskOf(series.uid);
    useEffect(() => (view && desk && layer.current ? attach(layer.current, props, view, desk) : undefined), [view, desk]);
    const shapes = view && desk ? shownShapes(desk, view.slide) : [];
    useEffect(() => {
        if (!view) return;
        view.drawn = shapes;
        view.redraw();
    }, [view, shapes.length]);
    if (!view || !desk || !series || !shown) return <div ref={layer} class="slide-layer" />;
    const [width, height] = [layer.current?.clientWidth ?? 0, layer.current?.clientHeight ?? 0];
    const bar = shown.scale > 0 ? scaleBar(shown.scale, 180) : undefined;
    const map = view.map;
    return (
        <div ref={layer} class={reading.tool.value === rulerTool ? "slide-layer ruling" : "slide-layer"} data-complete={view.isComplete} data-scale={view.base.mmX > 0 ? shown.scale : undefined} data-map={[map.a, map.b, map.c, map.d, map.e, map.f].join(" ")}>
            <svg width="100%" height="100%" aria-hidden="true">
                {desk.lines.value.map((l) => {
                    const [a, b] = [through(map, l.a), through(map, l.b)];
                    return (
                        <g key={l.id} class={l.id === desk.chosen.value ? "slide-line chosen" : "slide-line"}>
                            <path d={`M ${a.join(" ")} L ${b.join(" ")}`} />
                            {[a, b].map((p, i) => <circle key={i} cx={p[0]} cy={p[1]} r={4} />)}
                            <text x={Math.max(a[0], b[0]) + 8} y={(a[1] + b[1]) / 2}>{lengthOf(view.slide, l.a, l.b)}</text>
                        </g>
                    );
                })}
            </svg>
            <Overview view={view} width={width} height={height} />
            <Choices reading={reading} pane={pane} view={view} desk={desk} open={(a) => (opened.value = opened.value?.instance === a.instance ? undefined : a)} />
            {bar && <div class="slide-bar" style={{ width: `${bar.px}px` }}>{bar.text}</div>}
            {opened.value && (
                <figure class="slide-apart">
                    <img alt={apartNames[opened.value.kind]()} src={renderedPath({ study: series.study, series: series.uid, instance: opened.value.instance }, "image/jpeg")} />
                    <button type="button" class="button" onClick={() => (opened.value = undefined)}>{t("Close")}</button>
                </figure>
            )}
        </div>
    );
}
