/** The slab in the toolbar: what of it is shown, and how thick it is. */

import type { Blend } from "../../dicom/plane-grid";
import { t } from "../../ui/text";
import type { Reading } from "../reading/model";
import { volumesOf } from "./model";
import { isPlane } from "./planes";

export function SlabControl({ reading }: { reading: Reading }) {
    const { slab } = volumesOf(reading);
    if (!isPlane(reading.active.value.mode.value)) return null;
    const { blend, mm } = slab.value;
    const blends: readonly (readonly [Blend, string])[] = [["none", t("No slab")], ["max", t("MIP")], ["min", t("MinIP")], ["mean", t("Mean")]];
    return (
        <span class="slab">
            <select
                class="preset"
                aria-label={t("Slab")}
                value={blend}
                onChange={(e) => ((slab.value = { blend: e.currentTarget.value as Blend, mm }), e.currentTarget.blur())}
            >
                {blends.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
            </select>
            <input
                type="number"
                min={1}
                max={500}
                step={1}
                aria-label={t("Slab thickness in mm")}
                title={t("Slab thickness in mm")}
                disabled={blend === "none"}
                value={Number(mm.toFixed(1))}
                onChange={(e) => {
                    const said = Number(e.currentTarget.value);
                    if (said > 0) slab.value = { blend, mm: Math.min(500, said) };
                }}
            />
        </span>
    );
}
