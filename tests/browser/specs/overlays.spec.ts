/* Objects over images: a black CT, a dose that rises by half a gray with each millimetre to the left, a box of contours in it,
 * a plan, a segmentation and a map of values. So each colour and each number follows from where it lies in the patient. */
import { CtImage, newUid, object, picture, type Attributes, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { expect, imageIs, mark, openStudy, pane, test } from "../lib/test";

type Page = import("@playwright/test").Page;

const sideMm = 128; /* the CT: 128 x 128 pixels of 1 mm, the first at 0, 0; five slices of 3 mm from z 0 */
const slices = 5;
const frame = newUid();
const who: Identity = { study: newUid(), series: newUid(), patientName: "Overlay^Olga", patientId: mark() };
const [plan, structures, otherFrame] = [newUid(), newUid(), newUid()];

function other(sopClass: string, modality: string, name: string, more: Attributes): Attributes {
    return object({ ...who, series: newUid() }, { "0008,0016 UI": `1.2.840.10008.5.1.4.1.1.${sopClass}`, "0008,0060 CS": modality, "0008,103E LO": name, "0020,0011 IS": 90, "0020,0052 UI": frame, ...more });
}

const contour = (z: number): Attributes => ({ "3006,0042 CS": "CLOSED_PLANAR", "3006,0046 IS": 4, "3006,0050 DS": [16, 16, z, 48, 16, z, 48, 48, z, 16, 48, z] });

const shared = (spacing: number, thickness: number): readonly Attributes[] => [{
    "0028,9110 SQ": [{ "0018,0050 DS": thickness, "0028,0030 DS": [spacing, spacing] }],
    "0020,9116 SQ": [{ "0020,0037 DS": [1, 0, 0, 0, 1, 0] }],
}];
const at = (x: number, y: number, z: number) => ({ "0020,9113 SQ": [{ "0020,0032 DS": [x, y, z] }] });

/* 64 x 64 pixels of 2 mm: rows and columns 40 to 49 are set, 79.5 to 99.5 mm; planes at z 6 and 3, in that order */
function segmentation(): Attributes {
    const bits = new Uint8Array((2 * 64 * 64) / 8);
    for (const f of [0, 1]) for (let r = 40; r < 50; r++) for (let c = 40; c < 50; c++) bits[(f * 4096 + r * 64 + c) >> 3]! |= 1 << (c & 7);
    const code = (value: string, meaning: string) => [{ "0008,0100 SH": value, "0008,0102 SH": "SCT", "0008,0104 LO": meaning }];
    return other("66.4", "SEG", "Kidney", {
        "0028,0002 US": 1, "0028,0004 CS": "MONOCHROME2", "0028,0008 IS": 2, "0028,0010 US": 64, "0028,0011 US": 64, "0028,0100 US": 1, "0028,0101 US": 1, "0028,0102 US": 0, "0028,0103 US": 0,
        "0062,0001 CS": "BINARY",
        "0062,0002 SQ": [{ "0062,0004 US": 1, "0062,0005 LO": "Left kidney", "0062,0008 CS": "MANUAL", "0062,0003 SQ": code("123037004", "Anatomical Structure"), "0062,000F SQ": code("64033007", "Kidney") }],
        "5200,9229 SQ": shared(2, 3),
        "5200,9230 SQ": [6, 3].map((z) => ({ ...at(0.5, 0.5, z), "0062,000A SQ": [{ "0062,000B US": 1 }] })),
        "7FE0,0010 OB": bits,
    });
}

/* 32 x 32 pixels of 4 mm at z 6: twice the column in mm2/s, nothing in the first columns */
function map(): Attributes {
    const values = Float32Array.from({ length: 32 * 32 }, (_, i) => i % 32);
    return other("30", "OT", "Diffusion", {
        "0028,0002 US": 1, "0028,0004 CS": "MONOCHROME2", "0028,0008 IS": 1, "0028,0010 US": 32, "0028,0011 US": 32, "0028,0100 US": 32,
        "5200,9229 SQ": shared(4, 3),
        "5200,9230 SQ": [{ ...at(1.5, 1.5, 6), "0040,9096 SQ": [{ "0028,3003 LO": "ADC", "0040,08EA SQ": [{ "0008,0100 SH": "mm2/s", "0008,0102 SH": "UCUM", "0008,0104 LO": "mm2/s" }], "0040,9210 SH": "ADC", "0040,9224 FD": 0, "0040,9225 FD": 2 }] }],
        "7FE0,0008 OF": new Uint8Array(values.buffer),
    });
}

test.beforeAll(async () => {
    const black = { rows: sideMm, columns: sideMm, bits: 16 as const, values: Array.from({ length: sideMm * sideMm }, () => 0) };
    await store(Array.from({ length: slices }, (_, k) =>
        object(who, { ...picture(black), "0008,0016 UI": CtImage, "0008,0060 CS": "CT", "0018,0050 DS": 3, "0020,0013 IS": k + 1, "0020,0032 DS": [0, 0, 3 * k], "0020,0037 DS": [1, 0, 0, 0, 1, 0], "0020,0052 UI": frame, "0028,0030 DS": [1, 1], "0028,1050 DS": 500, "0028,1051 DS": 900, "0028,1052 DS": 0, "0028,1053 DS": 1 }),
    ));
    /* 33 x 3 values 4 mm and 64 mm apart, planes 8 mm apart: 2 Gy more with each column, 0 to 64 Gy */
    const dose = { rows: 3, columns: 33, bits: 16 as const, values: Array.from({ length: 4 * 3 * 33 }, (_, i) => (i % 33) * 200) };
    const reference = (uid: string) => [{ "0008,1150 UI": "1.2.840.10008.5.1.4.1.1.481.5", "0008,1155 UI": uid }];
    await store([
        other("481.2", "RTDOSE", "Sum dose", {
            ...picture(dose), "0020,0032 DS": [0, 0, -6], "0020,0037 DS": [1, 0, 0, 0, 1, 0], "0028,0008 IS": 4, "0028,0009 AT": new Uint8Array([4, 0x30, 0x0c, 0]), "0028,0030 DS": [64, 4],
            "3004,0002 CS": "GY", "3004,0004 CS": "PHYSICAL", "3004,000A CS": "PLAN", "3004,000C DS": [-6, 2, 10, 18], "3004,000E DS": "0.01",
            "3004,0050 SQ": [{ "3004,0001 CS": "CUMULATIVE", "3004,0002 CS": "GY", "3004,0004 CS": "PHYSICAL", "3004,0052 DS": 1, "3004,0054 CS": "CM3", "3004,0056 IS": 3, "3004,0058 DS": [10, 8, 20, 8, 10, 2], "3004,0060 SQ": [{ "3004,0062 CS": "INCLUDED", "3006,0084 IS": 2 }] }],
            "300C,0002 SQ": reference(plan), "300C,0060 SQ": reference(structures),
        }),
        other("481.3", "RTSTRUCT", "Contours", {
            "0008,0018 UI": structures, "3006,0002 SH": "Contours",
            "3006,0010 SQ": [{ "0020,0052 UI": frame }],
            "3006,0020 SQ": [1, 2].map((n) => ({ "3006,0022 IS": n, "3006,0024 UI": frame, "3006,0026 LO": n === 1 ? "Box" : "Stored", "3006,0036 CS": "MANUAL" })),
            "3006,0039 SQ": [1, 2].map((n) => ({ "3006,002A IS": n === 1 ? [255, 0, 0] : [0, 0, 255], "3006,0040 SQ": n === 1 ? [0, 3, 6, 9, 12].map(contour) : [contour(60)], "3006,0084 IS": n })),
        }),
        other("481.5", "RTPLAN", "Plan", {
            "0008,0018 UI": plan, "300A,0002 SH": "Boost", "300A,000C CS": "PATIENT",
            "300A,0010 SQ": [{ "300A,0012 IS": 1, "300A,0014 CS": "SITE", "300A,0016 LO": "PTV", "300A,0020 CS": "TARGET", "300A,0026 DS": 40 }],
            "300A,0070 SQ": [{ "300A,0071 IS": 1, "300A,0078 IS": 20, "300A,0080 IS": 1, "300C,0004 SQ": [{ "300A,0084 DS": 2, "300A,0086 DS": 123.4, "300C,0006 IS": 1 }] }],
            "300A,00B0 SQ": [{ "300A,00C0 IS": 1, "300A,00C2 LO": "Arc 1", "300A,00C4 CS": "DYNAMIC", "300A,00C6 CS": "PHOTON", "300A,0111 SQ": [{ "300A,0114 DS": 6, "300A,011E DS": 181, "300A,011F CS": "CW", "300A,012C DS": [100, 20, 9] }, { "300A,011E DS": 179 }] }],
        }),
        segmentation(),
        map(),
        { ...segmentation(), "0020,0052 UI": otherFrame },
    ]);
});

/** The colours that lie over points of the patient, in mm of the CT slice that fills the pane. */
function over(page: Page, points: readonly (readonly [x: number, y: number])[]): Promise<number[][]> {
    return page.evaluate(({ points, sideMm }) => {
        const canvas = document.querySelector<HTMLCanvasElement>('[data-pane="0"] .overlays-canvas');
        if (!canvas) return [];
        const perMm = Math.min(canvas.width, canvas.height) / sideMm;
        const [left, top] = [(canvas.width - sideMm * perMm) / 2, (canvas.height - sideMm * perMm) / 2];
        return points.map(([x, y]) => [...canvas.getContext("2d")!.getImageData(Math.floor(left + (x + 0.5) * perMm), Math.floor(top + (y + 0.5) * perMm), 1, 1).data]);
    }, { points, sideMm });
}

/** Where along a row anything lies over the picture, in mm: the middles of what is connected. Wide: the picture is as wide as
 *  the pane, and `y` counts from its middle. */
function edges(page: Page, y: number, isWide = false): Promise<number[]> {
    return page.evaluate(({ y, sideMm, isWide }) => {
        const canvas = document.querySelector<HTMLCanvasElement>('[data-pane="0"] .overlays-canvas');
        if (!canvas) return []; /* not yet */
        const perMm = (isWide ? canvas.width : Math.min(canvas.width, canvas.height)) / sideMm;
        const [left, top] = [(canvas.width - sideMm * perMm) / 2, isWide ? canvas.height / 2 : (canvas.height - sideMm * perMm) / 2];
        const row = canvas.getContext("2d")!.getImageData(0, Math.floor(top + (isWide ? y : y + 0.5) * perMm), canvas.width, 1).data;
        const out: number[] = [];
        for (let x = 0, from = -1; x <= canvas.width; x++) {
            const isSet = x < canvas.width && row[4 * x + 3]! > 40;
            if (isSet && from < 0) from = x;
            if (!isSet && from >= 0) out.push((from + x) / 2), (from = -1);
        }
        return out.map((x) => (x - left) / perMm - 0.5);
    }, { y, sideMm, isWide });
}

const entry = (page: Page, name: string) => page.locator(".overlays-list > li", { hasText: name });
const show = (page: Page, name: string) => entry(page, name).locator("input").first().click();

async function open(page: Page): Promise<void> {
    await openStudy(page, who.study, `?series=${who.series}&image=3`);
    await imageIs(page, 3);
    await page.getByRole("button", { name: "Objects over images", exact: true }).click();
    await expect(page.locator(".overlays-list > li")).toHaveCount(5); /* that in another frame of reference is not among them */
    await expect(page.locator(".overlays-panel")).toContainText("1 more lie in another frame of reference");
}

test("dose: isodose lines where the dose is, a wash, the value under the pointer, histograms by hand and as stored", async ({ page }) => {
    await open(page);
    await show(page, "Sum dose");
    const dose = entry(page, "Sum dose");
    await expect(dose).toContainText("100 % is prescribed"); /* by the plan: 40 Gy, at 80 mm */
    await dose.getByLabel("Colour wash").uncheck();
    await dose.getByLabel("Levels").fill("100 50");
    await dose.getByLabel("Levels").press("Enter");
    await expect.poll(async () => (await edges(page, 100)).map((x) => Math.round(x))).toEqual([40, 80]);
    for (const [i, x] of (await edges(page, 20)).entries()) expect(Math.abs(x - [40, 80][i]!)).toBeLessThan(0.4);
    await dose.getByLabel("Unit").selectOption("Gy"); /* 50 Gy is at 100 mm, 100 Gy nowhere */
    await expect.poll(async () => (await edges(page, 100)).map((x) => Math.round(x))).toEqual([100]);

    const box = (await pane(page).boundingBox())!;
    const perMm = Math.min(box.width, box.height) / sideMm;
    await page.mouse.move(box.x + (box.width - sideMm * perMm) / 2 + 60.5 * perMm, box.y + 64 * perMm);
    await expect(page.locator(".overlays-readout")).toHaveText(/^(29\.[89]|30\.[012])\d Gy +7[45]\.\d %$/);

    await dose.getByLabel("Isodose lines").uncheck();
    await dose.getByLabel("Colour wash").check();
    await expect.poll(async () => (await over(page, [[5, 64]]))[0]).toEqual([0, 0, 0, 0]); /* 2.5 Gy: below a tenth */
    const [cold, hot] = await over(page, [[20, 64], [120, 64]]);
    expect([cold![2]! > 150, cold![0]! < 30, hot![0]! > 150, hot![2]! < 30]).toEqual([true, true, true, true]); /* blue, red */

    await show(page, "Contours");
    for (const name of ["Box", "Stored"]) await page.locator(".overlays-choice").getByRole("button", { name }).click();
    const numbers = async (name: string) => (await page.locator(`[data-dvh="${name}"] td`).allTextContents()).slice(1).map(Number);
    await expect(page.locator('[data-dvh="Box"]')).toBeVisible();
    const [cm3, min, mean, max, d95, v20] = (await numbers("Box")) as [number, number, number, number, number, number];
    expect(cm3).toBeCloseTo((32 * 32 * 15) / 1000, 2); /* 8 to 24 Gy, evenly */
    for (const [is, wanted] of [[min, 8], [mean, 16], [max, 24], [d95, 8.8]] as const) expect(Math.abs(is - wanted)).toBeLessThan(0.35);
    expect(Math.abs(v20 - 25)).toBeLessThan(1.5);
    expect(await numbers("Stored")).toEqual([8, 10, expect.closeTo(10 + 20 * 0.625 + 10 * 0.125, 2), 40, expect.closeTo(10 + 20 * (0.05 / 0.75), 2), expect.closeTo(62.5, 1)]);
    await expect(page.locator(".overlays-numbers")).toContainText("Box computed here");
    await expect(page.locator(".overlays-numbers")).toContainText("Stored as stored");
    await expect(page.locator(".overlays-dvh polyline")).toHaveCount(2);

    await show(page, "Sum dose");
    const inside = await over(page, [[32, 32], [60, 32]]);
    expect([inside[0]![0]! > 200, inside[0]![3]! > 20, inside[1]![3]]).toEqual([true, true, 0]); /* red within the box, nothing beside */
    expect((await edges(page, 60)).length).toBe(0);
});

test("a plan is told and its isocentre marked; segments and maps lie by their planes, in planes through the volume too", async ({ page }) => {
    await open(page);
    await show(page, "Boost");
    const told = entry(page, "Boost");
    for (const said of ["40 Gy prescribed", "20 fractions", "Arc 1", "6 MV", "181° → 179° CW", "123"]) await expect(told).toContainText(said);
    expect((await over(page, [[96, 20]]))[0]![3]).toBe(0); /* it lies in the next slice */
    await told.getByRole("button", { name: /Isocentre/ }).click();
    await imageIs(page, 4);
    await expect.poll(async () => (await over(page, [[100, 20]]))[0]![3]).toBeGreaterThan(100);
    await show(page, "Boost");
    await page.locator(".pane").first().focus();
    await page.keyboard.press("ArrowUp");
    await imageIs(page, 3);

    await show(page, "Kidney");
    const kidney = entry(page, "Kidney");
    await kidney.getByLabel("Colour of Left kidney").fill("#00ff00");
    const green = (c: number[] | undefined) => c !== undefined && c[0]! < 10 && c[1]! > 240 && c[2]! < 10 && c[3]! > 60;
    await expect.poll(async () => (await over(page, [[82, 82]])).map(green)).toEqual([true]);
    const where = [[78.5, 89], [80.5, 89], [98.5, 89], [100.5, 89], [89, 78.5], [89, 100.5]] as const;
    expect((await over(page, where)).map(green)).toEqual([false, true, true, false, false, false]);
    const alphas = (await over(page, [89, 79.3, 79.4, 79.5, 79.6, 79.7, 79.8].map((x) => [x, 89] as const))).map((c) => c[3]!);
    expect([alphas[0]! < 120, Math.max(...alphas.slice(1)) > 200]).toEqual([true, true]); /* the rim is solid, the inside is not */
    await pane(page).focus();
    await page.keyboard.press("Home");
    await imageIs(page, 1);
    await expect(kidney).toContainText("None of its planes is within half a thickness");
    expect((await over(page, [[89, 89]]))[0]).toEqual([0, 0, 0, 0]);
    await kidney.getByRole("button", { name: "Go to Left kidney" }).click();
    await imageIs(page, 3);
    await kidney.getByLabel("Show Left kidney").uncheck();
    await expect.poll(async () => (await over(page, [[89, 89]]))[0]).toEqual([0, 0, 0, 0]);
    await kidney.getByLabel("Show Left kidney").check();

    await show(page, "Diffusion");
    await expect(page.locator(".overlays-scale")).toContainText("62 mm2/s");
    const box = (await pane(page).boundingBox())!;
    const perMm = Math.min(box.width, box.height) / sideMm;
    await page.mouse.move(box.x + (box.width - sideMm * perMm) / 2 + 42 * perMm, box.y + 64 * perMm); /* column 10 */
    await expect(page.locator(".overlays-readout")).toHaveText("ADC 20 mm2/s");
    const [low, high] = await over(page, [[10, 20], [120, 20]]);
    expect(high![0]! + high![1]! + high![2]! - low![0]! - low![1]! - low![2]!).toBeGreaterThan(400);
    await show(page, "Diffusion");

    await show(page, "Kidney");
    await show(page, "Sum dose"); /* across the slices: from 6 mm below the first to 6 mm above the last */
    await entry(page, "Sum dose").getByLabel("Colour wash").uncheck();
    await entry(page, "Sum dose").getByLabel("Levels").fill("50 100");
    await entry(page, "Sum dose").getByLabel("Levels").press("Enter");
    await page.getByRole("button", { name: "Stack, planes, 3D" }).click();
    await page.getByRole("menuitemcheckbox", { name: "Coronal" }).click();
    await expect(pane(page)).toHaveAttribute("data-mode", "coronal");
    for (const y of [-8, 0, 8]) await expect.poll(async () => (await edges(page, y, true)).map((x) => Math.round(x))).toEqual([40, 80]);
    expect(await edges(page, 14, true)).toEqual([]);
});
