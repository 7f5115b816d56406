import { expect, it } from "vitest";
import { bindings } from "../features/reading/keys";
import { actionsOf } from "../features/reading/module";
import { Reading } from "../features/reading/model";
import { modules } from "./modules";

/* Of these the first is off unless it has something to do, and then goes before the second. */
const inTurn: Readonly<Record<string, string>> = {
    "segment.undo": "measure.undo",
    "segment.redo": "measure.redo",
    "measure.delete": "slide.delete",
    "slide.ArrowLeft": "page.previous",
    "slide.ArrowRight": "page.next",
    "slide.ArrowUp": "page.previous",
    "slide.ArrowDown": "page.next",
};

const r = new Reading("1.2.3", modules);
const actions = modules.flatMap((m) => actionsOf(m, r));
const all = [...actions, ...bindings];

it("no two actions have one id", () => expect(all.map((a) => a.id).filter((id, i, ids) => ids.indexOf(id) !== i)).toEqual([]));

it("no two actions come with one key, unless they take turns", () => {
    const shared = all.flatMap((a, i) => all.slice(i + 1).flatMap((b) => (a.keys ?? []).filter((k) => b.keys?.includes(k) && inTurn[a.id] !== b.id).map((k) => `${k}: ${a.id}, ${b.id}`)));
    expect(shared).toEqual([]);
});

it("what takes turns begins with what can be off", () => {
    for (const [first, second] of Object.entries(inTurn)) {
        const [at, then] = [all.findIndex((a) => a.id === first), all.findIndex((a) => a.id === second)];
        expect([first, at >= 0 && at < then, actions[at]?.isOff?.(r)]).toEqual([first, true, true]);
    }
});

it("none takes the keys of the window presets, or those one finds one's way about with", () =>
    expect(actions.flatMap((a) => a.keys ?? []).filter((k) => /^([1-9]|Escape|Tab|Enter)$/.test(k))).toEqual([]));
