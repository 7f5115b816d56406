/** Surfaces for printing and planning: STL and OBJ in DICOM. */

import { useEffect } from "preact/hooks";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { t } from "../../ui/text";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Module } from "../reading/module";

const work = later(() => import("./view"));

function View({ dataset }: { reading: Reading; dataset: Dataset }) {
    useEffect(() => void work.fetch(), []);
    const here = work.here.value;
    return here ? <here.ModelView dataset={dataset} /> : <p class="dim">{t("Loading…")}</p>;
}

export const model3d: Module = {
    id: "model3d",
    handlers: [{ id: "model3d", takes: (ds) => /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.104\.[34]$/.test(text(ds, Tag.sopClass)), View }],
};
