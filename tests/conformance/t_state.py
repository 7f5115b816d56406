"""Presentation states: by reference and as themselves, beside DCMTK's dcmp2pgm.   PS3.3 §C.10, §C.11; PS3.4 §N.2"""

import io
import os

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from lib import dimse, fixtures, objects, samples, web
from lib.web import get

GREY, COLOUR, PSEUDO = (f"1.2.840.10008.5.1.4.1.1.11.{i}" for i in (1, 2, 3))
NO_IMAGE = dict.fromkeys(("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
                          "PhotometricInterpretation", "WindowCenter", "WindowWidth", "RescaleIntercept", "RescaleSlope", "PixelSpacing",
                          "ImagePositionPatient", "ImageOrientationPatient", "ImageType"))
ROWS, COLUMNS = 60, 100


class Archive:
    pass


def archive(env):
    return env.once("archive", lambda: fill(env))


def item(**attributes):
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def reference(image, frames=None):
    ref = item(ReferencedSOPClassUID=image.SOPClassUID, ReferencedSOPInstanceUID=image.SOPInstanceUID)
    if frames:
        ref.ReferencedFrameNumber = frames
    return ref


def area(image, corners=None, **more):
    left, top, right, bottom = corners or (1, 1, image.Columns, image.Rows)
    return item(DisplayedAreaTopLeftHandCorner=[left, top], DisplayedAreaBottomRightHandCorner=[right, bottom],
                **{"PresentationSizeMode": "SCALE TO FIT", "PresentationPixelAspectRatio": ["1", "1"], **more})


def state(image, frames=None, sop_class=GREY, displayed=None, **attributes):
    """A presentation state of one image, by default the identity."""
    own = dict(PresentationLUTShape="IDENTITY") if sop_class == GREY and "PresentationLUTSequence" not in attributes else {}
    return objects.make(sop_class=sop_class, Modality="PR", StudyInstanceUID=image.StudyInstanceUID, PatientID=image.PatientID,
                        PatientName=image.PatientName, SeriesInstanceUID=image.SeriesInstanceUID + ".9", SeriesNumber="9",
                        ContentLabel="TEST", PresentationCreationDate="20260101", PresentationCreationTime="120000", ContentCreatorName="",
                        ReferencedSeriesSequence=Sequence([item(SeriesInstanceUID=image.SeriesInstanceUID,
                                                                ReferencedImageSequence=Sequence([reference(image, frames)]))]),
                        DisplayedAreaSelectionSequence=Sequence([displayed or area(image)]), **{**NO_IMAGE, **own, **attributes})


def window(center, width, **more):
    return Sequence([item(WindowCenter=str(center), WindowWidth=str(width), **more)])


def lut(entries, first=0, bits=8):
    ds = item(LUTDescriptor=[len(entries), first, bits], LUTData=[int(e) for e in entries])
    ds["LUTDescriptor"].VR = ds["LUTData"].VR = "US"
    return ds


def graphic(kind, points, units="PIXEL", filled="N"):
    return item(GraphicAnnotationUnits=units, GraphicDimensions=2, NumberOfGraphicPoints=len(points) // 2,
                GraphicData=[float(p) for p in points], GraphicType=kind, GraphicFilled=filled)


def fill(env):
    a, s = Archive(), env.server
    values = np.add.outer(np.arange(ROWS) * 41, np.arange(COLUMNS) * 16).astype("<u2") & 0xFFF
    a.ct = objects.make(rows=ROWS, columns=COLUMNS, PixelData=values.tobytes(), PixelSpacing=["1", "1"])
    a.signed = objects.make(rows=ROWS, columns=COLUMNS, PixelData=(values.astype("<i2") - 2048).tobytes(), PixelRepresentation=1,
                            BitsStored=16, HighBit=15, PhotometricInterpretation="MONOCHROME1")
    a.multi = objects.make(rows=4, columns=6, NumberOfFrames="3", BitsAllocated=8, BitsStored=8, HighBit=7,
                           PixelData=b"".join(bytes([n]) * 24 for n in (50, 100, 200)), WindowCenter=None, WindowWidth=None,
                           RescaleIntercept=None, RescaleSlope=None)
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[:2, :3] = 255, 0, 0
    a.rgb = objects.make(rows=4, columns=6, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8,
                         BitsStored=8, HighBit=7, PixelData=rgb.tobytes(), WindowCenter=None, WindowWidth=None, RescaleIntercept=None,
                         RescaleSlope=None, PixelSpacing=None)
    keep(env, a.ct, a.signed, a.multi, a.rgb)
    return a


def keep(env, *datasets):
    for ds in datasets:
        status, = dimse.store(env.server, [ds])
        assert status.Status == 0, status
    return datasets[0]


def url(env, ds, below="/rendered"):
    return f"{env.server.web}/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}{below}"


def pixels(response):
    return np.asarray(Image.open(io.BytesIO(response.content))).astype(int)


def shown(env, image, pr, query="", below="/rendered"):
    return pixels(get(f"{url(env, image, below)}?accept=image/png&presentationUID={pr.SOPInstanceUID}{query}", "image/png"))


def by_dcmtk(env, image, pr, frame=1):
    """What dcmp2pgm makes of both: the whole image after all tables, without geometry."""
    folder = env.tmp()
    names = [os.path.join(folder, n) for n in ("image.dcm", "state.dcm", "out.pgm")]
    for ds, name in zip((image, pr), names):
        if isinstance(ds, str):
            names[names.index(name)] = ds
        else:
            objects.save(ds, name)
    fixtures.run(fixtures.tool("dcmp2pgm"), "-f", str(frame), "-p", names[1], names[0], names[2])
    return np.asarray(Image.open(names[2])).astype(int)


def near(a, b, most=1):
    assert a.shape == b.shape, (a.shape, b.shape)
    worst = np.abs(a - b).max()
    assert worst <= most, f"off by {worst} at {np.argwhere(np.abs(a - b) == worst)[0]}"


def test_tables_as_dcmtk(env):
    """Modality, VOI and presentation tables, each there or not: within a grey level of DCMTK."""
    a = archive(env)
    rescale = dict(RescaleSlope="1", RescaleIntercept="-1024", RescaleType="HU")
    curve = lut(np.linspace(0, 4095, 4096) ** 2 / 4095, bits=12)  # of 256 entries the nearest is a matter of rounding
    modality = lut(np.linspace(4095, 0, 4096), bits=12)
    modality.ModalityLUTType = "US"
    cases = [
        (a.ct, {}),
        (a.ct, rescale),
        (a.ct, dict(SoftcopyVOILUTSequence=window(40, 400), **rescale)),
        (a.ct, dict(SoftcopyVOILUTSequence=window(1000, 1500))),
        (a.ct, dict(PresentationLUTShape="INVERSE", SoftcopyVOILUTSequence=window(600, 900))),
        (a.ct, dict(ModalityLUTSequence=Sequence([modality]), SoftcopyVOILUTSequence=window(2000, 2000))),
        (a.ct, dict(SoftcopyVOILUTSequence=Sequence([item(VOILUTSequence=Sequence([lut(np.arange(3000) // 4, 500, 10)]))]))),
        (a.ct, dict(PresentationLUTSequence=Sequence([curve]), SoftcopyVOILUTSequence=window(2000, 4000))),
        (a.signed, {}),
        (a.signed, dict(SoftcopyVOILUTSequence=window(0, 3000))),
        (a.signed, dict(SoftcopyVOILUTSequence=window(0, 3000), PresentationLUTShape="INVERSE")),
    ]
    for number, (image, attributes) in enumerate(cases):
        pr = state(image, **attributes)
        keep(env, pr)
        try:
            near(shown(env, image, pr), by_dcmtk(env, image, pr))
        except AssertionError as e:
            raise AssertionError(f"case {number}: {e}") from e


def test_samples_as_dcmtk(env):
    """States of other makers: three scrambled tables, six overlays."""
    names = ("weasis-imageForPrLUTs", "weasis-prLUTs", "weasis-overlay", "weasis-prOverlay")
    paths = [samples.path(f"modalities/pr/{n}.dcm") for n in names]
    images = [objects.pydicom.dcmread(p) for p in paths]
    env.server.importing(*paths)
    near(shown(env, images[0], images[1]), by_dcmtk(env, paths[0], paths[1]))
    near(shown(env, images[2], images[3], "&overlays=no"), by_dcmtk(env, paths[2], paths[3]))  # it draws none
    assert (shown(env, images[2], images[3]) != shown(env, images[2], images[3], "&overlays=no")).sum() > 1000


def test_only_images_it_is_of(env):
    a = archive(env)
    pr = keep(env, state(a.ct, SoftcopyVOILUTSequence=window(1000, 1500)))
    web.assert_problem(get(url(env, a.signed) + f"?presentationUID={pr.SOPInstanceUID}", "image/jpeg", None), 400)
    answer = get(url(env, a.signed) + f"?presentationUID={pr.SOPInstanceUID}", "image/jpeg", None)
    assert a.ct.SOPInstanceUID in answer.text, answer.text
    for query, status in (("presentationUID=1.2.3.4", 404), ("presentationUID=no", 400), (f"presentationUID={a.ct.SOPInstanceUID}", 400),
                          (f"presentationUID={pr.SOPInstanceUID}&presentationSeriesUID=1.2.3", 404),
                          (f"presentationUID={pr.SOPInstanceUID}&window=40,400", 400)):
        web.assert_problem(get(f"{url(env, a.ct)}?{query}", "image/jpeg", None), status)
    get(f"{url(env, a.ct)}?presentationUID={pr.SOPInstanceUID}&presentationSeriesUID={pr.SeriesInstanceUID}", "image/jpeg")


def test_a_state_itself(env):
    """Shown as its image; by WADO-URI too; of a study and a series the image that it is of."""
    a = archive(env)
    pr = keep(env, state(a.ct, SoftcopyVOILUTSequence=window(1000, 1500), ImageRotation=90, ImageHorizontalFlip="N"))
    want = shown(env, a.ct, pr)
    assert want.shape == (COLUMNS, ROWS)
    assert (pixels(get(url(env, pr) + "?accept=image/png", "image/png")) == want).all()
    base = f"{env.server.web}/studies/{a.ct.StudyInstanceUID}"
    for below in ("", f"/series/{a.ct.SeriesInstanceUID}"):
        assert (pixels(get(f"{base}{below}/rendered?accept=image/png&presentationUID={pr.SOPInstanceUID}")) == want).all()
    assert pixels(get(url(env, pr, "/thumbnail?viewport=50,50&accept=image/png"))).shape == (50, 30)
    host = env.server.web.rsplit("/", 1)[0]
    uri = (f"{host}/wado?requestType=WADO&studyUID={a.ct.StudyInstanceUID}&seriesUID={a.ct.SeriesInstanceUID}"
           f"&objectUID={a.ct.SOPInstanceUID}&contentType=image/png&presentationUID={pr.SOPInstanceUID}"
           f"&presentationSeriesUID={pr.SeriesInstanceUID}")
    assert (pixels(get(uri)) == want).all()
    lost = state(objects.make())
    keep(env, lost)
    web.assert_problem(get(url(env, lost), "image/jpeg", None), 406)
    web.assert_problem(get(url(env, lost, "/thumbnail"), "image/jpeg", None), 404)


def test_geometry(env):
    """Each rotation with each flip, a part of the image and more than it."""
    a = archive(env)
    whole = shown(env, a.ct, keep(env, state(a.ct)))
    for turns in range(4):
        for flip in ("N", "Y"):
            pr = keep(env, state(a.ct, ImageRotation=90 * turns, ImageHorizontalFlip=flip))
            want = np.rot90(whole, -turns)
            assert (shown(env, a.ct, pr) == (want[:, ::-1] if flip == "Y" else want)).all(), (turns, flip)
    pr = keep(env, state(a.ct, displayed=area(a.ct, (11, 6, 30, 45))))
    assert (shown(env, a.ct, pr) == whole[5:45, 10:30]).all()
    pr = keep(env, state(a.ct, displayed=area(a.ct, (-9, 1, 110, 60)), ImageRotation=180, ImageHorizontalFlip="N"))
    got = shown(env, a.ct, pr)
    assert got.shape == (60, 120) and (got[:, :10] == 0).all() and (got[:, 110:] == 0).all()
    assert (got[:, 10:110] == whole[::-1, ::-1]).all()
    magnify = dict(PresentationSizeMode="MAGNIFY", PresentationPixelMagnificationRatio=2.5)
    pr = keep(env, state(a.ct, displayed=area(a.ct, **magnify)))
    assert shown(env, a.ct, pr).shape == (150, 250)
    assert shown(env, a.ct, pr, "&viewport=50,50").shape == (30, 50)
    pr = keep(env, state(a.ct, displayed=area(a.ct, PresentationPixelAspectRatio=["2", "1"]), ImageRotation=90, ImageHorizontalFlip="N"))
    assert shown(env, a.ct, pr, "&viewport=240,240").shape == (200, 240)


def test_marks(env):
    """Graphics and texts follow the image, turned; layers in their order and colour; overlays=no leaves them out."""
    a = archive(env)
    layers = Sequence([item(GraphicLayer="TOP", GraphicLayerOrder="2", GraphicLayerRecommendedDisplayCIELabValue=[35579, 53662, 50858]),
                       item(GraphicLayer="LOW", GraphicLayerOrder="1", GraphicLayerRecommendedDisplayGrayscaleValue=0xFFFF)])
    red = item(GraphicLayer="TOP", GraphicObjectSequence=Sequence([graphic("POLYLINE", (20, 10, 40, 10, 40, 20, 20, 20, 20, 10), filled="Y")]))
    white = item(GraphicLayer="LOW", GraphicObjectSequence=Sequence([graphic("CIRCLE", (30, 15, 30, 25), filled="Y"),
                                                                     graphic("CIRCLE", (0.9, 0.9, 0.95, 0.9), "DISPLAY", "Y")]))
    pr = keep(env, state(a.ct, GraphicLayerSequence=layers, GraphicAnnotationSequence=Sequence([red, white]), ImageRotation=90,
                         ImageHorizontalFlip="N"))
    got = shown(env, a.ct, pr)
    assert got.shape == (COLUMNS, ROWS, 3)
    x, y = ROWS - 15, 30  # (30,15) of the image after a quarter turn
    assert got[y, x, 0] > 250 and got[y, x, 1] < 10, got[y, x]
    assert (got[y, x - 8] == 255).all() and (got[y, x + 7] == 255).all()  # the circle, under the rectangle
    assert (got[90, 54] == 255).all()
    plain = shown(env, a.ct, pr, "&overlays=no")
    assert plain.ndim == 2 and (plain == shown(env, a.ct, keep(env, state(a.ct, ImageRotation=90, ImageHorizontalFlip="N")))).all()
    text = item(GraphicLayer="LOW", TextObjectSequence=Sequence([item(
        BoundingBoxAnnotationUnits="PIXEL", UnformattedTextValue="Befund: größer", BoundingBoxTopLeftHandCorner=[10.0, 40.0],
        BoundingBoxBottomRightHandCorner=[95.0, 55.0], BoundingBoxTextHorizontalJustification="LEFT")]))
    pr = keep(env, state(a.ct, GraphicLayerSequence=layers, GraphicAnnotationSequence=Sequence([text])))
    got, plain = shown(env, a.ct, pr), shown(env, a.ct, keep(env, state(a.ct)))
    changed = np.argwhere(got != plain)
    assert len(changed) > 100 and changed[:, 0].min() >= 38 and changed[:, 1].min() >= 8 and changed[:, 0].max() < 58


def test_frames(env):
    """A state of one frame is of that only, and chooses it; what is said for another frame does not count."""
    a = archive(env)
    first = item(WindowCenter="100", WindowWidth="2", ReferencedImageSequence=Sequence([reference(a.multi, [1])]))
    wide = item(WindowCenter="127.5", WindowWidth="255", VOILUTFunction="LINEAR_EXACT")
    pr = keep(env, state(a.multi, frames=[3], SoftcopyVOILUTSequence=Sequence([first, wide])))
    assert (shown(env, a.multi, pr) == 200).all()
    assert (shown(env, a.multi, pr, below="/frames/3/rendered") == 200).all()
    web.assert_problem(get(url(env, a.multi, "/frames/1/rendered") + f"?presentationUID={pr.SOPInstanceUID}", "image/jpeg", None), 400)
    answer = get(url(env, pr) + "?accept=image/png")
    assert (pixels(answer) == 200).all()


def test_colour_and_pseudo_colour(env):
    a = archive(env)
    pr = keep(env, state(a.rgb, sop_class=COLOUR, ImageRotation=180, ImageHorizontalFlip="N"))
    got = shown(env, a.rgb, pr)
    assert (got[2:, 3:] == (255, 0, 0)).all() and (got[:2] == 0).all()
    palette = {}
    for name, values in (("Red", range(256)), ("Green", range(255, -1, -1)), ("Blue", [7] * 256)):
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        palette[f"{name}PaletteColorLookupTableData"] = np.array([v * 257 for v in values], "<u2").tobytes()
    pr = keep(env, state(a.multi, sop_class=PSEUDO, SoftcopyVOILUTSequence=window(127.5, 255, VOILUTFunction="LINEAR_EXACT"), **palette))
    assert (shown(env, a.multi, pr, below="/frames/1/rendered") == (50, 205, 7)).all()


def test_shutters(env):
    a = archive(env)
    plain = shown(env, a.ct, keep(env, state(a.ct)))
    pr = keep(env, state(a.ct, ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge="11", ShutterRightVerticalEdge="90",
                         ShutterUpperHorizontalEdge="6", ShutterLowerHorizontalEdge="50", ShutterPresentationValue=0x8000))
    got = shown(env, a.ct, pr)
    assert (got[:5] == 128).all() and (got[50:] == 128).all() and (got[:, :10] == 128).all() and (got[:, 90:] == 128).all()
    assert (got[5:50, 10:90] == plain[5:50, 10:90]).all()


def test_nonsense(env):
    """Parts that make no sense are as if they were not there."""
    a = archive(env)
    plain = shown(env, a.ct, keep(env, state(a.ct)))
    bad = Sequence([item(GraphicLayer="L", GraphicObjectSequence=Sequence([
        graphic("POLYLINE", (1, 2, 3)), graphic("CIRCLE", (1, 1)), graphic("SPIRAL", (1, 1, 2, 2)), graphic("POLYLINE", (1, 1, 5, 5), "ELLS"),
        graphic("POLYLINE", (float("nan"), 1, 5, float("inf")))]), TextObjectSequence=Sequence([item(UnformattedTextValue="nowhere")]))])
    cases = [dict(GraphicAnnotationSequence=bad), dict(displayed=area(a.ct, (500, 500, 600, 600))), dict(ImageRotation=45),
             dict(SoftcopyVOILUTSequence=window("40", "-5")), dict(ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=["1", "1"]),
             dict(displayed=area(a.ct, PresentationPixelAspectRatio=["0", "1"])), dict(PresentationLUTShape="ROUND")]
    for case in cases:
        assert (shown(env, a.ct, keep(env, state(a.ct, **case))) == plain).all(), case
