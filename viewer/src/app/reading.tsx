/** The reading page with its modules: one chunk, fetched behind the list. */

import { Reading as Page, type ReadingProps } from "../features/reading/view";
import { loadExtensions } from "./extensions";
import { modules } from "./modules";

const extensions = loadExtensions();

export const Reading = (props: Omit<ReadingProps, "modules" | "extensions">) => <Page {...props} modules={modules} extensions={extensions} />;
