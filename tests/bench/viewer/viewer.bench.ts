/* Our viewer beside OHIF's published build: the same studies, the same server, the same browser, in turns. Prints a markdown
 * table for docs/benchmarks.md. Nothing passes or fails by a time. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { test } from "@playwright/test";
import { run, type Run } from "./measure";
import { files, study, type Study } from "./phantom";
import { ohifVersion } from "./ohif";
import { openSite, type Site } from "./site";

const runs = Number(process.env["BENCH_RUNS"] ?? 5);
const sizes = (process.env["BENCH_SLICES"] ?? "20,300").split(",").map(Number);

type Viewer = "Isocenter" | "OHIF";
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
    { what: "all frames", unit: "ms", of: (r) => r.cold.frames, aim: (n) => (n > 100 ? "5000 ms" : "") },
    { what: "requests", unit: "", of: (r) => r.cold.requests },
    { what: "bytes", unit: "MiB", of: (r) => r.cold.bytes / MiB },
    { what: "JavaScript heap", unit: "MiB", of: (r) => r.heap / MiB },
    { what: "browser, all processes", unit: "MiB", of: (r) => r.resident / MiB },
    { what: "again: first picture", unit: "ms", of: (r) => r.warm.picture },
    { what: "again: first pixels", unit: "ms", of: (r) => r.warm.pixels, aim: () => "500 ms" },
    { what: "again: requests", unit: "", of: (r) => r.warm.requests },
    { what: "again: bytes", unit: "MiB", of: (r) => r.warm.bytes / MiB },
];

async function store(site: Site, s: Study): Promise<void> {
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
    for (const file of files(s)) {
        batch.push(file);
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

function lines(slices: number, results: Record<Viewer, Run[]>): string[] {
    return rows.map(({ what, unit, of, aim }) => {
        const [ours, theirs] = [results.Isocenter.map(of), results.OHIF.map(of)];
        const ratio = median(theirs) / median(ours);
        const isTime = unit === "ms";
        const cell = (list: readonly number[]) => figure(median(list)) + (isTime ? span(list) : "");
        return `| ${slices} slices: ${what} | ${unit} | ${cell(ours)} | ${cell(theirs)} | ${figure(ratio)} | ${aim?.(slices) ?? ""} |`;
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
        for (const slices of sizes) {
            const s = study(slices);
            await store(site, s);
            const results: Record<Viewer, Run[]> = { Isocenter: [], OHIF: [] };
            for (const viewer of ["Isocenter", "OHIF"] as const) await run(address[viewer](site, s.study), site.log, slices); /* not counted: caches of the server */
            for (let turn = 0; turn < runs; turn++)
                for (const viewer of turn % 2 ? (["OHIF", "Isocenter"] as const) : (["Isocenter", "OHIF"] as const)) {
                    const r = await run(address[viewer](site, s.study), site.log, slices);
                    results[viewer].push(r);
                    console.log(`${slices} slices, ${viewer}: picture ${figure(r.cold.picture)}, pixels ${figure(r.cold.pixels)}, frames ${figure(r.cold.frames)}, again ${figure(r.warm.pixels)} ms`);
                }
            table.push(...lines(slices, results));
        }
    } finally {
        await site.stop();
        console.log(`\n${site.version}, ${ohifVersion}; ${about}; medians of ${runs} runs; ${new Date().toISOString().slice(0, 10)}\n`);
        console.log(`| | unit | Isocenter | OHIF | OHIF / ours | aim |\n|---|---|---:|---:|---:|---|\n${table.join("\n")}`);
    }
});
