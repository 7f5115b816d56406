/** Segments over the picture: one canvas pixel for each pixel of the image, or sample of the plane, laid where the picture lies. */

import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { labelsOnPlane, type PlaneFrame } from "../../dicom/plane-grid";
import { frameName, type Segmentation } from "../../dicom/segmentation";
import { outline } from "../../dicom/shape";
import type { Face } from "../../imaging";
import { onImage, onPane, spotIn } from "../reading/affine";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { brushes, deskOf, handOf, isTool, type Live } from "./model";

interface ViewProps {
    reading: Reading;
    pane: Pane;
}

const rgb = (color: string) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)) as [number, number, number];

/* The rim of a segment is drawn solid, so that what lies below its inside can still be judged. */
function draw(canvas: HTMLCanvasElement, s: Segmentation, labels: Uint8Array, opacity: number): void {
    const context = canvas.getContext("2d")!;
    const image = context.createImageData(canvas.width, canvas.height);
    const colors = new Map(s.segments.filter((x) => !x.hidden).map((x) => [x.number, rgb(x.color)]));
    const inside = Math.round(255 * opacity);
    const columns = canvas.width;
    for (let i = 0; i < labels.length; i++) {
        const label = labels[i]!;
        const color = label === 0 ? undefined : colors.get(label);
        if (!color) continue;
        const c = i % columns;
        const isRim = (c > 0 && labels[i - 1] !== label) || (c < columns - 1 && labels[i + 1] !== label) || (i >= columns && labels[i - columns] !== label) || (i + columns < labels.length && labels[i + columns] !== label);
        image.data.set(color, 4 * i);
        image.data[4 * i + 3] = isRim ? Math.max(inside, 200) : inside;
    }
    context.putImageData(image, 0, 0);
}

/* What is painted of a frame, or is being painted. */
function labelsOf(s: Segmentation, live: Live | undefined, frame: { instance: string; frame: number }): Uint8Array | undefined {
    const name = frameName(frame);
    return (live?.uid === s.uid ? live.maps.get(name) : undefined) ?? s.frames.get(name);
}

function Sheet({ reading, face, segmentation: s }: { reading: Reading; face: Face; segmentation: Segmentation }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const desk = deskOf(reading);
    const live = desk.live.value;
    const opacity = desk.opacity.value;
    const { frame, within, on, toPane } = face;
    const turn = live?.uid === s.uid ? live.turn : 0;
    const labels = useMemo(() => {
        if (on) return labelsOf(s, live, on);
        const { frames, box } = within!;
        return frames.some((f) => labelsOf(s, live, f)) ? labelsOnPlane(box, frame as PlaneFrame, (k) => labelsOf(s, live, frames[k]!)) : undefined;
    }, [face.id, s.frames, turn]);
    useLayoutEffect(() => {
        if (labels && canvas.current) draw(canvas.current, s, labels, opacity);
    }, [labels, turn, s.segments, opacity]);
    if (!labels || (on && (s.rows !== frame.rows || s.columns !== frame.columns))) return null;
    return <canvas ref={canvas} data-segmentation={s.uid} width={frame.columns} height={frame.rows} style={{ transform: `matrix(${toPane.join(",")})` }} />;
}

/* The brush, or the cut of the scissors so far. */
function Cursor({ reading, pane }: ViewProps) {
    const desk = deskOf(reading);
    const { frame, toPane } = pane.face.value!;
    const tool = reading.tool.value;
    const at = desk.at.value;
    const cut = desk.outline.value;
    const said = (points: readonly (readonly [number, number])[]) => points.map((p) => onPane(toPane, p).map((v) => v.toFixed(1)).join(" ")).join(" L ");
    if (at?.pane !== pane || !isTool(tool)) return null;
    const circle = () => {
        const [x, y] = at.point;
        return outline({ kind: "circle", points: [at.point, [x + desk.radiusMm.value / frame.columnSpacingMm, y]] }, [frame.columnSpacingMm, frame.rowSpacingMm]);
    };
    return (
        <svg width="100%" height="100%" aria-hidden="true">
            {brushes.has(tool) && <path class="brush" d={`M ${said(circle())} Z`} />}
            {cut.length > 1 && <path class="brush" d={`M ${said(cut)}`} />}
        </svg>
    );
}

/* A contour of points that is not painted yet. */
function Points({ reading, pane }: ViewProps) {
    const placed = deskOf(reading).placed.value;
    const { toPane } = pane.face.value!;
    if (placed?.pane !== pane || placed.points.length === 0) return null;
    const said = (p: readonly [number, number]) => onPane(toPane, p).map((v) => v.toFixed(1));
    return (
        <svg width="100%" height="100%" aria-hidden="true">
            <path class="brush" d={`M ${placed.line.map((p) => said(p).join(" ")).join(" L ")} Z`} />
            {placed.points.map((p, i) => <circle key={i} class="handle" cx={said(p)[0]} cy={said(p)[1]} r={4} />)}
        </svg>
    );
}

function attach(layer: HTMLElement, reading: Reading, pane: Pane): () => void {
    const el = layer.closest<HTMLElement>(".pane")!;
    const hand = handOf(reading);
    const desk = deskOf(reading);
    const move = (e: PointerEvent) => {
        const face = pane.face.value;
        if (face && (isTool(reading.tool.value) || hand.isBusy)) hand.move(pane, onImage(face.toPane, spotIn(layer, e)));
    };
    const up = (e: PointerEvent) => e.button === 0 && hand.isBusy && hand.release();
    const cancel = () => void hand.cancel();
    const leave = () => {
        if (!hand.isBusy) desk.at.value = undefined;
    };
    el.addEventListener("pointermove", move);
    el.addEventListener("pointerup", up);
    el.addEventListener("pointercancel", cancel);
    el.addEventListener("pointerleave", leave);
    return () => {
        el.removeEventListener("pointermove", move);
        el.removeEventListener("pointerup", up);
        el.removeEventListener("pointercancel", cancel);
        el.removeEventListener("pointerleave", leave);
    };
}

export function SegmentLayer({ reading, pane }: ViewProps) {
    const layer = useRef<HTMLDivElement>(null);
    useEffect(() => attach(layer.current!, reading, pane), []);
    const face = pane.face.value;
    const series = face?.on?.series ?? face?.within?.frames[0]?.series;
    useEffect(() => handOf(reading).turn(pane), [face?.id]);
    return (
        <div ref={layer} class="segment-layer">
            {face && reading.segments.all.value.filter((s) => s.series === series).map((s) => <Sheet key={s.uid} reading={reading} face={face} segmentation={s} />)}
            {face && <Cursor reading={reading} pane={pane} />}
            {face && <Points reading={reading} pane={pane} />}
        </div>
    );
}
