import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { zipPath, type SendJob } from "../../dicomweb/client";
import { outcome, send, shown } from "./sending";

const job = (more: Partial<SendJob>): SendJob => ({ id: "1", peer: "WS1", state: "sending", total: 5, sent: 0, warned: 0, failed: 0, remaining: 5, ...more });

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
});

it("the address of an archive says what is wished, and nothing of it when nothing is", () => {
    const plain = new URL(zipPath("1.2"), "http://h");
    expect(plain.pathname).toBe("/dicom-web/studies/1.2");
    expect([...plain.searchParams]).toEqual([["accept", "application/zip"]]);
    const all = new URL(zipPath("1.2", { dicomdir: true, deidentify: { dates: "shift", retain: ["patient", "uids"], pixels: false, pseudonym: "0123456789" } }), "http://h").searchParams;
    expect(all.get("accept")).toBe("application/zip; transfer-syntax=1.2.840.10008.1.2.1, application/zip; q=0.5");
    expect(Object.fromEntries(all)).toMatchObject({ dicomdir: "true", deidentify: "basic", dates: "shift", retain: "patient,uids", pixels: "drop", pseudonym: "0123456789" });
});

it("how it ended is said with the numbers, and a warning counts as sent", () => {
    expect(outcome(job({ state: "ended", sent: 4, warned: 1 }))).toBe("5 objects were sent to WS1");
    expect(outcome(job({ state: "failed", sent: 2, failed: 3 }))).toBe("Only 2 of 5 objects were sent to WS1");
    expect(outcome(job({ state: "cancelled", sent: 1 }))).toBe("Stopped: 1 of 5 objects were sent to WS1");
});

it("a job is followed to its end", async () => {
    const answers = [job({}), job({ sent: 2, remaining: 3 }), job({ state: "ended", sent: 5, remaining: 0 })];
    const asked: string[] = [];
    vi.stubGlobal("fetch", (path: string, how: RequestInit) => {
        asked.push(`${how.method} ${path} ${how.body ?? ""}`.trim());
        return Promise.resolve(new Response(JSON.stringify(answers.shift())));
    });
    const done = send("WS1", ["1.2", "1.3"]);
    await vi.runAllTimersAsync();
    await done;
    expect(asked).toEqual(['POST /api/v1/send {"peer":"WS1","studies":["1.2","1.3"]}', "GET /api/v1/send/1", "GET /api/v1/send/1"]);
    expect(shown.value?.state).toBe("ended");
});
