/** What one user of this browser has set up, kept in its local storage. What is found there is not trusted. */

const prefix = "isocenter.";

/** The kept value as `read` takes it; `read` gets undefined where nothing, or nothing readable, is kept. */
export function kept<T>(name: string, read: (value: unknown) => T): T {
    try {
        return read(JSON.parse(localStorage.getItem(prefix + name) ?? "null") ?? undefined);
    } catch {
        return read(undefined);
    }
}

/** Where storage is refused, what was set holds until the page is closed. */
export function keep(name: string, value: unknown): void {
    try {
        localStorage.setItem(prefix + name, JSON.stringify(value));
    } catch {
        /* as said */
    }
}
