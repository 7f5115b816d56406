import { describe, expect, it } from "vitest";
import { beside } from "./follow";

describe("the second window", () => {
    const series = [{ uid: "1" }, { uid: "2" }, { uid: "3" }];
    it("shows the first series that the first window does not", () => expect(beside(series, ["1", "3"])?.uid).toBe("2"));
    it("shows the first where the first window shows all", () => expect(beside(series, ["1", "2", "3"])?.uid).toBe("1"));
    it("shows nothing of an empty study", () => expect(beside([], ["1"])).toBeUndefined());
});
