/** The sums over time as a line, with what would be a partial response and what would be progression. */

import { dateText } from "../../dicomweb/json";
import { t } from "../../ui/text";
import type { Course } from "./course";

const [width, height, edge] = [272, 120, 12];

export function Trend({ course }: { course: Course }) {
    const sums = course.timepoints.map((a) => a.sumMm);
    const known = sums.flatMap((sum, at) => (sum === undefined ? [] : [{ sum, at }]));
    if (known.length < 2 || sums[0] === undefined) return null;
    const response = 0.7 * sums[0];
    const nadir = Math.min(...known.map((k) => k.sum));
    const progress = Math.max(1.2 * nadir, nadir + 5);
    const top = Math.max(progress, ...known.map((k) => k.sum)) || 1;
    const x = (at: number) => edge + (at * (width - 2 * edge)) / (sums.length - 1);
    const y = (mm: number) => height - edge - (mm * (height - 2 * edge)) / top;
    const limit = (mm: number, name: string) => (
        <g class={`limit ${name}`}>
            <line x1={edge} x2={width - edge} y1={y(mm)} y2={y(mm)} />
            <title>{name === "pr" ? t("30 % below the baseline: {mm} mm", { mm: mm.toFixed(1) }) : t("20 % and 5 mm above the nadir: {mm} mm", { mm: mm.toFixed(1) })}</title>
        </g>
    );
    return (
        <svg class="trend" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={t("Sum of the target lesions over time")}>
            {limit(response, "pr")}
            {limit(progress, "pd")}
            <polyline points={known.map((k) => `${x(k.at).toFixed(1)},${y(k.sum).toFixed(1)}`).join(" ")} />
            {known.map((k) => (
                <circle key={k.at} cx={x(k.at)} cy={y(k.sum)} r="3">
                    <title>{`${dateText(course.studies[k.at]!.date)}: ${k.sum.toFixed(1)} mm`}</title>
                </circle>
            ))}
        </svg>
    );
}
