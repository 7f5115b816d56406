/** What is fetched when segments are first wanted. */

export { SegmentLayer } from "./layer";
export { SegmentPanel } from "./panel";
export { deskOf, handOf } from "./model";
