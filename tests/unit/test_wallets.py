"""Wallets below HTTP: who made one, and what a top-up by the operator needs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kalita.people.wallets import Level
from kalita.refusals import PERSON_NOT_FOUND, REPEATED
from tests.books import ALICE, BOB, ENGINES, RUB, Books, Factory, books, pay

Run = Callable[[Callable[[Books], Awaitable[None]]], None]


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Run work on new books, on every engine."""
    factory: Factory = request.param

    async def on_books(work: Callable[[Books], Awaitable[None]]) -> None:
        async with books(tmp_path, factory) as on:
            await work(on)

    return lambda work: asyncio.run(on_books(work))


def test_one_of_many_makes_the_wallet(run: Run) -> None:
    """Whoever asks for the same new number at the same moment: exactly one is told that he made it."""

    async def work(on: Books) -> None:
        made = await asyncio.gather(*(on.wallets.create(ALICE, Level.FULL, (RUB, 840)) for _ in range(20)))
        assert sorted(made) == [False] * 19 + [True]
        assert await on.wallets.create(ALICE) is False

    run(work)


def test_one_of_many_claims_the_wallet(run: Run) -> None:
    """A wallet that a payment brought into being gets one owner."""

    async def work(on: Books) -> None:
        await on.wallet(ALICE, RUB=100)
        await on.done(pay(ALICE, BOB, 100))
        made = await asyncio.gather(*(on.wallets.create(BOB, Level.VERIFIED) for _ in range(20)))
        assert sorted(made) == [False] * 19 + [True]
        claimed = await on.wallets.get(BOB)
        assert claimed is not None
        assert (claimed.level, claimed.registered_at is not None) == (Level.VERIFIED, True)

    run(work)


def test_no_top_up_without_a_wallet(run: Run) -> None:
    """An unknown number is refused and leaves nothing behind."""

    async def work(on: Books) -> None:
        assert await on.wallets.top_up(BOB, 100, RUB, "till-1", "Cash") == PERSON_NOT_FOUND
        assert await on.balance(BOB) is None
        await on.wallet(BOB)
        assert await on.wallets.top_up(BOB, 100, RUB, "till-1", "Cash") != PERSON_NOT_FOUND
        assert await on.balance(BOB) == 100

    run(work)


def test_meaning_of_a_top_up_is_kept_as_a_keyed_hash(run: Run) -> None:
    """What is stored to know a repeat by tells nothing without the key; another content is another meaning."""

    async def work(on: Books) -> None:
        await on.wallet(BOB)
        first = await on.wallets.top_up(BOB, 100, RUB, "till-1", "Cash desk 3")
        row = await on.engine.one("payment_by_client_id", -1, "till-1")
        assert row is not None
        assert len(row[1]) == 32
        assert set(row[1]) <= set("0123456789abcdef")
        again = await on.wallets.top_up(BOB, 100, RUB, "till-1", "Cash desk 3")
        assert again[:2] == first[:2]
        assert await on.wallets.top_up(BOB, 100, RUB, "till-1", "Cash desk 4") == REPEATED
        assert await on.wallets.top_up(ALICE, 100, RUB, "till-1", "Cash desk 3") == REPEATED

    run(work)
