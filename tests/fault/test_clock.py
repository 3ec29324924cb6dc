"""
A clock that steps by a second or by years, to leap days and the ends of months, under writers that go on.

Invariants: an id is paid once at any time, ids are in commit order for every account whatever the clock says, counters
of a month and a day begin anew once, tokens end after 180 days of that clock. Two writers on PostgreSQL, each with a
clock of its own that steps by itself; one on SQLite.
"""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

from kalita.access.tokens import LIFE_DAYS, Tokens
from kalita.clock import DAY, SECOND, day_of, micros, month_of
from kalita.ids import moment_of
from kalita.ledger.order import Accepted
from kalita.wire.endpoint import ALL_PERMISSIONS
from tests.books import ALICE, BOB, ENGINES, Books, Hand, pay
from tests.fault.town import seed

STEPS = 60
WRITERS = {"sqlite": 1, "postgres": 2}
BY = [sign * seconds for seconds in (1, 59, 3_600, 86_400, 31 * 86_400, 365 * 86_400) for sign in (1, -1)]
TO = [
    datetime(2028, 2, 28, 20, 59, 59, tzinfo=UTC),
    datetime(2028, 2, 29, 20, 59, 59, tzinfo=UTC),
    datetime(2026, 12, 31, 20, 59, 58, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 1, 31, 20, 59, 59, tzinfo=UTC),
    datetime(2027, 3, 31, 20, 59, 59, tzinfo=UTC),
]
"""Ends of days, months and years in Moscow, and of a year in UTC."""


def step(hand: Hand, chance: random.Random) -> None:
    """Let a clock step."""
    if chance.random() < 0.3:
        hand.now = micros(chance.choice(TO)) * 1000
    else:
        hand.now += chance.choice(BY) * 10**9


def test_sixty_steps_of_the_clock(tmp_path: Path, engine: str) -> None:
    """After each step payments and their repeats; the order of ids is that of commits, month and day are theirs."""
    chance = random.Random(seed())

    async def run() -> None:
        writers = [Books(ENGINES[engine](tmp_path)) for _ in range(WRITERS[engine])]
        for on in writers:
            await on.writer.start()
        await writers[0].wallet(ALICE, RUB=10**9)
        answers: dict[str, Accepted] = {}
        try:
            for number in range(STEPS):
                on = writers[number % len(writers)]
                step(on.hand, chance)
                await _pay(writers, number, chance, answers)
            await _in_order(writers[0], len(answers))
        finally:
            for on in writers:
                await on.writer.stop()
                await on.engine.close()

    asyncio.run(run())


async def _pay(writers: list[Books], number: int, chance: random.Random, answers: dict[str, Accepted]) -> None:
    names = [f"{number}.{place}" for place in range(4)]
    found = await asyncio.gather(*(chance.choice(writers).done(pay(ALICE, BOB, 1, client_id=name)) for name in names))
    answers.update(zip(names, found, strict=True))
    for name in chance.sample(sorted(answers), min(4, len(answers))):
        again = await chance.choice(writers).done(pay(ALICE, BOB, 1, client_id=name))
        assert again == answers[name]._replace(repeated=True)


async def _in_order(on: Books, count: int) -> None:
    """Entries are numbered in the order of ids on every account, and history shows every payment once."""
    report = await on.proven()
    assert report.counts["payment"] == count
    entries: dict[int, list[tuple[int, int]]] = {}
    async with on.engine.snapshot() as snapshot:
        async for rows in snapshot.rows("audit_account_entries"):
            for txn_id, _, account, seq, *_ in rows:
                entries.setdefault(account, []).append((seq, txn_id))
    for found in entries.values():
        assert sorted(found) == sorted(found, key=lambda pair: pair[1])
        assert len({txn_id for _, txn_id in found}) == len(found)


def test_periods_are_those_that_history_shows() -> None:
    """A month and a day in Moscow have the bounds that a calendar gives them, leap days among them."""
    last = [micros(stamp) for stamp in TO if stamp.hour == 20]
    assert all(day_of(moment + 2 * SECOND) != day_of(moment) for moment in last)
    assert sum(month_of(moment + 2 * SECOND) != month_of(moment) for moment in last) == len(last) - 1
    assert [month_of(micros(stamp)) for stamp in TO[:2]] == [202802, 202802]
    assert day_of(micros(TO[0]) + SECOND) == 20280229
    assert moment_of(1 << 40) % SECOND == 0


def test_token_ends_after_180_days_of_any_clock(tmp_path: Path, engine: str) -> None:
    """To the second, whichever way the clock came there."""
    chance = random.Random(seed())

    async def run() -> None:
        on = Books(ENGINES[engine](tmp_path))
        await on.writer.start()
        await on.wallet(ALICE)
        tokens = Tokens(on.engine, on.clock)
        token = await tokens.issue(ALICE, ALL_PERMISSIONS)
        ends = on.clock.now() + LIFE_DAYS * DAY
        for _ in range(STEPS):
            step(on.hand, chance)
            assert (await tokens.bearer(token) is not None) == (on.clock.now() < ends)
        for moment, live in ((ends - 1, True), (ends, False), (ends - DAY, True)):
            on.hand.now = moment * 1000
            assert (await tokens.bearer(token) is not None) == live
        await on.writer.stop()
        await on.engine.close()

    asyncio.run(run())
