"""
The audit by account: entries without a gap, running balances, what the account says of itself, the sum of all.
"""

from collections import defaultdict

from kalita.ledger.accounts import LARGEST_WALLET, SMALLEST_WALLET, Kind, account_id, floor_of
from kalita.ledger.audit_rows import END, Findings, Rows
from kalita.money import CURRENCIES
from kalita.storage.engine import Row, Snapshot
from kalita.storage.rows import AccountRow

KINDS = frozenset(Kind)


class Run:
    """The entries of one account as they come by, then its bars."""

    def __init__(self, account: int, floor: int | None, found: Findings) -> None:
        self._account, self._floor, self._found = account, floor, found
        self.seq = self.balance = self.last_txn = self.bars = 0

    def go(self, rows: list[Row]) -> None:
        """Check some entries that follow."""
        seq, balance, last = self.seq, self.balance, self.last_txn
        for txn_id, leg, _, number, change, after in rows:
            if number != seq + 1:
                self._note(txn_id, leg, f"its number in the account is {number}, {seq + 1} should come here")
            if after != balance + change:
                self._note(txn_id, leg, f"the balance after it is {after}, not {balance} and {change}")
            if txn_id < last:
                self._note(txn_id, leg, "it comes before an earlier entry of the account")
            if self._floor is not None and after < self._floor:
                self._note(txn_id, leg, f"the balance goes below the floor of {self._floor}")
            seq, balance, last = number, after, txn_id
        self.seq, self.balance, self.last_txn = seq, balance, last

    def bar(self, rows: list[Row]) -> None:
        """Take the last bar."""
        _, txn_id, self.bars = rows[-1]
        self.last_txn = max(self.last_txn, txn_id)

    def _note(self, txn_id: int, leg: int, what: str) -> None:
        self._found.note("entry", f"transaction {txn_id}, leg {leg}, account {self._account}", what)


async def accounts(snapshot: Snapshot, found: Findings) -> None:
    """Check every account against its entries."""
    rows = await Rows(snapshot, "audit_accounts", lambda row: row[:1]).start()
    entries = await Rows(snapshot, "audit_account_entries", lambda row: row[2:3]).start()
    bars = await Rows(snapshot, "audit_account_bars", lambda row: row[:1]).start()
    books: dict[int, int] = defaultdict(int)
    while (key := min(rows.key, entries.key, bars.key)) != END:
        (number,) = key
        row = AccountRow(*await rows.next() or ()) if rows.key == key else None
        kind = number & 7
        floor = floor_of(Kind(kind)) if kind in KINDS else None
        run = Run(number, row.floor if row is not None and kind == Kind.AGENT else floor, found)
        async for some in entries.runs(key):
            run.go(some)
        async for some in bars.runs(key):
            run.bar(some)
        if row is None:
            found.note("account", f"account {number}", "it is missing, though it has entries or bars")
        else:
            books[row.currency] += row.balance
            _itself(row, found)
            _against(row, run, found)
    for currency, total in sorted(books.items()):
        if total:
            found.note("account", f"currency {currency}", f"the books sum to {total}, not to zero")


def _itself(row: AccountRow, found: Findings) -> None:
    """An account's own columns agree."""
    key = f"account {row.id}"
    if row.kind not in KINDS or row.currency not in CURRENCIES:
        found.note("account", key, f"there is no kind {row.kind} or no currency {row.currency}")
        return
    if row.id != account_id(row.owner, Kind(row.kind), row.currency):
        found.note("account", key, f"its id is not that of owner {row.owner}, kind {row.kind}, currency {row.currency}")
    if row.floor != floor_of(Kind(row.kind)) and row.kind != Kind.AGENT:
        found.note("account", key, f"its floor is {row.floor}")
    if row.kind != Kind.WALLET and (row.sum_in or row.sum_out or row.sum_card):
        found.note("account", key, "it has totals of a history, and only a wallet's account has one")
    if (row.owner > 0) != (row.kind <= Kind.HOLD):
        found.note("account", key, f"an account of kind {row.kind} cannot belong to {row.owner}")
    if row.owner > 0 and not SMALLEST_WALLET <= row.owner <= LARGEST_WALLET:
        found.note("account", key, f"{row.owner} is no number of a wallet")


def _against(row: AccountRow, run: Run, found: Findings) -> None:
    """An account says what its entries say."""
    key = f"account {row.id}"
    if row.balance != run.balance:
        found.note("account", key, f"its balance is {row.balance}, its entries come to {run.balance}")
    if row.entries != run.seq:
        found.note("account", key, f"it counts {row.entries} entries, there are {run.seq}")
    if row.bars != run.bars:
        found.note("account", key, f"its bars are {row.bars}, {run.bars} was the last decision")
    if row.last_txn != max(run.last_txn, row.opened_by):
        found.note("account", key, f"its last transaction is {row.last_txn}, not {run.last_txn}")
