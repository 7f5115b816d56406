import { describe, expect, it } from "vitest";
import type { Measurement } from "../../dicom/measurement";
import { newUid } from "../../dicom/uid";
import { Marks } from "./marks";

const mark = (uid: string, label = ""): Measurement => ({
    uid, kind: "probe", label, quantities: [], spacing: "none", color: "#ffffff", locked: false, hidden: false, created: "2026-01-15T10:15:00Z",
});
const seen = (m: Marks) => m.all.value.map((x) => x.uid + x.label).join(" ");

function filled(): Marks {
    const m = new Marks();
    m.add(mark("a"));
    m.add(mark("b"), mark("c"));
    return m;
}

describe("the marks of a study", () => {
    it("undo and redo adding, by steps", () => {
        const m = filled();
        m.undo();
        expect(seen(m)).toBe("a");
        m.undo();
        expect([seen(m), m.canUndo.value, m.canRedo.value]).toEqual(["", false, true]);
        m.redo();
        m.redo();
        expect([seen(m), m.canRedo.value]).toEqual(["a b c", false]);
    });
    it("undo and redo changes and removals, each in its place", () => {
        const m = filled();
        m.replace(mark("b", "1"), mark("nobody"));
        m.remove("a", "b");
        expect(seen(m)).toBe("c");
        m.undo();
        expect(seen(m)).toBe("a b1 c");
        m.undo();
        expect(seen(m)).toBe("a b c");
        m.redo();
        m.redo();
        expect(seen(m)).toBe("c");
    });
    it("take back in one step what was done in one", () => {
        const m = filled();
        m.change({ add: [mark("d")], replace: [mark("c", "3"), mark("a", "gone")], remove: ["a"] });
        expect(seen(m)).toBe("b c3 d");
        m.undo();
        expect(seen(m)).toBe("a b c");
        m.redo();
        expect(seen(m)).toBe("b c3 d");
    });
    it("have nothing to redo after a new act, and no step for what changed nothing", () => {
        const m = filled();
        m.undo();
        m.add(mark("d"));
        expect(m.canRedo.value).toBe(false);
        m.remove("nobody");
        m.replace(m.get("d")!);
        m.undo();
        expect(seen(m)).toBe("a");
    });
    it("keep what is loaded out of undo", () => {
        const m = filled();
        m.load([mark("x"), mark("b", "2")]);
        expect(seen(m)).toBe("a b2 c x");
        m.undo();
        m.undo();
        expect(seen(m)).toBe("x");
    });
    it("forget the choice of what is gone", () => {
        const m = filled();
        m.selected.value = "b";
        m.remove("a");
        expect(m.selected.value).toBe("b");
        m.remove("b");
        expect(m.selected.value).toBe("");
    });
});

describe("a new UID", () => {
    it("is a UUID as a number, and new each time", () => {
        const list = Array.from({ length: 50 }, newUid);
        expect(new Set(list).size).toBe(50);
        for (const uid of list) {
            expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
            const hex = BigInt(uid.slice(5)).toString(16).padStart(32, "0");
            expect(hex).toMatch(/^.{12}4.{3}[89ab].{15}$/);
        }
    });
});
