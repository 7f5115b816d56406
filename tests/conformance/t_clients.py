"""What OHIF 3.13 and Cornerstone's WADO-RS loader ask of a server, as recorded on the wire: each kind of request, and
the rules that hide in their parsers. Searching as they do: t_qido. PS3.18 §8.7, §10"""

import os
import re

import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

from lib import objects, samples, web
from lib.web import get, parts_of, query, value

OCTETS = "multipart/related; type=application/octet-stream; transfer-syntax=*"
QUOTED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PDF, ECG, VIDEO = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.9.1.1", "1.2.840.10008.5.1.4.1.1.77.1.4.1"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
DOCUMENT = b"%PDF-1.4\n" + bytes(range(256)) * 40
SAMPLES = bytes(i % 251 for i in range(6000))
STREAM = b"\0\0\0\x20ftypisom" + bytes(i % 253 for i in range(70000))


def store(env, *datasets):
    return web.stow(f"{env.server.web}/studies", [objects.file_bytes(d) for d in datasets], 200)


def series(ds):
    return f"/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}"


def url(env, ds, below=""):
    return f"{env.server.web}{series(ds)}/instances/{ds.SOPInstanceUID}{below}"


def encapsulated(frames, syntax, **attributes):
    ds = objects.make(syntax=syntax, BitsAllocated=8, BitsStored=8, HighBit=7, **attributes)
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    return ds


def make_ecg(**attributes):
    group = Dataset()
    group.WaveformOriginality, group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = "ORIGINAL", 1, 3000
    group.SamplingFrequency, group.WaveformBitsAllocated, group.WaveformSampleInterpretation = "500", 16, "SS"
    group.WaveformData = SAMPLES
    group["WaveformData"].VR = "OW"
    return objects.make(sop_class=ECG, PixelData=None, WaveformSequence=[Dataset(), group], Modality="ECG", **attributes)


def archive(env):
    return env.once("archive", lambda: fill(env))


def fill(env):
    a = type("Archive", (), {})()
    a.ct = [objects.make(InstanceNumber=str(i), StudyInstanceUID="1.2.3.50", SeriesInstanceUID="1.2.3.51") for i in range(1, 4)]
    a.pdf = objects.make(sop_class=PDF, PixelData=None, EncapsulatedDocument=DOCUMENT, Modality="DOC",
                         MIMETypeOfEncapsulatedDocument="application/pdf")
    a.ecg = make_ecg()
    a.video = encapsulated([STREAM[:30000], STREAM[30000:]], "1.2.840.10008.1.2.4.102", sop_class=VIDEO, NumberOfFrames="24",
                           Modality="ES")
    a.jpeg_frames = [b"\xff\xd8" + bytes([i]) * 100 + b"\xff\xd9" for i in range(1, 4)]
    store(env, *a.ct, a.pdf, a.ecg, a.video)
    return a


def metadata(env, ds):
    row, = get(url(env, ds, "/metadata"), web.DICOM_JSON).json()
    return row


def bulk(env, ds, element):
    """The element's BulkDataURI as the viewer would resolve it: ours are relative to the server."""
    uri = element["BulkDataURI"]
    assert uri.startswith("/dicom-web/") and "?" not in uri, uri
    return env.server.http + uri


# ---- the list and the tree ----------------------------------------------------------------------

def test_series_preview(env):
    """Rows 3, 6."""
    ds = archive(env).ct[0]
    study = f"{env.server.web}/studies/{ds.StudyInstanceUID}"
    for path in ("/series?includefield=0008103E%2C00080021", "/series?includefield=00080021%2C00080031%2C0008103E%2C00200011",
                 f"/series?includefield=00080021&SeriesInstanceUID={ds.SeriesInstanceUID}"):
        row, = query(study + path)
        for tag in ("0020000E", "00080060", "00200011", "0008103E", "00080021", "00201209"):
            assert tag in row, f"{path}: no {tag}"
        assert value(row, "00201209") == 3 and value(row, "00080021") == "20260102"
    assert query(f"{study}/series?SeriesInstanceUID=1.2.3") == []


def test_several_studies_in_one_question(env):
    """Row 4: UIDs joined with a backslash."""
    a = archive(env)
    both = f"{a.ct[0].StudyInstanceUID}%5C{a.pdf.StudyInstanceUID}"
    rows = query(f"{env.server.web}/studies?limit=101&offset=0&StudyInstanceUID={both}")
    assert {value(r, "0020000D") for r in rows} == {a.ct[0].StudyInstanceUID, a.pdf.StudyInstanceUID}


def test_unknown_study_is_empty(env):
    """Row 26: the viewer shows a page of its own; a 404 would be an error to it."""
    archive(env)
    for path in ("/studies?StudyInstanceUID=1.2.3.4.5", "/studies/1.2.3.4.5/series", "/studies/1.2.3.4.5/instances",
                 "/studies/1.2.3.4.5/series/1.2/instances"):
        r = get(env.server.web + path, web.DICOM_JSON, (200, 204))
        assert r.status_code == 204 or r.json() == [], path


# ---- metadata -----------------------------------------------------------------------------------

def test_metadata_inlines_what_viewers_wait_for(env):
    """Rows 7, 21: overlays, palettes and private PET factors are in the metadata; pixels are not."""
    ds = objects.make()
    ds.add_new(0x60000010, "US", 512), ds.add_new(0x60000011, "US", 512), ds.add_new(0x60003000, "OW", bytes(32768))
    ds.RedPaletteColorLookupTableDescriptor = [4096, 0, 16]
    ds.RedPaletteColorLookupTableData = bytes(8192)
    ds["RedPaletteColorLookupTableData"].VR = "OW"
    block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.000551"), block.add_new(0x09, "DS", "1.5")
    store(env, ds)
    row = metadata(env, ds)
    assert row["70531000"] == {"vr": "DS", "Value": [0.000551]} and row["70531009"]["Value"] == [1.5]
    assert "InlineBinary" in row["60003000"] and "InlineBinary" in row["00281201"]
    assert "BulkDataURI" in row["7FE00010"] and "InlineBinary" not in row["7FE00010"]
    assert row["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]
    assert row["00100010"]["Value"] == [{"Alphabetic": "Test^Anna"}]


def test_metadata_of_all_levels_agree(env):
    """Rows 7, 8: with lazy loading off the whole study is asked for at once."""
    ds = archive(env).ct[0]
    whole = get(f"{env.server.web}/studies/{ds.StudyInstanceUID}/metadata", web.DICOM_JSON).json()
    part = get(f"{env.server.web}{series(ds)}/metadata", web.DICOM_JSON).json()
    assert whole == part and [r["00200013"]["Value"] for r in part] == [[1], [2], [3]]
    assert metadata(env, ds) == part[0]


# ---- frames -------------------------------------------------------------------------------------

def loader_frame(response):
    """The frame and its transfer syntax, found the way Cornerstone's loader finds them."""
    kind = response.headers["Content-Type"]
    if "multipart" not in kind:
        return response.content, re.search(r"transfer-syntax=([0-9.]+)", kind).group(1)
    body = response.content
    end = body.index(b"\r\n\r\n")
    head = body[:end].decode()
    boundary = next(line for line in head.split("\r\n") if line.startswith("--"))
    part = next(line for line in head.split("\r\n") if line.startswith("Content-Type:"))
    words = dict(w.strip().split("=") for w in part.split(";")[1:])
    start = end + 4
    return body[start:body.index(b"\r\n" + boundary.encode(), start)], words["transfer-syntax"]


def test_frames_through_the_loader(env):
    """Row 9: quoted and unquoted, stored syntax, length announced, the boundary nowhere in the data."""
    a = archive(env)
    ds = a.ct[0]
    jpeg = encapsulated(a.jpeg_frames, "1.2.840.10008.1.2.4.50", NumberOfFrames="3")
    store(env, jpeg)
    for accept in (OCTETS, QUOTED, "application/octet-stream; transfer-syntax=*"):
        r = get(url(env, ds, "/frames/1"), accept)
        assert loader_frame(r) == (ds.PixelData, "1.2.840.10008.1.2.1"), accept
        assert int(r.headers["Content-Length"]) == len(r.content)
        for n in (1, 2, 3):
            frame, syntax = loader_frame(get(url(env, jpeg, f"/frames/{n}"), accept))
            assert frame == a.jpeg_frames[n - 1] and syntax == "1.2.840.10008.1.2.4.50", (accept, n)


def test_frames_by_image_type(env):
    """Rows 10, 25: the media type of each syntax, with and without naming it; tiles several at once."""
    tiles = [bytes([i]) * 300 for i in range(1, 7)]
    for syntax, kinds in (("1.2.840.10008.1.2.4.50", ["image/jpeg"]), ("1.2.840.10008.1.2.4.70", ["image/jpeg"]),
                          ("1.2.840.10008.1.2.4.80", ["image/jls"]), ("1.2.840.10008.1.2.4.90", ["image/jp2"]),
                          ("1.2.840.10008.1.2.4.92", ["image/jpx"]), ("1.2.840.10008.1.2.4.201", ["image/jphc"]),
                          ("1.2.840.10008.1.2.5", ["image/dicom-rle", "image/x-dicom-rle"])):
        ds = encapsulated(tiles, syntax, NumberOfFrames="6")
        store(env, ds)
        for kind in kinds:
            for accept in (f'multipart/related; type="{kind}"; transfer-syntax={syntax}', f"multipart/related; type={kind}"):
                parts = parts_of(get(url(env, ds, "/frames/2,4,6"), accept))
                assert [b for _, b in parts] == [tiles[1], tiles[3], tiles[5]], (syntax, accept)
                assert all(h["Content-Type"] == f"{kind}; transfer-syntax={syntax}" for h, _ in parts), parts[0][0]
        web.assert_problem(get(url(env, ds, "/frames/1"), 'multipart/related; type="image/gif"', None), 406)


def test_partial_frames(env):
    """Row 11: the first 64 KiB, then the rest, over the multipart body: together they are the whole."""
    ds = objects.make(rows=256, columns=256)
    store(env, ds)
    u = url(env, ds, "/frames/1")
    whole = get(u, OCTETS)
    first = get(u, OCTETS, 206, headers={"Range": "bytes=0-65535"})
    rest = get(u, OCTETS, 206, headers={"Range": "bytes=65536-"})
    assert first.content + rest.content == whole.content
    assert first.headers["Content-Range"] == f"bytes 0-65535/{len(whole.content)}"
    assert first.headers["ETag"] == rest.headers["ETag"] == whole.headers["ETag"]
    assert get(u, OCTETS, 206, headers={"Range": "bytes=0-9", "If-Range": whole.headers["ETag"]}).content == whole.content[:10]
    assert get(u, OCTETS, 200, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).content == whole.content


# ---- whole objects, documents, waveforms, videos ------------------------------------------------

def test_whole_segmentation(env):
    """Row 12: Part 10 in multipart, as stored."""
    ds = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG")
    store(env, ds)
    (headers, body), = parts_of(get(url(env, ds), 'multipart/related; type="application/dicom"'))
    assert headers["Content-Type"].startswith("application/dicom")
    objects.assert_same(objects.file_bytes(ds), body, exact=True)


def test_document_in_a_browser(env):
    """Rows 13, 19: whatever the browser accepts, the PDF; never as anything else."""
    ds = archive(env).pdf
    for accept in (BROWSER, "*/*", None, "application/pdf"):
        r = get(url(env, ds, "/rendered"), accept)
        assert r.headers["Content-Type"] == "application/pdf" and r.headers["X-Content-Type-Options"] == "nosniff"
        assert r.content.rstrip(b"\0") == DOCUMENT
    assert get(url(env, ds, "/rendered"), BROWSER, 206, headers={"Range": "bytes=5-8"}).content == DOCUMENT[5:9]


def test_document_as_bulk_data(env):
    """Row 14: single part for */*, multipart where that is asked for, by either type."""
    ds = archive(env).pdf
    u = bulk(env, ds, metadata(env, ds)["00420011"])
    assert get(u, "*/*").content.rstrip(b"\0") == DOCUMENT
    both = 'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"'
    for accept, kind in ((both, "application/pdf"), ('multipart/related; type="application/octet-stream"', "application/octet-stream")):
        (headers, body), = parts_of(get(u, accept))
        assert headers["Content-Type"] == kind and body.rstrip(b"\0") == DOCUMENT


def test_waveform(env):
    """Row 15: raw bytes in a single part; also of an item below, and of a deflated object."""
    deflated = make_ecg(syntax="1.2.840.10008.1.2.1.99")
    store(env, deflated)
    for ds in (archive(env).ecg, deflated):
        element = metadata(env, ds)["54000100"]["Value"][1]["54001010"]
        r = get(bulk(env, ds, element), "application/octet-stream")
        assert r.headers["Content-Type"] == "application/octet-stream" and r.content == SAMPLES


def test_video(env):
    """Row 16: the stream of all fragments, with ranges; no frames."""
    ds = archive(env).video
    r = get(url(env, ds, "/rendered"), "*/*")
    assert r.headers["Content-Type"] == "video/mp4" and r.content == STREAM and r.headers["Accept-Ranges"] == "bytes"
    r = get(url(env, ds, "/rendered"), "*/*", 206, headers={"Range": "bytes=29990-30009"})
    assert r.content == STREAM[29990:30010] and r.headers["Content-Range"] == f"bytes 29990-30009/{len(STREAM)}"
    assert get(bulk(env, ds, metadata(env, ds)["7FE00010"]), "*/*").content == STREAM
    web.assert_problem(get(url(env, ds, "/frames/3"), OCTETS, None), 406)


def test_icon_in_fragments(env):
    """A bulk value in fragments below a sequence comes as their content."""
    ds = encapsulated([bytes(100)], "1.2.840.10008.1.2.4.50")
    icon = Dataset()
    icon.Rows = icon.Columns = 64
    icon.PixelData = encapsulate([b"\xff\xd8" + bytes(2000) + b"\xff\xd9"])
    icon["PixelData"].VR, icon["PixelData"].is_undefined_length = "OB", True
    ds.IconImageSequence = [icon]
    store(env, ds)
    element = metadata(env, ds)["00880200"]["Value"][0]["7FE00010"]
    assert get(bulk(env, ds, element), "*/*").content == b"\xff\xd8" + bytes(2000) + b"\xff\xd9"


# ---- back into the archive ----------------------------------------------------------------------

def test_saved_segmentation_and_report(env):
    """Row 22: a label map in RLE, reports and structure sets, one a request, into the study that is there."""
    study = archive(env).ct[0].StudyInstanceUID
    rle = encapsulated([bytes(64) + bytes(40)], "1.2.840.10008.1.2.5", sop_class=LABEL_MAP, StudyInstanceUID=study)
    for ds in (rle, *(objects.make(sop_class=c, PixelData=None, StudyInstanceUID=study) for c in
                      ("1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.481.3"))):
        r = web.SESSION.post(f"{env.server.web}/studies", data=web.stow_body([objects.file_bytes(ds)], "b"), timeout=60, headers={
            "Accept": "*/*", "Content-Type": 'multipart/related; type="application/dicom"; boundary="b"'})
        assert r.status_code == 200 and r.headers["Content-Type"].startswith(web.DICOM_JSON), (r.status_code, r.text[:300])
        assert web.stored_uids(r.json()) == {ds.SOPInstanceUID}
        assert len(query(f"{env.server.web}/studies/{study}/instances?SOPInstanceUID={ds.SOPInstanceUID}")) == 1


def test_wado_uri(env):
    """Row 23."""
    ds = archive(env).ct[0]
    root = (f"{env.server.http}/wado?requestType=WADO&studyUID={ds.StudyInstanceUID}&seriesUID={ds.SeriesInstanceUID}&objectUID="
            f"{ds.SOPInstanceUID}")
    for more in ("&contentType=application/dicom&transferSyntax=*", "&contentType=application%2Fdicom"):
        r = get(root + more)
        assert r.headers["Content-Type"].startswith("application/dicom")
        objects.assert_same(objects.file_bytes(ds), r.content, exact=True)
    web.assert_problem(get(root.replace("WADO&", "wado&"), None, None), 400)
    web.assert_problem(get(root.replace(ds.SOPInstanceUID, "1.2.3") + "&contentType=application/dicom", None, None), 404)


def test_reject(env):
    """Row 24: dcm4chee's way to have a series removed."""
    ds = objects.make()
    store(env, ds)
    r = web.SESSION.post(f"{env.server.web}{series(ds)}/reject/113001%5EDCM", timeout=20)
    assert r.status_code in (200, 204) and query(f"{env.server.web}/studies?StudyInstanceUID={ds.StudyInstanceUID}") == []
    web.assert_problem(web.SESSION.post(f"{env.server.web}{series(ds)}/reject/1%5EX", timeout=20), 400)


def test_objects_without_a_study(env):
    """Hanging protocols and palettes: found, read and fetched by derived UIDs, the bytes as they came."""
    ds = objects.make(sop_class="1.2.840.10008.5.1.4.38.1", StudyInstanceUID=None, SeriesInstanceUID=None, PixelData=None)
    _, answer = store(env, ds)
    where = value(answer["00081199"]["Value"][0], "00081190")
    assert "/studies/2.25." in where and "/series/2.25." in where, where
    row, = get(where + "/metadata", web.DICOM_JSON).json()
    found, = query(f"{env.server.web}/instances?SOPInstanceUID={ds.SOPInstanceUID}")
    for tag in ("0020000D", "0020000E"):
        assert value(row, tag) == value(found, tag) and f"/{value(row, tag)}" in where
    (_, body), = parts_of(get(where, 'multipart/related; type="application/dicom"'))
    objects.assert_same(objects.file_bytes(ds), body, exact=True)
    assert "StudyInstanceUID" not in objects.read(body)


# ---- caches, proxies, attackers -----------------------------------------------------------------

def test_each_representation_has_its_tag(env):
    ds = archive(env).ct[0]
    forms = [get(url(env, ds, below), accept) for below, accept in (
        ("", 'multipart/related; type="application/dicom"'), ("", "application/dicom"), ("/metadata", web.DICOM_JSON),
        ("/frames/1", OCTETS), ("/frames/1", "application/octet-stream"))]
    tags = [r.headers["ETag"] for r in forms]
    assert len(set(tags)) == len(tags), tags
    assert all("Accept" in re.split(r",\s*", r.headers["Vary"]) for r in forms), [r.headers.get("Vary") for r in forms]
    for r in forms:
        assert get(r.url, r.request.headers["Accept"], 304, headers={"If-None-Match": r.headers["ETag"]}).content == b""


def test_head_tells_what_get_would(env):
    a = archive(env)
    for u, accept in ((url(env, a.ct[0], "/frames/1"), OCTETS), (url(env, a.ct[0], "/metadata"), web.DICOM_JSON),
                      (url(env, a.pdf, "/rendered"), "*/*"), (f"{env.server.web}/studies", web.DICOM_JSON)):
        g, h = get(u, accept), web.SESSION.head(u, headers={"Accept": accept}, timeout=20)
        assert h.status_code == 200 and h.content == b"" and h.headers["Content-Length"] == g.headers["Content-Length"], u
        assert h.headers["Content-Type"].split("boundary")[0] == g.headers["Content-Type"].split("boundary")[0], u


def test_behind_a_proxy(env):
    """URLs that we write carry the name, port and scheme which the client used; bulk data is relative to the server."""
    ds = archive(env).ct[0]
    s = env.fresh(data=None, public_hosts="pacs.example")
    web.stow(f"{s.web}/studies", [objects.file_bytes(ds)], 200)
    for host, proto, want in (("pacs.example", "https", "https://pacs.example/dicom-web/"), ("pacs.example:8443", None, "http://pacs.example:8443/"),
                              (f"[::1]:{s.http_port}", None, f"http://[::1]:{s.http_port}/"), ("localhost", "gopher", "http://localhost/")):
        headers = {"Host": host, **({"X-Forwarded-Proto": proto} if proto else {})}
        row = get(f"{s.web}/studies", web.DICOM_JSON, headers=headers).json()[0]
        assert value(row, "00081190").startswith(want), (host, value(row, "00081190"))
    web.assert_problem(get(f"{s.web}/studies", web.DICOM_JSON, None, headers={"Host": "evil.example"}), 421)


def test_hostile_urls(env):
    """An answer of ours to each: 4xx as a problem, or an honest result; never a crash."""
    ds = archive(env).ct[0]
    w, port = env.server.web, env.server.http_port
    instance = url(env, ds).removeprefix(env.server.http)
    for path in ("/dicom-web/studies/%00", "/dicom-web/studies/1%002/metadata", "/dicom-web/studies/..%2f..%2fetc", "/dicom-web/studies/%",
                 "/dicom-web/studies/%ff%fe/series", "/dicom-web/studies/" + "1" * 65, "/dicom-web/studies/" + "1" * 20000,
                 f"{instance}/frames/%00", f"{instance}/frames/1%2c%2c2", f"{instance}/frames/1,", f"{instance}/frames/+1",
                 f"{instance}/frames/" + ",".join(["1"] * 3000), f"{instance}/frames/4294967297", f"{instance}/bulkdata/../../x",
                 f"{instance}/bulkdata/7FE00010/0/7FE00010", f"{instance}/bulkdata/" + "00081140/0/" * 200, f"{instance}/bulkdata/x'--",
                 "/dicom-web/studies?includefield=" + "%2C".join(["00100010"] * 4000), "/dicom-web/studies?" + "PatientID=1&" * 300,
                 "/dicom-web/studies?limit=99999999999999999999", "/dicom-web/studies?limit=18446744073709551615&offset=18446744073709551615",
                 "/dicom-web/studies?orderby=" + "PatientName," * 50, "/dicom-web/studies?" + ".".join(["00400275"] * 50) + "=1",
                 "/dicom-web/studies?PatientName=" + "*" * 3000 + "a", "/dicom-web/studies?PatientID=%2527%20OR%201=1"):
        answer = web.raw(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), seconds=20)
        status = int(answer[9:12] or 0)
        assert status == 200 or 400 <= status < 500, (path[:80], answer[:200])
        if status >= 400 and status not in (414, 431):
            assert b"application/problem+json" in answer, (path[:80], answer[:300])
    assert get(url(env, ds, "/frames/" + ",".join(["1"] * 2000)), OCTETS, 200).content.count(b"transfer-syntax") == 2000
    get(w + "/studies")


def test_nothing_stored_becomes_a_page(env):
    """What a peer stores is never served as something that a browser would run under our name."""
    page = b"<html><script>alert(1)</script></html>"
    for kind in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/pdf<script>"):
        ds = objects.make(sop_class="1.2.840.10008.5.1.4.1.1.104.2", PixelData=None, EncapsulatedDocument=page,
                          MIMETypeOfEncapsulatedDocument=kind, PatientName="<script>", StudyDescription="<img src=x onerror=alert(1)>")
        store(env, ds)
        for below in ("", "/metadata", "/rendered", "/bulkdata/00420011"):
            for accept in (BROWSER, "text/html", "*/*", kind):
                r = get(url(env, ds, below), accept, None)
                got = r.headers.get("Content-Type", "")
                if below == "/rendered" and got == "text/xml":  # a clinical document: to be saved, and harmless if it is not
                    assert r.headers["Content-Disposition"] == "attachment"
                    policy = r.headers["Content-Security-Policy"]
                    assert policy.startswith("default-src 'none'") and "sandbox" in policy and "script" not in policy, policy
                    continue
                assert re.match(r"(multipart/related|application/(dicom|dicom\+json|octet-stream|problem\+json))(;|$)", got), (below, accept, got)
                assert r.headers["X-Content-Type-Options"] == "nosniff"


def test_preflight(env):
    s = env.fresh(cors_origins="https://viewer.example")
    for method, path in (("GET", "/studies"), ("POST", "/studies"), ("DELETE", "/studies/1.2.3"),
                         ("GET", "/studies/1.2/series/1.3/instances/1.4/frames/1")):
        r = web.SESSION.options(s.web + path, timeout=20, headers={
            "Origin": "https://viewer.example", "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "accept,authorization,content-type,range"})
        assert r.status_code in (200, 204) and r.headers["Access-Control-Allow-Origin"] == "https://viewer.example", r.headers
        assert method in r.headers["Access-Control-Allow-Methods"]
    r = web.SESSION.post(s.web + "/studies", data=b"", timeout=20, headers={"Origin": "https://evil.example"})
    web.assert_problem(r, 403)


# ---- the Python client, all of it ---------------------------------------------------------------

def test_dicomweb_client_in_full(env):
    from dicomweb_client.api import DICOMwebClient
    a, c = archive(env), DICOMwebClient(env.server.web)
    ds, ids = a.ct[0], (a.ct[0].StudyInstanceUID, a.ct[0].SeriesInstanceUID, a.ct[0].SOPInstanceUID)
    assert len(c.search_for_studies(limit=1)) == 1 and len(c.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "Test"}))
    assert len(c.search_for_series(search_filters={"Modality": "ECG"}, get_remaining=True)) >= 1
    assert len(c.search_for_instances(*ids[:2], limit=2, offset=1, fields=["InstanceNumber", "00280010"])) == 2
    got = c.retrieve_instance(*ids)
    assert got.PixelData == ds.PixelData and len(c.retrieve_series(*ids[:2])) == 3
    assert len(list(c.iter_series(*ids[:2]))) == 3 and len(list(c.iter_study(ids[0]))) >= 3
    assert c.retrieve_instance(*ids, media_types=(("application/dicom", "1.2.840.10008.1.2.1"),)).SOPInstanceUID == ids[2]
    rows = c.retrieve_series_metadata(*ids[:2])
    assert len(rows) == 3 and Dataset.from_json(rows[0]).SOPInstanceUID == ids[2]
    assert c.retrieve_instance_frames(*ids, frame_numbers=[1], media_types=(("application/octet-stream", "*"),)) == [ds.PixelData]
    assert list(c.iter_instance_frames(*ids, frame_numbers=[1])) == [ds.PixelData]
    u = env.server.http + metadata(env, a.pdf)["00420011"]["BulkDataURI"]
    assert c.retrieve_bulkdata(u)[0].rstrip(b"\0") == DOCUMENT
    assert c.retrieve_instance_rendered(a.pdf.StudyInstanceUID, a.pdf.SeriesInstanceUID, a.pdf.SOPInstanceUID,
                                        media_types=("application/pdf",)).rstrip(b"\0") == DOCUMENT
    new = [objects.make(StudyInstanceUID=generate_uid()) for _ in range(2)]
    assert len(c.store_instances(new).ReferencedSOPSequence) == 2
    c.store_instances([objects.make(StudyInstanceUID=new[0].StudyInstanceUID)], study_instance_uid=new[0].StudyInstanceUID)
    assert len(c.search_for_instances(new[0].StudyInstanceUID)) == 2
    c.delete_instance(new[0].StudyInstanceUID, new[0].SeriesInstanceUID, new[0].SOPInstanceUID)
    c.delete_series(new[1].StudyInstanceUID, new[1].SeriesInstanceUID)
    c.delete_study(new[0].StudyInstanceUID)
    assert c.search_for_instances(new[0].StudyInstanceUID) == [] and c.search_for_studies(
        search_filters={"StudyInstanceUID": new[1].StudyInstanceUID}) == []


def test_samples_through_the_loader(env):
    """Every sample that has pixels: the frames as a viewer gets them are those that pydicom finds in the file."""
    from pydicom.encaps import generate_frames
    s, count = env.fresh(), 0
    for name in samples.readable():
        path = samples.path(name)
        ds = pydicom.dcmread(path, force=True)
        syntax = ds.file_meta.get("TransferSyntaxUID") if hasattr(ds, "file_meta") else None
        if syntax is None or not syntax.is_transfer_syntax or "PixelData" not in ds or os.path.getsize(path) > 4 << 20 or not all(k in ds for k in ("Rows", "Columns", "BitsAllocated")):
            continue
        code, answer = web.stow(f"{s.web}/studies", [open(path, "rb").read()], None)
        if code != 200:
            continue  # another file of the collection has its UID
        where = value(answer["00081199"]["Value"][0], "00081190")
        n = int(ds.get("NumberOfFrames") or 1)
        r = get(f"{where}/frames/{n}", OCTETS, (200, 406))
        if r.status_code == 406:
            assert syntax.startswith("1.2.840.10008.1.2.4.10") or n > 1, f"{name}: {r.text}"
            continue
        frame, _ = loader_frame(r)
        count += 1
        if syntax.is_encapsulated:
            want = list(generate_frames(ds.PixelData, number_of_frames=n))[-1]
            assert frame.rstrip(b"\0") == want.rstrip(b"\0"), f"{name}: frame {n}"
        elif syntax.is_little_endian and ds.BitsAllocated >= 8 and ds.get("PhotometricInterpretation") != "YBR_FULL_422":
            size = ds.Rows * ds.Columns * ds.get("SamplesPerPixel", 1) * ds.BitsAllocated // 8
            assert frame[:size] == ds.PixelData[(n - 1) * size:n * size], f"{name}: frame {n}"
    print(f"    {count} objects", flush=True)
    assert count >= 10
