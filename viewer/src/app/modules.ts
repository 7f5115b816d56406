/** The modules of the reading page, in the order of their buttons. */

import { carry } from "../features/carry/module";
import { hanging } from "../features/hang/module";
import { keep } from "../features/keep/module";
import { lesions } from "../features/lesions/module";
import { look } from "../features/look/module";
import { measure } from "../features/measure/module";
import { segment } from "../features/segment/module";
import type { Module } from "../features/reading/module";
import { report } from "../features/report/module";
import { volume } from "../features/volume/module";

export const modules: readonly Module[] = [look, volume, segment, measure, lesions, report, keep, hanging, carry];
