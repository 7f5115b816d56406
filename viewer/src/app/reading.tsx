/** The reading page with its modules: one chunk, fetched behind the list. */

import { Reading as Page, type ReadingProps } from "../features/reading/view";
import { modules } from "./modules";

export const Reading = (props: Omit<ReadingProps, "modules">) => <Page {...props} modules={modules} />;
