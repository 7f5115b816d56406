"""Sending to configured peers on demand: /api/v1/peers and /api/v1/send.   PS3.4 Annex B"""

import os
import time

import requests
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from lib import dimse, fixtures, objects
from lib.dimse import AE, evt
from lib.fixtures import wait_for
from t_retrieve import check, empty_inbox


class Receiver:
    """A storage SCP of pynetdicom that answers as it is told."""

    def __init__(self, answer, port=0, title="RECEIVER", require_called=False):
        self.came = []
        self.ae = AE(ae_title=title)
        self.ae.require_called_aet = require_called
        self.ae.add_supported_context(objects.CT, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])

        def on_store(event):
            self.came.append(str(event.request.AffectedSOPInstanceUID))
            return answer(self, event)

        self.scp = self.ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store)])
        self.port = self.scp.socket.getsockname()[1]

    def stop(self):
        self.scp.shutdown()


def filled(env, answer=None, receiver=None, send_tries=2, **config):
    """(server, study UID, {uid: path}, receiver): a server with six objects and that one peer."""
    there = receiver or (env.keep(Receiver(answer)) if answer else None)
    peers = [("RECEIVER", there.port)] if there else [("RECEIVER", fixtures.free_port())]
    s = env.fresh(peers=peers, send_tries=send_tries, **config)
    study = objects.make_study(env.tmp())
    for status in dimse.store(s, [d for _, d in study]):
        assert status.Status == 0, status
    return s, str(study[0][1].StudyInstanceUID), {str(d.SOPInstanceUID): p for p, d in study}, there


def post(s, status=202, peer="RECEIVER", **lists):
    r = requests.post(f"{s.http}/api/v1/send", json={"peer": peer, **lists}, timeout=30)
    assert r.status_code == status, (r.status_code, r.text)
    if status == 202:
        assert r.headers["Location"] == f"/api/v1/send/{r.json()['id']}"
    return r.json()


def job(s, made):
    r = requests.get(f"{s.http}/api/v1/send/{made['id']}", timeout=30)
    assert r.status_code == 200, r.text
    return r.json()


def ended(s, made, seconds=30):
    return wait_for(lambda: (lambda j: j if "ended_us" in j else None)(job(s, made)), seconds, "the end of the job")


def test_to_storescp(env):
    s, inbox = env.server, env.storescp
    assert requests.get(f"{s.http}/api/v1/peers", timeout=30).json() == {"peers": [{"aet": inbox.aet}]}
    study = objects.make_study(os.path.join(env.folder, "sent"))
    dimse.store(s, [d for _, d in study])
    want = {d.SOPInstanceUID: p for p, d in study}
    uid = str(study[0][1].StudyInstanceUID)
    empty_inbox(env)
    made = post(s, peer=inbox.aet, studies=[uid])
    assert made["total"] == 6, made
    end = ended(s, made)
    assert (end["state"], end["sent"], end["failed"], end["remaining"]) == ("ended", 6, 0, 0), end
    check(inbox.folder, want)
    empty_inbox(env)
    series = str(study[0][1].SeriesInstanceUID)
    assert ended(s, post(s, peer=inbox.aet, studies=[uid], series=[series]))["sent"] == 3
    one = str(study[5][1].SOPInstanceUID)
    assert ended(s, post(s, peer=inbox.aet, instances=[one]))["total"] == 1
    assert len(os.listdir(inbox.folder)) == 4
    jobs = requests.get(f"{s.http}/api/v1/send", timeout=30).json()["jobs"]
    assert [j["total"] for j in jobs] == [1, 3, 6], jobs


def test_what_makes_no_job(env):
    s = env.server
    aet = env.storescp.aet
    post(s, 404, peer=aet, studies=["1.2.3.4"])
    post(s, 400, peer="NOBODY", studies=["1.2.3.4"])
    post(s, 400, peer=aet)
    post(s, 400, peer=aet, studies=["../etc"])
    post(s, 400, peer=aet, studies=["1.2"], host="127.0.0.1")
    post(s, 400, peer=aet, studies=["1.2"] * 1001)
    for body in (b"", b"[", b'{"peer":"X","studies":["1.2"]}x', b'{"peer":1}', b"\xff", b"[" * 5000, b'{"studies":["1.2"],"studies":["1.2"]}'):
        r = requests.post(f"{s.http}/api/v1/send", data=body, headers={"Content-Type": "application/json"}, timeout=30)
        assert r.status_code == 400, (body, r.status_code, r.text)
    r = requests.post(f"{s.http}/api/v1/send", data=b" " * (300 << 10), timeout=30)
    assert r.status_code == 413, r.status_code
    for method in (requests.get, requests.delete):
        assert method(f"{s.http}/api/v1/send/0123456789abcdef", timeout=30).status_code == 404
    r = requests.post(f"{s.http}/api/v1/send", json={"peer": aet, "studies": ["1.2"]}, headers={"Origin": "https://elsewhere.example"}, timeout=30)
    assert r.status_code == 403, r.status_code


def test_refused_objects(env):
    """A status of failure is that object's alone."""
    s, study, want, there = filled(env, lambda r, e: 0xA700 if len(r.came) % 2 == 0 else 0x0000)
    end = ended(s, post(s, studies=[study]))
    assert (end["state"], end["sent"], end["failed"], end["remaining"]) == ("failed", 3, 3, 0), end
    assert "0xa700" in end["error"], end
    assert sorted(there.came) == sorted(want)


def test_a_warning_is_no_failure(env):
    s, study, _, _ = filled(env, lambda r, e: 0xB000)
    end = ended(s, post(s, studies=[study]))
    assert (end["state"], end["warned"], end["failed"]) == ("ended", 6, 0), end


def test_an_abort_is_tried_again(env):
    """The association breaks on the third object: it is opened again there, and nothing is sent twice but that one."""
    def answer(receiver, event):
        if len(receiver.came) == 3:
            event.assoc.abort()
        return 0x0000

    s, study, want, there = filled(env, answer)
    end = ended(s, post(s, studies=[study]))
    assert (end["state"], end["sent"], end["tries"]) == ("ended", 6, 1), end
    assert set(there.came) == set(want) and len(there.came) == 7, there.came


def test_a_peer_that_cannot_bear_one_object(env):
    def answer(receiver, event):
        receiver.worst = getattr(receiver, "worst", str(event.request.AffectedSOPInstanceUID))
        if str(event.request.AffectedSOPInstanceUID) == receiver.worst:
            event.assoc.abort()
        return 0x0000

    s, study, _, there = filled(env, answer)
    end = ended(s, post(s, studies=[study]))
    assert (end["state"], end["sent"], end["failed"]) == ("failed", 5, 1), end
    assert there.came.count(there.worst) == 2


def test_a_dead_peer(env):
    """Tried as often as configured, then all of it has failed, with the reason in words."""
    s, study, _, _ = filled(env, send_tries=2)
    begin = time.monotonic()
    end = ended(s, post(s, studies=[study]))
    assert time.monotonic() - begin < 10
    assert (end["state"], end["sent"], end["failed"], end["remaining"]) == ("failed", 0, 6, 0), end
    assert end["error"], end


def test_a_peer_that_comes_back(env):
    port = fixtures.free_port()
    s = env.fresh(peers=[("RECEIVER", port)], send_tries=3)
    study = objects.make_study(env.tmp())
    dimse.store(s, [d for _, d in study])
    made = post(s, studies=[str(study[0][1].StudyInstanceUID)])
    wait_for(lambda: job(s, made)["state"] == "pausing", 10, "the first pause")
    assert job(s, made)["error"] and job(s, made)["next_try_us"] > 0
    env.keep(Receiver(lambda r, e: 0x0000, port))
    end = ended(s, made)
    assert (end["state"], end["sent"]) == ("ended", 6), end


def test_a_permanent_rejection_is_not_repeated(env):
    """A-ASSOCIATE-RJ, permanent: called AE title not recognized.   PS3.8 §9.3.4"""
    there = env.keep(Receiver(lambda r, e: 0x0000, title="SOMEBODY", require_called=True))
    s, study, _, _ = filled(env, receiver=there, send_tries=10)
    begin = time.monotonic()
    end = ended(s, post(s, studies=[study]))
    assert time.monotonic() - begin < 5
    assert (end["state"], end["failed"], end["tries"]) == ("failed", 6, 0), end


def test_cancel(env):
    """DELETE stops at once, also while the peer is slow to answer; then the job can be forgotten."""
    s, study, _, there = filled(env, lambda r, e: time.sleep(1.5) or 0x0000)
    made = post(s, studies=[study])
    wait_for(lambda: there.came, 10, "the first object")
    url = f"{s.http}/api/v1/send/{made['id']}"
    begin = time.monotonic()
    assert requests.delete(url, timeout=30).status_code == 204
    end = ended(s, made)
    assert time.monotonic() - begin < 1.4, "it waited for the peer"
    assert end["state"] == "cancelled" and end["remaining"] >= 4, end
    assert requests.delete(url, timeout=30).status_code == 204
    assert requests.get(url, timeout=30).status_code == 404


def test_stopping_does_not_wait_for_a_peer_and_forgets_no_job(env):
    """Nor does a kill: what was answered 202 is sent. What was cancelled is not."""
    pace = [8]
    s, study, want, there = filled(env, lambda r, e: time.sleep(pace[0]) or 0x0000)
    made = post(s, studies=[study])
    wait_for(lambda: there.came, 10, "the first object")
    begin = time.monotonic()
    s.stop()
    assert time.monotonic() - begin < 5, "it waited for the peer"
    s.start()
    again = requests.get(f"{s.http}/api/v1/send", timeout=30).json()["jobs"]
    assert [(j["id"], j["peer"], j["total"]) for j in again] == [(made["id"], made["peer"], 6)], again
    s.kill()
    pace[0] = 0
    s.start()
    end = ended(s, made)
    assert (end["state"], end["sent"], end["failed"]) == ("ended", 6, 0), end
    assert set(want) <= set(there.came)
    pace[0] = 8
    count = len(there.came)
    other = post(s, studies=[study])
    wait_for(lambda: len(there.came) > count, 10, "an object of the second job")
    assert requests.delete(f"{s.http}/api/v1/send/{other['id']}", timeout=30).status_code == 204
    s.kill()
    s.start()
    assert requests.get(f"{s.http}/api/v1/send", timeout=30).json() == {"jobs": []}


def test_several_at_once_and_a_bound(env):
    """Four jobs run at once; beyond 200 that have not ended the answer is 503."""
    s, study, want, there = filled(env, lambda r, e: time.sleep(0.2) or 0x0000)
    one = next(iter(want))
    made = [post(s, instances=[one]) for _ in range(4)]
    states = wait_for(lambda: [j for j in (job(s, m)["state"] for m in made) if j == "sending"], 5, "jobs under way")
    assert states, "nothing runs"
    for m in made:
        ended(s, m)
    slow = [post(s, studies=[study]) for _ in range(200)]
    r = requests.post(f"{s.http}/api/v1/send", json={"peer": "RECEIVER", "studies": [study]}, timeout=30)
    while r.status_code == 202 and len(slow) < 215:  # some have ended by now
        slow.append(r.json())
        r = requests.post(f"{s.http}/api/v1/send", json={"peer": "RECEIVER", "studies": [study]}, timeout=30)
    assert r.status_code == 503 and "Retry-After" in r.headers, r.status_code
    assert len(requests.get(f"{s.http}/api/v1/send", timeout=30).json()["jobs"]) == 200
    for m in slow:
        requests.delete(f"{s.http}/api/v1/send/{m['id']}", timeout=30)
