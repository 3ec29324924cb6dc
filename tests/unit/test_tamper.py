"""
Whoever writes into the database past the program is found, and what he touched is named.

The cases are made from the table definitions: a new column of the books is tested by itself.
"""

import asyncio
import shutil
from pathlib import Path

import pytest

from kalita.ledger.audit import Report
from tests.books import ALICE, BOB, ENGINES, KEYS, books, pay
from tests.unit.past import PASTS, Past
from tests.unit.tampering import COLUMNS, PLACES, TABLES, audited, change, key_of, named, rebuild, row_at


def test_untouched_books_are_proven(db: Past) -> None:
    """The cases below start from books in order, with rows in every table."""
    report = audited(db)
    assert report.findings == ()
    assert report.counts.keys() == TABLES.keys() | {"wallet"}
    assert all(report.counts.values())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("table", "column", "kind"), COLUMNS)
def test_changed_column_is_named(db: Past, table: str, column: str, kind: str, place: str) -> None:
    """Any number or text of the books that is not what was written is found, and its table is named."""
    change(db, table, column, kind, place)
    assert table in named(db)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("table", [*TABLES, "wallet"])
def test_deleted_row_is_named(db: Past, table: str, place: str) -> None:
    """A row that is gone is missed."""
    if table == "wallet":
        (number,) = db.execute("SELECT wallet FROM wallet LIMIT 1 OFFSET ?", (PLACES.index(place),)).fetchone()
        where, key = "wallet = ?", (number,)
    else:
        where, key = row_at(db, table, place)
    assert db.execute(f"DELETE FROM {table} WHERE {where}", key).rowcount == 1
    assert table in named(db)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("table", list(TABLES))
def test_added_row_is_named(db: Past, table: str, place: str) -> None:
    """A row that the program did not write stands out, though it is the twin of one that it wrote."""
    where, key = row_at(db, table, place)
    last = key_of(table)[-1]
    columns = [column for column, _, _ in TABLES[table]]
    twin = [f"{last} || '0'" if column == last == "client_id" else column for column in columns]
    twin = [f"{last} + 1000003" if column == last != "client_id" else column for column in twin]
    added = db.execute(f"INSERT INTO {table} SELECT {', '.join(twin)} FROM {table} WHERE {where}", key)
    assert added.rowcount == 1
    assert table in named(db)


@pytest.mark.parametrize(("table", "columns"), [
    ("account", "balance"), ("account", "balance, entries, last_txn"), ("entry", "change, balance"), ("entry", "leg"),
    ("entry", "account_id, seq"), ("payment", "answer"), ("payment", "meaning"), ("payment", "txn_id"),
    ("history", "sum, running"), ("history", "account"), ("history", "provider"), ("history", "state"),
    ("closing", "error_code"), ("closing", "closed_by"), ("bar", "bars"), ("chain", "head"), ("lane", "head"),
])  # fmt: skip
def test_swapped_rows_are_named(db: Past, table: str, columns: str) -> None:
    """Two rows that changed places are found, though every sum is what it was."""
    key, names = ", ".join(key_of(table)), columns.split(", ")
    rows = db.execute(f"SELECT {columns}, {key} FROM {table} ORDER BY {key}").fetchall()
    one = rows[0]
    other = next(row for row in reversed(rows) if all(a != b for a, b in zip(one, row[: len(names)], strict=False)))
    where = " AND ".join(f"{column} = ?" for column in key_of(table))
    for old, new in ((one, other), (other, one)):
        text = ", ".join(f"{name} = ?" for name in names)
        db.execute(f"UPDATE OR IGNORE {table} SET {text} WHERE {where}", (*new[: len(names)], *old[len(names) :]))
    assert table in named(db)


def _last_group(db: Past, lane: int) -> tuple[int, int, int]:
    text = "SELECT seq, first_txn, last_txn FROM chain WHERE lane = ? ORDER BY seq DESC LIMIT 1"
    return db.execute(text, (lane,)).fetchone()


@pytest.mark.parametrize("lane", [0, 1])
@pytest.mark.parametrize("rows", ["kept", "deleted"])
@pytest.mark.parametrize("lane_set_back", [False, True])
def test_last_group_cut_off_is_named(db: Past, lane: int, rows: str, lane_set_back: bool) -> None:
    """The newest group of a lane, cut off with or without its rows, is missed."""
    seq, first, last = _last_group(db, lane)
    db.execute("DELETE FROM chain WHERE lane = ? AND seq = ?", (lane, seq))
    if rows == "deleted":
        for table, column in (("entry", "txn_id"), ("payment", "txn_id"), ("history", "txn_id"), ("bar", "txn_id")):
            db.execute(f"DELETE FROM {table} WHERE {column} BETWEEN ? AND ?", (first, last))
    if lane_set_back:
        before = "SELECT seq, last_txn, head FROM chain WHERE lane = ?1 AND seq = ?2"
        db.execute(f"UPDATE lane SET (seq, last_txn, head) = ({before}) WHERE lane = ?1", (lane, seq - 1))
    found = named(db)
    assert "chain" in found or lane_set_back
    assert found & {"entry", "account", "bar"}


@pytest.mark.parametrize("name", ENGINES)
def test_older_copy_is_named_by_a_kept_head(tmp_path: Path, name: str) -> None:
    """An older copy of everything is in order by itself; a head that was kept outside tells."""

    async def wallet() -> Report:
        async with books(tmp_path, ENGINES[name]) as on:
            await on.wallet(ALICE, RUB=1_000)
            return await on.proven()

    async def payment(older: Report) -> Report:
        async with books(tmp_path, ENGINES[name]) as on:
            await on.done(pay(ALICE, BOB, 10))
            newer = await on.proven()
            assert (await on.audit(*older.heads, *newer.heads)).proven
            return newer

    older = asyncio.run(wallet())
    copy = PASTS[name](_copied(tmp_path) if name == "sqlite" else tmp_path)  # the other copies by itself
    newer = asyncio.run(payment(older))
    copy.begin()
    assert copy.audit(*older.heads).proven
    assert [finding.table for finding in copy.audit(*newer.heads).findings] == ["chain"]
    copy.close()


def _copied(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder / "copy"))


def test_kept_head_of_another_chain_is_named(db: Past) -> None:
    """A head that was kept and a chain that has another one at that place: the chain was written anew."""
    head = audited(db).heads[0]
    assert named(db, head) == set()
    assert named(db, head._replace(head="f" * 32)) == {"chain"}
    assert named(db, head._replace(seq=head.seq - 1)) == {"chain"}
    assert named(db, head._replace(lane=63)) == {"chain"}


def test_chain_rebuilt_without_the_key_is_named(db: Past) -> None:
    """Books changed to agree in every sum need the key for their chain: without it each group is named."""
    rebuild(db, KEYS.of("chain"))
    assert audited(db).proven, "rebuilding with the key gives the same chain"
    db.execute("UPDATE account SET bars = 0")
    db.execute("UPDATE bar SET bars = 0")
    rebuild(db, KEYS.of("other"))
    report = audited(db)
    groups = {finding.key for finding in report.findings if finding.table == "chain"}
    assert len(groups) == report.counts["chain"]


def test_findings_are_bounded(db: Past) -> None:
    """However much is wrong, the report stays short and says how much it left out."""
    for number in range(400):
        db.execute(
            "INSERT INTO entry SELECT CAST(? AS BIGINT), leg, account_id, seq, change, balance FROM entry LIMIT 4",
            (number,),
        )
    report = audited(db)
    assert len(report.findings) == 1_000
    assert report.more > 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("table", "column"), [(table, column) for table, column, kind in COLUMNS if kind == "INTEGER"])
def test_any_number_is_a_finding_not_a_crash(db: Past, table: str, column: str, place: str) -> None:
    """However absurd the figure, the audit reads on to its end and names it."""
    where, key = row_at(db, table, place)
    for value in (2**63 - 1, -(2**63), -1, 2**53):
        db.execute("SAVEPOINT before")
        if db.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where}", (value, *key)).rowcount:
            assert table in named(db), value
        db.execute("ROLLBACK TO before")
