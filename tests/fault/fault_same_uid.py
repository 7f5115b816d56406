#!/usr/bin/env python3
"""Many writers of one SOP Instance UID at once, over C-STORE and STOW-RS, each with content of its own: one wins as the
policy says, the others are told so, nothing is mixed, and a restart changes nothing."""

import sys
import threading

from fault_peer import Association, Object, Place, Refused, figure, main

WRITERS, VARIANTS = 16, 6
KEPT, DUPLICATE = 0xB000, 0x0111


class Round:
    """All writers send `number` at the same moment; outcome[i] is (variant, status)."""

    def __init__(self, server, number, root):
        rows = (40, 400, 800)[number % 3]  # the last is a file of its own
        self.objects = [Object(number, rows, variant, root) for variant in range(VARIANTS)]
        self.outcome, self.server, self.start = [None] * WRITERS, server, threading.Barrier(WRITERS)
        threads = [threading.Thread(target=self.write, args=(i,)) for i in range(WRITERS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def write(self, i):
        o = self.objects[i % VARIANTS]
        try:
            if i % 2:
                self.start.wait(30)
                _, statuses = self.server.stow([o])
                status = statuses.get(o.sop, "no status")
            else:
                with Association(self.server, f"W{i}") as a:
                    self.start.wait(30)
                    status = a.store(o)
        except (OSError, Refused) as e:
            status = str(e)
        self.outcome[i] = (i % VARIANTS, status)

    def winner(self):
        """The variant that is stored now."""
        data = self.server.wado(self.objects[0])
        found = [i for i, o in enumerate(self.objects) if o.data == data]
        if len(found) != 1:
            raise AssertionError(f"{self.objects[0].sop}: what is stored is none of what was sent")
        rows = self.server.qido(f"/instances?SOPInstanceUID={self.objects[0].sop}")
        if len(rows) != 1:
            raise AssertionError(f"{self.objects[0].sop}: {len(rows)} rows")
        return found[0]

    def judge(self, policy, kept=None):
        """How many statuses do not say what became of the object; kept: the variant that was there before."""
        winner, wrong = self.winner(), []
        if kept is not None and policy != "replace" and winner != kept:
            wrong.append(f"the original gave way to variant {winner}")
        for variant, status in self.outcome:
            expected = 0 if policy == "replace" or variant == winner else KEPT if policy == "keep-first" else DUPLICATE
            if status != expected:
                wrong.append(f"variant {variant} was told {status}, winner {winner}")
        for line in wrong[:3]:
            print(f"    {policy} {self.objects[0].sop}: {line}")
        return len(wrong)


def case_of(policy):
    def case(full):
        rounds, wrong, seen = 120 if full else 9, 0, []
        with Place() as place:
            server = place.server(on_conflict=policy).start()
            for n in range(rounds):
                r = Round(server, n, "1.2.826.0.78")
                wrong += r.judge(policy)
                seen.append((r, r.winner()))
                if n % 3 == 0:  # once more over what is there
                    before, r = seen[-1][1], Round(server, n, "1.2.826.0.78")
                    wrong += r.judge(policy, before)
                    seen[-1] = (r, r.winner())
            instances = len(server.qido("/instances?limit=1000"))
            server.stop()
            server.start()
            changed = sum(r.winner() != winner for r, winner in seen)
            if server.stop() != 0 or server.why_dead():
                raise AssertionError(f"the server: {server.why_dead()}")
        answered = sum(status == 0 for r, _ in seen for _, status in r.outcome)
        figure(f"same-uid-{policy}", points=rounds * WRITERS, acknowledged=answered, lost=rounds - instances, mismatches=changed,
               violations=wrong, rounds=rounds, writers=WRITERS)
        if wrong or changed or instances != rounds:
            raise AssertionError(f"{wrong} wrong statuses, {changed} changed by a restart, {instances} instances of {rounds}")
    return case


if __name__ == "__main__":
    sys.exit(main({f"same-uid-{p}": case_of(p) for p in ("keep-first", "replace", "reject")}, __doc__))
