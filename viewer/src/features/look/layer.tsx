/** What the module draws over a pane: planes, reference lines, the 3D cursor, the lens, and what is wrong with the image. */

import { useEffect, useRef } from "preact/hooks";
import { text, Tag } from "../../dicomweb/json";
import { cut, toImage } from "../../dicom/slices";
import type { StackState } from "../../imaging";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { lookOf, panePoint, visiblePanes } from "./model";
import { notesOf } from "./notes";
import { PlanesCanvas } from "./planes";

const lineColors = ["#f2c94c", "#6fcf97", "#56ccf2", "#eb8fd0"];

function Lines({ reading, pane, state }: { reading: Reading; pane: Pane; state: StackState }) {
    const look = lookOf(reading);
    const lines = visiblePanes(reading).flatMap((other, i) => {
        const info = other.state.value?.info;
        const ends = other !== pane && info && look.lines.value ? cut(info, state.info) : undefined;
        return ends ? [{ i, ends: ends.map((p) => panePoint(state.toPane, p)) }] : [];
    });
    const at = look.cursor.value && state.info.frameOfReference ? toImage(state.info, look.cursor.value) : undefined;
    const near = Math.max(state.info.sliceThicknessMm ?? 0, 1);
    const cross = at && (Math.abs(at.awayMm) <= near || pane === reading.active.value) ? panePoint(state.toPane, at.point) : undefined;
    if (lines.length === 0 && !cross) return null;
    return (
        <svg class="look-lines" aria-hidden="true">
            {lines.map(({ i, ends: [a, b] }) => (
                <line key={i} data-of={i} class={reading.activeIndex.value === i ? "on" : ""} stroke={lineColors[i % 4]} x1={a![0]} y1={a![1]} x2={b![0]} y2={b![1]} />
            ))}
            {cross && (
                <g class="look-cursor" data-x={cross[0].toFixed(1)} data-y={cross[1].toFixed(1)} transform={`translate(${cross[0]} ${cross[1]})`}>
                    <path d="M-16 0h11M5 0h11M0-16v11M0 5v11" />
                </g>
            )}
        </svg>
    );
}

const lensSide = 220;
const lensPower = 2.5;

/* A round piece of the picture, enlarged: taken from what is drawn. */
function Lens({ index, x, y }: { index: number; x: number; y: number }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    useEffect(() => {
        const stage = document.querySelector<HTMLCanvasElement>(`[data-pane="${index}"] .stage canvas`);
        const context = canvas.current?.getContext("2d");
        if (!stage || !context) return;
        const perPx = stage.width / stage.clientWidth;
        const side = (lensSide / lensPower) * perPx;
        context.clearRect(0, 0, lensSide, lensSide);
        context.imageSmoothingQuality = "high";
        context.drawImage(stage, x * perPx - side / 2, y * perPx - side / 2, side, side, 0, 0, lensSide, lensSide);
    }, [index, x, y]);
    return <canvas ref={canvas} class="look-lens" width={lensSide} height={lensSide} style={{ left: `${x - lensSide / 2}px`, top: `${y - lensSide / 2}px` }} />;
}

export function LookLayer({ reading, pane, index }: { reading: Reading; pane: Pane; index: number }) {
    const look = lookOf(reading);
    const state = pane.state.value;
    const dataset = pane.content.value?.datasets.find((ds) => text(ds, Tag.sopInstance) === state?.info.instance);
    if (!state || !dataset) return null;
    const lens = look.lens.value;
    const isSubtracted = state.info.subtraction !== undefined;
    const notes = [...notesOf(state.info, dataset), ...(isSubtracted ? [t("Mask subtracted")] : [])];
    return (
        <>
            {(look.shutters.value || look.planes.value) && <PlanesCanvas state={state} dataset={dataset} shutters={look.shutters.value} overlays={look.planes.value} />}
            <Lines reading={reading} pane={pane} state={state} />
            {lens?.pane === pane && <Lens index={index} x={lens.x} y={lens.y} />}
            {reading.overlay.value && notes.length > 0 && <div class="look-notes">{notes.map((n) => <div key={n}>{n}</div>)}</div>}
            {look.said.value && reading.active.value === pane && <div class="look-said" role="status">{look.said.value}</div>}
        </>
    );
}

