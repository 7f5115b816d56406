/** The ways to show a volume in a pane: three planes, and space. */

import type { Vec3 } from "../../dicom/vector";
import { Refused, type OwnView } from "../../imaging/view";
import type { PresetName } from "../../imaging/space-presets";
import type { ViewKind } from "../reading/module";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { t } from "../../ui/text";
import { timeOf, volumesOf } from "./model";
import { planeNames, type PlaneName } from "./planes";
import { planeLabel, presetLabels, refusalOf } from "./words";

async function entered(r: Reading, pane: Pane, gone: AbortSignal) {
    const content = pane.content.value!;
    const imaging = await import("../../imaging/volumes");
    const volume = await imaging.enterVolume(content.frames, timeOf(content), gone).catch((e: unknown) => {
        throw e instanceof Refused ? e : new Refused(t("The volume cannot be shown"), e instanceof Error ? e.message : String(e));
    });
    if ("why" in volume) throw refusalOf(volume);
    if (gone.aborted) {
        imaging.leaveVolume(volume);
        throw gone.reason;
    }
    volumesOf(r).carryInto(pane, volume);
    return { imaging, volume, content };
}

async function openPlane(name: PlaneName, r: Reading, pane: Pane, element: HTMLDivElement, gone: AbortSignal): Promise<OwnView> {
    const before = pane.at.value > 0 ? pane.content.value!.frames[pane.at.value] : undefined;
    const { imaging, volume, content } = await entered(r, pane, gone);
    const volumes = volumesOf(r);
    const focus = volumes.focusOf(volume, before);
    const onClose = () => {
        if (volumes.views.get(pane) === view) volumes.views.delete(pane);
        volumes.viewed.value++;
        imaging.leaveVolume(volume);
    };
    const view = new imaging.PlaneView(element, volume, (shown) => (pane.shown.value = shown), onClose);
    view.onScroll = (through) => (focus.centre.value = through);
    view.onReveal = (points) => focus.reveal(name, points);
    view.follow(() => {
        const { blend, mm } = volumes.slab.value;
        const overlay = volumes.overlayOn(volume, imaging.colorMaps);
        const fused = volumes.fusion.value;
        const note = overlay && fused ? t("Over it: {series}", { series: fused.series.description || fused.series.modality }) : "";
        void overlay?.volume.changed.value;
        const map = volumes.map.value === "grey" ? undefined : imaging.colorMaps[volumes.map.value];
        view.set(focus.plane(name, planeLabel(name, focus.isOblique(name))), { blend, mm }, overlay, map, volumes.unitOf(content), note);
    });
    const fresh = view.reset.bind(view);
    view.reset = () => {
        focus.reset(volume.snapped(focus.centre.value));
        fresh();
    };
    volumes.views.set(pane, view);
    volumes.viewed.value++;
    return view;
}

const fitting = (modality: string): PresetName => (modality === "CT" ? "bone" : modality === "PT" || modality === "NM" ? "mip" : "window");

async function openSpace(r: Reading, pane: Pane, element: HTMLDivElement, gone: AbortSignal): Promise<OwnView> {
    const { imaging, volume } = await entered(r, pane, gone);
    const volumes = volumesOf(r);
    const onClose = () => {
        if (volumes.views.get(pane) === view) volumes.views.delete(pane);
        volumes.viewed.value++;
        imaging.leaveVolume(volume);
    };
    const view = new imaging.SpaceView(element, volume, (shown) => (pane.shown.value = shown), onClose);
    view.follow(() => {
        const preset = volumes.preset.value || fitting(volume.info.modality);
        const surfaces = volumes.segmentsOf(volume).flatMap(({ segmentation: s, segment: { number, color } }) => {
            const surface = volumes.surfaceOf(volume, s, number, imaging.surfaceNow);
            const rgb = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255) as unknown as Vec3;
            return surface ? [{ surface, color: rgb, opacity: volumes.opacityOf(s.uid, number) }] : [];
        });
        const isBare = volumes.bare.value && surfaces.length > 0;
        view.set({ preset, name: isBare ? t("Segments") : presetLabels()[preset], shift: volumes.shift.value, crop: volumes.crop.value, surfaces, isBare });
    });
    volumes.views.set(pane, view);
    volumes.viewed.value++;
    return view;
}

export const kinds: readonly ViewKind[] = [
    ...planeNames.map((name): ViewKind => ({ id: name, open: (r, pane, element, gone) => openPlane(name, r, pane, element, gone) })),
    { id: "3d", open: openSpace },
];
