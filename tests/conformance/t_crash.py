"""kill -9 during ingest, and the restart: everything acknowledged is found, identical; a full disk is an error."""

import os
import threading
import time

from lib import dimse, objects, web
from lib.fixtures import BINARY, Skip, run


def acknowledged_until_killed(s, datasets, seconds, senders=3):
    """Stores from several associations until the server is killed: the data sets that were answered 0x0000."""
    done, lock, queue = [], threading.Lock(), list(datasets)

    def sender(n):
        try:
            with dimse.associate(s, [objects.CT], ae_title=f"S{n}") as assoc:
                while True:
                    with lock:
                        if not queue:
                            return
                        d = queue.pop()
                    status = assoc.send_c_store(d)
                    if "Status" not in status:
                        return
                    if status.Status == 0:
                        with lock:
                            done.append(d)
        except (AssertionError, RuntimeError, ValueError, OSError):
            return  # the server is gone

    threads = [threading.Thread(target=sender, args=(n,), daemon=True) for n in range(senders)]
    for t in threads:
        t.start()
    time.sleep(seconds)
    s.kill()
    for t in threads:
        t.join(30)
    return done


def check(s, datasets):
    for d in datasets:
        r = web.get(f"{s.web}/studies/{d.StudyInstanceUID}/series/{d.SeriesInstanceUID}/instances/{d.SOPInstanceUID}",
                    'multipart/related; type="application/dicom"; transfer-syntax=*')
        objects.assert_same(objects.file_bytes(d), web.parts_of(r)[0][1], d.SOPInstanceUID)


def test_kill_during_c_store(env):
    s = env.fresh()
    total = 0
    for after in (0.4, 0.9, 1.5):
        study = [d for _, d in objects.make_study(env.tmp(), series=1, instances=600, rows=64, columns=64)]
        done = acknowledged_until_killed(s, study, after)
        total += len(done)
        s.start()
        check(s, done)
        if done:
            rows = {web.value(r, "00080018") for r in web.query(f"{s.web}/studies/{done[0].StudyInstanceUID}/instances?limit=1000")}
            missing = {d.SOPInstanceUID for d in done} - rows
            assert not missing, f"{len(missing)} acknowledged instances not found"
            count, = web.query(f"{s.web}/studies?StudyInstanceUID={done[0].StudyInstanceUID}")
            assert web.value(count, "00201208") == len(rows), "the study's count is not what it holds"
        again = dimse.store(s, study[:50])
        assert all(x.Status == 0 for x in again), "sending again after the restart fails"
    print(f"    {total} instances acknowledged before three kills, all there", flush=True)
    assert total > 0


def test_kill_during_stow(env):
    s = env.fresh()
    done = []

    def sender():
        try:
            for _ in range(10000):
                d = objects.make(rows=64, columns=64)
                code, answer = web.stow(f"{s.web}/studies", [objects.file_bytes(d)], None)
                if code == 200 and web.stored_uids(answer):
                    done.append(d)
        except Exception:  # noqa: BLE001: whatever a dead server makes of a request
            return

    t = threading.Thread(target=sender, daemon=True)
    t.start()
    time.sleep(1.2)
    s.kill()
    t.join(20)
    s.start()
    check(s, done)
    print(f"    {len(done)} acknowledged before the kill, all there", flush=True)
    assert done


def test_kill_during_import_then_again(env):
    """Import can be run again safely: what was stored is `already`, the rest follows."""
    import signal
    import subprocess
    s = env.fresh()
    s.stop()
    folder = env.tmp()
    study = objects.make_study(folder, series=1, instances=1500)
    p = subprocess.Popen([BINARY, "import", "--data", s.data, folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.15)
    p.send_signal(signal.SIGKILL)
    p.wait()
    summary = s.importing(folder)
    assert summary["stored"] + summary["already"] == 1500 and summary["failed"] == 0, {k: summary[k] for k in summary if k != "files"}
    print(f"    {summary['already']} were stored before the kill", flush=True)
    s.start()
    check(s, [d for _, d in study[::100]])
    rows = web.query(f"{s.web}/studies?StudyInstanceUID={study[0][1].StudyInstanceUID}")
    assert web.value(rows[0], "00201208") == 1500


def test_stop_and_start(env):
    s = env.fresh()
    study = [d for _, d in objects.make_study(env.tmp())]
    dimse.store(s, study)
    for _ in range(3):
        s.stop()
        s.start()
    check(s, study)


def test_second_server_on_the_same_data(env):
    """Refused with one line that says who holds the folder."""
    s = env.fresh()
    code, text = run(BINARY, "serve", "--data", s.data, "--http-port", "0", "--dicom-port", "0", check=False, timeout=20)
    assert code != 0 and s.data in text or "use" in text or "held" in text, (code, text)
    s.assert_alive()


def test_full_disk(env):
    """On a small tmpfs: out of resources (0xA7xx, 5xx) for what does not fit; what was acknowledged stays whole."""
    if os.geteuid() != 0:
        raise Skip("needs root to mount a small file system")
    folder = env.tmp()
    code, text = run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder, check=False)
    if code != 0:
        raise Skip(f"no tmpfs can be mounted here: {text.strip()}")
    s = None
    try:
        s = env.fresh(data=os.path.join(folder, "data"))
        done, refused = [], []
        for _ in range(80):
            d = objects.make(rows=512, columns=512)
            status, = dimse.store(s, [d])
            (done if status.get("Status") == 0 else refused).append((d, status.get("Status")))
            if len(refused) >= 5:
                break
        assert refused, "80 slices of 512 KB fit into 24 MB"
        assert all(code is not None and code & 0xFF00 == 0xA700 for _, code in refused), [hex(c or 0) for _, c in refused]
        check(s, [d for d, _ in done])
        s.assert_alive()
        for d, _ in refused:
            assert web.query(f"{s.web}/studies?StudyInstanceUID={d.StudyInstanceUID}") == []
        s.kill()
        s.start()
        check(s, [d for d, _ in done])
        s.stop()
    finally:
        if s:
            s.process.end()
        run("umount", folder, check=False)
