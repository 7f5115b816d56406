/* Upload: the file chooser, dropped folders, files that are no DICOM, cancelling. */
import { newUid, object, part10, picture } from "../lib/dicom";
import { expect, mark, test } from "../lib/test";

const values = Array.from({ length: 64 }, (_, i) => 4 * i);
const tiny = picture({ rows: 8, columns: 8, bits: 8, values });

function series(id: string, objects: number): Buffer[] {
    const who = { study: newUid(), series: newUid(), patientName: `Upload^${id}`, patientId: id };
    return Array.from({ length: objects }, (_, i) => part10(object(who, { ...tiny, "0020,0013 IS": i + 1 })));
}

test("stores chosen files and shows them", async ({ page }) => {
    const id = mark();
    await page.goto(`/ui/?id=${id}`);
    await expect(page.getByRole("heading", { name: "No study matches" })).toBeVisible();
    const files = series(id, 30).map((buffer, i) => ({ name: `IM${i}`, mimeType: "application/dicom", buffer }));
    await page.locator("[data-upload=files]").setInputFiles(files);
    await expect(page.locator(".upload header")).toContainText("30 stored");
    await expect(page.locator(".upload .refused")).toHaveCount(0);
    await expect(page.locator(".row.study")).toHaveCount(1);
    await expect(page.locator(".study .c-count")).toHaveText("1 / 30", { timeout: 5000 });
});

test("a file that is no DICOM is named with the server's reason, and stops nothing", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource/);
    const id = mark();
    await page.goto(`/ui/?id=${id}`);
    const good = series(id, 5).map((buffer, i) => ({ name: `IM${i}`, mimeType: "application/dicom", buffer }));
    const bad = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("These are no pixels. ".repeat(30)) };
    await page.locator("[data-upload=files]").setInputFiles([...good.slice(0, 3), bad, ...good.slice(3)]);
    await expect(page.locator(".upload header")).toContainText("5 stored");
    await expect(page.locator(".upload .refused")).toHaveText("1 refused");
    await expect(page.locator(".upload li .path")).toHaveText("notes.txt");
    await expect(page.locator(".upload li .reason")).not.toBeEmpty();
    await expect(page.locator(".row.study")).toHaveCount(1);
});

/* A drop of a folder: entries as Chromium makes them, with readEntries in portions. */
async function dropFolder(page: import("@playwright/test").Page, tree: Record<string, number[]>): Promise<void> {
    await page.evaluate((tree) => {
        interface Fake {
            isFile: boolean;
            isDirectory: boolean;
            fullPath: string;
            name: string;
        }
        const file = (path: string, bytes: number[]): Fake & { file: (ok: (f: File) => void) => void } => ({
            isFile: true,
            isDirectory: false,
            fullPath: path,
            name: path.split("/").at(-1)!,
            file: (ok) => ok(new File([new Uint8Array(bytes)], path.split("/").at(-1)!)),
        });
        const folder = (path: string): Fake & { createReader: () => { readEntries: (ok: (e: Fake[]) => void) => void } } => ({
            isFile: false,
            isDirectory: true,
            fullPath: path,
            name: path.split("/").at(-1)!,
            createReader: () => {
                const inside = Object.keys(tree).filter((p) => p.startsWith(`${path}/`));
                const names = [...new Set(inside.map((p) => p.slice(path.length + 1).split("/")[0]!))];
                const all = names.map((n) => (tree[`${path}/${n}`] ? file(`${path}/${n}`, tree[`${path}/${n}`]!) : folder(`${path}/${n}`)));
                return { readEntries: (ok) => ok(all.splice(0, 2)) };
            },
        });
        const transfer = new DataTransfer();
        transfer.items.add(new File(["x"], "placeholder"));
        const top = [...new Set(Object.keys(tree).map((p) => `/${p.split("/")[1]}`))];
        const items = top.map((p) => ({ kind: "file", webkitGetAsEntry: () => folder(p), getAsFile: () => null }));
        Object.defineProperty(transfer, "items", { value: items });
        for (const type of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }, tree);
}

test("a dropped folder is read to its last branch", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource/);
    const id = mark();
    await page.goto(`/ui/?id=${id}`);
    await expect(page.getByRole("heading", { name: "No study matches" })).toBeVisible();
    const [a, b, c, d, e] = series(id, 5).map((f) => [...f]);
    await dropFolder(page, {
        "/disc/A/1": a!,
        "/disc/A/2": b!,
        "/disc/A/deep/er/3": c!,
        "/disc/B/4": d!,
        "/disc/B/5": e!,
        "/disc/B/readme.txt": [...Buffer.from("no image")],
    });
    await expect(page.locator(".upload header")).toContainText("5 stored");
    await expect(page.locator(".upload li .path")).toHaveText("disc/B/readme.txt");
    await expect(page.locator(".study .c-count")).toHaveText("1 / 5", { timeout: 5000 });
});

test("cancel stops what is under way", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource|ERR_/);
    const id = mark();
    await page.route(/\/dicom-web\/studies$/, async (route) => {
        await new Promise((done) => setTimeout(done, 3000));
        await route.continue().catch(() => undefined);
    });
    await page.goto(`/ui/?id=${id}`);
    const files = series(id, 60).map((buffer, i) => ({ name: `IM${i}`, mimeType: "application/dicom", buffer }));
    await page.locator("[data-upload=files]").setInputFiles(files);
    await page.locator(".upload").getByRole("button", { name: "Cancel" }).click();
    await expect(page.locator(".upload header")).toContainText("Cancelled");
    await expect(page.locator(".upload")).toHaveAttribute("data-running", "false");
    await page.locator(".upload").getByRole("button", { name: "Close" }).click();
    await expect(page.locator(".upload")).toHaveCount(0);
});
