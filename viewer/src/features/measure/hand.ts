/** The pointer on a pane while something is measured: what it draws, and what it takes hold of. */

import { Livewire } from "../../dicom/livewire";
import type { ImagePoint, Kind, Measurement } from "../../dicom/measurement";
import { distance, isDrawnFree, nearest, outline, spline } from "../../dicom/shape";
import { onImage, onPane, type Spot } from "../reading/affine";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { handlesOf, majorFirst, movedInside, pointsFrom, withHandle } from "./edit";
import { calibration, complete, deskOf, groundOn, isCalibration, marksOn, metricOn, newMark, put, withPoints } from "./model";

const clickPx = 4; /* a press that moves less is a click */
const handlePx = 9;
const linePx = 6;
const closePx = 10; /* an outline that ends this near its start is closed */
const stepPx = 2.5; /* of a line drawn freehand */

/** The tools and how many points each wants; 0: as many as the reader places. */
const wanted: Readonly<Partial<Record<string, readonly [kind: Kind, points: number]>>> = {
    "measure.length": ["length", 2],
    "measure.bidirectional": ["bidirectional", 2],
    "measure.angle": ["angle", 3],
    "measure.cobb": ["cobb", 4],
    "measure.ellipse": ["ellipse", 2],
    "measure.rectangle": ["rectangle", 2],
    "measure.circle": ["circle", 2],
    "measure.freehand": ["freehand", 0],
    "measure.spline": ["spline", 0],
    "measure.livewire": ["livewire", 0],
    "measure.arrow": ["arrow", 2],
    "measure.probe": ["probe", 1],
    "measure.label": ["label", 1],
    "measure.calibrate": ["length", 2],
};

export const isTool = (tool: string): boolean => wanted[tool] !== undefined;

interface Hit {
    mark: Measurement;
    handle: number; /* -1: the line itself */
}

/** The mark under a point of the pane: handles before lines, the chosen one first. */
export function hitAt(r: Reading, pane: Pane, spot: Spot, reach = 1): Hit | undefined {
    const face = pane.face.value;
    if (!face) return undefined;
    const chosen = r.marks.selected.value;
    const here = marksOn(r, pane).filter((m) => m.points && m.points.length > 0);
    const ordered = [...here.filter((m) => m.uid !== chosen), ...here.filter((m) => m.uid === chosen)].reverse();
    for (const mark of ordered) {
        const handle = handlesOf(mark).find((i) => distance(onPane(face.toPane, mark.points![i]!), spot) <= handlePx * reach);
        if (handle !== undefined) return { mark, handle };
    }
    return ordered.map((mark) => ({ mark, handle: -1 })).find(({ mark }) => lineAway(r, pane, mark, spot) <= linePx * reach);
}

function lineAway(r: Reading, pane: Pane, m: Measurement, spot: Spot): number {
    const toPane = pane.face.value!.toPane;
    const shape = { kind: m.kind, points: m.points!, closed: m.closed === true };
    const line = outline(shape, metricOn(r, pane, m.points!)).map((p) => onPane(toPane, p));
    if (m.kind === "cobb" || m.kind === "bidirectional") return Math.min(nearest(spot, line.slice(0, 2), false).away, nearest(spot, line.slice(2), false).away);
    const isRound = m.kind === "ellipse" || m.kind === "circle" || m.kind === "rectangle";
    return nearest(spot, line, isRound || m.closed === true).away;
}

interface Hold {
    pane: Pane;
    face: string; /* its id */
    mark: Measurement; /* as it was */
    handle: number;
    from: ImagePoint;
    start: Spot;
    hasMoved: boolean;
}

interface Drawing {
    pane: Pane;
    face: string;
    tool: string;
    kind: Kind;
    points: number; /* how many it wants, 0: many */
    placed: ImagePoint[];
    mark: Measurement;
    down: Spot | undefined; /* where the button went down to place the latest point */
    wire: Livewire | undefined;
    traced: ImagePoint[]; /* of a live wire: the way up to the latest point */
}

/** One for each study that is open. */
export class Hand {
    private hold: Hold | undefined;
    private drawing: Drawing | undefined;
    private readonly desk;

    constructor(private readonly r: Reading) {
        this.desk = deskOf(r);
    }

    get isBusy(): boolean {
        return this.hold !== undefined || this.drawing !== undefined;
    }

    /** Whether the press is ours; if so it has begun. */
    press(pane: Pane, spot: Spot, isCoarse: boolean): boolean {
        const face = pane.face.value;
        if (!face || this.hold) return this.isBusy;
        this.desk.menu.value = undefined;
        if (this.desk.question.value) this.desk.question.value.answer(undefined);
        if (this.drawing && this.drawing.pane === pane) return this.place(spot), true;
        this.cancel();
        const hit = hitAt(this.r, pane, spot, isCoarse ? 1.8 : 1);
        const point = onImage(face.toPane, spot);
        if (hit) {
            this.r.marks.selected.value = hit.mark.uid;
            this.hold = { pane, face: face.id, mark: hit.mark, handle: hit.handle, from: point, start: spot, hasMoved: false };
            return true;
        }
        const tool = this.r.tool.value;
        const [kind, points] = wanted[tool] ?? [];
        this.r.marks.selected.value = "";
        if (!kind || points === undefined || (!face.on && tool === "measure.calibrate")) return false;
        this.drawing = { pane, face: face.id, tool, kind, points, placed: [], mark: newMark(kind, face.on), down: undefined, wire: undefined, traced: [] };
        if (tool === "measure.calibrate") this.drawing.mark = { ...this.drawing.mark, finding: calibration };
        this.place(spot);
        return true;
    }

    move(pane: Pane, spot: Spot): void {
        const { hold, drawing } = this;
        if (hold?.pane === pane) this.drag(hold, spot);
        else if (drawing?.pane === pane) this.follow(drawing, spot);
        else this.desk.hover.value = hitAt(this.r, pane, spot)?.mark.uid ?? "";
    }

    release(pane: Pane, spot: Spot): void {
        const { hold, drawing } = this;
        if (hold) {
            this.hold = undefined;
            const live = this.desk.live.value;
            this.show(undefined, pane);
            if (live && hold.hasMoved) this.keep(this.tidy(live, pane), pane);
        } else if (drawing?.pane === pane) this.lift(drawing, spot);
    }

    /** Ends an outline of many points as it is; true when there was one. */
    finishOpen(): boolean {
        const d = this.drawing;
        if (!d || d.points !== 0) return false;
        this.finish(d, this.pointsOf(d, d.placed), false);
        return true;
    }

    cancel(): boolean {
        const wasBusy = this.isBusy;
        this.hold = this.drawing = undefined;
        this.show(undefined, undefined);
        return wasBusy;
    }

    /** The press has become something else, as a second finger does: what it began is taken back, an outline keeps its points. */
    withdraw(): void {
        const d = this.drawing;
        if (!d || d.down !== undefined || d.kind === "freehand" || d.points === 1) this.cancel();
    }

    /** Another picture is on screen: what was begun on this one ends. */
    left(pane: Pane): void {
        const begun = this.drawing ?? this.hold;
        if (begun?.pane === pane && begun.face !== pane.face.value?.id) this.cancel();
    }

    private show(m: Measurement | undefined, pane: Pane | undefined): void {
        this.desk.live.value = m;
        this.desk.liveOn.value = m && pane;
    }

    private inside(pane: Pane, spot: Spot): ImagePoint {
        const { toPane, frame } = pane.face.value!;
        const [x, y] = onImage(toPane, spot);
        return [Math.max(0, Math.min(frame.columns, x)), Math.max(0, Math.min(frame.rows, y))];
    }

    private drag(h: Hold, spot: Spot): void {
        const face = h.pane.face.value;
        const ground = groundOn(this.r, h.pane);
        if (!face || !ground || h.mark.locked) return;
        if (!h.hasMoved && distance(h.start, spot) < clickPx) return;
        h.hasMoved = true;
        const points = h.mark.points!;
        const to = onImage(face.toPane, spot);
        const whole = h.handle < 0 || points.length === 1 || (h.mark.kind === "circle" && h.handle === 0);
        const next = whole
            ? movedInside(points, to[0] - h.from[0], to[1] - h.from[1], face.frame.columns, face.frame.rows)
            : withHandle(h.mark, h.handle, this.inside(h.pane, spot), metricOn(this.r, h.pane, points));
        this.show(withPoints(h.mark, next, ground, face.frame), h.pane);
    }

    private place(spot: Spot): void {
        const d = this.drawing!;
        const begins = d.placed.length === 0 || (d.kind === "cobb" && d.placed.length === 2);
        d.down = begins ? spot : undefined;
        if (begins) d.placed.push(this.inside(d.pane, spot));
        if (begins && d.kind === "livewire") this.wire(d);
        this.follow(d, spot);
    }

    private follow(d: Drawing, spot: Spot): void {
        const face = d.pane.face.value;
        const ground = groundOn(this.r, d.pane);
        if (!face || !ground) return;
        const to = this.inside(d.pane, spot);
        if (d.kind === "freehand") {
            const last = onPane(face.toPane, d.placed.at(-1)!);
            if (distance(last, spot) >= stepPx) d.placed.push(to);
        }
        const points = d.kind === "freehand" || d.points === 1 ? d.placed : this.pointsOf(d, d.placed, to);
        this.show(withPoints(d.mark, points, ground, face.frame), d.pane);
    }

    /* `to`: where the hand is, not placed yet. */
    private pointsOf(d: Drawing, placed: readonly ImagePoint[], to?: ImagePoint): readonly ImagePoint[] {
        if (d.kind === "livewire") return to ? [...d.traced, ...this.wayTo(d, to)] : d.traced;
        const all = to ? [...placed, to] : placed;
        return d.kind === "spline" ? spline(all, false) : pointsFrom(d.kind, all, metricOn(this.r, d.pane, all));
    }

    /* From the latest point, without it; straight where there are no values to go by. */
    private wayTo(d: Drawing, to: ImagePoint): ImagePoint[] {
        return d.wire?.path(to).slice(1) ?? [to];
    }

    private wire(d: Drawing): void {
        const grid = groundOn(this.r, d.pane)?.grid;
        d.wire = grid && new Livewire(grid, d.placed.at(-1)!);
        if (d.traced.length === 0) d.traced = [d.placed[0]!];
    }

    private lift(d: Drawing, spot: Spot): void {
        const toPane = d.pane.face.value!.toPane;
        if (d.kind === "freehand") {
            const isClosed = d.placed.length > 8 && distance(onPane(toPane, d.placed[0]!), spot) <= 2 * closePx;
            return this.finish(d, d.placed, isClosed);
        }
        const isClick = d.down !== undefined && distance(d.down, spot) < clickPx;
        d.down = undefined;
        if (d.points === 1) return this.finish(d, [this.inside(d.pane, spot)], false);
        if (isClick) return;
        const to = this.inside(d.pane, spot);
        if (d.points === 0) return this.extend(d, spot, to);
        d.placed.push(to);
        if (d.placed.length === d.points) this.finish(d, this.pointsOf(d, d.placed), false);
    }

    /* A click on the first point closes the outline, one on the latest ends it open. */
    private extend(d: Drawing, spot: Spot, to: ImagePoint): void {
        const toPane = d.pane.face.value!.toPane;
        const isNear = (p: ImagePoint, px: number) => distance(onPane(toPane, p), spot) <= px;
        if (d.placed.length > 1 && isNear(d.placed.at(-1)!, clickPx)) return this.finish(d, this.pointsOf(d, d.placed), false);
        if (d.placed.length > 2 && isNear(d.placed[0]!, closePx)) {
            const closed = d.kind === "spline" ? spline(d.placed, true) : [...d.traced, ...this.wayTo(d, d.placed[0]!).slice(0, -1)];
            return this.finish(d, closed, true);
        }
        if (d.kind === "livewire") d.traced = [...d.traced, ...this.wayTo(d, to)];
        d.placed.push(to);
        if (d.kind === "livewire") this.wire(d);
    }

    private finish(d: Drawing, points: readonly ImagePoint[], isClosed: boolean): void {
        this.drawing = undefined;
        const face = d.pane.face.value;
        const ground = groundOn(this.r, d.pane);
        const isNothing = points.length === 0 || (d.points !== 1 && points.every((p) => distance(p, points[0]!) < 0.01)) || (isDrawnFree(d.kind) && points.length < 3);
        if (!face || !ground || isNothing) return this.show(undefined, undefined);
        const closing = isDrawnFree(d.kind) ? { closed: isClosed } : {};
        const mark = this.tidy(withPoints({ ...d.mark, ...closing }, points, ground, face.frame), d.pane);
        const add = (m: Measurement) => {
            this.keep(m, d.pane);
            this.r.marks.selected.value = m.uid;
        };
        if (isCalibration(mark)) return this.calibrate(mark, d.pane, add);
        if (mark.kind !== "arrow" && mark.kind !== "label") return this.show(undefined, undefined), add(mark);
        this.show(mark, d.pane);
        this.ask(d.pane, "text", mark.points![0]!, "", (said) => {
            if (said !== undefined && said.trim() !== "") add({ ...mark, label: said.trim() });
            else if (mark.kind === "arrow") add(mark);
        });
    }

    private calibrate(mark: Measurement, pane: Pane, add: (m: Measurement) => void): void {
        this.show(mark, pane);
        this.ask(pane, "millimetres", mark.points![1]!, "", (said) => {
            const mm = Number(said?.replace(",", "."));
            if (mm > 0 && Number.isFinite(mm)) add({ ...mark, quantities: [{ name: "length", value: mm, unit: "mm" }], spacing: "user" });
        });
    }

    ask(pane: Pane, kind: "text" | "millimetres", at: ImagePoint, value: string, answer: (value: string | undefined) => void): void {
        this.desk.question.value = {
            pane, kind, at, value,
            answer: (said) => {
                this.desk.question.value = undefined;
                this.show(undefined, undefined);
                answer(said);
            },
        };
    }

    private keep(m: Measurement, pane: Pane): void {
        put(this.r, m);
        void complete(this.r, pane, m.uid);
    }

    private tidy(m: Measurement, pane: Pane): Measurement {
        if (m.kind !== "ellipse" || !m.points) return m;
        const points = majorFirst(m.points, metricOn(this.r, pane, m.points));
        const face = pane.face.value;
        const ground = groundOn(this.r, pane);
        return points === m.points || !face || !ground ? m : withPoints(m, points, ground, face.frame);
    }
}

const hands = new WeakMap<Reading, Hand>();

export function handOf(r: Reading): Hand {
    let hand = hands.get(r);
    if (!hand) hands.set(r, (hand = new Hand(r)));
    return hand;
}
