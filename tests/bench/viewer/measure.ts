/* One opening of a study in one viewer, timed by what is on the screen and by what went over the wire. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type CDPSession, type Page } from "@playwright/test";

const flags =
    "--headless=new --no-sandbox --disable-background-networking --disable-component-update --disable-sync --no-first-run " +
    "--disable-quic --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader --disk-cache-size=1073741824";
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((p) => existsSync(p)) ?? "chromium";
const patienceMs = 60_000;
const restMs = 2000; /* in which a browser that has been started prepares its processes */

export interface Opening {
    picture: number; /* ms until a picture of the study stands on the screen, drawn by whomever */
    pixels: number; /* ms until a canvas of the viewer shows it */
    frames: number; /* ms until the last of all frames has left the server */
    requests: number;
    bytes: number;
}

/* Runs in the page from its first moment on: looks at every large canvas and picture and tells when one of them is not black
 * any more. It looks when a canvas was drawn into or a picture has come, and every quarter of a second besides: looking takes
 * time from the graphics process. The same for every viewer; it knows none of them. */
function watch(): void {
    const seen = window as unknown as { benchPicture?: number; benchPixels?: number };
    const small = new OffscreenCanvas(24, 24).getContext("2d", { willReadFrequently: true })!;
    const isDrawn = (el: HTMLCanvasElement | HTMLImageElement) => {
        const box = el.getBoundingClientRect();
        if (box.width < 300 || box.height < 300 || el.width === 0 || el.height === 0) return false;
        if (el instanceof HTMLImageElement && !el.complete) return false;
        const style = getComputedStyle(el);
        if (style.visibility === "hidden" || style.opacity === "0") return false;
        small.clearRect(0, 0, 24, 24);
        try {
            small.drawImage(el, 0, 0, 24, 24);
        } catch {
            return false; /* a picture that is broken */
        }
        const rgba = small.getImageData(0, 0, 24, 24).data;
        let bright = 0;
        for (let i = 0; i < rgba.length; i += 4) if (rgba[i + 3]! > 128 && Math.min(rgba[i]!, rgba[i + 1]!, rgba[i + 2]!) > 60) bright++;
        return bright > 0.15 * 24 * 24; /* the phantom's circle fills more than half of the square */
    };
    let isNew = false;
    let lookedAt = 0;
    const note = (whose: object, name: string) => {
        const methods = whose as Record<string, (...all: unknown[]) => unknown>;
        const real = methods[name]!;
        methods[name] = function (this: unknown, ...all: unknown[]) {
            isNew = true;
            return real.apply(this, all);
        };
    };
    for (const name of ["drawImage", "putImageData"]) note(CanvasRenderingContext2D.prototype, name);
    for (const name of ["drawArrays", "drawElements"]) note(WebGL2RenderingContext.prototype, name);
    document.addEventListener("load", () => (isNew = true), true);
    const look = () => {
        if (seen.benchPixels === undefined) requestAnimationFrame(look);
        if (!isNew && performance.now() - lookedAt < 250) return;
        isNew = false;
        lookedAt = performance.now();
        if (seen.benchPixels === undefined && [...document.querySelectorAll("canvas")].some(isDrawn)) seen.benchPixels = performance.now();
        if (seen.benchPicture === undefined && (seen.benchPixels !== undefined || [...document.querySelectorAll("img")].some(isDrawn)))
            seen.benchPicture = performance.now();
    };
    requestAnimationFrame(look);
}

interface Answer {
    atMs: number;
    status: number;
    bytes: number;
    path: string;
}

function answers(log: string, from: number): Answer[] {
    const lines = readFileSync(log).subarray(from).toString("latin1").split("\n");
    return lines.filter(Boolean).map((line) => {
        const [seconds, status, bytes, path] = line.split(" ") as [string, string, string, string];
        return { atMs: 1000 * Number(seconds), status: Number(status), bytes: Number(bytes), path };
    });
}

const isFrame = (a: Answer) => a.status === 200 && /\/frames\/\d+/.test(a.path);

async function open(page: Page, url: string, log: string, slices: number, hasFrames: boolean): Promise<Opening> {
    const from = statSync(log).size;
    await page.goto(url, { waitUntil: "commit" });
    await page.waitForFunction(() => "benchPixels" in window, undefined, { timeout: patienceMs, polling: 20 });
    const deadline = Date.now() + patienceMs;
    const frames = () => new Set(answers(log, from).filter(isFrame).map((a) => a.path)).size;
    for (let before = -1, still = 0; hasFrames && frames() < slices && still < 30 && Date.now() < deadline; still = frames() === before ? still + 1 : 0) {
        before = frames();
        await page.waitForTimeout(100); /* of very many slices a viewer may fetch some only */
    }
    await page.waitForTimeout(1000); /* what still follows the picture is counted too */
    const seen = await page.evaluate(() => {
        const { benchPicture, benchPixels } = window as unknown as { benchPicture: number; benchPixels: number };
        return { picture: benchPicture, pixels: benchPixels, startMs: performance.timeOrigin };
    });
    const all = answers(log, from);
    const last = Math.max(...all.filter(isFrame).map((a) => a.atMs));
    return {
        picture: seen.picture,
        pixels: seen.pixels,
        frames: hasFrames && frames() >= slices ? last - seen.startMs : NaN,
        requests: all.length,
        bytes: all.reduce((sum, a) => sum + a.bytes, 0),
    };
}

/* Memory of the browser and all its processes, shared pages by their share: what of it runs is a child of ours. */
function residentBytes(): number {
    const processes = new Map<number, { name: string; parent: number }>();
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        try {
            const [, name, rest] = /\((.*)\)(.*)/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))!;
            processes.set(Number(pid), { name: name!, parent: Number(rest!.split(" ")[2]) });
        } catch {
            /* it has ended meanwhile */
        }
    }
    const isOurs = (pid: number): boolean => pid === process.pid || (processes.has(pid) && isOurs(processes.get(pid)!.parent));
    let sum = 0;
    for (const [pid, { name }] of processes) {
        if (!/^chrom/.test(name) || !isOurs(pid)) continue;
        try {
            sum += 1024 * Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1] ?? 0);
        } catch {
            /* as above */
        }
    }
    return sum;
}

async function heapBytes(cdp: CDPSession): Promise<number> {
    await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    return metrics.find((m) => m.name === "JSHeapUsedSize")?.value ?? NaN;
}

/* Scrolls through `images` of them, asking for another at each frame of the screen, and tells the middle one of the times between
 * frames, in ms. Only ours tells which image it shows. */
async function scroll(page: Page, images: number): Promise<number> {
    const apart = await page.evaluate(async (images) => {
        const pane = document.querySelector<HTMLElement>(".pane")!;
        const frame = () => new Promise<number>((tick) => requestAnimationFrame(tick));
        const times = [await frame()];
        for (let n = 0; n < images; n++) {
            pane.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, bubbles: true, cancelable: true }));
            times.push(await frame());
        }
        for (let n = 0; n < 300 && pane.dataset["image"] !== String(images); n++) await frame();
        return pane.dataset["image"] === String(images) ? times.slice(1).map((at, i) => at - times[i]!) : [];
    }, images);
    apart.sort((a, b) => a - b);
    return apart[apart.length >> 1] ?? NaN;
}

export interface Run {
    cold: Opening;
    warm: Opening;
    heap: number; /* bytes */
    resident: number; /* bytes */
    step: number; /* ms between two frames of the screen while scrolling; NaN where it was not tried */
}

/** Opens a study in a browser that has never seen the viewer, then once more in the same.
 *  scrolls: the viewer is ours, and is scrolled through once all frames are there */
export async function run(url: string, log: string, slices: number, scrolls: boolean): Promise<Run> {
    const profile = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "isocenter-viewer-profile-")); /* a private window would keep no frames on disk */
    const context = await chromium.launchPersistentContext(profile, { executablePath, args: flags.split(" "), viewport: { width: 1280, height: 800 } });
    try {
        const page = context.pages()[0] ?? (await context.newPage());
        await page.addInitScript(watch);
        await page.waitForTimeout(restMs);
        const cold = await open(page, url, log, slices, true);
        const step = scrolls ? await scroll(page, slices) : NaN;
        const cdp = await context.newCDPSession(page);
        await cdp.send("Performance.enable");
        const heap = await heapBytes(cdp);
        const resident = residentBytes();
        await page.goto("about:blank");
        const warm = await open(page, url, log, slices, false);
        return { cold, warm, heap, resident, step };
    } finally {
        await context.close();
        rmSync(profile, { recursive: true, force: true });
    }
}
