/** Routes. The URL names what is on screen; `navigate` changes it, the Back button brings it back. */

import { computed, signal } from "@preact/signals";

export const base = "/ui/";

export type Route = { page: "list" } | { page: "study"; uid: string /* or several, apart by commas */ } | { page: "unknown" };

export const address = signal({ path: location.pathname, search: location.search });

export function parseRoute(path: string): Route {
    if (path === "/" || path === base || path === base.slice(0, -1)) return { page: "list" };
    const study = /^\/ui\/study\/([0-9.]{1,64}(?:,[0-9.]{1,64}){0,7})\/?$/.exec(path);
    return study ? { page: "study", uid: study[1]! } : { page: "unknown" };
}

export const route = computed(() => parseRoute(address.value.path));

export function navigate(to: string): void {
    history.pushState(null, "", to);
    read();
}

/** Renames what is on screen without a step in the history: filters, the image in view. The page that renames
 *  itself knows what it shows; telling it again would bring back what has been typed over since. */
export function rename(to: string): void {
    if (to !== location.pathname + location.search) history.replaceState(null, "", to);
}

function read(): void {
    address.value = { path: location.pathname, search: location.search };
}

addEventListener("popstate", read);
