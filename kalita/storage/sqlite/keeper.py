"""
Keep SQLite's log short without holding up a commit.

Bringing the log home inside a commit stops the writer for 30 to 60 ms. So a thread of its own copies the pages while
commits go on; what they add meanwhile is little, and the writer itself brings that home between two commits. Then the
log is empty, and the next commit begins it anew.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress

LONGEST_LOG = 100_000
"""Rows written, about as many as pages (200 MB), after which the log goes home: seldom, a hot page then goes once."""
LITTLE_PAGES = 400
MOST_ROUNDS = 5
_HOME = "PRAGMA wal_checkpoint(PASSIVE)"


class Keeper:
    """
    Look after the log of one writer; its owner calls `look` between two commits.

    connect  opens a connection to the same file
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], writer: sqlite3.Connection) -> None:
        self._connect, self._writer = connect, writer
        self._thread = ThreadPoolExecutor(1, "kalita-keeper")
        self._copying: Future[None] | None = None
        self._kept = writer.total_changes

    def look(self) -> None:
        """Begin to bring the log home when it is long, end it when little is left. Takes a few milliseconds at most."""
        if self._copying is None:
            if self._writer.total_changes - self._kept > LONGEST_LOG:
                self._copying = self._thread.submit(self._copy)
        elif self._copying.done():
            self._copying = None
            self._kept = self._writer.total_changes
            with suppress(sqlite3.OperationalError):  # a full disk: the log stays, and commits tell of it
                self._writer.execute(_HOME).fetchone()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    def _copy(self) -> None:
        """Copy what is in the log, then what came meanwhile, until that is little."""
        known = 0
        with suppress(sqlite3.OperationalError), closing(self._connect()) as connection:
            for _ in range(MOST_ROUNDS):
                _, pages, _ = connection.execute(_HOME).fetchone()
                if pages - known < LITTLE_PAGES:
                    return
                known = pages
