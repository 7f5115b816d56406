/* Our viewer beside OHIF's published build: the same studies, the same server, the same browser, in turns. Prints a markdown
 * table for docs/benchmarks.md. Nothing passes or fails by a time. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "@playwright/test";
import { run, type Run } from "./measure";
import { files, study, type Study } from "./phantom";
import { ohifVersion } from "./ohif";
import { openSite, type Site } from "./site";

const runs = Number(process.env["BENCH_RUNS"] ?? 5);
const sizes = (process.env["BENCH_SLICES"] ?? "20,300,100h,3000").split(",");
const large = 1000; /* slices: beyond it only ours is looked at, once, and it need not fetch them all */

type Viewer = "Isocenter" | "OHIF";
const viewers: readonly Viewer[] = process.env["BENCH_OURS"] ? ["Isocenter"] : ["Isocenter", "OHIF"];
const address: Record<Viewer, (site: Site, uid: string) => string> = {
    Isocenter: (site, uid) => `${site.url}/ui/study/${uid}`,
    OHIF: (site, uid) => `${site.url}/viewer?StudyInstanceUIDs=${uid}`,
};

interface Row {
    what: string;
    unit: string;
    of: (r: Run) => number;
    aim?: (slices: number) => string;
}

const MiB = 1 << 20;
const rows: readonly Row[] = [
    { what: "first picture", unit: "ms", of: (r) => r.cold.picture },
    { what: "first pixels", unit: "ms", of: (r) => r.cold.pixels, aim: (n) => `${n > 100 ? 1200 : 1000} ms, 3x` },
    { what: "all frames", unit: "ms", of: (r) => r.cold.frames, aim: (n) => (n === 300 ? "5000 ms" : "") },
    { what: "requests", unit: "", of: (r) => r.cold.requests },
    { what: "bytes", unit: "MiB", of: (r) => r.cold.bytes / MiB },
    { what: "JavaScript heap", unit: "MiB", of: (r) => r.heap / MiB },
    { what: "browser, all processes", unit: "MiB", of: (r) => r.resident / MiB },
    { what: "scrolling", unit: "frames/s", of: (r) => 1000 / r.step, aim: () => "30" },
    { what: "again: first picture", unit: "ms", of: (r) => r.warm.picture },
    { what: "again: first pixels", unit: "ms", of: (r) => r.warm.pixels, aim: () => "500 ms" },
    { what: "again: requests", unit: "", of: (r) => r.warm.requests },
    { what: "again: bytes", unit: "MiB", of: (r) => r.warm.bytes / MiB },
];

/* The same slices as HTJ2K, as the server's own program makes it of them. */
function* compressed(site: Site, s: Study): Generator<Buffer> {
    const folder = mkdtempSync(join(tmpdir(), "isocenter-viewer-htj2k-"));
    try {
        mkdirSync(join(folder, "plain"));
        let n = 0;
        for (const file of files(s)) writeFileSync(join(folder, "plain", `${n++}.dcm`), file);
        execFileSync(site.binary, ["transcode", "--to", "htj2k-rpcl", "--output", join(folder, "packed"), join(folder, "plain")], { stdio: "ignore" });
        for (const name of readdirSync(join(folder, "packed"), { recursive: true, encoding: "utf8" })) if (name.endsWith(".dcm")) yield readFileSync(join(folder, "packed", name));
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

async function store(site: Site, objects: Iterable<Buffer>): Promise<void> {
    const boundary = "isocenter-viewer-bench";
    const send = async (batch: Buffer[]) => {
        const parts = batch.flatMap((f) => [Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`), f, Buffer.from("\r\n")]);
        const res = await fetch(`${site.url}/dicom-web/studies`, {
            method: "POST",
            headers: { "Content-Type": `multipart/related; type="application/dicom"; boundary=${boundary}`, Accept: "application/dicom+json" },
            body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
        });
        if (res.status !== 200) throw new Error(`STOW-RS answered ${res.status}: ${(await res.text()).slice(0, 300)}`);
    };
    let batch: Buffer[] = [];
    for (const object of objects) {
        batch.push(object);
        if (batch.length === 20) await send(batch.splice(0));
    }
    if (batch.length > 0) await send(batch);
    await new Promise((wake) => setTimeout(wake, 5000)); /* the series settles */
}

function median(list: readonly number[]): number {
    const sorted = list.filter((v) => Number.isFinite(v)).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    if (sorted.length === 0) return NaN;
    return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const figure = (v: number) => (Number.isNaN(v) ? "—" : v >= 100 ? Math.round(v).toLocaleString("en-US") : v.toPrecision(3).replace(/\.0+$/, ""));
const span = (list: readonly number[]) => (list.length > 1 ? ` (${figure(Math.min(...list))} to ${figure(Math.max(...list))})` : "");

function lines(slices: number, name: string, results: Record<Viewer, Run[]>): string[] {
    return rows.flatMap(({ what, unit, of, aim }) => {
        const [ours, theirs] = [results.Isocenter.map(of), results.OHIF.map(of)];
        if (Number.isNaN(median(ours))) return [];
        const ratio = median(theirs) / median(ours);
        const isTime = unit === "ms";
        const cell = (list: readonly number[]) => figure(median(list)) + (isTime ? span(list) : "");
        return `| ${name}: ${what} | ${unit} | ${cell(ours)} | ${cell(theirs)} | ${figure(ratio)} | ${aim?.(slices) ?? ""} |`;
    });
}

function machine(): string {
    const chromium = execFileSync("dpkg-query", ["-W", "-f", "${Version}", "chromium"], { encoding: "utf8" });
    const kernel = release().split(".").slice(0, 2).join(".");
    const cpu = /model name\s*: (.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
    return `${cpus().length} x ${cpu}, Linux ${kernel}, chromium ${chromium}, software WebGL; load before: ${loadavg()[0]!.toFixed(1)}`;
}

test("opening a study", async () => {
    const about = machine();
    const site = await openSite();
    const table: string[] = [];
    try {
        for (const size of sizes) {
            const slices = parseInt(size);
            const isPacked = size.endsWith("h");
            const name = `${slices.toLocaleString("en-US")} slices${isPacked ? ", HTJ2K" : ""}`;
            const s = study(slices);
            await store(site, isPacked ? compressed(site, s) : files(s));
            const results: Record<Viewer, Run[]> = { Isocenter: [], OHIF: [] };
            const those = slices > large ? viewers.slice(0, 1) : viewers;
            for (const viewer of those) await run(address[viewer](site, s.study), site.log, slices, false); /* not counted: caches of the server */
            for (let turn = 0; turn < (slices > large ? 1 : runs); turn++)
                for (const viewer of turn % 2 ? those.toReversed() : those) {
                    const r = await run(address[viewer](site, s.study), site.log, slices, viewer === "Isocenter");
                    results[viewer].push(r);
                    console.log(`${name}, ${viewer}: picture ${figure(r.cold.picture)}, pixels ${figure(r.cold.pixels)}, frames ${figure(r.cold.frames)}, again ${figure(r.warm.pixels)} ms, ${figure(1000 / r.step)} frames/s`);
                }
            table.push(...lines(slices, name, results));
        }
    } finally {
        await site.stop();
        console.log(`\n${site.version}, ${ohifVersion}; ${about}; medians of ${runs} runs; ${new Date().toISOString().slice(0, 10)}\n`);
        console.log(`| | unit | Isocenter | OHIF | OHIF / ours | aim |\n|---|---|---:|---:|---:|---|\n${table.join("\n")}`);
    }
});
