"""Hostile peers and objects: an error that says what, for that association or object alone; memory bounded; alive after."""

import os
import random
import socket
import struct
import time

from lib import dimse, objects, web
from lib.dimse import ABORT_RQ, associate_rq, c_store_rq, item, pdata, pdu, recv_pdu, status_of
from lib.fixtures import Forwarder, run, tool, wait_for

MIB = 1024
CT_CONTEXT = ((1, b"1.2.840.10008.5.1.4.1.1.2", (b"1.2.840.10008.1.2",)),)


def grown(env, do, limit_mib=64):
    """Runs do() and holds the server to `limit_mib` more resident memory, sampled before and after."""
    s = env.server
    before = s.process.rss_kib()
    out = do()
    more = (s.process.rss_kib() - before) // MIB
    assert more <= limit_mib, f"{more} MiB more resident"
    return out


def talk(port, data, seconds=3):
    """Sends bytes; the PDU types that come back until an A-ABORT, a rejection, a release, or the peer closes (None: it
    never does). After an A-ABORT the peer waits for us to close, as PS3.8 Sta13 has it."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as c:
        kinds = []
        try:
            c.sendall(data)
            while True:
                p = recv_pdu(c)
                if p is None:
                    return kinds
                kinds.append(p[0])
                if p[0] in (3, 6, 7):
                    return kinds
        except TimeoutError:
            return kinds + [None]
        except OSError:
            return kinds


def test_every_prefix_of_an_association(env):
    """Cut at every byte, then closed."""
    rq = associate_rq()
    for n in range(len(rq)):
        with socket.create_connection(("127.0.0.1", env.server.port), timeout=5) as c:
            c.sendall(rq[:n])
    env.server.assert_alive()


def test_huge_pdu_lengths(env):
    """Six bytes must not buy four gigabytes."""
    def send():
        held = []
        for kind in range(1, 8):
            for length in (0xFFFFFFFF, 0x80000000, 0x7FFFFFFF, 0x10000000):
                c = socket.create_connection(("127.0.0.1", env.server.port), timeout=5)
                c.sendall(struct.pack(">BBI", kind, 0, length) + bytes(1000))
                held.append(c)
        time.sleep(0.3)
        return held
    for c in grown(env, send):
        c.close()
    env.server.assert_alive()


def test_huge_pdata_inside_an_association(env):
    for length in (0xFFFFFFFF, 0x40000000):
        c = socket.create_connection(("127.0.0.1", env.server.port), timeout=5)
        c.sendall(associate_rq())
        assert recv_pdu(c)[0] == 2
        c.sendall(struct.pack(">BBI", 4, 0, length) + struct.pack(">I", length - 4) + b"\x01\x00" + bytes(500))
        try:
            p = recv_pdu(c)
            assert p is None or p[0] == 7, f"PDU {p[0]}, not A-ABORT"
        except OSError:
            pass
        c.close()
    env.server.assert_alive()


def test_unknown_pdus_and_wrong_states(env):
    """A-ABORT, or a closed connection: never an answer, never silence for good.   PS3.8 §9.2"""
    port = env.server.port
    for kind in (0, 8, 9, 0x7F, 0xFF):
        kinds = talk(port, pdu(kind, b"x" * 10))
        assert kinds in ([], [7]), f"PDU type {kind} as the first: {kinds}"
        kinds = talk(port, associate_rq() + pdu(kind, b"x" * 10))
        assert kinds in ([2], [2, 7]), f"PDU type {kind} in an association: {kinds}"
    for first in (pdu(4, bytes(20)), pdu(5, bytes(4)), pdu(6, bytes(4)), pdu(2, bytes(100)), pdu(3, bytes(4))):
        kinds = talk(port, first)
        assert kinds in ([], [7]), (first[:1], kinds)
    kinds = talk(port, associate_rq() + associate_rq())
    assert kinds in ([2], [2, 7]), kinds
    kinds = talk(port, associate_rq() + pdu(5, bytes(4)))
    assert kinds == [2, 6], f"A-RELEASE-RQ: {kinds}"
    env.server.assert_alive()


def test_broken_pdvs(env):
    port, good = env.server.port, dimse.command({0x0002: b"1.2.840.10008.1.1", 0x0100: 0x0030, 0x0110: 1, 0x0800: 0x0101})
    for bad in (pdata(1, 3, good, length=0), pdata(1, 3, good, length=1), pdata(1, 3, good, length=0xFFFFFFFF), pdata(1, 3, good, length=len(good)),
                pdata(99, 3, good), pdata(1, 3, b""), pdata(1, 2, good), pdata(1, 3, good[:-1]), pdata(1, 3, bytes(4096)),
                pdata(1, 3, b"\xff" * 64), pdata(1, 3, struct.pack("<HHI", 0, 0, 0xFFFFFFFF)), pdu(4, b""), pdu(4, b"\0\0\0"),
                pdata(1, 3, dimse.command({0x0100: 0x7777, 0x0110: 1, 0x0800: 0x0101}))):
        kinds = talk(port, associate_rq() + bad, seconds=1)
        assert kinds and kinds[0] == 2, kinds
    env.server.assert_alive()


def test_hostile_items(env):
    """Lengths that run out of the A-ASSOCIATE-RQ, thousands of items, a missing application context."""
    port = env.server.port
    fixed = struct.pack(">HH", 1, 0) + b"ISOCENTER".ljust(16) + b"HOSTILE".ljust(16) + bytes(32)
    for body in (b"", fixed[:50], fixed, fixed + item(0x10, b"1.2.840.10008.3.1.1.1", length=0xFFFF), fixed + item(0x20, b"", length=4),
                 fixed + item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\x01\0\0\0" + item(0x30, b"1" * 10, length=0xFFF0)),
                 fixed + item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x50, item(0x51, b"\0\0")) * 1000,
                 fixed + item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x99, bytes(100)) * 500,
                 fixed + item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, b"\x01\0\0\0" + item(0x30, b"1.2.840.10008.1.1") +
                                                                     item(0x40, b"1.2.840.10008.1.2") * 3000)):
        kinds = talk(port, pdu(1, body), seconds=2)
        assert kinds == [] or kinds[0] in (2, 3, 7), kinds
    for extra in (item(0x54, b"\0"), item(0x56, struct.pack(">H", 0xFFFF) + b"1.2"), item(0x58, b"\x01\x01\xff\xff"),
                  item(0x53, b""), item(0x52, b"x" * 500), item(0x55, bytes(300)), item(0x54, struct.pack(">H", 0xFFFF))):
        kinds = talk(port, associate_rq(extra=extra) + ABORT_RQ, seconds=2)
        assert kinds == [] or kinds[0] in (2, 3, 7), kinds
    env.server.assert_alive()


def test_random_garbage(env):
    noise = random.Random(20261122)
    rq = associate_rq()
    for _ in range(300):
        data = bytearray(rq + pdata(1, 3, c_store_rq("1.2.840.10008.1.1", "1.2.3")))
        for _ in range(noise.randint(1, 8)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        with socket.create_connection(("127.0.0.1", env.server.port), timeout=5) as c:
            try:
                c.sendall(bytes(data))
                c.sendall(noise.randbytes(50))
            except OSError:
                pass
    env.server.assert_alive()


def test_abnormal_associations_leave_nothing(env):
    """2,000 broken ones: descriptors and threads as before, memory flat."""
    s = env.server
    for _ in range(200):  # warm
        with socket.create_connection(("127.0.0.1", s.port)) as c:
            c.sendall(associate_rq())
    wait_for(lambda: s.process.threads() < 40, 30, "threads ended")
    fds, before = s.process.fds(), s.process.rss_kib()
    for i in range(2000):
        with socket.create_connection(("127.0.0.1", s.port)) as c:
            c.sendall((associate_rq() + pdata(1, 3, b"\xff" * 40))[:120 + i % 200])
    wait_for(lambda: s.process.fds() <= fds + 3, 30, "descriptors closed")
    more = s.process.rss_kib() - before
    print(f"    2000 broken associations: {more} KiB more resident", flush=True)
    assert more < 16 * MIB, f"{more} KiB more"
    s.assert_alive()


def open_store(port, uid="1.2.3.4.5.6"):
    c = socket.create_connection(("127.0.0.1", port), timeout=60)
    c.sendall(associate_rq(contexts=CT_CONTEXT))
    assert recv_pdu(c)[0] == 2
    c.sendall(pdata(1, 3, c_store_rq(objects.CT, uid)))
    return c


def implicit(ds):
    from pynetdicom.dsutils import encode
    return encode(ds, True, True)


def test_peer_stops_mid_image(env):
    """Closed, aborted and silent in the middle of a data set: nothing stored, others go on."""
    s = env.server
    ds = objects.make(rows=64, columns=64)
    data = implicit(ds)
    for how in ("close", "abort", "silent"):
        c = open_store(s.port, ds.SOPInstanceUID)
        c.sendall(pdata(1, 0, data[:5000]))
        if how == "abort":
            c.sendall(ABORT_RQ)
        if how != "silent":
            c.close()
    begin = time.monotonic()
    status, = dimse.store(s, [objects.make()])
    assert status.Status == 0 and time.monotonic() - begin < 5, "a silent sender delays another"
    assert web.query(f"{s.web}/studies?StudyInstanceUID={ds.StudyInstanceUID}") == []
    c.close()
    status, = dimse.store(s, [ds])
    assert status.Status == 0, "the same object, sent whole afterwards"


def test_storescu_through_a_cut_wire(env):
    """DCMTK's client over a connection that ends after n bytes."""
    s = env.server
    path = os.path.join(env.tmp(), "x.dcm")
    ds = objects.make(path, rows=64, columns=64)
    for n in (3, 150, 400, 1000, 4000, 8000):
        f = Forwarder(s.port, n)
        run(tool("storescu"), "-to", "5", "-td", "5", "-aec", s.AET, "127.0.0.1", f.port, path, check=False, timeout=60)
    s.assert_alive()
    assert web.query(f"{s.web}/studies?StudyInstanceUID={ds.StudyInstanceUID}") == []


def deep(levels, tail=b""):
    """A data set of nested undefined-length sequences, implicit VR little endian."""
    ds = objects.make()
    head = implicit(ds)
    at = head.find(struct.pack("<HH", 0x0008, 0x1090))
    at = at if at > 0 else head.find(struct.pack("<HH", 0x0010, 0x0010))
    nest = (struct.pack("<HHI", 0x0008, 0x1140, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * levels
    close = (struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)) * levels
    return ds, head[:at] + nest + close + head[at:] + tail


def part10(ds, data):
    whole = objects.file_bytes(objects.make(SOPInstanceUID=ds.SOPInstanceUID, syntax="1.2.840.10008.1.2"))
    return whole[:132] + objects.split(whole)[0] + data


def test_million_deep_sequences_by_c_store(env):
    s = env.server
    ds, data = deep(1_000_000)

    def send():
        c = open_store(s.port, ds.SOPInstanceUID)
        try:
            for at in range(0, len(data), 16000):
                piece = data[at:at + 16000]
                c.sendall(pdata(1, 2 if at + 16000 >= len(data) else 0, piece))
            return recv_pdu(c)
        except OSError:
            return None  # the server ended the association: also an answer
        finally:
            c.close()

    answer = grown(env, send)
    if answer and answer[0] == 4:
        assert status_of(answer[1]) not in (None, 0), "a million levels were stored"
    s.assert_alive()
    assert web.query(f"{s.web}/studies?StudyInstanceUID={ds.StudyInstanceUID}") == []


def test_million_deep_sequences_by_stow_and_import(env):
    s = env.server
    ds, data = deep(1_000_000)
    whole = part10(ds, data)
    code, answer = grown(env, lambda: web.stow(f"{s.web}/studies", [whole], None), 96)
    assert code in (400, 409), (code, answer)
    path = os.path.join(env.tmp(), "deep.dcm")
    with open(path, "wb") as f:
        f.write(whole)
    summary = grown(env, lambda: s.importing(path))
    assert summary["stored"] == 0 and summary["files"][0]["reason"], summary
    for verb in ("dump", "json", "validate"):
        code, text = s.command(verb, path, check=False, timeout=60)
        assert code in range(0, 100), f"{verb}: exit {code}"
    s.assert_alive()


def test_modest_depth_is_fine(env):
    """Twenty levels are legitimate."""
    ds, data = deep(20)
    code, answer = web.stow(f"{env.server.web}/studies", [part10(ds, data)], 200)
    assert web.stored_uids(answer) == {ds.SOPInstanceUID}


def test_lengths_beyond_the_data(env):
    """An element that claims 2 GB, at each way in."""
    s = env.server
    ds = objects.make()
    data = implicit(ds)
    at = data.find(struct.pack("<HH", 0x0010, 0x0020))
    for claim in (0x7FFFFFFE, 0xFFFFFFFE, 0x00100000):
        bad = data[:at + 4] + struct.pack("<I", claim) + data[at + 8:]

        def send(bad=bad):
            c = open_store(s.port, ds.SOPInstanceUID)
            c.sendall(pdata(1, 2, bad))
            p = recv_pdu(c)
            c.close()
            return p

        p = grown(env, send, 16)
        assert p is None or p[0] == 7 or status_of(p[1]) not in (None, 0), f"0x{claim:x}: stored"
        code, answer = grown(env, lambda: web.stow(f"{s.web}/studies", [part10(ds, bad)], None), 16)  # noqa: B023
        assert code in (400, 409), (hex(claim), code, answer)
    s.assert_alive()


NASTY = ["../../../../tmp/isocenter-canary", "/etc/isocenter-canary", "..", ".", "1.2/../../x", "1.2\\..\\x", "1.2.3;rm -rf", "1.2.3'--",
         "1" * 65, "1" * 300, "%2e%2e%2f", "1.2.3\x00.4", "$(touch x)", "1..2", "\n1.2"]


def tree(folder):
    return sorted(os.path.join(d, n) for d, _, names in os.walk(folder) for n in names)


def test_path_like_identifiers(env):
    """UIDs, patient IDs and AE titles that look like paths name nothing on our disk."""
    s = env.fresh()
    outside = [p for p in tree(env.folder) if not p.startswith(s.data)]
    for bad in NASTY:
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
            ds = objects.make()
            data = objects.file_bytes(objects.make(**{keyword: "9.9.9.9"}))
            tag = {"SOPInstanceUID": (8, 0x18), "StudyInstanceUID": (0x20, 0xD), "SeriesInstanceUID": (0x20, 0xE), "PatientID": (0x10, 0x20)}[keyword]
            value = bad.encode() + b"\0" * (len(bad) % 2)
            vr = b"LO" if keyword == "PatientID" else b"UI"
            old = struct.pack("<HH", *tag) + vr + struct.pack("<H", 8) + (b"9.9.9.9\0" if vr == b"UI" else b"9.9.9.9 ")
            assert data.count(old) >= 1, keyword
            data = data.replace(old, struct.pack("<HH", *tag) + vr + struct.pack("<H", len(value)) + value)
            code, _ = web.stow(f"{s.web}/studies", [data], None)
            assert code in (200, 202, 400, 409), (bad, keyword, code)
            del ds
    for aet in (b"../../../x", b"/etc/passwd", b"A\\B", b"\x00\x00\x00", b"$(id)", b"'; --"):
        talk(s.port, associate_rq(called=aet, calling=aet) + ABORT_RQ, seconds=2)
    new = [p for p in tree(env.folder) if not p.startswith(s.data) and p not in outside and "config-" not in p]
    assert not new, f"files outside the data folder: {new}"
    assert not os.path.exists("/tmp/isocenter-canary") and not os.path.exists("/etc/isocenter-canary")
    names = " ".join(os.path.relpath(p, s.data) for p in tree(s.data))
    assert "canary" not in names and "passwd" not in names, names
    s.assert_alive()


def test_nasty_urls(env):
    s = env.server
    import urllib.parse
    for bad in NASTY:
        quoted = urllib.parse.quote(bad, safe="")
        for path in (f"/studies/{quoted}", f"/studies/{quoted}/series/{quoted}/instances/{quoted}", f"/studies/{quoted}/metadata",
                     f"/studies?StudyInstanceUID={quoted}", f"/studies?PatientID={quoted}"):
            r = web.get(s.web + path, None, None)
            assert r.status_code in (200, 204, 400, 404), f"{path}: {r.status_code}"
            assert b"root:" not in r.content
    s.assert_alive()


def test_slow_peers_do_not_hold_the_house(env):
    """100 connections that say nothing: others are served."""
    s = env.server
    idle = [socket.create_connection(("127.0.0.1", s.port)) for _ in range(100)] + \
           [socket.create_connection(("127.0.0.1", s.http_port)) for _ in range(100)]
    for c in idle[100:]:
        c.sendall(b"GET /livez HTTP/1.1\r\nHost: ")
    begin = time.monotonic()
    s.assert_alive()
    web.SESSION.get(s.http + "/livez", timeout=10)
    assert time.monotonic() - begin < 5
    for c in idle:
        c.close()


def test_multipart_cost_is_linear(env):
    """Bodies full of near-boundaries must not take longer than plain ones by more than a small factor."""
    s = env.server
    size = 4 << 20

    def seconds(filler):
        body = b"--abcabcabc\r\nContent-Type: application/dicom\r\n\r\n" + (filler * (size // len(filler) + 1))[:size] + b"\r\n--abcabcabc--\r\n"
        begin = time.monotonic()
        web.SESSION.post(f"{s.web}/studies", data=body, timeout=120,
                         headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=abcabcabc'})
        return time.monotonic() - begin

    plain = max(seconds(b"\0" * 64), 0.05)
    for filler in (b"\r\n--abcabcab", b"\r\n-", b"\r\n--abc", b"\r"):
        assert seconds(filler) < 20 * plain, f"{filler!r}"
    s.assert_alive()
