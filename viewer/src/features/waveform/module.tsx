/** Waveforms: ECG, pressures, EEG, breathing, sound. */

import { useEffect } from "preact/hooks";
import { text, Tag, type Dataset } from "../../dicomweb/json";
import { t } from "../../ui/text";
import { later } from "../reading/later";
import type { Reading } from "../reading/model";
import type { Module } from "../reading/module";

const work = later(() => import("./view"));

function View({ reading, dataset }: { reading: Reading; dataset: Dataset }) {
    useEffect(() => void work.fetch(), []);
    const here = work.here.value;
    return here ? <here.WaveformView reading={reading} dataset={dataset} /> : <p class="dim">{t("Loading…")}</p>;
}

export const waveform: Module = {
    id: "waveform",
    handlers: [{ id: "waveform", takes: (ds) => /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.9\./.test(text(ds, Tag.sopClass)), View }],
};
