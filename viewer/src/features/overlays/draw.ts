/** Painting what is laid over a pane, in its CSS pixels. */

import { drawnOn, type Spot } from "../../dicom/roi-planes";
import { isolines } from "../../dicom/isodose";
import { doseOver, type DoseGrid } from "../../dicom/rtdose";
import { isocentersOf } from "../../dicom/rtplan";
import { indexed } from "../../dicom/sheaf";
import { paneAt, type Section } from "../../dicom/section";
import { colorMaps } from "../../imaging/colormaps";
import type { LaidDose, LaidMap, LaidPlan, LaidSeg, LaidStructures, LaidObject } from "./model";

export interface Face {
    context: CanvasRenderingContext2D;
    section: Section;
    width: number;
    height: number;
}

const doseStep = 2; /* CSS pixels from sample to sample */
const rimAlpha = 235;

const rgb = (color: string) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)) as [number, number, number];

/* Drawn by way of a canvas of its own: pixels that are put replace what is below them. */
function lay({ context }: Face, image: ImageData, scale: number, isSmooth: boolean): void {
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d")!.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = isSmooth;
    context.drawImage(canvas, 0, 0, image.width * scale, image.height * scale);
}

/** Each segment filled, with its rim solid. Says whether all of it was there. */
export function drawSeg(face: Face, o: LaidSeg): boolean {
    const { head } = o;
    if (!head) return true;
    const { section, width, height } = face;
    const size = head.rows * head.columns;
    const index = indexed(head.sheaf, section, width, height);
    const planes = new Map<number, ReturnType<LaidSeg["plane"]>>();
    const labels = new Uint16Array(width * height);
    const shares = head.kind === "FRACTIONAL" ? new Uint8Array(width * height) : undefined;
    let isWhole = true;
    for (let i = 0; i < index.length; i++) {
        const at = index[i]!;
        if (at < 0) continue;
        const k = Math.floor(at / size);
        if (!planes.has(k)) planes.set(k, o.plane(k, head.sheaf.planes.length * size <= 64 << 20 ? head.sheaf.planes.length : 0));
        const plane = planes.get(k);
        if (!plane) isWhole = false;
        else {
            labels[i] = plane.labels[at - k * size]!;
            if (shares) shares[i] = plane.shares![at - k * size]!;
        }
    }
    const colors = new Map(o.parts.map((p) => [p.number, rgb(o.colorOf(p))]));
    const image = new ImageData(width, height);
    const inside = 255 * o.opacity.value;
    for (let i = 0, x = 0; i < labels.length; i++, x = x + 1 === width ? 0 : x + 1) {
        const label = labels[i]!;
        if (label === 0) continue;
        const color = colors.get(label);
        if (!color) continue;
        const other = (j: number) => labels[j] !== label || (shares !== undefined && shares[i]! >= 128 && shares[j]! < 128);
        const isRim = (!shares || shares[i]! >= 128) && ((x > 0 && other(i - 1)) || (x + 1 < width && other(i + 1)) || (i >= width && other(i - width)) || (i + width < labels.length && other(i + width)));
        image.data.set(color, 4 * i);
        image.data[4 * i + 3] = isRim ? Math.max(inside, rimAlpha) : shares ? (inside * shares[i]!) / 255 : inside;
    }
    lay(face, image, 1, false);
    return isWhole;
}

function path(context: CanvasRenderingContext2D, spots: readonly Spot[], isClosed: boolean): void {
    spots.forEach(([x, y], i) => (i === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
    if (isClosed) context.closePath();
}

export function drawStructures({ context, section }: Face, o: LaidStructures): void {
    const hidden = o.hidden.value;
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    for (const part of o.rois) {
        if (hidden.has(part.number)) continue;
        const { closed, open, points, bands } = drawnOn(part.roi.contours, part.slabs, section);
        if (closed.length + open.length + points.length + bands.length === 0) continue;
        context.strokeStyle = context.fillStyle = o.colorOf(part);
        context.beginPath();
        for (const c of closed) path(context, c, true);
        context.globalAlpha = o.opacity.value;
        context.fill("evenodd");
        context.globalAlpha = 1;
        for (const c of open) path(context, c, false);
        context.stroke();
        for (const band of bands) {
            context.beginPath();
            path(context, band, true);
            context.globalAlpha = Math.max(0.1, o.opacity.value);
            context.fill();
            context.globalAlpha = 1;
            context.beginPath(); /* the two ends are the outline */
            path(context, [band[0]!, band[3]!], false);
            path(context, [band[1]!, band[2]!], false);
            context.stroke();
        }
        for (const [x, y] of points) {
            context.beginPath();
            path(context, [[x - 5, y], [x + 5, y]], false);
            path(context, [[x, y - 5], [x, y + 5]], false);
            context.stroke();
        }
    }
}

/* Colours by value between two ends; what is not above the lower one is left free. */
function washed(values: ArrayLike<number>, width: number, height: number, { low, high }: { low: number; high: number }, map: Uint8Array, opacity: number): ImageData {
    const image = new ImageData(width, height);
    const perStep = 255 / (high - low || 1);
    for (let i = 0; i < values.length; i++) {
        const v = values[i]!;
        if (!(v > low)) continue;
        const at = 4 * Math.min(255, Math.round((v - low) * perStep));
        image.data[4 * i] = map[at]!;
        image.data[4 * i + 1] = map[at + 1]!;
        image.data[4 * i + 2] = map[at + 2]!;
        image.data[4 * i + 3] = 255 * opacity;
    }
    return image;
}

function doseField(face: Face, grid: DoseGrid) {
    const [width, height] = [Math.ceil(face.width / doseStep), Math.ceil(face.height / doseStep)];
    return { width, height, values: doseOver(grid, face.section, width, height, doseStep) };
}

export function drawDose(face: Face, o: LaidDose): void {
    if (!o.grid || (!o.wash.value && !o.lines.value)) return;
    const field = doseField(face, o.grid);
    if (o.wash.value) lay(face, washed(field.values, field.width, field.height, o.range.value, colorMaps[o.map.value], o.opacity.value), doseStep, true);
    if (!o.lines.value) return;
    const { context } = face;
    context.lineWidth = 1.5;
    for (const level of o.levels.value) {
        if (level.isHidden) continue;
        const lines = isolines(field, o.levelValue(level));
        context.strokeStyle = level.color;
        context.beginPath();
        for (let i = 0; i < lines.length; i += 4) {
            context.moveTo((lines[i]! + 0.5) * doseStep, (lines[i + 1]! + 0.5) * doseStep);
            context.lineTo((lines[i + 2]! + 0.5) * doseStep, (lines[i + 3]! + 0.5) * doseStep);
        }
        context.stroke();
    }
}

/** Values as they are stored, without anything between them. */
export function drawMap(face: Face, o: LaidMap): void {
    if (!o.values) return;
    const { sheaf, values } = o.values;
    const index = indexed(sheaf, face.section, face.width, face.height);
    const size = sheaf.rows * sheaf.columns;
    const seen = new Float32Array(index.length).fill(NaN);
    for (let i = 0; i < index.length; i++) {
        const at = index[i]!;
        if (at < 0) continue;
        const k = Math.floor(at / size);
        const frame = sheaf.planes[k]!.frames[o.channel.value];
        if (frame !== undefined) seen[i] = values[(frame - 1) * size + at - k * size]!;
    }
    lay(face, washed(seen, face.width, face.height, o.range.value, colorMaps[o.map.value], o.opacity.value), 1, false);
}

const isocenterLeastMm = 1;

export function drawPlan({ context, section }: Face, o: LaidPlan): void {
    context.lineWidth = 1.5;
    context.strokeStyle = context.fillStyle = "#4de3ff";
    context.font = "12px system-ui, sans-serif";
    for (const { at, beams } of isocentersOf(o.plan)) {
        const { x, y, awayMm } = paneAt(section, at);
        if (Math.abs(awayMm) > Math.max(section.halfMm, isocenterLeastMm)) continue;
        context.beginPath();
        path(context, [[x - 12, y], [x + 12, y]], false);
        path(context, [[x, y - 12], [x, y + 12]], false);
        context.moveTo(x + 6, y);
        context.arc(x, y, 6, 0, 2 * Math.PI);
        context.stroke();
        context.fillText(beams.length > 2 ? `${beams[0]!} +${beams.length - 1}` : beams.join(", "), x + 14, y - 6);
    }
}

/** Everything that is shown and fits, areas before lines. Says whether all of it was there. */
export function drawAll(face: Face, objects: readonly LaidObject[]): boolean {
    let isWhole = true;
    const here = objects.filter((o) => o.state.value === "here");
    for (const o of here) if (o.kind === "map") drawMap(face, o);
    for (const o of here) if (o.kind === "dose") drawDose(face, o);
    for (const o of here) if (o.kind === "seg") isWhole = drawSeg(face, o) && isWhole;
    for (const o of here) if (o.kind === "structures") drawStructures(face, o);
    for (const o of here) if (o.kind === "plan") drawPlan(face, o);
    return isWhole;
}
