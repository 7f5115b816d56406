/** A layout out of a DICOM hanging protocol object, and in words what of it has no place in ours.   PS3.3 §A.44, §C.23 */

import { number, numbers, items, text, texts, type Dataset } from "../dicomweb/json";
import { t } from "../ui/text";
import { codeOf } from "./dataset";
import type { Mode, Place, Protocol, Rule, Stage, Sync } from "./hang";
import { readProtocol } from "./hang-keep";
import { H, HangingProtocolStorage, named, voiTypes, vrOfTag, type HangKeyword } from "./hang-tags";
import { readPart10 } from "./part10";
import { regionOf } from "./region";

export interface Imported {
    protocol: Protocol;
    notes: readonly string[]; /* each once */
}

class Notes {
    readonly all = new Set<string>();
    say(words: string): void {
        this.all.add(words);
    }
}

const meanings = (list: readonly Dataset[]): string[] => list.flatMap((item) => codeOf(item)?.meaning || []);
const codeValues = (list: readonly Dataset[]): string[] => list.flatMap((item) => codeOf(item)?.value || []);
const tagText = (tag: string) => `(${tag.slice(0, 4)},${tag.slice(4)})`;
const onlyOnce = (list: readonly string[]): string[] => [...new Set(list.filter((v) => v !== ""))];

/* ---- for which studies   PS3.3 §C.23.1.1.1 ---- */

function studyRules(ds: Dataset, notes: Notes): Rule[] {
    const definitions = items(ds, H.Definition);
    const of = (keyword: HangKeyword) => definitions.flatMap((d) => items(d, H[keyword]));
    const rules: Rule[] = [];
    const modalities = onlyOnce(definitions.map((d) => text(d, H.Modality)));
    if (modalities.length > 0) rules.push({ attribute: "modality", equals: modalities, required: true, weight: 2 });
    const regions = onlyOnce(meanings(of("AnatomicRegion")));
    const known = onlyOnce(regions.map((r) => regionOf(r)));
    if (known.length > 0) rules.push({ attribute: "region", equals: known, weight: 2 });
    else if (regions.length > 0) rules.push({ attribute: "bodyPart", contains: regions, weight: 2 });
    const procedures = of("ProcedureCode");
    const codes = onlyOnce(codeValues(procedures));
    if (codes.length > 0) rules.push({ attribute: "00081032", equals: codes, weight: 3 });
    const named = onlyOnce(meanings(procedures));
    if (named.length > 0) rules.push({ attribute: "studyDescription", contains: named, weight: 2 });
    const sides = onlyOnce(definitions.map((d) => text(d, H.Laterality)));
    if (sides.length > 0) rules.push({ attribute: "laterality", equals: sides, orAbsent: true });
    for (const reason of onlyOnce(meanings(of("Reason")))) notes.say(t("The reason of the request, {reason}: images do not say it", { reason }));
    return rules;
}

/* ---- image sets: what, and of when   PS3.3 §C.23.1.1.2, .3 ---- */

const attributeOf = (tag: string): string => named.find(([, its]) => its === tag)?.[0] ?? (tag === "00540220" ? "00540220" : tag);

/* The values that a selector names, by its VR. */
function selected(item: Dataset): string[] {
    const vr = text(item, H.SelectorVr);
    if (vr === "SQ") return codeValues(items(item, H.SelectorCode));
    const tag = (H as Readonly<Record<string, string>>)[vr];
    return tag === undefined || vr.length !== 2 ? [] : texts(item, tag);
}

/* The attribute that an item names; none where it lies in a sequence, or is private. */
function selectedAttribute(item: Dataset, notes: Notes): string | undefined {
    const tag = text(item, H.SelectorAttribute).toUpperCase();
    if (!/^[0-9A-F]{8}$/.test(tag)) return undefined;
    const isInside = [H.SequencePointer, H.FunctionalGroupPointer].some((p) => texts(item, p).length > 0);
    if (isInside || parseInt(tag.slice(3, 4), 16) % 2 === 1) {
        notes.say(t("A rule about {tag}, which lies in a sequence or is private", { tag: tagText(tag) }));
        return undefined;
    }
    if ((number(item, H.SelectorValueNumber) ?? 0) > 1) notes.say(t("{tag}: any of its values counts, not only the one that is named", { tag: tagText(tag) }));
    return attributeOf(tag);
}

function selectorRules(set: Dataset, notes: Notes): Rule[] {
    return items(set, H.Selectors).flatMap((item): Rule[] => {
        const attribute = selectedAttribute(item, notes);
        const values = selected(item);
        if (!attribute || values.length === 0) return [];
        return [{ attribute, equals: values, required: true, ...(text(item, H.UsageFlag) === "MATCH" ? { orAbsent: true } : {}) }];
    });
}

const unitDays: Readonly<Record<string, number>> = { SECONDS: 1 / 86_400, MINUTES: 1 / 1440, HOURS: 1 / 24, DAYS: 1, WEEKS: 7, MONTHS: 30.44, YEARS: 365.25 };

function timeOf(set: Dataset, notes: Notes): Pick<Place, "prior" | "age"> {
    if (text(set, H.SelectorCategory) === "RELATIVE_TIME") {
        const [from = 0, to = 0] = numbers(set, H.RelativeTime);
        const days = unitDays[text(set, H.RelativeTimeUnits)] ?? 1;
        return to === 0 ? { prior: 0 } : { prior: 1, age: [Math.floor(from * days), Math.ceil(to * days)] };
    }
    const [first = 1, last = first] = numbers(set, H.AbstractPrior);
    for (const name of meanings(items(set, H.AbstractPriorCode))) notes.say(t("A prior named {name}: the newest that fits is taken", { name }));
    if (last !== first) notes.say(t("Priors {first} to {last} as one: the first is taken", { first, last }));
    return { prior: first < 0 ? -1 : Math.max(1, first) };
}

type ImageSet = Pick<Place, "prior" | "age" | "rules">;

function imageSets(ds: Dataset, notes: Notes): Map<number, ImageSet> {
    const found = new Map<number, ImageSet>();
    for (const set of items(ds, H.ImageSets)) {
        const rules = selectorRules(set, notes);
        for (const time of items(set, H.TimeBased)) found.set(number(time, H.ImageSetNumber) ?? 0, { ...timeOf(time, notes), rules });
    }
    return found;
}

/* ---- display sets: filters, how it is shown   PS3.3 §C.23.3 ---- */

const planes: Readonly<Record<string, string>> = { TRANSVERSE: "axial", AXIAL: "axial", CORONAL: "coronal", SAGITTAL: "sagittal", SAGITAL: "sagittal", OBLIQUE: "oblique" };

function filterRule(item: Dataset, notes: Notes): Rule | undefined {
    const isPlane = text(item, H.FilterCategory) === "IMAGE_PLANE";
    const attribute = isPlane ? "plane" : selectedAttribute(item, notes);
    const values = isPlane ? selected(item).flatMap((v) => planes[v] ?? []) : selected(item);
    const presence = text(item, H.FilterPresence);
    if (!attribute) return undefined;
    const base = { attribute, required: true } as const;
    if (presence === "PRESENT") return { ...base, contains: [""] };
    if (presence === "NOT_PRESENT") return { ...base, equals: [], orAbsent: true };
    const [low = NaN, high = NaN] = values.map(Number);
    switch (text(item, H.FilterOperator)) {
        case "MEMBER_OF":
            return { ...base, equals: values, ...(isPlane || text(item, H.UsageFlag) === "MATCH" ? { orAbsent: true } : {}) };
        case "NOT_MEMBER_OF":
            return { ...base, lacks: values };
        case "RANGE_INCL":
            return { ...base, atLeast: low, atMost: high };
        case "GREATER_OR_EQUAL":
            return { ...base, atLeast: low };
        case "LESS_OR_EQUAL":
            return { ...base, atMost: low };
        default:
            notes.say(t("A filter of the kind {kind}", { kind: text(item, H.FilterOperator) || text(item, H.FilterCategory) || "?" }));
            return undefined;
    }
}

function modeOf(set: Dataset, notes: Notes): Mode | undefined {
    const [type, direction] = [text(set, H.Reformatting), text(set, H.ViewDirection)];
    if (type === "3D_RENDERING") return "3d";
    if (type !== "MPR" && type !== "SLAB") return undefined;
    if (type === "SLAB") notes.say(t("The thickness of slabs"));
    const plane = planes[direction];
    if (plane === "axial" || plane === "coronal" || plane === "sagittal") return plane;
    notes.say(t("A reformatted view from {direction}", { direction: direction || "?" }));
    return undefined;
}

function placeOf(set: Dataset, sets: ReadonlyMap<number, ImageSet>, notes: Notes): Place {
    const [from, ...more] = numbers(set, H.ImageSetNumber);
    const images = sets.get(from ?? 0) ?? { prior: 0, rules: [] };
    const filters = items(set, H.Filters).flatMap((f) => filterRule(f, notes) ?? []);
    if (filters.length > 0) notes.say(t("Filters choose whole series here, not single images"));
    if (items(set, H.Sorting).some((s) => text(s, H.SortCategory) !== "ALONG_AXIS" || text(s, H.SortDirection) !== "INCREASING")) notes.say(t("The order of images within a stack"));
    if (more.length > 0 || text(set, H.Blending)) notes.say(t("One series laid over another: lay it over in the panel Volume"));
    const boxes = items(set, H.ImageBoxes);
    if (boxes.length > 1 || boxes.some((b) => text(b, H.LayoutType) === "TILED" && (number(b, H.TilesAcross) ?? 1) * (number(b, H.TilesDown) ?? 1) > 1)) notes.say(t("Tiles of one series beside each other: it is shown as one stack"));
    if (text(set, H.PseudoColor)) notes.say(t("Colours for grey values"));
    if (text(set, H.TrueSize) === "YES") notes.say(t("True size"));
    const voi = text(set, H.VoiType);
    const preset = voiTypes.find(([type]) => type === voi)?.[1];
    if (voi && !preset) notes.say(t("The window {name}", { name: voi }));
    const mode = modeOf(set, notes);
    return { ...images, rules: [...images.rules, ...filters], ...(preset ? { preset } : {}), ...(text(set, H.Inverted) === "YES" ? { invert: true } : {}), ...(mode ? { mode } : {}) };
}

/* ---- stages ---- */

interface Placed {
    number: number;
    place: Place;
    left: number;
    top: number; /* from below, as DICOM counts   PS3.3 §C.23.3.1.2 */
}

/* Up to four panes in a stage, in the order in which one reads. */
function stagesOf(name: string, sets: readonly Placed[], scrolling: readonly (readonly number[])[], notes: Notes): Stage[] {
    const order = [...sets].sort((a, b) => b.top - a.top || a.left - b.left);
    const parts = Array.from({ length: Math.ceil(order.length / 4) }, (_, i) => order.slice(4 * i, 4 * i + 4));
    if (parts.length > 1) notes.say(t("{name}: {count} panes, four at a time", { name, count: order.length }));
    return parts.map((part, i) => {
        const sync = scrolling
            .map((numbers): Sync => ({ panes: part.flatMap((p, at) => (numbers.includes(p.number) ? [at] : [])), scroll: "place", window: false, view: false }))
            .filter((s) => s.panes.length > 1);
        if (sync.length > 2) notes.say(t("More than two groups that scroll together"));
        return {
            name: parts.length > 1 ? `${name} ${i + 1}` : name,
            layout: part.length > 2 ? 4 : part.length > 1 ? 2 : 1,
            places: part.map((p) => p.place),
            ...(sync.length > 0 ? { sync: sync.slice(0, 2) } : {}),
        };
    });
}

/** The layout that a hanging protocol object asks for. */
export function fromHangingProtocol(ds: Dataset, id: string): Imported {
    const notes = new Notes();
    const sets = imageSets(ds, notes);
    const groups = new Map<number, { name: string; sets: Placed[] }>();
    for (const set of items(ds, H.DisplaySets)) {
        const key = number(set, H.Group) ?? 1;
        const group = groups.get(key) ?? { name: "", sets: [] };
        groups.set(key, group);
        group.name ||= text(set, H.GroupDescription);
        const [left = 0, top = 0] = numbers(items(set, H.ImageBoxes)[0], H.Position);
        group.sets.push({ number: number(set, H.DisplaySetNumber) ?? 0, place: placeOf(set, sets, notes), left, top });
    }
    const scrolling = items(ds, H.Scrolling).map((s) => numbers(s, H.ScrollingGroup));
    if (items(ds, H.Navigation).length > 0) notes.say(t("Which panes show the lines of which: reference lines show all"));
    if ((number(ds, H.Screens) ?? 1) > 1) notes.say(t("It is made for {count} screens", { count: number(ds, H.Screens) ?? 1 }));
    const stages = [...groups].sort(([a], [b]) => a - b).flatMap(([key, g]) => stagesOf(g.name || t("Stage {number}", { number: key }), g.sets, scrolling, notes));
    const protocol = readProtocol({ id, name: text(ds, H.Name) || text(ds, H.Description) || "?", rules: studyRules(ds, notes), priors: number(ds, H.Priors) ?? 0, stages });
    if (!protocol) throw new Error(t("This hanging protocol shows nothing, or more than fits here."));
    return { protocol, notes: [...notes.all] };
}

/** The same from a file. Throws with the reason for what is none. */
export function importHangingProtocol(bytes: Uint8Array, id: string): Imported {
    let ds: Dataset;
    try {
        ds = readPart10(bytes, vrOfTag);
    } catch (e) {
        throw new Error(t("This file cannot be read as a hanging protocol: {reason}.", { reason: e instanceof Error ? e.message : String(e) }));
    }
    if (text(ds, H.SOPClassUID) !== HangingProtocolStorage) throw new Error(t("This file is no hanging protocol."));
    return fromHangingProtocol(ds, id);
}
