/** Where image points lie in a pane, and back. */

import type { ImagePoint } from "../../dicom/measurement";
import type { Affine } from "../../imaging";

/** CSS pixels from the upper left of the pane. */
export type Spot = readonly [x: number, y: number];

export const onPane = ([a, b, c, d, e, f]: Affine, [x, y]: ImagePoint): Spot => [a * x + c * y + e, b * x + d * y + f];

export function onImage([a, b, c, d, e, f]: Affine, [x, y]: Spot): ImagePoint {
    const det = a * d - b * c;
    return [(d * (x - e) - c * (y - f)) / det, (a * (y - f) - b * (x - e)) / det];
}

/** Where in a layer, which covers its pane, the pointer is. */
export function spotIn(layer: Element, e: MouseEvent): Spot {
    const box = layer.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
}
