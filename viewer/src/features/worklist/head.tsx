/** The head of the list: titles that sort, and the filters below them. */

import type { JSX } from "preact";
import type { StudyFilter } from "../../dicomweb/query";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";
import { columns, type ColumnId } from "./columns";
import * as model from "./model";

const modalities = "CR CT DX ES IO MG MR NM OP OT PT PX RF RT SC SM SR US XA XC".split(" ");

function Filter({ field, label }: { field: keyof StudyFilter; label: string }) {
    return (
        <input
            class="filter"
            type="search"
            aria-label={label}
            placeholder={t("Any")}
            autocomplete="off"
            spellcheck={false}
            value={model.filter.value[field]}
            onInput={(e) => model.setFilter(field, e.currentTarget.value)}
        />
    );
}

function DateFilter({ field, label }: { field: "from" | "to"; label: string }) {
    const value = model.filter.value[field];
    return (
        <input
            class={value ? "filter" : "filter unset"}
            type="date"
            aria-label={label}
            title={label}
            value={value}
            onInput={(e) => model.setFilter(field, e.currentTarget.value)}
        />
    );
}

function ModalityFilter() {
    return (
        <select class="filter" aria-label={t("Filter by modality")} value={model.filter.value.modality} onChange={(e) => model.setFilter("modality", e.currentTarget.value)}>
            <option value="">{t("Any")}</option>
            {modalities.map((m) => (
                <option key={m} value={m}>
                    {m}
                </option>
            ))}
        </select>
    );
}

const filters: Readonly<Partial<Record<ColumnId, () => JSX.Element>>> = {
    name: () => <Filter field="name" label={t("Filter by patient name")} />,
    id: () => <Filter field="id" label={t("Filter by patient ID")} />,
    date: () => (
        <span class="range">
            <DateFilter field="from" label={t("Studies from")} />
            <DateFilter field="to" label={t("Studies until")} />
        </span>
    ),
    modality: () => <ModalityFilter />,
    description: () => <Filter field="description" label={t("Filter by description")} />,
    accession: () => <Filter field="accession" label={t("Filter by accession number")} />,
    referrer: () => <Filter field="referrer" label={t("Filter by referring physician")} />,
};

export function Head({ ids }: { ids: readonly ColumnId[] }) {
    const { key, descending } = model.sort.value;
    return (
        <div class="list-head" role="rowgroup">
            <div class="row" role="row" aria-rowindex={1}>
                <div role="presentation" />
                {ids.map((id) => {
                    const { title, cell, sort } = columns[id];
                    const sorted = sort !== undefined && sort === key;
                    const order = sorted ? (descending ? "descending" : "ascending") : "none";
                    return (
                        <div key={id} class={cell} role="columnheader" {...(sort ? { "aria-sort": order as "none" } : {})}>
                            {sort ? (
                                <button type="button" class={sorted ? "sorter on" : "sorter"} onClick={() => model.setSort(sort)}>
                                    {title()}
                                    {sorted && <Icon name={descending ? "down" : "up"} />}
                                </button>
                            ) : (
                                <span class="sorter">{title()}</span>
                            )}
                            {filters[id]?.()}
                        </div>
                    );
                })}
                <div role="presentation" />
            </div>
        </div>
    );
}
