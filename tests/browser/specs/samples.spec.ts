/* Real files, where the corpus is present: each compressed copy of a picture must look like its plain copy, and
 * no file may break the page. */
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Page } from "@playwright/test";
import { filesBelow, readFile, serverUrl, stow } from "../lib/server";
import { expect, test } from "../lib/test";

const corpus = process.env["ISOCENTER_SAMPLES"] ?? resolve(__dirname, "../../../../shared/dicom-samples");
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

/* Series hold other objects too: the page is told only of the one in question. */
let only = "";
test.beforeEach(async ({ page }) => {
    await page.route(/\/instances\?limit=1&/, (route) => route.fulfill({ json: [] })); /* no thumbnails */
    await page.route(/\/metadata$/, async (route) => {
        try {
            const answer = await route.fetch();
            const all = (await answer.json()) as Record<string, { Value?: unknown[] }>[];
            await route.fulfill({ response: answer, json: all.filter((ds) => ds["00080018"]?.Value?.[0] === only) });
        } catch {
            /* the page has moved on */
        }
    });
});

/** The picture of one object alone, whatever else its series holds: what is drawn, or the words in its place. */
async function picture(page: Page, s: Stored): Promise<{ pixels?: number[]; said?: string }> {
    await page.goto("about:blank");
    only = s.instance;
    await page.goto(`${serverUrl()}/ui/study/${s.study}?series=${s.series}`);
    const drawn = page.locator(".pane[data-image]");
    const words = page.locator(".pane [role=alert], .objects");
    const answered = await drawn.or(words).first().waitFor({ timeout: 20_000 }).then(() => true, () => false);
    if (!answered) return { said: "nothing was shown in 20 s" };
    if (await words.count()) return { said: (await words.first().textContent()) ?? "" };
    const pixels = await page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>(".stage canvas")!;
        const small = document.createElement("canvas");
        small.width = small.height = 64;
        const context = small.getContext("2d")!;
        const side = Math.min(canvas.width, canvas.height);
        context.drawImage(canvas, (canvas.width - side) / 2, (canvas.height - side) / 2, side, side, 0, 0, 64, 64);
        return [...context.getImageData(0, 0, 64, 64).data];
    });
    return { pixels };
}

const lossy = /jpeg50|jpeg51|jpeg53|jpeg55|near3|lossy|j2k91|jxl111|jxl112/;
/* JPIP refers to pixels elsewhere; its objects hold none. The browser has no decoder for the rest. */
const undrawn = /jpip|ge-private|jpeg53|jpeg55/;

test("every encoding of a picture looks like the plain one", async ({ page, watch }) => {
    test.setTimeout(600_000);
    watch.allow.push(/Failed to load resource|Error executing method|wasm|JPEG|decod/i);
    const folder = join(corpus, "transfer-syntaxes/syn-matrix");
    const { stored, refused } = await storedFiles(filesBelow(folder).filter((p) => p.endsWith(".dcm")));
    console.log(`  ${stored.length} encodings stored, refused: ${refused.join(" ") || "none"}`);
    const plain = new Map<string, number[]>();
    const kindOf = (s: Stored) => basename(s.path).split("--")[0]!;
    const wrong: string[] = [];
    for (const s of stored.filter((f) => /--explicit-le/.test(f.path))) {
        const seen = await picture(page, s);
        expect(seen.pixels, basename(s.path)).toBeDefined();
        expect(new Set(seen.pixels).size, `${basename(s.path)} is not one flat colour`).toBeGreaterThan(8);
        plain.set(kindOf(s), seen.pixels!);
    }
    expect([...plain.keys()].sort()).toEqual(["mf-rgb", "mf-u8", "rgb", "rgb-odd", "s16", "u12", "u16", "u8"]);
    for (const s of stored.filter((f) => !/--explicit-le/.test(f.path))) {
        const name = basename(s.path, ".dcm");
        const seen = await picture(page, s);
        if (!seen.pixels) {
            if (!undrawn.test(name)) wrong.push(`${name} (${s.syntax}): ${seen.said}`);
            continue;
        }
        const wanted = plain.get(kindOf(s))!;
        const differences = seen.pixels.map((v, i) => Math.abs(v - wanted[i]!));
        const mean = differences.reduce((a, b) => a + b, 0) / differences.length;
        if (mean > (lossy.test(name) ? 6 : 0.5)) wrong.push(`${name} (${s.syntax}): ${mean.toFixed(1)} off on average`);
    }
    expect(wrong).toEqual([]);
});

test("objects of every kind are drawn or explained, and none breaks the page", async ({ page, watch }) => {
    test.setTimeout(900_000);
    watch.allow.push(/Failed to load resource|Error executing method|wasm|JPEG|decod/i);
    const folders = ["photometric", "modalities"].map((f) => join(corpus, f));
    const files = folders.flatMap(filesBelow).filter((p) => /\.dcm$/i.test(p));
    const { stored, refused } = await storedFiles(files);
    console.log(`  ${stored.length} objects stored, refused: ${refused.join(" ") || "none"}`);
    let drawn = 0;
    const said = new Map<string, string[]>();
    for (const s of stored) {
        const seen = await picture(page, s);
        if (seen.pixels) drawn++;
        else said.set(seen.said!, [...(said.get(seen.said!) ?? []), `${basename(dirname(s.path))}/${basename(s.path)}`]);
    }
    for (const [words, paths] of said) console.log(`  ${words.slice(0, 110)}: ${paths.slice(0, 12).join(" ")}${paths.length > 12 ? ` and ${paths.length - 12} more` : ""}`);
    console.log(`  ${drawn} drawn`);
    expect(drawn).toBeGreaterThan(stored.length / 2);
});
