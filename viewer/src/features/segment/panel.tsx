/** The segments of the study: tools, list, statistics. */

import type { Segment, Segmentation } from "../../dicom/segmentation";
import { valueUnit } from "../../dicom/unit";
import { Icon, type IconName } from "../../ui/icon";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { NumberField } from "./field";
import { addSegment, brushes, changeSegment, deskOf, fillAll, interpolate, jump, removeSegment, setType, statsOf } from "./model";
import { nameOf, terms } from "./terms";
import { segmentTools } from "./tools";
import { WholePanel } from "./whole-panel";

function Small({ icon, label, on, run, disabled }: { icon: IconName; label: string; on?: boolean; run: () => void; disabled?: boolean }) {
    return (
        <button type="button" class={on ? "tool small on" : "tool small"} aria-label={label} title={label} {...(on === undefined ? {} : { "aria-pressed": on })} disabled={disabled ?? false} onClick={run}>
            <Icon name={icon} />
        </button>
    );
}

function Settings({ reading }: { reading: Reading }) {
    const desk = deskOf(reading);
    const tool = reading.tool.value;
    return (
        <div class="segment-settings">
            {brushes.has(tool) && (
                <label class="segment-field">
                    <span>{t("Brush")}</span>
                    <input type="range" aria-label={t("Brush")} min={0.5} max={50} step={0.5} value={desk.radiusMm.value} onInput={(e) => (desk.radiusMm.value = e.currentTarget.valueAsNumber)} />
                </label>
            )}
            {brushes.has(tool) && (
                <label class="segment-field">
                    <input type="checkbox" checked={desk.isBall.value} onChange={(e) => (desk.isBall.value = e.currentTarget.checked)} />
                    <span>{t("A ball, through the images beside")}</span>
                </label>
            )}
            {tool === "segment.threshold" && (
                <>
                    <NumberField label={t("From")} value={desk.low.value} set={(v) => (desk.low.value = v)} />
                    <NumberField label={t("To")} value={desk.high.value} set={(v) => (desk.high.value = v)} />
                </>
            )}
            {tool === "segment.grow" && (
                <>
                    <NumberField label={t("Tolerance")} value={desk.tolerance.value} set={(v) => (desk.tolerance.value = v)} />
                    <label class="segment-field">
                        <input type="checkbox" checked={desk.isThrough.value} onChange={(e) => (desk.isThrough.value = e.currentTarget.checked)} />
                        <span>{t("Through all images")}</span>
                    </label>
                </>
            )}
            <label class="segment-field">
                <span>{t("Opacity")}</span>
                <input type="range" min={0} max={1} step={0.05} value={desk.opacity.value} onInput={(e) => (desk.opacity.value = e.currentTarget.valueAsNumber)} />
            </label>
        </div>
    );
}

const short = (v: number) => (Number.isInteger(v) ? String(v) : v.toFixed(Math.abs(v) < 10 ? 2 : 1));

function Statistics({ reading, s, number }: { reading: Reading; s: Segmentation; number: number }) {
    const pane = reading.panes.find((p) => p.series.value?.uid === s.series);
    void pane?.loaded.value; /* drawn again when more values are here */
    const stats = statsOf(reading, s, number);
    const [ds] = pane?.content.value?.datasets ?? [];
    const frame = pane?.content.value?.frames[0];
    if (!stats || !ds || !frame || stats.pixels === 0) return null;
    const unit = valueUnit(ds, frame.unit) === "[hnsf'U]" ? " HU" : "";
    const volume = stats.volumeMl === undefined ? t("{count} pixels, no volume: the images do not lie at even, known distances", { count: stats.pixels }) : t("{ml} ml", { ml: short(stats.volumeMl) });
    return (
        <small>
            {volume}
            {stats.missing < stats.pixels && <> · {t("Mean {mean}, SD {sd}", { mean: `${short(stats.mean)}${unit}`, sd: short(stats.sd) })}</>}
            {stats.missing > 0 && <> · {t("not all images are here yet")}</>}
        </small>
    );
}

function Row({ reading, s, segment: x }: { reading: Reading; s: Segmentation; segment: Segment }) {
    const chosen = reading.segments.chosen.value;
    const isChosen = chosen?.uid === s.uid && chosen.number === x.number;
    const choose = (e: PointerEvent) => {
        if (!(e.target as HTMLElement).closest("button")) reading.segments.chosen.value = { uid: s.uid, number: x.number };
    };
    return (
        <li class={isChosen ? "segment-row on" : "segment-row"} data-segment={x.number} onPointerDown={choose}>
            <input type="color" aria-label={t("Colour")} title={t("Colour")} value={x.color} onChange={(e) => changeSegment(reading, s, x.number, { color: e.currentTarget.value })} />
            <div class="segment-what">
                <input
                    class="segment-name"
                    aria-label={t("Name")}
                    maxLength={64}
                    value={x.label}
                    onKeyDown={(e) => {
                        if (e.key !== "Enter" && e.key !== "Escape") return;
                        e.stopPropagation();
                        e.currentTarget.blur();
                    }}
                    onChange={(e) => changeSegment(reading, s, x.number, { label: e.currentTarget.value.trim() || nameOf(x.type) })}
                />
                <select aria-label={t("What it is")} value={x.type.value} onChange={(e) => setType(reading, s, x, e.currentTarget.value)}>
                    {terms.map((term) => <option key={term.type.value} value={term.type.value}>{term.name()}</option>)}
                    {!terms.some((term) => term.type.value === x.type.value) && <option value={x.type.value}>{x.type.meaning}</option>}
                </select>
                <Statistics reading={reading} s={s} number={x.number} />
            </div>
            <Small icon="right" label={t("Show on the image")} run={() => void jump(reading, s, x.number)} />
            <Small icon={x.hidden ? "hidden" : "visible"} label={x.hidden ? t("Show") : t("Hide")} on={x.hidden} run={() => changeSegment(reading, s, x.number, { hidden: !x.hidden })} />
            <Small icon={x.locked ? "locked" : "unlocked"} label={x.locked ? t("Unlock") : t("Lock")} on={x.locked} run={() => changeSegment(reading, s, x.number, { locked: !x.locked })} />
            <Small icon="delete" label={t("Delete")} disabled={x.locked} run={() => removeSegment(reading, s, x.number)} />
        </li>
    );
}

const ofPoints = () => t("Click points around it; they can be dragged. Enter or a click on the first one closes the contour.");
const hints: Readonly<Record<string, () => string>> = {
    "segment.sculpt": () => t("Press inside of the segment to push its edge out, outside to push it in."),
    "segment.redraw": () => t("Draw from the edge to the edge: the part between is replaced."),
    "segment.spline": ofPoints,
    "segment.livewire": ofPoints,
};

export function SegmentPanel({ reading }: { reading: Reading }) {
    const { segments } = reading;
    const hasPainted = segments.all.value.length > 0;
    const said = deskOf(reading).said.value;
    const hint = hints[reading.tool.value];
    return (
        <div class="segment-panel">
            <header>
                <h2>{t("Segments")}</h2>
                <span class="space" />
                <Small icon="undo" label={t("Undo")} disabled={!segments.canUndo.value} run={() => segments.undo()} />
                <Small icon="redo" label={t("Redo")} disabled={!segments.canRedo.value} run={() => segments.redo()} />
                <Small icon="add" label={t("Add a segment")} disabled={reading.active.value.face.value === undefined} run={() => addSegment(reading)} />
            </header>
            <div class="segment-tools">
                {segmentTools.map((tool) => <Small key={tool.id} icon={tool.icon!} label={tool.label()} on={tool.isOn!(reading)} run={() => tool.run(reading)} />)}
            </div>
            <Settings reading={reading} />
            {hint && <p class="dim">{hint()}</p>}
            {said && <p class="warn" role="status">{said}</p>}
            {segments.all.value.map((s) => (
                <ol key={s.uid}>{s.segments.map((x) => <Row key={x.number} reading={reading} s={s} segment={x} />)}</ol>
            ))}
            {!hasPainted && <p class="dim">{t("Nothing is segmented yet. Choose a tool and paint on the image.")}</p>}
            {hasPainted && (
                <div class="segment-acts">
                    <button type="button" class="button" onClick={() => void interpolate(reading)}>{t("Fill the images between")}</button>
                    <button type="button" class="button" onClick={() => fillAll(reading)}>{t("Fill holes")}</button>
                </div>
            )}
            <WholePanel reading={reading} />
        </div>
    );
}
