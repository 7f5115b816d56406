/** Puts series into the panes as a protocol says. */

import { effect, signal } from "@preact/signals";
import { fitting, hang, mammographyView, needsObject, priorsFor, searchMax, type Hangable, type Place, type Prior, type Protocol, type Stage } from "../../dicom/hang";
import { protocolOf } from "../../dicom/hang-keep";
import { seriesOf } from "../../dicomweb/ahead";
import { items, number, text, Tag, type Dataset } from "../../dicomweb/json";
import { otherStudies } from "../../dicomweb/study";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { seriesFrom, type Series } from "../reading/series";

export const hung = signal<{ protocol: Protocol; stage: number } | undefined>(undefined);
export const refusal = signal("");

const viewPosition = "00185101";
const viewCode = "00540220";
const imageLaterality = "00200062";
const laterality = "00200060";

export function hangable(r: Reading, s: Series): Hangable {
    const study = r.studies.value.find((o) => o.uid === s.study);
    return {
        uid: s.uid,
        study: s.study,
        modality: s.modality,
        description: s.description,
        bodyPart: s.bodyPart,
        studyDescription: study?.description ?? "",
        images: s.count ?? 0,
        ...(study && s.study !== r.study ? { ageDays: daysBetween(study.date, r.studies.value[0]?.date ?? "") } : {}),
        ...mammographyView(s.description),
    };
}

/* Between two dates as DICOM writes them (DA), or with minuses. Unknown dates are no days apart. */
function daysBetween(before: string, after: string): number {
    const at = (da: string) => Date.parse(da.replaceAll("-", "").replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3"));
    const days = (at(after) - at(before)) / 86_400_000;
    return Number.isFinite(days) ? Math.round(days) : 0;
}

/* ---- what rules ask for beyond the list ---- */

const imageModalities = new Set(["MG", "DX", "CR", "RG", "IO", "PX", "XC", "OP"]);
const seriesMax = 24;
const asksForImages = (stage: Stage) => stage.places.some((p) => p.rules.some((rule) => rule.attribute === "view" || rule.attribute === "laterality"));
const asksForObjects = (stage: Stage) => stage.places.some((p) => p.rules.some(needsObject));

/* CC and MLO by their codes too.   PS3.16 CID 4014 */
const viewOf = (ds: Dataset | undefined): string => {
    const meaning = text(items(ds, viewCode)[0], "00080104").toLowerCase();
    return text(ds, viewPosition) || (meaning === "cranio-caudal" ? "CC" : meaning === "medio-lateral oblique" ? "MLO" : meaning);
};

/* One entry for each image, where rules are about images: "series#place in its stack". */
async function images(r: Reading, series: readonly Series[]): Promise<Hangable[]> {
    const all = await Promise.all(
        series.filter((s) => imageModalities.has(s.modality)).slice(0, seriesMax).map(async (s) => {
            const content = await r.content(s.uid);
            const plain = hangable(r, s);
            return content.frames.flatMap((frame, i): Hangable[] => {
                if (frame.frame !== 1) return [];
                const object = content.datasets.find((d) => text(d, Tag.sopInstance) === frame.instance);
                return [{ ...plain, uid: `${s.uid}#${i}`, object, images: number(object, Tag.numberOfFrames) ?? 1, laterality: text(object, imageLaterality) || text(object, laterality) || plain.laterality, view: viewOf(object) || plain.view }];
            });
        }),
    );
    return all.flat();
}

async function withObjects(r: Reading, series: readonly Series[]): Promise<Hangable[]> {
    return Promise.all(series.map(async (s, i) => (i < seriesMax ? { ...hangable(r, s), object: (await r.content(s.uid)).datasets[0] } : hangable(r, s))));
}

function hangables(r: Reading, stage: Stage, series: readonly Series[]): Promise<Hangable[]> {
    if (asksForImages(stage)) return images(r, series);
    return asksForObjects(stage) ? withObjects(r, series) : Promise.resolve(series.map((s) => hangable(r, s)));
}

/* ---- priors ---- */

/** The studies of the patient that are older than the one that is read, the newest first. */
export async function olderStudies(r: Reading): Promise<Prior[]> {
    const date = r.studies.value[0]?.date ?? "";
    const list = await otherStudies(text(r.panes.map((p) => p.dataset.value).find(Boolean), Tag.patientId), r.study);
    const older = list.filter((s) => s.date === "" || s.date.replaceAll("-", "") <= date);
    const looked = new Set([...older.slice(0, searchMax), ...older.slice(-1)]);
    return Promise.all(
        older.map(async (s): Promise<Prior> => {
            const prior = { uid: s.uid, modalities: s.modalities, ageDays: daysBetween(s.date, date) };
            if (!looked.has(s)) return prior;
            const rows = await seriesOf(s.uid, new AbortController().signal);
            return { ...prior, series: rows.map((ds) => ({ ...hangable(r, seriesFrom(ds, s.uid)), studyDescription: s.description })) };
        }),
    );
}

const asksForPriors = (p: Protocol) => p.priors > 0 || p.stages.some((s) => s.places.some((x) => x.prior !== 0 || x.age || x.best));

/* ---- the panes ---- */

/* When the picture of the place is there, it gets its window; a plane is asked for as soon as there are images. */
function finish(pane: Pane, series: Series, place: Place): void {
    let isTurned = place.mode === undefined;
    const stop = effect(() => {
        if (pane.series.value !== series) return queueMicrotask(() => stop());
        const content = pane.content.value;
        if (!isTurned && content && content.frames.length > 1) {
            isTurned = true;
            queueMicrotask(() => (pane.mode.value = place.mode!));
            return;
        }
        const isShown = pane.mode.value === "stack" ? pane.state.value?.info.series === series.uid : pane.shown.value !== undefined;
        if (!isTurned || (place.mode && pane.mode.value === "stack") || !isShown) return;
        queueMicrotask(() => {
            stop();
            if (place.preset) pane.usePreset(place.preset);
            if (place.invert) (pane.stack ?? pane.view)?.toggleInvert();
        });
    });
}

/** Hangs a stage of a protocol; where it cannot, `refusal` says why and everything stays as it was. */
export async function apply(r: Reading, protocol: Protocol, index = 0): Promise<void> {
    const stage = protocol.stages[index % protocol.stages.length]!;
    refusal.value = "";
    const priors = asksForPriors(protocol) ? priorsFor(protocol, await olderStudies(r)) : [];
    if (priors.length < protocol.priors) {
        refusal.value = t("This patient has no older study on this server to hang.");
        return;
    }
    for (const uid of priors) await r.include(uid);
    const studies = await Promise.all([r.study, ...priors].map((uid) => hangables(r, stage, r.series.value.filter((s) => s.study === uid))));
    const found = hang(stage, studies);
    if (found.every((uid) => uid === undefined)) {
        refusal.value = t("Nothing in this study fits this layout.");
        return;
    }
    const places = found.map((uid) => {
        const [series, image = "0"] = (uid ?? "").split("#");
        const s = r.series.value.find((x) => x.uid === series);
        return s && { series: s, index: Number(image) };
    });
    r.panes.forEach((pane) => (pane.mode.value = "stack"));
    r.arrange(stage.layout, places);
    r.sync.value = stage.sync ?? [];
    stage.places.forEach((place, i) => {
        const [pane, there] = [r.panes[i], places[i]];
        if (pane && there && (place.preset || place.invert || place.mode)) finish(pane, there.series, place);
    });
    hung.value = { protocol, stage: index % protocol.stages.length };
}

/** The protocol that a study opens with: the first group in which one fits counts, and in it the best that finds its priors. */
export async function chosen(r: Reading, groups: readonly (readonly Protocol[])[]): Promise<Protocol | undefined> {
    const object = r.panes.map((p) => p.dataset.value).find(Boolean);
    const study = r.series.value.filter((s) => s.study === r.study).map((s) => ({ ...hangable(r, s), object }));
    let older: Promise<Prior[]> | undefined;
    for (const group of groups)
        for (const p of fitting(group, study)) {
            if (!asksForPriors(p) || p.priors === 0) return p;
            if (priorsFor(p, await (older ??= olderStudies(r))).length >= p.priors) return p;
        }
    return undefined;
}

/** The panes as they are, as a protocol of the user's. */
export function fromPanes(r: Reading, id: string, name: string): Protocol {
    const layout = r.layout.value;
    const panes = r.panes.slice(0, layout).map((p) => p.series.value && { series: hangable(r, p.series.value), mode: p.mode.value });
    const shown = new Set(panes.map((p) => p?.series.study));
    const priors = r.studies.value.slice(1).filter((s) => shown.has(s.uid)).sort((a, b) => b.date.localeCompare(a.date)).map((s) => s.uid);
    return protocolOf(id, name, { layout, panes, sync: r.sync.value.map((s) => ({ ...s, panes: s.panes.filter((i) => i < layout) })) }, r.study, priors);
}
