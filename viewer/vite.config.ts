import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

const here = (path: string) => new URL(path, import.meta.url).pathname;

/* Where `npm run dev` finds a DICOMweb server; the built application asks its own origin. */
const backend = "http://127.0.0.1:8042";

/* "00100010 Patient's Name" lines out of the table the server is generated from: data/data_dictionary.tsv. */
function tagNames(): Plugin {
    const id = "virtual:tag-names";
    return {
        name: "tag-names",
        resolveId: (source) => (source === id ? `\0${id}` : undefined),
        load(asked) {
            if (asked !== `\0${id}`) return undefined;
            const table = readFileSync(here("../data/data_dictionary.tsv"), "utf8").trim().split("\n").slice(1);
            const names = table.map((line) => line.split("\t")).map(([tag, , name]) => `${tag?.replace(",", "")} ${name}`);
            return `export default ${JSON.stringify(names.join("\n"))}`;
        },
    };
}

export default defineConfig({
    base: "/ui/",
    plugins: [tagNames()],
    resolve: {
        /* vtk.js imports it for XML formats we never read, and it needs Node's `events`. */
        alias: { xmlbuilder2: here("./src/imaging/no-xmlbuilder.ts") },
    },
    worker: { format: "es" },
    optimizeDeps: {
        exclude: ["@cornerstonejs/dicom-image-loader"], /* pre-bundling breaks its wasm URLs */
        include: ["dicom-parser"],
    },
    build: {
        target: "es2022",
        assetsInlineLimit: 0, /* no data: URLs, so that the content security policy stays short */
        modulePreload: { polyfill: false },
        chunkSizeWarningLimit: 4000,
    },
    server: {
        host: "127.0.0.1",
        proxy: { "/dicom-web": { target: backend } },
    },
});
