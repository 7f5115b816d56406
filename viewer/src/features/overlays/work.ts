/** What the module does, fetched when it is first wanted. */

import "./overlays.css";

export { OverlaysLayer } from "./layer";
export { overlaysOf } from "./model";
export { OverlaysPanel } from "./panel";
