"""C-ECHO both ways, SIGTERM, and what the server answers to a wrong door.   PS3.4 Annex A"""

import signal
import time

from lib import dimse, fixtures
from lib.fixtures import run, tool


def test_echoscu(env):
    s = env.server
    run(tool("echoscu"), "-aec", s.AET, "127.0.0.1", s.port)
    run(tool("echoscu"), "--propose-ts", "38", "--repeat", "50", "-aec", s.AET, "127.0.0.1", s.port)


def test_echo_scu_of_ours(env):
    s, peer = env.server, env.keep(fixtures.Dcmqrscp(env.folder))
    s.command("echo", "127.0.0.1", s.port, "--call", s.AET)
    s.command("echo", "127.0.0.1", peer.port, "--call", peer.aet)
    code, text = s.command("echo", "127.0.0.1", fixtures.free_port(), check=False)
    assert code != 0 and len(text.strip().splitlines()) == 1, f"no peer: exit {code}: {text}"


def test_pynetdicom_echo(env):
    with dimse.associate(env.server, [dimse.VERIFICATION]) as assoc:
        for _ in range(20):
            assert assoc.send_c_echo().Status == 0


def test_no_two_writes_per_answer(env):
    """An answer in two segments costs 40 ms with delayed ACK: 100 echoes in a row show it at once."""
    with dimse.associate(env.server, [dimse.VERIFICATION]) as assoc:
        begin = time.monotonic()
        for _ in range(100):
            assert assoc.send_c_echo().Status == 0
        each = (time.monotonic() - begin) * 10
    print(f"    {each:.1f} ms an echo", flush=True)
    assert each < 35, f"{each:.1f} ms an echo looks like the delayed-ACK stall"


def test_sigterm_drains(env):
    """An idle association does not keep the server from ending; exit 0 (checked by stop)."""
    s = env.fresh()
    with dimse.associate(s, [dimse.VERIFICATION]) as assoc:
        assert assoc.send_c_echo().Status == 0
        begin = time.monotonic()
        code = s.process.end(signal.SIGTERM, 15)
        assert code == 0, f"exit {code}"
        assert time.monotonic() - begin < 12
    s.assert_clean()


def test_ready_line_and_ports(env):
    s = env.server
    assert s.port and s.http_port and s.port != s.http_port
    with open(s.process.out_path) as f:
        line = f.readline()
    assert line.split()[0] == "ready" and f"aet={s.AET}" in line and "data=" in line, line
