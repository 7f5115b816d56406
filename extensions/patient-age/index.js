/* The patient's age at each study: in the corner of every pane, switched by a button or the key J, and in a panel for all
 * studies of the patient. */

const dayMs = 86_400_000;

const dayOf = (da) => (/^\d{8}$/.test(da) ? Date.UTC(+da.slice(0, 4), +da.slice(4, 6) - 1, +da.slice(6, 8)) : NaN);

/** 3 d, 7 wk, 14 mo, 63 y: as one says it of a patient of that age; empty when a date is missing. */
export function ageText(birth, study) {
    const days = (dayOf(study) - dayOf(birth)) / dayMs;
    if (!(days >= 0)) return "";
    if (days < 14) return `${days} d`;
    if (days < 91) return `${Math.floor(days / 7)} wk`;
    const [b, s] = [birth, study].map((da) => +da.slice(0, 4) * 12 + +da.slice(4, 6));
    const months = s - b - (study.slice(6) < birth.slice(6) ? 1 : 0);
    return months < 24 ? `${months} mo` : `${Math.floor(months / 12)} y`;
}

export default function ({ h, hooks, signals, dicom, getJson }) {
    const { text, dateText } = dicom;
    const isShown = signals.signal(true);

    function Layer({ pane }) {
        const ds = pane.dataset.value;
        const age = ageText(text(ds, "00100030"), text(ds, "00080020"));
        return isShown.value && age ? h("div", { class: "corner patient-age", style: { top: "10px", left: "50%", transform: "translateX(-50%)" } }, age) : null;
    }

    function Studies({ reading }) {
        const studies = hooks.useSignal([]);
        const ds = reading.active.value.dataset.value;
        const id = text(ds, "00100020");
        const birth = text(ds, "00100030");
        hooks.useEffect(() => {
            studies.value = [];
            if (id === "") return;
            const query = `PatientID=${encodeURIComponent(id)}&includefield=00081030&orderby=StudyDate&limit=100`;
            void getJson(`/dicom-web/studies?${query}`).then((list) => (studies.value = list));
        }, [id]);
        const row = (study) => {
            const date = text(study, "00080020");
            return h("tr", null, [h("td", null, dateText(date)), h("td", null, ageText(birth, date)), h("td", null, text(study, "00081030"))]);
        };
        return h("div", null, [h("h3", null, "Age at each study"), h("table", { class: "patient-ages" }, h("tbody", null, studies.value.map(row)))]);
    }

    return {
        id: "patient-age",
        layers: [{ id: "patient-age", View: Layer }],
        panels: [{ id: "patient-age", label: () => "Age at each study", icon: "document", View: Studies }],
        actions: [
            {
                id: "patient-age.show",
                label: () => "Patient's age on the images",
                keys: ["j"],
                isOn: () => isShown.value,
                run: () => (isShown.value = !isShown.value),
            },
        ],
    };
}
