/** Draws the paper: millimetres, curves, names, notes. Long stretches are drawn by the highest and lowest sample of each column. */

import { isNotedOn, millivolts, unitText, type Note, type Samples } from "../../dicom/waveform";
import { gutterMm, niceBelow, xOf, yOf, type Page, type Strip } from "./page";

const paper = { ground: "#12100f", fine: "#2b2020", strong: "#4a3232", curve: "#dfe8ef", name: "#f0d9a8", note: "#7fc8f0", pulse: "#9fb0bd" };

function grid(c: CanvasRenderingContext2D, p: Page, px: number): void {
    c.fillStyle = paper.ground;
    c.fillRect(0, 0, c.canvas.width, c.canvas.height);
    for (const [every, color] of [[1, paper.fine], [5, paper.strong]] as const) {
        if (every * px < 3) continue;
        c.fillStyle = color;
        for (let x = 0; x <= p.width; x += every) c.fillRect(Math.round(x * px), 0, 1, c.canvas.height);
        for (let y = 0; y <= p.height; y += every) c.fillRect(0, Math.round(y * px), c.canvas.width, 1);
    }
}

function curve(c: CanvasRenderingContext2D, p: Page, strip: Strip, s: Samples, px: number): void {
    const perPx = s.group.frequency / (p.speed * px); /* samples in a column of pixels */
    const first = s.nearest(strip.channel, strip.fromS);
    const last = s.nearest(strip.channel, strip.fromS + strip.seconds);
    const point = (i: number, value: number) => [xOf(p, strip, s.timeOf(strip.channel, i)) * px, yOf(strip, value) * px] as const;
    c.beginPath();
    let isDown = false;
    for (let i = first; i <= last; i += Math.max(1, Math.floor(perPx))) {
        const range = perPx < 2 ? undefined : s.range(strip.channel, i, i + Math.floor(perPx) + 1);
        const value = range?.[0] ?? s.value(strip.channel, i);
        if (Number.isNaN(value)) isDown = false; /* padding: a gap */
        else {
            const [x, y] = point(i, value);
            if (isDown) c.lineTo(x, y);
            else c.moveTo(x, y);
            if (range) c.lineTo(x, point(i, range[1])[1]);
            isDown = true;
        }
    }
    c.stroke();
}

/* One millivolt, or a round value of another unit, beside the row. */
function pulse(c: CanvasRenderingContext2D, strip: Strip, unit: string, px: number): void {
    const mv = millivolts(unit);
    const round = mv !== undefined && mv > 0 && strip.mmPerUnit / mv <= strip.height ? 1 / mv : niceBelow((0.6 * strip.height) / strip.mmPerUnit);
    const high = round * strip.mmPerUnit;
    const [x, y] = [(strip.x - gutterMm + 2) * px, (strip.y + strip.height / 2 + high / 2) * px];
    c.strokeStyle = paper.pulse;
    c.beginPath();
    c.moveTo(x, y);
    c.lineTo(x + px, y);
    c.lineTo(x + px, y - high * px);
    c.lineTo(x + 4 * px, y - high * px);
    c.lineTo(x + 4 * px, y);
    c.lineTo(x + 5 * px, y);
    c.stroke();
    c.fillStyle = paper.pulse;
    const [value, named] = mv !== undefined ? (round * mv >= 0.1 ? [round * mv, "mV"] : [round * mv * 1000, "µV"]) : [round, unitText(unit)];
    c.fillText(`${Number(value.toPrecision(3))} ${named}`.trim(), x, y + 11 * (px / 4));
}

function notes(c: CanvasRenderingContext2D, p: Page, strip: Strip, on: readonly Note[], px: number, named: Set<Note>): void {
    c.fillStyle = paper.note;
    for (const n of on) {
        const from = strip.fromS;
        const shown = n.at.filter((s) => s >= from && s <= from + strip.seconds);
        const [top, bottom] = [strip.y * px, (strip.y + strip.height) * px];
        for (const s of shown) {
            c.globalAlpha = 0.55;
            c.fillRect(Math.round(xOf(p, strip, s) * px), top, 1, bottom - top);
        }
        if (n.kind === "segment")
            for (let i = 0; i + 1 < n.at.length; i += 2) {
                const [a, b] = [Math.max(n.at[i]!, from), Math.min(n.at[i + 1]!, from + strip.seconds)];
                c.globalAlpha = 0.12;
                if (b > a) c.fillRect(xOf(p, strip, a) * px, top, (b - a) * p.speed * px, bottom - top);
            }
        c.globalAlpha = 1;
        if (shown.length === 0 || named.has(n)) continue;
        named.add(n);
        c.fillText(n.text, xOf(p, strip, shown[0]!) * px + 3, bottom - 3);
    }
}

export function draw(canvas: HTMLCanvasElement, p: Page, s: Samples, group: number, noted: readonly Note[], cssPxPerMm: number): void {
    const dense = devicePixelRatio || 1;
    const px = cssPxPerMm * dense;
    canvas.width = Math.round(p.width * px);
    canvas.height = Math.round(p.height * px) + 1;
    const c = canvas.getContext("2d")!;
    grid(c, p, px);
    c.lineJoin = "round";
    c.font = `${Math.round(11 * dense)}px system-ui, sans-serif`;
    const named = new Set<Note>();
    for (const strip of p.strips) {
        const channel = s.group.channels[strip.channel]!;
        c.save();
        c.beginPath(); /* tall curves may leave their row, but not their column */
        c.rect(strip.x * px, 0, strip.width * px, canvas.height);
        c.clip();
        notes(c, p, strip, noted.filter((n) => n.at.length > 0 && isNotedOn(n, group, strip.channel)), px, named);
        c.strokeStyle = paper.curve;
        c.lineWidth = 1.25 * dense;
        curve(c, p, strip, s, px);
        c.fillStyle = paper.name;
        c.fillText(channel.label, (strip.x + 1) * px, strip.y * px + 12 * dense);
        c.restore();
        c.lineWidth = dense;
        if (strip.x === gutterMm) pulse(c, strip, channel.unit, px);
        else {
            c.fillStyle = paper.pulse;
            c.fillRect(Math.round(strip.x * px), (strip.y + strip.height / 2 - 3) * px, dense, 6 * px);
        }
    }
}
