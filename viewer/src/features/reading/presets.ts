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

/** The window widths of other modalities mean nothing by themselves: only the file's are offered. */
export function presetsFor(info: FrameInfo | undefined): Preset[] {
    if (!info) return [];
    const fixed = info.modality === "CT" ? ct() : [];
    const own = info.windows.slice(0, 9 - fixed.length).map((w, i) => ({
        key: String(fixed.length + i + 1),
        name: w.name || (info.windows.length > 1 ? t("From file {number}", { number: i + 1 }) : t("From file")),
        center: w.center,
        width: w.width,
    }));
    return [...fixed, ...own];
}
