"""What `isocenter transcode` writes as JPEG, DCMTK and GDCM decode to the same pixels as we do, lossy ones too; and without loss
to those of before."""

import os

import pydicom

from lib import samples
from lib.fixtures import BINARY, run

MATRIX = "transfer-syntaxes/syn-matrix/{}--explicit-le.dcm"
EIGHT = ["u8", "rgb", "rgb-odd", "mf-u8", "mf-rgb"]
DEEP = ["u12", "u16", "s16"]
OTHERS = ["photometric/syn-s12-not-extended.dcm", "photometric/syn-overlay-in-pixel-bits.dcm", "photometric/syn-palette-8.dcm"]


def pixels(path):
    ds = pydicom.dcmread(path)
    size = ds.Rows * ds.Columns * ds.SamplesPerPixel * int(ds.get("NumberOfFrames", 1)) * ds.BitsAllocated // 8
    return ds.PixelData[:size], ds


def check(env, names, syntax, lossless):
    samples.need_whole()
    for name in names[::2] if env.quick else names:
        source = samples.path(name if "/" in name else MATRIX.format(name))
        coded, ours, theirs = (os.path.join(env.tmp(), f) for f in ("coded.dcm", "ours.dcm", "theirs.dcm"))
        run(BINARY, "transcode", "--to", syntax, "--output", coded, source)
        run(BINARY, "transcode", "--to", "explicit-le", "--output", ours, coded)
        want, ds = pixels(ours)
        if lossless and name not in OTHERS:  # whose bits beyond those stored are put in order first
            assert want == pixels(source)[0], f"{name} in {syntax} is not what it was"
        run("dcmdjpeg", "+cn", "+px", coded, theirs)
        assert pixels(theirs)[0] == want, f"DCMTK has other pixels of {name} in {syntax}"
        if name in OTHERS:
            continue  # GDCM wants the palette as it was, and clears bits that are not stored
        run("gdcmconv", "--raw", "-i", coded, "-o", theirs)
        assert pixels(theirs)[0] == want, f"GDCM has other pixels of {name} in {syntax}"


def test_lossless(env):
    check(env, EIGHT + DEEP + OTHERS, "jpeg-lossless", lossless=True)


def test_lossless_with_any_predictor(env):
    check(env, EIGHT + DEEP + OTHERS, "jpeg-lossless-14", lossless=True)


def test_baseline(env):
    check(env, EIGHT, "jpeg", lossless=False)


def test_12_bits(env):
    check(env, ["u12"] + EIGHT, "jpeg12", lossless=False)
