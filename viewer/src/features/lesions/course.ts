/** The lesions of a patient over the studies that say something of them: what the reports and the marks on screen hold, as
 *  timepoints in the order of time, assessed. */

import type { LesionMark, Measurement } from "../../dicom/measurement";
import { assess, type Assessed, type Finding, type Lesion, type Role, type State, type Timepoint } from "../../dicom/recist";

export interface StudyMarks {
    study: string;
    date: string; /* DA */
    measurements: readonly Measurement[]; /* of one lesion the last one counts */
}

export interface Course extends Assessed {
    lesions: readonly Lesion[];
    studies: readonly StudyMarks[]; /* one for each timepoint */
    findings: readonly Timepoint[];
    at: number; /* the timepoint of the study that is read; -1: it says nothing of lesions yet */
}

const mm = (m: Measurement, name: "length" | "shortAxis"): number | undefined => m.quantities.find((q) => q.name === name && q.unit === "mm")?.value;

export function findingOf(m: Measurement, mark: LesionMark): Finding {
    const [longMm, shortMm] = [mm(m, "length"), mm(m, "shortAxis")];
    return {
        lesion: mark.uid,
        /* a length in pixels measures nothing */
        state: mark.state === "measured" && longMm === undefined ? "notEvaluable" : mark.state,
        ...(longMm === undefined ? {} : { longMm }),
        ...(shortMm === undefined ? {} : { shortMm }),
        ...(mark.modality ? { modality: mark.modality } : {}),
        ...(mark.sliceMm === undefined ? {} : { sliceMm: mark.sliceMm }),
    };
}

const order: readonly Role[] = ["target", "nonTarget", "new"];

/** current: the study that is read, which is a timepoint as soon as any study is one. */
export function courseOf(all: readonly StudyMarks[], current: string): Course {
    const marked = all.filter((s) => s.measurements.some((m) => m.lesion));
    const studies = all
        .filter((s) => marked.includes(s) || (s.study === current && marked.length > 0))
        .sort((a, b) => a.date.localeCompare(b.date) || a.study.localeCompare(b.study));
    const lesions = new Map<string, Lesion>();
    const findings = studies.map((s): Timepoint => {
        const found = new Map<string, Finding>();
        for (const m of s.measurements) {
            if (!m.lesion) continue;
            found.set(m.lesion.uid, findingOf(m, m.lesion));
            const { uid, role, organ, nodal, number } = m.lesion;
            if (!lesions.has(uid)) lesions.set(uid, { uid, role, organ, nodal, number });
        }
        return { date: s.date, findings: [...found.values()] };
    });
    const list = [...lesions.values()].sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role) || a.number - b.number);
    return { lesions: list, studies, findings, at: studies.findIndex((s) => s.study === current), ...assess(list, findings) };
}

/** T1, NT2, N1 */
export const lesionName = ({ role, number }: Pick<Lesion, "role" | "number">): string => `${{ target: "T", nonTarget: "NT", new: "N" }[role]}${number}`;

export const nextNumber = (lesions: readonly Lesion[], role: Role): number => Math.max(0, ...lesions.filter((l) => l.role === role).map((l) => l.number)) + 1;

/** What a lesion of this role can be besides measured. */
export function statesOf(role: Role): State[] {
    if (role === "target") return ["tooSmall", "absent", "notEvaluable"];
    return role === "nonTarget" ? ["present", "increased", "progressed", "absent", "notEvaluable"] : ["present", "increased", "absent", "notEvaluable"];
}
