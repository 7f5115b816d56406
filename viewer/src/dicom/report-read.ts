/** Structured reports of anyone in a list, and those that `report-write.ts` has made as reports to go on with. */

import { items, text, texts, type Dataset } from "../dicomweb/json";
import { codeOf, dataset, isCode, keysOf, tagOf, type Places } from "./dataset";
import type { Measurement } from "./measurement";
import { linksMax, textMax, uncomposed, type Report, type ReportLink, type ReportRef } from "./report";
import { heading, titles } from "./report-codes";
import { encapsulatedPdfStorage } from "./report-write";
import { Concept, kinds } from "./sr-codes";
import { readGroup } from "./sr-read";
import { newUid } from "./uid";

/** What a list says of a document. */
export interface Listed extends ReportRef {
    title: string;
    date: string; /* DA of its content */
    time: string;
    isPdf: boolean;
    isComplete: boolean;
    isVerified: boolean;
    verifiedBy: string;
    isOurs: boolean; /* `readWritten` takes it */
    replaces: readonly string[]; /* the instances of the documents that it follows */
    madeOf: readonly string[]; /* of a PDF: the instances that it shows */
}

const content = (ds: Dataset | undefined) => items(ds, tagOf("ContentSequence"));
const conceptOf = (item: Dataset) => codeOf(items(item, tagOf("ConceptNameCodeSequence"))[0]);
const typeOf = (item: Dataset) => text(item, tagOf("ValueType"));

/** Reports of any kind; measurements, doses, key objects and the like, which are read elsewhere, are none. */
export function listed(ds: Dataset): Listed | undefined {
    const sopClass = text(ds, tagOf("SOPClassUID"));
    const isPdf = sopClass === encapsulatedPdfStorage;
    const template = text(items(ds, tagOf("ContentTemplateSequence"))[0], tagOf("TemplateIdentifier"));
    if (!isPdf && !/\.1\.1\.88\.(1|11|22|33|34|35)$/.test(sopClass)) return undefined;
    if (template === "1500") return undefined;
    const predecessors = items(ds, tagOf("PredecessorDocumentsSequence")).flatMap((s) => items(s, tagOf("ReferencedSeriesSequence"))).flatMap((s) => items(s, tagOf("ReferencedSOPSequence")));
    return {
        study: text(ds, tagOf("StudyInstanceUID")),
        series: text(ds, tagOf("SeriesInstanceUID")),
        instance: text(ds, tagOf("SOPInstanceUID")),
        sopClass,
        title: (isPdf && text(ds, tagOf("DocumentTitle"))) || conceptOf(ds)?.meaning || text(ds, tagOf("SeriesDescription")),
        date: text(ds, tagOf("ContentDate")),
        time: text(ds, tagOf("ContentTime")),
        isPdf,
        isComplete: isPdf || text(ds, tagOf("CompletionFlag")) === "COMPLETE",
        isVerified: text(ds, tagOf("VerificationFlag")) === "VERIFIED",
        verifiedBy: items(ds, tagOf("VerifyingObserverSequence")).map((v) => [text(v, tagOf("VerifyingObserverName")), text(v, tagOf("VerifyingOrganization"))].filter(Boolean).join(", ")).join("; "),
        isOurs: !isPdf && template === "2000" && text(ds, tagOf("ManufacturerModelName")) === "Isocenter viewer" && content(ds).some(isSection),
        madeOf: items(ds, tagOf("SourceInstanceSequence")).flatMap((r) => texts(r, tagOf("ReferencedSOPInstanceUID"))),
        replaces: predecessors.flatMap((r) => texts(r, tagOf("ReferencedSOPInstanceUID"))),
    };
}

const isSection = (item: Dataset): boolean => typeOf(item) === "CONTAINER" && heading(conceptOf(item)?.value ?? "") !== undefined && content(item).length === 1 && typeOf(content(item)[0]!) === "TEXT";

/* ---- what the text refers to ---- */

const namePattern = /^\[(\d{1,4})\] ?([\s\S]*)$/;

/** The items of one number: NUM items, or an IMAGE. */
function linkOf(number: number, label: string, list: readonly Dataset[], places: Places): ReportLink | undefined {
    const first = list[0]!;
    const common = { label, spacing: "calibrated" as const, color: "#f4c542", locked: false, hidden: false, created: new Date(0).toISOString() };
    if (typeOf(first) === "IMAGE") {
        const on = items(first, tagOf("ReferencedSOPSequence")).flatMap((r) => keysOf(r, places))[0];
        return on && { number, mark: { ...common, uid: newUid(), kind: "keyImage", on, quantities: [] }, gone: false };
    }
    const uid = content(first).find((c) => isCode(conceptOf(c), Concept.trackingUid));
    const group = dataset({ ContentSequence: [...content(first).filter((c) => isCode(conceptOf(c), Concept.trackingId) || c === uid), ...list] });
    const read = readGroup(group, places);
    const mark: Measurement = read ? { ...read, label: label === kinds[read.kind] ? "" : label } : { ...common, uid: text(uid, tagOf("UID")) || newUid(), kind: "label", quantities: [] };
    return { number, mark, gone: false };
}

function linksOf(sections: readonly Dataset[], places: Places): ReportLink[] {
    const found = new Map<number, { label: string; list: Dataset[] }>();
    for (const item of sections.flatMap((s) => content(s)).flatMap((t) => content(t))) {
        const name = content(item).find((c) => isCode(conceptOf(c), Concept.trackingId));
        const [, number, label] = namePattern.exec(text(name, tagOf("TextValue"))) ?? [];
        if (number === undefined || (typeOf(item) !== "NUM" && typeOf(item) !== "IMAGE")) continue;
        const there = found.get(Number(number)) ?? { label: label ?? "", list: [] };
        if (!there.list.some((o) => JSON.stringify(o) === JSON.stringify(item))) there.list.push(item); /* a second section may name it, too */
        found.set(Number(number), there);
    }
    return [...found].slice(0, linksMax).flatMap(([number, { label, list }]) => linkOf(number, label, list, places) ?? []);
}

/** A document of ours as a report that continues or amends it. places knows the objects that it refers to. */
export function readWritten(ds: Dataset, places: Places): Report {
    const about = listed(ds);
    if (!about?.isOurs) throw new RangeError("this is no report that was written here");
    const sections = content(ds).filter(isSection);
    const links = linksOf(sections, places);
    const title = conceptOf(ds)?.value ?? "";
    return {
        title: titles.some((c) => c.value === title) ? title : titles[0]!.value,
        sections: sections.map((s) => ({ heading: conceptOf(s)!.value, text: uncomposed(text(content(s)[0], tagOf("TextValue")), links).slice(0, textMax) })),
        links,
        follows: { study: about.study, series: about.series, instance: about.instance, sopClass: about.sopClass },
        amends: about.isVerified,
    };
}
