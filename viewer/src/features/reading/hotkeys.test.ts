import { beforeEach, describe, expect, it, vi } from "vitest";

const store = new Map<string, string>();
vi.stubGlobal("localStorage", { getItem: (k: string) => store.get(k) ?? null, setItem: (k: string, v: string) => store.set(k, v) });

describe("the keys", () => {
    let hot: typeof import("./hotkeys");
    const command = (id: string, ...keys: string[]) => ({ id, keys, what: () => id, run: () => undefined });
    const all = [command("measure.length", "l"), command("page.invert", "i"), command("page.cine", " ", "c")];
    beforeEach(async () => {
        vi.resetModules();
        hot = await import("./hotkeys");
        hot.resetKeys();
    });

    it("are named as they are pressed", () => {
        expect(hot.pressed({ key: "L", ctrlKey: false })).toBe("l");
        expect(hot.pressed({ key: "z", ctrlKey: true })).toBe("Ctrl+z");
        expect(hot.pressed({ key: "ArrowUp", ctrlKey: false })).toBe("ArrowUp");
        expect(["Ctrl+z", " ", "ArrowUp", "F2"].map(hot.keyName)).toEqual(["Ctrl+Z", "Space", "↑", "F2"]);
    });
    it("can be given, are kept, and given back", async () => {
        expect(hot.bindKey(all, "page.invert", "x")).toBe("");
        expect(hot.commandOf(all, "x")?.id).toBe("page.invert");
        expect(hot.commandOf(all, "i")).toBeUndefined();
        vi.resetModules();
        hot = await import("./hotkeys");
        expect(hot.keysOf(all[1]!)).toEqual(["x"]);
        hot.resetKeys();
        expect(hot.commandOf(all, "i")?.id).toBe("page.invert");
    });
    it("are refused where they are taken, with the reason, and stay as they were", () => {
        expect(hot.bindKey(all, "page.invert", "c")).toContain("C is taken: page.cine");
        for (const key of ["3", "Escape", "Shift"]) expect(hot.bindKey(all, "page.invert", key)).not.toBe("");
        expect(hot.keysOf(all[1]!)).toEqual(["i"]);
        expect(hot.bindKey(all, "page.invert", "i")).toBe(""); /* its own */
    });
    it("freed by a change can be given to another", () => {
        hot.bindKey(all, "page.invert", "x");
        expect(hot.bindKey(all, "measure.length", "i")).toBe("");
        expect(hot.commandOf(all, "i")?.id).toBe("measure.length");
    });
    it("of an action that is off now go to the next that has them", () => {
        const two = [command("a", "q"), command("b", "q")];
        expect(hot.commandOf(two, "q", (c) => c.id !== "a")?.id).toBe("b");
    });
    it("that are kept are not trusted", () => expect(hot.readChanges({ a: ["x"], b: "x", c: [1] })).toEqual({ a: ["x"] }));
});
