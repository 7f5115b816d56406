/** Answers Cornerstone's questions about a frame from our `FrameInfo`. */

import { Enums } from "@cornerstonejs/core";
import { infoOf } from "./cache";
import { isColor, type FrameInfo } from "./frame";

const modules: Readonly<Record<string, (f: FrameInfo) => unknown>> = {
    [Enums.MetadataModules.IMAGE_PIXEL]: (f) => ({
        samplesPerPixel: isColor(f) ? 3 : 1,
        photometricInterpretation: isColor(f) ? "RGB" : f.photometric,
        rows: f.rows,
        columns: f.columns,
        bitsAllocated: isColor(f) ? 8 : f.bitsAllocated,
        bitsStored: isColor(f) ? 8 : f.bitsStored,
        highBit: isColor(f) ? 7 : f.highBit,
        pixelRepresentation: isColor(f) ? 0 : f.signed ? 1 : 0,
        planarConfiguration: 0,
    }),
    [Enums.MetadataModules.IMAGE_PLANE]: (f) => {
        const rowCosines = f.rowDirection ?? [1, 0, 0];
        const columnCosines = f.columnDirection ?? [0, 1, 0];
        return {
            frameOfReferenceUID: f.frameOfReference,
            rows: f.rows,
            columns: f.columns,
            imageOrientationPatient: [...rowCosines, ...columnCosines],
            rowCosines,
            columnCosines,
            imagePositionPatient: f.position ?? [0, 0, 0],
            sliceThickness: f.sliceThicknessMm,
            sliceLocation: f.sliceLocationMm,
            pixelSpacing: [f.rowSpacingMm, f.columnSpacingMm],
            rowPixelSpacing: f.rowSpacingMm,
            columnPixelSpacing: f.columnSpacingMm,
            usingDefaultValues: !f.position || !f.rowDirection || !f.calibrated,
        };
    },
    [Enums.MetadataModules.GENERAL_SERIES]: (f) => ({ modality: f.modality, seriesInstanceUID: f.series, studyInstanceUID: f.study }),
    [Enums.MetadataModules.SOP_COMMON]: (f) => ({ sopClassUID: f.sopClass, sopInstanceUID: f.instance }),
    [Enums.MetadataModules.VOI_LUT]: (f) => ({
        windowCenter: f.windows.map((w) => w.center),
        windowWidth: f.windows.map((w) => w.width),
        voiLUTFunction: f.voiFunction,
    }),
    [Enums.MetadataModules.MODALITY_LUT]: () => ({ rescaleSlope: 1, rescaleIntercept: 0 }),
};

export function provider(type: string, id: unknown): unknown {
    const info = typeof id === "string" ? infoOf(id) : undefined;
    return info && modules[type]?.(info);
}
