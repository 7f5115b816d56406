"""What the pixels of a sample are: the reference of INDEX.tsv, and those that an uncompressed object or its frames hold, in
one layout (little endian, colour by pixel, cut to the image)."""

import hashlib
import io
import os

import numpy
import pydicom

from . import objects, samples

EXPLICIT_LE = "1.2.840.10008.1.2.1"
NATIVE = (EXPLICIT_LE, "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
VIDEO = tuple(f"1.2.840.10008.1.2.4.{n}" for n in ("100", "101", "102", "103", "104", "105", "106", "107", "108", "102.1"))
BY_REFERENCE = ("1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205")
GE_PRIVATE = "1.2.840.113619.5.2"
RECOMPRESSED = "1.2.840.10008.1.2.4.111"
PEERS = ("dcmtk_pixel_sha256", "gdcm_pixel_sha256", "other_pixel_sha256")
# 32 bit samples in big endian words of 16: DCMTK and GDCM swap the words' bytes, which leaves the halves in the wrong order.
# Frames are the samples: those of the same image in little endian.
FRAMES = {"modalities/rt/pydicom-rtdose_expb.dcm": "modalities/rt/pydicom-rtdose.dcm",
          "modalities/rt/pydicom-rtdose_expb_1frame.dcm": "modalities/rt/pydicom-rtdose_1frame.dcm"}
KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

# Samples whose reference is no measure, and why.
ODD = {
    "modalities/sm/fodicom-multiframe.dcm": "refused: its frames are of several sizes, against its Rows and Columns",
}


def digest(data):
    return hashlib.sha256(data).hexdigest()


def with_pixels():
    """Samples that have an image, malformed ones left out."""
    return [r for r in samples.rows() if r["rows"] and r["columns"] and not r["path"].startswith("malformed/")
            and (r["dcmtk_decode"] != "n/a" or r["gdcm_decode"] != "n/a" or r["transfer_syntax_uid"] in BY_REFERENCE)]


def reference(row):
    """(hash, None), or (None, why there is none). The pixels before lossless compression; else what DCMTK and GDCM agree on;
    else what a third decoder says, where GDCM does not contradict it; else the only one's that decoded it."""
    if row["path"] in ODD:
        return None, ODD[row["path"]]
    if row["transfer_syntax_uid"] in VIDEO:
        return None, "video: passed through"
    if row["transfer_syntax_uid"] in BY_REFERENCE:
        return None, "no pixels in it: they are at a URL"
    if row["transfer_syntax_uid"] == GE_PRIVATE:
        return None, "refused: a private transfer syntax, kept as it came"
    if row["transfer_syntax_uid"] == RECOMPRESSED:
        return None, "recompressed JPEG: compared with DCMTK's pixels of that JPEG"
    if row["lossless_ref_sha256"]:
        return row["lossless_ref_sha256"], None
    seen = {row[k] for k in PEERS if len(row[k]) == 64}
    if len(seen) > 1:
        return None, "peers disagree"
    return (seen.pop(), None) if seen else (None, "no reference")


def stored_file(row, folder):
    """Where the sample is; of one without the identifiers that an object must have, a copy with some."""
    path = samples.path(row["path"])
    ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
    if ds.get("SOPInstanceUID") and ds.get("SOPClassUID"):
        return path
    ds = pydicom.dcmread(path, force=True)
    ds.SOPClassUID = ds.get("SOPClassUID") or objects.SECONDARY_CAPTURE
    ds.SOPInstanceUID = "2.25." + str(int(digest(row["path"].encode())[:30], 16))
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    copy = os.path.join(folder, ds.SOPInstanceUID + ".dcm")
    return objects.save(ds, copy)


def by_pixel(data, pixels, count, allocated, frames):
    """Colour by pixel, of what is colour by plane."""
    planes = numpy.frombuffer(data, numpy.dtype(f"<u{allocated // 8}")).reshape(frames, count, pixels)
    return planes.transpose(0, 2, 1).tobytes()


def plain(source):
    """Pixels of an uncompressed object: a path, or the bytes of a Part 10 file."""
    ds = pydicom.dcmread(io.BytesIO(source) if isinstance(source, bytes) else source, force=True)
    keyword = next((k for k in KEYWORDS if k in ds), None)
    if keyword is None:
        raise AssertionError("no pixel data")
    frames, count, pixels = int(ds.get("NumberOfFrames", 1) or 1), int(ds.get("SamplesPerPixel", 1)), ds.Rows * ds.Columns
    bits = pixels * frames * count * ds.BitsAllocated
    data = bytes(ds[keyword].value)[:(bits + 7) // 8]
    if count > 1 and ds.get("PlanarConfiguration") == 1 and len(data) == bits // 8:
        data = by_pixel(data, pixels, count, ds.BitsAllocated, frames)
    return data


def of_frames(row, parts):
    """Pixels of a sample's uncompressed frames, as WADO-RS gives them: each in whole bytes."""
    pixels, count, allocated = int(row["rows"]) * int(row["columns"]), int(row["samples"] or 1), int(row["bits_allocated"])
    if allocated == 1:
        bits = [numpy.unpackbits(numpy.frombuffer(p, numpy.uint8), bitorder="little")[:pixels] for p in parts]
        return numpy.packbits(numpy.concatenate(bits), bitorder="little").tobytes()
    each = pixels * count * allocated // 8
    data = b"".join(p[:each] for p in parts)
    if count > 1 and row["planar"] == "1" and row["transfer_syntax_uid"] in NATIVE:
        data = by_pixel(data, pixels, count, allocated, len(parts))
    return data


def is_reference(row, data):
    """Whether these are the sample's pixels. References of single bits are packed over all frames, by frame, or not at all."""
    want, _ = reference(row)
    if digest(data) == want:
        return True
    if row["bits_allocated"] != "1":
        return False
    pixels, frames = int(row["rows"]) * int(row["columns"]), int(row["frames"] or 1)
    bits = numpy.unpackbits(numpy.frombuffer(data, numpy.uint8), bitorder="little")[:pixels * frames].reshape(frames, pixels)
    return want in (digest(numpy.packbits(bits, axis=1, bitorder="little").tobytes()), digest(bits.tobytes()), digest((bits * 255).tobytes()))


def are_reference(row, parts):
    """The same for uncompressed frames."""
    data = of_frames(row, parts)
    if row["path"] in FRAMES:
        return digest(data) == digest(plain(samples.path(FRAMES[row["path"]])))
    return is_reference(row, data)


def matching_peers(row, data):
    """Which decoders of INDEX.tsv found these pixels."""
    names = ("DCMTK", "GDCM", row["other_tool"])
    return [n for n, k in zip(names, PEERS) if row[k] == digest(data)]
