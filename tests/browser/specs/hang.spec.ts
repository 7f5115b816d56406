/* Hanging protocols: mammograms by side and view and with those of before, a prior beside the study, layouts of the user and of
 * the site, a hanging protocol object imported. */
import { board, newUid, object, part10, picture, type Attributes, type Identity } from "../lib/dicom";
import { serverUrl, store } from "../lib/server";
import { colorsAt, expect, imageIs, mark, openStudy, pane, test } from "../lib/test";

const person = (name: string): Identity => ({ study: newUid(), series: newUid(), patientName: name, patientId: mark() });
const flat = (grey: number) => picture({ rows: 128, columns: 128, bits: 8, values: board(16, () => grey) });
const grey = async (page: import("@playwright/test").Page, index: number) => (await colorsAt(page, [[0.5, 0.5]], 1, index))[0]![0];

const breast = person("Hang^Mamma");
const breastAgain = person("Hang^Mamma again");
const breastBefore: Identity = { ...breastAgain, study: newUid(), series: newUid() };
const knee = person("Hang^Knee");
const before: Identity = { ...knee, study: newUid(), series: newUid() };
const again: Identity = { ...person("Hang^Other"), series: newUid() };

const mr = (who: Identity, series: string, number: number, description: string, value: number, day: string): Attributes =>
    object({ ...who, series }, { ...flat(value), "0008,0020 DA": day, "0008,0060 CS": "MR", "0008,1030 LO": "Knee", "0008,103E LO": description, "0020,0011 IS": number });

test.beforeAll(async () => {
    const views = [["L", "MLO", 200], ["R", "CC", 50], ["R", "MLO", 150], ["L", "CC", 100]] as const;
    const mammograms = (who: Identity, day: string, brighter: number) =>
        views.map(([side, view, value], i) => object(who, { ...flat(value + brighter), "0008,0020 DA": day, "0008,0060 CS": "MG", "0018,5101 CS": view, "0020,0013 IS": i + 1, "0020,0062 CS": side }));
    await store([...mammograms(breast, "20260110", 0), ...mammograms(breastAgain, "20260110", 0), ...mammograms(breastBefore, "20240110", 20)]);
    /* newer than the knee of before, and of no use beside one */
    await store([object({ ...knee, study: newUid(), series: newUid() }, { ...flat(220), "0008,0020 DA": "20251110", "0008,0060 CS": "DX", "0008,1030 LO": "Chest", "0008,103E LO": "Thorax pa" })]);
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

const zoomOf = async (page: import("@playwright/test").Page, index: number) => Number(/(\d+) %/.exec(await pane(page, index).locator(".corner.br").innerText())?.[1]);

test("mammograms hang above those of before, and each breast is zoomed with what it was", async ({ page }) => {
    await openStudy(page, breastAgain.study);
    await expect(page.locator(".pane")).toHaveCount(4);
    await expect.poll(async () => [await grey(page, 0), await grey(page, 1), await grey(page, 2), await grey(page, 3)]).toEqual([50, 100, 70, 120]);
    const before = [await zoomOf(page, 1), await zoomOf(page, 2)];
    await page.keyboard.press("+");
    await expect.poll(() => zoomOf(page, 2)).toBeGreaterThan(before[1]! * 1.15);
    expect(await zoomOf(page, 1)).toBe(before[0]);
    await page.keyboard.press(".");
    await expect.poll(async () => [await grey(page, 0), await grey(page, 1), await grey(page, 2), await grey(page, 3)]).toEqual([150, 200, 170, 220]);
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

test("a layout for everyone is there in another browser, behind one's own, and is changed in its editor", async ({ page, browser }) => {
    const name = `Everyone ${mark()}`;
    await openStudy(page, knee.study, "?hang=prior");
    await imageIs(page, 1, 1);
    await page.getByRole("button", { name: "Layouts" }).click();
    await page.getByLabel("Save this layout as").fill(name);
    await page.getByLabel("For everyone").check();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("button", { name: `Change the layout ${name}` }).click();
    const editor = page.getByRole("dialog", { name: "Layout" });
    await editor.getByRole("group", { name: "Pane 1" }).getByLabel("From").selectOption("the prior");
    await editor.getByRole("group", { name: "Pane 2" }).getByLabel("From").selectOption("the study that is read");
    await editor.getByRole("button", { name: "Save for everyone" }).click();
    await expect(editor).toHaveCount(0);
    const url = `${serverUrl()}/api/v1/viewer/layouts`;
    const stored = async () => ((await (await fetch(url)).json()) as { layouts: { id: string; layout: { name: string; stages: { places: { prior: number }[]; sync: { window: boolean }[] }[] } }[] }).layouts.find((l) => l.layout.name === name);
    const one = (await stored())!;
    expect(one.layout.stages[0]).toMatchObject({ layout: 2, places: [{ prior: 1 }, { prior: 0 }], sync: [{ panes: [0, 1], scroll: "place", window: true, view: true }] });
    const other = await browser.newPage({ baseURL: serverUrl() });
    try {
        await openStudy(other, knee.study);
        await expect(other.locator(".pane")).toHaveCount(2);
        await expect.poll(async () => [await grey(other, 0), await grey(other, 1)]).toEqual([120, 40]);
    } finally {
        await other.close();
        await fetch(`${url}/${one.id}`, { method: "DELETE" });
    }
});

const at = (group: number, element: number) => new Uint8Array([group & 255, group >> 8, element & 255, element >> 8]);
const equals = (group: number, element: number, value: string): Attributes => ({ "0072,0024 CS": "NO_MATCH", "0072,0026 AT": at(group, element), "0072,0028 US": 1, "0072,0050 CS": "LO", "0072,0066 LO": value });
const imageSet = (number: number, description: string, prior: boolean): Attributes => ({
    "0072,0022 SQ": [equals(0x0008, 0x103e, description)],
    "0072,0030 SQ": [{ "0072,0032 US": number, ...(prior ? { "0072,0034 CS": "ABSTRACT_PRIOR", "0072,003C SS": [1, 1] } : { "0072,0034 CS": "RELATIVE_TIME", "0072,0038 US": [0, 0], "0072,003A CS": "DAYS" }) }],
});
const displaySet = (number: number, left: number): Attributes => ({ "0072,0032 US": number, "0072,0202 US": number, "0072,0204 US": 1, "0072,0300 SQ": [{ "0072,0108 FD": [left, 1, left + 0.5, 0], "0072,0302 US": 1, "0072,0304 CS": "STACK" }] });

test("a hanging protocol object is imported, hangs what it says, and names what has no place here", async ({ page }) => {
    const file = part10({
        "0008,0016 UI": "1.2.840.10008.5.1.4.38.1", "0008,0018 UI": newUid(), "0072,0002 SH": "Imported", "0072,0014 US": 1, "0072,0100 US": 3,
        "0072,000C SQ": [{ "0008,0060 CS": "MR" }],
        "0072,0020 SQ": [imageSet(1, "T2 axial", false), imageSet(2, "T2 axial", true)],
        "0072,0200 SQ": [displaySet(2, 0), displaySet(1, 0.5)],
    });
    await openStudy(page, knee.study);
    await page.getByRole("button", { name: "Layouts" }).click();
    await page.getByLabel("Import a layout").setInputFiles({ name: "hang.dcm", mimeType: "application/dicom", buffer: file });
    const editor = page.getByRole("dialog", { name: "Layout" });
    await expect(editor.getByRole("note")).toContainText("made for 3 screens");
    await editor.getByRole("button", { name: "Show it" }).click();
    await page.keyboard.press("Escape");
    await expect(page.locator(".pane")).toHaveCount(2);
    await expect.poll(async () => [await grey(page, 0), await grey(page, 1)]).toEqual([160, 80]);
    await page.getByLabel("Import a layout").setInputFiles({ name: "no.dcm", mimeType: "application/dicom", buffer: file.subarray(0, 300) });
    await expect(page.locator(".notice.bad")).toContainText("cannot be read as a hanging protocol");
});
