/* The corpus of real files: each object under addresses of its own, so that copies of one object stand side by side, and
 * what a pane shows of it beside what the server draws of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { newUid } from "./dicom";
import { serverUrl, stow } from "./server";

export interface Sample {
    path: string; /* below the corpus */
    study: string;
    series: string;
    instance: string;
}

type Tag = readonly [group: number, element: number];
const mediaInstance: Tag = [0x0002, 0x0003];
const mediaSyntax: Tag = [0x0002, 0x0010];
const deflated = "1.2.840.10008.1.2.1.99";

/* Where a UID element of the top level stands: they come early, in plain text, in any of the encodings. */
function findUid(bytes: Buffer, [group, element]: Tag, from: number): { at: number; valueAt: number; end: number; big: boolean; explicit: boolean } | undefined {
    for (const big of [false, true]) {
        const tag = Buffer.alloc(4);
        if (big) tag.writeUInt16BE(group), tag.writeUInt16BE(element, 2);
        else tag.writeUInt16LE(group), tag.writeUInt16LE(element, 2);
        for (let at = bytes.indexOf(tag, from); at >= 0 && at + 8 < bytes.length; at = bytes.indexOf(tag, at + 1)) {
            const explicit = bytes.toString("latin1", at + 4, at + 6) === "UI";
            const length = explicit ? (big ? bytes.readUInt16BE(at + 6) : bytes.readUInt16LE(at + 6)) : bytes.readUInt32LE(at + 4);
            const end = at + 8 + length;
            if (length > 64 || end > bytes.length) continue;
            if (/^[0-9][0-9.]+[\0 ]?$/.test(bytes.toString("latin1", at + 8, end))) return { at, valueAt: at + 8, end, big, explicit };
        }
    }
    return undefined;
}

function withUid(bytes: Buffer, tag: Tag, uid: string, from: number): Buffer {
    const found = findUid(bytes, tag, from);
    if (!found) return bytes;
    const value = Buffer.from(uid.length % 2 ? `${uid}\0` : uid, "latin1");
    const head = Buffer.from(bytes.subarray(found.at, found.valueAt));
    if (!found.explicit) head.writeUInt32LE(value.length, 4);
    else if (found.big) head.writeUInt16BE(value.length, 6);
    else head.writeUInt16LE(value.length, 6);
    return Buffer.concat([bytes.subarray(0, found.at), head, value, bytes.subarray(found.end)]);
}

/** The file with other UIDs for study, series and object; a deflated one as it is. */
export function readdressed(file: Buffer, study: string, series: string, instance: string): Buffer {
    const syntax = findUid(file, mediaSyntax, 132);
    if (!syntax || file.toString("latin1", syntax.valueAt, syntax.end).replace(/\0/g, "") === deflated) return file;
    const metaLength = file.toString("latin1", 136, 138) === "UL" ? file.readUInt32LE(140) : 0;
    let meta = file.subarray(0, metaLength > 0 ? 144 + metaLength : syntax.end);
    let rest = file.subarray(meta.length);
    meta = Buffer.from(withUid(meta, mediaInstance, instance, 132));
    if (metaLength > 0) meta.writeUInt32LE(meta.length - 144, 140);
    rest = withUid(rest, [0x0008, 0x0018], instance, 0);
    /* Those of the object itself stand side by side; in the items of sequences other elements are between them. */
    for (let found = findUid(rest, [0x0020, 0x000d], 0); found; found = findUid(rest, [0x0020, 0x000d], found.end)) {
        if (findUid(rest, [0x0020, 0x000e], found.end)?.at !== found.end) continue;
        const own = withUid(withUid(rest.subarray(found.at), [0x0020, 0x000e], series, found.end - found.at), [0x0020, 0x000d], study, 0);
        return Buffer.concat([meta, rest.subarray(0, found.at), own]);
    }
    return file;
}

const seriesPerStudy = 40;

/** Stores files, each as a series of its own, in as few studies as the strip shows well. */
export async function storeSamples(corpus: string, paths: readonly string[]): Promise<{ samples: Sample[]; refused: string[] }> {
    const samples: Sample[] = [];
    const refused: string[] = [];
    let study = newUid();
    for (const [i, path] of paths.entries()) {
        if (i % seriesPerStudy === 0) study = newUid();
        const { status, body } = await stow([readdressed(readFileSync(join(corpus, path)), study, newUid(), newUid())]);
        const answer = status === 200 || status === 202 ? (JSON.parse(body) as Record<string, { Value?: Record<string, { Value?: string[] }>[] }>) : {};
        const url = answer["00081199"]?.Value?.[0]?.["00081190"]?.Value?.[0] ?? "";
        const at = /studies\/([^/]+)\/series\/([^/]+)\/instances\/([^/]+)/.exec(url);
        if (at) samples.push({ path, study: at[1]!, series: at[2]!, instance: at[3]! });
        else refused.push(`${path}: ${status} ${body.slice(0, 300)}`);
    }
    return { samples, refused };
}

export const instanceUrl = (s: Sample): string => `${serverUrl()}/dicom-web/studies/${s.study}/series/${s.series}/instances/${s.instance}`;

export interface Seen {
    /** What stands in the pane instead of a picture. */
    said?: string;
    /** How far the pane's picture is from the server's, in grey levels on average. */
    off?: number;
}

/** Opens the series of a sample, and compares what is drawn with the server's picture of its first frame. */
export async function seen(page: Page, s: Sample): Promise<Seen> {
    const here = `.pane[data-series="${s.series}"]`;
    if (!page.url().includes(s.study)) await page.goto(`${serverUrl()}/ui/study/${s.study}?series=${s.series}`);
    else await page.locator(`.card[data-series="${s.series}"]`).click();
    const drawn = page.locator(`${here}[data-instance="${s.instance}"]:not(:has([role=alert]))`);
    const words = page.locator(here).locator("[role=alert], .objects");
    const answered = await drawn.or(words).first().waitFor({ timeout: 30_000 }).then(() => true, () => false);
    if (!answered) return { said: "nothing was shown in 30 s" };
    if (await words.count()) return { said: (await words.first().textContent()) ?? "" };
    if (/\/mg\//.test(s.path)) { /* mammograms come to lie at the edge, mirrored if need be; the server's do not */
        await page.waitForTimeout(500);
        await page.locator(here).focus();
        await page.keyboard.press("0");
    }
    return page.evaluate(compare, `${instanceUrl(s)}/frames/1/rendered?accept=image/png&overlays=no`);
}

/* Runs in the page. */
async function compare(url: string): Promise<Seen> {
    const side = 32;
    const response = await fetch(url);
    if (!response.ok) return { said: `the server does not draw it: ${response.status} ${(await response.text()).slice(0, 200)}` };
    const wanted = await createImageBitmap(await response.blob());
    const canvas = document.querySelector<HTMLCanvasElement>(".stage canvas")!;
    const small = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true })!;
    small.imageSmoothingQuality = "high";
    const look = (from: CanvasImageSource, left: number, top: number, width: number, height: number) => {
        small.drawImage(from, left, top, width, height, 0, 0, side, side);
        return small.getImageData(0, 0, side, side).data;
    };
    const theirs = look(wanted, 0, 0, wanted.width, wanted.height);
    const height = Math.min(canvas.height, (canvas.width * wanted.height) / wanted.width);
    const width = (height * wanted.width) / wanted.height;
    let off = 255;
    for (let again = 0, last = NaN; again < 40 && off !== last; again++) { /* until nothing moves any more */
        if (again > 0) await new Promise((wake) => setTimeout(wake, 40));
        last = off;
        const ours = look(canvas, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
        off = ours.reduce((sum, v, i) => sum + Math.abs(v - theirs[i]!), 0) / (side * side * 3);
    }
    return { off };
}
