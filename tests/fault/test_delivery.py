"""
Messages under fire: receivers that drop, redirect, are slow or never end, and workers that are killed meanwhile.

Invariant I6: each event arrives at least once, always under one id, first attempts in the order of commits of each
wallet, none for what did not happen. KALITA_LONG=1: 10,000 events of 100 wallets and ten kills.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.fault.test_duplicates import answered
from tests.fault.town import PROCESSES, Citizen, Line, audit, build, children, history, seed, serve
from tests.receivers import OK, Got, Reply, receiver, status
from tests.servers import Demo, start, stop

LONG = bool(os.environ.get("KALITA_LONG"))
WALLETS, EACH, KILLS = (100, 100, 10) if LONG else (16, 20, 3)
BETWEEN = 16
WITHIN_S = 300 if LONG else 120
FIRST_ID = 7 * 10**15
HOOKS = "/payment-notifier/v1/hooks"
SETTINGS = 'outbound_networks = "127.0.0.0/8"\nhook_retries = "1s 1s 2s 2s 5s 5s 10s 10s"\nhook_timeout_ms = 1000\n'


@contextmanager
def killer(server: Demo, chance: random.Random, processes: int, paid: Counter[int]) -> Iterator[list[int]]:
    """
    Kill one of the server's processes again and again, each time once all of them are there; yield who was.

    paid  how many payments each payer made: between two kills some are, or a slow machine would never get to them
    """
    over, killed = threading.Event(), []

    def run() -> None:
        before = 0
        while not over.wait(chance.uniform(0.5, 1.5)):
            alive, now = children(server.pid), paid.total()
            if len(alive) == processes and (now >= before + BETWEEN or now == WALLETS * EACH):
                before = now
                killed.append(chance.choice(alive))
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def behaviour() -> Reply:
    """Return what receivers do, by the wallet's place in the path; what is bad is so at the first attempt only."""
    seen: set[str] = set()

    def reply(got: Got) -> bytes | float | None:
        place, name = int(got.path.rpartition("/")[2]), got.headers["webhook-id"]
        first = name not in seen
        seen.add(name)
        bad: dict[int, Callable[[], bytes | float | None]] = {
            1: lambda: 0.05, 2: lambda: None, 3: lambda: status(302, "Location: http://127.0.0.1:1/"),
            4: lambda: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, 5: lambda: status(429), 6: lambda: status(410),
        }  # fmt: skip
        kind = place % 8
        return bad[kind]() if kind == 1 or (kind in bad and first) else OK

    return reply


def register(server: Demo, citizen: Citizen, url: str) -> None:
    """Register a hook for what goes out."""
    line = Line(server.address, citizen)
    answer = line.ask("PUT", f"{HOOKS}?hookType=1&txnType=1&param={url}")
    assert answer.status == 200, answer
    line.close()


def pay(server: Demo, place: int, payer: Citizen, payee: int, paid: Counter[int]) -> None:
    """Pay many times, one after the other, and count."""
    for number in range(EACH):
        answered(server, payer, payee, FIRST_ID + place * EACH + number, 1_00)
        paid[place] += 1


def test_every_event_arrives_under_one_id_and_in_order(tmp_path: Path, engine: str) -> None:
    """Whatever receivers do and whoever is killed; then the books are proven."""
    chance = random.Random(seed())
    *payers, payee = build(tmp_path, [EACH * 1_00] * WALLETS + [0], engine)
    (tmp_path / "data" / "kalita.toml").write_text(SETTINGS)
    server, paid = serve(tmp_path), Counter[int](dict.fromkeys(range(WALLETS), 0))
    try:
        with receiver(behaviour()) as there:
            for place, payer in enumerate(payers):
                register(server, payer, there.url(f"/{place}"))
            with killer(server, chance, PROCESSES[engine], paid) as killed, ThreadPoolExecutor(16) as pool:
                jobs = [
                    pool.submit(pay, server, place, payer, payee.number, paid) for place, payer in enumerate(payers)
                ]
                for job in jobs:
                    job.result()
                wait(lambda: len(killed) >= KILLS)
            wait(lambda: len({got.headers["webhook-id"] for got in list(there.got)}) >= WALLETS * EACH)
            time.sleep(0.5)
            arrived = list(there.got)
        for place, payer in enumerate(payers):
            mine = [got.json for got in arrived if got.path == f"/{place}"]
            first: dict[str, str] = {}
            for told in mine:
                assert first.setdefault(told["payment"]["txnId"], told["messageId"]) == told["messageId"]
            made = [one["txnId"] for one in reversed(history(server, payer)) if one["type"] == "OUT"]
            assert list(first) == made, place
            assert len(set(first.values())) == EACH
    finally:
        stop(server)
    audit(tmp_path)


def wait(done: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + WITHIN_S
    while not done():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.1)


def test_what_was_committed_is_told_after_a_kill(tmp_path: Path, engine: str) -> None:
    """The whole server is killed before anything could be sent; started again, it sends."""
    with receiver() as there:
        folder = tmp_path / "killed"
        folder.mkdir()
        server = start(folder, engine=engine)
        try:
            with server.client() as client:
                assert client.put(f"{HOOKS}?hookType=1&txnType=1&param={there.url()}").status_code == 200
                body = {
                    "id": "1", "sum": {"amount": 5, "currency": "643"}, "fields": {"account": "+79994445566"},
                    "paymentMethod": {"type": "Account", "accountId": "643"},
                }  # fmt: skip
                answer = client.post("/sinap/api/v2/terms/99/payments", json=body)
        finally:
            stop(server, signal.SIGKILL)
        txn = answer.json()["transaction"]["id"]
        again = start(folder, engine=engine)
        try:
            there.wait(1, 40, lambda got: got.json["payment"]["txnId"] == txn)
        finally:
            stop(again)
        assert len({got.json["messageId"] for got in there.got}) == 1
