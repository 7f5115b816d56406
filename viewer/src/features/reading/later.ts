/** What a module does after the first picture: its own chunk, fetched when it is first wanted. */

import { signal, type Signal } from "@preact/signals";

export interface Later<T> {
    /** What was fetched; views that read it are drawn again when it is here. */
    readonly here: Signal<T | undefined>;
    /** Fetches it, once; a failed download is tried again by the next call. */
    fetch(): Promise<T | undefined>;
}

export function later<T>(load: () => Promise<T>): Later<T> {
    const here = signal<T | undefined>(undefined);
    let coming: Promise<T | undefined> | undefined;
    const fetch = () =>
        (coming ??= load().then(
            (it) => (here.value = it),
            () => (coming = undefined),
        ));
    return { here, fetch };
}
