"""
Kill the server, or its ledger process, at any moment: nothing that was acknowledged is lost, nothing is paid twice.

Invariants I1 to I4 of the reliability programme: the books balance, no wallet is below zero, an id is paid once, what
was answered is there and whole.
"""

import os
import random
import signal
import time
from pathlib import Path

from tests.fault.load import Load, agree, ask_again, settled
from tests.fault.town import PROCESSES, alive, audit, build, children, connections, seed, serve
from tests.servers import Demo, stop

CLIENTS = 16
KILLS = 10 if "KALITA_LONG" not in os.environ else 50
ANSWERS_BETWEEN = 2 * CLIENTS
FUNDS = [1_000_000_00] * 14 + [5_000_00] * 2 + [0] * 32
"""Two of the payers are poor, so that some payments are refused for want of money; most of the town only receives."""


def kill(victims: list[int]) -> None:
    """Kill processes that this test started, or that they started, and wait until they are gone."""
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    gone(victims)


def gone(pids: list[int]) -> None:
    """Wait until processes have ended."""
    ends = time.monotonic() + 20
    while any(map(alive, pids)):
        assert time.monotonic() < ends, "a process of a killed server lives on"
        time.sleep(0.01)


def test_kills_of_the_server_under_sixteen_payers(tmp_path: Path, engine: str) -> None:
    """
    Ten kills at random moments: the parent alone, whose processes then end by themselves, or all at once.

    After every restart the books are audited beside the load; at the end the clients' logs and the API agree.
    """
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS, engine)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    server = serve(tmp_path)
    load.begin(server)
    try:
        for number in range(KILLS):
            load.more(ANSWERS_BETWEEN)
            time.sleep(random_.uniform(0, 1))
            ledger = children(server.pid)
            assert len(ledger) == PROCESSES[engine]
            kill([server.pid, *ledger] if number % 2 else [server.pid])
            server.process.wait()
            server = load.server = serve(tmp_path)
            gone(ledger)
            audit(tmp_path)
        load.more(CLIENTS)
        answers = load.end()
        agree(server, citizens, answers)
        ask_again(server, citizens, random_.sample([one for one in answers if one.txn_id], 200))
        audit(tmp_path)
    finally:
        load.over.set()
        stop(server)
    audit(tmp_path)
    told(answers)


def test_kills_of_one_process_under_a_live_server(tmp_path: Path, engine: str) -> None:
    """
    Ten kills of the ledger's process, or of one of those that serve: another one is started at once.

    Meanwhile there is a 503, or no answer; a repeat finds out what became of the payment. Of those that serve one is
    killed that clients are connected to.
    """
    random_ = random.Random(seed())
    citizens = build(tmp_path, FUNDS, engine)
    load = Load(tmp_path / "clients", citizens, CLIENTS, random_)
    server = serve(tmp_path)
    load.begin(server)
    try:
        for _ in range(KILLS):
            load.more(ANSWERS_BETWEEN)
            time.sleep(random_.uniform(0, 0.7))
            alive_ = running(server, PROCESSES[engine])
            kill([random_.choice([pid for pid in alive_ if connections(pid, server)] or alive_)])
        settled(server, load)
        answers = load.end()
        agree(server, citizens, answers)
        ask_again(server, citizens, random_.sample([one for one in answers if one.txn_id], 200))
    finally:
        load.over.set()
        stop(server)
    audit(tmp_path)
    told(answers)


def running(server: Demo, count: int) -> list[int]:
    """Return the processes of a server once all of them are there: a killed one was replaced."""
    ends = time.monotonic() + 20
    while len(found := children(server.pid)) < count:
        assert time.monotonic() < ends, "the server starts no other process"
        time.sleep(0.02)
    return found


def told(answers: list) -> None:
    """Show what the run was worth, and that the faults were met at all."""
    repeats = sum(one.asked > 1 for one in answers)
    refused = sum(not one.txn_id for one in answers)
    print(f"{len(answers)} answers, {refused} of them refusals; {repeats} had to be asked for again")
    assert len(answers) > KILLS * ANSWERS_BETWEEN
    assert repeats >= KILLS
