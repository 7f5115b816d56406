import { describe, expect, it } from "vitest";
import { fitting, hang, mammographyView, planeOf, priorsFor, score, type Hangable, type Place, type Prior, type Protocol, type Stage } from "./hang";
import { protocolOf, readProtocol } from "./hang-keep";
import { regionOf } from "./region";

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
    it("knows what must not be in it, and what need not be there at all", () => {
        expect(score([{ attribute: "description", lacks: ["scout", "dose"] }], series("1", { description: "Dose report" }))).toBeUndefined();
        expect(score([{ attribute: "description", lacks: ["scout"] }], series("1"))).toBe(1);
        expect(score([{ attribute: "bodyPart", equals: ["HEAD"] }], series("1"))).toBeUndefined();
        expect(score([{ attribute: "bodyPart", equals: ["HEAD"], orAbsent: true }], series("1"))).toBe(1);
        expect(score([{ attribute: "bodyPart", equals: ["HEAD"], orAbsent: true }], series("1", { bodyPart: "KNEE" }))).toBeUndefined();
    });
    it("looks into the first object: any value of a tag, codes by value and meaning, the plane, the institution", () => {
        const code = { "00080100": { Value: ["399162004"] }, "00080102": { Value: ["SCT"] }, "00080104": { Value: ["cranio-caudal"] } };
        const s = series("1", { object: { "00080008": { Value: ["ORIGINAL", "PRIMARY", "LOCALIZER"] }, "00540220": { Value: [code] }, "00080080": { Value: ["Anytown"] }, "00180087": { Value: [3] }, "00200037": { Value: [0, 1, 0, 0, 0, -1] } } });
        expect(score([{ attribute: "00080008", equals: ["localizer"] }, { attribute: "00540220", equals: ["399162004"] }, { attribute: "00540220", contains: ["cranio"] }], s)).toBe(3);
        expect(score([{ attribute: "institution", contains: ["town"] }, { attribute: "plane", equals: ["sagittal"] }, { attribute: "00180087", atLeast: 2.5 }], s)).toBe(3);
        expect(score([{ attribute: "00180087", atMost: 1.5 }], s)).toBeUndefined();
        expect(planeOf({ "00200037": { Value: [0.7, 0.7, 0, 0, 0, -1] } })).toBe("oblique");
    });
    it.each([["KNEE", "", "knee"], ["", "MRT Kniegelenk links", "knee"], ["", "IRM du genou", "knee"], ["UNKNOWN", "Schädel nativ", "head"], ["", "T2 axial", ""]])("names the part of the body: %s %s", (part, description, region) => expect(regionOf(part, description)).toBe(region));
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

describe("several ways to show a series", () => {
    const ct: Place = { prior: 0, rules: [{ attribute: "modality", equals: ["CT"] }] };
    it("may stand beside each other, the same way may not", () => {
        const stage: Stage = { name: "", layout: 4, places: [ct, { ...ct, mode: "axial" }, { ...ct, mode: "coronal" }, ct] };
        expect(hang(stage, [[series("1")]])).toEqual(["1", "1", "1", undefined]);
    });
});

describe("priors", () => {
    const prior = (uid: string, ageDays: number, ...modalities: string[]): Prior => ({ uid, ageDays, modalities });
    const older = [prior("xr", 10, "DX"), prior("a", 30, "CT", "SR"), prior("b", 200, "CT"), prior("c", 400, "CT"), prior("d", 4000, "MR")];
    const asks = (...places: Partial<Place>[]): Protocol => ({ id: "", name: "", rules: [], priors: 0, stages: [{ name: "", layout: 4, places: places.map((p) => ({ prior: 0, rules: [{ attribute: "modality", equals: ["CT"], required: true }], ...p })) }] });
    it("are fetched as far as they are asked for, and only where their modality can match", () => {
        expect(priorsFor(asks({}), older)).toEqual([]);
        expect(priorsFor(asks({ prior: 2 }), older)).toEqual(["a", "b"]);
        expect(priorsFor(asks({ prior: -1 }, { prior: 1 }), older)).toEqual(["a", "c"]);
        expect(priorsFor(asks({ age: [100, 500] }), older)).toEqual(["b"]);
        expect(priorsFor(asks({ prior: 1, rules: [] }), older)).toEqual(["xr"]);
        const t2 = [{ attribute: "description", equals: ["T2"], required: true }, { attribute: "view", equals: ["CC"], required: true }] as const;
        const listed = older.map((p) => ({ ...p, series: [series(p.uid, { description: p.uid === "c" ? "t2" : "x" })] }));
        expect(priorsFor(asks({ prior: 1, rules: t2 }), listed)).toEqual(["c"]);
    });
    const lists = older.slice(1).map((p) => [series(p.uid, { study: p.uid, ageDays: p.ageDays, modality: p.uid === "d" ? "MR" : "CT", bodyPart: p.uid === "d" || p.uid === "b" ? "KNEE" : "CHEST" })]);
    const one = (place: Partial<Place>) => hang({ name: "", layout: 1, places: [{ prior: 1, rules: [{ attribute: "modality", equals: ["CT"], weight: 4 }, { attribute: "region", equals: ["knee"], weight: 3 }], ...place }] }, [[series("now")], ...lists])[0];
    it("are taken by number, as the oldest, by age, or as what fits best of all", () => {
        expect([one({}), one({ prior: 2 }), one({ prior: -1 }), one({ age: [300, 500] })]).toEqual(["a", "b", "d", "c"]);
        expect(one({ best: true })).toBe("b"); /* CT of the knee; then CT, the newer first; the MR of the knee at last */
        expect(one({ best: true, rules: [{ attribute: "region", equals: ["knee"], weight: 3 }, { attribute: "modality", equals: ["MR"], weight: 1 }] })).toBe("d");
    });
});

describe("a protocol", () => {
    const protocol = (id: string, modality: string, priors = 0, weight = 1): Protocol => ({ id, name: id, rules: [{ attribute: "modality", equals: [modality], required: true, weight }], priors, stages: [{ name: id, layout: 1, places: [] }] });
    it("is chosen by its score, the first among equals", () => {
        const all = [protocol("mg", "MG"), protocol("a", "CT"), protocol("b", "CT"), protocol("compare", "CT", 1, 5)];
        expect(fitting(all, [series("1")]).map((p) => p.id)).toEqual(["compare", "a", "b"]);
        expect(fitting(all, [series("1", { modality: "US" })])).toEqual([]);
    });
    it("made of a layout brings the same layout back, and goes through storage", () => {
        const left = series("1", { description: "T1 axial", modality: "MR", studyDescription: "Knee" });
        const right = series("2", { study: "before", description: "T1 axial", modality: "MR" });
        const made = readProtocol(JSON.parse(JSON.stringify(protocolOf("mine", "Mine", { layout: 2, panes: [{ series: left, mode: "stack" }, { series: right, mode: "coronal" }], sync: [{ panes: [0, 1], scroll: "place", window: true, view: false }] }, "now", ["before"]))))!;
        expect(made.priors).toBe(1);
        expect(fitting([made], [left])).toEqual([made]);
        expect(made.stages[0]).toMatchObject({ sync: [{ panes: [0, 1], scroll: "place", window: true, view: false }], places: [{ prior: 0 }, { prior: 1, mode: "coronal" }] });
        const other = [series("7", { modality: "MR", description: "T2 sagittal", studyDescription: "Knee" }), series("8", { modality: "MR", description: "t1 AXIAL", studyDescription: "Knee" })];
        expect(hang(made.stages[0]!, [other, [series("9", { modality: "MR", description: "T1 axial fs" })]])).toEqual(["8", "9"]);
    });
    it("read from elsewhere has only what is known, within bounds", () => {
        const odd = { id: "a", name: "n".repeat(999), priors: 99, extra: 1, rules: [{ attribute: "modality", equals: ["CT", "MR"], weight: "9", constructor: 1 }], stages: [{ layout: 2, places: [{ prior: -7.5, rules: [], mode: "4d" }, { prior: 1, rules: [] }, { prior: 1, rules: [] }], sync: [{ panes: "x" }] }] };
        const read = readProtocol(odd)!;
        expect(read).toEqual({ id: "a", name: "n".repeat(200), priors: 9, rules: [{ attribute: "modality", equals: ["CT", "MR"] }], stages: [{ name: "", layout: 2, places: [{ prior: -1, rules: [] }, { prior: 1, rules: [] }] }] });
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
