"""A folder that becomes part of the archive in place: found, read and removed like any other, and never written to."""

import hashlib
import json
import os
import zipfile

from lib import dimse, objects, web
from lib.fixtures import BINARY, run


def adopt(s, folder, *options, code=0):
    got, text = run(BINARY, "adopt", "--data", s.data, "--json", *options, folder, check=False)
    assert got == code, text
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


def state_of(folder):
    """Every file with its bytes and times: what must not change."""
    out = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as f:
                out[path] = (hashlib.sha256(f.read()).hexdigest(), os.stat(path).st_mtime_ns)
    return out


def stopped(env):
    s = env.fresh()
    s.stop()
    return s


def instance_url(s, ds):
    return f"{s.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"


def object_of(s, ds):
    return web.parts_of(web.get(instance_url(s, ds), 'multipart/related; type="application/dicom"; transfer-syntax=*'))[0][1]


def test_found_and_read_in_place(env):
    s, folder = stopped(env), env.tmp()
    study = objects.make_study(os.path.join(folder, "a", "b"))
    with open(os.path.join(folder, "readme.txt"), "w") as f:
        f.write("not DICOM")
    with zipfile.ZipFile(os.path.join(folder, "more.zip"), "w") as z:
        z.writestr("x.dcm", objects.file_bytes(objects.make()))
    before = state_of(folder)
    report = adopt(s, folder, code=1)
    assert (report["adopted"], report["refused"], report["failed"]) == (6, 2, 0), report
    s.start()
    found = dimse.find(s, dimse.keys("STUDY", StudyInstanceUID=study[0][1].StudyInstanceUID, NumberOfStudyRelatedInstances=""))
    assert [r.NumberOfStudyRelatedInstances for r in found] == [6], found
    for path, ds in study:
        with open(path, "rb") as f:
            assert object_of(s, ds) == f.read(), path
    frame = web.parts_of(web.get(instance_url(s, study[0][1]) + "/frames/1", 'multipart/related; type="application/octet-stream"'))[0][1]
    assert frame == study[0][1].PixelData
    s.stop()
    assert state_of(folder) == before
    report = adopt(s, folder, code=1)
    assert (report["adopted"], report["already"]) == (0, 6), report
    stored = sum(os.path.getsize(os.path.join(w, n)) for w, _, names in os.walk(os.path.join(s.data, "seg")) for n in names)
    assert stored == 0, f"{stored} bytes in segments"


def test_changed_and_gone(env):
    s, folder = stopped(env), env.tmp()
    study = objects.make_study(folder, series=1, instances=3)
    adopt(s, folder)
    (changed, first), (gone, second), (_, third) = study
    first.PatientComments = "Changed in place"
    objects.save(first, changed)
    os.remove(gone)
    s.start()
    for ds in (first, second):
        r = web.get(instance_url(s, ds), 'multipart/related; type="application/dicom"; transfer-syntax=*', status=None)
        assert r.status_code >= 500, r.status_code
        assert "adopted" in r.text, r.text
    assert object_of(s, third)[128:132] == b"DICM"
    s.stop()
    report = adopt(s, folder)
    assert (report["changed"], report["already"]) == (1, 1), report
    s.start()
    with open(changed, "rb") as f:
        assert object_of(s, first) == f.read()
    assert web.query(instance_url(s, first) + "/metadata")[0]["00104000"]["Value"] == ["Changed in place"]


def test_removed_from_the_archive_only(env):
    s, folder = stopped(env), env.tmp()
    study = objects.make_study(folder, series=1, instances=2)
    before = state_of(folder)
    adopt(s, folder)
    s.start()
    r = web.SESSION.delete(f"{s.web}/studies/{study[0][1].StudyInstanceUID}", timeout=30)
    assert r.status_code in (200, 204), r.status_code
    assert web.query(f"{s.web}/studies?StudyInstanceUID={study[0][1].StudyInstanceUID}") == []
    s.stop()
    assert state_of(folder) == before
    assert adopt(s, folder)["already"] == 2
    s.start()
    assert web.query(f"{s.web}/studies?StudyInstanceUID={study[0][1].StudyInstanceUID}") == []
    web.stow(f"{s.web}/studies", [objects.file_bytes(study[0][1])])  # sent anew, it is stored like any other
    assert len(web.query(f"{s.web}/studies/{study[0][1].StudyInstanceUID}/instances")) == 1


def test_away_and_moved(env):
    s, base = stopped(env), env.tmp()
    folder = os.path.join(base, "here")
    study = objects.make_study(folder, series=1, instances=2)
    adopt(s, folder)
    os.rename(folder, os.path.join(base, "there"))
    s.start()  # without it
    r = web.get(instance_url(s, study[0][1]), 'multipart/related; type="application/dicom"; transfer-syntax=*', status=None)
    assert r.status_code >= 500 and "mounted" in r.text, r.text
    web.stow(f"{s.web}/studies", [objects.file_bytes(objects.make())])
    s.stop()
    report = adopt(s, os.path.join(base, "there"), "--volume", "2")
    assert report["already"] == 2, report
    s.start()
    assert object_of(s, study[0][1])[128:132] == b"DICM"


def test_what_is_here_already_stays(env):
    s, folder = env.fresh(), env.tmp()
    study = objects.make_study(folder, series=1, instances=2)
    web.stow(f"{s.web}/studies", [objects.file_bytes(study[0][1])])
    s.stop()
    report = adopt(s, folder)
    assert (report["adopted"], report["known"]) == (1, 1), report


def test_refused_folders(env):
    s = stopped(env)
    for folder in (s.data, os.path.dirname(s.data), os.path.join(s.data, "seg")):
        code, text = run(BINARY, "adopt", "--data", s.data, folder, check=False)
        assert code == 1 and "lie in one another" in text, text
    s.start()
    code, text = run(BINARY, "adopt", "--data", s.data, env.tmp(), check=False)
    assert code == 1 and "stop the server" in text, text
