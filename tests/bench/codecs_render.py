"""Pictures of compressed images: how long the first takes and the next, beside Orthanc; and ten clients that ask at once."""

import http.client
import os
import statistics
import threading
import time

import pydicom

from codecs_speed import make, series
from lib import fixtures, objects

STORED = ("jpeg-lossless", "jpegls", "j2k", "htj2k")
NAMES = {"jpeg-lossless": "`.4.70`", "jpegls": "`.4.80`", "j2k": "`.4.90`", "htj2k": "`.4.201`"}


class Client:
    def __init__(self, port):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.http.connect()

    def get(self, path, accept):
        """Milliseconds, or None when the answer is not a picture."""
        begin = time.monotonic()
        self.http.request("GET", path, headers={"Accept": accept})
        r = self.http.getresponse()
        body = r.read()
        return (time.monotonic() - begin) * 1000 if r.status == 200 and body[:2] == b"\xff\xd8" else None


def slices(folder, count):
    """[(syntax, file, data set)]: each slice an instance of its own, in each syntax a series of its own."""
    out, source = [], os.path.join(folder, "slice.dcm")
    for syntax in STORED:
        uid = pydicom.uid.generate_uid()
        for i, ds in enumerate(series("ct-head-gantry-tilt-28")[:count]):
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
            ds.SeriesInstanceUID = uid
            objects.save(ds, source)
            out.append((syntax, make(syntax, source, os.path.join(folder, f"{syntax}-{i}.dcm")), ds))
    return out


def wado(ds):
    return f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def medians(times):
    return None if not times or None in times else statistics.median(times)


def twice(client, paths, accept):
    """(median of the first request of each path, of the second)"""
    cold = [client.get(p, accept) for p in paths]
    return medians(cold), medians([client.get(p, accept) for p in paths])


def cell(pair):
    return " | ".join("—" if v is None else f"{v:.1f}" for v in pair)


def burst(port, path, clients):
    """The slowest of so many that ask for one picture at once, each over a connection of its own."""
    everyone, times = [Client(port) for _ in range(clients)], []
    barrier = threading.Barrier(clients)

    def ask(c):
        barrier.wait()
        times.append(c.get(path, "image/jpeg"))

    threads = [threading.Thread(target=ask, args=(c,)) for c in everyone]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return None if None in times or len(times) < clients else max(times)


def table(folder, count):
    made = slices(folder, count + 4)
    s = fixtures.Isocenter(folder)
    o = fixtures.Orthanc(folder, options={"StorageCompression": False})
    out = ["| stored as | rendered, first | again | thumbnail, first | again | Orthanc rendered, first | again | Orthanc preview, first | again |",
           "|---|" + "---:|" * 8]
    notes = []
    try:
        s.importing(*[f for _, f, _ in made])
        theirs = {}
        for _, path, ds in made:
            with open(path, "rb") as f:
                c = http.client.HTTPConnection("127.0.0.1", o.http_port, timeout=60)
                c.request("POST", "/instances", f.read())
                answer = c.getresponse()
                text = answer.read().decode(errors="replace")
                if answer.status == 200:
                    theirs[ds.SOPInstanceUID] = fixtures.json.loads(text)["ID"]
        mine, other = Client(s.http_port), Client(o.http_port)
        for syntax in STORED:
            ours_ = [ds for k, _, ds in made if k == syntax]
            timed, fresh = ours_[:count], ours_[count:]
            mine.get(wado(fresh[0]) + "/rendered", "image/jpeg")  # the first of all also starts what is started on demand
            other.get(wado(fresh[0]) + "/rendered", "image/jpeg")
            rendered = twice(mine, [wado(d) + "/rendered" for d in timed], "image/jpeg")
            thumbnail = twice(mine, [wado(d) + "/thumbnail" for d in timed], "image/jpeg")
            by_web = twice(other, [wado(d) + "/rendered" for d in timed], "image/jpeg")
            preview = twice(other, [f"/instances/{theirs.get(d.SOPInstanceUID)}/preview" for d in timed], "image/jpeg")
            out.append(f"| {NAMES[syntax]} {syntax} | {cell(rendered)} | {cell(thumbnail)} | {cell(by_web)} | {cell(preview)} |")
            slowest = burst(s.http_port, wado(fresh[1]) + "/rendered", 10)
            other_slowest = burst(o.http_port, wado(fresh[1]) + "/rendered", 10)
            notes.append(f"{NAMES[syntax]} {'—' if slowest is None else f'{slowest:.1f}'} ms"
                         f" (Orthanc {'—' if other_slowest is None else f'{other_slowest:.1f}'})")
    finally:
        s.stop()
        o.stop()
    return "\n".join(out) + "\n\nTen clients ask for the same new picture at once, the slowest has it after: " + ", ".join(notes) + "."
