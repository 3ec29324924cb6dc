"""
The chain: each commit of a lane carries a keyed hash over the head before it and over every row it wrote.

A row's canonical text is the JSON of its columns. Whoever changes, drops or adds a row without the key leaves a head
that does not come out again; a head kept outside shows a tail that was cut off.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from kalita.storage.rows import AccountRow, BarRow, ClosingRow, EntryRow, HistoryRow, PaymentRow

GENESIS = "0" * 32
PARTS = {
    "opened": "account", "entries": "entry", "payments": "payment", "history": "history", "closings": "closing",
    "bars": "bar",
}  # fmt: skip
"""The parts of a group's hash, and the table each is of."""
SHOWN = 8
_encode = msgspec.json.Encoder().encode


def opened(row: AccountRow) -> AccountRow:
    """Return an account as it was when opened: what the chain holds of it."""
    return AccountRow(
        row.id, row.owner, row.kind, row.currency, 0, row.floor, 0, 0, row.opened_by, 0, 0, 0, "", row.opened_by
    )  # fmt: skip


class Digest:
    """
    The hash of one group, fed with its rows table by table.

    Within a table the rows go in the order of (txn_id, then the rest of their key), so that an audit that reads the
    tables in that order comes to the same hash.
    """

    def __init__(self, key: bytes) -> None:
        self._parts = {name: hashlib.blake2b(key=key, person=name.encode(), digest_size=16) for name in PARTS}
        self._key = key

    def opened(self, rows: Iterable[AccountRow]) -> None:
        """Feed opened accounts, by (opened_by, id)."""
        self._feed("opened", rows)

    def entries(self, rows: Iterable[EntryRow]) -> None:
        """Feed entries, by (txn_id, leg, account_id)."""
        self._feed("entries", rows)

    def payments(self, rows: Iterable[PaymentRow]) -> None:
        """Feed payments, by txn_id."""
        self._feed("payments", rows)

    def history(self, rows: Iterable[HistoryRow]) -> None:
        """Feed history rows as they were born, by (txn_id, wallet, stream)."""
        self._feed("history", rows)

    def closings(self, rows: Iterable[ClosingRow]) -> None:
        """Feed closings, by closed_by."""
        self._feed("closings", rows)

    def bars(self, rows: Iterable[BarRow]) -> None:
        """Feed bars, by (txn_id, account_id)."""
        self._feed("bars", rows)

    def _feed(self, name: str, rows: Iterable[AccountRow | tuple[int | str | None, ...]]) -> None:
        self._parts[name].update(b"".join(map(_encode, rows)))

    def parts(self) -> str:
        """Return the first digits of each part's hash, one after the other."""
        return "".join(part.hexdigest()[:SHOWN] for part in self._parts.values())

    def head(self, previous: str, lane: int, seq: int, first_txn: int, last_txn: int) -> str:
        """Return the new head of the lane, 32 hex digits."""
        whole = hashlib.blake2b(key=self._key, digest_size=16)
        whole.update(_encode((previous, lane, seq, first_txn, last_txn)))
        for part in self._parts.values():
            whole.update(part.digest())
        return whole.hexdigest()
