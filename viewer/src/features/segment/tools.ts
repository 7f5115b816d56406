/** The tools that paint. */

import { t } from "../../ui/text";
import type { Action } from "../reading/module";

const tool = (id: string, label: () => string, icon: NonNullable<Action["icon"]>): Action => ({
    id,
    label,
    icon,
    isOn: (r) => r.tool.value === id,
    run: (r) => (r.tool.value = r.tool.value === id ? "window" : id),
});

export const segmentTools: readonly Action[] = [
    tool("segment.brush", () => t("Brush"), "brush"),
    tool("segment.eraser", () => t("Eraser"), "eraser"),
    tool("segment.threshold", () => t("Brush within thresholds"), "threshold"),
    tool("segment.sculpt", () => t("Push the edge"), "sculpt"),
    tool("segment.redraw", () => t("Redraw a part of the edge"), "redraw"),
    tool("segment.spline", () => t("Spline"), "spline"),
    tool("segment.livewire", () => t("Livewire"), "livewire"),
    tool("segment.outline", () => t("Outline: paint inside"), "freehand"),
    tool("segment.cut", () => t("Scissors: erase inside"), "scissors"),
    tool("segment.fill", () => t("Fill"), "fill"),
    tool("segment.grow", () => t("Grow a region of like values"), "grow"),
];
