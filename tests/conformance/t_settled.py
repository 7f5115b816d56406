"""Series that settle: what is answered from packs and ready text is what was answered before, byte for byte; and
whatever happens to a series afterwards shows at once."""

import os
import sqlite3

from lib import objects, samples, web
from lib.fixtures import wait_for

XML = 'multipart/related; type="application/dicom+xml"'
FRAME = "multipart/related; type=application/octet-stream; transfer-syntax=*"


def ask(s, text):
    index = sqlite3.connect(f"file:{s.data}/index.db?mode=ro", uri=True, timeout=20)
    try:
        return index.execute(text).fetchone()
    finally:
        index.close()


def unsettled(s):
    return ask(s, "SELECT count(*) FROM unsettled WHERE news_us >= 0")[0]


def settled(s):
    wait_for(lambda: unsettled(s) == 0, 60, "all series to settle")


def gzipped(url):
    return web.get(url, web.DICOM_JSON, headers={"Accept-Encoding": "gzip"})


def addresses(s):
    """(study, [series], [instances]) of all there is, as paths."""
    out = []
    for study in web.query(f"{s.web}/studies?limit=5000"):
        path = f"/studies/{web.value(study, '0020000D')}"
        rows = web.query(f"{s.web}{path}/instances?limit=5000")
        series = sorted({f"{path}/series/{web.value(r, '0020000E')}" for r in rows})
        out.append((path, series, [f"{path}/series/{web.value(r, '0020000E')}/instances/{web.value(r, '00080018')}" for r in rows]))
    return out


def test_the_same_before_and_after(env):
    """All samples: metadata of studies and series as plain and compressed JSON, of instances, as XML; first frames."""
    s = env.fresh(settle_s=86400)
    names = samples.readable()[::7 if env.quick else 1]
    s.importing(*[samples.path(n) for n in names])
    where = addresses(s)
    before, tags, xml, single, frames, rows = {}, {}, {}, {}, {}, 0

    def look(to, url, accept):
        r = web.get(s.web + url, accept, None)
        to[url] = (r.status_code, b"".join(b for _, b in web.parts_of(r)) if r.headers.get("Content-Type", "").startswith("multipart") else r.content)

    for study, series, instances in where:
        for path in [study, *series]:
            r = web.get(f"{s.web}{path}/metadata", web.DICOM_JSON)
            before[path], tags[path] = r.content, r.headers["ETag"]
            assert gzipped(f"{s.web}{path}/metadata").content == r.content, path
        look(xml, f"{study}/metadata", XML)
        for path in instances:
            look(single, f"{path}/metadata", web.DICOM_JSON)
            look(frames, f"{path}/frames/1", FRAME)
        rows += len(instances)
    assert unsettled(s) == sum(len(x[1]) for x in where)
    s.stop()

    s = env.fresh(data=s.data, settle_s=0)
    settled(s)
    ready, = ask(s, "SELECT count(*) FROM ready")
    assert ready == sum(len(x[1]) for x in where), ready
    kept, = ask(s, "SELECT count(*) FROM header")
    assert kept * 20 < rows, f"{kept} of {rows} headers have rows of their own"
    for path, want in before.items():
        r = web.get(f"{s.web}{path}/metadata", web.DICOM_JSON)
        assert r.content == want, path
        assert r.headers["ETag"] == tags[path] and "Content-Encoding" not in r.headers
        r = gzipped(f"{s.web}{path}/metadata")
        assert r.headers["Content-Encoding"] == "gzip" and r.content == want, path
        assert r.headers["ETag"] == "W/" + tags[path]
        web.get(f"{s.web}{path}/metadata", web.DICOM_JSON, 304, headers={"If-None-Match": r.headers["ETag"]})
    r = web.get(f"{s.web}{path}/metadata", web.DICOM_JSON, 206, headers={"Range": "bytes=1-40", "Accept-Encoding": "gzip"})
    assert r.content == want[1:41]
    for kept, accept in ((xml, XML), (single, web.DICOM_JSON), (frames, FRAME)):
        for url, (code, body) in kept.items():
            again = {}
            look(again, url, accept)
            assert again[url] == (code, body), url
    print(f"    {len(where)} studies, {len(before) - len(where)} series, {rows} instances", flush=True)


def numbers(s, study, **kw):
    return sorted(web.value(r, "00200013") for r in web.get(f"{s.web}/studies/{study}/metadata", web.DICOM_JSON, **kw).json())


def test_what_comes_and_goes_shows_at_once(env):
    """Late arrivals and removal, with a study of which one series has settled and another has not."""
    s, folder = env.fresh(settle_s=0), env.tmp()
    made = objects.make_study(folder, series=2, instances=4)
    study = made[0][1].StudyInstanceUID
    first = [m for m in made if m[1].SeriesInstanceUID == made[0][1].SeriesInstanceUID]
    other = [m for m in made if m not in first]
    s.importing(*[p for p, _ in first[:3]])
    for path, _ in [first[3], *other]:
        settled(s)
        before = numbers(s, study)
        s.importing(path)
        assert len(numbers(s, study)) == len(before) + 1
        assert numbers(s, study) == numbers(s, study, headers={"Accept-Encoding": "gzip"})
    settled(s)
    tag = web.get(f"{s.web}/studies/{study}/metadata", web.DICOM_JSON).headers["ETag"]
    gone = first[1][1]
    url = f"{s.web}/studies/{study}/series/{gone.SeriesInstanceUID}/instances/{gone.SOPInstanceUID}"
    assert web.SESSION.delete(url, timeout=60).status_code in (200, 204)
    r = web.get(f"{s.web}/studies/{study}/metadata", web.DICOM_JSON, headers={"If-None-Match": tag})
    assert sorted(web.value(x, "00080018") for x in r.json()) == sorted(d.SOPInstanceUID for _, d in made if d is not gone)
    web.get(url + "/metadata", web.DICOM_JSON, 404)
    settled(s)
    again = web.get(f"{s.web}/studies/{study}/metadata", web.DICOM_JSON)
    assert again.content == r.content and again.headers["ETag"] == r.headers["ETag"]
    for d in other:
        web.SESSION.delete(f"{s.web}/studies/{study}/series/{d[1].SeriesInstanceUID}/instances/{d[1].SOPInstanceUID}", timeout=60)
    web.get(f"{s.web}/studies/{study}/series/{other[0][1].SeriesInstanceUID}/metadata", web.DICOM_JSON, 404)
    settled(s)
    assert [ask(s, f"SELECT count(DISTINCT series) FROM {t}")[0] for t in ("ready", "piece", "pack")] == [1, 1, 1]


def test_another_version_makes_its_own(env):
    """Ready answers of another program are not given out, and made anew."""
    s, folder = env.fresh(settle_s=0), env.tmp()
    made = objects.make_study(folder)
    s.importing(folder)
    settled(s)
    path = f"/studies/{made[0][1].StudyInstanceUID}/metadata"
    want = web.get(s.web + path, web.DICOM_JSON).content
    s.stop()
    index = sqlite3.connect(os.path.join(s.data, "index.db"))
    index.execute("UPDATE ready SET form = form + 1")
    index.execute("UPDATE piece SET deflated = x'00', bytes = 0, crc32 = 0")
    index.commit()
    index.close()
    s.start()
    assert web.get(s.web + path, web.DICOM_JSON).content == want
    wait_for(lambda: (ask(s, "SELECT min(bytes) FROM piece")[0] or 0) > 0, 20, "new answers")
    settled(s)
    assert web.get(s.web + path, web.DICOM_JSON).content == want
