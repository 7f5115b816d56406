/* Serves viewer/dist at /ui/ as the product does and passes /dicom-web/ on to another DICOMweb server, for work on
 * the viewer alone: node serve-dist.mjs 8090 http://127.0.0.1:8042 */
import { createServer, request } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../../viewer/dist/", import.meta.url));
const port = Number(process.argv[2] ?? 8090);
const backend = new URL(process.argv[3] ?? "http://127.0.0.1:8042");

const types = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
};

const policy = [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self' blob: data:",
    "style-src 'self'",
    "font-src 'self'",
    "frame-src 'self'",
    "media-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
].join("; ");

async function file(path, res) {
    const name = normalize(path.slice("/ui/".length) || "index.html");
    const wanted = name.startsWith("..") ? "index.html" : name;
    /* Routes hold UIDs, and so dots: all that is no file and no asset is a route of the application. */
    const stored = await readFile(join(dist, wanted)).catch(() => null);
    if (!stored && wanted.startsWith("assets/")) return res.writeHead(404).end("not found");
    const body = stored ?? (await readFile(join(dist, "index.html")));
    const kind = stored ? extname(wanted) : ".html";
    res.writeHead(200, {
        "Content-Type": types[kind] ?? "application/octet-stream",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": wanted.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    });
    res.end(body);
}

function pass(req, res) {
    const headers = { ...req.headers, host: backend.host };
    const up = request({ host: backend.hostname, port: backend.port, path: req.url, method: req.method, headers }, (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
    });
    up.on("error", () => (res.headersSent ? res.destroy() : res.writeHead(502).end("the DICOMweb server cannot be reached")));
    res.on("close", () => up.destroy());
    req.pipe(up);
}

createServer((req, res) => {
    const path = decodeURIComponent(new URL(req.url ?? "/", "http://x").pathname);
    if (path === "/") res.writeHead(302, { Location: "/ui/" }).end();
    else if (path.startsWith("/ui/")) void file(path, res);
    else pass(req, res);
}).listen(port, "127.0.0.1", () => console.log(`ready http=127.0.0.1:${port}`));
