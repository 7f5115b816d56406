"""C-FIND: every level, both roots, every matching kind.   PS3.4 C.2.2.2, C.4.1, C.6"""

import glob
import os

import pydicom

from lib import dimse, objects
from lib.dimse import PATIENT_FIND, STUDY_FIND, find, keys
from lib.fixtures import run, tool


def archive(env):
    """A server that holds the little archive below; {label: [data sets]}."""
    return env.once("archive", lambda: fill(env))


def fill(env):
    s, out = env.server, {}
    people = [
        # label, patient, id, birth, sex, study date, time, modality, description, accession
        ("anna", "Test^Anna", "PID1", "19700131", "F", "20260102", "101500", "CT", "Head native", "ACC1"),
        ("anna2", "Test^Anna", "PID1", "19700131", "F", "20260301", "080000.5", "MR", "Knee [left]", "ACC2"),
        ("bert", "Tester^Bert^^Dr", "PID2", "19500615", "M", "20251231", "235959", "CT", "Thorax 100%", "ACC3"),
        ("jose", "Muñoz^José", "PID_3", "19801224", "M", "20260102", "120000", "US", "Abdomen", ""),
        ("yamada", "Yamada^Tarou=山田^太郎=やまだ^たろう", "PID4", "", "O", "20240229", "000000", "CR", "Chest * ?", "ACC*5"),
    ]
    for label, name, pid, birth, sex, date, time, modality, description, accession in people:
        study = objects.make_study(os.path.join(env.folder, label), PatientName=name, PatientID=pid, PatientBirthDate=birth,
                                   PatientSex=sex, StudyDate=date, StudyTime=time, Modality=modality,
                                   StudyDescription=description, AccessionNumber=accession)
        out[label] = [d for _, d in study]
    for d in out["anna"]:
        r = pydicom.Dataset()
        r.ScheduledProcedureStepID = "SPS7"
        r.RequestedProcedureID = "RP7"
        d.RequestAttributesSequence = [r]
    for label in out:
        for status in dimse.store(s, out[label]):
            assert status.Status == 0, status
    return out


def studies(env, expect=0, ext_neg=None, model=STUDY_FIND, **wanted):
    """Labels of the studies found, sorted."""
    data = archive(env)
    label_of = {d[0].StudyInstanceUID: label for label, d in data.items()}
    query = keys("STUDY", **{"StudyInstanceUID": "", **wanted})
    return " ".join(sorted(label_of[f.StudyInstanceUID] for f in find(env.server, query, model, ext_neg, expect)))


def same(got, want):
    assert got == want, f"found {got!r}, not {want!r}"


def test_universal(env):
    same(studies(env), "anna anna2 bert jose yamada")
    same(studies(env, PatientName="", StudyDate="", AccessionNumber=""), "anna anna2 bert jose yamada")
    same(studies(env, PatientName="*"), "anna anna2 bert jose yamada")


def test_single_value(env):
    same(studies(env, PatientID="PID1"), "anna anna2")
    same(studies(env, AccessionNumber="ACC3"), "bert")
    same(studies(env, StudyDate="20260102"), "anna jose")
    same(studies(env, PatientID="PID"), "")
    same(studies(env, PatientID="pid1"), "")  # only names are compared without case
    same(studies(env, PatientName="Test^Anna"), "anna anna2")
    same(studies(env, StudyDescription="Knee [left]"), "anna2")
    same(studies(env, StudyDescription="Thorax 100%"), "bert")


def test_person_names(env):
    """Case-blind and, as most archives do, blind to trailing empty components.   PS3.4 C.2.2.2.1"""
    same(studies(env, PatientName="TEST^ANNA"), "anna anna2")
    same(studies(env, PatientName="test*"), "anna anna2 bert")
    same(studies(env, PatientName="*bert*"), "bert")
    same(studies(env, SpecificCharacterSet="ISO_IR 192", PatientName="Muñoz*"), "jose")
    same(studies(env, SpecificCharacterSet="ISO_IR 192", PatientName="MUÑOZ^JOSÉ"), "jose")
    same(studies(env, SpecificCharacterSet="ISO_IR 100", PatientName="Muñoz*"), "jose")
    same(studies(env, SpecificCharacterSet="ISO_IR 192", PatientName="*山田*"), "yamada")


def test_wildcards(env):
    same(studies(env, PatientID="PID?"), "anna anna2 bert yamada")
    same(studies(env, PatientID="*_3"), "jose")
    same(studies(env, PatientID="PID_*"), "jose")  # an underscore is no SQL wildcard
    same(studies(env, StudyDescription="*100%"), "bert")
    same(studies(env, StudyDescription="%"), "")
    same(studies(env, StudyDescription="*[l*"), "anna2")  # and a bracket no GLOB class
    same(studies(env, AccessionNumber="ACC?"), "anna anna2 bert")
    same(studies(env, AccessionNumber="ACC\u003f5"), "yamada")
    same(studies(env, PatientName="T?st^*"), "anna anna2")


def test_uid_list(env):
    data = archive(env)
    two = [data["anna"][0].StudyInstanceUID, data["jose"][0].StudyInstanceUID]
    same(studies(env, StudyInstanceUID=two), "anna jose")
    same(studies(env, StudyInstanceUID=two + ["1.2.3.4"]), "anna jose")
    same(studies(env, StudyInstanceUID="1.2.3.4"), "")


def test_ranges(env):
    same(studies(env, StudyDate="20260101-20260131"), "anna jose")
    same(studies(env, StudyDate="20260102-"), "anna anna2 jose")
    same(studies(env, StudyDate="-20251231"), "bert yamada")
    same(studies(env, StudyDate="20240229-20240229"), "yamada")
    same(studies(env, StudyTime="1000-1200"), "anna jose")
    same(studies(env, StudyTime="080000-080001"), "anna2")
    same(studies(env, PatientBirthDate="19500101-19701231"), "anna anna2 bert")


def test_date_and_time_apart_and_combined(env):
    """Apart, each key is matched alone; negotiated, the two are one moment.   PS3.4 C.2.2.2.5.4"""
    same(studies(env, StudyDate="20251231-20260301", StudyTime="100000-090000"), "")
    same(studies(env, StudyDate="20251231-20260102", StudyTime="110000-200000"), "jose")
    same(studies(env, ext_neg=[negotiation(b"\x00\x01")], StudyDate="20251231-20260102", StudyTime="230000-110000"), "anna bert")


def negotiation(flags, model=STUDY_FIND):
    from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
    n = SOPClassExtendedNegotiation()
    n.sop_class_uid, n.service_class_application_information = model, flags
    return n


def test_modalities_in_study(env):
    same(studies(env, ModalitiesInStudy="CT"), "anna bert")
    same(studies(env, ModalitiesInStudy=["MR", "US"]), "anna2 jose")
    same(studies(env, ModalitiesInStudy="XA"), "")


def test_sequence(env):
    """A key inside a sequence.   PS3.4 C.2.2.2.6"""
    data = archive(env)
    item = pydicom.Dataset()
    item.ScheduledProcedureStepID = "SPS7"
    q = keys("SERIES", StudyInstanceUID=data["anna"][0].StudyInstanceUID, SeriesInstanceUID="", RequestAttributesSequence=[item])
    assert len(find(env.server, q)) == 2
    item.ScheduledProcedureStepID = "SPS8"
    assert find(env.server, q) == []


def test_counts_and_return_keys(env):
    data = archive(env)
    found = find(env.server, keys("STUDY", StudyInstanceUID=data["anna"][0].StudyInstanceUID, ModalitiesInStudy="",
                                  NumberOfStudyRelatedSeries="", NumberOfStudyRelatedInstances="", PatientName="",
                                  ReferringPhysicianName="", StudyDescription="", StudyID="", StudyTime="",
                                  SOPClassesInStudy="", RetrieveAETitle=""))
    assert len(found) == 1
    f = found[0]
    assert (f.NumberOfStudyRelatedSeries, f.NumberOfStudyRelatedInstances) == (2, 6), f
    assert f.PatientName == "Test^Anna" and f.ModalitiesInStudy == "CT" and f.StudyDescription == "Head native", f
    assert f.ReferringPhysicianName == "Refer^Rita" and f.QueryRetrieveLevel == "STUDY" and f.StudyID == "S1", f
    assert f.SOPClassesInStudy == objects.CT and f.StudyTime == "101500", f
    assert f.RetrieveAETitle == env.server.AET, f
    assert "SeriesInstanceUID" not in f  # nobody asked


def test_levels_of_study_root(env):
    data = archive(env)["anna"]
    study = data[0].StudyInstanceUID
    series = find(env.server, keys("SERIES", StudyInstanceUID=study, SeriesInstanceUID="", Modality="", SeriesNumber="",
                                   SeriesDescription="", NumberOfSeriesRelatedInstances=""))
    assert {f.SeriesInstanceUID for f in series} == {d.SeriesInstanceUID for d in data}
    assert {(f.Modality, f.NumberOfSeriesRelatedInstances) for f in series} == {("CT", 3)}
    one = find(env.server, keys("SERIES", StudyInstanceUID=study, SeriesNumber="2", SeriesInstanceUID=""))
    assert [f.SeriesInstanceUID for f in one] == [data[-1].SeriesInstanceUID]
    images = find(env.server, keys("IMAGE", StudyInstanceUID=study, SeriesInstanceUID=data[0].SeriesInstanceUID, SOPInstanceUID="",
                                   SOPClassUID="", InstanceNumber="", Rows="", NumberOfFrames=""))
    assert {f.SOPInstanceUID for f in images} == {d.SOPInstanceUID for d in data[:3]}
    assert {(f.SOPClassUID, f.Rows) for f in images} == {(objects.CT, 16)}
    third = find(env.server, keys("IMAGE", StudyInstanceUID=study, SeriesInstanceUID=data[0].SeriesInstanceUID, SOPInstanceUID="",
                                  InstanceNumber="3"))
    assert [f.SOPInstanceUID for f in third] == [data[2].SOPInstanceUID]


def test_levels_of_patient_root(env):
    data = archive(env)["anna"]
    patients = find(env.server, keys("PATIENT", PatientID="PID*", PatientName="", NumberOfPatientRelatedStudies=""), PATIENT_FIND)
    assert {p.PatientID: p.NumberOfPatientRelatedStudies for p in patients} == {"PID1": 2, "PID2": 1, "PID_3": 1, "PID4": 1}
    same(studies(env, model=PATIENT_FIND, PatientID="PID1"), "anna anna2")
    series = find(env.server, keys("SERIES", PatientID="PID1", StudyInstanceUID=data[0].StudyInstanceUID, SeriesInstanceUID=""),
                  PATIENT_FIND)
    assert len(series) == 2
    images = find(env.server, keys("IMAGE", PatientID="PID1", StudyInstanceUID=data[0].StudyInstanceUID,
                                   SeriesInstanceUID=data[0].SeriesInstanceUID, SOPInstanceUID=""), PATIENT_FIND)
    assert len(images) == 3


def test_hierarchical_needs_unique_keys(env):
    """Without relational negotiation the keys above the level are required: 0xA900 (or 0xC001).   PS3.4 C.4.1.2.1"""
    archive(env)
    with dimse.associate(env.server, [STUDY_FIND]) as assoc:
        got = [st.Status for st, _ in assoc.send_c_find(keys("SERIES", SeriesInstanceUID="", Modality="CT"), STUDY_FIND)]
    assert len(got) == 1 and (got[0] == 0xA900 or got[0] & 0xF000 == 0xC000), [hex(x) for x in got]
    with dimse.associate(env.server, [STUDY_FIND]) as assoc:
        got = [st.Status for st, _ in assoc.send_c_find(keys("PATIENT", PatientID="PID1"), STUDY_FIND)]
    assert len(got) == 1 and got[0] not in (0, 0xFF00), "study root has no patient level"
    with dimse.associate(env.server, [STUDY_FIND]) as assoc:
        got = [st.Status for st, _ in assoc.send_c_find(keys("NONSENSE", PatientID="PID1"), STUDY_FIND)]
    assert len(got) == 1 and got[0] not in (0, 0xFF00)
    with dimse.associate(env.server, [STUDY_FIND]) as assoc:
        got = [st.Status for st, _ in assoc.send_c_find(keys(None, PatientID="PID1"), STUDY_FIND)]
    assert len(got) == 1 and got[0] not in (0, 0xFF00), "no level at all"


def test_relational(env):
    """Negotiated: any key at any level, no unique keys needed.   PS3.4 C.4.1.2.2.2, C.5.2.1"""
    data = archive(env)
    relational = [negotiation(b"\x01")]
    found = find(env.server, keys("SERIES", SeriesInstanceUID="", Modality="CT"), ext_neg=relational)
    assert {f.SeriesInstanceUID for f in found} == {d.SeriesInstanceUID for k in ("anna", "bert") for d in data[k]}
    found = find(env.server, keys("IMAGE", SOPInstanceUID="", PatientID="PID_3", InstanceNumber="1"), ext_neg=relational)
    assert {f.SOPInstanceUID for f in found} == {d.SOPInstanceUID for d in data["jose"] if d.InstanceNumber == 1}


def test_extended_negotiation_is_answered(env):
    archive(env)
    with dimse.associate(env.server, [STUDY_FIND], [negotiation(b"\x01\x01\x01\x01")]) as assoc:
        answers = assoc.acceptor.sop_class_extended
        info = answers.get(STUDY_FIND)
        assert info and info[0] == 1, f"relational queries not confirmed: {answers}"


def test_fuzzy_names(env):
    same(studies(env, ext_neg=[negotiation(b"\x00\x00\x01")], PatientName="Munoz^Jose"), "jose")


def test_cancel(env):
    """C-CANCEL ends a running query: 0xFE00, or it was over already.   PS3.7 §9.3.2.3"""
    archive(env)
    with dimse.associate(env.server, [STUDY_FIND]) as assoc:
        answers = []
        for status, _ in assoc.send_c_find(keys("STUDY", StudyInstanceUID=""), STUDY_FIND, msg_id=7):
            if not answers:
                assoc.send_c_cancel(7, query_model=STUDY_FIND)
            answers.append(status.Status)
        assert answers[-1] in (0xFE00, 0x0000), [hex(a) for a in answers]
        rest = [st.Status for st, _ in assoc.send_c_find(keys("STUDY", PatientID="PID1"), STUDY_FIND)]
        assert rest[-1] == 0, "the association is good for another query"


def test_findscu(env):
    """DCMTK's client, its answers read from the files it writes."""
    data, s = archive(env), env.server

    def findscu(*args):
        out = env.tmp()
        run(tool("findscu"), *args, "-aec", s.AET, "-X", "-od", out, "127.0.0.1", s.port)
        return [pydicom.dcmread(f, force=True) for f in sorted(glob.glob(out + "/rsp*"))]

    got = findscu("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName=TEST*", "-k", "StudyDate=2026-")
    assert {str(f.StudyInstanceUID) for f in got} == {data["anna"][0].StudyInstanceUID, data["anna2"][0].StudyInstanceUID}
    got = findscu("-P", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID", "-k", "PatientName=T*")
    assert {f.PatientID for f in got} == {"PID1", "PID2"}
    got = findscu("-S", "-k", "QueryRetrieveLevel=SERIES", "-k", f"StudyInstanceUID={data['bert'][0].StudyInstanceUID}",
                  "-k", "SeriesInstanceUID")
    assert len(got) == 2
    assert findscu("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=NOBODY") == []


def test_find_scu_of_ours(env):
    data, s = archive(env), env.server
    code, text = s.command("find", "127.0.0.1", s.port, "--call", s.AET, "--level", "study", "-k", "PatientID=PID1",
                           "-k", "StudyInstanceUID", "--json")
    assert code == 0 and data["anna"][0].StudyInstanceUID in text and data["bert"][0].StudyInstanceUID not in text, text


def test_answers_in_the_character_set_asked(env):
    archive(env)
    f = find(env.server, keys("STUDY", PatientID="PID4", PatientName="", StudyInstanceUID=""))[0]
    assert str(f.PatientName).startswith("Yamada^Tarou=山田^太郎"), f.PatientName
    assert "SpecificCharacterSet" in f
