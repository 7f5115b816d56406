/** The window an image opens with, and what it makes of a value. */

import type { FrameInfo } from "./frame";
import { usedRange, type Pixels, type Range } from "./pixels";

export interface Grey {
    center: number;
    width: number;
}

/** The window an image opens with: the file's own, else the range its values use. The server's pictures open alike. */
export function openingWindow(info: FrameInfo, pixels: Pixels, voiBits?: number): Grey {
    if (voiBits !== undefined) return { center: 2 ** (voiBits - 1), width: 2 ** voiBits };
    const said = info.windows[0];
    if (said) return said;
    if (info.bitsStored <= 8 && info.bitsStored > 1 && !info.signed && info.slope === 1 && info.intercept === 0 && !info.modalityLut)
        return { center: 2 ** (info.bitsStored - 1), width: 2 ** info.bitsStored };
    const { lo, hi } = usedRange(pixels, info.supplemental ? { lo: info.palette![0].first * info.slope + info.intercept, hi: Infinity } : paddingOf(info));
    if (info.voiFunction === "LINEAR_EXACT") return { center: (lo + hi) / 2, width: hi > lo ? hi - lo : 1 };
    return { center: (lo + hi + 1) / 2, width: hi - lo + 1 };
}

/** Padding as modality values.   PS3.3 §C.7.5.1.1.2 */
export function paddingOf(info: FrameInfo): Range | undefined {
    if (!info.padding || info.modalityLut) return undefined;
    const [a, b] = info.padding.map((v) => v * info.slope + info.intercept) as [number, number];
    const half = Math.abs(info.slope) / 2; /* halfway to the next value: what was rounded is still found */
    return { lo: Math.min(a, b) - half, hi: Math.max(a, b) + half };
}

/** Where a value lies in the window: 0 and 1 are its ends, and what is beyond them is not shown.   PS3.3 §C.11.2.1.2 */
export function shareIn({ center, width }: Grey, voiFunction: string): (x: number) => number {
    if (voiFunction === "SIGMOID") return (x) => 1 / (1 + Math.exp((-4 * (x - center)) / width));
    if (voiFunction === "LINEAR_EXACT") return (x) => (x - center) / width + 0.5;
    return width > 1 ? (x) => (x - (center - 0.5)) / (width - 1) + 0.5 : (x) => (x > center - 0.5 ? 1 : 0);
}

/** A value under a linear window, as a byte.   PS3.3 §C.11.2.1.2.1 */
export function shownByte(x: number, window: Grey, inverse: boolean): number {
    const y = Math.min(1, Math.max(0, shareIn(window, "LINEAR")(x)));
    return Math.round(255 * (inverse ? 1 - y : y));
}
