/** Why something is not shown as a volume, and other words. */

import type { WhyNoSuv } from "../../dicom/suv";
import type { NoVolume } from "../../dicom/volume";
import type { MapName } from "../../imaging/colormaps";
import type { PresetName } from "../../imaging/space-presets";
import { Refused } from "../../imaging/view";
import { t } from "../../ui/text";
import type { PlaneName } from "./planes";

export function refusalOf({ why, values }: NoVolume): Refused {
    const reasons: Readonly<Record<NoVolume["why"], string>> = {
        few: t("It has {count} slices, and a volume needs three at least.", values),
        colour: t("Its images are in colour."),
        place: t("Some of its images do not say where in the patient they lie."),
        spacing: t("Its images do not say how far apart their pixels are in the patient."),
        size: t("Its images differ in size: {one} and {other}.", values),
        orientation: t("Its images lie in different orientations."),
        frame: t("The images do not share a frame of reference: their places cannot be compared."),
        duplicates: t("In {count} places there is more than one image, and nothing says which belong together.", values),
        uneven: t("Its slices are not evenly spaced: {least} to {most} mm from one to the next.", values),
        tilt: t("Its slices are sheared by {degrees}°, as with a tilted gantry: planes across them would be distorted.", values),
        memory: t("It takes {megabytes} MB, and {most} MB are the most.", values),
    };
    return new Refused(t("This series is no volume"), reasons[why]);
}

export function suvRefusal(why: WhyNoSuv): string {
    const reasons: Readonly<Record<WhyNoSuv, string>> = {
        modality: t("No SUV: it is no PET."),
        units: t("No SUV: the values are in units that do not lead to it."),
        correction: t("No SUV: the images are not corrected for decay and attenuation in a known way."),
        dose: t("No SUV: injected dose or half-life are missing."),
        weight: t("No SUV: the patient's weight is missing."),
        height: t("No SUV by lean body mass: the patient's height is missing."),
        sex: t("No SUV by lean body mass: the patient's sex is not given as male or female."),
        times: t("No SUV: the times of injection and scan are missing or contradict each other."),
        type: t("No SUV: the values are SUV of another kind."),
    };
    return reasons[why];
}

export function planeLabel(name: PlaneName, oblique = false): string {
    if (oblique) return { axial: t("Axial, oblique"), sagittal: t("Sagittal, oblique"), coronal: t("Coronal, oblique") }[name];
    return { axial: t("Axial"), sagittal: t("Sagittal"), coronal: t("Coronal") }[name];
}

export const presetLabels = (): Readonly<Record<PresetName, string>> => ({
    bone: t("Bone"),
    muscle: t("Muscle and bone"),
    skin: t("Skin"),
    lung: t("Lung"),
    vessels: t("Vessels with contrast"),
    soft: t("Organs"),
    window: t("By the window"),
    mip: t("MIP"),
});

export const mapLabels = (): Readonly<Record<MapName, string>> => ({
    grey: t("Grey"),
    inverse: t("Grey, inverse"),
    hotIron: t("Hot iron"),
    rainbow: t("Rainbow"),
    jet: t("Jet"),
});
