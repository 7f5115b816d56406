/** Rules as lines: what of the series or study, how, which value, how much it counts. */

import { inObject, listed, type Attribute, type Rule } from "../../dicom/hang";
import { Icon } from "../../ui/icon";
import { t } from "../../ui/text";

const names = (): Readonly<Record<Attribute, string>> => ({
    modality: t("Modality"),
    description: t("Description"),
    studyDescription: t("Study description"),
    bodyPart: t("Body part"),
    region: t("Region, by any text"),
    images: t("Images"),
    laterality: t("Side of the image"),
    view: t("View of the image"),
    institution: t("Institution"),
    plane: t("Plane"),
    scanner: t("Maker and model"),
});

const relations = ["equals", "contains", "lacks", "atLeast", "atMost"] as const;
type Relation = (typeof relations)[number];
const relationNames = (): Readonly<Record<Relation, string>> => ({ equals: t("is"), contains: t("contains"), lacks: t("does not contain"), atLeast: t("at least"), atMost: t("at most") });

const relationOf = (rule: Rule): Relation => relations.find((r) => rule[r] !== undefined) ?? "equals";
const valueOf = (rule: Rule): string => {
    const value = rule[relationOf(rule)];
    return typeof value === "object" ? value.join(", ") : value === undefined ? "" : String(value);
};

function made(rule: Rule, relation: Relation, value: string): Rule {
    const { attribute, weight, required, orAbsent } = rule;
    const list = value.split(",").map((v) => v.trim()).filter(Boolean);
    const held = relation === "atLeast" || relation === "atMost" ? Number(value) || 0 : list;
    return { attribute, ...(weight !== undefined ? { weight } : {}), ...(required ? { required } : {}), ...(orAbsent ? { orAbsent } : {}), [relation]: held };
}

function Line({ rule, change, remove }: { rule: Rule; change: (r: Rule) => void; remove: () => void }) {
    const isNamed = [...listed, ...inObject].some((a) => a === rule.attribute);
    return (
        <div class="hang-rule">
            <select aria-label={t("Attribute")} value={isNamed ? rule.attribute : "tag"} onChange={(e) => change({ ...rule, attribute: e.currentTarget.value === "tag" ? "00080008" : e.currentTarget.value })}>
                {Object.entries(names()).map(([id, name]) => <option key={id} value={id}>{name}</option>)}
                <option value="tag">{t("Tag")}</option>
            </select>
            {!isNamed && <input class="tag" aria-label={t("Tag")} value={rule.attribute} pattern="[0-9A-Fa-f]{8}" maxLength={8} onChange={(e) => change({ ...rule, attribute: e.currentTarget.value.toUpperCase() })} />}
            <select aria-label={t("Relation")} value={relationOf(rule)} onChange={(e) => change(made(rule, e.currentTarget.value as Relation, valueOf(rule)))}>
                {Object.entries(relationNames()).map(([id, name]) => <option key={id} value={id}>{name}</option>)}
            </select>
            <input class="value" aria-label={t("Value")} value={valueOf(rule)} onChange={(e) => change(made(rule, relationOf(rule), e.currentTarget.value))} />
            <input class="weight" type="number" min={0} max={99} aria-label={t("Weight")} title={t("Weight")} value={rule.weight ?? 1} onChange={(e) => change({ ...rule, weight: Number(e.currentTarget.value) || 0 })} />
            <label><input type="checkbox" checked={rule.required === true} onChange={(e) => change({ ...rule, required: e.currentTarget.checked })} /> {t("must be")}</label>
            <button type="button" class="button quiet icon-only" aria-label={t("Remove the rule")} onClick={remove}><Icon name="close" /></button>
        </div>
    );
}

export function Rules({ rules, change }: { rules: readonly Rule[]; change: (rules: readonly Rule[]) => void }) {
    return (
        <div class="hang-rules">
            {rules.map((rule, i) => (
                <Line key={i} rule={rule} change={(to) => change(rules.map((r, at) => (at === i ? to : r)))} remove={() => change(rules.filter((_, at) => at !== i))} />
            ))}
            <button type="button" class="button quiet" onClick={() => change([...rules, { attribute: "description", contains: [] }])}>
                <Icon name="add" /> {t("Add a rule")}
            </button>
        </div>
    );
}
