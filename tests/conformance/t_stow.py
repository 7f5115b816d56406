"""STOW-RS: per-instance results, partial failures, odd multipart, large bodies.   PS3.18 §10.5"""

import json
import re

from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from lib import objects, web
from lib.web import failures, query, stow, stored_uids, value


def fetched(env, ds):
    return web.parts_of(web.get(f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/"
                                f"{ds.SOPInstanceUID}", 'multipart/related; type="application/dicom"; transfer-syntax=*'))[0][1]


def test_store_and_fetch(env):
    study = [d for _, d in objects.make_study(env.tmp())]
    files = [objects.file_bytes(d) for d in study]
    code, answer = stow(f"{env.server.web}/studies", files, 200)
    assert stored_uids(answer) == {d.SOPInstanceUID for d in study}, answer
    item = answer["00081199"]["Value"][0]
    assert value(item, "00081150") == objects.CT and value(item, "00081155"), item
    assert "00081198" not in answer or not answer["00081198"].get("Value")
    for data, d in zip(files, study):
        objects.assert_same(data, fetched(env, d), exact=True)


def test_retrieve_url_works(env):
    ds = objects.make()
    _, answer = stow(f"{env.server.web}/studies", [objects.file_bytes(ds)], 200)
    url = value(answer["00081199"]["Value"][0], "00081190")
    assert url, "no RetrieveURL"
    web.get(url if url.startswith("http") else env.server.http + url, 'multipart/related; type="application/dicom"')


def test_into_a_study(env):
    """POST /studies/{uid}: another study's object fails, its own is stored.   PS3.18 §10.5.3"""
    a, b = objects.make(), objects.make()
    code, answer = stow(f"{env.server.web}/studies/{a.StudyInstanceUID}", [objects.file_bytes(a), objects.file_bytes(b)], None)
    assert code == 202 and stored_uids(answer) == {a.SOPInstanceUID}, (code, answer)
    assert set(failures(answer)) == {b.SOPInstanceUID}
    assert query(f"{env.server.web}/studies?StudyInstanceUID={b.StudyInstanceUID}") == []


def test_partial_failure(env):
    """202 with both lists, and the good ones are there; 4xx when all fail."""
    good, broken = objects.make(), objects.file_bytes(objects.make())
    code, answer = stow(f"{env.server.web}/studies", [objects.file_bytes(good), b"not dicom at all", broken[:700]], None)
    assert code == 202, (code, answer)
    assert stored_uids(answer) == {good.SOPInstanceUID}, answer
    assert len(failures(answer)) == 1, "what its file meta names is in Failed SOP Sequence"
    assert len(web.nameless_failures(answer)) == 1, "what nothing names is in Other Failures Sequence (PS3.18 Annex I)"
    code, answer = stow(f"{env.server.web}/studies", [b"not dicom at all"], None)
    assert code in (400, 409), (code, answer)
    env.server.assert_alive()


def test_multipart_variants(env):
    """Boundary unquoted and odd, preamble and epilogue, extra part headers, LF before parts: RFC 2046 §5.1."""
    s = env.server
    for boundary, quote in (("plain", False), ("a'b()+_,-./:=?c", True), ("x" * 70, False)):
        ds = objects.make()
        body = (b"preamble to be ignored\r\n" + f"--{boundary}\r\nContent-ID: <1>\r\nContent-Type: application/dicom; transfer-syntax="
                f"1.2.840.10008.1.2.1\r\nContent-Length: {len(objects.file_bytes(ds))}\r\n\r\n".encode() + objects.file_bytes(ds)
                + f"\r\n--{boundary}--\r\nepilogue".encode())
        shown = f'"{boundary}"' if quote else boundary
        r = web.SESSION.post(f"{s.web}/studies", data=body, timeout=60, headers={
            "Content-Type": f"multipart/related; type=application/dicom; boundary={shown}", "Accept": "*/*"})
        assert r.status_code == 200 and stored_uids(r.json()) == {ds.SOPInstanceUID}, (boundary, r.status_code, r.text[:500])


def test_chunked_upload(env):
    """A body of unknown length, in small pieces that cut every boundary."""
    ds = objects.make()
    body = web.stow_body([objects.file_bytes(ds)], "cut")

    def pieces():
        for i in range(0, len(body), 7):
            yield body[i:i + 7]

    r = web.SESSION.post(f"{env.server.web}/studies", data=pieces(), timeout=60,
                         headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=cut'})
    assert r.status_code == 200 and stored_uids(r.json()) == {ds.SOPInstanceUID}, r.text[:500]


def test_boundary_inside_the_data(env):
    """What looks like a boundary but is not whole at the start of a line is data.   RFC 2046 §5.1.1"""
    ds = objects.make(PixelData=b"x--bounDARY\r\n\n--bounDARY--\r\n--bounDAR\r\n--\r\r\n" + bytes(468))
    assert len(ds.PixelData) == 512
    code, answer = stow(f"{env.server.web}/studies", [objects.file_bytes(ds)], 200, boundary="bounDARY")
    assert stored_uids(answer) == {ds.SOPInstanceUID}
    objects.assert_same(objects.file_bytes(ds), fetched(env, ds), exact=True)


def test_other_content(env):
    """A single application/dicom body is taken or named as unsupported; anything else is 415 or 400."""
    ds = objects.make(syntax=ImplicitVRLittleEndian)
    r = web.SESSION.post(f"{env.server.web}/studies", data=objects.file_bytes(ds), headers={"Content-Type": "application/dicom"}, timeout=60)
    assert r.status_code in (200, 415), r.status_code
    for kind in ("text/plain", "multipart/form-data; boundary=x", "multipart/related", 'multipart/related; boundary=x; type="image/png"'):
        r = web.SESSION.post(f"{env.server.web}/studies", data=b"--x\r\n\r\n\r\n--x--", headers={"Content-Type": kind}, timeout=60)
        assert r.status_code in (400, 409, 415), f"{kind}: {r.status_code}"
    env.server.assert_alive()


def test_missing_final_boundary(env):
    """A body that stops: the whole parts may count, the cut one must not be stored."""
    ds, cut = objects.make(), objects.make()
    body = web.stow_body([objects.file_bytes(ds), objects.file_bytes(cut)], "b")[:-200]
    r = web.SESSION.post(f"{env.server.web}/studies", data=body, timeout=60,
                         headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'})
    assert r.status_code == 202 and stored_uids(r.json()) == {ds.SOPInstanceUID}, (r.status_code, r.text[:300])
    assert query(f"{env.server.web}/studies?StudyInstanceUID={cut.StudyInstanceUID}") == []


def test_many_in_one_request(env):
    study = [d for _, d in objects.make_study(env.tmp(), series=1, instances=200)]
    code, answer = stow(f"{env.server.web}/studies", [objects.file_bytes(d) for d in study], 200)
    assert len(stored_uids(answer)) == 200
    assert len(query(f"{env.server.web}/studies/{study[0].StudyInstanceUID}/instances?limit=500")) == 200


def test_one_uid_many_times_in_one_request(env):
    """While the first is on its way to the disk: equal ones are it, another one is kept out; the answer follows the parts."""
    first, other = objects.make(), objects.make()
    same = objects.file_bytes(first)
    first.PatientComments = "not what came first"
    parts = [same, objects.file_bytes(other), same, objects.file_bytes(first), same, b"not dicom at all", objects.file_bytes(other)]
    code, answer = stow(f"{env.server.web}/studies", parts, None)
    items = answer["00081199"]["Value"]
    assert code == 202 and len(items) == 6 and len(web.nameless_failures(answer)) == 1, (code, answer)
    assert [value(i, "00081155") for i in items] == [d.SOPInstanceUID for d in (first, other, first, first, first, other)]
    assert [i.get("00081196") is not None for i in items] == [False, False, False, True, False, False], "warning for the other content only"
    assert [i.get("00000902") is not None for i in items] == [False, False, True, True, True, True], "a comment where nothing was written"
    objects.assert_same(same, fetched(env, first), exact=True)


def test_large_body_streams(env):
    s = env.server
    ds = objects.make(NumberOfFrames="128", Rows=512, Columns=512, PixelData=bytes(512 * 512 * 2 * 128))
    data = objects.file_bytes(ds)
    before = s.process.rss_kib()
    stow(f"{s.web}/studies", [data], 200)
    grown = (s.process.rss_kib() - before) // 1024
    objects.assert_same(data, fetched(env, ds), exact=True)
    print(f"    64 MB by STOW: {grown} MiB more resident", flush=True)
    assert grown < 48, f"{grown} MiB more resident after one 64 MB object"


def test_xml_answer(env):
    ds = objects.make()
    r = web.SESSION.post(f"{env.server.web}/studies", data=web.stow_body([objects.file_bytes(ds)], "b"), timeout=60, headers={
        "Content-Type": 'multipart/related; type="application/dicom"; boundary=b', "Accept": "application/dicom+xml"})
    assert r.status_code in (200, 406), r.status_code
    if r.status_code == 200:
        assert r.headers["Content-Type"].startswith("application/dicom+xml") and ds.SOPInstanceUID in r.text


def test_dicomweb_client(env):
    from dicomweb_client.api import DICOMwebClient
    study = [d for _, d in objects.make_study(env.tmp())]
    DICOMwebClient(env.server.web).store_instances(study)
    assert len(query(f"{env.server.web}/studies/{study[0].StudyInstanceUID}/instances")) == 6


# ---- objects taken apart: metadata, and bulk data in parts of their own.   PS3.18 §10.5.1.1.2 --------

def apart(metadata, values, kind=web.DICOM_JSON, boundary="apart"):
    """A body of metadata parts and (location, media type, bytes) parts, and its Content-Type."""
    out = [f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + m + b"\r\n" for m in metadata]
    out += [f"--{boundary}\r\nContent-Type: {t}\r\nContent-Location: {where}\r\n\r\n".encode() + v + b"\r\n" for where, t, v in values]
    return b"".join(out) + f"--{boundary}--\r\n".encode(), f'multipart/related; type="{kind}"; boundary={boundary}'


def post_apart(env, *args, **kw):
    body, kind = apart(*args, **kw)
    r = web.SESSION.post(f"{env.server.web}/studies", data=body, timeout=60, headers={"Content-Type": kind, "Accept": web.DICOM_JSON})
    return r.status_code, r.json()


def taken_apart(env, ds):
    """(metadata without pixel data, the URI of that, SOP Instance UID) of an object of ours under a new UID."""
    code, answer = stow(f"{env.server.web}/studies", [objects.file_bytes(ds)], 200)
    row = web.get(value(answer["00081199"]["Value"][0], "00081190") + "/metadata", web.DICOM_JSON).json()[0]
    row["00080018"]["Value"] = [generate_uid()]
    return row, row["7FE00010"]["BulkDataURI"], row["00080018"]["Value"][0]


def put_together(env, uid, ds):
    where = f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{uid}"
    return web.parts_of(web.get(where, 'multipart/related; type="application/dicom"; transfer-syntax=*'))[0][1]


def test_json_and_bulk_data(env):
    ds = objects.make(rows=31, columns=33)
    row, uri, uid = taken_apart(env, ds)
    code, answer = post_apart(env, [json.dumps([row]).encode()], [(uri, "application/octet-stream", ds.PixelData)])
    assert code == 200 and stored_uids(answer) == {uid}, (code, answer)
    got = objects.read(put_together(env, uid, ds))
    ds.SOPInstanceUID = uid
    assert objects.differences(ds, got) == [] and got.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


def test_json_and_compressed_frames(env):
    """Frames in parts of one location, in their order; the transfer syntax from their Content-Type."""
    ds = objects.make(NumberOfFrames="3", BitsAllocated=8, BitsStored=8, HighBit=7)
    row, uri, uid = taken_apart(env, ds)
    frames = [b"\xff\xd8" + bytes([i]) * (50 + i) + b"\xff\xd9" for i in range(3)]
    kind = "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70"
    code, answer = post_apart(env, [json.dumps([row]).encode()], [(uri, kind, f) for f in frames])
    assert code == 200, (code, answer)
    where = value(answer["00081199"]["Value"][0], "00081190")
    parts = web.parts_of(web.get(where + "/frames/1,2,3", 'multipart/related; type="image/jpeg"; transfer-syntax=*'))
    assert [b.rstrip(b"\0") for _, b in parts] == frames
    assert all("1.2.840.10008.1.2.4.70" in h["Content-Type"] for h, _ in parts)


def test_xml_and_bulk_data(env):
    ds = objects.make()
    code, answer = stow(f"{env.server.web}/studies", [objects.file_bytes(ds)], 200)
    r = web.get(value(answer["00081199"]["Value"][0], "00081190") + "/metadata", 'multipart/related; type="application/dicom+xml"')
    text = web.parts_of(r)[0][1]
    uri = re.search(rb'<BulkData uri="([^"]+)"', text).group(1).decode()
    uid = generate_uid()
    changed = text.replace(f">{ds.SOPInstanceUID}<".encode(), f">{uid}<".encode())
    code, answer = post_apart(env, [changed], [(uri, "application/octet-stream", ds.PixelData)], kind="application/dicom+xml")
    assert code == 200 and stored_uids(answer) == {uid}, (code, answer)
    assert objects.read(put_together(env, uid, ds)).PixelData == ds.PixelData


def test_apart_and_wrong(env):
    """Each instance is answered for itself: no part, one part for two, no transfer syntax; and text that is no JSON."""
    ds = objects.make()
    row, uri, uid = taken_apart(env, ds)
    other = json.loads(json.dumps(row))
    other["00080018"]["Value"] = [generate_uid()]
    code, answer = post_apart(env, [json.dumps([row, other]).encode()], [(uri, "application/octet-stream", ds.PixelData)])
    assert code == 202 and stored_uids(answer) == {uid} and set(failures(answer)) == {other["00080018"]["Value"][0]}
    for values in ([], [("elsewhere", "application/octet-stream", b"x")], [(uri, "image/jpeg", b"xx")],
                   [(uri, "image/jpeg; transfer-syntax=1.2.3", b"xx")]):
        code, answer = post_apart(env, [json.dumps([other]).encode()], values)
        assert code in (409, 415), (values, code, answer)
    for text in (b"", b"[", b"{}", b"[1]", b'[{"00080018":{"vr":"UI","Value":["1.2"]}}]', b"[" * 100000):
        code, answer = post_apart(env, [text], [])
        assert code in (400, 409), (text[:50], code, answer)
    env.server.assert_alive()


def test_apart_is_bounded(env):
    """Bulk data beyond what is kept in memory is refused, without that memory."""
    s, ds = env.server, objects.make()
    row, uri, uid = taken_apart(env, ds)
    before = s.process.rss_kib()
    code, answer = post_apart(env, [json.dumps([row]).encode()], [(uri, "application/octet-stream", bytes(100 << 20))])
    assert code == 413, (code, answer)
    grown = (s.process.rss_kib() - before) // 1024
    assert grown < 160, f"{grown} MiB more"
