"""HTTP by hand: requests that a well-behaved library would not send, and multipart bodies taken apart strictly."""

import json
import re
import socket

import requests

DICOM_JSON = "application/dicom+json"
SESSION = requests.Session()
SESSION.headers["Accept-Encoding"] = "identity"


def get(url, accept=None, status=200, **kw):
    headers = {**({"Accept": accept} if accept else {}), **kw.pop("headers", {})}
    r = SESSION.get(url, headers=headers, timeout=60, **kw)
    if status is not None and r.status_code not in (status if isinstance(status, tuple) else (status,)):
        raise AssertionError(f"GET {url} [{accept}]: {r.status_code}, not {status}: {r.text[:500]}")
    return r


def query(url, accept=DICOM_JSON):
    """A QIDO-RS answer as a list; 204 is the empty one."""
    r = get(url, accept, (200, 204))
    return [] if r.status_code == 204 else r.json()


def value(item, tag, default=None):
    """The first value of a DICOM JSON attribute; a person name as its alphabetic group."""
    values = item.get(tag, {}).get("Value")
    if not values or values[0] is None:
        return default
    return values[0].get("Alphabetic", default) if isinstance(values[0], dict) else values[0]


def parts_of(response):
    """[(headers, body)] of a multipart/related answer, read the way Cornerstone's loader does: the body begins with
    the delimiter, part headers end in CRLF CRLF, and Content-Type is spelt exactly so."""
    kind = response.headers["Content-Type"]
    if not kind.startswith("multipart/related"):
        raise AssertionError(f"not multipart: {kind}")
    boundary = re.search(r'boundary="?([^";]+)"?', kind).group(1)
    return split_parts(response.content, boundary.encode())


def split_parts(body, boundary):
    mark = b"--" + boundary
    if not body.startswith(mark + b"\r\n"):
        raise AssertionError(f"the body begins with {body[:80]!r}, not with its boundary")
    if not body.rstrip(b"\r\n").endswith(mark + b"--"):
        raise AssertionError(f"the body ends with {body[-80:]!r}")
    out = []
    for piece in (b"\r\n" + body).split(b"\r\n" + mark)[1:-1]:
        head, _, data = piece[2:].partition(b"\r\n\r\n")
        headers = dict(h.split(b": ", 1) for h in head.split(b"\r\n"))
        if b"Content-Type" not in headers:
            raise AssertionError(f"a part without a literal Content-Type: {head!r}")
        out.append(({k.decode(): v.decode() for k, v in headers.items()}, data))
    return out


def stow_body(files, boundary="isocenter-test-boundary", kind="application/dicom"):
    out = []
    for data in files:
        out.append(f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(out) + f"--{boundary}--\r\n".encode()


def stow(url, files, status=(200, 202), headers=None, boundary="isocenter-test-boundary"):
    """POST of whole files; returns (status, body as JSON)."""
    kind = f'multipart/related; type="application/dicom"; boundary="{boundary}"'
    r = SESSION.post(url, data=stow_body(files, boundary), timeout=300,
                     headers={"Content-Type": kind, "Accept": DICOM_JSON, **(headers or {})})
    if status is not None and r.status_code not in (status if isinstance(status, tuple) else (status,)):
        raise AssertionError(f"STOW {url}: {r.status_code}, not {status}: {r.text[:800]}")
    return r.status_code, (r.json() if "json" in r.headers.get("Content-Type", "") else {})


def stored_uids(answer):
    return {value(i, "00081155") for i in answer.get("00081199", {}).get("Value", [])}


def failures(answer):
    """Failure reason by SOP instance."""
    return {value(i, "00081155"): value(i, "00081197") for i in answer.get("00081198", {}).get("Value", [])}


def nameless_failures(answer):
    """Failure reasons of parts that name no SOP instance: the Other Failures Sequence."""
    return [value(i, "00081197") for i in answer.get("0008119A", {}).get("Value", [])]


def raw(port, data, seconds=5, close_after=None):
    """Bytes to a TCP port and whatever comes back until the peer closes or `seconds` pass."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as s:
        try:
            s.sendall(data)
            if close_after:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the peer may well have had enough
        out = b""
        try:
            while piece := s.recv(65536):
                out += piece
        except OSError:
            pass
        return out


def assert_problem(response, status):
    """RFC 9457: the kind, the status, a title and a word to a human."""
    if response.status_code != status:
        raise AssertionError(f"{response.url}: {response.status_code}, not {status}: {response.text[:300]}")
    if not response.headers.get("Content-Type", "").startswith("application/problem+json"):
        raise AssertionError(f"{response.url}: {status} as {response.headers.get('Content-Type')}")
    body = json.loads(response.text)
    if body.get("status") != status or not body.get("title") or not (body.get("detail") or body.get("remedy")):
        raise AssertionError(f"{response.url}: incomplete problem {body}")
