/** How dose and parametric maps are coloured: ranges, isodose lines, what 100 % is. */

import { useSignal } from "@preact/signals";
import { levelsOf } from "../../dicom/isodose";
import { colorMaps, type MapName } from "../../imaging/colormaps";
import { t } from "../../ui/text";
import { gradientOf } from "./layer";
import type { LaidDose, LaidMap } from "./model";
import { short } from "./words";

const mapNames = (): readonly (readonly [MapName, string])[] => [
    ["jet", t("Jet")],
    ["hotIron", t("Hot iron")],
    ["rainbow", t("Rainbow")],
    ["grey", t("Grey")],
];

function NumberField({ label, unit, value, set }: { label: string; unit?: string; value: number; set: (v: number) => void }) {
    return (
        <label class="overlays-field">
            <span>{label}</span>
            <input
                class="filter"
                type="number"
                step="any"
                value={String(Number(value.toPrecision(5)))}
                onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()}
                onChange={(e) => Number.isFinite(e.currentTarget.valueAsNumber) && set(e.currentTarget.valueAsNumber)}
            />
            {unit}
        </label>
    );
}

function Range({ o, unit }: { o: LaidDose | LaidMap; unit: string }) {
    const { low, high } = o.range.value;
    return (
        <>
            <label class="overlays-field">
                <span>{t("Colours")}</span>
                <select class="filter" value={o.map.value} onChange={(e) => (o.map.value = e.currentTarget.value as MapName)}>
                    {mapNames().map(([name, label]) => <option key={name} value={name}>{label}</option>)}
                </select>
                <i class="overlays-swatch" style={{ background: gradientOf(colorMaps[o.map.value]).replace("to top", "to right") }} />
            </label>
            <div class="overlays-pair">
                <NumberField label={t("From")} value={low} set={(v) => v < high && (o.range.value = { low: v, high })} />
                <NumberField label={t("To")} unit={unit} value={high} set={(v) => v > low && (o.range.value = { low, high: v })} />
            </div>
        </>
    );
}

function Levels({ o, unit }: { o: LaidDose; unit: string }) {
    const isWrong = useSignal(false);
    const levels = o.levels.value;
    const inPercent = o.inPercent.value;
    const change = (said: string) => {
        const next = levelsOf(said, levels);
        isWrong.value = next === undefined;
        if (next) o.levels.value = next;
    };
    return (
        <>
            <label class="overlays-field">
                <span>{t("Levels")}</span>
                <input
                    class={isWrong.value ? "filter wrong" : "filter"}
                    type="text"
                    value={levels.map((l) => l.value).join(" ")}
                    aria-invalid={isWrong.value}
                    onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()}
                    onChange={(e) => change(e.currentTarget.value)}
                />
                <select class="filter" aria-label={t("Unit")} value={inPercent ? "%" : unit} onChange={(e) => (o.inPercent.value = e.currentTarget.value === "%")}>
                    <option value="%">%</option>
                    {unit !== "%" && <option value={unit}>{unit}</option>}
                </select>
            </label>
            <ul class="overlays-levels">
                {levels.map((l) => {
                    const name = `${short(l.value)} ${inPercent ? "%" : unit}`;
                    const put = (more: Partial<typeof l>) => (o.levels.value = levels.map((x) => (x === l ? { ...l, ...more } : x)));
                    return (
                        <li key={l.value}>
                            <input type="checkbox" aria-label={t("Show {name}", { name })} checked={!l.isHidden} onChange={(e) => put({ isHidden: !e.currentTarget.checked })} />
                            <input type="color" aria-label={t("Colour of {name}", { name })} value={l.color} onInput={(e) => put({ color: e.currentTarget.value })} />
                            <span>{name}</span>
                            {inPercent && unit !== "%" && <span class="dim">{short(o.levelValue(l))}</span>}
                        </li>
                    );
                })}
            </ul>
        </>
    );
}

const references = () => ({ plan: t("prescribed"), max: t("the maximum"), typed: "" });

export function DoseSettings({ o }: { o: LaidDose }) {
    const { grid } = o;
    if (!grid) return <p class="dim">{t("It has no dose grid, only histograms.")}</p>;
    const unit = grid.unit;
    const from = references()[o.referenceFrom.value];
    const setReference = (v: number) => {
        if (v <= 0) return;
        o.reference.value = v;
        o.referenceFrom.value = "typed";
    };
    return (
        <div class="overlays-settings">
            <p class="dim">{[grid.type, grid.summation, t("maximum {value}", { value: `${short(grid.max)} ${unit}` })].filter(Boolean).join(" · ")}</p>
            {unit === "%" && <p class="warn">{t("This dose is relative: it is not said to what.")}</p>}
            <NumberField label={from ? t("100 % is {what}", { what: from }) : t("100 % is")} unit={unit} value={o.reference.value} set={setReference} />
            <label class="overlays-check">
                <input type="checkbox" checked={o.wash.value} onChange={(e) => (o.wash.value = e.currentTarget.checked)} />
                <span>{t("Colour wash")}</span>
            </label>
            {o.wash.value && <Range o={o} unit={unit} />}
            <label class="overlays-check">
                <input type="checkbox" checked={o.lines.value} onChange={(e) => (o.lines.value = e.currentTarget.checked)} />
                <span>{t("Isodose lines")}</span>
            </label>
            {o.lines.value && <Levels o={o} unit={unit} />}
        </div>
    );
}

export function MapSettings({ o }: { o: LaidMap }) {
    const map = o.values;
    if (!map) return null;
    return (
        <div class="overlays-settings">
            <p class="dim">{[o.quantity, o.unit || t("no unit is said")].filter(Boolean).join(" · ")}</p>
            {map.channels > 1 && (
                <label class="overlays-field">
                    <span>{t("Map")}</span>
                    <select class="filter" value={o.channel.value} onChange={(e) => o.choose(Number(e.currentTarget.value))}>
                        {Array.from({ length: map.channels }, (_, i) => <option key={i} value={i}>{i + 1}</option>)}
                    </select>
                </label>
            )}
            <Range o={o} unit={o.unit} />
        </div>
    );
}
