/** The keys, read from the table that runs them, and changed here. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Dialog } from "../../ui/dialog";
import { t } from "../../ui/text";
import { bindKey, isChanged, keyName, keysOf, pressed, resetKeys } from "./hotkeys";
import { commands } from "./keys";
import type { Reading } from "./model";

const mouse: readonly (readonly [input: () => string, what: () => string])[] = [
    [() => t("Left drag"), () => t("The chosen tool")],
    [() => t("Middle drag, Shift"), () => t("Pan")],
    [() => t("Right drag, Ctrl"), () => t("Zoom")],
    [() => t("Wheel"), () => t("Next and previous image")],
    [() => t("Two fingers"), () => t("Zoom and pan")],
    [() => t("Finger that rests first"), () => t("Scroll; with the scroll tool: window")],
    [() => t("Esc"), () => t("Back to the study list")],
];

/* A click on a command waits for its new key; Escape leaves it as it was. */
function KeyList({ reading }: { reading: Reading }) {
    const all = commands(reading);
    const isEditing = useSignal(false);
    const waiting = useSignal("");
    const refusal = useSignal("");
    useEffect(() => {
        const take = (e: KeyboardEvent) => {
            if (waiting.value === "" || ["Shift", "Control", "Alt", "AltGraph", "Meta"].includes(e.key)) return;
            e.preventDefault();
            e.stopPropagation();
            if (e.key !== "Escape") refusal.value = bindKey(commands(reading), waiting.value, pressed(e));
            if (refusal.value === "" || e.key === "Escape") waiting.value = "";
        };
        addEventListener("keydown", take, true);
        return () => removeEventListener("keydown", take, true);
    }, []);
    return (
        <>
            <dl>
                {all.map((c) => {
                    const keys = keysOf(c);
                    if (keys.length === 0 && !isEditing.value) return null;
                    return (
                        <div key={c.id} data-command={c.id}>
                            <dt>
                                {waiting.value === c.id ? <em>{t("Press a key")}</em> : keys.map((k) => <kbd key={k}>{keyName(k)}</kbd>)}
                            </dt>
                            <dd>
                                {isEditing.value ? (
                                    <button type="button" class="rebind" aria-pressed={waiting.value === c.id} onClick={() => ((refusal.value = ""), (waiting.value = c.id))}>
                                        {c.what()}
                                    </button>
                                ) : (
                                    c.what()
                                )}
                            </dd>
                        </div>
                    );
                })}
            </dl>
            <div class="key-actions">
                {refusal.value && <p class="warn" role="alert">{refusal.value}</p>}
                <button type="button" class="button" aria-pressed={isEditing.value} onClick={() => ((isEditing.value = !isEditing.value), (waiting.value = refusal.value = ""))}>
                    {isEditing.value ? t("Done") : t("Change keys")}
                </button>
                {isChanged() && <button type="button" class="button" onClick={() => (resetKeys(), (refusal.value = ""))}>{t("Back to the usual keys")}</button>}
            </div>
        </>
    );
}

export function Help({ reading, onClose }: { reading: Reading; onClose: () => void }) {
    const presets = reading.active.value.presets.value;
    return (
        <Dialog title={t("Keys")} kind="centre" onClose={onClose}>
            <div class="help">
                <div>
                    <KeyList reading={reading} />
                </div>
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
