/** What a plan says, in the words of the trade. */

import type { ComponentChildren } from "preact";
import { isocentersOf, type Beam, type Plan } from "../../dicom/rtplan";
import type { Vec3 } from "../../dicom/vector";
import { dateText } from "../../dicomweb/json";
import { t } from "../../ui/text";
import { short } from "./words";

const degrees = (v: number | undefined) => (v === undefined ? "–" : `${short(v)}°`);

function gantryText({ gantry, turns }: Beam): string {
    const [from, to] = gantry;
    if (from === undefined) return "–";
    return to === undefined ? degrees(from) : `${degrees(from)} → ${degrees(to)} ${turns}`.trim();
}

/* PS3.3 §C.8.8.14: MV for photons, MeV for electrons; §C.8.8.25: MeV for each nucleon of ions */
function energyText(b: Beam, isIon: boolean): string {
    if (b.energy.length === 0) return "";
    const unit = isIon ? "MeV/u" : b.radiation === "PHOTON" ? "MV" : "MeV";
    return `${b.energy.map(short).join("–")} ${unit}`;
}

function Rows({ of }: { of: readonly (readonly [string, ComponentChildren])[] }) {
    return (
        <dl>
            {of.filter(([, v]) => v !== "").map(([label, v]) => (
                <>
                    <dt>{label}</dt>
                    <dd>{v}</dd>
                </>
            ))}
        </dl>
    );
}

function BeamRow({ b, isIon }: { b: Beam; isIon: boolean }) {
    return (
        <li>
            <strong>{[b.number, b.name].filter((v) => v !== undefined && v !== "").join(" ")}</strong>
            <span class="dim"> {[b.radiation, energyText(b, isIon), b.type, b.delivery === "TREATMENT" ? "" : b.delivery, b.machine].filter(Boolean).join(" · ")}</span>
            <Rows
                of={[
                    [t("Gantry"), gantryText(b)],
                    [t("Collimator"), degrees(b.collimator)],
                    [t("Couch"), degrees(b.couch)],
                    [b.metersetUnit, b.meterset === undefined ? "–" : short(b.meterset)],
                    [t("Dose"), b.doseGy === undefined ? "" : `${short(b.doseGy)} Gy`],
                    [t("Control points"), String(b.controlPoints)],
                ]}
            />
        </li>
    );
}

export function PlanSummary({ plan, goTo }: { plan: Plan; goTo: (at: Vec3) => void }) {
    const isocenters = isocentersOf(plan);
    return (
        <div class="overlays-plan" dir="auto">
            <p class="dim">{[plan.isIon ? t("Ion plan") : "", dateText(plan.date), plan.intent, plan.approval, plan.technique].filter(Boolean).join(" · ")}</p>
            {plan.prescriptions.length > 0 && (
                <ul>
                    {plan.prescriptions.map((p, i) => (
                        <li key={i}>
                            {p.name || p.type} <span class="dim">{p.name ? p.type : ""}</span>{" "}
                            {[p.targetGy !== undefined && t("{gy} Gy prescribed", { gy: short(p.targetGy) }), p.maxGy !== undefined && t("at most {gy} Gy", { gy: short(p.maxGy) })].filter(Boolean).join(", ")}
                        </li>
                    ))}
                </ul>
            )}
            {plan.groups.map((g, i) => (
                <p key={i}>{t("Fraction group {number}: {fractions} fractions, {beams} beams", { number: g.number ?? i + 1, fractions: g.fractions ?? "–", beams: g.beams })}</p>
            ))}
            <ul>{plan.beams.map((b, i) => <BeamRow key={i} b={b} isIon={plan.isIon} />)}</ul>
            {isocenters.map((c, i) => (
                <button key={i} type="button" class="button" onClick={() => goTo(c.at)}>{t("Isocentre")} {c.at.map((v) => v.toFixed(1)).join("  ")} mm</button>
            ))}
            {plan.setups.length > 0 && <p>{t("Set-up")}: {[...new Set(plan.setups.map((s) => [s.position, s.technique].filter(Boolean).join(" ")))].join(", ")}</p>}
            {plan.sources.map((s, i) => (
                <p key={i}>{t("Source")} {s.number ?? i + 1}: {[s.isotope, s.type, s.airKerma !== undefined && `${short(s.airKerma)} µGy/h (1 m)`].filter(Boolean).join(", ")}</p>
            ))}
            {plan.channels.length > 0 && (
                <ul>
                    {plan.channels.map((c, i) => (
                        <li key={i}>{t("Channel")} {c.number ?? i + 1} <span class="dim">{[c.setup, c.isotope, c.seconds !== undefined && `${short(c.seconds)} s`, t("{count} positions", { count: c.positions })].filter(Boolean).join(" · ")}</span></li>
                    ))}
                </ul>
            )}
        </div>
    );
}
