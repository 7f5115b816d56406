/** A second window that follows the first: it opens the study that is opened there, and shows a series that is not shown
 *  there. `?follow` in the address makes a window the second. */

import { effect } from "@preact/signals";
import type { Reading } from "../reading/model";

interface Lead {
    kind: "lead";
    studies: string; /* as the address names them */
    shown: readonly string[]; /* series */
}
type Message = Lead | { kind: "ask" };

const isFollower = (): boolean => new URLSearchParams(location.search).has("follow");

export function openSecond(): void {
    window.open(`${location.pathname}?follow=1`, "isocenter-second", "popup,width=1000,height=800");
}

/** The series for the second window: the first that the first does not show, else the first. */
export function beside<S extends { uid: string }>(series: readonly S[], shown: readonly string[]): S | undefined {
    return series.find((s) => !shown.includes(s.uid)) ?? series[0];
}

function isMessage(value: unknown): value is Message {
    const m = value as Partial<Lead> | { kind?: unknown } | null;
    if (m?.kind === "ask") return true;
    return m?.kind === "lead" && "studies" in m && /^[0-9.,]+$/.test(m.studies ?? "") && Array.isArray(m.shown);
}

export function startFollowing(r: Reading): () => void {
    if (typeof BroadcastChannel === "undefined") return () => undefined;
    const channel = new BroadcastChannel("isocenter.follow");
    const here = location.pathname.replace(/^.*\/study\//, "");
    const stop = isFollower() ? follow(r, channel, here) : lead(r, channel, here);
    return () => {
        stop();
        channel.close();
    };
}

function lead(r: Reading, channel: BroadcastChannel, studies: string): () => void {
    const tell = () => {
        const shown = r.panes.slice(0, r.layout.value).flatMap((p) => p.series.value?.uid ?? []);
        if (shown.length > 0) channel.postMessage({ kind: "lead", studies, shown } satisfies Message);
    };
    channel.onmessage = (e) => {
        if (isMessage(e.data) && e.data.kind === "ask") tell();
    };
    return effect(tell);
}

function follow(r: Reading, channel: BroadcastChannel, studies: string): () => void {
    let isPlaced = false; /* once for each study: from then on the reader chooses */
    let known: Lead | undefined;
    const place = () => {
        const series = known?.studies === studies ? beside(r.series.value, known.shown) : undefined;
        if (!series || isPlaced) return;
        isPlaced = true;
        void r.show(series, r.panes[0]!);
    };
    channel.onmessage = (e) => {
        if (!isMessage(e.data) || e.data.kind !== "lead") return;
        known = e.data;
        if (known.studies !== studies) {
            history.replaceState(null, "", `/ui/study/${known.studies}?follow=1`);
            dispatchEvent(new PopStateEvent("popstate")); /* as if one had gone there */
        } else place();
    };
    channel.postMessage({ kind: "ask" } satisfies Message);
    return effect(() => {
        if (r.firstShown.value) place();
    });
}
