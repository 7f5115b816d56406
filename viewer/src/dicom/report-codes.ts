/** What reports and their sections are called.   PS3.16 CID 7000, 7001, 7002 */

import { code } from "./dataset";
import type { Code } from "./measurement";

const ln = (value: string, meaning: string) => code(value, "LN", meaning);
const dcm = (value: string, meaning: string) => code(value, "DCM", meaning);

/** CID 7000, as far as a template or a modality names it; the first stands for any. */
export const titles: readonly Code[] = [
    ln("11528-7", "Radiology Report"),
    ln("18748-4", "Diagnostic Imaging Report"),
    ln("25045-6", "CT Report"),
    ln("24627-2", "CT Chest Report"),
    ln("41806-1", "CT Abdomen Report"),
    ln("24725-4", "CT Head Report"),
    ln("25056-3", "MRI Report"),
    ln("24590-2", "MRI Head Report"),
    ln("18756-7", "MRI Spine Report"),
    ln("24606-6", "Mammography Screening Report"),
    ln("25061-3", "Ultrasound Report"),
    ln("43468-8", "X-Ray Report"),
    ln("49512-7", "Fluoroscopy Study Report"),
    ln("49118-3", "Nuclear Medicine Report"),
    ln("44136-0", "PET Scan Report"),
];

export interface Heading {
    code: Code; /* of the section: CID 7001 */
    element: Code; /* of the text in it: CID 7002 */
}

const finding = dcm("121071", "Finding");

/** In the order in which reports have them. */
export const headings: readonly Heading[] = [
    { code: ln("18785-6", "Indications for Procedure"), element: ln("11329-0", "History") },
    { code: ln("55752-0", "Clinical Information"), element: ln("11329-0", "History") },
    { code: ln("11329-0", "History"), element: ln("11329-0", "History") },
    { code: ln("55111-9", "Current Procedure Descriptions"), element: dcm("121065", "Procedure Description") },
    { code: ln("29549-3", "Medications Administered"), element: dcm("121065", "Procedure Description") },
    { code: ln("73569-6", "Radiation Exposure and Protection Information"), element: dcm("121065", "Procedure Description") },
    { code: ln("55109-3", "Complications"), element: finding },
    { code: ln("18834-2", "Previous Findings"), element: dcm("121069", "Previous Finding") },
    { code: ln("59776-5", "Findings"), element: finding },
    { code: ln("55113-5", "Key Images"), element: finding },
    { code: ln("19005-8", "Impressions"), element: dcm("121073", "Impression") },
    { code: ln("18783-1", "Recommendations"), element: dcm("121075", "Recommendation") },
    { code: ln("73568-8", "Communication of Critical Results"), element: dcm("121077", "Conclusion") },
    { code: ln("55107-7", "Addendum"), element: finding },
];

export const heading = (value: string): Heading | undefined => headings.find((h) => h.code.value === value);

/** The language that a document is in.   TID 1204, RFC 5646 */
export function languageCode(tag: string): Code {
    const names: Readonly<Record<string, string>> = { en: "English", de: "German", fr: "French", es: "Spanish", pt: "Portuguese", zh: "Chinese", ja: "Japanese", ar: "Arabic" };
    return code(tag, "RFC5646", names[tag] ?? tag);
}
