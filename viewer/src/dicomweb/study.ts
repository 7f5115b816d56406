/** A study as lists show it, and the other studies of its patient. */

import { searchStudies } from "./client";
import { dateText, number, text, texts, timeText, Tag, type Dataset } from "./json";

export interface Study {
    uid: string;
    patientName: string;
    patientId: string;
    birthDate: string;
    sex: string;
    date: string;
    time: string;
    modalities: string[];
    description: string;
    accession: string;
    referrer: string;
    studyId: string;
    series: number | undefined;
    instances: number | undefined;
}

export function studyOf(ds: Dataset): Study {
    return {
        uid: text(ds, Tag.studyUid),
        patientName: text(ds, Tag.patientName),
        patientId: text(ds, Tag.patientId),
        birthDate: dateText(text(ds, Tag.birthDate)),
        sex: text(ds, Tag.sex),
        date: dateText(text(ds, Tag.studyDate)),
        time: timeText(text(ds, Tag.studyTime)),
        modalities: texts(ds, Tag.modalitiesInStudy),
        description: text(ds, Tag.studyDescription),
        accession: text(ds, Tag.accession),
        referrer: text(ds, "00080090"),
        studyId: text(ds, "00200010"),
        series: number(ds, Tag.studySeries),
        instances: number(ds, Tag.studyInstances),
    };
}

const priorsMax = 50;

/** The other studies under a Patient ID, the newest first. Without an ID there are none: a name alone is no patient. */
export async function otherStudies(patientId: string, except: string, signal?: AbortSignal): Promise<Study[]> {
    if (patientId === "") return [];
    const query = new URLSearchParams({ PatientID: patientId, includefield: "00081030,00080061,00201206,00201208", orderby: "-StudyDate", limit: String(priorsMax) });
    const { rows } = await searchStudies(query, signal);
    /* an ID with * or ? in it is a pattern to the server */
    return rows.map(studyOf).filter((s) => s.patientId === patientId && s.uid !== except);
}
