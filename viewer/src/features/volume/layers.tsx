/** Over the panes: the crosshair with its handles, the pointer's value, and the surface that turns what is in space. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Vec3 } from "../../dicom/vector";
import { valueText } from "../../dicom/value-text";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { volumesOf, type Volumes } from "./model";
import { isPlane, planeNames, type Focus, type PlaneName } from "./planes";
import type { PlaneView } from "../../imaging/volume-plane";
import type { SpaceView } from "../../imaging/volume-space";

interface Props {
    reading: Reading;
    pane: Pane;
}

type Point = readonly [x: number, y: number];

/* The plane that a pane shows, once its view is there. */
function planeIn({ reading, pane }: Props): { name: PlaneName; view: PlaneView; focus: Focus; volumes: Volumes } | undefined {
    const volumes = volumesOf(reading);
    void volumes.viewed.value;
    const name = pane.mode.value;
    const view = volumes.views.get(pane);
    if (!isPlane(name) || !view || !("toPane" in view)) return undefined;
    return { name, view, focus: volumes.focusOf(view.volume), volumes };
}

/** Follows one pointer from its press to its release. */
function drag(e: PointerEvent & { currentTarget: Element }, onMove: (at: Point, by: Point) => void): void {
    if (e.button !== 0) return;
    const target = e.currentTarget as HTMLElement;
    const box = target.closest(".pane")!.getBoundingClientRect();
    let last: Point = [e.clientX - box.left, e.clientY - box.top];
    const move = (m: PointerEvent) => {
        const at: Point = [m.clientX - box.left, m.clientY - box.top];
        onMove(at, [at[0] - last[0], at[1] - last[1]]);
        last = at;
    };
    const up = () => {
        target.removeEventListener("pointermove", move);
        target.removeEventListener("pointerup", up);
        target.removeEventListener("pointercancel", up);
    };
    target.setPointerCapture(e.pointerId);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", up);
    target.addEventListener("pointercancel", up);
}

const colors: Readonly<Record<PlaneName, string>> = { axial: "#ff6b6b", sagittal: "#ffd43b", coronal: "#69db7c" };
const gapPx = 14;
const turnPx = 110; /* from the centre to the handle that turns */
const slabPx = 60;

/* Another plane as a line in this one, with the handles on it. */
function Line({ props, other }: { props: Props; other: PlaneName }) {
    const { name, view, focus, volumes } = planeIn(props)!;
    const centre = view.toPane(focus.centre.value);
    const towards = (d: Vec3): Point => {
        const [x, y] = view.toPane([focus.centre.value[0] + d[0], focus.centre.value[1] + d[1], focus.centre.value[2] + d[2]]);
        const long = Math.hypot(x - centre[0], y - centre[1]) || 1;
        return [(x - centre[0]) / long, (y - centre[1]) / long];
    };
    const [dx, dy] = towards(focus.meet(name, other));
    const [nx, ny] = [-dy, dx];
    const at = (along: number, aside = 0): Point => [centre[0] + dx * along + nx * aside, centre[1] + dy * along + ny * aside];
    const long = 4000;
    const segment = (from: number, to: number, aside = 0) => {
        const [a, b] = [at(from, aside), at(to, aside)];
        return { x1: a[0], y1: a[1], x2: b[0], y2: b[1] };
    };
    const { blend, mm } = volumes.slab.value;
    const halfPx = blend === "none" ? 0 : (mm / 2) * view.scale;
    const turn = (to: Point, [byX, byY]: Point) => {
        const angle = (x: number, y: number) => Math.atan2(y - centre[1], x - centre[0]);
        let by = angle(...to) - angle(to[0] - byX, to[1] - byY);
        if (Math.abs(by) > Math.PI) by -= Math.sign(by) * 2 * Math.PI;
        const [right, down] = [towards(focus.planes.value[name].right), towards(focus.planes.value[name].down)];
        const isMirrored = right[0] * down[1] - right[1] * down[0] < 0;
        const { right: r, down: d, deep } = focus.planes.value[name];
        const isLefty = deep[0] * (r[1] * d[2] - r[2] * d[1]) + deep[1] * (r[2] * d[0] - r[0] * d[2]) + deep[2] * (r[0] * d[1] - r[1] * d[0]) < 0;
        focus.turn(name, isMirrored !== isLefty ? -by : by);
    };
    const thicken = (to: Point) => {
        const aside = Math.abs((to[0] - centre[0]) * nx + (to[1] - centre[1]) * ny);
        volumes.slab.value = { blend: blend === "none" ? "max" : blend, mm: Math.max(0.5, (2 * aside) / view.scale) };
    };
    const move = (_: Point, [byX, byY]: Point) => {
        const aside = byX * nx + byY * ny;
        focus.centre.value = view.toPatient(centre[0] + nx * aside, centre[1] + ny * aside);
    };
    return (
        <g stroke={colors[other]} fill={colors[other]} data-line={other}>
            {[-1, 1].map((side) => (
                <g key={side}>
                    <line {...segment(side * gapPx, side * long)} stroke-width={1} />
                    {halfPx > 1 && <line {...segment(side * gapPx, side * long, side * halfPx)} stroke-dasharray="5 5" stroke-width={1} />}
                    {halfPx > 1 && <line {...segment(side * gapPx, side * long, -side * halfPx)} stroke-dasharray="5 5" stroke-width={1} />}
                    <line {...segment(side * gapPx, side * long)} class="grip" data-volume-handle="move" onPointerDown={(e) => drag(e, move)} />
                    <circle cx={at(side * turnPx)[0]} cy={at(side * turnPx)[1]} r={5} class="knob" data-volume-handle="turn" onPointerDown={(e) => drag(e, turn)} />
                    <rect
                        x={at(side * slabPx, side * halfPx)[0] - 4}
                        y={at(side * slabPx, side * halfPx)[1] - 4}
                        width={8}
                        height={8}
                        class="knob"
                        data-volume-handle="slab"
                        onPointerDown={(e) => drag(e, thicken)}
                    />
                </g>
            ))}
        </g>
    );
}

/* With these the crosshair can be taken; what measures and paints has the pane for itself. */
const basicTools: ReadonlySet<string> = new Set(["window", "scroll", "zoom", "pan"]);

/** Where the planes of the other panes cut this one. */
export function CrosshairLayer(props: Props) {
    const here = planeIn(props);
    if (!here || !here.volumes.crosshair.value) return null;
    void props.pane.shown.value; /* drawn again whenever the picture is */
    const { name, view, focus, volumes } = here;
    const { reading } = props;
    const others = planeNames.filter((p) => p !== name && reading.panes.slice(0, reading.layout.value).some((q) => q.mode.value === p && volumes.views.has(q)));
    if (others.length === 0) return null;
    const [x, y] = view.toPane(focus.centre.value);
    const move = (_: Point, by: Point) => {
        const [cx, cy] = view.toPane(focus.centre.value);
        focus.centre.value = view.toPatient(cx + by[0], cy + by[1]);
    };
    return (
        <svg class={basicTools.has(reading.tool.value) ? "crosshair" : "crosshair still"} data-x={x.toFixed(1)} data-y={y.toFixed(1)}>
            {others.map((other) => <Line key={other} props={props} other={other} />)}
            <circle cx={x} cy={y} r={gapPx - 3} class="grip centre" data-volume-handle="centre" onPointerDown={(e) => drag(e, move)} />
        </svg>
    );
}

/** What lies under the pointer. */
export function ReadoutLayer(props: Props) {
    const at = useSignal<Point | undefined>(undefined);
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
    void props.pane.shown.value;
    return <div ref={box} class="volume-readout" aria-hidden="true">{at.value && readout(props, at.value)}</div>;
}

function readout(props: Props, [x, y]: Point): string {
    const here = planeIn(props);
    if (!here) return "";
    const { view, volumes } = here;
    const p = view.toPatient(x, y);
    const value = view.volume.valueAt(p);
    const unit = volumes.unitOf(props.pane.content.value);
    const over = volumes.fusion.value;
    const above = over && over.volume !== view.volume ? over.volume.valueAt(p) : undefined;
    return [
        p.map((mm) => mm.toFixed(1)).join("  "),
        value !== undefined && valueText(value * unit.factor, unit.name),
        above !== undefined && valueText(above * over!.unit.factor, over!.unit.name),
    ].filter(Boolean).join("   ");
}

/** Turns what is in space, while the left button has no tool of its own there. */
export function TurnLayer({ reading, pane }: Props) {
    const volumes = volumesOf(reading);
    void volumes.viewed.value;
    const view = volumes.views.get(pane);
    if (pane.mode.value !== "3d" || !view || reading.tool.value !== "window") return null;
    return <div class="turn" data-volume-handle="turn" onPointerDown={(e) => !e.shiftKey && !e.ctrlKey && drag(e, (_, [dx, dy]) => (view as SpaceView).turn(dx, dy))} />;
}
