import { readdirSync, readFileSync } from "node:fs";
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

/* Cornerstone's shared packages take a logger, a few constants and a dictionary out of dcmjs, and with them a megabyte of script
 * that no picture needs. They get those of `imaging/no-dcmjs.ts`, with the keywords that they name ("0010,0020 PatientID LO 1");
 * whoever else imports dcmjs gets dcmjs. */
function withoutDcmjs(): Plugin {
    const id = "virtual:named-keywords";
    return {
        name: "without-dcmjs",
        enforce: "pre",
        resolveId(source, importer) {
            if (source === id) return `\0${id}`;
            return source === "dcmjs" && /@cornerstonejs\/(metadata|utils)\//.test(importer ?? "") ? here("./src/imaging/no-dcmjs.ts") : undefined;
        },
        load(asked) {
            if (asked !== `\0${id}`) return undefined;
            const package_ = here("./node_modules/@cornerstonejs/metadata/dist/esm/");
            const sources = readdirSync(package_, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"));
            const words = new Set(sources.flatMap((name) => readFileSync(package_ + name, "utf8").match(/\b[A-Z][A-Za-z0-9]+\b/g) ?? []));
            const rows = dictionary().filter(([, keyword]) => words.has(keyword!));
            return `export default ${JSON.stringify(rows.map(([tag, keyword, , vr, vm]) => `${tag} ${keyword} ${vr} ${vm}`).join("\n"))}`;
        },
    };
}

/* Tells the page what the reading page will need: its own chunk at once, and where the imaging library is (app/early.ts). */
function hints(): Plugin {
    return {
        name: "hints",
        transformIndexHtml: {
            order: "post",
            handler(_html, { bundle }) {
                const chunks = Object.values(bundle ?? {}).flatMap((c) => (c.type === "chunk" ? [c] : []));
                const of = (module: string) => chunks.find((c) => c.facadeModuleId?.endsWith(module));
                const [reading, imaging] = [of("/src/app/reading.tsx"), of("/src/imaging/index.ts")];
                const entry = chunks.find((c) => c.isEntry);
                if (!reading || !imaging) return [];
                const scripts = [reading.fileName, ...reading.imports].filter((name) => name !== entry?.fileName && name !== imaging.fileName);
                return [
                    ...scripts.map((name) => ({ tag: "link", attrs: { rel: "modulepreload", crossorigin: true, href: `/ui/${name}` }, injectTo: "head" as const })),
                    { tag: "meta", attrs: { name: "imaging", content: [imaging.fileName, ...imaging.imports].filter((name) => name !== entry?.fileName && !scripts.includes(name)).map((name) => `/ui/${name}`).join(" ") }, injectTo: "head" as const },
                ];
            },
        },
    };
}

export default defineConfig({
    base: "/ui/",
    plugins: [tagNames(), withoutDcmjs(), hints()],
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
