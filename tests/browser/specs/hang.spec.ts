/* Hanging protocols: mammograms by side and view, a prior beside the study, a layout that the user has kept. */
import { board, newUid, object, picture, type Attributes, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { colorsAt, expect, imageIs, mark, openStudy, pane, test } from "../lib/test";

const person = (name: string): Identity => ({ study: newUid(), series: newUid(), patientName: name, patientId: mark() });
const flat = (grey: number) => picture({ rows: 128, columns: 128, bits: 8, values: board(16, () => grey) });
const grey = async (page: import("@playwright/test").Page, index: number) => (await colorsAt(page, [[0.5, 0.5]], 1, index))[0]![0];

const breast = person("Hang^Mamma");
const knee = person("Hang^Knee");
const before: Identity = { ...knee, study: newUid(), series: newUid() };
const again: Identity = { ...person("Hang^Other"), series: newUid() };

const mr = (who: Identity, series: string, number: number, description: string, value: number, day: string): Attributes =>
    object({ ...who, series }, { ...flat(value), "0008,0020 DA": day, "0008,0060 CS": "MR", "0008,1030 LO": "Knee", "0008,103E LO": description, "0020,0011 IS": number });

test.beforeAll(async () => {
    const views = [["L", "MLO", 200], ["R", "CC", 50], ["R", "MLO", 150], ["L", "CC", 100]] as const;
    await store(views.map(([side, view, value], i) => object(breast, { ...flat(value), "0008,0060 CS": "MG", "0018,5101 CS": view, "0020,0013 IS": i + 1, "0020,0062 CS": side })));
    await store([
        mr(knee, knee.series, 1, "T1 sagittal", 40, "20260110"),
        mr(knee, newUid(), 2, "T2 axial", 80, "20260110"),
        mr(before, newUid(), 1, "T2 axial", 160, "20250110"),
        mr(before, before.series, 2, "T1 sagittal", 120, "20250110"),
        mr(again, newUid(), 1, "T1 sagittal", 60, "20260111"),
        mr(again, newUid(), 2, "T2 axial", 90, "20260111"),
    ]);
});

test("mammograms hang by side and view, and the stages follow each other", async ({ page }) => {
    await openStudy(page, breast.study);
    await expect(page.locator(".pane")).toHaveCount(4);
    for (const i of [0, 1, 2, 3]) await expect(pane(page, i)).toHaveAttribute("data-image", /\d/);
    await expect.poll(async () => [await grey(page, 0), await grey(page, 1), await grey(page, 2), await grey(page, 3)]).toEqual([50, 100, 150, 200]);
    await page.keyboard.press(".");
    await page.keyboard.press(".");
    await expect(page.locator(".pane")).toHaveCount(2);
    await expect.poll(async () => [await grey(page, 0), await grey(page, 1)]).toEqual([150, 200]);
});

test("the address hangs the prior beside the study, the series that is like it", async ({ page }) => {
    await openStudy(page, knee.study, "?hang=prior");
    await expect(page.locator(".pane")).toHaveCount(2);
    await imageIs(page, 1, 0);
    await imageIs(page, 1, 1);
    await expect(pane(page, 1)).toHaveAttribute("data-series", before.series);
    expect([await grey(page, 0), await grey(page, 1)]).toEqual([40, 120]);
});

test("a layout that was kept comes back with the next study of its kind, and a study without a prior says so", async ({ page }) => {
    await openStudy(page, knee.study);
    await page.getByRole("button", { name: "Two panes" }).click();
    await imageIs(page, 1, 1);
    await page.locator(".card").nth(1).click(); /* into the first pane: T2, and then T1 into the second */
    await pane(page, 1).click({ position: { x: 60, y: 300 } });
    await page.locator(".card").first().click();
    await expect.poll(async () => [await grey(page, 0), await grey(page, 1)]).toEqual([80, 40]);
    await page.getByRole("button", { name: "Layouts" }).click();
    await page.getByLabel("Save this layout as").fill("T2 first");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByRole("button", { name: "T2 first", exact: true })).toBeVisible();
    await page.goto(`/ui/study/${again.study}`);
    await expect(page.locator(".pane")).toHaveCount(2);
    await imageIs(page, 1, 0);
    await imageIs(page, 1, 1);
    await expect.poll(async () => [await grey(page, 0), await grey(page, 1)]).toEqual([90, 60]);
    await page.getByRole("button", { name: "Layouts" }).click();
    await page.getByRole("button", { name: "Compare with the prior" }).click();
    await expect(page.getByRole("complementary", { name: "Layouts" }).getByRole("alert")).toContainText("no older study");
    await page.getByRole("button", { name: "Forget the layout T2 first" }).click();
    await page.goto(`/ui/study/${again.study}`);
    await imageIs(page, 1);
    await expect(page.locator(".pane")).toHaveCount(1);
});
