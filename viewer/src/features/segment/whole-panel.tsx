/** The part of the panel that changes the chosen segment as a whole. */

import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { NumberField } from "./field";
import { clean, clearHere, copyTo, keepAway, keepLargest, narrow, smooth, takeIn, wholeOf, widen, type Scope } from "./whole";

export function WholePanel({ reading }: { reading: Reading }) {
    const whole = wholeOf(reading);
    const now = reading.segments.current;
    if (!now) return null;
    const frame = reading.panes.find((p) => p.series.value?.uid === now.segmentation.series)?.content.value?.frames[0];
    const isKnown = frame !== undefined && frame.spacingSource !== "none";
    const scope = whole.scope.value;
    const unit = isKnown ? "mm" : t("pixels");
    const smallUnit = isKnown ? (scope === "through" ? "mm³" : "mm²") : t("pixels");
    const scopes: [Scope, string][] = [["image", t("This image")], ["each", t("Each image by itself")], ["through", t("As a volume")]];
    const beside = now.segmentation.segments.filter((x) => x.number !== now.segment.number);
    const others = beside.filter((x) => !x.locked);
    const act = (label: string, run: () => void) => <button type="button" class="button" onClick={run}>{label}</button>;
    return (
        <details class="segment-whole">
            <summary>{t("Change {name}", { name: now.segment.label })}</summary>
            <div class="segment-settings">
                <select aria-label={t("On which images")} value={scope} onChange={(e) => (whole.scope.value = e.currentTarget.value as Scope)}>
                    {scopes.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
                </select>
                <NumberField label={`${t("Margin")} (${unit})`} value={whole.mm.value} set={(v) => v > 0 && (whole.mm.value = Math.min(v, 200))} />
            </div>
            <div class="segment-acts">
                {act(t("Widen"), () => void widen(reading, false))}
                {act(t("Narrow"), () => void narrow(reading))}
                {act(t("The margin as a new segment"), () => void widen(reading, true))}
                {act(t("Smooth"), () => void smooth(reading))}
            </div>
            <div class="segment-settings">
                <NumberField label={`${t("Smaller than")} (${smallUnit})`} value={whole.small.value} set={(v) => v > 0 && (whole.small.value = v)} />
            </div>
            <div class="segment-acts">
                {act(t("Remove small parts and holes"), () => void clean(reading))}
                {act(t("Keep the largest part"), () => void keepLargest(reading))}
            </div>
            <div class="segment-acts">
                {act(t("Copy to the image before"), () => copyTo(reading, -1))}
                {act(t("Copy to the image after"), () => copyTo(reading, 1))}
                {act(t("Remove from this image"), () => clearHere(reading))}
            </div>
            {beside.length > 0 && (
                <div class="segment-acts">
                    <select aria-label={t("Take in another segment")} value="" onChange={(e) => takeIn(reading, Number(e.currentTarget.value))}>
                        <option value="">{t("Take in another segment")}</option>
                        {others.map((x) => <option key={x.number} value={x.number}>{x.label}</option>)}
                    </select>
                    <select aria-label={t("Keep the margin from")} value="" onChange={(e) => void keepAway(reading, Number(e.currentTarget.value))}>
                        <option value="">{t("Keep the margin from")}</option>
                        {beside.map((x) => <option key={x.number} value={x.number}>{x.label}</option>)}
                    </select>
                </div>
            )}
        </details>
    );
}
