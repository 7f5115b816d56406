/* A small CT of slices alike, where things are to be segmented, and what is painted over it. */
import type { Page } from "@playwright/test";
import { CtImage, object, picture, type Attributes, type Identity } from "./dicom";

export const [rows, columns, slices] = [64, 64, 5];
export const [rowMm, columnMm, stepMm] = [1.5, 1, 4];

/** 60 HU where `isThere` says so, in air, with pixels that are not square and slices that lie apart. */
export const valuesOf = (isThere: (column: number, row: number) => boolean): number[] =>
    Array.from({ length: rows * columns }, (_, i) => (isThere(i % columns, Math.floor(i / columns)) ? 1060 : 0));

export const slicesOf = (who: Identity, values: readonly number[]): Attributes[] =>
    Array.from({ length: slices }, (_, i) =>
        object(who, {
            ...picture({ rows, columns, bits: 16, values }),
            "0008,0016 UI": CtImage,
            "0008,0060 CS": "CT",
            "0020,0013 IS": i + 1,
            "0020,0032 DS": [0, 0, stepMm * i],
            "0020,0037 DS": [1, 0, 0, 0, 1, 0],
            "0020,0052 UI": "2.25.98",
            "0028,0030 DS": [rowMm, columnMm],
            "0028,1050 DS": 40,
            "0028,1051 DS": 2000,
            "0028,1052 DS": -1000,
            "0028,1053 DS": 1,
        }),
    );

export type Point = readonly [column: number, row: number];

/** Where an image point is on the page. */
export async function onPage(page: Page): Promise<(p: Point) => [number, number]> {
    const box = (await page.locator('[data-pane="0"] .stage').boundingBox())!;
    const scale = Math.min(box.width / (columns * columnMm), box.height / (rows * rowMm));
    const [left, top] = [box.x + (box.width - columns * columnMm * scale) / 2, box.y + (box.height - rows * rowMm * scale) / 2];
    return ([c, r]) => [left + c * columnMm * scale, top + r * rowMm * scale];
}

/** The pixels of the overlay that are drawn, by their place in the image. */
export const painted = (page: Page): Promise<number[]> =>
    page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>(".segment-layer canvas");
        if (!canvas) return [];
        const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        return [...Array(data.length / 4).keys()].filter((i) => data[4 * i + 3]! > 0);
    });
