"""
The embedded engine: one connection on a thread of its own writes, one read-only connection answers short reads.

`synchronous=FULL` in WAL mode: a commit returns after an fdatasync of the log.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from kalita.storage import migrate
from kalita.storage.engine import Change, Found, Heard, Needs, Row, Step, Unavailable, Writes, settle
from kalita.storage.queries import for_sqlite
from kalita.storage.rows import LaneRow
from kalita.storage.sqlite import group
from kalita.storage.sqlite.keeper import Keeper

Result = TypeVar("Result")
BUSY_MS = 30_000
TRY_AGAIN_S = 0.0003
CACHE_KB = 8_192
"""A larger one saves nothing: the system holds what it does not, and what a commit copies is cold in a large one."""
PAGE_BYTES = 2048
"""A payment touches about five pages for a row each: small ones make a smaller commit. Holds for a new file."""
LONGEST_WAL = 200_000
"""Pages of the log after which a commit itself brings them home, should the keeper have failed to (keeper.py)."""
SNAPSHOT_ROWS = 5_000
LANES = 64


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """
    Open the file as this program uses it: WAL, every commit on the disk, statements kept prepared.

    A new file, and so its log, is its owner's only; one that is there keeps its mode.
    """
    mode = "ro" if read_only else "rwc"
    if not read_only and not path.exists():
        _make(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KB}")
    if not read_only:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LONGEST_WAL}")
    return connection


def _make(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    except OSError as problem:
        raise sqlite3.OperationalError(f"unable to open database file: {problem.strerror}") from problem


def migrated(connection: sqlite3.Connection) -> None:
    """Bring the database up to the code, one transaction a migration; refuse a newer one."""
    known = migrate.load()
    connection.execute(migrate.TABLE)
    while migrate.pending(known, _applied(connection)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for migration in migrate.pending(known, _applied(connection))[:1]:
                for statement in migration.statements:
                    connection.execute(migrate.for_sqlite(statement))
                stamp = (migration.number, migration.name, time.time_ns() // 1000)
                connection.execute("INSERT INTO migration VALUES (?, ?, ?)", stamp)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _applied(connection: sqlite3.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT number FROM migration")]


class SqliteEngine:
    """
    The Engine protocol on one SQLite file.

    inline  write on the event loop's own thread: right for a process that does nothing else
    """

    def __init__(self, path: Path, inline: bool = False) -> None:
        self._inline = inline
        self._elsewhere: Change | None = None
        self._waiting: list[tuple[tuple[Step, ...], asyncio.Future[list[int]]]] = []
        self._path = path
        self._queries = for_sqlite()
        self._thread = ThreadPoolExecutor(1, "kalita-writer")
        try:
            self._writer = connect(path)
            migrated(self._writer)
            self._writer.execute("PRAGMA busy_timeout = 0")  # _begin waits by itself
            self._reader = connect(path, read_only=True)
        except sqlite3.Error as problem:
            raise Unavailable(f"{path}: {problem}") from problem
        self._keeper = Keeper(partial(connect, path), self._writer)
        self._reading = False
        self._epoch: int | None = None

    async def group(self, needs: Needs, judge: Callable[[Found], Writes]) -> None:
        """Write one group in one transaction. See Engine."""
        await self._write(partial(self._group, needs, judge))

    async def lease(self, holder: str, seconds: int) -> int:
        """Lease a lane. See Engine."""
        return await self._write(partial(self._lease, holder, seconds))

    async def release(self, holder: str) -> None:
        """Give the lane back. See Engine."""
        await self._write(partial(self._writer.execute, "UPDATE lane SET leased_until = 0 WHERE holder = ?", (holder,)))

    async def one(self, query: str, *args: Any) -> Row | None:
        """Return one row. See Engine."""
        rows = self._read(query, args)
        return rows[0] if rows else None

    async def epoch(self) -> int:
        """Return the access epoch, read once a turn. See Engine."""
        if self._epoch is None:
            rows = self._read("access_epoch", ())
            self._epoch = int(rows[0][0]) if rows else 0
        return self._epoch

    heard = None
    """Nothing to tell: whoever asks has a read of a few microseconds."""

    def hear(self, heard: Heard) -> None:
        """Take nothing. See Engine."""

    def hand_over(self, change: Change | None) -> None:
        """Make no more changes here: writers of one file wait for each other, and forget the pages they know."""
        self._elsewhere = change

    async def all(self, query: str, *args: Any) -> list[Row]:
        """Return all rows. See Engine."""
        return self._read(query, args)

    async def change(self, *steps: Step) -> list[int]:
        """Run statements in one transaction. See Engine."""
        if self._elsewhere is not None:
            return await self._elsewhere(*steps)
        if self._inline:
            return await self._with_the_next_commit(steps)
        return await self._write(partial(self._change, steps))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["SqliteSnapshot"]:
        """Open a view of one moment on a connection of its own. See Engine."""
        connection = connect(self._path, read_only=True)
        try:
            connection.execute("BEGIN")
            yield SqliteSnapshot(connection)
        finally:
            connection.close()

    async def close(self) -> None:
        """End the thread and both connections. See Engine."""
        self._thread.shutdown()
        self._keeper.close()
        with suppress(sqlite3.DatabaseError):  # of a file that cannot be read any more
            self._end_reading()
        self._reader.close()
        self._writer.close()

    def _read(self, query: str, args: Row) -> list[Row]:
        """
        Read, sharing one read transaction among all reads of a turn of the event loop.

        Nobody can have been told of a later commit within that turn, so nobody reads older than what he was told.
        """
        try:
            if not self._reading:
                self._reader.execute("BEGIN")
                self._reading = True
                asyncio.get_running_loop().call_soon(self._end_reading)
            return self._reader.execute(self._queries[query], args).fetchall()
        except sqlite3.DatabaseError as problem:
            raise Unavailable(str(problem)) from problem

    def _end_reading(self) -> None:
        if self._reading:
            self._reading, self._epoch = False, None
            self._reader.execute("COMMIT")

    async def _write(self, work: Callable[[], Result]) -> Result:
        try:
            if self._inline:
                return self._transaction(work)
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)
        except sqlite3.OperationalError as problem:
            raise Unavailable(str(problem)) from problem

    def _transaction(self, work: Callable[[], Result]) -> Result:
        changes = self._waiting
        self._begin()
        with self._undone_if_it_fails():
            result = work()
            done = [self._change_in(steps) for steps, _ in changes]
            self._writer.execute("COMMIT")
        self._waiting = []
        for (_, answer), outcome in zip(changes, done, strict=True):
            settle(answer, outcome)
        self._keeper.look()
        return result

    async def _with_the_next_commit(self, steps: tuple[Step, ...]) -> list[int]:
        """Make a change in the transaction of the next group, or in one of its own where none comes at once."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[int]] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._make_changes)
        self._waiting.append((steps, answer))
        return await answer

    def _make_changes(self) -> None:
        if not self._waiting:
            return
        try:
            self._transaction(lambda: None)
        except sqlite3.Error as problem:
            changes, self._waiting = self._waiting, []
            for _, answer in changes:
                settle(answer, Unavailable(str(problem)))

    def _change_in(self, steps: tuple[Step, ...]) -> list[int] | Exception:
        """Make one of the changes of a transaction: one that is wrong in itself leaves the others alone."""
        self._writer.execute("SAVEPOINT change")
        try:
            return self._change(steps)
        except Exception as problem:
            if (
                isinstance(problem, sqlite3.OperationalError)
                and problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR
            ):
                raise  # the disk, the lock: nothing of the transaction can be made
            self._writer.execute("ROLLBACK TO change")
            return problem
        finally:
            if self._writer.in_transaction:
                self._writer.execute("RELEASE change")

    def _begin(self) -> None:
        """Take the write lock soon after another process lets go: SQLite's own waiting sleeps 10 ms and more."""
        ends = time.monotonic() + BUSY_MS / 1000
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as problem:
                if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                    raise
            time.sleep(TRY_AGAIN_S)

    @contextmanager
    def _undone_if_it_fails(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _group(self, needs: Needs, judge: Callable[[Found], Writes]) -> None:
        found = group.find(self._writer, self._queries, needs)
        writes = judge(found)
        if writes.group is not None:
            group.write(self._writer, self._queries, writes)

    def _change(self, steps: tuple[Step, ...]) -> list[int]:
        return [self._writer.execute(self._queries[step.query], step.args).rowcount for step in steps]

    def _lease(self, holder: str, seconds: int) -> int:
        now = time.time_ns() // 1000
        until = now + seconds * 1_000_000
        lanes = [LaneRow(*row) for row in self._writer.execute("SELECT * FROM lane ORDER BY lane")]
        own = [lane.lane for lane in lanes if lane.holder == holder and lane.leased_until >= now]
        free = [lane.lane for lane in lanes if lane.leased_until < now]
        unused = sorted(set(range(LANES)) - {lane.lane for lane in lanes})
        for lane in own + free + unused:
            self._writer.execute(
                "INSERT INTO lane VALUES (?1, ?2, ?3, 0, 0, ?4)"
                " ON CONFLICT (lane) DO UPDATE SET holder = ?2, leased_until = ?3",
                (lane, holder, until, "0" * 32),
            )
            return lane
        raise Unavailable("all 64 lanes are leased: too many writers at once")


class SqliteSnapshot:
    """The Snapshot protocol: an open read transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queries = for_sqlite()

    async def rows(self, query: str, *args: Any) -> AsyncIterator[list[Row]]:
        """Stream rows of a named query. See Snapshot."""
        try:
            cursor = self._connection.execute(self._queries[query], args)
            while batch := cursor.fetchmany(SNAPSHOT_ROWS):
                yield batch
        except sqlite3.Error as problem:
            raise Unavailable(f"the file cannot be read: {problem}") from problem
