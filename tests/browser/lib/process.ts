/* Our own binary as a process: on a fresh folder and free ports, ended by its own pid. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const startMs = 20_000;
export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

export interface Running {
    url: string;
    /** host:port of the DICOM side, where there is one. */
    dicom?: string;
    stop: () => Promise<void>;
}

/** settings: variables of the environment (docs/configuration.md); name: of its log below results/; config: its file. */
export async function serve(name: string, settings: Readonly<Record<string, string>> = {}, config: object = {}): Promise<Running> {
    const binary = process.env["ISOCENTER_BIN"] ?? join(root, "build/isocenter");
    if (!existsSync(binary)) throw new Error(`no ${binary}: build it first, or name a running server in ISOCENTER_URL`);
    const data = mkdtempSync(join(tmpdir(), "isocenter-browser-"));
    const results = join(root, "tests/browser/results");
    mkdirSync(results, { recursive: true });
    const log = openSync(join(results, `${name}.log`), "w");
    writeFileSync(join(data, "config.json"), JSON.stringify(config));
    const child = spawn(binary, ["serve", "--config", join(data, "config.json"), "--data", join(data, "archive"), "--http-port", "0", "--dicom-port", "0"], {
        cwd: root,
        stdio: ["ignore", "pipe", log],
        env: { ...process.env, ...settings },
    });
    const stop = async () => {
        const ended = new Promise((done) => child.once("exit", done));
        child.kill("SIGTERM");
        await Promise.race([ended, new Promise((done) => setTimeout(done, 10_000))]);
        if (child.exitCode === null) child.kill("SIGKILL");
        rmSync(data, { recursive: true, force: true });
    };
    const { http, dicom } = await readyAddress(child);
    return { url: `http://${http}`, dicom, stop };
}

function readyAddress(child: ChildProcess): Promise<{ http: string; dicom: string }> {
    return new Promise((done, fail) => {
        const timer = setTimeout(() => fail(new Error("the server was not ready in time")), startMs);
        child.once("exit", (code) => fail(new Error(`the server ended with ${code} before it was ready`)));
        createInterface({ input: child.stdout! }).on("line", (line) => {
            const [, http, dicom] = /^ready http=(\S+) dicom=(\S+)/.exec(line) ?? [];
            if (!http || !dicom) return;
            clearTimeout(timer);
            done({ http, dicom });
        });
    });
}
