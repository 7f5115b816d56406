"""The command line: import of folders, ZIP and DICOMDIR; dump, json, validate, export, doctor; exit codes."""

import json
import os
import shutil
import zipfile

from lib import objects, samples, web
from lib.fixtures import BINARY, run


def test_help_and_version(env):
    for args in (("--help",), ("serve", "--help"), ("import", "--help")):
        code, text = run(BINARY, *args)
        assert "usage" in text.lower() or "Usage" in text, text
    code, text = run(BINARY, "nonsense", check=False)
    assert code != 0 and "nonsense" in text


def test_import_folder_through_the_server(env):
    s, folder = env.server, env.tmp()
    study = objects.make_study(os.path.join(folder, "a", "b"))
    with open(os.path.join(folder, "readme.txt"), "w") as f:
        f.write("not DICOM")
    summary = s.importing(folder)
    assert (summary["stored"], summary["already"], summary["failed"]) == (6, 0, 0), summary
    assert len(web.query(f"{s.web}/studies/{study[0][1].StudyInstanceUID}/instances")) == 6
    summary = s.importing(folder)
    assert (summary["stored"], summary["already"]) == (0, 6), summary


def test_import_without_a_server(env):
    s = env.fresh()
    s.stop()
    folder = env.tmp()
    study = objects.make_study(folder)
    summary = s.importing(folder)
    assert summary["stored"] == 6, summary
    s.start()
    assert len(web.query(f"{s.web}/studies/{study[0][1].StudyInstanceUID}/instances")) == 6


def test_import_zip(env):
    s, folder = env.server, env.tmp()
    study = objects.make_study(folder)
    archive = os.path.join(env.tmp(), "study.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        for i, (f, _) in enumerate(study):
            z.write(f, f"DICOM/IM{i:04}")
        z.writestr("../../outside.txt", "no")
        z.writestr("viewer.exe", b"MZ" + bytes(1000))
    summary = s.importing(archive)
    assert summary["stored"] == 6 and summary["failed"] == 0, summary
    assert len(web.query(f"{s.web}/studies/{study[0][1].StudyInstanceUID}/instances")) == 6


def test_import_dicomdir(env):
    """A file-set by its DICOMDIR: the samples' own, with its fifteen objects."""
    source = samples.path("dicomdir/syn-media")
    folder = os.path.join(env.tmp(), "media")
    shutil.copytree(source, folder)
    count = sum(len(f) for _, _, f in os.walk(os.path.join(folder, "DICOM")))
    s = env.fresh()
    summary = s.importing(os.path.join(folder, "DICOMDIR"))
    assert summary["stored"] == count and summary["failed"] == 0, summary


def test_import_says_why(env):
    s, folder = env.server, env.tmp()
    objects.make_study(folder, series=1, instances=1)
    data = objects.file_bytes(objects.make())
    with open(os.path.join(folder, "cut.dcm"), "wb") as f:
        f.write(data[:600])
    summary = s.importing(folder)
    bad = [f for f in summary["files"] if f["path"].endswith("cut.dcm")]
    assert summary["stored"] == 1 and len(bad) == 1 and bad[0]["outcome"] in ("refused", "failed") and bad[0]["reason"], summary


def test_dump(env):
    path = os.path.join(env.tmp(), "x.dcm")
    ds = objects.make(path)
    code, text = run(BINARY, "dump", path)
    for want in ("PatientName", "Test^Anna", ds.SOPInstanceUID, "0010,0010", "7fe0,0010"):
        assert want in text or want.upper() in text, f"{want} not in the dump:\n{text[:1500]}"


def test_json(env):
    path = os.path.join(env.tmp(), "x.dcm")
    objects.make(path)
    code, text = run(BINARY, "json", path)
    body = json.loads(text)
    body = body[0] if isinstance(body, list) else body
    assert body["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Test^Anna"}]} and body["00280010"]["Value"] == [16]


def test_validate(env):
    path = os.path.join(env.tmp(), "x.dcm")
    objects.make(path)
    code, text = run(BINARY, "validate", path, check=False)
    assert code == 0, text
    data = open(path, "rb").read()
    with open(path, "wb") as f:
        f.write(data[:500])
    code, text = run(BINARY, "validate", path, check=False)
    assert code != 0 and text.strip()


def test_export(env):
    s, out = env.server, env.tmp()
    study = objects.make_study(env.tmp())
    web.stow(f"{s.web}/studies", [objects.file_bytes(d) for _, d in study], 200)
    code, text = s.command("export", "--help", check=False)
    code, text = s.command("export", "--data", s.data, "--out", out, "--study", study[0][1].StudyInstanceUID, check=False)
    assert code == 0, text
    files = [os.path.join(d, n) for d, _, names in os.walk(out) for n in names if n != "DICOMDIR"]
    assert len(files) == 6, files
    sent = {d.SOPInstanceUID: f for f, d in study}
    for f in files:
        objects.assert_same(sent[str(objects.read(f).SOPInstanceUID)], f, f, exact=True)


def test_check_config(env):
    good, bad = os.path.join(env.tmp(), "good.json"), os.path.join(env.tmp(), "bad.json")
    with open(good, "w") as f:
        f.write('{\n  // a comment\n  "http_port": 8042, /* another */ "aet": "TEST"\n}\n')
    with open(bad, "w") as f:
        f.write('{ "http_prot": 8042 }')
    code, text = run(BINARY, "check-config", good, check=False)
    code2, text2 = run(BINARY, "check-config", "--config", good, check=False) if code else (code, text)
    assert 0 in (code, code2), (text, text2)
    code, text = run(BINARY, "check-config", bad, check=False)
    code2, text2 = run(BINARY, "check-config", "--config", bad, check=False)
    assert code != 0 and code2 != 0 and "http_prot" in text + text2, (text, text2)


def test_doctor(env):
    code, text = env.server.command("doctor", "--data", env.server.data, check=False)
    assert code == 0 and text.strip(), (code, text)
    for program in ("pdftoppm", "ffmpeg"):
        there = shutil.which(program) is not None
        assert f"{program} is {'' if there else 'not '}installed" in text, (program, text)


def test_loopback_only(env):
    """Listening elsewhere is refused unless --insecure is typed."""
    code, text = run(BINARY, "serve", "--data", env.tmp(), "--listen", "0.0.0.0", "--http-port", "0", "--dicom-port", "0",
                     check=False, timeout=20)
    assert code != 0 and "insecure" in text, (code, text)
