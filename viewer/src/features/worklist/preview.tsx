/** The panel beside the list: the series of the study the list is on, and the other studies of its patient. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAbort, searchSeries, thumbnailPath } from "../../dicomweb/client";
import { number, text, Tag, type Dataset } from "../../dicomweb/json";
import { otherStudies, type Study } from "../../dicomweb/study";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import { Thumbnail } from "../../ui/thumbnail";
import { copyLink, type Leaving } from "./actions";
import { Modalities } from "./row";

const restMs = 150; /* while the arrows are held, studies pass by unasked */
const pictureSide = 128;

export interface PreviewProps {
    study: Study;
    onOpen: (studies: string, search?: string) => void;
    onLeave: (how: Leaving, study: Study) => void;
    onClose: () => void;
}

function SeriesRow({ study, ds, onOpen }: { study: Study; ds: Dataset; onOpen: PreviewProps["onOpen"] }) {
    const uid = text(ds, Tag.seriesUid);
    return (
        <li>
            <button type="button" data-series={uid} onClick={() => onOpen(study.uid, `?series=${uid}`)}>
                <span class="preview-picture">
                    <Thumbnail src={thumbnailPath(study.uid, uid, pictureSide)} ready>
                        <Icon name="document" />
                    </Thumbnail>
                </span>
                <span>
                    <span class="chip">{text(ds, Tag.modality) || "??"}</span> <span class="dim">{number(ds, Tag.seriesNumber)}</span>
                    <span class="preview-title">{text(ds, Tag.seriesDescription) || text(ds, Tag.bodyPart) || t("No description")}</span>
                    <span class="dim">{t("Objects: {count}", { count: number(ds, Tag.seriesInstances) ?? "?" })}</span>
                </span>
            </button>
        </li>
    );
}

export function Preview({ study, onOpen, onLeave, onClose }: PreviewProps) {
    const series = useSignal<readonly Dataset[] | undefined>(undefined);
    const others = useSignal<readonly Study[] | undefined>(undefined);
    const failure = useSignal("");
    useEffect(() => {
        const abort = new AbortController();
        series.value = others.value = undefined;
        failure.value = "";
        const fail = (e: unknown) => {
            if (!isAbort(e)) failure.value = e instanceof Error ? e.message : String(e);
        };
        const timer = setTimeout(() => {
            searchSeries(study.uid, abort.signal).then((rows) => (series.value = rows), fail);
            otherStudies(study.patientId, study.uid, abort.signal).then((list) => (others.value = list), fail);
        }, restMs);
        return () => {
            clearTimeout(timer);
            abort.abort();
        };
    }, [study.uid]);
    const priors = others.value ?? [];
    return (
        <aside class="preview" aria-label={t("Study")} aria-busy={!series.value && !failure.value}>
            <header>
                <div>
                    <strong>{study.patientName || t("No name")}</strong>
                    <span class="dim">{[study.date, study.description].filter(Boolean).join(" · ")}</span>
                </div>
                <button type="button" class="button quiet icon-only" aria-label={t("Close")} onClick={onClose}>
                    <Icon name="close" />
                </button>
            </header>
            <div class="preview-actions">
                <button type="button" class="button primary" onClick={() => onOpen(study.uid)}>{t("Open")}</button>
                <button type="button" class="button icon-only" aria-label={t("Send to…")} title={t("Send to…")} onClick={() => onLeave("send", study)}>
                    <Icon name="send" />
                </button>
                <button type="button" class="button icon-only" aria-label={t("Download…")} title={t("Download…")} onClick={() => onLeave("download", study)}>
                    <Icon name="download" />
                </button>
                <button type="button" class="button icon-only" aria-label={t("Copy a link")} title={t("Copy a link")} onClick={() => void copyLink(study.uid)}>
                    <Icon name="link" />
                </button>
                <button type="button" class="button icon-only" aria-label={t("Delete…")} title={t("Delete…")} onClick={() => onLeave("delete", study)}>
                    <Icon name="bin" />
                </button>
            </div>
            {failure.value && <p class="warn" role="alert">{failure.value}</p>}
            <ul>{series.value?.map((ds) => <SeriesRow key={text(ds, Tag.seriesUid)} study={study} ds={ds} onOpen={onOpen} />)}</ul>
            <h3>{t("Other studies of this patient")}</h3>
            {others.value && priors.length === 0 && <p class="dim">{study.patientId ? t("None on this server.") : t("Not known: the study has no patient ID.")}</p>}
            <ul class="priors">
                {priors.map((p) => (
                    <li key={p.uid} data-study={p.uid}>
                        <button type="button" onClick={() => onOpen(p.uid)}>
                            <span>
                                {p.date || t("No date")} <Modalities list={p.modalities} />
                                <span class="preview-title">{p.description || t("No description")}</span>
                                {p.patientName !== study.patientName && <span class="warn">{p.patientName}</span>}
                            </span>
                        </button>
                        <button type="button" class="button" onClick={() => onOpen(`${study.uid},${p.uid}`)}>{t("Compare")}</button>
                    </li>
                ))}
            </ul>
        </aside>
    );
}
