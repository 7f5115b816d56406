/** What a module adds to the reading page: actions with their keys, menus, panels at the side, layers over each pane. The
 *  page draws them; a module sees the page through `Reading` and `Pane` alone, and no other module. */

import type { ComponentType } from "preact";
import type { Dataset } from "../../dicomweb/json";
import type { OwnView } from "../../imaging/view";
import type { IconName } from "../../ui/icon";
import type { Reading } from "./model";
import type { Pane } from "./pane";
import type { Content } from "./series";

export interface Action {
    id: string; /* `module.what`: stable, hotkeys are kept by it */
    label: () => string; /* through `t` */
    icon?: IconName;
    keys?: readonly string[]; /* KeyboardEvent.key, letters in lower case; `Ctrl+` in front where Ctrl is held */
    isOn?: (r: Reading) => boolean; /* drawn pressed; asked while drawing, so it may read signals */
    isOff?: (r: Reading) => boolean; /* drawn disabled */
    run: (r: Reading) => void;
}

/** A button that opens a list of actions. */
export interface Menu {
    id: string;
    label: () => string;
    icon: IconName;
    actions: readonly Action[] | ((r: Reading) => readonly Action[]);
}

/** Something else than a button in the toolbar: a choice, a number. It may draw nothing. */
export interface Control {
    id: string;
    View: ComponentType<{ reading: Reading }>;
}

/** A panel at the right side of the page; its button stands in the toolbar. */
export interface Panel {
    id: string;
    label: () => string;
    icon: IconName;
    View: ComponentType<{ reading: Reading }>;
}

/** What is drawn over a pane, between the picture and the corner texts. It takes no pointer unless its style says so. */
export interface Layer {
    id: string;
    View: ComponentType<{ reading: Reading; pane: Pane; index: number }>;
}

/** Another way to show what is in a pane than as a stack of images: a plane through the volume, a picture in space. */
export interface ViewKind {
    id: string; /* what `pane.mode` names */
    /** Whether a series is opened this way by itself: its images are parts of something else than a stack. */
    takes?: (content: Content) => boolean;
    /** Draws into `element`, and tells of itself through `pane.shown`. Throws `Refused` for what it cannot show. Called once
     *  the pane's content is there; when `gone` is aborted before it has answered, it closes what it has opened. */
    open: (r: Reading, pane: Pane, element: HTMLDivElement, gone: AbortSignal) => Promise<OwnView>;
}

/** Shows an object that is no image: a report, a dose, a document. Of those that take it the first is asked. */
export interface Handler {
    id: string;
    takes: (ds: Dataset) => boolean;
    View: ComponentType<{ reading: Reading; dataset: Dataset }>;
}

export interface Module {
    id: string;
    actions?: readonly Action[]; /* buttons of their own in the toolbar if they have an icon, else keys alone */
    menus?: readonly Menu[];
    controls?: readonly Control[];
    panels?: readonly Panel[];
    layers?: readonly Layer[];
    views?: readonly ViewKind[];
    handlers?: readonly Handler[];
    /** Whether a press on the pane is this module's affair (a handle of its own lies there, its tool is chosen): the page
     *  then leaves it alone. Asked for the left button only. */
    claims?: (r: Reading, pane: Pane, e: PointerEvent) => boolean;
    /** Called once for each study that is opened; what it returns ends it. */
    start?: (r: Reading) => () => void;
}

export function actionsOf(module: Module, r: Reading): Action[] {
    const menus = (module.menus ?? []).flatMap((m) => (typeof m.actions === "function" ? m.actions(r) : m.actions));
    return [...(module.actions ?? []), ...menus];
}
