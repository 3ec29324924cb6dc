"""The audit by its rules alone, over any cut of the rows, and beside a writer at work."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.audit import Report
from kalita.ledger.order import Accepted, Opening, Order, Record, Transfer
from kalita.storage.engine import Snapshot
from kalita.storage.sqlite import engine
from tests.books import ALICE, BOB, CAROL, KEYS, RUB, USD, books, pay
from tests.unit.past import Past
from tests.unit.tampering import PLACES, TABLES, audited, change, rebuild

RULED = [
    *(("account", column) for column, kind, _ in TABLES["account"] if kind == "INTEGER"),
    *(("entry", column) for column, _, _ in TABLES["entry"]),
    *(("history", column) for column in ("wallet", "stream", "txn_id", "running", "sum", "commission", "state")),
    *(("closing", column) for column in ("wallet", "stream", "txn_id", "closed_by")),
    *(("chain", column) for column in ("seq", "first_txn", "last_txn")),
    *(("payment", "owner"), ("payment", "client_id"), ("payment", "txn_id"), ("bar", "account_id")),
    *(("lane", column) for column in ("seq", "last_txn")),
]
"""Columns of which the rules, or other rows, tell what they have to be."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("table", "column"), RULED)
def test_rules_hold_though_the_chain_fits(db: Past, table: str, column: str, place: str) -> None:
    """A wrong figure is found even when whoever wrote it had the key: by mistake of the program, or a thief's."""
    kind = next(kind for name, kind, _ in TABLES[table] if name == column)
    change(db, table, column, kind, place)
    rebuild(db, KEYS.of("chain"))
    assert not audited(db).proven


class _Trickle:
    """A snapshot that gives its rows one at a time."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def rows(self, query: str, *args) -> AsyncIterator[list[tuple]]:
        """Stream rows one by one."""
        async for batch in self._snapshot.rows(query, *args):
            for row in batch:
                yield [row]


def test_rows_may_be_cut_anywhere(db: Past) -> None:
    """The report does not depend on how many rows a batch has."""
    db.execute("UPDATE entry SET balance = balance + 1")
    db.execute("DELETE FROM history WHERE state = 2")
    whole = audited(db)
    assert len(whole.findings) > 20
    assert db.audit(wrap=_Trickle) == whole


async def _orders(folder: Path, *orders: Order) -> Report:
    """Put orders into books that no door of the API would build; return what the audit says."""
    async with books(folder) as on:
        await on.wallet(ALICE, RUB=1_000, USD=1_000)
        await on.wallet(BOB)
        for order in orders:
            assert isinstance(await on.submit(order), Accepted)
        return await on.audit()


WAITING = tuple(record._replace(waiting=True) for record in pay(ALICE, BOB, 5).records)
A, B = account_id(ALICE, Kind.WALLET, RUB), account_id(BOB, Kind.WALLET, RUB)


@pytest.mark.parametrize(("order", "table"), [
    (Order(ALICE, transfers=(Transfer(A, B, 5),)), "entry"),
    (Order(ALICE, transfers=(Transfer(A, B, 5),), records=pay(ALICE, BOB, 4).records), "entry"),
    (Order(ALICE, transfers=(Transfer(A, B, 5),), records=pay(ALICE, BOB, 5).records[:1]), "entry"),
    (Order(ALICE, "7", transfers=(Transfer(A, B, 5),), records=pay(ALICE, BOB, 5).records), "payment"),
    (Order(ALICE, "7"), "payment"),
    (Order(ALICE, openings=(Opening(CAROL, Kind.WALLET, RUB),)), "wallet"),
    (Order(ALICE, openings=(Opening(-5, Kind.WALLET, RUB),)), "account"),
    (Order(ALICE, openings=(Opening(CAROL, Kind.FEE, RUB),)), "account"),
    (Order(ALICE, openings=(Opening(5, Kind.WALLET, RUB, 0),)), "account"),
    (Order(ALICE, openings=(Opening(ALICE, Kind.WALLET, 999),)), "account"),
    (Order(ALICE, transfers=(Transfer(A, B, 5),), records=WAITING), "account"),
    (Order(ALICE, records=(Record(ALICE, Direction.IN, USD, 7, "+7", 5, 0, "", None),)), "entry"),
])  # fmt: skip
def test_mistakes_of_the_program_are_named(tmp_path: Path, order: Order, table: str) -> None:
    """Money without history, history without money, owners without wallets: what a later feature may do wrong."""
    report = asyncio.run(_orders(tmp_path, order))
    assert table in {finding.table for finding in report.findings}
    assert not [finding for finding in report.findings if finding.table == "chain"]


def test_audit_beside_a_writer_at_work(tmp_path: Path) -> None:
    """Books are proven at any moment, however many payments come in meanwhile; later heads go on from kept ones."""

    async def run() -> None:
        async with books(tmp_path) as on:
            await on.wallet(ALICE, RUB=100_000)
            done = asyncio.Event()

            async def work() -> None:
                while not done.is_set():
                    await asyncio.gather(*(on.done(pay(ALICE, BOB, 1, fee=1)) for _ in range(20)))

            working = asyncio.create_task(work())
            kept = []
            for _ in range(20):
                await asyncio.sleep(0.005)
                report = await on.audit(*kept)
                assert report.findings == ()
                kept += report.heads
            done.set()
            await working
            assert len({head.seq for head in kept}) > 5

    asyncio.run(run())


def test_memory_does_not_grow_with_the_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten times the payments need no more room: rows stream by."""
    monkeypatch.setattr(engine, "SNAPSHOT_ROWS", 100)

    async def run() -> None:
        async with books(tmp_path) as on:
            await on.wallet(ALICE, RUB=100_000)
            peaks = []
            for payments in (300, 2_700):
                for number in range(payments // 100):
                    key = f"{payments}-{number}"
                    await asyncio.gather(*(on.done(pay(ALICE, BOB, 1, client_id=f"{key}-{n}")) for n in range(100)))
                await on.proven()
                tracemalloc.start()
                await on.proven()
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
            assert peaks[1] < peaks[0] * 1.3, peaks

    asyncio.run(run())
