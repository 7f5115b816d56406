"""Orthanc as a peer PACS, by DIMSE and by DICOMweb, and DCMTK's dcmqrscp as another."""

import os

from lib import dimse, fixtures, objects, web
from lib.dimse import STUDY_FIND, STUDY_MOVE, keys


class Peers:
    """Two archives that know each other as move destinations."""

    def __init__(self, env):
        port = fixtures.free_port()
        self.orthanc = env.keep(fixtures.Orthanc(env.folder, modalities=[("ISOCENTER", port)]))
        self.ours = env.fresh(peers=[(self.orthanc.aet, self.orthanc.port)], dicom_port=port)


def peers(env):
    return env.once("peers", lambda: Peers(env))


def orthanc_file(o, ds):
    r = web.get(f"{o.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}",
                'multipart/related; type="application/dicom"; transfer-syntax=*')
    return web.parts_of(r)[0][1]


def our_file(s, ds):
    return orthanc_file(s, ds)


def test_store_to_orthanc_and_find_in_it(env):
    p = peers(env)
    study = objects.make_study(env.tmp(), PatientID="TO_ORTHANC")
    p.ours.command("store", "127.0.0.1", p.orthanc.port, "--call", p.orthanc.aet, *[f for f, _ in study])
    code, text = p.ours.command("find", "127.0.0.1", p.orthanc.port, "--call", p.orthanc.aet, "--level", "study",
                                "-k", "PatientID=TO_ORTHANC", "-k", "StudyInstanceUID", "--json")
    assert code == 0 and study[0][1].StudyInstanceUID in text, text
    for f, d in study:
        objects.assert_same(f, orthanc_file(p.orthanc, d), f)


def test_get_from_orthanc(env):
    p = peers(env)
    study = objects.make_study(env.tmp(), PatientID="GET_ORTHANC")
    dimse.store(p.orthanc, [d for _, d in study])
    out = env.tmp()
    p.ours.command("get", "127.0.0.1", p.orthanc.port, "--call", p.orthanc.aet, "--out", out, "--level", "study",
                   "-k", f"StudyInstanceUID={study[0][1].StudyInstanceUID}")
    got = {}
    for folder, _, names in os.walk(out):
        for n in names:
            path = os.path.join(folder, n)
            got[str(objects.read(path).SOPInstanceUID)] = path
    assert set(got) == {d.SOPInstanceUID for _, d in study}, f"{len(got)} of {len(study)}"
    for f, d in study:
        objects.assert_same(f, got[d.SOPInstanceUID], f)


def test_move_from_orthanc_to_us(env):
    p = peers(env)
    study = objects.make_study(env.tmp(), PatientID="O_TO_US")
    dimse.store(p.orthanc, [d for _, d in study])
    p.ours.command("move", "127.0.0.1", p.orthanc.port, "--call", p.orthanc.aet, "--dest", "ISOCENTER", "--level", "study",
                   "-k", f"StudyInstanceUID={study[0][1].StudyInstanceUID}")
    for f, d in study:
        objects.assert_same(f, our_file(p.ours, d), f)


def test_move_from_us_to_orthanc(env):
    p = peers(env)
    study = objects.make_study(env.tmp(), PatientID="US_TO_O")
    dimse.store(p.ours, [d for _, d in study])
    with dimse.associate(p.ours, [STUDY_MOVE]) as assoc:
        got = [st for st, _ in assoc.send_c_move(keys("STUDY", StudyInstanceUID=study[0][1].StudyInstanceUID), p.orthanc.aet, STUDY_MOVE)]
    assert got[-1].Status == 0 and got[-1].NumberOfCompletedSuboperations == len(study), got[-1]
    for f, d in study:
        objects.assert_same(f, orthanc_file(p.orthanc, d), f)


def test_orthanc_queries_us(env):
    """Orthanc as the client: it finds a study here and fetches it."""
    p = peers(env)
    study = objects.make_study(env.tmp(), PatientID="ASKED_BY_O")
    dimse.store(p.ours, [d for _, d in study])
    answer = web.SESSION.post(f"{p.orthanc.http}/modalities/ISOCENTER/query", json={
        "Level": "Study", "Query": {"PatientID": "ASKED_BY_O"}}, timeout=60).json()
    found = web.get(f"{p.orthanc.http}{answer['Path']}/answers").json()
    assert len(found) == 1, found
    r = web.SESSION.post(f"{p.orthanc.http}{answer['Path']}/retrieve", data=p.orthanc.aet, timeout=60)
    assert r.status_code == 200, r.text
    for f, d in study:
        objects.assert_same(f, orthanc_file(p.orthanc, d), f)


def test_orthanc_stores_to_us(env):
    p = peers(env)
    study = objects.make_study(env.tmp(), PatientID="O_STORES")
    ids = [web.SESSION.post(f"{p.orthanc.http}/instances", data=open(f, "rb").read(), timeout=60).json()["ID"] for f, _ in study]
    r = web.SESSION.post(f"{p.orthanc.http}/modalities/ISOCENTER/store", json=ids, timeout=120)
    assert r.status_code == 200 and r.json()["FailedInstancesCount"] == 0, r.text
    for f, d in study:
        objects.assert_same(f, our_file(p.ours, d), f)


def test_dcmqrscp_both_ways(env):
    """The same with DCMTK's archive: store, find, move to us."""
    s = env.server
    q = env.keep(fixtures.Dcmqrscp(env.folder, destinations=[(s.AET, s.port)]))
    study = objects.make_study(env.tmp(), PatientID="DCMQRSCP")
    s.command("store", "127.0.0.1", q.port, "--call", q.aet, *[f for f, _ in study])
    found = dimse.find(q, keys("STUDY", StudyInstanceUID="", PatientID="DCMQRSCP"), STUDY_FIND)
    assert len(found) == 1
    s.command("move", "127.0.0.1", q.port, "--call", q.aet, "--dest", s.AET, "--level", "study",
              "-k", f"StudyInstanceUID={study[0][1].StudyInstanceUID}")
    for f, d in study:
        objects.assert_same(f, our_file(s, d), f)
