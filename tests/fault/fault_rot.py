#!/usr/bin/env python3
"""Bit rot: single bits are turned over in the content and the heads of segments, in files of their own and in the index. A
full verify must name every object that was hit, the server must live, say what is wrong, and serve all the others."""

import http.client
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from fault_peer import BINARY, Association, Object, Place, Refused, Skip, figure, main

SEED = 20261123
# Rows that say where an object is and whose it is. What helps searching only (sounds, words, names for lists) is made
# again by `isocenter reindex`; what a check does not find there is told as a figure.
VITAL = {"instance", "header", "pack", "tombstone", "uid"}


def flip(path, at, bit):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 1 << bit]))


def members(path):
    """(offset of the head, name, bytes) of each member of a tar file."""
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at + 512 <= len(data) and data[at] != 0:
        size = int(data[at + 124:at + 135].rstrip(b"\0 ") or b"0", 8)
        yield at, data[at:at + 100].rstrip(b"\0").decode(errors="replace"), size
        at += 512 + (size + 511) // 512 * 512


class Archive:
    """A folder with known objects, and where the bytes of each lie."""

    def __init__(self, place, count):
        self.place = place
        server = place.server().start()
        self.base, self.objects = server.data, [Object(n, 800 if n % 9 == 8 else 20 + n % 50, root="1.2.826.0.81") for n in range(count)]
        with Association(server) as a:
            for o in self.objects:
                if a.store(o) != 0:
                    raise AssertionError("not stored")
        if server.stop() != 0:
            raise AssertionError("the server did not end well")
        self.spots = {}  # SOP Instance UID: [(file, offset of the content, bytes)]
        self.heads = {}
        by_name = {o.digest.hex(): o for o in self.objects}
        large = os.path.join(self.base, "large")
        files = {}
        for folder, _, names in os.walk(large):
            for n in names:
                path = os.path.join(folder, n)
                with open(path, "rb") as f:
                    files[f.read()[-2000:]] = os.path.relpath(path, self.base)
        for name in sorted(os.listdir(os.path.join(self.base, "seg"))):
            for at, member, size in members(os.path.join(self.base, "seg", name)):
                o = by_name.get(member.removeprefix("large/").removesuffix(".dcm"))
                if o is None:
                    continue
                self.heads[o.sop] = (os.path.join("seg", name), at)
                if not member.startswith("large/"):
                    self.spots[o.sop] = (os.path.join("seg", name), at + 512, size)
        for o in self.objects:
            if o.data[-2000:] in files:
                path = files[o.data[-2000:]]
                self.spots[o.sop] = (path, 0, os.path.getsize(os.path.join(self.base, path)))
        missing = [o.sop for o in self.objects if o.sop not in self.spots]
        if missing:
            raise AssertionError(f"{len(missing)} objects are neither in a segment nor in a file of their own: {missing[:3]}")

    def copy(self):
        folder = os.path.join(tempfile.mkdtemp(dir=self.place.folder), "data")
        shutil.copytree(self.base, folder)
        return folder


def verify(data):
    """(exit code, output) of a full verify; None where this program has none."""
    done = subprocess.run([BINARY, "verify", "--full", "--data", data], capture_output=True, text=True, errors="replace", timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def has_verify():
    done = subprocess.run([BINARY, "verify", "--help"], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode == 0


def serve_damaged(archive, data, hit, wrong):
    """The server over a damaged folder: (it refused to start and said why, answers for damaged objects)."""
    server = archive.place.server(data=data)
    if not server.launch().ready(60):
        code = server.child.returncode
        if code < 0 or server.why_dead() != f"exit {code}" or not server.log().strip():
            wrong.append(f"start: {server.why_dead()}: {server.log()[-300:]}")
        return True
    try:
        for o in archive.objects:
            try:
                data_set = server.wado(o, 20)
                if o.sop not in hit and data_set != o.data:
                    wrong.append(f"{o.sop} is not damaged and comes {'not at all' if data_set is None else 'altered'}")
            except (AssertionError, OSError, ValueError, IndexError, http.client.HTTPException) as e:
                if o.sop not in hit:
                    wrong.append(f"{o.sop} is not damaged: {e}")
            if not server.alive():
                wrong.append(f"the server died of {server.why_dead()}")
                return False
        for path in ("/dicom-web/studies?PatientID=F1&includefield=all", f"/dicom-web/studies/{archive.objects[0].study}/metadata",
                     f"/dicom-web{archive.objects[0].path()}/rendered"):
            try:
                server.get(path)
            except (OSError, http.client.HTTPException):
                pass
        with Association(server) as a:
            o = Object(5000, 30, root="1.2.826.0.81")
            a.store(o)
    except (OSError, Refused) as e:
        wrong.append(f"a damaged archive: {e!r}")
    if server.stop() != 0 or server.why_dead():
        wrong.append(f"the server ended with {server.why_dead()}")
    return False


def segments(full):
    random.seed(SEED)
    rounds, each, wrong, hits, found, missed = 40 if full else 4, 12, [], 0, 0, []
    can = has_verify()
    with Place() as place:
        archive = Archive(place, 63)
        for n in range(rounds):
            data, hit = archive.copy(), []
            for o in random.sample(archive.objects, each):
                if n % 4 == 3:
                    path, at = archive.heads.get(o.sop, (None, 0))
                    if path is None:
                        continue
                    size = 512
                else:
                    path, at, size = archive.spots[o.sop]
                spot = at + (random.randrange(min(size, 600)) if n % 4 == 2 else random.randrange(size))
                flip(os.path.join(data, path), spot, random.randrange(8))
                hit.append((o, path, spot - at, n % 4 == 3))
            hits += len(hit)
            if can:
                code, text = verify(data)
                if code < 0 or code > 1:
                    wrong.append(f"verify ended with {code}: {text[-300:]}")
                for o, path, at, head in hit:
                    named = o.sop in text
                    found += named
                    if not named:
                        missed.append(f"{o.sop} ({'head' if head else 'content'} + {at} of {path})")
            serve_damaged(archive, data, {o.sop for o, *_ in hit}, wrong)
            shutil.rmtree(os.path.dirname(data))
    figure("rot-segments", points=hits, lost=0, mismatches=0, violations=len(wrong), found_percent=f"{100 * found / hits:.1f}" if can else "-")
    if wrong or missed and can:
        raise AssertionError(f"{len(wrong)} wrong: {'; '.join(wrong[:3])}; {len(missed)} not found: {'; '.join(missed[:5])}")
    if not can:
        raise Skip("this program has no verify: what was hit could not be looked for")


def contents(path):
    """What the index says, or None when SQLite itself finds it damaged."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            return None
        tables = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return {t: db.execute(f'SELECT * FROM "{t}"').fetchall() for t in tables if not t.endswith("_text")}
    except (sqlite3.Error, UnicodeDecodeError, OverflowError):
        return None
    finally:
        db.close()


def index(full):
    """A bit in each of many pages. What changes nothing that SQLite returns (unused bytes) need not be found."""
    random.seed(SEED + 1)
    count, wrong, harmful, found, refused, missed, elsewhere = 300 if full else 12, [], 0, 0, 0, [], []
    can = has_verify()
    with Place() as place:
        archive = Archive(place, 27)
        database = os.path.join(archive.base, "index.db")
        db = sqlite3.connect(database)  # all of it into the one file
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        before, pages = contents(database), os.path.getsize(database) // 4096
        with open(database, "rb") as f:
            used = [(i, [4096 * i + at for at, byte in enumerate(f.read(4096)) if byte != 0]) for i in range(pages)]
        used = [spots for _, spots in used if len(spots) > 20]
        for n in range(count):
            data = archive.copy()
            spot = random.choice(random.choice(used))
            flip(os.path.join(data, "index.db"), spot, random.randrange(8))
            after = contents(os.path.join(data, "index.db"))
            harm = after != before
            harmful += harm
            everything = {o.sop for o in archive.objects}  # which rows were hit is not known: only that it lives is asked
            if can:
                code, text = verify(data)
                if code not in (0, 1):
                    wrong.append(f"verify of a bit at {spot} ended with {code}: {text[-200:]}")
                found += harm and code == 1
                if harm and code != 1:
                    tables = [t for t in before if after is None or after.get(t) != before[t]]
                    vital = after is None or VITAL & set(tables)
                    (missed if vital else elsewhere).append(f"{spot} ({', '.join(tables[:4])})")
            refused += serve_damaged(archive, data, everything, wrong)
            shutil.rmtree(os.path.dirname(data))
    figure("rot-index", points=count, lost=0, mismatches=0, violations=len(wrong), harmful=harmful, refused_to_start=refused,
           found_percent=f"{100 * found / max(1, harmful):.1f}" if can else "-", not_found_where_it_only_helps_searching=len(elsewhere))
    for line in elsewhere[:5]:
        print(f"    not found: {line}")
    if wrong or missed and can:
        raise AssertionError(f"{len(wrong)} wrong: {'; '.join(wrong[:3])}; {len(missed)} not found: {'; '.join(missed[:6])}")
    if not can:
        raise Skip("this program has no verify: what was hit could not be looked for")


if __name__ == "__main__":
    sys.exit(main({"rot-segments": segments, "rot-index": index}, __doc__))
