/* What the browser does not decode, and what has no pixels: the server decodes and draws it. */
import type { Page } from "@playwright/test";
import { board, newUid, object, picture, ReportSr, type Attributes } from "../lib/dicom";
import { store } from "../lib/server";
import { blockMiddles, colorsAt, expect, expectGreys, mark, openStudy, test } from "../lib/test";

const block = 16;
const values = board(block, (r, c) => 4 * (8 * r + c));
const greys = Array.from({ length: 64 }, (_, i) => 4 * i);

async function stored(more: Attributes): Promise<string> {
    const who = { study: newUid(), series: newUid(), patientName: `Server^${mark()}`, patientId: mark() };
    await store([object(who, more)]);
    return who.study;
}

/* The stored frame comes as a JPEG 2000 stream that no decoder takes. */
async function breakStoredFrames(page: Page, decodedToo: boolean): Promise<{ plain: number }> {
    const asked = { plain: 0 };
    await page.route(/\/frames\/1$/, async (route) => {
        const isStored = (route.request().headers()["accept"] ?? "").includes("transfer-syntax=*");
        if (!isStored) asked.plain++;
        if (!isStored) return decodedToo ? route.fulfill({ status: 500, json: { title: "The frame is damaged" } }) : route.continue();
        const head = "--x\r\nContent-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.90\r\n\r\n";
        const body = Buffer.concat([Buffer.from(head), Buffer.from("ff4fff51002900000000", "hex"), Buffer.from("\r\n--x--\r\n")]);
        return route.fulfill({ body, contentType: 'multipart/related; type="application/octet-stream"; boundary=x' });
    });
    return asked;
}

test("a frame that no decoder here takes is decoded by the server", async ({ page, watch }) => {
    watch.allow.push(/console:/); /* the decoder complains */
    const study = await stored(picture({ rows: 8 * block, columns: 8 * block, bits: 8, values }));
    const asked = await breakStoredFrames(page, false);
    await openStudy(page, study);
    expectGreys(await colorsAt(page, blockMiddles), greys);
    expect(asked.plain).toBe(1);
});

test("a frame that the server cannot decode whole is shown as its picture, with a note", async ({ page, watch }) => {
    watch.allow.push(/console:/);
    const study = await stored(picture({ rows: 8 * block, columns: 8 * block, bits: 8, values }));
    await breakStoredFrames(page, true);
    await page.goto(`/ui/study/${study}`);
    const note = page.getByRole("alert");
    await expect(note).toContainText("This image is damaged");
    const drawn = note.locator("img");
    await expect(drawn).toBeVisible();
    expect(await drawn.evaluate((img: HTMLImageElement) => [img.naturalWidth, img.naturalHeight])).toEqual([128, 128]);
});

test("a report is read in the pane, without script and without an origin", async ({ page }) => {
    const study = await stored({
        "0008,0016 UI": ReportSr,
        "0008,0060 CS": "SR",
        "0040,A040 CS": "CONTAINER",
        "0040,A043 SQ": [{ "0008,0100 SH": "18748-4", "0008,0102 SH": "LN", "0008,0104 LO": "Diagnostic imaging report" }],
        "0040,A050 CS": "SEPARATE",
        "0040,A491 CS": "COMPLETE",
        "0040,A493 CS": "UNVERIFIED",
        "0040,A730 SQ": [
            {
                "0040,A010 CS": "CONTAINS",
                "0040,A040 CS": "TEXT",
                "0040,A043 SQ": [{ "0008,0100 SH": "121071", "0008,0102 SH": "DCM", "0008,0104 LO": "Finding" }],
                "0040,A160 UT": "No fracture <script>document.title = 'broken'</script>",
            },
        ],
    });
    await page.goto(`/ui/study/${study}`);
    const frame = page.locator(".object iframe");
    await expect(frame).toHaveAttribute("sandbox", "");
    await expect(page.frameLocator(".object iframe").locator("body")).toContainText("No fracture <script>");
    await page.getByRole("button", { name: "Hide" }).click();
    await expect(frame).toHaveCount(0);
});
