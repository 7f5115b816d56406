"""The HTTP face: health, problem+json, CORS, odd requests, headers."""

import json
import os

from lib import objects, web
from lib.fixtures import Isocenter
from lib.web import get, raw


def test_health(env):
    for path in ("/livez", "/readyz"):
        r = get(env.server.http + path)
        assert r.status_code == 200 and r.content


def test_front_door(env):
    r = get(env.server.http + "/", None, None, allow_redirects=False)
    assert r.status_code in (301, 302, 303, 307, 308) and r.headers["Location"].rstrip("/").endswith("/ui"), (r.status_code, r.headers)


def test_ui_headers(env):
    """Whether or not the web application is built in, its answers are locked down."""
    r = get(env.server.http + "/ui/", "text/html", None)
    assert r.status_code in (200, 404)
    assert r.headers.get("X-Content-Type-Options") == "nosniff", r.headers
    if r.status_code == 200:
        policy = r.headers.get("Content-Security-Policy", "")
        assert "default-src 'none'" in policy or "default-src 'self'" in policy, policy
        assert "unsafe-eval'" not in policy.replace("wasm-unsafe-eval'", "")


def test_no_path_leaves_the_ui_folder(env):
    for path in ("/ui/../../../../etc/passwd", "/ui/%2e%2e/%2e%2e/etc/passwd", "/ui/..%2f..%2f..%2fetc%2fpasswd", "/ui//etc/passwd",
                 "/ui/%00", "/ui/\\..\\..\\etc\\passwd"):
        answer = raw(env.server.http_port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert b"root:" not in answer, path
    env.server.assert_alive()


def test_extensions_of_the_viewer(env):
    """Folders with an index.js are listed; their files are served, and nothing beside them."""
    assert get(env.server.http + "/api/v1/viewer/extensions").json() == {"extensions": []}
    web.assert_problem(get(env.server.http + "/ui-extensions/one/index.js", None, None), 404)
    folder = env.tmp()
    for name, file in (("two", "index.js"), ("one", "index.js"), ("one", "more.css"), ("no-module", "main.js"), ("Bad name", "index.js")):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, file), "w") as f:
            f.write(f"/* {name} */")
    s = Isocenter(env.tmp(), viewer_extensions=folder)
    try:
        assert get(s.http + "/api/v1/viewer/extensions").json() == {"extensions": [
            {"name": "one", "module": "/ui-extensions/one/index.js"}, {"name": "two", "module": "/ui-extensions/two/index.js"}]}
        r = get(s.http + "/ui-extensions/one/index.js", None)
        assert r.text == "/* one */" and r.headers["Content-Type"].startswith("text/javascript"), r.headers
        assert r.headers.get("X-Content-Type-Options") == "nosniff", r.headers
        for path in ("/ui-extensions/../config", "/ui-extensions/%2e%2e/config", "/ui-extensions/one", "/ui-extensions/"):
            assert get(s.http + path, None, None).status_code == 404, path
    finally:
        s.stop()


def test_foreign_host_names_are_turned_away(env):
    """A page elsewhere that points its own name at us (DNS rebinding) gets nothing."""
    answer = raw(env.server.http_port, b"GET /dicom-web/studies HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 421") or answer.startswith(b"HTTP/1.1 400"), answer[:100]


def test_problems(env):
    s = env.server
    web.assert_problem(get(s.http + "/nowhere", None, None), 404)
    web.assert_problem(get(s.web + "/nowhere", None, None), 404)
    r = web.SESSION.put(s.web + "/studies", data=b"x", timeout=20)
    assert r.status_code == 405 and "GET" in r.headers.get("Allow", ""), (r.status_code, r.headers)
    web.assert_problem(r, 405)
    web.assert_problem(get(s.web + "/studies/not-a-uid%2F..", web.DICOM_JSON, None), get(s.web + "/studies/not-a-uid%2F..", None, None).status_code)


def test_openapi(env):
    """Generated from the route table: the paths of DICOMweb are in it."""
    body = get(env.server.http + "/api/openapi.json").json()
    assert body["openapi"].startswith("3.")
    paths = list(body["paths"])
    for want in ("/dicom-web/studies", "/livez"):
        assert any(p.startswith(want) for p in paths), (want, paths)


def test_cors(env):
    """Preflight and answer, as a viewer on another origin needs them; by default no other origin is let in."""
    r = get(env.server.web + "/studies", web.DICOM_JSON, headers={"Origin": "http://viewer.example"})
    assert "Access-Control-Allow-Origin" not in r.headers, r.headers
    s = env.fresh(cors_origins="http://other.example http://viewer.example")
    r = web.SESSION.options(s.web + "/studies", timeout=20, headers={
        "Origin": "http://viewer.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,range,accept"})
    assert r.status_code in (200, 204), r.status_code
    allowed = r.headers.get("Access-Control-Allow-Headers", "").lower()
    assert all(h in allowed for h in ("authorization", "content-type", "range", "accept")), allowed
    assert "POST" in r.headers.get("Access-Control-Allow-Methods", "")
    r = get(s.web + "/studies", web.DICOM_JSON, headers={"Origin": "http://viewer.example"})
    assert r.headers.get("Access-Control-Allow-Origin") == "http://viewer.example"
    exposed = r.headers.get("Access-Control-Expose-Headers", "").lower()
    assert all(h in exposed for h in ("content-type", "content-length", "content-range")), exposed
    r = get(s.web + "/studies", web.DICOM_JSON, headers={"Origin": "http://evil.example"})
    assert "Access-Control-Allow-Origin" not in r.headers, r.headers


def test_head_and_keep_alive(env):
    s = env.server
    answer = raw(s.http_port, b"HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2, answer[:500]


def test_garbage(env):
    s = env.server
    for data in (b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                 b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 b"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 b"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                 b"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
                 b"GET /dicom-web/studies?%zz=%f HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                 b"GET /dicom-web/studies?" + b"&" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):
        raw(s.http_port, data, seconds=1, close_after=True)
    s.assert_alive()
    get(s.http + "/livez")


def test_declared_length_buys_no_memory(env):
    """An 8 GB Content-Length with nothing behind it costs nothing; nor do ten of them."""
    import socket
    s = env.server
    before = s.process.rss_kib()
    held = []
    for _ in range(10):
        c = socket.create_connection(("127.0.0.1", s.http_port))
        c.sendall(b"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/related; type=\"application/dicom\"; "
                  b"boundary=b\r\nContent-Length: 8000000000\r\n\r\n--b\r\nContent-Type: application/dicom\r\n\r\n" + bytes(128) + b"DICM")
        held.append(c)
    get(s.http + "/livez")
    grown = s.process.rss_kib() - before
    for c in held:
        c.close()
    assert grown < 65536, f"{grown} KiB more"
    s.assert_alive()


def test_strings_in_answers_are_escaped(env):
    """Attribute values come back as JSON strings, whatever they hold."""
    nasty = '"><script>alert(1)</script>\u2028\\u0000'
    ds = objects.make(StudyDescription=nasty[:60], PatientID="XSS")
    web.stow(f"{env.server.web}/studies", [objects.file_bytes(ds)], 200)
    row, = web.query(f"{env.server.web}/studies?PatientID=XSS&includefield=StudyDescription")
    assert "<script>alert(1)</script>" in web.value(row, "00081030"), json.dumps(row)
