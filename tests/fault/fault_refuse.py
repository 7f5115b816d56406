#!/usr/bin/env python3
"""The real server on a disk that is full, over its quota, read-only, broken or out of descriptors: each object is answered
with a status a sender understands, what is there can be read all the while, and all is well again when the condition goes;
but for a flush that failed, which nothing but a restart ends."""

import errno
import os
import shutil
import signal
import tempfile

import peer
from ledger import Ledger, Verdict, judge_study
from server import CREATE, FLUSH, FREE, Hook, NAME, OPEN, SHORT, SIZE, WRITE, Server

GROWTH = WRITE | SIZE | NAME | CREATE
# name, errno, calls, HTTP statuses of a request all of whose objects are refused, is it over when it is over?
CASES = (
    ("disk-full", errno.ENOSPC, GROWTH, (507,), True),
    ("over-quota", errno.EDQUOT, GROWTH, (507,), True),
    ("read-only", errno.EROFS, GROWTH | FREE, (500, 503, 507), True),
    ("broken-writes", errno.EIO, GROWTH | FREE, (500, 503, 507), True),
    ("no-descriptors", errno.EMFILE, OPEN | CREATE, (200, 500, 503, 507), True),
    ("failed-flush", errno.EIO, FLUSH, (500, 503, 507), False),
)


class Case:
    def __init__(self, folder, name):
        self.data = tempfile.mkdtemp(prefix="data-", dir=folder)
        self.hook = Hook(os.path.join(folder, "control-" + name), self.data)
        self.server = Server(folder, self.data, self.hook)
        self.ledger = Ledger(os.path.join(folder, "ledger-" + name))
        self.verdict = Verdict()
        self.refused = 0

    def store(self, o):
        a = peer.Association(self.server.port, [(peer.CT, peer.EXPLICIT_LE)])
        status = a.store(o.uid, self.ledger.sending(o))
        a.close()
        self.ledger.answered(o, f"0x{status:04X}", status == 0)
        self.refused += status != 0
        return status

    def stow(self, objects):
        for o in objects:
            self.ledger.sending(o)
        status, stored, reasons = peer.Web(self.server.http).stow(objects)
        for o in objects:
            self.ledger.answered(o, status, o.uid in stored)
            self.refused += o.uid not in stored
        return status, stored, reasons

    def wrong(self, text):
        self.verdict.wrong("violations", text)

    def some(self):
        """Two small ones and one that gets a file of its own."""
        objects = self.ledger.fresh(29)
        return [objects[0], objects[1], next(o for o in objects if o.rows() == 800)]

    def expect_stored(self, when):
        for o in self.some():
            status = self.store(o)
            if status != 0:
                self.wrong(f"{when}: C-STORE 0x{status:04X}")
        status, stored, reasons = self.stow(self.some())
        if status != 200:
            self.wrong(f"{when}: STOW-RS {status} {reasons}")

    def expect_refused(self, http, when, all_of_them=True):
        for o in self.some():
            status = self.store(o)
            if status & 0xFF00 != 0xA700 and (status != 0 or all_of_them):
                self.wrong(f"{when}: C-STORE 0x{status:04X}, not 0xA7xx")
        status, stored, reasons = self.stow(self.some())
        if status not in http and not (status == 202 and not all_of_them):
            self.wrong(f"{when}: STOW-RS {status} {reasons}, not {http}")
        if stored and all_of_them:
            self.wrong(f"{when}: STOW-RS has stored {len(stored)}")
        if not all(r is None or r & 0xFF00 == 0xA700 or r == 0x0110 for r in reasons.values()):
            self.wrong(f"{when}: STOW-RS gives reasons {reasons}")

    def judge(self):
        self.ledger.settle()
        web = peer.Web(self.server.http)
        for study in sorted({e.object.study for e in self.ledger.entries.values()}):
            judge_study(self.ledger, study, {"QIDO-RS": dict.fromkeys(web.find_study(study)), "WADO-RS": web.get_study(study),
                                             "C-GET": peer.get_study(self.server.port, study)}, self.verdict, again=False)

    def run(self, number, calls, http, passes):
        self.server.start()
        try:
            self.expect_stored("before")
            self.hook.fail(number, calls)
            self.expect_refused(http, "meanwhile", all_of_them=number != errno.EMFILE)
            if number != errno.EMFILE:
                self.judge()
            struck = self.hook.control.fired
            self.hook.heal()
            if struck == 0:
                self.wrong("nothing was refused to the server")
            if passes:
                self.expect_stored("afterwards")
            else:
                self.expect_refused(http, "after a failed flush")
            self.judge()
            if not self.server.alive():
                self.wrong("the server is gone")
            self.server.end(signal.SIGKILL)
            self.server.start()
            self.judge()
            self.expect_stored("after the restart")
            self.judge()
        finally:
            self.server.end(signal.SIGTERM)


def short_writes(case):
    """Half of each write gets through: nobody notices."""
    case.server.start()
    try:
        case.hook.fail(0, WRITE, SHORT)
        case.expect_stored("with short writes")
        if case.hook.control.fired == 0:
            case.wrong("no write was short")
        case.judge()
        case.server.end()
        case.hook.heal()
        case.server.start()
        case.judge()
    finally:
        case.server.end()


def report(name, case):
    v = case.verdict
    print(f"figure refuse/{name} points={case.hook.control.fired} acknowledged={case.ledger.acknowledged} lost={v.lost} "
          f"mismatches={v.mismatches} violations={v.violations} refused={case.refused}")
    print(f"{'ok' if v.clean() else 'FAIL'} refuse/{name}", flush=True)
    return 0 if v.clean() else 1


def main():
    folder = tempfile.mkdtemp(prefix="isocenter-refuse-")
    bad = 0
    try:
        for name, number, calls, http, passes in CASES:
            case = Case(folder, name)
            try:
                case.run(number, calls, http, passes)
            except (peer.Broken, RuntimeError, ValueError) as e:
                case.wrong(f"{type(e).__name__}: {e}")
            bad += report(name, case)
        case = Case(folder, "short-writes")
        short_writes(case)
        bad += report("short-writes", case)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
