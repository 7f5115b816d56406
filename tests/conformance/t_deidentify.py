"""`isocenter deidentify`: files without names (PS3.15 Annex E), as the de-identified ZIP archives have them.
Judged by pydicom, dicom3tools and the archives themselves."""

import hashlib
import json
import os
import zipfile

from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from lib import objects, samples
from lib.fixtures import BINARY, run
from t_zip import all_marked, archive, assert_clean, iod_errors, objects_of, stow

SECRET = "trial-0001"


def deidentify(env, *sources, code=0, **options):
    """The new files by name, and the report."""
    out = os.path.join(env.tmp(), "out")
    secret = os.path.join(env.tmp(), "secret")
    with open(secret, "w", encoding="ascii") as f:
        f.write(SECRET + "\n")
    words = [w for k, v in options.items() for w in ("--" + k, v)]
    got, text = run(BINARY, "deidentify", "--json", "--output", out, "--pseudonym-file", secret, *words, *sources, check=False)
    assert got == code, (got, text)
    return files_of(out), json.loads(text)


def files_of(folder):
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                found[os.path.relpath(os.path.join(where, name), folder)] = f.read()
    return found


def put(folder, name, ds):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(objects.file_bytes(ds))
    return path


def test_nothing_marked_comes_out_and_all_as_in_an_archive(env):
    s, folder = env.fresh(), env.tmp()
    every = [all_marked() for _ in range(4)]
    for ds, syntax in zip(every, (None, ImplicitVRLittleEndian, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")):
        if syntax:
            ds.file_meta.TransferSyntaxUID = syntax
        stow(s, ds)
        put(folder, f"MARK/{ds.SOPInstanceUID}.dcm", ds)
    before = files_of(folder)
    for options in ({}, {"dates": "shift"}, {"dates": "keep", "retain": "uids,patient"}):
        made, report = deidentify(env, folder, **options)
        z = archive(s, every[0].StudyInstanceUID, deidentify="basic", pseudonym=SECRET, **options)
        assert made == {n: z.read(n) for n in z.namelist() if n != "DEIDENT.TXT"}, "other bytes than in the archive"
        assert len(made) == 4 and report["written"] == 4 and report["failed"] == report["left_out"] == 0, report
    path = os.path.join(env.tmp(), "made.zip")
    with zipfile.ZipFile(path, "w") as z:
        for name, data in deidentify(env, folder)[0].items():
            z.writestr(name, data)
    with zipfile.ZipFile(path) as z:
        assert_clean(z)
        assert all(o.PatientIdentityRemoved == "YES" and str(o.PatientID).startswith("P-") for o in objects_of(z))
    assert files_of(folder) == before, "what was read has changed"


def test_what_may_show_text_is_left_out_and_named(env):
    folder, study = env.tmp(), generate_uid()
    put(folder, "plain.dcm", objects.make(StudyInstanceUID=study))
    put(folder, "burned.dcm", objects.make(StudyInstanceUID=study, BurnedInAnnotation="YES"))
    put(folder, "capture.dcm", objects.make(StudyInstanceUID=study, sop_class=objects.SECONDARY_CAPTURE))
    put(folder, "said.dcm", objects.make(StudyInstanceUID=study, sop_class=objects.SECONDARY_CAPTURE, BurnedInAnnotation="NO"))
    with open(os.path.join(folder, "notes.txt"), "w", encoding="ascii") as f:
        f.write("Anna")
    made, report = deidentify(env, folder, code=1)
    left = {os.path.basename(f["path"]): f["reason"] for f in report["files"] if f["outcome"] == "left out"}
    assert len(made) == 2 and set(left) == {"burned.dcm", "capture.dcm"} and "burned in" in left["burned.dcm"], (left, sorted(made))
    assert report["skipped"] == 1, report
    made, report = deidentify(env, folder, pixels="keep")
    assert len(made) == 4 and report["left_out"] == 0


def test_archives_are_read_and_damaged_files_refused(env):
    folder, ds = env.tmp(), objects.make()
    data = objects.file_bytes(ds)
    with zipfile.ZipFile(os.path.join(folder, "Anna.zip"), "w") as z:
        z.writestr("Anna.dcm", data)
    with open(os.path.join(folder, "cut.dcm"), "wb") as f:
        f.write(objects.file_bytes(objects.make())[:-100])
    made, report = deidentify(env, folder, code=1)
    assert len(made) == 1 and report["written"] == 1 and report["failed"] == 1, report
    assert not [n for n in made if "Anna" in n or n.endswith(".part")] and ds.SOPInstanceUID.encode() not in next(iter(made.values()))


def test_slips_write_nothing(env):
    """And nothing is overwritten."""
    folder, out, short = env.tmp(), os.path.join(env.tmp(), "out"), os.path.join(env.tmp(), "short")
    source = put(folder, "a.dcm", objects.make())
    with open(short, "w", encoding="ascii") as f:
        f.write("short")
    for words in (["--dates", "all"], ["--retain", "name"], ["--pixels", "yes"], ["--pseudonym-file", short], ["--pseudonym-file", short + ".none"],
                  ["--jobs", "0"], ["--keep"]):
        code, text = run(BINARY, "deidentify", "--output", out, *words, folder, check=False)
        assert code == 2 and not os.path.exists(out), (words, code, text)
    assert run(BINARY, "deidentify", folder, check=False)[0] == 2
    for inside in (folder, os.path.join(folder, "out")):
        code, text = run(BINARY, "deidentify", "--output", inside, folder, check=False)
        assert code == 2 and "lies within" in text, text
    run(BINARY, "deidentify", "--retain", "uids", "--output", out, source)
    before = {n: hashlib.sha256(d).digest() for n, d in files_of(out).items()}
    code, text = run(BINARY, "deidentify", "--retain", "uids", "--dates", "keep", "--output", out, source, check=False)
    assert code == 1 and "1 failed" in text, text
    assert len(before) == 1 and before == {n: hashlib.sha256(d).digest() for n, d in files_of(out).items()}


def test_still_valid_on_samples(env):
    """dciodvfy finds no error that it did not find in the original."""
    names, judged = samples.readable(), 0
    for name in names[::1 + len(names) // 60]:
        if env.quick and judged >= 12:
            break
        path = samples.path(name)
        ds = objects.read(open(path, "rb").read())
        if os.path.getsize(path) > 3_000_000 or "Deflated" in ds.file_meta.get("TransferSyntaxUID", generate_uid()).name:
            continue
        out = os.path.join(env.tmp(), "out")
        code, text = run(BINARY, "deidentify", "--pixels", "keep", "--json", "--output", out, path, check=False)
        report = json.loads(text)
        if not report["written"]:
            assert code == 1 and report["files"][0].get("reason"), (name, text)
            continue
        judged += 1
        made = report["files"][0]["output"]
        assert not set(iod_errors(made)) - set(iod_errors(path)), (name, set(iod_errors(made)) - set(iod_errors(path)))
        value = str(ds.get("PatientID") or "")
        assert not value or str(objects.read(open(made, "rb").read()).get("PatientID")) != value, name
    assert judged >= 5, judged
