"""
A writer killed at each step of a group's write, on either engine: the whole group is there, or nothing of it.

The same orders again then complete it, each once; the books are proven before and after.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from kalita.ledger.accounts import Direction, Kind
from kalita.ledger.holds import Held
from kalita.ledger.order import Accepted, Order, Outcome
from kalita.refusals import UNUSABLE
from kalita.storage.engine import Step
from kalita.storage.postgres.engine import PostgresEngine
from kalita.storage.sqlite.engine import SqliteEngine
from tests import postgres
from tests.books import ALICE, BOB, CAROL, RUB, Books
from tests.fault.dying import first, second

ROOT = Path(__file__).parents[2]


class Place:
    """Books to copy for each kill: a file, or a database on PostgreSQL."""

    def __init__(self, folder: Path, engine: str) -> None:
        self._folder, self._engine = folder, engine
        self._count = 0
        self.now = self._new()

    def _new(self) -> str:
        if self._engine == "postgres":
            return postgres.database()
        self._count += 1
        return str(self._folder / f"{self._count}.db")

    def copy(self, of: str) -> str:
        """Return a copy."""
        if self._engine == "postgres":
            return postgres.copy(of)
        target = self._new()
        shutil.copy(of, target)
        return target

    def books(self, at: str) -> Books:
        """Open books."""
        return Books(PostgresEngine(at) if self._engine == "postgres" else SqliteEngine(Path(at)))


def killed(place: str, left: int, held: list[Held]) -> bool:
    """Run the writer until its fail point; return whether it came so far."""
    command = [sys.executable, "-m", "tests.fault.dying", place, str(left)]
    command += [",".join(map(str, map(int, one))) for one in held]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    return done.returncode != 0


def with_books(place: Place, at: str, work: Callable[[Books], object]) -> object:
    """Do some work on books."""

    async def run() -> object:
        on = place.books(at)
        await on.writer.start()
        try:
            return await work(on)
        finally:
            await on.writer.stop()
            await on.engine.close()

    return asyncio.run(run())


async def _fill(on: Books) -> None:
    await on.wallet(ALICE, RUB=100_000, USD=1_000)
    await on.wallet(BOB, RUB=10_000)
    await on.engine.change(Step("meta_put", ("key", "yes")))


async def _again(on: Books, orders: list[Order], fresh: Callable[[Outcome], bool]) -> None:
    """The group is there as a whole or not at all; now it is, once."""
    await on.proven()
    outcomes = await asyncio.gather(*map(on.submit, orders))
    assert len({fresh(outcome) for outcome in outcomes}) == 1, outcomes
    await on.proven()


def test_killed_before_and_after_every_step_of_payments_and_holds(tmp_path: Path, engine: str) -> None:
    """Payments that open wallets, count, note; money set aside: whole or nothing, then whole."""
    place, left = Place(tmp_path, engine), 0
    with_books(place, place.now, _fill)

    async def again(on: Books) -> None:
        await _again(on, first(), lambda outcome: not outcome.repeated)
        assert await on.balance(ALICE) == 100_000 - 103 - 50 - 909 - 800 + 1
        assert [await on.balance(CAROL), await on.balance(ALICE, Kind.HOLD)] == [50, 1_709]
        assert await on.engine.one("meta_get", "noted") == ("yes",)

    while killed(at := place.copy(place.now), left, []):
        with_books(place, at, again)
        left += 1
    assert left > 8
    print(f"{left} steps")


def test_killed_before_and_after_every_step_of_what_ends_holds(tmp_path: Path, engine: str) -> None:
    """A hold posted, one voided, an account barred: whole or nothing; an order that was done is not done again."""
    place, left = Place(tmp_path, engine), 0

    async def held(on: Books) -> list[Held]:
        await _fill(on)
        outcomes = [await on.submit(order) for order in first()]
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)
        return [
            Held(ALICE, Direction.OUT, RUB, outcomes[3].txn_id, 900, 9),
            Held(ALICE, Direction.OUT, RUB, outcomes[4].txn_id, 800, 0),
        ]

    waiting = with_books(place, place.now, held)

    async def again(on: Books) -> None:
        await _again(on, second(waiting)[:2], lambda outcome: outcome is UNUSABLE)
        assert [await on.balance(ALICE, Kind.HOLD), await on.balance(ALICE)] == [0, 100_000 - 103 - 50 - 909 + 1]

    while killed(at := place.copy(place.now), left, waiting):
        with_books(place, at, again)
        left += 1
    assert left > 6
    print(f"{left} steps")
