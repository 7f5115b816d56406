/** A slide in a pane as a map: tiles of the level that suits the zoom over those of coarser ones, turned and mirrored as one likes. */

import type { Shapes } from "../dicom/slide-annotations";
import { levelFor, slideOf, tilesAt, uprightOf, type Level, type Point, type Slide, type Tile } from "../dicom/slide";
import { number, numbers, Tag } from "../dicomweb/json";
import { Tiles } from "./slide-tiles";
import type { OwnView, Shown } from "./view";

export { slideOf };

/** Places in the finest level's pixels to CSS pixels of the pane: x = a·x + c·y + e, y = b·x + d·y + f. */
export interface Map2 {
    a: number;
    b: number;
    c: number;
    d: number;
    e: number;
    f: number;
}

export const through = (m: Map2, [x, y]: Point): Point => [m.a * x + m.c * y + m.e, m.b * x + m.d * y + m.f];
export function back(m: Map2, [x, y]: Point): Point {
    const det = m.a * m.d - m.b * m.c;
    const [dx, dy] = [x - m.e, y - m.f];
    return [(m.d * dx - m.c * dy) / det, (m.a * dy - m.b * dx) / det];
}

/** Annotations to draw, and how. */
export interface Drawn {
    shapes: Shapes;
    color: string;
}

const tilesMost = 400; /* at once: more of a level are too fine for the screen, and a coarser one is missing */
const overviewMost = 64; /* tiles of the overview */
const coarsest = 0.5; /* of the pane that the whole slide fills when zoomed out */
const finest = 40; /* CSS pixels a pixel */
const shapesMost = 60_000; /* drawn at once */

export class SlideView implements OwnView {
    readonly canvas = document.createElement("canvas");
    private readonly tiles: Tiles;
    private readonly resizing: ResizeObserver;
    private centre: Point;
    private scale = 0; /* CSS pixels for a pixel of the finest level; 0: not yet fitted */
    private angle = 0;
    private isMirrored = false;
    private plane = 0;
    private grey: { center: number; width: number } | undefined;
    private asked = 0;
    private closed = false;
    /** Nothing suits this zoom: the slide has no coarser level. */
    isTooFine = false;
    path: string;
    drawn: readonly Drawn[] = [];

    constructor(
        private readonly element: HTMLElement,
        readonly slide: Slide,
        ref: { study: string; series: string },
        private readonly onShown: (shown: Shown) => void,
        private readonly onClose: () => void,
    ) {
        this.tiles = new Tiles(ref.study, ref.series, () => this.redraw());
        this.path = slide.paths[0]?.id ?? "";
        this.centre = [this.base.columns / 2, this.base.rows / 2];
        if (this.base.isGrey) this.openWindow();
        this.straighten();
        this.canvas.className = "slide-canvas";
        element.append(this.canvas);
        this.resizing = new ResizeObserver(() => this.redraw());
        this.resizing.observe(element);
    }

    get base(): Level {
        return this.slide.levels[0]!;
    }

    /* Of tiles of 16 bits each would get a window of its own otherwise. */
    private openWindow(): void {
        const ds = this.base.dataset;
        const [center] = numbers(ds, Tag.windowCenter);
        const [width] = numbers(ds, Tag.windowWidth);
        const whole = 2 ** (number(ds, Tag.bitsStored) ?? 8);
        this.setGrey(center !== undefined && width !== undefined && width >= 1 ? { center, width } : { center: whole / 2, width: whole });
    }

    private setGrey(grey: { center: number; width: number }): void {
        this.grey = grey;
        this.tiles.window = `&window=${Number(grey.center.toFixed(2))},${Number(grey.width.toFixed(2))},linear`;
    }

    private straighten(): void {
        this.angle = uprightOf(this.slide);
        this.isMirrored = false;
    }

    private get size(): Point {
        return [this.element.clientWidth, this.element.clientHeight];
    }

    /* How much higher than wide a pixel is. */
    private get aspect(): number {
        const { mmX, mmY } = this.base;
        return mmX > 0 && mmY > 0 ? mmY / mmX : 1;
    }

    private turned(angle: number, scale: number, centre: Point, [x, y]: Point): Map2 {
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        const flip = this.isMirrored ? -1 : 1;
        const [sx, sy] = [scale, scale * this.aspect];
        const m = { a: cos * sx, b: sin * sx, c: -sin * flip * sy, d: cos * flip * sy, e: 0, f: 0 };
        const [cx, cy] = through(m, centre);
        return { ...m, e: x - cx, f: y - cy };
    }

    get map(): Map2 {
        const [width, height] = this.size;
        return this.turned(this.angle, this.scale, this.centre, [width / 2, height / 2]);
    }

    /** The whole slide in a box of that size. */
    mapInto(width: number, height: number): Map2 {
        return this.turned(this.angle, this.fitScale(width, height), [this.base.columns / 2, this.base.rows / 2], [width / 2, height / 2]);
    }

    private fitScale(width: number, height: number): number {
        const [w, h] = [this.base.columns, this.base.rows * this.aspect];
        const [cos, sin] = [Math.abs(Math.cos(this.angle)), Math.abs(Math.sin(this.angle))];
        return Math.min(width / (w * cos + h * sin), height / (w * sin + h * cos));
    }

    /** Millimetres for one CSS pixel; 0 when the slide does not say. */
    get mmPerPx(): number {
        return this.base.mmX / this.scale;
    }

    redraw(): void {
        if (this.asked !== 0 || this.closed) return;
        this.asked = requestAnimationFrame(() => {
            this.asked = 0;
            const [width, height] = this.size;
            if (this.closed || width === 0 || height === 0) return;
            if (this.scale === 0) this.scale = this.fitScale(width, height) * 0.98;
            const dense = devicePixelRatio || 1;
            this.canvas.width = Math.round(width * dense);
            this.canvas.height = Math.round(height * dense);
            const context = this.canvas.getContext("2d")!;
            context.scale(dense, dense);
            const { missing, isTooFine } = this.paint(context, this.map, width, height, dense);
            this.isTooFine = isTooFine;
            this.paintShapes(context, width, height);
            this.tiles.want([...missing, ...this.overviewMissing()]);
            this.onShown(this.told());
        });
    }

    /** Draws what there is of the slide, coarse levels first; answers what is missing. */
    paint(context: CanvasRenderingContext2D, map: Map2, width: number, height: number, dense: number): { missing: { level: Level; tile: Tile }[]; isTooFine: boolean } {
        const perPixel = 1 / (Math.hypot(map.a, map.b) * dense);
        const wanted = levelFor(this.slide, perPixel);
        const missing: { level: Level; tile: Tile }[] = [];
        const corners = [[0, 0], [width, 0], [width, height], [0, height]].map((p) => back(map, p as unknown as Point));
        const ends = (axis: 0 | 1) => [Math.min(...corners.map((c) => c[axis])), Math.max(...corners.map((c) => c[axis]))] as const;
        const [[left, right], [top, bottom]] = [ends(0), ends(1)];
        const middle = back(map, [width / 2, height / 2]);
        let isTooFine = false;
        context.imageSmoothingEnabled = perPixel > 0.5;
        for (const level of [...this.slide.levels].reverse()) {
            if (level.columns > wanted.columns) break;
            const [kx, ky] = [this.base.columns / level.columns, this.base.rows / level.rows];
            const [first, last] = [[Math.floor(left / kx / level.tileColumns) - 1, Math.floor(top / ky / level.tileRows) - 1], [Math.floor(right / kx / level.tileColumns), Math.floor(bottom / ky / level.tileRows)]] as const;
            const [across, down] = [Math.ceil(level.columns / level.tileColumns), Math.ceil(level.rows / level.tileRows)];
            const [fromX, toX, fromY, toY] = [Math.max(0, first[0]!), Math.min(across - 1, last[0]!), Math.max(0, first[1]!), Math.min(down - 1, last[1]!)];
            if ((toX - fromX + 1) * (toY - fromY + 1) > tilesMost) {
                isTooFine ||= level === wanted;
                continue;
            }
            for (let row = fromY; row <= toY; row++)
                for (let column = fromX; column <= toX; column++)
                    for (const tile of tilesAt(level, this.path, this.plane, column, row)) {
                        const picture = this.tiles.picture(level, tile);
                        if (picture) this.place(context, map, level, tile, picture, kx, ky);
                        else if (level === wanted || level === this.slide.levels[this.slide.levels.length - 1]) missing.push({ level, tile });
                    }
        }
        const far = ({ level, tile }: { level: Level; tile: Tile }) => {
            const [kx, ky] = [this.base.columns / level.columns, this.base.rows / level.rows];
            return Math.hypot((tile.x + level.tileColumns / 2) * kx - middle[0], (tile.y + level.tileRows / 2) * ky - middle[1]) - (level === wanted ? 0 : 1e12);
        };
        return { missing: missing.map((m) => ({ m, far: far(m) })).sort((p, q) => p.far - q.far).map(({ m }) => m), isTooFine };
    }

    /* The coarsest level as a whole, where it is small: the overview shows it. */
    private overviewMissing(): { level: Level; tile: Tile }[] {
        const level = this.slide.levels[this.slide.levels.length - 1]!;
        const [across, down] = [Math.ceil(level.columns / level.tileColumns), Math.ceil(level.rows / level.tileRows)];
        if (across * down > overviewMost) return [];
        const cells = Array.from({ length: across * down }, (_, i) => tilesAt(level, this.path, this.plane, i % across, Math.floor(i / across)));
        return cells.flat().filter((tile) => !this.tiles.picture(level, tile)).map((tile) => ({ level, tile }));
    }

    /* The part of a tile that is image: those at the right and lower edge are filled up. */
    private place(context: CanvasRenderingContext2D, map: Map2, level: Level, tile: Tile, picture: ImageBitmap, kx: number, ky: number): void {
        const width = Math.min(level.tileColumns, level.columns - tile.x);
        const height = Math.min(level.tileRows, level.rows - tile.y);
        if (width <= 0 || height <= 0) return;
        const [sx, sy] = [picture.width / level.tileColumns, picture.height / level.tileRows];
        context.save();
        context.transform(map.a, map.b, map.c, map.d, map.e, map.f);
        const seam = 1 / Math.hypot(map.a, map.b); /* neighbours overlap a little: no gaps between them */
        context.drawImage(picture, 0, 0, width * sx, height * sy, tile.x * kx, tile.y * ky, width * kx + seam, height * ky + seam);
        context.restore();
    }

    private paintShapes(context: CanvasRenderingContext2D, width: number, height: number): void {
        const m = this.map;
        const corners = [[0, 0], [width, 0], [width, height], [0, height]].map((p) => back(m, p as unknown as Point));
        const [left, right] = [Math.min(...corners.map((c) => c[0])), Math.max(...corners.map((c) => c[0]))];
        const [top, bottom] = [Math.min(...corners.map((c) => c[1])), Math.max(...corners.map((c) => c[1]))];
        let budget = shapesMost;
        for (const { shapes, color } of this.drawn) {
            context.strokeStyle = context.fillStyle = color;
            context.lineWidth = 1.5;
            for (let s = 0; s + 1 < shapes.starts.length && budget > 0; s++) {
                const [l, t, r, b] = shapes.boxes.subarray(4 * s, 4 * s + 4) as unknown as [number, number, number, number];
                if (!(r >= left && l <= right && b >= top && t <= bottom)) continue;
                budget--;
                this.paintShape(context, m, shapes, s, Math.max(r - l, b - t) * this.scale);
            }
        }
    }

    private paintShape(context: CanvasRenderingContext2D, m: Map2, shapes: Shapes, s: number, px: number): void {
        const { points, starts, graphic } = shapes;
        const at = (i: number) => through(m, [points[2 * i]!, points[2 * i + 1]!]);
        const [first, end] = [starts[s]!, starts[s + 1]!];
        if (graphic === "POINT" || px < 2) {
            const [x, y] = at(first);
            const side = graphic === "POINT" ? 5 : 2;
            return context.fillRect(x - side / 2, y - side / 2, side, side);
        }
        context.beginPath();
        if (graphic === "ELLIPSE" && end - first === 4) { /* the ends of the long axis, then of the short one */
            const [p, q, u, v] = [at(first), at(first + 1), at(first + 2), at(first + 3)];
            context.ellipse((p[0] + q[0]) / 2, (p[1] + q[1]) / 2, Math.hypot(q[0] - p[0], q[1] - p[1]) / 2, Math.hypot(v[0] - u[0], v[1] - u[1]) / 2, Math.atan2(q[1] - p[1], q[0] - p[0]), 0, 2 * Math.PI);
        } else {
            for (let i = first; i < end; i++) context.lineTo(...at(i));
            if (graphic !== "POLYLINE") context.closePath();
        }
        context.stroke();
    }

    private told(): Shown {
        const { columns, rows } = this.base;
        const level = levelFor(this.slide, 1 / this.scale);
        return {
            place: [this.slide.planes > 1 ? `Z ${this.plane + 1} / ${this.slide.planes}` : ""],
            look: [`${columns} × ${rows}`, level.columns === columns ? "" : `${level.columns} × ${level.rows}`, `${Number((100 * this.scale).toPrecision(3))} %`],
            window: this.grey,
            inverted: false,
            letters: undefined,
            step: this.plane,
            steps: this.slide.planes > 1 ? this.slide.planes : 0,
            scale: this.mmPerPx > 0 ? 1 / this.mmPerPx : 0,
        };
    }

    /** Whether all that is to be seen is here. */
    get isComplete(): boolean {
        return !this.tiles.isBusy && this.asked === 0;
    }

    get failures(): number {
        return this.tiles.failures;
    }

    setWindow(center: number, width: number): void {
        if (!this.grey) return;
        this.setGrey({ center, width: Math.max(1, width) });
        this.redraw();
    }

    toggleInvert(): void {
        /* colours stay as they are */
    }

    scroll(by: number): void {
        this.plane = Math.max(0, Math.min(this.slide.planes - 1, this.plane + by));
        this.redraw();
    }

    pan(dx: number, dy: number): void {
        const [width, height] = this.size;
        this.moveTo(back(this.map, [width / 2 - dx, height / 2 - dy]));
    }

    moveTo([x, y]: Point): void {
        this.centre = [Math.max(0, Math.min(this.base.columns, x)), Math.max(0, Math.min(this.base.rows, y))];
        this.redraw();
    }

    zoom(factor: number): void {
        const [width, height] = this.size;
        this.zoomAt(factor, [width / 2, height / 2]);
    }

    /** What is at that place of the pane stays there. */
    zoomAt(factor: number, at: Point): void {
        const [width, height] = this.size;
        if (this.scale === 0) return;
        const still = back(this.map, at);
        this.scale = Math.max(this.fitScale(width, height) * coarsest, Math.min(finest, this.scale * factor));
        const [x, y] = through(this.map, still);
        this.pan(at[0] - x, at[1] - y);
    }

    /** CSS pixels for a pixel of the finest level. */
    setScale(scale: number): void {
        this.zoom(scale / this.scale);
    }

    rotate(): void {
        this.angle += Math.PI / 2;
        this.redraw();
    }

    flip(): void {
        this.isMirrored = !this.isMirrored;
        this.angle = Math.PI - this.angle; /* left to right on the screen, whatever way it is turned */
        this.redraw();
    }

    fit(): void {
        this.scale = 0;
        this.centre = [this.base.columns / 2, this.base.rows / 2];
        this.redraw();
    }

    reset(): void {
        this.straighten();
        this.plane = 0;
        if (this.base.isGrey) this.openWindow();
        this.fit();
    }

    close(): void {
        if (this.closed) return;
        this.closed = true;
        cancelAnimationFrame(this.asked);
        this.resizing.disconnect();
        this.tiles.close();
        this.canvas.remove();
        this.onClose();
    }
}
