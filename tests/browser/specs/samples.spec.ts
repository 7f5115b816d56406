/* Real files, where the corpus is present: each compressed copy of a picture must look like its plain copy, and
 * no file may break the page. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { filesBelow, readFile, serverUrl, stow } from "../lib/server";
import { seen, storeSamples } from "../lib/corpus";
import { expect, test } from "../lib/test";

const corpus = process.env["ISOCENTER_SAMPLES"] ?? resolve(dirname(fileURLToPath(import.meta.url)), "../../../../shared/dicom-samples");
test.skip(!existsSync(corpus), `no corpus at ${corpus}: real files are not shown`);

interface Stored {
    path: string;
    study: string;
    series: string;
    instance: string;
    syntax: string;
}

/* Where an object lies, out of the file itself: the few elements that name it stand early, in plain text. */
function uidOf(bytes: Buffer, tag: readonly [number, number], from = 132): string {
    const pattern = Buffer.alloc(4);
    pattern.writeUInt16LE(tag[0], 0);
    pattern.writeUInt16LE(tag[1], 2);
    for (let at = bytes.indexOf(pattern, from); at >= 0; at = bytes.indexOf(pattern, at + 1)) {
        const explicit = bytes.subarray(at + 4, at + 6).toString("latin1") === "UI";
        const length = explicit ? bytes.readUInt16LE(at + 6) : bytes.readUInt32LE(at + 4);
        const value = bytes.subarray(at + 8, at + 8 + Math.min(length, 64)).toString("latin1").replace(/\0+$/, "");
        if (/^[0-9][0-9.]*$/.test(value)) return value;
    }
    return "";
}

async function storedFiles(paths: readonly string[]): Promise<{ stored: Stored[]; refused: string[] }> {
    const stored: Stored[] = [];
    const refused: string[] = [];
    for (const path of paths) {
        const bytes = readFile(path);
        const { status, body } = await stow([bytes]);
        const answer = status === 200 || status === 202 ? (JSON.parse(body) as Record<string, { Value?: Record<string, { Value?: string[] }>[] }>) : {};
        const item = answer["00081199"]?.Value?.[0];
        const url = item?.["00081190"]?.Value?.[0] ?? "";
        const at = /studies\/([^/]+)\/series\/([^/]+)\/instances\/([^/]+)/.exec(url);
        if (at) stored.push({ path, study: at[1]!, series: at[2]!, instance: at[3]!, syntax: uidOf(bytes, [0x0002, 0x0010]) });
        else refused.push(basename(path));
    }
    return { stored, refused };
}

test.beforeEach(({ page }) => page.route(/\/thumbnail\?/, (route) => route.fulfill({ status: 404 })));

interface Seen {
    pixels?: number[];
    said?: string;
}

const stepsMax = 60; /* through the frames of a series, in search of its next object */

/** What the pane shows of each object of a study: a small copy of the picture, or the words in its place. */
async function pictures(page: Page, study: string, wanted: readonly Stored[]): Promise<Map<string, Seen>> {
    const seen = new Map<string, Seen>();
    await page.goto(`${serverUrl()}/ui/study/${study}`);
    for (const series of new Set(wanted.map((s) => s.series))) {
        const left = new Set(wanted.filter((s) => s.series === series).map((s) => s.instance));
        await page.locator(`.card[data-series="${series}"]`).click();
        for (let step = 1; step <= stepsMax && left.size > 0; step++) {
            if (step > 1 && step > (await imageCount(page))) break;
            const now = await shownAt(page, series, step);
            const instance = now.instance ?? [...left][0]!;
            if (!seen.has(instance)) seen.set(instance, now);
            left.delete(instance);
            if (!now.instance && !now.more) break;
            await page.keyboard.press("ArrowDown");
        }
        const beside = left.size > 0 && (await page.locator(".pane .beside").count()) > 0;
        for (const instance of left) seen.set(instance, { said: beside ? "listed beside the images of its series" : "not among the first images of its series" });
    }
    return seen;
}

const imageCount = async (page: Page) => Number((await page.locator(".stack-bar[aria-valuemax]").count()) ? await page.locator(".stack-bar").getAttribute("aria-valuemax") : 1);

async function shownAt(page: Page, series: string, image: number): Promise<Seen & { instance?: string; more?: boolean }> {
    const shown = page.locator(`.pane[data-series="${series}"][data-image="${image}"]:not(:has([role=alert]))`);
    const words = page.locator(`.pane[data-series="${series}"]`).locator("[role=alert], .objects");
    const answered = await shown.or(words).first().waitFor({ timeout: 40_000 }).then(() => true, () => false);
    if (!answered) return { said: "nothing was shown in 40 s" };
    if (await words.count()) return { said: (await words.first().textContent()) ?? "", more: (await page.locator(".stack-bar").count()) > 0 };
    const now = await page.evaluate(async () => {
        const canvas = document.querySelector<HTMLCanvasElement>(".stage canvas")!;
        const small = document.createElement("canvas");
        small.width = small.height = 64;
        const context = small.getContext("2d")!;
        const look = () => {
            const side = Math.min(canvas.width, canvas.height);
            context.drawImage(canvas, (canvas.width - side) / 2, (canvas.height - side) / 2, side, side, 0, 0, 64, 64);
            return [...context.getImageData(0, 0, 64, 64).data];
        };
        /* The pane names its image a moment before a busy machine has drawn it: look until nothing moves. */
        let pixels = look();
        for (let again = 0; again < 40; again++) {
            await new Promise((wake) => setTimeout(wake, 60));
            const next = look();
            const still = next.every((v, i) => v === pixels[i]);
            pixels = next;
            if (still) break;
        }
        return { pixels, instance: document.querySelector<HTMLElement>(".pane")!.dataset["instance"] };
    });
    return now.instance ? { ...now, instance: now.instance } : shownAt(page, series, image); /* it was just opened anew */
}

async function allPictures(page: Page, stored: readonly Stored[]): Promise<Map<Stored, Seen>> {
    const all = new Map<Stored, Seen>();
    for (const study of new Set(stored.map((s) => s.study))) {
        const mine = stored.filter((s) => s.study === study);
        const seen = await pictures(page, study, mine);
        for (const s of mine) all.set(s, seen.get(s.instance) ?? { said: "not shown" });
    }
    return all;
}

const lossy = /jpeg50|jpeg51|jpeg53|jpeg55|near3|lossy|j2k91|jxl111|jxl112/;

/* Wide enough for the tools to stand in one row. */
test.use({ viewport: { width: 1600, height: 800 } });

test("every encoding of a picture looks like the plain one", async ({ page, watch }) => {
    test.setTimeout(600_000);
    watch.allow.push(/Failed to load resource|Error executing method|wasm|JPEG|decod/i);
    const folder = join(corpus, "transfer-syntaxes/syn-matrix");
    const { stored, refused } = await storedFiles(filesBelow(folder).filter((p) => p.endsWith(".dcm")));
    console.log(`  ${stored.length} encodings stored, refused: ${refused.join(" ") || "none"}`);
    const seen = await allPictures(page, stored);
    const kindOf = (s: Stored) => basename(s.path).split("--")[0]!;
    const plain = new Map<string, number[]>();
    for (const s of stored.filter((f) => /--explicit-le/.test(f.path))) {
        const { pixels } = seen.get(s)!;
        expect(pixels, basename(s.path)).toBeDefined();
        expect(new Set(pixels).size, `${basename(s.path)} is not one flat colour`).toBeGreaterThan(8);
        plain.set(kindOf(s), pixels!);
    }
    expect([...plain.keys()].sort()).toEqual(["mf-rgb", "mf-u8", "rgb", "rgb-odd", "s16", "u12", "u16", "u8"]);
    const wrong: string[] = [];
    let alike = 0;
    for (const s of stored) {
        const name = basename(s.path, ".dcm");
        const { pixels, said } = seen.get(s)!;
        if (!pixels) {
            wrong.push(`${name} (${s.syntax}): ${said}`);
            continue;
        }
        const wanted = plain.get(kindOf(s))!;
        const mean = pixels.reduce((sum, v, i) => sum + Math.abs(v - wanted[i]!), 0) / pixels.length;
        if (mean > (lossy.test(name) ? 6 : 0.5)) wrong.push(`${name} (${s.syntax}): ${mean.toFixed(1)} off on average`);
        else alike++;
    }
    console.log(`  ${alike} look like the plain one`);
    expect(wrong).toEqual([]);
});

/* Every file with an image, and what is known of it beforehand: the index is of other programs' making. */
interface Known {
    path: string;
    rows: number;
    frames: number;
    sopClass: string;
    syntax: string;
    size: number;
}

function indexed(): Known[] {
    const [head, ...lines] = readFile(join(corpus, "INDEX.tsv")).toString("utf8").trim().split("\n").map((l) => l.split("\t"));
    const column = (name: string) => head!.indexOf(name);
    const [path, rows, frames, sopClass, syntax, size] = ["path", "rows", "frames", "sop_class_uid", "transfer_syntax_uid", "size"].map(column);
    return lines.map((l) => ({ path: l[path!]!, rows: Number(l[rows!]), frames: Number(l[frames!]), sopClass: l[sopClass!]!, syntax: l[syntax!]!, size: Number(l[size!]) }));
}

const bytesMax = 4.2e6;
const perFolder = 2; /* of one vendor's or modality's many */
const spectroscopy = "1.2.840.10008.5.1.4.1.1.4.2"; /* rows and columns of signals, without pixels */
const isVideo = (k: Known) => /\.4\.10[0-8](\.1)?$/.test(k.syntax);
const slide = "1.2.840.10008.5.1.4.1.1.77.1.6"; /* a map, not a stack */
/* Drawn by the server over the image that they are of, in colours; here as the images that they are. */
const layers = /\.1\.1\.(66\.[47]|481\.2|30)$/;
/* Pixels of noise: enlarged before the window (here) they are greyer than the window of each (there). */
const noise = /syn-u16-be|ge\/dti\/|weasis-imageForPrLUTs|dicom2nifti-|mr-vendors\/generic/;
/* The opening window is found from every fourth value here: the seam of this background is between them. */
const seam = /MR4-htj2k/;
/* What the server takes no object from: a SOP Class or UIDs are missing. */
const withoutName = /libdicom-generated_|pylibjpeg-JPEGLosslessP14SV1_1s_1f_u_16_16|pydicomdata-JLS[LN]_RGB_ILV0|pydicomdata-JLSL_RGB_ILV2/;

test("every object with an image is drawn, and as the server draws it", async ({ page, watch }) => {
    test.setTimeout(900_000);
    await page.addInitScript(() => localStorage.setItem("isocenter.look.autoCine", "false")); /* the first frame is what is compared */
    watch.allow.push(/^console: /); /* decoders complain of what is then left to the server */
    const inFolder = new Map<string, number>();
    const known = indexed().filter((k) => {
        const folder = /^modalities\//.test(k.path) ? dirname(k.path) : "";
        if (!/^(transfer-syntaxes|photometric|modalities|volume-series)\//.test(k.path) || /syn-matrix/.test(k.path)) return false;
        if (!(k.rows > 0) || isVideo(k) || k.sopClass === spectroscopy || k.sopClass === slide || k.size > bytesMax) return false;
        const most = /^volume-series/.test(k.path) ? 1 : folder === "" ? Infinity : perFolder;
        const group = /^volume-series/.test(k.path) ? k.path.split("/")[1]! : folder;
        inFolder.set(group, (inFolder.get(group) ?? 0) + 1);
        return inFolder.get(group)! <= most;
    });
    const { samples, refused } = await storeSamples(corpus, known.map((k) => k.path));
    expect(refused.filter((r) => !withoutName.test(r))).toEqual([]);
    const wrong: string[] = [];
    for (const s of samples) {
        const { said, off } = await seen(page, s);
        const isLayer = layers.test(known.find((k) => k.path === s.path)!.sopClass);
        if (said !== undefined) wrong.push(`${s.path}: ${said}`);
        else if (!isLayer && !seam.test(s.path) && off! > (noise.test(s.path) ? 25 : 7)) wrong.push(`${s.path}: ${off!.toFixed(1)} off on average`);
    }
    console.log(`  ${samples.length} objects shown`);
    expect(wrong).toEqual([]);
    expect(samples.length).toBeGreaterThan(200);
});

test("objects of every other kind are listed, and none breaks the page", async ({ page, watch }) => {
    test.setTimeout(300_000);
    watch.allow.push(/Failed to load resource/); /* the server draws what it can, not all */
    const known = indexed().filter((k) => /^modalities\/(sr|pr|ko|waveform|registration|encapsulated|rt|color-palette|misc)\//.test(k.path) && !(k.rows > 0));
    const { samples } = await storeSamples(corpus, known.map((k) => k.path));
    const shown: string[] = [];
    for (const s of samples) {
        const { said } = await seen(page, s);
        expect(said, s.path).toContain("DICOM file");
        if (await page.locator(".object .rendered").count()) shown.push(s.path);
    }
    console.log(`  ${samples.length} listed, ${shown.length} of them with what the server draws`);
    for (const folder of ["sr", "waveform", "encapsulated", "rt"]) expect(shown.some((p) => p.includes(`/${folder}/`)), folder).toBe(true);
});

test("every slide is drawn as a map", async ({ page }) => {
    test.setTimeout(300_000);
    const known = indexed().filter((k) => k.sopClass === slide && k.rows > 0 && k.size <= bytesMax && !/label|overview|thumbnail/.test(k.path));
    const { samples } = await storeSamples(corpus, known.map((k) => k.path));
    const wrong: string[] = [];
    for (const s of samples) {
        await page.goto(`/ui/study/${s.study}?series=${s.series}`);
        await expect(page.locator(".slide-layer"), s.path).toHaveAttribute("data-complete", "true", { timeout: 30_000 });
        if (await page.locator(".slide-choices .warn").count()) wrong.push(s.path);
    }
    expect(wrong).toEqual([]);
    expect(samples.length).toBeGreaterThan(5);
});
