import { beforeEach, describe, expect, it, vi } from "vitest";
import type { StoreOutcome } from "../../dicomweb/stow";

const store = vi.fn<(files: readonly Blob[], signal: AbortSignal, onSent: (n: number) => void) => Promise<StoreOutcome>>();
vi.mock("../../dicomweb/stow", () => ({ store }));

const dicom = (name: string, size = 200) => new File([new Uint8Array(128), "DICM", new Uint8Array(size)], name);
const other = (name: string) => new File(["no image"], name);
const good = (files: readonly Blob[]): Promise<StoreOutcome> => Promise.resolve({ stored: files.length, failures: [] });

describe("the upload", () => {
    let model: typeof import("./model");
    beforeEach(async () => {
        vi.resetModules();
        store.mockReset();
        model = await import("./model");
    });
    const ended = () => vi.waitFor(() => expect(model.running.value).toBe(false));

    it("sends small files together and others alone", async () => {
        const queue = [dicom("a"), dicom("b"), other("c"), dicom("d"), dicom("e", 5 << 20)];
        const groups: string[][] = [];
        while (queue.length) groups.push((await model.takeBatch(queue)).map((f) => f.name));
        expect(groups).toEqual([["a", "b"], ["c"], ["d"], ["e"]]);
    });

    it("counts what is stored", async () => {
        store.mockImplementation(good);
        model.add(Array.from({ length: 50 }, (_, i) => dicom(`f${i}`)));
        await ended();
        expect([model.stored.value, model.refused.value, model.share.value]).toEqual([50, 0, 1]);
    });

    it("asks file by file when a group is not stored whole, and names the culprit", async () => {
        store.mockImplementation((files) => {
            const bad = files.some((f) => (f as File).name === "bad");
            return bad ? Promise.resolve({ stored: files.length - 1, failures: ["mismatch"] }) : good(files);
        });
        model.add([dicom("a"), dicom("bad"), dicom("c")]);
        await ended();
        expect(model.stored.value).toBe(2);
        expect(model.failures.value).toEqual([{ path: "bad", reason: "mismatch" }]);
    });

    it("goes on after a request that failed", async () => {
        store.mockImplementation((files) => ((files[0] as File).name === "x" ? Promise.reject(new Error("broke")) : good(files)));
        model.add([other("x"), dicom("y")]);
        await ended();
        expect([model.stored.value, model.refused.value]).toEqual([1, 1]);
        expect(model.failures.value[0]?.reason).toBe("broke");
    });

    it("stops when it is cancelled", async () => {
        store.mockImplementation((_, signal) => new Promise((__, fail) => signal.addEventListener("abort", () => fail(new DOMException("", "AbortError")))));
        model.add(Array.from({ length: 100 }, (_, i) => dicom(`f${i}`)));
        await vi.waitFor(() => expect(store).toHaveBeenCalled());
        model.cancel();
        await ended();
        expect([model.cancelled.value, model.refused.value]).toEqual([true, 0]);
        expect(store.mock.calls.length).toBeLessThanOrEqual(3);
    });
});
