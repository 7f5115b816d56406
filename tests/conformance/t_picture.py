"""The parameters of rendered pictures, the formats they come in, WADO-URI.   PS3.18 §8.3.5.1, §9"""

import concurrent.futures
import io
import os
import struct

import numpy as np
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from lib import dimse, fixtures, objects, samples, web
from lib.web import get

PLAIN = dict(BitsAllocated=8, BitsStored=8, HighBit=7, WindowCenter=None, WindowWidth=None, RescaleIntercept=None, RescaleSlope=None)
FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}


class Archive:
    pass


def archive(env):
    return env.once("archive", lambda: fill(env))


def fill(env):
    a, s = Archive(), env.server
    values = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)  # row + column
    a.values = values
    a.grey = objects.make(rows=40, columns=60, PixelData=values.tobytes(), **PLAIN)
    a.words = objects.make(rows=16, columns=64, PixelData=struct.pack("<1024H", *range(0, 4096, 4)), WindowCenter="2048",
                           WindowWidth="4096", RescaleIntercept="0")
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[:4], rgb[4:] = (255, 0, 0), (0, 200, 100)
    a.rgb = objects.make(rows=8, columns=8, PixelData=rgb.tobytes(), SamplesPerPixel=3, PhotometricInterpretation="RGB",
                         PlanarConfiguration=0, **PLAIN)
    frames = [bytes([40 * i]) * 512 for i in range(1, 6)]
    a.multi = objects.make(NumberOfFrames="5", rows=16, columns=32, PixelData=b"".join(frames), CineRate="4", **PLAIN)
    a.series = [objects.make(rows=20, columns=20, PixelData=bytes([30 * i]) * 400, InstanceNumber=str(i), StudyInstanceUID=a.grey.StudyInstanceUID,
                             SeriesInstanceUID=a.grey.SeriesInstanceUID + ".7", SeriesNumber="7", **PLAIN) for i in range(1, 8)]
    a.padded = objects.make(rows=2, columns=2, PixelData=bytes([0, 255, 9, 100]), PixelPaddingValue=255, **PLAIN)
    a.padded.SOPClassUID = a.padded.file_meta.MediaStorageSOPClassUID = objects.SECONDARY_CAPTURE
    segments = bytes([127]) + bytes(range(128)) + bytes([0x81, 77])  # PackBits: what is there of 400 pixels
    a.damaged = objects.make(rows=20, columns=20, syntax="1.2.840.10008.1.2.5", **PLAIN)
    a.damaged.PixelData = encapsulate([struct.pack("<16I", 1, 64, *[0] * 14) + segments + b"\0"])
    a.damaged["PixelData"].VR, a.damaged["PixelData"].is_undefined_length = "OB", True
    a.cut = objects.make(rows=20, columns=20, **{**PLAIN, "PixelData": bytes([60]) * 300})
    a.overlay = objects.make(rows=4, columns=8, PixelData=bytes([90]) * 32, **PLAIN)
    group = Dataset()
    group.add_new(0x60000010, "US", 4)
    group.add_new(0x60000011, "US", 8)
    group.add_new(0x60000040, "CS", "G")
    group.add_new(0x60000050, "SS", [1, 1])
    group.add_new(0x60000100, "US", 1)
    group.add_new(0x60000102, "US", 0)
    group.add_new(0x60003000, "OW", bytes([0x0F, 0, 0, 0x80]))
    a.overlay.update(group)
    a.shutter = objects.make(rows=4, columns=4, PixelData=bytes([90]) * 16, ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge="2",
                             ShutterRightVerticalEdge="3", ShutterUpperHorizontalEdge="2", ShutterLowerHorizontalEdge="3",
                             ShutterPresentationValue=0xFFFF, **PLAIN)
    for d in [a.grey, a.words, a.rgb, a.multi, *a.series, a.padded, a.damaged, a.cut, a.overlay, a.shutter]:
        status, = dimse.store(s, [d])
        assert status.Status == 0, status
    return a


def series(env, ds):
    return f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"


def url(env, ds, below="/rendered"):
    return f"{series(env, ds)}/instances/{ds.SOPInstanceUID}{below}"


def picture(response, kind):
    assert response.headers["Content-Type"] == kind, response.headers["Content-Type"]
    image = Image.open(io.BytesIO(response.content))
    image.load()
    assert image.format == FORMATS[kind], image.format
    return image


def pixels(env, ds, query="", below="/rendered"):
    return np.asarray(picture(get(url(env, ds, below) + "?accept=image/png" + query), "image/png")).astype(int)


def test_region_and_mirror(env):
    """viewport=vw,vh,sx,sy,sw,sh: which part, then how large; below zero: mirrored.   §8.3.5.1.3"""
    a = archive(env)
    v = a.values.astype(int)
    for query, want in (("60,40,10,5,20,10", v[5:15, 10:30]), ("60,40,,,60,40", v), ("60,40,50,30", v[30:, 50:]),
                        ("60,40,0,0,-60,40", v[:, ::-1]), ("60,40,0,0,60,-40", v[::-1]), ("60,40,,,-60,-40", v[::-1, ::-1])):
        got = pixels(env, a.grey, f"&viewport={query}")
        factor = min(60 // want.shape[1], 40 // want.shape[0])
        assert got.shape == (want.shape[0] * factor, want.shape[1] * factor), (query, got.shape)
        centre = slice(factor // 2, None, factor)
        assert np.abs(got[centre, centre] - want).max() <= 1, query
    for bad in ("60,40,60,0", "60,40,0,40", "60,40,x", "60,40,1,2,3,4,5", "60", "60,40,nan", "16384,16384"):
        web.assert_problem(get(f"{url(env, a.grey)}?viewport={bad}", "image/jpeg", None), 400)


def test_formats(env):
    """JPEG, PNG, WebP and GIF, as the client likes; a browser, which lists them all, gets JPEG."""
    a = archive(env)
    for kind in FORMATS:
        for ds in (a.grey, a.rgb):
            image = picture(get(url(env, ds), kind), kind)
            far = np.abs(np.asarray(image.convert("RGB")).astype(int) -
                         (np.repeat(a.values[:, :, None], 3, 2) if ds is a.grey else ds.pixel_array)).mean()
            assert far <= (0 if kind in ("image/png", "image/gif") else 12), (kind, far)
        assert picture(get(url(env, a.grey, "/thumbnail?viewport=30,30"), kind), kind).size == (30, 20)
    assert get(url(env, a.grey), "image/webp;q=0.5, image/gif").headers["Content-Type"] == "image/gif"
    assert get(url(env, a.grey), "image/avif,image/webp,image/*,*/*;q=0.8").headers["Content-Type"] == "image/jpeg"


def test_films(env):
    """A multi-frame image, some of its frames, a series: moving, as fast as the data set says."""
    a = archive(env)
    for kind in ("image/gif", "image/webp"):
        for u, greys, ms in ((url(env, a.multi), [40, 80, 120, 160, 200], 250), (url(env, a.multi, "/frames/5,1/rendered"), [200, 40], 250),
                             (f"{series(env, a.series[0])}/rendered", [30 * i for i in range(1, 8)], 100)):
            film = Image.open(io.BytesIO(get(u, kind).content))
            assert film.n_frames == len(greys), (u, film.n_frames)
            for i, grey in enumerate(greys):
                film.seek(i)
                got = np.asarray(film.convert("RGB"))
                assert np.abs(got.astype(int) - grey).max() <= (0 if kind == "image/gif" else 4), (u, i, got[0, 0])
                assert kind == "image/webp" or film.info["duration"] == ms, film.info
    assert Image.open(io.BytesIO(get(url(env, a.multi, "/frames/2/rendered"), "image/gif").content)).n_frames == 1
    assert Image.open(io.BytesIO(get(url(env, a.multi, "/thumbnail"), "image/gif").content)).n_frames == 1
    web.assert_problem(get(url(env, a.multi, "/frames/1,2/rendered"), "image/png", None), 400)
    web.assert_problem(get(url(env, a.multi, "/frames/1,9/rendered"), "image/gif", None), 404)


def test_sixteen_bits(env):
    a = archive(env)
    r = get(url(env, a.words) + "?bitDepth=16", "image/png")
    assert r.content[24] == 16
    got = np.asarray(Image.open(io.BytesIO(r.content))).astype(int).ravel()
    want = np.arange(0, 4096, 4) * 65535 / 4095
    assert np.abs(got - want).max() <= 17, np.abs(got - want).max()  # half a stored value
    assert len(set(got)) == 1024
    assert get(url(env, a.words) + "?bitDepth=16", "*/*").headers["Content-Type"] == "image/png"
    web.assert_problem(get(url(env, a.words) + "?bitDepth=16", "image/jpeg", None), 406)
    web.assert_problem(get(url(env, a.words) + "?bitDepth=12", "image/png", None), 400)


def test_annotation(env):
    """Who at the top, how at the bottom; a word that we do not know is told.   §8.3.5.1.1"""
    a = archive(env)
    plain = pixels(env, a.grey, "&viewport=480,320")
    for words, top, bottom in (("patient", True, False), ("technique", False, True), ("patient,technique", True, True)):
        drawn = pixels(env, a.grey, f"&viewport=480,320&annotation={words}") != plain
        assert drawn[:120].any() == top and drawn[200:].any() == bottom and not drawn[150:170].any(), words
    r = get(url(env, a.grey) + "?annotation=moon", "image/png")
    assert r.headers["Warning"].startswith("299 ") and "annotation" in r.headers["Warning"], r.headers


def test_colour_profiles(env):
    """iccprofile: embedded, and the colours in that space.   §8.3.5.1.5"""
    a = archive(env)

    def profile(ds, name, kind="image/png"):
        image = picture(get(url(env, ds) + f"?iccprofile={name}", kind), kind)
        icc = image.info.get("icc_profile")
        return image, icc and ImageCms.ImageCmsProfile(io.BytesIO(icc))

    assert profile(a.rgb, "no")[1] is None
    for kind in ("image/png", "image/jpeg", "image/webp"):
        image, icc = profile(a.rgb, "srgb", kind)
        assert icc is not None and image.mode == "RGB", kind
    image, icc = profile(a.rgb, "adobergb")
    assert np.abs(np.asarray(image)[0, 0].astype(int) - (219, 0, 0)).max() <= 2, np.asarray(image)[0, 0]
    back = ImageCms.profileToProfile(image, icc, ImageCms.createProfile("sRGB"), renderingIntent=1)
    assert np.abs(np.asarray(back).astype(int) - a.rgb.pixel_array).max() <= 3
    assert profile(a.grey, "yes")[1] is not None
    hostile = objects.make(rows=8, columns=8, PixelData=a.rgb.PixelData, SamplesPerPixel=3, PhotometricInterpretation="RGB",
                           PlanarConfiguration=0, ICCProfile=b"\xff" * 4000, **PLAIN)
    dimse.store(env.server, [hostile])
    for name in ("yes", "srgb"):
        r = get(url(env, hostile) + f"?iccprofile={name}", "image/png")
        assert r.headers["Warning"].startswith("299 "), r.headers
        assert (np.asarray(Image.open(io.BytesIO(r.content))) == a.rgb.pixel_array).all()
    env.server.assert_alive()
    web.assert_problem(get(url(env, a.rgb) + "?iccprofile=cmyk", "image/png", None), 400)


def test_padding_overlays_shutters(env):
    a = archive(env)
    assert (pixels(env, a.padded) == [[0, 0], [9, 100]]).all(), pixels(env, a.padded)
    want = np.full((4, 8), 90)
    assert (pixels(env, a.overlay, "&overlays=no") == want).all()
    want[0, :4], want[3, 7] = 255, 255
    assert (pixels(env, a.overlay) == want).all(), pixels(env, a.overlay)
    want = np.full((4, 4), 255)
    want[1:3, 1:3] = 90
    assert (pixels(env, a.shutter) == want).all(), pixels(env, a.shutter)


def test_damaged_frames(env):
    """What could be decoded is shown, and said to be not all."""
    a = archive(env)
    r = get(url(env, a.damaged), "image/png")
    got = np.asarray(picture(r, "image/png")).ravel()
    assert (got[:128] == range(128)).all() and (got[256:] == 0).all(), got[:300]
    assert r.headers["Warning"].startswith("299 ") and "damaged" in r.headers["Warning"], r.headers
    cut = get(url(env, a.cut), "image/png")
    got = np.asarray(picture(cut, "image/png")).ravel()
    assert (got[:300] == 60).all() and (got[300:] == 0).all() and "damaged" in cut.headers["Warning"], got
    again = get(url(env, a.damaged), "image/png")
    assert again.content == r.content and again.headers["Warning"] == r.headers["Warning"]
    assert "Warning" not in get(url(env, a.grey), "image/png").headers


def test_many_ask_at_once(env):
    """Each gets the same bytes."""
    a = archive(env)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: get(f"{series(env, a.series[0])}/rendered?viewport=300,300", "image/webp").content, range(10)))
    assert len(set(answers)) == 1


def test_wado_uri(env):
    """§9.4.1.2: the same by other names."""
    a = archive(env)
    base = env.server.web.replace("/dicom-web", "/wado")

    def ask(ds, query="", status=200):
        return get(f"{base}?requestType=WADO&studyUID={ds.StudyInstanceUID}&seriesUID={ds.SeriesInstanceUID}"
                   f"&objectUID={ds.SOPInstanceUID}{query}", None, status)

    def grey(ds, query):
        return np.asarray(picture(ask(ds, "&contentType=image/png" + query), "image/png")).astype(int)

    v = a.values.astype(int)
    assert picture(ask(a.grey), "image/jpeg").size == (60, 40)
    assert ask(a.multi).headers["Content-Type"] == "application/dicom"
    assert ask(a.grey, "&contentType=application/dicom").headers["Content-Type"] == "application/dicom"
    for kind in FORMATS:
        picture(ask(a.grey, f"&contentType={kind}"), kind)
    picture(ask(a.grey, "&contentType=image/jp2,image/png"), "image/png")
    assert (grey(a.grey, "") == v).all()
    assert (grey(a.grey, "&region=0.5,0.25,1.0,0.75") == v[10:30, 30:]).all()
    assert grey(a.grey, "&rows=20").shape == (20, 30)
    assert grey(a.grey, "&rows=20&columns=15").shape == (10, 15)
    assert (grey(a.multi, "&frameNumber=4") == 160).all()
    assert grey(a.words, "&windowCenter=3000&windowWidth=100").min() == 0
    assert len(ask(a.grey, "&imageQuality=5").content) < len(ask(a.grey, "&imageQuality=100").content)
    assert (grey(a.grey, "&annotation=patient&rows=320") != grey(a.grey, "&rows=320")).any()
    for bad in ("&region=0.5,0.5,0.5,1", "&region=0,0,2,1", "&region=1", "&rows=0", "&columns=x", "&windowCenter=5", "&windowWidth=5",
                "&windowCenter=5&windowWidth=0", "&imageQuality=101", "&frameNumber=0", "&frameNumber=1,2", "&frameNumber=x"):
        web.assert_problem(ask(a.multi, "&contentType=image/png" + bad, None), 400)
    web.assert_problem(ask(a.multi, "&contentType=image/png&frameNumber=6", None), 404)
    web.assert_problem(ask(a.grey, "&contentType=audio/ogg", None), 406)


def test_overlays_beside_dcmtk(env):
    """Where DCMTK draws what it finds."""
    samples.need_whole()
    names = ["photometric/syn-overlay-in-pixel-bits.dcm", "modalities/sc/dcmqa-I10.dcm"]
    server = env.fresh()
    server.importing(*(samples.path(n) for n in names))
    for n in names:
        ds = objects.read(samples.path(n))
        out = os.path.join(env.folder, os.path.basename(n) + ".png")
        fixtures.run(fixtures.tool("dcmj2pnm"), "-a", "+Omr", "--write-png", "+Ww", "1000", "3000", samples.path(n), out)
        theirs = np.asarray(Image.open(out).convert("L")).astype(int)
        u = f"{server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}/rendered?window=1000,3000"
        ours = np.asarray(picture(get(u, "image/png"), "image/png").convert("L")).astype(int)
        assert theirs.shape == ours.shape and np.abs(theirs - ours).max() <= 1, (n, np.abs(theirs - ours).max())
