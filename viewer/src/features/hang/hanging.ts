/** Puts series into the panes as a protocol says. */

import { signal } from "@preact/signals";
import { hang, mammographyView, protocolOf, type Hangable, type Protocol, type Stage } from "../../dicom/hang";
import { number, text, Tag } from "../../dicomweb/json";
import { otherStudies } from "../../dicomweb/study";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import type { Series } from "../reading/series";

export const hung = signal<{ protocol: Protocol; stage: number } | undefined>(undefined);
export const refusal = signal("");

const viewPosition = "00185101";
const laterality = "00200062";

export function hangable(r: Reading, s: Series): Hangable {
    return {
        uid: s.uid,
        study: s.study,
        modality: s.modality,
        description: s.description,
        bodyPart: s.bodyPart,
        studyDescription: r.studies.value.find((o) => o.uid === s.study)?.description ?? "",
        images: s.count ?? 0,
        ...mammographyView(s.description),
    };
}

const asksForImages = (stage: Stage) => stage.places.some((p) => p.rules.some((rule) => rule.attribute === "view" || rule.attribute === "laterality"));
const imageSeriesMax = 24;

/* One entry for each image, where rules are about images: "series#place in its stack". */
async function images(r: Reading, series: readonly Series[]): Promise<Hangable[]> {
    const all = await Promise.all(
        series.filter((s) => s.modality === "MG").slice(0, imageSeriesMax).map(async (s) => {
            const content = await r.content(s.uid);
            const plain = hangable(r, s);
            return content.frames.flatMap((frame, i): Hangable[] => {
                if (frame.frame !== 1) return [];
                const ds = content.datasets.find((d) => text(d, Tag.sopInstance) === frame.instance);
                return [{ ...plain, uid: `${s.uid}#${i}`, images: number(ds, Tag.numberOfFrames) ?? 1, laterality: text(ds, laterality) || plain.laterality, view: text(ds, viewPosition) || plain.view }];
            });
        }),
    );
    return all.flat();
}

/** The studies of the patient that are older than the one that is read, the newest first. */
async function priorsOf(r: Reading, wanted: number): Promise<string[]> {
    if (wanted === 0) return [];
    const date = r.studies.value[0]?.date ?? "";
    const list = await otherStudies(text(r.panes.map((p) => p.dataset.value).find(Boolean), Tag.patientId), r.study);
    const older = list.filter((s) => s.date === "" || s.date.replaceAll("-", "") <= date).slice(0, wanted);
    for (const s of older) await r.include(s.uid);
    return older.map((s) => s.uid);
}

/** Hangs a stage of a protocol; where it cannot, `refusal` says why and everything stays as it was. */
export async function apply(r: Reading, protocol: Protocol, index = 0): Promise<void> {
    const stage = protocol.stages[index % protocol.stages.length]!;
    refusal.value = "";
    const priors = await priorsOf(r, Math.max(protocol.priors, ...stage.places.map((p) => p.prior)));
    if (priors.length < protocol.priors) {
        refusal.value = t("This patient has no older study on this server to hang.");
        return;
    }
    const studies = await Promise.all(
        [r.study, ...priors].map((uid) => {
            const list = r.series.value.filter((s) => s.study === uid);
            return asksForImages(stage) ? images(r, list) : list.map((s) => hangable(r, s));
        }),
    );
    const found = hang(stage, studies);
    if (found.every((uid) => uid === undefined)) {
        refusal.value = t("Nothing in this study fits this layout.");
        return;
    }
    r.arrange(
        stage.layout,
        found.map((uid) => {
            const [series, image = "0"] = (uid ?? "").split("#");
            const s = r.series.value.find((x) => x.uid === series);
            return s && { series: s, index: Number(image) };
        }),
    );
    hung.value = { protocol, stage: index % protocol.stages.length };
}

/** The panes as they are, as a protocol of the user's. */
export function fromPanes(r: Reading, name: string): Protocol {
    const panes = r.panes.slice(0, r.layout.value).map((p) => p.series.value && hangable(r, p.series.value));
    const priors = r.studies.value.slice(1).map((s) => s.uid);
    return protocolOf(`own-${Date.now().toString(36)}`, name, r.layout.value, panes, r.study, priors);
}
