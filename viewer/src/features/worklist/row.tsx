/** One study of the list. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { askAhead } from "../../dicomweb/ahead";
import { thumbnailPath } from "../../dicomweb/client";
import type { Study } from "../../dicomweb/study";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import { Thumbnail } from "../../ui/thumbnail";
import { columns, type ColumnId } from "./columns";
import * as model from "./model";

export const rowPx = 44;
const pictureSide = 36; /* as in the style sheet */

function Who({ study }: { study: Study }) {
    const demographics = [study.birthDate, study.sex].filter(Boolean).join(" · ");
    return (
        <>
            <span class="row-picture">
                <Thumbnail src={thumbnailPath(study.uid, undefined, 2 * pictureSide)} ready>
                    <Icon name="document" />
                </Thumbnail>
            </span>
            <span class="who">
                <span class="name" dir="auto" title={study.patientName}>{study.patientName || t("No name")}</span>
                {demographics && <span class="sub">{demographics}</span>}
            </span>
        </>
    );
}

export function Modalities({ list }: { list: readonly string[] }) {
    return (
        <>
            {list.slice(0, 4).map((m) => (
                <span key={m} class="chip">{m}</span>
            ))}
            {list.length > 4 && <span class="dim">+{list.length - 4}</span>}
        </>
    );
}

const cells: Readonly<Record<ColumnId, (s: Study) => [content: JSX.Element | string, hint?: string]>> = {
    name: (s) => [<Who study={s} />],
    id: (s) => [s.patientId, s.patientId],
    date: (s) => [<>{s.date || t("No date")} <span class="dim">{s.time.slice(0, 5)}</span></>],
    modality: (s) => [<Modalities list={s.modalities} />],
    description: (s) => [s.description || <span class="dim">{t("No description")}</span>, s.description],
    accession: (s) => [s.accession, s.accession],
    count: (s) => [<>{s.series ?? ""} <span class="dim">/ {s.instances ?? ""}</span></>],
    referrer: (s) => [s.referrer, s.referrer],
    studyId: (s) => [s.studyId, s.studyId],
};

export interface RowProps {
    index: number;
    ids: readonly ColumnId[];
    onOpen: (study: string) => void;
    onDetails: (index: number) => void;
    onMenu: (index: number, at: { x: number; y: number }) => void;
}

export function Row({ index, ids, onOpen, onDetails, onMenu }: RowProps) {
    const study = model.rowAt(index);
    const hover = useRef<ReturnType<typeof setTimeout>>(undefined);
    const on = model.active.value === index;
    const place = { transform: `translateY(${index * rowPx}px)` };
    if (!study)
        return (
            <div class="row pending" role="row" aria-rowindex={index + 2} style={place}>
                <div />
                <div class="c-name"><span class="bone" /></div>
                <div class="c-desc"><span class="bone" /></div>
            </div>
        );
    const name = study.patientName || t("No name");
    return (
        <div
            class={on ? "row study on" : "row study"}
            role="row"
            id={`row-${index}`}
            aria-rowindex={index + 2}
            aria-selected={on}
            data-study={study.uid}
            style={place}
            onClick={() => {
                model.active.value = index;
                onOpen(study.uid);
            }}
            onContextMenu={(e) => {
                e.preventDefault();
                onMenu(index, { x: e.clientX, y: e.clientY });
            }}
            onPointerEnter={() => (hover.current = setTimeout(() => askAhead(study.uid), 60))}
            onPointerLeave={() => clearTimeout(hover.current)}
        >
            <div class="c-pick" role="gridcell" onClick={(e) => e.stopPropagation()}>
                <label>
                    <input
                        type="checkbox"
                        tabIndex={-1}
                        aria-label={t("Choose {name}", { name })}
                        checked={model.picked.value.has(study.uid)}
                        onChange={(e) => model.pick(study, e.currentTarget.checked)}
                    />
                </label>
            </div>
            {ids.map((id) => {
                const [content, hint] = cells[id](study);
                return <div key={id} class={columns[id].cell} role="gridcell" title={hint} {...(hint === undefined ? {} : { dir: "auto" })}>{content}</div>;
            })}
            <button
                type="button"
                class="c-more"
                tabIndex={-1}
                aria-label={t("Series of {name}", { name })}
                title={t("Series and other studies")}
                onClick={(e) => (e.stopPropagation(), onDetails(index))}
            >
                <Icon name="right" />
            </button>
        </div>
    );
}
