/* Keeping what a reader makes: drafts on the server, reports, key images and presentation states that other programs read. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import { board, CtImage, newUid, object, picture, type Identity } from "../lib/dicom";
import { serverUrl, store } from "../lib/server";
import { assertValid, bytesOf, storedObjects, type Json } from "../lib/stored";
import { colorsAt, expect, imageIs, mark, openStudy, pane, test } from "../lib/test";

const here = dirname(fileURLToPath(import.meta.url));
const block = 16;
const slices = 4;

async function phantom(): Promise<{ who: Identity; instances: string[] }> {
    const who: Identity = { study: newUid(), series: newUid(), patientName: "Ärztin^Käthe", patientId: mark() };
    const instances = Array.from({ length: slices }, newUid);
    await store(
        instances.map((instance, i) =>
            object(who, {
                ...picture({ rows: 128, columns: 128, bits: 16, signed: true, values: board(block, (r, c) => (r === 0 && c === 0 ? 1000 : 100 * i)) }),
                "0008,0008 CS": "ORIGINAL\\PRIMARY\\AXIAL",
                "0008,0016 UI": CtImage,
                "0008,0018 UI": instance,
                "0008,0060 CS": "CT",
                "0018,0060 DS": "120",
                "0020,0013 IS": i + 1,
                "0020,0032 DS": [0, 0, 3 * i],
                "0020,0037 DS": [1, 0, 0, 0, 1, 0],
                "0020,0052 UI": `${who.study}.1`,
                "0028,0030 DS": [0.5, 0.5],
                "0028,1050 DS": 500,
                "0028,1051 DS": 1000,
                "0028,1052 DS": 0,
                "0028,1053 DS": 1,
            }),
        ),
    );
    return { who, instances };
}

const uid = () => newUid();
const draftUrl = (study: string) => `${serverUrl()}/api/v1/drafts/${study}`;

function marks(who: Identity, instances: readonly string[]) {
    const on = (i: number) => ({ study: who.study, series: who.series, instance: instances[i], sopClass: CtImage, frame: 1 });
    const common = { spacing: "calibrated", color: "#12ab9f", locked: false, hidden: false, created: "2026-01-15T10:15:00.000Z" };
    return [
        { ...common, uid: uid(), kind: "length", label: "Läsion <1>", on: on(1), points: [[8, 8], [72, 56]], quantities: [{ name: "length", value: 40.00000000000001, unit: "mm" }] },
        { ...common, uid: uid(), kind: "ellipse", label: "Liver", on: on(2), points: [[20, 40], [60, 40], [40, 30], [40, 50]], quantities: [{ name: "area", value: 157.07963267948966, unit: "mm2" }, { name: "mean", value: 200, unit: "[hnsf'U]" }] },
        { ...common, uid: uid(), kind: "keyImage", label: "", on: on(3), quantities: [] },
    ];
}

async function putDraft(who: Identity, list: unknown): Promise<void> {
    const res = await fetch(draftUrl(who.study), { method: "PUT", headers: { "Content-Type": "application/json", "If-None-Match": "*" }, body: JSON.stringify({ version: 1, marks: list }) });
    expect(res.status).toBe(204);
}

const keepPanel = (page: Page) => page.locator("aside .keep");

/* With a draft it opens by itself. */
async function openPanel(page: Page): Promise<void> {
    await page.getByRole("button", { name: "Keep", exact: true }).click();
    await keepPanel(page).waitFor();
}

const stored = storedObjects;

/* What highdicom reads of an SR or SEG, as the judge prints it; undefined where the tests' Python lacks it. */
async function readByHighdicom(ds: Json): Promise<unknown> {
    const python = join(here, "../../../.venv/bin/python");
    const folder = mkdtempSync(join(tmpdir(), "isocenter-keep-"));
    try {
        writeFileSync(join(folder, "o.dcm"), await bytesOf(ds));
        const said = execFileSync("sh", ["-c", '"$0" -c "import highdicom" 2>/dev/null || exit 7; exec "$0" "$1" "$2"', python, join(here, "../lib/judge.py"), join(folder, "o.dcm")], { encoding: "utf8" });
        return JSON.parse(said) as unknown;
    } catch (e) {
        if ((e as { status?: number }).status === 7) return undefined;
        throw e;
    } finally {
        rmSync(folder, { recursive: true });
    }
}

const numbersOf = (ds: Json) => JSON.stringify(ds).match(/"0040A161":\{"vr":"FD","Value":\[[^\]]*\]/g)?.map((m) => Number(/\[([^\]]*)\]$/.exec(m)![1]));

test("a draft comes back; measurements and key images are saved, valid, and equal when they are loaded again", async ({ page }) => {
    const { who, instances } = await phantom();
    const list = marks(who, instances);
    await putDraft(who, list);
    await openStudy(page, who.study);
    await expect(keepPanel(page)).toContainText("not saved yet is back: 3 measurements");
    await expect(page.locator(".keep-marks")).toContainText("Läsion <1>");
    await expect(page.locator(".keep-marks")).toContainText("157.08 mm2");

    await page.getByLabel("Name of the report").fill("Größen");
    await page.getByRole("button", { name: "Save measurements" }).click();
    await expect(page.locator(".keep-notes")).toContainText("2 measurements");
    await page.getByLabel("Title").selectOption({ label: "For Teaching" });
    await page.getByLabel("Description").fill("für die Lehre");
    await page.getByRole("button", { name: "Save 1 key images" }).click();
    await expect(page.locator(".keep-notes")).toContainText("For Teaching");
    await expect(page.locator(".strip .card")).toHaveCount(3); /* without a reload */
    await expect(page.locator(".keep-draft")).toHaveAttribute("data-draft", "none"); /* all of it is kept in DICOM */
    expect((await fetch(draftUrl(who.study))).status).toBe(204); /* nothing is left */

    const [report] = await stored(who.study, "SR");
    expect(report!["00100010"]?.Value).toEqual([{ Alphabetic: "Ärztin^Käthe" }]);
    expect(numbersOf(report!)).toEqual([40.00000000000001, 157.07963267948966, 200]);
    await assertValid([report!, ...(await stored(who.study, "KO"))]);
    expect([undefined, [
        { id: "Läsion <1>", values: [["Length", 40.00000000000001, "mm"]] },
        { id: "Liver", values: [["Area", 157.07963267948966, "mm2"], ["Attenuation Coefficient", 200, "[hnsf'U]"]] },
    ]]).toContainEqual(await readByHighdicom(report!));

    await page.reload();
    await page.locator(".pane[data-image]").first().waitFor();
    await openPanel(page);
    await expect(page.locator(".keep-marks li")).toHaveCount(0);
    await page.getByRole("button", { name: "Load measurements" }).click();
    await expect(page.locator(".keep-notes")).toContainText("“Größen”: 2 measurements");
    await page.getByRole("button", { name: "Load key images" }).click();
    await imageIs(page, slices); /* it goes to the key image */
    await page.getByLabel("Name of the report").fill("Again");
    await page.getByRole("button", { name: "Save measurements" }).click();
    await expect(page.locator(".keep-notes")).toContainText("“Again”");
    const both = await stored(who.study, "SR");
    const groups = both.map((ds) => JSON.stringify((ds["0040A730"]!.Value as Json[]).at(-1)));
    expect(groups).toHaveLength(2);
    expect(groups[0]).toBe(groups[1]); /* positions, numbers, units, labels, UIDs: all as before */
});

/* What is there once nothing changes any more: a turn and a mirroring are two frames. */
async function steady<T>(look: () => Promise<T>): Promise<T> {
    let last = await look();
    await expect
        .poll(async () => {
            const [was, now] = [last, (last = await look())];
            return JSON.stringify(now) === JSON.stringify(was);
        }, { intervals: [300] })
        .toBe(true);
    return last;
}

test("a display is saved and applied: window, turn, mirror, area, drawings", async ({ page }) => {
    const { who, instances } = await phantom();
    await putDraft(who, [marks(who, instances)[0]]);
    await openStudy(page, who.study, `?series=${who.series}&image=2`);
    await keepPanel(page).waitFor();
    await pane(page).focus();
    await page.keyboard.press("r");
    await page.keyboard.press("h");
    await page.keyboard.press("i");
    /* turned clockwise the bright corner comes to the upper right, mirrored to the upper left; inverted it is dark */
    const corner = [[0.06, 0.06], [0.94, 0.06], [0.06, 0.94], [0.5, 0.5]] as const;
    await expect.poll(async () => (await colorsAt(page, corner))[0]![0]).toBeLessThan(10);
    const before = await steady(() => colorsAt(page, corner));
    await page.getByLabel("Name of the display").fill("Dark");
    await page.getByRole("button", { name: "Save display" }).click();
    await expect(page.locator(".keep-notes")).toContainText("“Dark”");
    const [state] = await stored(who.study, "PR");
    expect([state!["00700042"]?.Value, state!["00700041"]?.Value, state!["20500020"]?.Value]).toEqual([[90], ["Y"], ["INVERSE"]]);
    await assertValid([state!]);

    await page.reload();
    await keepPanel(page).waitFor(); /* the length is not in a report, so the draft has it still */
    await page.getByRole("button", { name: "Apply display" }).click();
    await expect(page.locator(".keep-notes")).toContainText("“Dark” is applied");
    await imageIs(page, 2);
    await expect.poll(async () => colorsAt(page, corner)).toEqual(before);
    await expect(page.locator(".keep-layer polyline")).toHaveCount(1);
    await expect(page.locator(".keep-layer text").first()).toHaveText("Läsion <1>");
    await page.getByRole("button", { name: "Take off" }).click();
    await expect.poll(async () => (await colorsAt(page, corner))[0]![0]).toBeGreaterThan(245);
    await expect(page.locator(".keep-layer")).toHaveCount(0);
});

test("two windows do not overwrite each other's draft", async ({ page, watch }) => {
    watch.allow.push(/status of 412/); /* Chromium logs it */
    const { who, instances } = await phantom();
    const [one, other, third] = marks(who, instances);
    await putDraft(who, [one]);
    await openStudy(page, who.study);
    await expect(page.locator(".keep-marks li")).toHaveCount(1);
    const tag = (await fetch(draftUrl(who.study))).headers.get("ETag")!;
    await fetch(draftUrl(who.study), { method: "PUT", headers: { "Content-Type": "application/json", "If-Match": tag }, body: JSON.stringify({ version: 1, marks: [one, other, third] }) });
    await page.getByRole("button", { name: "Discard what is not saved" }).click(); /* of one it knows; the draft has more by now */
    await expect(page.locator(".keep-draft")).toHaveAttribute("data-draft", "changed");
    expect(((await (await fetch(draftUrl(who.study))).json()) as { marks: unknown[] }).marks).toHaveLength(3);
    await page.getByRole("button", { name: "Take both" }).click();
    await expect(page.locator(".keep-draft")).toHaveAttribute("data-draft", "kept");
    await expect(page.locator(".keep-marks li")).toHaveCount(2);
});

test("a segmentation survives a closed tab, is saved as SEG and as contours, valid, and painted again with the same pixels", async ({ page }) => {
    const { who, instances } = await phantom();
    const code = { value: "10200004", scheme: "SCT", meaning: "Liver" };
    const segment = (number: number) => ({ number, label: `Segment ${number}`, color: "#4fc36e", category: { value: "123037004", scheme: "SCT", meaning: "Anatomical Structure" }, type: code, isAutomatic: number === 2, locked: false, hidden: false, trackingUid: uid() });
    /* rows 1 to 3 of the second image belong to segment 1, the last pixel of the fourth to segment 2 */
    const frames = [
        { instance: instances[1], frame: 1, runs: [0, 128, 1, 384, 0, 128 * 124] },
        { instance: instances[3], frame: 1, runs: [0, 128 * 128 - 1, 2, 1] },
    ];
    const painted = { uid: uid(), label: "Leber", study: who.study, series: who.series, rows: 128, columns: 128, segments: [segment(1), segment(2)], frames };
    const res = await fetch(draftUrl(who.study), { method: "PUT", headers: { "Content-Type": "application/json", "If-None-Match": "*" }, body: JSON.stringify({ version: 1, marks: [], segmentations: [painted] }) });
    expect(res.status).toBe(204);
    await openStudy(page, who.study);
    await page.getByRole("button", { name: "Save segmentation “Leber”" }).click();
    await expect(page.locator(".keep-notes")).toContainText("Saved: the segmentation “Leber”");
    await expect(page.locator(".keep-draft")).toHaveAttribute("data-draft", "none");
    const pixelsOf = async (ds: Json) => {
        const [study, series, instance] = ["0020000D", "0020000E", "00080018"].map((t) => String(ds[t]?.Value?.[0]));
        const at = `${serverUrl()}/dicom-web/studies/${study}/series/${series}/instances/${instance}/bulkdata/7FE00010`;
        return Buffer.from(await (await fetch(at, { headers: { Accept: "application/octet-stream" } })).arrayBuffer());
    };
    const [seg] = await stored(who.study, "SEG");
    await assertValid([seg!]);
    expect([undefined, { kind: "BINARY", segments: ["Segment 1", "Segment 2"], pixels: [384, 1] }]).toContainEqual(await readByHighdicom(seg!));
    const bits = await pixelsOf(seg!);
    expect(bits.length).toBe((2 * 128 * 128) / 8);
    const set = [...bits].flatMap((b, i) => [0, 1, 2, 3, 4, 5, 6, 7].filter((k) => (b >> k) & 1).map((k) => 8 * i + k));
    expect([set.length, set[0], set[383], set[384]]).toEqual([385, 128, 511, 2 * 128 * 128 - 1]);

    await page.reload();
    await page.locator(".pane[data-image]").first().waitFor();
    await openPanel(page);
    await page.getByRole("button", { name: "Load segmentation" }).click();
    await expect(page.locator(".keep-notes")).toContainText("“Leber”: 2 segments are on the images");
    await imageIs(page, 2);
    await page.getByRole("button", { name: "Save segmentation “Leber”" }).click();
    await expect(page.locator(".keep-notes")).toContainText("Saved");
    const both = await stored(who.study, "SEG");
    expect(both).toHaveLength(2);
    expect(await pixelsOf(both[0]!)).toEqual(await pixelsOf(both[1]!));

    await page.getByLabel("Save as").selectOption("RTSTRUCT");
    await page.getByRole("button", { name: "Save segmentation “Leber”" }).click();
    await expect.poll(async () => (await stored(who.study, "RTSTRUCT")).length).toBe(1);
    const [structures] = await stored(who.study, "RTSTRUCT");
    await assertValid([structures!]);
    /* rows 1 to 3 of the second image, its pixels of 0.5 mm counted from their middles, 3 mm up */
    expect(JSON.stringify(structures).match(/"30060050":\{"vr":"DS","Value":(\[.*?\])/)?.[1]).toBe("[-0.25,0.25,3,63.75,0.25,3,63.75,1.75,3,-0.25,1.75,3]");
    await page.reload();
    await page.locator(".pane[data-image]").first().waitFor();
    await openPanel(page);
    await page.getByRole("button", { name: "Load structures" }).click();
    await expect(page.locator(".keep-notes")).toContainText("2 segments are on the images");
    await page.getByRole("button", { name: "Save segmentation" }).click();
    await expect.poll(async () => (await stored(who.study, "SEG")).length).toBe(3);
    const all = await Promise.all((await stored(who.study, "SEG")).map(pixelsOf));
    expect(all.every((p) => p.equals(bits))).toBe(true);
});

test("what was measured on a plane survives a closed tab, is saved as SCOORD3D, valid, and seen again in its place", async ({ page }) => {
    const { who } = await phantom();
    const common = { frameOfReference: `${who.study}.1`, spacing: "calibrated", color: "#12ab9f", locked: false, hidden: false, created: "2026-01-15T10:15:00.000Z" };
    const on = (kind: string, spatial: readonly (readonly number[])[], quantities: readonly object[]) => ({ ...common, uid: uid(), kind, label: kind, spatial, quantities });
    const hu = "[hnsf'U]";
    await putDraft(who, [
        on("length", [[10, 20, 1], [40, 20, 8]], [{ name: "length", value: Math.hypot(30, 7), unit: "mm" }]),
        on("circle", [[30, 20, 5], [34, 20, 5], [30, 20, 1]], [{ name: "area", value: 50.26548245743669, unit: "mm2" }, { name: "mean", value: 166.5, unit: hu }]),
        on("ellipse", [[10, 20, 4], [30, 20, 4], [20, 20, 2], [20, 20, 6]], [{ name: "area", value: 62.83185307179586, unit: "mm2" }]),
        on("rectangle", [[12, 20, 7], [22, 20, 7], [22, 20, 3], [12, 20, 3]], [{ name: "area", value: 40, unit: "mm2" }]),
        on("probe", [[50, 20, 4.5]], [{ name: "value", value: 150, unit: hu }]),
        on("bidirectional", [[40, 20, 4], [56, 20, 4], [48, 20, 6], [48, 20, 2]], [{ name: "length", value: 16, unit: "mm" }, { name: "shortAxis", value: 4, unit: "mm" }]),
    ]);
    await openStudy(page, who.study);
    await expect(keepPanel(page)).toContainText("not saved yet is back: 6 measurements");
    await page.getByRole("button", { name: "Save measurements" }).click();
    await expect(page.locator(".keep-notes")).toContainText("6 measurements");
    const [report] = await stored(who.study, "SR");
    expect(JSON.stringify(report).match(/"SCOORD3D"/g)).toHaveLength(7);
    await assertValid([report!]);
    expect([undefined, 6]).toContain(((await readByHighdicom(report!)) as unknown[] | undefined)?.length);

    await page.reload();
    await page.locator(".pane[data-image]").first().waitFor();
    await openPanel(page);
    await page.getByRole("button", { name: "Load measurements" }).click();
    await expect(page.locator(".keep-notes")).toContainText("6 measurements");
    await page.getByRole("button", { name: "Measurements", exact: true }).click();
    await page.locator(".measure-row[data-kind=circle] .measure-jump").click();
    await expect(pane(page)).toHaveAttribute("data-mode", "coronal");
    await expect(pane(page).locator(".corner.bl")).toContainText("Loc 20.0 mm");
    await expect(page.locator(".measure-layer [data-mark]")).toHaveCount(6);
    const ring = (await page.locator(".measure-layer [data-kind=circle] .line").boundingBox())!;
    expect(Math.abs(ring.width - ring.height)).toBeLessThan(3);
});

test("a report that is being written survives a closed tab, and goes when it is discarded", async ({ page }) => {
    const { who } = await phantom();
    await openStudy(page, who.study);
    await page.getByRole("button", { name: "Report", exact: true }).click();
    await page.getByRole("button", { name: "Write", exact: true }).click();
    const impression = page.getByRole("textbox", { name: "Impression", exact: true });
    await impression.fill("Größer als <b>zuvor</b>");
    await expect.poll(async () => (await fetch(draftUrl(who.study))).status).toBe(200);
    await page.reload();
    await expect(impression).toHaveValue("Größer als <b>zuvor</b>"); /* its panel opens by itself */
    await page.getByRole("button", { name: "Discard", exact: true }).click();
    await expect.poll(async () => (await fetch(draftUrl(who.study))).status).toBe(204);
});
