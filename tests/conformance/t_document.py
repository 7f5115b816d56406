"""What is no plain image, as PS3.18 §8.7.4 renders it: reports, waveforms, documents, and what is drawn over an image."""

import io
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

import numpy as np
import pydicom
import requests
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from lib import dimse, fixtures, objects, samples, web
from lib.web import get

PAGE = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"  # a browser going somewhere
IMG = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"  # its <img>
PAYLOAD = "\"'><script>alert(1)</script>"
NO_IMAGE = dict.fromkeys(("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
                          "PhotometricInterpretation", "WindowCenter", "WindowWidth", "RescaleSlope", "RescaleIntercept", "PixelSpacing",
                          "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness", "ImageType"))
SR, KO = "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.59"


class Archive:
    pass


def item(**attributes):
    ds = Dataset()
    for k, v in attributes.items():
        setattr(ds, k, v)
    return ds


def code(value, meaning):
    return Sequence([item(CodeValue=value, CodingSchemeDesignator="99TEST", CodeMeaning=meaning)])


def content(kind, name, relation="CONTAINS", **attributes):
    return item(RelationshipType=relation, ValueType=kind, ConceptNameCodeSequence=code("1", name), **attributes)


def reference(ds, **more):
    return Sequence([item(ReferencedSOPClassUID=ds.SOPClassUID, ReferencedSOPInstanceUID=ds.SOPInstanceUID, **more)])


def report(sop_class=SR, title="Chest report", **attributes):
    return objects.make(sop_class=sop_class, Modality="SR", ValueType="CONTAINER", ContinuityOfContent="SEPARATE",
                        ConceptNameCodeSequence=code("2", title), CompletionFlag="COMPLETE", VerificationFlag="UNVERIFIED",
                        **NO_IMAGE, **attributes)


def archive(env):
    return env.once("archive", lambda: fill(env))


def fill(env):
    a = Archive()
    a.ct = objects.make(rows=32, columns=32, PixelData=b"\x18\x04" * 1024, SliceThickness="2")
    a.absent = objects.make(StudyInstanceUID=a.ct.StudyInstanceUID)
    a.sr = report(StudyInstanceUID=a.ct.StudyInstanceUID, StudyDescription=PAYLOAD, ContentSequence=Sequence([
        content("TEXT", "Finding", TextValue="Größe 14 mm <b>&amp;" + PAYLOAD),
        content("NUM", "Length", MeasuredValueSequence=Sequence([item(NumericValue="14.2", MeasurementUnitsCodeSequence=Sequence([
            item(CodeValue="mm", CodingSchemeDesignator="UCUM", CodeMeaning="millimeter")]))])),
        content("IMAGE", "Here", ReferencedSOPSequence=reference(a.ct)),
        content("IMAGE", "Not yet", ReferencedSOPSequence=reference(a.absent))]))
    a.ko = report(KO, "Of Interest", StudyInstanceUID=a.ct.StudyInstanceUID, ContentSequence=Sequence([
        content("IMAGE", "Gone", ReferencedSOPSequence=reference(a.absent)),
        content("IMAGE", "Key", ReferencedSOPSequence=reference(a.ct))]))
    store(env, a.ct, a.sr, a.ko)
    return a


def store(env, *list_):
    for ds in list_:
        status, = dimse.store(env.server, [ds])
        assert status.Status == 0, status


def url(env, ds, below="/rendered"):
    return f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}{below}"


def pixels(response):
    return np.asarray(Image.open(io.BytesIO(response.content)).convert("RGB")).astype(int)


def colourful(p):
    """Which pixels are clearly no grey."""
    return p.max(axis=2) - p.min(axis=2) > 20


def assert_harmless(response):
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "script" not in policy, policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "<script" not in response.text


def test_report_as_a_page(env):
    a = archive(env)
    for accept in (PAGE, "*/*", None, "text/html"):
        r = get(url(env, a.sr), accept)
        assert r.headers["Content-Type"] == "text/html; charset=utf-8"
        assert_harmless(r)
    text = r.content.decode()
    for part in ("<h1>Chest report</h1>", "Größe 14 mm &lt;b&gt;&amp;amp;&quot;&#39;&gt;&lt;script&gt;", "14.2 mm (millimeter)",
                 "complete, not verified", "Test, Anna"):
        assert part in text, (part, text)
    links = re.findall('href="([^"]*)"', text)
    assert links == [url(env, a.ct)[len(env.server.http):]], links
    get(env.server.http + links[0], "image/png")


def test_a_page_learns_of_new_objects(env):
    """Caches ask again; once the object is here, the page is another one, with a link to it."""
    a = archive(env)
    sr = report(ContentSequence=Sequence([content("IMAGE", "Later", ReferencedSOPSequence=reference(a.absent))]))
    store(env, sr)
    r = get(url(env, sr), "text/html")
    assert "no-cache" in r.headers["Cache-Control"] and "href" not in r.text
    again = {"headers": {"If-None-Match": r.headers["ETag"]}}
    get(url(env, sr), "text/html", 304, **again)
    later = objects.make(StudyInstanceUID=generate_uid())
    later.SOPInstanceUID = later.file_meta.MediaStorageSOPInstanceUID = a.absent.SOPInstanceUID
    store(env, later)
    r = get(url(env, sr), "text/html", 200, **again)
    assert url(env, later)[len(env.server.http):] in r.text
    assert requests.delete(url(env, later, "")).status_code == 204
    assert "href" not in get(url(env, sr), "text/html").text


def test_report_as_text_and_picture(env):
    a = archive(env)
    r = get(url(env, a.sr), "text/plain")
    assert r.headers["Content-Type"] == "text/plain; charset=utf-8" and "Length: 14.2 mm (millimeter)\n" in r.text
    for accept, size in ((IMG, (196, 255)), ("image/png", (196, 255))):
        p = pixels(get(url(env, a.sr, "/thumbnail"), accept))
        assert abs(p.shape[1] - size[0]) <= 2 and abs(p.shape[0] - size[1]) <= 2 and (p < 100).any() and (p > 250).any()
    assert pixels(get(url(env, a.sr, "/rendered?viewport=600,600"), "image/png")).shape[0] in (599, 600)
    web.assert_problem(get(url(env, a.sr), "audio/ogg", None), 406)


def test_report_as_pdf(env):
    """PS3.18 §8.7.4: a text report may be had as PDF. Poppler's pdftotext reads what a person would."""
    long = report(ContentSequence=Sequence([content("TEXT", f"Finding {n}", TextValue=f"Größe {n} mm, 左肺. " + "every word of it " * 30) for n in range(40)]))
    drawn = content("SCOORD", "Path", GraphicType="POLYLINE", GraphicData=[1.5, 2.5, 3.5, 4.5])
    drawn.ContentSequence = Sequence([content("TEXT", "Below it", TextValue="not printed")])
    long.ContentSequence.extend([drawn, content("UIDREF", "Tracking", UID="1.2.3.4.5"), content("TEXT", "Last", TextValue="after it")])
    store(env, long)
    r = get(url(env, long), "application/pdf")
    assert r.content.startswith(b"%PDF-1.") and r.headers["Content-Type"] == "application/pdf"
    assert r.content == get(url(env, long), "application/pdf").content
    if not shutil.which("pdftotext"):
        return
    text = subprocess.run(["pdftotext", "-layout", "-", "-"], input=r.content, capture_output=True, check=True).stdout.decode()
    pages = text.rstrip("\f").split("\f")
    assert len(pages) >= 4 and [p.split()[-1] for p in pages] == [str(n + 1) for n in range(len(pages))], [p.split()[-1:] for p in pages]
    words = " ".join(text.split())
    for part in ("Chest report", "Patient: Test, Anna", "complete, not verified", "Finding 0: Größe 0 mm,", "Finding 39: Größe 39 mm,", "Last: after it"):
        assert part in words, (part, words[:600])
    assert not any(part in words for part in ("POLYLINE", "1.2.3.4.5", "not printed"))  # what is for programs alone
    assert words.count("every word of it") >= 40 * 30 - len(pages)  # one may be broken by a page's number
    assert max(len(line) for line in text.splitlines()) < 140


def test_key_objects_are_what_they_select(env):
    a = archive(env)
    assert (pixels(get(url(env, a.ko), "image/png")) == pixels(get(url(env, a.ct), "image/png"))).all()
    assert get(url(env, a.ko), IMG).headers["Content-Type"].startswith("image/")
    assert (pixels(get(url(env, a.ko, "/thumbnail"), "image/png")) == pixels(get(url(env, a.ct, "/thumbnail"), "image/png"))).all()
    assert "Of Interest" in get(url(env, a.ko), PAGE).text
    lost = report(KO, "Lost", ContentSequence=Sequence([content("IMAGE", "Gone", ReferencedSOPSequence=reference(a.absent))]))
    store(env, lost)
    assert (pixels(get(url(env, lost, "/thumbnail"), "image/png")) > 250).mean() > 0.5  # a card


def test_report_beside_dsrdump(env):
    """Every word that DCMTK finds in a report is in ours."""
    samples.need_whole()
    dump = fixtures.tool("dsrdump")
    folder = os.path.join(samples.FOLDER, "modalities")
    files = [os.path.join(p, f) for d in ("sr", "ko") for p, _, names in os.walk(os.path.join(folder, d)) for f in sorted(names)]
    env.server.importing(*files)
    compared = words_seen = 0
    for path in files:
        out = subprocess.run([dump, "-q", "+Pl", "+U8", "-Ee", "-Ec", "-Er", "-Ev", path], capture_output=True)
        if out.returncode != 0 or b"<" not in out.stdout:
            continue
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        text = get(url(env, ds), "text/plain").content.decode()
        page = get(url(env, ds), "text/html").content.decode()
        have, have_page = (set(re.findall(r"\w+", t + re.sub("[-:]", "", t) + re.sub(r"(?<=\d)[-: ]+(?=\d)", "", t))) for t in (text, page))
        for line in out.stdout.decode("utf-8", "replace").splitlines():
            if not line.lstrip().startswith("<"):
                continue
            for quoted in line.split('"')[1::2]:
                words = set(re.findall(r"\w+", re.sub(r"\\[rn]", " ", quoted)))
                assert words <= have, (path, quoted, words - have)
                assert words <= have_page, (path, quoted, words - have_page)
                words_seen += len(words)
        compared += 1
    print(f"    {compared} reports, {words_seen} words")
    assert compared >= 10 and words_seen > 500


def ecg(**attributes):
    samples_ = (np.sin(np.arange(2500) / 40) * 800).astype("<i2")
    group = item(WaveformOriginality="ORIGINAL", NumberOfWaveformChannels=1, NumberOfWaveformSamples=2500, SamplingFrequency="250",
                 ChannelDefinitionSequence=Sequence([item(
                     ChannelLabel=PAYLOAD[:16], ChannelSensitivity="1", ChannelSensitivityUnitsSequence=Sequence([
                         item(CodeValue="uV", CodingSchemeDesignator="UCUM", CodeMeaning="microvolt")]))]),
                 WaveformBitsAllocated=16, WaveformSampleInterpretation="SS", WaveformData=samples_.tobytes())
    group["WaveformData"].VR = "OW"
    return objects.make(sop_class="1.2.840.10008.5.1.4.1.1.9.1.2", Modality="ECG", WaveformSequence=Sequence([group]), **NO_IMAGE, **attributes)


def test_waveform(env):
    ds = ecg(PatientName=PAYLOAD)
    store(env, ds)
    for accept in (PAGE, IMG, "*/*", "image/svg+xml"):
        r = get(url(env, ds), accept)
        if accept == PAGE and r.headers["Content-Type"] != "image/svg+xml":
            continue  # a picture that the browser named is as good
        assert r.headers["Content-Type"] == "image/svg+xml", (accept, r.headers["Content-Type"])
        assert_harmless(r)
    root = xml.etree.ElementTree.fromstring(r.content)
    assert root.tag.endswith("svg") and root.attrib["width"].endswith("mm")
    lines = [e for e in root.iter() if e.tag.endswith("polyline") and len(e.attrib["points"].split()) > 1000]
    assert len(lines) == 1
    xy = np.array([[float(v) for v in p.split(",")] for p in lines[0].attrib["points"].split()])
    assert abs(np.ptp(xy[:, 0]) - 250) < 0.2  # 10 s at 25 mm/s
    assert abs(np.ptp(xy[:, 1]) - 16) < 0.1  # 1.6 mV at 10 mm/mV
    p = pixels(get(url(env, ds), "image/png"))
    assert p.shape[1] > 2000 and colourful(p).mean() > 0.05 and (p.max(axis=2) < 60).mean() > 0.001
    assert pixels(get(url(env, ds, "/thumbnail"), "image/jpeg")).shape[1] == 256
    part = pixels(get(url(env, ds, "/rendered?viewport=300,200,100,50,300,200"), "image/png"))
    assert (part == p[50:250, 100:400]).all()


def test_documents(env):
    made = {}
    for number, mime, body in (("1", "application/pdf", b"%PDF-1.4\n%%EOF\n"), ("2", "text/xml", b"<?xml version='1.0'?><a><script/></a> "),
                               ("3", "model/stl", b"solid x\nendsolid x\n "), ("4", "model/obj", b"v 0 0 0\n"), ("5", "model/mtl", b"newmtl a\n")):
        ds = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.104." + number, Modality="DOC", MIMETypeOfEncapsulatedDocument=mime,
                          EncapsulatedDocument=body + b"\0" * (len(body) % 2), EncapsulatedDocumentLength=len(body), **NO_IMAGE)
        store(env, ds)
        made[mime] = ds
        for accept in (mime, "*/*", PAGE):
            r = get(url(env, ds), accept)
            assert r.headers["Content-Type"] == mime and r.content == body, (mime, accept, r.headers)
        if mime != "application/pdf":
            assert "sandbox" in r.headers["Content-Security-Policy"] and r.headers["Content-Disposition"] == "attachment"
            web.assert_problem(get(url(env, ds, "/thumbnail"), IMG, None), 404)
        assert r.headers["X-Content-Type-Options"] == "nosniff"
    part = get(url(env, made["application/pdf"]), "application/pdf", 206, headers={"Range": "bytes=1-3"})
    assert part.content == b"PDF"


def small_pdf():
    """A page of 595 x 842 points, its lower half red."""
    body = b"1 0 0 rg 0 0 595 421 re f"
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
             b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
             b"<< /Length %d >>\nstream\n%s\nendstream" % (len(body), body)]
    out, at = b"%PDF-1.4\n", []
    for i, part in enumerate(parts):
        at.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i + 1, part)
    table = b"".join(b"%010d 00000 n \n" % a for a in at)
    return out + b"xref\n0 5\n0000000000 65535 f \n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (table, len(out))


def test_first_page_of_a_pdf(env):
    """By Poppler's pdftoppm, where the system has it."""
    fixtures.tool("pdftoppm")
    good, broken = (objects.make(sop_class="1.2.840.10008.5.1.4.1.1.104.1", Modality="DOC", MIMETypeOfEncapsulatedDocument="application/pdf",
                                 EncapsulatedDocument=body + b"\0" * (len(body) % 2), **NO_IMAGE)
                    for body in (small_pdf(), b"%PDF-1.4\nnothing more"))
    store(env, good, broken)
    p = pixels(get(url(env, good, "/thumbnail"), "image/png"))
    assert abs(p.shape[0] - 256) <= 1 and abs(p.shape[1] - 181) <= 1
    assert (p[:120] == 255).all() and (p[136:] == (255, 0, 0)).all()
    assert get(url(env, good), IMG).headers["Content-Type"] == "application/pdf"
    assert pixels(get(url(env, good, "/rendered?viewport=100,100"), "image/jpeg")).shape[0] == 100
    web.assert_problem(get(url(env, broken, "/thumbnail"), IMG, None), 404)
    web.assert_problem(get(url(env, broken), "image/png", None), 406)


VIDEOS = ("h264-bd41", "h264-hp41-fragmentable", "h264-hp41-mp4", "h264-hp41-ts", "h264-hp42-2d", "hevc-main10-51", "hevc-main51",
          "mpeg2-mp-hl", "mpeg2-mp-ml-es", "mpeg2-mp-ml-ts")


def make_video(stream):
    ds = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.77.1.1.1", syntax="1.2.840.10008.1.2.4.102", Modality="ES", NumberOfFrames="24",
                      BitsAllocated=8, BitsStored=8, HighBit=7)
    ds.PixelData = pydicom.encaps.encapsulate([stream[i:i + 10000] for i in range(0, len(stream), 10000)])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def frames_of(path, shape):
    """All frames of a video as ffmpeg decodes it from a file, in that size."""
    done = subprocess.run([fixtures.tool("ffmpeg"), "-nostdin", "-loglevel", "error", "-i", path, "-vf", f"scale={shape[1]}:{shape[0]}",
                           "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"], stdout=subprocess.PIPE, timeout=60, check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, *shape)


def test_video_without_a_decoder(env):
    """What to install is said where ffmpeg is not installed; that it cannot be shown, where it is."""
    ds = make_video(bytes(range(250)) * 200)
    store(env, ds)
    for path, accept, status in (("/thumbnail", IMG, 404), ("/rendered", "image/png", 406)):
        r = get(url(env, ds, path), accept, None)
        web.assert_problem(r, status)
        assert ("install ffmpeg" in r.text) == (shutil.which("ffmpeg") is None), r.text
    assert get(url(env, ds), "*/*").content == bytes(range(250)) * 200


def test_posters_of_videos(env):
    """By ffmpeg, where the system has it: one of the video's frames, whatever the codec and the container."""
    fixtures.tool("ffmpeg")
    samples.need_whole()
    folder = env.tmp()
    for name in VIDEOS:
        ds = pydicom.dcmread(samples.path(f"transfer-syntaxes/video/syn-{name}.dcm"))
        stream = b"".join(list(pydicom.encaps.generate_fragments(ds.PixelData))[1:])
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(stream)
        store(env, ds)
        r = get(url(env, ds), "image/png")
        p = pixels(r)
        assert p.shape[0] == ds.Rows and p.std() > 20, (name, p.shape, p.std())
        away = np.abs(frames_of(path, p.shape)[:, ::8, ::8].astype(int) - p[::8, ::8]).mean((1, 2, 3)).min()
        assert away < 2, (name, away)
        small = pixels(get(url(env, ds, "/thumbnail"), IMG))
        assert max(small.shape[:2]) == 256 and abs(small.shape[1] / small.shape[0] - p.shape[1] / p.shape[0]) < 0.02, (name, small.shape)
        assert get(url(env, ds), "image/png", 304, headers={"If-None-Match": r.headers["ETag"]}).content == b""
        assert get(url(env, ds), "*/*").headers["Content-Type"].startswith("video/")
        web.assert_problem(get(url(env, ds, "/frames/2/rendered"), "image/png", None), 406)
    series = f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"
    assert max(pixels(get(series + "/thumbnail", IMG)).shape) == 256


def segmentation(ct, mask, **attributes):
    rows, columns = mask.shape
    frame = item(PlanePositionSequence=Sequence([item(ImagePositionPatient=ct.ImagePositionPatient)]),
                 SegmentIdentificationSequence=Sequence([item(ReferencedSegmentNumber=1)]),
                 DerivationImageSequence=Sequence([item(SourceImageSequence=reference(ct))]))
    return objects.make(
        sop_class="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG", rows=rows, columns=columns, StudyInstanceUID=ct.StudyInstanceUID,
        FrameOfReferenceUID=ct.FrameOfReferenceUID, SegmentationType="BINARY", NumberOfFrames="1", BitsAllocated=1, BitsStored=1, HighBit=0,
        PixelData=np.packbits(mask.ravel(), bitorder="little").tobytes(), WindowCenter=None, WindowWidth=None, RescaleSlope=None,
        RescaleIntercept=None, PixelSpacing=None, ImagePositionPatient=None, ImageOrientationPatient=None, SliceThickness=None,
        SegmentSequence=Sequence([item(SegmentNumber=1, SegmentLabel="Box", RecommendedDisplayCIELabValue=[34885, 53485, 50171])]),
        SharedFunctionalGroupsSequence=Sequence([item(
            PixelMeasuresSequence=Sequence([item(PixelSpacing=["0.5", "0.5"], SliceThickness="2")]),
            PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=ct.ImageOrientationPatient)]))]),
        PerFrameFunctionalGroupsSequence=Sequence([frame]), **attributes)


def test_segments_over_their_image(env):
    a = archive(env)
    mask = np.zeros((32, 32), np.uint8)
    mask[8:16, 4:12] = 1
    seg = segmentation(a.ct, mask)
    store(env, seg)
    p = pixels(get(url(env, seg, "/rendered?viewport=320,320"), "image/png"))
    base = pixels(get(url(env, a.ct, "/rendered?viewport=320,320"), "image/png"))
    assert p.shape == (320, 320, 3)
    inside = np.kron(mask, np.ones((10, 10))) > 0
    assert colourful(p)[inside].mean() > 0.95
    outside = ~inside
    outside[:170, :130] = False  # its rim, and the name
    assert (p[outside] == base[outside]).all() and not colourful(p)[outside].any()
    red = p[inside]
    assert (red[:, 0] >= red[:, 1]).all() and (red[:, 0] >= red[:, 2]).all()
    assert colourful(pixels(get(url(env, seg, "/frames/1/rendered"), "image/png"))).any()
    alone = segmentation(a.absent, mask)
    alone.StudyInstanceUID = generate_uid()
    alone.FrameOfReferenceUID = generate_uid()
    store(env, alone)
    p = pixels(get(url(env, alone, "/rendered?viewport=320,320"), "image/png"))
    assert (p[outside] == 0).all() and colourful(p)[inside].mean() > 0.95


def test_structures_and_dose(env):
    a = archive(env)
    corner = [float(v) for v in a.ct.ImagePositionPatient]
    box = [[4, 4], [12, 4], [12, 12], [4, 12]]  # mm: pixels 8.5 to 24.5
    data = [str(v) for x, y in box for v in (corner[0] + x, corner[1] + y, corner[2])]
    rs = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT", StudyInstanceUID=a.ct.StudyInstanceUID, **NO_IMAGE,
                      ReferencedFrameOfReferenceSequence=Sequence([item(FrameOfReferenceUID=a.ct.FrameOfReferenceUID)]),
                      StructureSetROISequence=Sequence([item(ROINumber="1", ROIName="Box")]),
                      ROIContourSequence=Sequence([item(ReferencedROINumber="1", ROIDisplayColor=["0", "0", "255"], ContourSequence=Sequence([
                          item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints="4", ContourData=data)]))]))
    dose = np.zeros((2, 16, 16), "<u4")
    dose[1, 4:12, 4:12] = 1000
    rd = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE", rows=16, columns=16, StudyInstanceUID=a.ct.StudyInstanceUID,
                      FrameOfReferenceUID=a.ct.FrameOfReferenceUID, NumberOfFrames="2", BitsAllocated=32, BitsStored=32, HighBit=31,
                      PixelData=dose.tobytes(), PixelSpacing=["1", "1"], ImagePositionPatient=[str(corner[0]), str(corner[1]), str(corner[2] - 3)],
                      GridFrameOffsetVector=["0", "3"], DoseGridScaling="0.05", DoseUnits="GY", WindowCenter=None, WindowWidth=None,
                      RescaleSlope=None, RescaleIntercept=None)
    store(env, rs, rd)
    base = pixels(get(url(env, a.ct, "/rendered?viewport=320,320"), "image/png"))
    p = pixels(get(url(env, rs, "/rendered?viewport=320,320"), "image/png"))
    assert colourful(p)[100:230, 100:230].all() and (p[260:, 260:] == base[260:, 260:]).all()
    assert (p[100:230, 100:230, 2] > p[100:230, 100:230, 0]).all()
    p = pixels(get(url(env, rd, "/rendered?viewport=320,320"), "image/png"))  # the second frame, on the CT
    assert colourful(p)[110:220, 110:220].all() and (p[:60, :60] == base[:60, :60]).all()
    assert (p[110:220, 110:220, 0] > p[110:220, 110:220, 2]).all()  # the maximum is red


def test_parametric_map(env):
    values = np.linspace(0, 1, 32 * 32, dtype="<f4").reshape(32, 32)
    ds = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.30", rows=32, columns=32, BitsAllocated=32, BitsStored=None, HighBit=None,
                      PixelRepresentation=None, PixelData=None, FloatPixelData=values.tobytes(), NumberOfFrames="1", WindowCenter=None,
                      WindowWidth=None, RescaleSlope=None, RescaleIntercept=None)
    store(env, ds)
    p = pixels(get(url(env, ds, "/rendered?viewport=64,64"), "image/png"))
    assert colourful(p).all()
    light = p @ np.array([0.3, 0.59, 0.11])
    assert (np.diff(light.mean(axis=1)) > 0).all()  # ever lighter downwards
    web.assert_problem(get(url(env, ds, "/frames/2/rendered"), "image/png", None), 404)


def test_each_sample_is_shown(env):
    """Every object of these kinds among the samples has a picture, and within a moment."""
    samples.need_whole()
    kinds = ("sr", "ko", "waveform", "seg", "rt", "parametric-map")
    rows = [r for r in samples.rows() if r["path"].split("/")[:2] in [["modalities", k] for k in kinds]]
    env.server.importing(*(os.path.join(samples.FOLDER, "modalities", k) for k in kinds))
    without = []
    for row in rows:
        ds = pydicom.dcmread(samples.path(row["path"]), stop_before_pixels=True, force=True)
        r = get(url(env, ds, "/thumbnail"), "image/png", None)
        if r.status_code == 200:
            assert pixels(r).size > 0
        else:
            without.append(row["sop_class"])
    assert len(rows) > 60 and set(without) <= {"RT Plan Storage", "Real World Value Mapping Storage"}, without
