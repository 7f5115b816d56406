/* Measuring: on phantoms whose every length and value is known. */
import { readFile } from "node:fs/promises";
import type { Locator, Page } from "@playwright/test";
import { CtImage, newUid, object, picture, type Attributes, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { expect, imageIs, mark, openStudy as open, pane, test } from "../lib/test";

const [rows, columns] = [96, 128];
const [rowMm, columnMm] = [0.8, 0.4]; /* pixels twice as high as wide */
const who: Identity = { study: newUid(), series: newUid(), patientName: "Measure^Max", patientId: mark() };
const [bare, film, echo] = [newUid(), newUid(), newUid()];

/* HU: 10 for each column, 1 for each row; stored with an intercept of -1000. */
const hu = (column: number, row: number) => 10 * column + row - 1000;
const values = Array.from({ length: rows * columns }, (_, i) => 10 * (i % columns) + Math.floor(i / columns));

const image = (series: string, number: number, instance: number, more: Attributes): Attributes =>
    object({ ...who, series }, {
        ...picture({ rows, columns, bits: 16, values }),
        "0020,0011 IS": number,
        "0020,0013 IS": instance,
        "0028,1050 DS": -300,
        "0028,1051 DS": 1500,
        "0028,1052 DS": -1000,
        "0028,1053 DS": 1,
        ...more,
    });

test.beforeAll(() =>
    store([
        ...[1, 2, 3].map((i) =>
            image(who.series, 1, i, {
                "0008,0016 UI": CtImage,
                "0008,0060 CS": "CT",
                "0008,103E LO": "Wedge",
                "0020,0032 DS": [0, 0, 5 * i],
                "0020,0037 DS": [1, 0, 0, 0, 1, 0],
                "0020,0052 UI": "2.25.99",
                "0028,0030 DS": [rowMm, columnMm],
            }),
        ),
        image(bare, 2, 1, { "0008,103E LO": "No spacing" }),
        image(echo, 4, 1, {
            "0008,0060 CS": "US",
            "0008,103E LO": "Picture and spectrum",
            "0018,6011 SQ": [
                { "0018,6012 US": 1, "0018,6014 US": 1, "0018,6018 UL": 0, "0018,601A UL": 0, "0018,601C UL": 63, "0018,601E UL": rows - 1, "0018,6024 US": 3, "0018,6026 US": 3, "0018,602C FD": 0.02, "0018,602E FD": 0.02 },
                { "0018,6012 US": 3, "0018,6014 US": 3, "0018,6018 UL": 64, "0018,601A UL": 0, "0018,601C UL": 127, "0018,601E UL": rows - 1, "0018,6024 US": 4, "0018,6026 US": 7, "0018,602C FD": 0.01, "0018,602E FD": -2 },
            ],
        }),
        image(film, 3, 1, { "0008,0060 CS": "CR", "0008,103E LO": "At the plate", "0018,1164 DS": [rowMm, columnMm] }),
    ]),
);

async function openStudy(page: Page, study: string, query: string): Promise<void> {
    await open(page, study, query);
    await page.locator(".measure-layer").waitFor({ state: "attached" }); /* its chunk comes after the first picture */
}

type Point = readonly [column: number, row: number];

/* Where an image point is on the page: the picture fills the pane as far as its proportions allow. */
async function onPage(page: Page, spacing: Point = [columnMm, rowMm]): Promise<(p: Point) => Point> {
    const box = (await page.locator('[data-pane="0"] .stage').boundingBox())!;
    const scale = Math.min(box.width / (columns * spacing[0]), box.height / (rows * spacing[1]));
    const [left, top] = [box.x + (box.width - columns * spacing[0] * scale) / 2, box.y + (box.height - rows * spacing[1] * scale) / 2];
    return ([c, r]) => [left + c * spacing[0] * scale, top + r * spacing[1] * scale];
}

/* Opens the panel; where an image point is when that has taken its room. */
async function openList(page: Page): Promise<(p: Point) => Point> {
    const wide = await onPage(page);
    await page.getByRole("button", { name: "Measurements" }).click();
    await expect.poll(async () => (await onPage(page))([0, 0])).not.toEqual(wide([0, 0]));
    return onPage(page);
}

async function drag(page: Page, from: Point, to: Point): Promise<void> {
    await page.mouse.move(...(from as [number, number]));
    await page.mouse.down();
    await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
    await page.mouse.move(...(to as [number, number]));
    await page.mouse.up();
}

async function choose(page: Page, name: string): Promise<void> {
    await page.getByRole("button", { name: "Measure", exact: true }).click();
    await page.getByRole("menuitemcheckbox", { name, exact: false }).first().click();
}

const said = (page: Page, kind: string): Locator => page.locator(`.measure-layer [data-kind=${kind}] .said tspan`);
const number = async (line: Locator) => Number(/-?[\d.]+/.exec((await line.textContent())!)![0]);
const near = (actual: number, expected: number, by: number) => expect(Math.abs(actual - expected), `${actual} where ${expected} belongs`).toBeLessThanOrEqual(by);

async function table(page: Page): Promise<Record<string, string>[]> {
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as CSV" }).click();
    const [head, ...lines] = (await readFile(await (await download).path(), "utf8")).replace("\ufeff", "").trim().split("\r\n").map((l) => l.split(","));
    return lines.map((l) => Object.fromEntries(head!.map((name, i) => [name, l[i]!])));
}
const pointsOf = (text: string): Point[] => text.split("; ").map((p) => p.split(" ").map(Number) as unknown as Point);

test("a length is right in mm, follows its handle, and can be undone, redone and deleted", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}`);
    const at = await onPage(page);
    await page.keyboard.press("l");
    await drag(page, at([20, 20]), at([80, 70]));
    const length = said(page, "length").first();
    near(await number(length), Math.hypot(60 * columnMm, 50 * rowMm), 0.25);
    await expect(length).toHaveText(/ mm$/);
    await drag(page, at([80, 70]), at([80, 20]));
    await expect.poll(() => number(length)).toBeLessThan(24.3);
    near(await number(length), 60 * columnMm, 0.25);
    await page.keyboard.press("Control+z");
    await expect.poll(() => number(length)).toBeGreaterThan(46);
    await page.keyboard.press("Control+z");
    await expect(page.locator("[data-kind=length]")).toHaveCount(0);
    await page.keyboard.press("Control+y");
    await expect(page.locator("[data-kind=length]")).toHaveCount(1);
    await page.keyboard.press("w");
    await page.mouse.click(...(at([50, 45]) as [number, number])); /* on the line: chosen, with any tool */
    await page.keyboard.press("Delete");
    await expect(page.locator("[data-kind=length]")).toHaveCount(0);
});

test("statistics are those of the pixels inside, areas those of the patient", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}`);
    const narrow = await openList(page);
    await choose(page, "Rectangle");
    await drag(page, narrow([10.2, 10.2]), narrow([30.3, 20.3]));
    await page.keyboard.press("e");
    await drag(page, narrow([60, 30]), narrow([100, 70]));
    const [rectangle, ellipse] = await table(page);
    const within = (isIn: (x: number, y: number) => boolean) => {
        const inside = values.map((_, i) => [i % columns, Math.floor(i / columns)] as const).filter(([c, r]) => isIn(c + 0.5, r + 0.5));
        const all = inside.map(([c, r]) => hu(c, r));
        const mean = all.reduce((a, b) => a + b, 0) / all.length;
        return { count: all.length, mean, sd: Math.sqrt(all.reduce((s, v) => s + (v - mean) ** 2, 0) / all.length), min: Math.min(...all), max: Math.max(...all) };
    };
    const agree = (row: Record<string, string>, expected: Record<string, number>) => {
        for (const [name, value] of Object.entries(expected)) expect(Number(row[name]), name).toBeCloseTo(value, 6);
        expect(row["mean unit"]).toBe("[hnsf'U]");
    };
    const corners = pointsOf(rectangle!["points"]!);
    const [[left, top], , [right, bottom]] = corners as [Point, Point, Point];
    near(left, 10.2, 0.3);
    near(bottom, 20.3, 0.3);
    agree(rectangle!, within((x, y) => x > left && x < right && y > top && y < bottom));
    expect(Number(rectangle!["area"])).toBeCloseTo((right - left) * columnMm * (bottom - top) * rowMm, 1);
    const [a, b, c, d] = pointsOf(ellipse!["points"]!) as [Point, Point, Point, Point];
    expect(Math.abs(b[1] - a[1])).toBeGreaterThan(Math.abs(b[0] - a[0])); /* upright: the long axis in mm, though not in pixels, comes first */
    const [rx, ry] = [Math.abs(d[0] - c[0]) / 2, Math.abs(b[1] - a[1]) / 2];
    agree(ellipse!, within((x, y) => ((x - (c[0] + d[0]) / 2) / rx) ** 2 + ((y - (a[1] + b[1]) / 2) / ry) ** 2 <= 1));
    near(Number(ellipse!["area"]), Math.PI * 20 * columnMm * 20 * rowMm, 6);
    expect([ellipse!["area unit"], ellipse!["spacing"], ellipse!["series"], ellipse!["image"]]).toEqual(["mm2", "calibrated", "Wedge", "1"]);
    await expect(page.locator(".measure-layer [data-kind=ellipse] .said")).toContainText(/Mean -?\d+\.?\d* HU/);
});

test("without a spacing lengths are in pixels, at the plate they say so, and a known length calibrates them", async ({ page }) => {
    await openStudy(page, who.study, `?series=${bare}`);
    const at = await onPage(page, [1, 1]);
    await page.keyboard.press("l");
    await drag(page, at([20, 20]), at([80, 65]));
    const length = page.locator(".measure-layer [data-kind=length] .said").first();
    await expect(length).toHaveText(/^7[45]\.?\d* px$/);
    await choose(page, "Calibrate");
    await drag(page, at([20, 80]), at([120, 80]));
    await page.getByRole("textbox", { name: "Length in mm" }).fill("50");
    await page.keyboard.press("Enter");
    await expect(length).toContainText("calibrated by hand");
    near(await number(length), 37.5, 0.4);
    await page.keyboard.press("Control+z");
    await expect(length).toHaveText(/ px$/);

    await page.locator(`.card[data-series="${film}"]`).click();
    await page.locator(`.pane[data-series="${film}"][data-image]`).waitFor();
    const plate = await onPage(page);
    await page.keyboard.press("l");
    await drag(page, plate([20, 20]), plate([80, 20]));
    await expect(page.locator(".measure-layer [data-kind=length] .said")).toContainText("not corrected for magnification");
});

test("in ultrasound a region's own units count", async ({ page }) => {
    await openStudy(page, who.study, `?series=${echo}`);
    const at = await onPage(page, [1, 1]);
    await page.keyboard.press("l");
    await drag(page, at([10, 10]), at([40, 50])); /* in the picture: 0.2 mm a pixel */
    await expect(said(page, "length")).toHaveText(/^(9.9\d|10.0\d?) mm$/);
    await drag(page, at([70, 80]), at([120, 30])); /* in the spectrum: 10 ms and 2 cm/s a pixel */
    const lines = page.locator(".measure-layer [data-kind=length] .said");
    await expect(lines.nth(1)).toHaveText(/^0\.50 s\s+(99\.\d|100\.\d) cm\/s$/);
    await drag(page, at([30, 90]), at([100, 90]));
    await expect(lines.nth(2)).toHaveText(/^(69\.\d|70\.\d) px$/);
});

test("the list jumps to the image, renames, locks, hides; key images, arrows and the menu beside a mark", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}&image=3`);
    const at = await openList(page);
    await page.keyboard.press("v");
    await page.mouse.click(...(at([40.5, 30.5]) as [number, number]));
    await expect(said(page, "probe")).toHaveText([`${hu(40, 30)} HU`]);
    await page.keyboard.press("n");
    await drag(page, at([20, 60]), at([40, 80]));
    await page.getByRole("textbox", { name: "Text" }).fill("<b>here</b>");
    await page.keyboard.press("Enter");
    await expect(said(page, "arrow")).toHaveText(["<b>here</b>"]);
    await page.keyboard.press("k");
    await expect(page.locator(".key-image")).toBeVisible();
    await page.keyboard.press("Escape"); /* the tool, not the study */
    await page.keyboard.press("Home");
    await imageIs(page, 1);
    await expect(page.locator(".measure-layer [data-mark], .key-image")).toHaveCount(0);

    const row = page.locator(".measure-row[data-kind=probe]");
    await row.locator(".measure-jump").click();
    await imageIs(page, 3);
    await row.getByRole("textbox", { name: "Name" }).fill("Liver");
    await page.keyboard.press("Enter");
    await expect(said(page, "probe").first()).toHaveText("Liver");
    await row.getByRole("button", { name: "Lock" }).click();
    await drag(page, at([40.5, 30.5]), at([90, 30]));
    await expect(said(page, "probe").nth(1)).toHaveText(`${hu(40, 30)} HU`);
    await page.mouse.click(...(at([40.5, 30.5]) as [number, number]), { button: "right" });
    await page.getByRole("menuitem", { name: "Hide" }).click();
    await expect(page.locator(".measure-layer [data-kind=probe]")).toHaveCount(0);
    await expect(pane(page)).toBeVisible();
    const kinds = (await table(page)).map((r) => `${r["kind"]} ${r["image"]} ${r["label"]}`);
    expect(kinds).toEqual(["probe 3 Liver", "arrow 3 <b>here</b>", "keyImage 3 "]);
});

test("outlines by points: spline and live wire, angles by two legs", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}`);
    const at = await openList(page);
    const click = (p: Point) => page.mouse.click(...(at(p) as [number, number]));
    await choose(page, "Spline");
    for (const p of [[20, 20], [60, 20], [60, 40], [20, 40], [20, 20]] as Point[]) await click(p);
    await choose(page, "Livewire");
    for (const p of [[80, 20], [110, 20], [110, 40], [80, 20]] as Point[]) await click(p);
    await page.keyboard.press("a");
    await drag(page, at([60, 60]), at([20, 60]));
    await click([20, 80]);
    const [spline, wire, angle] = await table(page);
    near(Number(spline!["area"]), 1.36 * 40 * columnMm * 20 * rowMm, 9); /* the curve swings out between its corners */
    expect(Number(wire!["count"])).toBeGreaterThan(200);
    expect([Number(angle!["angle"]).toFixed(0), angle!["angle unit"]]).toEqual(["90", "deg"]);
});
