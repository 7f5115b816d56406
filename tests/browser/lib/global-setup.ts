/* The server under test: the one at ISOCENTER_URL, or our own binary on a fresh folder and free ports. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const startMs = 20_000;

export default async function globalSetup(): Promise<(() => Promise<void>) | void> {
    if (process.env["ISOCENTER_URL"]) return;
    const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
    const binary = process.env["ISOCENTER_BIN"] ?? join(root, "build/isocenter");
    if (!existsSync(binary)) throw new Error(`no ${binary}: build it first, or name a running server in ISOCENTER_URL`);
    const data = mkdtempSync(join(tmpdir(), "isocenter-browser-"));
    const results = join(root, "tests/browser/results");
    mkdirSync(results, { recursive: true });
    const log = openSync(join(results, "server.log"), "w");
    const child = spawn(binary, ["serve", "--data", data, "--http-port", "0", "--dicom-port", "0"], { cwd: root, stdio: ["ignore", "pipe", log] });
    process.env["ISOCENTER_URL"] = `http://${await readyAddress(child)}`;
    return async () => {
        const ended = new Promise((done) => child.once("exit", done));
        child.kill("SIGTERM");
        await Promise.race([ended, new Promise((done) => setTimeout(done, 10_000))]);
        if (child.exitCode === null) child.kill("SIGKILL");
        rmSync(data, { recursive: true, force: true });
    };
}

function readyAddress(child: ChildProcess): Promise<string> {
    return new Promise((done, fail) => {
        const timer = setTimeout(() => fail(new Error("the server was not ready in time")), startMs);
        child.once("exit", (code) => fail(new Error(`the server ended with ${code} before it was ready`)));
        createInterface({ input: child.stdout! }).on("line", (line) => {
            const at = /^ready .*\bhttp=(\S+)/.exec(line)?.[1];
            if (!at) return;
            clearTimeout(timer);
            done(at);
        });
    });
}
