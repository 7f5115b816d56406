"""Association negotiation: PS3.8 §7.1, §9.3; PS3.7 Annex D; and what must be refused."""

import socket
import struct
import threading

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_role
from pynetdicom.pdu_primitives import AsynchronousOperationsWindowNegotiation, UserIdentityNegotiation

from lib import dimse, objects
from lib.dimse import AE, STUDY_FIND, VERIFICATION, associate_rq, recv_pdu


def exchange(port, data, want=1):
    """Sends bytes, returns the PDUs that come back (at most `want`)."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(data)
        out = []
        while len(out) < want:
            p = recv_pdu(s)
            if p is None:
                break
            out.append(p)
        if out and out[-1][0] == 2:
            s.sendall(dimse.ABORT_RQ)
        return out


def results(ac_body):
    """{context id: (result, transfer syntax)} of an A-ASSOCIATE-AC body."""
    at, out = 68, {}
    while at < len(ac_body):
        kind, length = ac_body[at], struct.unpack_from(">H", ac_body, at + 2)[0]
        if kind == 0x21:
            n = struct.unpack_from(">H", ac_body, at + 10)[0]
            out[ac_body[at + 4]] = (ac_body[at + 6], ac_body[at + 12:at + 12 + n].decode())
        at += 4 + length
    return out


def test_128_contexts(env):
    contexts = [(2 * i + 1, b"1.2.840.10008.1.1", (b"1.2.840.10008.1.2",)) for i in range(128)]
    (kind, body), = exchange(env.server.port, associate_rq(contexts=contexts))
    assert kind == 2
    got = results(body)
    assert len(got) == 128 and all(r == (0, "1.2.840.10008.1.2") for r in got.values()), got


def test_results_per_context(env):
    """0 acceptance, 3 abstract syntax not supported, 4 transfer syntaxes not supported.   PS3.8 §9.3.3.2"""
    le = b"1.2.840.10008.1.2"
    (kind, body), = exchange(env.server.port, associate_rq(contexts=[
        (1, b"1.2.840.10008.1.1", (le,)), (3, b"1.2.840.10008.5.1.1.9", (le,)), (5, b"1.2.840.10008.1.1", (b"1.2.3.4.5",)),
        (7, b"1.2.840.10008.5.1.4.1.1.2", (b"1.2.840.10008.1.2.4.90",))]))
    assert kind == 2
    got = {k: v[0] for k, v in results(body).items()}
    assert got == {1: 0, 3: 3, 5: 4, 7: 0}, got


def test_rejections(env):
    """A-ASSOCIATE-RJ with source and reason.   PS3.8 §9.3.4"""
    (kind, body), = exchange(env.server.port, associate_rq(version=2))
    assert kind == 3 and body[2:4] == b"\x02\x02", f"protocol version: {kind} {body.hex()}"
    (kind, body), = exchange(env.server.port, associate_rq(application=b"1.2.3.4"))
    assert kind == 3 and body[2:4] == b"\x01\x02", f"application context: {kind} {body.hex()}"


def test_duplicate_and_even_context_ids(env):
    le, v = b"1.2.840.10008.1.2", b"1.2.840.10008.1.1"
    for contexts in ([(1, v, (le,)), (1, v, (le,))], [(2, v, (le,))]):
        got = exchange(env.server.port, associate_rq(contexts=contexts))
        assert not got or got[0][0] in (3, 7), f"{contexts} was answered with PDU {got[0][0]}"
    env.server.assert_alive()


def test_max_pdu_of_the_peer(env):
    """Nothing larger than the peer's maximum, down to small ones; 0 means no limit.   PS3.8 §D.1"""
    from t_find import archive
    archive(env)
    for size in (4096, 16384, 0):
        ae = AE(ae_title="SMALL")
        ae.maximum_pdu_size = size
        ae.add_requested_context(STUDY_FIND)
        assoc = ae.associate("127.0.0.1", env.server.port, ae_title=env.server.AET, max_pdu=size)
        assert assoc.is_established
        answers = list(assoc.send_c_find(dimse.keys("STUDY", StudyInstanceUID="", PatientName=""), STUDY_FIND))
        assoc.release()
        assert answers[-1][0].Status == 0 and len(answers) == 6


def test_async_window(env):
    """The window is answered, and never larger than proposed.   PS3.7 §D.3.3.3"""
    item = AsynchronousOperationsWindowNegotiation()
    item.maximum_number_operations_invoked, item.maximum_number_operations_performed = 5, 5
    with dimse.associate(env.server, [VERIFICATION], [item]) as assoc:
        invoked, performed = assoc.acceptor.asynchronous_operations
        assert 1 <= invoked <= 5 and 0 <= performed <= 5, (invoked, performed)
        assert assoc.send_c_echo().Status == 0


def test_role_selection(env):
    """SCP role is granted for storage classes, and not answered when not asked.   PS3.7 §D.3.3.4"""
    with dimse.associate(env.server, [objects.CT, dimse.STUDY_GET], [build_role(objects.CT, scu_role=True, scp_role=True)]) as assoc:
        roles = assoc.acceptor.role_selection
        assert roles[objects.CT].scp_role, roles
    with dimse.associate(env.server, [objects.CT]) as assoc:
        assert not assoc.acceptor.role_selection


def test_user_identity(env):
    """Parsed; a positive response is given when asked for and not otherwise.   PS3.7 §D.3.3.7"""
    for ask in (False, True):
        who = UserIdentityNegotiation()
        who.user_identity_type, who.primary_field, who.positive_response_requested = 1, b"rita", ask
        with dimse.associate(env.server, [VERIFICATION], [who]) as assoc:
            assert assoc.send_c_echo().Status == 0


def test_wrong_called_title_is_a_decision(env):
    """Whatever the policy, the answer is AC or RJ 1/7 (called AE title not recognised), never silence."""
    got = exchange(env.server.port, associate_rq(called=b"SOMEONE_ELSE"))
    assert got and (got[0][0] == 2 or (got[0][0] == 3 and got[0][1][3] == 7)), got


def test_first_proposed_transfer_syntax_wins_among_good_ones(env):
    with dimse.associate(env.server, [(objects.CT, [ImplicitVRLittleEndian, ExplicitVRLittleEndian])]) as assoc:
        assert assoc.accepted_contexts[0].transfer_syntax[0] in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)


def test_many_idle_associations(env):
    """200 at once, all alive: a thread each costs little."""
    s = env.server
    before = s.process.rss_kib()
    socks = []
    try:
        for _ in range(200):
            c = socket.create_connection(("127.0.0.1", s.port), timeout=10)
            c.sendall(associate_rq())
            socks.append(c)
        assert all(recv_pdu(c)[0] == 2 for c in socks)
        grown = s.process.rss_kib() - before
        print(f"    200 idle associations: {grown} KiB more", flush=True)
        s.assert_alive()
    finally:
        for c in socks:
            c.sendall(dimse.ABORT_RQ)
            c.close()


def test_release_and_abort_from_many(env):
    """60 associations of four threads, released and aborted in turn."""
    problems = []

    def work(n):
        for i in range(15):
            ae = AE(ae_title=f"T{n}")
            ae.add_requested_context(VERIFICATION)
            assoc = ae.associate("127.0.0.1", env.server.port, ae_title=env.server.AET)
            if not assoc.is_established or assoc.send_c_echo().Status != 0:
                problems.append((n, i))
            assoc.release() if i % 2 else assoc.abort()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not problems, problems
    env.server.assert_alive()
