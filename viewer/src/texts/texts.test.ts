/** The catalogues hold every text of the source, and nothing else. What is missing is printed, one text a line. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bestLanguage, languages } from "../ui/language";
import { catalogue, t } from "../ui/text";

const source = new URL("../", import.meta.url).pathname;
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((f) => /\.tsx?$/.test(f) && !/\.test\.tsx?$/.test(f));

/* A call of `t`, not of something that ends in t; its text is a literal in double quotes. */
const call = /(?<![\w.$])t\(\s*(?:"((?:[^"\\]|\\.)*)")?/g;
const used = new Set<string>();
const unreadable: string[] = [];
for (const file of files)
    for (const [found, literal] of readFileSync(source + file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "").replace(/function t\(/, "").matchAll(call))
        if (literal === undefined) unreadable.push(`${file}: ${found}`);
        else used.add(JSON.parse(`"${literal}"`) as string);

const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort();

it("every text is a literal that can be read here", () => {
    expect(unreadable).toEqual([]);
    expect(used.size).toBeGreaterThan(150);
});

describe.each(Object.keys(languages).filter((l) => l !== "en"))("the catalogue %s", (code) => {
    const texts = JSON.parse(readFileSync(`${source}texts/${code}.json`, "utf8")) as Record<string, string>;
    it("misses nothing", () => expect([...used].filter((u) => !(u in texts)).sort().join("\n")).toBe(""));
    it("has nothing that is not said any more", () => expect(Object.keys(texts).filter((k) => !used.has(k)).sort().join("\n")).toBe(""));
    it("says something, with the same values in it", () => {
        const wrong = Object.entries(texts).filter(([english, said]) => said.trim() === "" || holes(english).join() !== holes(said).join());
        expect(wrong).toEqual([]);
    });
});

it("is put into the text with its values", () => {
    catalogue.value = { "{count} of {all}": "{all}: {count}" };
    expect(t("{count} of {all}", { count: 2, all: 9 })).toBe("9: 2");
    expect(t("not there {x}", { x: 1 })).toBe("not there 1");
    catalogue.value = {};
});

it("is in the first language that we speak", () => {
    expect(bestLanguage(["pt-BR", "de"])).toBe("pt");
    expect(bestLanguage(["xx", "ar-EG"])).toBe("ar");
    expect(bestLanguage(["xx"])).toBe("en");
});
