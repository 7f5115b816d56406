/* Objects that are no stacks: waveforms with calipers, slides as maps, 3D models. Numbers and pixels follow from what the file says. */
import type { Page } from "@playwright/test";
import { newUid, object, picture, type Attributes } from "../lib/dicom";
import { store } from "../lib/server";
import { assertValid, storedObjects } from "../lib/stored";
import { expect, mark, test } from "../lib/test";

const code = (value: string, scheme: string, meaning: string): Attributes[] => [{ "0008,0100 SH": value, "0008,0102 SH": scheme, "0008,0104 LO": meaning }];
const stored = async (...objects: Attributes[]): Promise<string> => {
    const study = newUid();
    const who = { study, series: newUid(), patientName: `Objects^${mark()}`, patientId: mark() };
    await store(objects.map((o) => object(who, o)));
    return study;
};

/* Leads I and II of 10 s at 500 Hz: every 800 ms a spike of 1.5 mV in I, of 0.75 mV in II; 2.5 uV a step. */
const ecg = (): Attributes => {
    const samples = Array.from({ length: 5000 }, (_, i) => (i % 400 === 100 ? [600, 300] : [0, 0])).flat();
    const channel = (lead: string): Attributes => ({
        "003A,0203 SH": lead, "003A,0208 SQ": code(`2:${lead}`, "MDC", `Lead ${lead}`), "003A,0210 DS": 1.25, "003A,0211 SQ": code("uV", "UCUM", "microvolt"),
        "003A,0212 DS": 2, "003A,0213 DS": 0, "003A,0215 DS": 0, "003A,021A US": 16, "003A,0220 DS": 0.05, "003A,0221 DS": 150,
    });
    return {
        "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.9.1.2",
        "0008,0060 CS": "ECG",
        "0040,B020 SQ": [{ "0040,A043 SQ": code("8867-4", "LN", "Heart rate"), "0040,A0B0 US": [1, 0], "0040,A30A DS": 75, "0040,08EA SQ": code("/min", "UCUM", "per minute") }],
        "5400,0100 SQ": [
            {
                "003A,0004 CS": "ORIGINAL", "003A,0005 US": 2, "003A,0010 UL": 5000, "003A,001A DS": 500, "003A,0200 SQ": [channel("I"), channel("II")],
                "5400,1004 US": 16, "5400,1006 CS": "SS", "5400,1010 OW": new Uint8Array(Int16Array.from(samples).buffer),
            },
        ],
    };
};

/* Presses, moves in steps, and releases, at places of an element. */
async function drag(page: Page, locator: string, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    const box = (await page.locator(locator).boundingBox())!;
    await page.mouse.move(box.x + from[0], box.y + from[1]);
    await page.mouse.down();
    await page.mouse.move(box.x + (from[0] + to[0]) / 2, box.y + (from[1] + to[1]) / 2);
    await page.mouse.move(box.x + to[0], box.y + to[1]);
    await page.mouse.up();
}

test("calipers on an ECG read its milliseconds and millivolts, are saved and come back", async ({ page }) => {
    const wave = { study: newUid(), series: newUid(), patientName: "Objects^Calipers", patientId: mark() };
    const { study } = wave;
    await store([object(wave, ecg())]);
    await page.goto(`/ui/study/${study}`);
    const paper = page.locator(".wave-paper svg");
    await expect(page.locator(".wave-settings")).toContainText("500 Hz"); /* the samples are here */
    await expect(page.locator(".wave-notes")).toContainText("Heart rate: 75 /min");
    await expect(page.locator(".wave-notes")).toContainText("0.05–150 Hz");
    await expect(paper).toHaveAttribute("data-px-per-mm", /\d/);
    const px = Number(await paper.getAttribute("data-px-per-mm"));
    const at = (seconds: number, mv: number, row: number, perS = 25): readonly [number, number] => [(9 + seconds * perS) * px, (row * 40 + 20 - mv * 10) * px];
    await drag(page, ".wave-paper svg", at(0.2, 1.5, 0), at(1.0, 1.5, 0)); /* from spike to spike: they snap */
    await drag(page, ".wave-paper svg", at(1.4, 0, 1), at(1.8, 0.75, 1)); /* from the base to a spike of lead II */
    const rows = page.locator(".wave-calipers tr");
    await expect(rows.nth(0)).toContainText(/I\s*800 ms\s*75\/min\s*0\.0 µV/);
    await expect(rows.nth(1)).toContainText(/II/);
    await expect(rows.nth(1)).toContainText("0.750 mV");
    await expect(rows.nth(1)).toContainText(/(39\d|40\d) ms/);
    /* twice the speed: the same times, and the curve twice as wide */
    await page.getByLabel("Speed").selectOption("50");
    await drag(page, ".wave-paper svg", at(2.6, 1.5, 0, 50), at(4.2, 1.5, 0, 50));
    await expect(rows.nth(2)).toContainText(/1600 ms\s*37\.5\/min/);
    await expect(page.locator(".caliper.chosen")).toHaveCount(1);
    await rows.nth(0).getByRole("button", { name: "Delete" }).click();
    await expect(rows).toHaveCount(2);
    /* the curve is where the caliper says: its pixels, in the middle of lead I between the spikes and at a spike's height */
    const lit = (x: number, y: number) =>
        page.locator(".wave-paper canvas").evaluate(
            (c: HTMLCanvasElement, [x, y]) => {
                const data = c.getContext("2d")!.getImageData(Math.round(x! * devicePixelRatio) - 2, Math.round(y! * devicePixelRatio) - 2, 5, 5).data;
                return data.some((v, i) => i % 4 === 2 && v > 150);
            },
            [x, y],
        );
    expect([await lit(...at(1.4, 0, 0, 50)), await lit(...at(1.0, 1.0, 0, 50)), await lit(...at(1.4, 1.0, 0, 50))]).toEqual([true, true, false]);

    /* they are saved as a report, and back when the study is opened again, the newest ones */
    const save = page.getByRole("button", { name: "Save the calipers" });
    await save.click();
    await expect(page.locator(".save-button")).toContainText("Saved");
    await expect(save).toBeDisabled();
    await rows.nth(0).getByRole("button", { name: "Delete" }).click();
    await save.click();
    await expect(page.locator(".save-button")).toContainText("Saved");
    const reports = await storedObjects(study, "SR");
    expect(reports).toHaveLength(2);
    await assertValid(reports);
    await page.goto(`/ui/study/${study}?series=${wave.series}`);
    await expect(rows).toHaveCount(1);
    await expect(rows.nth(0)).toContainText(/I\s*1600 ms\s*37\.5\/min/);
});

test("of a waveform whose samples do not come the server's picture is shown", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource/);
    await page.route("**/bulkdata/**", (route) => route.abort());
    await page.goto(`/ui/study/${await stored(ecg())}`);
    const drawn = page.locator(".object img.rendered");
    await expect(drawn).toBeVisible();
    await expect.poll(() => drawn.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(100);
    await expect(page.getByRole("button", { name: "DICOM file" })).toBeVisible();
});

/* A slide of 1024 x 512 pixels of 1 um in 8 tiles, and half as fine in 2: each tile of one colour. */
const coarse = [[10, 10, 10], [240, 240, 240]] as const;
const tileColors = [[200, 40, 40], [40, 160, 40], [40, 40, 200], [200, 200, 40], [40, 200, 200], [200, 40, 200], [120, 80, 40], [90, 90, 90]] as const;
const tiles = (side: number, colors: readonly (readonly number[])[]): Uint8Array => Uint8Array.from(colors.flatMap((c) => Array.from({ length: side * side }, () => c).flat()));
const microscopy = (columns: number, rows: number, um: number, colors: readonly (readonly number[])[], more: Attributes = {}): Attributes => ({
    ...picture({ rows: 256, columns: 256, bits: 8, photometric: "RGB", values: [0, 0, 0] }),
    "0028,0002 US": 3, "0028,0006 US": 0, "7FE0,0010 OB": tiles(256, colors),
    "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.77.1.6", "0008,0018 UI": newUid(), "0008,0060 CS": "SM", "0008,0008 CS": "ORIGINAL\\PRIMARY\\VOLUME\\NONE", "0020,9311 CS": "TILED_FULL",
    "0020,0052 UI": "2.25.77", "0028,0008 IS": colors.length, "0048,0006 UL": columns, "0048,0007 UL": rows,
    "0048,0008 SQ": [{ "0040,072A DS": 10, "0040,073A DS": 20 }], "0048,0102 DS": [0, -1, 0, -1, 0, 0],
    "5200,9229 SQ": [{ "0028,9110 SQ": [{ "0028,0030 DS": [um / 1000, um / 1000] }] }],
    ...more,
});

interface Map2 {
    map: number[];
    complete: string | undefined;
}
const mapOf = (page: Page): Promise<Map2> => page.locator(".slide-layer").evaluate((e: HTMLElement) => ({ map: e.dataset["map"]?.split(" ").map(Number) ?? [], complete: e.dataset["complete"] }));
const ready = (page: Page) => expect(page.locator(".slide-layer")).toHaveAttribute("data-complete", "true");
const placed = ({ map: [a, b, c, d, e, f] }: Map2, [x, y]: readonly [number, number]) => [a! * x + c! * y + e!, b! * x + d! * y + f!] as const;

/* The colours at places of the slide, as they are on the screen. */
async function slideColors(page: Page, points: readonly (readonly [number, number])[]): Promise<number[][]> {
    const map = await mapOf(page);
    return page.locator(".slide-canvas").evaluate(
        (c: HTMLCanvasElement, at) => at.map(([x, y]) => [...c.getContext("2d")!.getImageData(Math.round(x! * devicePixelRatio), Math.round(y! * devicePixelRatio), 1, 1).data.slice(0, 3)]),
        points.map((p) => placed(map, p)),
    );
}
const off = (colors: readonly number[][], wanted: readonly (readonly number[])[]) => Math.max(...colors.flatMap((c, i) => c.map((v, k) => Math.abs(v - wanted[i]![k]!))));

async function onScreen(page: Page, point: readonly [number, number]): Promise<[number, number]> {
    const box = (await page.locator(".slide-layer").boundingBox())!;
    const [x, y] = placed(await mapOf(page), point);
    return [box.x + x, box.y + y];
}

test("a slide is a map: tiles, lengths and annotations lie where the file says", async ({ page }) => {
    const who = { study: newUid(), series: newUid(), patientName: `Slide^${mark()}`, patientId: mark() };
    const base = object(who, microscopy(1024, 512, 1, tileColors));
    const corners = [300, 100, 340, 100, 340, 140, 300, 140, 600, 300, 620, 300, 610, 320];
    const code = (value: string, meaning: string): Attributes[] => [{ "0008,0100 SH": value, "0008,0102 SH": "SCT", "0008,0104 LO": meaning }];
    await store([
        base,
        object(who, microscopy(512, 256, 2, coarse, { "0020,0013 IS": 2 })),
        object(who, {
            "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.91.1", "0008,0060 CS": "ANN", "0020,000E UI": newUid(), "0020,0011 IS": 9, "006A,0001 CS": "2D", "0048,0301 CS": "VOLUME",
            "0008,1115 SQ": [{ "0020,000E UI": who.series, "0008,114A SQ": [{ "0008,1150 UI": "1.2.840.10008.5.1.4.1.1.77.1.6", "0008,1155 UI": base["0008,0018 UI"]! }] }],
            "006A,0002 SQ": [
                {
                    "006A,0003 UI": newUid(), "006A,0005 LO": "nuclei", "006A,0007 CS": "MANUAL", "006A,000A SQ": code("84640000", "Nucleus"), "006A,000C UL": 2, "0070,0023 CS": "POLYGON",
                    "0040,A180 US": 1, "0066,0016 OF": new Uint8Array(Float32Array.from(corners).buffer), "0066,0040 OL": new Uint8Array(Uint32Array.of(1, 9).buffer),
                },
            ],
        }),
    ]);
    await page.goto(`/ui/study/${who.study}`);
    await ready(page);
    /* the pane shows it a little enlarged: by the finer level, each tile in its colour */
    const middles = tileColors.map((_, i) => [(i % 4) * 256 + 128, Math.floor(i / 4) * 256 + 200] as const);
    expect(off(await slideColors(page, middles), tileColors)).toBeLessThan(8);
    /* the polygons' edges, and nothing within */
    const yellow = async () => Math.min(...(await slideColors(page, [98, 99, 100, 101, 102].map((y) => [320, y] as const))).map((c) => off([c], [[255, 214, 92]])));
    await expect.poll(yellow).toBeLessThan(70);
    expect(off(await slideColors(page, [[320, 120]]), [tileColors[1]])).toBeLessThan(8);
    await page.getByLabel(/nuclei/).uncheck();
    await expect.poll(yellow).toBeGreaterThan(100);
    /* the scale bar is as long as it says, a line of 500 um measures 500 um */
    const map = await mapOf(page);
    const pxPerUm = map.map[0]!;
    const bar = page.locator(".slide-bar");
    const [said, , unit] = /([\d.]+) ((µm)|mm)/.exec((await bar.textContent())!)!.slice(1);
    expect((await bar.boundingBox())!.width).toBeCloseTo(Number(said) * (unit ? 1 : 1000) * pxPerUm, -0.5);
    await page.keyboard.press("l");
    await drag(page, ".slide-layer", placed(map, [100, 60]), placed(map, [400, 460]));
    await expect(page.locator(".slide-line text")).toHaveText(/^(49[5-9]|50[0-5])(\.\d+)? µm$/);
    /* saved, it is there again */
    const length = (await page.locator(".slide-line text").textContent())!;
    await page.getByRole("button", { name: "Save the lengths" }).click();
    await expect(page.locator(".save-button")).toContainText("Saved");
    const reports = await storedObjects(who.study, "SR");
    expect(reports).toHaveLength(1);
    await assertValid(reports);
    await page.goto(`/ui/study/${who.study}?series=${who.series}`);
    await ready(page);
    await expect(page.locator(".slide-line text")).toHaveText(length);
    await page.mouse.click(...(await onScreen(page, [400, 460])));
    await page.keyboard.press("Delete");
    await expect(page.locator(".slide-line")).toHaveCount(0);
    /* far out the coarse level is drawn */
    const box = (await page.locator(".slide-layer").boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (let i = 0; i < 4; i++) await page.mouse.wheel(0, 200);
    await expect.poll(async () => off(await slideColors(page, [[256, 256], [768, 256]]), coarse)).toBeLessThan(8);
    /* turned, the same tiles lie at the same places of the slide */
    await page.locator(".pane").first().focus();
    for (const key of ["0", "r", "f"]) await page.keyboard.press(key);
    await expect.poll(async () => Math.abs((await mapOf(page)).map[0]!)).toBeLessThan(1e-6);
    await expect.poll(async () => off(await slideColors(page, middles), tileColors)).toBeLessThan(8);
});

test("a model is drawn, and how large it is", async ({ page }) => {
    const corner = (i: number, size: readonly number[]) => [0, 1, 2].map((k) => ((i >> k) & 1) * size[k]!);
    const faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    const triangles = faces.flatMap(([a, b, c, d]) => [[a!, b!, c!], [a!, c!, d!]]);
    const stl = Buffer.alloc(84 + 50 * triangles.length);
    stl.writeUInt32LE(triangles.length, 80);
    triangles.forEach((t, n) => t.forEach((i, k) => corner(i, [40, 30, 20]).forEach((v, axis) => stl.writeFloatLE(v, 84 + 50 * n + 12 * (k + 1) + 4 * axis))));
    const study = await stored({
        "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.104.3", "0008,0060 CS": "M3D", "0042,0010 ST": "Box", "0042,0012 LO": "model/stl",
        "0040,08EA SQ": code("mm", "UCUM", "millimeter"), "0042,0011 OB": new Uint8Array(stl), "0042,0015 UL": stl.length,
    });
    await page.goto(`/ui/study/${study}`);
    await expect(page.locator(".model3d-bar")).toContainText("12 triangles · 40 × 30 × 20 mm");
    const canvas = page.locator(".model3d canvas");
    const lit = (x: number, y: number) =>
        canvas.evaluate(
            (c: HTMLCanvasElement, [x, y]) => {
                const copy = new OffscreenCanvas(c.width, c.height).getContext("2d")!;
                copy.drawImage(c, 0, 0);
                return copy.getImageData(Math.round(x! * c.width), Math.round(y! * c.height), 1, 1).data[0]!;
            },
            [x, y],
        );
    await expect.poll(() => lit(0.5, 0.5)).toBeGreaterThan(60);
    expect(await lit(0.02, 0.02)).toBeLessThan(40);
    /* turned by a quarter it shows another side: the light on its middle is another */
    const before = await lit(0.5, 0.5);
    const box = (await canvas.boundingBox())!;
    await drag(page, ".model3d canvas", [box.width / 2, box.height / 2], [box.width / 2 + box.height / 3, box.height / 2]);
    await expect.poll(() => lit(0.5, 0.5)).not.toBe(before);
    /* edges alone: the middle of a side is as dark as the ground */
    await page.getByRole("button", { name: "Edges" }).click();
    await expect.poll(async () => (await Promise.all([0.46, 0.48, 0.5, 0.52, 0.54].map((x) => lit(x, 0.53)))).filter((v) => v < 40).length).toBeGreaterThan(2);
});

test("a CDA document is text with its tables, and nothing in it runs", async ({ page }) => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Discharge</title><component><structuredBody><component><section>
        <title>Findings</title><text><table><tbody><tr><td>Nodule</td><td>8 mm</td></tr></tbody></table><script xmlns="http://www.w3.org/1999/xhtml">document.title = "broken"</script></text>
        </section></component></structuredBody></component></ClinicalDocument>`;
    const study = await stored({ "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.104.2", "0008,0060 CS": "DOC", "0042,0010 ST": "", "0042,0012 LO": "text/XML", "0042,0011 OB": new Uint8Array(Buffer.from(xml)), "0042,0015 UL": xml.length });
    await page.goto(`/ui/study/${study}`);
    await expect(page.locator(".cda h2")).toHaveText("Discharge");
    await expect(page.locator(".cda td")).toHaveText(["Nodule", "8 mm"]);
    await expect(page.locator(".cda script")).toHaveCount(0);
    expect(await page.title()).not.toBe("broken");
});
