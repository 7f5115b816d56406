/** The lesions panel's state: the reports of the patient's other studies, the course over all of them, and what the reader does. */

import { computed, signal } from "@preact/signals";
import { placesOf } from "../../dicom/dataset";
import { newUid } from "../../dicom/uid";
import type { LesionMark, Measurement } from "../../dicom/measurement";
import type { Lesion, Role, State } from "../../dicom/recist";
import { readReport } from "../../dicom/sr-read";
import { isAbort, searchSeries, seriesMetadata } from "../../dicomweb/client";
import { number, text, Tag } from "../../dicomweb/json";
import { otherStudies } from "../../dicomweb/study";
import type { Note } from "../reading/documents";
import type { Reading } from "../reading/model";
import { courseOf, lesionName, nextNumber, type StudyMarks } from "./course";

const markColor: Readonly<Record<Role, string>> = { target: "#6cd08a", nonTarget: "#6cb6e8", new: "#ee8079" };
const reportsMax = 20; /* of one study */

/* What the reports of a study say of lesions, the latest last. */
async function reported(study: string, signal: AbortSignal): Promise<Measurement[]> {
    const series = (await searchSeries(study, signal)).filter((s) => text(s, Tag.modality) === "SR").slice(0, reportsMax);
    const lists = await Promise.all(series.map((s) => seriesMetadata(study, text(s, Tag.seriesUid), signal)));
    const reports = lists.flat().filter((ds) => /\.88\.(22|33|34)$/.test(text(ds, Tag.sopClass)));
    const when = (ds: (typeof reports)[number]) => text(ds, "00080023") + text(ds, "00080033");
    reports.sort((a, b) => when(a).localeCompare(when(b)));
    return reports.flatMap((ds) => readReport(ds, placesOf([])).measurements.filter((m) => m.lesion));
}

export class Lesions {
    readonly others = signal<readonly StudyMarks[]>([]); /* what is stored, that of the open study too */
    readonly failure = signal("");
    readonly immune = signal(false); /* iRECIST instead of RECIST 1.1 */
    readonly notes = signal<readonly Note[]>([]); /* what became of saving */
    readonly isSaving = signal(false);
    readonly course = computed(() => {
        const own = this.others.value.find((s) => s.study === this.reading.study);
        const open: StudyMarks = {
            study: this.reading.study,
            date: this.date.value,
            measurements: [...(own?.measurements ?? []), ...this.reading.marks.all.value],
        };
        return courseOf([...this.others.value.filter((s) => s !== own), open], this.reading.study);
    });
    /** The chosen mark, when it is one that measures. */
    readonly chosen = computed(() => {
        const m = this.reading.marks.all.value.find((one) => one.uid === this.reading.marks.selected.value);
        return m && (m.kind === "length" || m.kind === "bidirectional") ? m : undefined;
    });

    private readonly date = computed(() => text(this.reading.active.value.content.value?.datasets[0], Tag.studyDate));
    private readonly abort = new AbortController();
    private asked = false;

    constructor(private readonly reading: Reading) {}

    /** Asks for the reports of the patient's studies, once. */
    async load(patientId: string): Promise<void> {
        if (this.asked || patientId === "") return;
        this.asked = true;
        const { signal: stop } = this.abort;
        try {
            const studies = await otherStudies(patientId, this.reading.study, stop);
            const all = [...studies.map((s) => ({ study: s.uid, date: s.date.replaceAll("-", "") })), { study: this.reading.study, date: "" }];
            this.others.value = await Promise.all(all.map(async (s) => ({ ...s, measurements: await reported(s.study, stop) })));
        } catch (e) {
            this.asked = false;
            if (!isAbort(e)) this.failure.value = e instanceof Error ? e.message : String(e);
        }
    }

    close(): void {
        this.abort.abort();
    }

    /** Stores the course as a report, with its PDF. */
    async save(): Promise<void> {
        if (this.isSaving.value) return;
        this.isSaving.value = true;
        this.notes.value = [];
        try {
            const { saveCourse } = await import("./document");
            this.notes.value = await saveCourse(this.reading, this.course.value, this.immune.value);
        } catch (e) {
            this.notes.value = [{ isProblem: true, text: e instanceof Error ? e.message : String(e) }];
        } finally {
            this.isSaving.value = false;
        }
    }

    /** The chosen mark becomes what is measured of a new lesion. */
    begin(role: Role, organ: string, nodal: boolean): void {
        const number = nextNumber(this.course.value.lesions, role);
        this.measure({ uid: newUid(), role, organ, nodal, number });
    }

    /** The chosen mark is that of this lesion now; the one it had before is an ordinary mark again. */
    measure(lesion: Lesion): void {
        const m = this.chosen.value;
        if (m) this.put(m, lesion, "measured");
    }

    setState(lesion: Lesion, state: State): void {
        const now = this.markOf(lesion.uid);
        if (now) return this.reading.marks.replace({ ...now, lesion: { ...now.lesion!, state } });
        const said: Measurement = {
            uid: newUid(),
            kind: "label",
            label: lesionName(lesion),
            quantities: [],
            spacing: "none",
            lesion: { ...lesion, state },
            color: markColor[lesion.role],
            locked: false,
            hidden: false,
            created: new Date().toISOString(),
        };
        this.reading.marks.add(said);
    }

    /** Nothing is said of the lesion in this study any more. */
    forget(lesion: Lesion): void {
        const m = this.markOf(lesion.uid);
        if (!m) return;
        if (m.on ?? m.spatial) this.reading.marks.replace(without(m));
        else this.reading.marks.remove(m.uid);
    }

    markOf(uid: string): Measurement | undefined {
        return this.reading.marks.all.value.find((m) => m.lesion?.uid === uid);
    }

    private put(m: Measurement, lesion: Lesion, state: State): void {
        const { modality, sliceMm } = this.imageOf(m);
        const mark: LesionMark = { ...lesion, state, ...(modality ? { modality } : {}), ...(sliceMm === undefined ? {} : { sliceMm }) };
        const before = this.markOf(lesion.uid);
        const label = `${lesionName(lesion)} ${lesion.organ}`.trim();
        const next = { ...m, label, color: markColor[lesion.role], lesion: mark };
        if (before && before.uid !== m.uid && !(before.on ?? before.spatial)) this.reading.marks.remove(before.uid);
        this.reading.marks.replace(next, ...(before && before.uid !== m.uid && (before.on ?? before.spatial) ? [without(before)] : []));
    }

    private imageOf(m: Measurement): { modality: string; sliceMm: number | undefined } {
        const datasets = this.reading.panes.flatMap((p) => p.content.value?.datasets ?? []);
        const ds = datasets.find((d) => text(d, Tag.sopInstance) === m.on?.instance);
        return { modality: text(ds, Tag.modality), sliceMm: number(ds, Tag.sliceThickness) };
    }
}

function without(m: Measurement): Measurement {
    const { lesion: _, ...rest } = m;
    return rest;
}
