/** Making DICOM data sets as DICOM JSON (PS3.18 Annex F): elements by keyword, codes, UIDs, references, and what every object
 *  made here has in common with the images that it is about. */

import { number, text, type Dataset, type Element } from "../dicomweb/json";
import type { Code, FrameKey } from "./measurement";
import { newUid } from "./uid";

/* Keyword to tag and VR: those that are written here.   PS3.6 §6 */
const dictionary = {
    SpecificCharacterSet: "00080005CS", InstanceCreationDate: "00080012DA", InstanceCreationTime: "00080013TM",
    SOPClassUID: "00080016UI", SOPInstanceUID: "00080018UI", StudyDate: "00080020DA", SeriesDate: "00080021DA",
    ContentDate: "00080023DA", StudyTime: "00080030TM", SeriesTime: "00080031TM", ContentTime: "00080033TM",
    AccessionNumber: "00080050SH", Modality: "00080060CS", Manufacturer: "00080070LO", ReferringPhysicianName: "00080090PN",
    CodeValue: "00080100SH", CodingSchemeDesignator: "00080102SH", CodeMeaning: "00080104LO", MappingResource: "00080105CS",
    CodingSchemeIdentificationSequence: "00080110SQ", CodingSchemeUID: "0008010CUI", CodingSchemeName: "00080115ST",
    LongCodeValue: "00080119UC", TimezoneOffsetFromUTC: "00080201SH", StudyDescription: "00081030LO", SeriesDescription: "0008103ELO",
    ManufacturerModelName: "00081090LO", ReferencedPerformedProcedureStepSequence: "00081111SQ", ReferencedSeriesSequence: "00081115SQ",
    ReferencedImageSequence: "00081140SQ", ReferencedInstanceSequence: "0008114ASQ", ReferencedSOPClassUID: "00081150UI",
    ReferencedSOPInstanceUID: "00081155UI", ReferencedFrameNumber: "00081160IS", ReferencedSOPSequence: "00081199SQ",
    DerivationImageSequence: "00089124SQ", DerivationCodeSequence: "00089215SQ", SourceImageSequence: "00082112SQ",
    PurposeOfReferenceCodeSequence: "0040A170SQ", ImageType: "00080008CS", AnatomicRegionSequence: "00082218SQ",
    PatientName: "00100010PN", PatientID: "00100020LO", PatientBirthDate: "00100030DA", PatientSex: "00100040CS",
    DeviceSerialNumber: "00181000LO", SoftwareVersions: "00181020LO", SliceThickness: "00180050DS", SpacingBetweenSlices: "00180088DS",
    ContentQualification: "00189004CS", StudyInstanceUID: "0020000DUI", SeriesInstanceUID: "0020000EUI", StudyID: "00200010SH", Laterality: "00200060CS",
    SeriesNumber: "00200011IS", InstanceNumber: "00200013IS", ImagePositionPatient: "00200032DS", ImageOrientationPatient: "00200037DS",
    FrameOfReferenceUID: "00200052UI", PositionReferenceIndicator: "00201040LO", ImageComments: "00204000LT",
    FrameContentSequence: "00209111SQ", PlanePositionSequence: "00209113SQ", PlaneOrientationSequence: "00209116SQ",
    DimensionOrganizationSequence: "00209221SQ", DimensionOrganizationUID: "00209164UI", DimensionIndexSequence: "00209222SQ",
    DimensionIndexPointer: "00209165AT", FunctionalGroupPointer: "00209167AT", DimensionIndexValues: "00209157UL",
    DimensionDescriptionLabel: "00209421LO", DimensionOrganizationType: "00209311CS",
    SamplesPerPixel: "00280002US", PhotometricInterpretation: "00280004CS", NumberOfFrames: "00280008IS", Rows: "00280010US",
    Columns: "00280011US", PixelSpacing: "00280030DS", BitsAllocated: "00280100US", BitsStored: "00280101US", HighBit: "00280102US",
    PixelRepresentation: "00280103US", WindowCenter: "00281050DS", WindowWidth: "00281051DS", WindowCenterWidthExplanation: "00281055LO",
    RescaleIntercept: "00281052DS", RescaleSlope: "00281053DS", RescaleType: "00281054LO", SpatialLocationsPreserved: "0028135ACS", LossyImageCompression: "00282110CS",
    VOILUTFunction: "00281056CS", PixelMeasuresSequence: "00289110SQ", SharedFunctionalGroupsSequence: "52009229SQ",
    PerFrameFunctionalGroupsSequence: "52009230SQ", PixelPaddingValue: "00280120US", PixelData: "7FE00010OB",
    ConceptNameCodeSequence: "0040A043SQ", ValueType: "0040A040CS", RelationshipType: "0040A010CS", ContinuityOfContent: "0040A050CS",
    ContentSequence: "0040A730SQ", ContentTemplateSequence: "0040A504SQ", TemplateIdentifier: "0040DB00CS",
    ConceptCodeSequence: "0040A168SQ", TextValue: "0040A160UT", UID: "0040A124UI", PersonName: "0040A123PN", Date: "0040A121DA",
    ObservationDateTime: "0040A032DT", ObservationUID: "0040A171UI", MeasuredValueSequence: "0040A300SQ", NumericValue: "0040A30ADS", FloatingPointValue: "0040A161FD",
    MeasurementUnitsCodeSequence: "004008EASQ", CompletionFlag: "0040A491CS", VerificationFlag: "0040A493CS", PreliminaryFlag: "0040A496CS",
    PerformedProcedureCodeSequence: "0040A372SQ", CurrentRequestedProcedureEvidenceSequence: "0040A375SQ",
    ReferencedSegmentNumber: "0062000BUS", SegmentSequence: "00620002SQ", SegmentNumber: "00620004US", SegmentLabel: "00620005LO",
    SegmentationType: "00620001CS", SegmentedPropertyCategoryCodeSequence: "00620003SQ", SegmentedPropertyTypeCodeSequence: "0062000FSQ",
    SegmentAlgorithmType: "00620008CS", SegmentAlgorithmName: "00620009LO", SegmentIdentificationSequence: "0062000ASQ",
    RecommendedDisplayCIELabValue: "0062000DUS", MaximumFractionalValue: "0062000EUS", SegmentationFractionalType: "00620010CS",
    SegmentsOverlap: "00620013CS", TrackingID: "00620020UT", TrackingUID: "00620021UI", GraphicData: "00700022FL", GraphicType: "00700023CS",
    GraphicAnnotationSequence: "00700001SQ", GraphicLayer: "00700002CS", BoundingBoxAnnotationUnits: "00700003CS",
    AnchorPointAnnotationUnits: "00700004CS", GraphicAnnotationUnits: "00700005CS", UnformattedTextValue: "00700006ST",
    TextObjectSequence: "00700008SQ", GraphicObjectSequence: "00700009SQ", BoundingBoxTopLeftHandCorner: "00700010FL",
    BoundingBoxBottomRightHandCorner: "00700011FL", BoundingBoxTextHorizontalJustification: "00700012CS", AnchorPoint: "00700014FL",
    AnchorPointVisibility: "00700015CS", GraphicDimensions: "00700020US", NumberOfGraphicPoints: "00700021US", GraphicFilled: "00700024CS",
    ImageHorizontalFlip: "00700041CS", ImageRotation: "00700042US", DisplayedAreaTopLeftHandCorner: "00700052SL",
    DisplayedAreaBottomRightHandCorner: "00700053SL", DisplayedAreaSelectionSequence: "0070005ASQ", GraphicLayerSequence: "00700060SQ",
    GraphicLayerOrder: "00700062IS", GraphicLayerRecommendedDisplayCIELabValue: "00700401US", ContentLabel: "00700080CS",
    ContentDescription: "00700081LO", PresentationCreationDate: "00700082DA", PresentationCreationTime: "00700083TM",
    ContentCreatorName: "00700084PN", PresentationSizeMode: "00700100CS", PresentationPixelSpacing: "00700101DS",
    PresentationPixelAspectRatio: "00700102IS", PresentationPixelMagnificationRatio: "00700103FL", PatternOnColorCIELabValue: "00700251US",
    SoftcopyVOILUTSequence: "00283110SQ", PresentationLUTShape: "20500020CS", ShutterShape: "00181600CS",
    ShutterLeftVerticalEdge: "00181602IS", ShutterRightVerticalEdge: "00181604IS", ShutterUpperHorizontalEdge: "00181606IS",
    ShutterLowerHorizontalEdge: "00181608IS", ShutterPresentationValue: "00181622US", ReferencedFrameOfReferenceUID: "30060024UI",
    StructureSetLabel: "30060002SH", StructureSetName: "30060004LO", StructureSetDate: "30060008DA", StructureSetTime: "30060009TM",
    ReferencedFrameOfReferenceSequence: "30060010SQ", RTReferencedStudySequence: "30060012SQ", RTReferencedSeriesSequence: "30060014SQ",
    ContourImageSequence: "30060016SQ", StructureSetROISequence: "30060020SQ", ROINumber: "30060022IS", ROIName: "30060026LO",
    ROIDisplayColor: "3006002AIS", ROIGenerationAlgorithm: "30060036CS", ROIContourSequence: "30060039SQ", ContourSequence: "30060040SQ",
    ContourGeometricType: "30060042CS", NumberOfContourPoints: "30060046IS", ContourNumber: "30060048IS", ContourData: "30060050DS",
    RTROIObservationsSequence: "30060080SQ", ObservationNumber: "30060082IS", ReferencedROINumber: "30060084IS",
    RTROIInterpretedType: "300600A4CS", ROIInterpreter: "300600A6PN", RTROIIdentificationCodeSequence: "30060086SQ",
    TemporalRangeType: "0040A130CS", ReferencedSamplePositions: "0040A132UL", ReferencedTimeOffsets: "0040A138DS", ReferencedWaveformChannels: "0040A0B0US",
    PixelOriginInterpretation: "00480301CS", OperatorsName: "00081070PN", ApprovalStatus: "300E0002CS", VerifyingObserverSequence: "0040A073SQ", VerifyingObserverName: "0040A075PN",
    VerifyingOrganization: "0040A027LO", VerificationDateTime: "0040A030DT", VerifyingObserverIdentificationCodeSequence: "0040A088SQ",
    PredecessorDocumentsSequence: "0040A360SQ", PertinentOtherEvidenceSequence: "0040A385SQ", ConversionType: "00080064CS",
    AcquisitionDateTime: "0008002ADT", BurnedInAnnotation: "00280301CS", DocumentTitle: "00420010ST", EncapsulatedDocument: "00420011OB",
    MIMETypeOfEncapsulatedDocument: "00420012LO", SourceInstanceSequence: "00420013SQ", EncapsulatedDocumentLength: "00420015UL",
} as const;

export type Keyword = keyof typeof dictionary;

/** The tag of a keyword, as DICOM JSON spells it. */
export const tagOf = (keyword: Keyword): string => dictionary[keyword].slice(0, 8);

type Plain = string | number;
export type Value = Plain | readonly Plain[] | readonly Dataset[] | Element | undefined;

function isElement(v: object): v is Element {
    return "vr" in v;
}

function element(vr: string, value: Exclude<Value, undefined>): Element {
    if (typeof value === "object" && !Array.isArray(value) && isElement(value)) return value;
    const list = (Array.isArray(value) ? value : [value]) as readonly (Plain | Dataset)[];
    if (list.length === 0 || (list.length === 1 && list[0] === "")) return { vr };
    if (vr === "PN") return { vr, Value: list.map((v) => ({ Alphabetic: String(v) })) };
    if (vr === "DS") return { vr, Value: list.map((v) => (typeof v === "number" ? decimal(v) : v)) };
    return { vr, Value: [...list] };
}

/** A data set by keywords. An empty string or list is an element without a value (type 2), undefined is left out. */
export function dataset(values: Partial<Record<Keyword, Value>>): Dataset {
    const out: Record<string, Element> = {};
    for (const [keyword, value] of Object.entries(values) as [Keyword, Value][])
        if (value !== undefined) out[tagOf(keyword)] = element(dictionary[keyword].slice(8), value);
    return out;
}

/** A number as a decimal string of at most 16 characters, as exact as that allows.   PS3.5 §6.2 */
export function decimal(n: number): string {
    if (!Number.isFinite(n)) throw new RangeError("a value that is no number cannot be written");
    for (let digits = 16; digits > 0; digits--) {
        const [plain, short] = [String(Number(n.toPrecision(digits))), n.toExponential(digits - 1).replace("e+", "e")];
        if (plain.length <= 16) return plain;
        if (short.length <= 16) return short;
    }
    return "0";
}

const two = (n: number) => String(n).padStart(2, "0");
export const daText = (d: Date): string => `${d.getFullYear()}${two(d.getMonth() + 1)}${two(d.getDate())}`;
export const tmText = (d: Date): string => `${two(d.getHours())}${two(d.getMinutes())}${two(d.getSeconds())}`;

/** "+0100": where the date and time of an object are told.   PS3.3 §C.12.1.1.8 */
export function zoneText(d: Date): string {
    const minutes = -d.getTimezoneOffset();
    const size = Math.abs(minutes);
    return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

/** A moment in UTC as DT.   PS3.5 §6.2 */
export const dtText = (iso: string): string => `${new Date(iso).toISOString().replace(/[-:T]/g, "").slice(0, 14)}+0000`;

export function dtDate(dt: string): string | undefined {
    const m = /^(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.(\d{1,6}))?([+-]\d{4})?$/.exec(dt.trim());
    if (!m) return undefined;
    const zone = m[8] ? `${m[8].slice(0, 3)}:${m[8].slice(3)}` : "Z";
    const moment = new Date(`${m[1]}-${m[2] ?? "01"}-${m[3] ?? "01"}T${m[4] ?? "00"}:${m[5] ?? "00"}:${m[6] ?? "00"}${zone}`);
    return Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
}

/* ---- codes ---- */

export const ownScheme = "99ISOCENTER";
export const code = (value: string, scheme: string, meaning: string): Code => ({ value, scheme, meaning });

/** The item of a code sequence. A value beyond 16 characters is a Long Code Value.   PS3.3 §8.8 */
export function codeItem(c: Code): Dataset {
    const meaning = [...(c.meaning || c.value)].slice(0, 64).join("");
    return dataset({ ...(c.value.length > 16 ? { LongCodeValue: c.value } : { CodeValue: c.value }), CodingSchemeDesignator: c.scheme, CodeMeaning: meaning });
}

export function codeOf(item: Dataset | undefined): Code | undefined {
    if (!item) return undefined;
    const value = text(item, "00080100") || text(item, "00080119") || text(item, "00080120");
    const meaning = text(item, "00080104");
    return value || meaning ? { value, scheme: text(item, "00080102"), meaning } : undefined;
}

export const isCode = (c: Code | undefined, other: Code): boolean => c !== undefined && c.value === other.value && c.scheme === other.scheme;

/** Says whose the codes of our own are, in any object that may hold them. */
export const ownSchemeItem = (): Dataset => dataset({ CodingSchemeDesignator: ownScheme, CodingSchemeName: "Isocenter viewer" });

/* ---- what an object has in common with what it is about ---- */

const patientTags = ["00100010", "00100020", "00100021", "00100024", "00100030", "00100040", "00101002", "00102160", "00104000", "00120062", "00120063", "00120064"];
const studyTags = ["0020000D", "00080020", "00080030", "00080050", "00080051", "00080090", "00081030", "00200010", "00101010", "00101020", "00101030"];

export interface Origin {
    date: Date;
    seriesNumber: number;
    seriesDescription: string;
}

/** Patient, study, equipment and SOP common of a new object of a new series, after an object of its study. */
export function newObject(source: Dataset, sopClass: string, modality: string, origin: Origin): Dataset {
    const copied: Record<string, Element | undefined> = {};
    for (const tag of [...patientTags, ...studyTags]) if (source[tag] !== undefined) copied[tag] = source[tag];
    return {
        ...dataset({ PatientName: "", PatientID: "", PatientBirthDate: "", PatientSex: "" }),
        ...dataset({ StudyDate: "", StudyTime: "", ReferringPhysicianName: "", StudyID: "", AccessionNumber: "" }),
        ...copied,
        ...dataset({
            SpecificCharacterSet: "ISO_IR 192",
            SOPClassUID: sopClass,
            SOPInstanceUID: newUid(),
            InstanceCreationDate: daText(origin.date),
            InstanceCreationTime: tmText(origin.date),
            TimezoneOffsetFromUTC: zoneText(origin.date),
            Modality: modality,
            SeriesInstanceUID: newUid(),
            SeriesNumber: origin.seriesNumber,
            SeriesDate: daText(origin.date),
            SeriesTime: tmText(origin.date),
            SeriesDescription: [...origin.seriesDescription].slice(0, 64).join(""),
            InstanceNumber: 1,
            Manufacturer: "Isocenter",
            ManufacturerModelName: "Isocenter viewer",
            DeviceSerialNumber: "1",
            SoftwareVersions: "0.1",
        }),
    };
}

/** Elements in the order of their tags, as data sets are written.   PS3.5 §7.1 */
export function sorted(ds: Dataset): Dataset {
    return Object.fromEntries(Object.entries(ds).filter(([, e]) => e !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/* ---- references ---- */

/** How many frames an object has: a reference names the frame where there are several. */
export type FrameCounts = (instance: string) => number;

export function imageReference(key: FrameKey, counts: FrameCounts): Dataset {
    const isMulti = counts(key.instance) > 1 || key.frame > 1;
    return dataset({ ReferencedSOPClassUID: key.sopClass, ReferencedSOPInstanceUID: key.instance, ReferencedFrameNumber: isMulti ? key.frame : undefined });
}

function grouped<T>(list: readonly T[], by: (item: T) => string): Map<string, T[]> {
    const groups = new Map<string, T[]>();
    for (const item of list) groups.set(by(item), [...(groups.get(by(item)) ?? []), item]);
    return groups;
}

/** Each object once, by study and series.   PS3.3 §C.17.2.1 */
export function evidence(keys: readonly FrameKey[]): Dataset[] {
    const objects = [...new Map(keys.map((k) => [k.instance, k])).values()];
    return [...grouped(objects, (k) => k.study)].map(([study, ofStudy]) =>
        dataset({
            StudyInstanceUID: study,
            ReferencedSeriesSequence: [...grouped(ofStudy, (k) => k.series)].map(([series, ofSeries]) =>
                dataset({
                    SeriesInstanceUID: series,
                    ReferencedSOPSequence: ofSeries.map((k) => dataset({ ReferencedSOPClassUID: k.sopClass, ReferencedSOPInstanceUID: k.instance })),
                }),
            ),
        }),
    );
}

/** The same for a presentation state: series with their images, and the frames that are meant.   PS3.3 §C.11.11 */
export function referencedSeries(keys: readonly FrameKey[], counts: FrameCounts): Dataset[] {
    return [...grouped(keys, (k) => k.series)].map(([series, ofSeries]) =>
        dataset({ SeriesInstanceUID: series, ReferencedImageSequence: referencedImages(ofSeries, counts) }),
    );
}

/** Each object once, with the numbers of its frames that are meant where it has several. */
export function referencedImages(keys: readonly FrameKey[], counts: FrameCounts): Dataset[] {
    return [...grouped(keys, (k) => k.instance).values()].map((list) => {
        const [first] = list;
        const frames = [...new Set(list.map((k) => k.frame))].sort((a, b) => a - b);
        const isAll = counts(first!.instance) <= frames.length;
        return dataset({
            ReferencedSOPClassUID: first!.sopClass,
            ReferencedSOPInstanceUID: first!.instance,
            ReferencedFrameNumber: isAll ? undefined : frames,
        });
    });
}

/** Where objects of the study are: series and class by instance, as the metadata of its series say. */
export interface Place {
    study: string;
    series: string;
    sopClass: string;
    frames: number;
}
export type Places = (instance: string) => Place | undefined;

/** The frames that a reference names: all that are named, or the first. */
export function keysOf(item: Dataset, places: Places): FrameKey[] {
    const instance = text(item, tagOf("ReferencedSOPInstanceUID"));
    const place = places(instance);
    if (!place) return [];
    const named = (item[tagOf("ReferencedFrameNumber")]?.Value ?? []).map(Number).filter((n) => Number.isInteger(n) && n >= 1 && n <= place.frames);
    const { study, series, sopClass } = place;
    return (named.length > 0 ? named : [1]).map((frame) => ({ study, series, sopClass, instance, frame }));
}

/** Places out of the metadata of objects. */
export function placesOf(objects: readonly Dataset[]): Places {
    const known = new Map<string, Place>();
    for (const ds of objects)
        known.set(text(ds, "00080018"), {
            study: text(ds, "0020000D"),
            series: text(ds, "0020000E"),
            sopClass: text(ds, "00080016"),
            frames: Math.max(1, Math.floor(number(ds, "00280008") ?? 1)),
        });
    return (instance) => known.get(instance);
}

/* ---- colours ---- */

/** #rrggbb as CIELab in the scaling of PS3.3 §C.10.7.1.1 (D50, as ICC profiles have it). */
export function cielab(color: string): number[] {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number];
    const xyz = [
        (0.4360747 * r + 0.3850649 * g + 0.1430804 * b) / 0.9642,
        0.2225045 * r + 0.7168786 * g + 0.0606169 * b,
        (0.0139322 * r + 0.0971045 * g + 0.7141733 * b) / 0.8249,
    ].map((t) => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 * t + 16) / 116)) as [number, number, number];
    const [l, a, bb] = [116 * xyz[1] - 16, 500 * (xyz[0] - xyz[1]), 200 * (xyz[1] - xyz[2])];
    const word = (v: number) => Math.max(0, Math.min(65535, Math.round(v)));
    return [word((l / 100) * 65535), word(((a + 128) / 255) * 65535), word(((bb + 128) / 255) * 65535)];
}

export function fromCielab([l = 0, a = 0, b = 0]: readonly number[]): string {
    const y = ((l / 65535) * 100 + 16) / 116;
    const [fx, fz] = [y + ((a / 65535) * 255 - 128) / 500, y - ((b / 65535) * 255 - 128) / 200];
    const back = (t: number) => (t ** 3 > 216 / 24389 ? t ** 3 : (116 * t - 16) / (24389 / 27));
    const [x, yy, z] = [0.9642 * back(fx), back(y), 0.8249 * back(fz)];
    const linear = [3.1338561 * x - 1.6168667 * yy - 0.4906146 * z, -0.9787684 * x + 1.9161415 * yy + 0.033454 * z, 0.0719453 * x - 0.2289914 * yy + 1.4052427 * z];
    return `#${linear
        .map((c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055))
        .map((c) => Math.max(0, Math.min(255, Math.round(255 * c))).toString(16).padStart(2, "0"))
        .join("")}`;
}
