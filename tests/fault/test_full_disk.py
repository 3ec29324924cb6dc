"""
A disk that is full: a clear 503 with a reference, reading goes on, nothing acknowledged is lost, and the server goes on
by itself when there is space again.

The kernel's bound on the size of files a process may write stands for the disk: past it every write fails, of the log
as of the database, however small.
"""

import os
import random
import resource
import signal
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.fault.load import Load, agree, ask_again
from tests.fault.town import Line, audit, balance, build, children, seed, serve
from tests.servers import Demo, stop

CLIENTS = 16
FUNDS = [100_000_00] * CLIENTS + [0] * 8
NO_SPACE = 8192


def space(server: Demo, size: int) -> None:
    """Bound what the server and its ledger process may write; -1 gives the space back."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    for pid in children(server.pid):
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_refuses_clearly_and_mends_by_itself(tmp_path: Path) -> None:
    """Full three times under load: payments are answered 503, then the same ids are answered 200, once each."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS)
    server = serve(tmp_path)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    load.begin(server)
    try:
        with closing(Line(server.address, citizens[0])) as line:
            for turn in range(3):
                load.more(2 * CLIENTS)
                space(server, NO_SPACE)
                time.sleep(random_.uniform(0.3, 0.8))
                refused = line.pay(citizens[-1].number, 10**15 + turn, 1_00)
                assert refused.status == 503
                told = refused.json
                assert told["errorCode"] == "service.unavailable"
                assert told["traceId"] in told["description"]
                assert line.ask("GET", "/health").status in (200, 503)
                assert balance(server, citizens[0]) > 0
                space(server, -1)
        load.more(2 * CLIENTS)
        answers = load.end()
        agree(server, citizens, answers)
        ask_again(server, citizens, random_.sample([one for one in answers if one.txn_id], 100))
        audit(tmp_path)
    finally:
        load.over.set()
        assert stop(server) == 0
    audit(tmp_path)
    assert sum(one.asked > 1 for one in answers) > CLIENTS
    log = server.log.read_text()
    assert "Traceback" not in log
    assert "ledger_process_lost" not in log


def test_a_server_that_ends_on_a_full_disk_has_lost_nothing(tmp_path: Path) -> None:
    """It is asked to stop while nothing can be written; started again with space, it knows all it had answered."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS)
    server = serve(tmp_path)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    load.begin(server)
    try:
        load.more(2 * CLIENTS)
        space(server, NO_SPACE)
        time.sleep(0.3)
        stop(server)
        server = load.server = serve(tmp_path)
        load.more(CLIENTS)
        answers = load.end()
        agree(server, citizens, answers)
    finally:
        load.over.set()
        assert stop(server) == 0
    audit(tmp_path)


def test_a_ledger_process_that_dies_on_a_full_disk_comes_back_with_the_space(tmp_path: Path) -> None:
    """No other one can start meanwhile: every payment is a 503, balances are shown, and then all goes on by itself."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS)
    server = serve(tmp_path)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    load.begin(server)
    try:
        load.more(CLIENTS)
        space(server, NO_SPACE)
        for pid in children(server.pid):
            os.kill(pid, signal.SIGKILL)
        time.sleep(2.5)
        with closing(Line(server.address, citizens[0])) as line:
            assert line.pay(citizens[-1].number, 10**15, 1_00).status == 503
        assert balance(server, citizens[0]) > 0
        space(server, -1)
        ends, before = time.monotonic() + 15, load.answered.copy()
        while any(load.answered[number] <= before[number] + 2 for number in range(CLIENTS)):
            assert time.monotonic() < ends, "the ledger did not come back"
            time.sleep(0.02)
        agree(server, citizens, load.end())
    finally:
        load.over.set()
        assert stop(server) == 0
    audit(tmp_path)
