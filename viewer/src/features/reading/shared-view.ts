/** What is done to the view of one pane is done to those that go with it: to the window of some, to the place of others. */

import type { View } from "../../imaging/view";

export function sharedView(own: View, others: (what: "window" | "view") => readonly View[]): View {
    const all = (what: "window" | "view", act: (v: View) => void) => [own, ...others(what)].forEach(act);
    return {
        setWindow: (center, width) => all("window", (v) => v.setWindow(center, width)),
        toggleInvert: () => all("window", (v) => v.toggleInvert()),
        pan: (dx, dy) => all("view", (v) => v.pan(dx, dy)),
        zoom: (factor) => all("view", (v) => v.zoom(factor)),
        rotate: () => all("view", (v) => v.rotate()),
        flip: () => all("view", (v) => v.flip()),
        fit: () => all("view", (v) => v.fit()),
        reset: () => all("view", (v) => v.reset()),
        close: () => own.close(),
    };
}
