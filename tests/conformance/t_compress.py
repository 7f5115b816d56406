"""Compression of what is stored, by rule: the object stays what it was, its pixels are the same, and who sends it again is
told that it is there."""

import hashlib
import io
import json
import os

import pydicom

from lib import objects, web
from lib.fixtures import run, tool, wait_for
from lib.web import get, parts_of

HTJ2K, JPEGLS = "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.80"
EXPLICIT = "1.2.840.10008.1.2.1"
RULES = [{"transfer_syntax": "htj2k-rpcl", "modality": "CT", "after_s": 0}, {"transfer_syntax": "jpegls", "after_s": 0},
         {"transfer_syntax": "jxl-jpeg", "modality": "US", "after_s": 86400}]


def ramp(rows, columns, seed):
    return b"".join(((x * 3 + y * 5 + seed) % 4096).to_bytes(2, "little") for y in range(rows) for x in range(columns))


def syntax_of(server, ds):
    rows = web.query(f"{server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances"
                     f"?SOPInstanceUID={ds.SOPInstanceUID}&includefield=00083002")
    return rows[0].get("00083002", {}).get("Value", [None])[0] if rows else None


def retrieved(server, ds, syntax):
    url = f"{server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
    return parts_of(get(url, f'multipart/related; type="application/dicom"; transfer-syntax={syntax}'))[0][1]


def test_rules_compress_without_loss_in_the_background(env):
    server = env.fresh(compression=RULES)
    folder = env.tmp()
    made = {}
    for i, modality in enumerate(["CT", "MR", "CT"]):
        path = os.path.join(folder, f"{i}.dcm")
        made[path] = objects.make(path, rows=96, columns=80, Modality=modality, PixelData=ramp(96, 80, i), BitsStored=12, HighBit=11)
    run(tool("storescu"), "127.0.0.1", str(server.port), *made)
    for ds in made.values():
        wanted = HTJ2K if ds.Modality == "CT" else JPEGLS
        wait_for(lambda: syntax_of(server, ds) == wanted, 30, f"{ds.Modality} in {wanted}")

    for path, ds in made.items():
        plain = retrieved(server, ds, EXPLICIT)
        assert objects.read(plain).PixelData == ds.PixelData
        objects.assert_same(path, plain, path, any_syntax=True)
        stored = retrieved(server, ds, "*")
        assert len(stored) < os.path.getsize(path)
        meta = pydicom.dcmread(io.BytesIO(stored), stop_before_pixels=True).file_meta
        with open(path, "rb") as f:  # the record in the file names the data set as it came
            data = f.read()
        start = data.index(b"\x08\x00", 132 + 12 + int.from_bytes(data[140:144], "little") - 4)
        assert f"original transfer-syntax={EXPLICIT} ".encode() in meta.PrivateInformation
        assert hashlib.sha256(data[start:]).hexdigest().encode() in meta.PrivateInformation

    # sent again, as it came: no second copy, no conflict, and it stays compressed
    _, text = run(tool("storescu"), "-v", "127.0.0.1", str(server.port), *made)
    assert text.count("Received Store Response (Success)") == 3, text
    _, answer = web.stow(server.web + "/studies", [open(p, "rb").read() for p in made])
    assert len(web.stored_uids(answer)) == 3
    assert all(syntax_of(server, ds) in (HTJ2K, JPEGLS) for ds in made.values())
    server.stop()
    server.start()
    assert all(syntax_of(server, ds) in (HTJ2K, JPEGLS) for ds in made.values())
    for ds in made.values():
        assert objects.read(retrieved(server, ds, EXPLICIT)).PixelData == ds.PixelData


def test_a_rule_that_could_lose_something_is_refused(env):
    path = os.path.join(env.tmp(), "config.json")
    for rule in ({"transfer_syntax": "jpeg"}, {"transfer_syntax": "no-such"}, {"modality": "CT"}):
        with open(path, "w") as f:
            f.write('{"compression": [%s]}' % json.dumps(rule))
        code, text = run(os.environ.get("ISOCENTER", "build/isocenter"), "serve", "--config", path, "--data", env.tmp(),
                         "--http-port", "0", "--dicom-port", "0", check=False, timeout=20)
        assert code != 0, (rule, text)
