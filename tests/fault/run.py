#!/usr/bin/env python3
"""Runs the fault programme: `run.py [--full] [NAME...]`, NAME being a program of the list below.

A program is a script or a built binary of this folder. It is run with its arguments, and with `--full` when full counts
are wanted; it cleans up after itself, however it ends. What it finds it prints, line by line:

    ok NAME | FAIL NAME: why | skip NAME: reason
    figure NAME key=value ...      of the columns: points acknowledged lost mismatches violations; others follow as notes

In its environment: ISOCENTER (the server), FAULT_BUILD (the build folder, with the binaries of this folder)."""

import argparse
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("FAULT_BUILD", os.path.join(HERE, "..", "..", "build-fault"))
COLUMNS = ("points", "acknowledged", "lost", "mismatches", "violations")

# name, what is run (a .py of this folder, or a binary of tests/fault in the build folder), arguments
PROGRAMS = (
    ("kill-archive", "fault_kill"),
    ("kill-calls", "fault_points", "kill"),
    ("lose-calls", "fault_points", "lose"),
    ("recover-calls", "fault_points", "recover"),
    ("errno-calls", "fault_points", "errno"),
    ("harness", "fault_points", "mutate"),
    ("refuse", "fault_refuse.py"),
    ("kill-serve", "fault_serve.py"),
    ("power-calls", "fault_power.py"),
    ("power-serve", "fault_serve.py", "--power"),
    ("power-harness", "fault_serve.py", "--power", "--mutate"),
    ("same-uid", "fault_same_uid.py"),
    ("peers", "fault_peers.py"),
    ("memory-archive", "fault_memory_all"),
    ("rot", "fault_rot.py"),
    ("clock", "fault_clock.py"),
    ("upgrade", "fault_upgrade.py"),
    ("limits", "fault_limits.py"),
    ("memory-serve", "fault_memory.py"),
)


def command_of(program):
    if program.endswith(".py"):
        return [sys.executable, "-u", os.path.join(HERE, program)]
    return [os.path.join(BUILD, "tests", "fault", program)]


class Results:
    def __init__(self):
        self.lines = {"ok": [], "FAIL": [], "skip": []}
        self.figures = {}  # name: {key: value}, in the order they came

    def take(self, line):
        """Notes one line; returns it as it is to be printed."""
        word, _, rest = line.partition(" ")
        if word == "figure":
            name, *pairs = rest.split()
            self.figures.setdefault(name, {}).update(p.split("=", 1) for p in pairs if "=" in p)
        elif word in self.lines and rest:
            self.lines[word].append(rest)
            return f"{word} fault/{rest}"
        return line

    def count(self):
        return sum(len(v) for v in self.lines.values())


def run_program(name, program, arguments, full, results):
    before, failures, begin = results.count(), len(results.lines["FAIL"]), time.monotonic()
    command = command_of(program) + list(arguments) + (["--full"] if full else [])
    try:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                 text=True, errors="replace")
    except OSError as e:
        print(results.take(f"FAIL {name}: {e}"), flush=True)
        return
    try:
        for line in child.stdout:
            print(results.take(line.rstrip("\n")), flush=True)
        code = child.wait()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)  # it clears away what it has mounted and started
        child.wait()
        raise
    if code != 0 and len(results.lines["FAIL"]) == failures:
        print(results.take(f"FAIL {name}: exit {code}"), flush=True)
    elif results.count() == before:
        print(results.take(f"FAIL {name}: it reported nothing"), flush=True)
    print(f"-- {name}: {time.monotonic() - begin:.0f} s", flush=True)


def table(results):
    rows = [("fault", *COLUMNS, "notes")]
    for name, values in results.figures.items():
        notes = " ".join(f"{k}={v}" for k, v in values.items() if k not in COLUMNS)
        rows.append((name, *(values.get(c, "-") for c in COLUMNS), notes))
    width = [max(len(r[i]) for r in rows) for i in range(len(rows[0]) - 1)]
    print()
    for r in rows:
        cells = [r[0].ljust(width[0])] + [r[i].rjust(width[i]) for i in range(1, len(width))]
        print("  ".join(cells + [r[-1]]).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the full counts")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    unknown = set(args.names) - {p[0] for p in PROGRAMS}
    if unknown:
        parser.error(f"no such fault: {' '.join(sorted(unknown))} (there are: {' '.join(p[0] for p in PROGRAMS)})")
    results = Results()
    for name, program, *arguments in PROGRAMS:
        if not args.names or name in args.names:
            run_program(name, program, arguments, args.full, results)
    if results.figures:
        table(results)
    failed = results.lines["FAIL"]
    if failed:
        print("\nfailed:\n" + "\n".join(f"  {f}" for f in failed))
    skipped = len(results.lines["skip"])
    print(f"\n{len(results.lines['ok'])} passed, {len(failed)} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
