/** Measurements as a table.   RFC 4180 */

import type { Measurement, QuantityName } from "../../dicom/measurement";

export interface Placed {
    mark: Measurement;
    series: string; /* described */
    image: number | undefined; /* its number in the stack, from 1 */
}

const quantityNames: readonly QuantityName[] = ["length", "shortAxis", "angle", "area", "perimeter", "radius", "mean", "sd", "min", "max", "value", "count", "across", "down"];

/* A spreadsheet takes a text that begins like this for a formula; a list is of numbers. */
const cell = (value: string | number | readonly string[] | undefined): string => {
    const text = value === undefined ? "" : typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : typeof value === "object" ? value.join("; ") : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};

/** One line for each, columns in English: programs read it. Units are those of UCUM. */
export function csv(list: readonly Placed[]): string {
    const used = quantityNames.filter((n) => list.some(({ mark }) => mark.quantities.some((q) => q.name === n)));
    const head = ["label", "kind", "series", "image", ...used.flatMap((n) => [n, `${n} unit`]), "spacing", "points", "created", "study uid", "series uid", "instance uid", "frame", "tracking uid"];
    const lines = list.map(({ mark, series, image }) => [
        mark.label,
        mark.kind,
        series,
        image,
        ...used.flatMap((n) => {
            const q = mark.quantities.find((x) => x.name === n);
            return [q?.value, q?.unit];
        }),
        mark.spacing,
        (mark.points ?? mark.spatial ?? []).map((p) => p.map((v) => Number(v.toFixed(3))).join(" ")),
        mark.created,
        mark.on?.study,
        mark.on?.series,
        mark.on?.instance,
        mark.on?.frame,
        mark.uid,
    ]);
    return [head, ...lines].map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}
