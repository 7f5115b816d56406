import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

/* A server of 130 studies that answers in the order it is told to. */
const total = 130;
let asked: { offset: number; name: string | null; signal: AbortSignal | undefined; answer: () => void }[] = [];

vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    const q = new URL(path, "http://x").searchParams;
    const [offset, limit] = [Number(q.get("offset")), Number(q.get("limit"))];
    const signal = init.signal ?? undefined;
    return new Promise<Response>((done, fail) => {
        signal?.addEventListener("abort", () => fail(new DOMException("", "AbortError")));
        const rows = Array.from({ length: Math.max(0, Math.min(limit, total - offset)) }, (_, i) => ({ "0020000D": { Value: [`1.${offset + i}`] } }));
        asked.push({ offset, name: q.get("PatientName"), signal, answer: () => done(new Response(JSON.stringify(rows))) });
    });
});

const settle = () => vi.advanceTimersByTimeAsync(0);

describe("the worklist", () => {
    let model: typeof import("./model");
    beforeEach(async () => {
        vi.useFakeTimers();
        vi.resetModules();
        asked = [];
        model = await import("./model");
    });
    afterEach(() => vi.useRealTimers());

    it("grows page by page where the server does not count", async () => {
        model.readUrl("");
        asked[0]!.answer();
        await settle();
        expect(model.extent.value).toEqual({ rows: 60, open: true });
        model.need(50, 70);
        model.need(55, 75);
        expect(asked.map((a) => a.offset)).toEqual([0, 60]); /* each page once */
        asked[1]!.answer();
        await settle();
        model.need(119, 121);
        asked[2]!.answer();
        await settle();
        expect(model.extent.value).toEqual({ rows: 130, open: false });
        expect(model.rowAt(129)?.uid).toBe("1.129");
        expect(model.rowAt(130)).toBeUndefined();
    });

    it("waits for a pause in typing and aborts what is overtaken", async () => {
        model.readUrl("");
        asked[0]!.answer();
        await settle();
        model.setFilter("name", "d");
        await vi.advanceTimersByTimeAsync(100);
        model.setFilter("name", "do");
        await vi.advanceTimersByTimeAsync(300);
        expect(asked.slice(1).map((a) => a.name)).toEqual(["*do*"]);
        model.setFilter("name", "doe");
        await vi.advanceTimersByTimeAsync(300);
        expect(asked[1]!.signal?.aborted).toBe(true);
        expect(model.failure.value).toBe("");
        asked[2]!.answer();
        await settle();
        expect(model.waiting.value).toBe(false);
    });

    it("takes filter and order from the address, once", async () => {
        model.readUrl("?name=doe&sort=PatientName");
        expect(asked[0]!.name).toBe("*doe*");
        model.readUrl("?name=doe&sort=PatientName");
        expect(asked).toHaveLength(1);
        expect(model.urlSearch.value).toBe("?name=doe&sort=PatientName");
    });

    it("finds the neighbours of a study, across pages, and none beyond the ends", async () => {
        model.readUrl("");
        asked[0]!.answer();
        await settle();
        expect(model.neighbour("1.0", -1)).toBeUndefined();
        expect(model.neighbour("1.999", 1)).toBeUndefined();
        expect(await model.neighbour("1.5", -1)!()).toBe("1.4");
        expect(model.active.value).toBe(4);
        const next = model.neighbour("1.59", 1)!();
        asked[1]!.answer(); /* the page it is on was not there yet */
        expect(await next).toBe("1.60");
    });

    it("turns the order round on the second click", () => {
        model.setSort("PatientName");
        expect(model.sort.value).toEqual({ key: "PatientName", descending: false });
        model.setSort("PatientName");
        expect(model.sort.value.descending).toBe(true);
        model.setSort("StudyDate");
        expect(model.sort.value.descending).toBe(true);
    });
});
