/* Objects that the server holds, and what programs that are no part of this project say of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { serverUrl } from "./server";

export type Json = Record<string, { Value?: unknown[] } | undefined>;

export const value = (ds: Json | undefined, tag: string): unknown => ds?.[tag]?.Value?.[0];

/** The metadata of a study's objects of one modality. */
export async function storedObjects(study: string, modality: string): Promise<Json[]> {
    const list = (await (await fetch(`${serverUrl()}/dicom-web/studies/${study}/metadata`)).json()) as Json[];
    return list.filter((ds) => value(ds, "00080060") === modality);
}

/** What the server has of an object: the file, or what stands at a path below it. */
export async function bytesOf(ds: Json, path = "", accept = "application/dicom"): Promise<Buffer> {
    const [study, series, instance] = ["0020000D", "0020000E", "00080018"].map((t) => String(value(ds, t)));
    const res = await fetch(`${serverUrl()}/dicom-web/studies/${study}/series/${series}/instances/${instance}${path}`, { headers: { Accept: accept } });
    expect(res.status).toBe(200);
    return Buffer.from(await res.arrayBuffer());
}

/** What a program says of a file, which the command has as $0; undefined where there is no such program. */
export function judged(program: string, bytes: Buffer, command: string): string | undefined {
    const folder = mkdtempSync(join(tmpdir(), "isocenter-judged-"));
    try {
        writeFileSync(join(folder, "file"), bytes);
        return execFileSync("sh", ["-c", `command -v ${program} >/dev/null || exit 7; ${command}`, join(folder, "file")], { encoding: "utf8" });
    } catch (e) {
        if ((e as { status?: number }).status === 7) return undefined;
        throw e;
    } finally {
        rmSync(folder, { recursive: true });
    }
}

/** dciodvfy finds no error in any of them. */
export async function assertValid(list: readonly Json[]): Promise<void> {
    expect(list.length).toBeGreaterThan(0);
    for (const ds of list) {
        const said = judged("dciodvfy", await bytesOf(ds), 'dciodvfy -new "$0" 2>&1 || true') ?? "";
        expect(said.split("\n").filter((l) => /^Error/.test(l))).toEqual([]);
    }
}
