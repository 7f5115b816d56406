/** A layout as a DICOM hanging protocol object, as far as that has room for it.   PS3.3 §A.44, §C.23 */

import type { Dataset, Element } from "../dicomweb/json";
import { dtText } from "./dataset";
import type { Place, Protocol, Rule, Stage } from "./hang";
import { H, HangingProtocolStorage, named, voiTypes, vrOfKeyword, type HangKeyword } from "./hang-tags";
import { writePart10 } from "./part10";
import { newUid } from "./uid";

/* As iso_product.h has it. */
const implementation = "2.25.137649697313831858389491614468657227451";

type Values = Partial<Record<HangKeyword, string | number | readonly (string | number)[] | readonly Dataset[]>>;

function object(values: Values): Dataset {
    const out: Record<string, Element> = {};
    for (const [keyword, value] of Object.entries(values) as [HangKeyword, Exclude<Values[HangKeyword], undefined>][]) {
        const list = typeof value === "object" ? [...value] : [value];
        out[H[keyword]] = list.length === 0 || list[0] === "" ? { vr: vrOfKeyword(keyword) } : { vr: vrOfKeyword(keyword), Value: list };
    }
    return out;
}

/* The tag and VR of what a rule is about; none for what only we know. */
function selectorOf(rule: Rule): { tag: string; vr: "CS" | "LO" } | undefined {
    const known = named.find(([attribute]) => attribute === rule.attribute);
    if (known) return { tag: known[1], vr: known[2] };
    return /^[0-9A-F]{8}$/.test(rule.attribute) ? { tag: rule.attribute, vr: rule.attribute === "00080008" ? "CS" : "LO" } : undefined;
}

const values = (vr: "CS" | "LO", list: readonly string[]): Values => ({ [vr]: vr === "CS" ? list.map((v) => v.toUpperCase().replace(/[^A-Z0-9 _]/g, "_").slice(0, 16)) : list.map((v) => v.slice(0, 64)) });

/* A selector takes what must be equal; the rest goes into filters, or nowhere. */
function selectors(rules: readonly Rule[], modality: string): Dataset[] {
    const list = rules.flatMap((rule) => {
        const about = selectorOf(rule);
        if (!about || !rule.required || !rule.equals?.some((v) => v !== "")) return [];
        return [object({ UsageFlag: rule.orAbsent ? "MATCH" : "NO_MATCH", SelectorAttribute: about.tag, SelectorValueNumber: 1, SelectorVr: about.vr, ...values(about.vr, rule.equals) })];
    });
    return list.length > 0 ? list : [object({ UsageFlag: "NO_MATCH", SelectorAttribute: "00080060", SelectorValueNumber: 1, SelectorVr: "CS", CS: modality })];
}

function filters(rules: readonly Rule[]): Dataset[] {
    return rules.flatMap((rule) => {
        if (rule.attribute === "plane" && rule.equals) return [object({ FilterCategory: "IMAGE_PLANE", SelectorVr: "CS", CS: rule.equals.map((p) => (p === "axial" ? "TRANSVERSE" : p.toUpperCase())), FilterOperator: "MEMBER_OF" })];
        const about = selectorOf(rule);
        if (!about || !rule.lacks || rule.lacks.length === 0) return [];
        return [object({ SelectorAttribute: about.tag, SelectorVr: about.vr, SelectorValueNumber: 1, ...values(about.vr, rule.lacks), FilterOperator: "NOT_MEMBER_OF" })];
    });
}

function timeBased(place: Place, number: number): Dataset {
    const label = { ImageSetNumber: number, ImageSetLabel: `Pane ${number}` } as const;
    if (place.age) return object({ ...label, SelectorCategory: "RELATIVE_TIME", RelativeTime: place.age, RelativeTimeUnits: "DAYS" });
    if (place.prior === 0 && !place.best) return object({ ...label, SelectorCategory: "RELATIVE_TIME", RelativeTime: [0, 0], RelativeTimeUnits: "DAYS" });
    return object({ ...label, SelectorCategory: "ABSTRACT_PRIOR", AbstractPrior: [place.prior, place.prior] });
}

/* Left, top, right, bottom as parts of the screen, counted from its lower left corner. */
function box(stage: Stage, i: number): readonly number[] {
    const across = stage.layout === 1 ? 1 : 2;
    const down = stage.layout === 4 ? 2 : 1;
    const [column, row] = [i % across, Math.floor(i / across)];
    return [column / across, 1 - row / down, (column + 1) / across, 1 - (row + 1) / down];
}

function displaySet(stage: Stage, group: number, place: Place, i: number, number: number): Dataset {
    const voi = voiTypes.find(([, preset]) => preset === place.preset)?.[0];
    const direction = place.mode === undefined ? undefined : place.mode === "3d" ? "CORONAL" : place.mode.toUpperCase();
    return object({
        DisplaySetNumber: number, ImageSetNumber: number, Group: group, DisplaySetLabel: `Pane ${i + 1}`,
        ...(i === 0 && stage.name ? { GroupDescription: stage.name.slice(0, 64) } : {}),
        ImageBoxes: [object({ ImageBoxNumber: 1, Position: box(stage, i), LayoutType: place.mode === "3d" ? "PROCESSED" : "STACK" })],
        Filters: filters(place.rules), Sorting: [],
        ...(direction ? (place.mode === "3d" ? { Reformatting: "3D_RENDERING", ViewDirection: direction, RenderingType: "VOLUME" } : { Reformatting: "MPR", ReformattingThickness: 1, ReformattingInterval: 1, ViewDirection: direction }) : {}),
        ...(voi ? { VoiType: voi } : {}),
        ...(place.invert ? { Inverted: "YES" } : {}),
    });
}

/** The object; weights, rules of containing, counts of images and what is shared beside scrolling have no place in it. */
export function toHangingProtocol(p: Protocol, now: Date): Dataset {
    const modalities = p.rules.find((r) => r.attribute === "modality" && r.equals && r.equals.length > 0)?.equals ?? ["OT"];
    const places = p.stages.flatMap((stage, s) => stage.places.map((place, i) => ({ stage, s, place, i })));
    const numberOf = (s: number, i: number) => places.findIndex((x) => x.s === s && x.i === i) + 1;
    const scrolling = p.stages.flatMap((stage, s) => (stage.sync ?? []).filter((g) => g.scroll !== "" && g.panes.length > 1).map((g) => object({ ScrollingGroup: g.panes.map((i) => numberOf(s, i)).filter((n) => n > 0) })));
    return object({
        SpecificCharacterSet: "ISO_IR 192", SOPClassUID: HangingProtocolStorage, SOPInstanceUID: newUid(),
        Name: p.name.slice(0, 16), Description: p.name.slice(0, 64), Level: "SITE", Creator: "Isocenter", Created: dtText(now.toISOString()),
        Definition: modalities.map((m) => object({ Modality: m, ProcedureCode: [], Reason: [] })),
        UserIdentification: [], Priors: p.priors,
        ImageSets: places.map(({ place }, n) => object({ Selectors: selectors(place.rules, modalities[0]!), TimeBased: [timeBased(place, n + 1)] })),
        Screens: 1, NominalScreens: [object({ ScreenHeight: 1080, ScreenWidth: 1920, Position: [0, 1, 1, 0], ScreenGreyDepth: 8 })],
        DisplaySets: places.map(({ stage, s, place, i }, n) => displaySet(stage, s + 1, place, i, n + 1)),
        PartialData: "MAINTAIN_LAYOUT",
        ...(scrolling.length > 0 ? { Scrolling: scrolling } : {}),
    });
}

export const hangingProtocolFile = (p: Protocol, now: Date): Uint8Array<ArrayBuffer> => writePart10(toHangingProtocol(p, now), implementation) as Uint8Array<ArrayBuffer>;
