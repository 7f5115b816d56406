/** Extensions of the site: modules of the reading page that the server lists. Each is an ES module whose default export takes
 *  the interface below and returns a module; docs/viewer-extensions.md is its description. */

import { computed, effect, signal, useSignal } from "@preact/signals";
import { Fragment, h } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { getJson } from "../dicomweb/client";
import { dateText, items, number, numbers, text, texts } from "../dicomweb/json";
import type { Module } from "../features/reading/module";
import { t } from "../ui/text";

export const extensionApi = {
    version: 1,
    h,
    Fragment,
    hooks: { useEffect, useRef, useSignal },
    signals: { signal, computed, effect },
    dicom: { text, texts, number, numbers, items, dateText },
    /** GET of this server, as JSON; the path begins with /. */
    getJson,
    t,
} as const;

export type ExtensionApi = typeof extensionApi;

interface Listed {
    name: string;
    module: string;
}

interface Loaded {
    added: readonly Module[];
    notes: readonly string[];
}

async function load(listed: Listed): Promise<Module> {
    const found = (await import(/* @vite-ignore */ listed.module)) as { default?: (api: ExtensionApi) => Module };
    if (typeof found.default !== "function") throw new Error(t("it exports no function"));
    const module = found.default(extensionApi);
    if (typeof module !== "object" || typeof module.id !== "string") throw new Error(t("it returns no module"));
    return module;
}

/** One that fails is left out and named; it never holds the page up. */
export async function loadExtensions(): Promise<Loaded> {
    try {
        const { extensions } = (await getJson("/api/v1/viewer/extensions")) as { extensions: readonly Listed[] };
        const all = await Promise.allSettled(extensions.map(load));
        const notes = all.flatMap((one, i) => {
            if (one.status === "fulfilled") return [];
            const reason = one.reason instanceof Error ? one.reason.message : String(one.reason);
            return [t("The extension {name} was not loaded: {reason}", { name: extensions[i]!.name, reason })];
        });
        return { added: all.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])), notes };
    } catch (e) {
        return { added: [], notes: [t("The extensions cannot be listed: {reason}", { reason: e instanceof Error ? e.message : String(e) })] };
    }
}
