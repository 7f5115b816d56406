/* Planes and space: the values of a phantom grow evenly along each of its axes, each by its own measure. So what stands at
 * any point of any plane follows from where that point lies in the patient. */
import { readFileSync } from "node:fs";
import { CtImage, newUid, object, picture, type Attributes, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { colorsAt, expect, mark, openStudy, pane, test } from "../lib/test";

type Page = import("@playwright/test").Page;
type Voxel = (column: number, row: number, slice: number) => number;

const [columns, rows, slices] = [40, 32, 16];
const [columnMm, rowMm, sliceMm] = [1, 2, 4]; /* 40 x 64 x 64 mm */
const frame = newUid();
const who: Identity = { study: newUid(), series: newUid(), patientName: "Volume^Vera", patientId: mark() };

function stack(series: string, number: number, voxel: Voxel, more: (slice: number) => Attributes = () => ({})): Attributes[] {
    return Array.from({ length: slices }, (_, k) =>
        object({ ...who, series }, {
            ...picture({ rows, columns, bits: 16, values: Array.from({ length: rows * columns }, (_, i) => voxel(i % columns, Math.floor(i / columns), k)) }),
            "0008,0060 CS": "MR",
            "0008,103E LO": `Phantom ${number}`,
            "0020,0011 IS": number,
            "0020,0013 IS": k + 1,
            "0020,0032 DS": [-20, -30, 100 + sliceMm * k],
            "0020,0037 DS": [1, 0, 0, 0, 1, 0],
            "0020,0052 UI": frame,
            "0028,0030 DS": [rowMm, columnMm],
            "0028,1050 DS": 128,
            "0028,1051 DS": 256,
            ...more(k),
        }),
    );
}

const even: Voxel = (c, r, k) => 3 * c + 2 * r + 5 * k;
/* The same in patient coordinates */
const evenAt = (x: number, y: number, z: number) => 3 * ((x + 20) / columnMm) + 2 * ((y + 30) / rowMm) + 5 * ((z - 100) / sliceMm);

const dots = newUid(); /* one line of bright voxels: row 10, slice 3 */
const pet = newUid();
const cube = newUid();
const broken = { spacing: newUid(), twice: newUid(), tilt: newUid(), gap: newUid() };
const film = newUid();

test.beforeAll(async () => {
    await store([
        ...stack(who.series, 1, even),
        ...stack(dots, 2, (_, r, k) => (r === 10 && k === 3 ? 240 : 10)),
        ...stack(pet, 3, (c) => 100 * c, () => ({
            "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.128",
            "0008,0021 DA": "20260115",
            "0008,0022 DA": "20260115",
            "0008,0031 TM": "100000",
            "0008,0032 TM": "100000",
            "0008,0060 CS": "PT",
            "0010,1030 DS": 80,
            "0018,1242 IS": 1000,
            "0028,0051 CS": "DECY\\ATTN",
            "0028,1050 DS": 2000,
            "0028,1051 DS": 4000,
            "0028,1052 DS": 0,
            "0028,1053 DS": 2,
            "0054,0016 SQ": [{ "0018,1072 TM": "090000", "0018,1074 DS": 370000000, "0018,1075 DS": 6586.2 }],
            "0054,1001 CS": "BQML",
            "0054,1102 CS": "START",
        })),
    ]);
    /* A bright cube in the patient's right, front, upper corner */
    const isIn: Voxel = (c, r, k) => (c < 16 && r < 13 && k >= 10 ? 2000 : 0);
    await store([
        ...stack(cube, 4, isIn, () => ({ "0008,0016 UI": CtImage, "0008,0060 CS": "CT", "0028,1052 DS": -1000, "0028,1053 DS": 1 })),
        ...stack(broken.spacing, 5, even, () => ({ "0028,0030 DS": [] as number[] })),
        ...stack(broken.twice, 6, even, (k) => ({ "0020,0032 DS": [-20, -30, 100 + sliceMm * (k === 5 ? 4 : k)] })),
        ...stack(broken.tilt, 7, even, (k) => ({ "0020,0032 DS": [-20, -30 + k, 100 + sliceMm * k] })),
        ...stack(broken.gap, 8, even, (k) => ({ "0020,0032 DS": [-20, -30, 100 + sliceMm * (k > 7 ? k + 1 : k)] })),
    ]);
    await store([0, 1, 2].flatMap((time) => stack(film, 9, () => 40 + 60 * time, (k) => ({ "0020,0013 IS": 16 * time + k + 1, "0020,0100 IS": time + 1 }))));
});

async function show(page: Page, way: string): Promise<void> {
    await page.getByRole("button", { name: "Stack, planes, 3D" }).click();
    await page.getByRole("menuitemcheckbox", { name: way }).click();
    await expect(lower(page)).toContainText(way === "Stack of images" ? "Image" : way);
}

const lower = (page: Page, index = 0) => pane(page, index).locator(".corner.bl");
const letters = (page: Page, index = 0) => Promise.all(["top", "right", "bottom", "left"].map((s) => pane(page, index).locator(`.letter.${s}`).textContent()));

/* Every slice is there when nothing changes any more. */
async function settled(page: Page, points: readonly (readonly [number, number])[], aspect: number, index = 0): Promise<number[]> {
    let last: number[] = [];
    await expect
        .poll(async () => {
            const before = last;
            last = (await colorsAt(page, points, aspect, index)).map((c) => c[0]!);
            return before.length > 0 && before.every((v, i) => v === last[i]);
        }, { intervals: [150] })
        .toBe(true);
    return last;
}

function near(actual: readonly number[], expected: readonly number[], tolerance = 2): void {
    actual.forEach((v, i) => expect(Math.abs(v - expected[i]!), `point ${i}: ${v} where ${expected[i]} belongs`).toBeLessThanOrEqual(tolerance));
}

const spots = [[0.2, 0.15], [0.8, 0.15], [0.5, 0.5], [0.2, 0.85], [0.8, 0.85]] as const;
/* Where a share of a side lies, in voxels */
const voxelAt = (share: number, count: number) => share * count - 0.5;

test("planes across the slices show what lies there, in its place and proportions", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}`);
    await show(page, "Coronal");
    await expect(lower(page)).toContainText("Coronal  17 / 32");
    await expect(lower(page)).toContainText("Loc 2.0 mm"); /* -30 + 2 × 16 */
    expect(await letters(page)).toEqual(["H", "L", "F", "R"]);
    near(await settled(page, spots, 40 / 64), spots.map(([x, y]) => even(voxelAt(x, columns), 16, voxelAt(1 - y, slices))));
    const outside = await settled(page, [[-0.2, 0.5], [1.2, 0.5]], 40 / 64);
    expect(outside).toEqual([0, 0]);

    await page.keyboard.press("ArrowDown");
    await expect(lower(page)).toContainText("Coronal  18 / 32");
    near(await settled(page, spots, 40 / 64), spots.map(([x, y]) => even(voxelAt(x, columns), 17, voxelAt(1 - y, slices))));

    await show(page, "Sagittal");
    await expect(lower(page)).toContainText("Loc 0.0 mm"); /* -20 + 20 */
    expect(await letters(page)).toEqual(["H", "P", "F", "A"]);
    near(await settled(page, spots, 1), spots.map(([x, y]) => even(20, voxelAt(x, rows), voxelAt(1 - y, slices))));
    await page.keyboard.press("Home");
    await expect(lower(page)).toContainText("Sagittal  1 / 40");
    near(await settled(page, spots, 1), spots.map(([x, y]) => even(0, voxelAt(x, rows), voxelAt(1 - y, slices))));

    await page.keyboard.press("h"); /* mirrored, and the letters with it */
    await expect.poll(() => letters(page)).toEqual(["H", "A", "F", "P"]);
    near(await settled(page, spots, 1), spots.map(([x, y]) => even(0, voxelAt(1 - x, rows), voxelAt(1 - y, slices))));
    await page.keyboard.press("0");
    await page.keyboard.press("i");
    await expect(pane(page).locator(".corner.br")).toContainText("inverted");

    await show(page, "Axial");
    expect(await letters(page)).toEqual(["A", "L", "P", "R"]);
    await page.keyboard.press("Home");
    await expect(lower(page)).toContainText("Loc 100.0 mm");
    near(await settled(page, spots, 40 / 64), spots.map(([x, y]) => 255 - even(voxelAt(x, columns), voxelAt(y, rows), 0)));
    await page.keyboard.press("End");
    await show(page, "Stack of images");
    await expect(pane(page)).toHaveAttribute("data-image", String(slices));
});

test("a slab shows the brightest, the darkest or the mean of what it holds", async ({ page }) => {
    await openStudy(page, who.study, `?series=${dots}`);
    await show(page, "Coronal"); /* row 16: the line is 12 mm in front of it */
    const [onLine, beside] = [[0.5, 1 - 3.5 / slices], [0.5, 0.5]] as const;
    near(await settled(page, [onLine, beside], 40 / 64), [10, 10]);
    const slab = async (what: string, mm: string) => {
        await page.getByLabel("Slab", { exact: true }).selectOption({ label: what });
        await page.getByLabel("Slab thickness in mm").fill(mm);
        await page.getByLabel("Slab thickness in mm").blur();
        await expect(lower(page)).toContainText(`${what} ${Number(mm).toFixed(1)} mm`);
        return settled(page, [onLine, beside], 40 / 64);
    };
    near(await slab("MIP", "20"), [10, 10]); /* 10 mm each way */
    near(await slab("MIP", "26"), [240, 10]);
    near(await slab("MinIP", "26"), [10, 10]);
    /* 27 samples, a mm apart; the line's triangle reaches 2 mm each way: 120, 240, 120 of 230 above 10 … */
    near(await slab("Mean", "26"), [10 + (230 * (0.5 + 1 + 0.5)) / 27, 10], 3);
});

test("four panes hold three planes and 3D; the crosshair moves, turns and thickens them", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}`);
    await page.keyboard.press("m");
    await expect(page.locator(".pane")).toHaveCount(4);
    await expect(lower(page, 0)).toContainText("Axial");
    await expect(lower(page, 1)).toContainText("3D");
    await expect(lower(page, 2)).toContainText("Coronal  17 / 32");
    await expect(lower(page, 3)).toContainText("Sagittal  21 / 40");
    const box = (await pane(page, 0).boundingBox())!;
    const cross = page.locator('[data-pane="0"] .crosshair');
    const at = async () => [Number(await cross.getAttribute("data-x")), Number(await cross.getAttribute("data-y"))] as const;
    const scale = box.height / 64; /* the axial picture is 40 x 64 mm in a wide pane */
    const drag = async (from: readonly [number, number], to: readonly [number, number]) => {
        await page.mouse.move(box.x + from[0], box.y + from[1]);
        await page.mouse.down();
        await page.mouse.move(box.x + to[0], box.y + to[1], { steps: 4 });
        await page.mouse.up();
    };
    const before = await at();
    await drag(before, [before[0] + 5 * scale, before[1] + 8 * scale]); /* 5 mm to the left, 8 mm back */
    await expect(lower(page, 3)).toContainText("Loc 5.0 mm");
    await expect(lower(page, 2)).toContainText("Loc 10.0 mm");
    near(await settled(page, spots, 1, 3), spots.map(([x, y]) => even(25, voxelAt(x, rows), voxelAt(1 - y, slices))));

    /* the handle on the sagittal plane's line, from straight down to 45° towards the patient's right */
    const centre = await at();
    const far = 110 * Math.SQRT1_2;
    await drag([centre[0], centre[1] + 110], [centre[0] - far, centre[1] + far]);
    await expect(lower(page, 3)).toContainText("Sagittal, oblique");
    await expect(lower(page, 2)).toContainText("Coronal, oblique");
    await expect(lower(page, 0)).not.toContainText("oblique");
    /* that plane now goes through 5, 10 along (-1, 1) / √2; its picture is centred at its nearest to the volume's middle -0.5, 1 */
    const along = (-1 * (-0.5 - 5) + 1 * (1 - 10)) / 2;
    const middle = [5 - along, 10 + along] as const;
    const oblique = await page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('[data-pane="3"] .stage canvas')!;
        const image = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
        const grey = (x: number, y: number) => image.data[4 * (Math.round(y) * canvas.width + Math.round(x))]!;
        const [w, h] = [canvas.width / 2, canvas.height / 2];
        return { w, h, middle: grey(w, h), right: grey(w + 40, h), up: grey(w, h - 60) };
    });
    const zoom = 2 * oblique.h / 64; /* pixels for a mm: its height is 64 mm, its width less than the pane's */
    const z = 130;
    near([oblique.middle], [evenAt(middle[0], middle[1], z)], 3);
    near([oblique.right], [evenAt(middle[0] - (40 / zoom) * Math.SQRT1_2, middle[1] + (40 / zoom) * Math.SQRT1_2, z)], 4);
    near([oblique.up], [evenAt(middle[0], middle[1], z + 60 / zoom)], 4);

    const slabHandle = page.locator('[data-pane="0"] [data-line="coronal"] [data-volume-handle="slab"]').first();
    const knob = (await slabHandle.boundingBox())!;
    await page.mouse.move(knob.x + knob.width / 2, knob.y + knob.height / 2);
    await page.mouse.down();
    await page.mouse.move(knob.x + knob.width / 2 + 30, knob.y + knob.height / 2 - 30, { steps: 4 });
    await page.mouse.up();
    await expect(lower(page, 2)).toContainText("MIP");
    await page.keyboard.press("x");
    await expect(page.locator(".crosshair")).toHaveCount(0);
});

/* An hour after 370 MBq of F-18 for 80 kg: 80,000 g / 253.3142 MBq */
const suvFactor = 80_000 / 253.3142e6;

test("PET values are SUV, and are laid over another series in colour", async ({ page }) => {
    await openStudy(page, who.study, `?series=${pet}`);
    await show(page, "Axial");
    await expect(pane(page).locator(".corner.br")).toContainText("SUVbw");
    await settled(page, spots, 40 / 64);
    const box = (await pane(page).boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await expect(page.locator(".volume-readout")).toContainText(`${(20 * 200 * suvFactor).toFixed(2)} SUVbw`); /* column 20 */
    await page.getByRole("button", { name: "Volume", exact: true }).click();
    await page.getByLabel("Units").selectOption("lbm");
    await expect(page.locator(".volume-panel")).toContainText("the patient's height is missing");
    await page.getByLabel("Units").selectOption("bw");

    await page.locator(`.card[data-series="${dots}"]`).click();
    await expect(pane(page)).toHaveAttribute("data-mode", "stack");
    await show(page, "Axial");
    await page.getByLabel("Over it").selectOption(pet);
    await expect(lower(page)).toContainText("Over it: Phantom 3");
    await page.getByLabel("To", { exact: true }).fill("2");
    await page.getByLabel("To", { exact: true }).blur();
    await page.getByLabel("Opacity").fill("50");
    /* column 39 is beyond 2 SUV: white in hot iron, half over grey 10; column 0 is nothing, and hides nothing */
    await expect
        .poll(async () => (await colorsAt(page, [[39.4 / 40, 0.5]], 40 / 64))[0])
        .toEqual([expect.closeTo(133, -1), expect.closeTo(133, -1), expect.closeTo(133, -1)]);
    const [clear, warm] = await colorsAt(page, [[0.5 / 40, 0.5], [20.5 / 40, 0.5]], 40 / 64);
    expect(clear![0]).toBeLessThan(14);
    const share = (20 * 200 * suvFactor) / 2; /* of the colours: 0.63 */
    const i = 255 * share;
    const hot = [Math.min(255, 2 * i), Math.max(0, 2 * (i - 128)), Math.max(0, 4 * (i - 192))];
    warm!.forEach((v, c) => expect(Math.abs(v - (0.5 * 10 + 0.5 * hot[c]!)), `${warm} at ${c}`).toBeLessThanOrEqual(5));
});

test("3D shows the cube where it is, from the front and turned, and cropping takes it away", async ({ page }) => {
    await page.setViewportSize({ width: 800, height: 480 }); /* the processor draws it */
    await openStudy(page, who.study, `?series=${cube}`);
    await show(page, "3D");
    await expect(lower(page)).toContainText("3D  Bone");
    /* seen from the front: the patient's right is on the left, the head at the top */
    const brightness = () =>
        page.evaluate(() => {
            const canvas = document.querySelector<HTMLCanvasElement>('[data-pane="0"] .stage canvas')!;
            const { width, height } = canvas;
            const image = canvas.getContext("2d")!.getImageData(0, 0, width, height).data;
            const sums = [0, 0, 0, 0]; /* upper left, upper right, lower left, lower right */
            for (let y = 0; y < height; y += 4) for (let x = 0; x < width; x += 4) sums[(y >= height / 2 ? 2 : 0) + (x >= width / 2 ? 1 : 0)]! += image[4 * (y * width + x)]! > 60 ? 1 : 0;
            return sums.map((s) => (s > 20 ? 1 : 0)).join("");
        });
    await expect.poll(brightness).toBe("1000");
    await page.keyboard.press("h"); /* from behind */
    await expect.poll(brightness).toBe("0100");
    await page.keyboard.press("0");
    await expect.poll(brightness).toBe("1000");
    const box = (await pane(page).boundingBox())!;
    await page.mouse.move(box.x + 100, box.y + 350);
    await page.mouse.down();
    await page.mouse.move(box.x + 100 + 120 * Math.PI, box.y + 350, { steps: 6 }); /* half a turn */
    await page.mouse.up();
    await expect.poll(brightness).toBe("0100");
    await page.getByRole("button", { name: "Volume", exact: true }).click();
    await page.getByLabel("Slices to").fill("50");
    await expect.poll(brightness).toBe("0000");
    await page.getByRole("button", { name: "Whole volume" }).click();
    await expect.poll(brightness).toBe("0100");
    await page.getByLabel("Opacity shift").fill("500");
    await page.getByLabel("Preset", { exact: true }).selectOption("lung"); /* air and lung alone: the cube's edge at most */
    await expect(lower(page)).toContainText("Lung");
});

/* Millimetres of a picture that fills the pane's height, from its upper left corner, on the page. */
async function onPage(page: Page, [width, height]: readonly [number, number]): Promise<(x: number, y: number) => [number, number]> {
    const box = (await page.locator('[data-pane="0"] .stage').boundingBox())!;
    const scale = Math.min(box.width / width, box.height / height);
    return (x, y) => [box.x + (box.width - width * scale) / 2 + x * scale, box.y + (box.height - height * scale) / 2 + y * scale];
}

async function drag(page: Page, from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
    await page.mouse.move(...to);
    await page.mouse.up();
}

test("what is measured on a plane has the numbers of the volume, is seen there alone, and found again", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}`);
    await show(page, "Coronal");
    const wide = await onPage(page, [40, 64]);
    await page.getByRole("button", { name: "Measurements" }).click();
    await expect.poll(async () => (await onPage(page, [40, 64]))(0, 0)).not.toEqual(wide(0, 0)); /* the list has taken its room */
    const at = await onPage(page, [40, 64]);
    await page.locator(".measure-layer").waitFor({ state: "attached" });
    await page.keyboard.press("l");
    await drag(page, at(5, 10), at(35, 50)); /* 30 mm to the left, 40 mm down */
    await page.getByRole("button", { name: "Measure", exact: true }).click();
    await page.getByRole("menuitemcheckbox", { name: "Rectangle" }).click();
    await drag(page, at(8.2, 20.2), at(25.3, 52.3));
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as CSV" }).click();
    const [head, ...lines] = readFileSync(await (await download).path(), "utf8").trim().split("\r\n").map((l) => l.split(","));
    const [length, box] = lines.map((l) => Object.fromEntries(head!.map((name, i) => [name, l[i]!])));
    expect(Math.abs(Number(length!["length"]) - 50)).toBeLessThan(0.3);
    expect([length!["length unit"], length!["spacing"], length!["instance uid"]]).toEqual(["mm", "calibrated", ""]);
    /* the place in the patient: x from -20.5, z from the top, y that of row 16 */
    const points = box!["points"]!.split("; ").map((p) => p.split(" ").map(Number) as [number, number, number]);
    const [[left, y, top], , [right, , bottom]] = points as [[number, number, number], unknown, [number, number, number]];
    near([left, y, top, right, bottom], [-20.5 + 8.2, 2, 162 - 20.2, -20.5 + 25.3, 162 - 52.3], 0.2);
    const inside: number[] = [];
    for (let c = 0; c < columns; c++) for (let k = 0; k < slices; k++) if (c - 20 > left && c - 20 < right && 100 + 4 * k < top && 100 + 4 * k > bottom) inside.push(even(c, 16, k));
    const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
    expect(Number(box!["mean"])).toBeCloseTo(mean, 9);
    expect([box!["count"], box!["min"], box!["max"]].map(Number)).toEqual([inside.length, Math.min(...inside), Math.max(...inside)]);
    expect(Number(box!["sd"])).toBeCloseTo(Math.sqrt(inside.reduce((sum, v) => sum + (v - mean) ** 2, 0) / inside.length), 9);

    const marks = page.locator(".measure-layer [data-mark]");
    await expect(marks).toHaveCount(2);
    await page.keyboard.press("ArrowDown");
    await expect(lower(page)).toContainText("Coronal  18 / 32");
    await expect(marks).toHaveCount(0);
    await show(page, "Stack of images");
    await page.locator(".measure-row[data-kind=rectangle] .measure-jump").click();
    await expect(lower(page)).toContainText("Coronal  17 / 32");
    await expect(marks).toHaveCount(2);
    const drawn = (await page.locator(".measure-layer [data-kind=rectangle] .line").boundingBox())!;
    near([drawn.x, drawn.y, drawn.x + drawn.width, drawn.y + drawn.height], [...at(8.2, 20.2), ...at(25.3, 52.3)], 6); /* with what its line is wide */
});

test("a segment has a surface in 3D, in its place and colour, as clear as is chosen, and as STL", async ({ page }) => {
    await page.setViewportSize({ width: 1000, height: 480 }); /* the processor draws it */
    await openStudy(page, who.study, `?series=${cube}&image=13`);
    await page.getByRole("button", { name: "Segments", exact: true }).click();
    await page.locator(".segment-tools").getByRole("button", { name: "Grow a region" }).click();
    await page.getByRole("checkbox", { name: "Through all images" }).check();
    const at = await onPage(page, [40, 64]);
    await page.mouse.click(...at(6, 10));
    await expect(page.locator(".segment-row")).toContainText("9.98 ml"); /* 16 x 13 x 6 voxels of 8 mm³ */
    await page.keyboard.press("Escape");
    await show(page, "3D");
    await page.getByRole("button", { name: "Volume", exact: true }).click();
    await page.getByRole("checkbox", { name: "Alone" }).check();
    /* how much of each quarter is red: seen from the front, the patient's right is on the left, the head at the top */
    const reds = () =>
        page.evaluate(() => {
            const canvas = document.querySelector<HTMLCanvasElement>('[data-pane="0"] .stage canvas')!;
            const { width, height } = canvas;
            const image = canvas.getContext("2d")!.getImageData(0, 0, width, height).data;
            const [sums, brightest] = [[0, 0, 0, 0], [0, 0, 0]];
            for (let y = 0; y < height; y += 3)
                for (let x = 0; x < width; x += 3) {
                    const [r, g, b] = image.subarray(4 * (y * width + x)) as unknown as [number, number, number];
                    if (r > 60 && r > 1.8 * g) sums[(y >= height / 2 ? 2 : 0) + (x >= width / 2 ? 1 : 0)]!++;
                    if (r > brightest[0]!) [brightest[0], brightest[1], brightest[2]] = [r, g, b];
                }
            return { where: sums.map((s) => (s > 20 ? 1 : 0)).join(""), brightest: brightest[0]! };
        });
    await expect.poll(async () => (await reds()).where).toBe("1000");
    await expect.poll(async () => (await reds()).brightest).toBeGreaterThan(200);
    await page.getByLabel("Segment 1", { exact: true }).fill("30");
    await expect.poll(async () => (await reds()).brightest).toBeLessThan(90);
    await page.getByLabel("Segment 1", { exact: true }).fill("100");
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save Segment 1 as STL" }).click();
    const stl = readFileSync(await (await download).path());
    expect(stl.length).toBe(84 + 50 * stl.readUInt32LE(80));
    const [lo, hi] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
    for (let n = 84; n < stl.length; n += 50) for (let c = 12; c < 48; c += 4) [lo, hi].forEach((e, which) => (e[(c / 4) % 3] = (which ? Math.max : Math.min)(e[(c / 4) % 3]!, stl.readFloatLE(n + c))));
    near([...lo, ...hi], [-20.5, -31, 138, -4.5, -5, 162], 1.1); /* x, y, z of the cube's sides */
});

test("what is no volume is refused with the reason, and the images stay", async ({ page }) => {
    await openStudy(page, who.study, `?series=${broken.spacing}`);
    const refused = async (series: string, reason: RegExp) => {
        await page.locator(`.card[data-series="${series}"]`).click();
        await expect(pane(page)).toHaveAttribute("data-series", series);
        await pane(page).and(page.locator("[data-image]")).waitFor();
        await page.getByRole("button", { name: "Stack, planes, 3D" }).click();
        await page.getByRole("menuitemcheckbox", { name: "Coronal" }).click();
        await expect(page.getByRole("alert")).toContainText("This series is no volume");
        await expect(page.getByRole("alert")).toContainText(reason);
        await page.getByRole("button", { name: "Back to the images" }).click();
        await expect(pane(page)).toHaveAttribute("data-image", "1");
    };
    await refused(broken.spacing, /how far apart their pixels are/);
    await refused(broken.twice, /In 1 places there is more than one image/);
    await refused(broken.tilt, /sheared by 14\.0°/);
    await refused(broken.gap, /4 to 8 mm/);
});

test("a series over time has a slider", async ({ page }) => {
    await openStudy(page, who.study, `?series=${film}`);
    await show(page, "Coronal");
    near(await settled(page, spots, 40 / 64), spots.map(() => 40));
    await page.getByRole("button", { name: "Volume", exact: true }).click();
    await page.getByLabel("Point in time").fill("3");
    await expect.poll(async () => (await colorsAt(page, [[0.5, 0.5]], 40 / 64))[0]![0]).toBe(160);
    await page.getByLabel("Point in time").fill("2");
    await expect.poll(async () => (await colorsAt(page, [[0.5, 0.5]], 40 / 64))[0]![0]).toBe(100);
});
