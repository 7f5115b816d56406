/* What files should not be: the page says what is wrong, shows what can be shown, and lives. */
import { board, CtImage, newUid, object, picture, type Attributes, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { blockMiddles, colorsAt, expect, expectGreys, imageIs, mark, openStudy, test } from "../lib/test";

const whom = (): Identity => ({ study: newUid(), series: newUid(), patientName: `Bad^${mark()}`, patientId: mark() });
const block = 16;
const values = board(block, (r, c) => 4 * (8 * r + c));

async function stored(more: Attributes): Promise<string> {
    const who = whom();
    await store([object(who, { ...picture({ rows: 8 * block, columns: 8 * block, bits: 8, values }), ...more })]);
    return who.study;
}

test("a window without a width is not used: the values that are there are shown", async ({ page }) => {
    await openStudy(page, await stored({ "0028,1050 DS": 100, "0028,1051 DS": 0 }));
    expectGreys(await colorsAt(page, blockMiddles), Array.from({ length: 64 }, (_, i) => Math.round((255 * i) / 63)), 3);
});

test("more pixels declared than there are: refused in words, and the page stays usable", async ({ page, watch }) => {
    watch.allow.push(/Failed to load resource/);
    const study = await stored({ "0028,0010 US": 65535, "0028,0011 US": 65535 });
    await page.goto(`/ui/study/${study}`);
    await expect(page.getByRole("alert").first()).toContainText("This image cannot be shown");
    await page.keyboard.press("?");
    await expect(page.getByRole("dialog")).toBeVisible();
});

test("a frame of 30 million pixels is drawn", async ({ page }) => {
    const [rows, columns] = [5000, 6000];
    const pixels = new Uint8Array(rows * columns);
    for (let r = 0; r < rows; r++) pixels.fill(r < rows / 2 ? 60 : 200, r * columns, (r + 1) * columns);
    const study = await stored({ "0028,0010 US": rows, "0028,0011 US": columns, "7FE0,0010 OB": pixels, "0028,1050 DS": 128, "0028,1051 DS": 256 });
    await openStudy(page, study);
    expectGreys(await colorsAt(page, [[0.5, 0.25], [0.5, 0.75]], columns / rows), [60, 200]);
});

test("images across each other are a stack, and no volume", async ({ page }) => {
    const who = whom();
    await store(
        Array.from({ length: 6 }, (_, k) =>
            object(who, {
                ...picture({ rows: 32, columns: 32, bits: 16, values: new Array<number>(1024).fill(30 * (k + 1)) }),
                "0008,0016 UI": CtImage,
                "0008,0060 CS": "CT",
                "0020,0013 IS": k + 1,
                "0020,0032 DS": [0, 0, 2 * k],
                "0020,0037 DS": k === 3 ? [1, 0, 0, 0, 0, -1] : [1, 0, 0, 0, 1, 0],
                "0020,0052 UI": "2.25.97",
                "0028,0030 DS": [2, 2],
                "0028,1050 DS": 128,
                "0028,1051 DS": 256,
            }),
        ),
    );
    await openStudy(page, who.study);
    await page.getByRole("button", { name: "Stack, planes, 3D" }).click();
    await page.getByRole("menuitemcheckbox", { name: "Sagittal" }).click();
    await expect(page.getByText("Its images lie in different orientations.")).toBeVisible();
    await page.getByRole("button", { name: "Back to the images" }).click();
    await imageIs(page, 1);
});
