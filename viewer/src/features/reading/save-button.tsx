/** A button that stores something as a report, once until it has changed, and says what became of it. */

import { useEffect, useState } from "preact/hooks";
import { t } from "../../ui/text";

interface Props {
    label: string;
    what: unknown; /* another one when there is something else to save */
    save: () => Promise<unknown>;
}

export function SaveButton({ label, what, save }: Props) {
    const [state, setState] = useState<"changed" | "saving" | "saved" | Error>("changed");
    useEffect(() => setState("changed"), [what]);
    const act = async () => {
        setState("saving");
        try {
            await save();
            setState("saved");
        } catch (e) {
            setState(e instanceof Error ? e : new Error(String(e)));
        }
    };
    return (
        <p class="save-button">
            <button type="button" class="button" disabled={state === "saving" || state === "saved"} onClick={() => void act()}>{label}</button>
            {state === "saved" && <span role="status">{t("Saved")}</span>}
            {state instanceof Error && <span role="alert" class="warn">{state.message}</span>}
        </p>
    );
}
