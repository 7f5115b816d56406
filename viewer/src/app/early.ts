/** When the address is that of a study, what it needs is on its way before the page that shows it is. */

import { askAhead } from "../dicomweb/ahead";
import { route } from "./router";

const here = route.value;
if (here.page === "study") {
    askAhead(here.uid);
    const scripts = document.querySelector<HTMLMetaElement>("meta[name=imaging]")?.content ?? "";
    for (const script of scripts.split(" ").filter(Boolean)) {
        const link = document.createElement("link");
        link.rel = "modulepreload"; /* read and compiled, not run */
        link.crossOrigin = "anonymous";
        link.href = script;
        document.head.append(link);
    }
}
