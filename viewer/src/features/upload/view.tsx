/** The drop target over the whole page, and the panel that shows what is being sent. */

import "./upload.css";
import { signal } from "@preact/signals";
import { Icon } from "../../ui/icon";
import { count, t } from "../../ui/text";
import { droppedFiles } from "./drop";
import * as model from "./model";

const over = signal(false);
const open = signal(true);

/** Makes `el` take files and folders; returns what undoes it. */
export function dropTarget(el: HTMLElement, take: (files: readonly File[]) => void): () => void {
    let depth = 0;
    const hasFiles = (e: DragEvent) => e.dataTransfer?.types.includes("Files") ?? false;
    const events: Record<string, (e: DragEvent) => void> = {
        dragenter: (e) => {
            if (!hasFiles(e)) return;
            depth++;
            over.value = true;
        },
        dragleave: () => {
            depth = Math.max(0, depth - 1);
            if (depth === 0) over.value = false;
        },
        dragover: (e) => {
            if (!hasFiles(e)) return;
            e.preventDefault();
            if (e.dataTransfer) e.dataTransfer.dropEffect = "copy";
        },
        drop: (e) => {
            depth = 0;
            over.value = false;
            if (!e.dataTransfer || !hasFiles(e)) return;
            e.preventDefault();
            model.scanning.value = true;
            void droppedFiles(e.dataTransfer)
                .then(take)
                .finally(() => (model.scanning.value = false));
        },
    };
    const list = Object.entries(events) as [string, (e: Event) => void][];
    for (const [type, call] of list) el.addEventListener(type, call);
    return () => list.forEach(([type, call]) => el.removeEventListener(type, call));
}

function megabytes(n: number): string {
    return n < 1e6 ? `${Math.ceil(n / 1e3)} kB` : n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`;
}

function headline(): string {
    const done = model.stored.value + model.refused.value;
    if (model.running.value) return t("Sending {done} of {all}", { done: count(done), all: count(model.files.value) });
    if (model.cancelled.value) return t("Cancelled: {count} stored", { count: count(model.stored.value) });
    return t("{count} stored", { count: count(model.stored.value) });
}

export function UploadPanel() {
    const shown = model.files.value > 0;
    return (
        <>
            {over.value && (
                <div class="drop-veil" aria-hidden="true">
                    <div class="drop-note">
                        <Icon name="upload" />
                        {t("Drop files or folders to store them")}
                    </div>
                </div>
            )}
            {(shown || model.scanning.value) && (
                <section class="upload" aria-label={t("Upload")} data-running={model.running.value}>
                    <header>
                        <strong role="status">{shown ? headline() : t("Reading the folder…")}</strong>
                        {model.refused.value > 0 && <span class="refused">{t("{count} refused", { count: count(model.refused.value) })}</span>}
                        <span class="space" />
                        {model.running.value ? (
                            <button type="button" class="button quiet" onClick={model.cancel}>{t("Cancel")}</button>
                        ) : (
                            <button type="button" class="button quiet icon-only" aria-label={t("Close")} onClick={model.reset}>
                                <Icon name="close" />
                            </button>
                        )}
                    </header>
                    <progress aria-label={t("Upload")} max={1} value={model.running.value ? model.share.value : 1} />
                    <p class="dim">
                        {t("{sent} of {all}", { sent: megabytes(model.sent.value), all: megabytes(model.bytes.value) })}
                    </p>
                    {model.failures.value.length > 0 && (
                        <details open={open.value} onToggle={(e) => (open.value = e.currentTarget.open)}>
                            <summary>{t("Refused files")}</summary>
                            <ul>
                                {model.failures.value.map((f, i) => (
                                    <li key={i}>
                                        <span class="path">{f.path}</span>
                                        <span class="reason">{f.reason}</span>
                                    </li>
                                ))}
                            </ul>
                        </details>
                    )}
                </section>
            )}
        </>
    );
}
