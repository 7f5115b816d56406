/** Panes that follow each other: linked scrolling, of all or of groups, and the 3D cursor. */

import { effect } from "@preact/signals";
import { areParallel, middleOf, nearest, sharePlace, toPatient } from "../../dicom/slices";
import type { Reading } from "../reading/model";
import type { Pane } from "../reading/pane";
import { imagePoint, lookOf, visiblePanes } from "./model";

/** Where `follower` should be when `leader` has gone from one image to another. By place: the same place where both are in one
 *  frame of reference and look the same way, else as many images further. By offset: always as many images further. */
export function followed(leader: Pane, follower: Pane, from: number, to: number, by: "place" | "offset" = "place"): number | undefined {
    const [mine, theirs] = [leader.content.value?.frames[to], follower.content.value?.frames];
    if (!mine || !theirs || theirs.length === 0) return undefined;
    const first = theirs[follower.at.value] ?? theirs[0]!;
    if (by === "place" && sharePlace(mine, first)) {
        if (!areParallel(mine, first)) return undefined; /* another plane of the same patient: its position says nothing */
        const middle = middleOf(mine);
        return middle && nearest(theirs, middle);
    }
    return Math.max(0, Math.min(theirs.length - 1, follower.at.value + to - from));
}

/* Who follows a pane, and how: those of its groups; where all are linked, the others too that are in none. */
function followers(r: Reading, leader: number, isLinked: boolean): ReadonlyMap<number, "place" | "offset"> {
    const found = new Map<number, "place" | "offset">();
    const groups = r.sync.value.filter((s) => s.scroll !== "");
    const isFree = (i: number) => !groups.some((s) => s.panes.includes(i));
    for (const s of groups) if (s.panes.includes(leader)) s.panes.forEach((i) => found.set(i, s.scroll || "place"));
    if (isLinked && isFree(leader)) visiblePanes(r).forEach((_, i) => isFree(i) && found.set(i, "place"));
    found.delete(leader);
    return found;
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
        if (leader < 0 || !now[leader]!.stack) return;
        for (const [i, by] of followers(r, leader, isLinked)) {
            const pane = panes[i];
            if (!pane || !now[i]!.stack) continue;
            const to = followed(panes[leader]!, pane, from, now[leader]!.at, by);
            if (to === undefined || to === now[i]!.at) continue;
            last.set(pane, { content: now[i]!.content, at: to });
            pane.scrollTo(to);
        }
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
