"""WADO-RS: studies down to frames, bulk data, metadata; Accept, Range, ETag.   PS3.18 §10.4, §8.7"""

import gzip
import io
import json
import os
import xml.etree.ElementTree as ET
import zipfile
from urllib.parse import urljoin

from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from lib import dimse, objects, web
from lib.web import get, parts_of

DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = "multipart/related; type=application/octet-stream; transfer-syntax=*"


def archive(env):
    return env.once("archive", lambda: fill(env))


class Archive:
    pass


def fill(env):
    a, s = Archive(), env.server
    a.study = objects.make_study(os.path.join(env.folder, "a"), series=2, instances=3, rows=32, columns=16)
    frames = [bytes([i]) * 512 for i in range(1, 6)]
    a.multi = objects.make(os.path.join(env.folder, "multi.dcm"), NumberOfFrames="5", PixelData=b"".join(frames), InstanceNumber="1")
    a.frames = frames
    a.jpeg_frames = [b"\xff\xd8" + bytes([i]) * (99 + i) + b"\xff\xd9" for i in range(1, 5)]
    a.jpeg = objects.make(sop_class=objects.SECONDARY_CAPTURE, syntax="1.2.840.10008.1.2.4.50", NumberOfFrames="4", BitsAllocated=8,
                          BitsStored=8, HighBit=7)
    a.jpeg.PixelData = encapsulate(a.jpeg_frames)
    a.jpeg["PixelData"].VR, a.jpeg["PixelData"].is_undefined_length = "OB", True
    a.implicit = objects.make(syntax=ImplicitVRLittleEndian)
    a.big = objects.make(syntax=ExplicitVRBigEndian)
    for d in [d for _, d in a.study] + [a.multi, a.jpeg, a.implicit, a.big]:
        status, = dimse.store(s, [d])
        assert status.Status == 0, status
    return a


def url(env, ds, below=""):
    return f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}{below}"


def test_instance_series_study(env):
    a = archive(env)
    first = a.study[0][1]
    study = f"{env.server.web}/studies/{first.StudyInstanceUID}"
    files = {d.SOPInstanceUID: f for f, d in a.study}
    for path, count in ((study, 6), (f"{study}/series/{first.SeriesInstanceUID}", 3), (url(env, first), 1)):
        parts = parts_of(get(path, DICOM))
        assert len(parts) == count, f"{path}: {len(parts)} parts"
        for headers, body in parts:
            assert headers["Content-Type"].startswith("application/dicom"), headers
            objects.assert_same(files[objects.read(body).SOPInstanceUID], body, path)


def test_accept_spellings(env):
    """Quoted, unquoted, with and without transfer-syntax, nothing at all, and a single part."""
    a = archive(env)
    u = url(env, a.study[0][1])
    for accept in (DICOM, "multipart/related; type=application/dicom", "multipart/related;type=\"application/dicom\";transfer-syntax=*",
                   'multipart/related; type="application/dicom"; transfer-syntax="1.2.840.10008.1.2.1"', "*/*", None, "multipart/related"):
        r = get(u, accept)
        body = parts_of(r)[0][1] if "multipart" in r.headers["Content-Type"] else r.content
        objects.assert_same(a.study[0][0], body, f"Accept: {accept}")
    r = get(u, "application/dicom")
    assert r.headers["Content-Type"].startswith("application/dicom")
    objects.assert_same(a.study[0][0], r.content, "single part")
    web.assert_problem(get(u, "audio/ogg", None), 406)


def test_transcoded_among_native_syntaxes(env):
    """Without transfer-syntax the default is explicit VR little endian; * means as stored.   PS3.18 §8.7.3.5"""
    a = archive(env)
    got = objects.read(parts_of(get(url(env, a.big), DICOM))[0][1])
    assert got.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    r = get(url(env, a.implicit), 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1')
    got = objects.read(parts_of(r)[0][1])
    assert got.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert got.PixelData == a.implicit.PixelData and got.PatientName == a.implicit.PatientName


def test_frames(env):
    """Row 9: both spellings of Accept; one frame and lists, in the order asked."""
    a = archive(env)
    for accept in (OCTETS, 'multipart/related; type="application/octet-stream"; transfer-syntax=*',
                   'multipart/related; type="application/octet-stream"'):
        for n in (1, 3, 5):
            (headers, body), = parts_of(get(url(env, a.multi, f"/frames/{n}"), accept))
            assert body == a.frames[n - 1], f"frame {n} {accept}"
            assert "transfer-syntax=1.2.840.10008.1.2.1" in headers["Content-Type"], headers
    parts = parts_of(get(url(env, a.multi, "/frames/4,2,2,1"), OCTETS))
    assert [b for _, b in parts] == [a.frames[i - 1] for i in (4, 2, 2, 1)]
    parts = parts_of(get(url(env, a.multi, "/frames/1%2C5"), OCTETS))
    assert [b for _, b in parts] == [a.frames[0], a.frames[4]]


def test_frames_as_a_single_part(env):
    a = archive(env)
    r = get(url(env, a.multi, "/frames/2"), "application/octet-stream")
    assert r.content == a.frames[1] and "multipart" not in r.headers["Content-Type"]


def test_compressed_frames_as_stored(env):
    a = archive(env)
    for n in (1, 4):
        (headers, body), = parts_of(get(url(env, a.jpeg, f"/frames/{n}"), OCTETS))
        assert body.rstrip(b"\0") == a.jpeg_frames[n - 1], f"frame {n}"
        assert "transfer-syntax=1.2.840.10008.1.2.4.50" in headers["Content-Type"], headers
    (headers, body), = parts_of(get(url(env, a.jpeg, "/frames/2"), "multipart/related; type=image/jpeg; transfer-syntax=*"))
    assert headers["Content-Type"].startswith("image/jpeg") and body.rstrip(b"\0") == a.jpeg_frames[1], headers


def test_frames_that_are_not(env):
    a = archive(env)
    for bad, status in (("0", 400), ("6", 404), ("99999999999999999999", (400, 404)), ("x", 400), ("1,,2", 400), ("-1", 400)):
        r = get(url(env, a.multi, f"/frames/{bad}"), OCTETS, None)
        assert r.status_code in (status if isinstance(status, tuple) else (status,)), f"{bad}: {r.status_code}"
        web.assert_problem(r, r.status_code)


def test_etag_and_caching(env):
    """Immutable bytes say so, and a second request costs nothing."""
    a = archive(env)
    for u, accept in ((url(env, a.multi, "/frames/1"), OCTETS), (url(env, a.multi), DICOM),
                      (f"{env.server.web}/studies/{a.multi.StudyInstanceUID}/series/{a.multi.SeriesInstanceUID}/metadata", web.DICOM_JSON)):
        r = get(u, accept)
        tag = r.headers.get("ETag")
        assert tag and tag.startswith(('"', 'W/"')), f"{u}: no ETag"
        again = get(u, accept, 304, headers={"If-None-Match": tag})
        assert again.content == b"", u
        assert get(u, accept, headers={"If-None-Match": '"other"'}).content == r.content
    r = get(url(env, a.multi, "/frames/1"), OCTETS)
    assert "private" in r.headers.get("Cache-Control", "") and "immutable" in r.headers["Cache-Control"], r.headers.get("Cache-Control")


def test_range(env):
    """Row 11: 206 over the body, multipart or not; 416 past its end; stable bytes.   RFC 9110 §14"""
    a = archive(env)
    for u, accept in ((url(env, a.multi, "/frames/3"), OCTETS), (url(env, a.multi), "application/dicom"),
                      (url(env, a.multi, "/frames/3"), "application/octet-stream")):
        whole = get(u, accept).content
        assert int(get(u, accept).headers["Content-Length"]) == len(whole)
        n = len(whole)
        for spec, want in (("0-99", whole[:100]), (f"100-{n - 1}", whole[100:]), ("100-", whole[100:]), ("-10", whole[-10:]),
                           ("0-0", whole[:1]), (f"{n - 1}-{n + 500}", whole[-1:])):
            r = get(u, accept, 206, headers={"Range": f"bytes={spec}"})
            assert r.content == want, f"{u} {spec}: {len(r.content)} bytes, not {len(want)}"
            assert r.headers["Content-Range"].endswith(f"/{n}"), r.headers["Content-Range"]
        get(u, accept, 416, headers={"Range": f"bytes={n}-"})
        assert get(u, accept, 200, headers={"Range": "lines=1-2"}).content == whole


def test_head(env):
    a = archive(env)
    r = web.SESSION.head(url(env, a.multi, "/frames/1"), headers={"Accept": "application/octet-stream"}, timeout=20)
    assert r.status_code == 200 and int(r.headers["Content-Length"]) == 512 and r.content == b""


def test_metadata(env):
    """Rows 7, 8: one object an instance, the whole data set, bulk data by reference, gzip."""
    a = archive(env)
    first = a.study[0][1]
    study = f"{env.server.web}/studies/{first.StudyInstanceUID}"
    for path, count in ((study, 6), (f"{study}/series/{first.SeriesInstanceUID}", 3), (url(env, first), 1)):
        r = get(path + "/metadata", web.DICOM_JSON)
        assert r.headers["Content-Type"].startswith(web.DICOM_JSON)
        rows = r.json()
        assert len(rows) == count, f"{path}: {len(rows)}"
        for row in rows:
            assert "BulkDataURI" in row["7FE00010"] and "00020010" not in row, list(row)[:5]
            assert row["00080008"]["Value"] == ["ORIGINAL", "PRIMARY", "AXIAL"] and row["00280010"] == {"vr": "US", "Value": [32]}
            assert row["00083002"]["Value"] == ["1.2.840.10008.1.2.1"], "AvailableTransferSyntaxUID"
    packed = get(study + "/metadata", web.DICOM_JSON, headers={"Accept-Encoding": "gzip"}, stream=True)
    assert packed.headers.get("Content-Encoding") == "gzip"
    assert len(json.loads(gzip.decompress(packed.raw.read(decode_content=False)))) == 6
    get(f"{env.server.web}/studies/1.2.3/metadata", web.DICOM_JSON, 404)


def test_metadata_xml(env):
    a = archive(env)
    r = get(url(env, a.multi, "/metadata"), 'multipart/related; type="application/dicom+xml"')
    (headers, body), = parts_of(r)
    assert headers["Content-Type"].startswith("application/dicom+xml")
    tags = {e.get("tag") for e in ET.fromstring(body)}
    assert {"00100010", "00280010", "7FE00010"} <= tags


def test_bulk_data(env):
    """The URI in the metadata resolves, single part for anything and multipart where asked; ranges work."""
    a = archive(env)
    where = url(env, a.multi, "/metadata")
    uri = urljoin(where.rsplit("/", 1)[0] + "/", get(where, web.DICOM_JSON).json()[0]["7FE00010"]["BulkDataURI"])
    assert "?" not in uri
    want = b"".join(a.frames)
    for accept in ("*/*", None, "application/octet-stream"):
        r = get(uri, accept)
        assert "multipart" not in r.headers["Content-Type"] and r.content == want, accept
    (_, body), = parts_of(get(uri, 'multipart/related; type="application/octet-stream"'))
    assert body == want
    assert get(uri, "*/*", 206, headers={"Range": "bytes=512-1023"}).content == a.frames[1]


def test_zip(env):
    a = archive(env)
    first = a.study[0][1]
    r = get(f"{env.server.web}/studies/{first.StudyInstanceUID}", "application/zip")
    assert r.headers["Content-Type"].startswith("application/zip")
    z = zipfile.ZipFile(io.BytesIO(r.content))
    assert z.testzip() is None
    files = {d.SOPInstanceUID: f for f, d in a.study}
    got = [z.read(n) for n in z.namelist() if not n.upper().endswith("DICOMDIR")]
    assert len(got) == 6
    for body in got:
        objects.assert_same(files[objects.read(body).SOPInstanceUID], body, "zip")
    assert not any(n.startswith("/") or ".." in n for n in z.namelist())


def test_not_found(env):
    a = archive(env)
    w, d = env.server.web, a.multi
    for path in ("/studies/1.2.3", f"/studies/{d.StudyInstanceUID}/series/1.2.3", f"/studies/{d.StudyInstanceUID}/series/"
                 f"{d.SeriesInstanceUID}/instances/1.2.3", f"/studies/1.2.3/series/{d.SeriesInstanceUID}/instances/{d.SOPInstanceUID}"):
        web.assert_problem(get(w + path, DICOM, None), 404)


def test_many_frames_at_once(env):
    """25 prefetches over 6 connections, as a browser does."""
    from concurrent.futures import ThreadPoolExecutor
    a = archive(env)
    with ThreadPoolExecutor(6) as pool:
        jobs = [(n, pool.submit(get, url(env, a.multi, f"/frames/{n}"), OCTETS)) for _ in range(20) for n in range(1, 6)]
        for n, j in jobs:
            assert parts_of(j.result())[0][1] == a.frames[n - 1]


def test_dicomweb_client(env):
    from dicomweb_client.api import DICOMwebClient
    a = archive(env)
    c, d = DICOMwebClient(env.server.web), a.multi
    ids = (d.StudyInstanceUID, d.SeriesInstanceUID, d.SOPInstanceUID)
    assert c.retrieve_instance(*ids).PixelData == d.PixelData
    assert c.retrieve_instance_frames(*ids, frame_numbers=[2, 4]) == [a.frames[1], a.frames[3]]
    assert c.retrieve_instance_metadata(*ids)["00100020"]["Value"] == ["PID1"]
    assert len(c.retrieve_series(a.study[0][1].StudyInstanceUID, a.study[0][1].SeriesInstanceUID)) == 3
    assert len(c.retrieve_study_metadata(a.study[0][1].StudyInstanceUID)) == 6


def test_a_client_that_leaves(env):
    """Connections closed in mid-answer leave nothing behind."""
    import socket
    a = archive(env)
    path = url(env, a.multi).removeprefix(env.server.http)
    before = env.server.process.fds()
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", env.server.http_port)) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/dicom\r\n\r\n".encode())
            s.recv(10)
    env.server.assert_alive()
    from lib.fixtures import wait_for
    wait_for(lambda: env.server.process.fds() <= before + 4, 15, "closed connections gone")
