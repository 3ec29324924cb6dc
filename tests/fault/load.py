"""
Paying clients that live through faults: each writes every answer down before its next call, and asks again with the
same id until it has one.
"""

import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.fault.town import Answer, Citizen, Line, Lost, balance, history, kopecks
from tests.servers import Demo

LONGEST_OUTAGE_S = 60
LONGEST_PAUSE_S = 0.02
NOT_ENOUGH = b"QWPRC-220"


@dataclass(frozen=True)
class Paid:
    """
    One line of a client's log: what it asked for and how it was answered.

    txn_id    0: refused for want of money
    asked     how many times until there was an answer
    answered  when, in milliseconds since 1970
    """

    payer: int
    payee: int
    client_id: int
    amount: int
    txn_id: int
    asked: int
    answered: int
    body: str


class Load:
    """
    Clients, one for each of the first citizens, that pay anyone at random until they are told to stop.

    server  where they call; put another one here after a restart
    """

    def __init__(self, folder: Path, citizens: list[Citizen], clients: int, random_: random.Random) -> None:
        self.server: Demo | None = None
        self.citizens = citizens
        self.over = threading.Event()
        self.wrong: list[str] = []
        self.answered: Counter[int] = Counter()
        folder.mkdir(exist_ok=True)
        self.clients = clients
        self._clients = [
            _Client(self, number, folder / f"client-{number}.log", random.Random(random_.getrandbits(64)))
            for number in range(clients)
        ]

    def begin(self, server: Demo) -> None:
        """Start the clients."""
        self.server = server
        for client in self._clients:
            client.start()

    def more(self, answers: int) -> None:
        """Wait until there are so many answers more than now, however slow this machine is."""
        wanted, ends = self.answered.total() + answers, time.monotonic() + LONGEST_OUTAGE_S
        while self.answered.total() < wanted:
            assert time.monotonic() < ends, f"no {answers} answers within {LONGEST_OUTAGE_S} s"
            time.sleep(0.01)

    def end(self) -> list[Paid]:
        """Let every client get the answer it waits for; return all they wrote down."""
        self.over.set()
        for client in self._clients:
            client.join(LONGEST_OUTAGE_S)
            assert not client.is_alive(), "a client never got its answer"
        assert not self.wrong, self.wrong[:5]
        return [Paid(**json.loads(line)) for client in self._clients for line in client.log.read_text().splitlines()]


class _Client(threading.Thread):
    def __init__(self, load: Load, number: int, log: Path, random_: random.Random) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self._load, self._number, self.log, self._random = load, number, log, random_
        self._citizen = load.citizens[number % len(load.citizens)]
        self._line: Line | None = None
        self._server: Demo | None = None

    def run(self) -> None:
        """Pay until told to stop."""
        try:
            self._pay()
        finally:
            if self._line is not None:
                self._line.close()

    def _pay(self) -> None:
        others = [one.number for one in self._load.citizens if one is not self._citizen]
        with self.log.open("a") as log:
            count = 0
            while not self._load.over.is_set():
                count += 1
                client_id = 10**12 * (self._number + 1) + count
                payee, amount = self._random.choice(others), self._random.randint(100, 50_000)
                answer, asked = self._until_answered(payee, client_id, amount)
                txn_id = int(answer.json["transaction"]["id"]) if answer.status == 200 else 0
                if not txn_id and NOT_ENOUGH not in answer.body:
                    self._load.wrong.append(f"{answer.status} {answer.body.decode()}")
                    return
                body = answer.body.decode()
                now = time.time_ns() // 1_000_000
                line = Paid(self._citizen.number, payee, client_id, amount, txn_id, asked, now, body)
                log.write(json.dumps(vars(line)) + "\n")
                log.flush()
                self._load.answered[self._number] += 1
                time.sleep(self._random.uniform(0, LONGEST_PAUSE_S))

    def _until_answered(self, payee: int, client_id: int, amount: int) -> tuple[Answer, int]:
        """Ask with the same id until there is an answer; 503 says that there is none yet."""
        ends, asked = time.monotonic() + LONGEST_OUTAGE_S, 0
        while time.monotonic() < ends:
            asked += 1
            try:
                answer = self._now().pay(payee, client_id, amount)
            except Lost:
                time.sleep(0.02)
                continue
            if answer.status != 503:
                return answer, asked
            time.sleep(0.05)
        raise AssertionError(f"no answer for {client_id} within {LONGEST_OUTAGE_S} s")

    def _now(self) -> Line:
        """Return a connection to the server that runs now."""
        server = self._load.server
        assert server is not None
        if self._line is None or self._server is not server:
            if self._line is not None:
                self._line.close()
            self._line, self._server = Line(server.address, self._citizen), server
        return self._line


def settled(server: Demo, load: Load) -> None:
    """Wait until every client is answered again."""
    before, ends = load.answered.copy(), time.monotonic() + LONGEST_OUTAGE_S
    while any(load.answered[number] <= before[number] + 2 for number in range(load.clients)):
        assert time.monotonic() < ends, "some clients are not answered any more"
        assert server.process.poll() is None
        time.sleep(0.02)


def agree(server: Demo, citizens: list[Citizen], answers: list[Paid]) -> None:
    """
    What the clients wrote down is what the API shows, to the kopeck and to the last payment.

    Every acknowledged payment stands in both histories once, under its id, with its amount; nothing else does; nothing
    refused does; every balance is what was there at the beginning, less what was paid, with what was received.
    """
    done = [one for one in answers if one.txn_id]
    assert len({(one.payer, one.client_id) for one in answers}) == len(answers)
    assert len({one.txn_id for one in done}) == len(done), "two payments have one transaction id"
    with ThreadPoolExecutor(len(citizens)) as readers:  # a long history has to be read slowly
        histories = list(readers.map(partial(history, server), citizens))
    for citizen, shown in zip(citizens, histories, strict=True):
        number = citizen.number
        paid = [one for one in done if one.payer == number]
        received = [one for one in done if one.payee == number]
        out = Counter((one.txn_id, str(one.client_id), f"+{one.payee}", one.amount) for one in paid)
        in_ = Counter((one.txn_id, f"+{one.payer}", one.amount) for one in received)
        assert Counter(_out(one) for one in shown if one["type"] == "OUT") == out
        assert Counter(_in(one) for one in shown if one["type"] == "IN" and one["account"] != "Town") == in_
        ids = [int(one["txnId"]) for one in shown]
        assert ids == sorted(ids, reverse=True)
        moved = sum(one.amount for one in received) - sum(one.amount for one in paid)
        assert balance(server, citizen) == citizen.funds + moved


def _out(shown: dict) -> tuple[int, str, str, int]:
    return int(shown["txnId"]), shown["trmTxnId"], shown["account"], kopecks(shown["total"]["amount"])


def _in(shown: dict) -> tuple[int, str, int]:
    return int(shown["txnId"]), shown["account"], kopecks(shown["total"]["amount"])


def ask_again(server: Demo, citizens: list[Citizen], answers: list[Paid]) -> None:
    """A repeat of any acknowledged payment gets the very answer it got first."""
    with ExitStack() as stack:
        lines = {one.number: stack.enter_context(closing(Line(server.address, one))) for one in citizens}
        for one in answers:
            answer = lines[one.payer].pay(one.payee, one.client_id, one.amount)
            assert (answer.status, answer.body.decode()) == (200, one.body)
