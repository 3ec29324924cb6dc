"""
Books with everything in them, and what somebody can do to them who writes past the program.
"""

import sqlite3
from collections.abc import Callable

from kalita.ledger.accounts import Direction
from kalita.ledger.audit import Head, Report
from kalita.ledger.audit_commits import born
from kalita.ledger.chain import GENESIS, Digest, opened
from kalita.ledger.holds import Held, post, void
from kalita.ledger.writer import Writer
from kalita.storage import migrate
from kalita.storage.rows import AccountRow, BarRow, ClosingRow, EntryRow, HistoryRow, PaymentRow
from tests.books import ALICE, BOB, CAROL, KEYS, RUB, Books, bar, bill, pay
from tests.unit.past import Past, Taken

BOOKS = {"lane", "chain", "account", "entry", "payment", "history", "closing", "bar"}
"""Tables that hold money and the record of it."""

NOT_OF_THE_BOOKS = {("account", "spent"), ("lane", "holder"), ("lane", "leased_until")}
"""Columns beside the books: who may write now, and the counters of limits, which limits/audit.py recounts."""

PLACES = ("first", "middle", "last")


def tables() -> dict[str, list[tuple[str, str, int]]]:
    """Return name, type and place in the key of each column of each table of the books."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load():
        for statement in migration.statements:
            db.execute(migrate.for_sqlite(statement))
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {
        name: [(row[1], row[2], row[5]) for row in db.execute(f"PRAGMA table_info({name})")]
        for name in names
        if name in BOOKS
    }
    db.close()
    return found


TABLES = tables()
COLUMNS = [
    (table, column, kind)
    for table, columns in TABLES.items()
    for column, kind, _ in columns
    if (table, column) not in NOT_OF_THE_BOOKS
]


async def fill(on: Books) -> None:
    """Put everything into the books that they can hold, by writers of two lanes."""
    second = Writer(on.engine, KEYS, on.clock)
    await second.start()
    await on.wallet(ALICE, RUB=100_000, USD=5_000)
    await on.wallet(BOB, RUB=50_000)
    held = []
    for number in range(4):
        await on.done(pay(ALICE, BOB, 100 + number, fee=1, client_id=f"a{number}"))
        await second.submit(pay(BOB, CAROL, 10 + number, client_id=f"b{number}"))
        on.hand.now += 5_000_000
        accepted = await on.done(bill(ALICE, 1_000 + number, fee=10, client_id=f"h{number}"))
        held.append(Held(ALICE, Direction.OUT, RUB, accepted.txn_id, 1_000 + number, 10))
        await second.submit(bar(CAROL, number % 3))
    for order in (post(held[0], 1, 0), void(held[1], 300), void(held[2], 5)):
        await second.submit(order)
    await second.submit(bar(BOB, 2))
    await on.wallets.top_up(BOB, 700, RUB, "cash-1", "Cash")
    await on.proven()
    await second.stop()


def audited(db: Past, *kept: Head) -> Report:
    return db.audit(*kept)


def named(db: Past, *kept: Head) -> set[str]:
    """Return the tables that the audit names."""
    return {finding.table for finding in audited(db, *kept).findings}


def key_of(table: str) -> list[str]:
    return [column for column, _, place in sorted(TABLES[table], key=lambda row: row[2]) if place]


def row_at(db: Past, table: str, place: str) -> tuple[str, tuple]:
    """Return the condition that finds the first, middle or last row of a table, and its parameters."""
    key = key_of(table)
    rows = db.execute(f"SELECT {', '.join(key)} FROM {table} ORDER BY {', '.join(key)}").fetchall()
    assert len(rows) >= (2 if table == "lane" else 3), f"nothing of {table} to change"
    row = rows[{"first": 0, "middle": len(rows) // 2, "last": -1}[place]]
    return " AND ".join(f"{column} = ?" for column in key), row


def change(db: Past, table: str, column: str, kind: str, place: str) -> None:
    where, key = row_at(db, table, place)
    new = f"coalesce({column}, 0) + " if kind == "INTEGER" else f"coalesce({column}, '') || "
    for by in ("1", "1000003") if kind == "INTEGER" else ("'0'",):
        try:
            assert db.execute(f"UPDATE {table} SET {column} = {new}{by} WHERE {where}", key).rowcount == 1
        except Taken:
            continue
        return
    raise AssertionError(f"{table}.{column} could not be changed")


def rebuild(db: Past, key: bytes) -> None:
    """Write the chain anew with a key, from the rows as they are now."""
    feeds: list[tuple[str, str, int, Callable]] = [
        ("opened", "audit_opened", 13, lambda row: opened(AccountRow(*row))),
        ("entries", "audit_entries", 0, lambda row: EntryRow(*row)),
        ("payments", "audit_payments", 2, lambda row: PaymentRow(*row)),
        ("history", "audit_history", 2, lambda row: born(HistoryRow(*row[:-1]), row[-1])),
        ("closings", "audit_closings", 4, lambda row: ClosingRow(*row[:5])),
        ("bars", "audit_bars", 1, lambda row: BarRow(*row)),
    ]
    rows = {name: db.named(query) for name, query, _, _ in feeds}
    heads: dict[int, str] = {}
    for lane, seq, first, last, *_ in db.named("audit_chain"):
        digest = Digest(key)
        for name, _, at, make in feeds:
            mine = [make(row) for row in rows[name] if first <= row[at] <= last and row[at] & 63 == lane]
            getattr(digest, name)(mine)
        heads[lane] = head = digest.head(heads.get(lane, GENESIS), lane, seq, first, last)
        text = "UPDATE chain SET head = ?, parts = ? WHERE lane = ? AND seq = ?"
        db.execute(text, (head, digest.parts(), lane, seq))
    for lane, head in heads.items():
        db.execute("UPDATE lane SET head = ? WHERE lane = ?", (head, lane))
