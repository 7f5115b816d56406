/** Planes, slabs, fusion and space. */

import "./volume.css";
import { dot } from "../../dicom/vector";
import { isPlane, planeNames } from "./planes";
import type { Action, Module } from "../reading/module";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { t } from "../../ui/text";
import { volumesOf } from "./model";
import { VolumePanel } from "./panel";
import { SlabControl } from "./slab";
import { CrosshairLayer, ReadoutLayer, TurnLayer } from "./layers";
import { kinds } from "./views";
import { planeLabel } from "./words";

const hasImages = (r: Reading) => r.active.value.count.value > 0;

function show(r: Reading, mode: string): void {
    const pane = r.active.value;
    if (mode === "stack") pane.at.value = nearest(r, pane);
    else volumesOf(r).carry(pane);
    pane.mode.value = mode;
}

/* The image of the stack that is nearest to where the planes meet. */
function nearest(r: Reading, pane: Pane): number {
    const view = volumesOf(r).views.get(pane);
    const frames = pane.content.value?.frames ?? [];
    const normal = view?.volume.slices.axes[2];
    if (!view || !normal || !isPlane(pane.mode.value)) return pane.at.value;
    const wanted = dot(volumesOf(r).focusOf(view.volume).centre.value, normal);
    const apart = frames.map((f) => (f.position ? Math.abs(dot(f.position, normal) - wanted) : Infinity));
    return Math.max(0, apart.indexOf(Math.min(...apart)));
}

const arrangement = ["axial", "3d", "coronal", "sagittal"] as const;

/** Three planes and space, of the series in the active pane. */
function fourUp(r: Reading): void {
    const { series, at } = r.active.value;
    const [one, index] = [series.value, at.value];
    if (!one) return;
    volumesOf(r).carry(r.active.value);
    r.panes.forEach((pane, i) => {
        if (pane.series.value?.uid !== one.uid || pane.content.value === undefined) void r.show(one, pane, index);
        else pane.at.value = index;
        pane.mode.value = arrangement[i]!;
    });
    r.activeIndex.value = 0;
    r.setLayout(4);
}

const way = (mode: string, label: () => string): Action => ({
    id: `volume.${mode}`,
    label,
    isOn: (r) => r.active.value.mode.value === mode,
    isOff: (r) => !hasImages(r),
    run: (r) => show(r, mode),
});

export const volume: Module = {
    id: "volume",
    menus: [
        {
            id: "volume.ways",
            label: () => t("Stack, planes, 3D"),
            icon: "cube",
            actions: [
                way("stack", () => t("Stack of images")),
                ...planeNames.map((name) => way(name, () => planeLabel(name))),
                way("3d", () => t("3D")),
                { id: "volume.four", label: () => t("Three planes and 3D"), keys: ["m"], isOff: (r) => !hasImages(r), run: fourUp },
                {
                    id: "volume.crosshair",
                    label: () => t("Crosshair"),
                    keys: ["x"],
                    isOn: (r) => volumesOf(r).crosshair.value,
                    run: (r) => (volumesOf(r).crosshair.value = !volumesOf(r).crosshair.value),
                },
            ],
        },
    ],
    controls: [{ id: "volume.slab", View: SlabControl }],
    panels: [{ id: "volume.panel", label: () => t("Volume"), icon: "cube", View: VolumePanel }],
    layers: [
        { id: "volume.turn", View: TurnLayer },
        { id: "volume.crosshair", View: CrosshairLayer },
        { id: "volume.readout", View: ReadoutLayer },
    ],
    views: kinds,
    claims: (_, __, e) => (e.target as Element).closest("[data-volume-handle]") !== null,
    start: (r) => () => volumesOf(r).close(),
};
