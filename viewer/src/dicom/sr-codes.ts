/** The concepts of TID 1500 and its kin that are written and read here.   PS3.16 */

import { code, ownScheme } from "./dataset";
import type { Code, Kind, QuantityName } from "./measurement";
import type { Role, State } from "./recist";

const dcm = (value: string, meaning: string) => code(value, "DCM", meaning);
const sct = (value: string, meaning: string) => code(value, "SCT", meaning);
const own = (value: string, meaning: string) => code(value, ownScheme, meaning);

export const Concept = {
    measurementReport: dcm("126000", "Imaging Measurement Report"),
    language: dcm("121049", "Language of Content Item and Descendants"),
    english: code("en", "RFC5646", "English"),
    observerType: dcm("121005", "Observer Type"),
    person: dcm("121006", "Person"),
    device: dcm("121007", "Device"),
    personName: dcm("121008", "Person Observer Name"),
    organization: dcm("121009", "Person Observer's Organization Name"),
    deviceUid: dcm("121012", "Device Observer UID"),
    deviceName: dcm("121013", "Device Observer Name"),
    procedure: dcm("121058", "Procedure reported"),
    imaging: sct("363679005", "Imaging procedure"),
    library: dcm("111028", "Image Library"),
    libraryGroup: dcm("126200", "Image Library Group"),
    modality: dcm("121139", "Modality"),
    studyDate: dcm("111060", "Study Date"),
    measurements: dcm("126010", "Imaging Measurements"),
    group: dcm("125007", "Measurement Group"),
    trackingId: dcm("112039", "Tracking Identifier"),
    trackingUid: dcm("112040", "Tracking Unique Identifier"),
    finding: dcm("121071", "Finding"),
    findingSite: sct("363698007", "Finding Site"),
    region: dcm("111030", "Image Region"),
    source: dcm("121112", "Source of Measurement"),
    derivation: dcm("121401", "Derivation"),
    bestIllustration: dcm("121080", "Best illustration of finding"),
    comment: dcm("121106", "Comment"),
    keyDescription: dcm("113012", "Key Object Description"),
    tool: own("tool", "Drawing tool"),
    spacing: own("spacing", "Source of the pixel spacing"),
    color: own("color", "Colour on screen"),
    rank: own("order", "Part of the drawing"),
    duration: sct("762636008", "Duration"),
    difference: own("difference", "Difference of the values at both ends"),
    earlier: own("earlier-value", "Value at the earlier end"),
    later: own("later-value", "Value at the later end"),
    sliceThickness: dcm("112225", "Slice Thickness"),
    lesionRole: own("lesion-role", "Role of the lesion in the response"),
    lesionState: own("lesion-state", "What was found of the lesion"),
    lesionKind: own("lesion-kind", "Kind of lesion"),
    lesionNumber: own("lesion-number", "Number of the lesion"),
    lesionOrgan: own("lesion-organ", "Organ of the lesion"),
} as const;

export const kinds: Readonly<Record<Kind, string>> = {
    length: "Length",
    bidirectional: "Bidirectional",
    angle: "Angle",
    cobb: "Cobb angle",
    ellipse: "Ellipse",
    rectangle: "Rectangle",
    circle: "Circle",
    freehand: "Freehand",
    spline: "Spline",
    livewire: "Livewire",
    arrow: "Arrow",
    probe: "Probe",
    label: "Label",
    keyImage: "Key image",
};

export const lesionRoles: Readonly<Record<Role, string>> = { target: "Target lesion", nonTarget: "Non-target lesion", new: "New lesion" };
export const lesionStates: Readonly<Record<State, string>> = {
    measured: "Measured",
    tooSmall: "Too small to measure",
    present: "Present",
    increased: "Increased",
    progressed: "Unequivocally progressed",
    absent: "Absent",
    notEvaluable: "Not evaluable",
};

/* What others call their tools in the tracking identifier ("Cornerstone3DTools@^0.1.0:Length"). */
const foreignKinds: Readonly<Record<string, Kind>> = {
    length: "length",
    bidirectional: "bidirectional",
    angle: "angle",
    cobbangle: "cobb",
    ellipticalroi: "ellipse",
    rectangleroi: "rectangle",
    circleroi: "circle",
    planarfreehandroi: "freehand",
    freehandroi: "freehand",
    splineroi: "spline",
    livewire: "livewire",
    livewirecontour: "livewire",
    arrowannotate: "arrow",
    probe: "probe",
    label: "label",
};

export function foreignKind(trackingId: string): Kind | undefined {
    const tool = /^cornerstone\w*tools@[^:]*:(\w+)/i.exec(trackingId)?.[1];
    return tool ? foreignKinds[tool.toLowerCase()] : undefined;
}

/* ---- quantities ---- */

const sizes: Readonly<Partial<Record<QuantityName, Code>>> = {
    length: sct("410668003", "Length"),
    shortAxis: sct("103340004", "Short axis"),
    angle: sct("1483009", "Angle"),
    area: sct("42798000", "Area"),
    perimeter: sct("131191004", "Perimeter"),
    radius: sct("131190003", "Radius"),
    count: own("count", "Number of pixels"),
};
const longAxis = sct("103339001", "Long axis");
const cobbAngle = sct("285285000", "Cobb angle");

export const derivations: Readonly<Partial<Record<QuantityName, Code>>> = {
    mean: sct("373098007", "Mean"),
    sd: sct("386136009", "Standard Deviation"),
    min: sct("255605001", "Minimum"),
    max: sct("56851009", "Maximum"),
};

const intensities: readonly (readonly [unit: RegExp, concept: Code])[] = [
    [/^\[hnsf'U\]$/, dcm("112031", "Attenuation Coefficient")],
    [/^\{SUVbw\}/, dcm("126401", "SUVbw")],
    [/^\{SUVlbm\}/, dcm("126402", "SUVlbm")],
    [/^\{SUVbsa\}/, dcm("126403", "SUVbsa")],
];
const pixelValue = own("value", "Pixel value");

/** What a quantity of such a mark is called. */
export function conceptOf(kind: Kind, name: QuantityName, unit: string): Code {
    if (kind === "bidirectional" && name === "length") return longAxis;
    if (kind === "cobb" && name === "angle") return cobbAngle;
    return sizes[name] ?? intensities.find(([u]) => u.test(unit))?.[1] ?? pixelValue;
}

/* What others call them, in the schemes of before SNOMED CT too (SRT), and in words. */
const names: Readonly<Record<string, QuantityName>> = {
    [longAxis.value]: "length", [cobbAngle.value]: "angle", [pixelValue.value]: "value",
    "G-D7FE": "length", "G-A185": "length", "121206": "length", "121227": "length", "121211": "length", "81827009": "length", "M-02550": "length",
    "G-A186": "shortAxis", "131188004": "shortAxis", "131187009": "length", "F-01723": "angle", "G-A166": "area", "G-A16A": "area", "131184002": "area",
    "122501": "area", "122502": "area", "G-A197": "perimeter", "74551000": "perimeter", "G-A193": "radius", "G-A195": "radius",
    "R-00317": "mean", "R-10047": "sd", "R-404FB": "min", "G-A437": "max", "112031": "value", "126400": "value", "126401": "value",
    "126402": "value", "126403": "value", "110850": "value", "110852": "value",
    ...Object.fromEntries([...Object.entries(sizes), ...Object.entries(derivations)].map(([name, c]) => [c.value, name as QuantityName])),
};
const words: Readonly<Record<string, QuantityName>> = {
    length: "length", distance: "length", diameter: "length", "long axis": "length", "short axis": "shortAxis", angle: "angle",
    "cobb angle": "angle", area: "area", perimeter: "perimeter", radius: "radius", mean: "mean", average: "mean",
    "standard deviation": "sd", minimum: "min", maximum: "max",
};

/** Which of the quantities known here a concept is, with the derivation that modifies it. */
export function quantityName(concept: Code | undefined, derivation: Code | undefined, unit: string): QuantityName | undefined {
    const by = (c: Code | undefined) => (c ? (names[c.value] ?? words[c.meaning.trim().toLowerCase()]) : undefined);
    const derived = by(derivation);
    if (derived === "mean" || derived === "sd" || derived === "min" || derived === "max") return derived;
    const name = by(concept);
    return name === "length" && /^[cm]m2$/.test(unit) ? "area" : name; /* dcmjs writes areas with the code of a length */
}

const unitMeanings: Readonly<Record<string, string>> = {
    mm: "millimeter", cm: "centimeter", mm2: "square millimeter", cm2: "square centimeter", deg: "degree", "1": "no units",
    "[hnsf'U]": "Hounsfield unit", "{pixels}": "pixels", "{SUVbw}g/ml": "Standardized Uptake Value body weight",
    "{SUVlbm}g/ml": "Standardized Uptake Value lean body mass", "{SUVbsa}cm2/ml": "Standardized Uptake Value body surface area",
    s: "second", ms: "millisecond", "cm/s": "centimeter per second", "Bq/ml": "Becquerels per milliliter",
};

/* UCUM has no blanks and no superscripts; what is none is an annotation in braces. */
export function unitCode(unit: string): Code {
    if (unit === "") return code("1", "UCUM", "no units");
    const clean = /^[\x21-\x7e]+$/.test(unit) ? unit : `{${unit.replace(/[^\x21-\x7a|~]/g, "_")}}`;
    return code(clean, "UCUM", unitMeanings[unit] ?? unit);
}
