"""
The audit by commit: every row belongs to a group of the chain, and the chain comes out again.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from kalita.ledger.audit_rows import END, Findings, Key, Rows
from kalita.ledger.audit_transaction import Transaction, check
from kalita.ledger.chain import GENESIS, PARTS, SHOWN, Digest, opened
from kalita.storage.engine import Row, Snapshot
from kalita.storage.rows import AccountRow, BarRow, ClosingRow, EntryRow, GroupRow, HistoryRow, PaymentRow

LANES = 64


class Head(NamedTuple):
    """The newest group of a lane: its number and its keyed hash."""

    lane: int
    seq: int
    head: str


def _by(column: int) -> Callable[[Row], Key]:
    """Return the order of commits: lane, then the transaction id in a column."""
    return lambda row: (row[column] & 63, row[column])


class Commits:
    """
    Merge the tables with the chain, in the order of (lane, transaction id).

    heads  of every lane, once `run` has run
    """

    def __init__(self, snapshot: Snapshot, key: bytes, kept: Iterable[Head], found: Findings) -> None:
        self._snapshot, self._key, self._found = snapshot, key, found
        self._kept = {(head.lane, head.seq): head.head for head in kept if head.seq}
        self._newest: dict[int, GroupRow] = {}
        self._group: GroupRow | None = None
        self._digest = Digest(key)
        self.heads: tuple[Head, ...] = ()

    async def run(self) -> None:
        """Check every commit, then the lanes and the heads that were kept."""
        self._chain = await Rows(self._snapshot, "audit_chain", lambda row: row[:2]).start()
        self._tables = {
            "account": await Rows(self._snapshot, "audit_opened", _by(13)).start(),
            "entry": await Rows(self._snapshot, "audit_entries", _by(0)).start(),
            "payment": await Rows(self._snapshot, "audit_payments", _by(2)).start(),
            "history": await Rows(self._snapshot, "audit_history", _by(2)).start(),
            "closing": await Rows(self._snapshot, "audit_closings", _by(4)).start(),
            "bar": await Rows(self._snapshot, "audit_bars", _by(1)).start(),
        }
        await self._next_group()
        tables = list(self._tables.values())
        while (key := min(table.key for table in tables)) != END:
            await self._reach(key)
            self._transaction(key, [await table.take(key) if table.key == key else [] for table in tables])
        await self._reach(END)
        for name, table in self._tables.items():
            self._found.count(name, table.count)
        self._found.count("chain", self._chain.count)
        await self._lanes()
        for (lane, seq), _ in self._kept.items():
            self._found.note("chain", f"lane {lane}, group {seq}", "a head was kept of this group, and it is gone")

    def _transaction(self, key: Key, rows: list[list[Row]]) -> None:
        transaction = Transaction(
            key[1],
            [AccountRow(*row) for row in rows[0]],
            [EntryRow(*row) for row in rows[1]],
            [PaymentRow(*row) for row in rows[2]],
            [(HistoryRow(*row[:-1]), row[-1]) for row in rows[3]],
            [(ClosingRow(*row[:5]), None if row[5] is None else row[5] + row[6]) for row in rows[4]],
            [BarRow(*row) for row in rows[5]],
        )
        check(transaction, self._found)
        group = self._group
        if group is None or key < (group.lane, group.first_txn):
            for table, some in zip(self._tables, rows, strict=True):
                if some:
                    self._found.note(table, f"transaction {key[1]}", "its commit is not in the chain")
        else:
            self._feed(transaction)

    def _feed(self, transaction: Transaction) -> None:
        digest = self._digest
        if transaction.opened:
            digest.opened(opened(row) for row in transaction.opened)
        digest.entries(transaction.entries)
        digest.payments(transaction.payments)
        digest.history(born(row, error) for row, error in transaction.history)
        if transaction.closings:
            digest.closings(row for row, _ in transaction.closings)
        if transaction.bars:
            digest.bars(transaction.bars)

    async def _reach(self, key: Key) -> None:
        """Finish the groups that end before a key."""
        while self._group is not None and (self._group.lane, self._group.last_txn) < key:
            self._finish(self._group)
            await self._next_group()

    def _finish(self, group: GroupRow) -> None:
        before = self._newest.get(group.lane)
        previous = before.head if before else GENESIS
        head = self._digest.head(previous, group.lane, group.seq, group.first_txn, group.last_txn)
        if head != group.head:
            self._note(group, "its hash does not come out again")
            self._parts(group)
        elif self._digest.parts() != group.parts:
            self._note(group, "its parts are not those of its rows")
        kept = self._kept.pop((group.lane, group.seq), group.head)
        if kept != group.head:
            self._note(group, "its head is not the one that was kept")
        self._newest[group.lane] = group

    def _parts(self, group: GroupRow) -> None:
        """Name the tables whose rows in a group are not those it wrote."""
        parts = self._digest.parts()
        for index, table in enumerate(PARTS.values()):
            place = slice(index * SHOWN, (index + 1) * SHOWN)
            if parts[place] != group.parts[place]:
                key = f"transactions {group.first_txn} to {group.last_txn} of lane {group.lane}"
                self._found.note(table, key, f"its rows are not those that group {group.seq} wrote")

    async def _next_group(self) -> None:
        row = await self._chain.next()
        self._group = group = None if row is None else GroupRow(*row)
        self._digest = Digest(self._key)
        if group is None:
            return
        before = self._newest.get(group.lane)
        if group.seq != (before.seq + 1 if before else 1):
            self._note(group, f"group {before.seq + 1 if before else 1} should come here")
        if not 0 <= group.lane < LANES or group.first_txn & 63 != group.lane or group.last_txn & 63 != group.lane:
            self._note(group, "its transactions are not of this lane")
        if not (before.last_txn if before else 0) < group.first_txn <= group.last_txn:
            self._note(group, "its transactions are out of order")

    def _note(self, group: GroupRow, what: str) -> None:
        self._found.note("chain", f"lane {group.lane}, group {group.seq}", what)

    async def _lanes(self) -> None:
        """A lane's newest group is the last of its chain."""
        lanes = await Rows(self._snapshot, "audit_lanes", lambda row: row[:1]).start()
        left = dict(self._newest)
        while (row := await lanes.next()) is not None:
            group = left.pop(row[0], None)
            expected = (group.seq, group.last_txn, group.head) if group else (0, 0, GENESIS)
            if row[1:] != expected:
                self._found.note("lane", f"lane {row[0]}", "it does not say what the last group of its chain says")
            if row[1] > expected[0]:
                self._found.note("chain", f"lane {row[0]}, group {row[1]}", "its lane counts it, and it is missing")
        for lane in left:
            self._found.note("lane", f"lane {lane}", "it is missing, though its chain is there")
        self._found.count("lane", lanes.count)
        self.heads = tuple(Head(group.lane, group.seq, group.head) for group in self._newest.values())


def born(row: HistoryRow, error: int | None) -> HistoryRow:
    """Return a history row as it was written: waiting when it waits or was closed. error: its closing's, if any."""
    return row if error is None else row._replace(state=1)
