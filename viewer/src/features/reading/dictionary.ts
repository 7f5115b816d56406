/** Names of the standard's attributes, cut from the project's own data dictionary at build time. */

import type { Names } from "./tag-rows";

export async function tagNames(): Promise<Names> {
    const { default: table } = await import("virtual:tag-names");
    return new Map(table.split("\n").map((line) => [line.slice(0, 8), line.slice(9)] as const));
}
