"""Small DICOM objects made here, and the comparison of what came back with what was sent."""

import io
import os
import struct
import warnings

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

warnings.filterwarnings("ignore")
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE

CT = UID("1.2.840.10008.5.1.4.1.1.2")
SECONDARY_CAPTURE = UID("1.2.840.10008.5.1.4.1.1.7")


def make(path=None, syntax=ExplicitVRLittleEndian, sop_class=CT, rows=16, columns=16, **attributes):
    """A CT slice; keywords replace its attributes, None removes one. Returns the data set (and writes `path`)."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, generate_uid()
    ds.StudyDate, ds.StudyTime = "20260102", "101500"
    ds.SeriesDate, ds.SeriesTime = "20260102", "101600"
    ds.AccessionNumber, ds.Modality, ds.Manufacturer = "ACC1", "CT", "Isocenter tests"
    ds.ReferringPhysicianName = "Refer^Rita"
    ds.StudyDescription, ds.SeriesDescription = "Head native", "Axial 5 mm"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Test^Anna", "PID1", "19700131", "F"
    ds.BodyPartExamined, ds.SliceThickness = "HEAD", "5"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = generate_uid(), generate_uid(), generate_uid()
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "S1", "1", "1"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = rows, columns
    ds.PixelSpacing = ["0.5", "0.5"]
    ds.ImagePositionPatient, ds.ImageOrientationPatient = ["0", "0", "0"], ["1", "0", "0", "0", "1", "0"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth, ds.RescaleIntercept, ds.RescaleSlope = "40", "400", "-1024", "1"
    ds.PixelData = b"".join(struct.pack("<H", (x * 16 + y * 7) & 0xFFF) for y in range(rows) for x in range(columns))
    ds["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        if value is None:
            delattr(ds, keyword)
        else:
            setattr(ds, keyword, value)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", "")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", "")
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.ImplementationClassUID = "1.2.826.0.1.3680043.8.498.1"
    if path:
        save(ds, path)
    return ds


def save(ds, path):
    syntax = ds.file_meta.TransferSyntaxUID
    implicit = syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(path, ds, implicit_vr=implicit, little_endian=syntax != "1.2.840.10008.1.2.2",
                     enforce_file_format=True)
    return path


def file_bytes(ds):
    buffer = io.BytesIO()
    save(ds, buffer)
    return buffer.getvalue()


def make_study(folder, series=2, instances=3, **attributes):
    """A study on disk: [(path, data set)]."""
    study, out = generate_uid(), []
    os.makedirs(folder, exist_ok=True)
    for s in range(series):
        uid = generate_uid()
        for i in range(instances):
            path = os.path.join(folder, f"s{s}i{i}.dcm")
            out.append((path, make(path, StudyInstanceUID=study, SeriesInstanceUID=uid, SeriesNumber=str(s + 1),
                                   InstanceNumber=str(i + 1), SeriesDescription=f"Series {s + 1}", **attributes)))
    return out


def split(data):
    """(file meta bytes, data set bytes) of a Part 10 file, without trusting its group length."""
    if data[128:132] != b"DICM":
        raise ValueError("not a Part 10 file")
    at = 132
    while data[at:at + 2] == b"\x02\x00":
        vr, length, head = data[at + 4:at + 6], struct.unpack_from("<H", data, at + 6)[0], 8
        if vr in (b"OB", b"OW", b"UN", b"UT", b"SQ"):
            length, head = struct.unpack_from("<I", data, at + 8)[0], 12
        at += head + length
    return data[132:at], data[at:]


def read(source):
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    return pydicom.dcmread(source, force=True)


def trimmed(value):
    return value.rstrip(b"\x00 ") if isinstance(value, bytes) else value


def differences(a, b, where="", out=None):
    """Element by element, on raw value bytes. Left out: retired group lengths and data set trailing padding, which
    DCMTK drops as it re-encodes; even-length padding; how long sequences are delimited."""
    out = [] if out is None else out
    skip = lambda t: t.element == 0 or t == Tag(0xFFFCFFFC)
    ta, tb = ({t for t in d.keys() if not skip(Tag(t))} for d in (a, b))
    for t in sorted(ta ^ tb):
        out.append(f"{where}{Tag(t)} only in the {'first' if t in ta else 'second'}")
    for t in sorted(ta & tb):
        name = f"{where}{Tag(t)}"
        if len(out) > 20:
            break
        ea, eb = a.get_item(t), b.get_item(t)
        if "SQ" in (ea.VR, eb.VR) or (ea.VR is None and a[t].VR == "SQ"):
            sa, sb = a[t].value or [], b[t].value or []
            if len(sa) != len(sb):
                out.append(f"{name}: {len(sa)} items, then {len(sb)}")
            for i, (x, y) in enumerate(zip(sa, sb)):
                differences(x, y, f"{name}[{i}].", out)
            continue
        va, vb = trimmed(ea.value), trimmed(eb.value)
        if type(va) is not type(vb):
            va, vb = a[t].value, b[t].value
        if va != vb and not (not va and not vb):
            out.append(f"{name}: {str(va)[:60]!r}, then {str(vb)[:60]!r}")
    return out


def assert_same(sent, received, what="", exact=False, any_syntax=False):
    """exact: the data set's very bytes; else each element (the sender re-encoded it)."""
    sent, received = (open(x, "rb").read() if isinstance(x, str) else x for x in (sent, received))
    if exact:
        a, b = split(sent)[1], split(received)[1]
        if a == b:
            return
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        raise AssertionError(f"{what}: data sets of {len(a)} and {len(b)} bytes differ from offset {at}: "
                             f"{a[at:at + 16].hex()} / {b[at:at + 16].hex()}")
    a, b = read(sent), read(received)
    if not any_syntax and a.file_meta.TransferSyntaxUID != b.file_meta.TransferSyntaxUID:
        raise AssertionError(f"{what}: transfer syntax {a.file_meta.TransferSyntaxUID}, then {b.file_meta.TransferSyntaxUID}")
    found = differences(a, b)
    if found:
        raise AssertionError(f"{what}: " + "; ".join(found))
