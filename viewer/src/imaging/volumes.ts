/** Volumes: planes and space. A chunk of its own, fetched when a reader first asks for one. */

import { warmUp } from "./index";

export { colorMaps } from "./colormaps";
export { PlaneView } from "./volume-plane";
export { SpaceView } from "./volume-space";
export { leaveVolume, releaseVolumes } from "./volume";
import { enterVolume as enter } from "./volume";

export const enterVolume: typeof enter = (frames, timeOf, gone) => {
    warmUp();
    return enter(frames, timeOf, gone);
};
