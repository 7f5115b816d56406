/** The part of the body in a few coarse words, from what technologists write: so that a knee is found among the priors,
 *  whatever the modality called it.   PS3.16 CID 4, as far as it is used every day */

const regions: readonly (readonly [region: string, words: RegExp])[] = [
    ["breast", /BREAST|MAMM|BRUST|SEIN\b|MAMA\b/],
    ["head", /HEAD|BRAIN|SKULL|CRAN|NEURO|ORBIT|SINUS|KOPF|SCHÄDEL|HIRN|CEREB|CABEZA|CABEÇA|T[ÊE]TE/],
    ["neck", /\bNECK|LARYN|THYRO|\bHALS|CERVICAL SOFT|CUELLO|PESCO/],
    ["spine", /SPINE|LUMBAR|L-?SPI|C-?SPI|T-?SPI|VERTEB|WIRBEL|\bLWS|\bHWS|\bBWS|RACHIS|COLUMNA|COLUNA/],
    ["heart", /HEART|CARD|CORONAR|HERZ|COEUR|CŒUR|CORAZ/],
    ["chest", /CHEST|THORA|LUNG|\bRIB|POUMON|T[ÓO]RAX|PULM/],
    ["abdomen", /ABDO|LIVER|HEPAT|KIDNEY|RENAL|PANCREA|SPLEEN|LEBER|NIERE|BAUCH|FOIE|H[IÍ]GADO/],
    ["pelvis", /PELVI|BLADDER|PROSTAT|UTER|RECT|BECKEN|BASSIN/],
    ["hip", /\bHIP|HÜFTE|HANCHE|CADERA|QUADRIL/],
    ["knee", /KNEE|\bKNIE|GENOU|RODILLA|JOELHO/],
    ["ankle", /ANKLE|SPRUNG|CHEVILLE|TOBILLO|TORNOZELO/],
    ["foot", /\bFOOT|\bFEET|\bTOE|\bFUSS|\bFUß|\bPIED|\bPIE\b/],
    ["shoulder", /SHOULDER|SCHULTER|[ÉE]PAULE|HOMBRO|OMBRO/],
    ["elbow", /ELBOW|ELLBOGEN|COUDE|\bCODO|COTOVELO/],
    ["hand", /\bHAND|WRIST|FINGER|\bMAIN\b|POIGNET|MU[ÑN]ECA|PUNHO/],
];

/** Of the first text that names one; empty when none does. */
export function regionOf(...texts: readonly string[]): string {
    for (const text of texts) {
        const found = regions.find(([, words]) => words.test(text.toUpperCase()));
        if (found) return found[0];
    }
    return "";
}
