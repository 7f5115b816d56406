/** The unit of an image's values, as UCUM has it. */

import { text, Tag, type Dataset } from "../dicomweb/json";

/* Units of PET.   PS3.3 §C.8.9.1.1.3 */
const petUnits: Readonly<Record<string, string>> = {
    BQML: "Bq/ml",
    CNTS: "{counts}",
    PROPCNTS: "{propcounts}",
    PROPCPS: "{propcounts}/s",
    CPS: "{counts}/s",
    CM2: "cm2",
    CM2ML: "cm2/ml",
    PCNT: "%",
    MGMINML: "mg/min/ml",
    UMOLMINML: "umol/min/ml",
    MLMING: "ml/min/g",
    MLG: "ml/g",
    "1CM": "/cm",
    UMOLML: "umol/ml",
    MLMINML: "ml/min/ml",
    MLML: "ml/ml",
    STDDEV: "{stddev}",
};
/* GML says SUV by itself; SUV Type says which.   PS3.3 §C.8.9.1.1.3 */
const suvUnits: Readonly<Record<string, string>> = { "": "{SUVbw}g/ml", BW: "{SUVbw}g/ml", LBM: "{SUVlbm}g/ml", LBMJAMES128: "{SUVlbm}g/ml", LBMJANMA: "{SUVlbm}g/ml", BSA: "{SUVbsa}cm2/ml", IBW: "{SUVibw}g/ml" };
/* Rescale Type.   PS3.3 §C.11.1.1.2 */
const rescaleUnits: Readonly<Record<string, string>> = { HU: "[hnsf'U]", HU_MOD: "[hnsf'U]", MGML: "mg/ml", PCT: "%", OD: "{OD}", ED: "10*23/ml", EDW: "{EDW}", Z_EFF: "{Zeff}" };

export const noUnit = "1";

const isCt = (sopClass: string) => /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.2(\.[12])?$/.test(sopClass);

/** `rescaleType` is that of the frame: in a multi-frame object it stands in a group. Values of CT that have been through a
 *  rescaling and say no more are in Hounsfield units.   PS3.3 §C.8.2.1 */
export function valueUnit(ds: Dataset, rescaleType: string): string {
    const pet = text(ds, "00541001").trim();
    if (pet === "GML") return suvUnits[text(ds, "00541006").trim()] ?? "g/ml";
    if (pet !== "") return petUnits[pet] ?? noUnit;
    const type = rescaleType.trim();
    if (type === "" && isCt(text(ds, Tag.sopClass))) return rescaleUnits["HU"]!;
    return rescaleUnits[type] ?? noUnit;
}
