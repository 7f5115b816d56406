/* Looking at stacks: what lies over images, panes that follow each other, sizes, colours, subtraction. Values computed from what
 * the files say. */
import type { Page } from "@playwright/test";
import { board, CtImage, newUid, object, picture, type Attributes, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { blockMiddles, colorsAt, expect, expectGreys, imageIs, mark, openStudy, pane, test } from "../lib/test";

const side = 128;
const who = (): Identity => ({ study: newUid(), series: newUid(), patientName: `Look^${mark()}`, patientId: mark() });
const flat = (value: number, n = side * side) => Array.from({ length: n }, () => value);

/* What the screen shows at points of the picture (shares of it), layers and all. */
async function screenAt(page: Page, points: readonly (readonly [number, number])[], index = 0): Promise<number[][]> {
    const box = (await pane(page, index).boundingBox())!;
    const png = (await page.screenshot({ clip: box })).toString("base64");
    return page.evaluate(
        async ({ png, points, css }) => {
            const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
            const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
            const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
            context.drawImage(bitmap, 0, 0);
            const fit = Math.min(css.width, css.height);
            const [left, top] = [(css.width - fit) / 2, (css.height - fit) / 2];
            return points.map(([x, y]) => [...context.getImageData(Math.floor(left + x * fit), Math.floor(top + y * fit), 1, 1).data.slice(0, 3)]);
        },
        { png, points, css: { width: box.width, height: box.height } },
    );
}

const openPanel = (page: Page) => page.getByRole("button", { name: "Display" }).click();

test("overlays and shutters lie where the file says", async ({ page }) => {
    const id = who();
    const bits = new Uint8Array((side * side) / 8 / 16); /* 32 x 32, all set in its upper half */
    bits.fill(255, 0, bits.length / 2);
    await store([
        object(id, {
            ...picture({ rows: side, columns: side, bits: 8, values: flat(100) }),
            "0018,1600 CS": "RECTANGULAR", "0018,1602 IS": 17, "0018,1604 IS": 128, "0018,1606 IS": 1, "0018,1608 IS": 112, "0018,1622 US": 0,
            "6000,0010 US": 32, "6000,0011 US": 32, "6000,0040 CS": "G", "6000,0050 SS": [65, 33], "6000,0100 US": 1, "6000,0102 US": 0, "6000,3000 OW": bits,
        }),
    ]);
    await openStudy(page, id.study);
    await expect(page.locator(".look-planes")).toBeVisible();
    const at = (column: number, row: number) => [column / side, row / side] as const;
    const points = [at(12, 64), at(20, 30), at(64, 120), at(34, 66), at(62, 78), at(34, 84), at(66, 66)];
    await expect.poll(async () => (await screenAt(page, points)).map((c) => c[0])).toEqual([0, 100, 0, 255, 255, 100, 100]);
    await openPanel(page);
    await page.getByLabel("Shutters", { exact: true }).uncheck();
    await page.getByLabel("Overlays of the image", { exact: true }).uncheck();
    await page.getByRole("button", { name: "Display" }).click();
    await expect.poll(async () => (await screenAt(page, [at(12, 64), at(34, 66)])).map((c) => c[0])).toEqual([100, 100]);
});

const frame = newUid();
const slice = (id: Identity, n: number, position: number[], orientation: number[], more: Attributes = {}): Attributes =>
    object(id, {
        ...picture({ rows: side, columns: side, bits: 8, values: flat(20 + 5 * n) }),
        "0008,0016 UI": CtImage, "0008,0060 CS": "CT", "0020,0013 IS": n + 1, "0020,0032 DS": position, "0020,0037 DS": orientation,
        "0020,0052 UI": frame, "0028,0030 DS": [1, 1], "0018,0050 DS": 1, "0028,1050 DS": 128, "0028,1051 DS": 256, ...more,
    });
const axial = [1, 0, 0, 0, 1, 0];
const sagittal = [0, 1, 0, 0, 0, -1];

test("reference lines, linked scrolling and the 3D cursor agree with the geometry", async ({ page }) => {
    const id = who();
    const [coarse, fine, across, apart] = [newUid(), newUid(), newUid(), newUid()];
    const of = (series: string, number: number) => ({ "0020,000E UI": series, "0020,0011 IS": number });
    await store([
        ...Array.from({ length: 6 }, (_, i) => slice(id, i, [-64, -64, 10 * i], axial, of(coarse, 1))),
        ...Array.from({ length: 8 }, (_, i) => slice(id, i, [i * 4 - 16, -64, 90], sagittal, of(across, 2))),
        ...Array.from({ length: 20 }, (_, i) => slice(id, i, [-64, -64, 60 - 3 * i], axial, of(fine, 3))),
        ...Array.from({ length: 20 }, (_, i) => slice(id, i, [-64, -64, 3 * i], axial, { ...of(apart, 4), "0020,0052 UI": newUid() })),
    ]);
    await openStudy(page, id.study);
    await page.getByRole("button", { name: "Two panes" }).click();
    await imageIs(page, 1, 1);
    const box = (await pane(page, 0).locator(".stage").boundingBox())!;
    const perPixel = Math.min(box.width, box.height) / side;
    const left = (box.width - perPixel * side) / 2;
    /* the sagittal image at x = -16 is column 48 of the axial ones (the middle of a pixel) */
    const line = pane(page, 0).locator('.look-lines line[data-of="1"]');
    const x = async () => Number(await line.getAttribute("x1"));
    await expect.poll(async () => Math.abs((await x()) - (left + 48.5 * perPixel))).toBeLessThan(0.6);
    /* the axial one at z = 0 is row 90 of the sagittal ones */
    const other = pane(page, 1).locator('.look-lines line[data-of="0"]');
    const top = (box.height - perPixel * side) / 2;
    expect(Math.abs(Number(await other.getAttribute("y1")) - (top + 90.5 * perPixel))).toBeLessThan(0.6);

    await page.keyboard.press("u"); /* a point at column 68.5: x = 4, sagittal image 6 (x = 4) */
    await page.mouse.click(box.x + left + 68.5 * perPixel, box.y + top + 40.5 * perPixel);
    await imageIs(page, 6, 1);
    const cross = pane(page, 1).locator(".look-cursor");
    await expect.poll(async () => Math.abs(Number(await cross.getAttribute("data-x")) - (left + 40.5 * perPixel))).toBeLessThan(1.5);
    await page.keyboard.press("w");

    await page.locator(`.card[data-series="${fine}"]`).click({ modifiers: [] });
    await imageIs(page, 1, 0);
    await pane(page, 1).click({ position: { x: 30, y: 200 } });
    await page.locator(`.card[data-series="${coarse}"]`).click();
    await imageIs(page, 1, 1);
    await page.keyboard.press("y"); /* linked */
    await page.keyboard.press("End"); /* z = 50 */
    await imageIs(page, 6, 1);
    await imageIs(page, 4, 0); /* 60 - 3 * 3 = 51 */
    await page.locator(`.card[data-series="${apart}"]`).click();
    await imageIs(page, 1, 1);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await imageIs(page, 3, 1);
    await imageIs(page, 6, 0); /* two images further: nothing says where one is to the other */
    await page.keyboard.press("y");
});

test("subtraction is the difference to the mask, and the film begins by itself", async ({ page }) => {
    const id = who();
    const block = 16;
    const stored = (r: number, c: number) => 8 * r + c;
    const mask = board(block, (r, c) => 60 + stored(r, c));
    const contrast = board(block, (r, c) => 60 + stored(r, c) - (c - 4) * 5);
    await store([
        object(id, {
            ...picture({ rows: side, columns: side, bits: 8, values: mask }),
            "7FE0,0010 OB": Uint8Array.from([...mask, ...contrast, ...mask]),
            "0008,0060 CS": "XA", "0028,0008 IS": 3, "0018,1063 DS": 50,
            "0028,6100 SQ": [{ "0028,6101 CS": "AVG_SUB", "0028,6110 US": [1, 3] }],
        }),
    ]);
    await openStudy(page, id.study);
    await expect(page.getByRole("button", { name: "Pause" })).toBeVisible(); /* 20 a second, by itself */
    await page.keyboard.press(" ");
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await imageIs(page, 2);
    await page.keyboard.press("d");
    await expect(page.locator(".look-notes")).toContainText("Mask subtracted");
    const wanted = Array.from({ length: 64 }, (_, i) => Math.round(255 * Math.min(1, Math.max(0, (-((i % 8) - 4) * 5) / 64 + 0.5))));
    await expect.poll(async () => (await colorsAt(page, blockMiddles))[0]![0]).toBe(wanted[0]);
    expectGreys(await colorsAt(page, blockMiddles), wanted);
    await page.keyboard.press("d");
    await expect(page.locator(".look-notes")).toHaveCount(0);
    await expect.poll(async () => (await colorsAt(page, blockMiddles))[0]![0]).toBe(80);
});

test("colours, the window in numbers, true size", async ({ page }) => {
    const id = who();
    await store([object(id, { ...picture({ rows: side, columns: side, bits: 8, values: board(16, (r, c) => 4 * (8 * r + c)) }), "0028,0030 DS": [0.5, 0.5], "0018,1164 DS": [0.5, 0.5] })]);
    await openStudy(page, id.study);
    await openPanel(page);
    await page.getByLabel("Colours").selectOption("hotIron");
    const iron = (v: number) => [Math.min(255, 2 * v), Math.max(0, 2 * (v - 128)), Math.max(0, 4 * (v - 192))]; /* PS3.6 §B.1.1 */
    await expect.poll(async () => (await colorsAt(page, blockMiddles))[63]![2]).toBeGreaterThan(200);
    (await colorsAt(page, blockMiddles)).forEach((rgb, i) => iron(4 * i).forEach((v, k) => expect(Math.abs(rgb[k]! - v), `block ${i}: ${rgb}`).toBeLessThanOrEqual(6)));
    await page.getByLabel("Colours").selectOption("grey");
    await expect.poll(async () => (await colorsAt(page, blockMiddles))[32]).toEqual([128, 128, 128]);
    await page.getByLabel("Width").fill("128");
    await page.getByLabel("Width").press("Enter");
    await expect(page.locator(".corner.br")).toContainText("W 128 L 128");
    await page.getByLabel("Centre").fill("64");
    await page.getByLabel("Centre").press("Enter");
    await expect(page.locator(".corner.br")).toContainText("W 128 L 64");
    await page.getByLabel("CSS pixels for one mm").fill("5");
    await page.getByLabel("CSS pixels for one mm").press("Enter");
    await page.getByRole("button", { name: "True size" }).click();
    await expect(page.locator(".corner.br")).toContainText("Zoom 250 %"); /* 0.5 mm at 5 px */
    await page.getByRole("button", { name: "One to one" }).click();
    await expect(page.locator(".corner.br")).toContainText("Zoom 100 %");
});

test("mammograms hang chest wall to chest wall, at one size", async ({ page }) => {
    const id = who();
    const [right, left] = [newUid(), newUid()];
    /* the breast is bright; its chest wall is where the rows begin in the right one's file, and end in the left one's */
    const values = (wallFirst: boolean, columns: number) => Array.from({ length: side * columns }, (_, i) => ((i % columns) < columns / 2 === wallFirst ? 200 : 10));
    const view = (series: string, number: number, laterality: string, along: string, columns: number): Attributes =>
        object(id, {
            ...picture({ rows: side, columns, bits: 8, values: values(along === "A", columns) }),
            "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.1.2", "0008,0060 CS": "MG", "0020,000E UI": series, "0020,0011 IS": number,
            "0020,0062 CS": laterality, "0020,0020 CS": [along, "F"] as unknown as number[], "0028,0030 DS": [0.1, 0.1],
        });
    await store([view(right, 1, "R", "A", 64), view(left, 2, "L", "P", 96)]);
    await openStudy(page, id.study);
    await page.getByRole("button", { name: "Two panes" }).click();
    await imageIs(page, 1, 1);
    const edge = (index: number, share: number) =>
        page.evaluate(
            ({ index, share }) => {
                const canvas = document.querySelector<HTMLCanvasElement>(`[data-pane="${index}"] .stage canvas`)!;
                const context = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d")!;
                context.drawImage(canvas, 0, 0);
                return context.getImageData(Math.min(canvas.width - 1, Math.floor(share * canvas.width)), canvas.height / 2, 1, 1).data[0]!;
            },
            { index, share },
        );
    await expect.poll(() => edge(0, 0.985)).toBe(200);
    await expect.poll(() => edge(1, 0.015)).toBe(200);
    const zoom = async (index: number) => /Zoom (\d+) %/.exec((await pane(page, index).locator(".corner.br").textContent()) ?? "")?.[1];
    expect(await zoom(0)).toBe(await zoom(1));
});
