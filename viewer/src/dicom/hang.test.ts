import { describe, expect, it } from "vitest";
import { chooseProtocol, hang, mammographyView, protocolOf, readProtocol, score, type Hangable, type Protocol, type Stage } from "./hang";

const series = (uid: string, more: Partial<Hangable> = {}): Hangable => ({ uid, study: "now", modality: "CT", description: "", bodyPart: "", studyDescription: "", images: 10, laterality: "", view: "", ...more });

describe("a match", () => {
    it("is the sum of the weights of what holds", () => {
        const rules = [{ attribute: "modality", equals: ["ct"] }, { attribute: "description", contains: ["axial", "ax"], weight: 5 }, { attribute: "images", atLeast: 50, weight: 2 }] as const;
        expect(score(rules, series("1", { description: "Axial 1 mm", images: 60 }))).toBe(8);
        expect(score(rules, series("1", { description: "Axial 1 mm" }))).toBe(6);
        expect(score(rules, series("1", { modality: "MR" }))).toBeUndefined();
    });
    it("is none without what is required, whatever else holds", () => {
        expect(score([{ attribute: "modality", equals: ["MG"], required: true }, { attribute: "images", atLeast: 1, weight: 99 }], series("1"))).toBeUndefined();
    });
    it("without rules is any", () => expect(score([], series("1"))).toBe(0));
});

describe("an arrangement", () => {
    const stage: Stage = {
        name: "",
        layout: 4,
        places: [
            { prior: 0, rules: [{ attribute: "description", contains: ["bone"] }] },
            { prior: 0, rules: [{ attribute: "description", contains: ["soft"] }] },
            { prior: 1, rules: [{ attribute: "description", contains: ["soft"] }] },
            { prior: 0, rules: [{ attribute: "description", contains: ["lung"] }], orNext: true },
        ],
    };
    const now = [series("scout"), series("soft", { description: "Soft" }), series("bone", { description: "Bone" })];
    const before = [series("old", { study: "before", description: "soft tissue" })];
    it("takes each series once, from the study it is wanted of", () => expect(hang(stage, [now, before])).toEqual(["bone", "soft", "old", "scout"]));
    it("leaves places empty rather than wrong", () => expect(hang(stage, [now])).toEqual(["bone", "soft", undefined, "scout"]));
    it("never gives what another place matches to one that takes anything", () => {
        const any: Stage = { ...stage, places: [{ prior: 0, rules: [{ attribute: "description", contains: ["x"] }], orNext: true }, stage.places[0]!] };
        expect(hang(any, [[series("bone", { description: "bone" }), series("scout")]])).toEqual(["scout", "bone"]);
    });
});

describe("a protocol", () => {
    const protocol = (id: string, modality: string, priors = 0, weight = 1): Protocol => ({ id, name: id, rules: [{ attribute: "modality", equals: [modality], required: true, weight }], priors, stages: [{ name: id, layout: 1, places: [] }] });
    it("is chosen by its score, the first among equals, and only with the priors it needs", () => {
        const all = [protocol("mg", "MG"), protocol("a", "CT"), protocol("b", "CT"), protocol("compare", "CT", 1, 5)];
        expect(chooseProtocol(all, [[series("1")]])?.id).toBe("a");
        expect(chooseProtocol(all, [[series("1")], [series("2")]])?.id).toBe("compare");
        expect(chooseProtocol(all, [[series("1", { modality: "US" })]])).toBeUndefined();
    });
    it("made of a layout brings the same layout back, and goes through storage", () => {
        const left = series("1", { description: "T1 axial", modality: "MR", studyDescription: "Knee" });
        const right = series("2", { study: "before", description: "T1 axial", modality: "MR" });
        const made = readProtocol(JSON.parse(JSON.stringify(protocolOf("mine", "Mine", 2, [left, right], "now", ["before"]))))!;
        expect(made.priors).toBe(1);
        expect(chooseProtocol([made], [[left], [right]])).toBe(made);
        const other = [series("7", { modality: "MR", description: "T2 sagittal", studyDescription: "Knee" }), series("8", { modality: "MR", description: "t1 AXIAL", studyDescription: "Knee" })];
        expect(hang(made.stages[0]!, [other, [series("9", { modality: "MR", description: "T1 axial fs" })]])).toEqual(["8", "9"]);
    });
    it.each([[null], [{}], [{ id: "a", name: "b", rules: [], priors: 0, stages: [] }], [{ id: "a", name: "b", rules: [], priors: 0, stages: [{ layout: 3, places: [] }] }]])("is not made of %j", (value) => expect(readProtocol(value)).toBeUndefined());
});

describe("side and view of a mammogram", () => {
    it.each([
        ["R CC", "R", "CC"],
        ["L-MLO", "L", "MLO"],
        ["RCC", "R", "CC"],
        ["Left MLO tomo", "L", "MLO"],
        ["MLO right", "R", "MLO"],
        ["CC", "", "CC"],
        ["Accession", "", ""],
    ])("%s", (description, laterality, view) => expect(mammographyView(description)).toEqual({ laterality, view }));
});
