/** The course of lesions as a report in the open study, with its PDF. */

import { courseReport, type CourseTimepoint } from "../../dicom/report-lesions";
import { diameterMm, type Lesion } from "../../dicom/recist";
import { dateText } from "../../dicomweb/json";
import { language, t } from "../../ui/text";
import { objectsOf, originOf, storeDocument, type Note } from "../reading/documents";
import type { Reading } from "../reading/model";
import { lesionName, type Course } from "./course";
import { categoryText, problemText, stateText } from "./texts";

const named = (l: Lesion): string => `${lesionName(l)} ${l.organ}`.trim();
const percent = (share: number): string => `${share > 0 ? "+" : ""}${(100 * share).toFixed(0)} %`;

function wordsOf(course: Course, at: number, isImmune: boolean): string {
    const a = course.timepoints[at]!;
    const lines = [`${at === 0 ? t("Baseline") : t("Follow-up {number}", { number: at })}, ${dateText(course.studies[at]!.date)}`];
    for (const l of course.lesions) {
        const f = course.findings[at]!.findings.find((one) => one.lesion === l.uid);
        const mm = diameterMm(l, f);
        if (f) lines.push(`${named(l)}: ${f.state === "measured" && mm !== undefined ? `${mm.toFixed(1)} mm` : stateText(f.state)}`);
        const problems = a.problems.filter((p) => p.lesion === l.uid).map(problemText);
        if (problems.length > 0) lines.push(`${named(l)}: ${problems.join("; ")}`);
    }
    if (a.sumMm !== undefined) lines.push(`${t("Sum (mm)")}: ${a.sumMm.toFixed(1)}`);
    if (a.ofBaseline !== undefined) lines.push(`${t("From baseline")}: ${percent(a.ofBaseline)}`);
    if (a.ofNadir !== undefined) lines.push(`${t("From nadir")}: ${percent(a.ofNadir)}`);
    if (at > 0) lines.push(`${isImmune ? "iRECIST" : "RECIST 1.1"}: ${categoryText(isImmune ? a.immune : a.overall)}`);
    for (const p of [...a.problems.filter((one) => one.lesion === ""), ...(isImmune ? a.immuneProblems : [])]) lines.push(problemText(p));
    return lines.join("\n");
}

function impression(course: Course, isImmune: boolean): string {
    const a = course.timepoints[course.at]!;
    const said = [`${isImmune ? "iRECIST" : "RECIST 1.1"}: ${course.at === 0 ? t("Baseline") : categoryText(isImmune ? a.immune : a.overall)}`];
    if (course.best !== undefined && !isImmune) said.push(t("Best overall response: {response}", { response: categoryText(course.best) }));
    if (isImmune && a.toConfirm) said.push(t("To be confirmed between {from} and {to}", { from: dateText(a.toConfirm[0]), to: dateText(a.toConfirm[1]) }));
    return said.join("\n");
}

/** Stores it; says what became of it. Rejects when it is not stored. */
export async function saveCourse(reading: Reading, course: Course, isImmune: boolean): Promise<Note[]> {
    const timepoints = course.timepoints.map((assessment, at): CourseTimepoint => {
        const { date, measurements } = course.studies[at]!;
        return { date, findings: course.findings[at]!.findings, marks: measurements.filter((m) => m.lesion), assessment, words: wordsOf(course, at, isImmune) };
    });
    const own = reading.series.value.find((s) => s.study === reading.study);
    const drawnOn = timepoints.flatMap((tp) => tp.marks).flatMap((m) => (m.on ? [m.on.series] : []));
    const sources = [...(await objectsOf(reading, own ? [own.uid] : [])).slice(0, 1), ...(await objectsOf(reading, drawnOn))];
    const origin = originOf(reading, isImmune ? "Lesions by iRECIST" : "Lesions by RECIST 1.1");
    const object = courseReport(
        { lesions: course.lesions, name: named, timepoints, at: course.at, isImmune, best: course.best, words: impression(course, isImmune) },
        sources,
        { ...origin, language: language.value, author: undefined, isSigned: false, isComplete: true },
    );
    const notes = await storeDocument(reading, object, origin, true);
    return [{ isProblem: false, text: t("The course is stored as a report") }, ...notes];
}
