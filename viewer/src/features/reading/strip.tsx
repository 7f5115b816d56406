/** The series strip: one card for each series, with a picture of its middle drawn when nothing else waits. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { seriesMiddle } from "../../dicomweb/client";
import { Icon } from "../../ui/icon";
import { whenIdle } from "../../ui/idle";
import { LoadQueue, type Task } from "../../imaging/queue";
import { frameCount, frameInfo, isImage, type FrameInfo } from "../../imaging/frame";
import { text, Tag } from "../../dicomweb/json";
import type { Reading } from "./model";
import type { Series } from "./series";

/* The middle frame: out of the metadata where we have it, else of one object asked for by itself. */
async function middleFrame(reading: Reading, series: Series, signal: AbortSignal): Promise<FrameInfo | undefined> {
    if (reading.hasContent(series.uid)) {
        const { frames } = await reading.content(series.uid);
        return frames[Math.floor(frames.length / 2)];
    }
    const ds = await seriesMiddle(reading.study, series.uid, series.count ?? 1, signal);
    if (!ds || !isImage(ds)) return undefined;
    const frame = Math.floor(frameCount(ds) / 2) + 1;
    return frameInfo({ study: reading.study, series: series.uid, instance: text(ds, Tag.sopInstance), frame: Math.min(frame, frameCount(ds)) }, ds);
}

/** Thumbnails of one study: two at a time, in idle time, in the order of the strip. */
export class ThumbnailQueue {
    private readonly queue = new LoadQueue(2);
    private tasks: Task[] = [];
    private cancelIdle: (() => void) | undefined;
    private started = false;

    add(task: Task): void {
        this.tasks.push(task);
        if (this.started) this.start();
    }

    start(): void {
        this.started = true;
        this.cancelIdle?.();
        this.cancelIdle = whenIdle(() => this.queue.replace(this.tasks));
    }

    done(task: Task): void {
        this.tasks = this.tasks.filter((t) => t !== task);
    }

    close(): void {
        this.cancelIdle?.();
        this.tasks = [];
        this.queue.clear();
    }
}

function Card({ reading, series, queue }: { reading: Reading; series: Series; queue: ThumbnailQueue }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const picture = useSignal<"waiting" | "drawn" | "none">("waiting");
    const shownIn = reading.panes.slice(0, reading.layout.value).findIndex((p) => p.series.value?.uid === series.uid);
    const isActive = reading.active.value.series.value?.uid === series.uid;

    useEffect(() => {
        const task: Task = {
            key: series.uid,
            run: async (signal) => {
                try {
                    const info = await middleFrame(reading, series, signal);
                    if (info && canvas.current) {
                        const { drawThumbnail, warmUp } = await import("../../imaging");
                        warmUp();
                        await drawThumbnail(canvas.current, info, signal);
                    }
                    picture.value = info ? "drawn" : "none";
                } catch {
                    if (!signal.aborted) picture.value = "none"; /* the pane tells why, if the series is opened */
                }
                queue.done(task);
            },
        };
        queue.add(task);
    }, []);

    const title = series.description || series.bodyPart || "No description";
    return (
        <button
            type="button"
            class={isActive ? "card on" : shownIn >= 0 ? "card shown" : "card"}
            aria-current={isActive}
            data-series={series.uid}
            data-picture={picture.value}
            title={title}
            draggable
            onDragStart={(e) => e.dataTransfer?.setData("text/x-series", series.uid)}
            onClick={() => void reading.show(series)}
        >
            <span class="picture">
                <canvas ref={canvas} width={144} height={144} />
                {picture.value !== "drawn" && (
                    <span class="no-picture">
                        {picture.value === "none" && <Icon name="document" />}
                        {series.modality}
                    </span>
                )}
                {series.count !== undefined && <span class="card-count">{series.count}</span>}
            </span>
            <span class="card-text">
                <span class="card-head">
                    <span class="chip">{series.modality || "??"}</span>
                    {series.number !== undefined && <span class="dim">{series.number}</span>}
                </span>
                <span class="card-title">{title}</span>
            </span>
        </button>
    );
}

export function Strip({ reading, queue }: { reading: Reading; queue: ThumbnailQueue }) {
    return (
        <nav class="strip" aria-label="Series">
            {reading.series.value.map((s) => (
                <Card key={s.uid} reading={reading} series={s} queue={queue} />
            ))}
        </nav>
    );
}
