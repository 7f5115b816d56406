"""The matrix of transfer syntaxes: every sample with an image through every way out, its pixels compared with the reference;
and what can be written, decoded again by us and by others."""

import collections
import json
import os
import re
import struct

import numpy
import pydicom

import t_transcode
from lib import dimse, fixtures, pixels, samples, web
from lib.fixtures import BINARY, run, tool

LE = pixels.EXPLICIT_LE
WAYS = ("decoded", "C-GET", "WADO-RS object", "WADO-RS frames", "WADO-URI")


class Case:
    """A sample with an image, and what became of it: {way: None (exact) or a reason}."""

    def __init__(self, row, folder):
        self.row, self.path, self.outcome = row, pixels.stored_file(row, folder), {}
        ds = pydicom.dcmread(self.path, force=True, stop_before_pixels=True)
        text = lambda k: str(ds.get(k, "") or "").strip("\0 ")
        self.sop, self.study, self.series, self.sop_class = (text(k) for k in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID"))
        self.syntax = row["transfer_syntax_uid"] or "1.2.840.10008.1.2"
        self.name = row["path"].rsplit("/", 1)[1]
        self.want, self.why = None, pixels.reference(row)[1]
        self.note = None

    @property
    def counted(self):
        return self.why is None or self.want is not None

    def check(self, way, data):
        """Compares; of what has no reference it says with whom we agree."""
        if self.want is not None:
            same = pixels.digest(data) == self.want
        elif self.why is None:
            same = pixels.is_reference(self.row, data)
        else:
            peers = pixels.matching_peers(self.row, data)
            self.note = f"{self.why}; ours are {' and '.join(peers)}'s" if peers else self.why
            return
        self.outcome[way] = None if same else "other pixels"

    def fail(self, way, reason):
        self.outcome[way] = reason


def cases(folder, quick):
    out, native = [], 0
    for row in pixels.with_pixels():
        if quick and row["transfer_syntax_uid"] in pixels.NATIVE:
            native += 1
            if native % 10:
                continue
        out.append(Case(row, folder))
    return out


def original_jpegs(some, folder):
    """Of recompressed JPEG the reference is what DCMTK makes of the JPEG that comes back."""
    for c in some:
        if c.syntax == pixels.RECOMPRESSED:
            jpeg, plain = os.path.join(folder, c.sop + ".jpeg.dcm"), os.path.join(folder, c.sop + ".plain.dcm")
            run(BINARY, "transcode", "--to", "jpeg", "--output", jpeg, c.path)
            run(tool("dcmdjpeg"), "+cn", "+px", jpeg, plain)
            c.want = pixels.digest(pixels.plain(plain))


def by_command(some, folder):
    out = os.path.join(folder, "decoded")
    report = json.loads(json_of(run(BINARY, "transcode", "--to", "explicit-le", "--no-verify", "--json", "--output", out + "/",
                                                *[c.path for c in some], check=False, timeout=900)[1]))
    done = {}
    for f in report["files"]:
        done.setdefault(f["path"], f)
    again = []
    for c in some:
        f = done.get(c.path, {"outcome": "skipped"})
        if f["outcome"] == "failed" and re.search("there already|exists", f.get("reason", "")):
            again.append(c)  # two samples of one file name
        elif f["outcome"] in ("converted", "copied"):
            c.check("decoded", pixels.plain(f["output"]))
        else:
            c.fail("decoded", "refused: " + f.get("reason", "not taken for DICOM"))
    if again and len(again) < len(some):
        by_command(again, os.path.join(folder, "more"))


def json_of(text):
    return text[text.index("{"):text.rindex("}") + 1]


def waves(some):
    """Within a wave no SOP Instance UID occurs twice."""
    out, count = [], collections.Counter()
    for c in some:
        n = count[c.sop]
        count[c.sop] += 1
        if n == len(out):
            out.append([])
        out[n].append(c)
    return out


def by_server(some, folder):
    for wave in waves(some):
        s = fixtures.Isocenter(folder)
        try:
            s.importing(*[c.path for c in wave])
            for c in wave:
                place(s, c)
            by_c_get(s, wave)
            for c in wave:
                by_web(s, c)
        finally:
            s.stop()


def place(s, c):
    """Where it is filed: what has no study or series gets identifiers of the archive's making."""
    rows = web.query(f"{s.web}/instances?SOPInstanceUID={c.sop}")
    if rows:
        c.study, c.series = web.value(rows[0], "0020000D"), web.value(rows[0], "0020000E")


def by_c_get(s, wave, syntax=LE, way="C-GET"):
    got, by_study = {}, collections.defaultdict(set)
    for c in wave:
        by_study[c.study].add(c.sop_class)
    for study, classes in by_study.items():
        got.update(dimse.c_get_study(s, study, classes, syntax)[1])
    for c in wave:
        if c.sop not in got:
            c.fail(way, "refused")
        elif syntax == LE:
            c.check(way, pixels.plain(got[c.sop]))
        else:
            c.received = got[c.sop]


def fetch(url, accept):
    r = web.get(url, accept, None)
    if r.status_code == 200:
        return r, None
    try:
        return None, f"refused: {r.json().get('detail') or r.status_code}"
    except ValueError:
        return None, f"refused: {r.status_code}"


def by_web(s, c):
    below = f"{s.web}/studies/{c.study}/series/{c.series}/instances/{c.sop}"
    r, why = fetch(below, f"application/dicom; transfer-syntax={LE}")
    c.check("WADO-RS object", pixels.plain(r.content)) if r else c.fail("WADO-RS object", why)
    frames = ",".join(str(i + 1) for i in range(int(c.row["frames"] or 1)))
    r, why = fetch(f"{below}/frames/{frames}", f'multipart/related; type="application/octet-stream"; transfer-syntax={LE}')
    if r and c.row["path"] in pixels.FRAMES:
        c.outcome["WADO-RS frames"] = None if pixels.are_reference(c.row, [b for _, b in web.parts_of(r)]) else "other pixels"
    elif r:
        c.check("WADO-RS frames", pixels.of_frames(c.row, [b for _, b in web.parts_of(r)]))
    else:
        c.fail("WADO-RS frames", why)
    r, why = fetch(f"{s.http}/wado?requestType=WADO&studyUID={c.study}&seriesUID={c.series}&objectUID={c.sop}"
                   f"&contentType=application/dicom&transferSyntax={LE}", None)
    c.check("WADO-URI", pixels.plain(r.content)) if r else c.fail("WADO-URI", why)


# ---- what we write ----

class Folder:
    """What t_transcode asks of its environment."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def tmp(self):
        self.count += 1
        path = os.path.join(self.folder, f"t{self.count}")
        os.mkdir(path)
        return path


def kinds(quick):
    """One uncompressed sample of each kind of image: bits, sign, samples, photometric interpretation, planes, frames."""
    seen = {}
    for r in pixels.with_pixels():
        if r["transfer_syntax_uid"] != LE or pixels.reference(r)[1] or r["bits_allocated"] not in ("8", "16"):
            continue
        if r["photometric"] == "YBR_FULL_422":  # halved chroma becomes whole: the pixels are not what they were
            continue
        key = tuple(r[k] for k in ("bits_allocated", "bits_stored", "high_bit", "signed", "samples", "photometric", "planar"))
        key += (r["frames"] not in ("", "1"),)
        size = int(r["size"])
        if size < 700_000 and (key not in seen or "syn-matrix" in r["path"]):
            seen[key] = r
    out = list(seen.values())
    return out[::3] if quick else out


def values(data, ds):
    """Samples without what lies above or below the bits stored: decoders fill that with zeros or with the sign."""
    if ds.BitsAllocated != 16 or ds.BitsStored == 16:
        return data
    return (numpy.frombuffer(data, "<u2") >> (ds.HighBit + 1 - ds.BitsStored) & ((1 << ds.BitsStored) - 1)).tobytes()


def written(folder, quick):
    """{UID: (kinds, taken, the same by us, by others, of others, [holes])} for each syntax that we write. What is lossy, others must
    decode to the same pixels as we do; of what is not, these must be the original's as well."""
    env, out = Folder(folder), {}
    known = dict(re.findall(r"^  ([a-z][a-z0-9-]*) +(1\.2\.840\.\S+)", run(BINARY, "transcode", "--help")[1], re.M))
    rows = kinds(quick)
    for name, uid in known.items():
        if name == "jxl-jpeg" or uid in (LE, "1.2.840.10008.1.2"):
            continue
        ours = others = asked = taken = 0
        holes, lossy = [], name in t_transcode.LOSSY
        for r in rows:
            there, back = (os.path.join(env.tmp(), r["path"].rsplit("/", 1)[1]) for _ in range(2))
            code, text = run(BINARY, "transcode", "--to", uid, "--output", there, samples.path(r["path"]), check=False)
            if code != 0 and lossy:
                continue
            if code != 0:
                holes.append((r["path"].rsplit("/", 1)[1], "refused: " + text.strip().splitlines()[0].split(": ", 1)[-1]))
                continue
            taken += 1
            run(BINARY, "transcode", "--to", "explicit-le", "--output", back, there)
            first, again = pixels.plain(samples.path(r["path"])), pixels.plain(back)
            ds, before = (pydicom.dcmread(f, stop_before_pixels=True) for f in (there, samples.path(r["path"])))
            if lossy:
                ours = None
            elif first == again or values(first, before) == values(again, ds):
                ours += 1
            else:
                holes.append((r["path"].rsplit("/", 1)[1], "other pixels after the way back"))
            other = None if uid.endswith(".4.110") and ds.PixelRepresentation else independent(env, there, uid)
            if other is not None:
                same = values(other, ds) == values(again, ds)
                asked, others = asked + 1, others + same
                if not same:
                    holes.append((r["path"].rsplit("/", 1)[1], "other pixels by another decoder"))
        out[uid] = (taken if lossy else len(rows), taken, ours, others, asked, holes)
    return out


def independent(env, path, uid):
    try:
        if uid == "1.2.840.10008.1.2.2":
            plain = os.path.join(env.tmp(), "plain.dcm")
            run(tool("dcmconv"), "+te", path, plain)
            return pixels.plain(plain)
        if uid == "1.2.840.10008.1.2.1.99":
            return pixels.plain(path)  # by pydicom
        if uid in ("1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"):
            return None
        return t_transcode.plain(env, path)
    except (AssertionError, ValueError, KeyError, struct.error):
        return None


def measure(folder, quick):
    """[case], and what is written."""
    some = cases(folder, quick)
    original_jpegs(some, folder)
    by_command(some, folder)
    by_server(some, folder)
    return some, written(folder, quick)
