"""The sender's side without any library of DICOM: objects that follow from a number, C-STORE, C-FIND, C-GET, STOW-RS and
what else a client asks, over plain sockets."""

import hashlib
import http.client
import json
import socket
import struct

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
ROOT = "1.2.826.0.1.3680043.10.1518"
PER_STUDY = 40


# ---- objects ------------------------------------------------------------------------------------

def element(tag, vr, value):
    if isinstance(value, str):
        value = value.encode()
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB") else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in ("OB", "OW", "UN", "SQ"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def us(n):
    return struct.pack("<H", n)


class Object:
    """Number and version say everything."""

    def __init__(self, number, version=1):
        self.number, self.version = number, version
        self.study = f"{ROOT}.1.{number // PER_STUDY}"
        self.series = f"{self.study}.{number % 2}"
        self.uid = f"{ROOT}.2.{number}"

    def rows(self):
        if self.number % 29 == 7:
            return 800  # 1.3 MB: a file of its own
        if self.number % 11 == 3:
            return 512
        return 16 + (self.number * 37 + self.version * 11) % 150

    def data_set(self):
        """In explicit VR little endian."""
        n = self.rows()
        line = bytes((self.number + self.version * 5 + i // 8) & 0xFF if i % 2 == 0 else self.version & 3 for i in range(2 * n))
        lines = [line[k * 2:] + line[:k * 2] for k in range(8)]
        pixels = b"".join(lines[i % 8] for i in range(n))
        return b"".join((
            element(0x00080005, "CS", "ISO_IR 192"), element(0x00080016, "UI", CT), element(0x00080018, "UI", self.uid),
            element(0x00080020, "DA", "20260102"), element(0x00080060, "CS", "CT"), element(0x00100010, "PN", "Fault^Serve"),
            element(0x00100020, "LO", f"F{self.number // PER_STUDY % 7}"), element(0x0020000D, "UI", self.study),
            element(0x0020000E, "UI", self.series), element(0x00200013, "IS", str(self.number)),
            element(0x00204000, "LT", f"version {self.version}"), element(0x00280002, "US", us(1)),
            element(0x00280004, "CS", "MONOCHROME2"), element(0x00280010, "US", us(n)), element(0x00280011, "US", us(n)),
            element(0x00280100, "US", us(16)), element(0x00280101, "US", us(16)), element(0x00280102, "US", us(15)),
            element(0x00280103, "US", us(0)), element(0x7FE00010, "OW", pixels)))

    def file(self):
        meta = (element(0x00020002, "UI", CT) + element(0x00020003, "UI", self.uid) + element(0x00020010, "UI", EXPLICIT_LE) +
                element(0x00020012, "UI", ROOT))
        return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + self.data_set()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def value_of(data, tag):
    """A value from the first elements of a data set in explicit VR little endian."""
    at = 0
    while at + 8 <= len(data):
        group, number, vr, length = struct.unpack_from("<HH2sH", data, at)
        head = 8
        if vr in (b"OB", b"OW", b"UN", b"SQ", b"UT"):
            length, head = struct.unpack_from("<I", data, at + 8)[0], 12
        if group << 16 | number == tag:
            return data[at + head:at + head + length].rstrip(b"\0 ").decode()
        at += head + length
    return ""


def split(part10):
    """The data set of a Part 10 file."""
    if part10[128:132] != b"DICM":
        raise ValueError("not a Part 10 file")
    length = struct.unpack_from("<I", part10, 140)[0]
    return part10[144 + length:]


# ---- DIMSE: PS3.7, PS3.8 §9.3 -------------------------------------------------------------------

class Broken(Exception):
    """The peer went away, or said what it should not."""


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def command(elements):
    body = b""
    for number, value in sorted(elements.items()):
        data = struct.pack("<H", value) if isinstance(value, int) else value.encode() + b"\0" * (len(value) % 2)
        body += struct.pack("<HHI", 0, number, len(data)) + data
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def elements_of(data):
    out, at = {}, 0
    while at + 8 <= len(data):
        _, number, length = struct.unpack_from("<HHI", data, at)
        out[number], at = data[at + 8:at + 8 + length], at + 8 + length
    return out


def short(elements, number):
    return struct.unpack("<H", elements[number])[0] if number in elements else None


class Association:
    """contexts: (abstract syntax, transfer syntax), numbered 1, 3, 5 ..."""

    def __init__(self, port, contexts, calling="FAULT", roles=(), timeout=30):
        self.message = 0
        body = struct.pack(">HH", 1, 0) + b"ISOCENTER".ljust(16) + calling.encode().ljust(16)[:16] + bytes(32)
        body += item(0x10, b"1.2.840.10008.3.1.1.1")
        for i, (abstract, syntax) in enumerate(contexts):
            body += item(0x20, bytes([2 * i + 1, 0, 0, 0]) + item(0x30, abstract.encode()) + item(0x40, syntax.encode()))
        user = item(0x51, struct.pack(">I", 1 << 20)) + item(0x52, ROOT.encode())
        for r in roles:
            user += item(0x54, struct.pack(">H", len(r)) + r.encode() + b"\0\1")
        body += item(0x50, user)
        try:
            self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.sendall(struct.pack(">BBI", 1, 0, len(body)) + body)
        except OSError as e:
            raise Broken(str(e)) from None
        kind, answer = self.pdu()
        if kind != 2:
            raise Broken(f"PDU {kind} in answer to the request")
        self.most, at = 16384, 68
        while at + 4 <= len(answer):
            kind, _, length = struct.unpack_from(">BBH", answer, at)
            if kind == 0x50:
                found = answer.find(b"\x51\x00\x00\x04", at)
                if found >= 0:
                    self.most = struct.unpack_from(">I", answer, found + 4)[0] or 1 << 20
            at += 4 + length

    def exactly(self, n):
        out = bytearray()
        try:
            while len(out) < n:
                piece = self.sock.recv(min(n - len(out), 1 << 20))
                if not piece:
                    raise Broken("the connection ended")
                out += piece
        except OSError as e:
            raise Broken(str(e)) from None
        return bytes(out)

    def pdu(self):
        kind, _, length = struct.unpack(">BBI", self.exactly(6))
        return kind, self.exactly(length)

    def send(self, context, elements, data=None):
        room = min(self.most, 1 << 20) - 6
        out = []
        for flag, stream in ((1, command(elements)), (0, data)):
            for at in range(0, len(stream or b""), room):
                piece = stream[at:at + room]
                last = 2 if at + room >= len(stream) else 0
                out.append(struct.pack(">BBIIBB", 4, 0, len(piece) + 6, len(piece) + 2, context, flag | last) + piece)
        try:
            self.sock.sendall(b"".join(out))
        except OSError as e:
            raise Broken(str(e)) from None

    def receive(self):
        """(context, command, data set or b'')."""
        head, data, elements = b"", [], None
        while True:
            kind, body = self.pdu()
            if kind != 4:
                raise Broken(f"PDU {kind}")
            at = 0
            while at < len(body):
                length, context, flags = struct.unpack_from(">IBB", body, at)
                piece, at = body[at + 6:at + 4 + length], at + 4 + length
                if flags & 1:
                    head += piece
                    if flags & 2:
                        elements = elements_of(head)
                        if short(elements, 0x0800) == 0x0101:
                            return context, elements, b""
                else:
                    data.append(piece)
                    if flags & 2:
                        return context, elements, b"".join(data)

    def store(self, uid, data):
        """The status of one C-STORE over the first context."""
        self.message = self.message % 65535 + 1
        self.send(1, {0x0002: CT, 0x0100: 0x0001, 0x0110: self.message, 0x0700: 0, 0x0800: 1, 0x1000: uid}, data)
        return short(self.receive()[1], 0x0900)

    def close(self):
        try:
            self.sock.sendall(struct.pack(">BBI", 5, 0, 4) + bytes(4))
        except OSError:
            pass
        self.sock.close()


def implicit(**values):
    tags = {"level": 0x00080052, "study": 0x0020000D, "series": 0x0020000E, "uid": 0x00080018}
    out = b""
    for tag, v in sorted((tags[k], v) for k, v in values.items()):
        v = v.encode()
        v += (b" " if tag == 0x00080052 else b"\0") * (len(v) % 2)
        out += struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(v)) + v
    return out


def find_study(port, study):
    """SOP Instance UIDs of a study, by C-FIND in each of its series (a level above needs its key: PS3.4 §C.4.1.2.1)."""
    a = Association(port, [(STUDY_FIND, IMPLICIT_LE)])
    out = find_series(a, study, f"{study}.0") | find_series(a, study, f"{study}.1")
    a.close()
    return out


def find_series(a, study, series):
    out = set()
    a.send(1, {0x0002: STUDY_FIND, 0x0100: 0x0020, 0x0110: 1, 0x0700: 0, 0x0800: 1},
           implicit(level="IMAGE", study=study, series=series, uid=""))
    while True:
        _, elements, data = a.receive()
        status = short(elements, 0x0900)
        if status not in (0xFF00, 0xFF01):
            if status != 0:
                raise Broken(f"C-FIND ended 0x{status:04X}")
            return out
        at = 0
        while at + 8 <= len(data):
            group, number, length = struct.unpack_from("<HHI", data, at)
            if (group, number) == (8, 0x18):
                out.add(data[at + 8:at + 8 + length].rstrip(b"\0 ").decode())
            at += 8 + length


def get_study(port, study):
    """{SOP Instance UID: SHA-256 of the data set} of a study, by C-GET in explicit VR little endian."""
    out = {}
    a = Association(port, [(STUDY_GET, IMPLICIT_LE), (CT, EXPLICIT_LE)], roles=[CT])
    a.send(1, {0x0002: STUDY_GET, 0x0100: 0x0010, 0x0110: 1, 0x0700: 0, 0x0800: 1}, implicit(level="STUDY", study=study))
    while True:
        context, elements, data = a.receive()
        if short(elements, 0x0100) == 0x0001:
            uid = elements[0x1000].rstrip(b"\0 ").decode()
            out[uid] = digest(data)
            a.send(context, {0x0002: CT, 0x0100: 0x8001, 0x0120: short(elements, 0x0110), 0x0800: 0x0101, 0x0900: 0, 0x1000: uid})
            continue
        status = short(elements, 0x0900)
        if status not in (0xFF00, 0xFF01):
            a.close()
            if status != 0 and not (out == {} and status in (0xA701, 0xC000)):
                raise Broken(f"C-GET ended 0x{status:04X}")
            return out


# ---- DICOMweb -----------------------------------------------------------------------------------

MARK = b"fault-program-boundary"


class Web:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method, path, body=None, **headers):
        try:
            self.connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            r = self.connection.getresponse()
            return r.status, r.headers, r.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            raise Broken(str(e)) from None

    def stow(self, objects):
        """(HTTP status, UIDs said to be stored, {UID: failure reason})."""
        body = b"".join(b"--" + MARK + b"\r\nContent-Type: application/dicom\r\n\r\n" + o.file() + b"\r\n" for o in objects)
        status, _, answer = self.ask("POST", "/dicom-web/studies", body + b"--" + MARK + b"--\r\n", Accept="application/dicom+json",
                                     Content_Type=f'multipart/related; type="application/dicom"; boundary="{MARK.decode()}"')
        try:
            answer = json.loads(answer)
        except ValueError:
            answer = {}

        def listed(tag):
            return [(i["00081155"]["Value"][0], i.get("00081197", {}).get("Value", [None])[0])
                    for i in answer.get(tag, {}).get("Value", []) if i.get("00081155", {}).get("Value")]
        return status, [u for u, _ in listed("00081199")] if status in (200, 202) else [], dict(listed("00081198"))

    def remove(self, o):
        return self.ask("DELETE", f"/dicom-web/studies/{o.study}/series/{o.series}/instances/{o.uid}")[0]

    def find_study(self, study):
        status, _, body = self.ask("GET", f"/dicom-web/studies/{study}/instances?limit=10000", Accept="application/dicom+json")
        if status not in (200, 204, 404):
            raise Broken(f"QIDO-RS: {status}")
        return {i["00080018"]["Value"][0] for i in json.loads(body)} if status == 200 else set()

    def counts(self, study):
        """Number of Study Related Instances, as the study says."""
        status, _, body = self.ask("GET", f"/dicom-web/studies?StudyInstanceUID={study}", Accept="application/dicom+json")
        return json.loads(body)[0]["00201208"]["Value"][0] if status == 200 and json.loads(body) else 0

    def get_study(self, study):
        """{SOP Instance UID: SHA-256 of the data set}, by WADO-RS."""
        status, headers, body = self.ask(
            "GET", f"/dicom-web/studies/{study}",
            Accept=f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT_LE}')
        if status == 404:
            return {}
        if status != 200:
            raise Broken(f"WADO-RS: {status} {body[:200]!r}")
        kind = headers["Content-Type"]
        mark = b"--" + kind.split("boundary=")[1].split(";")[0].strip('"').encode()
        if not body.rstrip(b"\r\n").endswith(mark + b"--"):
            raise Broken("WADO-RS: the answer is cut")
        out = {}
        for part in (b"\r\n" + body).split(b"\r\n" + mark)[1:-1]:
            data = split(part[2:].partition(b"\r\n\r\n")[2])
            out[value_of(data, 0x00080018)] = digest(data)
        return out
