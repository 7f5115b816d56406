/* Writing reports: sections with a measurement in them, signed, read by others, read again, amended; preliminary ones; PDF. */
import type { Page } from "@playwright/test";
import { CtImage, newUid, object, picture, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { assertValid, bytesOf, judged, storedObjects, value, type Json } from "../lib/stored";
import { expect, imageIs, mark, openStudy, test } from "../lib/test";

const [rows, columns] = [96, 128];
const mm = 0.5; /* of a pixel */

async function phantom(): Promise<Identity> {
    const who: Identity = { study: newUid(), series: newUid(), patientName: "Prüfer^Änne", patientId: mark() };
    await store(
        [0, 1, 2].map((i) =>
            object(who, {
                ...picture({ rows, columns, bits: 16, values: Array.from({ length: rows * columns }, (_, at) => (at % columns) + 100 * i) }),
                "0008,0016 UI": CtImage,
                "0008,0020 DA": "20260203",
                "0008,0060 CS": "CT",
                "0020,0013 IS": i + 1,
                "0020,0032 DS": [0, 0, 3 * i],
                "0020,0037 DS": [1, 0, 0, 0, 1, 0],
                "0020,0052 UI": `${who.study}.1`,
                "0028,0030 DS": [mm, mm],
            }),
        ),
    );
    return who;
}

/* The oldest first. */
async function stored(study: string, modality: string): Promise<Json[]> {
    return (await storedObjects(study, modality)).sort((a, b) => Number(value(a, "00200011")) - Number(value(b, "00200011")));
}

async function measure(page: Page, row: number, pixels: number): Promise<void> {
    const box = (await page.locator('[data-pane="0"] .stage').boundingBox())!;
    const scale = Math.min(box.width / columns, box.height / rows);
    const [left, top] = [box.x + (box.width - columns * scale) / 2, box.y + (box.height - rows * scale) / 2];
    const at = (c: number): [number, number] => [left + c * scale, top + row * scale];
    await page.keyboard.press("l");
    await page.mouse.move(...at(20));
    await page.mouse.down();
    await page.mouse.move(...at(20 + pixels / 2));
    await page.mouse.move(...at(20 + pixels));
    await page.mouse.up();
    await page.keyboard.press("w");
}

const openPanel = (page: Page) => page.getByRole("button", { name: "Report", exact: true }).click();
const section = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });
const notes = (page: Page) => page.locator(".report-notes");
const payload = "<img src=x onerror=\"window.ran=1\"><script>window.ran=1</script>";

test("a report with a measurement in it is signed, valid, printed, read again and amended", async ({ page }) => {
    const who = await phantom();
    await openStudy(page, who.study, `?series=${who.series}&image=2`);
    await imageIs(page, 2);
    await measure(page, 40, 80);
    await openPanel(page);
    await page.getByLabel("Template").selectOption({ label: "General" });
    await page.getByRole("button", { name: "Write", exact: true }).click();
    await section(page, "Indication").fill(payload);
    await section(page, "Findings").fill("A lesion of");
    await page.locator('[data-section="59776-5"] .report-insert [data-mark]').click();
    await expect(section(page, "Findings")).toHaveValue("A lesion of [1]");
    const link = page.locator('[data-section="59776-5"] [data-link="1"]');
    await expect(link).toHaveText(/^(39\.[89]|40\.[0-2]) mm \[1\]$/);
    const said = await link.innerText();

    await page.getByRole("button", { name: "Sign and store" }).click();
    await expect(notes(page)).toContainText("“Impression” is empty");
    await expect(notes(page)).toContainText("Your name is missing");
    await section(page, "Impression").fill("Ein Größenwert.");
    await page.getByLabel("Your name").fill("Änderer, Käthe");
    await page.getByLabel("Organization").fill("Haus <b>Nord</b>");

    await page.locator('[data-pane="0"]').focus();
    await page.keyboard.press("Delete"); /* the chosen measurement */
    await expect(link).toHaveClass(/gone/);
    await page.getByRole("button", { name: "Sign and store" }).click();
    await expect(notes(page)).toContainText("was deleted");
    await page.locator('[data-pane="0"]').focus();
    await page.keyboard.press("Control+z");
    await expect(link).not.toHaveClass(/gone/);
    await page.getByRole("button", { name: "Sign and store" }).click();
    await expect(notes(page)).toHaveText("The report is signed and stored");

    const [report] = await stored(who.study, "SR");
    const [pdf] = await stored(who.study, "DOC");
    expect([value(report, "00080016"), value(report, "0040A491"), value(report, "0040A493")]).toEqual(["1.2.840.10008.5.1.4.1.1.88.33", "COMPLETE", "VERIFIED"]);
    expect(JSON.stringify(report!["0040A073"])).toContain("Änderer^Käthe");
    const length = Number(/"0040A161":\{"vr":"FD","Value":\[([^\]]*)\]/.exec(JSON.stringify(report))![1]);
    expect(`${length.toFixed(1)} mm [1]`).toBe(said);
    expect(length / mm).toBeGreaterThan(79.5);
    expect(length / mm).toBeLessThan(80.5);
    await assertValid([report!, pdf!]);
    const file = await bytesOf(pdf!, "/rendered", "application/pdf");
    expect(file.subarray(0, 5).toString()).toBe("%PDF-");
    expect(judged("pdftotext", file, 'pdftotext "$0" -') ?? `A lesion of ${said} Ein Größenwert.`).toMatch(new RegExp(`A lesion of ${said.replace(/[[\].]/g, "\\$&")}[^]*Ein Größenwert\\.`));
    const linked = page.locator(`[data-document="${String(value(report, "00080018"))}"]`);
    await expect(linked).toContainText("signed by Änderer, Käthe, Haus <b>Nord</b>");

    await page.reload();
    await page.locator(".pane[data-image]").first().waitFor();
    await openPanel(page);
    await linked.getByRole("button", { name: "Amend" }).click();
    await expect(section(page, "Indication")).toHaveValue(payload);
    await expect(section(page, "Findings")).toHaveValue("A lesion of [1]");
    await expect(link).toHaveText(said);
    await page.keyboard.press("Home");
    await link.click();
    await imageIs(page, 2);
    await page.getByLabel("Add a section").selectOption({ label: "Addendum" });
    await section(page, "Addendum").fill("Seen again.");
    await page.getByRole("button", { name: "Sign and store" }).click();
    await expect(linked).toContainText("replaced by a later one");
    const [, amended] = await stored(who.study, "SR");
    expect(JSON.stringify(amended!["0040A360"])).toContain(String(value(report, "00080018")));
    const numbers = (ds: Json) => JSON.stringify(ds).match(/"0040A161":\{"vr":"FD","Value":\[[^\]]*\]/g);
    expect(numbers(amended!)).toEqual(numbers(report!)); /* to the last bit */
    await assertValid([amended!]);
    expect(await page.evaluate(() => (window as unknown as { ran?: number }).ran)).toBeUndefined();
});

test("what is not signed is stored as preliminary, as text and images, and gone on with", async ({ page }) => {
    const who = await phantom();
    await openStudy(page, who.study, `?series=${who.series}&image=3`);
    await imageIs(page, 3);
    await openPanel(page);
    await page.getByRole("button", { name: "Write", exact: true }).click();
    await section(page, "Findings").fill("See");
    await page.getByRole("button", { name: "+ The image on screen" }).click();
    await page.getByLabel("Name of the template").fill("Mine");
    await page.getByRole("button", { name: "Keep as template" }).click();
    await page.getByLabel("Store it as PDF too").uncheck();
    await page.getByRole("button", { name: "Store as preliminary" }).click();
    await expect(notes(page)).toHaveText("The report is stored as preliminary");
    const [first] = await stored(who.study, "SR");
    expect([value(first, "00080016"), value(first, "0040A491"), value(first, "0040A493"), value(first, "0040A496")]).toEqual(["1.2.840.10008.5.1.4.1.1.88.11", "PARTIAL", "UNVERIFIED", "PRELIMINARY"]);
    expect(await stored(who.study, "DOC")).toEqual([]);
    await assertValid([first!]);
    await expect(page.getByLabel("Template").locator("option", { hasText: "Mine" })).toHaveCount(1);
    await page.getByRole("button", { name: "Go on" }).click();
    await expect(section(page, "Findings")).toHaveValue("See [1]");
    await section(page, "Findings").press("Escape"); /* of the field, not of the page */
    await page.getByRole("button", { name: "Discard" }).click();
    await expect(page.locator(".report")).toHaveAttribute("data-writing", "no");
});
