"""An ext4 in a file, mounted through a loop device; gone again however the program ends. Needs root."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time


class Unavailable(Exception):
    """Why there is none here."""


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: {done.stdout.strip()[-200:]}")
    return done.stdout.strip()


def end_by_signal(number, _):
    sys.exit(128 + number)  # atexit is done


class Disk:
    def __init__(self, megabytes=256):
        if os.geteuid() != 0:
            raise Unavailable("needs root to mount a file system")
        if not shutil.which("mkfs.ext4") and not os.path.exists("/sbin/mkfs.ext4"):
            raise Unavailable("there is no mkfs.ext4")
        self.device, self.mounted = None, False
        self.folder = tempfile.mkdtemp(prefix="isocenter-disk-")
        self.point = os.path.join(self.folder, "mnt")
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, end_by_signal)
        image = os.path.join(self.folder, "image")
        os.mkdir(self.point)
        with open(image, "wb") as f:
            f.truncate(megabytes << 20)
        run("/sbin/mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)
        self.device = run("losetup", "--find", "--show", image)
        self.mount()

    def mount(self):
        run("mount", "-t", "ext4", self.device, self.point)
        self.mounted = True

    def unmount(self):
        for n in range(300):
            try:
                run("umount", self.point)
                self.mounted = False
                return
            except Unavailable:  # a descriptor of a process that is on its way out
                if n == 299:
                    raise
                time.sleep(0.02)

    def again(self):
        """As a machine does that comes up again: the journal is replayed."""
        self.unmount()
        self.mount()

    def close(self):
        for command in (("umount", self.point), ("losetup", "-d", self.device)):
            if command[-1] and (command[0] != "umount" or os.path.ismount(self.point)):
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        self.device = None
        if not os.path.ismount(self.point):
            shutil.rmtree(self.folder, ignore_errors=True)
