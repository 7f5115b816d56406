/** Over a pane: one canvas for all that is shown there, the scale of its colours, and the values under the pointer. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { doseAt } from "../../dicom/rtdose";
import { patientAt, type Section } from "../../dicom/section";
import { indexAt, reachOf } from "../../dicom/sheaf";
import { colorMaps } from "../../imaging/colormaps";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { drawAll } from "./draw";
import { overlaysOf, sectionIn, type LaidDose, type LaidMap, type LaidObject } from "./model";
import { short } from "./words";

interface Props {
    reading: Reading;
    pane: Pane;
}

/* What decides the picture, read while drawing so that a change draws again. */
function looksOf(o: LaidObject): unknown[] {
    const common = [o.state.value, o.opacity.value, o.hidden.value, o.colors.value];
    if (o.kind === "seg") return [...common, o.frames?.arrived.value];
    if (o.kind === "dose") return [...common, o.wash.value, o.lines.value, o.map.value, o.range.value, o.levels.value, o.inPercent.value, o.reference.value];
    if (o.kind === "map") return [...common, o.map.value, o.channel.value, o.range.value];
    return common;
}

function Canvas({ section, objects }: { section: Section; objects: readonly LaidObject[] }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const looks = objects.flatMap(looksOf);
    useLayoutEffect(() => {
        const el = canvas.current!;
        const [width, height] = [el.parentElement!.clientWidth, el.parentElement!.clientHeight];
        if (width === 0 || height === 0) return;
        const dense = devicePixelRatio || 1;
        el.width = Math.round(width * dense);
        el.height = Math.round(height * dense);
        const context = el.getContext("2d")!;
        context.scale(dense, dense);
        const isWhole = drawAll({ context, section, width, height }, objects);
        el.dataset["drawn"] = isWhole ? "whole" : "part";
    }, [section.corner.join(), section.right.join(), section.down.join(), section.halfMm, objects.map((o) => o.ref.instance).join(), looks.length, ...looks]);
    return <canvas ref={canvas} class="overlays-canvas" />;
}

type Washed = LaidDose | LaidMap;
const isWashed = (o: LaidObject): o is Washed => o.state.value === "here" && ((o.kind === "dose" && o.wash.value && o.grid !== undefined) || o.kind === "map");
const unitOf = (o: Washed): string => (o.kind === "dose" ? (o.grid?.unit ?? "") : o.unit);

/** Stops of a gradient from the lower end up. */
export function gradientOf(map: Uint8Array): string {
    const stops = Array.from({ length: 17 }, (_, i) => Math.min(255, i * 16)).map((i) => `rgb(${map[4 * i]} ${map[4 * i + 1]} ${map[4 * i + 2]}) ${((100 * i) / 255).toFixed(1)}%`);
    return `linear-gradient(to top, ${stops.join(", ")})`;
}

function Scale({ o }: { o: Washed }) {
    const { low, high } = o.range.value;
    return (
        <div class="overlays-scale">
            <span>{[short(high), unitOf(o)].filter(Boolean).join(" ")}</span>
            <i style={{ background: gradientOf(colorMaps[o.map.value]) }} />
            <span>{short(low)}</span>
        </div>
    );
}

function valueOf(o: LaidObject, section: Section, x: number, y: number): string {
    const p = patientAt(section, x, y);
    if (o.kind === "dose" && o.grid) {
        const dose = doseAt(o.grid, p);
        if (dose === undefined) return "";
        const share = o.reference.value > 0 ? `  ${((100 * dose) / o.reference.value).toFixed(1)} %` : "";
        return o.grid.unit === "Gy" ? `${dose.toFixed(2)} Gy${share}` : `${dose.toFixed(2)}${share}`;
    }
    if (o.kind === "map" && o.values) {
        const { sheaf, values } = o.values;
        const size = sheaf.rows * sheaf.columns;
        const at = indexAt(sheaf, p, reachOf(sheaf, section));
        const frame = at < 0 ? undefined : sheaf.planes[Math.floor(at / size)]!.frames[o.channel.value];
        const v = frame === undefined ? NaN : values[(frame - 1) * size + (at % size)]!;
        return Number.isNaN(v) ? "" : [o.quantity, `${Number(v.toPrecision(5))} ${o.unit}`].filter(Boolean).join(" ");
    }
    return "";
}

function Readout({ section, objects }: { section: Section; objects: readonly LaidObject[] }) {
    const at = useSignal<readonly [number, number] | undefined>(undefined);
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const pane = box.current!.closest<HTMLElement>(".pane")!;
        const move = (e: PointerEvent) => {
            const r = pane.getBoundingClientRect();
            at.value = [e.clientX - r.left, e.clientY - r.top];
        };
        const leave = () => (at.value = undefined);
        pane.addEventListener("pointermove", move);
        pane.addEventListener("pointerleave", leave);
        return () => {
            pane.removeEventListener("pointermove", move);
            pane.removeEventListener("pointerleave", leave);
        };
    }, []);
    const here = at.value;
    const said = here ? objects.map((o) => valueOf(o, section, here[0], here[1])).filter(Boolean) : [];
    return <div ref={box} class="overlays-readout" aria-hidden="true">{said.join("\n")}</div>;
}

export function OverlaysLayer({ reading, pane }: Props) {
    const overlays = overlaysOf(reading);
    const section = sectionIn(pane);
    const objects = overlays.objects.value.filter((o) => o.shown.value && overlays.fits(o, pane));
    if (!section || objects.length === 0) return null;
    return (
        <div class="overlays-layer">
            <Canvas section={section} objects={objects} />
            {reading.overlay.value && (
                <div class="overlays-scales" dir="ltr">
                    {objects.filter(isWashed).slice(0, 2).map((o) => <Scale key={o.ref.instance} o={o} />)}
                </div>
            )}
            <Readout section={section} objects={objects} />
        </div>
    );
}
