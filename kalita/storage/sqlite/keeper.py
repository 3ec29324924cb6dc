"""
Keep SQLite's log short without holding up a commit.

Bringing the log home inside a commit stops the writer for 30 to 60 ms. So a thread of its own copies the pages while
commits go on; what they add meanwhile is little, and the writer itself brings that home between two commits. Then the
log is empty, and the next commit begins it anew.

What the thread copied goes to the disk a little at a time (flush.py): all at once, commits would wait behind it. Until
it is there the log must be kept, whatever happens. So a reader holds the log where it was, nothing is copied before a
further commit has come, and the log is never wholly at home before the writer brought the rest there and synced.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

from kalita.storage.sqlite.flush import flush

LONGEST_LOG = 100_000
"""Rows written, about as many as pages (200 MB), after which the log goes home: seldom, a hot page then goes once."""
LITTLE_PAGES = 400
MOST_ROUNDS = 5
NICE = 10
_HOME = "PRAGMA wal_checkpoint(PASSIVE)"
QUIET_S, LOOK_S = 0.1, 0.005
"""Without a commit for so long nobody is held up."""


class Keeper:
    """
    Look after the log of one writer; its owner calls `look` between two commits.

    connect  opens a connection to the same file
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], writer: sqlite3.Connection) -> None:
        self._connect, self._writer = connect, writer
        self._thread = ThreadPoolExecutor(1, "kalita-keeper", _gives_way)
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
        with suppress(sqlite3.OperationalError), closing(self._connect()) as copier, closing(self._connect()) as reader:
            for _ in range(MOST_ROUNDS):
                pages = _round(copier, reader)
                if pages - known < LITTLE_PAGES:
                    return
                known = pages


def _round(copier: sqlite3.Connection, reader: sqlite3.Connection) -> int:
    """Copy the log as it is now to the disk; return how many pages of it are at home."""
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    try:
        gently = _goes_on(copier)
        copier.execute(f"PRAGMA synchronous = {'OFF' if gently else 'FULL'}")
        _, _, pages = copier.execute(_HOME).fetchone()
        if gently:
            flush(Path(copier.execute("PRAGMA database_list").fetchone()[2]))
        return int(pages)
    finally:
        reader.execute("COMMIT")


def _goes_on(copier: sqlite3.Connection) -> bool:
    """Wait for a further commit; tell whether one came."""
    text, ends = "PRAGMA data_version", time.monotonic() + QUIET_S
    before = copier.execute(text).fetchone()
    while copier.execute(text).fetchone() == before:
        if time.monotonic() > ends:
            return False
        time.sleep(LOOK_S)
    return True


def _gives_way() -> None:
    """
    Let others go before this thread, but not always.

    One that never got a core while they are busy would keep what it has locked in the file system, and commits with it.
    """
    with suppress(AttributeError, OSError):  # not on Linux
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
