"""The group write of the embedded engine: four look-ups, then one statement for each kind of row."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from msgspec.structs import astuple

from kalita.storage.engine import Found, LaneLost, Needs, Writes
from kalita.storage.outbox import KIND, events_of
from kalita.storage.rows import AccountRow, LaneRow, PaymentRow

LEASE_US = 30_000_000
EVENT = f"""
INSERT INTO event SELECT ?1, ?2, ?3, ?4, ?5, ?6, r.id, ?8, ?9, ?10, ?11
  FROM receiver r WHERE r.wallet = ?1 AND r.channel = ?2 AND (r.kinds & {KIND.format("?4")}) <> 0"""


def find(db: sqlite3.Connection, queries: Mapping[str, str], needs: Needs) -> Found:
    """
    Read what the orders need, inside the write transaction: that is the lock.

    raises  LaneLost when the lane is leased to another writer
    """
    row = db.execute("SELECT * FROM lane WHERE lane = ?", (needs.lane,)).fetchone()
    if row is None or row[1] != needs.holder:
        raise LaneLost(needs.lane)
    return Found(
        LaneRow(*row),
        _accounts(db, needs.accounts),
        _payments(db, needs.keys),
        _waiting(db, needs.waiting),
        {guard for guard in needs.guards if db.execute(queries[guard[0]], guard[1]).fetchone()},
    )


def _waiting(db: sqlite3.Connection, keys: list[tuple[int, int, int]]) -> dict[tuple[int, int, int], int]:
    text = "SELECT sum + commission FROM history WHERE wallet = ? AND stream = ? AND txn_id = ? AND state = 1"
    return {key: total for key in keys for (total,) in db.execute(text, key)}


def _accounts(db: sqlite3.Connection, ranges: list[tuple[int, int]]) -> dict[int, AccountRow]:
    if not ranges:
        return {}
    text = (
        f"WITH wanted (low, high) AS ({_pairs(ranges)})"
        " SELECT a.* FROM wanted CROSS JOIN account a ON a.id BETWEEN low AND high"
    )
    return {row[0]: AccountRow(*row) for row in db.execute(text, _flat(ranges))}


def _payments(db: sqlite3.Connection, keys: list[tuple[int, str]]) -> dict[tuple[int, str], PaymentRow]:
    if not keys:
        return {}
    text = (
        f"WITH wanted (owner, client_id) AS ({_pairs(keys)})"
        " SELECT p.* FROM wanted CROSS JOIN payment p USING (owner, client_id)"
    )
    return {(row[0], row[1]): PaymentRow(*row) for row in db.execute(text, _flat(keys))}


def _pairs(rows: Sequence[tuple[Any, Any]]) -> str:
    return "VALUES " + ",".join(["(?,?)"] * _width(len(rows)))


def _flat(rows: Sequence[tuple[Any, Any]]) -> list[Any]:
    return [part for row in rows for part in row] + [None, None] * (_width(len(rows)) - len(rows))


def _width(count: int) -> int:
    """Round up to a power of two, so that few different statements are kept prepared."""
    return 1 << (count - 1).bit_length()


def write(db: sqlite3.Connection, queries: Mapping[str, str], writes: Writes) -> None:
    """Write the rows of a group, each table in the order of its key."""
    group = writes.group
    assert group is not None
    many = db.executemany
    if writes.wallets:
        many(
            "INSERT INTO wallet (wallet, created_at, registered_at, level, nickname) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (wallet) DO NOTHING",
            writes.wallets,
        )
    if writes.opened:
        many("INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(astuple, writes.opened))
    if writes.accounts:
        many(
            "UPDATE account SET balance = ?5, bars = ?7, entries = ?8, last_txn = ?9,"
            " sum_in = ?10, sum_out = ?11, sum_card = ?12, spent = ?13 WHERE id = ?1",
            [astuple(row)[:13] for row in writes.accounts],
        )
    many("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)", writes.entries)
    many("INSERT INTO payment VALUES (?, ?, ?, ?, ?)", sorted(writes.payments, key=itemgetter(1, 0)))
    many("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", sorted(writes.history))
    for closing in writes.closings:
        db.execute("INSERT INTO closing VALUES (?, ?, ?, ?, ?)", closing)
        db.execute(
            "UPDATE history SET state = ? WHERE wallet = ? AND stream = ? AND txn_id = ?",
            (2 if closing.error_code else 0, *closing[:3]),
        )
    if writes.bars:
        many("INSERT INTO bar VALUES (?, ?, ?)", writes.bars)
    if events := events_of(writes):
        many(EVENT, events)
    for query, args in writes.extras:
        db.execute(queries[query], args)
    db.execute("INSERT INTO chain VALUES (?, ?, ?, ?, ?, ?)", group)
    db.execute(
        "UPDATE lane SET leased_until = ?, seq = ?, last_txn = ?, head = ? WHERE lane = ?",
        (time.time_ns() // 1000 + LEASE_US, group.seq, group.last_txn, group.head, group.lane),
    )
