"""What the benchmarks share: the servers side by side, the images, the load client, the table."""

import array
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))
sys.dont_write_bytecode = True

from lib import fixtures, objects  # noqa: E402
from lib.fixtures import NODELAY, tool  # noqa: E402

LOAD = os.environ.get("ISOCENTER_LOAD") or os.path.join(os.path.dirname(fixtures.BINARY), "tests", "bench", "load")


# ---- servers -------------------------------------------------------------------------------------

class Ours(fixtures.Isocenter):
    name, aet = "Isocenter", "ISOCENTER"

    def stop(self):
        super().stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def restart(self):
        super().stop()
        self.start()


class Deferred(Ours):
    """The same with the flush deferred: what was acknowledged last may be lost by a power loss."""

    def __init__(self, folder, **config):
        super().__init__(folder, flush="deferred", **config)


class TheirOrthanc(fixtures.Orthanc):
    """Debian's build with Nagle off and what its book advises for speed."""

    name = "Orthanc"

    def __init__(self, folder, modalities=(), **_):
        super().__init__(folder, modalities=modalities, options={
            "StorageCompression": False, "OverwriteInstances": False, "ConcurrentJobs": 2, "KeepAlive": True, "SaveJobs": False,
            "TcpNoDelay": True, "HttpThreadsCount": 50, "StableAge": 60, "LimitFindResults": 0, "LimitFindInstances": 0,
            "StorageAccessOnFind": "Never"})

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class TheirDcmqrscp(fixtures.Dcmqrscp):
    name = "dcmqrscp"

    def __init__(self, folder, **_):
        begin = time.monotonic()
        super().__init__(folder)
        self.start_seconds = time.monotonic() - begin

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Nginx:
    """Static files by sendfile: what a file server can do at most."""

    name = "nginx"

    def __init__(self, folder):
        self.folder, self.http_port = tempfile.mkdtemp(prefix="nginx-", dir=folder), fixtures.free_port()
        self.root = os.path.join(self.folder, "root")
        os.mkdir(self.root)
        os.chmod(self.folder, 0o755)
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as f:
            f.write(f"daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log; worker_processes 2;\n"
                    f"{'user root;' if os.geteuid() == 0 else ''}\n"
                    "events { worker_connections 256; }\n"
                    "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;\n"
                    + "".join(f"{k}_temp_path {self.folder}/{k};\n" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                    + f"server {{ listen 127.0.0.1:{self.http_port}; root {self.root}; }} }}\n")
        self.process = fixtures.Process([tool("nginx"), "-c", path, "-e", f"{self.folder}/error.log"], folder, f"nginx-{self.http_port}")
        fixtures.wait_for(lambda: fixtures.port_open(self.http_port), what="nginx")

    def put(self, name, data):
        with open(os.path.join(self.root, name), "wb") as f:
            f.write(data)
        return "/" + name

    def stop(self):
        self.process.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def of_status(server, key):
    """A figure of the kernel about the server's process, in MiB. (dcmqrscp: its parent only.)"""
    with open(f"/proc/{server.process.pid}/status") as f:
        return int(re.search(key + r":\s+(\d+)", f.read()).group(1)) / 1024


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- images --------------------------------------------------------------------------------------

class Images:
    """A template file whose UIDs and patient ID end in twelve digits, which the load client counts up."""

    MARKER = [f"1.2.826.0.1.3680043.8.498.77.{k}.100000000000" for k in (1, 3, 2)] + ["BENCH100000000000"]

    def __init__(self, folder, rows, columns, frames=1, attributes=134):
        self.path = os.path.join(folder, f"template-{rows}x{columns}x{frames}.dcm")
        sop, series, study, patient = self.MARKER
        self.attributes = attributes
        # a body of soft tissue with the noise of a scanner: what codecs meet
        noise = os.urandom(rows * columns)
        slice_ = array.array("H", (1000 + (x * 2 + y) % 400 + noise[y * columns + x] % 24 if 64 < x * 512 // columns < 448 else noise[y * columns + x] % 8
                                   for y in range(rows) for x in range(columns)))
        more = {"NumberOfFrames": str(frames)} if frames > 1 else {}
        ds = objects.make(rows=1, columns=1, SOPInstanceUID=sop, SeriesInstanceUID=series, StudyInstanceUID=study,
                          PatientID=patient, PatientName=patient + "^BENCH", StudyDate="19771231", FrameOfReferenceUID="1.2.3", **more)
        ds.Rows, ds.Columns = rows, columns
        ds.PixelData = slice_.tobytes() * frames
        number = 0x1001  # as many attributes as a scanner sends
        ds.add_new(0x00090010, "LO", "ISOCENTER BENCH")
        while len(ds) < attributes:
            ds.add_new(0x00090000 + number, "DS" if number % 3 else "LO", f"{number}.{number % 97}")
            number += 1
        objects.save(ds, self.path)
        self.bytes = os.path.getsize(self.path)

    @staticmethod
    def uid(kind, number):
        return Images.MARKER[kind][:-12] + f"1{number:011}"

    @staticmethod
    def date(series):
        return f"20{series % 26:02}{series // 26 % 12 + 1:02}{series // 312 % 28 + 1:02}"

    def write(self, folder, series, instances, first):
        """Files, for clients that send files."""
        with open(self.path, "rb") as f:
            data = f.read()
        os.makedirs(folder, exist_ok=True)
        for i in range(first, first + instances):
            out = data
            for kind, number in ((0, i), (1, series), (2, series), (3, series)):
                out = out.replace(self.MARKER[kind].encode(), self.uid(kind, number).encode())
            with open(os.path.join(folder, f"{i:09}.dcm"), "wb") as f:
                f.write(out)


# ---- the load client -----------------------------------------------------------------------------

def load(*args, timeout=3600):
    done = subprocess.run([LOAD, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
    if done.returncode != 0:
        raise AssertionError(f"load {args[0]}: {done.stderr.decode(errors='replace')[-300:]}")
    return json.loads(done.stdout)


def store(server, images, count, lanes=1, first=0, per_series=300):
    return load("store", server.port, server.aet, images.path, *images.MARKER, per_series, first, lanes, count)


def stow(server, images, requests, lanes=1, first=0, per_request=10):
    return load("stow", server.http_port, "-", images.path, *images.MARKER, 300, first, lanes, requests, per_request)


class Paths:
    """Lists of paths as files, for `load get`."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def get(self, server, paths, count, lanes=1, accept="*/*", encoding="identity"):
        self.count += 1
        name = os.path.join(self.folder, f"paths-{self.count}")
        with open(name, "w") as f:
            f.write("\n".join(paths) + "\n")
        return load("get", server.http_port, lanes, count, accept, encoding, name)


def storescu(server, folders, env=NODELAY):
    """DCMTK's own client, one process a folder: (seconds, files that were refused)."""
    begin = time.monotonic()
    clients = [subprocess.Popen([tool("storescu"), "-R", "-nh", "+sd", "-aec", server.aet, "127.0.0.1", str(server.port), f], env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for f in folders]
    texts = [c.communicate(timeout=900)[0].decode(errors="replace") for c in clients]
    return time.monotonic() - begin, sum(len(re.findall(r"Store Failed|Store SCU Failed|Refused|Received Failure", t)) for t in texts)


# ---- figures -------------------------------------------------------------------------------------

class Results:
    """Samples by (row, system). A row has a unit, whether more is better, and what is aimed at."""

    def __init__(self):
        self.rows, self.samples, self.notes = {}, {}, []

    def add(self, row, unit, system, value, more_is_better=False, goal=""):
        self.rows.setdefault(row, (unit, more_is_better, goal))
        self.samples.setdefault((row, system), []).append(value)
        print(f"  {row}: {system} {value:.4g} {unit}", flush=True)

    def cell(self, row, system):
        values = self.samples.get((row, system))
        return statistics.median(values) if values else None

    def table(self, systems):
        out = [f"| | unit | {' | '.join(systems)} | {' | '.join('x ' + s for s in systems[1:])} | aim |",
               "|---|---|" + "---:|" * (2 * len(systems) - 1) + "---|"]
        for row, (unit, more, goal) in self.rows.items():
            values = [self.cell(row, s) for s in systems]
            ratios = [(values[0] / v if more else v / values[0]) if v and values[0] else None for v in values[1:]]
            shown = ["—" if v is None else f"{v:,.0f}" if abs(v) >= 100 else f"{v:.3g}" for v in values]
            times = ["—" if r is None else f"{r:.1f}" if r >= 2 else f"{r:.2f}" for r in ratios]
            out.append(f"| {row} | {unit} | {' | '.join(shown)} | {' | '.join(times)} | {goal} |")
        return "\n".join(out)


def machine(packages):
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s+(\d+)", f.read()).group(1)) / 1024 / 1024
    versions = []
    for package in packages:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}", package], stdout=subprocess.PIPE, text=True, check=False)
        versions.append(done.stdout.strip())
    return (f"{os.cpu_count()} x {model.group(1).strip() if model else platform.machine()}, {memory:.0f} GiB, Linux {'.'.join(platform.release().split('.')[:2])}, "
            f"{', '.join(v for v in versions if v)}; load before: {os.getloadavg()[0]:.1f}")
