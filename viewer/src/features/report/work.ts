/** All of this module that the first picture does not need, as one chunk. */

export { writerOf } from "./model";
export { ReportPanel } from "./panel";
