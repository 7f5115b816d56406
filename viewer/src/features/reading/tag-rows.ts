/** A data set as rows of text, sequences indented below their element; what the tag browser lists. */

import { isPersonName, type Dataset, type Element } from "../../dicomweb/json";
import { t } from "../../ui/text";

export interface TagRow {
    path: string; /* unique, for keys and folding */
    depth: number;
    tag: string; /* "(0010,0010)" */
    vr: string;
    name: string;
    value: string;
    isItem: boolean;
}

export type Names = ReadonlyMap<string, string>;

const rowsMax = 20_000;
const valueMax = 400;

function name(tag: string, names: Names): string {
    const known = names.get(tag) ?? names.get(repeating(tag));
    if (known) return known;
    return parseInt(tag.slice(0, 4), 16) % 2 === 1 ? (/^....00[1-F]/.test(tag) ? t("Private creator") : t("Private")) : "";
}

/* Curves and overlays repeat over groups 50xx and 60xx */
const repeating = (tag: string) => (/^(50|60)/.test(tag) ? `${tag.slice(0, 2)}xx${tag.slice(4)}` : tag);

export function valueText(el: Element): string {
    if (el.BulkDataURI !== undefined) return t("binary, kept apart");
    if (el.InlineBinary !== undefined) return t("binary, {count} bytes", { count: Math.floor((String(el.InlineBinary).replace(/=+$/, "").length * 3) / 4) });
    const list = Array.isArray(el.Value) ? el.Value : [];
    let out = "";
    for (const v of list) {
        if (out !== "") out += " \\ ";
        if (isPersonName(v)) out += [v.Alphabetic, v.Ideographic, v.Phonetic].filter(Boolean).join(" = ");
        else if (v !== null && v !== undefined) out += String(v);
        if (out.length > valueMax) return `${out.slice(0, valueMax)}… (${t("{count} values", { count: list.length })})`;
    }
    return out;
}

export function tagRows(ds: Dataset, names: Names, depth = 0, prefix = "", out: TagRow[] = []): TagRow[] {
    for (const tag of Object.keys(ds).sort()) {
        const el = ds[tag];
        if (!el || out.length >= rowsMax) continue;
        const path = `${prefix}${tag}`;
        const isSequence = el.vr === "SQ";
        const items = isSequence && Array.isArray(el.Value) ? el.Value : [];
        out.push({
            path,
            depth,
            tag: `(${tag.slice(0, 4)},${tag.slice(4)})`,
            vr: el.vr ?? "",
            name: name(tag, names),
            value: isSequence ? items.length === 1 ? t("1 item") : t("{count} items", { count: items.length }) : valueText(el),
            isItem: false,
        });
        items.forEach((item, i) => {
            const at = `${path}/${i + 1}/`;
            out.push({ path: at, depth: depth + 1, tag: "", vr: "", name: t("Item {number}", { number: i + 1 }), value: "", isItem: true });
            if (typeof item === "object" && item !== null) tagRows(item as Dataset, names, depth + 1, at, out);
        });
    }
    return out;
}

/** The rows that match, each with the items it lies in. */
export function matchingRows(rows: readonly TagRow[], typed: string): TagRow[] {
    const wanted = typed.trim().toLowerCase();
    if (wanted === "") return [...rows];
    const keep = new Set<string>();
    const plain = wanted.replace(/[(),\s]/g, "");
    for (const r of rows) {
        const hit = `${r.name}\n${r.value}\n${r.tag}`.toLowerCase().includes(wanted) || (plain !== "" && r.tag.replace(/[(),]/g, "").toLowerCase().startsWith(plain));
        if (!hit) continue;
        keep.add(r.path);
        for (let cut = r.path.indexOf("/"); cut >= 0; cut = r.path.indexOf("/", cut + 1)) {
            keep.add(r.path.slice(0, cut));
            keep.add(r.path.slice(0, cut + 1));
        }
    }
    return rows.filter((r) => keep.has(r.path));
}
