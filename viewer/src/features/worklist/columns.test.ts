import { describe, expect, it } from "vitest";
import { columnIds, fitting, moved, readChoice, template, usual } from "./columns";
import { readSaved } from "./saved";

describe("the columns", () => {
    it("keep the order of the user, without what no longer exists", () => expect(readChoice(["date", "gone", "name", 7])).toEqual(["date", "name"]));
    it.each([[undefined], ["name"], [[]], [["gone"]], [{}]])("are the usual ones where %j is kept", (value) => expect(readChoice(value)).toEqual(usual));
    it("move by one place, and not past the ends", () => {
        expect(moved(["name", "id", "date"], "date", -1)).toEqual(["name", "date", "id"]);
        expect(moved(["name", "id"], "name", -1)).toEqual(["name", "id"]);
        expect(moved(["name", "id"], "studyId", 1)).toEqual(["name", "id"]);
    });
    it("give way in the order of their importance, whatever their place", () => {
        expect(fitting(columnIds, 4000)).toEqual(columnIds);
        expect(fitting(["studyId", "referrer", "name", "date"], 620)).toEqual(["referrer", "name", "date"]);
        expect(fitting(columnIds, 0)).toEqual(["name"]);
    });
    it("stand between the box and the button of each row", () => expect(template(["name"])).toBe("28px minmax(150px, 2.1fr) 28px"));
});

describe("kept searches", () => {
    it("are not trusted", () => {
        expect(readSaved("x")).toEqual([]);
        expect(readSaved([null, 1, { name: "", search: "" }, { name: "A", search: 1 }, { name: "B", search: "?id=1", more: 1 }])).toEqual([{ name: "B", search: "?id=1" }]);
    });
});
