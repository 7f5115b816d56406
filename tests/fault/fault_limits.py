#!/usr/bin/env python3
"""Real limits: a small tmpfs that is full, a read-only one, few descriptors, a largest file size. Objects are answered with
out of resources (A7xx, 507) or taken, the server lives and reads all the while, and stores again by itself once there is room."""

import http.client
import itertools
import os
import shutil
import subprocess
import sys

from fault_peer import Association, Object, Place, Refused, Skip, figure, main, wait_for

NUMBERS = itertools.count(1)
MIB = 1 << 20


def fresh(rows):
    return Object(next(NUMBERS), rows, root="1.2.826.0.83")


def out_of_resources(status):
    return 0xA700 <= status <= 0xA7FF


def offer(server, rows, stored, refused, wrong):
    """One object by C-STORE and one by STOW-RS."""
    o = fresh(rows)
    try:
        with Association(server, "LIMITS") as a:
            status = a.store(o)
        (stored if status == 0 else refused).append(o)
        if status != 0 and not out_of_resources(status):
            wrong.append(f"C-STORE: {status:04x}")
    except (OSError, Refused):
        refused.append(o)  # there was no descriptor for so much as an association
    o = fresh(rows)
    try:
        code, outcome = server.stow([o])
        (stored if outcome.get(o.sop) == 0 else refused).append(o)
        if outcome.get(o.sop) != 0 and code not in (503, 507):
            wrong.append(f"STOW-RS: {code} {outcome}")
    except (OSError, http.client.HTTPException):
        refused.append(o)


def recovers(server, stored, wrong):
    """Room is back: it stores unaided, and soon."""
    def stores():
        more, no = [], []
        offer(server, 64, more, no, [])
        stored.extend(more)
        return not no
    try:
        wait_for(stores, 10)
    except AssertionError:
        wrong.append("it does not store although there is room again")


def verdict(name, server, points, stored, refused, wrong, **more):
    if not server.alive():
        raise AssertionError(f"the server died of {server.why_dead()}: {server.log()[-500:]}")
    lost, altered = server.check(stored)
    if any(server.wado(o) not in (None, o.data) for o in refused):
        wrong.append("something refused is there in part")
    if server.temporaries():
        wrong.append(f"{server.temporaries()} temporary files")
    if server.stop() != 0:
        wrong.append(f"the server ended with {server.why_dead()}")
    server.prefix = []
    server.start()
    for found, now in zip((lost, altered), server.check(stored)):
        found += now
    server.stop()
    figure(name, points=points, acknowledged=len(stored), lost=len(lost), mismatches=len(altered), violations=len(wrong),
           refused=len(refused), **more)
    if wrong or lost or altered or not refused and points:
        raise AssertionError(f"{'; '.join(sorted(set(wrong))[:5])} lost {lost[:3]} altered {altered[:3]} refused {len(refused)}")


def tmpfs(place, size):
    if os.geteuid() != 0:
        raise Skip("needs root to mount a small file system")
    folder = os.path.join(place.folder, "small")
    os.mkdir(folder)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    place.undo.append(lambda: subprocess.run(["umount", "-l", folder], check=False))
    return folder


def full_disk(full):
    points, wrong, stored, refused = 12 if full else 2, [], [], []
    with Place() as place:
        folder = tmpfs(place, "48m")
        server = place.server(data=os.path.join(folder, "data"), stop_free_bytes=0, warn_free_bytes=0).start()
        ballast = os.path.join(folder, "ballast")
        for n in range(points):
            for _ in range(3):
                offer(server, 64, stored, refused, wrong)
            room = shutil.disk_usage(folder).free - (n % 4) * 700 * 1024
            with open(ballast, "wb") as f:
                try:
                    f.write(bytes(max(0, room)))
                except OSError:
                    pass
            before = len(refused)
            for rows in (64, 800, 300, 900, 16) * 2:
                offer(server, rows, stored, refused, wrong)
            if len(refused) == before:
                wrong.append("nothing was refused on a full disk")
            if stored and server.wado(stored[0]) != stored[0].data:
                wrong.append("reading fails on a full disk")
            os.unlink(ballast)
            recovers(server, stored, wrong)
        verdict("limit-full-disk", server, points, stored, refused, wrong)


def read_only(full):
    wrong, stored, refused = [], [], []
    with Place() as place:
        folder = tmpfs(place, "64m")
        server = place.server(data=os.path.join(folder, "data"), stop_free_bytes=0, warn_free_bytes=0).start()
        offer(server, 64, stored, refused, wrong)
        offer(server, 800, stored, refused, wrong)
        server.stop()
        for n in range(4 if full else 1):
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            if server.launch().ready():
                offer(server, 64, stored, refused, wrong)
                server.stop()
            elif server.child.returncode < 0 or not server.log().strip():
                wrong.append(f"on a read-only disk it ends with {server.why_dead()} and says {server.log()[-200:]!r}")
            subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
            server.start()
            offer(server, 64, stored, refused, wrong)
            if n % 2:
                server.kill()
            else:
                server.stop()
        server.start()
        verdict("limit-read-only", server, 0, stored, refused, wrong)


def descriptors(full):
    points, wrong, stored, refused = 8 if full else 2, [], [], []
    with Place() as place:
        server = place.server(prefix=["prlimit", "--nofile=96"], associations_per_host_max=500).start()
        for _ in range(3):
            offer(server, 64, stored, refused, wrong)
        for n in range(points):
            held = []
            for _ in range(120):  # until it has none left
                try:
                    held.append(Association(server, "GREEDY", 2))
                except (OSError, Refused):
                    break
            for a in held[:n + 1]:
                a.socket.close()
            before = len(refused)
            for rows in (64, 800, 300):
                offer(server, rows, stored, refused, wrong)
            for a in held[:4]:  # those that are in may store, or are told why not
                o = fresh(800)
                try:
                    status = a.store(o)
                    (stored if status == 0 else refused).append(o)
                    if status != 0 and not out_of_resources(status):
                        wrong.append(f"C-STORE: {status:04x}")
                except (OSError, Refused):
                    refused.append(o)
            if len(held) == 120:
                wrong.append("there were descriptors enough")
            print(f"    {len(held)} associations, {len(refused) - before} refused")
            for a in held:
                a.socket.close()
            recovers(server, stored, wrong)
        verdict("limit-descriptors", server, points, stored, refused, wrong)


def file_size(full):
    """A segment may not grow beyond 6 MiB, nor any other file: EFBIG."""
    wrong, stored, refused = [], [], []
    with Place() as place:
        server = place.server(prefix=["prlimit", f"--fsize={6 * MIB}"]).start()
        for n in range(40 if full else 26):
            offer(server, (300, 800, 64)[n % 3], stored, refused, wrong)
            if not server.alive():
                break
        o = fresh(2000)  # 8 MB: a file of its own that is too large
        if server.alive():
            with Association(server, "LIMITS") as a:
                status = a.store(o)
            refused.append(o)
            if not out_of_resources(status):
                wrong.append(f"a file beyond the limit: {status:04x}")
            for s in stored[:3]:
                if server.wado(s) != s.data:
                    wrong.append("reading fails")
        verdict("limit-file-size", server, 1, stored, refused, wrong)


if __name__ == "__main__":
    sys.exit(main({"limit-full-disk": full_disk, "limit-read-only": read_only, "limit-descriptors": descriptors,
                   "limit-file-size": file_size}, __doc__))
