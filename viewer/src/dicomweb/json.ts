/** DICOM JSON (PS3.18 Annex F): reading values out of a data set without trusting its shape. */

export interface Element {
    vr?: string;
    Value?: unknown[];
    BulkDataURI?: string;
    InlineBinary?: string;
}
export type Dataset = Readonly<Record<string, Element | undefined>>;

/** The tags this application reads by name, as DICOM JSON spells them. */
export const Tag = {
    transferSyntax: "00020010",
    imageType: "00080008",
    sopClass: "00080016",
    sopInstance: "00080018",
    studyDate: "00080020",
    seriesDate: "00080021",
    studyTime: "00080030",
    accession: "00080050",
    modality: "00080060",
    modalitiesInStudy: "00080061",
    studyDescription: "00081030",
    seriesDescription: "0008103E",
    institution: "00080080",
    recommendedRate: "00082144",
    availableTransferSyntax: "00083002",
    patientName: "00100010",
    patientId: "00100020",
    birthDate: "00100030",
    sex: "00100040",
    bodyPart: "00180015",
    sliceThickness: "00180050",
    cineRate: "00180040",
    frameTime: "00181063",
    magnification: "00181114",
    imagerPixelSpacing: "00181164",
    scannedPixelSpacing: "00182010",
    ultrasoundRegions: "00186011",
    studyUid: "0020000D",
    seriesUid: "0020000E",
    seriesNumber: "00200011",
    instanceNumber: "00200013",
    imagePosition: "00200032",
    imageOrientation: "00200037",
    frameOfReference: "00200052",
    sliceLocation: "00201041",
    studySeries: "00201206",
    studyInstances: "00201208",
    seriesInstances: "00201209",
    samplesPerPixel: "00280002",
    photometric: "00280004",
    planarConfiguration: "00280006",
    numberOfFrames: "00280008",
    rows: "00280010",
    columns: "00280011",
    pixelSpacing: "00280030",
    pixelAspectRatio: "00280034",
    spacingCalibration: "00280A02",
    bitsAllocated: "00280100",
    bitsStored: "00280101",
    highBit: "00280102",
    pixelRepresentation: "00280103",
    pixelPresentation: "00089205",
    presentationShape: "20500020",
    paddingValue: "00280120",
    paddingLimit: "00280121",
    windowCenter: "00281050",
    windowWidth: "00281051",
    rescaleIntercept: "00281052",
    rescaleSlope: "00281053",
    rescaleType: "00281054",
    windowExplanation: "00281055",
    voiFunction: "00281056",
    redDescriptor: "00281101",
    greenDescriptor: "00281102",
    blueDescriptor: "00281103",
    redTable: "00281201",
    greenTable: "00281202",
    blueTable: "00281203",
    modalityLut: "00283000",
    lutDescriptor: "00283002",
    lutData: "00283006",
    voiLut: "00283010",
    doseGridScaling: "3004000E",
    sharedGroups: "52009229",
    perFrameGroups: "52009230",
    pixelData: "7FE00010",
    floatPixelData: "7FE00008",
    doublePixelData: "7FE00009",
} as const;

export function values(ds: Dataset | undefined, tag: string): readonly unknown[] {
    const value = ds?.[tag]?.Value;
    return Array.isArray(value) ? value : [];
}

/** The first value as text; person names as their first group. Empty when there is none. */
export function text(ds: Dataset | undefined, tag: string): string {
    const [first] = values(ds, tag);
    if (typeof first === "string") return first;
    if (typeof first === "number") return String(first);
    if (isPersonName(first)) return personName(first);
    return "";
}

export function texts(ds: Dataset | undefined, tag: string): string[] {
    return values(ds, tag)
        .filter((v) => typeof v === "string" || typeof v === "number")
        .map(String);
}

/** The numbers of an element; servers send IS and DS as numbers or as strings. */
export function numbers(ds: Dataset | undefined, tag: string): number[] {
    return values(ds, tag)
        .map((v) => (typeof v === "number" ? v : typeof v === "string" && v.trim() !== "" ? Number(v) : NaN))
        .filter((n) => Number.isFinite(n));
}

export function number(ds: Dataset | undefined, tag: string): number | undefined {
    return numbers(ds, tag)[0];
}

export function items(ds: Dataset | undefined, tag: string): Dataset[] {
    return values(ds, tag).filter((v): v is Dataset => typeof v === "object" && v !== null);
}

export interface PersonName {
    Alphabetic?: string;
    Ideographic?: string;
    Phonetic?: string;
}

export function isPersonName(v: unknown): v is PersonName {
    return typeof v === "object" && v !== null && ("Alphabetic" in v || "Ideographic" in v || "Phonetic" in v);
}

/** "DOE^JANE^M^Dr" is shown as "DOE, JANE M (Dr)": family first, as lists are read.   PS3.5 §6.2.1 */
export function personName(pn: PersonName): string {
    const alphabetic = typeof pn.Alphabetic === "string" ? readable(pn.Alphabetic) : "";
    const ideographic = typeof pn.Ideographic === "string" ? pn.Ideographic.replace(/\^+/g, " ").trim() : "";
    if (alphabetic && ideographic) return `${alphabetic} · ${ideographic}`;
    return alphabetic || ideographic || (typeof pn.Phonetic === "string" ? pn.Phonetic : "");
}

function readable(group: string): string {
    const [family = "", given = "", middle = "", prefix = "", suffix = ""] = group.split("^").map((s) => s.trim());
    const rest = [given, middle].filter(Boolean).join(" ");
    const titles = [prefix, suffix].filter(Boolean).join(", ");
    const name = [family, rest].filter(Boolean).join(", ");
    return titles ? `${name} (${titles})` : name;
}

/** "20260131" becomes "2026-01-31"; anything else is shown as it is. */
export function dateText(da: string): string {
    const m = /^(\d{4})[.]?(\d{2})[.]?(\d{2})$/.exec(da.trim());
    return m ? `${m[1]}-${m[2]}-${m[3]}` : da;
}

/** "142501.123" becomes "14:25:01". */
export function timeText(tm: string): string {
    const m = /^(\d{2}):?(\d{2})?:?(\d{2})?/.exec(tm.trim());
    return m ? [m[1], m[2] ?? "00", m[3]].filter(Boolean).join(":") : tm;
}

/** The bytes of an inline binary value, or undefined. */
export function inlineBytes(el: Element | undefined): Uint8Array | undefined {
    if (typeof el?.InlineBinary !== "string") return undefined;
    try {
        return Uint8Array.from(atob(el.InlineBinary), (c) => c.charCodeAt(0));
    } catch {
        return undefined;
    }
}
