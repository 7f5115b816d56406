#!/usr/bin/env python3
"""The clock jumps, by a day back or by years forward, beyond 2038 and before 1970, while objects come in, series settle, what
is stored is encoded anew and objects are removed: every object is taken, no association ends, nothing is lost, and the
archive starts again at any time of day."""

import http.client
import itertools
import mmap
import os
import struct
import sys
import threading
import time

from fault_peer import BUILD, Association, Object, Place, Refused, Skip, figure, main

DAY, YEAR = 86400, 31557600
SLOW_S = 20.0


class Clock:
    def __init__(self, folder):
        self.library = os.path.join(BUILD, "tests", "fault", "fault_clock.so")
        if not os.path.exists(self.library):
            raise Skip("fault_clock.so is not built (./dev fault builds it)")
        path = os.path.join(folder, "clock")
        with open(path, "wb") as f:
            f.truncate(4096)
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 4096)
        self.env = {"LD_PRELOAD": self.library, "FAULT_CLOCK": path}

    def off_by(self, seconds):
        self.map[:8] = struct.pack("<q", int(seconds))


def jumps_of(full):
    now = time.time()
    some = [-DAY, 10 * YEAR, 2 ** 31 - now + 5, 2 ** 32 - now + 5, -now - 1000, 0]
    return some * (6 if full else 1) + ([-3600, 3600, -60, 60, 300 * YEAR / 10, 1] * 3 if full else [])


class Load:
    """Senders that do not stop while the clock jumps."""

    def __init__(self, server, numbers):
        self.server, self.numbers, self.stop = server, numbers, threading.Event()
        self.lock, self.stored, self.wrong, self.slowest = threading.Lock(), [], [], 0.0
        self.threads = [threading.Thread(target=self.send, args=(how,)) for how in ("store", "store", "stow")]
        for t in self.threads:
            t.start()

    def send(self, how):
        try:
            association = Association(self.server, "CLOCK") if how == "store" else None
            while not self.stop.is_set():
                o = Object(next(self.numbers), 30 if how == "store" else 800, root="1.2.826.0.82")
                begin = time.monotonic()
                status = association.store(o) if association else self.server.stow([o])[1].get(o.sop)
                with self.lock:
                    self.slowest = max(self.slowest, time.monotonic() - begin)
                    (self.stored if status == 0 else self.wrong).append(o if status == 0 else f"{o.sop}: {status}")
                time.sleep(0.01)
            if association:
                association.release()
        except (OSError, Refused, http.client.HTTPException) as e:
            self.wrong.append(f"{how}: {e!r}")

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join()


def jumps(full):
    numbers, stored, wrong, gone, slowest = itertools.count(1), [], [], [], 0.0
    steps = jumps_of(full)
    with Place() as place:
        clock = Clock(place.folder)
        rules = [{"transfer_syntax": "rle", "bytes_min": 100000, "after_s": 1}]
        server = place.server(env=clock.env, compression=rules).start()
        resting = Association(server, "RESTING")
        for n, offset in enumerate(steps):
            load = Load(server, numbers)
            time.sleep(0.3)
            clock.off_by(offset)
            time.sleep(0.7)
            if stored:  # one goes, whatever the time
                victim = stored.pop(0)
                code = server.request("DELETE", "/dicom-web" + victim.path())[0]
                (gone if code in (200, 204) else wrong).append(victim if code in (200, 204) else f"DELETE: {code}")
            load.end()
            stored += load.stored
            wrong += load.wrong
            slowest = max(slowest, load.slowest)
            try:
                if resting.echo() != 0 or server.get("/readyz")[0] != 200:
                    wrong.append(f"after a jump by {offset:.0f} s: not ready")
            except (OSError, Refused) as e:
                wrong.append(f"after a jump by {offset:.0f} s an association that rested is gone: {e!r}")
            if not server.alive():
                wrong.append(f"the server died of {server.why_dead()}")
                server.start()
            elif n % 3 == 2:  # the next start is at this time, by kill or by choice
                resting.release()
                (server.kill if n % 2 else server.stop)()
                server.start()
                resting = Association(server, "RESTING")
        resting.release()
        begin = time.monotonic()
        if server.stop() != 0:
            wrong.append(f"the server ended with {server.why_dead()}")
        if time.monotonic() - begin > SLOW_S:
            wrong.append("stopping waited for a clock")
        clock.off_by(0)
        server.start()
        lost, altered = check(server, stored)
        back = [o.sop for o in gone if server.wado(o) is not None]
        server.stop()
    if slowest > SLOW_S:
        wrong.append(f"an object took {slowest:.1f} s")
    figure("clock-jumps", points=len(steps), acknowledged=len(stored) + len(gone), lost=len(lost), mismatches=len(altered),
           violations=len(wrong) + len(back), slowest_s=f"{slowest:.2f}")
    if wrong or lost or altered or back:
        raise AssertionError(f"{'; '.join(map(str, wrong[:4]))} lost {lost[:3]} altered {altered[:3]} came back {back[:3]}")


def check(server, objects):
    """As Server.check; those that were encoded anew are other bytes, and only have to be there."""
    lost, altered = [], []
    for o in objects:
        data = server.wado(o)
        if data is None or not server.qido(f"/instances?SOPInstanceUID={o.sop}"):
            lost.append(o.sop)
        elif data != o.data and len(o.data) < 100000:
            altered.append(o.sop)
    return lost, altered


if __name__ == "__main__":
    sys.exit(main({"clock-jumps": jumps}, __doc__))
