/* Another viewer on our DICOMweb service: OHIF's published build, unchanged. */
import { CtImage, newUid, object, picture, type Attributes, type Identity } from "../lib/dicom";
import { openOhif } from "../lib/ohif-site";
import type { Running } from "../lib/process";
import { serverUrl, store } from "../lib/server";
import { expect, mark, test } from "../lib/test";

type Page = import("@playwright/test").Page;

const name = mark();
const who: Identity = { study: newUid(), series: newUid(), patientName: `${name}^Olga`, patientId: name };
const papers: Identity = { ...who, study: newUid() };
const other: Identity = { study: newUid(), series: newUid(), patientName: `${mark()}^Otto`, patientId: mark() };
const [size, slices, mm] = [64, 8, 2];

/* A volume whose values are 100 in its upper half and 200 in its lower */
const images = Array.from({ length: slices }, (_, k) =>
    object(who, {
        ...picture({ rows: size, columns: size, bits: 16, values: Array.from({ length: size * size }, (_, i) => (i < (size * size) / 2 ? 100 : 200)) }),
        "0008,0016 UI": CtImage,
        "0008,0020 DA": "20260115",
        "0008,0060 CS": "CT",
        "0008,1030 LO": "Phantom",
        "0018,0050 DS": mm,
        "0020,0011 IS": 1,
        "0020,0013 IS": k + 1,
        "0020,0032 DS": [0, 0, mm * k],
        "0020,0037 DS": [1, 0, 0, 0, 1, 0],
        "0020,0052 UI": "2.25.98",
        "0028,0030 DS": [mm, mm],
        "0028,1050 DS": 128,
        "0028,1051 DS": 256,
    }),
);

const code = (value: string, scheme: string, meaning: string): Attributes[] => [{ "0008,0100 SH": value, "0008,0102 SH": scheme, "0008,0104 LO": meaning }];

const ecg: Attributes = {
    "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.9.1.2",
    "0008,0060 CS": "ECG",
    "0008,103E LO": "Leads",
    "5400,0100 SQ": [
        {
            "003A,0004 CS": "ORIGINAL",
            "003A,0005 US": 1,
            "003A,0010 UL": 2000,
            "003A,001A DS": 500,
            "003A,0200 SQ": [{ "003A,0208 SQ": code("2:1", "MDC", "Lead I"), "003A,0210 DS": 1, "003A,0211 SQ": code("uV", "UCUM", "microvolt"), "003A,0212 DS": 1, "003A,0213 DS": 0, "003A,021A US": 16 }],
            "5400,1004 US": 16,
            "5400,1006 CS": "SS",
            "5400,1010 OW": new Uint8Array(Int16Array.from({ length: 2000 }, (_, i) => 1000 * Math.sin(i / 20)).buffer),
        },
    ],
};

const pdf: Attributes = {
    "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.104.1",
    "0008,0060 CS": "DOC",
    "0008,103E LO": "Letter",
    "0042,0011 OB": Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"),
    "0042,0012 LO": "application/pdf",
};

let ohif: Running | undefined;
let reason = "";

test.beforeAll(async () => {
    test.setTimeout(180_000); /* its package is fetched once */
    ohif = await openOhif(serverUrl()).catch((e: unknown) => ((reason = String(e)), undefined));
    if (!ohif) return;
    await store(images);
    await store([object({ ...papers, series: newUid() }, ecg), object({ ...papers, series: newUid() }, pdf)]);
    /* A series that names no modality once broke the whole list. */
    await store([object(other, { ...picture({ rows: 8, columns: 8, bits: 8, values: new Array<number>(64).fill(1) }), "0008,0060 CS": "" })]);
});
test.afterAll(async () => ohif?.stop());
test.beforeEach(async ({ page, watch }) => {
    test.skip(!ohif, `OHIF's package cannot be had: ${reason}`);
    test.setTimeout(180_000);
    watch.allow.push(/console:|thrown:/); /* its own affair */
    await page.addInitScript(() => localStorage.setItem("shownTours", '["basicViewerTour"]'));
});

/* What the canvases show above and below their middle, then left and right of it, in the order of the page. */
const halves = (page: Page): Promise<number[][]> =>
    page.locator(".cornerstone-canvas").evaluateAll((all) =>
        all.map((canvas) => {
            const c = canvas as HTMLCanvasElement;
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [c.width, c.height];
            const context = copy.getContext("2d")!;
            context.drawImage(c, 0, 0);
            return [[0.5, 0.4], [0.5, 0.6], [0.25, 0.5], [0.75, 0.5]].map(([x, y]) => context.getImageData(c.width * x!, c.height * y!, 1, 1).data[0]!);
        }),
    );
const isNear = (seen: readonly number[] | undefined, wanted: readonly number[]) => wanted.every((w, i) => Math.abs((seen?.[i] ?? -99) - w) <= 2);

const openCt = async (page: Page): Promise<void> => {
    await page.goto(`${ohif!.url}/viewer?StudyInstanceUIDs=${who.study}`);
    await expect.poll(async () => isNear((await halves(page))[0], [100, 200]), { timeout: 60_000 }).toBe(true);
};

/* Its icon has no name while the panel is closed. */
const openMeasurements = (page: Page) => page.mouse.click(1262, 134);

test("OHIF's list shows our studies and narrows as one types", async ({ page }) => {
    await page.goto(`${ohif!.url}/`);
    const row = page.getByRole("row").filter({ hasText: `${name}, Olga` }).filter({ hasText: "Phantom" });
    await expect(row).toContainText("CT", { timeout: 60_000 });
    await expect(row).toContainText(String(slices));
    await expect(page.getByRole("row").filter({ hasText: ", Otto" })).toBeVisible();
    await page.getByRole("row").locator("input").first().fill(name.toLowerCase());
    await expect(page.getByRole("row").filter({ hasText: ", Otto" })).toHaveCount(0);
    await expect(row).toBeVisible();
});

test("OHIF shows stack, thumbnail and planes, and its report of a length comes back", async ({ page }) => {
    await openCt(page);
    await expect.poll(() => page.locator("[data-cy=study-browser-thumbnail] img").evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(16);

    await page.locator("[data-cy=MeasurementTools-split-button-primary]").click();
    const box = (await page.locator(".cornerstone-canvas").first().boundingBox())!;
    const [y, from, to] = [box.y + box.height / 2, box.x + 0.4 * box.width, box.x + 0.6 * box.width];
    await page.mouse.move(from, y);
    await page.mouse.down();
    await page.mouse.move((from + to) / 2, y, { steps: 3 });
    await page.mouse.move(to, y, { steps: 3 });
    await page.mouse.up();
    await page.getByRole("button", { name: "Yes", exact: true }).click();
    await openMeasurements(page);
    /* The square fills the height of the canvas, so the length follows from the drag. */
    const length = ((to - from) * size * mm) / Math.min(box.width, box.height);
    const told = await page.getByText(/^[0-9.]+ mm$/).first().textContent();
    expect(Math.abs(parseFloat(told!) - length)).toBeLessThan(1);
    await page.getByText("Create SR").click();
    const stored = page.waitForResponse((r) => r.request().method() === "POST" && r.url().endsWith("/dicom-web/studies"));
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    expect((await stored).status()).toBe(200);

    const found = await (await fetch(`${serverUrl()}/dicom-web/studies/${who.study}/series?Modality=SR`)).json();
    expect(found).toHaveLength(1);
    const series = found[0]["0020000E"].Value[0] as string;
    const [report] = await (await fetch(`${serverUrl()}/dicom-web/studies/${who.study}/series/${series}/metadata`)).json();
    const numbers = [...JSON.stringify(report).matchAll(/"0040A30A":\{"vr":"DS","Value":\["?([0-9.]+)/g)].map((m) => Number(m[1]));
    expect(Math.abs(numbers[0]! - length)).toBeLessThan(1);

    await openCt(page);
    await page.getByText("Create Report").dblclick();
    await expect(page.locator("svg").filter({ hasText: `${Math.floor(numbers[0]!)}.` }).first()).toBeVisible({ timeout: 30_000 });
    await page.getByRole("button", { name: "Yes", exact: true }).click();
    await openMeasurements(page);
    await expect(page.getByText("Measurements (1)")).toBeVisible();

    await page.locator("[data-cy=study-browser-thumbnail]").first().dblclick();
    await page.locator("[data-cy=Layout]").click();
    await page.getByText("MPR", { exact: true }).click();
    /* axial as before; seen from the left, what was above is in front; seen from the front, all is one half's */
    const planes = async () => {
        const [axial, sagittal, coronal] = await halves(page);
        return isNear(axial, [100, 200]) && isNear(sagittal?.slice(2), [100, 200]) && (isNear(coronal?.slice(2), [100, 100]) || isNear(coronal?.slice(2), [200, 200]));
    };
    await expect.poll(planes, { timeout: 60_000 }).toBe(true);
});

test("OHIF draws our waveform, and shows our document", async ({ page }) => {
    await page.goto(`${ohif!.url}/viewer?StudyInstanceUIDs=${papers.study}`);
    await page.getByText("Leads").dblclick({ timeout: 60_000 });
    /* the curve is white, swings over more than half of the canvas, and crosses each of its columns */
    const curve = () =>
        page.locator(".cornerstone-canvas").first().evaluate((canvas) => {
            const c = canvas as HTMLCanvasElement;
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [c.width, c.height];
            const context = copy.getContext("2d")!;
            context.drawImage(c, 0, 0);
            const { data } = context.getImageData(0, 0, c.width, c.height);
            const [rows, columns] = [new Set<number>(), new Set<number>()];
            for (let i = 0; i < data.length; i += 4)
                if (data[i]! > 200 && data[i + 1]! > 200 && data[i + 2]! > 200) {
                    rows.add(Math.floor(i / 4 / c.width));
                    columns.add((i / 4) % c.width);
                }
            return Math.min(rows.size / c.height, columns.size / c.width);
        });
    await expect.poll(() => curve().catch(() => 0), { timeout: 30_000 }).toBeGreaterThan(0.5);

    await page.getByText("Letter").dblclick();
    const shown = page.locator("object, embed").first();
    await expect(shown).toBeVisible({ timeout: 30_000 });
    const address = new URL((await shown.getAttribute("data")) ?? (await shown.getAttribute("src"))!, ohif!.url);
    expect(address.pathname).toMatch(/^\/dicom-web\//);
    expect((await (await page.request.get(address.href)).body()).subarray(0, 5).toString()).toBe("%PDF-");
});
