/** An object of annotations by itself: its groups, and the way to the slide that they are about. */

import { items, text, type Dataset } from "../../dicomweb/json";
import { annotationGroups } from "../../dicom/slide-annotations";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";

export function AnnotationsView({ reading, dataset }: { reading: Reading; dataset: Dataset }) {
    const named = items(dataset, "00081115").map((s) => text(s, "0020000E"));
    const slide = reading.series.value.find((s) => named.includes(s.uid));
    return (
        <div class="slide-list">
            <ul>
                {annotationGroups(dataset).map((g) => (
                    <li key={g.uid}>
                        <i style={{ background: g.color }} />
                        {[g.label, g.what, g.graphic?.toLowerCase(), g.count].filter(Boolean).join(" · ")}
                    </li>
                ))}
            </ul>
            {slide && <button type="button" class="button" onClick={() => void reading.show(slide)}>{t("Show on the slide")}</button>}
        </div>
    );
}
