#!/usr/bin/env python3
"""The real server while its memory runs out: each kind of request is repeated, and each time the first allocation from a
place in the program (its innermost callers, of ours and of every library) that has not failed before fails, until no such
place is left. The server must live, the next request must be served, and what was acknowledged must be there."""

import ctypes
import http.client
import itertools
import mmap
import os
import subprocess
import sys
import threading

from fault_peer import BUILD, Association, Object, Place, Refused, Skip, figure, main

OFF, NTH, PLACE = 0, 1, 2
PLACES, STACK = 1 << 16, 24
JSON, DICOM = "application/dicom+json", 'multipart/related; type="application/dicom"; transfer-syntax=*'


class Memory(ctypes.Structure):
    """struct fault_memory of fault_memory.h."""
    _fields_ = [("mode", ctypes.c_int), ("depth", ctypes.c_int), ("count", ctypes.c_long), ("at", ctypes.c_long), ("span", ctypes.c_long),
                ("fired", ctypes.c_int), ("places", ctypes.c_int), ("stack", ctypes.c_uint64 * STACK), ("place", ctypes.c_uint64 * PLACES)]


class Hook:
    def __init__(self, folder, depth):
        self.library = os.path.join(BUILD, "tests", "fault", "fault_memory.so")
        if not os.path.exists(self.library):
            raise Skip("fault_memory.so is not built (./dev fault builds it)")
        self.path = os.path.join(folder, "memory")
        with open(self.path, "wb") as f:
            f.truncate(ctypes.sizeof(Memory))
        self.file = open(self.path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), ctypes.sizeof(Memory))
        self.memory = Memory.from_buffer(self.map)
        self.memory.depth = depth
        self.env = {"LD_PRELOAD": self.library, "FAULT_MEMORY": self.path}

    def where(self, binary):
        """The last place that failed, as far as it is in our own program."""
        offsets = [f"{(x & 0xFFFFFFFFFF) - 1:x}" for x in self.memory.stack if x >> 40 == 1]
        try:
            done = subprocess.run(["addr2line", "-sfpe", binary, *offsets], capture_output=True, text=True, timeout=60, check=False)
            return " < ".join(line.split(" at ")[0] for line in done.stdout.splitlines()[:7])
        except OSError:
            return " ".join(offsets)


def requests_of(server, numbers, stored):
    """name: (call, its objects). A call returns the SOP Instance UIDs that were acknowledged."""
    first, root = stored[0], "/dicom-web"

    def fresh(rows=48):
        return Object(next(numbers), rows, root="1.2.826.0.80")

    def c_store(rows):
        o = fresh(rows)
        with Association(server, "MEMORY", 10) as a:
            return [o] if a.store(o) == 0 else []

    def stow():
        objects = [fresh(), fresh(), fresh(800)]
        _, outcome = server.stow(objects, 10)
        return [o for o in objects if outcome.get(o.sop) == 0]

    def c_find():
        with Association(server, "MEMORY", 10) as a:
            a.find(first)
        return []

    def get(path, accept):
        def call():
            server.get(path, accept, 10)
            return []
        return call

    study, instance = f"{root}/studies/{first.study}", root + first.path()
    return {
        "c-store": lambda: c_store(48), "c-store-large": lambda: c_store(800), "stow": stow, "c-find": c_find,
        "qido": get(f"{root}/studies?PatientName=fau*&includefield=all&fuzzymatching=true&limit=3", JSON),
        "qido-xml": get(f"{study}/instances?InstanceNumber=1&includefield=all", 'multipart/related; type="application/dicom+xml"'),
        "metadata": get(f"{study}/metadata", JSON), "study": get(study, DICOM), "instance": get(instance, DICOM),
        "frame": get(f"{instance}/frames/1", "multipart/related; type=application/octet-stream; transfer-syntax=*"),
        "frame-jls": get(f"{instance}/frames/1", "multipart/related; type=image/jls; transfer-syntax=1.2.840.10008.1.2.4.80"),
        "rendered": get(f"{instance}/rendered", "image/jpeg"), "thumbnail": get(f"{study}/thumbnail", "image/png"),
        "stats": get("/api/v1/stats", "application/json"), "zip": get(study, "application/zip"),
    }


def attempt(call, box):
    try:
        box += call()
    except (OSError, Refused, http.client.HTTPException, KeyError, ValueError):
        pass  # an answer that was cut is an answer too; that the server lives is asked next


def unserved(server, o):
    """What is wrong with the next request, with memory again; None when nothing is."""
    with Association(server, "NEXT", 20) as a:
        status = a.echo()
        if status != 0:
            return f"C-ECHO: {status:04X}"
        count, status = a.find(o)
        if (count, status) != (1, 0):
            return f"C-FIND: {count} matches, {status:04X}"
    data = server.wado(o)
    return None if data == o.data else "WADO-RS: not there" if data is None else "WADO-RS: other bytes"


def every_place(full):
    most, depth = (100000, 10) if full else (40, 4)
    numbers, stored, wrong, tried = itertools.count(100), [], [], 0
    with Place() as place:
        hook = Hook(place.folder, depth)
        server = place.server(env=hook.env, cache_bytes=0).start()
        memory = hook.memory
        with Association(server) as a:
            for _ in range(6):
                o = Object(next(numbers), 48, root="1.2.826.0.80")
                if a.store(o) != 0:
                    raise AssertionError("not even without a fault")
                stored.append(o)
        per_request = {}
        for name, call in requests_of(server, numbers, stored).items():
            before, quiet = memory.places, 0
            for _ in range(most):
                acknowledged = []
                memory.fired, memory.mode = 0, PLACE
                attempt(call, acknowledged)
                fired, memory.mode = memory.fired, OFF
                tried += 1
                stored += acknowledged
                dead = server.why_dead() if not server.alive() else None
                if dead is None:
                    try:
                        dead = unserved(server, stored[-1])
                    except (OSError, Refused, AssertionError, http.client.HTTPException) as e:
                        dead = repr(e) if server.alive() else server.why_dead()
                if dead:
                    wrong.append(f"{name}: the next request: {dead}, after {hook.where(server_binary())}")
                    print(f"    {wrong[-1]}", flush=True)
                    server.kill()
                    server.start()
                quiet = 0 if fired else quiet + 1
                if quiet == 2:
                    break
            per_request[name.replace("-", "_")] = memory.places - before
        places = memory.places
        if server.stop() != 0:
            wrong.append(f"the server ended with {server.why_dead()}")
        server.start()
        lost, altered = server.check(stored)
        server.stop()
    figure("memory-serve", points=places, acknowledged=len(stored), lost=len(lost), mismatches=len(altered), violations=len(wrong),
           requests=tried, **per_request)
    if wrong or lost or altered:
        raise AssertionError(f"{len(wrong)} violations: {'; '.join(wrong[:3])}; lost {lost[:3]}, altered {altered[:3]}")


def stretch(full):
    """Memory is out for a while: every allocation after the n-th fails for the length of a request, with others under way."""
    rounds = 300 if full else 12
    numbers, stored, wrong = itertools.count(100000), [], []
    with Place() as place:
        hook = Hook(place.folder, 8)
        server = place.server(env=hook.env, cache_bytes=0).start()
        with Association(server) as a:
            o = Object(next(numbers), 48, root="1.2.826.0.80")
            if a.store(o) == 0:
                stored.append(o)
        for n in range(rounds):
            boxes = []
            hook.memory.count, hook.memory.at, hook.memory.span, hook.memory.mode = 0, (n * 97) % 3000, 60 + n % 7 * 40, NTH
            threads = []
            for call in requests_of(server, numbers, stored).values():
                boxes.append([])
                threads.append(threading.Thread(target=attempt, args=(call, boxes[-1])))
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            hook.memory.mode = OFF
            stored += [o for b in boxes for o in b]
            try:
                dead = server.why_dead() if not server.alive() else unserved(server, stored[-1])
            except (OSError, Refused, AssertionError, http.client.HTTPException) as e:
                dead = repr(e) if server.alive() else server.why_dead()
            if dead:
                wrong.append(f"round {n}: {dead}, after {hook.where(server_binary())}")
                print(f"    {wrong[-1]}", flush=True)
                server.kill()
                server.start()
        server.stop()
        server.start()
        lost, altered = server.check(stored)
        server.stop()
    figure("memory-stretch", points=rounds, acknowledged=len(stored), lost=len(lost), mismatches=len(altered), violations=len(wrong))
    if wrong or lost or altered:
        raise AssertionError(f"{len(wrong)} violations: {'; '.join(wrong[:3])}; lost {lost[:3]}, altered {altered[:3]}")


def server_binary():
    from fault_peer import BINARY
    return BINARY


if __name__ == "__main__":
    sys.exit(main({"memory-serve": every_place, "memory-stretch": stretch}, __doc__))
