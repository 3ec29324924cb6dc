"""
A server that is asked to stop while it is busy answers what it has begun, and makes no payment that it does not answer.
"""

import json
import random
import signal
import socket
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.fault.town import PAY, Citizen, Line, Lost, audit, build, children, history, seed, serve
from tests.servers import Demo, stop

CLIENTS = 16
PAID_BEFORE = 100
SECONDS_TO_STOP = 10


class _Payer(threading.Thread):
    """Pays until an answer does not come; then it knows the id that it got no answer for."""

    def __init__(self, server: Demo, payer: Citizen, payee: int, first_id: int) -> None:
        super().__init__(daemon=True)
        self._server, self._payer, self._payee, self._id = server, payer, payee, first_id
        self.paid: list[str] = []
        self.lost: str | None = None
        self.statuses: set[int] = set()

    def run(self) -> None:
        """Pay one rouble again and again."""
        with closing(Line(self._server.address, self._payer)) as line:
            while self.lost is None:
                self._id += 1
                try:
                    answer = line.pay(self._payee, self._id, 1_00)
                except Lost:
                    self.lost = str(self._id)
                else:
                    self.statuses.add(answer.status)
                    if answer.status == 200:
                        self.paid.append(str(self._id))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_loses_no_answer(tmp_path: Path, how: signal.Signals, engine: str) -> None:
    """After each stop the books hold the payments that were answered with 200, and none besides."""
    random_ = random.Random(seed())
    citizens = build(tmp_path, [1_000_000_00] * CLIENTS + [0], engine)
    known: dict[int, set[str]] = {citizen.number: set() for citizen in citizens[:-1]}
    for turn in range(3):
        server = serve(tmp_path)
        ledger = children(server.pid)
        payers = [
            _Payer(server, citizen, citizens[-1].number, 10**12 * (place + 1) + turn * 10**8)
            for place, citizen in enumerate(citizens[:-1])
        ]
        for payer in payers:
            payer.start()
        while sum(len(payer.paid) for payer in payers) <= PAID_BEFORE and all(map(threading.Thread.is_alive, payers)):
            time.sleep(0.01)
        time.sleep(random_.uniform(0, 0.5))
        begun = time.monotonic()
        assert stop(server, how) == 0
        assert time.monotonic() - begun < SECONDS_TO_STOP
        assert not any(Path(f"/proc/{pid}").exists() for pid in ledger)
        for payer, citizen in zip(payers, citizens, strict=False):
            payer.join(SECONDS_TO_STOP)
            assert payer.lost is not None
            assert payer.statuses <= {200, 503}
            known[citizen.number].update(payer.paid)
        audit(tmp_path)
    server = serve(tmp_path)
    try:
        for citizen in citizens[:-1]:
            shown = {one["trmTxnId"] for one in history(server, citizen) if one["type"] == "OUT"}
            assert shown == known[citizen.number]
    finally:
        stop(server)
    assert sum(map(len, known.values())) > 3 * PAID_BEFORE


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_the_request_whose_body_is_arriving(tmp_path: Path, how: signal.Signals) -> None:
    """The payment whose first half had come is made and answered; idle connections end at once."""
    payer, payee = build(tmp_path, [10_00, 0])
    server = serve(tmp_path)
    body = json.dumps(
        {
            "id": "1",
            "sum": {"amount": 1, "currency": "643"},
            "paymentMethod": {"type": "Account", "accountId": "643"},
            "fields": {"account": f"+{payee.number}"},
        }
    ).encode()
    head = (
        f"POST {PAY} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {payer.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(server.address, 10) as line, socket.create_connection(server.address, 10) as idle:
        line.sendall(head.encode() + body[:20])
        time.sleep(0.3)
        server.process.send_signal(how)
        assert idle.recv(1) == b""
        line.sendall(body[20:])
        assert b"Accepted" in line.recv(65536)
    assert server.process.wait(SECONDS_TO_STOP) == 0
    audit(tmp_path)
