/* Where both viewers are served from: one Isocenter, and before it one nginx that has OHIF's files, so that both are on the
 * same origin as the same DICOMweb service and pay the same way for every byte. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ohif } from "./ohif";

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, "../../..");

function freePort(): Promise<number> {
    return new Promise((done) => {
        const probe = createServer().listen(0, "127.0.0.1", () => {
            const { port } = probe.address() as { port: number };
            probe.close(() => done(port));
        });
    });
}

const nginxConf = (folder: string, port: number, dist: string, backend: string) => `
daemon off; pid ${folder}/pid; error_log ${folder}/error.log; worker_processes 1;
${process.geteuid?.() === 0 ? "user root;" : ""}
events { worker_connections 256; }
http {
    include /etc/nginx/mime.types; types { application/wasm wasm; }
    log_format told '$msec $status $bytes_sent $request_uri'; access_log ${folder}/access.log told; sendfile on; tcp_nopush on; gzip_static on; keepalive_requests 1000000; client_max_body_size 1g;
    ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((k) => `${k}_temp_path ${folder}/${k};`).join(" ")}
    upstream isocenter { server ${backend}; keepalive 16; }
    server {
        listen 127.0.0.1:${port};
        root ${dist};
        location / { try_files $uri /index.html; }
        location ~ "[.](bundle[.])?[0-9a-f]{16}[.]" { expires max; add_header Cache-Control "public, immutable"; }
        location ~ ^/(ui|dicom-web|wado)(/|$) {
            proxy_pass http://isocenter; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
            proxy_buffers 64 16k; proxy_max_temp_file_size 0;
        }
    }
}
`;

function ready(child: ChildProcess): Promise<string> {
    return new Promise((done, fail) => {
        child.once("exit", (code) => fail(new Error(`the server ended with ${code} before it was ready`)));
        createInterface({ input: child.stdout! }).on("line", (line) => {
            const at = /^ready .*\bhttp=(\S+)/.exec(line)?.[1];
            if (at) done(at);
        });
    });
}

const ended = (child: ChildProcess) => new Promise<void>((done) => (child.exitCode === null ? child.once("exit", () => done()) : done()));

export interface Site {
    url: string; /* both viewers, and the service */
    version: string;
    binary: string; /* the server's program */
    log: string; /* nginx's: a line for each answer */
    stop: () => Promise<void>;
}

export async function openSite(): Promise<Site> {
    const dist = process.env["BENCH_OURS"] ? here : await ohif();
    const folder = mkdtempSync(join(process.env["BENCH_DIR"] ?? tmpdir(), "isocenter-viewer-bench-"));
    const binary = process.env["ISOCENTER_BIN"] ?? join(root, "build/isocenter");
    const env = { ...process.env, ISOCENTER_UI: process.env["ISOCENTER_UI"] ?? join(root, "viewer/dist"), ISOCENTER_SETTLE_S: "2" };
    const log = openSync(join(folder, "server.log"), "w");
    const server = spawn(binary, ["serve", "--data", join(folder, "data"), "--http-port", "0", "--dicom-port", "0"], { env, stdio: ["ignore", "pipe", log] });
    const backend = await ready(server);
    const port = await freePort();
    writeFileSync(join(folder, "nginx.conf"), nginxConf(folder, port, dist, backend));
    const nginx = spawn("/usr/sbin/nginx", ["-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")], { stdio: "ignore" });
    const url = `http://127.0.0.1:${port}`;
    const stop = async () => {
        nginx.kill("SIGTERM");
        server.kill("SIGTERM");
        await Promise.all([ended(nginx), ended(server)]);
        rmSync(folder, { recursive: true, force: true });
    };
    for (let turn = 0; ; turn++) {
        if ((await fetch(`${url}/livez`).catch(() => undefined)) !== undefined) break;
        if (turn === 100) throw new Error("nginx does not answer");
        await new Promise((wake) => setTimeout(wake, 50));
    }
    const version = execFileSync(binary, ["--version"], { encoding: "utf8" }).trim();
    return { url, version, binary, log: join(folder, "access.log"), stop };
}
