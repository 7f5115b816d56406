/** The key bindings, read from the table that runs them. */

import { Dialog } from "../../ui/dialog";
import { t } from "../../ui/text";
import { bindings } from "./keys";
import type { Reading } from "./model";

const mouse: readonly (readonly [input: () => string, what: () => string])[] = [
    [() => t("Left drag"), () => t("The chosen tool")],
    [() => t("Middle drag, Shift"), () => t("Pan")],
    [() => t("Right drag, Ctrl"), () => t("Zoom")],
    [() => t("Wheel"), () => t("Next and previous image")],
    [() => t("Two fingers"), () => t("Zoom and pan")],
    [() => t("Esc"), () => t("Back to the study list")],
];

export function Help({ reading, onClose }: { reading: Reading; onClose: () => void }) {
    const presets = reading.active.value.presets.value;
    return (
        <Dialog title={t("Keys")} kind="centre" onClose={onClose}>
            <div class="help">
                <dl>
                    {bindings.map((b) => (
                        <div key={b.shown}>
                            <dt><kbd>{b.shown}</kbd></dt>
                            <dd>{b.what()}</dd>
                        </div>
                    ))}
                    {reading.actions().flatMap((a) => (a.keys ?? []).map((key) => (
                        <div key={`${a.id} ${key}`}>
                            <dt><kbd>{key.length === 1 ? key.toUpperCase() : key}</kbd></dt>
                            <dd>{a.label()}</dd>
                        </div>
                    )))}
                </dl>
                <div>
                    {reading.notes.value.length > 0 && (
                        <>
                            <h3>{t("Extensions")}</h3>
                            {reading.notes.value.map((note) => <p key={note} class="warn">{note}</p>)}
                        </>
                    )}
                    {presets.length > 0 && (
                        <>
                            <h3>{t("Window presets")}</h3>
                            <dl>
                                {presets.map((p) => (
                                    <div key={p.key}>
                                        <dt><kbd>{p.key}</kbd></dt>
                                        <dd>{p.name} <span class="dim">W {p.width} L {p.center}</span></dd>
                                    </div>
                                ))}
                            </dl>
                        </>
                    )}
                    <h3>{t("Pointer")}</h3>
                    <dl>
                        {mouse.map(([input, what], i) => (
                            <div key={i}>
                                <dt class="dim">{input()}</dt>
                                <dd>{what()}</dd>
                            </div>
                        ))}
                    </dl>
                </div>
            </div>
        </Dialog>
    );
}
