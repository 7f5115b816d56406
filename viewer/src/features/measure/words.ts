/** What measurements say to a reader. */

import type { Kind, Measurement, Quantity, QuantityName } from "../../dicom/measurement";
import { pixelUnit } from "../../dicom/ruler";
import { t } from "../../ui/text";

export function kindName(kind: Kind): string {
    switch (kind) {
        case "length": return t("Length");
        case "bidirectional": return t("Bidirectional");
        case "angle": return t("Angle");
        case "cobb": return t("Cobb angle");
        case "ellipse": return t("Ellipse");
        case "rectangle": return t("Rectangle");
        case "circle": return t("Circle");
        case "freehand": return t("Freehand");
        case "spline": return t("Spline");
        case "livewire": return t("Livewire");
        case "arrow": return t("Arrow");
        case "probe": return t("Probe");
        case "label": return t("Label");
        case "keyImage": return t("Key image");
    }
}

export function quantityName(name: QuantityName): string {
    switch (name) {
        case "length": return t("Length");
        case "shortAxis": return t("Short axis");
        case "angle": return t("Angle");
        case "area": return t("Area");
        case "perimeter": return t("Perimeter");
        case "radius": return t("Radius");
        case "mean": return t("Mean");
        case "sd": return t("SD");
        case "min": return t("Min");
        case "max": return t("Max");
        case "value": return t("Value");
        case "count": return t("Pixels");
        case "across": return t("Across");
        case "down": return t("Down");
    }
}

const units: Readonly<Record<string, string>> = { "[hnsf'U]": "HU", mm2: "mm²", deg: "°", "1": "" };

export function unitText(unit: string, name: QuantityName): string {
    if (unit === pixelUnit) return name === "area" ? t("px²") : name === "count" ? "" : t("px");
    return units[unit] ?? (/^\{SUV/.test(unit) ? unit.replace(/^\{(\w+)\}.*/, "$1") : unit.replace(/^\{(.*)\}$/, "$1"));
}

const digits = (value: number, isWhole: boolean): number => (isWhole ? 0 : Math.abs(value) >= 1000 ? 0 : Math.abs(value) < 10 ? 2 : 1);

export function quantityText({ name, value, unit }: Quantity): string {
    const isWhole = Number.isInteger(value) && /^(value|min|max|count)$/.test(name);
    const number = name === "angle" ? value.toFixed(1) : value.toFixed(digits(value, isWhole));
    const said = unitText(unit, name);
    return said === "" || said === "°" ? `${number}${said}` : `${number} ${said}`;
}

/** What the mm are worth, where they are not simply those of the patient. */
export function spacingText({ spacing, quantities }: Pick<Measurement, "spacing" | "quantities">): string {
    if (!quantities.some((q) => q.unit === "mm" || q.unit === "mm2")) return "";
    if (spacing === "imager") return t("at the detector, not corrected for magnification");
    if (spacing === "estimated") return t("by estimated magnification");
    if (spacing === "user") return t("calibrated by hand");
    return "";
}

const find = (m: Measurement, name: QuantityName) => m.quantities.find((q) => q.name === name);

/** The lines beside it on the image. */
export function linesOf(m: Measurement): string[] {
    const said = (name: QuantityName) => {
        const q = find(m, name);
        return q && quantityText(q);
    };
    const named = (name: QuantityName) => {
        const value = said(name);
        return value && `${quantityName(name)} ${value}`;
    };
    const pair = (a: string | undefined, b: string | undefined, between: string) => [a, b].filter(Boolean).join(between);
    const lines = [
        m.label,
        m.kind === "bidirectional" ? pair(said("length"), said("shortAxis"), " × ") : said("length"),
        said("angle"),
        named("radius"),
        named("area"),
        pair(named("mean"), named("sd"), "  "),
        pair(named("min"), named("max"), "  "),
        said("value"),
        pair(said("across"), said("down"), "  "),
    ].filter((l): l is string => l !== undefined && l !== "");
    const spacing = spacingText(m);
    return spacing ? [...lines, spacing] : lines;
}

/** In a few words, for the list. */
export function summaryOf(m: Measurement): string {
    const names: readonly QuantityName[] = m.kind === "bidirectional" ? ["length", "shortAxis"] : ["length", "angle", "value", "mean", "area", "across", "down"];
    const said = names.flatMap((n) => find(m, n) ?? []).slice(0, 2);
    return said.map((q) => (q.name === "mean" || q.name === "area" ? `${quantityName(q.name)} ${quantityText(q)}` : quantityText(q))).join(m.kind === "bidirectional" ? " × " : "  ");
}
