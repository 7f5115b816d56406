#!/usr/bin/env python3
"""Peers as hospitals have them: senders at one byte a second, readers that stall, 1,000 associations that say nothing, peers
that vanish or reset the connection at any point of a message. A good client beside them must not notice; what they held
(descriptors, threads, memory, temporary files) is given back."""

import itertools
import re
import resource
import select
import socket
import sys
import threading
import time

from fault_peer import (ABORT, BOUNDARY, RELEASE, STOW_HEADERS, Association, Object, Place, Refused, associate_rq, c_store_rq,
                        data_pdus, figure, main, pdata, pdu, percentile, reset, stow_body, wait_for)

INSIDE = re.compile(r"C-STORE-RQ|data set\[|half message")  # a message that has begun and does not end
MORE = dict(associations_max=1200, associations_per_host_max=1100)
NUMBERS = itertools.count(1000)


def fresh(rows=64):
    return Object(next(NUMBERS), rows, root="1.2.826.0.79")


def stow_head(length, kind=STOW_HEADERS["Content-Type"]):
    return (f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n"
            "Accept: application/dicom+json\r\n\r\n").encode()


def connect(port, receive_bytes=None):
    s = socket.socket()
    if receive_bytes:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    s.settimeout(20)
    s.connect(("127.0.0.1", port))
    return s


class Good:
    """A well-behaved client: latencies of one way at a time."""

    def __init__(self, server):
        self.server, self.stored = server, []

    def times(self, what, count):
        out = []
        with Association(self.server, "GOOD") as a:
            for _ in range(count):
                o = fresh(512 if what == "stow" else 128)  # 0.5 MB: no more than part of it fits the buffers
                begin = time.perf_counter()
                if what == "echo":
                    right = a.echo() == 0
                elif what == "store":
                    right = a.store(o) == 0
                elif what == "qido":
                    right = self.server.get("/dicom-web/studies?PatientID=F1")[0] == 200
                else:
                    right = self.server.stow([o])[1] == {o.sop: 0}
                out.append(time.perf_counter() - begin)
                if not right:
                    raise AssertionError(f"a good client's {what} was not served")
                if what in ("store", "stow"):
                    self.stored.append(o)
        return out

    def all(self, count):
        return {what: self.times(what, count) for what in ("echo", "store", "qido", "stow")}


def shown(times):
    return {f"{what}_p{p}_ms": f"{1000 * percentile(v, p / 100):.1f}" for what, v in times.items() for p in (50, 99)}


def settled(server):
    """Threads, descriptors once they no longer change: what a server at rest holds."""
    last = None
    for _ in range(100):
        now = server.threads(), server.descriptors()
        if now == last:
            return now
        last = now
        time.sleep(0.3)
    return last


def at_rest(server):
    """After all kinds of requests have been served once, many at a time, so that pools and caches are what they will be."""
    good = Good(server)
    threads = [threading.Thread(target=good.all, args=(3,)) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    time.sleep(1.2)  # an acceptor joins its threads once a second
    return good, settled(server)


def given_back(server, before, seconds=15):
    """Waits until it holds what it held before: (threads, descriptors, temporary files) too many."""
    end = time.monotonic() + seconds
    while True:
        over = (server.threads() - before[0], server.descriptors() - before[1], server.temporaries())
        if all(x <= 0 for x in over) or time.monotonic() > end:
            if any(x > 0 for x in over):
                print("    held: " + ", ".join(sorted(server.held())))
            return tuple(max(0, x) for x in over)
        time.sleep(0.2)


def finish(server, good):
    lost, altered = server.check(good.stored[::7])
    code, why = server.stop(), server.why_dead()
    if lost or altered or code != 0 or why:
        raise AssertionError(f"lost {lost[:3]}, altered {altered[:3]}, exit {code}, {why}")
    return lost, altered


# ---- one byte a second ---------------------------------------------------------------------------

def dripping(server, how):
    """A connection in the midst of something, and the bytes that will follow one at a time."""
    o = fresh(800 if how.startswith("large") else 64)
    if how in ("store", "large"):
        a = Association(server, "SLOW")
        rest = data_pdus(3, o.data, 1 << 17)
        at = len(rest) - 60000 if how == "large" else 20  # a temporary file is open already
        a.socket.sendall(c_store_rq(o) + rest[:at])
        return a.socket, rest[at:]
    if how == "associate":
        s, rest = connect(server.port), associate_rq()
    elif how == "headers":
        s, rest = connect(server.http_port), stow_head(100) * 10
    else:
        body = stow_body([o])
        s, rest = connect(server.http_port), body
        s.sendall(stow_head(len(body)))
    at = 600000 if how == "large-stow" else 10  # so much that it has been handed to a worker
    s.sendall(rest[:at])
    return s, rest[at:]


def drip(peers, stop):
    """One byte each every second."""
    at = 10
    while not stop.wait(1.0):
        for s, rest in peers:
            try:
                s.send(rest[at:at + 1])
            except OSError:
                pass
        at += 1


def slow_senders(full):
    kinds = {"store": 50, "large": 4, "stow": 50, "large-stow": 20, "associate": 10, "headers": 10}
    count = 200 if full else 40
    with Place() as place:
        server = place.server(dimse_timeout_s=300, **MORE).start()
        good, before = at_rest(server)
        alone = good.all(count)
        memory = server.memory_kib("Pss")
        peers, each = [], {}
        for kind, n in kinds.items():
            begin = server.memory_kib("Pss")
            peers += [dripping(server, kind) for _ in range(n)]
            time.sleep(1)
            each[f"{kind.replace('-', '_')}_kib_each"] = f"{max(0, server.memory_kib('Pss') - begin) / n:.0f}"
        stop = threading.Event()
        dripper = threading.Thread(target=drip, args=(peers, stop), daemon=True)
        dripper.start()
        beside = good.all(count)
        more = server.memory_kib("Pss") - memory
        stop.set()
        dripper.join()
        for s, _ in peers:
            s.close()
        over = given_back(server, before)
        finish(server, good)
    rate = {f"stores_per_s_{k}": f"{count / sum(v['store']):.0f}" for k, v in (("alone", alone), ("beside", beside))}
    figure("slow-senders", points=len(peers), acknowledged=len(good.stored), lost=0, mismatches=0, violations=sum(over),
           pss_more_kib=more, **each, **rate, **shown(beside))
    figure("slow-senders-without", **shown(alone))
    if any(over):
        raise AssertionError(f"not given back: threads, descriptors, temporaries {over}")
    if percentile(beside["stow"], 0.5) > 20 * percentile(alone["stow"], 0.5) + 0.5:
        raise AssertionError(f"STOW-RS of a good client takes {1000 * percentile(beside['stow'], 0.5):.0f} ms beside slow ones")


# ---- many that say nothing -----------------------------------------------------------------------

def idle(full):
    n, count = 1000, 300 if full else 60
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * n + 200:
        n = (hard - 200) // 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Place() as place:
        server = place.server(**MORE).start()
        good, before = at_rest(server)
        alone = good.all(count)
        pss, rss = server.memory_kib("Pss"), server.memory_kib("Rss")
        peers = [Association(server, f"IDLE{i}") for i in range(n)]
        time.sleep(0.5)
        pss, rss = server.memory_kib("Pss") - pss, server.memory_kib("Rss") - rss
        beside = good.all(count)
        http = server.memory_kib("Pss")
        kept = [connect(server.http_port) for _ in range(n // 2)]
        for s in kept:
            s.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for s in kept:
            s.recv(4096)
        http = server.memory_kib("Pss") - http
        alive = sum(p.echo() == 0 for p in peers[::10])
        for p in peers[::2]:
            p.release()
        for p in peers[1::2]:
            p.socket.close()
        for s in kept:
            s.close()
        over = given_back(server, before)
        finish(server, good)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    figure("idle", points=n, acknowledged=len(good.stored), lost=0, mismatches=0, violations=sum(over), kib_each=f"{pss / n:.1f}",
           rss_kib_each=f"{rss / n:.1f}", http_kib_each=f"{http / len(kept):.1f}", **shown(beside))
    figure("idle-without", **shown(alone))
    if any(over) or alive != len(peers[::10]):
        raise AssertionError(f"not given back: {over}; {alive} of {len(peers[::10])} still answered")


# ---- resets, closes and silence at each point ----------------------------------------------------

def dicom_points(server, o):
    """(name, connection at that point): the states of PS3.8 §9.2 and the inside of each message."""
    rq, store, data = associate_rq("RESET"), c_store_rq(o), data_pdus(3, o.data, 4096)
    find = pdata(5, 3, b"")

    def raw(sent):
        s = connect(server.port)
        s.sendall(sent)
        return s

    def inside(sent=b""):
        a = Association(server, "RESET")
        a.socket.sendall(sent)
        return a.socket

    def answered(sent):
        s = inside(sent)
        s.recv(1)
        return s

    yield "Sta2 connected", lambda: raw(b"")
    for n in (1, 6, 74, len(rq) - 1):
        yield f"Sta2 A-ASSOCIATE-RQ[{n}]", lambda n=n: raw(rq[:n])
    yield "Sta3 A-ASSOCIATE-RQ sent", lambda: raw(rq)
    yield "Sta13 rejected", lambda: raw(rq.replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.9"))
    yield "Sta6 established", inside
    for n in (1, 5, 6, 11, 12, 40, len(store) - 1, len(store)):
        yield f"Sta6 C-STORE-RQ[{n}]", lambda n=n: inside(store[:n])
    for n in (3, 6, 12, 2000, 4108, 4110, len(data) // 2, len(data) - 1):
        yield f"Sta6 data set[{n}]", lambda n=n: inside(store + data[:n])
    yield "Sta6 data set sent", lambda: inside(store + data)
    yield "Sta6 answer begun", lambda: answered(store + data)
    yield "Sta6 next message sent with it", lambda: inside((store + data) * 5)
    yield "Sta6 empty command", lambda: inside(find)
    yield "Sta8 A-RELEASE-RQ sent", lambda: inside(RELEASE)
    yield "Sta6 release after a half message", lambda: inside(store + data[:100] + RELEASE)
    yield "Sta13 A-ABORT sent", lambda: inside(ABORT)
    yield "Sta6 A-ABORT in a message", lambda: inside(store + data[:5000] + ABORT)
    yield "Sta6 unknown PDU", lambda: inside(pdu(0x77, b"x"))


def http_points(server, o):
    body = stow_body([o])
    head, mark = stow_head(len(body)), len(f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n")
    chunked = head.replace(f"Content-Length: {len(body)}".encode(), b"Transfer-Encoding: chunked")
    big = (f"GET /dicom-web/studies/{o.study} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
           'Accept: multipart/related; type="application/dicom"; transfer-syntax=*\r\n\r\n').encode()

    def raw(sent, answer=0, receive_bytes=None):
        s = connect(server.http_port, receive_bytes)
        s.sendall(sent)
        if answer:
            s.recv(answer)
        return s

    yield "connected", lambda: raw(b"")
    for n in (1, 20, len(head) - 3, len(head) - 1, len(head)):
        yield f"headers[{n}]", lambda n=n: raw(head[:n])
    for n in (1, 10, mark - 2, mark, mark + 100, mark + 140, mark + 600, len(body) // 2, len(body) - 30, len(body) - 4, len(body) - 1):
        yield f"body[{n}]", lambda n=n: raw(head + body[:n])
    yield "body sent", lambda: raw(head + body)
    yield "answer begun", lambda: raw(head + body, 1)
    yield "chunk head", lambda: raw(chunked + b"1f")
    yield "chunk", lambda: raw(chunked + b"400\r\n" + body[:700])
    yield "between chunks", lambda: raw(chunked + b"400\r\n" + body[:1024] + b"\r\n")
    yield "broken chunk", lambda: raw(chunked + b"zz\r\n" + body[:700])
    yield "request sent", lambda: raw(big)
    yield "reply begun", lambda: raw(big, 100, 4096)
    yield "pipelined", lambda: raw(big * 10, 1000, 4096)
    yield "expects 100", lambda: raw(head.replace(b"Accept:", b"Expect: 100-continue\r\nAccept:"))


def leave(s, how, patience, pause):
    """False: a peer that has closed its side is kept waiting for longer than that."""
    ended = True
    if pause:
        time.sleep(pause)
    if how == "reset":
        reset(s)
        return True
    if how == "half":
        try:
            s.shutdown(socket.SHUT_WR)
            s.settimeout(patience)
            while s.recv(65536):
                pass
        except TimeoutError:
            ended = False
        except OSError:
            pass
    s.close()
    return ended


def resets(full):
    repeats = 10 if full else 1
    objects, wrong, waiting = [], [], 0
    with Place() as place:
        server = place.server(dimse_timeout_s=5, **MORE).start()
        good, before = at_rest(server)
        base = fresh(600)
        good.server.stow([base])
        points = 0
        for _ in range(repeats):
            for protocol in (dicom_points, http_points):
                patience = 10 if protocol is dicom_points else 0.5
                # libmicrohttpd misses an end that comes together with data, until its timeout of 60 s
                pause = 0 if full or protocol is dicom_points else 0.02
                for how in ("reset", "close", "half"):
                    probe = fresh(100)
                    for name, make in protocol(server, probe):
                        points += 1
                        try:
                            ended = leave(make(), how, patience, pause)
                            if not ended and protocol is http_points:
                                waiting += 1
                            elif not ended:
                                wrong.append(f"{name}: a peer that has closed its side is kept waiting")
                        except Refused as e:
                            wrong.append(f"{name} {how}: {e}")
                        if not server.alive():
                            raise AssertionError(f"the server died: {name} {how}: {server.why_dead()}")
                    objects.append(probe)
        times = good.all(10)
        over = given_back(server, before, 75 if full else 15)
        mixed = [o.sop for o in objects if server.wado(o) not in (None, o.data)]
        again = [o.sop for o in objects if server.stow([o])[1] != {o.sop: 0} or server.wado(o) != o.data]
        finish(server, good)
    figure("resets", points=points, acknowledged=len(good.stored), lost=len(again), mismatches=len(mixed),
           violations=len(wrong) + sum(over), http_half_closed_waiting=waiting, **shown({"store": times["store"]}))
    if wrong or mixed or again or any(over):
        raise AssertionError(f"{wrong[:3]} mixed {mixed[:3]}, cannot be sent again {again[:3]}, not given back {over}")


def silent(full):
    """Peers that vanish without a word (which is what a half-open connection is to us) and readers that stop reading."""
    with Place() as place:
        server = place.server(dimse_timeout_s=2, **MORE).start()
        good, before = at_rest(server)
        study = [fresh(700) for _ in range(12)]
        for o in study:
            good.server.stow([o])
        peers = []
        for _ in range(5 if full else 2):
            o = fresh(800)
            peers += [make() for name, make in dicom_points(server, o) if INSIDE.search(name) or full and "Sta2" in name]
            a = Association(server, "LARGE")
            a.socket.sendall(c_store_rq(o) + data_pdus(3, o.data)[:-100])
            peers.append(a.socket)
        readers = []
        for _ in range(20):
            s = connect(server.http_port, 4096)
            s.sendall(f"GET /dicom-web/studies/{study[0].study} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: multipart/related; "
                      'type="application/dicom"; transfer-syntax=*\r\n\r\n'.encode())
            readers.append(s)
        beside = good.all(20)
        memory = server.memory_kib("Pss")

        def gone():
            """The server has ended them all by itself: an A-ABORT (it waits for our close then), or a close."""
            ready, _, _ = select.select(peers, [], [], 0)
            for s in ready:
                try:
                    data = s.recv(65536)
                except OSError:
                    data = b""
                if not data or data[-10] == ABORT[0]:
                    peers.remove(s)
                    s.close()
            return not peers

        total, begin = len(peers), time.monotonic()
        try:
            wait_for(gone, 45 if full else 20)
        except AssertionError:
            raise AssertionError(f"{len(peers)} of {total} silent peers are still held after 20 s") from None
        seconds = time.monotonic() - begin
        for s in readers:
            s.close()
        over = given_back(server, before)
        finish(server, good)
    figure("silent", points=total + len(readers), acknowledged=len(good.stored), lost=0, mismatches=0, violations=sum(over),
           all_ended_after_s=f"{seconds:.1f}", pss_kib=memory, **shown(beside))
    if any(over):
        raise AssertionError(f"not given back: threads, descriptors, temporaries {over}")


if __name__ == "__main__":
    sys.exit(main({"slow-senders": slow_senders, "idle": idle, "resets": resets, "silent": silent}, __doc__))
