"""
Transactions that are tried until their fate is known.

A try that fails before its COMMIT leaves nothing. When the answer to a COMMIT is lost, the commit may be there or not:
a group asks the chain and goes on from what it finds, a change tells its caller that nothing is known.
"""

from collections.abc import Callable, Mapping

import asyncpg

from kalita.storage.engine import Found, Needs, Step, Unavailable, Writes
from kalita.storage.postgres import group
from kalita.storage.postgres.connection import LOST, Connection, GivenUp
from kalita.storage.postgres.epoch import CHANGES, Epoch
from kalita.storage.postgres.group import NOW
from kalita.storage.rows import GroupRow

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
LANES = 64

OWN_LANE = f"UPDATE lane SET leased_until = {NOW} + $2 WHERE holder = $1 AND leased_until >= {NOW} RETURNING lane"
FREE_LANE = f"""
UPDATE lane SET holder = $1, leased_until = {NOW} + $2
 WHERE lane = (SELECT lane FROM lane WHERE leased_until < {NOW} ORDER BY lane LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING lane"""
NEW_LANE = f"""
INSERT INTO lane (lane, holder, leased_until, seq, last_txn, head)
SELECT number, $1, {NOW} + $2, 0, 0, $3
  FROM generate_series(0, {LANES - 1}) AS number
 WHERE NOT EXISTS (SELECT FROM lane WHERE lane.lane = number) ORDER BY number LIMIT 1
RETURNING lane"""


async def commit(db: Connection, chain: bool = False) -> None:
    """
    Commit, and return only when the server says so without a reservation.

    chain  begin the next transaction in the same round trip; until its first statement it holds nothing

    An operator who cancels the wait for a standby makes the server answer success, with no more than a warning.
    """
    db.remarks.clear()
    status = await db.execute("COMMIT AND CHAIN" if chain else "COMMIT")
    if status != "COMMIT" or db.remarks:
        db.terminate()
        raise Unavailable(f"the commit was not confirmed: {[*db.remarks] or status}")


async def roll_back(db: Connection) -> None:
    """Take a transaction back; a connection that cannot do even that is ended."""
    try:
        await db.execute("ROLLBACK")
    except (*LOST, asyncpg.InterfaceError, asyncpg.PostgresError):
        db.terminate()


class GroupAttempts:
    """
    One group, tried again with the same keys.

    chain    begin the next group's transaction with the commit, see `commit`
    looks    look for repeats at once; else only when there is one: then the payment's key is there when it is written,
             or its order was refused, and either is tried again
    changed  whether it changes the access epoch
    repeats  how many orders had been answered before
    unsure   what was written when the answer to a COMMIT was lost
    """

    def __init__(
        self, needs: Needs, judge: Callable[[Found], Writes], queries: Mapping[str, str], epoch: Epoch, chain: bool,
        looks: bool,
    ) -> None:  # fmt: skip
        self._needs, self._judge, self._queries, self._epoch, self._chain = needs, judge, queries, epoch, chain
        self._first = needs if looks else needs._replace(keys=[])
        self._unsure: GroupRow | None = None
        self.changed, self.repeats = False, 0

    async def run(self, db: Connection) -> None:
        """Try once; return when the group is committed."""
        if not db.is_in_transaction():
            await db.execute(BEGIN)
        try:
            writes = None if await self._was_written(db) else await self._judged(db)
            commits = writes is None or writes.group is not None or bool(self.repeats)
        except Exception:
            await roll_back(db)
            raise
        if writes is not None:
            self._unsure = writes.group
        await (commit(db, self._chain) if commits else roll_back(db))

    async def _judged(self, db: Connection) -> Writes:
        needs, self._first = self._first, self._needs
        found = await group.find(db, self._queries, needs, self._epoch)
        self.repeats = len(found.payments)
        writes = self._judge(found)
        if writes.refused:
            found = await group.find(db, self._queries, self._needs, self._epoch)
            self.repeats = len(found.payments)
            writes = self._judge(found)
        if writes.group is not None:
            self.changed = self.changed or any(query == CHANGES for query, _ in writes.extras)
            await group.write(db, self._queries, writes)
        elif self.repeats:
            # What is answered again may be of a commit that no standby has confirmed: this one waits behind it.
            await db.execute(group.RENEW, self._needs.lane)
        return writes

    async def _was_written(self, db: Connection) -> bool:
        """Tell whether an earlier try was committed, once nothing of it is under way any more."""
        row = self._unsure
        if row is None:
            return False
        await group.lock(db, self._needs)
        if await db.fetch(group.WRITTEN, row.lane, row.seq, row.head):
            await db.execute(group.RENEW, row.lane)
            return True
        self._unsure = None
        return False


async def rest(db: Connection) -> None:
    """End a transaction that was begun for a group which did not come."""
    if db.is_in_transaction():
        await roll_back(db)


class ChangeAttempts:
    """Named statements, tried again as long as no COMMIT was begun."""

    def __init__(self, steps: tuple[Step, ...], queries: Mapping[str, str]) -> None:
        self._steps, self._queries = steps, queries

    async def run(self, db: Connection) -> list[int]:
        """Try once; return how many rows each statement touched. raises: GivenUp when nothing is known"""
        await db.execute(BEGIN)
        try:
            done = [await db.execute(self._queries[step.query], *step.args) for step in self._steps]
        except Exception:
            await roll_back(db)
            raise
        try:
            await commit(db)
        except (*LOST, asyncpg.InterfaceError, Unavailable) as problem:
            raise GivenUp(f"nothing is known of a change: {problem}") from problem
        return [int(status.rpartition(" ")[2]) for status in done]


async def lease(holder: str, seconds: int, db: Connection) -> int:
    """Lease the holder's own lane again, or one that is free by the database's clock, or a new one."""
    microseconds = seconds * 1_000_000
    for text in (OWN_LANE, FREE_LANE):
        rows = await db.fetch(text, holder, microseconds)
        if rows:
            return int(rows[0][0])
    rows = await db.fetch(NEW_LANE, holder, microseconds, "0" * 32)
    if not rows:
        raise GivenUp(f"all {LANES} lanes are leased: too many writers at once")
    return int(rows[0][0])
