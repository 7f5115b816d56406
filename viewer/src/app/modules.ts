/** The modules of the reading page, in the order of their buttons. */

import { carry } from "../features/carry/module";
import { document } from "../features/document/module";
import { hanging } from "../features/hang/module";
import { keep } from "../features/keep/module";
import { lesions } from "../features/lesions/module";
import { look } from "../features/look/module";
import { measure } from "../features/measure/module";
import { model3d } from "../features/model3d/module";
import { overlays } from "../features/overlays/module";
import type { Module } from "../features/reading/module";
import { report } from "../features/report/module";
import { segment } from "../features/segment/module";
import { slide } from "../features/slide/module";
import { volume } from "../features/volume/module";
import { waveform } from "../features/waveform/module";

export const modules: readonly Module[] = [look, volume, segment, measure, overlays, lesions, report, keep, hanging, carry, waveform, slide, model3d, document];
