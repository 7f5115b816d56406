/** Tiles of a slide as pictures: those on screen are fetched, the nearest first, and kept up to a number of bytes. */

import { fetchFrame, fetchPicture, isAbort } from "../dicomweb/client";
import { text, Tag } from "../dicomweb/json";
import type { Level, Tile } from "../dicom/slide";

const bytesMost = 192 * 1024 * 1024;
const atOnce = 6;
const quality = 92;

const jpegBaseline = "1.2.840.10008.1.2.4.50";

/** Whether a browser decodes the stored stream as it is meant: colours of JPEG are YCbCr unless a marker says so. */
export function isBrowserJpeg(level: Level): boolean {
    const syntax = text(level.dataset, Tag.availableTransferSyntax) || text(level.dataset, Tag.transferSyntax);
    return syntax === jpegBaseline && !level.isGrey && /^YBR_FULL/.test(text(level.dataset, Tag.photometric));
}

/* What was stored without loss is shown so.   PS3.3 §C.7.6.1.1.5 */
const isLossy = (level: Level) => text(level.dataset, "00282110") === "01";

interface Wanted {
    key: string;
    level: Level;
    tile: Tile;
}

export class Tiles {
    private readonly pictures = new Map<string, ImageBitmap>(); /* the longest unused first */
    private readonly failed = new Set<string>();
    private readonly coming = new Map<string, AbortController>();
    private wanted: readonly Wanted[] = [];
    private bytes = 0;
    private closed = false;
    window = ""; /* `&window=…` of grey tiles */

    constructor(
        private readonly study: string,
        private readonly series: string,
        private readonly onArrival: () => void,
    ) {}

    get isBusy(): boolean {
        return this.coming.size > 0 || this.wanted.length > 0;
    }

    get failures(): number {
        return this.failed.size;
    }

    private keyOf(level: Level, tile: Tile): string {
        return `${tile.instance}/${tile.frame}${level.isGrey ? this.window : ""}`;
    }

    picture(level: Level, tile: Tile): ImageBitmap | undefined {
        const key = this.keyOf(level, tile);
        const found = this.pictures.get(key);
        if (found) {
            this.pictures.delete(key);
            this.pictures.set(key, found);
        }
        return found;
    }

    /** What is missing on screen, the most wanted first. What was asked for and is no longer wanted is given up. */
    want(list: readonly { level: Level; tile: Tile }[]): void {
        const all = list.map(({ level, tile }) => ({ key: this.keyOf(level, tile), level, tile }));
        const keys = new Set(all.map((w) => w.key));
        for (const [key, abort] of this.coming) if (!keys.has(key)) abort.abort();
        this.wanted = all.filter((w) => !this.pictures.has(w.key) && !this.failed.has(w.key) && !this.coming.has(w.key));
        this.next();
    }

    private next(): void {
        while (!this.closed && this.coming.size < atOnce) {
            const [one, ...rest] = this.wanted;
            if (!one) return;
            this.wanted = rest;
            const abort = new AbortController();
            this.coming.set(one.key, abort);
            void this.load(one, abort.signal).finally(() => {
                this.coming.delete(one.key);
                if (this.closed) return;
                this.next();
                this.onArrival();
            });
        }
    }

    private async load({ key, level, tile }: Wanted, signal: AbortSignal): Promise<void> {
        const ref = { study: this.study, series: this.series, instance: tile.instance, frame: tile.frame };
        try {
            const bitmap = (isBrowserJpeg(level) ? await this.stored(ref, signal) : undefined) ?? (await createImageBitmap(await fetchPicture(ref, isLossy(level) ? "image/jpeg" : "image/png", `&quality=${quality}${level.isGrey ? this.window : ""}`, signal)));
            if (this.closed) return bitmap.close();
            this.keep(key, bitmap);
        } catch (e) {
            if (!isAbort(e)) this.failed.add(key);
        }
    }

    private async stored(ref: Parameters<typeof fetchFrame>[0], signal: AbortSignal): Promise<ImageBitmap | undefined> {
        const { bytes, transferSyntax } = await fetchFrame(ref, "stored", signal);
        if (transferSyntax !== jpegBaseline) return undefined;
        return createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "image/jpeg" })).catch(() => undefined);
    }

    private keep(key: string, bitmap: ImageBitmap): void {
        this.pictures.set(key, bitmap);
        this.bytes += 4 * bitmap.width * bitmap.height;
        for (const [old, picture] of this.pictures) {
            if (this.bytes <= bytesMost || old === key) break;
            this.pictures.delete(old);
            this.bytes -= 4 * picture.width * picture.height;
            picture.close();
        }
    }

    close(): void {
        this.closed = true;
        this.wanted = [];
        this.coming.forEach((abort) => abort.abort());
        this.pictures.forEach((p) => p.close());
        this.pictures.clear();
    }
}
