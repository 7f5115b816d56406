/* What stands on the screen is what is in the file: computed here, value by value, and compared. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { board, CtImage, newUid, object, part10, picture, type Attributes } from "../lib/dicom";
import { root } from "../lib/process";
import { store, stow } from "../lib/server";
import { blockMiddles, colorsAt, expect, expectGreys, mark, openStudy, test, windowed } from "../lib/test";

const block = 16;

async function show(page: import("@playwright/test").Page, more: Attributes): Promise<void> {
    const who = { study: newUid(), series: newUid(), patientName: `Pixel^${mark()}`, patientId: mark() };
    await store([object(who, more)]);
    await openStudy(page, who.study);
}

const stored = (r: number, c: number) => 8 * r + c;

test("CT values pass through rescale and window, and presets change them", async ({ page }) => {
    const hu = (i: number) => 20 * i - 500;
    const values = board(block, (r, c) => hu(stored(r, c)) + 1024);
    await show(page, {
        ...picture({ rows: 8 * block, columns: 8 * block, bits: 16, stored: 12, values }),
        "0008,0016 UI": CtImage,
        "0008,0060 CS": "CT",
        "0028,1050 DS": 50,
        "0028,1051 DS": 700,
        "0028,1052 DS": -1024,
        "0028,1053 DS": 1,
    });
    const all = Array.from({ length: 64 }, (_, i) => hu(i));
    expectGreys(await colorsAt(page, blockMiddles), all.map((v) => windowed(v, 50, 700)));
    await page.keyboard.press("4");
    await expect(page.locator(".corner.br")).toContainText("W 2500 L 480");
    expectGreys(await colorsAt(page, blockMiddles), all.map((v) => windowed(v, 480, 2500)));
    await page.keyboard.press("i");
    await expect(page.locator(".corner.br")).toContainText("inverted");
    expectGreys(await colorsAt(page, blockMiddles), all.map((v) => 255 - windowed(v, 480, 2500)));
    await page.keyboard.press("0");
    await expect(page.locator(".corner.br")).toContainText("W 700 L 50");
    expectGreys(await colorsAt(page, blockMiddles), all.map((v) => windowed(v, 50, 700)));
});

test("MONOCHROME1 is shown with its lowest value white", async ({ page }) => {
    const values = board(block, (r, c) => 4 * stored(r, c));
    await show(page, picture({ rows: 128, columns: 128, bits: 8, photometric: "MONOCHROME1", values }));
    expectGreys(await colorsAt(page, blockMiddles), Array.from({ length: 64 }, (_, i) => 255 - 4 * i));
});

test("signed values with a fractional slope, as PET has them", async ({ page }) => {
    const value = (i: number) => 100 * i - 3200;
    await show(page, {
        ...picture({ rows: 128, columns: 128, bits: 16, signed: true, values: board(block, (r, c) => value(stored(r, c))) }),
        "0008,0060 CS": "PT",
        "0028,1050 DS": 0,
        "0028,1051 DS": 1000,
        "0028,1052 DS": 0,
        "0028,1053 DS": 0.125,
    });
    expectGreys(await colorsAt(page, blockMiddles), Array.from({ length: 64 }, (_, i) => windowed(value(i) * 0.125, 0, 1000)));
});

test("bits above the stored ones are not part of the value", async ({ page }) => {
    const values = board(block, (r, c) => 60 * stored(r, c) + 0x1000 * ((r + c) % 16));
    await show(page, {
        ...picture({ rows: 128, columns: 128, bits: 16, stored: 12, values }),
        "0028,1050 DS": 2048,
        "0028,1051 DS": 4096,
    });
    expectGreys(await colorsAt(page, blockMiddles), Array.from({ length: 64 }, (_, i) => windowed(60 * i, 2048, 4096)));
});

test("a window that is not given covers the values that are there", async ({ page }) => {
    await show(page, picture({ rows: 128, columns: 128, bits: 16, values: board(block, (r, c) => 1000 + 10 * stored(r, c)) }));
    const greys = (await colorsAt(page, blockMiddles)).map((c) => c[0]!);
    expect(greys[0]).toBeLessThanOrEqual(2);
    expect(greys[63]).toBeGreaterThanOrEqual(253);
    for (let i = 1; i < 64; i++) expect(greys[i]).toBeGreaterThanOrEqual(greys[i - 1]!);
});

test("RGB arrives unchanged", async ({ page }) => {
    const color = (r: number, c: number) => [32 * r, 32 * c, 255 - 16 * (r + c)] as const;
    await show(page, picture({ rows: 128, columns: 128, bits: 8, photometric: "RGB", values: board(block, color) }));
    const seen = await colorsAt(page, blockMiddles);
    seen.forEach((rgb, i) => color(Math.floor(i / 8), i % 8).forEach((v, k) => expect(Math.abs(rgb[k]! - v), `block ${i}: ${rgb}`).toBeLessThanOrEqual(2)));
});

test("YBR_FULL is converted", async ({ page }) => {
    const ybr = (r: number, c: number) => [96 + 8 * r, 96 + 8 * c, 160 - 8 * r] as const;
    await show(page, picture({ rows: 128, columns: 128, bits: 8, photometric: "YBR_FULL", values: board(block, ybr) }));
    const seen = await colorsAt(page, blockMiddles);
    seen.forEach((rgb, i) => {
        const [y, cb, cr] = ybr(Math.floor(i / 8), i % 8);
        const wanted = [y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)];
        wanted.forEach((v, k) => expect(Math.abs(rgb[k]! - v), `block ${i}: ${rgb}`).toBeLessThanOrEqual(3));
    });
});

test("palette colours are looked up, from the first value mapped", async ({ page }) => {
    const table = (f: (i: number) => number) => new Uint8Array(Uint16Array.from({ length: 64 }, (_, i) => f(i) * 257).buffer);
    const [r, g, b] = [(i: number) => 4 * i, (i: number) => 255 - 4 * i, (i: number) => (i * 37) % 256];
    await show(page, {
        ...picture({ rows: 128, columns: 128, bits: 8, photometric: "PALETTE COLOR", values: board(block, (y, x) => 10 + stored(y, x)) }),
        "0028,1101 US": [64, 10, 16],
        "0028,1102 US": [64, 10, 16],
        "0028,1103 US": [64, 10, 16],
        "0028,1201 OW": table(r),
        "0028,1202 OW": table(g),
        "0028,1203 OW": table(b),
    });
    const seen = await colorsAt(page, blockMiddles);
    seen.forEach((rgb, i) => [r, g, b].forEach((f, k) => expect(Math.abs(rgb[k]! - f(i)), `block ${i}: ${rgb}`).toBeLessThanOrEqual(2)));
});

test("pixels that are not square keep the shape of the patient", async ({ page }) => {
    const values = board(block, (r, c) => 4 * stored(r, c));
    await show(page, { ...picture({ rows: 128, columns: 128, bits: 8, values }), "0028,0030 DS": [1, 2] });
    expectGreys(await colorsAt(page, blockMiddles, 2), Array.from({ length: 64 }, (_, i) => 4 * i));
});

function asHtj2k(file: Buffer): Buffer {
    const folder = mkdtempSync(join(tmpdir(), "isocenter-htj2k-"));
    try {
        writeFileSync(join(folder, "plain.dcm"), file);
        execFileSync(process.env["ISOCENTER_BIN"] ?? join(root, "build/isocenter"), ["transcode", "--to", "htj2k-rpcl", "--output", join(folder, "packed.dcm"), join(folder, "plain.dcm")]);
        return readFileSync(join(folder, "packed.dcm"));
    } finally {
        rmSync(folder, { recursive: true });
    }
}

test("HTJ2K on a slow network is seen coarse before it is exact, and says so", async ({ page }) => {
    const who = { study: newUid(), series: newUid(), patientName: `Pixel^${mark()}`, patientId: mark() };
    const noisy = board(64, (r, c) => 60 * stored(r, c)).map((v, i) => v + ((i * 7919) % 97));
    const large = { ...picture({ rows: 512, columns: 512, bits: 16, stored: 12, values: noisy }), "0020,000E UI": newUid(), "0020,0011 IS": 2, "0028,1050 DS": 2048, "0028,1051 DS": 4096 };
    const small = { ...picture({ rows: 64, columns: 64, bits: 8, values: Array.from({ length: 4096 }, (_, i) => i % 251) }), "0020,0011 IS": 1 }; /* brings the codec */
    expect((await stow([asHtj2k(part10(object(who, small))), asHtj2k(part10(object({ ...who, series: newUid() }, large)))])).status).toBe(200);
    await openStudy(page, who.study);
    await expect(page.locator(".card img")).toHaveCount(2);
    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: 60_000, uploadThroughput: 60_000 });
    await page.keyboard.press("]");
    const corner = page.locator(".corner.br");
    await expect(corner).toContainText("Preview");
    expectGreys(await colorsAt(page, blockMiddles), Array.from({ length: 64 }, (_, i) => windowed(60 * i + 48, 2048, 4096)), 8);
    await expect(corner).not.toContainText("Preview");
    await expect(corner).toContainText("512 × 512");
});
