"""Money on hold: set aside, then posted or given back, once."""

import asyncio
from pathlib import Path

import pytest

from kalita.ledger.accounts import Direction, Kind, house
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import Accepted
from kalita.ledger.writer import Fault
from kalita.refusals import NOT_ENOUGH_MONEY, UNUSABLE
from tests.books import ALICE, RUB, Books, Factory, bar, bill, books


async def _held(on: Books, amount: int, fee: int) -> Held:
    accepted = await on.done(bill(ALICE, amount, fee=fee))
    return Held(ALICE, Direction.OUT, RUB, accepted.txn_id, amount, fee)


def test_posted_hold_pays_the_provider_and_the_fee(tmp_path: Path, factory: Factory) -> None:
    """Sum and commission leave the owner at once, reach provider and house when it succeeds; nothing is left over."""

    async def run() -> None:
        async with books(tmp_path, factory) as on:
            await on.wallet(ALICE, RUB=10_000)
            held = await _held(on, 7_000, 70)
            assert [await on.balance(ALICE), await on.balance(ALICE, Kind.HOLD)] == [2_930, 7_070]
            await on.proven()
            await on.done(post(held, 1, 0))
            assert [await on.balance(ALICE), await on.balance(ALICE, Kind.HOLD)] == [2_930, 0]
            assert await on.balance(house(1, 0), Kind.SETTLEMENT) == 7_000
            assert await on.balance(house(0, 0), Kind.FEE) == 70
            entry = await on.history.transaction(ALICE, held.txn_id, None)
            assert entry is not None
            assert (entry.state, entry.error_code or 0) == (0, 0)
            await on.proven()

    asyncio.run(run())


def test_voided_hold_gives_everything_back(tmp_path: Path, factory: Factory) -> None:
    """A failed payment returns sum and commission, even to an owner who is barred meanwhile, and shows its code."""

    async def run() -> None:
        async with books(tmp_path, factory) as on:
            await on.wallet(ALICE, RUB=10_000)
            held = await _held(on, 7_000, 70)
            await on.done(bar(ALICE, 3))
            await on.done(void(held, 300))
            assert [await on.balance(ALICE), await on.balance(ALICE, Kind.HOLD)] == [10_000, 0]
            entry = await on.history.transaction(ALICE, held.txn_id, None)
            assert entry is not None
            assert (entry.state, entry.error_code) == (2, 300)
            await on.proven()

    asyncio.run(run())


def test_hold_is_closed_once(tmp_path: Path, factory: Factory) -> None:
    """Of all closings that race, in one group or later, one wins; the others move nothing."""

    async def run() -> None:
        async with books(tmp_path, factory) as on:
            await on.wallet(ALICE, RUB=10_000)
            held, other = await _held(on, 1_000, 10), await _held(on, 5_000, 0)
            race = [void(held, 5), post(held, 1, 0), void(held, 300), post(held, 1, 0)]
            outcomes = await asyncio.gather(*map(on.submit, race))
            assert [isinstance(outcome, Accepted) for outcome in outcomes] == [True, False, False, False]
            assert set(outcomes[1:]) == {UNUSABLE}
            assert await on.submit(post(held, 1, 0)) is UNUSABLE
            assert await on.balance(ALICE, Kind.HOLD) == 5_000
            await on.done(post(other, 1, 0))
            await on.proven()

    asyncio.run(run())


def test_what_never_waited_cannot_be_closed(tmp_path: Path, factory: Factory) -> None:
    """Money on hold belongs to its own payment: no other payment's closing takes it."""

    async def run() -> None:
        async with books(tmp_path, factory) as on:
            await on.wallet(ALICE, RUB=10_000)
            held = await _held(on, 1_000, 0)
            assert await on.submit(void(held._replace(txn_id=held.txn_id + 64), 5)) is UNUSABLE
            assert await on.submit(void(held._replace(direction=Direction.CARD), 5)) is UNUSABLE
            with pytest.raises(Fault):
                await on.submit(void(held._replace(sum=999), 5))
            assert await on.submit(bill(ALICE, 9_001)) is NOT_ENOUGH_MONEY
            assert await on.balance(ALICE, Kind.HOLD) == 1_000
            await on.proven()

    asyncio.run(run())
