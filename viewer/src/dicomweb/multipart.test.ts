import { describe, expect, it } from "vitest";
import { firstPart, parameter, partSyntax } from "./multipart";

const bytes = (s: string) => Uint8Array.from(s, (c) => c.charCodeAt(0));
const type = 'multipart/related; type="application/octet-stream"; boundary="b=1"';
const body = (data: string) => bytes(`--b=1\r\nContent-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.5\r\n\r\n${data}\r\n--b=1--\r\n`);

describe("parameters", () => {
    it.each([
        ['multipart/related; boundary="x y"', "x y"],
        ["multipart/related;boundary=abc; type=a", "abc"],
        ["multipart/related; Boundary=abc", "abc"],
        ["multipart/related", undefined],
    ])("%s", (t, found) => expect(parameter(t, "boundary")).toBe(found));
});

describe("the first part", () => {
    it("is what lies between head and boundary", () => {
        const part = firstPart(body("\r\n--b=\0data\r\n"), type);
        expect([...part.bytes]).toEqual([...bytes("\r\n--b=\0data\r\n")]);
        expect(partSyntax(part.contentType)).toBe("1.2.840.10008.1.2.5");
    });
    it("may be followed by others", () => {
        const two = new Uint8Array([...body("one").subarray(0, body("one").length - 4), ...bytes("\r\n\r\ntwo and more\r\n--b=1--")]);
        expect([...firstPart(two, type).bytes]).toEqual([...bytes("one")]);
    });
    it("is the whole body where that is not multipart", () =>
        expect(firstPart(bytes("raw"), "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1").bytes).toHaveLength(3));
    it("is found without a declared boundary", () => expect([...firstPart(body("x"), "multipart/related").bytes]).toEqual([...bytes("x")]));
    it("is never made of a body that was cut", () => {
        const whole = body("0123456789");
        for (let n = 0; n < whole.length - "--\r\n".length; n++) expect(() => firstPart(whole.subarray(0, n), type)).toThrow();
    });
});

describe("the transfer syntax of a part", () => {
    it.each([
        ["image/jp2; transfer-syntax=1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.91"],
        ["image/jls", "1.2.840.10008.1.2.4.80"],
        ["application/octet-stream", "1.2.840.10008.1.2.1"],
        ["application/octet-stream; transfer-syntax=*", "1.2.840.10008.1.2.1"],
    ])("%s", (t, uid) => expect(partSyntax(t)).toBe(uid));
});
