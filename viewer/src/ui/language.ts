/** The reader's language: chosen in the settings and kept, else what the browser asks for. */

import { batch } from "@preact/signals";
import { keep, kept } from "./storage";
import { catalogue, language, type Catalogue } from "./text";

/** Each in its own words, as a reader who knows no other looks for it. */
export const languages: Readonly<Record<string, string>> = {
    en: "English",
    de: "Deutsch",
    fr: "Français",
    es: "Español",
    pt: "Português",
    zh: "简体中文",
    ja: "日本語",
    ar: "العربية",
};

const files = import.meta.glob<Catalogue>("../texts/*.json", { import: "default" });

/** The first language that we speak among those that are wanted: "pt-BR" is served by "pt". */
export function bestLanguage(wanted: readonly string[]): string {
    return wanted.map((w) => w.toLowerCase().split("-")[0]!).find((w) => w in languages) ?? "en";
}

async function speak(to: string): Promise<void> {
    const texts = to === "en" ? {} : await files[`../texts/${to}.json`]!();
    batch(() => {
        catalogue.value = texts;
        language.value = to;
    });
    document.documentElement.lang = to;
    document.documentElement.dir = to === "ar" ? "rtl" : "ltr";
}

/** Before the first page is drawn. A catalogue that cannot be had leaves English. */
export function startLanguage(): Promise<void> {
    const to = kept("language", (v) => (typeof v === "string" && v in languages ? v : bestLanguage(navigator.languages)));
    return to === "en" ? Promise.resolve() : speak(to).catch(() => undefined);
}

export async function chooseLanguage(to: string): Promise<void> {
    await speak(to);
    keep("language", to);
}
