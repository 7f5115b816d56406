/* OHIF's published build, unchanged, on one origin with our DICOMweb service: its files from here, all else passed on. */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { extname, join, normalize } from "node:path";
import type { AddressInfo } from "node:net";
import { ohif } from "../../bench/viewer/ohif";
import type { Running } from "./process";

const types: Readonly<Record<string, string>> = { ".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".wasm": "application/wasm", ".json": "application/json", ".svg": "image/svg+xml" };

function passOn(backend: string, req: IncomingMessage, res: ServerResponse): void {
    const to = request(new URL(req.url!, backend), { method: req.method!, headers: req.headers }, (from) => {
        res.writeHead(from.statusCode!, from.headers);
        from.pipe(res);
    });
    to.on("error", () => res.destroy());
    res.on("close", () => to.destroy());
    req.pipe(to);
}

/** Throws where the package cannot be had. backend: the URL of a server of ours. */
export async function openOhif(backend: string): Promise<Running> {
    const dist = await ohif();
    const server = createServer((req, res) => {
        const { pathname } = new URL(req.url!, "http://localhost");
        if (/^\/(dicom-web|wado)(\/|$)/.test(pathname)) return passOn(backend, req, res);
        const wanted = join(dist, normalize(decodeURIComponent(pathname)));
        const file = existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(dist, "index.html");
        res.writeHead(200, { "Content-Type": types[extname(file)] ?? "application/octet-stream" });
        createReadStream(file).pipe(res);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const stop = () =>
        new Promise<void>((done) => {
            server.close(() => done());
            server.closeAllConnections();
        });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}
