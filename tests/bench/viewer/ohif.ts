/* OHIF's published build, unpacked once beside this file. The browser tests use it as well. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createGzip } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));

interface Pinned {
    package: string;
    integrity: string;
}
const pinned = (JSON.parse(readFileSync(join(here, "package.json"), "utf8")) as { ohif: Pinned }).ohif;
export const ohifVersion = pinned.package;

/* The package's one folder that matters, without its source maps; its dependencies are inside of it already, so they are not
 * installed. Packed beforehand, as a site would serve it. */
export async function ohif(): Promise<string> {
    const folder = join(here, "ohif", pinned.package.replace(/\W+/g, "-"));
    if (existsSync(join(folder, "ready"))) return join(folder, "package/dist");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const name = execFileSync("npm", ["pack", "--silent", pinned.package], { cwd: folder, encoding: "utf8" }).trim().split("\n").pop()!;
    const archive = join(folder, name);
    const found = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
    if (found !== pinned.integrity) throw new Error(`${pinned.package} is not what it was: ${found}`);
    execFileSync("tar", ["xzf", archive, "-C", folder, "--exclude=*.map"]);
    rmSync(archive);
    const dist = join(folder, "package/dist");
    writeFileSync(join(dist, "app-config.js"), config);
    for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
        const path = join(entry.path, entry.name);
        if (!entry.isFile() || !/^\.(js|css|html|wasm|json|svg)$/.test(extname(path)) || statSync(path).size < 1024) continue;
        await pipeline(createReadStream(path), createGzip({ level: 6 }), createWriteStream(`${path}.gz`));
    }
    writeFileSync(join(folder, "ready"), "");
    return dist;
}

/* The defaults of the package's own app-config.js; the data source is ours. */
const config = `window.config = {
  routerBasename: null, extensions: [], modes: [], customizationService: {}, showStudyList: true,
  maxNumberOfWebWorkers: 3, showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: true, showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true, groupEnabledModesFirst: true,
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 25 },
  investigationalUseDialog: { option: "never" },
  defaultDataSourceName: "dicomweb",
  dataSources: [{ namespace: "@ohif/extension-default.dataSourcesModule.dicomweb", sourceName: "dicomweb", configuration: {
    friendlyName: "Isocenter", name: "Isocenter", wadoUriRoot: "/wado", qidoRoot: "/dicom-web", wadoRoot: "/dicom-web",
    qidoSupportsIncludeField: true, imageRendering: "wadors", thumbnailRendering: "wadors", enableStudyLazyLoad: true,
    supportsFuzzyMatching: true, supportsWildcard: true, singlepart: "bulkdata,video,pdf", omitQuotationForMultipartRequest: true,
    bulkDataURI: { enabled: true, relativeResolution: "studies" } } }],
};
`;
