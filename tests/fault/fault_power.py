#!/usr/bin/env python3
"""Power loss by call: an ext4 of its own, shut down without flushing its log at each file call of the fixed workload
(fault_points.c), then mounted again. A kill cannot find a missing flush, for the page cache survives it; this does, and
shows it first with flushes that are left out on purpose."""

import os
import subprocess
import sys

from disk import Disk, Unavailable

POINTS = os.path.join(os.environ["FAULT_BUILD"], "tests", "fault", "fault_points")


def main():
    full = ["--full"] if "--full" in sys.argv[1:] else []
    try:
        disk = Disk()
    except Unavailable as e:
        print(f"skip power-calls: {e}")
        return 0
    bad = 0
    for suite in ("power-mutate", "power"):
        options = full if suite == "power" else []
        child = subprocess.Popen([POINTS, suite, *options, "--power", disk.device, disk.point])
        try:
            bad |= child.wait() != 0
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait()
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
