/** A report as a structured report after TID 2000, "Basic Diagnostic Imaging Report": Basic Text SR where it has text and images
 *  alone, Comprehensive SR where there are numbers in it; and as an Encapsulated PDF.   PS3.3 §A.35.1, §A.35.3, §A.45.1 */

import { text, type Dataset } from "../dicomweb/json";
import type { BulkPart } from "../dicomweb/stow";
import { codeItem, codeOf, daText, dataset, dtText, evidence, newObject, ownSchemeItem, sorted, tagOf, tmText, zoneText, type FrameCounts, type Origin } from "./dataset";
import type { Code, FrameKey } from "./measurement";
import { composed, isMeasured, linkName, linksIn, usedLinks, type Report, type ReportLink, type ReportRef } from "./report";
import { heading, languageCode, titles } from "./report-codes";
import { Concept } from "./sr-codes";
import { container, graphicContent, graphicsOf, imageContent, languageContext, observerContext, quantityContent, sourceOf, templateItem, textContent, uidContent } from "./sr-write";

export const basicTextSr = "1.2.840.10008.5.1.4.1.1.88.11";
export const comprehensiveSr = "1.2.840.10008.5.1.4.1.1.88.33";
export const encapsulatedPdfStorage = "1.2.840.10008.5.1.4.1.1.104.1";

/** Who answers for it, as typed. */
export interface Signature {
    name: string;
    organization: string;
}

/** "Doe, Jane" and "Doe^Jane" as PN; a name without either is a family name.   PS3.5 §6.2.1 */
export function personName(typed: string): string {
    const [family = "", ...rest] = typed.replace(/[\\=\p{Cc}]/gu, " ").split(typed.includes("^") ? "^" : ",").map((s) => s.trim().replace(/\s+/g, " "));
    return [family, ...rest].join("^").replace(/\^+$/, "").slice(0, 64);
}
/** As LO has it. */
export const organizationName = (typed: string): string => typed.replace(/[\\\p{Cc}]/gu, " ").trim().slice(0, 64);

export interface DocumentOrigin extends Origin {
    language: string; /* BCP 47 */
    author: Signature | undefined; /* none: this program */
    isSigned: boolean; /* by the author */
    isComplete: boolean;
    follows?: ReportRef | undefined;
}

/* ---- the document around the content ---- */

const referenceTo = ({ study, series, instance, sopClass }: ReportRef): FrameKey => ({ study, series, instance, sopClass, frame: 1 });

/** Document General: whether it is complete, who has verified it, what it follows and what it is about.   PS3.3 §C.17.2 */
function general(keys: readonly FrameKey[], study: string, o: DocumentOrigin): Dataset {
    const [own, other] = [keys.filter((k) => k.study === study), keys.filter((k) => k.study !== study)];
    const verified = dataset({
        VerifyingOrganization: organizationName(o.author?.organization ?? ""),
        VerificationDateTime: `${dtText(o.date.toISOString())}`,
        VerifyingObserverName: personName(o.author?.name ?? ""),
        VerifyingObserverIdentificationCodeSequence: [],
    });
    return dataset({
        ContentDate: daText(o.date),
        ContentTime: tmText(o.date),
        CompletionFlag: o.isComplete ? "COMPLETE" : "PARTIAL",
        VerificationFlag: o.isSigned ? "VERIFIED" : "UNVERIFIED",
        PreliminaryFlag: o.isComplete ? "FINAL" : "PRELIMINARY",
        VerifyingObserverSequence: o.isSigned ? [verified] : undefined,
        ReferencedPerformedProcedureStepSequence: [],
        PerformedProcedureCodeSequence: [],
        PredecessorDocumentsSequence: o.follows ? evidence([referenceTo(o.follows)]) : undefined,
        CurrentRequestedProcedureEvidenceSequence: own.length > 0 ? evidence(own) : undefined,
        PertinentOtherEvidenceSequence: other.length > 0 ? evidence(other) : undefined,
        CodingSchemeIdentificationSequence: [ownSchemeItem()],
    });
}

/** A document of these sections, in the study of `source`. keys: the images that they refer to. */
export function reportDocument(sopClass: string, title: Code, sections: readonly Dataset[], keys: readonly FrameKey[], source: Dataset, o: DocumentOrigin): Dataset {
    return sorted({
        ...newObject(source, sopClass, "SR", o),
        ...general(keys, text(source, tagOf("StudyInstanceUID")), o),
        ...dataset({
            ValueType: "CONTAINER",
            ConceptNameCodeSequence: [codeItem(title)],
            ContinuityOfContent: "SEPARATE",
            ContentTemplateSequence: [templateItem(2000)],
            ContentSequence: [
                languageContext(languageCode(o.language)),
                ...observerContext(o.author ? personName(o.author.name) : undefined, o.author && organizationName(o.author.organization)),
                ...sections,
            ],
        }),
    });
}

/* ---- what the text refers to ---- */

/** The numbers of a measurement, each with what it was measured on; of anything else its image. Drawings in the patient, which a
 *  Comprehensive SR has no place for, are left out. */
function linkContent(l: ReportLink, counts: FrameCounts): Dataset[] {
    const { mark } = l;
    if (!isMeasured(mark)) return mark.on ? [imageContent("INFERRED FROM", mark.on, counts, [textContent("HAS CONCEPT MOD", Concept.trackingId, linkName(l))], Concept.bestIllustration)] : [];
    const about = [textContent("HAS OBS CONTEXT", Concept.trackingId, linkName(l)), uidContent("HAS OBS CONTEXT", Concept.trackingUid, mark.uid)];
    const graphics = mark.on ? graphicsOf(mark) : [];
    return mark.quantities.filter((q) => Number.isFinite(q.value)).map((q) =>
        quantityContent("INFERRED FROM", mark, q, [...about, ...sourceOf(mark, q, graphics).map((g) => graphicContent("INFERRED FROM", mark, g, Concept.source, counts))]),
    );
}

/** A report of the study of `sources[0]`. sources: the objects that it refers to, one at least of the study. A section without
 *  text is left out. Throws RangeError where nothing is left. */
export function writtenReport(r: Report, sources: readonly Dataset[], o: DocumentOrigin): Dataset {
    const objects = new Map(sources.map((ds) => [text(ds, "00080018"), ds]));
    const counts: FrameCounts = (instance) => Number(objects.get(instance)?.["00280008"]?.Value?.[0] ?? 1);
    const sections = r.sections.flatMap((s) => {
        const known = heading(s.heading);
        const said = s.text.trim();
        if (!known || said === "") return [];
        const inferred = linksIn(said, r.links).flatMap((l) => linkContent(l, counts));
        return [container(known.code, undefined, [textContent("CONTAINS", known.element, composed(said, r.links), inferred)])];
    });
    if (sections.length === 0 || !sources[0]) throw new RangeError("the report is empty");
    const used = usedLinks(r);
    const sopClass = used.some((l) => isMeasured(l.mark)) ? comprehensiveSr : basicTextSr;
    return reportDocument(sopClass, titles.find((c) => c.value === r.title) ?? titles[0]!, sections, used.flatMap((l) => l.mark.on ?? []), sources[0], o);
}

/* ---- the same to be printed ---- */

const bulkName = "document";

/** The report as the PDF that was made of it.   PS3.3 §C.24.2 */
export function encapsulatedPdf(report: Dataset, pdf: Uint8Array, o: Origin): { object: Dataset; bulk: BulkPart[] } {
    const title = codeOf(report[tagOf("ConceptNameCodeSequence")]?.Value?.[0] as Dataset | undefined);
    const object = sorted({
        ...newObject(report, encapsulatedPdfStorage, "DOC", o),
        ...dataset({
            ConversionType: "WSD",
            ContentDate: daText(o.date),
            ContentTime: tmText(o.date),
            AcquisitionDateTime: `${daText(o.date)}${tmText(o.date)}${zoneText(o.date)}`,
            BurnedInAnnotation: "YES",
            VerificationFlag: text(report, tagOf("VerificationFlag")) === "VERIFIED" ? "VERIFIED" : "UNVERIFIED",
            SourceInstanceSequence: [dataset({ ReferencedSOPClassUID: text(report, "00080016"), ReferencedSOPInstanceUID: text(report, "00080018") })],
            DocumentTitle: o.seriesDescription,
            ConceptNameCodeSequence: title ? [codeItem(title)] : [],
            MIMETypeOfEncapsulatedDocument: "application/pdf",
            EncapsulatedDocumentLength: pdf.length,
            EncapsulatedDocument: { vr: "OB", BulkDataURI: bulkName },
        }),
    });
    return { object, bulk: [{ location: bulkName, bytes: pdf }] };
}
