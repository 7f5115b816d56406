"""Every readable sample through every way in and out, and what becomes of every malformed one."""

import collections
import concurrent.futures
import csv
import json
import os

import pydicom

from lib import dimse, fixtures, objects, samples, web
from lib.dimse import STUDY_FIND, STUDY_MOVE, keys
from lib.fixtures import run, tool

MAX_IMAGES_PER_ASSOCIATION = 400


def test_whole_collection_is_here(env):
    """Says by name when the tests below run over the few files of tests/data only."""
    samples.need_whole()
    assert len(samples.readable()) > 1200


class Sample:
    def __init__(self, name):
        self.name, self.path = name, samples.path(name)
        ds = pydicom.dcmread(self.path, force=True, stop_before_pixels=True)
        text = lambda k: str(ds.get(k, "") or "").strip("\0 ")
        self.sop, self.study, self.series = text("SOPInstanceUID"), text("StudyInstanceUID"), text("SeriesInstanceUID")
        self.sop_class, self.syntax = text("SOPClassUID"), str(ds.file_meta.get("TransferSyntaxUID", ""))
        # worklist items are of no storage class, and no sender has a presentation context for them
        self.storable = bool(self.sop and self.sop_class) and not name.startswith("worklist/")
        self.of_patient = bool(self.study and self.series)
        self.long = max(len(self.sop), len(self.series), len(self.study)) > 64


def corpus(env):
    """Waves of samples: within one, no SOP instance UID occurs twice. And those without the identifiers to be stored."""
    return env.once("corpus", waves)


def waves():
    out, count, left_over = [], collections.Counter(), []
    for name in samples.readable():
        s = Sample(name)
        if not s.storable:
            left_over.append(s)
            continue
        n = count[s.sop]
        count[s.sop] += 1
        if n == len(out):
            out.append([])
        out[n].append(s)
    return out, left_over


def report(problems, what, total):
    if problems:
        for p in problems[:40]:
            print(f"    {p}"[:400], flush=True)
        raise AssertionError(f"{what}: {len(problems)} of {total} wrong; the first: {problems[0][:300]}")
    print(f"    {what}: {total} files", flush=True)


def check_found(s, wave, problems):
    """By C-FIND (relational IMAGE level, UID lists) and by QIDO-RS."""
    from t_find import negotiation
    for i in range(0, len(wave), 150):
        part = wave[i:i + 150]
        found = dimse.find(s, keys("IMAGE", SOPInstanceUID=[x.sop for x in part], StudyInstanceUID=""), STUDY_FIND, [negotiation(b"\x01")])
        missing = {x.sop for x in part} - {str(f.SOPInstanceUID).strip("\0 ") for f in found}
        problems += [f"{x.name}: not found by C-FIND" for x in part if x.sop in missing]
    by_study = collections.defaultdict(list)
    for x in wave:
        by_study[x.study if x.of_patient else ""].append(x)
    for x in by_study.pop("", []):
        if len(web.query(f"{s.web}/instances?SOPInstanceUID={x.sop}")) != 1:
            problems.append(f"{x.name}: not found by QIDO-RS")
    for study, part in by_study.items():
        rows = {web.value(r, "00080018") for r in web.query(f"{s.web}/studies/{study}/instances?limit=5000")}
        problems += [f"{x.name}: not found by QIDO-RS" for x in part if x.sop not in rows]


def fetch(s, x):
    if not x.of_patient:  # of no patient: it is filed under identifiers of the archive's making
        row, = web.query(f"{s.web}/instances?SOPInstanceUID={x.sop}")
        x.study, x.series = web.value(row, "0020000D"), web.value(row, "0020000E")
    r = web.get(f"{s.web}/studies/{x.study}/series/{x.series}/instances/{x.sop}",
                'multipart/related; type="application/dicom"; transfer-syntax=*', None)
    if r.status_code != 200:
        raise AssertionError(f"WADO-RS {r.status_code} {r.text[:150]}")
    return web.parts_of(r)[0][1]


def check_fetched(s, wave, problems, exact, on_the_wire=False):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for x, job in [(x, pool.submit(fetch, s, x)) for x in wave]:
            try:
                compare(x, job.result(), exact, on_the_wire)
            except AssertionError as e:
                problems.append(f"{x.name}: {e}")


def compare(x, body, exact, on_the_wire=False):
    with open(x.path, "rb") as f:
        sent = f.read()
    if exact and on_the_wire and len(objects.split(sent)[1]) % 2 == 1:
        # a PDV holds an even number of bytes (PS3.8 §9.3.5.1): deflated data gets its NUL (PS3.5 §A.5) ...
        if objects.split(sent)[1] + b"\0" == objects.split(body)[1]:
            return
        exact = False  # ... and an element of odd length is written anew, with its padding
    objects.assert_same(sent, body, "", exact)


def compare_transcoded(x, body):
    """What came in another transfer syntax is the same but for its pixels and what describes them; those are
    t_transcode's matter."""
    a, b = objects.read(open(x.path, "rb").read()), objects.read(body)
    if b.file_meta.TransferSyntaxUID not in DCMTK_SYNTAXES or "PixelData" not in b:
        raise AssertionError(f"came in {b.file_meta.TransferSyntaxUID}")
    for ds in (a, b):
        for tag in [e for e in ds.keys() if e.group in (0x0028, 0x7FE0)]:
            del ds[tag]
        for keyword in ("ImageType", "IconImageSequence"):
            if keyword in ds:
                del ds[keyword]
    found = objects.differences(a, b)
    if found:
        raise AssertionError(str(found)[:300])


def each_wave(env, store, exact):
    """Stores each wave into a fresh server by store(server, wave, problems), and checks that all of it comes back."""
    problems, total = [], 0
    for wave in corpus(env)[0]:
        s = env.fresh()
        store(s, wave, problems)
        check_found(s, wave, problems)
        check_fetched(s, wave, problems, exact, store is by_our_scu)
        total += len(wave)
        s.stop()
    return problems, total


def by_our_scu(s, wave, problems):
    for i in range(0, len(wave), MAX_IMAGES_PER_ASSOCIATION):
        code, text = s.command("store", "127.0.0.1", s.port, "--call", s.AET, *[x.path for x in wave[i:i + MAX_IMAGES_PER_ASSOCIATION]],
                               check=False, timeout=600)
        if code != 0:
            problems.append(f"isocenter store: exit {code}: {text.strip()[-300:]}")


def test_c_store_by_our_scu(env):
    """Our SCU sends the file's bytes, so that the very bytes come back."""
    report(*each_wave_named(env, "C-STORE (isocenter store) -> C-FIND, QIDO-RS, WADO-RS", by_our_scu, True))


def each_wave_named(env, name, store, exact):
    problems, total = each_wave(env, store, exact)
    return problems, name, total


def by_import(s, wave, problems):
    summary = s.importing(*[x.path for x in wave])
    bad = [f for f in summary["files"] if f["outcome"] not in ("stored", "already")]
    problems += [f"{f['path']}: import {f['outcome']}: {f.get('reason')}" for f in bad]


def test_import(env):
    report(*each_wave_named(env, "import -> C-FIND, QIDO-RS, WADO-RS", by_import, True))


def by_stow(s, wave, problems):
    for i in range(0, len(wave), 100):
        part = wave[i:i + 100]
        code, answer = web.stow(f"{s.web}/studies", [open(x.path, "rb").read() for x in part], None)
        stored = web.stored_uids(answer)
        why = web.failures(answer)
        problems += [f"{x.name}: STOW {code}, reason {why.get(x.sop)}" for x in part if x.sop not in stored]


def test_stow(env):
    report(*each_wave_named(env, "STOW-RS -> C-FIND, QIDO-RS, WADO-RS", by_stow, True))


# What DCMTK 3.6.7's storescp accepts when told to accept all.
DCMTK_SYNTAXES = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"} | {
    f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 70, 80, 81, 90, 91, 100, 102)}


def test_c_store_by_storescu(env):
    """DCMTK re-encodes what it sends: compared element by element. Left out, by name of reason: transfer syntaxes that
    its command line has no presentation context for."""
    flags = {"1.2.840.10008.1.2": "-xi", "1.2.840.10008.1.2.1": "-xe", "1.2.840.10008.1.2.2": "-xb", "1.2.840.10008.1.2.1.99": "-xd",
             "1.2.840.10008.1.2.5": "-xr", "1.2.840.10008.1.2.4.50": "-xy", "1.2.840.10008.1.2.4.51": "-xx",
             "1.2.840.10008.1.2.4.70": "-xs", "1.2.840.10008.1.2.4.80": "-xt", "1.2.840.10008.1.2.4.81": "-xu",
             "1.2.840.10008.1.2.4.90": "-xv", "1.2.840.10008.1.2.4.91": "-xw", "1.2.840.10008.1.2.4.100": "-xm",
             "1.2.840.10008.1.2.4.102": "-xn"}
    wave = [x for x in corpus(env)[0][0] if x.syntax in flags and not x.long]  # DCMTK cuts UIDs at 64 characters
    s, problems = env.fresh(), []
    sent = []
    for syntax in sorted({x.syntax for x in wave}):
        part = [x for x in wave if x.syntax == syntax]
        for i in range(0, len(part), MAX_IMAGES_PER_ASSOCIATION):
            piece = part[i:i + MAX_IMAGES_PER_ASSOCIATION]
            _, text = run(tool("storescu"), "-v", "--no-halt", flags[syntax], "-R", "-aec", s.AET,
                          "127.0.0.1", s.port, *[x.path for x in piece], check=False, timeout=600)
            sent += accepted(text, piece, problems)
    check_found(s, sent, problems)
    check_fetched(s, sent, problems, False)
    assert len(sent) > 0.9 * len(wave), f"storescu sent only {len(sent)} of {len(wave)}"
    report(problems, "C-STORE (storescu) -> C-FIND, QIDO-RS, WADO-RS", len(sent))


def accepted(text, piece, problems):
    """From storescu's log: which files it sent, and a problem for each that the server refused."""
    out, current = [], None
    by_path = {x.path: x for x in piece}
    for line in text.splitlines():
        if "Sending file: " in line:
            current = by_path.get(line.split("Sending file: ", 1)[1].strip())
        elif "Received Store Response" in line and current:
            if "(Success)" in line:
                out.append(current)
            else:
                problems.append(f"{current.name}: {line.strip()}")
            current = None
    return out


def test_c_get_and_c_move(env):
    """The whole first wave out by C-GET (our client) and C-MOVE (to a bit-preserving storescp): the very bytes; what
    storescp cannot take as it is stored comes in a transfer syntax that it takes."""
    inbox = env.keep(fixtures.Storescp(env.folder, aet="CORPUS"))
    s = env.fresh(peers=[(inbox.aet, inbox.port)])
    wave, problems = corpus(env)[0][0], []
    by_import(s, wave, problems)
    wave = [x for x in wave if x.of_patient]
    studies = sorted({x.study for x in wave})
    out = env.tmp()
    for i in range(0, len(studies), 100):
        s.command("get", "127.0.0.1", s.port, "--call", s.AET, "--out", out, "--level", "study",
                  "-k", "StudyInstanceUID=" + "\\".join(studies[i:i + 100]), check=False, timeout=900)
    came = {}
    for folder, _, names in os.walk(out):
        for n in names:
            path = os.path.join(folder, n)
            came[str(pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)] = path
    for x in wave:
        if x.sop not in came:
            problems.append(f"{x.name}: did not come by C-GET")
            continue
        try:
            compare(x, open(came[x.sop], "rb").read(), True, True)
        except AssertionError as e:
            problems.append(f"{x.name}: C-GET: {e}")
    report(problems, "C-GET", len(wave))
    refused = []
    for i in range(0, len(studies), 100):
        with dimse.associate(s, [STUDY_MOVE]) as assoc:
            *_, (last, _) = assoc.send_c_move(keys("STUDY", StudyInstanceUID=studies[i:i + 100]), inbox.aet, STUDY_MOVE)
            refused.append((last.Status, last.get("NumberOfFailedSuboperations", 0)))
    came = {}
    for path in inbox.files():
        came[str(pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).SOPInstanceUID)] = path
    beyond, transcoded = [], 0
    for x in wave:
        if x.sop not in came:
            if x.syntax not in DCMTK_SYNTAXES or x.long:  # UIDs longer than 64 characters are cut by DCMTK
                beyond.append(f"{x.name} ({x.syntax})")
                continue
            problems.append(f"{x.name}: did not come by C-MOVE")
            continue
        try:
            with open(came[x.sop], "rb") as f:
                body = f.read()
            same = objects.read(body).file_meta.TransferSyntaxUID == x.syntax
            if same or x.syntax in DCMTK_SYNTAXES:
                compare(x, body, x.syntax in DCMTK_SYNTAXES, True)
            else:
                compare_transcoded(x, body)
                transcoded += 1
        except AssertionError as e:
            problems.append(f"{x.name}: C-MOVE: {e}")
    print(f"    {transcoded} came in another transfer syntax, that DCMTK's storescp knows; not at all: {' '.join(beyond) or 'none'}; "
          f"final statuses {[(hex(a), b) for a, b in refused]}", flush=True)
    if transcoded < 10:
        problems.append(f"only {transcoded} were transcoded")
    report(problems, "C-MOVE", len(wave) - len(beyond))


# ---- metadata beside pydicom's to_json -----------------------------------------------------------

def normal(row, top=True):
    """DICOM JSON with the differences that are no disagreement taken out, each for its reason."""
    out = {}
    for tag, e in row.items():
        if tag[4:] == "0000":
            continue  # group lengths: retired, pydicom keeps them, PS3.18 §F.2.2 wants them out
        if top and tag in ("00083002", "00080054", "00081190", "FFFCFFFC"):
            continue  # what a server adds (available syntax, retrieve URL), and padding
        if tag == "00080005":
            continue  # JSON is UTF-8, so a right answer says ISO_IR 192 (PS3.18 §F.2.1.1); pydicom repeats the file's
        vr = e.get("vr")
        if "BulkDataURI" in e or "InlineBinary" in e or vr in ("OB", "OW", "OF", "OD", "OL", "OV", "UN"):
            continue  # by reference or inline as each likes; the bytes are compared elsewhere
        value = e.get("Value")
        if vr == "SQ":
            out[tag] = ("SQ", [normal(i or {}, False) for i in value or []])
            continue
        value = [plain(v) for v in value or []]
        while value and value[-1] in (None, "", {}):
            value.pop()  # trailing empty values
        value = [None if v in ("", {}) else v for v in value]  # an empty one of several: null (PS3.18 §F.2.5)
        out[tag] = (vr if value else "", value)  # an empty value's VR may come from either dictionary
    return out


# What pydicom 3 does not decode, or gives up on; our own expectation of these is tested by test_character_sets: text that
# breaks its declared character set, ISO 2022 IR 58 (GB 2312), ISO_IR 203 (Latin 9).
PYDICOM_CANNOT = ("charsets/syn/bad-", "charsets/fodicom-chrGB2312", "charsets/syn/iso2022_ir_58", "charsets/syn/single-iso_ir_203",
                  "charsets/syn/ext-iso2022_ir_203", "charsets/syn/ext-first-iso2022_ir_203")


def plain(v):
    if isinstance(v, dict):
        return {k: x.rstrip() for k, x in v.items() if x.rstrip("^ ")}
    if isinstance(v, (int, float)) and not isinstance(v, bool):
        return float(v) if v == v else "NaN"  # a NaN equals nothing, not even itself
    if isinstance(v, str):
        try:
            return plain(float(v))  # DS and IS: as a number or, where it would not be exact, as a string (PS3.18 §F.2.3)
        except ValueError:
            return v.strip(" \0")
    return v


def theirs(x):
    """pydicom's JSON, and the elements that it read but left out because it finds their values invalid."""
    ds = pydicom.dcmread(x.path, force=True)
    row = json.loads(ds.to_json(bulk_data_threshold=1 << 62, bulk_data_element_handler=None, suppress_invalid_tags=True))
    return row, {f"{t:08X}" for t in ds.keys()} - set(row)


def test_metadata_agrees_with_pydicom(env):
    s, problems, compared, unread = env.fresh(), [], 0, []
    wave = [x for x in corpus(env)[0][0] if not x.name.startswith(PYDICOM_CANNOT)]
    by_import(s, wave, problems)
    rows = {}
    wave = [x for x in wave if x.of_patient]
    for study in sorted({x.study for x in wave}):
        for row in web.get(f"{s.web}/studies/{study}/metadata", web.DICOM_JSON).json():
            rows[web.value(row, "00080018", "").strip("\0 ")] = row
    for x in wave:
        if x.sop not in rows:
            problems.append(f"{x.name}: no metadata")
            continue
        try:
            row, left_out = theirs(x)
            want = normal(row)
        except Exception as e:  # noqa: BLE001: pydicom refuses a few of these values
            unread.append(f"{x.name}: {type(e).__name__}")
            continue
        got = normal(rows[x.sop])
        compared += 1
        # study and series of objects that are of no patient are of the archive's making
        odd = [f"{t}: pydicom {str(want.get(t))[:80]}, ours {str(got.get(t))[:80]}" for t in sorted(want.keys() | got.keys())
               if want.get(t) != got.get(t) and t not in left_out and not (t in ("0020000D", "0020000E") and not want.get(t, ("", []))[1])]
        if odd:
            problems.append(f"{x.name}: {len(odd)} differ: " + "; ".join(odd[:3]))
    print(f"    compared {compared}; pydicom could not write {len(unread)}: {unread[:5]}", flush=True)
    report(problems, "metadata", compared)


# ---- everything else ------------------------------------------------------------------------------

def test_without_identifiers(env):
    """Readable, but without the UIDs that an archive files by: refused with a reason, at each way in."""
    s, odd = env.fresh(), []
    left = corpus(env)[1]
    summary = s.importing(*[x.path for x in left])
    for f in summary["files"]:
        print(f"    {os.path.relpath(f['path'], samples.FOLDER):80} import {f['outcome']}: {f.get('reason', '')}"[:220], flush=True)
        if f["outcome"] in ("refused", "failed") and not f.get("reason"):
            odd.append(f["path"])
    assert len(summary["files"]) == len(left), f"{len(summary['files'])} of {len(left)} named"
    assert not odd, odd
    s.assert_alive()


def test_malformed(env):
    """Each malformed sample by import, STOW-RS and C-STORE: stored on purpose or a clean error. Prints the table."""
    names = samples.malformed()
    imported, posted = env.fresh(), env.fresh()
    summary = imported.importing(*[samples.path(n) for n in names], timeout=900)
    by_path = {os.path.abspath(f["path"]): f for f in summary["files"]}
    table, silent = [], []
    for n in names:
        path = samples.path(n)
        f = by_path.get(os.path.abspath(path), {"outcome": "not named", "reason": ""})
        with open(path, "rb") as src:
            data = src.read()
        code, answer = web.stow(f"{posted.web}/studies", [data], None)
        stow = "stored" if web.stored_uids(answer) else f"{code}"
        reason = "; ".join(f"0x{v:04X}" for v in web.failures(answer).values() if isinstance(v, int))
        table.append((n.removeprefix("malformed/"), f["outcome"], stow + (f" {reason}" if reason else ""), f.get("reason") or ""))
        if f["outcome"] in ("refused", "failed") and not f.get("reason"):
            silent.append(n)
        if code >= 500 and code != 503 or f["outcome"] == "not named":
            silent.append(f"{n}: STOW {code}, import {f['outcome']}")
        # of several files that claim one UID, the first to come is kept: import takes them in no fixed order
        if (f["outcome"] in ("stored", "already")) != (stow == "stored") and "was kept" not in (f.get("reason") or ""):
            silent.append(f"{n}: import {f['outcome']}, STOW {stow}")
    for row in table:
        print("    " + " | ".join(row)[:260], flush=True)
    print(f"    {sum(1 for r in table if r[1] == 'stored')} stored, {sum(1 for r in table if r[1] != 'stored')} not", flush=True)
    imported.assert_alive()
    posted.assert_alive()
    assert not silent, silent[:10]


def test_malformed_are_served_back(env):
    """What of the malformed was stored comes back with its bytes, and its metadata is asked without harm."""
    s, problems, count = env.fresh(), [], 0
    names = samples.malformed()
    summary = s.importing(*[samples.path(n) for n in names], timeout=900)
    stored = [f["path"] for f in summary["files"] if f["outcome"] == "stored"]
    for path in stored:
        try:
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            ids = [str(ds[t].value).strip("\0 ") for t in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
        except Exception:  # noqa: BLE001: pydicom cannot; we could
            continue
        u = f"{s.web}/studies/{ids[0]}/series/{ids[1]}/instances/{ids[2]}"
        r = web.get(u, 'multipart/related; type="application/dicom"; transfer-syntax=*', None)
        if r.status_code == 200:
            count += 1
        elif r.status_code >= 500:
            problems.append(f"{path}: {r.status_code}")
        for below, accept in (("/metadata", web.DICOM_JSON), ("/frames/1", "multipart/related; type=application/octet-stream; transfer-syntax=*")):
            code = web.get(u + below, accept, None).status_code
            if code >= 500 and code != 501:
                problems.append(f"{path}{below}: {code}")
    s.assert_alive()
    report(problems, "malformed, fetched again", count)


def test_malformed_to_our_tools(env):
    """dump, json and validate end with a code, never with a signal."""
    problems = []
    names = [n for i, n in enumerate(samples.malformed()) if not env.quick or i % 10 == 0]

    def one(n):
        out = []
        for verb in ("dump", "json", "validate"):
            code, _ = run(fixtures.BINARY, verb, samples.path(n), check=False, timeout=60)
            if code < 0 or code >= 128:
                out.append(f"{verb} {n}: exit {code}")
        return out

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(one, names):
            problems += found
    report(problems, "dump, json, validate", len(names))


def test_character_sets(env):
    """Every defined term: what EXPECTED.tsv says each element decodes to, in our JSON."""
    with open(samples.path("charsets/EXPECTED.tsv"), encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    problems, cache = [], {}
    for row in rows:
        name, tag = row["path"], row["tag"]
        if name not in cache:
            code, text = run(fixtures.BINARY, "json", samples.path(name), check=False)
            cache[name] = json.loads(text) if code == 0 else {}
        body = cache[name][0] if isinstance(cache[name], list) else cache[name]
        for step in tag.split("."):
            key, _, index = step.partition("[")
            element = body.get(key, {})
            body = element.get("Value", [{}])[int(index.rstrip("]"))] if index else None
        got = "\\".join("=".join(v.get(g, "") for g in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=") if isinstance(v, dict) else
                        str(v or "") for v in element.get("Value", []))
        want = row["utf8_value"].replace("\\r", "\r").replace("\\n", "\n").replace("\\\\", "\\")
        if got.rstrip(" =") != want.rstrip(" ="):
            problems.append(f"{name} {tag}: {got!r}, not {want!r}")
    report(problems, "character sets", len(rows))
