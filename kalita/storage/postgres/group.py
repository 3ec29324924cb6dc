"""
The group write on PostgreSQL: one statement that locks, and one that writes what every group writes.

A statement sees what was committed before it began, so it may miss the account that a rival opened while it waited for
his lock: see `find`. Rows go in as arrays of the table's own type: what an array of each column costs
the driver and the server is most of a payment (docs/performance.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby
from time import monotonic
from typing import Any, get_type_hints

from msgspec.structs import astuple

from kalita.storage.engine import Found, LaneLost, Needs, Row, Writes
from kalita.storage.outbox import KIND, EventRow, events_of
from kalita.storage.postgres.connection import Connection
from kalita.storage.postgres.epoch import Epoch
from kalita.storage.rows import AccountRow, LaneRow, PaymentRow, WalletRow

LEASE_US = 30_000_000
NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
"""Microseconds by the database's own clock."""

_TYPES = {int: "BIGINT", int | None: "BIGINT", str: "TEXT", str | None: "TEXT"}


@cache
def _columns(row: type) -> dict[str, str]:
    """Return the columns of a kind of row with their types."""
    return {name: _TYPES[hint] for name, hint in get_type_hints(row).items() if name in _names(row)}


def _names(row: type) -> tuple[str, ...]:
    return getattr(row, "__struct_fields__", ()) or getattr(row, "_fields", ())


def _insert(table: str) -> str:
    """Return what puts rows into a table, given as an array of whole rows, in their order."""
    return f"INSERT INTO {table} SELECT * FROM unnest($1::{table}[])"


_ACCOUNT = _columns(AccountRow)
_FREE = "".join(f", NULL::{kind}" for kind in [*_ACCOUNT.values()][4:])
LOCK = f"""
SELECT lane, leased_until, seq, last_txn{_FREE}, holder, head,
       (SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'access_epoch')
  FROM (SELECT * FROM lane WHERE lane = $1 FOR UPDATE) AS mine
 UNION ALL
SELECT {", ".join(_ACCOUNT)}, NULL, NULL, NULL
  FROM unnest($2::BIGINT[], $3::BIGINT[]) AS wanted (low, high)
 CROSS JOIN LATERAL
       (SELECT * FROM account WHERE id >= wanted.low AND id <= wanted.high ORDER BY id FOR UPDATE) AS locked"""
"""
The lane and then the accounts, range for range, in the order of their ids: nobody waits for one who waits for him.

The access epoch comes along: under load that is often enough, and costs no read of its own (epoch.py).
"""


LOOK_UP = """
SELECT 0 AS what, p.owner AS a, p.txn_id AS b, 0::BIGINT AS c, 0::BIGINT AS d,
       p.client_id AS e, p.meaning AS f, p.answer AS g
  FROM unnest($1::BIGINT[], $2::TEXT[]) AS wanted (owner, client_id)
 CROSS JOIN LATERAL
       (SELECT * FROM payment WHERE owner = wanted.owner AND client_id = wanted.client_id LIMIT 1) AS p
 UNION ALL
SELECT 1, h.wallet, h.stream, h.txn_id, h.sum + h.commission, NULL, NULL, NULL
  FROM unnest($3::BIGINT[], $4::BIGINT[], $5::BIGINT[]) AS wanted (wallet, stream, txn_id)
 CROSS JOIN LATERAL
       (SELECT * FROM history
         WHERE wallet = wanted.wallet AND stream = wanted.stream AND txn_id = wanted.txn_id AND state = 1
         LIMIT 1) AS h"""
"""Repeats, and payments that wait."""

_CHANGING = ("balance", "bars", "entries", "last_txn", "sum_in", "sum_out", "sum_card", "spent")
_SET = ", ".join(f"{name} = new.{name}" for name in _CHANGING)
WRITE = f"""
WITH moved AS (UPDATE account SET {_SET} FROM unnest($1::account[]) AS new WHERE account.id = new.id),
 entered AS (INSERT INTO entry SELECT * FROM unnest($2::entry[])),
 answered AS (INSERT INTO payment SELECT * FROM unnest($3::payment[])),
 shown AS (INSERT INTO history SELECT * FROM unnest($4::history[])),
 chained AS (INSERT INTO chain SELECT * FROM unnest($5::chain[]))
UPDATE lane SET leased_until = {NOW} + {LEASE_US}, seq = new.seq, last_txn = new.last_txn, head = new.head
  FROM unnest($5::chain[]) AS new WHERE lane.lane = new.lane"""

_WALLET = _columns(WalletRow)
OPEN_WALLETS = f"""
INSERT INTO wallet ({", ".join(_WALLET)})
SELECT * FROM unnest({", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_WALLET.values(), 1))})
    ON CONFLICT (wallet) DO NOTHING"""
OPEN_ACCOUNTS, BARS = map(_insert, ("account", "bar"))
_RECEIVED = ", ".join("r.id" if name == "receiver" else f"e.{name}" for name in EventRow._fields)
EVENTS = f"""
INSERT INTO event SELECT {_RECEIVED}
  FROM unnest($1::event[]) AS e
 CROSS JOIN LATERAL (SELECT * FROM receiver WHERE wallet = e.wallet AND channel = e.channel LIMIT 1) AS r
 WHERE (r.kinds & {KIND.format("e.stream")}) <> 0"""
CLOSINGS = f"""
WITH closed AS ({_insert("closing")})
UPDATE history SET state = CASE new.error_code WHEN 0 THEN 0 ELSE 2 END
  FROM unnest($1::closing[]) AS new
 WHERE history.wallet = new.wallet AND history.stream = new.stream AND history.txn_id = new.txn_id"""

WRITTEN = "SELECT 1 FROM chain WHERE lane = $1 AND seq = $2 AND head = $3"
RENEW = f"UPDATE lane SET leased_until = {NOW} + {LEASE_US} WHERE lane = $1"


async def find(db: Connection, queries: Mapping[str, str], needs: Needs, epoch: Epoch) -> Found:
    """
    Lock what the orders touch, then read what they need.

    An account that a rival opened while we waited for his lock is missed: when the group is written it shows, as a
    unique key that is there, and the group is tried again. A refusal writes nothing: whoever refuses has to ask once
    more, under the locks that are held already.
    raises  LaneLost when the lane is leased to another writer
    """
    begun = monotonic()
    lane, accounts, current = await lock(db, needs)
    if lane is None or lane.holder != needs.holder:
        raise LaneLost(needs.lane)
    if current is not None:
        epoch.learn(current, begun)
    found = Found(lane, accounts, {}, {})
    if needs.keys or needs.waiting:
        await _look_up(db, needs, found)
    for guard in needs.guards:
        if await db.fetch(queries[guard[0]], *guard[1]):
            found.guards.add(guard)
    return found


async def lock(db: Connection, needs: Needs) -> tuple[LaneRow | None, dict[int, AccountRow], int | None]:
    """Lock the lane and the accounts that are there; return them as they are then, and the access epoch."""
    return _locked(await db.fetch(LOCK, needs.lane, *_turned(needs.accounts, 2)))


async def _look_up(db: Connection, needs: Needs, found: Found) -> None:
    for what, a, b, c, d, e, f, g in await db.fetch(LOOK_UP, *_turned(needs.keys, 2), *_turned(needs.waiting, 3)):
        if what == 0:
            found.payments[a, e] = PaymentRow(a, e, b, f, g)
        else:
            found.waiting[a, b, c] = d


def _locked(rows: Iterable[Row]) -> tuple[LaneRow | None, dict[int, AccountRow], int | None]:
    """Return the lane, the accounts and the access epoch out of rows that begin as those of LOCK."""
    lane, accounts, width, epoch = None, {}, len(_ACCOUNT), None
    for row in rows:
        if row[width] is not None:
            lane, epoch = LaneRow(row[0], row[width], row[1], row[2], row[3], row[width + 1]), row[width + 2]
        elif row[0] is not None:
            accounts[row[0]] = AccountRow(*row[:width])
    return lane, accounts, epoch


async def write(db: Connection, queries: Mapping[str, str], writes: Writes) -> None:
    """Write the rows of a group, each table in the order of its key, new rows that rivals may wait for first."""
    assert writes.group is not None
    if writes.wallets:
        await db.execute(OPEN_WALLETS, *_turned(sorted(writes.wallets), len(_WALLET)))
    for text, rows in (
        (OPEN_ACCOUNTS, [astuple(account) for account in writes.opened]),
        (CLOSINGS, writes.closings),
        (BARS, writes.bars),
        (EVENTS, events_of(writes)),
    ):
        if rows:
            await db.execute(text, rows)
    moved = [astuple(account) for account in writes.accounts]
    await db.execute(WRITE, moved, writes.entries, sorted(writes.payments), sorted(writes.history), [writes.group])
    for query, extras in groupby(writes.extras, key=lambda extra: extra[0]):
        await db.executemany(queries[query], [args for _, args in extras])


def _turned(rows: Sequence[Sequence[Any]], width: int) -> list[Any]:
    """Turn rows into columns."""
    return list(zip(*rows, strict=True)) if rows else [()] * width
