/** Pointer, wheel and touch on a pane: window, scroll, zoom, pan. What a module claims is left to it. */

import type { Pane } from "./pane";
import type { Tool } from "./model";

interface Drag {
    tool: Tool;
    x: number;
    y: number;
    rest: number; /* pixels of a scroll drag not yet worth an image */
    window: { center: number; width: number } | undefined;
    fromX: number;
    fromY: number;
}

/* Left does what the toolbar says, middle pans, right zooms; Shift and Ctrl lend the left button to both. */
function toolFor(e: PointerEvent, chosen: Tool): Tool {
    if (e.pointerType === "touch") return chosen;
    if (e.button === 1 || (e.button === 0 && e.shiftKey)) return "pan";
    if (e.button === 2 || (e.button === 0 && e.ctrlKey)) return "zoom";
    return chosen;
}

const wheelStepPx = 40;
const holdMs = 450;
const restPx = 8;

export function attachPointer(el: HTMLElement, pane: Pane, chosen: () => Tool, isClaimed: (e: PointerEvent) => boolean): () => void {
    const fingers = new Map<number, { x: number; y: number }>(); /* those of a claimed press too */
    let isPinching = false; /* from the second finger until the last one is lifted */
    let drag: Drag | undefined;
    let wheelRest = 0;
    let holding: ReturnType<typeof setTimeout> | undefined;

    const move = (d: Drag, x: number, y: number) => {
        const view = pane.view;
        const [dx, dy] = [x - d.x, y - d.y];
        d.x = x;
        d.y = y;
        if (!view) return;
        if (d.tool === "pan") view.pan(dx, dy);
        else if (d.tool === "zoom") view.zoom(Math.exp(-dy / 160));
        else if (d.tool === "scroll") {
            const stepPx = Math.max(2, Math.min(24, el.clientHeight / Math.max(1, pane.steps.value.count)));
            d.rest += dy;
            const images = Math.trunc(d.rest / stepPx);
            d.rest -= images * stepPx;
            pane.scroll(images);
        } else if (d.window) {
            const perPx = d.window.width / 280;
            view.setWindow(d.window.center + (y - d.fromY) * perPx, Math.max(perPx, d.window.width + (x - d.fromX) * perPx));
        }
    };
    /* Two fingers: their distance zooms, their middle pans. */
    const pinch = (id: number, x: number, y: number) => {
        const other = [...fingers].find(([key]) => key !== id)?.[1];
        const before = fingers.get(id);
        if (!other || !before || !pane.view) return;
        const apart = (p: { x: number; y: number }) => Math.hypot(p.x - other.x, p.y - other.y);
        pane.view.zoom(apart({ x, y }) / Math.max(1, apart(before)));
        pane.view.pan((x - before.x) / 2, (y - before.y) / 2);
    };
    /* Whoever has claimed the first finger is told that it is no longer theirs, and hears no more of either. */
    const beginPinch = () => {
        const first = [...fingers];
        if (!isPinching) for (const [pointerId] of first) el.dispatchEvent(new PointerEvent("pointercancel", { pointerId, pointerType: "touch" }));
        for (const [id, at] of first) fingers.set(id, at);
        isPinching = true;
    };
    const down = (e: PointerEvent) => {
        if ((e.target as HTMLElement).closest("button, [role=slider], .objects")) return;
        const isSecond = e.pointerType === "touch" && fingers.size > 0;
        if (isSecond) beginPinch();
        const isTheirs = !isSecond && toolFor(e, chosen()) === chosen() && isClaimed(e);
        if (!isTheirs || e.pointerType === "touch") fingers.set(e.pointerId, { x: e.clientX, y: e.clientY });
        if (isTheirs) return;
        el.setPointerCapture(e.pointerId);
        const state = pane.state.value;
        const window = state ? { center: state.center, width: state.width } : pane.shown.value?.window;
        drag = { tool: toolFor(e, chosen()), x: e.clientX, y: e.clientY, rest: 0, window, fromX: e.clientX, fromY: e.clientY };
        if (e.button === 1) e.preventDefault();
        clearTimeout(holding);
        if (e.pointerType === "touch" && fingers.size === 1) holding = setTimeout(hold, holdMs);
    };
    /* A finger that rests before it moves does the other thing that one does all the time. */
    const hold = () => {
        if (!drag || fingers.size !== 1 || Math.hypot(drag.x - drag.fromX, drag.y - drag.fromY) > restPx) return;
        drag.tool = drag.tool === "scroll" ? "window" : "scroll";
        navigator.vibrate?.(15);
    };
    const moved = (e: PointerEvent) => {
        if (!fingers.has(e.pointerId)) return;
        if (isPinching) {
            e.stopImmediatePropagation();
            pinch(e.pointerId, e.clientX, e.clientY);
        } else if (drag) move(drag, e.clientX, e.clientY);
        fingers.set(e.pointerId, { x: e.clientX, y: e.clientY });
    };
    const up = (e: PointerEvent) => {
        if (isPinching && fingers.has(e.pointerId)) e.stopImmediatePropagation();
        fingers.delete(e.pointerId);
        if (fingers.size === 0) isPinching = false;
        clearTimeout(holding);
        drag = undefined;
    };
    const wheel = (e: WheelEvent) => {
        if ((e.target as HTMLElement).closest(".objects")) return; /* a page of its own, which scrolls */
        e.preventDefault();
        if (e.ctrlKey) return pane.view?.zoom(Math.exp(-e.deltaY / 400));
        const px = e.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? e.deltaY : e.deltaY * wheelStepPx;
        wheelRest = Math.sign(px) === Math.sign(wheelRest) ? wheelRest + px : px;
        const images = Math.abs(px) >= wheelStepPx ? Math.sign(px) : Math.trunc(wheelRest / wheelStepPx);
        if (images === 0) return;
        wheelRest = 0;
        pane.scroll(images);
    };
    const noMenu = (e: Event) => e.preventDefault();
    el.addEventListener("pointerdown", down);
    el.addEventListener("pointermove", moved, true); /* before those of the modules */
    el.addEventListener("pointerup", up, true);
    el.addEventListener("pointercancel", up, true);
    el.addEventListener("wheel", wheel, { passive: false });
    el.addEventListener("contextmenu", noMenu);
    return () => {
        el.removeEventListener("pointerdown", down);
        el.removeEventListener("pointermove", moved, true);
        el.removeEventListener("pointerup", up, true);
        el.removeEventListener("pointercancel", up, true);
        el.removeEventListener("wheel", wheel);
        el.removeEventListener("contextmenu", noMenu);
    };
}
