/* The study list: filters, order, paging without end, the keyboard, and the address that names it all. */
import { newUid, object, picture, type Attributes } from "../lib/dicom";
import { store } from "../lib/server";
import { expect, mark, test } from "../lib/test";

const run = mark();
const count = 230;
const tiny = picture({ rows: 8, columns: 8, bits: 8, values: Array.from({ length: 64 }, (_, i) => 4 * i) });

const family = (i: number) => `List${String(i).padStart(3, "0")}`;
const day = (i: number) => `2025${String(1 + Math.floor(i / 28)).padStart(2, "0")}${String(1 + (i % 28)).padStart(2, "0")}`;

function study(i: number): Attributes {
    const who = { study: newUid(), series: newUid(), patientName: `${family(i)}^Ann${i % 7}`, patientId: `${run}-${i}` };
    return object(who, {
        ...tiny,
        "0008,0020 DA": day(i),
        "0008,0030 TM": "0930",
        "0008,0050 SH": `ACC${i}`,
        "0008,0060 CS": i % 10 === 0 ? "MR" : "CT",
        "0008,1030 LO": i % 2 ? "Chest routine" : "Brain without contrast",
        "0010,0030 DA": "19700203",
        "0010,0040 CS": "F",
    });
}

test.beforeAll(async () => {
    await store(Array.from({ length: count }, (_, i) => study(i)), 46);
});

const rows = (page: import("@playwright/test").Page) => page.locator(".row.study");
const mine = `/ui/?id=${run}`;

test("shows what a reader needs of each study", async ({ page }) => {
    await page.goto(`/ui/?id=${run}-17`);
    const row = rows(page).filter({ hasText: "List017" });
    for (const text of ["List017, Ann3", "1970-02-03 · F", `${run}-17`, "2025-01-18", "09:30", "CT", "Chest routine", "ACC17"])
        await expect(row).toContainText(text);
    await expect(row.locator(".c-count")).toHaveText("1 / 1");
});

test("a study that has just been stored shows its picture", async ({ page }) => {
    const id = mark();
    const who = { study: newUid(), series: newUid(), patientName: "Picture^New", patientId: id };
    await store([object(who, picture({ rows: 64, columns: 64, bits: 8, values: Array.from({ length: 64 * 64 }, (_, i) => (i % 64 < 32 ? 40 : 200)) }))], 1);
    const stored = Date.now();
    await page.goto(`/ui/?id=${id}`);
    const img = rows(page).locator(".row-picture img");
    await expect(img).toBeVisible();
    console.log(`  the picture was there ${Date.now() - stored} ms after the study was stored, page load included`);
    const greys = await img.evaluate((el: HTMLImageElement) => {
        const context = new OffscreenCanvas(el.naturalWidth, el.naturalHeight).getContext("2d")!;
        context.drawImage(el, 0, 0);
        return [0.25, 0.75].map((x) => context.getImageData(Math.floor(x * el.naturalWidth), el.naturalHeight >> 1, 1, 1).data[0]!);
    });
    expect(Math.abs(greys[0]! - 40)).toBeLessThanOrEqual(4);
    expect(Math.abs(greys[1]! - 200)).toBeLessThanOrEqual(4);
});

test("filters as one types, and the address keeps the filter", async ({ page }) => {
    await page.goto(mine);
    await page.keyboard.press("/");
    await expect(page.getByLabel("Filter by patient name")).toBeFocused();
    await page.keyboard.type("list04 ANN");
    await expect(rows(page)).toHaveCount(10);
    for (const text of await rows(page).allTextContents()) expect(text).toContain("List04");
    await expect(page).toHaveURL(/name=list04\+ANN/);
    await page.reload();
    await expect(rows(page)).toHaveCount(10);
    await page.getByLabel("Filter by description").fill("brain");
    await expect(rows(page)).toHaveCount(5);
    await page.getByLabel("Filter by modality").selectOption("MR");
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText("List040");
    await page.getByRole("button", { name: "Clear filters" }).click();
    await expect(page).not.toHaveURL(/name=/);
});

test("dates and accession numbers narrow the list", async ({ page }) => {
    await page.goto(mine);
    await page.getByLabel("Studies from").fill("2025-01-05");
    await page.getByLabel("Studies until").fill("2025-01-07");
    await expect(rows(page)).toHaveCount(3);
    await page.goto(mine);
    await page.getByLabel("Filter by accession number").fill("ACC229");
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText("List229");
});

test("answers that are overtaken never reach the screen", async ({ page }) => {
    let held = 0;
    await page.route(/\/dicom-web\/studies\?.*PatientName=\*list1\*/, async (route) => {
        held++;
        await new Promise((done) => setTimeout(done, 1500));
        await route.continue().catch(() => undefined);
    });
    await page.goto(mine);
    const name = page.getByLabel("Filter by patient name");
    await name.fill("list1");
    await expect.poll(() => held).toBe(1);
    await name.fill("list222");
    await expect(rows(page)).toHaveCount(1);
    await page.waitForTimeout(1700);
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText("List222");
});

test("sorts on the server, both ways", async ({ page }) => {
    await page.goto(mine);
    await expect(rows(page).first()).toContainText("List229"); /* newest first */
    await page.getByRole("button", { name: "Patient", exact: true }).click();
    await expect(rows(page).first()).toContainText("List000");
    await page.getByRole("button", { name: "Patient", exact: true }).click();
    await expect(rows(page).first()).toContainText("List229");
    await expect(page).toHaveURL(/sort=-PatientName/);
    await page.getByRole("button", { name: "Date" }).click();
    await page.getByRole("button", { name: "Date" }).click();
    await expect(rows(page).first()).toContainText("List000");
    await expect(page.getByRole("columnheader", { name: "Date" })).toHaveAttribute("aria-sort", "ascending");
});

test("pages without end, and holds few rows at a time", async ({ page }) => {
    await page.goto(`${mine}&sort=PatientName`);
    await expect(rows(page).first()).toContainText("List000");
    const body = page.locator(".list-body");
    await body.focus();
    await page.keyboard.press("End");
    await expect
        .poll(async () => {
            await body.evaluate((el) => (el.scrollTop = el.scrollHeight));
            return rows(page).last().textContent();
        })
        .toContain("List229");
    expect(await page.locator(".list-body .row").count()).toBeLessThan(80);
    await expect(page.getByRole("status").first()).toContainText("230 studies");
    const seen = new Set<string>();
    for (let top = 0; top < count * 44; top += 500) {
        await body.evaluate((el, y) => (el.scrollTop = y), top);
        const middle = Math.min(count, Math.ceil(Math.min(top + 300, count * 44 - 1) / 44));
        await page.locator(`.list-body .study[aria-rowindex="${middle + 1}"]`).waitFor();
        await expect(page.locator(".list-body .row.pending")).toHaveCount(0);
        for (const name of await page.locator(".c-name .name").allTextContents()) seen.add(name);
    }
    expect(seen.size).toBe(count);
});

test("opens with the keyboard and comes back to the same row", async ({ page }) => {
    await page.goto(`${mine}&sort=PatientName`);
    await expect(rows(page).first()).toContainText("List000");
    for (let i = 0; i < 30; i++) await page.keyboard.press("ArrowDown");
    await expect(page.locator(".row.on")).toContainText("List030");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/ui\/study\/[0-9.]+/);
    await page.locator(".pane[data-image]").waitFor();
    await expect(page.locator(".who")).toContainText("List030");
    await page.keyboard.press("Escape");
    await expect(page.locator(".row.on")).toContainText("List030");
    await expect(page.locator(".row.on")).toBeInViewport();
    await page.goBack();
    await expect(page.locator(".who")).toContainText("List030");
});

test("says so when nothing matches", async ({ page }) => {
    await page.goto(`${mine}&name=nobody`);
    await expect(page.getByRole("heading", { name: "No study matches" })).toBeVisible();
    await page.getByRole("button", { name: "Clear the filters" }).click();
    await expect(rows(page).first()).toBeVisible();
});

test("says so when the server fails, and recovers", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource/);
    await page.route(/\/dicom-web\/studies\?/, (route) =>
        route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ title: "Index is busy", detail: "try again" }) }),
    );
    await page.goto(mine);
    await expect(page.getByRole("alert")).toContainText("Index is busy: try again");
    await page.unrouteAll();
    await page.getByRole("button", { name: "Try again" }).click();
    await expect(rows(page).first()).toBeVisible();
});
