/** Which panes go together, and in what: two groups are enough for four panes. */

import type { Sync } from "../../dicom/hang";
import { t } from "../../ui/text";

const groups = [0, 1] as const;
const letter = (g: number) => "AB"[g]!;
const fresh: Sync = { panes: [], scroll: "place", window: false, view: true };

interface Props {
    panes: number;
    value: readonly Sync[];
    change: (value: readonly Sync[]) => void;
}

export function SyncChoice({ panes, value, change }: Props) {
    const all = groups.map((g) => value[g] ?? fresh);
    const set = (next: readonly Sync[]) => change(next.some((s) => s.panes.length > 0) ? next : []);
    const put = (pane: number, group: number) => set(all.map((s, g) => ({ ...s, panes: [...s.panes.filter((i) => i !== pane), ...(g === group ? [pane] : [])].sort() })));
    const turn = (group: number, more: Partial<Sync>) => set(all.map((s, g) => (g === group ? { ...s, ...more } : s)));
    if (panes < 2) return null;
    return (
        <fieldset class="hang-sync">
            <legend>{t("Panes that go together")}</legend>
            <div class="hang-groups">
                {Array.from({ length: panes }, (_, i) => (
                    <label key={i}>
                        {t("Pane {number}", { number: i + 1 })}
                        <select value={String(all.findIndex((s) => s.panes.includes(i)))} onChange={(e) => put(i, Number(e.currentTarget.value))}>
                            <option value="-1">{t("alone")}</option>
                            {groups.map((g) => <option key={g} value={String(g)}>{letter(g)}</option>)}
                        </select>
                    </label>
                ))}
            </div>
            {groups.filter((g) => all[g]!.panes.length > 0).map((g) => (
                <div key={g} class="hang-how" role="group" aria-label={letter(g)}>
                    <b>{letter(g)}</b>
                    <select aria-label={t("Scroll")} value={all[g]!.scroll} onChange={(e) => turn(g, { scroll: e.currentTarget.value as Sync["scroll"] })}>
                        <option value="place">{t("to the same place")}</option>
                        <option value="offset">{t("by as many images")}</option>
                        <option value="">{t("each by itself")}</option>
                    </select>
                    <label><input type="checkbox" checked={all[g]!.window} onChange={(e) => turn(g, { window: e.currentTarget.checked })} /> {t("Window")}</label>
                    <label><input type="checkbox" checked={all[g]!.view} onChange={(e) => turn(g, { view: e.currentTarget.checked })} /> {t("Zoom and pan")}</label>
                </div>
            ))}
        </fieldset>
    );
}
