"""What the sender knows: a line for each object before it goes out and after the answer, in a file that is flushed. An
answer counts from the flush on. What has not been answered may be there or not; what has been must be, or must be gone."""

import os
import queue
import threading

from peer import Object, digest

ABSENT = 0


class Entry:
    __slots__ = ("object", "may", "digests", "busy")

    def __init__(self, o):
        self.object, self.may, self.digests, self.busy = o, {ABSENT}, {}, False


class Ledger:
    def __init__(self, path):
        self.entries, self.lock = {}, threading.Lock()
        self.next, self.touched, self.acknowledged, self.removed = 0, set(), 0, 0
        self.cut = False  # the power is off: see answered()
        self.file = open(path, "ab")
        self.queue = queue.Queue()
        self.writer = threading.Thread(target=self.write, daemon=True)
        self.writer.start()

    def write(self):
        """Lines in, flushed in groups; then they count."""
        while True:
            group = [self.queue.get()]
            while not self.queue.empty() and len(group) < 500:
                group.append(self.queue.get())
            self.file.write(b"".join(line for line, _ in group))
            self.file.flush()
            os.fdatasync(self.file.fileno())
            with self.lock:
                for _, counts in group:
                    if counts:
                        counts()
            for _ in group:
                self.queue.task_done()

    def settle(self):
        self.queue.join()

    def note(self, what, o, version, sha, status, counts=None):
        self.queue.put((f"{what} {o.uid} {version} {sha} {status}\n".encode(), counts))

    # ---- storing ----

    def fresh(self, count):
        """Objects that nobody else sends."""
        with self.lock:
            first = self.next
            self.next += count
        return [Object(n) for n in range(first, first + count)]

    def sending(self, o):
        """Says so; the data set that goes out."""
        data = o.data_set()
        with self.lock:
            e = self.entries.setdefault(o.uid, Entry(o))
            e.may = e.may | {o.version}
            e.digests[o.version] = digest(data)
            e.busy = True
            self.touched.add(o.study)
        self.note("send", o, o.version, e.digests[o.version], "-")
        return data

    def answered(self, o, status, stored):
        """What comes once the power is off counts for nothing: a machine without power answers no more. Here it does, and an
        fdatasync that was under way when the file system was shut down may return 0 although its transaction was given up (a small
        program beside ours saw 4 such of 3,139 on Linux 6.18, and none that returned before)."""
        e, stored = self.entries[o.uid], stored and not self.cut

        def counts():
            e.busy = False
            if stored:
                e.may, e.object = {o.version}, o
                self.acknowledged += 1
        self.note("answer", o, o.version, e.digests[o.version], status, counts)

    # ---- changing what is there ----

    def claim(self, random):
        """An object that is there for sure and that nobody is at work on; None if that cannot be found soon."""
        with self.lock:
            if not self.entries:
                return None
            for _ in range(20):
                n = random.randrange(self.next)
                e = self.entries.get(Object(n).uid)
                if e and not e.busy and ABSENT not in e.may and len(e.may) == 1:
                    e.busy = True
                    return e.object
        return None

    def removing(self, o):
        e = self.entries[o.uid]
        with self.lock:
            e.may = e.may | {ABSENT}
            self.touched.add(o.study)
        self.note("remove", o, o.version, "-", "-")

    def gone(self, o, status, done):
        e, done = self.entries[o.uid], done and not self.cut

        def counts():
            e.busy = False
            if done:
                e.may = {ABSENT}
                self.removed += 1
        self.note("removed", o, o.version, "-", status, counts)

    def of_study(self, study):
        return {u: e for u, e in self.entries.items() if e.object.study == study}


class Verdict:
    def __init__(self):
        self.lost = self.mismatches = self.violations = 0
        self.words = []

    def wrong(self, kind, text):
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.words) < 20:
            self.words.append(f"{kind}: {text}")
            print(f"  {kind}: {text}", flush=True)

    def clean(self):
        return self.lost + self.mismatches + self.violations == 0


def judge_study(ledger, study, found, verdict, again):
    """found: {way of asking: {UID: digest, or None where the way tells none}}. What is seen now must stay (again: True)."""
    entries = ledger.of_study(study)
    ways = list(found)
    for uid, e in entries.items():
        here = [w for w in ways if uid in found[w]]
        if ABSENT not in e.may and len(here) < len(ways):
            verdict.wrong("lost", f"{uid}: acknowledged, not found by {', '.join(set(ways) - set(here))}")
        elif here and e.may == {ABSENT}:
            verdict.wrong("violations", f"{uid}: removed, and found by {', '.join(here)}")
        elif 0 < len(here) < len(ways):
            verdict.wrong("violations", f"{uid}: found by {', '.join(here)} only")
        shas = {found[w][uid] for w in here if found[w][uid]}
        fits = [v for v in e.may if v != ABSENT and shas == {e.digests[v]}]
        if shas and not fits:
            verdict.wrong("mismatches", f"{uid}: other bytes than were sent ({', '.join(here)})")
        if again and (not here or fits):
            e.may = {fits[0] if here else ABSENT}
            e.busy = False
    for w in ways:
        for uid in set(found[w]) - set(entries):
            verdict.wrong("violations", f"{uid}: found by {w}, and never sent")
