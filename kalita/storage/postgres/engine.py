"""
The engine for many processes, on PostgreSQL: one connection writes groups, a few answer short reads.

READ COMMITTED with explicit locks. On any trouble with a connection it is dropped, the list of servers is tried again
from its beginning, and the same work is done again; an answer goes out only after a COMMIT that was confirmed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import asyncpg

from kalita.storage.engine import Change, Found, Heard, Needs, Row, Step, Unavailable, Writes
from kalita.storage.postgres.address import read
from kalita.storage.postgres.attempts import ChangeAttempts, GroupAttempts, lease, rest
from kalita.storage.postgres.connection import KEYED, LOST, Connection, closed_on_error, connect, patiently
from kalita.storage.postgres.epoch import CHANGES, SETTLED_S, Epoch
from kalita.storage.postgres.migrated import is_made, migrated
from kalita.storage.postgres.pool import Pool
from kalita.storage.queries import for_postgres

Result = TypeVar("Result")
READERS = 6
REST_S = 1
"""After a group the next one's transaction is begun already; without a group for so long it ends again."""
BREATH_S = 2
"""Groups that follow each other without a pause leave one between transactions so often: only then does the server
count what was written, and see that a table wants its vacuum."""
REPEATS_IN = 64
"""Repeats come seldom, and then several: after one, so many groups look for them before anything is written."""
READ_S, WRITE_S = 5, 10
"""Longest time of one statement, and of one transaction: then its socket is closed."""
READ_PATIENCE_S, WRITE_PATIENCE_S = 0.8, 15
"""How long a read and a write go on over lost connections before their caller is told."""
SNAPSHOT_ROWS = 5_000
PATIENT = {"idle_in_transaction_session_timeout": "0", "lock_timeout": "0"}
"""For work that takes its time: migrations, and reading the whole database."""


class PostgresEngine:
    """
    The Engine protocol on PostgreSQL.

    url     postgresql://user:password@one:5432,two:5432/name
    strict  refuse a server whose settings may lose a commit; else only warn
    The first call connects and brings the tables up to the code.
    """

    def __init__(self, url: str, strict: bool = True) -> None:
        self._address = read(url)
        self._strict = strict
        self._queries = for_postgres()
        self._readers = Pool(self._connected, READERS)
        self._writers = Pool(self._connected, 1, begun=True)
        self._resting: asyncio.TimerHandle | None = None
        self._breathed = 0.0
        self._repeats_in = 0
        self._epoch = Epoch(self._one_epoch)
        self._opening = asyncio.Lock()
        self._ready = False

    async def open(self, create: bool = True) -> bool:
        """
        Connect and bring the tables up to the code.

        create   make the tables when there are none
        returns  whether the database held an installation before
        raises   Unavailable, Unsafe, NewerDatabase
        """
        made = await patiently(partial(self._made, create), 0)
        self._ready = made or create
        return made

    async def _made(self, create: bool) -> bool:
        connection = await connect(self._address, PATIENT, self._strict)
        with closed_on_error(connection):
            made = await is_made(connection)
            if made or create:
                await migrated(connection)
            await connection.close()
        return made

    async def group(self, needs: Needs, judge: Callable[[Found], Writes]) -> None:
        """Write one group in one transaction. See Engine."""
        breathes = monotonic() - self._breathed > BREATH_S
        self._breathed = monotonic() if breathes else self._breathed
        looks = self._repeats_in > 0
        attempts = GroupAttempts(needs, judge, self._queries, self._epoch, chain=not breathes, looks=looks)
        if self._resting is not None:
            self._resting.cancel()
        await self._lasting(self._writers, attempts.run)
        self._repeats_in = REPEATS_IN if attempts.repeats else self._repeats_in - looks
        self._resting = asyncio.get_running_loop().call_later(REST_S, self._rest)
        if attempts.changed:
            await asyncio.sleep(SETTLED_S)

    async def lease(self, holder: str, seconds: int) -> int:
        """Lease a lane by the database's clock. See Engine."""
        return await self._lasting(self._readers, partial(lease, holder, seconds))

    async def release(self, holder: str) -> None:
        """Give the lane back. See Engine."""
        text = "UPDATE lane SET leased_until = 0 WHERE holder = $1"
        await self._lasting(self._readers, lambda db: db.execute(text, holder))

    async def one(self, query: str, *args: Any) -> Row | None:
        """Return one row. See Engine."""
        rows = await self.all(query, *args)
        return rows[0] if rows else None

    async def epoch(self) -> int:
        """Return the access epoch: no change is missed that was answered before this call. See Engine."""
        return await self._epoch.read()

    @property
    def heard(self) -> Heard:
        """What is known of the epoch here. See Engine."""
        return self._epoch.known

    def hear(self, heard: Heard) -> None:
        """Take what another process knows of it. See Engine."""
        self._epoch.learn(*heard)

    def hand_over(self, change: Change | None) -> None:
        """Go on making changes here: writers do not disturb each other. See Engine."""

    async def all(self, query: str, *args: Any) -> list[Row]:
        """Return all rows. See Engine."""
        text = self._queries[query]

        async def work() -> list[Row]:
            async with self._readers.connection(READ_S) as db:
                return [tuple(row) for row in await db.fetch(text, *args)]

        return await patiently(work, READ_PATIENCE_S)

    async def change(self, *steps: Step) -> list[int]:
        """
        Run statements in one transaction. See Engine.

        It is repeated only as long as nothing was committed: when the answer to the COMMIT is lost, the caller is told.
        """
        done = await self._lasting(self._readers, ChangeAttempts(steps, self._queries).run)
        if any(step.query == CHANGES for step in steps):
            await asyncio.sleep(SETTLED_S)
        return done

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["PostgresSnapshot"]:
        """Open a view of one moment on a connection of its own. See Engine."""
        connection = await connect(self._address, PATIENT | {"work_mem": "64MB"}, self._strict)
        try:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield PostgresSnapshot(connection)
        finally:
            connection.terminate()

    async def close(self) -> None:
        """End every connection. See Engine."""
        if self._resting is not None:
            self._resting.cancel()
        await self._readers.close()
        await self._writers.close()

    def _rest(self) -> None:
        self._resting = None
        self._ending = asyncio.ensure_future(self._at_rest())

    async def _at_rest(self) -> None:
        with suppress(Unavailable):
            await self._lasting(self._writers, rest)

    async def _connected(self) -> Connection:
        async with self._opening:
            if not self._ready:
                await self.open()
        return await connect(self._address, KEYED, self._strict)

    async def _one_epoch(self) -> int:
        row = await self.one("access_epoch")
        return int(row[0]) if row else 0

    async def _lasting(self, pool: Pool, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do a piece of writing to its end, whatever becomes of the caller: a COMMIT is never cancelled."""

        async def once() -> Result:
            async with pool.connection(WRITE_S) as connection:
                return await work(connection)

        return await asyncio.shield(asyncio.ensure_future(patiently(once, WRITE_PATIENCE_S)))


class PostgresSnapshot:
    """The Snapshot protocol: an open transaction, and a cursor for each query."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._queries = for_postgres()

    async def rows(self, query: str, *args: Any) -> AsyncIterator[list[Row]]:
        """Stream rows of a named query. See Snapshot."""
        try:
            cursor = await self._connection.cursor(self._queries[query], *args)
            while batch := await cursor.fetch(SNAPSHOT_ROWS):
                yield [tuple(row) for row in batch]
        except (*LOST, asyncpg.InterfaceError, asyncpg.PostgresError) as problem:
            raise Unavailable(f"the database cannot be read: {problem}") from problem
