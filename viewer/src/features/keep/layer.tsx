/** The drawings and shutters of the presentation state that is in force, over the picture. */

import type { Drawn, Shutter } from "../../dicom/gsps";
import type { StackState } from "../../imaging";
import type { Pane } from "../reading/pane";
import type { Keeper } from "./model";

type Point = readonly [number, number];
type Place = (p: Point) => Point;

const imagePlace = ([a, b, c, d, e, f]: StackState["toPane"]): Place => ([x, y]) => [a * x + c * y + e, b * x + d * y + f];
const said = (points: readonly Point[]) => points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" ");

/* Points of an ellipse by the ends of its axes: they may be turned and stretched afterwards. */
function ring([p, q, r, s]: readonly Point[]): Point[] {
    const center: Point = [(p![0] + q![0]) / 2, (p![1] + q![1]) / 2];
    const [u, v] = [[q![0] - center[0], q![1] - center[1]], [(s![0] - r![0]) / 2, (s![1] - r![1]) / 2]] as const;
    return Array.from({ length: 72 }, (_, i) => (i * Math.PI) / 36).map((a) => [center[0] + u[0] * Math.cos(a) + v[0] * Math.sin(a), center[1] + u[1] * Math.cos(a) + v[1] * Math.sin(a)] as const);
}

function circle(center: Point, radius: number): Point[] {
    const [x, y] = center;
    return ring([[x - radius, y], [x + radius, y], [x, y - radius], [x, y + radius]]);
}

/* A curve through the points (Catmull-Rom). */
function curve(points: readonly Point[]): Point[] {
    const at = (i: number) => points[Math.max(0, Math.min(points.length - 1, i))]!;
    return points.slice(0, -1).flatMap((_, i) =>
        Array.from({ length: 8 }, (_, k) => k / 8).map((u) => {
            const part = (axis: 0 | 1) => {
                const [p0, p1, p2, p3] = [at(i - 1)[axis], at(i)[axis], at(i + 1)[axis], at(i + 2)[axis]];
                return 0.5 * (2 * p1 + (p2 - p0) * u + (2 * p0 - 5 * p1 + 4 * p2 - p3) * u * u + (3 * p1 - p0 - 3 * p2 + p3) * u ** 3);
            };
            return [part(0), part(1)] as const;
        }),
    ).concat(points.slice(-1));
}

function outline(d: Drawn): readonly Point[] {
    const [first, second] = d.points;
    if (d.type === "ELLIPSE" && d.points.length === 4) return ring(d.points);
    if (d.type === "CIRCLE" && first && second) return circle(first, Math.hypot(second[0] - first[0], second[1] - first[1]));
    return d.type === "INTERPOLATED" ? curve(d.points) : d.points;
}

function Shape({ d, place }: { d: Drawn; place: Place }) {
    const points = outline(d).map(place);
    const [x, y] = points[0]!;
    if (d.type === "TEXT")
        return (
            <g>
                {d.text.split(/\r\n|\r|\n/).slice(0, 20).map((line, i) => (
                    <text key={i} x={x + 6} y={y - 6 + 15 * i} fill={d.color}>{line}</text>
                ))}
            </g>
        );
    if (d.type === "POINT") return <path d={`M${x - 5} ${y}h10M${x} ${y - 5}v10`} stroke={d.color} />;
    return <polyline points={said(points)} stroke={d.color} fill={d.filled ? d.color : "none"} />;
}

function hole(s: Shutter): readonly Point[] {
    if (s.shape === "circle") return circle(s.center, s.radius);
    if (s.shape === "polygon") return s.points;
    const { left, top, right, bottom } = s.area;
    return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

export function Laid({ keeper, pane }: { keeper: Keeper; pane: Pane }) {
    const [applied, state, view] = [keeper.applied.value, pane.state.value, pane.stack];
    if (!applied || !state || !view) return null;
    const { info } = state;
    if (!applied.images.some((k) => k.instance === info.instance && k.frame === info.frame)) return null;
    const { width, height } = view.size;
    const place = imagePlace(state.toPane);
    const inPane: Place = ([x, y]) => [x * width, y * height];
    const drawn = applied.drawn.filter((d) => !d.on || (d.on.instance === info.instance && d.on.frame === info.frame));
    return (
        <svg class="keep-layer" width={width} height={height} aria-hidden="true" data-state={applied.uid}>
            {applied.shutters.map((s, i) => (
                <path key={`s${i}`} class="keep-shutter" fill-rule="evenodd" d={`M0 0H${width}V${height}H0ZM${said(hole(s).map(place))}Z`} />
            ))}
            {drawn.map((d, i) => (
                <Shape key={i} d={d} place={d.inPane ? inPane : place} />
            ))}
        </svg>
    );
}
