/** Series and their stacks: which objects are images, in which order they are read, what the rest is. */

import { number, numbers, text, Tag, type Dataset } from "../../dicomweb/json";
import { isSlide } from "../../dicom/slide-kind";
import { t } from "../../ui/text";
export { inReadingOrder } from "../../dicom/reading-order";
import { frameCount, frameInfo, isImage, isVideo, type FrameInfo } from "../../imaging/frame";

export interface Series {
    study: string;
    uid: string;
    number: number | undefined;
    modality: string;
    description: string;
    bodyPart: string;
    count: number | undefined; /* objects */
}

export function seriesFrom(ds: Dataset, study = text(ds, Tag.studyUid)): Series {
    return {
        study,
        uid: text(ds, Tag.seriesUid),
        number: number(ds, Tag.seriesNumber),
        modality: text(ds, Tag.modality),
        description: text(ds, Tag.seriesDescription),
        bodyPart: text(ds, Tag.bodyPart),
        count: number(ds, Tag.seriesInstances),
    };
}

const firstOwnNumber = 9001;

/** The number of a series that is made here: behind all of the study's own. */
export function newSeriesNumber(list: readonly Series[]): number {
    const taken = list.map((s) => s.number ?? 0).filter((n) => n >= firstOwnNumber && n < 2 ** 31 - 2);
    return Math.max(firstOwnNumber - 1, ...taken) + 1;
}

export interface Content {
    datasets: readonly Dataset[]; /* every object, in order */
    frames: readonly FrameInfo[]; /* every frame of every image, in order */
    others: readonly Dataset[]; /* objects that are not shown as images */
}

/** Along the normal of the image plane, in mm; undefined where the object has no place in the patient. */
function depthMm(ds: Dataset): number | undefined {
    const p = numbers(ds, Tag.imagePosition);
    const o = numbers(ds, Tag.imageOrientation);
    if (p.length < 3 || o.length < 6) return undefined;
    const normal = [o[1]! * o[5]! - o[2]! * o[4]!, o[2]! * o[3]! - o[0]! * o[5]!, o[0]! * o[4]! - o[1]! * o[3]!];
    return normal[0]! * p[0]! + normal[1]! * p[1]! + normal[2]! * p[2]!;
}

/* What the detector saw, meant for programs: behind what was made of it to be read. Digital X-ray, mammography, intra-oral.
   PS3.3 §A.26, §A.27, §A.28 */
const isForProcessing = (ds: Dataset) => /\.1\.1\.1\.[123]\.1$/.test(text(ds, Tag.sopClass));

/** By instance number, as the scanner counted; where numbers repeat or lack, by place. */
export function inStackOrder(list: readonly Dataset[]): Dataset[] {
    const keyed = list.map((ds) => ({
        ds,
        number: number(ds, Tag.instanceNumber) ?? Infinity,
        depthMm: depthMm(ds) ?? 0,
        uid: text(ds, Tag.sopInstance),
        late: isForProcessing(ds) ? 1 : 0,
    }));
    keyed.sort((a, b) => a.late - b.late || (a.number === b.number ? 0 : a.number - b.number) || a.depthMm - b.depthMm || (a.uid < b.uid ? -1 : 1));
    return keyed.map((k) => k.ds);
}

/* A slide has tiles by the hundred thousand, which are no stack: those of its map are found another way. */
const slideFramesMost = 256;

export function contentOf(study: string, series: string, list: readonly Dataset[]): Content {
    const datasets = inStackOrder(list);
    const frames: FrameInfo[] = [];
    const others: Dataset[] = [];
    for (const ds of datasets) {
        const instance = text(ds, Tag.sopInstance);
        if (!isImage(ds) || instance === "") others.push(ds);
        else for (let frame = 1; frame <= Math.min(frameCount(ds), isSlide(ds) ? slideFramesMost : Infinity); frame++) frames.push(frameInfo({ study, series, instance, frame }, ds));
    }
    return { datasets, frames, others };
}

/** Frames per second the object asks for, or ten.   PS3.3 §C.7.6.5 */
export function cineRate(ds: Dataset | undefined): number {
    const frameTimeMs = number(ds, Tag.frameTime);
    const said = number(ds, Tag.recommendedRate) ?? number(ds, Tag.cineRate) ?? (frameTimeMs ? 1000 / frameTimeMs : undefined);
    return said !== undefined && said > 0 ? Math.min(60, Math.max(1, Math.round(said))) : 10;
}

const objectNames: readonly (readonly [uid: RegExp, name: () => string])[] = [
    [/\.1\.1\.104\.1$/, () => t("PDF document")],
    [/\.1\.1\.104\.2$/, () => t("CDA document")],
    [/\.1\.1\.104\.[345]$/, () => t("3D model")],
    [/\.1\.1\.88\.59$/, () => t("Key object selection")],
    [/\.1\.1\.88\./, () => t("Structured report")],
    [/\.1\.1\.11\./, () => t("Presentation state")],
    [/\.1\.1\.9\.[1-3]/, () => t("Waveform")],
    [/\.1\.1\.9\./, () => t("Waveform")],
    [/\.1\.1\.66\.[1-3]$/, () => t("Registration or fiducials")],
    [/\.1\.1\.66\.[47]$/, () => t("Segmentation")],
    [/\.1\.1\.66$/, () => t("Raw data")],
    [/\.1\.1\.481\.3$/, () => t("RT structure set")],
    [/\.1\.1\.481\.[58]$/, () => t("RT plan")],
    [/\.1\.1\.481\./, () => t("Radiotherapy object")],
    [/\.1\.1\.4\.2$/, () => t("MR spectroscopy")],
    [/\.1\.1\.91\.1$/, () => t("Microscopy annotations")],
    [/\.1\.1\.77\.1\.[124]\.1$|\.1\.1\.77\.1\.5\.\d$/, () => t("Video or photograph")],
];

/** What an object is, in words. */
export function objectName(ds: Dataset): string {
    const sopClass = text(ds, Tag.sopClass);
    if (isVideo(text(ds, Tag.availableTransferSyntax))) return t("Video");
    const known = sopClass.startsWith("1.2.840.10008.5.1.4") ? objectNames.find(([uid]) => uid.test(sopClass)) : undefined;
    return known?.[1]() ?? (text(ds, Tag.modality) ? t("{modality} object", { modality: text(ds, Tag.modality) }) : t("DICOM object"));
}

/** In which form the server shows an object without frames: a page, a picture, a document, a film. */
export type Rendering = "text/html" | "image/svg+xml" | "image/png" | "application/pdf" | "video/mp4";

const renderings: readonly (readonly [uid: RegExp, rendering: Rendering])[] = [
    [/\.1\.1\.88\./, "text/html"],
    [/\.1\.1\.9\./, "image/svg+xml"],
    [/\.1\.1\.481\.3$|\.1\.1\.11\./, "image/png"],
    [/\.1\.1\.104\.1$/, "application/pdf"],
];

export function renderingOf(ds: Dataset): Rendering | undefined {
    const syntax = text(ds, Tag.availableTransferSyntax);
    if (isVideo(syntax)) return /\.10[01](\.1)?$/.test(syntax) ? undefined : "video/mp4"; /* no browser plays MPEG-2 */
    return renderings.find(([uid]) => uid.test(text(ds, Tag.sopClass)))?.[1];
}
