/* Segmenting: on a phantom whose parts are known to the pixel. */
import type { Page } from "@playwright/test";
import { newUid, type Identity } from "../lib/dicom";
import { columnMm, columns, onPage, painted, rowMm, rows, slices, slicesOf, stepMm, valuesOf, type Point } from "../lib/segmented";
import { store } from "../lib/server";
import { expect, imageIs, mark, openStudy, test } from "../lib/test";

const who: Identity = { study: newUid(), series: newUid(), patientName: "Segment^Sue", patientId: mark() };

/* A rod of 60 HU, 20 x 12 pixels, with a hole of 3 x 3, in air: the same on every slice. */
const isRod = (c: number, r: number) => c >= 20 && c < 40 && r >= 26 && r < 38 && !(c >= 30 && c < 33 && r >= 30 && r < 33);
const values = valuesOf(isRod);
const rodPixels = 20 * 12 - 9;
const ml = (pixels: number) => (pixels * rowMm * columnMm * stepMm) / 1000;

test.beforeAll(() => store(slicesOf(who, values)));

const open = async (page: Page, image: number) => {
    await openStudy(page, who.study, `?series=${who.series}&image=${image}`);
    await page.getByRole("button", { name: "Segments", exact: true }).click();
};
const tool = (page: Page, name: string) => page.locator(".segment-tools").getByRole("button", { name }).click();
const row = (page: Page, number: number) => page.locator(`.segment-row[data-segment="${number}"]`);

test("a region grows on one image, between two, and through all; holes are filled; volume and mean are right", async ({ page }) => {
    await open(page, 1);
    await tool(page, "Grow a region");
    const at = await onPage(page);
    await page.mouse.click(...at([25.5, 35.5]));
    await expect(row(page, 1)).toContainText(`${ml(rodPixels).toFixed(2)} ml`);
    await expect(row(page, 1)).toContainText("Mean 60 HU, SD 0");
    await expect.poll(() => painted(page)).toEqual(values.flatMap((v, i) => (v > 0 ? [i] : [])));
    await page.keyboard.press("End");
    await imageIs(page, slices);
    await expect.poll(() => painted(page)).toEqual([]);
    await page.mouse.click(...at([25.5, 35.5]));
    await expect(row(page, 1)).toContainText(`${ml(2 * rodPixels).toFixed(2)} ml`);
    await page.getByRole("button", { name: "Fill the images between" }).click();
    await expect(row(page, 1)).toContainText(`${ml(slices * rodPixels).toFixed(2)} ml`);
    await page.getByRole("button", { name: "Fill holes" }).click();
    await expect(row(page, 1)).toContainText(`${ml(slices * 240).toFixed(2)} ml`);
    await page.keyboard.press("Control+z");
    await page.keyboard.press("Control+z");
    await expect(row(page, 1)).toContainText(`${ml(2 * rodPixels).toFixed(2)} ml`);
    await page.keyboard.press("Control+y");
    await expect(row(page, 1)).toContainText(`${ml(slices * rodPixels).toFixed(2)} ml`);

    await page.getByRole("button", { name: "Add a segment" }).click();
    await page.getByRole("checkbox", { name: "Through all images" }).check();
    await page.mouse.click(...at([5.5, 5.5]));
    await expect(row(page, 2)).toContainText(`${ml(slices * (rows * columns - 240)).toFixed(1)} ml`);
    await row(page, 2).getByRole("combobox", { name: "What it is" }).selectOption({ label: "Lung" });
    await expect(row(page, 2).getByRole("textbox", { name: "Name" })).toHaveValue("Lung");
});

test("brush, thresholds, eraser and scissors paint what they cover, and nothing that is locked", async ({ page }) => {
    await open(page, 3);
    await tool(page, "Brush within thresholds");
    await page.getByRole("spinbutton", { name: "From" }).fill("0");
    await page.getByRole("spinbutton", { name: "To" }).fill("100");
    const at = await onPage(page);
    await page.mouse.move(...at([21, 34]));
    await page.mouse.down();
    await page.mouse.move(...at([38, 34]), { steps: 4 });
    await page.mouse.up();
    await expect.poll(async () => (await painted(page)).length).toBeGreaterThan(150); /* a brush of 8 mm covers most of the rod */
    await expect(row(page, 1)).toContainText(" ml");
    const rod = await painted(page);
    expect(rod.every((i) => values[i]! > 0)).toBe(true);
    await row(page, 1).getByRole("button", { name: "Lock" }).click();
    await page.getByRole("button", { name: "Add a segment" }).click();
    await tool(page, "Outline");
    const [left, top, right, bottom] = [10.2, 20.2, 50.2, 45.2];
    await page.mouse.move(...at([left, top]));
    await page.mouse.down();
    for (const p of [[right, top], [right, bottom], [left, bottom]] as Point[]) await page.mouse.move(...at(p));
    await page.mouse.up();
    const box = values.flatMap((_, i) => {
        const [c, r] = [(i % columns) + 0.5, Math.floor(i / columns) + 0.5];
        return c > left && c < right && r > top && r < bottom ? [i] : [];
    });
    await expect.poll(() => painted(page)).toEqual(box);
    await row(page, 1).getByRole("button", { name: "Hide" }).click();
    await expect.poll(async () => (await painted(page)).length).toBe(box.length - rod.length);
    await tool(page, "Eraser");
    await page.mouse.click(...at([30, 32]));
    await expect.poll(async () => (await painted(page)).length).toBeLessThan(box.length - rod.length);
    await row(page, 1).getByRole("button", { name: "Show", exact: true }).click();
    await expect.poll(async () => {
        const all = new Set(await painted(page));
        return rod.filter((i) => !all.has(i)); /* the locked one is whole */
    }).toEqual([]);
});

test("a ball reaches through the images, planes show what is painted and are painted on", async ({ page }) => {
    await open(page, 3);
    await page.locator(".segment-tools").getByRole("button", { name: "Brush", exact: true }).click();
    await page.getByRole("checkbox", { name: "A ball" }).check();
    const at = await onPage(page);
    await page.mouse.click(...at([20.5, 20.5]));
    /* 8 mm around the middle of a pixel of the third slice */
    const ball = [-2, -1, 0, 1, 2].flatMap((k) =>
        values.flatMap((_, i) => (((i % columns) - 20) * columnMm) ** 2 + ((Math.floor(i / columns) - 20) * rowMm) ** 2 + (k * stepMm) ** 2 < 64 ? [[i % columns, Math.floor(i / columns), k + 2] as const] : []),
    );
    const said = async () => Number(/([\d.]+) ml/.exec((await row(page, 1).textContent())!)?.[1]);
    await expect.poll(async () => Math.abs((await said()) - ml(ball.length))).toBeLessThan(ml(25)); /* the click is not to the tenth of a pixel */

    await page.getByRole("button", { name: "Stack, planes, 3D" }).click();
    await page.getByRole("menuitemcheckbox", { name: "Coronal" }).click();
    await expect(page.locator('[data-pane="0"] .corner.bl')).toContainText("Coronal  33 / 64");
    await expect.poll(() => painted(page)).toEqual([]); /* row 32 is 18 mm away */
    for (let i = 0; i < 12; i++) await page.keyboard.press("ArrowUp");
    await expect(page.locator('[data-pane="0"] .corner.bl')).toContainText("Coronal  21 / 64");
    const inPlane = ball.filter(([, r]) => r === 20).map(([c, , k]) => (slices - 1 - k) * columns + c);
    await expect.poll(async () => Math.abs((await painted(page)).length - inPlane.length)).toBeLessThanOrEqual(4);
    expect((await painted(page)).filter((i) => !inPlane.includes(i)).length).toBeLessThanOrEqual(4);

    await page.getByRole("checkbox", { name: "A ball" }).uncheck();
    const before = await painted(page);
    const beforeMl = await said();
    const box = (await page.locator('[data-pane="0"] .stage').boundingBox())!;
    const scale = Math.min(box.width / (columns * columnMm), box.height / (slices * stepMm));
    const middle = [box.x + box.width / 2, box.y + box.height / 2] as const;
    await page.mouse.click(middle[0] + (50.5 - 32) * scale, middle[1]); /* column 50, the third slice */
    const disc = [-2, -1, 0, 1, 2].flatMap((k) => Array.from({ length: columns }, (_, c) => c).filter((c) => (c - 50) ** 2 + (k * stepMm) ** 2 < 64));
    await expect.poll(async () => Math.abs((await painted(page)).length - before.length - disc.length)).toBeLessThanOrEqual(4);
    expect(Math.abs((await said()) - beforeMl - ml(disc.length))).toBeLessThan(ml(4) + 0.011); /* one voxel thick */
});
