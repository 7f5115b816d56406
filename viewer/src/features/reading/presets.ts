/** Window presets on the number keys, by modality: those every reader knows, then the file's own. */

import type { FrameInfo } from "../../imaging/frame";
import { t } from "../../ui/text";

export interface Preset {
    key: string;
    name: string;
    center: number;
    width: number;
}

const ct = (): readonly Preset[] => [
    { key: "1", name: t("Soft tissue"), center: 40, width: 400 },
    { key: "2", name: t("Lung"), center: -600, width: 1500 },
    { key: "3", name: t("Liver"), center: 90, width: 150 },
    { key: "4", name: t("Bone"), center: 480, width: 2500 },
    { key: "5", name: t("Brain"), center: 40, width: 80 },
];

/* Those that go with a part of the body: after the five. */
const partsOfBody = (): readonly (readonly [part: RegExp, presets: readonly Omit<Preset, "key">[]])[] => [
    [/HEAD|BRAIN|SKULL|NECK|ORBIT|EAR|SINUS/, [{ name: t("Stroke"), center: 35, width: 40 }, { name: t("Subdural"), center: 75, width: 215 }, { name: t("Temporal bone"), center: 600, width: 2800 }]],
    [/CHEST|THORAX|LUNG|HEART|AORTA/, [{ name: t("Mediastinum"), center: 50, width: 350 }, { name: t("Vessels"), center: 300, width: 600 }]],
    [/ABDOMEN|PELVIS|LIVER|KIDNEY|PANCREAS|COLON/, [{ name: t("Abdomen"), center: 60, width: 400 }, { name: t("Vessels"), center: 300, width: 600 }]],
    [/SPINE/, [{ name: t("Spine"), center: 50, width: 250 }]],
];

/** The window widths of other modalities than CT mean nothing by themselves: only the file's are offered. */
export function presetsFor(info: FrameInfo | undefined, bodyPart = ""): Preset[] {
    if (!info) return [];
    const five = info.modality === "CT" ? ct() : [];
    const more = five.length > 0 ? (partsOfBody().find(([part]) => part.test(bodyPart.toUpperCase()))?.[1] ?? []) : [];
    const fixed = [...five, ...more.map((p, i) => ({ ...p, key: String(five.length + 1 + i) }))];
    const own = info.windows.slice(0, 9 - fixed.length).map((w, i) => ({
        key: String(fixed.length + i + 1),
        name: w.name || (info.windows.length > 1 ? t("From file {number}", { number: i + 1 }) : t("From file")),
        center: w.center,
        width: w.width,
    }));
    return [...fixed, ...own];
}
