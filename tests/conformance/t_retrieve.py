"""C-GET and C-MOVE, with DCMTK, pynetdicom and our own clients.   PS3.4 C.4.2, C.4.3"""

import os
import threading
import time

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_role

from lib import dimse, fixtures, objects
from lib.dimse import PATIENT_GET, PATIENT_MOVE, STUDY_GET, STUDY_MOVE, evt, keys
from lib.fixtures import run, tool


def archive(env):
    """Two studies in the server: (study A: 6 explicit slices, study B: 4 implicit ones), as {uid: path} each."""
    return env.once("archive", lambda: fill(env))


def fill(env):
    a = objects.make_study(os.path.join(env.folder, "a"), PatientID="GETA")
    b = objects.make_study(os.path.join(env.folder, "b"), series=1, instances=4, PatientID="GETB", syntax=ImplicitVRLittleEndian)
    for status in dimse.store(env.server, [d for _, d in a + b]):
        assert status.Status == 0, status
    return [{d.SOPInstanceUID: p for p, d in part} for part in (a, b)] + [a[0][1], b[0][1]]


def check(folder, want, exact=True, any_syntax=False):
    """The folder holds exactly the wanted objects, each with its data set (any_syntax: the peer chose another one)."""
    got = {}
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        got[str(objects.read(path).SOPInstanceUID)] = path
    assert set(got) == set(want), f"{len(got)} came, {len(want)} expected"
    for uid, path in want.items():
        objects.assert_same(path, got[uid], uid, exact, any_syntax)


def empty_inbox(env):
    for f in env.storescp.files():
        os.remove(f)


def test_getscu(env):
    a, b, first, _ = archive(env)
    s = env.server
    out = env.tmp()
    run(tool("getscu"), "-S", "-aec", s.AET, "-od", out, "-k", "QueryRetrieveLevel=STUDY", "-k",
        f"StudyInstanceUID={first.StudyInstanceUID}", "--bit-preserving", "127.0.0.1", s.port)
    check(out, a)
    out = env.tmp()
    run(tool("getscu"), "-P", "-aec", s.AET, "-od", out, "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=GETB",
        "--bit-preserving", "127.0.0.1", s.port)
    check(out, b, exact=False, any_syntax=True)  # getscu proposes explicit VR first


def test_getscu_levels(env):
    a, _, first, _ = archive(env)
    s = env.server
    up = ["-k", f"StudyInstanceUID={first.StudyInstanceUID}", "-k", f"SeriesInstanceUID={first.SeriesInstanceUID}"]
    out = env.tmp()
    run(tool("getscu"), "-S", "-aec", s.AET, "-od", out, "-k", "QueryRetrieveLevel=SERIES", *up, "--bit-preserving", "127.0.0.1", s.port)
    assert len(os.listdir(out)) == 3
    out = env.tmp()
    run(tool("getscu"), "-S", "-aec", s.AET, "-od", out, "-k", "QueryRetrieveLevel=IMAGE", *up, "-k",
        f"SOPInstanceUID={first.SOPInstanceUID}", "--bit-preserving", "127.0.0.1", s.port)
    check(out, {first.SOPInstanceUID: a[first.SOPInstanceUID]})


def test_movescu(env):
    a, _, first, _ = archive(env)
    s, inbox = env.server, env.storescp
    empty_inbox(env)
    run(tool("movescu"), "-S", "-aec", s.AET, "-aem", inbox.aet, "-k", "QueryRetrieveLevel=STUDY", "-k",
        f"StudyInstanceUID={first.StudyInstanceUID}", "127.0.0.1", s.port)
    check(inbox.folder, a)
    empty_inbox(env)
    run(tool("movescu"), "-P", "-aec", s.AET, "-aem", inbox.aet, "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=GETA",
        "127.0.0.1", s.port)
    check(inbox.folder, a)


def test_movescu_implicit(env):
    _, b, _, first = archive(env)
    s, inbox = env.server, env.storescp
    empty_inbox(env)
    run(tool("movescu"), "-S", "-aec", s.AET, "-aem", inbox.aet, "-k", "QueryRetrieveLevel=STUDY", "-k",
        f"StudyInstanceUID={first.StudyInstanceUID}", "127.0.0.1", s.port)
    check(inbox.folder, b)


def test_clients_of_ours(env):
    a, _, first, _ = archive(env)
    s, inbox, out = env.server, env.storescp, env.tmp()
    study = ["-k", f"StudyInstanceUID={first.StudyInstanceUID}"]
    s.command("get", "127.0.0.1", s.port, "--call", s.AET, "--out", out, "--level", "study", *study)
    check(out, a)
    empty_inbox(env)
    s.command("move", "127.0.0.1", s.port, "--call", s.AET, "--dest", inbox.aet, "--level", "study", *study)
    check(inbox.folder, a)


def test_move_to_nobody(env):
    """0xA801: move destination unknown.   PS3.4 C.4.2.1.5"""
    _, _, first, _ = archive(env)
    with dimse.associate(env.server, [STUDY_MOVE]) as assoc:
        got = [st.Status for st, _ in assoc.send_c_move(keys("STUDY", StudyInstanceUID=first.StudyInstanceUID), "NOBODY", STUDY_MOVE)]
    assert got == [0xA801], [hex(x) for x in got]


def test_move_to_a_dead_peer(env):
    """A destination that does not answer: a final failure or warning that counts every sub-operation as failed."""
    dead = fixtures.free_port()
    s = env.fresh(peers=[("DEAD", dead)])
    study = objects.make_study(env.tmp(), series=1)
    dimse.store(s, [d for _, d in study])
    with dimse.associate(s, [STUDY_MOVE]) as assoc:
        got = [st for st, _ in assoc.send_c_move(keys("STUDY", StudyInstanceUID=study[0][1].StudyInstanceUID), "DEAD", STUDY_MOVE)]
    last = got[-1]
    assert last.Status not in (0x0000, 0xFF00), hex(last.Status)
    if "NumberOfFailedSuboperations" in last:
        assert last.NumberOfFailedSuboperations == 3, last


def test_sub_operation_counts(env):
    """Pending answers count down; the final one counts all.   PS3.7 §9.3.4.2"""
    _, _, first, _ = archive(env)
    empty_inbox(env)
    with dimse.associate(env.server, [PATIENT_MOVE]) as assoc:
        got = [st for st, _ in assoc.send_c_move(keys("PATIENT", PatientID=first.PatientID), env.storescp.aet, PATIENT_MOVE)]
    last = got[-1]
    assert last.Status == 0 and last.NumberOfCompletedSuboperations == 6, last
    assert last.get("NumberOfFailedSuboperations", 0) == 0 and "NumberOfRemainingSuboperations" not in last, last
    pending = [st for st in got if st.Status == 0xFF00]
    assert pending, "no Pending answer"
    for st in pending:
        assert st.NumberOfRemainingSuboperations + st.NumberOfCompletedSuboperations + st.NumberOfFailedSuboperations == 6, st


def get_with(env, query, model=STUDY_GET, accept=None, syntaxes=None, answer=lambda e: 0x0000, cancel_after=None):
    """C-GET by pynetdicom: (all statuses, received data sets)."""
    received = []

    def on_store(event):
        ds = event.dataset
        ds.file_meta = event.file_meta
        received.append(ds)
        return answer(event)

    roles = [build_role(c, scp_role=True) for c in (accept or [objects.CT])]
    contexts = [model] + [(c, syntaxes or [ExplicitVRLittleEndian, ImplicitVRLittleEndian]) for c in (accept or [objects.CT])]
    statuses = []
    with dimse.associate(env.server, contexts, roles, handlers=[(evt.EVT_C_STORE, on_store)]) as assoc:
        for status, _ in assoc.send_c_get(query, model, msg_id=5):
            statuses.append(status)
            if cancel_after is not None and len(statuses) == cancel_after:
                assoc.send_c_cancel(5, query_model=model)
    return statuses, received


def test_get_by_pynetdicom(env):
    a, _, first, _ = archive(env)
    statuses, got = get_with(env, keys("STUDY", StudyInstanceUID=first.StudyInstanceUID))
    last = statuses[-1]
    assert last.Status == 0 and last.NumberOfCompletedSuboperations == 6, last
    assert {d.SOPInstanceUID for d in got} == set(a)
    statuses, got = get_with(env, keys("PATIENT", PatientID="GETA"), PATIENT_GET)
    assert len(got) == 6


def test_get_uid_list(env):
    a, _, first, _ = archive(env)
    some = [u for u in a if objects.read(a[u]).SeriesInstanceUID == first.SeriesInstanceUID][:2]
    statuses, got = get_with(env, keys("IMAGE", StudyInstanceUID=first.StudyInstanceUID, SeriesInstanceUID=first.SeriesInstanceUID,
                                       SOPInstanceUID=some))
    assert statuses[-1].Status == 0 and {d.SOPInstanceUID for d in got} == set(some)


def test_get_nothing(env):
    archive(env)
    statuses, got = get_with(env, keys("STUDY", StudyInstanceUID="1.2.3.4"))
    assert statuses[-1].Status == 0x0000 and got == [], statuses


def test_get_refused_by_receiver(env):
    """The receiver answers some stores with a failure: 0xB000, and their UIDs are listed.   PS3.4 C.4.3.1.4"""
    _, _, first, _ = archive(env)
    bad = []

    def answer(event):
        if not bad:
            bad.append(event.request.AffectedSOPInstanceUID)
            return 0xA700
        return 0x0000

    last = get_with(env, keys("STUDY", StudyInstanceUID=first.StudyInstanceUID), answer=answer)[0][-1]
    assert last.Status == 0xB000, hex(last.Status)
    assert (last.NumberOfCompletedSuboperations, last.NumberOfFailedSuboperations) == (5, 1), last


def test_get_without_a_context(env):
    """No presentation context for the class: failed sub-operations, not a broken association."""
    _, _, first, _ = archive(env)
    last = get_with(env, keys("STUDY", StudyInstanceUID=first.StudyInstanceUID), accept=[objects.SECONDARY_CAPTURE])[0][-1]
    assert last.Status & 0xF000 in (0xA000, 0xB000, 0xC000) and last.NumberOfFailedSuboperations == 6, last


def test_cancel(env):
    """C-CANCEL in the middle of a C-GET: 0xFE00 with what remains, and the association lives.   PS3.4 C.4.3.3.1"""
    many = objects.make_study(env.tmp(), series=1, instances=40, rows=64, columns=64, PatientID="CANCEL")
    for status in dimse.store(env.server, [d for _, d in many]):
        assert status.Status == 0

    def slowly(event):
        time.sleep(0.05)
        return 0

    statuses, got = get_with(env, keys("STUDY", StudyInstanceUID=many[0][1].StudyInstanceUID), answer=slowly, cancel_after=1)
    assert statuses[-1].Status == 0xFE00, hex(statuses[-1].Status)
    assert len(got) < 40, "cancelled, yet all came"


def test_converted_when_the_peer_wants_it(env):
    """A peer that takes implicit VR only still gets what is stored as explicit VR, element by element."""
    a, _, first, _ = archive(env)
    statuses, got = get_with(env, keys("STUDY", StudyInstanceUID=first.StudyInstanceUID), syntaxes=[ImplicitVRLittleEndian])
    assert statuses[-1].Status == 0 and len(got) == 6, statuses[-1]
    for d in got:
        sent = objects.read(a[d.SOPInstanceUID])
        assert d.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
        assert d.PatientName == sent.PatientName and d.PixelData == sent.PixelData and d.Rows == sent.Rows


def test_four_moves_at_once(env):
    a, _, first, _ = archive(env)
    empty_inbox(env)
    problems = []

    def one():
        with dimse.associate(env.server, [STUDY_MOVE]) as assoc:
            got = [st.Status for st, _ in assoc.send_c_move(keys("STUDY", StudyInstanceUID=first.StudyInstanceUID),
                                                            inbox.aet, STUDY_MOVE)]
            if got[-1] != 0:
                problems.append(got)

    inbox = env.storescp  # storescp serves one association at a time: the others wait
    threads = [threading.Thread(target=one) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems, problems
    assert len(inbox.files()) == 6
    assert a
