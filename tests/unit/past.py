"""
The hands of somebody who writes past the program, on each engine: statements are written as SQLite takes them.

Whatever he does is one transaction, which the audit looks at from within and nobody commits.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import asyncpg

from kalita.ledger.audit import Head, Report, audit
from kalita.storage.engine import Snapshot
from kalita.storage.postgres.address import read
from kalita.storage.postgres.connection import connect
from kalita.storage.postgres.engine import PATIENT, PostgresSnapshot
from kalita.storage.queries import for_postgres, for_sqlite
from kalita.storage.sqlite.engine import SqliteSnapshot
from tests import postgres
from tests.books import KEYS

Wrap = Callable[[Snapshot], Snapshot]


class Taken(Exception):  # noqa: N818 - named for what is wrong
    """Another row has this key."""


class Done(NamedTuple):
    """What a statement returned, and how many rows it touched."""

    rows: list[tuple]
    rowcount: int

    def fetchone(self) -> tuple:
        """Return the first row."""
        return self.rows[0]

    def fetchall(self) -> list[tuple]:
        """Return every row."""
        return self.rows


class Past(Protocol):
    """The books of one engine, open for one who writes past the program."""

    def begin(self) -> None:
        """Begin what is undone later."""

    def undo(self) -> None:
        """Take back everything since `begin`."""

    def close(self) -> None:
        """End."""

    def execute(self, text: str, args: Iterable[Any] = ()) -> Done:
        """Run a statement. raises: Taken"""

    def named(self, query: str) -> list[tuple]:
        """Return the rows of one of the program's own statements."""

    def audit(self, *kept: Head, wrap: Wrap = lambda snapshot: snapshot) -> Report:
        """Audit the books as they are now. wrap: changes how the rows come"""


class PastSqlite:
    """The books in a file."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "kalita.db", isolation_level=None)
        self._db.execute("PRAGMA ignore_check_constraints = ON")

    def begin(self) -> None:
        """Begin what is undone later."""
        self._db.execute("BEGIN IMMEDIATE")

    def undo(self) -> None:
        """Take back everything since `begin`."""
        self._db.execute("ROLLBACK")

    def close(self) -> None:
        """End."""
        self._db.close()

    def execute(self, text: str, args: Iterable[Any] = ()) -> Done:
        """Run a statement. raises: Taken"""
        try:
            cursor = self._db.execute(text, tuple(args))
        except sqlite3.IntegrityError as problem:
            raise Taken(text) from problem
        return Done(cursor.fetchall(), cursor.rowcount)

    def named(self, query: str) -> list[tuple]:
        """Return the rows of one of the program's own statements."""
        return self.execute(for_sqlite()[query]).rows

    def audit(self, *kept: Head, wrap: Wrap = lambda snapshot: snapshot) -> Report:
        """Audit the books as they are now. wrap: changes how the rows come"""
        return asyncio.run(audit(wrap(SqliteSnapshot(self._db)), KEYS, kept))


class PastPostgres:
    """The books on the server of this test run: a copy, since a rule of its tables is taken off."""

    def __init__(self, folder: Path) -> None:
        address = postgres.copy(postgres.database_of(folder))
        self._db = postgres.do(connect(read(address), PATIENT, strict=True))
        self._run("ALTER TABLE account DROP CONSTRAINT account_check")

    def begin(self) -> None:
        """Begin what is undone later."""
        self._run("BEGIN")

    def undo(self) -> None:
        """Take back everything since `begin`."""
        self._run("ROLLBACK")

    def close(self) -> None:
        """End."""
        self._db.terminate()

    def execute(self, text: str, args: Iterable[Any] = ()) -> Done:
        """Run a statement. raises: Taken"""
        if not text.startswith(("INSERT", "UPDATE")):
            return self._run(text, *args)
        self._run("SAVEPOINT one")
        try:
            return self._run(text.replace("UPDATE OR IGNORE", "UPDATE"), *args)
        except asyncpg.UniqueViolationError as problem:
            self._run("ROLLBACK TO one")
            if "OR IGNORE" in text:
                return Done([], 0)
            raise Taken(text) from problem

    def named(self, query: str) -> list[tuple]:
        """Return the rows of one of the program's own statements."""
        return self._run(for_postgres()[query]).rows

    def audit(self, *kept: Head, wrap: Wrap = lambda snapshot: snapshot) -> Report:
        """Audit the books as they are now. wrap: changes how the rows come"""
        return postgres.do(audit(wrap(PostgresSnapshot(self._db)), KEYS, kept))

    def _run(self, text: str, *args: Any) -> Done:
        number = iter(range(1, 100))
        text = re.sub(r"\?(\d*)", lambda found: f"${found[1] or next(number)}", text)
        return postgres.do(self._done(text, args))

    async def _done(self, text: str, args: tuple) -> Done:
        if text.split()[0] in ("BEGIN", "ROLLBACK", "SAVEPOINT", "ALTER"):
            await self._db.execute(text)
            return Done([], 0)
        statement = await self._db.prepare(text)
        rows = [tuple(row) for row in await statement.fetch(*args)]
        return Done(rows, int(statement.get_statusmsg().rpartition(" ")[2]))


PASTS: dict[str, Callable[[Path], Past]] = {"sqlite": PastSqlite, "postgres": PastPostgres}
