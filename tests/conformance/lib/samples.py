"""The DICOM samples: the whole collection where it is (ISOCENTER_SAMPLES, or ../shared/dicom-samples beside the tree),
else the few files of tests/data, with the same INDEX.tsv."""

import csv
import os

from .fixtures import ROOT, Skip

WHOLE = os.environ.get("ISOCENTER_SAMPLES", os.path.join(ROOT, "..", "shared", "dicom-samples"))
IS_WHOLE = os.path.exists(os.path.join(WHOLE, "INDEX.tsv"))
FOLDER = os.path.realpath(WHOLE if IS_WHOLE else os.path.join(ROOT, "tests", "data"))


def need_whole():
    if not IS_WHOLE:
        raise Skip("the whole sample collection is not here (ISOCENTER_SAMPLES)")


def rows():
    """INDEX.tsv as dictionaries."""
    with open(os.path.join(FOLDER, "INDEX.tsv"), encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def path(name):
    full = os.path.join(FOLDER, name)
    if not os.path.exists(full):
        need_whole()
        raise AssertionError(f"no sample {name}")
    return full


def readable():
    """Names of what DCMTK and pydicom both read, malformed and DICOMDIR files left out."""
    good = ("ok", "warn")
    return [r["path"] for r in rows() if not r["path"].startswith("malformed/") and r["dcmtk_parse"] in good
            and r["pydicom_parse"] in good and "DICOMDIR" not in r["path"].rsplit("/", 1)[-1]]


def malformed():
    return [r["path"] for r in rows() if r["path"].startswith("malformed/")]
