/* Dose reports as a table: X-Ray Radiation Dose SR objects (PS3.16 TID 10001 and 10011) in place of the server's page. */

const doseReport = "1.2.840.10008.5.1.4.1.1.88.67";

/* Codes of DCM: what a container is, what its values are. */
const ctEvent = "113819";
const projectionEvent = "113706";
const columns = {
    [ctEvent]: [
        ["125203", "Protocol"],
        ["123014", "Region"],
        ["113830", "CTDIvol"],
        ["113838", "DLP"],
    ],
    [projectionEvent]: [
        ["125203", "Protocol"],
        ["123014", "Region"],
        ["122130", "Dose area product"],
        ["113738", "Dose at the reference point"],
    ],
};
const totals = [
    ["113813", "Total DLP"],
    ["113722", "Total dose area product"],
    ["113725", "Total dose at the reference point"],
];

export default function ({ h, dicom }) {
    const { text, number, items } = dicom;
    const children = (ds) => items(ds, "0040A730");
    const codeOf = (ds) => text(items(ds, "0040A043")[0], "00080100");

    /* The items of the tree below `ds`, in their order; a report that is too deep is cut. */
    function* below(ds, depth = 0) {
        for (const child of depth < 32 ? children(ds) : []) {
            yield child;
            yield* below(child, depth + 1);
        }
    }

    function valueOf(item) {
        const measured = items(item, "0040A300")[0];
        if (measured) {
            const value = number(measured, "0040A30A");
            const unit = text(items(measured, "004008EA")[0], "00080100");
            return value === undefined ? "" : `${Number(value.toPrecision(5))} ${unit}`;
        }
        return text(items(item, "0040A168")[0], "00080104") || text(item, "0040A160");
    }

    const find = (within, code) => {
        for (const item of below(within)) if (codeOf(item) === code) return valueOf(item);
        return "";
    };

    function Report({ dataset }) {
        const all = [...below(dataset)];
        const kinds = [ctEvent, projectionEvent].map((kind) => [kind, all.filter((item) => codeOf(item) === kind)]);
        const sums = totals.map(([code, label]) => [label, find(dataset, code)]).filter(([, value]) => value !== "");
        const cell = (value) => h("td", null, value);
        return h("div", { class: "dose-report" }, [
            h("h3", null, text(dataset, "00081030") || "Dose report"),
            h("dl", null, sums.map(([label, value]) => h("div", null, [h("dt", null, label), h("dd", null, value)]))),
            ...kinds
                .filter(([, events]) => events.length > 0)
                .map(([kind, events]) =>
                    h("table", null, [
                        h("thead", null, h("tr", null, columns[kind].map(([, label]) => h("th", null, label)))),
                        h("tbody", null, events.map((event) => h("tr", null, columns[kind].map(([code]) => cell(find(event, code)))))),
                    ]),
                ),
        ]);
    }

    return {
        id: "dose-report",
        handlers: [{ id: "dose-report", takes: (ds) => text(ds, "00080016") === doseReport, View: Report }],
    };
}
