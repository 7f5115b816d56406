/** The clipboard, which browsers give only to pages that came by HTTPS or from this machine. */

import { tell } from "./notice";
import { t } from "./text";

export async function copyText(text: string, done: string): Promise<void> {
    try {
        await navigator.clipboard.writeText(text);
        tell(done);
    } catch {
        tell(t("The browser does not let this page use the clipboard. It does over HTTPS."), true);
    }
}
