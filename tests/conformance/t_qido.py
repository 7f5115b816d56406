"""QIDO-RS: paths, matching, includefield, paging, order, formats.   PS3.18 §10.6; and what OHIF really asks."""

import os
import urllib.parse
import xml.etree.ElementTree as ET

import pydicom

from lib import dimse, objects, web
from lib.web import query, value

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"


def archive(env):
    return env.once("archive", lambda: fill(env))


def fill(env):
    s, out = env.server, {}
    people = [
        ("anna", "Test^Anna", "PID1", "20260102", "101500", "CT", "Head native", "ACC1"),
        ("anna2", "Test^Anna", "PID1", "20260301", "080000", "MR", "Knee, left & right", "ACC2"),
        ("bert", "Tester^Bert^^Dr", "PID2", "20251231", "235959", "CT", "Thorax 100%", "ACC3"),
        ("jose", "Muñoz^José", "PID_3", "20260102", "120000", "US", "Abdomen", ""),
        ("yamada", "Yamada^Tarou=山田^太郎=やまだ^たろう", "PID4", "20240229", "000000", "CR", "", "ACC5"),
    ]
    for label, name, pid, date, time, modality, description, accession in people:
        study = objects.make_study(os.path.join(env.folder, label), PatientName=name, PatientID=pid, StudyDate=date, StudyTime=time,
                                   Modality=modality, StudyDescription=description, AccessionNumber=accession)
        out[label] = [d for _, d in study]
    item = pydicom.Dataset()
    item.ScheduledProcedureStepID = "SPS7"
    for d in out["anna"]:
        d.RequestAttributesSequence = [item]
    for d in out["anna2"][3:]:
        d.Modality = "PR"
    for d in sum(out.values(), []):
        status, = dimse.store(s, [d])
        assert status.Status == 0
    return out


def labels(env, parameters):
    data = archive(env)
    label_of = {d[0].StudyInstanceUID: label for label, d in data.items()}
    return " ".join(sorted(label_of[value(r, STUDY)] for r in query(f"{env.server.web}/studies?{parameters}")))


def same(got, want):
    assert got == want, f"found {got!r}, not {want!r}"


def enc(text):
    return urllib.parse.quote(text, safe="")


def test_ohif_study_list(env):
    """Row 1: includefield percent-encoded, fuzzymatching, and the fields that are always there."""
    archive(env)
    rows = query(f"{env.server.web}/studies?limit=101&offset=0&fuzzymatching=true"
                 "&includefield=00081030%2C00080060%2C00080090%2C00100030")
    assert len(rows) == 5
    for r in rows:
        for tag in ("0020000D", "00080020", "00080030", "00080050", "00080061", "00100010", "00100020", "00100030", "00201206",
                    "00201208", "00081030", "00080090"):
            assert tag in r, f"{tag} missing"
    anna = next(r for r in rows if value(r, STUDY) == archive(env)["anna"][0].StudyInstanceUID)
    assert (value(anna, "00201206"), value(anna, "00201208")) == (2, 6)
    assert anna["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Test^Anna"}]}
    assert value(anna, "00081030") == "Head native" and value(anna, "00080090") == "Refer^Rita"


def test_ohif_filters(env):
    """Row 2: keywords and hexadecimal keys, wildcards both ends, case-blind names, ranges."""
    same(labels(env, "PatientName=*anna*"), "anna anna2")
    same(labels(env, "00100020=*ID1*"), "anna anna2")
    same(labels(env, "AccessionNumber=*CC3*"), "bert")
    same(labels(env, "StudyDescription=*native*"), "anna")
    same(labels(env, "ModalitiesInStudy=CT"), "anna bert")
    same(labels(env, "StudyDate=20260101-20260103"), "anna jose")
    same(labels(env, "00080020=19700102-20251231"), "bert yamada")
    same(labels(env, "limit=101&offset=0&fuzzymatching=true&PatientName=*bert*&ModalitiesInStudy=CT"), "bert")


def test_ohif_priors_and_open(env):
    """Rows 4 to 6 and 26: list of UIDs, exact patient ID, an unknown study is an empty answer."""
    d = archive(env)
    uid = {k: v[0].StudyInstanceUID for k, v in d.items()}
    same(labels(env, "00100020=PID1&limit=101&offset=0&fuzzymatching=true"), "anna anna2")
    same(labels(env, f"StudyInstanceUID={uid['anna']}"), "anna")
    same(labels(env, f"StudyInstanceUID={uid['anna']}%5C{uid['jose']}"), "anna jose")
    same(labels(env, f"StudyInstanceUID={uid['anna']},{uid['jose']}"), "anna jose")
    same(labels(env, "StudyInstanceUID=1.2.3"), "")
    assert query(f"{env.server.web}/studies/1.2.3/series?includefield=00080021") == []
    rows = query(f"{env.server.web}/studies/{uid['anna']}/series?includefield=00080021%2C00080031%2C0008103E%2C00200011")
    assert len(rows) == 2
    for r in rows:
        for tag in ("0020000E", "00080060", "00200011", "0008103E", "00080021", "00201209", "00080031"):
            assert tag in r, f"{tag} missing"
        assert value(r, "00201209") == 3
    one = query(f"{env.server.web}/studies/{uid['anna']}/series?SeriesInstanceUID={d['anna'][0].SeriesInstanceUID}")
    assert [value(r, SERIES) for r in one] == [d["anna"][0].SeriesInstanceUID]


def test_values_with_odd_characters(env):
    same(labels(env, "StudyDescription=" + enc("Knee, left & right")), "anna2")
    same(labels(env, "StudyDescription=" + enc("Thorax 100%")), "bert")
    same(labels(env, "PatientID=" + enc("PID_*")), "jose")
    same(labels(env, "PatientName=" + enc("Muñoz^José")), "jose")
    same(labels(env, "PatientName=" + enc("*山田*")), "yamada")
    same(labels(env, "PatientID=" + enc("PID?")), "anna anna2 bert yamada")
    same(labels(env, "StudyDescription=" + enc("'; DROP TABLE study; --")), "")


def test_person_name_groups(env):
    row, = query(f"{env.server.web}/studies?PatientID=PID4")
    assert row["00100010"]["Value"][0] == {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}


def test_empty_values(env):
    """A present but empty attribute has a VR and no Value.   PS3.18 §F.2.5"""
    row, = query(f"{env.server.web}/studies?PatientID=PID_3")
    assert row["00080050"]["vr"] == "SH" and not row["00080050"].get("Value"), row["00080050"]


def test_all_nested_paths(env):
    d = archive(env)
    a, w = d["anna"], env.server.web
    study, series = a[0].StudyInstanceUID, a[0].SeriesInstanceUID
    assert len(query(f"{w}/series?PatientID=PID1")) == 4
    assert len(query(f"{w}/series")) == 10
    assert len(query(f"{w}/studies/{study}/series")) == 2
    assert len(query(f"{w}/instances")) == 30
    assert len(query(f"{w}/instances?Modality=PR")) == 3
    assert len(query(f"{w}/studies/{study}/instances")) == 6
    rows = query(f"{w}/studies/{study}/series/{series}/instances")
    assert {value(r, INSTANCE) for r in rows} == {i.SOPInstanceUID for i in a[:3]}
    for tag in ("00080016", "00080018", "0020000D", "0020000E", "00200013", "00280010", "00280011"):
        assert all(tag in r for r in rows), f"{tag} missing"
    one = query(f"{w}/studies/{study}/series/{series}/instances?SOPInstanceUID={a[1].SOPInstanceUID}")
    assert len(one) == 1
    assert [value(r, "00200013") for r in query(f"{w}/studies/{study}/series/{series}/instances?InstanceNumber=2")] == [2]


def test_sequence_paths(env):
    d, w = archive(env)["anna"], env.server.web
    want = {i.SeriesInstanceUID for i in d}
    for key in ("RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009", "00400275.ScheduledProcedureStepID"):
        assert {value(r, SERIES) for r in query(f"{w}/series?{key}=SPS7")} == want, key
        assert query(f"{w}/series?{key}=SPS8") == [], key


def test_any_attribute_matches_and_returns(env):
    """A key of no fixed column: BodyPartExamined, SliceThickness, Rows at instance level."""
    archive(env)
    w = env.server.web
    assert len(query(f"{w}/series?BodyPartExamined=HEAD")) == 10
    assert query(f"{w}/series?BodyPartExamined=FOOT") == []
    rows = query(f"{w}/instances?includefield=SliceThickness&includefield=ImagePositionPatient&limit=2")
    assert len(rows) == 2 and value(rows[0], "00180050") == 5 and rows[0]["00200032"]["Value"] == [0, 0, 0], rows[0]


def test_includefield_all(env):
    d, w = archive(env)["anna"], env.server.web
    row, = query(f"{w}/studies?StudyInstanceUID={d[0].StudyInstanceUID}&includefield=all")
    assert value(row, "00100040") == "F" and value(row, "00081030") == "Head native", row
    row = query(f"{w}/studies/{d[0].StudyInstanceUID}/instances?includefield=all&limit=1")[0]
    assert value(row, "00180050") == 5 and "7FE00010" not in row or "BulkDataURI" in row.get("7FE00010", {}), row


def test_limit_and_offset(env):
    archive(env)
    w = env.server.web
    whole = [value(r, INSTANCE) for r in query(f"{w}/instances")]
    paged = []
    for offset in range(0, 40, 7):
        paged += [value(r, INSTANCE) for r in query(f"{w}/instances?limit=7&offset={offset}")]
    assert paged == whole, "the pages do not add up to the whole, in its order"
    assert query(f"{w}/studies?offset=5") == [] and len(query(f"{w}/studies?limit=2")) == 2


def test_bad_parameters(env):
    archive(env)
    w = env.server.web
    for bad in ("limit=x", "limit=-1", "offset=-5", "NoSuchKeyword=1", "0010=1", "StudyDate=yesterday"):
        web.assert_problem(web.get(f"{w}/studies?{bad}", web.DICOM_JSON, None), 400)
    env.server.assert_alive()


def test_orderby(env):
    archive(env)
    w = env.server.web
    dates = [value(r, "00080020") for r in query(f"{w}/studies?orderby=StudyDate")]
    assert dates == sorted(dates), dates
    dates = [value(r, "00080020") for r in query(f"{w}/studies?orderby=-StudyDate")]
    assert dates == sorted(dates, reverse=True), dates
    names = [value(r, "00100010") for r in query(f"{w}/studies?orderby=PatientName")]
    assert names == sorted(names, key=str.lower), names


def test_newest_first(env):
    archive(env)
    dates = [value(r, "00080020") for r in query(f"{env.server.web}/studies")]
    assert dates == sorted(dates, reverse=True), dates


def test_fuzzymatching(env):
    same(labels(env, "fuzzymatching=true&PatientName=munoz"), "jose")
    same(labels(env, "fuzzymatching=true&PatientName=anna"), "anna anna2")


def test_xml(env):
    d = archive(env)["anna"]
    r = web.get(f"{env.server.web}/studies?StudyInstanceUID={d[0].StudyInstanceUID}", 'multipart/related; type="application/dicom+xml"')
    (headers, body), = web.parts_of(r)
    assert headers["Content-Type"].startswith("application/dicom+xml")
    root = ET.fromstring(body)
    found = {e.get("tag"): e for e in root if e.tag.endswith("DicomAttribute")}
    assert found[STUDY].get("vr") == "UI" and "".join(found[STUDY].itertext()).strip() == d[0].StudyInstanceUID


def test_accept(env):
    archive(env)
    w = env.server.web
    for accept in (None, "*/*", "application/json", web.DICOM_JSON, "application/*", "text/html, application/dicom+json;q=0.5"):
        r = web.get(f"{w}/studies", accept)
        assert "json" in r.headers["Content-Type"] and len(r.json()) == 5, accept
    web.assert_problem(web.get(f"{w}/studies", "image/png", None), 406)
    r = web.get(f"{w}/studies?accept=application/dicom%2Bjson", "image/png")
    assert len(r.json()) == 5, "the accept parameter overrules the header"


def test_gzip(env):
    archive(env)
    r = web.get(f"{env.server.web}/instances?includefield=all", web.DICOM_JSON, headers={"Accept-Encoding": "gzip"})
    assert r.headers.get("Content-Encoding") == "gzip" and len(r.json()) == 30


def test_dicomweb_client(env):
    """The Python client of the same name: its view of our answers."""
    from dicomweb_client.api import DICOMwebClient
    d = archive(env)
    c = DICOMwebClient(env.server.web)
    assert len(c.search_for_studies()) == 5
    assert len(c.search_for_studies(search_filters={"PatientID": "PID1"}, fields=["StudyDescription"])) == 2
    assert len(c.search_for_series(d["anna"][0].StudyInstanceUID)) == 2
    assert len(c.search_for_instances(d["anna"][0].StudyInstanceUID)) == 6


def test_a_study_without_a_modality(env):
    """ModalitiesInStudy has values or is not there: the list of OHIF 3.13 breaks on one without."""
    s = env.server
    [(_, d)] = objects.make_study(env.tmp(), series=1, instances=1, PatientID="NOMODALITY")
    d.Modality = ""
    dimse.store(s, [d])
    [row] = query(f"{s.web}/studies?PatientID=NOMODALITY")
    assert "00080061" not in row and value(row, "0020000D") == d.StudyInstanceUID, row


def test_counts_follow_changes(env):
    """Counts and ModalitiesInStudy keep up with what arrives and what is deleted."""
    s = env.server
    study = objects.make_study(env.tmp(), series=2, instances=2, PatientID="COUNTS")
    uid = study[0][1].StudyInstanceUID
    study[3][1].Modality = study[2][1].Modality = "SR"

    def state():
        rows = query(f"{s.web}/studies?StudyInstanceUID={uid}")
        return [(value(r, "00201206"), value(r, "00201208"), sorted(r["00080061"]["Value"])) for r in rows]

    for (_, d), want in zip(study, [(1, 1, ["CT"]), (1, 2, ["CT"]), (2, 3, ["CT", "SR"]), (2, 4, ["CT", "SR"])]):
        dimse.store(s, [d])
        assert state() == [want], (state(), want)
    d = study[3][1]
    r = web.SESSION.delete(f"{s.web}/studies/{uid}/series/{d.SeriesInstanceUID}/instances/{d.SOPInstanceUID}")
    assert r.status_code in (200, 204) and state() == [(2, 3, ["CT", "SR"])], state()
    r = web.SESSION.delete(f"{s.web}/studies/{uid}/series/{d.SeriesInstanceUID}")
    assert r.status_code in (200, 204) and state() == [(1, 2, ["CT"])], state()
    r = web.SESSION.delete(f"{s.web}/studies/{uid}")
    assert r.status_code in (200, 204) and state() == []
    web.assert_problem(web.SESSION.delete(f"{s.web}/studies/{uid}"), 404)
