#!/usr/bin/env python3
"""The real server under mixed load, ended at random again and again: SIGKILL by its pid, or (--power) the ext4 that holds
its data shut down without flushing its log. The sender's ledger is the judge.

fault_serve.py [--power] [--mutate] [--full] [--count N]"""

import argparse
import fcntl
import importlib.util
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import tempfile
import time

import peer
from disk import Disk, Unavailable
from ledger import Ledger, Verdict, judge_study
from load import Load
from server import Hook, NOT_SEGMENT, Server

CHECK = os.path.join(os.environ.get("FAULT_BUILD", "build-fault"), "tests", "fault", "fault_check")
INDEPENDENT = importlib.util.find_spec("pynetdicom") is not None
CYCLES = 25  # a data folder's life
SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN: _IOR('X', 125, u32)

# What differs from one data folder to the next.
LIVES = (
    {},
    {"on_conflict": "replace"},
    {"compression": [{"transfer_syntax": "rle", "after_s": 0}], "settle_s": 0},
    {"on_conflict": "replace", "settle_s": 1, "compression": [{"transfer_syntax": "jpegls", "modality": "CT", "after_s": 0}]},
)


class Program:
    def __init__(self, power, mutate):
        self.power, self.mutate = power, mutate
        self.folder = tempfile.mkdtemp(prefix="isocenter-serve-fault-")
        self.disk = Disk(1024) if power else None
        self.verdict, self.random = Verdict(), random.Random()
        self.strikes = self.acknowledged = self.removed = 0
        self.start_ms, self.load_failures = [], []
        self.server = self.ledger = None

    def close(self):
        if self.server:
            self.server.end()
        if self.disk:
            self.disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- one data folder ----

    def begin(self, life):
        base = self.disk.point if self.disk else self.folder
        self.data = tempfile.mkdtemp(prefix="data-", dir=base)
        config = LIVES[life % len(LIVES)]
        hook = None
        if self.mutate:
            hook = Hook(os.path.join(self.folder, "control"), self.data)
            hook.control.no_flush = NOT_SEGMENT
        self.server = Server(self.folder, self.data, hook, **config)
        self.server.start()
        self.ledger = Ledger(os.path.join(self.folder, f"ledger-{life}"))
        self.replaces = config.get("on_conflict") == "replace"

    def finish(self):
        """Everything once more, then the files, by readers of our own."""
        for study in sorted({e.object.study for e in self.ledger.entries.values()}):
            self.judge(study)
        code = self.server.end(signal.SIGTERM)
        if code != 0:
            self.verdict.wrong("violations", f"SIGTERM: exit {code}")
        done = subprocess.run([CHECK, self.data], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            self.verdict.wrong("violations", f"files: {done.stdout.strip()}")
        done = subprocess.run([self.server.binary, "verify", "--full", "--data", self.data], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            self.verdict.wrong("violations", f"isocenter verify: {done.stdout.strip()[-600:]}")
        self.acknowledged += self.ledger.acknowledged
        self.removed += self.ledger.removed
        self.server = None
        shutil.rmtree(self.data, ignore_errors=True)

    # ---- one strike ----

    def cycle(self, number):
        load = Load(self.ledger, self.server, self.folder, replaces=self.replaces, pynetdicom=INDEPENDENT and number % 5 == 4,
                    imports=number % 3 == 1)
        load.start()
        time.sleep(self.random.uniform(0.1, 0.7))
        self.strike()
        load.join()
        self.load_failures += load.failures
        if self.disk:
            self.disk.again()
        self.strikes += 1
        self.ledger.cut = False
        self.server.start()
        self.start_ms.append(self.server.start_ms)
        self.look(number)

    def strike(self):
        if self.disk:
            fd = os.open(self.disk.point, os.O_RDONLY | os.O_DIRECTORY)
            self.ledger.cut = True
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", 2))  # no log flush
            os.close(fd)
        self.server.end()

    def look(self, number):
        left = [f for f in os.listdir(os.path.join(self.data, "tmp"))] if os.path.isdir(os.path.join(self.data, "tmp")) else []
        if left:
            self.verdict.wrong("violations", f"left in tmp after the restart: {left[:3]}")
        touched, self.ledger.touched = self.ledger.touched, set()
        older = {e.object.study for e in self.ledger.entries.values()} - touched
        for study in sorted(touched) + self.random.sample(sorted(older), min(2, len(older))):
            self.judge(study)
        if number % 5 == 0:
            db = sqlite3.connect(f"file:{self.data}/index.db?mode=ro", uri=True)
            words = db.execute("PRAGMA integrity_check").fetchone()[0]
            db.close()
            if words != "ok":
                self.verdict.wrong("violations", f"integrity_check: {words}")

    def judge(self, study):
        web = peer.Web(self.server.http)
        try:
            found = {"C-FIND": dict.fromkeys(peer.find_study(self.server.port, study)), "QIDO-RS": dict.fromkeys(web.find_study(study)),
                     "C-GET": peer.get_study(self.server.port, study), "WADO-RS": web.get_study(study)}
            count = web.counts(study)
        except (peer.Broken, ValueError, KeyError) as e:
            self.verdict.wrong("violations", f"{study}: {e}")
            return
        judge_study(self.ledger, study, found, self.verdict, again=True)
        if count != len(found["QIDO-RS"]):
            self.verdict.wrong("violations", f"{study}: says {count} instances, has {len(found['QIDO-RS'])}")

    def run(self, count):
        while self.strikes < count and (self.verdict.clean() or not self.mutate) and len(self.verdict.words) < 20:
            self.begin(self.strikes // CYCLES)
            for n in range(min(CYCLES, count - self.strikes)):
                self.cycle(n)
                if self.mutate and not self.verdict.clean():
                    return
            self.finish()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--power", action="store_true")
    parser.add_argument("--mutate", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--count", type=int)
    args = parser.parse_args()
    name = "power-serve" if args.power else "kill-serve"
    if args.mutate:
        name = "harness-finds-a-missing-flush/serve"
    count = args.count or (10 if args.mutate else (300 if args.full else 6) if args.power else 2000 if args.full else 12)
    begin = time.monotonic()
    try:
        program = Program(args.power, args.mutate)
    except Unavailable as e:
        print(f"skip {name}: {e}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        program.run(count)
    except RuntimeError as e:
        program.verdict.wrong("violations", str(e))
    except KeyboardInterrupt:  # as far as it came
        program.acknowledged += program.ledger.acknowledged if program.ledger else 0
    finally:
        program.close()
    v = program.verdict
    for words in sorted(set(program.load_failures))[:5]:
        print(f"  {words}")
    figures = (f"points={program.strikes} acknowledged={program.acknowledged} lost={v.lost} mismatches={v.mismatches} "
               f"violations={v.violations} removed={program.removed} seconds={time.monotonic() - begin:.0f}")
    if program.start_ms:
        figures += f" restart-ms-median={sorted(program.start_ms)[len(program.start_ms) // 2]:.0f} restart-ms-max={max(program.start_ms):.0f}"
    print(f"figure {name} {figures}")
    good = not v.clean() if args.mutate else v.clean() and program.acknowledged > 0 and not program.load_failures
    print(f"{'ok' if good else 'FAIL'} {name}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
