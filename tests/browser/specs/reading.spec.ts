/* The reading page: scrolling, tools, keys, layouts, tags, objects without images. */
import { board, newUid, object, part10, picture, ReportSr, type Attributes, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { blockMiddles, colorsAt, expect, expectGreys, imageIs, mark, openStudy, pane, test } from "../lib/test";

const block = 16;
const slices = 24;

/* Slice n is grey n * 10 with a white block in its upper left: each slice can be told, and so can its sides. */
const slice = (n: number) => board(block, (r, c) => (r === 0 && c === 0 ? 255 : 10 * n));

function stack(who: Identity, series: string, number: number, more: Attributes = {}): Attributes[] {
    return Array.from({ length: slices }, (_, i) =>
        object({ ...who, series }, {
            ...picture({ rows: 128, columns: 128, bits: 8, values: slice(i) }),
            "0008,0060 CS": "MR",
            "0008,1030 LO": "Knee",
            "0008,103E LO": `Stack ${number}`,
            "0018,0050 DS": 3,
            "0020,0011 IS": number,
            "0020,0013 IS": i + 1,
            "0020,0032 DS": [0, 0, 3 * i],
            "0020,0037 DS": [1, 0, 0, 0, 1, 0],
            "0020,1041 DS": 3 * i,
            "0028,0030 DS": [0.5, 0.5],
            ...more,
        }),
    );
}

const who: Identity = { study: newUid(), series: newUid(), patientName: `Reading^Rita`, patientId: mark() };
const second = newUid();
const report = newUid();
const film = newUid();

test.beforeAll(async () => {
    const frames = 12;
    await store([...stack(who, who.series, 1).reverse(), ...stack(who, second, 2)]);
    await store([
        object({ ...who, series: film }, {
            ...picture({ rows: 64, columns: 64, bits: 8, values: Array.from({ length: 64 * 64 }, () => 0) }),
            "7FE0,0010 OB": Uint8Array.from({ length: frames * 64 * 64 }, (_, i) => 20 * Math.floor(i / 4096)),
            "0008,0060 CS": "ES", /* not one that begins by itself */
            "0008,103E LO": "Film",
            "0018,1063 DS": 40,
            "0020,0011 IS": 3,
            "0028,0008 IS": frames,
        }),
        object({ ...who, series: report }, {
            "0008,0016 UI": ReportSr,
            "0008,0060 CS": "SR",
            "0008,103E LO": "Findings",
            "0020,0011 IS": 9,
            "0040,A043 SQ": [{ "0008,0100 SH": "18748-4", "0008,0102 SH": "LN", "0008,0104 LO": "Diagnostic imaging report" }],
        }),
    ]);
});

const grey = async (page: import("@playwright/test").Page, index = 0) => (await colorsAt(page, [[0.55, 0.55]], 1, index))[0]![0];

test("scrolls by wheel, keys, bar and drag, in the order of the instance numbers", async ({ page }) => {
    await openStudy(page, who.study);
    await imageIs(page, 1);
    expect(await grey(page)).toBe(0);
    await page.keyboard.press("ArrowDown");
    await imageIs(page, 2);
    expect(await grey(page)).toBe(10);
    await page.keyboard.press("End");
    await imageIs(page, slices);
    expect(await grey(page)).toBe(230);
    await page.keyboard.press("PageUp");
    await imageIs(page, slices - 2);
    await page.keyboard.press("Home");
    await imageIs(page, 1);
    await pane(page).hover();
    await page.mouse.wheel(0, 120);
    await imageIs(page, 2);
    const bar = (await page.locator(".stack-bar").boundingBox())!;
    await page.mouse.click(bar.x + bar.width / 2, bar.y + bar.height / 2);
    await expect(page.locator(".corner.bl")).toContainText(/Image 1[23] \/ 24/);
    await page.keyboard.press("s");
    const box = (await pane(page).boundingBox())!;
    await page.mouse.move(box.x + 400, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + 400, box.y + 200 + 24 * 5, { steps: 10 });
    await page.mouse.up();
    await expect(page.locator(".corner.bl")).toContainText(/Image 1[78] \/ 24/);
});

test("the address names series and image, and opens them again", async ({ page }) => {
    await openStudy(page, who.study, `?series=${second}&image=7`);
    await imageIs(page, 7);
    expect(await grey(page)).toBe(60);
    await expect(page.locator(".card.on .card-title")).toHaveText("Stack 2");
    await page.keyboard.press("ArrowDown");
    await expect(page).toHaveURL(/image=8$/);
});

test("overlay tells patient, study, series, place and sides", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}&image=3`);
    await expect(page.locator(".corner.tl")).toContainText("Reading, Rita");
    await expect(page.locator(".corner.tr")).toContainText("Knee");
    await expect(page.locator(".corner.bl")).toContainText("Series 1 · Stack 1");
    await expect(page.locator(".corner.bl")).toContainText("Image 3 / 24");
    await expect(page.locator(".corner.bl")).toContainText("Loc 6.0 mm");
    await expect(page.locator(".corner.bl")).toContainText("Thk 3 mm");
    const letters = async () => Promise.all(["top", "right", "bottom", "left"].map((s) => page.locator(`.letter.${s}`).textContent()));
    expect(await letters()).toEqual(["A", "L", "P", "R"]);
    await page.keyboard.press("h");
    await expect.poll(letters).toEqual(["A", "R", "P", "L"]);
    await page.keyboard.press("0");
    await expect.poll(letters).toEqual(["A", "L", "P", "R"]);
    await page.keyboard.press("r");
    await expect.poll(async () => (await letters())[1]).toBe("A");
    await page.keyboard.press("0");
    await expect.poll(letters).toEqual(["A", "L", "P", "R"]);
    await page.keyboard.press("o");
    await expect(page.locator(".overlay")).toHaveCount(0);
});

test("rotating and mirroring move the picture as they say", async ({ page }) => {
    await openStudy(page, who.study);
    const white = async () => {
        const corners = await colorsAt(page, [[1 / 16, 1 / 16], [15 / 16, 1 / 16], [15 / 16, 15 / 16], [1 / 16, 15 / 16]]);
        return corners.map((c) => c[0]! > 200);
    };
    await expect.poll(white).toEqual([true, false, false, false]);
    await page.keyboard.press("h");
    await expect.poll(white).toEqual([false, true, false, false]);
    await page.keyboard.press("0");
    await expect.poll(white).toEqual([true, false, false, false]);
    await page.keyboard.press("r");
    await expect.poll(white).toEqual([false, true, false, false]);
});

test("drags set window, zoom and pan", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}&image=13`);
    const box = (await pane(page).boundingBox())!;
    const drag = async (dx: number, dy: number) => {
        await page.mouse.move(box.x + 500, box.y + 350);
        await page.mouse.down();
        await page.mouse.move(box.x + 500 + dx, box.y + 350 + dy, { steps: 5 });
        await page.mouse.up();
    };
    await expect(page.locator(".corner.br")).toContainText("W 256 L 128");
    expect(await grey(page)).toBe(120);
    await drag(-140, 0);
    await expect(page.locator(".corner.br")).toContainText("W 128 L 128");
    await page.keyboard.press("0");
    await drag(0, -70);
    await expect(page.locator(".corner.br")).toContainText("W 256 L 64");
    await expect.poll(() => grey(page)).toBeGreaterThan(180);
    await page.keyboard.press("0");
    await page.keyboard.press("z");
    const zoomed = async () => Number(/Zoom (\d+) %/.exec((await page.locator(".corner.br").textContent()) ?? "")?.[1]);
    const before = await zoomed();
    await drag(0, -100);
    await expect.poll(zoomed).toBeGreaterThan(before * 1.5);
    await page.keyboard.press("f");
    await expect.poll(zoomed).toBe(before);
    await page.keyboard.press("p");
    await drag(160, 0);
    const moved = (await colorsAt(page, [[0.05, 0.5]]))[0]![0];
    expect(moved).toBe(0); /* the picture has left this place */
});

test("plays at the rate of the object, and stops", async ({ page }) => {
    await openStudy(page, who.study, `?series=${film}`);
    await expect(page.locator(".rate")).toHaveText("25/s");
    await expect(page.locator(".corner.bl")).toContainText("Image 1 / 12");
    await page.keyboard.press(" ");
    const seen = new Set<string | null>();
    await expect
        .poll(async () => {
            seen.add(await pane(page).getAttribute("data-image"));
            return seen.size;
        })
        .toBeGreaterThan(4);
    await page.keyboard.press(" ");
    await page.keyboard.press("End");
    await imageIs(page, 12);
    expect(await grey(page)).toBe(220);
});

test("two panes show two series, and keys go to the active one", async ({ page }) => {
    await openStudy(page, who.study);
    await page.getByRole("button", { name: "Two panes" }).click();
    await imageIs(page, 1, 1);
    await pane(page, 1).click({ position: { x: 100, y: 300 } });
    await page.keyboard.press("End");
    await imageIs(page, slices, 1);
    await imageIs(page, 1, 0);
    expect(await grey(page, 1)).toBe(230);
    expect(await grey(page, 0)).toBe(0);
    await page.locator(`.card[data-series="${film}"]`).click();
    await expect(page.locator('[data-pane="1"] .corner.bl')).toContainText("Film");
    await page.getByRole("button", { name: "One pane" }).click();
    await expect(page.locator(".pane")).toHaveCount(1);
    await expect(page.locator(".corner.bl")).toContainText("Film");
});

test("each series has its thumbnail", async ({ page }) => {
    await openStudy(page, who.study);
    await expect(page.locator(".card")).toHaveCount(4);
    for (const uid of [who.series, second, film, report]) await expect(page.locator(`.card[data-series="${uid}"]`)).toHaveAttribute("data-picture", "drawn");
    const middle = await page.locator(`.card[data-series="${who.series}"] img`).evaluate((el: HTMLImageElement) => {
        const context = new OffscreenCanvas(el.naturalWidth, el.naturalHeight).getContext("2d")!;
        context.drawImage(el, 0, 0);
        return [...context.getImageData(el.naturalWidth >> 1, el.naturalHeight >> 1, 1, 1).data];
    });
    for (const [i, v] of [120, 120, 120, 255].entries()) expect(Math.abs(middle[i]! - v)).toBeLessThanOrEqual(2); /* it is a JPEG */
});

test("an object without an image says what it is and can be saved", async ({ page }) => {
    await page.goto(`/ui/study/${who.study}?series=${report}`);
    await expect(page.locator(".object strong")).toHaveText("Structured report");
    await expect(page.locator(".object")).toContainText("Findings");
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "DICOM file" }).click();
    const saved = await (await saving).createReadStream();
    const chunks: Buffer[] = [];
    for await (const c of saved) chunks.push(c as Buffer);
    const bytes = Buffer.concat(chunks);
    expect(bytes.subarray(128, 132).toString()).toBe("DICM");
    await page.getByRole("button", { name: "Tags" }).last().click();
    await expect(page.getByRole("dialog")).toContainText("Diagnostic imaging report");
});

test("objects among the images of a series are not lost", async ({ page }) => {
    const mixed: Identity = { study: newUid(), series: newUid(), patientName: "Mixed^Mia", patientId: mark() };
    await store([
        object(mixed, picture({ rows: 128, columns: 128, bits: 8, values: slice(5) })),
        object(mixed, { "0008,0016 UI": ReportSr, "0020,0013 IS": 2 }),
    ]);
    await openStudy(page, mixed.study);
    await page.getByRole("button", { name: "1 other object" }).click();
    await expect(page.locator(".object strong")).toHaveText("Structured report");
    await page.getByRole("button", { name: "Back to the images" }).click();
    await expect(page.locator(".object")).toHaveCount(0);
    expect(await grey(page)).toBe(50);
});

test("the tag browser searches names, values and tags, sequences and all", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}&image=5`);
    await page.keyboard.press("t");
    const search = page.getByLabel("Search the tags");
    await expect(search).toBeFocused();
    const table = page.getByRole("table");
    await search.fill("slice loc");
    await expect(table.getByRole("row")).toHaveCount(1);
    await expect(table).toContainText("(0020,1041)");
    await expect(table).toContainText("12");
    await search.fill("00100010");
    await expect(table).toContainText("Reading^Rita");
    await page.getByRole("dialog").locator("input[type=range]").fill("6");
    await search.fill("instance number");
    await expect(table.locator(".tag-value")).toHaveText("7");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await imageIs(page, 5);
});

test("the frame that was asked for last is the one that is shown and named", async ({ page }) => {
    await openStudy(page, who.study);
    const card = page.locator(`.card[data-series="${who.series}"]`);
    for (let turn = 0; turn < 5; turn++) {
        await card.click();
        await pane(page).focus();
        for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown"); /* while the stack opens anew */
        await page.waitForTimeout(300);
        const image = Number(await pane(page).getAttribute("data-image"));
        expect(await grey(page), `image ${image}`).toBe(10 * (image - 1));
    }
});

test("help lists the keys and closes on Escape", async ({ page }) => {
    await openStudy(page, who.study);
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toContainText("Next image");
    await page.keyboard.press("Escape");
    await expect(page.getByRole("dialog")).toHaveCount(0);
    await expect(page).toHaveURL(/study/);
});

test("an object that breaks off is refused or shown as broken, and the rest stays readable", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource/);
    const other: Identity = { study: newUid(), series: newUid(), patientName: "Broken^Ben", patientId: mark() };
    const good = object(other, { ...picture({ rows: 128, columns: 128, bits: 8, values: slice(9) }), "0020,0013 IS": 1 });
    const short = object(other, {
        ...picture({ rows: 128, columns: 128, bits: 8, values: slice(9) }),
        "0020,0013 IS": 2,
        "7FE0,0010 OB": new Uint8Array(100),
    });
    expect(part10(short).length).toBeLessThan(part10(good).length);
    await store([good, short]);
    await openStudy(page, other.study);
    await page.keyboard.press("End");
    await expect(page.getByRole("alert")).toContainText("This image cannot be shown");
    await page.keyboard.press("Home");
    await imageIs(page, 1);
    await expect(page.getByRole("alert")).toHaveCount(0);
    expectGreys(await colorsAt(page, blockMiddles.slice(1)), Array.from({ length: 63 }, () => 90));
});
