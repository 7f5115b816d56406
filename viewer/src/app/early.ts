/** When the address is that of a study, what it needs is on its way before the page that shows it is. */

import { inReadingOrder } from "../dicom/reading-order";
import { askAhead, askMetadataAhead } from "../dicomweb/ahead";
import { number, text, Tag } from "../dicomweb/json";
import { route } from "./router";

const here = route.value;
if (here.page === "study") {
    const [study, ...beside] = here.uid.split(",");
    const named = new URLSearchParams(location.search).get("series") ?? "";
    beside.forEach((uid) => void askAhead(uid));
    const series = askAhead(study!);
    if (named) askMetadataAhead(study!, named);
    else
        series.then(
            (rows) => {
                const list = rows.map((ds) => ({ uid: text(ds, Tag.seriesUid), modality: text(ds, Tag.modality), number: number(ds, Tag.seriesNumber) }));
                askMetadataAhead(study!, inReadingOrder(list)[0]?.uid ?? "");
            },
            () => undefined,
        );
}
