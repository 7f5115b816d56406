/** Makes the surfaces of segments, beside the page. */

import { surfaceOf, type Surface } from "../dicom/surface";
import { pointAt, type Box } from "../dicom/volume";

export interface SurfaceOrder {
    id: number;
    box: Box;
    slices: readonly (Uint8Array | undefined)[];
    label: number;
}

export interface SurfaceAnswer {
    id: number;
    surface: Surface | undefined;
}

onmessage = ({ data: { id, box, slices, label } }: MessageEvent<SurfaceOrder>) => {
    const answer: SurfaceAnswer = { id, surface: surfaceOf({ size: box.size, labels: (k) => slices[k], place: (v) => pointAt(box, v) }, label) };
    postMessage(answer);
};
