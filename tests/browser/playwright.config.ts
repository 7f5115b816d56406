import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const flags =
    "--headless=new --no-sandbox --disable-background-networking --disable-component-update --disable-sync --no-first-run " +
    "--disable-quic --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader";
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((p) => existsSync(p)) ?? "chromium";

export default defineConfig({
    testDir: "specs",
    outputDir: "results",
    globalSetup: "./lib/global-setup.ts",
    reporter: [["list"]],
    workers: 1, /* one browser at a time: pixels are drawn by the processor */
    timeout: 60_000,
    expect: { timeout: 15_000 },
    forbidOnly: true,
    use: {
        viewport: { width: 1280, height: 800 },
        trace: "off",
        screenshot: "only-on-failure",
        launchOptions: { executablePath, args: flags.split(" ") },
    },
});
