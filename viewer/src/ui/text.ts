/** Texts on screen: English in the code, other languages from catalogues (`src/texts/LANGUAGE.json`, English text to text). */

import { signal } from "@preact/signals";

export type Catalogue = Readonly<Record<string, string>>;

/** What is read: empty for English. Whoever calls `t` in a view is drawn again when it changes. */
export const catalogue = signal<Catalogue>({});
/** The language of the catalogue, as BCP 47 writes it. */
export const language = signal("en");

/** The text in the reader's language, `{name}` replaced by the value of that name. The English text is the key, so it
 *  must be a literal: the test of the catalogues reads them out of the source. */
export function t(english: string, values?: Readonly<Record<string, string | number>>): string {
    const said = catalogue.value[english] ?? english;
    return values ? said.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : said;
}

/** A whole number with the separators of the reader's language. */
export const count = (n: number): string => n.toLocaleString(language.value);
