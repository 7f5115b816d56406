/** All of this module that the first picture does not need, as one chunk. */

export { Laid } from "./layer";
export { keeperOf } from "./model";
export { KeepPanel } from "./panel";
