/* Extensions of the site: those of the project's own folder do what they say, and one that is broken harms nobody. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { board, newUid, object, part10, picture, type Attributes } from "../lib/dicom";
import { root, serve, type Running } from "../lib/process";
import { stow } from "../lib/server";
import { expect, test } from "../lib/test";

let server: Running;
let folder: string;

test.beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "isocenter-extensions-"));
    cpSync(join(root, "extensions"), folder, { recursive: true });
    const broken: readonly (readonly [string, string])[] = [
        ["no-function", "export const nothing = 1;"],
        ["throws-late", "export default ({ h }) => ({ id: 'late', layers: [{ id: 'late', View: () => h(() => { throw new Error('drawn badly'); }) }] });"],
        ["throws-now", "throw new Error('not today');"],
    ];
    for (const [name, source] of broken) {
        mkdirSync(join(folder, name));
        writeFileSync(join(folder, name, "index.js"), source);
    }
    server = await serve("extensions", { ISOCENTER_VIEWER_EXTENSIONS: folder });
});
test.afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
});

const code = (value: string, meaning: string): Attributes[] => [{ "0008,0100 SH": value, "0008,0102 SH": "DCM", "0008,0104 LO": meaning }];
const text = (concept: string, value: string): Attributes => ({
    "0040,A010 CS": "CONTAINS", "0040,A040 CS": "TEXT", "0040,A043 SQ": code(concept, concept), "0040,A160 UT": value,
});
const num = (concept: string, value: string, unit: string): Attributes => ({
    "0040,A010 CS": "CONTAINS",
    "0040,A040 CS": "NUM",
    "0040,A043 SQ": code(concept, concept),
    "0040,A300 SQ": [{ "0040,08EA SQ": code(unit, unit), "0040,A30A DS": value }],
});
const container = (concept: string, children: readonly Attributes[]): Attributes => ({
    "0040,A010 CS": "CONTAINS", "0040,A040 CS": "CONTAINER", "0040,A043 SQ": code(concept, concept), "0040,A730 SQ": children,
});

test("a dose report is a table, by the extension that takes its SOP class", async ({ page }) => {
    const study = newUid();
    const event = (protocol: string, ctdi: string, dlp: string) =>
        container("113819", [text("125203", protocol), container("113829", [num("113830", ctdi, "mGy"), num("113838", dlp, "mGy.cm")])]);
    const report: Attributes = {
        "0008,0016 UI": "1.2.840.10008.5.1.4.1.1.88.67",
        "0008,0018 UI": newUid(),
        "0008,0060 CS": "SR",
        "0010,0010 PN": "Dose^Table",
        "0010,0020 LO": "DOSE1",
        "0020,000D UI": study,
        "0020,000E UI": newUid(),
        ...container("113701", [container("113811", [num("113813", "402.5", "mGy.cm")]), event("Topogram", "0.13", "5.5"), event("Chest <b>", "9.25", "397")]),
    };
    expect((await stow([part10(report)], server.url)).status).toBe(200);
    await page.goto(`${server.url}/ui/study/${study}`);
    await expect(page.locator(".dose-report dl")).toContainText("402.5 mGy.cm");
    await expect(page.locator(".dose-report tbody tr")).toHaveCount(2);
    await expect(page.locator(".dose-report tbody tr").nth(1).locator("td")).toHaveText(["Chest <b>", "", "9.25 mGy", "397 mGy.cm"]);
});

test("a layer, an action with its key, and a panel; what is broken is named and the page lives", async ({ page, watch }) => {
    watch.allow.push(/drawn badly/);
    const study = newUid();
    const image = object(
        { patientName: "Age^Of", patientId: "AGE1", study, series: newUid() },
        { ...picture({ rows: 16, columns: 16, bits: 8, values: board(2, (y, x) => 16 * y + x) }), "0010,0030 DA": "19620715", "0008,0020 DA": "20260714" },
    );
    expect((await stow([part10(image)], server.url)).status).toBe(200);
    await page.goto(`${server.url}/ui/study/${study}`);
    await expect(page.locator(".patient-age")).toHaveText("63 y"); /* the birthday is a day later */
    await page.keyboard.press("j");
    await expect(page.locator(".patient-age")).toHaveCount(0);
    await page.getByRole("button", { name: "Age at each study" }).click();
    await expect(page.locator(".patient-ages tr")).toHaveCount(1);
    await expect(page.locator(".patient-ages tr")).toContainText("63 y");
    await expect(page.getByText("late has failed: drawn badly")).toBeVisible();
    await page.getByRole("button", { name: "An extension has failed" }).click();
    await expect(page.getByText("no-function was not loaded: it exports no function")).toBeVisible();
    await expect(page.getByText("throws-now was not loaded: not today")).toBeVisible();
});
