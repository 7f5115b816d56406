/* A tablet: one finger does what the toolbar says, two zoom and move whatever the tool is, one that rests does the other thing. */
import type { CDPSession, Page } from "@playwright/test";
import { CtImage, newUid, object, picture, type Identity } from "../lib/dicom";
import { store } from "../lib/server";
import { expect, imageIs, mark, openStudy, pane, test } from "../lib/test";

test.use({ hasTouch: true, viewport: { width: 1024, height: 768 } });

const [size, mm, images] = [128, 0.5, 12];
const who: Identity = { study: newUid(), series: newUid(), patientName: "Touch^Tom", patientId: mark() };

test.beforeAll(() =>
    store(
        Array.from({ length: images }, (_, i) =>
            object(who, {
                ...picture({ rows: size, columns: size, bits: 16, values: Array.from({ length: size * size }, (_, at) => at % size) }),
                "0008,0016 UI": CtImage,
                "0008,0060 CS": "CT",
                "0020,0011 IS": 1,
                "0020,0013 IS": i + 1,
                "0020,0032 DS": [0, 0, i],
                "0020,0037 DS": [1, 0, 0, 0, 1, 0],
                "0020,0052 UI": "2.25.98",
                "0028,0030 DS": [mm, mm],
                "0028,1050 DS": 64,
                "0028,1051 DS": 128,
            }),
        ),
    ),
);

type Spot = readonly [x: number, y: number];

class Fingers {
    private constructor(private readonly to: CDPSession) {}

    static async on(page: Page): Promise<Fingers> {
        return new Fingers(await page.context().newCDPSession(page));
    }

    /** One way for each finger; those that have a later `from` come down one after the other. */
    async drag(ways: readonly (readonly [from: Spot, to: Spot])[], restMs = 0): Promise<void> {
        const at = (share: number, count = ways.length) =>
            ways.slice(0, count).map(([from, to], id) => ({ id, x: from[0] + share * (to[0] - from[0]), y: from[1] + share * (to[1] - from[1]) }));
        const send = (type: "touchStart" | "touchMove" | "touchEnd", touchPoints: ReturnType<typeof at>) =>
            this.to.send("Input.dispatchTouchEvent", { type, touchPoints });
        for (let count = 1; count <= ways.length; count++) await send("touchStart", at(0, count));
        if (restMs > 0) await new Promise((wake) => setTimeout(wake, restMs));
        for (let step = 1; step <= 8; step++) await send("touchMove", at(step / 8));
        await send("touchEnd", []);
    }
}

async function middleOf(page: Page): Promise<(dx: number, dy: number) => Spot> {
    const box = (await pane(page).locator(".stage").boundingBox())!;
    return (dx, dy) => [box.x + box.width / 2 + dx, box.y + box.height / 2 + dy];
}

const corner = (page: Page) => page.locator(".corner.br");
const zoom = async (page: Page) => Number(/Zoom (\d+) %/.exec((await corner(page).textContent()) ?? "")![1]);

test("one finger sets the window, one that rests scrolls, two zoom", async ({ page }) => {
    await openStudy(page, who.study, `?series=${who.series}&image=2`);
    const fingers = await Fingers.on(page);
    const at = await middleOf(page);
    await expect(corner(page)).toContainText("W 128 L 64");
    await fingers.drag([[at(0, 0), at(140, 0)]]);
    await expect(corner(page)).toContainText("W 192 L 64");
    await imageIs(page, 2);
    await fingers.drag([[at(0, -100), at(0, 100)]], 900);
    await expect.poll(async () => Number(await pane(page).getAttribute("data-image"))).toBeGreaterThan(5);
    await expect(corner(page)).toContainText("W 192 L 64");
    const before = await zoom(page);
    await fingers.drag([[at(-40, 0), at(-80, 0)], [at(40, 0), at(80, 0)]]);
    await expect.poll(async () => Math.abs((await zoom(page)) / before - 2)).toBeLessThan(0.05);
    await expect(corner(page)).toContainText("W 192 L 64");
});

test("a finger measures, and a second one zooms without leaving a mark", async ({ page }) => {
    await openStudy(page, who.study);
    await page.locator(".measure-layer").waitFor({ state: "attached" });
    const fingers = await Fingers.on(page);
    const at = await middleOf(page);
    const perPx = (size * mm) / Math.min(...Object.values((({ width, height }) => ({ width, height }))((await pane(page).locator(".stage").boundingBox())!)));
    await page.keyboard.press("l");
    await fingers.drag([[at(-120, -40), at(80, 110)]]);
    const length = page.locator(".measure-layer [data-kind=length] .said tspan");
    await expect(length).toHaveText(/ mm$/);
    expect(Math.abs(parseFloat((await length.textContent())!) - 250 * perPx)).toBeLessThan(0.3);
    const before = await zoom(page);
    await fingers.drag([[at(-60, -150), at(-30, -150)], [at(60, -150), at(30, -150)]]);
    await expect.poll(async () => Math.abs((await zoom(page)) / before - 0.5)).toBeLessThan(0.05);
    await expect(page.locator(".measure-layer [data-mark]")).toHaveCount(1);
    await page.getByRole("button", { name: "Fit" }).click();
    /* an outline by points keeps those that it has */
    await page.getByRole("button", { name: "Measure", exact: true }).click();
    await page.getByRole("menuitemcheckbox", { name: "Spline" }).click();
    for (const [dx, dy] of [[-100, -120], [0, -200], [100, -120]] as const) await fingers.drag([[at(dx, dy), at(dx, dy)]]);
    await fingers.drag([[at(-60, 200), at(-62, 200)], [at(60, 200), at(62, 200)]]);
    await fingers.drag([[at(0, -60), at(0, -60)]]);
    await page.keyboard.press("Enter");
    await expect(page.locator(".measure-layer [data-kind=spline]")).toHaveCount(1);
    await expect(page.locator(".measure-layer [data-mark]")).toHaveCount(2);
});
