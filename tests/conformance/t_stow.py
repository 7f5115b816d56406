"""STOW-RS: per-instance results, partial failures, odd multipart, large bodies.   PS3.18 §10.5"""

from pydicom.uid import ImplicitVRLittleEndian

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
    assert r.status_code in (202, 400, 409), (r.status_code, r.text[:300])
    assert query(f"{env.server.web}/studies?StudyInstanceUID={cut.StudyInstanceUID}") == []


def test_many_in_one_request(env):
    study = [d for _, d in objects.make_study(env.tmp(), series=1, instances=200)]
    code, answer = stow(f"{env.server.web}/studies", [objects.file_bytes(d) for d in study], 200)
    assert len(stored_uids(answer)) == 200
    assert len(query(f"{env.server.web}/studies/{study[0].StudyInstanceUID}/instances?limit=500")) == 200


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
