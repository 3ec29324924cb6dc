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
from concurrent.futures import ThreadPoolExecutor
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

IDS, COPIES, CALLERS, KILLS = 50, 100, 64, 4
FIRST_ID = 5 * 10**15
REPEATED = b"QWPRC-202"


class Killer:
    """
    Kill one of the server's processes before each of some calls, as soon as all of them are there.

    So the kills are spread over the calls whatever the speed of the machine.
    """

    def __init__(self, server: Demo, chance: random.Random, processes: int) -> None:
        self._server, self._processes = server, processes
        self._before = set(chance.sample(range(IDS * COPIES), KILLS))
        self._turn, self._chance = threading.Lock(), chance
        self.killed: list[int] = []

    def come(self, call: int) -> None:
        """Kill before this call, if it is one of them."""
        if call not in self._before:
            return
        with self._turn:
            ends = time.monotonic() + LONGEST_OUTAGE_S
            while len(alive := children(self._server.pid)) != self._processes:
                assert time.monotonic() < ends, "a process that was killed did not come back"
                time.sleep(0.02)
            self.killed.append(self._chance.choice(alive))
            os.kill(self.killed[-1], signal.SIGKILL)


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
        killer = Killer(server, chance, PROCESSES[engine])

        def ask(call: int) -> Answer:
            killer.come(call)
            return answered(server, payer, payee.number, *wishes[call])

        with ThreadPoolExecutor(CALLERS) as callers:
            answers = list(callers.map(ask, range(len(wishes))))
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
        assert len(killer.killed) == KILLS
        print(f"{len(answers)} answers across {KILLS} kills")
    finally:
        stop(server)
    audit(tmp_path)
