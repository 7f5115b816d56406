"""The DICOM samples, where they are: ISOCENTER_SAMPLES, or ../shared/dicom-samples beside the tree."""

import csv
import os

from .fixtures import ROOT, Skip

FOLDER = os.environ.get("ISOCENTER_SAMPLES", os.path.join(ROOT, "..", "shared", "dicom-samples"))


def rows():
    """INDEX.tsv as dictionaries, or Skip."""
    index = os.path.join(FOLDER, "INDEX.tsv")
    if not os.path.exists(index):
        raise Skip("the DICOM samples are not here (ISOCENTER_SAMPLES)")
    with open(index, encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def path(name):
    full = os.path.join(FOLDER, name)
    if not os.path.exists(full):
        rows()  # says that the samples are not here, if so
        raise AssertionError(f"no sample {name}")
    return full


def readable():
    """Names of what DCMTK and pydicom both read, malformed and DICOMDIR files left out."""
    good = ("ok", "warn")
    return [r["path"] for r in rows() if not r["path"].startswith("malformed/") and r["dcmtk_parse"] in good
            and r["pydicom_parse"] in good and "DICOMDIR" not in r["path"].rsplit("/", 1)[-1]]


def malformed():
    return [r["path"] for r in rows() if r["path"].startswith("malformed/")]
