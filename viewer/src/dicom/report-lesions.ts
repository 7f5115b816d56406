/** The course of lesions over time (RECIST) as a Comprehensive SR after TID 2000: a section for each timepoint, with the numbers and
 *  findings of each lesion, sums, changes and responses; the response of the latest in the impression.   PS3.16 CID 6143, 6144, 6147 */

import { text, type Dataset } from "../dicomweb/json";
import { code, ownScheme, type FrameCounts } from "./dataset";
import type { Code, Measurement } from "./measurement";
import type { Assessment, Category, Finding, Immune, Lesion, NonTargetCategory } from "./recist";
import { titles } from "./report-codes";
import { comprehensiveSr, reportDocument, type DocumentOrigin } from "./report-write";
import { Concept, lesionStates } from "./sr-codes";
import { codeContent, container, dateContent, graphicContent, graphicsOf, numberContent, quantityContent, sourceOf, textContent, uidContent } from "./sr-write";

const dcm = (value: string, meaning: string) => code(value, "DCM", meaning);
const ln = (value: string, meaning: string) => code(value, "LN", meaning);
const own = (value: string, meaning: string) => code(value, ownScheme, meaning);

/** What a document of the course is made of, beside what TID 2000 has. */
export const Course = {
    now: ln("59776-5", "Findings"),
    before: ln("18834-2", "Previous Findings"),
    impressions: ln("19005-8", "Impressions"),
    impression: dcm("121073", "Impression"),
    method: dcm("112021", "Response Evaluation Method"),
    recist: dcm("126081", "RECIST 1.1"),
    irecist: own("irecist", "iRECIST"),
    response: dcm("112048", "Current Response"),
    best: dcm("112049", "Best Overall Response"),
    overall: own("overall-response", "Overall response"),
    sum: own("sum-of-diameters", "Sum of the diameters of the target lesions"),
    ofBaseline: own("change-from-baseline", "Change of the sum from baseline"),
    ofNadir: own("change-from-nadir", "Change of the sum from nadir"),
    newLesions: own("new-lesions", "New lesions"),
} as const;

/* PS3.16 CID 6143 */
const targetCodes: Readonly<Partial<Record<Category | "none", Code>>> = {
    CR: dcm("112041", "Target Lesion Complete Response"),
    PR: dcm("112042", "Target Lesion Partial Response"),
    PD: dcm("112043", "Target Lesion Progressive Disease"),
    SD: dcm("112044", "Target Lesion Stable Disease"),
    NE: own("target-NE", "Target lesions not evaluable"),
};
const nonTargetCodes: Readonly<Partial<Record<NonTargetCategory, Code>>> = {
    CR: dcm("112045", "Non-Target Lesion Complete Response"),
    nonCR: dcm("112046", "Non-Target Lesion Incomplete Response or Stable Disease"),
    PD: dcm("112047", "Non-Target Lesion Progressive Disease"),
    NE: own("non-target-NE", "Non-target lesions not evaluable"),
};
const responses: Readonly<Record<Category | Immune, string>> = {
    CR: "Complete response", PR: "Partial response", SD: "Stable disease", PD: "Progressive disease", NE: "Not evaluable", nonCR: "Neither complete response nor progressive disease",
    iCR: "Complete response (iRECIST)", iPR: "Partial response (iRECIST)", iSD: "Stable disease (iRECIST)", iUPD: "Unconfirmed progressive disease (iRECIST)", iCPD: "Confirmed progressive disease (iRECIST)",
};
const responseCode = (r: Category | Immune): Code => own(`response-${r}`, responses[r]);

export interface CourseTimepoint {
    date: string; /* DA */
    findings: readonly Finding[];
    marks: readonly Measurement[]; /* what the findings were measured by: of a lesion the last one counts */
    assessment: Assessment;
    words: string; /* the same for a reader */
}

export interface CourseOfLesions {
    lesions: readonly Lesion[];
    name: (l: Lesion) => string; /* "T1 Liver" */
    timepoints: readonly CourseTimepoint[]; /* the baseline first */
    at: number; /* that of the study that the document belongs to */
    isImmune: boolean;
    best: Category | "nonCR" | undefined;
    words: string; /* the impression */
}

function lesionContent(c: CourseOfLesions, tp: CourseTimepoint, l: Lesion, counts: FrameCounts): Dataset[] {
    const f = tp.findings.find((one) => one.lesion === l.uid);
    if (!f) return [];
    const about = [textContent("HAS OBS CONTEXT", Concept.trackingId, c.name(l)), uidContent("HAS OBS CONTEXT", Concept.trackingUid, l.uid)];
    const state = codeContent("CONTAINS", Concept.lesionState, own(f.state, lesionStates[f.state]), about);
    if (f.state !== "measured") return [state];
    const mark = tp.marks.findLast((m) => m.lesion?.uid === l.uid);
    const graphics = mark?.on ? graphicsOf(mark) : [];
    const numbers = (mark?.quantities ?? []).filter((q) => q.unit === "mm" && Number.isFinite(q.value)).map((q) =>
        quantityContent("CONTAINS", mark!, q, [...about, ...sourceOf(mark!, q, graphics).map((g) => graphicContent("INFERRED FROM", mark!, g, Concept.source, counts))]),
    );
    return numbers.length > 0 ? numbers : [state];
}

const percent = (concept: Code, share: number | undefined): Dataset[] => (share === undefined ? [] : [numberContent("CONTAINS", concept, 100 * share, "%", [])]);

function timepointContent(c: CourseOfLesions, tp: CourseTimepoint, at: number, counts: FrameCounts): Dataset {
    const a = tp.assessment;
    const [target, nonTarget] = [targetCodes[a.target], nonTargetCodes[a.nonTarget]];
    const responded = [
        ...(target ? [codeContent("CONTAINS", Course.response, target)] : []),
        ...(nonTarget ? [codeContent("CONTAINS", Course.response, nonTarget)] : []),
        codeContent("CONTAINS", Course.newLesions, a.newLesions ? dcm("121053", "Present") : dcm("121054", "Absent")),
        codeContent("CONTAINS", Course.overall, responseCode(c.isImmune ? a.immune : a.overall)),
    ];
    return container(at === c.at ? Course.now : Course.before, undefined, [
        ...(/^\d{8}$/.test(tp.date) ? [dateContent("CONTAINS", Concept.studyDate, tp.date)] : []),
        textContent("CONTAINS", Concept.finding, tp.words),
        ...c.lesions.flatMap((l) => lesionContent(c, tp, l, counts)),
        ...(a.sumMm === undefined ? [] : [numberContent("CONTAINS", Course.sum, a.sumMm, "mm", [])]),
        ...percent(Course.ofBaseline, a.ofBaseline),
        ...percent(Course.ofNadir, a.ofNadir),
        ...(at > 0 ? responded : []), /* a baseline responds to nothing */
    ]);
}

/** The document, in the study of `sources[0]`. sources: what was measured on, as far as it is open. Throws RangeError where there is
 *  no timepoint. */
export function courseReport(c: CourseOfLesions, sources: readonly Dataset[], o: DocumentOrigin): Dataset {
    const latest = c.timepoints.at(c.at);
    if (c.at < 0 || !latest || !sources[0]) throw new RangeError("there is no course of lesions to write");
    const objects = new Map(sources.map((ds) => [text(ds, "00080018"), ds]));
    const counts: FrameCounts = (instance) => Number(objects.get(instance)?.["00280008"]?.Value?.[0] ?? 1);
    const { assessment: a } = latest;
    const impression = container(Course.impressions, undefined, [
        textContent("CONTAINS", Course.impression, c.words),
        codeContent("CONTAINS", Course.method, c.isImmune ? Course.irecist : Course.recist),
        ...(c.at > 0 ? [codeContent("CONTAINS", Course.overall, responseCode(c.isImmune ? a.immune : a.overall))] : []),
        ...(c.best && !c.isImmune ? [codeContent("CONTAINS", Course.best, responseCode(c.best))] : []),
    ]);
    const keys = c.timepoints.flatMap((tp) => tp.marks).flatMap((m) => (m.lesion && m.on ? [m.on] : []));
    return reportDocument(comprehensiveSr, titles[0]!, [...c.timepoints.map((tp, at) => timepointContent(c, tp, at, counts)), impression], keys, sources[0], o);
}
