"""
What an audit reads and what it notes: rows in order, looked at one ahead, and findings.
"""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from kalita.storage.engine import Row, Snapshot

MOST_FINDINGS = 1_000
Key = tuple[int, ...]
END: Key = (1 << 63,)
"""The key after the last row: larger than that of any row."""


class Finding(NamedTuple):
    """One thing that is wrong: in which table, in which row, what."""

    table: str
    key: str
    what: str


class Findings:
    """Collect findings, the first thousand of them, and count rows by table."""

    def __init__(self) -> None:
        self.first: list[Finding] = []
        self.more = 0
        self.counts: dict[str, int] = {}

    def note(self, table: str, key: str, what: str) -> None:
        """Note one thing that is wrong."""
        if len(self.first) < MOST_FINDINGS:
            self.first.append(Finding(table, key, what))
        else:
            self.more += 1

    def count(self, table: str, rows: int) -> None:
        """Note how many rows of a table were checked."""
        self.counts[table] = rows


class Rows:
    """
    The rows of a named query in its order.

    key    of the row at hand; END when there is none
    count  rows taken so far
    """

    def __init__(self, snapshot: Snapshot, query: str, key_of: Callable[[Row], Key]) -> None:
        self._batches = snapshot.rows(query)
        self._key_of = key_of
        self._batch: list[Row] = []
        self._at = 0
        self.key: Key = ()
        self.count = 0

    async def start(self) -> "Rows":
        """Look at the first row."""
        await self._look()
        return self

    async def runs(self, key: Key) -> AsyncIterator[list[Row]]:
        """Take all rows of a key, some at a time."""
        while self.key == key:
            batch, start, key_of = self._batch, self._at, self._key_of
            end, last = start + 1, len(batch)
            while end < last and key_of(batch[end]) == key:
                end += 1
            self._at = end
            self.count += end - start
            await self._look()
            yield batch[start:end]

    async def take(self, key: Key) -> list[Row]:
        """Take all rows of a key."""
        rows: list[Row] = []
        if self.key == key:
            async for run in self.runs(key):
                rows += run
        return rows

    async def next(self) -> Row | None:
        """Take the row at hand, or None at the end."""
        if self.key == END:
            return None
        row = self._batch[self._at]
        self._at += 1
        self.count += 1
        await self._look()
        return row

    async def _look(self) -> None:
        while self._at == len(self._batch):
            self._batch, self._at = await anext(self._batches, []), 0
            if not self._batch:
                self.key = END
                return
        self.key = self._key_of(self._batch[self._at])
