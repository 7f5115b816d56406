/* The server as the tests see it: objects go in by STOW-RS. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { part10, type Attributes } from "./dicom";

export const serverUrl = (): string => process.env["ISOCENTER_URL"]!.replace(/\/$/, "");

export async function stow(files: readonly Buffer[], server = serverUrl()): Promise<{ status: number; body: string }> {
    const boundary = "isocenter-browser-tests";
    const parts = files.flatMap((f) => [Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`), f, Buffer.from("\r\n")]);
    const res = await fetch(`${server}/dicom-web/studies`, {
        method: "POST",
        headers: { "Content-Type": `multipart/related; type="application/dicom"; boundary=${boundary}`, Accept: "application/dicom+json" },
        body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    });
    return { status: res.status, body: await res.text() };
}

export async function store(objects: readonly Attributes[], batch = 20): Promise<void> {
    for (let i = 0; i < objects.length; i += batch) {
        const { status, body } = await stow(objects.slice(i, i + batch).map((o) => part10(o)));
        if (status !== 200) throw new Error(`STOW-RS answered ${status}: ${body.slice(0, 300)}`);
    }
}

export function filesBelow(folder: string): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((e) => e.isFile())
        .map((e) => join(e.path, e.name))
        .sort();
}

export const readFile = (path: string): Buffer => readFileSync(path);
