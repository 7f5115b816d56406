/** The report of the open study. What is being written is the part "report" of the study's draft, and nowhere else: this class
 *  changes it, lets it follow the marks of the reading, and stores it. */

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { placesOf, tagOf } from "../../dicom/dataset";
import type { Measurement } from "../../dicom/measurement";
import { followed, lacks, linkName, reportOf, textMax, usedLinks, withLink, type Lack, type Report } from "../../dicom/report";
import { heading, titles } from "../../dicom/report-codes";
import { listed, readWritten, type Listed } from "../../dicom/report-read";
import { organizationName, personName, writtenReport, type Signature } from "../../dicom/report-write";
import { newUid } from "../../dicom/uid";
import { dateText, items, text, Tag, type Dataset } from "../../dicomweb/json";
import { keep, kept } from "../../ui/storage";
import { language, t } from "../../ui/text";
import { goTo, objectsOf, originOf, storeDocument, type Note } from "../reading/documents";
import type { Reading } from "../reading/model";
import { headingText } from "./words";
import type { Template } from "./templates";

const id = "report";
const documentModalities: ReadonlySet<string> = new Set(["SR", "DOC", "OT"]);
const seriesMax = 60; /* that are looked through for documents */

export interface StoredDocument extends Listed {
    dataset: Dataset;
    isReplaced: boolean;
}

export type Act = "preliminary" | "sign";

export class Writer {
    /** What is being written; undefined: nothing. */
    readonly report = computed(() => reportOf(this.reading.unsaved.value[id]));
    readonly documents = signal<readonly StoredDocument[]>([]); /* the latest first */
    readonly notes = signal<readonly Note[]>([]);
    readonly isBusy = signal(false);
    readonly signature = signal<Signature>(kept("report.signer", (v) => ({ name: textIn(v, "name"), organization: textIn(v, "organization") })));
    /** What links can be made to: measurements, arrows and labels on images, key images. */
    readonly marks = computed(() => this.reading.marks.all.value.filter((m) => m.quantities.length > 0 || m.on));

    private readonly known = new Set<string>(); /* marks that this session has seen */
    private readonly stops: (() => void)[];

    constructor(readonly reading: Reading) {
        this.stops = [
            effect(() => this.follow(this.reading.marks.all.value)),
            effect(() => {
                const series = this.reading.series.value.filter((s) => s.study === this.reading.study && documentModalities.has(s.modality)).slice(0, seriesMax);
                untracked(() => void this.list(series.map((s) => s.uid)));
            }),
        ];
    }

    close(): void {
        this.stops.forEach((stop) => stop());
        writers.delete(this.reading);
    }

    private follow(marks: readonly Measurement[]): void {
        for (const m of marks) this.known.add(m.uid);
        const report = this.report.value;
        const next = report && followed(report, marks, this.known);
        if (next && next !== report) this.set(next);
    }

    private set(report: Report | undefined): void {
        this.reading.keepUnsaved(id, report);
    }

    private async list(series: readonly string[]): Promise<void> {
        const datasets = await objectsOf(this.reading, series).catch((e: unknown) => {
            this.notes.value = [{ isProblem: true, text: e instanceof Error ? e.message : String(e) }];
            return [];
        });
        const found = datasets.flatMap((dataset) => {
            const said = listed(dataset);
            return said ? [{ ...said, dataset }] : [];
        });
        const replaced = new Set(found.flatMap((d) => d.replaces));
        const order = (d: Listed) => d.date + d.time;
        this.documents.value = found.map((d) => ({ ...d, isReplaced: [d.instance, ...d.madeOf].some((uid) => replaced.has(uid)) })).sort((a, b) => order(b).localeCompare(order(a)));
    }

    async run(act: () => Promise<readonly Note[]>): Promise<void> {
        if (this.isBusy.value) return;
        batch(() => {
            this.isBusy.value = true;
            this.notes.value = [];
        });
        try {
            this.notes.value = await act();
        } catch (e) {
            this.notes.value = [{ isProblem: true, text: e instanceof Error ? e.message : String(e) }];
        } finally {
            this.isBusy.value = false;
        }
    }

    /* ---- writing ---- */

    begin(template: Template): void {
        const ds = this.reading.active.value.dataset.value;
        const isOwn = text(ds, Tag.studyUid) === this.reading.study; /* another study may be beside it */
        const about = isOwn ? [text(ds, Tag.studyDescription), dateText(text(ds, Tag.studyDate))].filter(Boolean).join(", ") : "";
        const sections = template.sections.map((s) => (s.heading === "55111-9" && s.text === "" ? { ...s, text: about } : s));
        this.notes.value = [];
        this.set({ title: template.title, sections, links: [], amends: false });
    }

    private change(how: (r: Report) => Report): void {
        const report = this.report.peek();
        if (report) this.set(how(report));
    }

    write(code: string, said: string): void {
        this.change((r) => ({ ...r, sections: r.sections.map((s) => (s.heading === code ? { ...s, text: said.slice(0, textMax) } : s)) }));
    }

    entitle(title: string): void {
        this.change((r) => ({ ...r, title }));
    }

    /** Sections stand in the order of CID 7001 as `headings` has it. */
    addSection(code: string, order: readonly string[]): void {
        this.change((r) => ({ ...r, sections: [...r.sections, { heading: code, text: "" }].sort((a, b) => order.indexOf(a.heading) - order.indexOf(b.heading)) }));
    }

    removeSection(code: string): void {
        this.change((r) => ({ ...r, sections: r.sections.filter((s) => s.heading !== code) }));
    }

    /** Puts a place for the mark into a section, behind `at` characters; says where the text goes on. */
    insert(code: string, at: number, mark: Measurement): number {
        const report = this.report.peek();
        const linked = report && withLink(report, mark);
        const before = report?.sections.find((s) => s.heading === code)?.text ?? "";
        if (!linked) return at;
        const place = `${at > 0 && !/\s/.test(before[at - 1] ?? "") ? " " : ""}[${linked.number}]`;
        const sections = linked.report.sections.map((s) => (s.heading === code ? { ...s, text: before.slice(0, at) + place + before.slice(at) } : s));
        this.set({ ...linked.report, sections });
        return at + place.length;
    }

    /** The image that the active pane shows as a key image; undefined where it shows none. */
    keyImage(): Measurement | undefined {
        const info = this.reading.active.value.state.value?.info;
        if (!info) return undefined;
        const { study, series, instance, sopClass, frame } = info;
        const there = this.reading.marks.all.value.find((m) => m.kind === "keyImage" && m.on?.instance === instance && m.on.frame === frame);
        if (there) return there;
        const made: Measurement = { uid: newUid(), kind: "keyImage", label: "", on: { study, series, instance, sopClass, frame }, quantities: [], spacing: "none", color: "#f4c542", locked: false, hidden: false, created: new Date().toISOString() };
        this.reading.marks.add(made);
        return made;
    }

    async jump(mark: Measurement): Promise<void> {
        if (this.reading.marks.get(mark.uid)) this.reading.marks.selected.value = mark.uid;
        if (!mark.on || !(await goTo(this.reading, mark.on))) this.notes.value = [{ isProblem: true, text: t("Its image is not in the open studies") }];
    }

    discard(): void {
        this.notes.value = [];
        this.set(undefined);
    }

    /* ---- storing ---- */

    async store(act: Act, withPdf: boolean): Promise<Note[]> {
        const report = this.report.peek();
        if (!report) return [];
        const isSigned = act === "sign";
        const { name, organization } = this.signature.peek();
        const missing = lacks(report, isSigned).map(lackText);
        if (isSigned && personName(name) === "") missing.push(t("Your name is missing"));
        if (isSigned && organizationName(organization) === "") missing.push(t("Your organization is missing"));
        if (missing.length > 0) return missing.map((said) => ({ isProblem: true, text: said }));
        keep("report.signer", { name, organization });
        const title = titles.find((c) => c.value === report.title) ?? titles[0]!;
        const origin = originOf(this.reading, title.meaning);
        const written = writtenReport(report, await this.sourcesOf(report), {
            ...origin,
            language: language.value,
            author: personName(name) ? { name, organization } : undefined,
            isSigned,
            isComplete: isSigned,
            follows: report.follows,
        });
        const notes = await storeDocument(this.reading, written, origin, withPdf);
        const now = this.report.peek();
        const stored = { study: text(written, Tag.studyUid), series: text(written, Tag.seriesUid), instance: text(written, Tag.sopInstance), sopClass: text(written, Tag.sopClass) };
        /* what was written meanwhile is a draft that follows what is stored */
        this.set(now === report || !now ? undefined : { ...now, follows: stored, amends: isSigned });
        return [{ isProblem: false, text: isSigned ? t("The report is signed and stored") : t("The report is stored as preliminary") }, ...notes];
    }

    /* The objects that the links are about, behind one of the study: patient and study are taken from it. */
    private async sourcesOf(report: Report): Promise<Dataset[]> {
        const own = this.reading.series.value.find((s) => s.study === this.reading.study)!;
        const of = await objectsOf(this.reading, [own.uid]);
        const linked = await objectsOf(this.reading, usedLinks(report).flatMap((l) => (l.mark.on ? [l.mark.on.series] : [])));
        return [...of.slice(0, 1), ...linked];
    }

    /** Takes up a document that was written here: what is preliminary is gone on with, what is signed amended. */
    async takeUp(d: StoredDocument): Promise<Note[]> {
        const studies = [...items(d.dataset, tagOf("CurrentRequestedProcedureEvidenceSequence")), ...items(d.dataset, tagOf("PertinentOtherEvidenceSequence"))];
        const series = studies.flatMap((s) => items(s, tagOf("ReferencedSeriesSequence"))).map((s) => text(s, Tag.seriesUid));
        const report = readWritten(d.dataset, placesOf(await objectsOf(this.reading, series)));
        if (!this.report.peek()) this.set(report);
        return [];
    }
}

const textIn = (v: unknown, name: string): string => {
    const said = typeof v === "object" && v !== null ? (v as Record<string, unknown>)[name] : undefined;
    return typeof said === "string" ? said : "";
};

function lackText(l: Lack): string {
    if (l.is === "gone") return t("{name} was deleted: take it out of the text, or undo that", { name: linkName(l.link) });
    return t("“{section}” is empty", { section: headingText(heading(l.heading)!) });
}

const writers = new WeakMap<Reading, Writer>();

export function writerOf(reading: Reading): Writer {
    let writer = writers.get(reading);
    if (!writer) writers.set(reading, (writer = new Writer(reading)));
    return writer;
}
