/** Key images as a Key Object Selection document.   PS3.3 §A.35.4, PS3.16 TID 2010 */

import { items, text, type Dataset } from "../dicomweb/json";
import { code, codeItem, codeOf, daText, dataset, evidence, isCode, keysOf, newObject, sorted, tagOf, tmText, type FrameCounts, type Places } from "./dataset";
import type { Code, FrameKey } from "./measurement";
import { Concept } from "./sr-codes";
import { imageContent, languageContext, observerContext, templateItem, textContent, type ReportOrigin } from "./sr-write";

export const keyObjectSelection = "1.2.840.10008.5.1.4.1.1.88.59";

/** Why the images are chosen, as far as a reader says so.   PS3.16 CID 7010 */
export const keyTitles: readonly Code[] = [
    code("113000", "DCM", "Of Interest"),
    code("113002", "DCM", "For Referring Provider"),
    code("113003", "DCM", "For Surgery"),
    code("113004", "DCM", "For Teaching"),
    code("113005", "DCM", "For Conference"),
    code("113006", "DCM", "For Therapy"),
    code("113007", "DCM", "For Patient"),
    code("113008", "DCM", "For Peer Review"),
    code("113009", "DCM", "For Research"),
    code("113010", "DCM", "Quality Issue"),
    code("113013", "DCM", "Best In Set"),
    code("113018", "DCM", "For Printing"),
    code("113020", "DCM", "For Report Attachment"),
];

export interface KeyImages {
    title: Code;
    description: string;
    images: readonly FrameKey[];
}

export function keyObject(what: KeyImages, source: Dataset, counts: FrameCounts, origin: ReportOrigin): Dataset {
    if (what.images.length === 0) throw new RangeError("there is no key image to write");
    return sorted({
        ...newObject(source, keyObjectSelection, "KO", origin),
        ...dataset({
            ContentDate: daText(origin.date),
            ContentTime: tmText(origin.date),
            ReferencedPerformedProcedureStepSequence: [],
            CurrentRequestedProcedureEvidenceSequence: evidence(what.images),
            ValueType: "CONTAINER",
            ConceptNameCodeSequence: [codeItem(what.title)],
            ContinuityOfContent: "SEPARATE",
            ContentTemplateSequence: [templateItem(2010)],
            ContentSequence: [
                languageContext(),
                ...observerContext(origin.observer),
                ...(what.description ? [textContent("CONTAINS", Concept.keyDescription, what.description)] : []),
                ...what.images.map((key) => imageContent("CONTAINS", key, counts)),
            ],
        }),
    });
}

/** The images of a selection that are in the study, and how many are not. */
export function readKeyObject(ds: Dataset, places: Places): KeyImages & { missing: number } {
    const content = items(ds, tagOf("ContentSequence"));
    const description = content.find((c) => isCode(codeOf(items(c, tagOf("ConceptNameCodeSequence"))[0]), Concept.keyDescription));
    const references = content.filter((c) => text(c, tagOf("ValueType")) === "IMAGE").flatMap((c) => items(c, tagOf("ReferencedSOPSequence")));
    const images = references.map((r) => keysOf(r, places));
    return {
        title: codeOf(items(ds, tagOf("ConceptNameCodeSequence"))[0]) ?? keyTitles[0]!,
        description: text(description, tagOf("TextValue")),
        images: images.flat(),
        missing: images.filter((list) => list.length === 0).length,
    };
}
