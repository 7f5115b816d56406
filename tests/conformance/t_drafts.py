"""Drafts of readers: /api/v1/drafts/{study}, its conditions, bounds and life.   RFC 9110 §13.1, RFC 6585 §3"""

import json
import os

from lib import objects, web
from lib.fixtures import BINARY, run
from lib.web import SESSION, assert_problem, stow

JSON = {"Content-Type": "application/json"}
NEW = {**JSON, "If-None-Match": "*"}


def study_of(env, s):
    ds = objects.make()
    stow(f"{s.web}/studies", [objects.file_bytes(ds)], 200)
    return ds.StudyInstanceUID


def url(s, study):
    return f"{s.http}/api/v1/drafts/{study}"


def put(s, study, body, headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SESSION.put(url(s, study), data=data, headers=headers, timeout=60)


def test_put_get_delete(env):
    s = env.server
    study = study_of(env, s)
    assert SESSION.get(url(s, study), timeout=60).status_code == 204
    r = put(s, study, {"marks": [1, "ü"]}, NEW)
    assert r.status_code == 204 and r.headers["ETag"], r.text
    g = SESSION.get(url(s, study), timeout=60)
    assert g.status_code == 200 and g.json() == {"marks": [1, "ü"]} and g.headers["ETag"] == r.headers["ETag"]
    assert "no-cache" in g.headers["Cache-Control"] and g.headers["Content-Type"].startswith("application/json")
    fresh = SESSION.get(url(s, study), headers={"If-None-Match": g.headers["ETag"]}, timeout=60)
    assert fresh.status_code == 304, fresh.status_code
    assert SESSION.delete(url(s, study), timeout=60).status_code == 204
    assert_problem(SESSION.delete(url(s, study), timeout=60), 404)


def test_two_windows(env):
    """Whoever has not seen what stands there does not overwrite it."""
    s = env.server
    study = study_of(env, s)
    first = put(s, study, {"n": 1}, NEW).headers["ETag"]
    assert_problem(put(s, study, {"n": 0}, NEW), 412)
    second = put(s, study, {"n": 2}, {**JSON, "If-Match": first})
    assert second.status_code == 204 and second.headers["ETag"] != first
    assert_problem(put(s, study, {"n": 3}, {**JSON, "If-Match": first}), 412)
    assert_problem(put(s, study, {"n": 3}, {**JSON, "If-Match": '"nonsense"'}), 412)
    assert_problem(put(s, study, {"n": 3}, JSON), 428)
    assert_problem(SESSION.delete(url(s, study), headers={"If-Match": first}, timeout=60), 412)
    assert SESSION.get(url(s, study), timeout=60).json() == {"n": 2}
    assert put(s, study, {"n": 4}, {**JSON, "If-Match": "*"}).status_code == 204


def test_what_is_no_draft(env):
    s = env.server
    study = study_of(env, s)
    for body in (b"", b"[]", b"{", b"{}{}", b'{"a":\xff}', b"null", b"<html>"):
        assert_problem(put(s, study, body, NEW), 400)
    assert_problem(put(s, study, b"{}", {"If-None-Match": "*", "Content-Type": "text/plain"}), 415)
    assert_problem(put(s, study, b'{"a":"' + b"x" * (1 << 20) + b'"}', NEW), 413)
    assert put(s, study, b'{"a":"' + b"x" * ((1 << 20) - 8) + b'"}', NEW).status_code == 204
    assert_problem(put(s, "1.2.3.4.5.6", {}, NEW), 404)
    assert_problem(put(s, "no-uid", {}, NEW), 400)


def test_foreign_pages(env):
    """A page of another origin changes nothing, and by no name but ours is it answered."""
    s = env.server
    study = study_of(env, s)
    foreign = {"Origin": "https://elsewhere.example"}
    assert_problem(put(s, study, {}, {**NEW, **foreign}), 403)
    assert put(s, study, {"mine": 1}, NEW).status_code == 204
    assert_problem(SESSION.delete(url(s, study), headers=foreign, timeout=60), 403)
    r = SESSION.get(url(s, study), headers=foreign, timeout=60)
    assert "Access-Control-Allow-Origin" not in r.headers
    assert_problem(SESSION.get(url(s, study), headers={"Host": "elsewhere.example"}, timeout=60), 421)


def test_goes_with_its_study(env):
    s = env.server
    study, other = study_of(env, s), study_of(env, s)
    for uid in (study, other):
        assert put(s, uid, {"of": uid}, NEW).status_code == 204
    assert SESSION.delete(f"{s.web}/studies/{study}", timeout=60).status_code == 204
    assert SESSION.get(url(s, study), timeout=60).status_code == 204
    assert SESSION.get(url(s, other), timeout=60).json() == {"of": other}


def test_survives_restart_and_reindex(env):
    s = env.fresh()
    study = study_of(env, s)
    assert put(s, study, {"kept": True}, NEW).status_code == 204
    s.kill()
    code, text = run(BINARY, "reindex", "--data", s.data, "--json", check=False)
    assert code == 0 and json.loads(text)["drafts"] == 1 and json.loads(text)["old_index_unread"] is False, text
    s.start()
    assert SESSION.get(url(s, study), timeout=60).json() == {"kept": True}


def test_in_a_backup(env):
    s = env.fresh()
    study = study_of(env, s)
    assert put(s, study, {"kept": True}, NEW).status_code == 204
    folder = os.path.join(env.tmp(), "backup")
    s.stop()
    run(BINARY, "backup", "--data", s.data, folder)
    again = os.path.join(env.tmp(), "again")
    run(BINARY, "restore", folder, "--data", again)
    back = env.fresh(data=again)
    assert SESSION.get(url(back, study), timeout=60).json() == {"kept": True}


def test_described(env):
    paths = web.get(f"{env.server.http}/api/openapi.json").json()["paths"]
    assert set(paths["/api/v1/drafts/{study}"]) >= {"get", "put", "delete"}
