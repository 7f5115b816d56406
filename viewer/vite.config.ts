import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => new URL(path, import.meta.url).pathname;

/* Where `npm run dev` finds a DICOMweb server; the built application asks its own origin. */
const backend = "http://127.0.0.1:8042";

/* Tag, keyword, name, VR, VM out of the table the server is generated from. */
const dictionary = () => readFileSync(here("../data/data_dictionary.tsv"), "utf8").trim().split("\n").slice(1).map((line) => line.split("\t"));

/* "00100010 Patient's Name" lines. */
function tagNames(): Plugin {
    const id = "virtual:tag-names";
    return {
        name: "tag-names",
        resolveId: (source) => (source === id ? `\0${id}` : undefined),
        load(asked) {
            if (asked !== `\0${id}`) return undefined;
            const names = dictionary().map(([tag, , name]) => `${tag?.replace(",", "")} ${name}`);
            return `export default ${JSON.stringify(names.join("\n"))}`;
        },
    };
}

/* Tells the page what the reading page will need: its own chunk and its style, at once. */
function hints(): Plugin {
    return {
        name: "hints",
        transformIndexHtml: {
            order: "post",
            handler(_html, { bundle }) {
                const chunks = Object.values(bundle ?? {}).flatMap((c) => (c.type === "chunk" ? [c] : []));
                const reading = chunks.find((c) => c.moduleIds.some((id) => id.endsWith("/src/app/reading.tsx")));
                const entry = chunks.find((c) => c.isEntry);
                if (!reading || !entry) return [];
                const scripts = [reading.fileName, ...reading.imports].filter((name) => name !== entry.fileName);
                const styles = [...(reading.viteMetadata?.importedCss ?? [])];
                const link = (attrs: Record<string, string | boolean>) => ({ tag: "link", attrs, injectTo: "head" as const });
                return [
                    ...scripts.map((name) => link({ rel: "modulepreload", crossorigin: true, href: `/ui/${name}` })),
                    ...styles.map((name) => link({ rel: "preload", as: "style", crossorigin: true, href: `/ui/${name}` })),
                ];
            },
        },
    };
}

export default defineConfig({
    base: "/ui/",
    plugins: [tagNames(), hints()],
    worker: { format: "es" },
    build: {
        target: "es2022",
        assetsInlineLimit: 0, /* no data: URLs, so that the content security policy stays short */
        modulePreload: { polyfill: false },
    },
    server: {
        host: "127.0.0.1",
        proxy: { "/dicom-web": { target: backend } },
    },
});
