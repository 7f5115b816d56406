"""The pixels of every sample, uncompressed by each way out (`isocenter transcode`, C-GET, WADO-RS objects and frames, WADO-URI),
are those that independent decoders found. Uncompressed samples, which are passed through, by sample."""

import collections
import json
import os

import pydicom

from lib import dimse, pixels, samples, web
from lib.fixtures import BINARY, run, tool

LE = pixels.EXPLICIT_LE
BYTES_MAX = 3_000_000  # of a file: the sanitizers' build takes its time


class Sample:
    def __init__(self, row, folder):
        self.row, self.name, self.path = row, row["path"], pixels.stored_file(row, folder)
        ds = pydicom.dcmread(self.path, force=True, stop_before_pixels=True)
        self.sop, self.sop_class = str(ds.SOPInstanceUID), str(ds.SOPClassUID)


def chosen(env):
    """Every compressed sample that has a reference, and some of the others; in waves of which none holds an instance twice."""
    samples.need_whole()

    def choose():
        folder, out, count, native = env.tmp(), [], collections.Counter(), 0
        for row in pixels.with_pixels():
            if pixels.reference(row)[0] is None or int(row["size"]) > BYTES_MAX:
                continue
            if row["transfer_syntax_uid"] in pixels.NATIVE[:2] or not row["transfer_syntax_uid"]:
                native += 1
                if native % (40 if env.quick else 12):
                    continue
            s = Sample(row, folder)
            n = count[s.sop]
            count[s.sop] += 1
            if n == len(out):
                out.append([])
            out[n].append(s)
        return out
    return env.once("chosen", choose)


def check(problems, s, way, data):
    if not pixels.is_reference(s.row, data):
        problems.append(f"{s.name} ({s.row['transfer_syntax_uid']}): other pixels by {way}")


def done(problems, total):
    assert not problems, f"{len(problems)} of {total}: " + "; ".join(problems[:8])
    assert total > 250, f"only {total} samples"
    print(f"    {total} samples", flush=True)


def test_transcode(env):
    total, problems = 0, []
    for wave in chosen(env):
        out = env.tmp()
        _, text = run(BINARY, "transcode", "--to", "explicit-le", "--no-verify", "--json", "--output", out + "/", *[s.path for s in wave], check=False)
        report = {}
        for f in json.loads(text[text.index("{"):text.rindex("}") + 1])["files"]:
            report[f["path"]] = f
        for s in wave:
            f = report[s.path]
            if f["outcome"] == "failed" and os.path.exists(os.path.join(out, os.path.basename(s.path))):
                continue  # of another folder, by the same name
            total += 1
            if f["outcome"] != "converted":
                problems.append(f"{s.name}: {f['outcome']}: {f.get('reason')}")
            else:
                check(problems, s, "transcode", pixels.plain(f["output"]))
    done(problems, total)


def test_retrieve(env):
    total, problems = 0, []
    for wave in chosen(env):
        server = env.fresh()
        server.importing(*[s.path for s in wave])
        studies = collections.defaultdict(set)
        for s in wave:
            row, = web.query(f"{server.web}/instances?SOPInstanceUID={s.sop}")
            s.study, s.series = web.value(row, "0020000D"), web.value(row, "0020000E")
            studies[s.study].add(s.sop_class)
        got = {}
        for study, classes in studies.items():
            got.update(dimse.c_get_study(server, study, classes, LE)[1])
        for s in wave:
            total += 1
            if s.sop not in got:
                problems.append(f"{s.name}: not sent by C-GET")
            else:
                check(problems, s, "C-GET", pixels.plain(got[s.sop]))
            by_web(server, s, problems)
        server.stop()
    done(problems, total)


def by_web(server, s, problems):
    below = f"{server.web}/studies/{s.study}/series/{s.series}/instances/{s.sop}"
    numbers = ",".join(str(i + 1) for i in range(int(s.row["frames"] or 1)))
    try:
        check(problems, s, "WADO-RS", pixels.plain(web.get(below, f"application/dicom; transfer-syntax={LE}").content))
        r = web.get(f"{below}/frames/{numbers}", f'multipart/related; type="application/octet-stream"; transfer-syntax={LE}')
        if not pixels.are_reference(s.row, [b for _, b in web.parts_of(r)]):
            problems.append(f"{s.name} ({s.row['transfer_syntax_uid']}): other pixels by WADO-RS frames")
        check(problems, s, "WADO-URI", pixels.plain(web.get(f"{server.http}/wado?requestType=WADO&studyUID={s.study}&seriesUID={s.series}"
                                                            f"&objectUID={s.sop}&contentType=application/dicom&transferSyntax={LE}").content))
    except AssertionError as e:
        problems.append(f"{s.name}: {str(e)[:300]}")


def test_recompressed_jpeg(env):
    """JPEG XL made of JPEG is decoded as that JPEG: what DCMTK decodes of the JPEG that comes back."""
    samples.need_whole()
    some = [r for r in pixels.with_pixels() if r["transfer_syntax_uid"] == pixels.RECOMPRESSED]
    assert some
    for row in some:
        jpeg, theirs, ours = (os.path.join(env.tmp(), "x.dcm") for _ in range(3))
        run(BINARY, "transcode", "--to", "jpeg", "--output", jpeg, samples.path(row["path"]))
        run(tool("dcmdjpeg"), "+cn", "+px", jpeg, theirs)
        run(BINARY, "transcode", "--to", "explicit-le", "--output", ours, samples.path(row["path"]))
        assert pixels.plain(ours) == pixels.plain(theirs), row["path"]
