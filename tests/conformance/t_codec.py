"""What `isocenter transcode` writes, independent decoders read: the same pixels as ours, and without loss those of before."""

import os

import pydicom

from lib import samples
from lib.fixtures import BINARY, run

MATRIX = "transfer-syntaxes/syn-matrix"
IMAGES = ["u8", "u12", "u16", "s16", "rgb", "rgb-odd", "mf-u8", "mf-rgb"]
OTHERS = [
    "photometric/syn-s12-not-extended.dcm",
    "photometric/syn-overlay-in-pixel-bits.dcm",
    "photometric/syn-palette-8.dcm",
    "photometric/dcm4che-ovly_p01.dcm",
]
DCMTK = lambda tool, *options: lambda source, target: [tool, *options, source, target]
GDCM = lambda source, target: ["gdcmconv", "--raw", "-i", source, "-o", target]


def pixels(path):
    ds = pydicom.dcmread(path)
    size = ds.Rows * ds.Columns * ds.SamplesPerPixel * int(ds.get("NumberOfFrames", 1)) * ds.BitsAllocated // 8
    return ds.PixelData[:size], ds


def transcode(source, target, name):
    code, text = run(BINARY, "transcode", "--to", name, "--output", target, source, check=False)
    return code == 0 and os.path.exists(target), text


def check(env, images, name, peers, lossless):
    """Each peer's pixels of each image in that syntax. How many there were."""
    done = 0
    for image in images:
        folder = env.tmp()
        source = samples.path(image)
        coded, ours = os.path.join(folder, "coded.dcm"), os.path.join(folder, "ours.dcm")
        ok, text = transcode(source, coded, name)
        if not ok:
            assert "takes" in text, f"{image} to {name}: {text}"  # says what the syntax takes instead
            continue
        ok, text = transcode(coded, ours, "explicit-le")
        assert ok, f"{image} from {name}: {text}"
        want, ds = pixels(ours)
        if lossless and "--explicit-le" in image:
            assert want == pixels(source)[0], f"{image} in {name} is not what it was"
        for peer, command in peers.items():
            decoded = os.path.join(folder, f"{peer}.dcm")
            code, text = run(*command(coded, decoded), check=False)
            if peer == "gdcm" and ds.BitsStored < ds.BitsAllocated and "dcmtk" in peers:
                continue  # it clears bits that are not stored: overlays, the signs of some
            assert code == 0, f"{peer}: {image} in {name}: {text}"
            assert pixels(decoded)[0] == want, f"{peer} has other pixels of {image} in {name}"
        done += 1
    return done


def images(others=True):
    return [f"{MATRIX}/{i}--explicit-le.dcm" for i in IMAGES] + (OTHERS if others else [])


JPEG = {"dcmtk": DCMTK("dcmdjpeg", "+cn", "+px"), "gdcm": GDCM}


def test_jpeg_lossless(env):
    samples.need_whole()
    assert check(env, images(), "jpeg-lossless", JPEG, lossless=True) == len(images())


def test_jpeg_lossless_any_predictor(env):
    samples.need_whole()
    assert check(env, images(), "jpeg-lossless-14", JPEG, lossless=True) == len(images())


def test_jpeg(env):
    samples.need_whole()
    assert check(env, images(), "jpeg", JPEG, lossless=False) >= 5


def test_jpeg_of_12_bits(env):
    samples.need_whole()
    assert check(env, images(), "jpeg12", JPEG, lossless=False) >= 6
