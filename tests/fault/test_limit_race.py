"""
Limits under fire: 64 payments at once of one wallet, over several processes, never pass the limit by a kopeck.
"""

import asyncio
import os
import time
from collections.abc import Iterator

import httpx
import pytest

from kalita.people.wallets import Level
from tests.api.house import House, payment
from tests.books import Hand
from tests.servers import Demo, Wallet, demo

ROUNDS = 200 if os.environ.get("KALITA_LONG") else 12
AT_ONCE, PIECE, MOST = 64, 1_000, 40_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Demo]:
    """A real server; on PostgreSQL two processes serve."""
    with demo(tmp_path_factory.mktemp("race"), engine=engine) as running:
        yield running


def test_storm_of_payments_never_passes_the_limit(server: Demo) -> None:
    """Of 64 that go off together exactly as many pass as the month has room for; the audit counts them again."""
    people = House(server.data, create=False, database=server.database, hand=Hand(time.time_ns()))
    try:
        for number in range(ROUNDS):
            payer = people.wallet(number=79_300_000_000 + number, level=Level.SIMPLE, RUB=100_000_00)
            payee = people.wallet().number
            codes = asyncio.run(_storm(server, payer, payee))
            assert sorted(codes) == [""] * (MOST // PIECE) + ["QWPRC-943"] * (AT_ONCE - MOST // PIECE), number
            told = httpx.get(
                f"{server.url}/qw-limits/v1/persons/{payer.number}/actual-limits?types=TURNOVER&types=PAYMENTS_P2P",
                headers=payer.headers,
            ).json()["limits"]["RU"]
            assert [(one["spent"], one["rest"]) for one in told] == [(MOST, 0)] * 2
        people.proven()
    finally:
        people.close()


async def _storm(server: Demo, payer: Wallet, payee: int) -> list[str]:
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=server.url, headers=payer.headers, limits=limits, timeout=60) as client:

        async def one(number: int) -> str:
            body = payment(payee, PIECE, id=str(1_800_000_000_000 + number))
            answer = await client.post("/sinap/api/v2/terms/99/payments", json=body)
            told = answer.json()
            return told.get("code") or told.get("errorCode", "")

        return list(await asyncio.gather(*(one(number) for number in range(AT_ONCE))))
