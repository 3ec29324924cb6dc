"""
Guarantee: on PostgreSQL a repeat gets the first answer although groups do not look for repeats before they have some.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from kalita.ledger.order import Accepted
from kalita.refusals import NOT_ENOUGH_MONEY, REPEATED
from kalita.storage.engine import Found, Needs
from kalita.storage.postgres import engine, group
from kalita.storage.postgres.connection import Connection
from kalita.storage.postgres.epoch import Epoch
from tests.books import ALICE, BOB, ENGINES, books, pay


def test_repeats_are_found_whether_they_are_looked_for_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group without one does not look; one that has some is done again, with new orders and refusals beside them."""
    monkeypatch.setattr(engine, "REPEATS_IN", 2)
    looked, real = [], group.find

    async def find(db: Connection, queries: Mapping[str, str], needs: Needs, epoch: Epoch) -> Found:
        looked.append(bool(needs.keys))
        return await real(db, queries, needs, epoch)

    async def work() -> None:
        async with books(tmp_path, ENGINES["postgres"]) as on:
            await on.wallet(ALICE, RUB=100)
            await on.wallet(BOB, RUB=1)
            monkeypatch.setattr(group, "find", find)
            first = await on.done(pay(ALICE, BOB, 10, client_id="1"))
            assert looked == [False]
            orders = [pay(ALICE, BOB, 10, client_id="1"), pay(ALICE, BOB, 20, client_id="2")]
            again, second = await asyncio.gather(*map(on.submit, orders))
            assert again == first._replace(repeated=True)
            assert isinstance(second, Accepted)
            assert not second.repeated
            assert looked == [False, False, True]
            for number in range(4, 8):
                await on.done(pay(ALICE, BOB, 1, client_id=str(number)))
            assert looked[3:] == [True, True, False, False]
            assert await on.submit(pay(ALICE, BOB, 11, client_id="1")) is REPEATED
            assert await on.submit(pay(ALICE, BOB, 10, client_id="1")) == again
            assert await on.submit(pay(ALICE, BOB, 1_000, client_id="9")) is NOT_ENOUGH_MONEY
            await on.done(pay(ALICE, BOB, 66, client_id="9"))
            assert await on.submit(pay(ALICE, BOB, 20, client_id="2")) == second._replace(repeated=True)
            assert await on.balance(ALICE) == 0
            await on.proven()

    asyncio.run(work())
