/** The reading page: toolbar, series strip, panes. */

import "./reading.css";
import { effect, untracked } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { text, Tag } from "../../dicomweb/json";
import { release } from "../../imaging";
import { Guard } from "../../ui/guard";
import { t } from "../../ui/text";
import { Help } from "./help";
import { pressKey } from "./keys";
import { Reading as Model } from "./model";
import type { Module } from "./module";
import { Strip } from "./strip";
import { Tags } from "./tags";
import { Rail, Toolbar } from "./toolbar";
import { Viewport } from "./viewport";

export interface ReadingProps {
    modules: readonly Module[];
    /** Modules of the site; notes: what went wrong with them. */
    extensions?: Promise<{ added: readonly Module[]; notes: readonly string[] }>;
    /** One study, or several apart by commas: the first is the one that is read. */
    study: string;
    search: string;
    onRename: (search: string) => void;
    onClose: () => void;
    /** To the study after (1) or before (-1) this one in the list it was opened from; undefined where there is none. */
    onStep: (by: 1 | -1) => (() => void) | undefined;
}

const addressPauseMs = 250;

function Note({ title, body, onClose }: { title: string; body: string; onClose: () => void }) {
    return (
        <main class="page-note">
            <h1>{title}</h1>
            <p>{body}</p>
            <p>
                <button type="button" class="button" onClick={onClose}>{t("Go to the study list")}</button>
            </p>
        </main>
    );
}

function SidePanel({ reading }: { reading: Model }) {
    const panel = reading.modules.flatMap((m) => m.panels ?? []).find((p) => p.id === reading.panel.value);
    if (!panel) return null;
    return (
        <aside class="side" aria-label={panel.label()}>
            <Guard name={panel.label()}>
                <panel.View reading={reading} />
            </Guard>
        </aside>
    );
}

export function Reading({ modules, extensions, study, search, onRename, onClose, onStep }: ReadingProps) {
    const reading = useMemo(() => {
        const [first = "", ...beside] = study.split(",");
        return new Model(first, modules, beside);
    }, [study]);
    reading.toStudy = onStep;

    useEffect(() => {
        void reading.open(search);
        let pause: ReturnType<typeof setTimeout>;
        const started = new Map<Module, (() => void) | undefined>();
        const stops = [
            effect(() => {
                const address = reading.address.value;
                clearTimeout(pause);
                if (address) pause = setTimeout(() => onRename(address), addressPauseMs);
            }),
            effect(() => {
                const ds = reading.active.value.dataset.value;
                document.title = ds ? `${text(ds, Tag.patientName) || t("Study")} · Isocenter` : "Isocenter";
            }),
            effect(() => {
                const stuck = reading.active.value.content.value?.frames.length === 0 || reading.active.value.failure.value !== "";
                if (reading.firstShown.value || stuck) reading.settled.value = true;
            }),
            effect(() => {
                for (const m of reading.modules) if (!started.has(m)) started.set(m, untracked(() => m.start?.(reading)));
            }),
        ];
        if (extensions) void extensions.then(({ added, notes }) => ((reading.added.value = added), (reading.notes.value = notes)));
        return () => {
            clearTimeout(pause);
            stops.forEach((stop) => stop());
            started.forEach((stop) => stop?.());
            reading.close();
            release();
        };
    }, [reading]);

    const close = () => {
        reading.dialog.value = "";
    };
    useEffect(() => {
        const keys = (e: KeyboardEvent) => {
            if (e.key === "Escape") return reading.dialog.value === "" ? onClose() : close();
            if (pressKey(reading, e)) e.preventDefault();
        };
        addEventListener("keydown", keys);
        return () => removeEventListener("keydown", keys);
    }, [reading]);

    if (reading.failure.value) return <Note title={t("The study cannot be opened")} body={reading.failure.value} onClose={onClose} />;
    if (reading.isEmpty.value) return <Note title={t("No such study")} body={t("It is not on this server, or no longer.")} onClose={onClose} />;
    const layout = reading.layout.value;
    return (
        <main class={reading.settled.value ? "reading" : "reading waking"}>
            <Toolbar reading={reading} onClose={onClose} />
            <div class="desk">
                <Strip reading={reading} />
                {/* left and right here are the patient's, in every language */}
                <section class={`panes of-${layout}`} dir="ltr" aria-label={t("Images")}>
                    {reading.panes.slice(0, layout).map((pane, i) => (
                        <Viewport key={i} reading={reading} pane={pane} index={i} />
                    ))}
                </section>
                <SidePanel reading={reading} />
                <Rail reading={reading} />
            </div>
            {reading.dialog.value === "help" && <Help reading={reading} onClose={close} />}
            {reading.dialog.value === "tags" && <Tags key={reading.activeIndex.value} pane={reading.active.value} onClose={close} />}
        </main>
    );
}
