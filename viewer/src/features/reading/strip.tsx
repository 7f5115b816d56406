/** The series strip: one card for each series, with its picture from the server once the first image is shown. */

import { useSignal } from "@preact/signals";
import { thumbnailPath } from "../../dicomweb/client";
import { dateText } from "../../dicomweb/json";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import { Thumbnail } from "../../ui/thumbnail";
import type { Reading } from "./model";
import type { Series } from "./series";

const pictureSide = 256;

function Card({ reading, series }: { reading: Reading; series: Series }) {
    const picture = useSignal<"waiting" | "drawn" | "none">("waiting");
    const shownIn = reading.panes.slice(0, reading.layout.value).findIndex((p) => p.series.value?.uid === series.uid);
    const isActive = reading.active.value.series.value?.uid === series.uid;

    const title = series.description || series.bodyPart || t("No description");
    return (
        <button
            type="button"
            class={isActive ? "card on" : shownIn >= 0 ? "card shown" : "card"}
            aria-current={isActive}
            data-series={series.uid}
            data-picture={picture.value}
            title={title}
            draggable
            onDragStart={(e) => e.dataTransfer?.setData("text/x-series", series.uid)}
            onClick={() => void reading.show(series)}
        >
            <span class="picture">
                <Thumbnail
                    src={thumbnailPath(series.study, series.uid, pictureSide)}
                    ready={reading.settled.value}
                    onSettled={(drawn) => (picture.value = drawn ? "drawn" : "none")}
                >
                    <span class="no-picture">
                        {picture.value === "none" && <Icon name="document" />}
                        {series.modality}
                    </span>
                </Thumbnail>
                {series.count !== undefined && <span class="card-count">{series.count}</span>}
            </span>
            <span class="card-text">
                <span class="card-head">
                    <span class="chip">{series.modality || "??"}</span>
                    {series.number !== undefined && <span class="dim">{series.number}</span>}
                </span>
                <span class="card-title">{title}</span>
            </span>
        </button>
    );
}

export function Strip({ reading }: { reading: Reading }) {
    return (
        <nav class="strip" aria-label={t("Series")}>
            {reading.studies.value.map((study) => (
                <div key={study.uid} class="strip-study" data-study={study.uid}>
                    {reading.studies.value.length > 1 && (
                        <h3>
                            {dateText(study.date) || t("No date")} <span>{study.description || t("No description")}</span>
                        </h3>
                    )}
                    {reading.series.value
                        .filter((s) => s.study === study.uid)
                        .map((s) => (
                            <Card key={s.uid} reading={reading} series={s} />
                        ))}
                </div>
            ))}
        </nav>
    );
}
