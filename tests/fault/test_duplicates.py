"""
The same id sent a hundred times, while processes are killed: it is paid once, and everybody is told the same.

Invariant I3. Each copy is asked for again until it has an answer; some copies want another amount, and are refused or
are the one that is paid.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.fault.load import LONGEST_OUTAGE_S
from tests.fault.town import (
    PROCESSES,
    Answer,
    Citizen,
    Line,
    Lost,
    audit,
    balance,
    build,
    children,
    history,
    seed,
    serve,
)
from tests.servers import Demo, stop

IDS, COPIES, CALLERS = 50, 100, 64
FIRST_ID = 5 * 10**15
REPEATED = b"QWPRC-202"


@contextmanager
def killer(server: Demo, chance: random.Random, processes: int) -> Iterator[list[int]]:
    """Kill one of the server's processes again and again, each time once all of them are there; yield who was."""
    over, killed = threading.Event(), []

    def run() -> None:
        while not over.wait(chance.uniform(0.5, 1.5)):
            alive = children(server.pid)
            if len(alive) == processes:
                killed.append(chance.choice(alive))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def answered(server: Demo, payer: Citizen, payee: int, client_id: int, amount: int) -> Answer:
    """Ask until there is an answer, on a new connection each time."""
    ends = time.monotonic() + LONGEST_OUTAGE_S
    while time.monotonic() < ends:
        line = Line(server.address, payer)
        try:
            answer = line.pay(payee, client_id, amount)
        except Lost:
            time.sleep(0.02)
            continue
        finally:
            line.close()
        if answer.status != 503:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"no answer for {client_id}")


def test_fifty_ids_a_hundred_times_each_across_kills(tmp_path: Path, engine: str) -> None:
    """Of 5,000 calls fifty pay."""
    chance = random.Random(seed())
    citizens = build(tmp_path, [1_000_000_00, 0], engine)
    payer, payee = citizens
    server = serve(tmp_path)
    wishes = [(FIRST_ID + number, chance.choice((500, 500, 700))) for number in range(IDS) for _ in range(COPIES)]
    chance.shuffle(wishes)
    try:
        with killer(server, chance, PROCESSES[engine]) as killed, ThreadPoolExecutor(CALLERS) as callers:
            answers = list(callers.map(lambda wish: answered(server, payer, payee.number, *wish), wishes))
        spent = 0
        for client_id in range(FIRST_ID, FIRST_ID + IDS):
            found = [
                (amount, answer) for (one, amount), answer in zip(wishes, answers, strict=True) if one == client_id
            ]
            paid = {(amount, answer.body) for amount, answer in found if answer.status == 200}
            assert len(paid) == 1, paid
            won = paid.pop()[0]
            spent += won
            for amount, answer in found:
                assert answer.status == 200 if amount == won else REPEATED in answer.body
        assert balance(server, payer) == payer.funds - spent
        assert balance(server, payee) == spent
        shown = [one for one in history(server, payer) if one["type"] == "OUT"]
        assert len(shown) == IDS
        assert len(killed) >= 2
        print(f"{len(answers)} answers across {len(killed)} kills")
    finally:
        stop(server)
    audit(tmp_path)
