"""C-STORE as SCP and SCU: classes, transfer syntaxes, duplicates and their policies.   PS3.4 Annex B"""

import os
from io import BytesIO

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode

from lib import dimse, fixtures, objects, samples, web
from lib.fixtures import run, tool


def fetched(s, ds):
    """The stored file, by WADO-RS, as it was stored."""
    r = web.get(f"{s.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}",
                'multipart/related; type="application/dicom"; transfer-syntax=*')
    parts = web.parts_of(r)
    assert len(parts) == 1
    return parts[0][1]


def test_storescu(env):
    s, folder = env.server, env.tmp()
    study = objects.make_study(folder, series=2, instances=5)
    run(tool("storescu"), "+sd", "-aec", s.AET, "127.0.0.1", s.port, folder)
    for path, ds in study:
        objects.assert_same(path, fetched(s, ds), path)


def test_store_scu_of_ours(env):
    s, folder, inbox = env.server, env.tmp(), env.storescp
    study = objects.make_study(folder)
    s.command("store", "127.0.0.1", s.port, "--call", s.AET, folder)
    for path, ds in study:
        objects.assert_same(path, fetched(s, ds), path, exact=True)
    for f in inbox.files():
        os.remove(f)
    s.command("store", "127.0.0.1", inbox.port, "--call", inbox.aet, *[p for p, _ in study])
    got = {str(objects.read(f).SOPInstanceUID): f for f in inbox.files()}
    assert set(got) == {d.SOPInstanceUID for _, d in study}
    for path, ds in study:
        objects.assert_same(path, got[ds.SOPInstanceUID], path, exact=True)


def test_store_scu_reports_refusals(env):
    """A peer that refuses, or is not there: a word and a code, not silence."""
    s = env.server
    path = os.path.join(env.tmp(), "x.dcm")
    objects.make(path)
    code, text = s.command("store", "127.0.0.1", fixtures.free_port(), path, check=False)
    assert code != 0 and text.strip(), text
    code, text = s.command("store", "127.0.0.1", s.port, "/nonexistent.dcm", check=False)
    assert code != 0 and "nonexistent" in text, text


def test_uncompressed_transfer_syntaxes_byte_for_byte(env):
    for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian):
        path = os.path.join(env.tmp(), "x.dcm")
        ds = objects.make(path, syntax=syntax)
        status, = dimse.store(env.server, [ds])
        assert status.Status == 0, status
        got = fetched(env.server, ds)
        assert objects.read(got).file_meta.TransferSyntaxUID == syntax
        objects.assert_same(path, got, str(syntax))


def test_every_transfer_syntax_is_stored_as_it_came(env):
    """One sample of each, by our own SCU: the very bytes come back."""
    seen = {}
    for r in samples.rows():
        if r["path"] in samples_set(env) and r["transfer_syntax_uid"]:
            seen.setdefault(r["transfer_syntax_uid"], samples.path(r["path"]))
    for syntax, path in seen.items():
        s = env.server
        ds = objects.read(path)
        if not ds.get("StudyInstanceUID") or not ds.get("SOPInstanceUID"):
            continue
        web.SESSION.delete(f"{s.web}/studies/{ds.StudyInstanceUID}")
        code, text = s.command("store", "127.0.0.1", s.port, "--call", s.AET, path, check=False)
        assert code == 0, f"{syntax} {path}: {text}"
        objects.assert_same(path, fetched(s, ds), f"{syntax} {path}", exact=True)
    assert len(seen) > (25 if samples.IS_WHOLE else 9), f"only {len(seen)} transfer syntaxes among the samples"


def samples_set(env):
    return env.once("readable", lambda: set(samples.readable()))


def test_private_sop_class(env):
    """Every storage class, private ones too; the list of known ones is no gate."""
    for sop_class in ("1.2.276.0.7230010.99.1.2.3", "1.3.12.2.1107.5.9.1", "1.2.840.10008.5.1.4.1.1.66.7"):
        ds = objects.make(sop_class=sop_class)
        status, = dimse.store(env.server, [ds])
        assert status.Status == 0, f"{sop_class}: {status}"
        assert objects.read(fetched(env.server, ds)).SOPClassUID == sop_class


def test_same_bytes_twice(env):
    """Accepted and not duplicated, by every way in."""
    s = env.server
    ds = objects.make()
    for _ in range(3):
        status, = dimse.store(s, [ds])
        assert status.Status == 0
    found = web.query(f"{s.web}/studies/{ds.StudyInstanceUID}/instances")
    assert len(found) == 1, found
    path = os.path.join(env.tmp(), "again.dcm")
    with open(path, "wb") as f:
        f.write(fetched(s, ds))
    code, answer = web.stow(f"{s.web}/studies", [open(path, "rb").read()])
    assert code == 200 and web.stored_uids(answer) == {ds.SOPInstanceUID}, answer
    summary = s.importing(path)
    assert (summary["stored"], summary["already"], summary["failed"]) == (0, 1, 0), summary


def conflict(env, policy):
    """Another object under the same UID: (server, first, second, status)."""
    s = env.fresh(on_conflict=policy)
    first = objects.make(PatientName="First^One")
    second = objects.make(SOPInstanceUID=first.SOPInstanceUID, StudyInstanceUID=first.StudyInstanceUID,
                          SeriesInstanceUID=first.SeriesInstanceUID, PatientName="Second^One", rows=32)
    status, = dimse.store(s, [first])
    assert status.Status == 0
    status, = dimse.store(s, [second])
    return s, first, second, status.Status


def test_keep_first(env):
    s, first, _, status = conflict(env, "keep-first")
    assert status == 0 or status & 0xF000 == 0xB000, hex(status)
    objects.assert_same(objects.file_bytes(first), fetched(s, first), "keep-first")


def test_replace(env):
    s, _, second, status = conflict(env, "replace")
    assert status == 0, hex(status)
    objects.assert_same(objects.file_bytes(second), fetched(s, second), "replace")
    found = web.query(f"{s.web}/studies/{second.StudyInstanceUID}/instances?includefield=00280010")
    assert len(found) == 1 and web.value(found[0], "00280010") == 32, found
    found = web.query(f"{s.web}/studies?StudyInstanceUID={second.StudyInstanceUID}")
    assert web.value(found[0], "00201208") == 1 and web.value(found[0], "00100010") == "Second^One", found


def test_reject(env):
    s, first, second, status = conflict(env, "reject")
    assert status != 0 and status & 0xF000 in (0xA000, 0xC000, 0x0000), hex(status)
    objects.assert_same(objects.file_bytes(first), fetched(s, first), "reject")
    code, answer = web.stow(f"{s.web}/studies", [objects.file_bytes(second)], status=(200, 202, 409))
    assert code == 409 and web.failures(answer), (code, answer)


def sent_as(assoc, ds, sop_instance, change=lambda d: None):
    """C-STORE of a data set under another SOP instance UID than its own: the answer."""
    change(ds)
    rq = C_STORE()
    rq.MessageID, rq.AffectedSOPClassUID, rq.Priority, rq.AffectedSOPInstanceUID = 1, ds.SOPClassUID, 2, sop_instance
    rq.DataSet = BytesIO(encode(ds, False, True))
    assoc._reactor_checkpoint.clear()  # or pynetdicom's own thread may take the answer
    assoc.dimse.send_msg(rq, assoc.accepted_contexts[0].context_id)
    answer = assoc.dimse.get_msg(True)[1]
    assoc._reactor_checkpoint.set()
    return answer


def test_uid_in_command_differs_from_data_set(env):
    """The index would answer for another object: refused (0xA900), nothing stored."""
    ds = objects.make()
    with dimse.associate(env.server, [(objects.CT, [ExplicitVRLittleEndian])]) as assoc:
        answer = sent_as(assoc, ds, generate_uid())
    assert answer.Status & 0xF000 in (0xA000, 0xC000), hex(answer.Status)
    assert web.query(f"{env.server.web}/studies/{ds.StudyInstanceUID}/instances") == []


def test_missing_identifiers(env):
    """No SOP instance UID to file by: refused. No study or series: filed under one of the archive's making, and found."""
    ds = objects.make()
    with dimse.associate(env.server, [(objects.CT, [ExplicitVRLittleEndian])]) as assoc:
        assert sent_as(assoc, ds, generate_uid(), lambda d: d.__delitem__("SOPInstanceUID")).Status & 0xF000 in (0xA000, 0xC000)
    for gone in ("StudyInstanceUID", "SeriesInstanceUID"):
        ds = objects.make(**{gone: None})
        status, = dimse.store(env.server, [ds])
        assert status.Status == 0, f"without {gone}: 0x{status.Status:04X}"
        row, = web.query(f"{env.server.web}/instances?SOPInstanceUID={ds.SOPInstanceUID}")
        uids = [web.value(row, "0020000D"), web.value(row, "0020000E")]
        got = web.parts_of(web.get(f"{env.server.web}/studies/{uids[0]}/series/{uids[1]}/instances/{ds.SOPInstanceUID}",
                                   'multipart/related; type="application/dicom"; transfer-syntax=*'))[0][1]
        objects.assert_same(objects.file_bytes(ds), got, f"without {gone}")


def test_missing_patient_id_is_stored(env):
    ds = objects.make(PatientID=None, PatientName=None)
    status, = dimse.store(env.server, [ds])
    assert status.Status == 0
    assert len(web.query(f"{env.server.web}/studies?StudyInstanceUID={ds.StudyInstanceUID}")) == 1


def test_large_multiframe(env):
    """64 MB in one object streams through: the server does not hold it in memory."""
    s = env.server
    path = os.path.join(env.tmp(), "large.dcm")
    ds = objects.make(path, rows=16, columns=16, NumberOfFrames="128", Rows=512, Columns=512, PixelData=bytes(512 * 512 * 2 * 128))
    s.process.rss_kib()
    before = s.process.rss_kib()
    s.command("store", "127.0.0.1", s.port, "--call", s.AET, path)
    grown = (s.process.rss_kib() - before) // 1024
    objects.assert_same(path, fetched(s, ds), "large", exact=True)
    print(f"    64 MB object: {grown} MiB more resident", flush=True)
    assert grown < 48, f"{grown} MiB more resident after one 64 MB object"
