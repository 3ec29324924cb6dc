"""
Whoever writes into the database past the program is found, and what he touched is named.

The cases are made from the table definitions: a new column of the books is tested by itself.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kalita.ledger.accounts import Direction
from kalita.ledger.audit import Head, Report, audit
from kalita.ledger.audit_commits import born
from kalita.ledger.chain import GENESIS, Digest, opened
from kalita.ledger.holds import Held, post, void
from kalita.ledger.writer import Writer
from kalita.storage import migrate
from kalita.storage.queries import for_sqlite
from kalita.storage.rows import AccountRow, BarRow, ClosingRow, EntryRow, HistoryRow, PaymentRow
from kalita.storage.sqlite.engine import SqliteSnapshot
from tests.books import ALICE, BOB, CAROL, KEYS, RUB, Books, bar, bill, books, pay

NOT_BOOKS = {"wallet", "token", "meta", "migration"}
"""Tables that hold no money and no record of it."""

NOT_OF_THE_BOOKS = {("lane", "holder"), ("lane", "leased_until")}
"""Columns of the books that say who may write now: nothing is paid by them."""

PLACES = ("first", "middle", "last")


def _tables() -> dict[str, list[tuple[str, str, int]]]:
    """Return name, type and place in the key of each column of each table of the books."""
    db = sqlite3.connect(":memory:")
    for migration in migrate.load("kalita.storage.sqlite"):
        for statement in migration.statements:
            db.execute(statement)
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = {
        name: [(row[1], row[2], row[5]) for row in db.execute(f"PRAGMA table_info({name})")]
        for name in names
        if name not in NOT_BOOKS and not name.startswith("sqlite_")
    }
    db.close()
    return found


TABLES = _tables()
COLUMNS = [
    (table, column, kind)
    for table, columns in TABLES.items()
    for column, kind, _ in columns
    if (table, column) not in NOT_OF_THE_BOOKS
]


async def _fill(on: Books) -> None:
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


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of books that are in order."""
    folder = tmp_path_factory.mktemp("books")

    async def run() -> None:
        async with books(folder) as on:
            await _fill(on)

    asyncio.run(run())
    return folder / "kalita.db"


@pytest.fixture
def db(filled: Path) -> Iterator[sqlite3.Connection]:
    """Return the books, open for one who writes past the program; whatever he does is undone."""
    connection = sqlite3.connect(filled, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.execute("ROLLBACK")
    connection.close()


def _audit(db: sqlite3.Connection, *kept: Head) -> Report:
    return asyncio.run(audit(SqliteSnapshot(db), KEYS, kept))


def _named(db: sqlite3.Connection, *kept: Head) -> set[str]:
    """Return the tables that the audit names."""
    return {finding.table for finding in _audit(db, *kept).findings}


def _key_of(table: str) -> list[str]:
    return [column for column, _, place in sorted(TABLES[table], key=lambda row: row[2]) if place]


def _row_at(db: sqlite3.Connection, table: str, place: str) -> tuple[str, tuple]:
    """Return the condition that finds the first, middle or last row of a table, and its parameters."""
    key = _key_of(table)
    rows = db.execute(f"SELECT {', '.join(key)} FROM {table} ORDER BY {', '.join(key)}").fetchall()
    assert len(rows) >= (2 if table == "lane" else 3), f"nothing of {table} to change"
    row = rows[{"first": 0, "middle": len(rows) // 2, "last": -1}[place]]
    return " AND ".join(f"{column} = ?" for column in key), row


def _change(db: sqlite3.Connection, table: str, column: str, kind: str, place: str) -> None:
    where, key = _row_at(db, table, place)
    new = f"coalesce({column}, 0) + " if kind == "INTEGER" else f"coalesce({column}, '') || "
    for by in ("1", "1000003") if kind == "INTEGER" else ("'0'",):
        try:
            assert db.execute(f"UPDATE {table} SET {column} = {new}{by} WHERE {where}", key).rowcount == 1
        except sqlite3.IntegrityError:
            continue
        return
    raise AssertionError(f"{table}.{column} could not be changed")


def test_untouched_books_are_proven(db: sqlite3.Connection) -> None:
    """The cases below start from books in order, with rows in every table."""
    report = _audit(db)
    assert report.findings == ()
    assert report.counts.keys() == TABLES.keys() | {"wallet"}
    assert all(report.counts.values())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("table", "column", "kind"), COLUMNS)
def test_changed_column_is_named(db: sqlite3.Connection, table: str, column: str, kind: str, place: str) -> None:
    """Any number or text of the books that is not what was written is found, and its table is named."""
    _change(db, table, column, kind, place)
    assert table in _named(db)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("table", [*TABLES, "wallet"])
def test_deleted_row_is_named(db: sqlite3.Connection, table: str, place: str) -> None:
    """A row that is gone is missed."""
    if table == "wallet":
        (number,) = db.execute("SELECT wallet FROM wallet LIMIT 1 OFFSET ?", (PLACES.index(place),)).fetchone()
        where, key = "wallet = ?", (number,)
    else:
        where, key = _row_at(db, table, place)
    assert db.execute(f"DELETE FROM {table} WHERE {where}", key).rowcount == 1
    assert table in _named(db)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("table", list(TABLES))
def test_added_row_is_named(db: sqlite3.Connection, table: str, place: str) -> None:
    """A row that the program did not write stands out, though it is the twin of one that it wrote."""
    where, key = _row_at(db, table, place)
    last = _key_of(table)[-1]
    columns = [column for column, _, _ in TABLES[table]]
    twin = [f"{last} || '0'" if column == last == "client_id" else column for column in columns]
    twin = [f"{last} + 1000003" if column == last != "client_id" else column for column in twin]
    added = db.execute(f"INSERT INTO {table} SELECT {', '.join(twin)} FROM {table} WHERE {where}", key)
    assert added.rowcount == 1
    assert table in _named(db)


@pytest.mark.parametrize(("table", "columns"), [
    ("account", "balance"), ("account", "balance, entries, last_txn"), ("entry", "change, balance"), ("entry", "leg"),
    ("entry", "account_id, seq"), ("payment", "answer"), ("payment", "meaning"), ("payment", "txn_id"),
    ("history", "sum, running"), ("history", "account"), ("history", "provider"), ("history", "state"),
    ("closing", "error_code"), ("closing", "closed_by"), ("bar", "bars"), ("chain", "head"), ("lane", "head"),
])  # fmt: skip
def test_swapped_rows_are_named(db: sqlite3.Connection, table: str, columns: str) -> None:
    """Two rows that changed places are found, though every sum is what it was."""
    key, names = ", ".join(_key_of(table)), columns.split(", ")
    rows = db.execute(f"SELECT {columns}, {key} FROM {table} ORDER BY {key}").fetchall()
    one = rows[0]
    other = next(row for row in reversed(rows) if all(a != b for a, b in zip(one, row[: len(names)], strict=False)))
    where = " AND ".join(f"{column} = ?" for column in _key_of(table))
    for old, new in ((one, other), (other, one)):
        text = ", ".join(f"{name} = ?" for name in names)
        db.execute(f"UPDATE OR IGNORE {table} SET {text} WHERE {where}", (*new[: len(names)], *old[len(names) :]))
    assert table in _named(db)


def _last_group(db: sqlite3.Connection, lane: int) -> tuple[int, int, int]:
    text = "SELECT seq, first_txn, last_txn FROM chain WHERE lane = ? ORDER BY seq DESC LIMIT 1"
    return db.execute(text, (lane,)).fetchone()


@pytest.mark.parametrize("lane", [0, 1])
@pytest.mark.parametrize("rows", ["kept", "deleted"])
@pytest.mark.parametrize("lane_set_back", [False, True])
def test_last_group_cut_off_is_named(db: sqlite3.Connection, lane: int, rows: str, lane_set_back: bool) -> None:
    """The newest group of a lane, cut off with or without its rows, is missed."""
    seq, first, last = _last_group(db, lane)
    db.execute("DELETE FROM chain WHERE lane = ? AND seq = ?", (lane, seq))
    if rows == "deleted":
        for table, column in (("entry", "txn_id"), ("payment", "txn_id"), ("history", "txn_id"), ("bar", "txn_id")):
            db.execute(f"DELETE FROM {table} WHERE {column} BETWEEN ? AND ?", (first, last))
    if lane_set_back:
        before = "SELECT seq, last_txn, head FROM chain WHERE lane = ?1 AND seq = ?2"
        db.execute(f"UPDATE lane SET (seq, last_txn, head) = ({before}) WHERE lane = ?1", (lane, seq - 1))
    named = _named(db)
    assert "chain" in named or lane_set_back
    assert named & {"entry", "account", "bar"}


def test_older_copy_is_named_by_a_kept_head(tmp_path: Path) -> None:
    """An older copy of everything is in order by itself; a head that was kept outside tells."""

    async def run() -> None:
        async with books(tmp_path) as on:
            await on.wallet(ALICE, RUB=1_000)
            older = await on.proven()
            copy = sqlite3.connect(tmp_path / "copy.db")
            with sqlite3.connect(tmp_path / "kalita.db") as source:
                source.backup(copy)
            source.close()
            await on.done(pay(ALICE, BOB, 10))
            newer = await on.proven()
            assert (await on.audit(*older.heads, *newer.heads)).proven
        assert (await audit(SqliteSnapshot(copy), KEYS, older.heads)).proven
        report = await audit(SqliteSnapshot(copy), KEYS, newer.heads)
        assert [finding.table for finding in report.findings] == ["chain"]
        copy.close()

    asyncio.run(run())


def test_kept_head_of_another_chain_is_named(db: sqlite3.Connection) -> None:
    """A head that was kept and a chain that has another one at that place: the chain was written anew."""
    head = _audit(db).heads[0]
    assert _named(db, head) == set()
    assert _named(db, head._replace(head="f" * 32)) == {"chain"}
    assert _named(db, head._replace(seq=head.seq - 1)) == {"chain"}
    assert _named(db, head._replace(lane=63)) == {"chain"}


def _rebuild(db: sqlite3.Connection, key: bytes) -> None:
    """Write the chain anew with a key, from the rows as they are now."""
    texts = for_sqlite()
    feeds: list[tuple[str, str, int, Callable]] = [
        ("opened", "audit_opened", 12, lambda row: opened(AccountRow(*row))),
        ("entries", "audit_entries", 0, lambda row: EntryRow(*row)),
        ("payments", "audit_payments", 2, lambda row: PaymentRow(*row)),
        ("history", "audit_history", 2, lambda row: born(HistoryRow(*row[:-1]), row[-1])),
        ("closings", "audit_closings", 4, lambda row: ClosingRow(*row[:5])),
        ("bars", "audit_bars", 1, lambda row: BarRow(*row)),
    ]
    rows = {name: db.execute(texts[query]).fetchall() for name, query, _, _ in feeds}
    heads: dict[int, str] = {}
    for lane, seq, first, last, *_ in db.execute(texts["audit_chain"]).fetchall():
        digest = Digest(key)
        for name, _, at, make in feeds:
            mine = [make(row) for row in rows[name] if first <= row[at] <= last and row[at] & 63 == lane]
            getattr(digest, name)(mine)
        heads[lane] = head = digest.head(heads.get(lane, GENESIS), lane, seq, first, last)
        text = "UPDATE chain SET head = ?, parts = ? WHERE lane = ? AND seq = ?"
        db.execute(text, (head, digest.parts(), lane, seq))
    db.executemany("UPDATE lane SET head = ? WHERE lane = ?", [(head, lane) for lane, head in heads.items()])


def test_chain_rebuilt_without_the_key_is_named(db: sqlite3.Connection) -> None:
    """Books changed to agree in every sum need the key for their chain: without it each group is named."""
    _rebuild(db, KEYS.of("chain"))
    assert _audit(db).proven, "rebuilding with the key gives the same chain"
    db.execute("UPDATE account SET bars = 0")
    db.execute("UPDATE bar SET bars = 0")
    _rebuild(db, KEYS.of("other"))
    report = _audit(db)
    groups = {finding.key for finding in report.findings if finding.table == "chain"}
    assert len(groups) == report.counts["chain"]


def test_findings_are_bounded(db: sqlite3.Connection) -> None:
    """However much is wrong, the report stays short and says how much it left out."""
    for number in range(400):
        db.execute("INSERT INTO entry SELECT ? , leg, account_id, seq, change, balance FROM entry LIMIT 4", (number,))
    report = _audit(db)
    assert len(report.findings) == 1_000
    assert report.more > 0
