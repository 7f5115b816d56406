#!/usr/bin/env python3
"""Speed of Isocenter beside Debian's Orthanc, DCMTK's dcmqrscp and nginx's file server: same machine, same clients, same run,
in turns.

Prints a markdown table of medians with the ratio that is aimed at. Nothing here passes or fails by a time: a number is only a
number, and an error is an error."""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from peers import (LOAD, Deferred, Images, Nginx, Ours, Paths, Results, TheirDcmqrscp, TheirOrthanc, cpu_seconds, load, machine, of_status,
                   store, storescu, stow)

from lib import dimse, fixtures

DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = "multipart/related; type=application/octet-stream; transfer-syntax=*"
JSON = "application/dicom+json"
STOCK = {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"}  # DCMTK as it comes: Nagle on
PEERS_HOLD = 20000  # instances; Orthanc takes 400 a second, and longer for each question


def turns(kinds, repeats):
    """Who comes first changes from turn to turn."""
    for turn in range(repeats):
        for kind in kinds[turn % len(kinds):] + kinds[:turn % len(kinds)]:
            yield turn, kind


class Bench:
    def __init__(self, folder, quick, large):
        self.folder, self.quick, self.large, self.results = folder, quick, large, Results()
        self.repeats = 2 if quick else 3
        self.ct, self.small = Images(folder, 512, 512), Images(folder, 64, 64)  # 0.53 MB and 13 kB
        self.tiny = Images(folder, 8, 8, attributes=60)
        self.paths = Paths(folder)
        self.add = self.results.add

    # ---- starting, resting

    def start(self):
        for _, kind in turns([Ours, TheirOrthanc, TheirDcmqrscp], self.repeats):
            s = kind(self.folder)
            self.add("ready after start, empty", "ms", kind.name, s.start_seconds * 1000, goal="50 ms")
            time.sleep(0.5)
            self.add("resident, idle", "MiB", kind.name, of_status(s, "VmRSS"), goal="10")
            s.stop()

    # ---- in

    def ingest(self):
        count = 120 if self.quick else 600
        three = [Ours, TheirOrthanc, TheirDcmqrscp]
        for lanes, goal in ((1, "5x"), (4, "4.5x"), (16, "4.5x")):
            row = f"C-STORE, {lanes} association{'s' * (lanes > 1)}"
            for _, kind in turns(three, self.repeats):
                s = kind(self.folder)
                store(s, self.ct, 20, first=10 ** 6)  # warm
                cpu = cpu_seconds(s)
                r = store(s, self.ct, count, lanes)
                cpu = cpu_seconds(s) - cpu
                self.add(row, "images/s", kind.name, r["rate"], True, goal)
                self.add(row + ", p99", "ms", kind.name, r["p99_ms"], goal="25 ms" if lanes > 1 else "")
                if r["failed"]:
                    self.results.notes.append(f"{kind.name}: {r['failed']} of {count} stores failed on {lanes} associations")
                if lanes == 4 and kind is not TheirDcmqrscp:
                    self.add("CPU of the server, C-STORE (4)", "s/GB", kind.name, cpu / (count * self.ct.bytes / 1e9), goal="0.9 s")
                    self.add("resident, peak while storing (4)", "MiB", kind.name, of_status(s, "VmHWM"), goal="64 + caches")
                s.stop()
        for lanes in (1, 4):
            for _ in range(self.repeats):
                s = Deferred(self.folder)
                store(s, self.ct, 20, first=10 ** 6)
                r = store(s, self.ct, count, lanes)
                self.add(f"C-STORE, {lanes} association{'s' * (lanes > 1)}, flush deferred", "images/s", Ours.name, r["rate"], True, "10x")
                s.stop()
            value = self.results.cell(f"C-STORE, {lanes} association{'s' * (lanes > 1)}", TheirOrthanc.name)
            self.add(f"C-STORE, {lanes} association{'s' * (lanes > 1)}, flush deferred", "images/s", TheirOrthanc.name, value, True)
        few = os.path.join(self.folder, "stock")
        self.ct.write(few, 77, 60, 1)
        for env, row in ((dict(os.environ, TCP_NODELAY="1"), "C-STORE, DCMTK's storescu"), (STOCK, "the same with Nagle on, as it comes")):
            for _, kind in turns(three, 2):
                s = kind(self.folder)
                seconds, failed = storescu(s, [few], env)
                self.add(row, "images/s", kind.name, (60 - failed) / seconds, True)
                s.stop()
        shutil.rmtree(few)

    def small_objects(self):
        """13 kB over four associations: into an empty archive, and once it has grown."""
        steps = ((0, "empty"),) if self.quick else ((0, "empty"), (20000, "20 k held"), (100000, "100 k held"))
        if self.large:
            steps += ((1000000, "1 M held"),)
        count = 2000 if self.quick else 8000
        for kind in (Ours, TheirOrthanc):
            s, held = kind(self.folder), 0
            for size, label in steps:
                if kind is TheirOrthanc and size > PEERS_HOLD:
                    continue
                if size > held:
                    store(s, self.tiny, size - held, 4, first=10 ** 7 + held)
                    held = size
                r = store(s, self.small, count, 4, first=held)
                held += count
                self.add(f"C-STORE of 13 kB, 4 associations, {label}", "images/s", kind.name, r["rate"], True, "10x, flat to 1 M")
            if kind is Ours:
                time.sleep(15)  # series settle
                index = sum(os.path.getsize(os.path.join(s.data, n)) for n in os.listdir(s.data) if n.startswith("index.db"))
                self.add("index file for each instance, headers included", "bytes", kind.name, index / held, goal="800 without headers")
                s.restart()
                self.add(f"ready after start, {held // 1000} k instances", "ms", kind.name, s.start_seconds * 1000, goal="50 ms")
            s.stop()

    def stow(self):
        requests = 12 if self.quick else 60
        for lanes, goal in ((1, "6x"), (4, "5x")):
            for _, kind in turns([Ours, TheirOrthanc], self.repeats):
                s = kind(self.folder)
                stow(s, self.ct, 2, first=10 ** 6)
                r = stow(s, self.ct, requests, lanes)
                self.add(f"STOW-RS, 10 images a request, {lanes} connection{'s' * (lanes > 1)}", "images/s", kind.name, r["rate"] * 10, True, goal)
                s.stop()

    def big(self):
        frames = 60 if self.quick else 240  # of 2 MiB
        images = Images(self.folder, 1024, 1024, frames)
        megabytes = images.bytes / 1e6
        for kind in (Ours, TheirOrthanc):
            s = kind(self.folder)
            time.sleep(0.5)
            idle = of_status(s, "VmRSS")
            r = [store(s, images, 1, first=n, per_series=1) for n in range(3)]
            self.add(f"multi-frame of {megabytes:.0f} MB in", "MB/s", kind.name, statistics.median(x["mb_s"] for x in r), True, "720 MB/s")
            self.add("resident above idle, highest meanwhile", "MiB", kind.name, of_status(s, "VmHWM") - idle, goal="32 MiB")
            base = f"/dicom-web/studies/{Images.uid(2, 0)}/series/{Images.uid(1, 0)}/instances/{Images.uid(0, 0)}/frames/"
            n = 3 if kind is TheirOrthanc else 50
            r = self.paths.get(s, [base + str(1 + k * 7 % frames) for k in range(n)], n, accept=OCTETS)
            self.add("one frame of 2 MiB of it", "ms", kind.name, r["p50_ms"], goal="1 ms")
            s.stop()
        os.remove(images.path)

    def found(self):
        """From the answer to a C-STORE until a query that was sent at once finds the object."""
        for kind in (Ours, TheirOrthanc):
            s = kind(self.folder)
            by_find, by_qido = [], []
            finder = dimse_finder(s, self.folder)
            for n in range(10 if self.quick else 40):
                store(s, self.ct, 1, first=n, per_series=1)
                by_find.append(finder(Images.uid(3, n))["p50_ms"])
                store(s, self.ct, 1, first=1000 + n, per_series=1)
                by_qido.append(self.qido_finder(s, Images.uid(3, 1000 + n))["p50_ms"])
            self.add("acknowledged, found by C-FIND", "ms", kind.name, statistics.median(by_find), goal="0.3 ms")
            self.add("acknowledged, found by QIDO-RS", "ms", kind.name, statistics.median(by_qido), goal="0.3 ms")
            s.stop()

    def qido_finder(self, server, patient):
        """As dimse_finder: the time of the connection is not counted."""
        while True:
            r = self.paths.get(server, [f"/dicom-web/studies?PatientID={patient}"], 1, accept=JSON)
            if r["mb_s"] * r["seconds"] > len("[]\n") / 1e6:
                return r

    # ---- out

    def retrieve(self):
        count = 60 if self.quick else 300
        servers = [Ours(self.folder), TheirOrthanc(self.folder)]
        for s in servers:
            store(s, self.ct, count)
        series = f"/dicom-web/studies/{Images.uid(2, 0)}/series/{Images.uid(1, 0)}"
        first = []
        for s in servers:
            first.append(self.paths.get(s, [series + "/metadata"], 1, accept=JSON, encoding="gzip")["p50_ms"])
        time.sleep(15)  # the series settles
        files = Nginx(self.folder)
        with open(self.ct.path, "rb") as f:
            data = f.read()
        instances = [files.put(f"{i}.dcm", data) for i in range(60)]
        frames = [files.put(f"{i}.raw", data[-512 * 512 * 2:]) for i in range(60)]
        study = [files.put("study", data * count)]
        each = [f"{series}/instances/{Images.uid(0, i)}" for i in range(60)]
        for s, ms in zip(servers, first):
            self.add(f"metadata of {count}, first", "ms", s.name, ms, goal="15 ms")
        for _ in range(self.repeats):
            for s in servers:
                self.add(f"metadata of {count}, again, gzip", "ms", s.name,
                         self.paths.get(s, [series + "/metadata"], 10, accept=JSON, encoding="gzip")["p50_ms"], goal="4 ms")
                self.add(f"metadata of {count}, again, plain", "ms", s.name,
                         self.paths.get(s, [series + "/metadata"], 10, accept=JSON)["p50_ms"])
            for s in servers + [files]:
                mine = s is files
                n = 200 if self.quick else 2000
                if s.name == "Orthanc":
                    n //= 10
                paths = frames if mine else [p + "/frames/1" for p in each]
                self.add("frame of 0.5 MB, 1 connection", "ms", s.name, self.paths.get(s, paths, n, accept=OCTETS)["p50_ms"], goal="0.28 ms")
                self.add("frame of 0.5 MB, 8 connections", "1/s", s.name, self.paths.get(s, paths, n, 8, OCTETS)["rate"], True, "0.8 nginx")
                paths = instances if mine else each
                self.add("instance, 1 connection", "ms", s.name, self.paths.get(s, paths, n, accept=DICOM)["p50_ms"], goal="0.2 ms")
                self.add("instance, 8 connections", "1/s", s.name, self.paths.get(s, paths, n, 8, DICOM)["rate"], True, "0.8 nginx")
                self.add(f"study of {count}, WADO-RS", "MB/s", s.name,
                         self.paths.get(s, study if mine else [series.split("/series")[0]], 5, accept=DICOM)["mb_s"], True, "0.85 nginx")
        self.pictures(servers, each)
        for s in servers + [files]:
            s.stop()

    def pictures(self, servers, each):
        """Ours keeps what it has made: an object is asked for once, and then again."""
        syntaxes = (("JPEG lossless", "image/jpeg", "1.2.840.10008.1.2.4.70", "4.5 ms"), ("JPEG 2000", "image/jp2", "1.2.840.10008.1.2.4.90", "23 ms"),
                    ("JPEG-LS", "image/jls", "1.2.840.10008.1.2.4.80", "6 ms"), ("HTJ2K", "image/jphc", "1.2.840.10008.1.2.4.201", "3 ms"))
        for s in servers:
            for row, goal in (("rendered JPEG of a slice, made", "1.7 ms"), ("rendered JPEG of a slice, again", "0.1 ms")):
                r = self.paths.get(s, [p + "/rendered" for p in each], 60, accept="image/jpeg")
                self.add(row, "ms", s.name, r["p50_ms"], goal=goal)
            for name, kind, uid, goal in syntaxes:
                if s.name == "Orthanc" and name in ("JPEG-LS", "HTJ2K"):
                    continue  # Debian's crashes over the one and lacks the other
                r = self.paths.get(s, [p + "/frames/1" for p in each[:20]], 20, accept=f'multipart/related; type="{kind}"; transfer-syntax={uid}')
                if r["failed"] == 0:
                    self.add(f"frame as {name}, made", "ms", s.name, r["p50_ms"], goal=goal)

    def dicom_out(self):
        count = 60 if self.quick else 300
        sink = subprocess.Popen([LOAD, "sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = int(sink.stdout.readline())
        servers = [Ours(self.folder, peers=[("SINK", port)]), TheirOrthanc(self.folder, modalities=[("SINK", port)])]
        try:
            for s in servers:
                store(s, self.ct, count)
            size = count * self.ct.bytes / 1e6
            keys = identifier(self.folder, StudyInstanceUID=Images.uid(2, 0))
            for _ in range(self.repeats):
                for s in servers:
                    r = load("cget", s.port, s.aet, 1, 3, keys)
                    self.add(f"C-GET of {count}", "MB/s", s.name, size / (r["p50_ms"] / 1e3), True, "2.3x")
                    with dimse.associate(s, [dimse.STUDY_MOVE], ae_title="LOAD") as assoc:
                        wanted = dimse.keys("STUDY", StudyInstanceUID=Images.uid(2, 0))
                        begin = time.monotonic()
                        last = [status for status, _ in assoc.send_c_move(wanted, "SINK", dimse.STUDY_MOVE)][-1]
                        seconds = time.monotonic() - begin
                        if last.Status != 0 or last.NumberOfCompletedSuboperations != count:
                            raise AssertionError(f"C-MOVE from {s.name}: {last}")
                    self.add(f"C-MOVE of {count}", "MB/s", s.name, size / seconds, True, "2.3x")
        finally:
            for s in servers:
                s.stop()
            sink.stdin.close()
            sink.wait(10)

    # ---- questions

    def queries(self):
        sizes = [1000] if self.quick else [1000, 20000, 100000] + [1000000] * self.large
        servers, held = [Ours(self.folder), TheirOrthanc(self.folder)], 0
        for size in sizes:
            if size > PEERS_HOLD:
                for s in servers[1:]:
                    s.stop()
                servers = servers[:1]
            for s in servers:
                store(s, self.tiny, size - held, 4, first=held, per_series=20)
            held = size
            self.questions(servers, size)
            if size == 20000:
                self.crowd(servers)
        for s in servers:
            s.stop()

    def questions(self, servers, size):
        middle = size // 20 // 2
        label = f"{size // 1000} k" if size < 10 ** 6 else "1 M"
        wanted = {"patient ID": {"PatientID": Images.uid(3, middle)}, "name prefix": {"PatientName": Images.uid(3, middle)[:-1] + "*"},
                  "date": {"StudyDate": Images.date(middle)}}
        for what, keys in wanted.items():
            name = identifier(self.folder, **keys)
            for s in servers:
                r = load("find", s.port, s.aet, 1, 60 if s.name == "Orthanc" else 1000, name)
                self.add(f"C-FIND studies by {what}, {label}", "ms", s.name, r["p50_ms"], goal="0.3 ms, at most 2x to 1 M")
                if s.name == Ours.name:
                    self.add(f"C-FIND studies by {what}, {label}, p99", "ms", s.name, r["p99_ms"], goal="1 ms")
        for s in servers:
            r = self.paths.get(s, ["/dicom-web/studies?limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030"],
                               20, accept=JSON)
            self.add(f"QIDO-RS, first page of 101, {label}", "ms", s.name, r["p50_ms"])

    def crowd(self, servers):
        names = [identifier(self.folder, PatientID=Images.uid(3, n)) for n in range(100, 900, 100)]
        mix = [q for n in range(100, 900, 100) for q in (
            f"/dicom-web/studies?PatientID={Images.uid(3, n)}", f"/dicom-web/studies?PatientName={Images.uid(3, n)[:-1]}*",
            f"/dicom-web/studies?StudyDate={Images.date(n)}", f"/dicom-web/studies/{Images.uid(2, n)}/series",
            f"/dicom-web/studies/{Images.uid(2, n)}/series/{Images.uid(1, n)}/instances?limit=20")]
        for _ in range(self.repeats):
            for s in servers:
                few = s.name == "Orthanc"
                self.add("C-FIND, 8 associations, 20 k", "1/s", s.name, load("find", s.port, s.aet, 8, 200 if few else 8000, *names)["rate"], True, "7,500/s")
                for lanes in (8, 32):
                    r = self.paths.get(s, mix, 100 if few else 6000, lanes, JSON)
                    self.add(f"QIDO-RS mix, {lanes} connections, 20 k", "1/s", s.name, r["rate"], True, "4,500/s")
                    self.add(f"QIDO-RS mix, {lanes} connections, 20 k, p99", "ms", s.name, r["p99_ms"], goal="8 ms")


def identifier(folder, **wanted):
    """A C-FIND identifier as a file, named by what is in it."""
    from pynetdicom.dsutils import encode
    keys = {"StudyInstanceUID": "", "PatientName": "", "PatientID": "", "StudyDate": "", **wanted}
    name = os.path.join(folder, "key-" + "-".join(wanted.values()).replace("*", "x"))
    with open(name, "wb") as f:
        f.write(encode(dimse.keys("STUDY", **keys), True, True))
    return name


def dimse_finder(server, folder):
    """Asks by patient ID until there is an answer; the time of the association is not counted."""
    def ask(patient):
        while True:
            r = load("find", server.port, server.aet, 1, 1, identifier(folder, PatientID=patient))
            if r["answers"]:
                return r
    return ask


def main():
    parts = ("start", "ingest", "small_objects", "stow", "big", "found", "retrieve", "dicom_out", "queries")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller counts, some minutes")
    parser.add_argument("--large", action="store_true", help="Isocenter up to a million instances; about twenty minutes")
    parser.add_argument("--only", help="comma-separated: " + " ".join(parts))
    args = parser.parse_args()
    only = (args.only or ",".join(parts)).split(",")
    folder, begin = tempfile.mkdtemp(prefix="isocenter-bench-", dir=os.environ.get("BENCH_DIR")), time.monotonic()
    where = machine(("orthanc", "orthanc-dicomweb", "dcmtk", "nginx"))
    bench = Bench(folder, args.quick, args.large)
    try:
        for part in parts:
            if part in only:
                print(part, flush=True)
                getattr(bench, part)()
    except fixtures.Skip as why:
        bench.results.notes.append(f"left out: {why}")
    except KeyboardInterrupt:
        bench.results.notes.append(f"interrupted in {part}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{where}; images of {bench.ct.attributes} attributes; medians of {bench.repeats} turns; "
          f"{time.strftime('%Y-%m-%d')}; {time.monotonic() - begin:.0f} s\n")
    print(bench.results.table(["Isocenter", "Orthanc", "nginx", "dcmqrscp"]))
    print("\n`x`: how many times better Isocenter is (rates: ours / theirs; times and memory: theirs / ours).")
    for note in bench.results.notes:
        print(f"- {note}")


if __name__ == "__main__":
    main()
