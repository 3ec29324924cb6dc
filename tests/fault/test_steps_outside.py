"""
A writer killed at each step of a payment to the outside, its end, a conversion, a refund; on either engine.

Guarantee: money, payout, rate and refund are there as a whole or not at all; the same orders again complete it, once.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kalita.ledger.accounts import Kind, house
from kalita.ledger.order import Accepted, Outcome
from kalita.payments.payouts import PaidOut, State
from kalita.refusals import OUTDATED, UNUSABLE
from tests.books import ALICE, BOB, RUB, USD, Books
from tests.fault.dying_outside import AMOUNT, FEE, PROVIDER, orders
from tests.fault.test_steps import ROOT, Place, with_books

FUNDS = 100_000
STAGES = ("accept", "end", "refund")


def killed(place: str, left: int, stage: str, paid: list[PaidOut]) -> bool:
    """Run the writer until its fail point; return whether it came so far."""
    command = [sys.executable, "-m", "tests.fault.dying_outside", place, str(left), stage]
    command += [",".join(map(str, map(int, one))) for one in paid]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


async def _before(on: Books, stage: str) -> list[PaidOut]:
    """Bring books to where a stage begins; return what was paid to the outside."""
    await on.wallet(ALICE, RUB=FUNDS)
    await on.wallet(BOB, RUB=0)
    paid: list[PaidOut] = []
    for earlier in STAGES[: STAGES.index(stage)]:
        for order in orders(earlier, paid):
            outcome = await on.submit(order)
            assert isinstance(outcome, Accepted), outcome
            if earlier == "accept" and order.closes is None and order.extras[0].query == "payout_add":
                paid.append(PaidOut(ALICE, outcome.txn_id, PROVIDER, RUB, AMOUNT, FEE, 1))
    return paid


def done_before(stage: str, outcome: Outcome) -> bool:
    """Tell whether an order of a stage was in the books already."""
    return outcome.repeated if stage == "accept" else outcome in (UNUSABLE, OUTDATED)


@pytest.mark.parametrize("stage", STAGES)
def test_killed_before_and_after_every_step(tmp_path: Path, engine: str, stage: str) -> None:
    """Whole or nothing, then whole; the audit finds nothing at any time."""
    place, left = Place(tmp_path, engine), 0
    paid = with_books(place, place.now, lambda on: _before(on, stage))

    async def again(on: Books) -> None:
        await on.proven()
        outcomes = await asyncio.gather(*map(on.submit, orders(stage, paid)))
        assert len({done_before(stage, outcome) for outcome in outcomes}) == 1, outcomes
        await on.proven()
        await _whole[stage](on)

    while killed(at := place.copy(place.now), left, stage, paid):
        with_books(place, at, again)
        left += 1
    assert left > 5
    print(f"{left} steps")


async def _accepted(on: Books) -> None:
    assert await on.balance(ALICE) == FUNDS - 2 * (AMOUNT + FEE) - 7_552
    assert await on.balance(ALICE, Kind.HOLD) == 2 * (AMOUNT + FEE)
    assert (await on.balance(ALICE, currency=USD), await on.balance(BOB, currency=USD)) == (0, 100)
    assert await on.balance(house(0, 0), Kind.LIQUIDITY) == 7_542
    assert await on.balance(house(0, 0), Kind.LIQUIDITY, USD) == -100
    assert len(await on.engine.all("payouts_open", 10)) == 2


async def _ended(on: Books) -> None:
    assert await on.balance(ALICE) == FUNDS - (AMOUNT + FEE) - 7_552
    assert await on.balance(ALICE, Kind.HOLD) == 0
    assert await on.balance(house(PROVIDER, 0), Kind.SETTLEMENT) == AMOUNT
    assert await on.engine.all("payouts_open", 10) == []


async def _refunded(on: Books) -> None:
    assert await on.balance(ALICE) == FUNDS - FEE - 7_552
    assert await on.balance(house(PROVIDER, 0), Kind.SETTLEMENT) == 0
    states = [row[4] for row in await on.engine.all("payouts_of_provider", PROVIDER, 0, 2**53)]
    assert sorted(states) == [State.DONE, State.FAILED]


_whole: dict[str, Callable] = {"accept": _accepted, "end": _ended, "refund": _refunded}
