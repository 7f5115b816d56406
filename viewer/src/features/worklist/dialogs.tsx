/** The dialogs of the list: deleting studies, naming a search, settings. */

import { useSignal } from "@preact/signals";
import type { Study } from "../../dicomweb/study";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icon";
import { chooseLanguage, languages } from "../../ui/language";
import { tell, tellFailure } from "../../ui/notice";
import { count, language, t } from "../../ui/text";
import { reasons, removeAll } from "./actions";
import { choose, chosen, columnIds, columns, moved, usual } from "./columns";
import * as model from "./model";
import { Named } from "./outgoing";
import { save } from "./saved";

export function Removal({ studies, onClose }: { studies: readonly Study[]; onClose: () => void }) {
    const reason = useSignal("");
    const isBusy = useSignal(false);
    const failures = useSignal<readonly string[]>([]);
    const remove = async () => {
        isBusy.value = true;
        const outcome = await removeAll(studies, reason.value);
        isBusy.value = false;
        failures.value = outcome.failures;
        if (outcome.gone > 0) tell(outcome.gone === 1 ? t("1 study deleted") : t("{count} studies deleted", { count: count(outcome.gone) }));
        if (outcome.failures.length === 0) onClose();
    };
    return (
        <Dialog title={studies.length === 1 ? t("Delete this study?") : t("Delete {count} studies?", { count: count(studies.length) })} kind="centre" onClose={onClose}>
            <form
                class="form"
                onSubmit={(e) => {
                    e.preventDefault();
                    void remove();
                }}
            >
                <Named studies={studies} />
                <fieldset>
                    <legend>{t("Why?")}</legend>
                    {reasons.map(([code, words], i) => (
                        <label key={code}>
                            <input type="radio" name="reason" value={code} {...(i === 0 ? { "data-first": true } : {})} checked={reason.value === code} onChange={() => (reason.value = code)} />
                            {words()}
                        </label>
                    ))}
                </fieldset>
                <p class="warn">{t("All images and reports in it go. They can be had back only if this server is set up to keep what is deleted for a while.")}</p>
                {failures.value.length > 0 && (
                    <ul class="warn" role="alert">
                        {failures.value.map((f, i) => <li key={i}>{f}</li>)}
                    </ul>
                )}
                <footer>
                    <button type="button" class="button" onClick={onClose}>{t("Cancel")}</button>
                    <button type="submit" class="button danger" disabled={reason.value === "" || isBusy.value}>{t("Delete")}</button>
                </footer>
            </form>
        </Dialog>
    );
}

export function SaveSearch({ onClose }: { onClose: () => void }) {
    const name = useSignal("");
    return (
        <Dialog title={t("Save this search")} kind="centre" onClose={onClose}>
            <form
                class="form"
                onSubmit={(e) => {
                    e.preventDefault();
                    save(name.value, model.urlSearch.value);
                    onClose();
                }}
            >
                <label>
                    {t("Name")}
                    <input data-first class="filter" maxLength={60} value={name.value} onInput={(e) => (name.value = e.currentTarget.value)} />
                </label>
                <footer>
                    <button type="button" class="button" onClick={onClose}>{t("Cancel")}</button>
                    <button type="submit" class="button primary" disabled={name.value.trim() === ""}>{t("Save")}</button>
                </footer>
            </form>
        </Dialog>
    );
}

export function Settings({ onClose }: { onClose: () => void }) {
    const now = chosen.value;
    const all = [...now, ...columnIds.filter((id) => !now.includes(id))];
    return (
        <Dialog title={t("Settings")} kind="centre" onClose={onClose}>
            <div class="form">
                <label>
                    {t("Language")}
                    <select data-first class="filter" value={language.value} onChange={(e) => void chooseLanguage(e.currentTarget.value).catch(tellFailure)}>
                        {Object.entries(languages).map(([code, name]) => (
                            <option key={code} value={code} lang={code}>{name}</option>
                        ))}
                    </select>
                </label>
                <fieldset>
                    <legend>{t("Columns of the list")}</legend>
                    {all.map((id) => {
                        const title = columns[id].title();
                        const place = now.indexOf(id);
                        return (
                            <div key={id} class="column-choice" data-column={id}>
                                <label>
                                    <input
                                        type="checkbox"
                                        checked={place >= 0}
                                        disabled={place >= 0 && now.length === 1}
                                        onChange={(e) => choose(e.currentTarget.checked ? [...now, id] : now.filter((c) => c !== id))}
                                    />
                                    {title}
                                </label>
                                <button type="button" class="button quiet icon-only" disabled={place < 1} aria-label={t("{column} further to the front", { column: title })} onClick={() => choose(moved(now, id, -1))}>
                                    <Icon name="up" />
                                </button>
                                <button type="button" class="button quiet icon-only" disabled={place < 0 || place === now.length - 1} aria-label={t("{column} further to the back", { column: title })} onClick={() => choose(moved(now, id, 1))}>
                                    <Icon name="down" />
                                </button>
                            </div>
                        );
                    })}
                    <button type="button" class="button" onClick={() => choose(usual)}>{t("The usual columns")}</button>
                </fieldset>
            </div>
        </Dialog>
    );
}
