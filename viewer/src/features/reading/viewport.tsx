/** One pane on screen: the canvas with the picture, the text over it, the scroll bar beside it. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { renderedPath } from "../../dicomweb/client";
import { dateText, text, timeText, Tag } from "../../dicomweb/json";
import { openStack, type StackState } from "../../imaging";
import { Refused, type Shown } from "../../imaging/view";
import { Guard } from "../../ui/guard";
import { t } from "../../ui/text";
import { Objects } from "./objects";
import type { Reading } from "./model";
import type { Pane } from "./pane";
import { attachPointer } from "./pointer";
import { Preview, previewOf } from "./preview";

function short(n: number): string {
    return Number.isInteger(n) || Math.abs(n) >= 1000 ? String(Math.round(n)) : n.toFixed(Math.abs(n) >= 10 ? 1 : 2);
}

const lines = (all: readonly (string | false | undefined)[]) => all.filter((l): l is string => typeof l === "string" && l !== "");

function Corner({ place, text: all }: { place: string; text: readonly string[] }) {
    return (
        <div class={`corner ${place}`}>
            {all.map((l, i) => (
                <div key={i}>{l}</div>
            ))}
        </div>
    );
}

type Corners = Pick<Shown, "place" | "look" | "letters" | "window" | "inverted">;

/* What the corners tell of an image of the stack. */
function cornersOf({ info, index, isEarly, scale, letters, center, width, invert }: StackState, count: number): Corners {
    return {
        place: [
            t("Image {number} / {count}", { number: index + 1, count }),
            lines([
                info.sliceLocationMm !== undefined && t("Loc {mm} mm", { mm: info.sliceLocationMm.toFixed(1) }),
                info.sliceThicknessMm !== undefined && info.sliceThicknessMm > 0 && t("Thk {mm} mm", { mm: short(info.sliceThicknessMm) }),
            ]).join("  "),
        ],
        look: [isEarly ? t("Preview") : "", `${info.columns} × ${info.rows}`, t("Zoom {percent} %", { percent: Math.round(scale * 100) })],
        window: { center, width },
        inverted: invert,
        letters,
    };
}

function Overlay({ pane, corners: { place, look, letters, window, inverted } }: { pane: Pane; corners: Corners }) {
    const ds = pane.dataset.value;
    const series = pane.series.value;
    const patient = lines([text(ds, Tag.patientName), text(ds, Tag.patientId), [dateText(text(ds, Tag.birthDate)), text(ds, Tag.sex)].filter(Boolean).join(" · ")]);
    const study = lines([
        text(ds, Tag.institution),
        text(ds, Tag.studyDescription),
        [dateText(text(ds, Tag.studyDate)), timeText(text(ds, Tag.studyTime))].filter(Boolean).join(" "),
        text(ds, Tag.accession) && t("Acc {number}", { number: text(ds, Tag.accession) }),
    ]);
    const named = [series?.number !== undefined ? t("Series {number}", { number: series.number }) : "", series?.description].filter(Boolean).join(" · ");
    const grey = window && `W ${short(window.width)}  L ${short(window.center)}${inverted ? `  ${t("inverted")}` : ""}`;
    return (
        <div class="overlay" aria-hidden="true">
            <Corner place="tl" text={patient} />
            <Corner place="tr" text={study} />
            <Corner place="bl" text={lines([named, ...place])} />
            <Corner place="br" text={lines([...look, grey])} />
            {letters && (["top", "right", "bottom", "left"] as const).map((side) => <div key={side} class={`letter ${side}`}>{letters[side]}</div>)}
        </div>
    );
}

const barPauseMs = 80; /* frames come faster than anyone can follow */

function drawLoaded(el: HTMLCanvasElement, pane: Pane, count: number): void {
    const context = el.getContext("2d")!;
    el.height = Math.max(1, el.clientHeight);
    context.fillStyle = "#4b5a68";
    const step = el.height / count;
    for (let i = 0; i < count; i++) if (pane.stack?.loaded(i)) context.fillRect(0, i * step, el.width, Math.max(1, step));
}

/** Where we are in what the pane scrolls through, and which frames are here already. */
function StackBar({ pane }: { pane: Pane }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const drawing = useRef<ReturnType<typeof setTimeout> | 0>(0);
    const { at, count } = pane.steps.value;
    useSignalEffect(() => {
        void pane.loaded.value;
        const n = pane.steps.value.count;
        if (n === 0) return;
        drawing.current ||= setTimeout(() => {
            drawing.current = 0;
            if (canvas.current) drawLoaded(canvas.current, pane, pane.steps.peek().count);
        }, barPauseMs);
    });
    const seek = (e: PointerEvent & { currentTarget: HTMLElement }) => {
        const box = e.currentTarget.getBoundingClientRect();
        pane.scrollTo(Math.round(((e.clientY - box.top) / box.height) * (count - 1)));
    };
    return (
        <div
            class="stack-bar"
            role="slider"
            tabIndex={0}
            aria-label={t("Image")}
            aria-orientation="vertical"
            aria-valuemin={1}
            aria-valuemax={count}
            aria-valuenow={at + 1}
            onPointerDown={(e) => (e.currentTarget.setPointerCapture(e.pointerId), seek(e))}
            onPointerMove={(e) => e.currentTarget.hasPointerCapture(e.pointerId) && seek(e)}
        >
            <canvas ref={canvas} width={4} />
            <span class="thumb" style={{ top: `${count > 1 ? (100 * at) / (count - 1) : 0}%` }} />
        </div>
    );
}

/** A frame that cannot be decoded exactly: why, and the server's picture of as much of it as there is. */
function Failure({ pane, failure }: { pane: Pane; failure: string }) {
    const picture = useSignal<"" | "drawn" | "none">("");
    const frame = pane.content.value?.frames[pane.at.value];
    return (
        <div class="pane-note" role="alert">
            <strong>{picture.value === "drawn" ? t("This image is damaged: parts may be missing or wrong") : t("This image cannot be shown")}</strong>
            <span>{failure}</span>
            {frame && picture.value !== "none" && (
                <img
                    alt=""
                    data-frame={frame.id}
                    src={renderedPath(frame, "image/png")}
                    hidden={picture.value === ""}
                    onLoad={() => (picture.value = "drawn")}
                    onError={() => (picture.value = "none")}
                />
            )}
        </div>
    );
}

function attachStack(reading: Reading, pane: Pane, element: HTMLDivElement): void {
    const view = openStack(element, {
        onState: (s) => {
            pane.state.value = s;
            reading.firstShown.value = true;
        },
        onLoaded: () => pane.loaded.value++,
        onError: (i, message) => {
            pane.failure.value = t("Image {number}: {message}", { number: i + 1, message });
            reading.firstShown.value = true;
        },
    });
    pane.attach(view);
}

async function openOwn(reading: Reading, pane: Pane, element: HTMLDivElement, gone: AbortSignal): Promise<void> {
    const kind = reading.modules.flatMap((m) => m.views ?? []).find((v) => v.id === pane.mode.value);
    if (!kind || !pane.content.value) return;
    const view = await kind.open(reading, pane, element, gone);
    if (gone.aborted) return view.close();
    pane.attachOwn(view);
    reading.firstShown.value = true;
}

/** Why the pane does not show what was asked for, and the way back. */
function Refusal({ pane, title, reason }: { pane: Pane; title: string; reason: string }) {
    return (
        <div class="pane-note" role="alert">
            <strong>{title}</strong>
            <span>{reason}</span>
            <button type="button" class="button" onClick={() => (pane.mode.value = "stack")}>{t("Back to the images")}</button>
        </div>
    );
}

export function Viewport({ reading, pane, index }: { reading: Reading; pane: Pane; index: number }) {
    const frame = useRef<HTMLDivElement>(null);
    const stage = useRef<HTMLDivElement>(null);
    const broken = useSignal("");
    const isActive = reading.activeIndex.value === index;
    const mode = pane.mode.value;
    const state = pane.state.value;
    const shown = pane.shown.value;
    const refused = pane.refused.value;
    const content = pane.content.value;
    const failure = pane.failure.value || broken.value;
    const others = content?.others.length ?? 0;
    const isList = content !== undefined && (content.frames.length === 0 || pane.listed.value);
    const corners = state ? cornersOf(state, pane.count.value) : shown;
    const preview = previewOf(pane);
    const isAway = failure !== "" || isList || refused !== undefined;

    useEffect(() => attachPointer(frame.current!, pane, () => reading.tool.value, (e) => reading.modules.some((m) => m.claims?.(reading, pane, e))), []);
    useEffect(() => {
        const gone = new AbortController();
        if (mode === "stack") attachStack(reading, pane, stage.current!);
        else
            openOwn(reading, pane, stage.current!, gone.signal).catch((e: unknown) => {
                if (gone.signal.aborted) return;
                if (e instanceof Refused) pane.refused.value = { title: e.title, reason: e.message };
                else broken.value = e instanceof Error ? e.message : String(e);
            });
        return () => {
            gone.abort();
            broken.value = "";
            pane.detach();
        };
    }, [mode, mode === "stack" ? undefined : content]);

    return (
        <div
            ref={frame}
            class={isActive && reading.layout.value > 1 ? "pane on" : "pane"}
            tabIndex={0}
            role="group"
            aria-label={t("Pane {number}: {content}", { number: index + 1, content: pane.series.value?.description || pane.series.value?.modality || t("empty") })}
            data-pane={index}
            data-series={pane.series.value?.uid}
            data-mode={mode}
            data-step={shown?.step}
            data-instance={state?.info.instance}
            data-image={state ? state.index + 1 : undefined}
            onPointerDown={() => (reading.activeIndex.value = index)}
            onFocus={() => (reading.activeIndex.value = index)}
            onDragOver={(e) => e.dataTransfer?.types.includes("text/x-series") && e.preventDefault()}
            onDrop={(e) => {
                const uid = e.dataTransfer?.getData("text/x-series");
                const series = reading.series.value.find((s) => s.uid === uid);
                if (!series) return;
                e.preventDefault();
                reading.activeIndex.value = index;
                void reading.show(series, pane);
            }}
        >
            <div key={mode} ref={stage} class={isAway ? "stage away" : "stage"} />
            {preview && !isAway && <Preview key={preview.id} frame={preview} />}
            {!isAway && reading.modules.flatMap((m) => m.layers ?? []).map(({ id, View }) => (
                <Guard key={id} name={id}>
                    <View reading={reading} pane={pane} index={index} />
                </Guard>
            ))}
            {corners && !isAway && reading.overlay.value && <Overlay pane={pane} corners={corners} />}
            {pane.steps.value.count > 1 && <StackBar pane={pane} />}
            {!failure && refused && <Refusal pane={pane} title={refused.title} reason={refused.reason} />}
            {failure && <Failure key={failure} pane={pane} failure={failure} />}
            {!failure && isList && <Objects reading={reading} pane={pane} />}
            {others > 0 && content!.frames.length > 0 && (
                <button type="button" class="button beside" aria-pressed={pane.listed.value} onClick={() => (pane.listed.value = !pane.listed.value)}>
                    {pane.listed.value ? t("Back to the images") : others === 1 ? t("1 other object") : t("{count} other objects", { count: others })}
                </button>
            )}
            {!failure && !corners && !refused && (!content || content.frames.length > 0) && pane.series.value && <div class="pane-note quiet">{t("Loading…")}</div>}
        </div>
    );
}
