/* Every test fails when the page breaks its security policy, logs an error or throws. */
import { randomBytes } from "node:crypto";
import { expect, test as base, type ConsoleMessage, type Page } from "@playwright/test";
import { serverUrl } from "./server";

export interface Watch {
    problems: string[];
    /** Errors this test provokes on purpose. */
    allow: RegExp[];
}

/* Elsewhere than in the spec of drafts, what one test has drawn does not come back in the next. */
function withoutDrafts(): void {
    const real = window.fetch;
    window.fetch = (what, how) => (String(what).startsWith("/api/v1/drafts/") ? Promise.resolve(new Response(null, { status: 204 })) : real(what, how));
}

export const test = base.extend<{ watch: Watch }>({
    baseURL: async ({}, use) => use(serverUrl()),
    watch: [
        async ({ page }, use, info) => {
            const watch: Watch = { problems: [], allow: [] };
            /* a study without images has no thumbnail: Chromium logs the 404, and that is no problem */
            const expected = (m: ConsoleMessage) => /\/thumbnail\?/.test(m.location().url) && /status of 404/.test(m.text());
            page.on("console", (m) => m.type() === "error" && !expected(m) && watch.problems.push(`console: ${m.text()}`));
            page.on("pageerror", (e) => watch.problems.push(`thrown: ${e.message}`));
            if (!/keep\.spec/.test(info.file)) await page.addInitScript(withoutDrafts);
            await page.addInitScript(() => {
                document.addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`));
            });
            await use(watch);
            expect(watch.problems.filter((p) => !watch.allow.some((a) => a.test(p)))).toEqual([]);
        },
        { auto: true },
    ],
});

export { expect };

/** A mark that this run's patients carry, so that a server with other data does not disturb. */
export const mark = (): string => `T${randomBytes(4).toString("hex").toUpperCase()}`;

export async function openStudy(page: Page, study: string, query = ""): Promise<void> {
    await page.goto(`/ui/study/${study}${query}`);
    await page.locator(".pane[data-image]").first().waitFor();
}

export const pane = (page: Page, index = 0) => page.locator(`[data-pane="${index}"]`);

export async function imageIs(page: Page, number: number, index = 0): Promise<void> {
    await expect(pane(page, index)).toHaveAttribute("data-image", String(number));
}

/** The colours at points of the picture, given as shares of its width and height, as drawn on the screen. */
export function colorsAt(page: Page, points: readonly (readonly [x: number, y: number])[], aspect = 1, index = 0): Promise<number[][]> {
    return page.evaluate(
        ({ points, aspect, index }) => {
            const canvas = document.querySelector<HTMLCanvasElement>(`[data-pane="${index}"] .stage canvas`)!;
            const copy = document.createElement("canvas");
            copy.width = canvas.width;
            copy.height = canvas.height;
            const context = copy.getContext("2d")!;
            context.drawImage(canvas, 0, 0);
            const height = Math.min(canvas.height, canvas.width / aspect);
            const width = height * aspect;
            const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
            return points.map(([x, y]) => [...context.getImageData(Math.floor(left + x * width), Math.floor(top + y * height), 1, 1).data.slice(0, 3)]);
        },
        { points, aspect, index },
    );
}

/** The middles of the 8 x 8 blocks of a board, row by row. */
export const blockMiddles = Array.from({ length: 64 }, (_, i) => [((i % 8) + 0.5) / 8, (Math.floor(i / 8) + 0.5) / 8] as const);

/** The grey of a value under a linear window.   PS3.3 §C.11.2.1.2.1 */
export function windowed(value: number, center: number, width: number): number {
    const share = (value - (center - 0.5)) / (width - 1) + 0.5;
    return Math.round(255 * Math.min(1, Math.max(0, share)));
}

export function expectGreys(actual: readonly number[][], expected: readonly number[], tolerance = 2): void {
    actual.forEach((rgb, i) => {
        for (const c of rgb) expect(Math.abs(c - expected[i]!), `point ${i}: ${rgb} where ${expected[i]} belongs`).toBeLessThanOrEqual(tolerance);
    });
}
