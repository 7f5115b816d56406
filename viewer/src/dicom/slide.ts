/** Whole slides: a pyramid of images, each cut into tiles, and where on the slide they lie.   PS3.3 §A.32.8, §C.8.12.4, §C.7.6.17.3 */

import { items, number, numbers, text, Tag, type Dataset } from "../dicomweb/json";
import { apartKind, isSlide, type ApartKind } from "./slide-kind";

export type Point = readonly [x: number, y: number];
export type Point3 = readonly [x: number, y: number, z: number];

/** A place in the pixels of a whole image, from its upper left corner. */
export interface Tile {
    instance: string;
    frame: number; /* from 1 */
    x: number;
    y: number;
}

/* One instance, or one part of it, with the tiles that it has. */
interface Source {
    instance: string;
    frames: number;
    offset: number; /* frames of the same image that other instances hold before (concatenations) */
    paths: readonly string[];
    planes: number;
    sparse: ReadonlyMap<string, readonly Tile[]> | undefined; /* by path, plane and cell; undefined: in rows, all of them */
}

export interface Level {
    columns: number;
    rows: number;
    tileColumns: number;
    tileRows: number;
    mmX: number; /* from one column to the next; 0: not known */
    mmY: number;
    isGrey: boolean;
    dataset: Dataset; /* of its first instance */
    sources: readonly Source[];
}

/** What belongs to the slide and is no level of it. */
export interface Apart {
    kind: ApartKind;
    instance: string;
}

export interface Slide {
    levels: readonly Level[]; /* the finest first */
    apart: readonly Apart[];
    paths: readonly { id: string; name: string }[];
    planes: number; /* focal planes */
    /** The middle of the upper left pixel on the slide, in mm, and the directions of rows and columns there. */
    origin: Point3 | undefined;
    across: Point3;
    down: Point3;
}

const pixelsMost = 2 ** 31;
const cellsMost = 2_000_000; /* tiles of a level */

/** Shared or per-frame functional group. */
const groupOf = (ds: Dataset, tag: string): Dataset | undefined => items(items(ds, Tag.sharedGroups)[0], tag)[0];

const pathOf = (group: Dataset | undefined) => text(items(group, "00480207")[0], "00480106");
const cellKey = (path: string, plane: number, column: number, row: number) => `${path}/${plane}/${column}/${row}`;

/* Tiles anywhere, each with its place: kept by the cell of a grid that its corner lies in. */
function sparseTiles(ds: Dataset, tileColumns: number, tileRows: number, paths: readonly string[]): { tiles: Map<string, Tile[]>; planes: number } {
    const instance = text(ds, Tag.sopInstance);
    const shared = pathOf(items(ds, Tag.sharedGroups)[0]) || paths[0] || "";
    const found = items(ds, Tag.perFrameGroups).flatMap((group, i) => {
        const place = items(group, "0048021A")[0];
        const [column, row] = [number(place, "0048021E"), number(place, "0048021F")];
        if (column === undefined || row === undefined || column < 1 || row < 1) return [];
        return [{ tile: { instance, frame: i + 1, x: column - 1, y: row - 1 }, z: number(place, "0040074A") ?? 0, path: pathOf(group) || shared }];
    });
    const depths = [...new Set(found.map((f) => f.z))].sort((a, b) => a - b);
    const tiles = new Map<string, Tile[]>();
    for (const { tile, z, path } of found.slice(0, cellsMost)) {
        const key = cellKey(path, depths.indexOf(z), Math.floor(tile.x / tileColumns), Math.floor(tile.y / tileRows));
        const there = tiles.get(key);
        if (there) there.push(tile);
        else tiles.set(key, [tile]);
    }
    return { tiles, planes: Math.max(1, depths.length) };
}

function pathsOf(ds: Dataset): { id: string; name: string }[] {
    return items(ds, "00480105").map((p) => {
        const id = text(p, "00480106");
        const stain = text(items(p, "00480108")[0], "00080104");
        return { id, name: text(p, "00480107") || stain || id };
    });
}

function sizeOf(ds: Dataset): { columns: number; rows: number; tileColumns: number; tileRows: number } | undefined {
    const [tileColumns = 0, tileRows = 0] = [number(ds, Tag.columns), number(ds, Tag.rows)];
    const [columns = tileColumns, rows = tileRows] = [number(ds, "00480006"), number(ds, "00480007")];
    const isSound = [columns, rows, tileColumns, tileRows].every((n) => Number.isInteger(n) && n > 0 && n <= pixelsMost);
    return isSound && Math.ceil(columns / tileColumns) * Math.ceil(rows / tileRows) <= cellsMost ? { columns, rows, tileColumns, tileRows } : undefined;
}

/* Pixel Spacing is of each level; what lacks it says how large the whole is. */
function spacingOf(ds: Dataset, columns: number, rows: number): readonly [mmX: number, mmY: number] {
    const said = numbers(groupOf(ds, "00289110"), Tag.pixelSpacing);
    if (said.length >= 2 && said[0]! > 0 && said[1]! > 0) return [said[1]!, said[0]!];
    const [width, height] = [number(ds, "00480001") ?? 0, number(ds, "00480002") ?? 0];
    return width > 0 && height > 0 ? [width / columns, height / rows] : [0, 0];
}

function levelFrom(ds: Dataset): Level | undefined {
    const size = sizeOf(ds);
    const instance = text(ds, Tag.sopInstance);
    if (!size || instance === "") return undefined;
    const [mmX, mmY] = spacingOf(ds, size.columns, size.rows);
    const paths = pathsOf(ds).map((p) => p.id);
    const isSparse = text(ds, "00209311") === "TILED_SPARSE" || (text(ds, "00209311") !== "TILED_FULL" && items(items(ds, Tag.perFrameGroups)[0], "0048021A").length > 0);
    const sparse = isSparse ? sparseTiles(ds, size.tileColumns, size.tileRows, paths) : undefined;
    const source: Source = {
        instance,
        frames: Math.max(1, Math.floor(number(ds, Tag.numberOfFrames) ?? 1)),
        offset: Math.max(0, Math.floor(number(ds, "00209228") ?? 0)),
        paths: paths.length > 0 ? paths : [""],
        planes: sparse?.planes ?? Math.max(1, Math.floor(number(ds, "00480303") ?? 1)),
        sparse: sparse?.tiles,
    };
    return { ...size, mmX, mmY, isGrey: (number(ds, Tag.samplesPerPixel) ?? 1) === 1, dataset: ds, sources: [source] };
}

const isSameSize = (a: Level, b: Level) => a.columns === b.columns && a.rows === b.rows && a.tileColumns === b.tileColumns && a.tileRows === b.tileRows;

/** The slide that a series shows; undefined when nothing of it is cut into tiles or laid out as a whole. */
export function slideOf(datasets: readonly Dataset[]): Slide | undefined {
    const all = datasets.filter(isSlide);
    const apart = all.flatMap((ds): Apart[] => {
        const kind = apartKind(ds);
        return kind && text(ds, Tag.sopInstance) ? [{ kind, instance: text(ds, Tag.sopInstance) }] : [];
    });
    const levels: Level[] = [];
    for (const ds of all.filter((d) => apartKind(d) === undefined)) {
        const level = levelFrom(ds);
        const same = level && levels.findIndex((l) => isSameSize(l, level));
        if (!level || same === undefined) continue;
        if (same < 0) levels.push(level);
        else levels[same] = { ...levels[same]!, sources: [...levels[same]!.sources, ...level.sources] };
    }
    if (levels.length === 0) return undefined;
    levels.sort((a, b) => b.columns * b.rows - a.columns * a.rows);
    const base = levels[0]!;
    const paths = new Map(levels.flatMap((l) => pathsOf(l.dataset)).map((p) => [p.id, p]));
    for (const id of base.sources.flatMap((s) => s.paths)) if (!paths.has(id)) paths.set(id, { id, name: id });
    const o = numbers(base.dataset, "00480102");
    const corner = items(base.dataset, "00480008")[0];
    const [x, y] = [number(corner, "0040072A"), number(corner, "0040073A")];
    const placed = o.length >= 6 && x !== undefined && y !== undefined;
    return {
        levels,
        apart,
        paths: [...paths.values()],
        planes: Math.min(1000, Math.max(...base.sources.map((s) => s.planes))),
        origin: placed ? [x, y, number(corner, "0040074A") ?? 0] : undefined,
        across: o.length >= 6 ? [o[0]!, o[1]!, o[2]!] : [0, -1, 0],
        down: o.length >= 6 ? [o[3]!, o[4]!, o[5]!] : [-1, 0, 0],
    };
}

/** The tiles of a level that have their corner in a cell of its grid. In a full image frames go along rows, then down, then
 *  through focal planes, then through optical paths.   PS3.3 §C.7.6.17.3 */
export function tilesAt(level: Level, path: string, plane: number, column: number, row: number): readonly Tile[] {
    const [across, down] = [Math.ceil(level.columns / level.tileColumns), Math.ceil(level.rows / level.tileRows)];
    if (column < 0 || row < 0 || column >= across || row >= down) return [];
    return level.sources.flatMap((s): readonly Tile[] => {
        if (s.sparse) return s.sparse.get(cellKey(path, plane, column, row)) ?? [];
        const at = s.paths.indexOf(path);
        if (at < 0 || plane >= s.planes) return [];
        const frame = ((at * s.planes + plane) * down + row) * across + column - s.offset;
        return frame >= 0 && frame < s.frames ? [{ instance: s.instance, frame: frame + 1, x: column * level.tileColumns, y: row * level.tileRows }] : [];
    });
}

/** The coarsest level that still has a pixel for each pixel on screen. perPixel: of the finest level, for each pixel on screen. */
export function levelFor(slide: Slide, perPixel: number): Level {
    const base = slide.levels[0]!;
    const fitting = slide.levels.filter((l) => base.columns / l.columns <= perPixel * 1.25);
    return fitting[fitting.length - 1] ?? base;
}

/** By how much the pixels are turned clockwise for the slide's X axis to point up and its Y axis to the left: slides of all scanners then
 *  lie the same way round. An orientation that would mirror them is more often a slip than meant, and they stay as stored. */
export function uprightOf(slide: Slide): number {
    const onScreen = (d: Point3): Point => [-d[1], -d[0]];
    const [u, v] = [onScreen(slide.across), onScreen(slide.down)];
    if (u[0] * v[1] - u[1] * v[0] < 0.5) return 0;
    const angle = Math.atan2(u[1], u[0]);
    return Math.abs(angle) < 1e-6 ? 0 : angle;
}

/** A place on the slide, in mm, as a place in the finest level's pixels. */
export function onMatrix(slide: Slide, p: readonly number[]): Point | undefined {
    const { origin, across, down } = slide;
    const { mmX, mmY } = slide.levels[0]!;
    if (!origin || !(mmX > 0) || !(mmY > 0)) return undefined;
    const d = origin.map((o, i) => (p[i] ?? 0) - o);
    const along = (axis: Point3) => d[0]! * axis[0] + d[1]! * axis[1] + d[2]! * axis[2];
    return [along(across) / mmX + 0.5, along(down) / mmY + 0.5];
}

/** "250 µm", "1.25 mm", "40 px". */
export function lengthText(mm: number | undefined, pixels: number): string {
    if (mm === undefined) return `${Number(pixels.toPrecision(4))} px`;
    return mm < 1 ? `${Number((mm * 1000).toPrecision(4))} µm` : `${Number(mm.toPrecision(4))} mm`;
}

/** The length of a line on the slide. */
export function lengthOf(slide: Slide, a: Point, b: Point): string {
    const { mmX, mmY } = slide.levels[0]!;
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    return lengthText(mmX > 0 && mmY > 0 ? Math.hypot(dx * mmX, dy * mmY) : undefined, Math.hypot(dx, dy));
}

/** A round length that is not longer than `most` on screen. pxPerMm: pixels on screen. */
export function scaleBar(pxPerMm: number, most: number): { text: string; px: number } {
    const power = 10 ** Math.floor(Math.log10(most / pxPerMm));
    const lead = most / pxPerMm / power;
    const mm = (lead >= 5 ? 5 : lead >= 2 ? 2 : 1) * power;
    return { text: lengthText(mm, 0), px: mm * pxPerMm };
}
