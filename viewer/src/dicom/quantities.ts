/** What a measurement says: its lengths, areas, angles and statistics, with their units. */

import type { ImagePoint, Kind, Quantity, QuantityName, SpacingSource } from "./measurement";
import { isEven, pixelUnit, proportions, rulerFor, type Axis, type Ruler, type Spaced } from "./ruler";
import { angleDeg, areaPixels, cobbDeg, distance, isDrawnFree, isOutlined, pathLength, perimeter, type Drawn, type Metric } from "./shape";
import { statsIn, valueAt, type Grid } from "./stats";
import type { Dataset } from "../dicomweb/json";

/** The picture that is measured. */
export interface Ground {
    frame: Spaced;
    ds: Dataset;
    grid: Grid | undefined; /* none: the frame is not here, or in colour */
    scale: number; /* what its values are multiplied by: SUV from activity */
    unit: string; /* of the values so scaled */
    factor: number | undefined; /* the reader's calibration: see `rulerFor` */
}

export interface Measured {
    quantities: readonly Quantity[];
    spacing: SpacingSource;
}

/** How long a step along each axis is where points lie: in mm, else in proportion. */
export function metricFor(ground: Ground, points: readonly ImagePoint[]): Metric {
    return proportions(ground.frame, rulerFor(ground.frame, ground.ds, points, ground.factor));
}

const takesPlace = (kind: Kind) => kind !== "angle" && kind !== "cobb" && kind !== "arrow" && kind !== "label" && kind !== "keyImage";

export function measured(shape: Drawn, ground: Ground): Measured {
    const ruler = rulerFor(ground.frame, ground.ds, shape.points, ground.factor);
    const quantities = [...lengths(shape, ruler, ground.frame), ...valuesOf(shape, ruler, ground)];
    return { quantities, spacing: takesPlace(shape.kind) ? ruler.source : "none" };
}

function lengths(shape: Drawn, ruler: Ruler, frame: Spaced): Quantity[] {
    const { kind, points } = shape;
    const q = (name: QuantityName, value: number, unit: string): Quantity => ({ name, value, unit });
    if (kind === "angle") return points.length < 3 ? [] : [q("angle", angleDeg(points[0]!, points[1]!, points[2]!, proportions(frame, ruler)), "deg")];
    if (kind === "cobb") return points.length < 4 ? [] : [q("angle", cobbDeg(points, proportions(frame, ruler)), "deg")];
    if (kind === "probe") return ruler.source === "calibrated" && points[0] && !isEven(ruler) ? along(ruler, points[0]) : [];
    if (!takesPlace(kind) || points.length < 2) return [];
    if (!isEven(ruler)) return kind === "length" ? extents(ruler, points[0]!, points[1]!) : [];
    const metric: Metric = [Math.abs(ruler.across.step), Math.abs(ruler.down.step)];
    const unit = ruler.across.unit;
    if (kind === "length") return [q("length", distance(points[0]!, points[1]!, metric), unit)];
    if (kind === "bidirectional") {
        const [a, b, c, d] = points;
        return a && b && c && d ? [q("length", distance(a, b, metric), unit), q("shortAxis", distance(c, d, metric), unit)] : [];
    }
    if (isDrawnFree(kind) && !isOutlined(shape)) return [q("length", pathLength(points, false, metric), unit)];
    const area = areaPixels(shape, proportions(frame, ruler)) * metric[0] * metric[1];
    const round = kind === "circle" ? [q("radius", distance(points[0]!, points[1]!, metric), unit)] : [];
    return [q("area", area, unit === pixelUnit ? pixelUnit : "mm2"), q("perimeter", perimeter(shape, metric), unit), ...round];
}

const along = (r: Ruler, [x, y]: ImagePoint): Quantity[] => [onAxis("across", r.across, x), onAxis("down", r.down, y)];
const onAxis = (name: "across" | "down", axis: Axis, at: number): Quantity => ({ name, value: (at - axis.zero) * axis.step, unit: axis.unit });

function extents(r: Ruler, a: ImagePoint, b: ImagePoint): Quantity[] {
    return [
        { name: "across", value: Math.abs((b[0] - a[0]) * r.across.step), unit: r.across.unit },
        { name: "down", value: Math.abs((b[1] - a[1]) * r.down.step), unit: r.down.unit },
    ];
}

function valuesOf(shape: Drawn, ruler: Ruler, { grid, unit, frame, scale }: Ground): Quantity[] {
    if (!grid || !shape.points[0]) return [];
    if (shape.kind === "probe") {
        const value = valueAt(grid, shape.points[0]);
        return value === undefined ? [] : [{ name: "value", value: value * scale, unit }];
    }
    if (!isOutlined(shape)) return [];
    const stats = statsIn(grid, shape, proportions(frame, ruler));
    if (!stats) return [];
    const { mean, sd, min, max, count } = stats;
    return [...Object.entries({ mean, sd, min, max }).map(([name, value]) => ({ name: name as QuantityName, value: value * scale, unit })), { name: "count", value: count, unit: pixelUnit }];
}
