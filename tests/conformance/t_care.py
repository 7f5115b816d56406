"""Looking after what is stored: verify and reindex from the command line, verify through a running server, the list of
damages, the scrub's figures."""

import glob
import json
import os
import time

from lib import objects, web
from lib.fixtures import BINARY, run


def stored(env):
    """A server of our own that holds one study, and that study."""
    s = env.fresh()
    study = objects.make_study(env.tmp())
    for f, _ in study:
        assert s.importing(f)["stored"] == 1
    return s, study


def verify(s, *args):
    return run(BINARY, "verify", "--data", s.data, *args, check=False)


def studies(s):
    """All that QIDO-RS says of them, but where they are to be had: the port is another one after a restart."""
    return [{tag: v for tag, v in item.items() if tag != "00081190"} for item in web.query(f"{s.web}/studies?includefield=all")]


def spoil(s):
    """One byte of the last object in the segment; the second time it is right again."""
    path = sorted(glob.glob(os.path.join(s.data, "seg", "*.tar")))[0]
    with open(path, "r+b") as f:
        data = f.read()
        at = data.rindex(b"DICM") + 1500
        f.seek(at)
        f.write(bytes([data[at] ^ 0x40]))


def test_verify_of_a_folder(env):
    s, study = stored(env)
    s.stop()
    for args in ((), ("--full",)):
        code, text = verify(s, *args)
        assert code == 0 and f"{len(study)} objects" in text and "0 wrong" in text, text
    code, text = verify(s, "--full", "--json")
    report = json.loads(text)
    assert code == 0 and report["complete"] and report["instances"] == len(study) and report["findings"] == [], report
    spoil(s)
    code, text = verify(s)
    assert code == 0, text  # a quick look reads no content
    code, text = verify(s, "--full")
    assert code == 1 and "content" in text and "restore it" in text, text
    code, text = verify(s, "--full", "--json")
    report = json.loads(text)
    assert code == 1 and report["found"]["content"] == 1 and report["left"] == 1, report
    assert report["findings"][0]["sop_instance_uid"] in {ds.SOPInstanceUID for _, ds in study}
    code, text = run(BINARY, "verify", "--data", os.path.join(s.data, "none"), check=False)
    assert code == 1, text
    code, text = run(BINARY, "verify", "--nonsense", check=False)
    assert code == 2, text


def test_verify_by_the_server(env):
    s, study = stored(env)
    api = s.web.replace("/dicom-web", "/api/v1")
    assert web.get(f"{api}/verify").json()["state"] == "idle"
    code, text = verify(s, "--full")
    assert code == 0 and f"{len(study)} objects" in text, text
    answer = web.get(f"{api}/verify").json()
    assert answer["state"] == "ended" and answer["complete"] and answer["left"] == 0, answer
    assert answer["instances"] == len(study) and answer["bytes"] == answer["bytes_all"] > 0, answer

    spoil(s)
    code, text = verify(s, "--full", "--repair")
    assert code == 1 and "content" in text, text
    damage = web.get(f"{api}/damage").json()
    assert damage["damaged"] == 1, damage
    assert damage["objects"][0]["study_instance_uid"] == study[0][1].StudyInstanceUID, damage
    assert web.get(f"{api}/stats").json()["scrub"]["damaged"] == 1
    code, text = run(BINARY, "doctor", "--config", s.config, "--data", s.data, check=False)
    assert code == 1 and "1 stored objects are damaged" in text, text
    spoil(s)  # right again
    code, text = verify(s, "--full", "--repair")
    assert code == 0, text
    assert web.get(f"{api}/damage").json() == {"damaged": 0, "objects": []}
    assert "/api/v1/verify" in web.get(s.web.replace("/dicom-web", "/api/openapi.json")).json()["paths"]


def test_the_scrub_goes_round(env):
    """The first round begins at once; a restart finds that it has been."""
    s, study = stored(env)
    stats = s.web.replace("/dicom-web", "/api/v1/stats")
    until = time.monotonic() + 30
    scrub = web.get(stats).json()["scrub"]
    while scrub["last_ended_us"] == 0 and time.monotonic() < until:
        time.sleep(0.1)
        scrub = web.get(stats).json()["scrub"]
    assert scrub["enabled"] and scrub["last_ended_us"] >= scrub["last_began_us"] > 0, scrub
    assert 0 <= scrub["oldest_unchecked_s"] < 60, scrub
    s.stop()
    s.start()
    again = web.get(s.web.replace("/dicom-web", "/api/v1/stats")).json()["scrub"]
    assert again["last_ended_us"] >= scrub["last_ended_us"], again


def test_reindex(env):
    s, study = stored(env)
    code, text = run(BINARY, "reindex", "--data", s.data, check=False)
    assert code == 1 and "stop the server" in text, text
    before = studies(s)
    s.stop()
    code, was = verify(s, "--dump")
    assert code == 0 and was.count("\ninstance ") == len(study), was
    for name in glob.glob(os.path.join(s.data, "index.db*")):
        os.remove(name)
    code, text = run(BINARY, "reindex", "--data", s.data, "--verify", "--json", check=False)
    report = json.loads(text)
    assert code == 0 and report["instances"] == len(study) and report["failed"] == 0, text
    assert verify(s, "--dump") == (0, was)
    assert verify(s, "--full")[0] == 0
    s.start()
    assert studies(s) == before
