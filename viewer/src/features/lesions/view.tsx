/** The lesions panel: a row for each lesion, a column for each timepoint, what does not conform, and the response. */

import "./lesions.css";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { diameterMm, type Assessment, type Finding, type Lesion, type Role, type State } from "../../dicom/recist";
import { dateText, text, Tag } from "../../dicomweb/json";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { lesionName, statesOf, type Course } from "./course";
import { Lesions } from "./model";
import { categoryText, problemText, roleText, stateText } from "./texts";
import { Trend } from "./trend";

const oneDecimal = (mm: number): string => mm.toFixed(1);
const percent = (share: number | undefined): string => (share === undefined ? "" : `${share > 0 ? "+" : share < 0 ? "−" : ""}${Math.abs(100 * share).toFixed(0)} %`);

function cellText(lesion: Lesion, f: Finding | undefined): string {
    if (!f) return "";
    const mm = diameterMm(lesion, f);
    return f.state === "measured" && mm !== undefined ? oneDecimal(mm) : stateText(f.state);
}

function NewLesion({ lesions }: { lesions: Lesions }) {
    const role = useSignal<Role>(lesions.course.value.at > 0 ? "new" : "target");
    const organ = useSignal("");
    const nodal = useSignal(false);
    const chosen = lesions.chosen.value;
    if (!chosen) return <p class="dim">{t("Measure a lesion (length or bidirectional), then choose it here or on the image.")}</p>;
    if (chosen.lesion) return null;
    const add = (e: Event) => {
        e.preventDefault();
        lesions.begin(role.value, organ.value.trim(), nodal.value);
        organ.value = "";
    };
    return (
        <form class="new-lesion" onSubmit={add}>
            <select aria-label={t("Role")} value={role.value} onChange={(e) => (role.value = e.currentTarget.value as Role)}>
                {(["target", "nonTarget", "new"] as const).map((r) => <option key={r} value={r}>{roleText(r)}</option>)}
            </select>
            <input aria-label={t("Organ")} placeholder={t("Organ")} value={organ.value} onInput={(e) => (organ.value = e.currentTarget.value)} />
            <label>
                <input type="checkbox" checked={nodal.value} onChange={(e) => (nodal.value = e.currentTarget.checked)} /> {t("Lymph node")}
            </label>
            <button type="submit" class="button">{t("Follow this lesion")}</button>
        </form>
    );
}

/* What can be said of the lesion in the study that is read. The keys are the page's again once it is said. */
function Saying({ lesions, lesion, finding }: { lesions: Lesions; lesion: Lesion; finding: Finding | undefined }) {
    const chosen = lesions.chosen.value;
    const isFree = chosen !== undefined && chosen.lesion?.uid !== lesion.uid;
    const choose = (value: string) => {
        if (value === "chosen") lesions.measure(lesion);
        else if (value === "") lesions.forget(lesion);
        else lesions.setState(lesion, value as State);
    };
    return (
        <select aria-label={t("What was found of {lesion}", { lesion: lesionName(lesion) })} value={finding?.state ?? ""} onChange={(e) => (choose(e.currentTarget.value), e.currentTarget.blur())}>
            <option value="">–</option>
            {finding?.state === "measured" && <option value="measured">{cellText(lesion, finding)}</option>}
            {isFree && <option value="chosen">{t("the chosen measurement")}</option>}
            {statesOf(lesion.role).map((s) => <option key={s} value={s}>{stateText(s)}</option>)}
        </select>
    );
}

function Rows({ lesions, course }: { lesions: Lesions; course: Course }) {
    const find = (at: number, l: Lesion) => course.findings[at]?.findings.find((f) => f.lesion === l.uid);
    const problemsAt = (course.timepoints[course.at]?.problems ?? []).filter((p) => p.lesion !== "");
    return (
        <>
            {course.lesions.map((l) => {
                const problems = problemsAt.filter((p) => p.lesion === l.uid);
                return (
                    <tr key={l.uid} data-lesion={lesionName(l)}>
                        <th scope="row">
                            {lesionName(l)} {l.organ}
                            {l.nodal && <span class="dim"> · {t("Lymph node")}</span>}
                            {problems.map((p) => <span key={p.rule} class="warn">{problemText(p)}</span>)}
                        </th>
                        {course.studies.map((s, at) => (
                            <td key={s.study}>{at === course.at ? <Saying lesions={lesions} lesion={l} finding={find(at, l)} /> : cellText(l, find(at, l))}</td>
                        ))}
                    </tr>
                );
            })}
        </>
    );
}

function Sums({ lesions, course }: { lesions: Lesions; course: Course }) {
    const isImmune = lesions.immune.value;
    const row = (label: string, id: string, value: (a: Assessment, at: number) => string) => (
        <tr key={id} data-row={id}>
            <th scope="row">{label}</th>
            {course.timepoints.map((a, at) => <td key={course.studies[at]!.study}>{value(a, at)}</td>)}
        </tr>
    );
    const later = (value: (a: Assessment) => string) => (a: Assessment, at: number) => (at === 0 ? "" : value(a));
    return (
        <tfoot>
            {row(t("Sum (mm)"), "sum", (a) => (a.sumMm === undefined ? "" : oneDecimal(a.sumMm)))}
            {row(t("From baseline"), "baseline", (a) => percent(a.ofBaseline))}
            {row(t("From nadir"), "nadir", (a) => percent(a.ofNadir))}
            {row(t("Target lesions"), "target", later((a) => categoryText(a.target)))}
            {row(t("Non-target lesions"), "non-target", later((a) => categoryText(a.nonTarget)))}
            {row(t("New lesions"), "new", later((a) => (a.newLesions ? t("yes") : t("no"))))}
            {row(isImmune ? "iRECIST" : "RECIST 1.1", "overall", later((a) => categoryText(isImmune ? a.immune : a.overall)))}
        </tfoot>
    );
}

/* The course as a document of the study that is read. */
function Save({ lesions, course }: { lesions: Lesions; course: Course }) {
    return (
        <>
            <button type="button" class="button" disabled={course.at < 0 || lesions.isSaving.value} onClick={() => void lesions.save()}>{t("Save as report")}</button>
            <div role="status" class="lesion-notes">
                {lesions.notes.value.map((n, i) => <p key={i} class={n.isProblem ? "warn" : ""}>{n.text}</p>)}
            </div>
        </>
    );
}

const models = new WeakMap<Reading, Lesions>();

/** The model lives as long as the page, not as long as the panel is open. */
export function lesionsOf(reading: Reading): Lesions {
    const model = models.get(reading) ?? new Lesions(reading);
    models.set(reading, model);
    return model;
}

export function Panel({ reading }: { reading: Reading }) {
    const lesions = useMemo(() => lesionsOf(reading), [reading]);
    const patientId = text(reading.active.value.dataset.value, Tag.patientId);
    useEffect(() => void lesions.load(patientId), [patientId]);
    const course = lesions.course.value;
    const now = course.timepoints[course.at];
    const general = [...(now?.problems ?? []).filter((p) => p.lesion === ""), ...(lesions.immune.value ? (now?.immuneProblems ?? []) : [])];
    return (
        <div class="lesions">
            <h2>{t("Lesions")}</h2>
            {lesions.failure.value && <p class="warn" role="alert">{lesions.failure.value}</p>}
            <NewLesion lesions={lesions} />
            {course.lesions.length > 0 && (
                <>
                    {general.map((p) => <p key={p.rule} class="warn">{problemText(p)}</p>)}
                    <div class="lesion-table">
                        <table>
                            <thead>
                                <tr>
                                    <th>{t("Lesion")}</th>
                                    {course.studies.map((s, at) => (
                                        <th key={s.study} class={at === course.at ? "now" : ""}>{at === 0 ? t("Baseline") : t("Follow-up {number}", { number: at })}<br />{dateText(s.date)}</th>
                                    ))}
                                </tr>
                            </thead>
                            <tbody><Rows lesions={lesions} course={course} /></tbody>
                            <Sums lesions={lesions} course={course} />
                        </table>
                    </div>
                    <label>
                        <input type="checkbox" checked={lesions.immune.value} onChange={(e) => ((lesions.immune.value = e.currentTarget.checked), e.currentTarget.blur())} /> iRECIST
                    </label>
                    {course.best !== undefined && <p>{t("Best overall response: {response}", { response: categoryText(course.best) })}</p>}
                    {lesions.immune.value && now?.toConfirm && <p>{t("To be confirmed between {from} and {to}", { from: dateText(now.toConfirm[0]), to: dateText(now.toConfirm[1]) })}</p>}
                    <Trend course={course} />
                    <Save lesions={lesions} course={course} />
                    <p class="dim">{t("Saved with the measurements of this study; the next study finds it there.")}</p>
                </>
            )}
        </div>
    );
}
