"""Layouts for everyone: /api/v1/viewer/layouts, what they share with drafts aside (t_drafts).   RFC 9110 §13.1"""

import json

from lib import web
from lib.fixtures import BINARY, run
from lib.web import SESSION, assert_problem

NEW = {"Content-Type": "application/json", "If-None-Match": "*"}


def url(s, name=""):
    return f"{s.http}/api/v1/viewer/layouts" + (f"/{name}" if name else "")


def put(s, name, body, headers=NEW):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SESSION.put(url(s, name), data=data, headers=headers, timeout=60)


def listed(s):
    r = SESSION.get(url(s), timeout=60)
    assert r.status_code == 200 and r.headers["ETag"], r.text
    return {one["id"]: one for one in r.json()["layouts"]}


def test_kept_listed_changed_removed(env):
    s = env.server
    assert "knee-1" not in listed(s)
    r = put(s, "knee-1", {"name": "Knie, üblich", "n": 1})
    assert r.status_code == 204, r.text
    one = listed(s)["knee-1"]
    assert one["layout"] == {"name": "Knie, üblich", "n": 1} and f'"{one["etag"]}"' == r.headers["ETag"] and one["changed_us"] > 0
    assert_problem(put(s, "knee-1", {"n": 2}), 412)
    assert_problem(put(s, "knee-1", {"n": 2}, {"Content-Type": "application/json"}), 428)
    changed = put(s, "knee-1", {"n": 2}, {"Content-Type": "application/json", "If-Match": r.headers["ETag"]})
    assert changed.status_code == 204, changed.text
    g = SESSION.get(url(s, "knee-1"), timeout=60)
    assert g.json() == {"n": 2} and g.headers["ETag"] == changed.headers["ETag"]
    assert_problem(SESSION.delete(url(s, "knee-1"), headers={"If-Match": r.headers["ETag"]}, timeout=60), 412)
    assert SESSION.delete(url(s, "knee-1"), headers={"If-Match": g.headers["ETag"]}, timeout=60).status_code == 204
    assert_problem(SESSION.get(url(s, "knee-1"), timeout=60), 404)
    assert "knee-1" not in listed(s)


def test_the_list_is_asked_for_once(env):
    s = env.server
    assert put(s, "fresh-1", {}).status_code == 204
    tag = SESSION.get(url(s), timeout=60).headers["ETag"]
    assert SESSION.get(url(s), headers={"If-None-Match": tag}, timeout=60).status_code == 304
    assert put(s, "fresh-2", {}).status_code == 204
    assert SESSION.get(url(s), headers={"If-None-Match": tag}, timeout=60).status_code == 200


def test_what_is_no_layout(env):
    s = env.server
    for name in ("a%20b", "%2e%2e%2fetc", "a%27b", "%C3%BC", "n" * 65):
        assert_problem(put(s, name, {}), 400)
    for body in (b"[]", b"{}{}", b'{"a":\xff}'):
        assert_problem(put(s, "odd", body), 400)
    assert_problem(put(s, "odd", b'{"a":"' + b"x" * (64 << 10) + b'"}'), 413)
    assert_problem(put(s, "odd", {}, {**NEW, "Origin": "https://elsewhere.example"}), 403)
    assert "odd" not in listed(s)


def test_survives_restart_and_reindex(env):
    s = env.fresh()
    assert put(s, "kept", {"here": True}).status_code == 204
    s.kill()
    code, text = run(BINARY, "reindex", "--data", s.data, "--json", check=False)
    assert code == 0 and json.loads(text)["layouts"] == 1, text
    s.start()
    assert listed(s)["kept"]["layout"] == {"here": True}


def test_described(env):
    paths = web.get(f"{env.server.http}/api/openapi.json").json()["paths"]
    assert set(paths["/api/v1/viewer/layouts"]) >= {"get"}
    assert set(paths["/api/v1/viewer/layouts/{layout}"]) >= {"get", "put", "delete"}
