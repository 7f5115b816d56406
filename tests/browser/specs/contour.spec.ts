/* Contours: the edge of a segment pushed, drawn anew, made of points, on a phantom whose parts are known to the pixel. */
import type { Page } from "@playwright/test";
import { newUid, type Identity } from "../lib/dicom";
import { columnMm, columns, onPage, painted, rowMm, slicesOf, stepMm, valuesOf, type Point } from "../lib/segmented";
import { store } from "../lib/server";
import { assertValid, storedObjects } from "../lib/stored";
import { expect, imageIs, mark, openStudy, test } from "../lib/test";

const who: Identity = { study: newUid(), series: newUid(), patientName: "Contour^Conny", patientId: mark() };

/* A block of 60 HU, 20 x 12 pixels, in air: the same on every slice. */
const isBlock = (c: number, r: number) => c >= 20 && c < 40 && r >= 26 && r < 38;
const values = valuesOf(isBlock);
const blockPixels = 20 * 12;
const pixels = (is: (column: number, row: number) => boolean) => values.flatMap((_, i) => (is((i % columns) + 0.5, Math.floor(i / columns) + 0.5) ? [i] : []));

test.beforeAll(() => store(slicesOf(who, values)));

/* The study with the block segmented on one image. */
async function open(page: Page, image: number): Promise<(p: Point) => [number, number]> {
    await openStudy(page, who.study, `?series=${who.series}&image=${image}`);
    await page.getByRole("button", { name: "Segments", exact: true }).click();
    await tool(page, "Grow a region of like values");
    const at = await onPage(page);
    await page.mouse.click(...at([25.5, 35.5]));
    await expect.poll(() => painted(page)).toEqual(pixels((c, r) => isBlock(c, r)));
    return at;
}
const tool = (page: Page, name: string) => page.locator(".segment-tools").getByRole("button", { name, exact: true }).click();

async function drag(page: Page, at: (p: Point) => [number, number], ...points: Point[]): Promise<void> {
    await page.mouse.move(...at(points[0]!));
    await page.mouse.down();
    for (const p of points.slice(1)) await page.mouse.move(...at(p), { steps: 3 });
    await page.mouse.up();
}

test("an edge is drawn anew and pushed, from inside and from outside", async ({ page }) => {
    const at = await open(page, 3);
    await tool(page, "Redraw a part of the edge");
    await drag(page, at, [36, 28.2], [50.2, 28.2], [50.2, 36.2], [36, 36.2]);
    const isLobed = (c: number, r: number) => isBlock(c, r) || (c > 36 && c < 50.2 && r > 28.2 && r < 36.2);
    await expect.poll(() => painted(page)).toEqual(pixels(isLobed));
    await drag(page, at, [24.2, 24], [24.2, 40]); /* cuts the four columns at the left off */
    const isCut = (c: number, r: number) => isLobed(c, r) && c > 24;
    await expect.poll(() => painted(page)).toEqual(pixels(isCut));

    await tool(page, "Push the edge");
    await page.getByRole("slider", { name: "Brush" }).fill("4");
    const swept = (from: Point, to: Point, c: number, r: number, mm: number) => {
        const across = Math.max(from[0], Math.min(to[0], c));
        return Math.hypot(across - c, (r - from[1]) * rowMm) < mm;
    };
    const [left, right]: Point[] = [[34, 33], [56, 33]];
    await drag(page, at, left!, right!); /* from inside */
    await expect.poll(async () => (await painted(page)).length).toBeGreaterThan(pixels(isCut).length + 20);
    const out = await painted(page);
    const isOut = (mm: number) => pixels((c, r) => isCut(c, r) || swept(left!, right!, c, r, mm));
    expect(isOut(3.6).filter((i) => !out.includes(i))).toEqual([]); /* of discs along the way a little less than what they sweep */
    expect(out.filter((i) => !isOut(4.2).includes(i))).toEqual([]);
    await drag(page, at, [8, 26], [34, 26]); /* from outside, along the upper edge */
    await expect.poll(async () => (await painted(page)).length).toBeLessThan(out.length);
    const pushed = await painted(page);
    expect(out.filter((i) => !pushed.includes(i) && !pixels((c, r) => swept([8, 26], [34, 26], c, r, 4.2)).includes(i))).toEqual([]);
    expect(pushed.filter((i) => pixels((c, r) => swept([8, 26], [34, 26], c, r, 3.6)).includes(i))).toEqual([]);
    for (const before of [out, pixels(isCut)]) {
        await page.keyboard.press("Control+z");
        await expect.poll(() => painted(page)).toEqual(before);
    }
});

test("contours of points: nothing is painted before they are closed, points move, edges are followed", async ({ page }) => {
    const at = await open(page, 2);
    await page.keyboard.press("ArrowDown");
    await imageIs(page, 3);
    await tool(page, "Livewire");
    for (const corner of [[20.5, 26.5], [39.5, 26.5], [60, 60], [20.5, 37.5]] as Point[]) await page.mouse.click(...at(corner));
    await drag(page, at, [60, 60], [39.5, 37.5]); /* a point was misplaced */
    expect(await painted(page)).toEqual([]);
    await page.mouse.click(...at([20.5, 26.5])); /* the first point: closed */
    await expect.poll(async () => Math.abs((await painted(page)).length - blockPixels)).toBeLessThanOrEqual(2 * (20 + 12)); /* a pixel along the edge */
    expect((await painted(page)).filter((i) => !pixels((c, r) => c > 19 && c < 41 && r > 25 && r < 39).includes(i))).toEqual([]);

    await page.keyboard.press("ArrowDown");
    await imageIs(page, 4);
    await tool(page, "Spline");
    for (let k = 0; k < 8; k++) await page.mouse.click(...at([32 + 18 * Math.cos((k * Math.PI) / 4), 32 + 12 * Math.sin((k * Math.PI) / 4)]));
    await page.mouse.click(...at([5, 5]));
    await page.keyboard.press("Backspace"); /* that was not meant */
    expect(await painted(page)).toEqual([]);
    await page.keyboard.press("Enter");
    const ellipse = Math.PI * 18 * 12;
    await expect.poll(async () => Math.abs((await painted(page)).length - ellipse)).toBeLessThan(0.03 * ellipse);
});

test("a segment is widened, copied, smoothed and cleaned, and is so in the structure set that is saved", async ({ page }) => {
    const at = await open(page, 3);
    await page.getByText("Change Segment 1").click();
    const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
    const isWider = (mm: number) => pixels((c, r) => Math.hypot(Math.max(20.5 - c, 0, c - 39.5), Math.max(26.5 - r, 0, r - 37.5) * rowMm) <= mm);
    const margin = page.getByRole("spinbutton", { name: "Margin (mm)" });
    await margin.fill("6");
    await press("Widen");
    await expect.poll(() => painted(page)).toEqual(isWider(6));
    await press("Copy to the image after");
    await imageIs(page, 4);
    await expect.poll(() => painted(page)).toEqual(isWider(6));
    await press("Narrow"); /* on both */
    await expect.poll(() => painted(page)).toEqual(isWider(0));
    await margin.fill("4.5");
    await margin.press("Tab");
    await page.getByRole("combobox", { name: "On which images" }).selectOption({ label: "As a volume" });
    await press("The margin as a new segment");
    const row = (number: number) => page.locator(`.segment-row[data-segment="${number}"]`);
    await expect(row(2).getByRole("textbox", { name: "Name" })).toHaveValue("Margin of Segment 1");
    await expect.poll(() => painted(page)).toEqual(isWider(4.5));
    await page.keyboard.press("End"); /* a step of 4 mm away */
    await imageIs(page, 5);
    const beside = isWider(Math.sqrt(4.5 ** 2 - stepMm ** 2));
    await expect.poll(() => painted(page)).toEqual(beside);
    const ml = (count: number) => `${((count * rowMm * columnMm * stepMm) / 1000).toFixed(2)} ml`;
    await expect(row(2)).toContainText(ml(2 * (isWider(4.5).length - blockPixels) + 2 * beside.length));
    const ofBoth = 2 * (isWider(4.5).length - blockPixels) + 2 * beside.length;
    await row(2).click({ position: { x: 3, y: 3 } });
    await page.getByRole("combobox", { name: "On which images" }).selectOption({ label: "Each image by itself" });
    await page.getByRole("combobox", { name: "Keep the margin from" }).selectOption({ label: "Segment 1" }); /* it was nothing else, on those two */
    await expect(row(2)).toContainText(ml(2 * beside.length));
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(row(2)).toContainText(ml(ofBoth));
    await row(1).click({ position: { x: 3, y: 3 } });
    await page.getByRole("combobox", { name: "Take in" }).selectOption({ label: "Margin of Segment 1" });
    await expect(row(1)).toContainText(ml(2 * isWider(4.5).length + 2 * beside.length));

    await press("Remove from this image");
    await expect.poll(() => painted(page)).toEqual([]);
    await page.getByRole("combobox", { name: "On which images" }).selectOption({ label: "This image" });
    await press("Keep the largest part");
    await expect(page.getByText("The segment is not on this image.")).toBeVisible();
    await page.keyboard.press("ArrowUp");
    await imageIs(page, 4);
    await tool(page, "Brush");
    await page.getByRole("slider", { name: "Brush" }).fill("1");
    await page.mouse.click(...at([5.5, 5.5]));
    await expect.poll(async () => (await painted(page)).length).toBeGreaterThan(isWider(4.5).length);
    await page.getByRole("spinbutton", { name: "Smaller than (mm²)" }).fill("12");
    await press("Remove small parts and holes");
    await expect.poll(() => painted(page)).toEqual(isWider(4.5));

    await page.getByRole("button", { name: "Keep", exact: true }).click();
    await page.getByLabel("Save as").selectOption("RTSTRUCT");
    await page.getByRole("button", { name: "Save segmentation" }).click();
    await expect.poll(async () => (await storedObjects(who.study, "RTSTRUCT")).length).toBe(1);
    const [structures] = await storedObjects(who.study, "RTSTRUCT");
    await assertValid([structures!]);
    const contours = [...JSON.stringify(structures).matchAll(/"30060050":\{"vr":"DS","Value":(\[.*?\])/g)].map((m) => JSON.parse(m[1]!) as number[]);
    const areas = contours.map((data) => {
        const points = Array.from({ length: data.length / 3 }, (_, k) => [data[3 * k]!, data[3 * k + 1]!] as const);
        return points.reduce((sum, [x, y], k) => sum + (x * points[(k + 1) % points.length]![1] - points[(k + 1) % points.length]![0] * y) / 2, 0);
    });
    expect(areas.map(Math.abs).sort((a, b) => a - b)).toEqual([beside, isWider(4.5), isWider(4.5)].map((list) => list.length * rowMm * columnMm));
});
