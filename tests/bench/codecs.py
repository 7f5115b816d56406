#!/usr/bin/env python3
"""What every transfer syntax becomes here, and how fast: the matrix of the sample corpus, compression ratios, the cost of
worker processes, pictures. Prints markdown for docs/benchmarks.md. Nothing passes or fails by a time."""

import argparse
import collections
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))
sys.dont_write_bytecode = True
warnings.filterwarnings("ignore")

import codecs_matrix  # noqa: E402
import codecs_render  # noqa: E402
import codecs_speed  # noqa: E402
from lib import pixels, samples  # noqa: E402

PACKAGES = ("dcmtk", "libgdcm-tools", "libopenjp2-tools", "libjxl-tools", "orthanc", "orthanc-dicomweb")


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    versions = []
    for package in PACKAGES:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}", package], stdout=subprocess.PIPE, text=True, check=False)
        versions.append(done.stdout.strip())
    return (f"{os.cpu_count()} x {model.group(1).strip() if model else platform.machine()}, Linux {'.'.join(platform.release().split('.')[:2])}, "
            f"{', '.join(v for v in versions if v)}; load before: {os.getloadavg()[0]:.1f}; {time.strftime('%Y-%m-%d')}")


def order(uid):
    return [int(n) for n in uid.split(".")]


def matrix_table(some, written, speed):
    """Rows: transfer syntaxes; and a list of what is not `all`, by name and reason."""
    by_syntax = collections.defaultdict(list)
    for c in some:
        by_syntax[c.syntax].append(c)
    names = {c.syntax: c.row["transfer_syntax"] for c in some if c.row["transfer_syntax"]}
    out = ["| transfer syntax | files | with reference | " + " | ".join(codecs_matrix.WAYS)
           + " | kinds written | same by us | same by others | peak MiB | decode ms | peer | encode ms | peer |",
           "|---|" + "---:|" * (2 + len(codecs_matrix.WAYS) + 8)]
    holes = []
    for uid in sorted(by_syntax, key=order):
        of_it = by_syntax[uid]
        counted = [c for c in of_it if c.counted]
        cells = [str(len(of_it)), str(len(counted))]
        for way in codecs_matrix.WAYS:
            exact = sum(way in c.outcome and c.outcome[way] is None for c in counted)
            cells.append(f"{exact} of {len(counted)}" if counted else "—")
        w = written.get(uid)
        cells += [f"{w[1]} of {w[0]}", "lossy" if w[2] is None else str(w[2]), f"{w[3]} of {w[4]}" if w[4] else "—"] if w else ["—"] * 3
        cells += speed_cells(codecs_speed.best_of(speed, uid))
        out.append(f"| `{codecs_speed.short(uid)}` {names.get(uid, '').split(' (')[0].replace(' Image Compression', '')} | " + " | ".join(cells) + " |")
        holes += holes_of(of_it, uid) + holes_of_written(w, uid)
    return "\n".join(out), holes


def speed_cells(best):
    cells = []
    memory = max((b[2] + b[3] for b in best.values()), default=0)
    cells.append(f"{memory:.0f}" if memory else "—")
    for decode in (True, False):
        mine, peers = best[decode][:2] if decode in best else (None, [])
        fastest = min(peers, key=lambda p: p[1], default=None)
        cells += [codecs_speed.ms(mine), f"{codecs_speed.ms(fastest[1])} {fastest[0]}" if fastest else "—"]
    return cells


def holes_of(some, uid):
    """Lines `syntax: files: reason`, files of one reason together."""
    by_reason = collections.defaultdict(list)
    for c in some:
        bad = {w: r for w, r in c.outcome.items() if r is not None}
        missing = [w for w in codecs_matrix.WAYS if w not in c.outcome and c.counted]
        if not c.counted:
            refused = next(iter(bad.values()), None)
            reason = c.note or c.why
            if refused and not reason.startswith("refused"):
                reason += f" ({refused})"
            by_reason[reason].append(c.name)
        elif bad or missing:
            reasons = sorted(set(bad.values()) | ({"not asked for"} if missing else set()))
            by_reason[f"{', '.join(sorted(bad) + missing)}: {'; '.join(reasons)}"].append(c.name)
    return [f"`{codecs_speed.short(uid)}` {listed(names)}: {reason}" for reason, names in by_reason.items()]


def holes_of_written(w, uid):
    by_reason = collections.defaultdict(list)
    for name, reason in w[5] if w else ():
        by_reason[reason].append(name)
    return [f"`{codecs_speed.short(uid)}` written, {listed(names)}: {reason}" for reason, names in by_reason.items()]


def listed(names):
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def scratch():
    """Memory rather than a disk, where there is room: programs are to be measured, not what they write to."""
    memory = "/dev/shm"
    roomy = os.path.isdir(memory) and shutil.disk_usage(memory).free > 2 << 30
    return tempfile.mkdtemp(prefix="isocenter-codecs-", dir=os.environ.get("BENCH_DIR") or (memory if roomy else None))


def say(title):
    print(f"== {title} ({time.strftime('%H:%M:%S')})", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench codecs", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under two minutes: fewer frames, one turn, a tenth of the uncompressed samples")
    parser.add_argument("--only", default="speed,ratio,sandbox,render,matrix", help="comma-separated: speed ratio sandbox render matrix")
    args = parser.parse_args()
    if not samples.IS_WHOLE:
        sys.exit("bench codecs: needs the whole sample collection (ISOCENTER_SAMPLES)")
    only, quick = set(args.only.split(",")), args.quick
    folder, begin, where = scratch(), time.monotonic(), machine()
    count, turns = (8, 1) if quick else (28, 3)
    speed, parts = [], []
    try:
        if "speed" in only:
            say("speed")
            speed = codecs_speed.figures(folder, count, turns, 1 if quick else None)
            parts.append(f"### Time of a frame\n\n512 x 512, {count} frames, medians of {turns}, milliseconds\n\n" + codecs_speed.speed_table(speed))
        if "ratio" in only:
            say("ratio")
            parts.append("### Lossless size\n\nRatio; encode, decode: ms of processor a frame\n\n" + codecs_speed.ratio_table(folder, 1 if quick else 3, 8 if quick else 150))
        if "sandbox" in only:
            say("sandbox")
            parts.append("### Worker processes\n\n" + codecs_speed.sandbox_table(folder, 0.3 if quick else 2))
        if "render" in only:
            say("render")
            parts.append("### Pictures\n\nCT slices of 512 x 512, milliseconds, medians\n\n" + codecs_render.table(folder, 5 if quick else 15))
        if "matrix" in only:
            say("matrix")
            some, written = codecs_matrix.measure(folder, quick)
            table, holes = matrix_table(some, written, speed)
            listed_holes = "\n".join(f"- {h}" for h in holes)
            parts.insert(0, f"### The matrix\n\n{len(some)} samples with an image\n\n{table}\n\nNot exact, or not to be had:\n\n{listed_holes}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{where}; {time.monotonic() - begin:.0f} s\n")
    print("\n\n".join(parts))


if __name__ == "__main__":
    main()
