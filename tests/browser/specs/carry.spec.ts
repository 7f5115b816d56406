/* Languages, keys, and what leaves the page: pictures, films, print, the second window. */
import { readFileSync } from "node:fs";
import type { Download, Page } from "@playwright/test";
import { board, newUid, object, picture, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { colorsAt, expect, imageIs, mark, openStudy, pane, test } from "../lib/test";

const slices = 6;
const who: Identity = { study: newUid(), series: newUid(), patientName: "Carry^Carla", patientId: mark() };
const second = newUid();

/* Slice n is grey 40 n with a white block in its upper left. */
const stack = (series: string, number: number) =>
    Array.from({ length: slices }, (_, i) =>
        object({ ...who, series }, {
            ...picture({ rows: 128, columns: 128, bits: 8, values: board(16, (r, c) => (r === 0 && c === 0 ? 255 : 40 * i)) }),
            "0008,0060 CS": "MR",
            "0008,103E LO": `Stack ${number}`,
            "0020,0011 IS": number,
            "0020,0013 IS": i + 1,
        }),
    );

test.beforeAll(async () => {
    await store([...stack(who.series, 1), ...stack(second, 2)]);
});

const bytesOf = async (d: Download) => readFileSync(await d.path());
const choose = async (page: Page, what: string) => {
    await page.getByRole("button", { name: "Capture" }).click();
    await page.getByRole("menuitem").getByText(what, { exact: true }).click();
};

/* The colours of a picture at shares of the square image in its middle. */
const pixelsOf = (page: Page, bytes: Buffer, type: string, points: readonly (readonly [number, number])[]) =>
    page.evaluate(
        async ({ data, type, points }) => {
            const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], { type }));
            const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
            context.drawImage(bitmap, 0, 0);
            const side = Math.min(bitmap.width, bitmap.height);
            const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
            return {
                width: bitmap.width,
                height: bitmap.height,
                at: points.map(([x, y]) => [...context.getImageData(Math.floor(left + x * side), Math.floor(top + y * side), 1, 1).data.slice(0, 3)]),
                /* how much of the upper left corner of the pane, where the patient's name stands, is bright */
                name: [...context.getImageData(8, 6, 140, 60).data].filter((v, i) => i % 4 === 0 && v > 150).length,
                /* and of the lower edge, where the mark stands */
                foot: [...context.getImageData(bitmap.width / 2 - 100, bitmap.height - 26, 200, 20).data].filter((v, i) => i % 4 === 0 && v > 220).length,
            };
        },
        { data: bytes.toString("base64"), type, points },
    );

test("the language follows the browser, is changed in the settings, and Arabic runs from right to left", async ({ browser, page, baseURL }) => {
    const german = await browser.newContext({ locale: "de-AT", ...(baseURL ? { baseURL } : {}) });
    const there = await german.newPage();
    await there.goto("/ui/");
    await expect(there.getByRole("button", { name: "Hochladen", exact: true })).toBeVisible();
    await expect(there.locator("html")).toHaveAttribute("lang", "de");
    await german.close();

    await page.goto(`/ui/?id=${who.patientId}`);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Language").selectOption("ar");
    await expect(page.locator("html")).toHaveAttribute("dir", "rtl");
    await page.keyboard.press("Escape");
    const picture = (await page.locator(".row-picture").boundingBox())!;
    const description = (await page.locator(".row.study .c-desc").boundingBox())!;
    expect(picture.x).toBeGreaterThan(description.x); /* the first column is at the right */
    await page.reload();
    await expect(page.getByRole("button", { name: "الإعدادات" })).toBeVisible();
    await page.goto(`/ui/study/${who.study}?series=${who.series}&image=4`);
    await imageIs(page, 4);
    expect((await page.locator(".strip").boundingBox())!.x).toBeGreaterThan((await pane(page).boundingBox())!.x);
    await expect(page.locator(".corner.bl")).toContainText("الصورة 4 / 6");
    /* the picture itself is not turned round */
    const greys = await colorsAt(page, [[1 / 16, 1 / 16], [15 / 16, 1 / 16]]);
    expect(greys.map((c) => c[0])).toEqual([255, 120]);
});

test("a key can be changed, is kept, and is refused where it is taken", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}`);
    await page.keyboard.press("?");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Change keys" }).click();
    await dialog.getByRole("button", { name: "Last image" }).click();
    await page.keyboard.press("i");
    await expect(dialog.getByRole("alert")).toContainText("I is taken: Invert");
    await page.keyboard.press("q");
    await expect(dialog.getByRole("alert")).toHaveCount(0);
    await expect(dialog.locator('[data-command="page.last"] kbd')).toHaveText("Q");
    await page.keyboard.press("Escape");
    await page.keyboard.press("End");
    await imageIs(page, 1);
    await page.keyboard.press("q");
    await imageIs(page, slices);
    await expect(page).toHaveURL(/image=6/);
    await page.reload();
    await imageIs(page, slices);
    await page.keyboard.press("Home");
    await page.keyboard.press("q");
    await imageIs(page, slices);
    await page.keyboard.press("?");
    await dialog.getByRole("button", { name: "Back to the usual keys" }).click();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Home");
    await page.keyboard.press("End");
    await imageIs(page, slices);
});

test("a captured picture has the pixels of the pane, with and without its texts, and a JPEG its mark", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}&image=4`);
    const box = (await pane(page).boundingBox())!;
    const points = [[1 / 16, 1 / 16], [0.5, 0.5], [0.9, 0.9]] as const;
    const taken = async (what: string, type: string) => {
        const saving = page.waitForEvent("download");
        await choose(page, what);
        const download = await saving;
        expect(download.suggestedFilename()).not.toContain("Carry");
        return pixelsOf(page, await bytesOf(download), type, points);
    };
    const png = await taken("Save as PNG", "image/png");
    expect([png.width, png.height]).toEqual([Math.round(box.width), Math.round(box.height)]);
    expect(png.at).toEqual([[255, 255, 255], [120, 120, 120], [120, 120, 120]]);
    expect(png.name).toBeGreaterThan(200);
    expect(png.foot).toBe(0);
    const plain = await taken("Save as PNG without texts", "image/png");
    expect(plain.at).toEqual(png.at);
    expect(plain.name).toBe(0);
    const jpeg = await taken("Save as JPEG", "image/jpeg");
    for (const [i, rgb] of jpeg.at.entries()) for (const v of rgb) expect(Math.abs(v - png.at[i]![0]!)).toBeLessThanOrEqual(3);
    expect(jpeg.foot).toBeGreaterThan(60);
});

test("the picture goes to the clipboard", async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await openStudy(page, who.study, `?series=${who.series}&image=3`);
    await choose(page, "Copy the picture");
    await expect(page.locator(".notice")).toHaveText("The picture is in the clipboard");
    const middle = await page.evaluate(async () => {
        const [item] = await navigator.clipboard.read();
        const bitmap = await createImageBitmap(await item!.getType("image/png"));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
        canvas.drawImage(bitmap, 0, 0);
        return [...canvas.getImageData(bitmap.width >> 1, bitmap.height >> 1, 1, 1).data];
    });
    expect(middle).toEqual([80, 80, 80, 255]);
});

test("a film shows the stack from its first image to its last", async ({ page, context }) => {
    await openStudy(page, who.study, `?series=${who.series}&image=2`);
    const saving = page.waitForEvent("download");
    await choose(page, "Save as film");
    const download = await saving;
    expect(download.suggestedFilename()).toBe("MR-series-1.webm");
    await imageIs(page, 2); /* and the pane is where it was */
    const bytes = await bytesOf(download);
    const cinema = await context.newPage(); /* our own policy plays no blobs */
    const seen = await cinema.evaluate(async (data) => {
        const video = document.createElement("video");
        video.muted = true;
        video.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], { type: "video/webm" }));
        const greys: number[] = [];
        const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true })!;
        await video.play();
        await new Promise<void>((done) => {
            const look = () => {
                context.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
                greys.push(context.getImageData(0, 0, 1, 1).data[0]!);
                if (!video.ended) video.requestVideoFrameCallback(look);
            };
            video.onended = () => (look(), done());
            video.requestVideoFrameCallback(look);
        });
        return greys;
    }, bytes.toString("base64"));
    for (const wanted of [0, 120, 200]) expect(seen.some((v) => Math.abs(v - wanted) <= 6), `${wanted} among ${seen}`).toBe(true);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
});

test("the printed sheet holds the panes and nothing of the page", async ({ page }) => {
    await page.addInitScript(() => (window.print = () => void ((window as { printed?: boolean }).printed = true)));
    await openStudy(page, who.study, `?series=${who.series}&image=5`);
    await choose(page, "Print");
    await expect.poll(() => page.evaluate(() => (window as { printed?: boolean }).printed)).toBe(true);
    await page.emulateMedia({ media: "print" });
    await expect(page.locator(".tools")).toBeHidden();
    const sheet = page.locator(".print-sheet img");
    await expect(sheet).toBeVisible();
    const middle = await sheet.evaluate((el: HTMLImageElement) => {
        const context = new OffscreenCanvas(el.naturalWidth, el.naturalHeight).getContext("2d")!;
        context.drawImage(el, 0, 0);
        return context.getImageData(el.naturalWidth >> 1, el.naturalHeight >> 1, 1, 1).data[0];
    });
    expect(middle).toBe(160);
});

test("a second window shows the other series and follows to the next study", async ({ page, context }) => {
    const next: Identity = { ...who, study: newUid(), series: newUid() };
    await store([object(next, picture({ rows: 64, columns: 64, bits: 8, values: Array.from({ length: 4096 }, () => 99) }))]);
    await openStudy(page, who.study, `?series=${who.series}`);
    const opening = context.waitForEvent("page");
    await choose(page, "Second window");
    const other = await opening;
    await expect(other.locator('[data-pane="0"]')).toHaveAttribute("data-series", second);
    await expect(page.locator('[data-pane="0"]')).toHaveAttribute("data-series", who.series);
    await page.goto(`/ui/study/${next.study}`);
    await expect(other).toHaveURL(new RegExp(next.study));
    await expect(other.locator('[data-pane="0"]')).toHaveAttribute("data-series", next.series);
    await other.close();
});
