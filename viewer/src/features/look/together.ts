/** Panes that follow each other: linked scrolling, the 3D cursor. */

import { effect } from "@preact/signals";
import { areParallel, middleOf, nearest, sharePlace, toPatient } from "../../dicom/slices";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { imagePoint, lookOf, visiblePanes } from "./model";

/** Where `follower` should be when `leader` has gone from one image to another: the same place where both are in one frame of
 *  reference and look the same way, else as many images further. */
export function followed(leader: Pane, follower: Pane, from: number, to: number): number | undefined {
    const [mine, theirs] = [leader.content.value?.frames[to], follower.content.value?.frames];
    if (!mine || !theirs || theirs.length === 0) return undefined;
    const first = theirs[follower.at.value] ?? theirs[0]!;
    if (sharePlace(mine, first) && areParallel(mine, first)) {
        const middle = middleOf(mine);
        return middle && nearest(theirs, middle);
    }
    if (sharePlace(mine, first)) return undefined; /* another plane of the same patient: its position says nothing */
    return Math.max(0, Math.min(theirs.length - 1, follower.at.value + to - from));
}

/** Watches all panes; whichever moves by itself leads. */
export function linkScrolling(r: Reading): () => void {
    const look = lookOf(r);
    const last = new Map<Pane, { content: unknown; at: number }>();
    return effect(() => {
        const isLinked = look.linked.value;
        const panes = visiblePanes(r);
        const now = panes.map((p) => ({ content: p.content.value, at: p.at.value, stack: p.mode.value === "stack" }));
        const leader = panes.findIndex((p, i) => {
            const before = last.get(p);
            return before !== undefined && before.content === now[i]!.content && before.at !== now[i]!.at;
        });
        const from = leader >= 0 ? last.get(panes[leader]!)!.at : 0;
        panes.forEach((p, i) => last.set(p, now[i]!));
        if (!isLinked || leader < 0 || !now[leader]!.stack) return;
        panes.forEach((p, i) => {
            if (i === leader || !now[i]!.stack) return;
            const to = followed(panes[leader]!, p, from, now[leader]!.at);
            if (to === undefined || to === now[i]!.at) return;
            last.set(p, { content: now[i]!.content, at: to });
            p.scrollTo(to);
        });
    });
}

/** Puts the 3D cursor where the pointer is, and brings every other pane to the image nearest to it. */
export function pointAt(r: Reading, pane: Pane, x: number, y: number): void {
    const look = lookOf(r);
    const state = pane.state.value;
    const at = state && imagePoint(state.toPane, x, y);
    const point = at && state.info.frameOfReference ? toPatient(state.info, at) : undefined;
    look.cursor.value = point;
    if (!point || !state) return;
    for (const other of visiblePanes(r)) {
        const frames = other.content.value?.frames;
        if (other === pane || other.mode.value !== "stack" || !frames?.[0] || !sharePlace(state.info, frames[other.at.value] ?? frames[0])) continue;
        const to = nearest(frames, point);
        if (to !== undefined) other.scrollTo(to);
    }
}
