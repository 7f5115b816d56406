/** In which order the series of a study are read. */

interface Ordered {
    modality: string;
    number: number | undefined;
    uid: string;
}

/* Objects about images rather than images: last in the strip, never opened first */
const aboutImages = new Set(["SR", "PR", "KO", "DOC", "SEG", "RTSTRUCT", "RTPLAN", "RTRECORD", "REG", "FID", "AU", "ECG", "HD", "PLAN", "M3D", "ANN"]);

export function inReadingOrder<T extends Ordered>(list: readonly T[]): T[] {
    const late = (s: Ordered) => (aboutImages.has(s.modality) ? 1 : 0);
    return [...list].sort((a, b) => late(a) - late(b) || (a.number ?? 1e9) - (b.number ?? 1e9) || (a.uid < b.uid ? -1 : 1));
}
