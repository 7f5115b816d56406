/** The attributes of hanging protocol objects that are read and written here: tag and VR.   PS3.3 §C.23 */

export const HangingProtocolStorage = "1.2.840.10008.5.1.4.38.1";

const table = {
    SpecificCharacterSet: "00080005CS", SOPClassUID: "00080016UI", SOPInstanceUID: "00080018UI", Modality: "00080060CS",
    CodeValue: "00080100SH", CodingSchemeDesignator: "00080102SH", CodeMeaning: "00080104LO", LongCodeValue: "00080119UC",
    ProcedureCode: "00081032SQ", AnatomicRegion: "00082218SQ", Laterality: "00200060CS", Reason: "0040100ASQ",
    Name: "00720002SH", Description: "00720004LO", Level: "00720006CS", Creator: "00720008LO", Created: "0072000ADT",
    Definition: "0072000CSQ", UserIdentification: "0072000ESQ", Priors: "00720014US", ImageSets: "00720020SQ", Selectors: "00720022SQ",
    UsageFlag: "00720024CS", SelectorAttribute: "00720026AT", SelectorValueNumber: "00720028US", TimeBased: "00720030SQ",
    ImageSetNumber: "00720032US", SelectorCategory: "00720034CS", RelativeTime: "00720038US", RelativeTimeUnits: "0072003ACS",
    AbstractPrior: "0072003CSS", AbstractPriorCode: "0072003ESQ", ImageSetLabel: "00720040LO", SelectorVr: "00720050CS",
    SequencePointer: "00720052AT", SelectorPrivateCreator: "00720056LO", FunctionalGroupPointer: "00209167AT",
    AT: "00720060AT", CS: "00720062CS", IS: "00720064IS", LO: "00720066LO", LT: "00720068LT", PN: "0072006APN", SH: "0072006CSH",
    ST: "0072006EST", UT: "00720070UT", DS: "00720072DS", FD: "00720074FD", FL: "00720076FL", UL: "00720078UL", US: "0072007AUS",
    SL: "0072007CSL", SS: "0072007ESS", SelectorCode: "00720080SQ",
    Screens: "00720100US", NominalScreens: "00720102SQ", ScreenHeight: "00720104US", ScreenWidth: "00720106US", Position: "00720108FD",
    ScreenGreyDepth: "0072010AUS",
    DisplaySets: "00720200SQ", DisplaySetNumber: "00720202US", DisplaySetLabel: "00720203LO", Group: "00720204US", GroupDescription: "00720206LO",
    PartialData: "00720208CS", Scrolling: "00720210SQ", ScrollingGroup: "00720212US", Navigation: "00720214SQ",
    ImageBoxes: "00720300SQ", ImageBoxNumber: "00720302US", LayoutType: "00720304CS", TilesAcross: "00720306US", TilesDown: "00720308US",
    Filters: "00720400SQ", FilterCategory: "00720402CS", FilterPresence: "00720404CS", FilterOperator: "00720406CS", Blending: "00720500CS",
    Reformatting: "00720510CS", ReformattingThickness: "00720512FD", ReformattingInterval: "00720514FD", ViewDirection: "00720516CS", RenderingType: "00720520CS",
    Sorting: "00720600SQ", SortAttribute: "00720026AT", SortCategory: "00720602CS", SortDirection: "00720604CS",
    VoiType: "00720702CS", PseudoColor: "00720704CS", Inverted: "00720706CS", TrueSize: "00720710CS",
} as const;

export type HangKeyword = keyof typeof table;
export const H = Object.fromEntries(Object.entries(table).map(([k, v]) => [k, v.slice(0, 8)])) as Readonly<Record<HangKeyword, string>>;
export const vrOfKeyword = (keyword: HangKeyword): string => table[keyword].slice(8);

const byTag = new Map(Object.values(table).map((v) => [v.slice(0, 8), v.slice(8)]));
/** What implicit VR leaves unsaid. */
export const vrOfTag = (tag: string): string | undefined => byTag.get(tag);

/** The attributes that have names of ours. */
export const named: readonly (readonly [attribute: string, tag: string, vr: "CS" | "LO"])[] = [
    ["modality", "00080060", "CS"],
    ["bodyPart", "00180015", "CS"],
    ["description", "0008103E", "LO"],
    ["studyDescription", "00081030", "LO"],
    ["laterality", "00200062", "CS"],
    ["laterality", "00200060", "CS"],
    ["view", "00185101", "CS"],
    ["institution", "00080080", "LO"],
];

/** The window presets of CT that VOI types stand for; the first of several is written. */
export const voiTypes: readonly (readonly [type: string, preset: string])[] = [
    ["SOFT_TISSUE", "1"], ["MEDIASTINUM", "1"], ["ABDO_PELVIS", "1"], ["LUNG", "2"], ["LIVER", "3"], ["BONE", "4"], ["BRAIN", "5"], ["POST_FOSSA", "5"],
];
