"""Other transfer syntaxes than the stored one: `isocenter transcode`, C-GET, C-MOVE, C-STORE, WADO-RS, WADO-URI; what comes
is decoded by DCMTK, GDCM, OpenJPEG and libjxl, not by us.   PS3.5 A.4, PS3.18 8.7.3"""

import hashlib
import json
import os
import random
import re
import shutil
import struct

import numpy
import pydicom
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_role

from lib import dimse, objects, samples, web
from lib.dimse import STUDY_GET, STUDY_MOVE, evt, keys
from lib.fixtures import BINARY, Skip, Storescp, run, tool
from lib.web import assert_problem, get, parts_of

LOSSY = ("jpeg", "jpeg12", "jpegls-near", "j2k-lossy", "htj2k-lossy", "jxl-lossy", "jxl-jpeg")
MEDIA = {"explicit-le": "application/octet-stream", "rle": "image/dicom-rle", "jpeg-lossless": "image/jpeg", "jpegls": "image/jls",
         "j2k": "image/jp2", "htj2k": "image/jphc", "htj2k-rpcl": "image/jphc", "jxl": "image/jxl", "jpeg": "image/jpeg"}


def names(env):
    """{name: UID} of what can be encoded here."""
    def read():
        _, text = run(BINARY, "transcode", "--help")
        return dict(re.findall(r"^  ([a-z][a-z0-9-]*) +(1\.2\.840\.\S+)", text, re.M))
    return env.once("names", read)


def compressed(env, lossless=True):
    skip = ("explicit-le", "implicit-le", "explicit-be", "deflated", "encapsulated")
    return {n: u for n, u in names(env).items() if n not in skip and (n in LOSSY) != lossless}


def pixels(kind, seed=1):
    """(attributes, bytes) of a small image with structure and noise; odd sizes."""
    r = random.Random(seed)
    rows, columns, frames = {"multi": (17, 23, 3)}.get(kind, (37, 29, 1))
    stored, signed, count = {"u8": (8, 0, 1), "u12": (12, 0, 1), "s16": (16, 1, 1), "u16": (16, 0, 1), "s12": (12, 1, 1),
                             "rgb": (8, 0, 3), "multi": (12, 0, 1)}[kind]
    low, span = (-(1 << (stored - 1)), 1 << stored) if signed else (0, 1 << stored)
    values = [low + (x * 37 + y * 11 + f * 5 + c * 9 + r.randrange(1 + span // 64)) % span
              for f in range(frames) for y in range(rows) for x in range(columns) for c in range(count)]
    unit = "b" if stored == 8 else "h" if signed else "H"
    data = struct.pack(f"<{len(values)}{'B' if stored == 8 else unit}", *values)
    attributes = dict(rows=rows, columns=columns, BitsAllocated=8 if stored == 8 else 16, BitsStored=stored, HighBit=stored - 1,
                      PixelRepresentation=signed, SamplesPerPixel=count, PhotometricInterpretation="RGB" if count == 3 else "MONOCHROME2",
                      PixelData=data + b"\0" * (len(data) % 2))
    if count == 3:
        attributes["PlanarConfiguration"] = 0
    if frames > 1:
        attributes["NumberOfFrames"] = str(frames)
    return attributes, data


KINDS = ("u8", "u12", "s12", "u16", "s16", "rgb", "multi")


def originals(env):
    """A folder with one object of each kind: (folder, {name: (path, pixel bytes)})."""
    def make():
        folder, out = env.tmp(), {}
        study, series = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
        for kind in KINDS:
            attributes, data = pixels(kind)
            path = os.path.join(folder, kind + ".dcm")
            ds = objects.make(path, sop_class=objects.SECONDARY_CAPTURE, StudyInstanceUID=study, SeriesInstanceUID=series, **attributes)
            out[kind] = (path, data, ds)
        return folder, out
    return env.once("originals", make)


def stored(env):
    folder, made = originals(env)

    def store():
        for status in dimse.store(env.server, [ds for _, _, ds in made.values()]):
            assert status.Status == 0, status
        return True
    env.once("stored", store)
    return made


def plain(env, path):
    """Pixel bytes, colour by pixel, as an independent decoder sees them; None where there is none for it."""
    ds = pydicom.dcmread(path)
    uid = ds.file_meta.TransferSyntaxUID
    out = os.path.join(env.tmp(), "plain.dcm")
    if not uid.is_encapsulated:
        return planeless(ds)
    tools = {"1.2.840.10008.1.2.5": ["dcmdrle"], "1.2.840.10008.1.2.4.50": ["dcmdjpeg", "+cn", "+px"], "1.2.840.10008.1.2.4.51": ["dcmdjpeg", "+cn", "+px"],
             "1.2.840.10008.1.2.4.57": ["dcmdjpeg", "+cn", "+px"], "1.2.840.10008.1.2.4.70": ["dcmdjpeg", "+cn", "+px"],
             "1.2.840.10008.1.2.4.80": ["dcmdjpls", "+px"], "1.2.840.10008.1.2.4.81": ["dcmdjpls", "+px"],
             "1.2.840.10008.1.2.4.90": ["gdcmconv", "--raw"], "1.2.840.10008.1.2.4.91": ["gdcmconv", "--raw"]}
    if uid in tools:
        name, *options = tools[uid]
        run(tool(name), *options, path, out)
        return planeless(pydicom.dcmread(out))
    frames = list(generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1))))
    by = by_openjpeg if uid.startswith("1.2.840.10008.1.2.4.20") else by_libjxl
    decoded = [by(env, f, ds) for f in frames]
    return None if None in decoded else b"".join(decoded)


def planeless(ds):
    n = ds.Rows * ds.Columns * ds.SamplesPerPixel * int(ds.get("NumberOfFrames", 1)) * ds.BitsAllocated // 8
    data = ds.PixelData[:n]
    if ds.SamplesPerPixel == 1 or ds.PlanarConfiguration == 0:
        return data
    planes = numpy.frombuffer(data, numpy.uint8).reshape(-1, 3, ds.Rows, ds.Columns)
    return planes.transpose(0, 2, 3, 1).tobytes()


def by_openjpeg(env, frame, ds):
    folder = env.tmp()
    source, out = os.path.join(folder, "f.j2k"), os.path.join(folder, "f.rawl")
    open(source, "wb").write(frame)
    run(tool("opj_decompress"), "-i", source, "-o", out)
    data = open(out, "rb").read()  # component by component
    if ds.SamplesPerPixel == 3:
        data = numpy.frombuffer(data, numpy.uint8 if ds.BitsAllocated == 8 else "<u2").reshape(3, -1).T.tobytes()
    return data


def by_libjxl(env, frame, ds):
    """A picture of djxl's: unsigned, scaled to its largest value; signed objects are stored with an offset."""
    folder = env.tmp()
    source, out = os.path.join(folder, "f.jxl"), os.path.join(folder, "f.ppm" if ds.SamplesPerPixel == 3 else "f.pgm")
    open(source, "wb").write(frame)
    run(tool("djxl"), source, out)
    data = open(out, "rb").read()
    head = re.match(rb"P[56]\s+\d+\s+\d+\s+(\d+)\s", data)
    if int(head.group(1)) != (1 << ds.BitsStored) - 1:
        return None
    body = data[head.end():]
    if ds.BitsAllocated == 8:
        return body
    values, most = numpy.frombuffer(body, ">u2"), int(head.group(1))
    if ds.file_meta.TransferSyntaxUID.endswith(".112"):  # lossy: djxl 0.7 says the range of the image and writes that of 16 bits
        values = numpy.round(values.astype(float) * most / 65535)
    return values.astype("<u2").tobytes()


def transcoded(env, to, source, *options, code=0):
    """(folder, report) of one run of the command."""
    out = env.tmp()
    got, text = run(BINARY, "transcode", "--to", to, "--output", out + "/o/", "--json", *options, *([source] if isinstance(source, str) else source),
                    check=False)
    assert got == code, f"{to}: exit {got}: {text[-1500:]}"
    return out + "/o", json.loads(text[text.index("{"):text.rindex("}") + 1])


def test_lossless_is_the_identity(env):
    """Every lossless syntax and kind: an independent decoder, and we ourselves, find the same pixels."""
    folder, made = originals(env)
    for name, uid in compressed(env).items():
        out, report = transcoded(env, name, folder)
        assert report["converted"] == len(KINDS) and report["failed"] == 0, report
        back, _ = transcoded(env, "explicit-le", out)
        for kind, (_, data, sent) in made.items():
            path = os.path.join(out, kind + ".dcm")
            ds = pydicom.dcmread(path)
            assert ds.file_meta.TransferSyntaxUID == uid
            assert ds.SOPInstanceUID == sent.SOPInstanceUID and "LossyImageCompression" not in ds
            assert (ds.BitsStored, ds.PixelRepresentation, ds.Rows) == (sent.BitsStored, sent.PixelRepresentation, sent.Rows), kind
            other = plain(env, path) if kind[0] != "s" or name != "jxl" else None  # djxl writes no signs
            if other is not None and kind == "s12":  # decoders differ in what they put above the sign
                other = (numpy.frombuffer(other, "<u2") & 0xFFF).tobytes()
                assert other == (numpy.frombuffer(data, "<u2") & 0xFFF).tobytes(), f"{name} {kind}: another decoder"
            else:
                assert other is None or other == data, f"{name} {kind}: another decoder finds other pixels"
            assert plain(env, os.path.join(back, kind + ".dcm")) == data, f"{name} {kind}: not the same after the way back"


def test_uncompressed_forms(env):
    folder, made = originals(env)
    for name in ("implicit-le", "explicit-be", "deflated", "encapsulated"):
        out, _ = transcoded(env, name, folder)
        back, report = transcoded(env, "explicit-le", out)
        assert report["converted"] == len(KINDS), report
        for kind, (_, data, sent) in made.items():
            ds = pydicom.dcmread(os.path.join(out, kind + ".dcm"))
            assert ds.file_meta.TransferSyntaxUID == names(env)[name] and ds.PatientName == sent.PatientName
            assert plain(env, os.path.join(back, kind + ".dcm")) == data, f"{name} {kind}"


def test_offset_table_points_at_frames(env):
    """PS3.5 A.4: the basic offset table, one even fragment a frame."""
    _, made = originals(env)
    out, _ = transcoded(env, "rle", made["multi"][0])
    data = pydicom.dcmread(os.path.join(out, "multi.dcm")).PixelData
    tag, length = data[:4], struct.unpack_from("<I", data, 4)[0]
    assert tag == b"\xfe\xff\x00\xe0" and length == 12, (tag, length)
    offsets, at = struct.unpack_from("<3I", data, 8), 0
    for offset in offsets:
        assert offset == at, (offset, at)
        assert data[20 + at:24 + at] == b"\xfe\xff\x00\xe0"
        size = struct.unpack_from("<I", data, 24 + at)[0]
        assert size % 2 == 0
        at += 8 + size
    assert len(data) == 20 + at, "pydicom leaves the delimiter out"


def test_loss_is_on_record(env):
    """PS3.3 C.7.6.1.1.5; and the near-lossless bound holds."""
    _, made = originals(env)
    methods = {"jpeg": "ISO_10918_1", "jpeg12": "ISO_10918_1", "jpegls-near": "ISO_14495_1", "j2k-lossy": "ISO_15444_1",
               "htj2k-lossy": "ISO_15444_15", "jxl-lossy": "ISO_18181_1"}
    for name in compressed(env, lossless=False):
        if name == "jxl-jpeg":
            continue
        path, data, sent = made["u12" if name == "jpeg12" else "u8"]
        out, report = transcoded(env, name, path, "--near", "3", "--quality", "80")
        ds = pydicom.dcmread(os.path.join(out, os.path.basename(path)))
        assert ds.LossyImageCompression == "01" and ds.LossyImageCompressionMethod == methods[name], name
        assert list(ds.ImageType) == ["DERIVED", "PRIMARY", "AXIAL"] and ds.SOPInstanceUID == sent.SOPInstanceUID
        ratio = len(data) / report["files"][0]["pixel_bytes_to"]
        assert abs(float(ds.LossyImageCompressionRatio) - ratio) < 0.02, (name, ds.LossyImageCompressionRatio, ratio)
        other = plain(env, os.path.join(out, os.path.basename(path)))
        if name == "jpegls-near":
            a, b = numpy.frombuffer(other, numpy.uint8).astype(int), numpy.frombuffer(data, numpy.uint8).astype(int)
            assert 0 < abs(a - b).max() <= 3, abs(a - b).max()
        # decompressed, it stays on record
        back, _ = transcoded(env, "explicit-le", os.path.join(out, os.path.basename(path)))
        ds = pydicom.dcmread(os.path.join(back, os.path.basename(path)))
        assert ds.LossyImageCompression == "01" and ds.LossyImageCompressionMethod == methods[name]


def test_a_new_instance_refers_to_the_old(env):
    _, made = originals(env)
    path, _, sent = made["u8"]
    out, _ = transcoded(env, "jpegls-near", path, "--new-uid")
    ds = pydicom.dcmread(os.path.join(out, "u8.dcm"))
    assert ds.SOPInstanceUID != sent.SOPInstanceUID == ds.SourceImageSequence[0].ReferencedSOPInstanceUID
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
    assert ds.DerivationCodeSequence[0].CodeValue == "113040" and ds.DerivationDescription
    out, _ = transcoded(env, "jpegls", path, "--new-uid")  # nothing is lost: it is the same object
    assert pydicom.dcmread(os.path.join(out, "u8.dcm")).SOPInstanceUID == sent.SOPInstanceUID


def test_what_need_not_be_decoded_is_not(env):
    """JPEG to JPEG XL and back is bit for bit; predictor 1 is a predictor."""
    samples.need_whole()
    known = names(env)
    for source, to, back in (("rgb--jpeg50-q90", "jxl-jpeg", "jpeg"), ("mf-u8--jpeg50-q90", "jxl-jpeg", "jpeg"), ("u12--jpeg70", "jpeg-lossless-14", "jpeg-lossless")):
        if to not in known:
            continue
        path = samples.path(f"transfer-syntaxes/syn-matrix/{source}.dcm")
        there, report = transcoded(env, to, path)
        assert report["files"][0]["repacked"] is True and report["files"][0]["lossy"] is False, report
        again, report = transcoded(env, back, there)
        first, last = (frames_of(env, p) for p in (path, os.path.join(again, source + ".dcm")))
        if to == "jxl-jpeg":
            assert report["files"][0]["repacked"] is True and [f.rstrip(b"\0") for f in first] == [f.rstrip(b"\0") for f in last], source
        a, b = pydicom.dcmread(path), pydicom.dcmread(os.path.join(again, source + ".dcm"))
        assert a.PhotometricInterpretation == b.PhotometricInterpretation and a.get("ImageType") == b.get("ImageType")


def test_bits_beyond_the_value(env):
    """An overlay in bit 12 gets data of its own; bits that nothing explains are kept as part of the value."""
    folder = env.tmp()
    attributes, data = pixels("u12")
    values = numpy.frombuffer(data, "<u2")
    spots = (numpy.arange(values.size) % 7 == 0).astype("<u2")
    attributes["PixelData"] = (values | spots << 12).astype("<u2").tobytes()
    ds = objects.make(sop_class=objects.SECONDARY_CAPTURE, **attributes)
    objects.save(ds, os.path.join(folder, "stray.dcm"))
    for element, vr, value in ((0x0010, "US", ds.Rows), (0x0011, "US", ds.Columns), (0x0040, "CS", "G"), (0x0050, "SS", [1, 1]),
                               (0x0100, "US", 16), (0x0102, "US", 12)):
        ds.add_new((0x6000, element), vr, value)
    objects.save(ds, os.path.join(folder, "overlay.dcm"))
    out, report = transcoded(env, "jpegls", folder)
    assert report["converted"] == 2, report
    got = pydicom.dcmread(os.path.join(out, "overlay.dcm"))
    assert (got.BitsStored, got[0x6000, 0x0100].value, got[0x6000, 0x0102].value) == (12, 1, 0)
    bits = numpy.unpackbits(numpy.frombuffer(got[0x6000, 0x3000].value, numpy.uint8), bitorder="little")[:values.size]
    assert (bits == spots).all()
    assert plain(env, os.path.join(out, "overlay.dcm")) == data
    got = pydicom.dcmread(os.path.join(out, "stray.dcm"))
    assert (got.BitsStored, got.HighBit) == (16, 15)
    assert plain(env, os.path.join(out, "stray.dcm")) == attributes["PixelData"]


def test_folders_zips_and_what_cannot_be(env):
    folder = env.tmp()
    os.makedirs(os.path.join(folder, "a", "b"))
    objects.make(os.path.join(folder, "a", "b", "1.dcm"))
    objects.make(os.path.join(folder, "a", "2.dcm"), SamplesPerPixel=None, PixelData=None, Rows=None)
    open(os.path.join(folder, "a", "note.txt"), "w").write("not DICOM")
    out, report = transcoded(env, "rle", folder)
    assert (report["converted"], report["copied"], report["skipped"], report["failed"]) == (1, 1, 1, 0), report
    assert open(os.path.join(out, "a", "2.dcm"), "rb").read() == open(os.path.join(folder, "a", "2.dcm"), "rb").read()
    code, text = run(BINARY, "transcode", "--to", "rle", "--output", out, folder, check=False)
    assert code == 1 and "2 failed" in text, text  # nothing is written over
    broken = pydicom.dcmread(os.path.join(out, "a", "b", "1.dcm"))
    data = bytearray(broken.PixelData)
    data[20] = 99  # segments, in the head of the RLE frame: there may be 15
    broken.PixelData = bytes(data)
    path = objects.save(broken, os.path.join(env.tmp(), "broken.dcm"))
    out, report = transcoded(env, "explicit-le", path, code=1)
    assert report["failed"] == 1 and os.listdir(out) == [], (report, os.listdir(out))
    code, text = run(BINARY, "transcode", "--to", "no-such", "--output", out, path, check=False)
    assert code == 2 and "no-such" in text
    one = os.path.join(env.tmp(), "one.dcm")
    run(BINARY, "transcode", "--to", "rle", "--output", one, os.path.join(folder, "a", "b", "1.dcm"))
    assert pydicom.dcmread(one).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"


def test_the_matrix_of_samples(env):
    """What samples of each transfer syntax decode to, as DCMTK and GDCM agree, through every lossless syntax and back."""
    samples.need_whole()
    out, report = transcoded(env, "explicit-le", samples.path("transfer-syntaxes/syn-matrix"), "--no-verify", code=1)
    want = {r["path"].rsplit("/", 1)[1]: r for r in samples.rows() if r["path"].startswith("transfer-syntaxes/syn-matrix/")}
    failed = [os.path.basename(f["path"]) for f in report["files"] if f["outcome"] == "failed"]
    assert all("jpip" in f or "ge-private" in f or "retired" in f for f in failed), failed
    checked, different = 0, {}
    for f in sorted(os.listdir(out)):
        row, got = want[f], digest(plain(env, os.path.join(out, f)))
        hashes = {row["lossless_ref_sha256"] or row["dcmtk_pixel_sha256"], row["gdcm_pixel_sha256"], row["other_pixel_sha256"]} - {""}
        if row["pixel_agree"] == "yes":
            assert got in hashes, f
            checked += 1
        different.setdefault(got, f)
    assert checked > 80, checked
    few = env.tmp()
    for f in different.values():
        shutil.copy(os.path.join(out, f), few)
    for name in compressed(env):
        there, report = transcoded(env, name, few, "--no-verify")
        back, _ = transcoded(env, "explicit-le", there)
        for got, f in different.items():
            assert got == digest(plain(env, os.path.join(back, f))), f"{name}: {f}"


def digest(data):
    return hashlib.sha256(data).hexdigest()


# ---- DIMSE ----

def c_get(env, server, study, syntaxes, ae_title="PYNETDICOM"):
    received = []

    def on_store(event):
        ds = event.dataset
        ds.file_meta = event.file_meta
        received.append(ds)
        return 0

    roles = [build_role(objects.SECONDARY_CAPTURE, scp_role=True)]
    contexts = [STUDY_GET, (objects.SECONDARY_CAPTURE, syntaxes)]
    with dimse.associate(server, contexts, roles, handlers=[(evt.EVT_C_STORE, on_store)], ae_title=ae_title) as assoc:
        statuses = [s for s, _ in assoc.send_c_get(keys("STUDY", StudyInstanceUID=study), STUDY_GET)]
    return statuses[-1], received


def same_pixels(env, got, made):
    kinds = {ds.SOPInstanceUID: data for _, data, ds in made.values()}
    for ds in got:
        path = objects.save(ds, os.path.join(env.tmp(), "got.dcm")) if isinstance(ds, pydicom.Dataset) else ds
        ds = pydicom.dcmread(path)
        other, data = plain(env, path), kinds[ds.SOPInstanceUID]
        if ds.PixelRepresentation and ds.BitsStored == 12 and other is not None:
            other = (numpy.frombuffer(other, "<u2") & 0xFFF).tobytes()
            data = (numpy.frombuffer(data, "<u2") & 0xFFF).tobytes()
        if other is not None and not (ds.PixelRepresentation and ds.file_meta.TransferSyntaxUID.endswith("4.110")):
            assert other == data, ds.file_meta.TransferSyntaxUID


def test_c_get_in_any_lossless_syntax(env):
    made = stored(env)
    study = made["u8"][2].StudyInstanceUID
    for name, uid in compressed(env).items():
        status, got = c_get(env, env.server, study, [uid])
        assert status.Status == 0 and len(got) == len(KINDS), f"{name}: {status}"
        assert {d.file_meta.TransferSyntaxUID for d in got} == {uid}
        same_pixels(env, got, made)


def test_c_get_never_loses_unasked(env):
    made = stored(env)
    study = made["u8"][2].StudyInstanceUID
    near = "1.2.840.10008.1.2.4.81"
    status, got = c_get(env, env.server, study, [near])
    assert status.Status == 0xA702 and got == [] and status.NumberOfFailedSuboperations == len(KINDS), status
    status, got = c_get(env, env.server, study, [near, ImplicitVRLittleEndian])
    assert status.Status == 0 and {d.file_meta.TransferSyntaxUID for d in got} == {ImplicitVRLittleEndian}
    s = env.fresh()
    s.stop()
    config = json.load(open(s.config))
    config["peers"] = [{"aet": "LOSSY", "host": "127.0.0.1", "port": 104, "transfer_syntaxes": ["jpegls-near", "stored"]}]
    json.dump(config, open(s.config, "w"))
    s.start()
    for answer in dimse.store(s, [ds for _, _, ds in made.values()]):
        assert answer.Status == 0
    status, got = c_get(env, s, study, [ImplicitVRLittleEndian, near], ae_title="LOSSY")
    assert status.Status == 0 and {d.file_meta.TransferSyntaxUID for d in got} == {near}, status
    assert all(d.LossyImageCompression == "01" for d in got)


def test_c_move_to_a_peer_of_few_syntaxes(env):
    """What is stored compressed reaches a peer that takes implicit VR only, and a peer's preference is kept."""
    folder, made = originals(env)
    compressed_folder, _ = transcoded(env, "jpegls", folder)
    plain_peer = env.keep(Storescp(env.folder, "PLAIN", options=("+xi",)))
    rle_peer = env.keep(Storescp(env.folder, "RLE", options=("+xr",)))
    s = env.fresh(peers=[("PLAIN", plain_peer.port)])
    s.stop()
    config = json.load(open(s.config))
    config["peers"].append({"aet": "RLE", "host": "127.0.0.1", "port": rle_peer.port, "transfer_syntaxes": ["rle"]})
    json.dump(config, open(s.config, "w"))
    s.start()
    s.importing(compressed_folder)
    study = made["u8"][2].StudyInstanceUID
    for peer, uid in ((plain_peer, ImplicitVRLittleEndian), (rle_peer, "1.2.840.10008.1.2.5")):
        run(tool("movescu"), "-S", "-aec", s.AET, "-aem", peer.aet, "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}",
            "127.0.0.1", s.port)
        files = peer.files()
        assert len(files) == len(KINDS), (peer.aet, len(files))
        assert {pydicom.dcmread(f).file_meta.TransferSyntaxUID for f in files} == {uid}
        same_pixels(env, files, made)


def test_store_prefers(env):
    folder, made = originals(env)
    peer = env.keep(Storescp(env.folder, "ANY", options=("+xa",)))
    _, text = run(BINARY, "store", "--call", "ANY", "--prefer", "jpeg-lossless,stored", "127.0.0.1", peer.port, folder)
    assert f"{len(KINDS)} sent" in text, text
    files = peer.files()
    assert {pydicom.dcmread(f).file_meta.TransferSyntaxUID for f in files} == {"1.2.840.10008.1.2.4.70"}
    same_pixels(env, files, made)
    code, text = run(BINARY, "store", "--prefer", "nonsense", "127.0.0.1", peer.port, folder, check=False)
    assert code == 2 and "nonsense" in text


# ---- DICOMweb ----

def url(env, ds, below=""):
    return f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}{below}"


def test_wado_objects_in_any_syntax(env):
    made = stored(env)
    first = made["u8"][2]
    study = f"{env.server.web}/studies/{first.StudyInstanceUID}"
    for name, uid in compressed(env).items():
        parts = parts_of(get(study, f'multipart/related; type="application/dicom"; transfer-syntax={uid}'))
        assert len(parts) == len(KINDS)
        files = []
        for headers, body in parts:
            assert headers["Content-Type"] == f"application/dicom; transfer-syntax={uid}", headers
            files.append(os.path.join(env.tmp(), "part.dcm"))
            open(files[-1], "wb").write(body)
        assert {pydicom.dcmread(f).file_meta.TransferSyntaxUID for f in files} == {uid}
        same_pixels(env, files, made)
    uid = "1.2.840.10008.1.2.5"
    whole = get(url(env, first), f"application/dicom; transfer-syntax={uid}")
    assert whole.headers["Content-Length"] == str(len(whole.content)) and uid in whole.headers["ETag"]
    again = get(url(env, first), f"application/dicom; transfer-syntax={uid}", status=206, headers={"Range": "bytes=132-200"})
    assert again.content == whole.content[132:201]


def test_wado_uri_in_any_syntax(env):
    made = stored(env)
    ds = made["u12"][2]
    base = f"{env.server.http}/wado?requestType=WADO&studyUID={ds.StudyInstanceUID}&seriesUID={ds.SeriesInstanceUID}" \
           f"&objectUID={ds.SOPInstanceUID}&contentType=application/dicom&transferSyntax="
    for name, uid in {**compressed(env), "explicit-be": "1.2.840.10008.1.2.2"}.items():
        path = os.path.join(env.tmp(), "u.dcm")
        open(path, "wb").write(get(base + uid).content)
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == uid
        if name != "explicit-be":
            same_pixels(env, [path], made)
    r = get(base + "1.2.840.10008.1.2.4.102", status=406)
    assert_problem(r, 406)
    assert "1.2.840.10008.1.2.4.80" in r.text


def frames_of(env, path):
    ds = pydicom.dcmread(path)
    return list(generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1))))


def test_wado_frames_in_any_syntax(env):
    """Frames equal those of the whole object in the same syntax, which other tests decode."""
    made = stored(env)
    ds, multi = made["u12"][2], made["multi"][2]
    for name in [n for n in MEDIA if n in names(env) and n not in ("explicit-le", "jpeg")]:
        uid, media = names(env)[name], MEDIA[name]
        out, _ = transcoded(env, name, [made["u12"][0], made["multi"][0]])
        one, three = frames_of(env, os.path.join(out, "u12.dcm")), frames_of(env, os.path.join(out, "multi.dcm"))
        r = get(url(env, ds, "/frames/1"), f"{media}; transfer-syntax={uid}")
        assert r.headers["Content-Type"] == f"{media}; transfer-syntax={uid}" and r.content == one[0], name
        for accept in (f'multipart/related; type="{media}"; transfer-syntax={uid}',
                       f'multipart/related; type="application/octet-stream"; transfer-syntax={uid}'):
            parts = parts_of(get(url(env, multi, "/frames/3,1"), accept))
            assert [b for _, b in parts] == [three[2], three[0]], name
            assert all(h["Content-Type"].endswith(f"transfer-syntax={uid}") for h, _ in parts)
    if "j2k" in names(env):  # a media type alone: PS3.18 Table 8.7.3-3
        assert get(url(env, ds, "/frames/1"), "image/jp2").headers["Content-Type"].endswith("=1.2.840.10008.1.2.4.90")
    assert_problem(get(url(env, ds, "/frames/1"), "video/mp4", status=406), 406)


def test_wado_frames_decoded(env):
    """Compressed in the archive, uncompressed to who asks; as stored to who does not."""
    folder, made = originals(env)
    s = env.once("jls server", env.fresh)
    packed, _ = transcoded(env, "jpegls", folder)
    s.importing(packed)
    octets = 'multipart/related; type="application/octet-stream"'
    for kind, (_, data, ds) in made.items():
        count = int(ds.get("NumberOfFrames", 1))
        size = len(data) // count
        base = f"{s.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
        listed = ",".join(str(i + 1) for i in range(count))
        for accept in (octets, octets + "; transfer-syntax=1.2.840.10008.1.2.1"):
            parts = parts_of(get(f"{base}/frames/{listed}", accept))
            assert [b for _, b in parts] == [data[i * size:(i + 1) * size] for i in range(count)], kind
            assert parts[0][0]["Content-Type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
        bulk = parts_of(get(f"{base}/bulkdata/7FE00010", octets + "; transfer-syntax=1.2.840.10008.1.2.1"))
        assert [b for _, b in bulk] == [data], kind
        stored_one, = parts_of(get(f"{base}/frames/1", octets + "; transfer-syntax=*"))
        assert stored_one[1] == frames_of(env, os.path.join(packed, kind + ".dcm"))[0]
        assert stored_one[0]["Content-Type"].endswith("=1.2.840.10008.1.2.4.80")


def test_broken_pixels_are_refused_not_sent(env):
    """A frame that cannot be decoded: 406, a failed sub-operation, and the next request is served."""
    samples.need_whole()
    made, s = stored(env), env.fresh()
    path = samples.path("malformed/syn/encapsulated/j2k-cut-half.dcm")
    broken = pydicom.dcmread(path)
    s.importing(path)
    base = f"{s.web}/studies/{broken.StudyInstanceUID}/series/{broken.SeriesInstanceUID}/instances/{broken.SOPInstanceUID}"
    assert_problem(get(base, "application/dicom; transfer-syntax=1.2.840.10008.1.2.1", status=406), 406)
    assert_problem(get(base + "/frames/1", "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1", status=406), 406)
    assert len(parts_of(get(base, 'multipart/related; type="application/dicom"; transfer-syntax=*'))) == 1
    roles = [build_role(broken.SOPClassUID, scp_role=True)]
    with dimse.associate(s, [STUDY_GET, (broken.SOPClassUID, [ExplicitVRLittleEndian])], roles) as assoc:
        last = [st for st, _ in assoc.send_c_get(keys("STUDY", StudyInstanceUID=broken.StudyInstanceUID), STUDY_GET)][-1]
    assert last.Status == 0xA702 and last.NumberOfFailedSuboperations == 1, last
    s.assert_alive()
