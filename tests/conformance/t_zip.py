"""ZIP archives: as file-sets with a DICOMDIR (PS3.10 §8, PS3.11 Annex D), and de-identified (PS3.15 Annex E).
Judged by pydicom, DCMTK and dicom3tools."""

import csv
import io
import os
import re
import subprocess
import zipfile

import pydicom
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from lib import objects, samples, web
from lib.fixtures import ROOT, run, tool

ZIP = "application/zip"


def archive(s, study, status=200, accept=ZIP, **query):
    r = web.get(f"{s.web}/studies/{study}", accept, status, params=query)
    return zipfile.ZipFile(io.BytesIO(r.content)) if status == 200 else r


def stow(s, *datasets):
    for ds in datasets:
        stow_bytes(s, objects.file_bytes(ds))


def stow_bytes(s, data, status=(200,)):
    r = web.SESSION.post(f"{s.web}/studies", data=data, headers={"Content-Type": "application/dicom"}, timeout=60)
    assert r.status_code in status, (r.status_code, r.text[:500])
    return r.status_code


def unpacked(env, z):
    folder = env.tmp()
    z.extractall(folder)
    return folder


def iod_errors(path):
    """dciodvfy's errors without what differs by value."""
    done = subprocess.run([tool("dciodvfy"), path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    return sorted({re.sub("(?<=ReferencedSOPInstanceUID )[0-9.]+|[0-9]+[.][0-9.]{8,}", "UID", line) for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("Error")})


def objects_of(z):
    return [objects.read(z.read(n)) for n in z.namelist() if n not in ("DICOMDIR", "DEIDENT.TXT")]


# ---- DICOMDIR ----

def test_file_set(env):
    s = env.server
    study = objects.make_study(env.tmp())
    stow(s, *[d for _, d in study])
    stow(s, objects.make(StudyInstanceUID=study[0][1].StudyInstanceUID, SeriesNumber=None, StudyDate="", StudyID=None, syntax=ImplicitVRLittleEndian))
    z = archive(s, study[0][1].StudyInstanceUID, dicomdir="true")
    assert z.testzip() is None
    folder = unpacked(env, z)
    fs = FileSet(os.path.join(folder, "DICOMDIR"))
    assert {str(i.SOPInstanceUID) for i in fs} >= {str(d.SOPInstanceUID) for _, d in study} and len(fs) == 7
    for instance in fs:
        assert str(instance.load().SOPInstanceUID) == str(instance.SOPInstanceUID)
        name = os.path.relpath(instance.path, folder)
        assert all(len(part) <= 8 and part == part.upper() for part in name.split("/")), name
    assert not iod_errors(os.path.join(folder, "DICOMDIR")), iod_errors(os.path.join(folder, "DICOMDIR"))
    run(tool("dcmdump"), "-q", os.path.join(folder, "DICOMDIR"))
    out = env.tmp()  # DCMTK makes one of its own of the same files: as many records
    names = [n for n in z.namelist() if n != "DICOMDIR"]
    run(tool("dcmmkdir"), "-Pgp", "+I", "-Nxc", "+D", os.path.join(out, "DICOMDIR"), "+id", folder, *names)
    theirs, ours = (objects.read(open(os.path.join(f, "DICOMDIR"), "rb").read()) for f in (out, folder))
    kinds = [sorted(r.DirectoryRecordType for r in d.DirectoryRecordSequence) for d in (theirs, ours)]
    assert kinds[0] == kinds[1], kinds


def test_transfer_syntax_of_a_file_set(env):
    """General purpose CDs are Explicit VR Little Endian: one asks for it by the media type."""
    s = env.server
    ds = objects.make(syntax=ImplicitVRLittleEndian)
    stow(s, ds)
    z = archive(s, ds.StudyInstanceUID, accept=f"{ZIP}; transfer-syntax={ExplicitVRLittleEndian}", dicomdir="true")
    assert [o.file_meta.TransferSyntaxUID for o in objects_of(z)] == [ExplicitVRLittleEndian]
    record = [r for r in objects.read(z.read("DICOMDIR")).DirectoryRecordSequence if r.DirectoryRecordType == "IMAGE"][0]
    assert record.ReferencedTransferSyntaxUIDInFile == ExplicitVRLittleEndian


def test_wishes_that_make_no_sense(env):
    """Above all: who asks for no names, and slips, gets nothing."""
    s = env.server
    ds = objects.make()
    stow(s, ds)
    study = ds.StudyInstanceUID
    for query in ({"deidentify": "full"}, {"deidentify": ""}, {"deidentify": "basic", "retain": "name"}, {"deidentify": "basic", "dates": "all"},
                  {"deidentify": "basic", "pixels": "yes"}, {"deidentify": "basic", "pseudonym": "short"}, {"deidentify": "basic", "pseudonym": "x" * 257},
                  {"retain": "uids"}, {"dates": "shift"}, {"pseudonym": "0123456789"}, {"deidentify": "no", "pixels": "drop"}, {"dicomdir": "1"}):
        assert b"Anna" not in archive(s, study, 400, **query).content
    for accept in ("application/dicom", 'multipart/related; type="application/dicom"', None):
        for query in ({"deidentify": "basic"}, {"dicomdir": "true"}):
            assert b"Anna" not in archive(s, study, 406, accept, **query).content


# ---- de-identified ----

def marked(vr):
    return {"UI": "1.2.3.4445.6", "DA": "19711123", "DT": "19711123112233.4445", "TM": "112233.4445", "AS": "077Y", "DS": "4445", "IS": "4445"}.get(vr, "MARKMARK")


def element(tag, vr):
    if vr == "SQ":
        inner = Dataset()
        inner.PatientName = "MARK^MARK"
        inner.add_new(0x00090010, "LO", "MARK")
        inner.add_new(0x00091001, "UN", b"MARK")
        inner.add_new(0x00104000, "UN", b"MARKMARK")
        return pydicom.DataElement(tag, "SQ", Sequence([inner]))
    if vr in ("OB", "OW", "UN", "OB or OW"):
        return pydicom.DataElement(tag, "OB" if vr == "OB or OW" else vr, b"MARKMARK")
    if vr in ("FL", "FD", "SL", "SS", "UL", "US"):
        return pydicom.DataElement(tag, vr, 7)
    return pydicom.DataElement(tag, vr, marked(vr))


def all_marked():
    """A CT with a marked value in every attribute of PS3.15 Table E.1-1, there and in an item of a sequence that stays."""
    ds = objects.make(PatientID="MARK-1", PatientName="MARK^MARK", StudyInstanceUID="1.2.3.4445.1", SeriesInstanceUID="1.2.3.4445.2",
                      SOPInstanceUID="1.2.3.4445." + generate_uid().split(".")[-1], FrameOfReferenceUID="1.2.3.4445.4")
    inner, own = Dataset(), {"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID", "PatientName", "FrameOfReferenceUID"}
    with open(os.path.join(ROOT, "data", "confidentiality_profile.tsv"), encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE):
            if "x" in row["tag"] or row["tag"][:4] < "0008" or row["tag"] == "FFFC,FFFC":
                continue
            tag = int(row["tag"].replace(",", ""), 16)
            try:
                vr = pydicom.datadict.dictionary_VR(tag)
            except KeyError:
                continue
            inner[tag] = element(tag, vr)
            if row["keyword"] not in own:
                ds[tag] = element(tag, vr)
    ds.PurposeOfReferenceCodeSequence = Sequence([inner])
    for group in (0x0009, 0x0011):
        ds.add_new((group, 0x0010), "LO", "MARK")
        for i, vr in enumerate(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "UN", "OB")):
            ds.add_new((group, 0x1000 + i), vr, b"MARK" if vr in ("UN", "OB") else "MARK")
    ds.add_new(0x60003000, "OW", b"MARK")
    ds.add_new(0x50000022, "LO", "MARK")
    return ds


def assert_clean(z, *texts, times=(b"4445", b"112233")):
    for name in z.namelist():
        data = z.read(name)
        for text in (b"MARK", b"19711123", b"077Y", b"1.2.3.4445", *times, *texts):
            assert text not in data and text.decode() not in name, (name, text)


def test_nothing_marked_comes_out(env):
    s = env.fresh()
    ds = all_marked()
    stow(s, ds)
    for syntax in (ImplicitVRLittleEndian, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        other = all_marked()
        other.file_meta.TransferSyntaxUID = syntax
        stow(s, other)
    z = archive(s, ds.StudyInstanceUID, deidentify="basic")
    got = objects_of(z)
    assert len(got) == 4
    assert_clean(z)
    assert_clean(archive(s, ds.StudyInstanceUID, deidentify="basic", dicomdir="true"))
    assert_clean(archive(s, ds.StudyInstanceUID, deidentify="basic", dates="shift"), times=())
    turned = b"".join(ds.PixelData[i + 1:i + 2] + ds.PixelData[i:i + 1] for i in range(0, len(ds.PixelData), 2))  # the big endian one
    for o in got:
        assert o.PatientIdentityRemoved == "YES" and o.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert o.PixelData in (ds.PixelData, turned), "other pixels"
        assert str(o.PatientID).startswith("P-") and str(o.PatientName) == o.PatientID
        assert not [e for e in o.iterall() if e.tag.is_private]
    assert len({o.StudyInstanceUID for o in got}) == 1 and len({o.SOPInstanceUID for o in got}) == 4


def text_of(z):
    return z.read("DEIDENT.TXT").decode()


def test_references_agree_and_keys_differ(env):
    s = env.server
    study = generate_uid()
    image = objects.make(StudyInstanceUID=study)
    ref = Dataset()
    ref.ReferencedSOPClassUID, ref.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    second = objects.make(StudyInstanceUID=study, InstanceNumber="2", ReferencedImageSequence=Sequence([ref]))
    stow(s, image, second)
    a, b, c, d = (archive(s, study, deidentify="basic", **({"pseudonym": p} if p else {})) for p in (None, None, "trial-0001", "trial-0001"))
    one, two = sorted(objects_of(a), key=lambda o: int(o.InstanceNumber))
    assert two.ReferencedImageSequence[0].ReferencedSOPInstanceUID == one.SOPInstanceUID
    assert two.ReferencedImageSequence[0].ReferencedSOPClassUID == image.SOPClassUID
    assert set(a.namelist()) - set(b.namelist()) and set(c.namelist()) == set(d.namelist())
    assert one.PatientID != objects_of(b)[0].PatientID and objects_of(c)[0].PatientID == objects_of(d)[0].PatientID
    assert all(n == "DEIDENT.TXT" or str(one.StudyInstanceUID) in n for n in a.namelist())
    assert_clean(a, study.encode())


def test_options(env):
    s = env.server
    ds = objects.make(StationName="ROOM7", PatientWeight="61", InstitutionName="House", PatientID="OPT")
    stow(s, ds)
    kept = objects_of(archive(s, ds.StudyInstanceUID, deidentify="basic", retain="uids,device,patient,institution", dates="keep"))[0]
    assert kept.SOPInstanceUID == ds.SOPInstanceUID and kept.StationName == "ROOM7" and kept.PatientWeight == 61
    assert kept.InstitutionName == "House" and kept.StudyDate == "20260102" and "StudyDescription" not in kept
    assert [c.CodeValue for c in kept.DeidentificationMethodCodeSequence] == ["113100", "113106", "113108", "113109", "113110", "113112"]
    bare = objects_of(archive(s, ds.StudyInstanceUID, deidentify="basic"))[0]
    assert "StationName" not in bare and "PatientWeight" not in bare and bare.StudyDate == "" and bare.PatientBirthDate == ""
    moved = objects_of(archive(s, ds.StudyInstanceUID, deidentify="basic", dates="shift"))[0]
    assert moved.StudyDate < "20260102" and moved.StudyDate == moved.SeriesDate and moved.StudyTime == "101500", moved.StudyDate


def test_pixels_that_may_show_text_are_left_out_by_name(env):
    s = env.server
    study = generate_uid()
    plain = objects.make(StudyInstanceUID=study)
    burned = objects.make(StudyInstanceUID=study, BurnedInAnnotation="YES", InstanceNumber="2")
    capture = objects.make(StudyInstanceUID=study, sop_class=objects.SECONDARY_CAPTURE, SeriesNumber="5", InstanceNumber="3")
    said = objects.make(StudyInstanceUID=study, sop_class=objects.SECONDARY_CAPTURE, BurnedInAnnotation="NO", InstanceNumber="4")
    stow(s, plain, burned, capture, said)
    z = archive(s, study, deidentify="basic", dicomdir="true")
    assert sorted(int(o.InstanceNumber) for o in objects_of(z)) == [1, 4]
    text = text_of(z)
    assert "Objects: 2" in text and "Left out: 2" in text and "Secondary Capture Image Storage, series 5, object 3" in text, text
    assert "burned in" in text
    assert len(objects_of(archive(s, study, deidentify="basic", pixels="keep"))) == 4


def test_still_valid_and_clean_on_samples(env):
    """dciodvfy finds no error that it did not find in the original; names, IDs and birth dates are gone."""
    s = env.fresh()
    seen, judged = set(), 0
    names = samples.readable()
    for name in names[::1 + len(names) // 150]:  # all of the small collection, every tenth of the whole one
        if env.quick and judged >= 12:
            break
        data = open(samples.path(name), "rb").read()
        if len(data) > 3_000_000 or stow_bytes(s, data, (200, 202, 400, 409)) != 200:
            continue
        ds = objects.read(data)
        if "SeriesInstanceUID" not in ds or "StudyInstanceUID" not in ds or "SOPInstanceUID" not in ds or ds.SOPInstanceUID in seen:
            continue
        seen.add(ds.SOPInstanceUID)
        url = f"{s.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
        r = web.SESSION.get(url, headers={"Accept": ZIP}, params={"deidentify": "basic", "pixels": "keep"}, timeout=60)
        if r.status_code == 404:
            continue
        assert r.status_code == 200, (name, r.text)
        got = objects_of(zipfile.ZipFile(io.BytesIO(r.content)))
        if not got:
            assert "Left out: 1" in text_of(zipfile.ZipFile(io.BytesIO(r.content)))
            continue
        judged += 1
        o = got[0]
        for keyword in ("PatientID", "PatientBirthDate", "AccessionNumber", "InstitutionName", "ReferringPhysicianName"):
            value = str(ds.get(keyword) or "")
            assert not value or str(o.get(keyword) or "") != value, (name, keyword, value)
        if "Deflated" in ds.file_meta.get("TransferSyntaxUID", pydicom.uid.UID("")).name:
            continue  # dciodvfy cannot read the original
        path = os.path.join(env.tmp(), "o.dcm")
        z = zipfile.ZipFile(io.BytesIO(r.content))
        with open(path, "wb") as f:
            f.write(z.read(next(n for n in z.namelist() if n.endswith(".dcm"))))
        new = set(iod_errors(path)) - set(iod_errors(samples.path(name)))
        assert not new, (name, new)
    assert judged >= 5, judged
