/** Standardised uptake values of PET, as QIBA's vendor-neutral pseudo-code computes them: what a modality value is
 *  multiplied by, or why that cannot be said.   PS3.3 §C.8.9.1, §C.8.9.2 */

import { inlineBytes, items, number, text, texts, type Dataset } from "../dicomweb/json";

export type SuvKind = "bw" | "lbm";

export interface Suv {
    kind: SuvKind;
    factor: number; /* SUV = modality value × factor */
    ucum: string;
}

export type WhyNoSuv = "modality" | "units" | "correction" | "dose" | "weight" | "height" | "sex" | "times" | "type";

export interface NoSuv {
    why: WhyNoSuv;
}

const Tag = {
    seriesDate: "00080021",
    seriesTime: "00080031",
    acquisitionDate: "00080022",
    acquisitionTime: "00080032",
    modality: "00080060",
    sex: "00100040",
    sizeM: "00101020",
    weightKg: "00101030",
    radiopharmaceutical: "00540016",
    startTime: "00181072",
    startDateTime: "00181078",
    totalDose: "00181074",
    halfLife: "00181075",
    frameDuration: "00181242",
    correctedImage: "00280051",
    slope: "00281053",
    units: "00541001",
    suvType: "00541006",
    decayCorrection: "00541102",
    frameReferenceTime: "00541300",
    geScanDateTime: "0009100D",
    geCreator: "00090010",
    philipsSuv: "70531000",
    philipsActivity: "70531009",
} as const;

const unitsOf = { bw: "{SUVbw}g/ml", lbm: "{SUVlbm(Janma)}g/ml" } as const;
const daySeconds = 86_400;

export const isNoSuv = (s: Suv | NoSuv): s is NoSuv => "why" in s;

/** Seconds from the epoch, as if all were said in one time zone: only differences count. */
export function seconds(date: string, time: string): number | undefined {
    const d = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(date.trim());
    const t = /^(\d{2}):?(\d{2})?:?(\d{2})?(\.\d+)?/.exec(time.trim());
    if (!d || !t) return undefined;
    return Date.UTC(Number(d[1]), Number(d[2]) - 1, Number(d[3]), Number(t[1]), Number(t[2] ?? 0), Number(t[3] ?? 0)) / 1000 + Number(t[4] ?? 0);
}

const dateTime = (dt: string) => seconds(dt.slice(0, 8), dt.slice(8));
const positive = (x: number | undefined): x is number => x !== undefined && Number.isFinite(x) && x > 0;

/* Private attributes come as numbers, or as the bytes they were stored in. */
function privateText(ds: Dataset, tag: string): string {
    const bytes = inlineBytes(ds[tag]);
    return (bytes ? new TextDecoder("latin1").decode(bytes) : text(ds, tag)).replace(/[\0 ]+$/, "");
}

const privateNumber = (ds: Dataset, tag: string): number => (privateText(ds, tag) === "" ? NaN : Number(privateText(ds, tag)));

/** Lean body mass after Janmahasatian, Clin Pharmacokinet 2005; 44:1051. */
export function leanMassKg(weightKg: number, heightM: number, sex: string): number | undefined {
    const bmi = weightKg / heightM ** 2;
    if (sex === "M") return (9270 * weightKg) / (6680 + 216 * bmi);
    return sex === "F" ? (9270 * weightKg) / (8780 + 244 * bmi) : undefined;
}

/* What the body's mass is for this kind of SUV, in kg. */
function massKg(ds: Dataset, kind: SuvKind): number | NoSuv {
    const weightKg = number(ds, Tag.weightKg);
    if (!positive(weightKg)) return { why: "weight" };
    if (kind === "bw") return weightKg;
    const heightM = number(ds, Tag.sizeM);
    if (!positive(heightM)) return { why: "height" };
    return leanMassKg(weightKg, heightM, text(ds, Tag.sex).trim()) ?? { why: "sex" };
}

/** `ds` is any image of the series, `all` every one. */
export function suvOf(ds: Dataset, all: readonly Dataset[], kind: SuvKind): Suv | NoSuv {
    if (text(ds, Tag.modality) !== "PT") return { why: "modality" };
    const bodyFactor = kind === "bw" ? 1 : fromBody(ds, kind);
    if (typeof bodyFactor !== "number") return bodyFactor;
    const answer = (factor: number): Suv => ({ kind, factor, ucum: unitsOf[kind] });
    switch (text(ds, Tag.units).trim()) {
        case "GML": {
            const type = text(ds, Tag.suvType).trim() || "BW";
            if (type === "LBMJANMA" && kind === "lbm") return answer(1);
            return type === "BW" ? answer(bodyFactor) : { why: "type" };
        }
        case "CNTS": {
            const toSuv = privateNumber(ds, Tag.philipsSuv);
            if (positive(toSuv)) return answer(toSuv * bodyFactor);
            const toActivity = privateNumber(ds, Tag.philipsActivity);
            if (!positive(toActivity)) return { why: "units" };
            const rest = fromActivity(ds, all, kind);
            return typeof rest === "number" ? answer(toActivity * rest) : rest;
        }
        case "BQML": {
            const factor = fromActivity(ds, all, kind);
            return typeof factor === "number" ? answer(factor) : factor;
        }
        default:
            return { why: "units" };
    }
}

/* From SUV by body weight to that by another mass. */
function fromBody(ds: Dataset, kind: SuvKind): number | NoSuv {
    const [mass, weight] = [massKg(ds, kind), massKg(ds, "bw")];
    if (typeof mass !== "number") return mass;
    return typeof weight === "number" ? mass / weight : weight;
}

/* From Bq/ml: mass in g over the dose that is left at the time the values are corrected to. */
function fromActivity(ds: Dataset, all: readonly Dataset[], kind: SuvKind): number | NoSuv {
    const corrected = texts(ds, Tag.correctedImage).map((s) => s.trim());
    const decay = text(ds, Tag.decayCorrection).trim();
    if (!corrected.includes("ATTN") || !corrected.includes("DECY") || (decay !== "START" && decay !== "ADMIN")) return { why: "correction" };
    const drug = items(ds, Tag.radiopharmaceutical)[0];
    const doseBq = number(drug, Tag.totalDose);
    const halfLifeS = number(drug, Tag.halfLife);
    if (!positive(doseBq) || !positive(halfLifeS)) return { why: "dose" };
    const mass = massKg(ds, kind);
    if (typeof mass !== "number") return mass;
    if (decay === "ADMIN") return (mass * 1000) / doseBq; /* corrected to the injection: nothing has decayed */
    const scanned = scanSeconds(ds, all, halfLifeS);
    const given = scanned === undefined ? undefined : injectionSeconds(ds, drug!, scanned);
    if (scanned === undefined || given === undefined || scanned < given) return { why: "times" };
    return (mass * 1000) / (doseBq * 2 ** (-(scanned - given) / halfLifeS));
}

/* The time alone may be of the day before. */
function injectionSeconds(ds: Dataset, drug: Dataset, scanned: number): number | undefined {
    const whole = dateTime(text(drug, Tag.startDateTime));
    if (whole !== undefined) return whole;
    const sameDay = seconds(text(ds, Tag.seriesDate) || text(ds, Tag.acquisitionDate), text(drug, Tag.startTime));
    return sameDay !== undefined && sameDay > scanned ? sameDay - daySeconds : sameDay;
}

/* The series' own time, unless it is that of a later processing: then the scanner's private one, or what the frame tells. */
function scanSeconds(ds: Dataset, all: readonly Dataset[], halfLifeS: number): number | undefined {
    const series = seconds(text(ds, Tag.seriesDate), text(ds, Tag.seriesTime));
    const acquired = all.map(acquisition).filter((s): s is number => s !== undefined);
    const first = acquired.length > 0 ? Math.min(...acquired) : undefined;
    if (series !== undefined && (first === undefined || series <= first)) return series;
    const ge = privateText(ds, Tag.geCreator) === "GEMS_PETD_01" ? dateTime(privateText(ds, Tag.geScanDateTime)) : undefined;
    if (ge !== undefined) return ge;
    const own = acquisition(ds);
    const referenceS = (number(ds, Tag.frameReferenceTime) ?? 0) / 1000;
    const durationS = (number(ds, Tag.frameDuration) ?? 0) / 1000;
    if (own === undefined || !positive(referenceS) || !positive(durationS)) return first;
    const rate = Math.LN2 / halfLifeS;
    const decayed = rate * durationS;
    return own - referenceS + Math.log(decayed / (1 - Math.exp(-decayed))) / rate; /* when the count rate is the average one */
}

const acquisition = (ds: Dataset) => seconds(text(ds, Tag.acquisitionDate), text(ds, Tag.acquisitionTime));
