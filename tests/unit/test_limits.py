"""The table of limits, and the audit of the counters."""

import asyncio
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from kalita.clock import day_of, month_bounds, month_of
from kalita.ids import moment_of
from kalita.ledger.audit_rows import Findings
from kalita.limits.audit import counters
from kalita.limits.bind import Limits
from kalita.limits.table import BadTable, Category, Limit, built_in, read_table
from kalita.limits.worth import worth
from kalita.people.wallets import Level
from kalita.storage.engine import Snapshot
from kalita.storage.sqlite.engine import SqliteSnapshot
from tests.books import ALICE, BOB, CAROL, ENGINES, Factory, bill, books, pay

HEAD = "limit,currency,anonymous,simple,verified,full\n"


def test_table_is_read_as_it_is_written() -> None:
    """The built-in one and a changed one alike."""
    table = built_in()
    assert read_table(table.text()) == table
    changed = table.with_(Limit.CASH, Level.FULL, 12_34, 398).with_(Limit.TURNOVER, Level.SIMPLE, None, 643)
    assert read_table(changed.text()) == changed
    assert changed.most(Limit.CASH, Level.FULL, 398) == 12_34
    assert changed.most(Limit.CASH, Level.SIMPLE, 398) is None
    assert changed.most(Limit.TURNOVER, Level.SIMPLE) is None
    assert changed.in_tenge
    assert not table.in_tenge


@pytest.mark.parametrize(
    "text",
    [
        "",
        "limit,currency\n",
        HEAD + "tips,RUB,1,1,1,1\n",
        HEAD + "cash,USD,1,1,1,1\n",
        HEAD + "cash,RUB,1,1,1\n".replace("1,1,1\n", "x,1,1,1\n"),
        HEAD + "cash,RUB,1,1,1,1,1\n",
        HEAD + "cash,RUB,1,1,1\n",
        HEAD + "cash,RUB\n",
        HEAD + "cash,RUB,-1,1,1,1\n",
        HEAD + "cash,RUB,1.005,1,1,1\n",
        HEAD + "cash,RUB,1,1,1,1\ncash,RUB,1,1,1,1\n",
        HEAD + "cash,RUB,1,1,1,1\n" * 2000,
    ],
)
def test_wrong_table_is_refused(text: str) -> None:
    """Nothing is half taken."""
    with pytest.raises(BadTable):
        read_table(text)


def test_worth_rounds_up() -> None:
    """No part of a payment goes uncounted."""
    assert worth(100, 643, 643) == 100
    assert worth(1_00, 840, 643) == 90_00
    assert worth(1, 398, 643) == 1
    assert worth(15_000_00, 643, 840) == 166_67
    assert worth(1_00, 840, 643, {840: Decimal("91.2345")}) == 91_24
    assert worth(1_00, 840, 978, {840: Decimal("91.2345")}) == 92


def test_months_and_days_are_of_moscow() -> None:
    """A day and a month begin at 21:00 UTC of the day before."""
    begin, end = month_bounds(202602)
    assert (month_of(begin - 1), month_of(begin), month_of(end - 1), month_of(end)) == (202601, 202602, 202602, 202603)
    assert (day_of(begin - 1), day_of(begin)) == (20260131, 20260201)
    assert month_bounds(202612)[1] == month_bounds(202701)[0]


@pytest.mark.parametrize("factory", ENGINES.values(), ids=ENGINES)
def test_period_is_that_of_the_transaction(tmp_path: Path, factory: Factory) -> None:
    """When the ids run ahead of the clock the counter is that of the date which history shows."""

    async def run() -> None:
        async with books(tmp_path, factory) as on:
            on.hand.now = month_bounds(202603)[0] * 1000 + 10**9
            await on.wallet(ALICE, RUB=10_000)
            await on.wallet(BOB)
            on.hand.now = month_bounds(202602)[0] * 1000
            limits = Limits(on.engine, on.clock)
            done = await on.done(await limits.bind(pay(ALICE, BOB, 100), Category.TRANSFER))
            assert month_of(moment_of(done.txn_id)) == 202603
            assert await limits.spent(ALICE, 202602) == {}
            assert await limits.spent(ALICE, 202603) == {0: (100, 1)}

    asyncio.run(run())


async def _fill(folder: Path, factory: Factory) -> None:
    async with books(folder, factory) as on:
        limits = Limits(on.engine, on.clock)
        await on.wallet(ALICE, RUB=100_000, USD=10_000)
        await on.wallet(BOB, RUB=100_000)
        for _ in range(3):
            await on.done(await limits.bind(pay(ALICE, BOB, 100), Category.TRANSFER))
            await on.done(await limits.bind(pay(BOB, CAROL, 10), Category.TRANSFER))
            await on.done(await limits.bind(pay(ALICE, BOB, 1_00, currency=840), Category.TRANSFER))
            await on.done(await limits.bind(bill(BOB, 50, fee=5), Category.OTHER))
            on.hand.now += 40 * 86400 * 10**9
        async with on.engine.snapshot() as snapshot:
            assert await _findings(snapshot) == set()


async def _findings(snapshot: Snapshot) -> set[str]:
    found = Findings()
    await counters(snapshot, found, (99,))
    return {one.table for one in found.first}


@pytest.mark.parametrize("factory", ENGINES.values(), ids=ENGINES)
def test_counters_are_proven(tmp_path: Path, factory: Factory) -> None:
    """What was counted is what history shows; the books are in order beside."""
    asyncio.run(_fill(tmp_path, factory))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE account SET spent = replace(spent, ',1]', ',2]') WHERE owner = 79110000001",
        "UPDATE account SET spent = replace(spent, '0,10,', '0,9,') WHERE owner = 79110000002",
        "UPDATE account SET spent = replace(spent, '[2026', '[2027') WHERE owner = 79110000001",
        "UPDATE account SET spent = replace(spent, '[2026', '[2025') WHERE owner = 79110000001",
        "UPDATE account SET spent = replace(spent, ',0,', ',1,') WHERE owner = 79110000001",
        "UPDATE account SET spent = '' WHERE owner = 79110000001",
        "UPDATE account SET spent = '[[' WHERE owner = 79110000001",
        "UPDATE account SET spent = '[[202001,0,1,1],' || substr(spent, 2) WHERE owner = 79110000001",
        "UPDATE account SET spent = '[[20260101,3,1,1],' || substr(spent, 2) WHERE owner = 79110000001",
        "UPDATE measured SET amount = amount + 1",
        "DELETE FROM measured",
    ],
)
def test_tampered_counter_is_named(tmp_path: Path, change: str) -> None:
    """Whoever makes room for himself past the program is found."""
    asyncio.run(_fill(tmp_path, ENGINES["sqlite"]))
    db = sqlite3.connect(tmp_path / "kalita.db")
    before = db.execute("SELECT id, spent FROM account ORDER BY id").fetchall()
    assert db.execute(change).rowcount > 0
    assert "measured" in change or db.execute("SELECT id, spent FROM account ORDER BY id").fetchall() != before
    assert asyncio.run(_findings(SqliteSnapshot(db))) == {"account"}
    db.close()
