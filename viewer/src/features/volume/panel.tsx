/** The panel of the active pane's volume: units, fusion, light and cropping in space, time. */

import type { ComponentChildren } from "preact";
import type { Segment, Segmentation } from "../../dicom/segmentation";
import type { Vec3 } from "../../dicom/vector";
import type { MapName } from "../../imaging/colormaps";
import type { PresetName } from "../../imaging/space-presets";
import type { LoadedVolume } from "../../imaging/volume";
import { saveBlob } from "../../ui/save";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { surfaceName, volumesOf, type Units, type Volumes } from "./model";
import { mapLabels, presetLabels } from "./words";

function Choice<T extends string>({ label, value, options, onChoose }: { label: string; value: T; options: readonly (readonly [T, string])[]; onChoose: (v: T) => void }) {
    return (
        <label>
            <span>{label}</span>
            <select aria-label={label} value={value} onChange={(e) => (onChoose(e.currentTarget.value as T), e.currentTarget.blur())}>
                {options.map(([v, text]) => <option key={v} value={v}>{text}</option>)}
            </select>
        </label>
    );
}

function Slider({ label, value, min, max, step, shown, onSlide }: { label: string; value: number; min: number; max: number; step: number; shown?: string; onSlide: (v: number) => void }) {
    return (
        <label>
            <span>{label}</span>
            <input type="range" aria-label={label} min={min} max={max} step={step} value={value} onInput={(e) => onSlide(Number(e.currentTarget.value))} />
            <output>{shown ?? value}</output>
        </label>
    );
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
    return (
        <section>
            <h3>{title}</h3>
            {children}
        </section>
    );
}

const entriesOf = <T extends string>(labels: Readonly<Record<T, string>>) => Object.entries(labels) as [T, string][];

function ColorSection({ volumes }: { volumes: Volumes }) {
    const content = volumes.reading.active.value.content.value;
    const isPet = content?.frames[0]?.modality === "PT";
    const why = volumes.whyNoSuv(content);
    const units: readonly (readonly [Units, string])[] = [["bw", t("SUV by body weight")], ["lbm", t("SUV by lean body mass")], ["stored", t("As stored")]];
    return (
        <Section title={t("Values")}>
            {isPet && <Choice label={t("Units")} value={volumes.units.value} options={units} onChoose={(v) => (volumes.units.value = v)} />}
            {why && <p class="note" role="status">{why}</p>}
            <Choice label={t("Colours")} value={volumes.map.value} options={entriesOf<MapName>(mapLabels())} onChoose={(v) => (volumes.map.value = v)} />
        </Section>
    );
}

function FusionSection({ volumes }: { volumes: Volumes }) {
    const { reading } = volumes;
    const fusion = volumes.fusion.value;
    const own = reading.active.value.series.value?.uid;
    const others = reading.series.value.filter((s) => s.uid !== own && /^(PT|NM|CT|MR|RTDOSE)$/.test(s.modality));
    const options: (readonly [string, string])[] = [["", t("Nothing")], ...others.map((s) => [s.uid, [s.modality, s.number, s.description].filter((x) => x !== undefined && x !== "").join(" ")] as const)];
    const unit = fusion?.unit.name ?? "";
    const step = fusion ? Math.max(0.1, Number(((fusion.upper - fusion.lower) / 100).toPrecision(1))) : 1;
    return (
        <Section title={t("Fusion")}>
            <Choice label={t("Over it")} value={fusion?.series.uid ?? volumes.fusing.value} options={options} onChoose={(uid) => void volumes.fuse(others.find((s) => s.uid === uid))} />
            {volumes.fusing.value && <p class="note" role="status">{t("Loading…")}</p>}
            {volumes.trouble.value && <p class="note" role="alert">{volumes.trouble.value}</p>}
            {fusion && (
                <>
                    <Slider label={t("Opacity")} value={Math.round(fusion.share * 100)} min={0} max={100} step={1} shown={`${Math.round(fusion.share * 100)} %`} onSlide={(v) => volumes.changeFusion({ share: v / 100 })} />
                    <Choice label={t("Colours")} value={fusion.map} options={entriesOf<MapName>(mapLabels())} onChoose={(map) => volumes.changeFusion({ map })} />
                    {(["lower", "upper"] as const).map((end) => (
                        <label key={end}>
                            <span>{end === "lower" ? t("From") : t("To")}</span>
                            <input
                                type="number"
                                aria-label={end === "lower" ? t("From") : t("To")}
                                step={step}
                                value={Number(fusion[end].toPrecision(5))}
                                onChange={(e) => {
                                    const range = { lower: fusion.lower, upper: fusion.upper, [end]: Number(e.currentTarget.value) };
                                    if (range.upper > range.lower) volumes.changeFusion(range);
                                }}
                            />
                            <output>{unit}</output>
                        </label>
                    ))}
                </>
            )}
        </Section>
    );
}

function SpaceSection({ volumes }: { volumes: Volumes }) {
    const [lo, hi] = volumes.crop.value;
    const set = (end: 0 | 1, axis: number, percent: number) => {
        const crop = [[...lo], [...hi]] as [number[], number[]];
        crop[end][axis] = end === 0 ? Math.min(percent / 100, hi[axis]! - 0.01) : Math.max(percent / 100, lo[axis]! + 0.01);
        volumes.crop.value = crop as unknown as [Vec3, Vec3];
    };
    const sides = [t("Columns"), t("Rows"), t("Slices")];
    return (
        <Section title={t("3D")}>
            <Choice
                label={t("Preset")}
                value={volumes.preset.value}
                options={[["", t("By modality")] as const, ...entriesOf<PresetName>(presetLabels())]}
                onChoose={(v: PresetName | "") => ((volumes.preset.value = v), (volumes.shift.value = 0))}
            />
            <Slider label={t("Opacity shift")} value={volumes.shift.value} min={-500} max={500} step={10} onSlide={(v) => (volumes.shift.value = v)} />
            {sides.map((side, axis) => (
                <div key={side}>
                    <Slider label={t("{side} from", { side })} value={Math.round(lo[axis]! * 100)} min={0} max={99} step={1} onSlide={(v) => set(0, axis, v)} />
                    <Slider label={t("{side} to", { side })} value={Math.round(hi[axis]! * 100)} min={1} max={100} step={1} onSlide={(v) => set(1, axis, v)} />
                </div>
            ))}
            <button type="button" class="button" onClick={() => (volumes.crop.value = [[0, 0, 0], [1, 1, 1]])}>{t("Whole volume")}</button>
        </Section>
    );
}

/* Hands the surface to the reader as a file. */
async function saveStl(volumes: Volumes, volume: LoadedVolume, s: Segmentation, segment: Segment): Promise<void> {
    const { surfaceNow, stlOf } = await import("../../imaging/volumes");
    const surface = volumes.surfaceOf(volume, s, segment.number, surfaceNow);
    if (surface) saveBlob(new Blob([stlOf(surface)], { type: "model/stl" }), "segment.stl");
}

function SegmentSection({ volumes, volume }: { volumes: Volumes; volume: LoadedVolume }) {
    const list = volumes.segmentsOf(volume);
    if (list.length === 0) return null;
    const set = (name: string, percent: number) => (volumes.opacities.value = new Map(volumes.opacities.value).set(name, percent / 100));
    return (
        <Section title={t("Segments")}>
            <label>
                <span>{t("Alone")}</span>
                <input type="checkbox" aria-label={t("Alone")} checked={volumes.bare.value} onChange={(e) => (volumes.bare.value = e.currentTarget.checked)} />
            </label>
            {list.map(({ segmentation: s, segment: x }) => {
                const percent = Math.round(100 * volumes.opacityOf(s.uid, x.number));
                return (
                    <div key={surfaceName(s.uid, x.number)} class="volume-surface">
                        <Slider label={x.label} value={percent} min={0} max={100} step={5} shown={`${percent} %`} onSlide={(v) => set(surfaceName(s.uid, x.number), v)} />
                        <button type="button" class="button" aria-label={t("Save {name} as STL", { name: x.label })} onClick={() => void saveStl(volumes, volume, s, x)}>STL</button>
                    </div>
                );
            })}
        </Section>
    );
}

export function VolumePanel({ reading }: { reading: Reading }) {
    const volumes = volumesOf(reading);
    const volume = volumes.activeVolume.value;
    if (!volume) return <div class="volume-panel"><p class="note">{t("Show a plane or 3D in the active pane first.")}</p></div>;
    const times = volume.slices.times.length;
    return (
        <div class="volume-panel">
            {times > 1 && (
                <Section title={t("Time")}>
                    <Slider label={t("Point in time")} value={volume.time.value + 1} min={1} max={times} step={1} shown={`${volume.time.value + 1} / ${times}`} onSlide={(v) => void volume.setTime(v - 1)} />
                </Section>
            )}
            {reading.active.value.mode.value === "3d" ? <><SegmentSection volumes={volumes} volume={volume} /><SpaceSection volumes={volumes} /></> : <><ColorSection volumes={volumes} /><FusionSection volumes={volumes} /></>}
        </div>
    );
}
