/** Volumes: planes and space. A chunk of its own, fetched when a reader first asks for one. */

export { colorMaps } from "./colormaps";
export { PlaneView } from "./volume-plane";
export { SpaceView } from "./volume-space";
export { surfaceNow } from "./surfaces";
export { stlOf } from "../dicom/surface";
export { enterVolume, leaveVolume, releaseVolumes } from "./volume";
