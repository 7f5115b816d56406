import { describe, expect, it } from "vitest";
import { assess, type Finding, type Lesion, type State } from "./recist";

const lesion = (uid: string, role: Lesion["role"] = "target", organ = uid, nodal = false): Lesion => ({ uid, role, organ, nodal, number: 1 });
const mm = (uid: string, long: number, more: Partial<Finding> = {}): Finding => ({ lesion: uid, state: "measured", longMm: long, modality: "CT", ...more });
const node = (uid: string, short: number): Finding => ({ lesion: uid, state: "measured", longMm: short + 5, shortMm: short, modality: "CT" });
const is = (uid: string, state: State): Finding => ({ lesion: uid, state });
const tp = (...findings: Finding[]) => ({ date: "20260101", findings });
const overalls = (lesions: Lesion[], ...tps: ReturnType<typeof tp>[]) => assess(lesions, tps).timepoints.slice(1).map((a) => a.overall);
const immunes = (lesions: Lesion[], ...tps: ReturnType<typeof tp>[]) => assess(lesions, tps).timepoints.slice(1).map((a) => a.immune);

describe("sums and targets", () => {
    const two = [lesion("liver"), lesion("lung")];

    it("adds longest diameters, and short axes of lymph nodes", () => {
        const a = assess([lesion("liver"), lesion("n", "target", "axilla", true)], [tp(mm("liver", 32.5), node("n", 18))]);
        expect(a.timepoints[0]!.sumMm).toBeCloseTo(50.5);
    });
    it("calls 30 % less than the baseline partial response, to the tenth of a millimetre", () => {
        expect(overalls(two, tp(mm("liver", 60), mm("lung", 40)), tp(mm("liver", 40), mm("lung", 30)))).toEqual(["PR"]);
        expect(overalls(two, tp(mm("liver", 60), mm("lung", 40)), tp(mm("liver", 40.1), mm("lung", 30)))).toEqual(["SD"]);
    });
    it("calls 20 % and 5 mm above the nadir progression, not above the baseline", () => {
        const course = [100, 50, 59, 60].map((sum) => tp(mm("liver", sum - 10), mm("lung", 10)));
        const a = assess(two, course).timepoints;
        expect(a.map((x) => x.overall)).toEqual(["SD", "PR", "PR", "PD"]);
        expect(a[3]!.nadirMm).toBe(50);
        expect(a[3]!.ofNadir).toBeCloseTo(0.2);
        expect(a[3]!.ofBaseline).toBeCloseTo(-0.4);
    });
    it("wants 5 mm as well: 20 % of a small sum are not enough", () => {
        expect(overalls([two[0]!], tp(mm("liver", 12)), tp(mm("liver", 16.9)), tp(mm("liver", 17)))).toEqual(["SD", "PD"]);
    });
    it("calls it complete when lymph nodes are below 10 mm, though the sum is not zero", () => {
        const lesions = [lesion("liver"), lesion("n", "target", "axilla", true)];
        const a = assess(lesions, [tp(mm("liver", 20), node("n", 16)), tp(is("liver", "absent"), node("n", 9.9))]).timepoints[1]!;
        expect([a.target, a.sumMm]).toEqual(["CR", 9.9]);
        expect(overalls(lesions, tp(mm("liver", 20), node("n", 16)), tp(is("liver", "absent"), node("n", 10)))).toEqual(["PR"]);
    });
    it("counts 5 mm for what is too small to measure", () => {
        expect(assess([two[0]!], [tp(mm("liver", 20)), tp(is("liver", "tooSmall"))]).timepoints[1]!.sumMm).toBe(5);
    });
    it("cannot evaluate when a target is missing, unless the rest has progressed already", () => {
        expect(overalls(two, tp(mm("liver", 30), mm("lung", 30)), tp(mm("liver", 20)))).toEqual(["NE"]);
        expect(overalls(two, tp(mm("liver", 30), mm("lung", 30)), tp(mm("liver", 72), is("lung", "notEvaluable")))).toEqual(["PD"]);
    });
    it("calls a lesion that comes back after all were gone progression", () => {
        expect(overalls([two[0]!], tp(mm("liver", 20)), tp(is("liver", "absent")), tp(mm("liver", 6)))).toEqual(["CR", "PD"]);
    });
});

describe("the overall response", () => {
    const both = [lesion("liver"), lesion("bone", "nonTarget")];
    const base = tp(mm("liver", 50), is("bone", "present"));

    it.each<[string, Finding, State, string]>([
        ["all gone", is("liver", "absent"), "absent", "CR"],
        ["targets gone, the others there", is("liver", "absent"), "present", "PR"],
        ["targets gone, the others not seen", is("liver", "absent"), "notEvaluable", "PR"],
        ["smaller", mm("liver", 30), "present", "PR"],
        ["the same", mm("liver", 48), "notEvaluable", "SD"],
        ["targets not seen", is("liver", "notEvaluable"), "present", "NE"],
        ["others unequivocally worse", mm("liver", 30), "progressed", "PD"],
    ])("%s", (_, target, state, expected) => {
        expect(overalls(both, base, tp(target, is("bone", state)))).toEqual([expected]);
    });
    it("is progression with a new lesion, whatever the rest does", () => {
        expect(overalls([...both, lesion("brain", "new")], base, tp(is("liver", "absent"), is("bone", "absent"), mm("brain", 8)))).toEqual(["PD"]);
    });
    it("of those without targets is neither CR nor PD until one of them", () => {
        const only = [lesion("bone", "nonTarget")];
        expect(overalls(only, tp(is("bone", "present")), tp(is("bone", "present")), tp(is("bone", "absent")))).toEqual(["nonCR", "CR"]);
    });
    it("counts the best before progression", () => {
        expect(assess([both[0]!], [tp(mm("liver", 50)), tp(mm("liver", 30)), tp(mm("liver", 60)), tp(is("liver", "absent"))]).best).toBe("PR");
    });
});

describe("iRECIST", () => {
    const one = [lesion("liver")];
    const base = tp(mm("liver", 50));

    it("confirms with 5 mm more at the next timepoint, and never takes it back", () => {
        expect(immunes(one, base, tp(mm("liver", 60)), tp(mm("liver", 65)), tp(mm("liver", 20)))).toEqual(["iUPD", "iCPD", "iCPD"]);
    });
    it("adds what grows little by little", () => {
        expect(immunes(one, base, tp(mm("liver", 60)), tp(mm("liver", 64)), tp(mm("liver", 66)))).toEqual(["iUPD", "iUPD", "iCPD"]);
    });
    it("starts anew after a response", () => {
        expect(immunes(one, base, tp(mm("liver", 60)), tp(mm("liver", 35)), tp(mm("liver", 43)), tp(mm("liver", 48)))).toEqual(["iUPD", "iPR", "iUPD", "iCPD"]);
    });
    it("confirms new lesions by size or number", () => {
        const lesions = [...one, lesion("a", "new"), lesion("b", "new")];
        const first = tp(mm("liver", 50), mm("a", 10));
        expect(immunes(lesions, base, first, tp(mm("liver", 50), mm("a", 14)))).toEqual(["iUPD", "iUPD"]);
        expect(immunes(lesions, base, first, tp(mm("liver", 50), mm("a", 15)))).toEqual(["iUPD", "iCPD"]);
        expect(immunes(lesions, base, first, tp(mm("liver", 50), mm("a", 10), is("b", "present")))).toEqual(["iUPD", "iCPD"]);
        expect(immunes(lesions, base, first, tp(mm("liver", 50), is("a", "absent")))).toEqual(["iUPD", "iSD"]);
    });
    it("confirms non-targets by any further increase", () => {
        const lesions = [...one, lesion("bone", "nonTarget")];
        const start = tp(mm("liver", 50), is("bone", "present"));
        const worse = tp(mm("liver", 50), is("bone", "progressed"));
        expect(immunes(lesions, start, worse, worse)).toEqual(["iUPD", "iUPD"]);
        expect(immunes(lesions, start, worse, tp(mm("liver", 50), is("bone", "increased")))).toEqual(["iUPD", "iCPD"]);
    });
    it("confirms by another kind of progression", () => {
        const lesions = [...one, lesion("a", "new")];
        expect(immunes(lesions, base, tp(mm("liver", 60)), tp(mm("liver", 60), mm("a", 7)))).toEqual(["iUPD", "iCPD"]);
    });
});

describe("what may be a target", () => {
    const rules = (lesions: Lesion[], ...tps: ReturnType<typeof tp>[]) => assess(lesions, tps).timepoints.at(-1)!.problems.map((p) => p.rule);

    it("says when there are more than five, or more than two in an organ", () => {
        const six = [1, 2, 3, 4, 5, 6].map((n) => lesion(`l${n}`, "target", n < 4 ? "Liver" : `o${n}`));
        expect(rules(six, tp(...six.map((l) => mm(l.uid, 20))))).toEqual(["tooManyTargets", "tooManyInOrgan"]);
    });
    it("takes all lymph nodes for one organ", () => {
        const three = ["a", "b", "c"].map((uid) => lesion(uid, "target", uid, true));
        expect(rules(three, tp(...three.map((l) => node(l.uid, 16))))).toEqual(["tooManyInOrgan"]);
    });
    it("wants 10 mm, 15 of a node's short axis, 20 on a radiograph, and twice a thick slice", () => {
        expect(rules([lesion("a")], tp(mm("a", 9.9)))).toEqual(["tooSmallAtBaseline"]);
        expect(rules([lesion("a")], tp(mm("a", 10)))).toEqual([]);
        expect(rules([lesion("a", "target", "axilla", true)], tp(node("a", 14.9)))).toEqual(["tooSmallAtBaseline"]);
        expect(rules([lesion("a")], tp(mm("a", 19, { modality: "DX" })))).toEqual(["tooSmallAtBaseline"]);
        expect(rules([lesion("a")], tp(mm("a", 15, { sliceMm: 8 })))).toEqual(["slicesTooThick"]);
    });
    it("bars ultrasound, wants an organ, and a measurement", () => {
        expect(rules([lesion("a")], tp(mm("a", 20, { modality: "US" })))).toEqual(["modality"]);
        expect(rules([lesion("a", "target", " ")], tp(mm("a", 20)))).toEqual(["noOrgan"]);
        expect(rules([lesion("a")], tp(is("a", "present")))).toEqual(["notMeasured"]);
        expect(rules([], tp())).toEqual(["noLesions"]);
    });
    it("says at follow-up what is missing, was seen otherwise, or is below 5 mm", () => {
        const two = [lesion("a"), lesion("b")];
        expect(rules(two, tp(mm("a", 20), mm("b", 20)), tp(mm("a", 4, { modality: "MR" })))).toEqual(["otherModality", "belowFive", "missing"]);
    });
});

describe("the dates of a confirmation", () => {
    const base = { date: "20260101", findings: [mm("liver", 50)] };
    const worse = (date: string, size: number) => ({ date, findings: [mm("liver", size)] });
    const at = (...tps: (typeof base)[]) => assess([lesion("liver")], [base, ...tps]).timepoints.at(-1)!;

    it("are 28 to 56 days after the progression that is to be confirmed", () => {
        expect(at(worse("20260201", 60)).toConfirm).toEqual(["20260301", "20260329"]);
        expect(at(worse("20260201", 60)).immuneProblems).toEqual([]);
        expect(at(worse("20260201", 60), worse("20260301", 65))).toMatchObject({ immune: "iCPD", immuneProblems: [], toConfirm: undefined });
        expect(at(worse("20260201", 60), worse("20260329", 65)).immuneProblems).toEqual([]);
    });
    it("are told when they are sooner or later, with the days, whether it was confirmed or not", () => {
        expect(at(worse("20260201", 60), worse("20260228", 65))).toMatchObject({ immune: "iCPD", immuneProblems: [{ rule: "confirmedTooSoon", limit: 27 }] });
        expect(at(worse("20260201", 60), worse("20260330", 61))).toMatchObject({ immune: "iUPD", immuneProblems: [{ rule: "confirmedLate", limit: 57 }], toConfirm: ["20260427", "20260525"] });
        expect(at(worse("20260201", 60), worse("", 65)).immuneProblems).toMatchObject([{ rule: "confirmationUndated" }]);
    });
    it("do not matter after a response, nor once it is confirmed", () => {
        expect(at(worse("20260201", 60), worse("20260203", 30)).immuneProblems).toEqual([]);
        expect(at(worse("20260201", 60), worse("20260301", 65), worse("20260302", 70)).immuneProblems).toEqual([]);
    });
});
