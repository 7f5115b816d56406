"""pynetdicom as the other side, and hand-made PDUs for what no library would send."""

import socket
import struct
from contextlib import contextmanager

import pynetdicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind as PATIENT_FIND,
    PatientRootQueryRetrieveInformationModelGet as PATIENT_GET,
    PatientRootQueryRetrieveInformationModelMove as PATIENT_MOVE,
    StudyRootQueryRetrieveInformationModelFind as STUDY_FIND,
    StudyRootQueryRetrieveInformationModelGet as STUDY_GET,
    StudyRootQueryRetrieveInformationModelMove as STUDY_MOVE,
    Verification as VERIFICATION,
)

__all__ = ["AE", "evt", "associate", "keys", "find", "store", "associate_rq", "pdu", "recv_pdu", "ABORT_RQ", "VERIFICATION",
           "PATIENT_FIND", "PATIENT_GET", "PATIENT_MOVE", "STUDY_FIND", "STUDY_GET", "STUDY_MOVE"]

pynetdicom._config.LOG_HANDLER_LEVEL = "none"
pynetdicom._config.UNRESTRICTED_STORAGE_SERVICE = True


def get_msg_unless_paused(self, block=False, original=DIMSEServiceProvider.get_msg):
    """pynetdicom 3.0.4 pauses its reactor thread before it sends a request, but looks at a flag that the thread may be
    about to drop: once in a thousand requests the thread then takes the answer, and the sender waits for good. So the
    thread (block=False) takes nothing while it ought to be paused."""
    if not block and not self.assoc._reactor_checkpoint.is_set():
        return None, None
    return original(self, block)


DIMSEServiceProvider.get_msg = get_msg_unless_paused
ABORT_RQ = bytes.fromhex("07000000000400000000")


@contextmanager
def associate(server, contexts, ext_neg=None, ae_title="PYNETDICOM", handlers=None, called=None):
    """An established association; `contexts` are (abstract syntax, transfer syntaxes) or abstract syntaxes."""
    ae = AE(ae_title=ae_title)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 60
    for c in contexts:
        uid, syntaxes = c if isinstance(c, tuple) else (c, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
        ae.add_requested_context(uid, syntaxes)
    assoc = ae.associate("127.0.0.1", server.port, ae_title=called or server.aet if hasattr(server, "aet") else called or server.AET,
                         ext_neg=ext_neg, evt_handlers=handlers or [])
    if not assoc.is_established:
        raise AssertionError(f"association {'rejected' if assoc.is_rejected else 'failed'} by port {server.port}")
    try:
        yield assoc
    finally:
        if assoc.is_established:
            assoc.release()


def keys(level=None, **wanted):
    ds = Dataset()
    if level:
        ds.QueryRetrieveLevel = level
    for k, v in wanted.items():
        setattr(ds, k, v)
    return ds


def find(server, query, model=STUDY_FIND, ext_neg=None, expect=0x0000):
    """All pending identifiers; the final status must be `expect`."""
    out = []
    with associate(server, [model], ext_neg) as assoc:
        for status, identifier in assoc.send_c_find(query, model):
            if "Status" not in status:
                raise AssertionError("no answer to C-FIND")
            if status.Status in (0xFF00, 0xFF01):
                out.append(identifier)
            elif status.Status != expect:
                raise AssertionError(f"C-FIND ended 0x{status.Status:04X} ({status.get('ErrorComment', '')}), not 0x{expect:04X}")
    return out


def store(server, datasets, ae_title="PYNETDICOM"):
    """Status of each data set, over one association; files keep their transfer syntax."""
    contexts = sorted({(d.SOPClassUID, d.file_meta.TransferSyntaxUID) for d in datasets})
    out = []
    for i in range(0, len(contexts), 120):
        part = contexts[i:i + 120]
        with associate(server, [(c, [t]) for c, t in part], ae_title=ae_title) as assoc:
            for d in datasets:
                if (d.SOPClassUID, d.file_meta.TransferSyntaxUID) in part:
                    out.append(assoc.send_c_store(d))
    return out


# ---- PDUs by hand: PS3.8 §9.3 -------------------------------------------------------------------

def pdu(kind, body, length=None):
    return struct.pack(">BBI", kind, 0, len(body) if length is None else length) + body


def item(kind, body, length=None):
    return struct.pack(">BBH", kind, 0, len(body) if length is None else length) + body


def associate_rq(called=b"ISOCENTER", calling=b"HOSTILE", contexts=((1, b"1.2.840.10008.1.1", (b"1.2.840.10008.1.2",)),),
                 max_pdu=16384, extra=b"", version=1, application=b"1.2.840.10008.3.1.1.1"):
    body = struct.pack(">HH", version, 0) + called.ljust(16)[:16] + calling.ljust(16)[:16] + bytes(32)
    body += item(0x10, application)
    for number, abstract, syntaxes in contexts:
        inner = item(0x30, abstract) + b"".join(item(0x40, t) for t in syntaxes)
        body += item(0x20, bytes([number, 0, 0, 0]) + inner)
    body += item(0x50, item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"1.2.3.4") + extra)
    return pdu(0x01, body)


def recv_pdu(sock):
    """(type, body) or None at the end of the stream."""
    head = b""
    while len(head) < 6:
        piece = sock.recv(6 - len(head))
        if not piece:
            return None
        head += piece
    length = struct.unpack(">I", head[2:6])[0]
    body = b""
    while len(body) < length:
        piece = sock.recv(length - len(body))
        if not piece:
            return None
        body += piece
    return head[0], body


def command(group_elements):
    """A command set: {element number: (kind, value)}, implicit little endian with its group length."""
    body = b""
    for number, value in sorted(group_elements.items()):
        data = struct.pack("<H", value) if isinstance(value, int) else value + b"\0" * (len(value) % 2)
        body += struct.pack("<HHI", 0, number, len(data)) + data
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def pdata(context, flags, data, length=None):
    value = bytes([context, flags]) + data
    return pdu(0x04, struct.pack(">I", len(value) if length is None else length) + value)


def c_store_rq(sop_class, sop_instance, message_id=1):
    return command({0x0002: sop_class.encode(), 0x0100: 0x0001, 0x0110: message_id, 0x0700: 0, 0x0800: 0x0001,
                    0x1000: sop_instance.encode()})


def status_of(body):
    """The (0000,0900) of a P-DATA-TF body that carries a whole response command."""
    at = body.find(b"\x00\x00\x00\x09\x02\x00\x00\x00")
    return struct.unpack_from("<H", body, at + 8)[0] if at >= 0 else None


# ---- C-GET by hand: pynetdicom takes a tenth of a second for an object of half a megabyte --------

def elements_of(data):
    """{element number: value} of a command set."""
    out, at = {}, 0
    while at + 8 <= len(data):
        _, number, length = struct.unpack_from("<HHI", data, at)
        out[number], at = data[at + 8:at + 8 + length], at + 8 + length
    return out


def part10(syntax, data):
    """A file of that data set, with no more meta information than its transfer syntax."""
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + data


def c_get_study(server, study, classes, syntax):
    """(status, {SOP Instance UID: Part 10 file}) of one study, over an association that takes these storage classes in that
    syntax and no other."""
    get = str(STUDY_GET).encode()
    classes = [c.encode() for c in sorted(classes)][:126]
    contexts = [(1, get, (b"1.2.840.10008.1.2",))] + [(3 + 2 * i, c, (syntax.encode(),)) for i, c in enumerate(classes)]
    roles = b"".join(item(0x54, struct.pack(">H", len(c)) + c + b"\0\1") for c in classes)
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(associate_rq(called=server.AET.encode(), calling=b"GETTER", contexts=contexts, max_pdu=1 << 20, extra=roles))
        if recv_pdu(sock)[0] != 2:
            raise AssertionError("association refused")
        query = b"".join(struct.pack("<HHI", t >> 16, t & 0xFFFF, len(v) + len(v) % 2) + v.encode() + pad * (len(v) % 2)
                         for t, v, pad in ((0x00080052, "STUDY", b" "), (0x0020000D, study, b"\0")))
        sock.sendall(pdata(1, 3, command({0x0002: get, 0x0100: 0x0010, 0x0110: 1, 0x0700: 0, 0x0800: 1})) + pdata(1, 2, query))
        answer = received(sock, syntax)
        sock.sendall(pdu(0x05, bytes(4)))
        recv_pdu(sock)
        return answer


def received(sock, syntax):
    out, head, request, data = {}, b"", None, []
    while True:
        kind, body = recv_pdu(sock) or (0, b"")
        if kind != 4:
            raise AssertionError(f"PDU {kind} in answer to C-GET")
        at = 0
        while at < len(body):
            length, context, flags = struct.unpack_from(">IBB", body, at)
            piece, at = body[at + 6:at + 4 + length], at + 4 + length
            if flags & 1:
                head += piece
                if not flags & 2:
                    continue
                request, head, data = elements_of(head), b"", []
                status = struct.unpack("<H", request[0x0900])[0] if 0x0900 in request else None
                has_data = request[0x0800] != b"\x01\x01"
                if status is not None and status not in (0xFF00, 0xFF01) and not has_data:
                    return status, out
                continue
            data.append(piece)
            if not flags & 2:
                continue
            if 0x0900 in request:  # the list of what failed
                return struct.unpack("<H", request[0x0900])[0], out
            uid = request[0x1000].rstrip(b"\0 ")
            out[uid.decode()] = part10(syntax, b"".join(data))
            sock.sendall(pdata(context, 3, command({0x0002: request[0x0002].rstrip(b"\0"), 0x0100: 0x8001, 0x0120: struct.unpack("<H", request[0x0110])[0],
                                                    0x0800: 0x0101, 0x0900: 0, 0x1000: uid})))
