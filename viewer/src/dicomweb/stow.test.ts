import { describe, expect, it } from "vitest";
import { bulkUrl, problemText } from "./client";
import { reasonText, store, storeBody, storeOutcome } from "./stow";

describe("the store response", () => {
    it("counts what is stored and explains what is not", () => {
        const outcome = storeOutcome({
            "00081199": { vr: "SQ", Value: [{}, {}] },
            "00081198": { vr: "SQ", Value: [{ "00081197": { vr: "US", Value: [0xa900] } }] },
            "0008119A": { vr: "SQ", Value: [{ "00081197": { vr: "US", Value: [0xc000] } }] },
        });
        expect(outcome.stored).toBe(2);
        expect(outcome.failures).toHaveLength(2);
        expect(outcome.failures[1]).toContain("not a DICOM file");
    });
    it.each([[0x0122, "SOP class"], [0xa700, "out of space"], [0xa7ff, "out of space"], [0x1234, "0x1234"], [undefined, "without a reason"]])("reason %s", (code, words) =>
        expect(reasonText(code)).toContain(words),
    );
    it("carries files between boundaries", async () => {
        const text = await storeBody([new Blob(["one"]), new Blob(["two"])], "B").text();
        const head = "Content-Type: application/dicom\r\n\r\n";
        expect(text).toBe(`--B\r\n${head}one\r\n--B\r\n${head}two\r\n--B--\r\n`);
    });
});

describe("storing", () => {
    it("is over at once when it was cancelled before it began", async () => {
        const stop = new AbortController();
        stop.abort();
        await expect(store([new Blob(["x"])], stop.signal, () => undefined)).rejects.toMatchObject({ name: "AbortError" });
    });
});

describe("problems", () => {
    it("are told in the server's words", () => expect(problemText(409, '{"title":"Disk full","detail":"free some"}')).toBe("Disk full: free some"));
    it("are told plainly where it has none", () => expect(problemText(502, "<html>")).toBe("The server answered 502"));
});

describe("bulk data addresses", () => {
    const ref = { study: "1", series: "2", instance: "3" };
    const at = (uri: string) => bulkUrl(ref, uri, "http://here");
    const own = "/dicom-web/studies/1/series/2/instances/3";
    it.each([
        ["bulkdata/00281201", `${own}/bulkdata/00281201`],
        ["/dicom-web/x?y=1", "/dicom-web/x?y=1"],
        ["../3/bulk", "/dicom-web/studies/1/series/2/instances/3/bulk"],
        ["instances/3/bulkdata/1", `${own}/bulkdata/1`],
        ["series/2/instances/3/bulkdata/1", `${own}/bulkdata/1`],
    ])("%s", (uri, path) => expect(at(uri)).toBe(path));
    it("never lead to another host", () => {
        expect(at("https://elsewhere/steal")).toBe("/steal");
        expect(at("//elsewhere/steal")).toBe("/steal");
    });
});
