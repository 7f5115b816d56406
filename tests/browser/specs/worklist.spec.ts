/* What is done with the studies of the list: kept searches, columns, preview, several at once, download, deletion. */
import { inflateRawSync } from "node:zlib";
import type { Page } from "@playwright/test";
import { board, newUid, object, part10, picture, type Identity } from "../lib/dicom";
import { serve, type Running } from "../lib/process";
import { serverUrl, store, stow } from "../lib/server";
import { colorsAt, expect, imageIs, mark, test } from "../lib/test";

const run = mark();
const flat = (grey: number) => picture({ rows: 128, columns: 128, bits: 8, values: board(16, () => grey) });
const patient = (name: string): Identity => ({ study: newUid(), series: newUid(), patientName: `${name}^Wanda`, patientId: `${run}-${name}` });

const now = patient("Now");
const second = newUid();
const before: Identity = { ...now, study: newUid(), series: newUid() };
const other = patient("Other");
const doomed = patient("Doomed");
const greys = new Map([[now.study, 60], [before.study, 120], [other.study, 180], [doomed.study, 240]]);

function study(who: Identity, day: string, description: string, more = {}) {
    return object(who, { ...flat(greys.get(who.study)!), "0008,0020 DA": day, "0008,0060 CS": "MR", "0008,1030 LO": description, "0008,103E LO": `${description} series`, "0008,0090 PN": "Ref^Rob", ...more });
}

test.beforeAll(async () => {
    await store([
        study(now, "20260110", "Knee now"),
        study({ ...now, series: second }, "20260110", "Knee now", { "0020,0011 IS": 2, "0008,103E LO": "Second series" }),
        study(before, "20240110", "Knee before"),
        study(other, "20260109", "Hip"),
        study(doomed, "20260108", "Head"),
    ]);
});

const rows = (page: Page) => page.locator(".row.study");
const row = (page: Page, who: Identity) => page.locator(`.row.study[data-study="${who.study}"]`);
const mine = `/ui/?id=${run}`;
const grey = async (page: Page, index = 0) => (await colorsAt(page, [[0.5, 0.5]], 1, index))[0]![0];

test("a search kept under a name is found again", async ({ page }) => {
    await page.goto(`${mine}&description=hip`);
    await expect(rows(page)).toHaveCount(1);
    await page.getByRole("button", { name: "Save this search" }).click();
    await page.getByLabel("Name", { exact: true }).fill("Hips");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.goto(mine);
    await expect(rows(page)).toHaveCount(4);
    await page.getByRole("button", { name: "Hips", exact: true }).click();
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page)).toContainText("Other, Wanda");
    await expect(page).toHaveURL(/description=hip/);
    await page.getByRole("button", { name: "Forget the search Hips" }).click();
    await page.reload();
    await expect(rows(page)).toHaveCount(1);
    await expect(page.locator(".searches")).toHaveCount(0);
});

test("columns are chosen, put in order, and kept", async ({ page }) => {
    await page.goto(mine);
    await expect(rows(page)).toHaveCount(4);
    await page.getByRole("button", { name: "Settings" }).click();
    await page.locator('[data-column="referrer"] input').check();
    await page.locator('[data-column="accession"] input').uncheck();
    await page.getByRole("button", { name: "Description further to the front" }).click();
    await page.keyboard.press("Escape");
    await page.reload();
    await expect(page.locator(".list-head [role=columnheader]")).toContainText(["Patient", "Patient ID", "Date", "Description", "Modality", "Series / images", "Referred by"]);
    await expect(rows(page).first()).toContainText("Ref, Rob");
    await page.getByLabel("Filter by referring physician").fill("nobody");
    await expect(rows(page)).toHaveCount(0);
    await page.getByRole("button", { name: "Clear filters" }).click();
});

test("the preview shows series with their pictures and the patient's other studies, and opens both side by side", async ({ page }) => {
    await page.goto(`/ui/?id=${run}-Now&sort=StudyDate`);
    await expect(rows(page)).toHaveCount(2);
    await page.getByRole("button", { name: "Series of Now, Wanda" }).last().click();
    const panel = page.getByRole("complementary", { name: "Study" });
    await expect(panel.locator("[data-series]")).toHaveCount(2);
    await expect(panel).toContainText("Second series");
    await expect(panel.locator(`[data-series="${now.series}"] img`)).toBeVisible();
    await expect(panel.locator(".priors li")).toHaveCount(1);
    await expect(panel.locator(".priors")).toContainText("2024-01-10");
    await panel.getByRole("button", { name: "Compare" }).click();
    await expect(page).toHaveURL(new RegExp(`/study/${now.study},${before.study}`));
    await imageIs(page, 1);
    await expect(page.locator(".strip-study")).toHaveCount(2);
    await expect(page.locator(`.strip-study[data-study="${before.study}"]`)).toContainText("2024-01-10");
    expect(await grey(page)).toBe(60);
    await page.getByRole("button", { name: "Two panes" }).click();
    await page.locator('[data-pane="1"]').click({ position: { x: 60, y: 300 } });
    await page.locator(`.card[data-series="${before.series}"]`).click();
    await expect(page.locator('[data-pane="1"]')).toHaveAttribute("data-series", before.series);
    await imageIs(page, 1, 1);
    expect(await grey(page, 1)).toBe(120);
    expect(await grey(page, 0)).toBe(60);
});

test("chosen studies open together, and next and previous walk the list without a reload", async ({ page }) => {
    await page.goto(`${mine}&sort=PatientName`);
    await expect(rows(page)).toHaveCount(4);
    await row(page, other).getByRole("checkbox").check();
    await row(page, doomed).getByRole("checkbox").check();
    await expect(page.getByRole("toolbar", { name: "Chosen studies" })).toContainText("2 studies chosen");
    await page.getByRole("button", { name: "Open together" }).click();
    await imageIs(page, 1);
    await expect(page.locator(".card")).toHaveCount(2);
    await page.keyboard.press("Escape");
    await row(page, doomed).locator(".c-name").click(); /* first of the list: Doomed, Now, Now, Other */
    await imageIs(page, 1);
    await page.evaluate(() => ((window as { isSame?: boolean }).isSame = true));
    await expect(page.getByRole("button", { name: "Previous study of the list" })).toBeDisabled();
    const seen = [await grey(page)];
    for (let i = 0; i < 3; i++) {
        const url = page.url();
        await page.getByRole("button", { name: "Next study of the list" }).click();
        await expect(page).not.toHaveURL(url);
        await imageIs(page, 1);
        seen.push(await grey(page));
    }
    expect(seen[0]).toBe(240);
    expect(seen.slice(1, 3).sort()).toEqual([120, 60]);
    expect(seen[3]).toBe(180);
    await expect(page.getByRole("button", { name: "Next study of the list" })).toBeDisabled();
    await page.keyboard.press("<");
    await expect(page.locator(".who")).toContainText("Now");
    expect(await page.evaluate(() => (window as { isSame?: boolean }).isSame)).toBe(true);
});

test("the download is an archive with every object of the study", async ({ page }) => {
    await page.goto(`/ui/?id=${run}-Now&description=now`);
    await page.getByRole("button", { name: "Series of Now, Wanda" }).click();
    await page.getByRole("button", { name: "Download…" }).click();
    const files = await saved(page);
    expect(files.size).toBe(2);
    for (const series of [now.series, second]) expect([...files.keys()].some((n) => n.includes(series))).toBe(true);
    for (const bytes of files.values()) expect(bytes.subarray(128, 132).toString()).toBe("DICM");
});

test.describe("what leaves", () => {
    let sender: Running, receiver: Running;
    const subject: Identity = { study: newUid(), series: newUid(), patientName: "Leaving^Lea", patientId: `${run}-SECRET` };

    test.beforeAll(async () => {
        receiver = await serve("receiver");
        sender = await serve("sender", {}, { peers: [{ aet: "NOWHERE", host: "127.0.0.1", port: 9 }, { aet: "RECEIVER", host: "127.0.0.1", port: Number(receiver.dicom!.split(":").pop()) }], send_tries: 1 });
        const images = [1, 2, 3].map((n) => part10(object(subject, { ...flat(90), "0008,0020 DA": "20260107", "0008,1030 LO": "Leaving study", "0020,0013 IS": n })));
        expect((await stow(images, sender.url)).status).toBe(200);
    });
    test.afterAll(async () => void (await Promise.all([sender?.stop(), receiver?.stop()])));

    test("a study is sent to a peer and arrives; a peer that is not there is said", async ({ page }) => {
        await page.goto(`${sender.url}/ui/`);
        await row(page, subject).click({ button: "right" });
        await page.getByRole("menuitem", { name: "Send to…" }).click();
        const dialog = page.getByRole("dialog");
        await dialog.getByLabel("Receiver").selectOption("RECEIVER");
        await dialog.getByRole("button", { name: "Send", exact: true }).click();
        await expect(dialog.getByRole("status")).toHaveText("3 objects were sent to RECEIVER");
        const there = await (await fetch(`${receiver.url}/dicom-web/studies/${subject.study}/instances`)).json();
        expect(there).toHaveLength(3);
        await page.keyboard.press("Escape");
        await row(page, subject).getByRole("checkbox").check();
        await page.getByRole("toolbar", { name: "Chosen studies" }).getByRole("button", { name: "Send to…" }).click();
        await expect(dialog.getByLabel("Receiver")).toHaveValue("RECEIVER"); /* the last one */
        await dialog.getByLabel("Receiver").selectOption("NOWHERE");
        await dialog.getByRole("button", { name: "Send", exact: true }).click();
        await expect(dialog.getByRole("status")).toHaveText("Only 0 of 3 objects were sent to NOWHERE");
        await expect(dialog.getByRole("alert")).not.toBeEmpty();
    });

    test("a de-identified archive has a DICOMDIR and nobody's name, and its objects fit together", async ({ page }) => {
        await page.goto(`${sender.url}/ui/`);
        await row(page, subject).click({ button: "right" });
        await page.getByRole("menuitem", { name: "Download…" }).click();
        await page.getByLabel("For discs: uncompressed, with a DICOMDIR").check();
        await page.getByLabel("De-identified: without what tells whose images they are").check();
        await page.getByLabel("Images that may show names").check(); /* the phantoms are secondary captures */
        const files = await saved(page);
        expect([...files.keys()].sort()).toEqual(["DEIDENT.TXT", "DICOM/D0000000/I0000000", "DICOM/D0000000/I0000001", "DICOM/D0000000/I0000002", "DICOMDIR"]);
        const uids = new Set<string>();
        for (const [name, bytes] of files) {
            for (const secret of ["Leaving", subject.patientId, "20260107", subject.study, subject.series]) expect(bytes.includes(secret), `${secret} in ${name}`).toBe(false);
            if (name.startsWith("DICOM/")) uids.add(/\x20\0\x0d\0UI..(2\.25\.\d+)/s.exec(bytes.toString("latin1"))![1]!);
        }
        expect(uids.size).toBe(1);
        expect(files.get("DICOMDIR")!.includes([...uids][0]!)).toBe(true);
    });
});

test("deleting asks for a reason, and the study is gone from the server", async ({ page }) => {
    const asked = () => page.request.get(`${serverUrl()}/dicom-web/studies?StudyInstanceUID=${doomed.study}`).then((r) => r.json());
    expect(await asked()).toHaveLength(1);
    await page.goto(`/ui/?id=${run}`);
    await row(page, doomed).getByRole("checkbox").check();
    await page.getByRole("button", { name: "Delete…" }).first().click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("Doomed, Wanda");
    await expect(dialog.getByRole("button", { name: "Delete", exact: true })).toBeDisabled();
    await dialog.getByLabel("Its quality is too poor").check();
    const sent = page.waitForRequest((r) => r.method() === "POST");
    await dialog.getByRole("button", { name: "Delete", exact: true }).click();
    expect(decodeURIComponent((await sent).url())).toContain("/reject/113001^DCM");
    await expect(rows(page)).toHaveCount(3);
    await expect(page.locator(".notice")).toHaveText("1 study deleted");
    expect(await asked()).toHaveLength(0);
    expect(await (await page.request.get(`${serverUrl()}/dicom-web/studies?PatientID=${now.patientId}`)).json()).toHaveLength(2);
});

test("what the server refuses is said, and nothing is called deleted", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource/);
    await page.route(/\/reject\//, (route) => route.fulfill({ status: 403, contentType: "application/problem+json", body: JSON.stringify({ title: "Forbidden", detail: "this study is protected" }) }));
    await page.goto(`/ui/?id=${run}-Other`);
    await row(page, other).getByRole("checkbox").check();
    await page.getByRole("button", { name: "Delete…" }).first().click();
    await page.getByLabel("It was made under a wrong worklist entry").check();
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
    await expect(page.getByRole("dialog").getByRole("alert")).toContainText("Other, Wanda: Forbidden: this study is protected");
    await page.keyboard.press("Escape");
    await expect(rows(page)).toHaveCount(1);
});

/** What the dialog for downloads saves. */
async function saved(page: Page): Promise<Map<string, Buffer>> {
    const saving = page.waitForEvent("download");
    await page.getByRole("dialog").getByRole("button", { name: "Download", exact: true }).click();
    const chunks: Buffer[] = [];
    for await (const c of await (await saving).createReadStream()) chunks.push(c as Buffer);
    return unzipped(Buffer.concat(chunks));
}

/* Names and contents, by the central directory.   PKWARE APPNOTE 4.3.12 */
function unzipped(zip: Buffer): Map<string, Buffer> {
    const files = new Map<string, Buffer>();
    for (let at = zip.indexOf("PK\x01\x02", 0, "latin1"); at >= 0 && zip.readUInt32LE(at) === 0x02014b50; ) {
        const [method, packed, name, extra, comment, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32), zip.readUInt32LE(at + 42)];
        const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
        const body = zip.subarray(from, from + packed);
        files.set(zip.toString("utf8", at + 46, at + 46 + name), method === 8 ? inflateRawSync(body) : body);
        at += 46 + name + extra + comment;
    }
    return files;
}
