"""`isocenter serve`, killed by its pid, and whatever is loaded before it to take over the system's calls."""

import ctypes
import json
import mmap
import os
import signal
import subprocess
import time

BINARY = os.environ.get("ISOCENTER", "build-fault/isocenter")
HOOK = os.path.join(os.environ.get("FAULT_BUILD", "build-fault"), "tests", "fault", "fault_hook.so")


class Control(ctypes.Structure):
    """struct fault_control of fault_hook.h."""
    _fields_ = [("under", ctypes.c_char * 4096), ("count", ctypes.c_long), ("at", ctypes.c_long), ("span", ctypes.c_long)] + [
        (n, ctypes.c_int) for n in ("kinds", "action", "end", "number", "seed", "no_flush", "fired", "flush_failed",
                                    "index_flush_failed", "tracking")] + [("what", ctypes.c_char * 256)]


WRITE, FLUSH, SIZE, NAME, CREATE, OPEN, FREE = 1, 2, 4, 8, 16, 32, 64
FAIL, SHORT = 4, 5
NOT_SEGMENT, NOT_FOLDER, NOT_INDEX, NOT_LARGE = 1, 2, 4, 8


class Hook:
    """The calls of a server below its data folder, from outside."""

    def __init__(self, path, under):
        with open(path, "wb") as f:
            f.truncate((ctypes.sizeof(Control) + 4095) // 4096 * 4096)
        self.path, self.file = path, open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 0)
        self.control = Control.from_buffer(self.map)
        self.control.under = os.path.realpath(under).encode()
        self.control.at = -1

    def fail(self, number, kinds, action=FAIL):
        """Every such call from now on."""
        c = self.control
        c.number, c.kinds, c.action, c.span = number, kinds, action, -1
        c.fired = c.flush_failed = c.index_flush_failed = 0
        c.at = 0

    def heal(self):
        self.control.at = -1


class Server:
    def __init__(self, folder, data, hook=None, binary=BINARY, **config):
        self.folder, self.data, self.hook, self.binary = folder, data, hook, binary
        self.config = os.path.join(folder, f"config-{time.monotonic_ns()}.json")
        with open(self.config, "w", encoding="ascii") as f:
            json.dump(config, f)
        self.child, self.start_ms = None, 0.0

    def start(self):
        begin = time.monotonic()
        environment = dict(os.environ)
        if self.hook:
            environment.update(LD_PRELOAD=HOOK, FAULT_CONTROL=self.hook.path)
        self.log = open(os.path.join(self.folder, "serve.log"), "ab")
        self.child = subprocess.Popen(
            [self.binary, "serve", "--config", self.config, "--data", self.data, "--http-port", "0", "--dicom-port", "0",
             "--aet", "ISOCENTER"], stdout=subprocess.PIPE, stderr=self.log, stdin=subprocess.DEVNULL, env=environment, text=True)
        line = self.child.stdout.readline()
        if not line.startswith("ready "):
            self.child.kill()
            self.child.wait()
            self.log.close()
            with open(os.path.join(self.folder, "serve.log"), "rb") as f:
                raise RuntimeError("the server does not start: " + f.read()[-1500:].decode(errors="replace"))
        self.start_ms = (time.monotonic() - begin) * 1000
        words = dict(w.split("=", 1) for w in line.split()[1:])
        self.http, self.port = (int(words[k].rsplit(":", 1)[1]) for k in ("http", "dicom"))
        return self

    def end(self, how=signal.SIGKILL):
        """Its exit code; the pipe of its output goes too."""
        if self.child is None:
            return 0
        if self.child.poll() is None:
            self.child.send_signal(how)
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        code, self.child = self.child.returncode, None
        self.log.close()
        return code

    def alive(self):
        return self.child is not None and self.child.poll() is None
