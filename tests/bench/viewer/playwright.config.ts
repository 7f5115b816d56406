import { defineConfig } from "@playwright/test";

export default defineConfig({
    testDir: ".",
    testMatch: "*.bench.ts",
    outputDir: "results",
    reporter: [["dot"]],
    workers: 1,
    timeout: 0, /* a figure that is missing is a finding, not a failure */
    forbidOnly: true,
});
