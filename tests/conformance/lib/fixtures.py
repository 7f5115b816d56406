"""The server under test and its peers: each a process of ours on a free loopback port, stopped by its pid."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BINARY = os.environ.get("ISOCENTER", os.path.join(ROOT, "build", "isocenter"))
REPORT = re.compile(rb"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion .* failed)")
# Freed memory stays resident in AddressSanitizer's quarantine: a small one, so that tests of memory mean something.
SERVER = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=8:thread_local_quarantine_size_kb=64")
NODELAY = dict(os.environ, TCP_NODELAY="1")  # DCMTK leaves Nagle on without it: 40 ms an image


class Skip(Exception):
    """Raised by a test that cannot run here; its text says why."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition, seconds=10.0, what="the condition"):
    end, pause = time.monotonic() + seconds, 0.001  # the benchmarks measure starts by it
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause)
        pause = min(pause * 1.02, 0.02)
    raise AssertionError(f"{what} did not come true in {seconds} s")


def port_open(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def tool(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise Skip(f"{name} is not installed")
    return path


def run(*command, timeout=120, check=True, env=None, cwd=None):
    """Runs a client program; returns (exit code, stdout + stderr as text)."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timeout, env=env or NODELAY, cwd=cwd, check=False)
    text = done.stdout.decode("utf-8", "replace")
    if REPORT.search(done.stdout):
        raise AssertionError(f"a sanitizer report from {command[0]} {command[1] if len(command) > 1 else ''}:\n{text[-4000:]}")
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))[:300]}\nexit {done.returncode}\n{text[-3000:]}")
    return done.returncode, text


class Process:
    """A child with its output in files, ended by its own pid."""

    def __init__(self, command, folder, name, env=None, cwd=None):
        self.name, self.folder, self.command = name, folder, [str(c) for c in command]
        self.out_path, self.err_path = os.path.join(folder, name + ".out"), os.path.join(folder, name + ".err")
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.child = subprocess.Popen(self.command, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                                          env=env or NODELAY, cwd=cwd)
        self.pid = self.child.pid

    def alive(self):
        return self.child.poll() is None

    def stderr(self):
        with open(self.err_path, "rb") as f:
            return f.read()

    def end(self, how=signal.SIGTERM, seconds=20):
        if self.alive():
            self.child.send_signal(how)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                return None
        return self.child.returncode

    def rss_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.pid}/status").read()).group(1))

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


class Isocenter:
    """`isocenter serve` on ports the kernel picks, over a data folder of its own."""

    AET = "ISOCENTER"

    def __init__(self, folder, peers=(), data=None, dicom_port=0, **config):
        self.folder, self.dicom_port = folder, dicom_port
        self.data = data or tempfile.mkdtemp(prefix="data-", dir=folder)
        self.config = self.configured(folder, peers=[{"aet": a, "host": "127.0.0.1", "port": p} for a, p in peers], **config)
        self.process = None
        self.start()

    @staticmethod
    def configured(folder, **config):
        """A configuration file."""
        fd, path = tempfile.mkstemp(prefix="config-", suffix=".json", dir=folder)
        with os.fdopen(fd, "w") as f:
            json.dump(config, f, indent=1)
        return path

    def start(self):
        if not os.access(BINARY, os.X_OK):
            raise AssertionError(f"no binary at {BINARY}: run ./dev build")
        name = os.path.basename(self.config)[:-5] + f"-{time.monotonic_ns()}"
        begin = time.monotonic()
        self.process = Process([BINARY, "serve", "--config", self.config, "--data", self.data, "--http-port", "0",
                                "--dicom-port", str(self.dicom_port), "--aet", self.AET], self.folder, name, SERVER)

        def ready():
            if not self.process.alive():
                raise AssertionError(f"serve ended with {self.process.child.returncode}:\n"
                                     + self.process.stderr().decode(errors="replace")[-3000:])
            with open(self.process.out_path) as f:
                line = f.readline()
            return line if line.startswith("ready ") and line.endswith("\n") else None

        line = wait_for(ready, 20, "the ready line")
        self.start_seconds = time.monotonic() - begin
        words = dict(w.split("=", 1) for w in line.split()[1:])
        self.http_port = int(words["http"].rsplit(":", 1)[1])
        self.port = int(words["dicom"].rsplit(":", 1)[1])
        self.http = f"http://127.0.0.1:{self.http_port}"
        self.web = self.http + "/dicom-web"
        return self

    def stop(self):
        """SIGTERM drains and exits 0; a sanitizer's report is a failure even if all else went well."""
        code = self.process.end(signal.SIGTERM)
        self.assert_clean()
        if code != 0:
            raise AssertionError(f"serve ended with {code} on SIGTERM:\n" + self.process.stderr().decode(errors="replace")[-3000:])

    def assert_clean(self):
        err = self.process.stderr()
        found = REPORT.search(err)
        if found:
            raise AssertionError("the server reported:\n" + err[max(0, found.start() - 500):found.start() + 5000].decode(errors="replace"))

    def kill(self):
        self.process.end(signal.SIGKILL)

    def assert_alive(self):
        self.assert_clean()
        if not self.process.alive():
            raise AssertionError(f"the server died with {self.process.child.returncode}:\n"
                                 + self.process.stderr().decode(errors="replace")[-4000:])
        run(tool("echoscu"), "-to", "10", "-aec", self.AET, "127.0.0.1", self.port)

    def command(self, *args, **kw):
        return run(BINARY, *args, **kw)

    def importing(self, *paths, timeout=600):
        """isocenter import --json: its summary object."""
        code, text = run(BINARY, "import", "--data", self.data, "--json", *paths, check=False, timeout=timeout)
        try:
            return json.loads(text[text.index("{"):text.rindex("}") + 1])
        except ValueError:
            raise AssertionError(f"import exit {code}, no JSON summary:\n{text[-2000:]}") from None


class Storescp:
    """DCMTK's storescp, writing exactly the bytes it received."""

    def __init__(self, folder, aet="STORESCP", port=None, options=("+xa",)):
        self.aet, self.port = aet, port or free_port()
        self.folder = tempfile.mkdtemp(prefix="storescp-", dir=folder)
        self.process = Process([tool("storescp"), "-aet", aet, "-od", self.folder, "--bit-preserving", "--promiscuous", *options, self.port],
                               folder, f"storescp-{self.port}")
        wait_for(lambda: port_open(self.port), what="storescp")

    def files(self):
        return sorted(os.path.join(self.folder, f) for f in os.listdir(self.folder))

    def stop(self):
        self.process.end()


class Dcmqrscp:
    """DCMTK's dcmqrscp: a second archive, with a list of move destinations."""

    def __init__(self, folder, aet="QRSCP", destinations=()):
        self.aet, self.port = aet, free_port()
        self.folder = tempfile.mkdtemp(prefix="dcmqrscp-", dir=folder)
        base = os.path.join(self.folder, "db")
        os.mkdir(base)
        hosts = "\n".join(f"d{i} = ({a}, 127.0.0.1, {p})" for i, (a, p) in enumerate(destinations))
        config = os.path.join(self.folder, "dcmqrscp.cfg")
        with open(config, "w") as f:
            f.write(f"MaxPDUSize = 131072\nMaxAssociations = 32\n\nHostTable BEGIN\n{hosts}\nHostTable END\n"
                    f"VendorTable BEGIN\nVendorTable END\nAETable BEGIN\n{aet} {base} RW (100000, 64000mb) ANY\nAETable END\n")
        self.process = Process([tool("dcmqrscp"), "-c", config, self.port], folder, f"dcmqrscp-{self.port}")
        wait_for(lambda: port_open(self.port), what="dcmqrscp")

    def stop(self):
        self.process.end()


class Orthanc:
    """Debian's Orthanc with its DICOMweb plugin: a peer PACS."""

    def __init__(self, folder, aet="ORTHANC", modalities=(), options=None):
        binary = tool("Orthanc")
        self.aet, self.port, self.http_port = aet, free_port(), free_port()
        self.folder = tempfile.mkdtemp(prefix="orthanc-", dir=folder)
        plugin = next((p for p in ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so",) if os.path.exists(p)), None)
        config = {
            "Name": "peer", "StorageDirectory": self.folder, "IndexDirectory": self.folder,
            "DicomAet": aet, "DicomPort": self.port, "HttpPort": self.http_port, "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True, "DicomAlwaysAllowStore": True, "UnknownSopClassAccepted": True,
            "DicomModalities": {a: {"AET": a, "Host": "127.0.0.1", "Port": p, "Manufacturer": "Generic"} for a, p in modalities},
            "Plugins": [plugin] if plugin else [], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "OverwriteInstances": False, **(options or {}),
        }
        self.web = f"http://127.0.0.1:{self.http_port}/dicom-web"
        self.http = f"http://127.0.0.1:{self.http_port}"
        path = os.path.join(self.folder, "orthanc.json")
        with open(path, "w") as f:
            json.dump(config, f, indent=1)
        begin = time.monotonic()
        self.process = Process([binary, path], folder, f"orthanc-{self.port}")
        wait_for(lambda: port_open(self.port) and port_open(self.http_port), 30, "Orthanc")
        self.start_seconds = time.monotonic() - begin

    def stop(self):
        self.process.end()


class Forwarder:
    """Copies bytes from a client to the server until `limit` of them have passed, then does `after`."""

    def __init__(self, port, limit, after="close"):
        self.limit, self.after, self.target = limit, after, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(("127.0.0.1", self.target))
        threading.Thread(target=self.back, args=(server, client), daemon=True).start()
        passed = 0
        while passed < self.limit:
            data = client.recv(min(65536, self.limit - passed))
            if not data:
                break
            server.sendall(data)
            passed += len(data)
        if self.after == "close":
            server.close()
            client.close()
        else:
            self.held = server, client  # stays open and silent

    @staticmethod
    def back(server, client):
        try:
            while data := server.recv(65536):
                client.sendall(data)
        except OSError:
            pass
