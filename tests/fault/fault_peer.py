"""What the fault scripts share: a server with surroundings of their choice, objects made from a number, and DICOM and HTTP
clients by hand, which do exactly what they are told, byte by byte. Needs nothing but Python."""

import argparse
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
BINARY = os.environ.get("ISOCENTER", os.path.join(ROOT, "build-fault", "isocenter"))
BUILD = os.environ.get("FAULT_BUILD", os.path.join(ROOT, "build-fault"))
CT, VERIFICATION = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.1"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT_LE, IMPLICIT_LE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
REPORT = re.compile(rb"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|Assertion .* failed|iso_assert)")


class Skip(Exception):
    """This fault cannot be had here; the text says why."""


class Refused(Exception):
    """The peer refused or ended the association."""


# ---- objects -------------------------------------------------------------------------------------

def element(group, number, vr, value):
    if isinstance(value, int):
        value = struct.pack("<H", value)
    elif isinstance(value, str):
        value = value.encode()
    value += (b"\0" if vr in ("UI", "OW") else b" ") * (len(value) % 2)
    if vr in ("OW", "OB", "UN", "SQ"):
        return struct.pack("<HH2sHI", group, number, vr.encode(), 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr.encode(), len(value)) + value


class Object:
    """A CT slice whose every byte follows from its numbers; `variant` changes the pixels, not the identifiers."""

    def __init__(self, number, rows=64, variant=0, root="1.2.826.0.77", study=None):
        self.number, self.study = number, study or f"{root}.{number % 5}"
        self.series, self.sop = f"{self.study}.{number % 3}", f"{root}.9.{number}"
        pixels = hashlib.shake_128(struct.pack("<II", number, variant)).digest(rows * rows * 2)
        self.data = b"".join((
            element(8, 0x16, "UI", CT), element(8, 0x18, "UI", self.sop), element(8, 0x20, "DA", "20260101"),
            element(8, 0x50, "SH", f"A{number}"), element(8, 0x60, "CS", "CT"), element(8, 0x1030, "LO", f"Variant {variant}"),
            element(0x10, 0x10, "PN", "Fault^Test"), element(0x10, 0x20, "LO", f"F{number % 5}"),
            element(0x20, 0xD, "UI", self.study), element(0x20, 0xE, "UI", self.series), element(0x20, 0x13, "IS", str(number)),
            element(0x28, 2, "US", 1), element(0x28, 4, "CS", "MONOCHROME2"), element(0x28, 0x10, "US", rows),
            element(0x28, 0x11, "US", rows), element(0x28, 0x100, "US", 16), element(0x28, 0x101, "US", 16),
            element(0x28, 0x102, "US", 15), element(0x28, 0x103, "US", 0), element(0x7FE0, 0x10, "OW", pixels)))
        self.digest = hashlib.sha256(self.data).digest()

    def file(self):
        meta = element(2, 2, "UI", CT) + element(2, 3, "UI", self.sop) + element(2, 0x10, "UI", EXPLICIT_LE)
        return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + self.data

    def path(self):
        return f"/studies/{self.study}/series/{self.series}/instances/{self.sop}"


def data_set_of(file):
    """The data set of a Part 10 file, by its group length."""
    if file[128:132] != b"DICM":
        raise ValueError("not a Part 10 file")
    return file[144 + struct.unpack_from("<I", file, 140)[0]:]


# ---- the server ----------------------------------------------------------------------------------

class Server:
    """`isocenter serve` on ports that the kernel picks, ended by its pid. env and prefix are its surroundings."""

    def __init__(self, folder, data=None, env=None, prefix=(), arguments=(), **config):
        self.folder, self.data = folder, data or os.path.join(folder, "data")
        self.env, self.prefix, self.arguments = {**os.environ, **(env or {})}, list(prefix), list(arguments)
        self.config, self.starts = os.path.join(folder, "config.json"), 0
        self.child = None
        with open(self.config, "w") as f:
            json.dump(config, f)

    def launch(self):
        """Starts the process; it may die before it is ready."""
        self.starts += 1
        self.out, self.err = (os.path.join(self.folder, f"serve-{self.starts}.{x}") for x in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen(
                [*self.prefix, BINARY, "serve", "--config", self.config, "--data", self.data, "--http-port", "0",
                 "--dicom-port", "0", *self.arguments], stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=self.env)
        self.pid = self.child.pid
        return self

    def ready(self, seconds=30):
        """True: it serves. False: it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with open(self.out) as f:
                line = f.readline()
            if line.startswith("ready ") and line.endswith("\n"):
                words = dict(w.split("=", 1) for w in line.split()[1:])
                self.port, self.http_port = (int(words[w].rsplit(":", 1)[1]) for w in ("dicom", "http"))
                return True
            if self.child.poll() is not None:
                return False
            time.sleep(0.01)
        raise AssertionError("the server is neither ready nor ended")

    def start(self, seconds=30):
        if not self.launch().ready(seconds):
            raise AssertionError(f"the server ended with {self.child.returncode}: {self.log()[-1500:]}")
        return self

    def log(self):
        with open(self.err, errors="replace") as f:
            return f.read()

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def why_dead(self):
        """None, or what ended it: a signal, a sanitizer's or an assertion's report."""
        with open(self.err, "rb") as f:
            found = REPORT.search(f.read())
        if found:
            return found.group(0).decode()
        code = self.child.poll()
        return None if code is None or code == 0 else f"exit {code}" if code > 0 else f"signal {-code}"

    def stop(self, how=signal.SIGTERM, seconds=30):
        """The exit code; a server that does not go is an error."""
        if self.alive():
            self.child.send_signal(how)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
                raise AssertionError(f"the server did not end in {seconds} s") from None
        return self.child.returncode if self.child else None

    def kill(self):
        self.stop(signal.SIGKILL)

    # what it holds of the system
    def held(self):
        """What its descriptors are."""
        out = []
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                out.append(os.readlink(f"/proc/{self.pid}/fd/{name}"))
            except OSError:
                pass  # closed meanwhile
        return out

    def descriptors(self):
        """Sockets and temporary files: those of the store and the index come and go with its caches."""
        return sum(x.startswith("socket:") or "/tmp/" in x[len(self.data):] or "(deleted)" in x for x in self.held())

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def memory_kib(self, what="Pss"):
        with open(f"/proc/{self.pid}/smaps_rollup") as f:
            return int(re.search(rf"^{what}:\s+(\d+)", f.read(), re.M).group(1))

    def temporaries(self):
        folder = os.path.join(self.data, "tmp")
        return len(os.listdir(folder)) if os.path.isdir(folder) else 0

    # requests
    def get(self, path, accept=None, timeout=30):
        return self.request("GET", path, headers={"Accept": accept} if accept else {}, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=30):
        """(status, headers, body) over a connection of its own; OSError or HTTPException when it broke."""
        c = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def stow(self, objects, timeout=60):
        """(status, {SOP Instance UID: 0 or failure reason})."""
        status, _, body = self.request("POST", "/dicom-web/studies", stow_body(objects), STOW_HEADERS, timeout)
        return status, stow_outcome(body)

    def wado(self, o, timeout=30):
        """The stored data set, or None when there is none (404)."""
        status, headers, body = self.get("/dicom-web" + o.path(), 'multipart/related; type="application/dicom"; transfer-syntax=*', timeout)
        if status == 404:
            return None
        if status != 200:
            raise AssertionError(f"WADO-RS {o.sop}: {status} {body[:200]!r}")
        boundary = re.search(r'boundary="?([^";]+)"?', headers["Content-Type"]).group(1).encode()
        part = body.split(b"--" + boundary)[1]
        return data_set_of(part.partition(b"\r\n\r\n")[2][:-2])

    def qido(self, path):
        status, _, body = self.get("/dicom-web" + path)
        if status not in (200, 204):
            raise AssertionError(f"QIDO-RS {path}: {status} {body[:200]!r}")
        return json.loads(body) if status == 200 else []

    def check(self, objects):
        """SOP Instance UIDs of those that are (lost, altered)."""
        lost, altered = [], []
        for o in objects:
            data = self.wado(o)
            if data is None or not self.qido(f"/instances?SOPInstanceUID={o.sop}"):
                lost.append(o.sop)
            elif data != o.data:
                altered.append(o.sop)
        return lost, altered


BOUNDARY = "fault-boundary"
STOW_HEADERS = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}', "Accept": "application/dicom+json"}


def stow_body(objects):
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return b"".join(head + o.file() + b"\r\n" for o in objects) + f"--{BOUNDARY}--\r\n".encode()


def stow_outcome(body):
    """{SOP Instance UID: 0 stored, 0xB.. warning, or the failure reason} of a STOW-RS answer."""
    out = {}
    try:
        answer = json.loads(body)
    except ValueError:
        return out
    for sequence in ("00081199", "00081198"):
        for item in answer.get(sequence, {}).get("Value", []):
            reason = (item.get("00081197") or item.get("00081196") or {}).get("Value", [0])[0]
            out[item["00081155"]["Value"][0]] = reason
    return out


# ---- DICOM by hand: PS3.8 §9.3, PS3.7 -------------------------------------------------------------

def pdu(kind, body):
    return struct.pack(">BBI", kind, 0, len(body)) + body


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def pdata(context, flags, data):
    return pdu(4, struct.pack(">IBB", len(data) + 2, context, flags) + data)


def command(values):
    body = b""
    for number, value in sorted(values.items()):
        data = struct.pack("<H", value) if isinstance(value, int) else value.encode() + b"\0" * (len(value) % 2)
        body += struct.pack("<HHI", 0, number, len(data)) + data
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


ABORT = pdu(7, bytes(4))
RELEASE = pdu(5, bytes(4))
CONTEXTS = ((1, VERIFICATION, IMPLICIT_LE), (3, CT, EXPLICIT_LE), (5, STUDY_FIND, EXPLICIT_LE))


def associate_rq(calling="FAULT", contexts=CONTEXTS):
    body = struct.pack(">HH", 1, 0) + b"ISOCENTER".ljust(16) + calling.encode().ljust(16) + bytes(32)
    body += item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, abstract, transfer in contexts:
        body += item(0x20, bytes([number, 0, 0, 0]) + item(0x30, abstract.encode()) + item(0x40, transfer.encode()))
    return pdu(1, body + item(0x50, item(0x51, struct.pack(">I", 1 << 17)) + item(0x52, b"1.2.826.0.77.1")))


def c_store_rq(o, message=1):
    return pdata(3, 3, command({2: CT, 0x100: 1, 0x110: message, 0x700: 0, 0x800: 1, 0x1000: o.sop}))


def data_pdus(context, data, piece=65536):
    return b"".join(pdata(context, 2 if at + piece >= len(data) else 0, data[at:at + piece]) for at in range(0, len(data), piece))


class Association:
    """One association, or Refused."""

    def __init__(self, server, calling="FAULT", timeout=30):
        self.message = 0
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(associate_rq(calling))
            answer = self.receive()
            if answer[0] != 2:
                raise Refused(f"association: PDU {answer[0]} {answer[1].hex()}")
        except BaseException:
            self.socket.close()
            raise

    def exactly(self, n):
        out = b""
        while len(out) < n:
            piece = self.socket.recv(n - len(out))
            if not piece:
                raise Refused("the peer closed the connection")
            out += piece
        return out

    def receive(self):
        kind, _, length = struct.unpack(">BBI", self.exactly(6))
        return kind, self.exactly(length)

    def answer(self):
        """({element number: value}, data set) of the next message."""
        parts = {0: b"", 1: b""}
        while True:
            kind, body = self.receive()
            if kind != 4:
                raise Refused(f"PDU {kind} {body.hex()}")
            at = 0
            while at < len(body):
                length, _, flags = struct.unpack_from(">IBB", body, at)
                parts[flags & 1] += body[at + 6:at + 4 + length]
                at += 4 + length
            done = flags & 2
            if done and flags & 1:
                values, at = {}, 0
                while at < len(parts[1]):
                    _, number, length = struct.unpack_from("<HHI", parts[1], at)
                    values[number] = parts[1][at + 8:at + 8 + length]
                    at += 8 + length
                if struct.unpack("<H", values[0x800])[0] == 0x101:
                    return values, b""
            elif done:
                return values, parts[0]

    def status(self):
        return struct.unpack("<H", self.answer()[0][0x900])[0]

    def echo(self):
        self.message += 1
        self.socket.sendall(pdata(1, 3, command({2: VERIFICATION, 0x100: 0x30, 0x110: self.message, 0x800: 0x101})))
        return self.status()

    def store(self, o):
        self.message += 1
        self.socket.sendall(c_store_rq(o, self.message) + data_pdus(3, o.data))
        return self.status()

    def find(self, o):
        """(number of matches, final status) of a study root C-FIND for one object."""
        self.message += 1
        keys = element(8, 0x18, "UI", o.sop) + element(8, 0x52, "CS", "IMAGE") + element(0x20, 0xD, "UI", o.study) + \
            element(0x20, 0xE, "UI", o.series)
        self.socket.sendall(pdata(5, 3, command({2: STUDY_FIND, 0x100: 0x20, 0x110: self.message, 0x700: 0, 0x800: 1})) + pdata(5, 2, keys))
        count = 0
        while True:
            status = struct.unpack("<H", self.answer()[0][0x900])[0]
            if status not in (0xFF00, 0xFF01):
                return count, status
            count += 1

    def release(self):
        try:
            self.socket.sendall(RELEASE)
            self.receive()
        except (OSError, Refused):
            pass
        self.socket.close()

    def reset(self):
        """Ends the connection by RST."""
        reset(self.socket)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.release()
        else:
            self.socket.close()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


# ---- results -------------------------------------------------------------------------------------

def wait_for(condition, seconds=10.0, what="the condition"):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come true in {seconds} s")


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def figure(name, **values):
    print(f"figure {name} " + " ".join(f"{k}={v}" for k, v in values.items()), flush=True)


class Place:
    """A folder, and the servers made in it, which go when the `with` ends."""

    def __init__(self, prefix="fault-"):
        self.folder, self.servers, self.undo = tempfile.mkdtemp(prefix=prefix), [], []

    def server(self, *args, **kw):
        self.servers.append(Server(tempfile.mkdtemp(dir=self.folder), *args, **kw))
        return self.servers[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in self.servers:
            if s.alive():
                s.child.kill()
                s.child.wait()
        for action in reversed(self.undo):
            action()
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def main(cases, description):
    """Runs case(full) of {name: case}; each prints its figures itself and raises when something is wrong."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    failed = False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name, case in cases.items():
        if args.names and name not in args.names:
            continue
        try:
            case(args.full)
            print(f"ok {name}", flush=True)
        except Skip as e:
            print(f"skip {name}: {e}", flush=True)
        except Exception as e:  # noqa: BLE001: a line, and the next one
            failed = True
            print("    " + traceback.format_exc(limit=-3)[-2500:].replace("\n", "\n    "), flush=True)
            print(f"FAIL {name}: {str(e)[:300]}".replace("\n", " "), flush=True)
    return 1 if failed else 0
