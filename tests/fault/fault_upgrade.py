#!/usr/bin/env python3
"""An archive of an older program (index schema 1 and 2) is opened by this one, which is killed at a call of the upgrade, at
each in turn; then it is opened again. Every object must be found and be the same, counts right, the schema the newest."""

import os
import shutil
import sqlite3
import sys
import tempfile

from fault_peer import HERE, Association, Object, Place, Skip, figure, main
from fault_rot import members
from server import HOOK, Hook

CHANGES = 1 | 2 | 4 | 8 | 16 | 64  # fault_hook.h
KILLS = {"before": 1, "after": 2, "torn": 3}
FOLDED = ("patient", "study", "series")


def copy_rows(new, old):
    """What the old schema has room for; the words to search by are made anew."""
    tables = [r[0] for r in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if "_text" in table or table.startswith("sqlite_"):
            continue
        columns = [r[1] for r in old.execute(f"PRAGMA table_info({table})")]
        there = {r[1] for r in new.execute(f"PRAGMA table_info({table})")}
        names = ", ".join(c for c in columns if c in there)
        if names:
            rows = new.execute(f"SELECT {names} FROM {table}").fetchall()
            marks = ", ".join("?" * len(names.split(", ")))
            old.execute(f"DELETE FROM {table}")
            old.executemany(f"INSERT INTO {table}({names}) VALUES({marks})", rows)
    for table in FOLDED:
        words = [r[1] for r in old.execute(f"PRAGMA table_info({table}_text)")]
        names = ", ".join(words)
        old.execute(f"INSERT INTO {table}_text(rowid, {names}) SELECT id, {names} FROM {table}")


def old_archive(place, version):
    """(folder, objects) as a program of that schema would have left it."""
    server = place.server().start()
    objects = [Object(n, 800 if n % 6 == 5 else 40, root="1.2.826.0.84") for n in range(12)]
    with Association(server) as a:
        for o in objects:
            if a.store(o) != 0:
                raise AssertionError("not stored")
    if server.stop() != 0:
        raise AssertionError("the server did not end well")
    path = os.path.join(server.data, "index.db")
    new = sqlite3.connect(path)
    headers = new.execute("SELECT count(*) FROM header").fetchone()[0]
    if headers != len(objects):
        raise Skip(f"{headers} headers of {len(objects)}: the series have settled already")
    old = sqlite3.connect(path + ".old")
    for step in range(1, version + 1):
        with open(os.path.join(HERE, f"schema_{step}.sql")) as f:
            old.executescript(f.read())
    copy_rows(new, old)
    new.close()
    for name in sorted(os.listdir(os.path.join(server.data, "seg"))):
        end = [at + 512 + (size + 511) // 512 * 512 for at, _, size in members(os.path.join(server.data, "seg", name))]
        if end:
            old.execute("INSERT OR REPLACE INTO segment VALUES(1, ?, ?)", (int(name[:8]), end[-1]))
    old.execute("PRAGMA journal_mode = WAL")
    old.execute(f"PRAGMA user_version = {version}")
    old.commit()
    old.close()
    for name in os.listdir(server.data):
        if name.startswith("index.db") and not name.endswith(".old") or name == "volume.json":
            os.unlink(os.path.join(server.data, name))
    os.rename(path + ".old", path)
    return server.data, objects


def upgrade(version):
    def case(full):
        if not os.path.exists(HOOK):
            raise Skip("fault_hook.so is not built (./dev fault builds it)")
        wrong, lost, altered, points = [], [], [], 0
        with Place() as place:
            base, objects = old_archive(place, version)

            def fresh():
                data = os.path.join(tempfile.mkdtemp(dir=place.folder), "data")
                shutil.copytree(base, data)
                hook = Hook(data + ".control", data)
                hook.control.kinds = CHANGES
                env = {"LD_PRELOAD": HOOK, "FAULT_CONTROL": hook.path}
                return place.server(data=data, env=env), hook

            server, hook = fresh()
            server.start()
            calls = hook.control.count
            newest = None
            for kind, action in KILLS.items() if full else list(KILLS.items())[::2]:
                for n in range(0, calls, 1 if full else max(1, calls // 4)):
                    server, hook = fresh()
                    c = hook.control
                    c.action, c.at = action, n
                    started = server.launch().ready()
                    if started and c.fired == 0:
                        server.stop()
                    elif not started and server.child.returncode != -9:
                        wrong.append(f"{kind} call {n}: it ended with {server.child.returncode}: {server.log()[-200:]}")
                    points += 1
                    if started and server.alive():
                        server.kill()
                    c.at = -1
                    server.start()
                    found = server.check(objects)
                    lost += found[0]
                    altered += found[1]
                    more = Object(100 + n, 40, root="1.2.826.0.84")
                    with Association(server) as a:
                        if a.store(more) != 0:
                            wrong.append(f"{kind} call {n}: nothing can be stored afterwards")
                    studies = {o.study for o in objects} | {more.study}
                    if len(server.qido("/studies")) != len(studies) or len(server.qido("/instances?limit=100")) != len(objects) + 1:
                        wrong.append(f"{kind} call {n}: the counts are wrong")
                    if server.stop() != 0:
                        wrong.append(f"{kind} call {n}: the server ended with {server.why_dead()}")
                    db = sqlite3.connect(os.path.join(server.data, "index.db"))
                    now = db.execute("PRAGMA user_version").fetchone()[0]
                    if db.execute("PRAGMA integrity_check").fetchone()[0] != "ok" or newest not in (None, now) or now <= version:
                        wrong.append(f"{kind} call {n}: schema {now}, or a damaged index")
                    newest = now
                    db.close()
                    shutil.rmtree(os.path.dirname(server.data))
        figure(f"upgrade-from-{version}", points=points, acknowledged=len(objects), lost=len(lost), mismatches=len(altered),
               violations=len(wrong), calls=calls, schema=newest)
        if wrong or lost or altered:
            raise AssertionError(f"{'; '.join(wrong[:3])} lost {lost[:3]} altered {altered[:3]}")
    return case


if __name__ == "__main__":
    sys.exit(main({f"upgrade-from-{v}": upgrade(v) for v in (1, 2)}, __doc__))
