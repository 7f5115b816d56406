/** What one frame needs to be drawn, read from its data set: functional groups are looked through
 *  (PS3.3 §C.7.6.16), defaults are filled in, nothing is believed that cannot be used. */

import type { SpacingSource } from "../dicom/measurement";
import type { FrameRef } from "../dicomweb/client";
import { items, number, numbers, text, texts, Tag, type Dataset, type Element } from "../dicomweb/json";

export type Vec3 = readonly [number, number, number];

export interface Window {
    center: number;
    width: number;
    name: string;
}

export interface Lut {
    first: number;
    bits: number;
    data: Element | undefined;
    entries: number;
    segmented: boolean;
}

export interface FrameInfo extends FrameRef {
    id: string;
    /** This is a difference: what the frame `of` shows beyond its masks (ids of frames). */
    subtraction?: { of: string; masks: readonly string[]; shift: readonly [row: number, column: number] };
    modality: string;
    sopClass: string;
    instanceNumber: number | undefined;
    rows: number;
    columns: number;
    samples: number;
    photometric: string;
    planar: boolean;
    bitsAllocated: number;
    bitsStored: number;
    highBit: number;
    signed: boolean;
    float: boolean;
    pixelVr: string;
    slope: number;
    intercept: number;
    unit: string;
    windows: readonly Window[];
    voiFunction: string;
    modalityLut: Lut | undefined;
    voiLut: Lut | undefined;
    palette: readonly [Lut, Lut, Lut] | undefined;
    /** The palette colours only values from its first on; those below are grey.   PS3.3 §C.7.6.19 */
    supplemental: boolean;
    inverse: boolean; /* the lowest value is white */
    padding: readonly [number, number] | undefined; /* the stored values that are no image, both ends included */
    position: Vec3 | undefined;
    rowDirection: Vec3 | undefined;
    columnDirection: Vec3 | undefined;
    frameOfReference: string;
    rowSpacingMm: number; /* between rows; 1 when nothing is said */
    columnSpacingMm: number;
    calibrated: boolean; /* these are mm, not mere proportions */
    spacingSource: SpacingSource;
    sliceThicknessMm: number | undefined;
    sliceLocationMm: number | undefined;
}

/* The macros whose attributes stand at the top level of classic objects */
const macros = ["00289110", "00209113", "00209116", "00289145", "00289132", "00209111", "00187004"];

function groupAttributes(group: Dataset | undefined): Dataset {
    const flat: Record<string, Element | undefined> = {};
    for (const macro of macros) Object.assign(flat, items(group, macro)[0]);
    return flat;
}

/** The data set as the frame sees it: per-frame groups before shared ones before the top level. */
export function frameDataset(ds: Dataset, frame: number): Dataset {
    const shared = items(ds, Tag.sharedGroups)[0];
    const own = items(ds, Tag.perFrameGroups)[frame - 1];
    if (!shared && !own) return ds;
    return { ...ds, ...groupAttributes(shared), ...groupAttributes(own) };
}

function vec3(v: readonly number[], at = 0): Vec3 | undefined {
    const [x, y, z] = [v[at], v[at + 1], v[at + 2]];
    return x !== undefined && y !== undefined && z !== undefined ? [x, y, z] : undefined;
}

const projections = new Set(["CR", "DX", "DR", "MG", "IO", "PX", "XA", "RF", "RG"]);

type Spacing = Pick<FrameInfo, "rowSpacingMm" | "columnSpacingMm" | "calibrated" | "spacingSource">;

/** How far apart pixels are, and where: in the patient, or at the detector, in front of which the patient appears larger
 *  than he is.   PS3.3 §10.7.1.3 */
function spacing(ds: Dataset): Spacing {
    const pair = (tag: string) => {
        const [row, column] = numbers(ds, tag);
        return row !== undefined && row > 0 && column !== undefined && column > 0 ? ([row, column] as const) : undefined;
    };
    const said = (of: readonly [number, number], spacingSource: SpacingSource, magnified = 1): Spacing => ({
        rowSpacingMm: of[0] / magnified,
        columnSpacingMm: of[1] / magnified,
        calibrated: true,
        spacingSource,
    });
    const [pixel, imager] = [pair(Tag.pixelSpacing), pair(Tag.imagerPixelSpacing) ?? pair(Tag.scannedPixelSpacing)];
    const isProjection = imager !== undefined || projections.has(text(ds, Tag.modality));
    const isCorrected = text(ds, Tag.spacingCalibration) !== "" || (pixel && imager && (pixel[0] !== imager[0] || pixel[1] !== imager[1]));
    if (pixel && (!isProjection || isCorrected)) return said(pixel, "calibrated");
    const uncorrected = imager ?? pixel;
    const magnified = number(ds, Tag.magnification) ?? 0;
    if (uncorrected) return magnified > 1 ? said(uncorrected, "estimated", magnified) : said(uncorrected, "imager");
    const [vertical, horizontal] = numbers(ds, Tag.pixelAspectRatio);
    const isKnown = vertical !== undefined && horizontal !== undefined && vertical > 0 && horizontal > 0;
    return { rowSpacingMm: isKnown ? vertical / horizontal : 1, columnSpacingMm: 1, calibrated: false, spacingSource: "none" };
}

function windows(ds: Dataset): Window[] {
    const centers = numbers(ds, Tag.windowCenter);
    const widths = numbers(ds, Tag.windowWidth);
    const names = texts(ds, Tag.windowExplanation);
    return centers
        .map((center, i) => ({ center, width: widths[i] ?? NaN, name: names[i] ?? "" }))
        .filter((w) => w.width > 0);
}

/* LINEAR counts in steps of one (PS3.3 §C.11.2.1.2.1): of no use where values lie closer together. */
function voiFunction(said: string, opening: readonly Window[], isWhole: boolean): string {
    const isNarrow = opening.length > 0 ? opening[0]!.width < 1 : !isWhole;
    return (said === "" || said === "LINEAR") && isNarrow ? "LINEAR_EXACT" : said || "LINEAR";
}

/** A LUT and its descriptor: entries (0 means 65536), first value mapped, bits.   PS3.3 §C.11.1.1 */
function lut(descriptor: readonly number[], data: Element | undefined, signed: boolean): Lut | undefined {
    const [entries, first, bits] = descriptor;
    if (entries === undefined || first === undefined || bits === undefined || !data) return undefined;
    const at = signed && first > 32767 ? first - 65536 : first;
    return { entries: entries === 0 ? 65536 : entries, first: at, bits, data, segmented: false };
}

function itemLut(ds: Dataset, tag: string, signed: boolean): Lut | undefined {
    const item = items(ds, tag)[0];
    return item && lut(numbers(item, Tag.lutDescriptor), item[Tag.lutData], signed);
}

/* The VR may give a word the other sign than the pixels have. */
function padding(ds: Dataset, bits: number, signed: boolean): readonly [number, number] | undefined {
    const [value] = numbers(ds, Tag.paddingValue);
    if (value === undefined || bits > 16) return undefined;
    const word = (v: number) => (signed ? (v << 16) >> 16 : v & 0xffff);
    return [word(value), word(number(ds, Tag.paddingLimit) ?? value)];
}

function palette(ds: Dataset, signed: boolean): readonly [Lut, Lut, Lut] | undefined {
    const one = (descriptor: string, table: string, segmented: string): Lut | undefined => {
        const found = lut(numbers(ds, descriptor), ds[table] ?? ds[segmented], signed);
        return found && { ...found, segmented: !ds[table] };
    };
    const r = one(Tag.redDescriptor, Tag.redTable, "00281221");
    const g = one(Tag.greenDescriptor, Tag.greenTable, "00281222");
    const b = one(Tag.blueDescriptor, Tag.blueTable, "00281223");
    return r && g && b ? [r, g, b] : undefined;
}

/** What frames are like once the server has decoded them: colour by pixel, chroma at full width, the codec's own
 *  colour transforms undone. */
export function decodedInfo(info: FrameInfo): FrameInfo {
    const plain: Record<string, string> = { YBR_RCT: "RGB", YBR_ICT: "RGB", YBR_FULL_422: "YBR_FULL" };
    return { ...info, planar: false, photometric: plain[info.photometric] ?? info.photometric };
}

export function frameCount(ds: Dataset): number {
    return Math.max(1, Math.floor(number(ds, Tag.numberOfFrames) ?? 1));
}

const pixelTags = [Tag.pixelData, Tag.floatPixelData, Tag.doublePixelData];

/** Whether the object holds frames of pixels that we can ask for: it says a size, and not that it is a video. */
export function isImage(ds: Dataset): boolean {
    const rows = number(ds, Tag.rows) ?? 0;
    const columns = number(ds, Tag.columns) ?? 0;
    const syntax = text(ds, Tag.availableTransferSyntax) || text(ds, Tag.transferSyntax);
    return rows > 0 && columns > 0 && number(ds, Tag.bitsAllocated) !== undefined && !isVideo(syntax);
}

/** MPEG-2, H.264 and HEVC streams (.100 to .108).   PS3.5 §10 */
export function isVideo(syntax: string): boolean {
    return /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/.test(syntax);
}

export function frameInfo(ref: FrameRef, whole: Dataset): FrameInfo {
    const ds = frameDataset(whole, ref.frame);
    const bitsAllocated = number(ds, Tag.bitsAllocated) ?? 8;
    const bitsStored = Math.min(bitsAllocated, number(ds, Tag.bitsStored) ?? bitsAllocated);
    const signed = number(ds, Tag.pixelRepresentation) === 1;
    const orientation = numbers(ds, Tag.imageOrientation);
    const float = ds[Tag.floatPixelData] !== undefined || ds[Tag.doublePixelData] !== undefined;
    const dose = text(ds, Tag.modality) === "RTDOSE" ? number(ds, Tag.doseGridScaling) : undefined;
    const slope = dose ?? (number(ds, Tag.rescaleSlope) || 1);
    const intercept = dose !== undefined ? 0 : (number(ds, Tag.rescaleIntercept) ?? 0);
    const opening = windows(ds);
    const photometric = text(ds, Tag.photometric).trim() || "MONOCHROME2";
    const isGrey = /^MONOCHROME[12]$/.test(photometric);
    const colours = palette(ds, signed);
    return {
        ...ref,
        id: `dicomweb:${ref.instance}/${ref.frame}`,
        modality: text(ds, Tag.modality),
        sopClass: text(ds, Tag.sopClass),
        instanceNumber: number(ds, Tag.instanceNumber),
        rows: number(ds, Tag.rows) ?? 0,
        columns: number(ds, Tag.columns) ?? 0,
        samples: number(ds, Tag.samplesPerPixel) ?? 1,
        photometric,
        planar: number(ds, Tag.planarConfiguration) === 1,
        bitsAllocated,
        bitsStored,
        highBit: number(ds, Tag.highBit) ?? bitsStored - 1,
        signed,
        float,
        pixelVr: pixelTags.map((t) => ds[t]?.vr).find((vr) => vr !== undefined) ?? "OW",
        slope,
        intercept,
        unit: text(ds, Tag.rescaleType),
        windows: opening,
        voiFunction: voiFunction(text(ds, Tag.voiFunction), opening, !float && Number.isInteger(slope) && Number.isInteger(intercept)),
        modalityLut: itemLut(ds, Tag.modalityLut, signed),
        voiLut: itemLut(ds, Tag.voiLut, signed),
        palette: colours,
        supplemental: isGrey && colours !== undefined && /^(COLOR|MIXED)$/.test(text(ds, Tag.pixelPresentation)),
        inverse: isGrey && (photometric === "MONOCHROME1" || text(ds, Tag.presentationShape) === "INVERSE"),
        padding: padding(ds, bitsAllocated, signed),
        position: vec3(numbers(ds, Tag.imagePosition)),
        rowDirection: orientation.length >= 6 ? vec3(orientation) : undefined,
        columnDirection: orientation.length >= 6 ? vec3(orientation, 3) : undefined,
        frameOfReference: text(ds, Tag.frameOfReference),
        ...spacing(ds),
        sliceThicknessMm: number(ds, Tag.sliceThickness),
        sliceLocationMm: number(ds, Tag.sliceLocation),
    };
}

export const isColor = (info: FrameInfo): boolean => info.photometric === "PALETTE COLOR" || info.samples >= 3 || info.supplemental;

/** The frame with its mask subtracted: signed values around 0, in a window that fits any bit depth. */
export function subtractedInfo(info: FrameInfo, masks: readonly FrameInfo[], shift: readonly [row: number, column: number]): FrameInfo {
    return {
        ...info,
        id: `${info.id}-${masks.map((m) => m.frame).join(",")}@${shift.join(",")}`,
        subtraction: { of: info.id, masks: masks.map((m) => m.id), shift },
        windows: [{ center: 0, width: 2 ** (info.bitsStored - 2), name: "" }],
        voiFunction: "LINEAR_EXACT",
        voiLut: undefined,
        inverse: false,
        padding: undefined,
    };
}
