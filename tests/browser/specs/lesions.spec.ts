/* Lesions over time: a baseline that stands in a stored report, a follow-up that is measured here, sums and response by hand. */
import type { Page } from "@playwright/test";
import type { Measurement } from "../../../viewer/src/dicom/measurement";
import { measurementReport } from "../../../viewer/src/dicom/sr-write";
import { CtImage, newUid, object, picture, type Attributes } from "../lib/dicom";
import { serverUrl, store } from "../lib/server";
import { assertValid, bytesOf, judged, storedObjects, value } from "../lib/stored";
import { expect, mark, openStudy, test } from "../lib/test";

const [rows, columns] = [96, 128];
const mm = 0.4; /* of a pixel */
const patientId = mark();
const baseline = { study: newUid(), series: newUid(), patientName: "Lesion^Lea", patientId };
const followUp = { ...baseline, study: newUid(), series: newUid() };

const slice = (who: typeof baseline, date: string): Attributes =>
    object(who, {
        ...picture({ rows, columns, bits: 16, values: Array.from({ length: rows * columns }, (_, i) => i % columns) }),
        "0008,0016 UI": CtImage,
        "0008,0020 DA": date,
        "0008,0060 CS": "CT",
        "0018,0050 DS": 1,
        "0020,0032 DS": [0, 0, 0],
        "0020,0037 DS": [1, 0, 0, 0, 1, 0],
        "0020,0052 UI": "2.25.99",
        "0028,0030 DS": [mm, mm],
    });

async function storeReport(image: Attributes, list: readonly Measurement[]): Promise<void> {
    const { study, series } = baseline;
    const found = (await (await fetch(`${serverUrl()}/dicom-web/studies/${study}/series/${series}/metadata`)).json()) as Parameters<typeof measurementReport>[1];
    const report = measurementReport(list, found, { date: new Date("2026-01-15T12:00:00Z"), seriesNumber: 900, seriesDescription: "Baseline" });
    const boundary = "isocenter-lesions";
    const res = await fetch(`${serverUrl()}/dicom-web/studies`, {
        method: "POST",
        headers: { "Content-Type": `multipart/related; type="application/dicom+json"; boundary=${boundary}`, Accept: "application/dicom+json" },
        body: `--${boundary}\r\nContent-Type: application/dicom+json\r\n\r\n${JSON.stringify([report])}\r\n--${boundary}--\r\n`,
    });
    if (res.status !== 200) throw new Error(`STOW-RS of ${String(image["0008,0018 UI"])}: ${res.status} ${await res.text()}`);
}

test.beforeAll(async () => {
    const image = slice(baseline, "20260115");
    await store([image, slice(followUp, "20260415")]);
    const common = { spacing: "calibrated", color: "#6cd08a", locked: false, hidden: false, created: "2026-01-15T12:00:00.000Z" } as const;
    const on = { study: baseline.study, series: baseline.series, instance: String(image["0008,0018 UI"]), sopClass: CtImage, frame: 1 };
    await storeReport(image, [
        { ...common, uid: newUid(), kind: "length", label: "T1", on, points: [[10, 10], [60, 10]], quantities: [{ name: "length", value: 20, unit: "mm" }],
          lesion: { uid: newUid(), role: "target", organ: "Liver", nodal: false, number: 1, state: "measured", modality: "CT" } },
        { ...common, uid: newUid(), kind: "label", label: "NT1", quantities: [], lesion: { uid: newUid(), role: "nonTarget", organ: "Bone", nodal: false, number: 1, state: "present" } },
    ]);
});

async function measure(page: Page, row: number, pixels: number): Promise<void> {
    const box = (await page.locator('[data-pane="0"] .stage').boundingBox())!;
    const scale = Math.min(box.width / columns, box.height / rows);
    const [left, top] = [box.x + (box.width - columns * scale) / 2, box.y + (box.height - rows * scale) / 2];
    const at = (c: number): [number, number] => [left + c * scale, top + row * scale];
    await page.keyboard.press("w"); /* pressed again, the key of a tool puts it away */
    await page.keyboard.press("l");
    await page.mouse.move(...at(20));
    await page.mouse.down();
    await page.mouse.move(...at(20 + pixels / 2));
    await page.mouse.move(...at(20 + pixels));
    await page.mouse.up();
}

test("a lesion measured again is followed from its baseline: sum, change, response", async ({ page }) => {
    await openStudy(page, followUp.study);
    await page.getByRole("button", { name: "Lesions over time" }).click();
    const row = (name: string) => page.locator(`.lesions [data-lesion="${name}"]`);
    const result = (name: string) => page.locator(`.lesions [data-row="${name}"] td`).nth(1);
    await expect(row("T1").locator("td").first()).toHaveText("20.0");
    await expect(row("NT1").locator("td").first()).toHaveText("present");
    await expect(row("T1")).toContainText("Nothing is said of it yet");
    await expect(result("overall")).toHaveText("NE");
    await page.keyboard.press("f"); /* the pane is narrower now */

    await measure(page, 30, 65); /* 26 mm: 30 % and 6 mm more */
    await row("T1").getByRole("combobox").selectOption({ label: "the chosen measurement" });
    await row("NT1").getByRole("combobox").selectOption({ label: "present" });
    await expect(result("sum")).toHaveText(/^(25\.[89]|26\.[01])$/);
    await expect(result("baseline")).toHaveText(/^\+(29|30|31) %$/);
    await expect(result("overall")).toHaveText("PD");
    await page.getByRole("checkbox", { name: "iRECIST" }).click();
    await expect(result("overall")).toHaveText("iUPD");
    await page.getByRole("checkbox", { name: "iRECIST" }).click();

    await measure(page, 50, 32); /* 12.8 mm: 36 % less; the longer one is an ordinary mark again */
    await row("T1").getByRole("combobox").selectOption({ label: "the chosen measurement" });
    await expect(result("sum")).toHaveText(/^12\.[789]$/);
    await expect(result("overall")).toHaveText("PR");

    await row("T1").getByRole("combobox").selectOption({ label: "absent" });
    await row("NT1").getByRole("combobox").selectOption({ label: "absent" });
    await expect(result("overall")).toHaveText("CR");

    await measure(page, 70, 20); /* 8 mm that were not there: progression whatever the rest does */
    await page.getByLabel("Role").selectOption({ label: "New lesion" });
    await page.getByLabel("Organ").fill("Brain");
    await page.getByRole("button", { name: "Follow this lesion" }).click();
    await expect(row("N1").getByRole("combobox")).toHaveValue("measured");
    await expect(result("new")).toHaveText("yes");
    await expect(result("overall")).toHaveText("PD");

    await page.getByRole("button", { name: "Save as report" }).click();
    await expect(page.locator(".lesion-notes")).toHaveText("The course is stored as a report");
    const [report] = await storedObjects(followUp.study, "SR");
    const [pdf] = await storedObjects(followUp.study, "DOC");
    expect([value(report, "00080016"), value(report, "0040A493")]).toEqual(["1.2.840.10008.5.1.4.1.1.88.33", "UNVERIFIED"]);
    expect(JSON.stringify(report)).toContain('"response-PD"');
    await assertValid([report!, pdf!]);
    const text = judged("pdftotext", await bytesOf(pdf!, "/rendered", "application/pdf"), 'pdftotext -layout "$0" -');
    if (text !== undefined) for (const said of [/T1 Liver: 20\.0 mm/, /T1 Liver: absent/, /N1 Brain: [78]\.\d mm/, /RECIST 1\.1: PD/]) expect(text).toMatch(said);
});
