/** The toolbar of the reading page. Every button has its key in its hint. */

import { text, Tag } from "../../dicomweb/json";
import { Icon, type IconName } from "../../ui/icon";
import { t } from "../../ui/text";
import { hintOf } from "./keys";
import { ActionButton, Button, MenuButton } from "./menu";
import type { Layout, Reading, Tool } from "./model";
import type { Module } from "./module";

const tools: readonly (readonly [Tool, IconName, label: () => string, command: string])[] = [
    ["window", "contrast", () => t("Window"), "page.window"],
    ["scroll", "scroll", () => t("Scroll"), "page.scroll"],
    ["zoom", "zoom", () => t("Zoom"), "page.zoom"],
    ["pan", "pan", () => t("Pan"), "page.pan"],
];

const layouts: readonly (readonly [Layout, IconName, label: () => string])[] = [
    [1, "one", () => t("One pane")],
    [2, "two", () => t("Two panes")],
    [4, "four", () => t("Four panes")],
];

function Presets({ reading }: { reading: Reading }) {
    const presets = reading.active.value.presets.value;
    return (
        <select
            class="preset"
            aria-label={t("Window preset")}
            disabled={presets.length === 0}
            value=""
            onChange={(e) => {
                reading.active.value.usePreset(e.currentTarget.value);
                e.currentTarget.value = "";
                e.currentTarget.blur();
            }}
        >
            <option value="" hidden>{t("Presets")}</option>
            {presets.map((p) => (
                <option key={p.key} value={p.key}>{`${p.key}  ${p.name}`}</option>
            ))}
        </select>
    );
}

function Cine({ reading }: { reading: Reading }) {
    const pane = reading.active.value;
    const playing = pane.cine.value;
    return (
        <span class="cine">
            <Button icon={playing ? "pause" : "play"} label={playing ? t("Pause") : t("Play")} hint={hintOf("page.cine")} on={playing} disabled={pane.steps.value.count < 2} run={() => pane.toggleCine()} />
            <input
                type="range"
                min={1}
                max={60}
                aria-label={t("Images per second")}
                title={t("Images per second")}
                disabled={pane.steps.value.count < 2}
                value={pane.rate.value}
                onInput={(e) => (pane.rate.value = Number(e.currentTarget.value))}
            />
            <span class="rate">{t("{rate}/s", { rate: pane.rate.value })}</span>
        </span>
    );
}

/* What the modules add: each its menus and its buttons. */
function Additions({ reading, module }: { reading: Reading; module: Module }) {
    const buttons = (module.actions ?? []).flatMap((a) => (a.icon ? [{ ...a, icon: a.icon }] : []));
    const [menus, controls] = [module.menus ?? [], module.controls ?? []];
    if (buttons.length + menus.length + controls.length === 0) return null;
    return (
        <div class="group">
            {menus.map((m) => <MenuButton key={m.id} reading={reading} menu={m} />)}
            {controls.map(({ id, View }) => <View key={id} reading={reading} />)}
            {buttons.map((a) => <ActionButton key={a.id} reading={reading} action={a} />)}
        </div>
    );
}

const shownDataset = (reading: Reading) => reading.active.value.dataset.value ?? reading.panes.map((p) => p.dataset.value).find((d) => d !== undefined);

/** The switches of the panels, at the edge where they open; the number of panes, and what tells of the image and the page. */
export function Rail({ reading }: { reading: Reading }) {
    return (
        <div class="rail" role="toolbar" aria-orientation="vertical" aria-label={t("Panels")}>
            {reading.modules.flatMap((m) => m.panels ?? []).map((p) => {
                const isOpen = reading.panel.value === p.id;
                return <Button key={p.id} icon={p.icon} label={p.label()} hint="" on={isOpen} run={() => (reading.panel.value = isOpen ? "" : p.id)} />;
            })}
            <span class="space" />
            {layouts.map(([n, icon, label]) => (
                <Button key={n} icon={icon} label={label()} hint="" on={reading.layout.value === n} run={() => reading.setLayout(n)} />
            ))}
            <Button icon="tags" label={t("Tags")} hint={hintOf("page.tags")} disabled={!shownDataset(reading)} run={() => (reading.dialog.value = "tags")} />
            <Button icon="help" label={t("Keys")} hint={hintOf("page.help")} run={() => (reading.dialog.value = "help")} />
        </div>
    );
}

export function Toolbar({ reading, onClose }: { reading: Reading; onClose: () => void }) {
    const ds = shownDataset(reading);
    return (
        <div class="tools" role="toolbar" aria-label={t("Viewer")}>
            <button type="button" class="button quiet back" title={t("Study list (Esc)")} onClick={onClose}>
                <Icon name="back" /> {t("Studies")}
            </button>
            <div class="neighbours">
                {([[-1, "up", t("Previous study of the list"), hintOf("page.previousStudy")], [1, "down", t("Next study of the list"), hintOf("page.nextStudy")]] as const).map(([by, icon, label, hint]) => {
                    const go = reading.toStudy(by);
                    return <Button key={by} icon={icon} label={label} hint={hint} disabled={!go} run={() => go?.()} />;
                })}
            </div>
            <div class="who">
                <strong>{text(ds, Tag.patientName) || (ds ? t("No name") : "")}</strong>
                <span>{[text(ds, Tag.patientId), text(ds, Tag.studyDescription)].filter(Boolean).join(" · ")}</span>
            </div>
            <span class="space" />
            <div class="group">
                {tools.map(([tool, icon, label, command]) => (
                    <Button key={tool} icon={icon} label={label()} hint={hintOf(command)} on={reading.tool.value === tool} run={() => (reading.tool.value = tool)} />
                ))}
            </div>
            <div class="group">
                <Presets reading={reading} />
                <Button icon="invert" label={t("Invert")} hint={hintOf("page.invert")} run={() => reading.active.value.view?.toggleInvert()} />
            </div>
            <div class="group">
                <Button icon="rotate" label={t("Rotate")} hint={hintOf("page.rotate")} run={() => reading.active.value.view?.rotate()} />
                <Button icon="flip" label={t("Mirror")} hint={hintOf("page.flip")} run={() => reading.active.value.view?.flip()} />
                <Button icon="fit" label={t("Fit")} hint={hintOf("page.fit")} run={() => reading.active.value.view?.fit()} />
                <Button icon="reset" label={t("Reset")} hint={hintOf("page.reset")} run={() => reading.active.value.view?.reset()} />
            </div>
            <div class="group">
                <Cine reading={reading} />
            </div>
            {reading.notes.value.length > 0 && (
                <Button icon="warning" label={t("An extension has failed")} hint={hintOf("page.help")} run={() => (reading.dialog.value = "help")} />
            )}
            {reading.modules.map((m) => <Additions key={m.id} reading={reading} module={m} />)}
        </div>
    );
}
