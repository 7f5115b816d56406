"""Backup beside a working server, restore, and having back what was removed, by command and over HTTP."""

import json
import os
import threading

from lib import objects, web
from lib.fixtures import BINARY, Isocenter, run, wait_for


def command(*args, code=0):
    got, text = run(BINARY, *args, check=False)
    assert got == code, text
    return text


def report_of(text):
    return json.loads(text[text.index("{"):text.rindex("}") + 1])


def study_url(s, ds):
    return f"{s.web}/studies/{ds.StudyInstanceUID}"


def api(s, path):
    return s.web.replace("/dicom-web", "/api/v1") + path


def instances(s, ds):
    return len(web.query(study_url(s, ds) + "/instances"))


def object_of(s, ds):
    url = f"{study_url(s, ds)}/series/{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}"
    return web.parts_of(web.get(url, 'multipart/related; type="application/dicom"; transfer-syntax=*'))[0][1]


def test_backup_under_load_and_restore(env):
    s, target, folder = env.fresh(), os.path.join(env.tmp(), "target"), env.tmp()
    acknowledged, done = [], threading.Event()

    def load():
        while not done.is_set():
            ds = objects.make(rows=64, columns=64)
            web.stow(f"{s.web}/studies", [objects.file_bytes(ds)])
            acknowledged.append(ds)

    sender = threading.Thread(target=load)
    sender.start()
    ledgers = []
    try:
        for _ in range(3):
            wait_for(lambda: len(acknowledged) > 10 * (len(ledgers) + 1), seconds=60, what="some objects")
            before = list(acknowledged)
            r = report_of(command("backup", target, "--data", s.data, "--json"))
            assert r["complete"] and r["instances"] >= len(before), (r, len(before))
            ledgers.append((r["generation"], before))
    finally:
        done.set()
        sender.join()
    s.stop()
    assert command("backup", target, "--list").split() == [g for g, _ in reversed(ledgers)]
    for i, (generation, before) in enumerate(ledgers):
        data = os.path.join(folder, f"back{i}")
        options = [] if i + 1 == len(ledgers) else ["--at", generation]
        r = report_of(command("restore", target, "--data", data, "--verify", "--json", *options))
        assert r["verified"] and r["wrong"] == 0, r
        back = Isocenter(env.tmp(), data=data)
        try:
            for ds in before:
                assert object_of(back, ds) == objects.file_bytes(ds)
        finally:
            back.stop()
    assert "is not empty" in command("restore", target, "--data", os.path.join(folder, "back0"), code=1)


def test_two_volumes_come_back_elsewhere(env):
    """Objects of both volumes are in the backup; restored, volume 2 goes where it is told, and the configuration names it there."""
    target, second, back2 = (os.path.join(env.tmp(), name) for name in ("target", "second", "back2"))
    s = env.fresh()
    first = objects.make(rows=64, columns=64)
    web.stow(f"{s.web}/studies", [objects.file_bytes(first)])
    s.stop()
    os.mkdir(second)
    s = Isocenter(env.tmp(), data=s.data, stop_free_bytes=1 << 60, volumes=[{"path": second, "stop_free_bytes": 0}])
    try:  # volume 1 is taken for full: what comes now goes to volume 2
        later = objects.make(rows=64, columns=64)
        web.stow(f"{s.web}/studies", [objects.file_bytes(later)])
        assert any(os.scandir(os.path.join(second, "seg"))), "nothing went to volume 2"
        r = report_of(command("backup", target, "--config", s.config, "--data", s.data, "--json"))
        assert r["complete"] and r["instances"] == 2, r
    finally:
        s.stop()
    data = os.path.join(env.tmp(), "back")
    moved = Isocenter.configured(env.tmp(), volumes=[{"path": back2, "stop_free_bytes": 0}])
    r = report_of(command("restore", target, "--data", data, "--volume", f"2={back2}", "--config", moved, "--verify", "--json"))
    assert r["verified"] and r["wrong"] == 0, r
    for name in os.listdir(second):  # what comes back must come from the backup
        os.rename(os.path.join(second, name), os.path.join(second, name + ".away"))
    back = Isocenter(env.tmp(), data=data, volumes=[{"path": back2, "stop_free_bytes": 0}])
    try:
        for ds in (first, later):
            assert object_of(back, ds) == objects.file_bytes(ds)
    finally:
        back.stop()


def test_nothing_new_costs_nothing(env):
    s, target = env.fresh(), os.path.join(env.tmp(), "target")
    web.stow(f"{s.web}/studies", [objects.file_bytes(objects.make()) for _ in range(3)])
    s.stop()  # without a server it works as well
    first = report_of(command("backup", target, "--data", s.data, "--json"))
    second = report_of(command("backup", target, "--data", s.data, "--json", "--keep", "1"))
    assert first["files_copied"] == first["files"] > 0, first
    assert (second["files_copied"], second["pruned"]) == (0, 1), second


def test_wrong_usage(env):
    s = env.fresh()
    command("backup", code=2)
    command("restore", env.tmp(), code=2)  # into which folder?
    assert "no complete backup" in command("restore", env.tmp(), "--data", os.path.join(env.tmp(), "x"), code=1)
    assert "something else" in command("backup", s.data, "--data", s.data, code=1)
    for name in ("backup", "restore", "undelete"):
        assert f"usage: isocenter {name}" in command(name, "--help")


def test_removed_and_had_back(env):
    s = Isocenter(env.tmp(), removal_grace_s=3600)
    try:
        study = [objects.make() for _ in range(3)]
        for ds in study[1:]:
            ds.StudyInstanceUID = study[0].StudyInstanceUID
            ds.SeriesInstanceUID = study[0].SeriesInstanceUID
        web.stow(f"{s.web}/studies", [objects.file_bytes(ds) for ds in study])
        uid = study[0].StudyInstanceUID
        for way in ("http", "command", "folder"):
            assert web.SESSION.delete(study_url(s, study[0]), timeout=30).status_code == 204
            listed = web.SESSION.get(api(s, "/removed"), timeout=30).json()["removed"]
            assert [(r["study_uid"], r["objects"]) for r in listed] == [(uid, 3)], listed
            assert listed[0]["until_us"] - listed[0]["removed_us"] > 3599 * 10**6
            if way == "http":
                r = web.SESSION.post(api(s, f"/removed/{uid}/restore"), timeout=30)
                assert r.json() == {"restored": 3, "present": 0, "failed": 0}, r.text
            elif way == "command":
                assert uid in command("undelete", "--data", s.data)
                assert report_of(command("undelete", "--data", s.data, uid))["restored"] == 3
            else:
                s.stop()
                assert report_of(command("undelete", "--data", s.data, uid))["restored"] == 3
                s.start()
            assert instances(s, study[0]) == 3
            assert object_of(s, study[1]) == objects.file_bytes(study[1])
            assert web.SESSION.get(api(s, "/removed"), timeout=30).json() == {"removed": []}
        assert web.SESSION.post(api(s, f"/removed/{uid}/restore"), timeout=30).status_code == 404
        assert "nothing" in command("undelete", "--data", s.data, uid, code=1)
    finally:
        s.stop()


def test_quota_and_protection(env):
    s = Isocenter(env.tmp(), quota_bytes=60000)
    try:
        first = objects.make(rows=64, columns=64)
        url = api(s, f"/studies/{first.StudyInstanceUID}/protection")
        assert web.SESSION.put(url, timeout=30).status_code == 404
        web.stow(f"{s.web}/studies", [objects.file_bytes(first)])
        assert web.SESSION.put(url, timeout=30).status_code == 204
        assert web.SESSION.get(url, timeout=30).json() == {"protected": True}
        assert web.SESSION.delete(url, timeout=30).status_code == 204
        assert web.SESSION.get(url, timeout=30).json() == {"protected": False}

        def refused():
            ds = objects.make(rows=64, columns=64)
            status, answer = web.stow(f"{s.web}/studies", [objects.file_bytes(ds)], status=None)
            return status == 507 or f"{0xA700}" in json.dumps(answer)

        wait_for(refused, seconds=30, what="the quota")
        # the figures are taken anew ten times a second
        wait_for(lambda: web.SESSION.get(api(s, "/quota"), timeout=30).json()["full"], what="the status of the quota")
        status = web.SESSION.get(api(s, "/quota"), timeout=30).json()
        assert status["bytes"] >= 60000 and not status["recycles"], status
    finally:
        s.stop()
