/* Text from DICOM is text: whatever a modality or an attacker writes into a name, nothing runs. */
import { newUid, object, picture } from "../lib/dicom";
import { serverUrl, store } from "../lib/server";
import { expect, mark, openStudy, test } from "../lib/test";

const payloads = [
    "<img src=x onerror=window.hit=1>",
    "<script>window.hit=1</script>",
    '"><svg onload=window.hit=1>',
    "javascript:window.hit=1",
    "{{constructor.constructor('window.hit=1')()}}",
];

test("payloads in every shown text are shown as text", async ({ page }) => {
    const id = mark();
    const tiny = picture({ rows: 8, columns: 8, bits: 8, values: Array.from({ length: 64 }, (_, i) => 4 * i) });
    const uids: string[] = [];
    for (const [i, payload] of payloads.entries()) {
        const who = { study: newUid(), series: newUid(), patientName: payload.slice(0, 60), patientId: `${id}-${i}` };
        uids.push(who.study);
        await store([
            object(who, {
                ...tiny,
                "0008,1030 LO": payload,
                "0008,103E LO": payload,
                "0008,0080 LO": payload,
                "0018,0015 CS": "CHEST",
                "0020,4000 LT": payload,
            }),
        ]);
    }
    await page.goto(`/ui/?id=${id}`);
    await expect(page.locator(".row.study")).toHaveCount(payloads.length);
    await expect(page.locator(".list-body")).toContainText(payloads[0]!);
    for (const [i, uid] of uids.entries()) {
        await openStudy(page, uid);
        await expect(page.locator(".corner.bl")).toContainText(payloads[i]!);
        await expect(page.locator(".card-title")).toHaveText(payloads[i]!);
        await page.keyboard.press("t");
        await page.getByLabel("Search the tags").fill("comments");
        await expect(page.getByRole("table")).toContainText(payloads[i]!);
        expect(await page.evaluate(() => (window as unknown as { hit?: number }).hit)).toBeUndefined();
    }
});

test("a hostile address opens nothing but a page of ours", async ({ page }) => {
    await page.goto("/ui/study/%22%3E%3Cscript%3Ewindow.hit=1%3C%2Fscript%3E");
    await expect(page.getByRole("heading")).toHaveText("There is no such page");
    await page.goto(`/ui/study/${newUid()}`);
    await expect(page.getByRole("heading")).toHaveText("No such study");
});

test("the page comes with a policy that lets nothing in from elsewhere", async ({ request }) => {
    const answer = await request.get(`${serverUrl()}/ui/`);
    const policy = answer.headers()["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'self' 'wasm-unsafe-eval'(;|$)/);
    expect(policy).not.toContain("unsafe-inline");
    expect(answer.headers()["x-content-type-options"]).toBe("nosniff");
    const html = await answer.text();
    const script = /src="(\/ui\/assets\/[^"]+\.js)"/.exec(html)?.[1];
    const asset = await request.get(`${serverUrl()}${script}`);
    expect(asset.headers()["cache-control"]).toContain("immutable");
    expect(asset.headers()["content-type"]).toContain("javascript");
    const lost = await request.get(`${serverUrl()}/ui/assets/lost-00000000.js`);
    expect(lost.status()).toBe(404);
});
