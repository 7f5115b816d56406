/** What is fetched when a slide is first opened. */

export { AnnotationsView } from "./annotations";
export { SlideLayer } from "./layer";
export { hasLine, openSlide, removeLine } from "./model";
