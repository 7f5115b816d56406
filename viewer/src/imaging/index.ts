/** Images: frames from the server to the screen. */

import { StackView, type StackEvents } from "./stack";

export { forget as release, type FrameValues } from "./cache";
export { frameCount, frameInfo, isImage, isVideo, type FrameInfo } from "./frame";
export type { StackEvents, StackState, StackView } from "./stack";
export { Refused, type Affine, type Face, type OwnView, type Shown, type View } from "./view";

export const openStack = (element: HTMLDivElement, events: StackEvents): StackView => new StackView(element, events);
