"""WADO-RS rendered and thumbnail: what viewers ask for the study list (rows 18 to 20 of what clients do), the picture
itself beside DCMTK's, and what becomes of objects that have none.   PS3.18 §10.4.1.1.3, §10.4.1.1.4"""

import collections
import concurrent.futures
import io
import os
import struct

import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import encapsulate

from lib import dimse, fixtures, objects, samples, web
from lib.web import get

BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
TOOLS = {**{f"1.2.840.10008.1.2{x}": "dcmj2pnm" for x in ("", ".1", ".1.99", ".2", ".5", ".4.50", ".4.51", ".4.57", ".4.70")},
         "1.2.840.10008.1.2.4.80": "dcml2pnm", "1.2.840.10008.1.2.4.81": "dcml2pnm"}


class Archive:
    pass


def ramp(rows, columns):
    """Stored values that rise from 0 to 4095 along a row."""
    line = b"".join(struct.pack("<H", round(x * 4095 / (columns - 1))) for x in range(columns))
    return line * rows


def archive(env):
    return env.once("archive", lambda: fill(env))


def fill(env):
    a, s = Archive(), env.server
    a.study = [objects.make(os.path.join(env.folder, "0.dcm"), rows=64, columns=128, PixelData=ramp(64, 128), InstanceNumber="1")]
    first = a.study[0]
    for i in range(2, 6):
        a.study.append(objects.make(rows=64, columns=128, PixelData=ramp(64, 128), InstanceNumber=str(i), PatientID=first.PatientID,
                                    StudyInstanceUID=first.StudyInstanceUID, SeriesInstanceUID=first.SeriesInstanceUID))
    frames = [bytes([40 * i]) * 512 for i in range(1, 6)]
    a.multi = objects.make(NumberOfFrames="5", BitsAllocated=8, BitsStored=8, HighBit=7, rows=16, columns=32, PixelData=b"".join(frames),
                           WindowCenter=None, WindowWidth=None, RescaleIntercept=None, RescaleSlope=None)
    a.pdf = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC", StudyInstanceUID=first.StudyInstanceUID,
                         SeriesNumber="9", MIMETypeOfEncapsulatedDocument="application/pdf",
                         EncapsulatedDocument=b"%PDF-1.4\n%%EOF\n ", **{k: None for k in (
                             "PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
                             "SamplesPerPixel", "PhotometricInterpretation", "WindowCenter", "WindowWidth", "RescaleSlope",
                             "RescaleIntercept")})
    a.j2k = objects.make(sop_class=objects.SECONDARY_CAPTURE, syntax="1.2.840.10008.1.2.4.90")
    a.j2k.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])
    a.j2k["PixelData"].VR, a.j2k["PixelData"].is_undefined_length = "OB", True
    for d in [*a.study, a.multi, a.pdf, a.j2k]:
        status, = dimse.store(s, [d])
        assert status.Status == 0, status
    return a


def series(env, ds):
    return f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"


def url(env, ds, below=""):
    return f"{series(env, ds)}/instances/{ds.SOPInstanceUID}{below}"


def picture(response, kind="image/jpeg"):
    assert response.headers["Content-Type"] == kind, response.headers["Content-Type"]
    image = Image.open(io.BytesIO(response.content))
    image.load()
    assert image.format == {"image/jpeg": "JPEG", "image/png": "PNG"}[kind]
    return image


def test_row_18_thumbnails(env):
    """By fetch: a series, then its instances; the comma is percent-encoded; 404 quietly where there is no image."""
    a = archive(env)
    first = a.study[0]
    for u in (f"{series(env, first)}/thumbnail?viewport=256%2C256", url(env, first, "/thumbnail?viewport=256%2C256")):
        image = picture(get(u, "image/jpeg"))
        assert image.size == (256, 128) and image.mode == "L", (image.size, image.mode)
    for ds in (a.pdf, a.j2k):
        for u in (f"{series(env, ds)}/thumbnail?viewport=256%2C256", url(env, ds, "/thumbnail")):
            assert get(u, "image/jpeg", None).status_code == 404, u
    assert picture(get(f"{env.server.web}/studies/{first.StudyInstanceUID}/thumbnail", "image/jpeg")).size == (256, 128)
    get(f"{env.server.web}/studies/1.2.3/thumbnail", "image/jpeg", 404)


def test_row_19_rendered(env):
    """The accept parameter wins over the header."""
    a = archive(env)
    first = a.study[0]
    for u in (f"{series(env, first)}/rendered", url(env, first, "/rendered")):
        assert picture(get(u + "?accept=image/jpeg", "*/*")).size == (128, 64)
        picture(get(u + "?accept=image/jpeg", "audio/ogg"))
        picture(get(u + "?accept=image%2Fpng", "image/jpeg"), "image/png")


def test_row_20_img_elements(env):
    """A browser's Accept, as an <img> sends it, is never refused."""
    a = archive(env)
    for accept in (BROWSER, "image/*", "*/*", "image/webp,*/*", "text/html,application/xhtml+xml,*/*;q=0.8", None):
        picture(get(url(env, a.study[0], "/thumbnail?accept=image/jpeg"), accept))
        picture(get(url(env, a.study[0], "/thumbnail"), accept))
        picture(get(url(env, a.study[0], "/rendered"), accept))
    picture(get(url(env, a.study[0], "/rendered"), "image/png"), "image/png")
    web.assert_problem(get(url(env, a.study[0], "/rendered"), "audio/ogg", None), 406)


def test_pdf_and_what_has_no_picture(env):
    """The PDF itself; else 406 with the way out."""
    a = archive(env)
    r = get(url(env, a.pdf, "/rendered"), BROWSER)
    assert r.headers["Content-Type"] == "application/pdf" and r.content.startswith(b"%PDF-1.4")
    r = get(url(env, a.j2k, "/rendered"), "image/jpeg", None)
    web.assert_problem(r, 406)
    assert r.json()["detail"] and r.json()["remedy"], r.text


def test_pixels(env):
    """The window of the data set, another one, and a size, computed by hand.   PS3.3 §C.11.2.1.2"""
    a = archive(env)
    u = url(env, a.study[0], "/rendered")

    def grey(query):
        return np.asarray(picture(get(u + "?accept=image/png" + query), "image/png")).astype(int)

    def want(center, width):
        hu = np.array([round(x * 4095 / 127) for x in range(128)]) - 1024.0
        y = np.clip((hu - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255
        return np.tile(np.floor(y + 0.5).astype(int), (64, 1))

    assert np.abs(grey("") - want(40, 400)).max() <= 1
    assert np.abs(grey("&window=1000%2C3000%2Clinear") - want(1000, 3000)).max() <= 1
    assert np.abs(grey("&window=1000,3000") - want(1000, 3000)).max() <= 1
    half = grey("&window=1000,3000&viewport=64,64")
    assert half.shape == (32, 64)
    assert np.abs(half - want(1000, 3000).reshape(32, 2, 64, 2).mean(axis=(1, 3))).max() <= 1
    small, large = (len(get(u + f"?quality={q}", "image/jpeg").content) for q in (5, 100))
    assert small < large
    for bad in ("viewport=0,5", "viewport=x", "viewport=99999999999,1", "window=1", "window=a,b", "window=1,2,cubic", "window=1,0",
                "quality=0", "quality=101", "quality=x"):
        web.assert_problem(get(f"{u}?{bad}", "image/jpeg", None), 400)


def test_frames(env):
    """A frame by its number; without one, the middle stands for all."""
    a = archive(env)
    for n, grey in ((1, 40), (5, 200), (None, 120)):
        for kind in ("rendered", "thumbnail"):
            u = url(env, a.multi, f"/frames/{n}/{kind}" if n else f"/{kind}")
            pixels = np.asarray(picture(get(u + "?accept=image/png"), "image/png"))
            assert (pixels == grey).all(), f"{u}: {pixels[0, 0]}"
    for bad, status in (("0", 400), ("6", 404), ("x", 400), ("1,2", 400)):
        web.assert_problem(get(url(env, a.multi, f"/frames/{bad}/rendered"), "image/jpeg", None), status)


def test_caching(env):
    """One object's picture never changes; a series' is asked for again."""
    a = archive(env)
    first = a.study[0]
    tags = set()
    for u in (url(env, first, "/thumbnail"), url(env, first, "/rendered"), url(env, first, "/rendered?viewport=9,9"),
              url(env, first, "/rendered?window=1,2"), url(env, first, "/rendered?accept=image/png")):
        r = get(u, "image/jpeg")
        assert "immutable" in r.headers["Cache-Control"] and "private" in r.headers["Cache-Control"], r.headers
        tags.add(r.headers["ETag"])
        assert get(u, "image/jpeg", 304, headers={"If-None-Match": r.headers["ETag"]}).content == b""
    assert len(tags) == 5, tags
    r = get(f"{series(env, first)}/thumbnail", "image/jpeg")
    assert "no-cache" in r.headers["Cache-Control"], r.headers
    get(f"{series(env, first)}/thumbnail", "image/jpeg", 304, headers={"If-None-Match": r.headers["ETag"]})


def plain(row):
    """A sample that DCMTK shows by the same rules as we do: with a window, of eight bits, or in colour."""
    if (row["path"].startswith(("malformed/", "volume-series/")) or row["transfer_syntax_uid"] not in TOOLS or not row["rows"]
            or row["dcmtk_parse"] not in ("ok", "warn") or row["dcmtk_decode"] == "no" or int(row["size"]) > 4 << 20):
        return None
    ds = pydicom.dcmread(samples.path(row["path"]), force=True, stop_before_pixels=True)
    if "Rows" not in ds or not all(ds.get(k) for k in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")):
        return None
    if row["bits_stored"] == "1":  # DCMTK draws a set bit as 128
        return None
    if "WindowCenter" in ds:  # one narrower than 1 is beyond LINEAR: DCMTK passes over it
        return (ds, ["+Wi", "1"]) if float(np.ravel(ds.WindowWidth)[0]) >= 1 else None
    if "VOILUTSequence" in ds:
        return ds, ["+Wl", "1"]
    wide = row["photometric"].startswith("MONO") and (int(row["bits_stored"] or 16) > 8 or row["signed"] == "1")
    return None if wide or "PixelPaddingValue" in ds else (ds, [])


def beside_dcmtk(server, path, ds, options, tool):
    """How far our picture is from DCMTK's in grey levels, or why that cannot be said."""
    code, theirs = fixtures.run(fixtures.tool(tool), "-a", "-O", "--write-png", *options, path, path + ".png", check=False)
    if code != 0:
        return "it makes none"
    u = f"{server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
    ours = picture(get(u + "/frames/1/rendered?overlays=no&accept=image/png"), "image/png")
    theirs = Image.open(path + ".png")
    if ours.size != theirs.size:
        return "pixels that are not square"  # each has a filter of its own
    mode = "L" if theirs.mode in ("L", "1", "I;16") else "RGB"
    return int(np.abs(np.asarray(ours.convert(mode)).astype(int) - np.asarray(theirs.convert(mode)).astype(int)).max())


def test_pictures_beside_dcmtk(env):
    """Equal within one grey level, over the samples. YBR within two: DCMTK's conversion cuts off fractions."""
    fixtures.tool("dcmj2pnm")
    chosen, seen = {}, set()
    for row in samples.rows():
        found = plain(row)
        if found and str(found[0].SOPInstanceUID) not in seen:
            seen.add(str(found[0].SOPInstanceUID))
            copy = os.path.join(env.folder, f"dcmtk-{len(seen)}.dcm")
            os.symlink(samples.path(row["path"]), copy)
            chosen[row["path"]] = (copy, *found, TOOLS[row["transfer_syntax_uid"]])
    server = env.fresh()
    server.importing(*(c[0] for c in chosen.values()))
    wrong, same = [], collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(beside_dcmtk, server, *c) for name, c in chosen.items()}
        for name, job in jobs.items():
            far = job.result()
            same[far if isinstance(far, str) else "within one level" if far <= 1 else "within two"] += 1
            ybr = "YBR" in str(chosen[name][1].get("PhotometricInterpretation", ""))
            if not isinstance(far, str) and far > (2 if ybr else 1):
                wrong.append(f"{name}: {far} levels apart")
    assert not wrong, f"{len(wrong)} of {len(chosen)}: " + "; ".join(wrong[:20])
    assert same["within one level"] >= len(chosen) * 0.6, same
    print(f"    {dict(same)}", flush=True)


def test_every_sample(env):
    """Whatever is stored, broken or not: a picture or a plain refusal, and the server goes on."""
    if env.quick:
        raise fixtures.Skip("the whole corpus")
    server = env.fresh()
    server.importing(samples.FOLDER)
    counts = collections.Counter()

    def ask(row):
        u = "/".join(f"{k}/{web.value(row, t)}" for k, t in (("studies", "0020000D"), ("series", "0020000E"), ("instances", "00080018")))
        out = []
        for kind, fine in (("thumbnail", (200, 404)), ("rendered", (200, 406))):
            r = get(f"{server.web}/{u}/{kind}", BROWSER, None)
            out.append((kind, r.status_code, None if r.status_code in fine else f"{u}/{kind}: {r.status_code} {r.text[:200]}"))
            if r.status_code == 200 and r.headers["Content-Type"] == "image/jpeg":
                picture(r)
        return out

    rows = web.query(f"{server.web}/instances?limit=100000")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [x for out in pool.map(ask, rows) for x in out]
    for kind, status, _ in answers:
        counts[f"{kind} {status}"] += 1
    wrong = [w for _, _, w in answers if w]
    assert not wrong, f"{len(wrong)} of {len(rows)}: " + "; ".join(wrong[:10])
    server.assert_alive()
    print(f"    {dict(counts)}", flush=True)
