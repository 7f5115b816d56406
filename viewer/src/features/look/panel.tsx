/** The panel Display: the window in numbers, colours, sizes, subtraction, and the measure of the screen. */

import { useSignal } from "@preact/signals";
import type { MapName } from "../../imaging/colormaps";
import { isColor } from "../../imaging/frame";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { canSubtract, oneToOne, setMap, subtract, trueSize } from "./actions";
import { cssPxPerMm, lookOf } from "./model";

const maps = (): readonly (readonly [MapName, string])[] => [
    ["grey", t("Grey")],
    ["hotIron", t("Hot iron")],
    ["rainbow", t("Rainbow")],
    ["jet", t("Jet")],
];

function Field({ label, value, run, step = "any" }: { label: string; value: number; run: (v: number) => void; step?: string }) {
    return (
        <label class="look-field">
            <span>{label}</span>
            <input
                type="number"
                step={step}
                value={String(Number(value.toPrecision(6)))}
                onKeyDown={(e) => e.key === "Enter" && e.currentTarget.blur()}
                onChange={(e) => Number.isFinite(e.currentTarget.valueAsNumber) && run(e.currentTarget.valueAsNumber)}
            />
        </label>
    );
}

const barMm = 100;

/* The reader lays a ruler on the screen, and sets the bar to what it says. */
function Screen({ reading }: { reading: Reading }) {
    const look = lookOf(reading);
    const pxPerMm = look.pxPerMm.value ?? cssPxPerMm;
    return (
        <fieldset>
            <legend>{t("Screen")}</legend>
            <p>{t("Lay a ruler on the bar and set it to {mm} mm.", { mm: barMm })}</p>
            <div class="look-bar" style={{ width: `${barMm * pxPerMm}px` }} />
            <input type="range" class="look-calibrate" aria-label={t("Length of the bar")} min={2} max={8} step={0.005} value={pxPerMm} onInput={(e) => look.calibrate(e.currentTarget.valueAsNumber)} />
            <Field label={t("CSS pixels for one mm")} value={pxPerMm} run={(v) => v > 0.5 && v < 50 && look.calibrate(v)} />
        </fieldset>
    );
}

function Subtraction({ reading }: { reading: Reading }) {
    const look = lookOf(reading);
    const pane = reading.active.value;
    const isOn = look.subtracted.value.has(pane);
    const shift = useSignal<readonly [number, number]>(pane.state.value?.info.subtraction?.shift ?? [0, 0]);
    const move = (at: 0 | 1, v: number) => {
        shift.value = at === 0 ? [v, shift.value[1]] : [shift.value[0], v];
        if (isOn) void subtract(reading, true, shift.value);
    };
    return (
        <fieldset>
            <legend>{t("Subtraction")}</legend>
            <label class="look-check">
                <input type="checkbox" checked={isOn} onChange={(e) => void subtract(reading, e.currentTarget.checked)} /> {t("Subtract the mask")}
            </label>
            <Field label={t("Mask down, pixels")} step="0.25" value={shift.value[0]} run={(v) => move(0, v)} />
            <Field label={t("Mask right, pixels")} step="0.25" value={shift.value[1]} run={(v) => move(1, v)} />
        </fieldset>
    );
}

export function LookPanel({ reading }: { reading: Reading }) {
    const look = lookOf(reading);
    const pane = reading.active.value;
    const state = pane.state.value;
    const isGrey = state !== undefined && !isColor(state.info);
    const checks = [
        ["planes", t("Overlays of the image")],
        ["shutters", t("Shutters")],
        ["lines", t("Reference lines")],
        ["linked", t("Linked scrolling")],
        ["autoCine", t("Films begin by themselves")],
    ] as const;
    return (
        <div class="look-panel">
            <h2>{t("Display")}</h2>
            {isGrey && (
                <fieldset>
                    <legend>{t("Window")}</legend>
                    <Field label={t("Centre")} value={state.center} run={(v) => pane.view?.setWindow(v, state.width)} />
                    <Field label={t("Width")} value={state.width} run={(v) => v > 0 && pane.view?.setWindow(state.center, v)} />
                    <label class="look-field">
                        <span>{t("Colours")}</span>
                        <select value={look.maps.value.get(pane) ?? "grey"} onChange={(e) => setMap(reading, e.currentTarget.value as MapName)}>
                            {maps().map(([name, label]) => <option key={name} value={name}>{label}</option>)}
                        </select>
                    </label>
                </fieldset>
            )}
            {state && (
                <fieldset>
                    <legend>{t("Size")}</legend>
                    <button type="button" class="button" onClick={() => oneToOne(reading)}>{t("One to one")}</button>
                    <button type="button" class="button" onClick={() => trueSize(reading)}>{t("True size")}</button>
                </fieldset>
            )}
            <fieldset>
                <legend>{t("Over the images")}</legend>
                {checks.map(([which, label]) => (
                    <label key={which} class="look-check">
                        <input type="checkbox" checked={look[which].value} onChange={() => look.toggle(which)} /> {label}
                    </label>
                ))}
            </fieldset>
            {canSubtract(reading) && <Subtraction key={`${reading.activeIndex.value} ${pane.series.value?.uid}`} reading={reading} />}
            <Screen reading={reading} />
        </div>
    );
}
