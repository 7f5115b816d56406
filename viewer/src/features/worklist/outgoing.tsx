/** The dialogs for studies that leave: sent to another application, or saved as archives. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { peers, stopSending, type ZipWish } from "../../dicomweb/client";
import type { Study } from "../../dicomweb/study";
import { Dialog } from "../../ui/dialog";
import { tellFailure } from "../../ui/notice";
import { keep, kept } from "../../ui/storage";
import { count, t } from "../../ui/text";
import { downloadAll, newPseudonym } from "./actions";
import { hasEnded, outcome, send, shown } from "./sending";

const namedMax = 6;

export function Named({ studies }: { studies: readonly Study[] }) {
    return (
        <ul class="named">
            {studies.slice(0, namedMax).map((s) => (
                <li key={s.uid}>
                    <strong>{s.patientName || t("No name")}</strong> {[s.patientId, s.date, s.description].filter(Boolean).join(" · ")}
                </li>
            ))}
            {studies.length > namedMax && <li class="dim">{t("and {count} more", { count: studies.length - namedMax })}</li>}
        </ul>
    );
}

function Progress() {
    const job = shown.value!;
    const done = job.total - job.remaining;
    return (
        <div class="sending" data-state={job.state}>
            <progress max={job.total} value={done} aria-label={t("Sent")} />
            <p role="status">
                {hasEnded(job) ? outcome(job) : job.state === "pausing" ? t("{peer} does not answer. It will be tried again.", { peer: job.peer }) : t("{count} of {total} objects", { count: count(done), total: count(job.total) })}
            </p>
            {job.error && <p class="warn" role="alert">{job.error}</p>}
        </div>
    );
}

export function Sending({ studies, onClose }: { studies: readonly Study[]; onClose: () => void }) {
    const all = useSignal<readonly string[] | undefined>(undefined);
    const peer = useSignal("");
    const failure = useSignal("");
    const isBusy = useSignal(false);
    const close = useRef<HTMLButtonElement>(null);
    const fail = (e: unknown) => (failure.value = e instanceof Error ? e.message : String(e));
    useEffect(() => {
        const abort = new AbortController();
        const last = kept("peer", (v) => (typeof v === "string" ? v : ""));
        shown.value = undefined;
        peers(abort.signal).then((list) => {
            all.value = list;
            peer.value = list.includes(last) ? last : list[0] ?? "";
        }, fail);
        return () => {
            abort.abort();
            shown.value = undefined;
        };
    }, []);
    const begin = () => {
        failure.value = "";
        isBusy.value = true;
        keep("peer", peer.value);
        send(peer.value, studies.map((s) => s.uid)).catch(fail).finally(() => (isBusy.value = false));
    };
    const job = shown.value;
    useEffect(() => {
        if (job) close.current?.focus(); /* the button that had the focus is gone: Escape must find the dialog */
    }, [job && hasEnded(job)]);
    return (
        <Dialog title={t("Send to another application")} kind="centre" onClose={onClose}>
            <form class="form" onSubmit={(e) => (e.preventDefault(), begin())}>
                <Named studies={studies} />
                {all.value?.length === 0 && <p class="warn">{t("This server knows no application to send to: none is named by the setting peers.")}</p>}
                {job ? (
                    <Progress />
                ) : (
                    <label>
                        {t("Receiver")}
                        <select data-first class="filter" disabled={!all.value?.length} value={peer.value} onChange={(e) => (peer.value = e.currentTarget.value)}>
                            {all.value?.map((aet) => <option key={aet} value={aet}>{aet}</option>)}
                        </select>
                    </label>
                )}
                {failure.value && <p class="warn" role="alert">{failure.value}</p>}
                {job && !hasEnded(job) && <p class="dim">{t("It goes on when this is closed.")}</p>}
                <footer>
                    <button ref={close} type="button" class="button" onClick={onClose}>{job ? t("Close") : t("Cancel")}</button>
                    {job && !hasEnded(job) ? (
                        <button type="button" class="button danger" onClick={() => void stopSending(job.id).catch(tellFailure)}>{t("Stop")}</button>
                    ) : (
                        !job && <button type="submit" class="button primary" disabled={peer.value === "" || isBusy.value}>{t("Send")}</button>
                    )}
                </footer>
            </form>
        </Dialog>
    );
}

type Deidentify = NonNullable<ZipWish["deidentify"]>;

const retained: readonly (readonly [what: Deidentify["retain"][number], words: () => string])[] = [
    ["patient", () => t("Sex, age, size and weight")],
    ["device", () => t("Devices")],
    ["institution", () => t("Institution")],
    ["uids", () => t("UIDs")],
];

function DeidentifyChoice({ value, onChange }: { value: Deidentify; onChange: (next: Deidentify) => void }) {
    return (
        <div class="deidentify">
            <label>
                {t("Dates")}
                <select class="filter" value={value.dates} onChange={(e) => onChange({ ...value, dates: e.currentTarget.value as Deidentify["dates"] })}>
                    <option value="remove">{t("Remove")}</option>
                    <option value="shift">{t("Shift by random days, the same for each patient")}</option>
                    <option value="keep">{t("Leave as they are")}</option>
                </select>
            </label>
            <fieldset>
                <legend>{t("Leave in")}</legend>
                {retained.map(([what, words]) => (
                    <label key={what}>
                        <input
                            type="checkbox"
                            checked={value.retain.includes(what)}
                            onChange={(e) => onChange({ ...value, retain: e.currentTarget.checked ? [...value.retain, what] : value.retain.filter((w) => w !== what) })}
                        />
                        {words()}
                    </label>
                ))}
                <label>
                    <input type="checkbox" checked={value.pixels} onChange={(e) => onChange({ ...value, pixels: e.currentTarget.checked })} />
                    {t("Images that may show names: captures, ultrasound, photographs")}
                </label>
            </fieldset>
            <p class="warn">{t("Text inside images is not erased. DEIDENT.TXT in the archive says what was left out.")}</p>
        </div>
    );
}

export function Download({ studies, onClose }: { studies: readonly Study[]; onClose: () => void }) {
    const dicomdir = useSignal(false);
    const isClean = useSignal(false);
    const how = useSignal<Deidentify>({ dates: "remove", retain: [], pixels: false, ...(studies.length > 1 ? { pseudonym: newPseudonym() } : {}) });
    const begin = () => {
        downloadAll(studies, { dicomdir: dicomdir.value, ...(isClean.value ? { deidentify: how.value } : {}) });
        onClose();
    };
    return (
        <Dialog title={t("Download as ZIP")} kind="centre" onClose={onClose}>
            <form class="form" onSubmit={(e) => (e.preventDefault(), begin())}>
                <Named studies={studies} />
                <label class="tick">
                    <input type="checkbox" checked={dicomdir.value} onChange={(e) => (dicomdir.value = e.currentTarget.checked)} />
                    {t("For discs: uncompressed, with a DICOMDIR")}
                </label>
                <label class="tick">
                    <input type="checkbox" checked={isClean.value} onChange={(e) => (isClean.value = e.currentTarget.checked)} />
                    {t("De-identified: without what tells whose images they are")}
                </label>
                {isClean.value && <DeidentifyChoice value={how.value} onChange={(next) => (how.value = next)} />}
                <footer>
                    <button type="button" class="button" onClick={onClose}>{t("Cancel")}</button>
                    <button type="submit" class="button primary" data-first>{t("Download")}</button>
                </footer>
            </form>
        </Dialog>
    );
}
