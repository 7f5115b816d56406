/** What is fetched behind the first picture. */

export { MeasureLayer } from "./layer";
export { MeasurePanel, saveCsv } from "./panel";
export { handOf, isTool } from "./hand";
export { deskOf, isKeyImage, remove, toggleKeyImage } from "./model";
