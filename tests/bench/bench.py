#!/usr/bin/env python3
"""Speed of Isocenter beside Debian's Orthanc and DCMTK's dcmqrscp: same machine, same clients, same run, in turns.

Prints a markdown table of medians. Nothing here passes or fails by a time: a number is only a number, and an error is
an error. `--quick` takes under two minutes (fewer images, 1 k instances only), the whole under fifteen."""

import argparse
import http.client
import os
import platform
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))
sys.dont_write_bytecode = True

from lib import dimse, fixtures, objects, web  # noqa: E402
from lib.fixtures import NODELAY, tool  # noqa: E402

STOCK = {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"}  # DCMTK as it comes: Nagle on
STUDY_FIND = b"1.2.840.10008.5.1.4.1.2.2.1"


# ---- the three -----------------------------------------------------------------------------------

class Ours(fixtures.Isocenter):
    name, aet = "Isocenter", "ISOCENTER"


class TheirOrthanc(fixtures.Orthanc):
    name = "Orthanc"

    def __init__(self, folder):
        super().__init__(folder, options={"StorageCompression": False, "OverwriteInstances": False, "ConcurrentJobs": 2})

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class TheirDcmqrscp(fixtures.Dcmqrscp):
    name = "dcmqrscp"

    def __init__(self, folder):
        begin = time.monotonic()
        super().__init__(folder)
        self.start_seconds = time.monotonic() - begin

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def stop(server):
    server.stop()
    if isinstance(server, Ours):
        shutil.rmtree(server.data, ignore_errors=True)


def peak_mib(server):
    """VmHWM of the process (of dcmqrscp's parent only: its children come and go)."""
    with open(f"/proc/{server.process.pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1)) / 1024


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- images --------------------------------------------------------------------------------------

class Images:
    """Files from one template: UIDs and names are patched in place, all of one length."""

    def __init__(self, rows, columns):
        self.fields = {"SOPInstanceUID": "1.2.826.0.1.3680043.8.498.77.1.000000000000",
                       "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.77.2.000000000000",
                       "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.77.3.000000000000",
                       "PatientID": "BENCH0000000", "PatientName": "Bench^Name0000000", "InstanceNumber": "987654"}  # digits that no UID here has
        noise = os.urandom(4096)
        pixels = (noise * (rows * columns * 2 // len(noise) + 1))[:rows * columns * 2]
        self.template = objects.file_bytes(objects.make(Rows=rows, Columns=columns, PixelData=pixels, FrameOfReferenceUID="1.2.3",
                                                          **self.fields))

    def bytes_of(self, study, series, instance, date="20260102"):
        # UID components may not begin with a zero: each number starts with a one
        values = {"SOPInstanceUID": f"{self.fields['SOPInstanceUID'][:-12]}1{study:04}{series:02}{instance:05}",
                  "StudyInstanceUID": f"{self.fields['StudyInstanceUID'][:-12]}1{study:011}",
                  "SeriesInstanceUID": f"{self.fields['SeriesInstanceUID'][:-12]}1{study:06}{series:05}",
                  "PatientID": f"BENCH{study:07}", "PatientName": f"Bench^Name{study:07}", "InstanceNumber": f"{instance:06}"}
        data = self.template.replace(b"20260102", date.encode(), 1)
        for keyword, old in self.fields.items():
            data = data.replace(old.encode(), values[keyword].encode())
        return data

    def write(self, folder, study, series, instances, first=1, date="20260102"):
        os.makedirs(folder, exist_ok=True)
        for i in range(first, first + instances):
            with open(os.path.join(folder, f"{study:05}-{series:02}-{i:05}.dcm"), "wb") as f:
                f.write(self.bytes_of(study, series, i, date))

    def study_uid(self, study):
        return f"{self.fields['StudyInstanceUID'][:-12]}1{study:011}"

    def series_uid(self, study, series):
        return f"{self.fields['SeriesInstanceUID'][:-12]}1{study:06}{series:05}"

    def instance_uid(self, study, series, instance):
        return f"{self.fields['SOPInstanceUID'][:-12]}1{study:04}{series:02}{instance:05}"


# ---- clients -------------------------------------------------------------------------------------

def storescu(server, folders, env):
    """One storescu process a folder, all at once: (seconds, files that were refused)."""
    begin = time.monotonic()
    clients = [subprocess.Popen([tool("storescu"), "-R", "-nh", "+sd", "-aec", server.aet, "127.0.0.1", str(server.port), f], env=env,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for f in folders]
    texts = [c.communicate(timeout=900)[0].decode(errors="replace") for c in clients]
    seconds = time.monotonic() - begin
    return seconds, sum(len(re.findall(r"Store Failed|Store SCU Failed|Refused|Received Failure", t)) for t in texts)


class Connection:
    """A kept HTTP connection that reads answers into one buffer and throws them away."""

    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self.http.connect()
        self.http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(1 << 20)

    def get(self, path, accept):
        """(seconds, body bytes)"""
        begin = time.monotonic()
        self.http.request("GET", path, headers={"Accept": accept, "Accept-Encoding": "identity"})
        r = self.http.getresponse()
        total = 0
        while n := r.readinto(self.buffer):
            total += n
        seconds = time.monotonic() - begin
        if r.status not in (200, 204):
            raise AssertionError(f"GET {path}: {r.status}")
        return seconds, total

    def post(self, path, body):
        begin = time.monotonic()
        self.http.request("POST", path, body=body, headers={
            "Content-Type": 'multipart/related; type="application/dicom"; boundary="isocenter-test-boundary"',
            "Accept": web.DICOM_JSON, "Content-Length": str(len(body))})
        r = self.http.getresponse()
        r.read()
        if r.status != 200:
            raise AssertionError(f"STOW: {r.status}")
        return time.monotonic() - begin


class Finder:
    """C-FIND with bytes made beforehand on one association: the client costs next to nothing."""

    def __init__(self, server):
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=300)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(dimse.associate_rq(called=server.aet.encode(), calling=b"BENCH",
                                             contexts=((1, STUDY_FIND, (b"1.2.840.10008.1.2",)),), max_pdu=131072))
        kind, _ = dimse.recv_pdu(self.sock)
        if kind != 2:
            raise AssertionError("association refused")

    def query(self, **wanted):
        from pynetdicom.dsutils import encode
        keys = {"StudyInstanceUID": "", "PatientName": "", "PatientID": "", "StudyDate": "", **wanted}
        identifier = encode(dimse.keys("STUDY", **keys), True, True)
        head = dimse.command({0x0002: STUDY_FIND, 0x0100: 0x0020, 0x0110: 1, 0x0700: 0, 0x0800: 1})
        return dimse.pdata(1, 3, head) + dimse.pdata(1, 2, identifier)

    def run(self, request):
        """(seconds, answers)"""
        begin, answers = time.monotonic(), 0
        self.sock.sendall(request)
        while True:
            kind, body = dimse.recv_pdu(self.sock)
            if kind != 4:
                raise AssertionError(f"PDU {kind} in answer to C-FIND")
            at = 0
            while at < len(body):
                length, flags = struct.unpack_from(">I", body, at)[0], body[at + 5]
                if flags & 1:
                    status = dimse.status_of(body[at:at + 4 + length])
                    if status == 0:
                        return time.monotonic() - begin, answers
                    if status not in (0xFF00, 0xFF01):
                        raise AssertionError(f"C-FIND: 0x{status:04X}")
                    answers += 1
                at += 4 + length

    def close(self):
        self.sock.sendall(dimse.ABORT_RQ)
        self.sock.close()


# ---- measurements --------------------------------------------------------------------------------

class Results:
    """Samples by (row, system); a row says its unit and whether more is better."""

    def __init__(self):
        self.rows, self.samples, self.notes = {}, {}, []

    def add(self, row, unit, system, value, more_is_better):
        self.rows.setdefault(row, (unit, more_is_better))
        self.samples.setdefault((row, system), []).append(value)
        print(f"  {row}: {system} {value:.4g} {unit}", flush=True)

    def cell(self, row, system):
        values = self.samples.get((row, system))
        return statistics.median(values) if values else None

    def table(self, systems):
        out = [f"| | unit | {' | '.join(systems)} | {' | '.join('x ' + s for s in systems[1:])} |",
               "|---|---|" + "---:|" * (2 * len(systems) - 1)]
        for row, (unit, more) in self.rows.items():
            values = [self.cell(row, s) for s in systems]
            ratios = [(values[0] / v if more else v / values[0]) if v and values[0] else None for v in values[1:]]
            shown = ["—" if v is None else f"{v:,.0f}" if v >= 100 else f"{v:.3g}" for v in values]
            out.append(f"| {row} | {unit} | {' | '.join(shown)} | " + " | ".join("—" if r is None else f"{r:.1f}" for r in ratios) + " |")
        return "\n".join(out)


def measure_start(kinds, folder, results, repeats):
    for _ in range(repeats):
        for kind in kinds:
            s = kind(folder)
            results.add("ready after start", "ms", kind.name, s.start_seconds * 1000, False)
            time.sleep(0.3)
            results.add("resident, idle", "MiB", kind.name, s.process.rss_kib() / 1024, False)
            stop(s)


def measure_ingest(kinds, folder, results, images, count, repeats):
    """C-STORE over 1, 4 and 16 associations, DCMTK's client with TCP_NODELAY; and as it comes, over one."""
    size = len(images.template)
    for lanes in (1, 4, 16):
        folders = []
        for lane in range(lanes):
            folders.append(os.path.join(folder, f"ct-{lanes}-{lane}"))
            images.write(folders[-1], study=lanes, series=lane + 1, instances=count // lanes)
        sent = count // lanes * lanes
        for turn in range(repeats):
            for kind in kinds[turn % len(kinds):] + kinds[:turn % len(kinds)]:
                s = kind(folder)
                cpu = cpu_seconds(s)
                seconds, failed = storescu(s, folders, NODELAY)
                results.add(f"C-STORE, {lanes} association{'s' * (lanes > 1)}", "images/s", kind.name, (sent - failed) / seconds, True)
                if failed:
                    results.notes.append(f"{kind.name}: {failed} of {sent} stores failed on {lanes} associations")
                if lanes == 1 and kind is not TheirDcmqrscp:
                    results.add("CPU of the server, C-STORE", "s/GB", kind.name, (cpu_seconds(s) - cpu) / (sent * size / 1e9), False)
                if lanes == 4 and kind is not TheirDcmqrscp:
                    results.add("resident, peak while storing (4)", "MiB", kind.name, peak_mib(s), False)
                stop(s)
        if lanes == 1:
            few = os.path.join(folder, "ct-stock")
            images.write(few, study=77, series=1, instances=30)
            for _ in range(repeats):
                for kind in kinds:
                    s = kind(folder)
                    seconds, _ = storescu(s, [few], STOCK)
                    results.add("C-STORE, storescu with Nagle on", "images/s", kind.name, 30 / seconds, True)
                    stop(s)
        for f in folders:
            shutil.rmtree(f)


def measure_stow(kinds, folder, results, images, count, repeats):
    bodies = [web.stow_body([images.bytes_of(200, 1, i) for i in range(first, first + 10)]) for first in range(1, count, 10)]
    for turn in range(repeats):
        for kind in kinds[turn % 2:] + kinds[:turn % 2]:
            s = kind(folder)
            c = Connection(int(s.web.split(":")[2].split("/")[0]))
            seconds = sum(c.post("/dicom-web/studies", b) for b in bodies)
            results.add("STOW-RS, 10 images a request", "images/s", kind.name, len(bodies) * 10 / seconds, True)
            stop(s)


def measure_wado(kinds, folder, results, images, count, repeats):
    source = os.path.join(folder, "wado")
    images.write(source, study=300, series=1, instances=count)
    servers = [kind(folder) for kind in kinds]
    for s in servers:
        storescu(s, [source], NODELAY)
    time.sleep(1)
    base = f"/dicom-web/studies/{images.study_uid(300)}/series/{images.series_uid(300, 1)}"
    dicom = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    octets = "multipart/related; type=application/octet-stream; transfer-syntax=*"
    links = [Connection(int(s.web.split(":")[2].split("/")[0])) for s in servers]
    for _ in range(repeats):
        for s, c in zip(servers, links):
            seconds, size = c.get(base, dicom)
            results.add(f"WADO-RS, series of {count}", "MB/s", s.name, size / 1e6 / seconds, True)
        for s, c in zip(servers, links):
            seconds, _ = c.get(base + "/metadata", web.DICOM_JSON)
            results.add(f"metadata of {count}", "ms", s.name, seconds * 1000, False)
        for s, c in zip(servers, links):
            times = [c.get(f"{base}/instances/{images.instance_uid(300, 1, i)}/frames/1", octets)[0] for i in range(1, min(count, 50))]
            results.add("one frame of 512 KiB", "ms", s.name, statistics.median(times) * 1000, False)
    for s in servers:
        stop(s)
    shutil.rmtree(source)


def fill(server, folder, images, first, studies, per_study):
    lanes = [os.path.join(folder, f"lane{n}") for n in range(4)]
    for study in range(first, first + studies):
        date = f"20{20 + study % 6:02}{1 + study % 12:02}{1 + study % 28:02}"
        images.write(lanes[study % 4], study, 1, per_study, date=date)
    env = NODELAY
    storescu(server, lanes, env)
    for lane in lanes:
        shutil.rmtree(lane, ignore_errors=True)


def measure_queries(kinds, folder, results, images, sizes, repeats):
    servers, held, per_study = [kind(folder) for kind in kinds], 0, 20
    for size in sizes:
        for s in list(servers):
            if s.name == "dcmqrscp" and size > 1000:  # its flat index takes minutes to fill and seconds to ask
                stop(s)
                servers.remove(s)
                continue
            fill(s, folder, images, held // per_study + 1, (size - held) // per_study, per_study)
        held = size
        label = f"{size // 1000} k"
        questions = {"by patient ID": {"PatientID": f"BENCH{size // per_study // 2:07}"}, "by name*": {"PatientName": "BENCH^NAME00000*"},
                     "by date range": {"StudyDate": "20230301-20230320"}}
        for _ in range(repeats):
            for what, wanted in questions.items():
                for s in servers:
                    f = Finder(s)
                    request = f.query(**wanted)
                    times = [f.run(request)[0] for _ in range(30)]
                    f.close()
                    results.add(f"C-FIND studies {what}, {label}", "ms", s.name, statistics.median(times) * 1000, False)
            for what, parameters in (("by patient ID", f"PatientID={questions['by patient ID']['PatientID']}"),
                                     ("first page, 101 rows", "limit=101&offset=0&fuzzymatching=false")):
                for s in servers:
                    if s.name == "dcmqrscp":
                        continue
                    c = Connection(int(s.web.split(":")[2].split("/")[0]))
                    times = [c.get(f"/dicom-web/studies?{parameters}", web.DICOM_JSON)[0] for _ in range(10)]
                    results.add(f"QIDO studies {what}, {label}", "ms", s.name, statistics.median(times) * 1000, False)
    for s in servers:
        stop(s)


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    with open("/proc/meminfo") as f:
        memory = int(re.search(r"MemTotal:\s+(\d+)", f.read()).group(1)) / 1024 / 1024
    versions = []
    for package in ("orthanc", "orthanc-dicomweb", "dcmtk"):
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}", package], stdout=subprocess.PIPE, text=True, check=False)
        versions.append(done.stdout.strip())
    return (f"{os.cpu_count()} x {model.group(1).strip() if model else platform.machine()}, {memory:.0f} GiB, Linux {'.'.join(platform.release().split('.')[:2])}, "
            f"{', '.join(v for v in versions if v)}; load before: {os.getloadavg()[0]:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under two minutes")
    parser.add_argument("--only", help="comma-separated: start ingest stow wado query")
    args = parser.parse_args()
    only = set((args.only or "start,ingest,stow,wado,query").split(","))
    count, repeats, sizes = (96, 2, [1000]) if args.quick else (480, 3, [1000, 20000])
    folder, begin, where = tempfile.mkdtemp(prefix="isocenter-bench-", dir=os.environ.get("BENCH_DIR")), time.monotonic(), machine()
    results, ct, small = Results(), Images(512, 512), Images(16, 16)
    three, two = [Ours, TheirOrthanc, TheirDcmqrscp], [Ours, TheirOrthanc]
    try:
        if "start" in only:
            measure_start(three, folder, results, 5)
        if "ingest" in only:
            measure_ingest(three, folder, results, ct, count, repeats)
        if "stow" in only:
            measure_stow(two, folder, results, ct, count // 2, repeats)
        if "wado" in only:
            measure_wado(two, folder, results, ct, 60 if args.quick else 300, repeats)
        if "query" in only:
            measure_queries(three, folder, results, small, sizes, repeats)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{where}; images of {len(ct.template) / 1e6:.2f} MB; medians of {repeats} turns; {time.strftime('%Y-%m-%d')}; "
          f"{time.monotonic() - begin:.0f} s\n")
    print(results.table([k.name for k in three]))
    print("\nThe last two columns: how many times better Isocenter is (rates: ours / theirs, times and memory: theirs / ours).")
    for note in results.notes:
        print(f"- {note}")


if __name__ == "__main__":
    main()
