"""The processes in which libraries decode: what befalls them costs a frame and never the server; they can reach nothing
and outlive nobody; and no malformed image, however it is broken, is more than an error."""

import collections
import os
import signal
import time
import warnings

import pydicom
from lib import samples, web
from lib.fixtures import Skip, wait_for

SAMPLE = "transfer-syntaxes/syn-matrix/rgb-odd--jpegls80.dcm"


def children(pid):
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/stat", "rb") as f:
                stat = f.read().rsplit(b")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if name.isdigit() and int(stat[1]) == pid and stat[0] != b"Z":
            found.append(int(name))
    return found


def workers_of(s):
    zygote, = children(s.process.pid)
    return children(zygote)


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def instance(s, path):
    ds = pydicom.dcmread(path, force=True, stop_before_pixels=True)
    ids = [str(ds[t].value).strip("\0 ") for t in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    return f"{s.web}/studies/{ids[0]}/series/{ids[1]}/instances/{ids[2]}"


def serving(env, **config):
    """A server that holds a JPEG-LS image, and the URL of that."""
    s = env.fresh(codec_workers=1, **config)
    s.importing(samples.path(SAMPLE))
    return s, instance(s, samples.path(SAMPLE)) + "/rendered"


def test_a_worker_killed(env):
    s, url = serving(env)
    web.get(url + "?viewport=10,10", "image/png")
    first, = workers_of(s)
    for size in range(11, 16):
        worker, = workers_of(s)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda gone=worker: gone not in workers_of(s), 5, "the worker's end")
        web.get(f"{url}?viewport={size},{size}", "image/png")
    assert workers_of(s) != [first]
    s.assert_alive()


def test_a_worker_that_hangs(env):
    s, url = serving(env, codec_frame_ms_max=1000)
    web.get(url + "?viewport=10,10", "image/png")
    worker, = workers_of(s)
    os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    r = web.get(url + "?viewport=11,11", "image/png", None)
    took = time.monotonic() - began
    assert r.status_code >= 400 and r.headers["Content-Type"] == "application/problem+json", r.text
    assert 0.9 < took < 20, f"{took:.1f} s"
    web.get(url + "?viewport=12,12", "image/png")
    assert worker not in workers_of(s), "the worker that hung is still there"
    s.assert_alive()


def test_they_reach_nothing(env):
    s, url = serving(env)
    web.get(url, "image/png")
    worker, = workers_of(s)
    status = status_of(worker)
    if status.get("Seccomp") != "2":
        raise Skip("no seccomp on this system")
    assert status["NoNewPrivs"] == "1", status
    try:
        links = {os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")}
    except PermissionError:
        return  # only root may look
    known = ("socket:", "/memfd:frames", "/dev/null", "anon_inode:[pidfd]", s.process.err_path)
    assert all(link.startswith(known) for link in links), links


def test_they_outlive_nobody(env):
    s, url = serving(env)
    web.get(url, "image/png")
    zygote, = children(s.process.pid)
    all_of_them = [zygote, *workers_of(s)]
    assert len(all_of_them) == 2
    s.kill()
    wait_for(lambda: not any(os.path.exists(f"/proc/{p}") and status_of(p)["State"][0] != "Z" for p in all_of_them), 5,
             "the end of the server's processes")
    s.start()
    web.get(instance(s, samples.path(SAMPLE)) + "/rendered", "image/png")


def test_signals_to_all_of_them(env):
    """A terminal and a service manager signal the whole group: the server drains with its workers at hand."""
    s, url = serving(env)
    web.get(url, "image/png")
    for p in (*workers_of(s), *children(s.process.pid)):
        for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(p, n)
    web.get(url + "?viewport=9,9", "image/png")
    s.stop()


def test_malformed_images(env):
    """A picture of what there is, or an error with words; within seconds, and nothing dies of it but a worker."""
    warnings.simplefilter("ignore")  # pydicom's, of what we know is broken
    s, url = serving(env)
    names = [n for n in samples.malformed() if not n.endswith(("DICOMDIR", ".json"))]
    summary = s.importing(*[samples.path(n) for n in names], timeout=900)
    told, problems = collections.Counter(), []
    for path in (f["path"] for f in summary["files"] if f["outcome"] == "stored"):
        try:
            image = instance(s, path)
        except Exception:  # noqa: BLE001: pydicom cannot; others look at those
            continue
        began = time.monotonic()
        r = web.get(image + "/rendered", "image/jpeg", None)
        took = time.monotonic() - began
        told[r.status_code] += 1
        name = os.path.basename(path)
        if took > 10:
            problems.append(f"{name}: {took:.1f} s")
        if r.status_code != 200 and not (r.headers["Content-Type"] == "application/problem+json" and r.json()["detail"]):
            problems.append(f"{name}: {r.status_code} {r.text[:100]}")
    web.get(url, "image/png")
    s.assert_alive()
    print(f"    {sum(told.values())} stored ones rendered: {dict(told)}", flush=True)
    assert not problems, problems[:10]
    assert told[200] > 0 or not samples.IS_WHOLE
