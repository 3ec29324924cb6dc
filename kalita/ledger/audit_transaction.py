"""
The audit of one transaction: its entries, history, payment and closings agree. Pure.
"""

from collections import defaultdict
from typing import NamedTuple

from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.audit_rows import Findings
from kalita.storage.rows import AccountRow, BarRow, ClosingRow, EntryRow, HistoryRow, PaymentRow


class Transaction(NamedTuple):
    """
    What one transaction wrote.

    history   each row with the error code of its closing, None when it has none
    closings  each row with the total of the history row it closes, None when there is no such row
    """

    txn_id: int
    opened: list[AccountRow]
    entries: list[EntryRow]
    payments: list[PaymentRow]
    history: list[tuple[HistoryRow, int | None]]
    closings: list[tuple[ClosingRow, int | None]]
    bars: list[BarRow]


def check(transaction: Transaction, found: Findings) -> None:
    """Note what does not agree within a transaction."""
    _legs(transaction, found)
    _records(transaction, found)
    _owners_money(transaction, found)
    _payments(transaction, found)


def _legs(transaction: Transaction, found: Findings) -> None:
    """Each transfer has two entries in one currency that sum to zero."""
    entries = transaction.entries
    for index in range(0, len(entries), 2):
        first, second = entries[index], entries[index + 1] if index + 1 < len(entries) else None
        key = f"transaction {transaction.txn_id}, leg {first.leg}"
        if second is None or not first.leg == second.leg == index // 2:
            found.note("entry", key, "a transfer does not have two entries")
            return
        if first.change + second.change or not first.change:
            found.note("entry", key, "the two entries of a transfer do not sum to zero")
        if currency_of(first.account_id) != currency_of(second.account_id):
            found.note("entry", key, "a transfer is between two currencies")


def _records(transaction: Transaction, found: Findings) -> None:
    """A history row has the state that its closing gives it, amounts make sense; a closing ends what waited."""
    for row, error in transaction.history:
        key = f"wallet {row.wallet}, stream {row.stream}, transaction {row.txn_id}"
        expected = (0, 1) if error is None else (0,) if error == 0 else (2,)
        if row.state not in expected:
            found.note("history", key, f"its state {row.state} is not what its closing says")
        if row.sum <= 0 or row.commission < 0:
            found.note("history", key, "its amounts are not those of a payment")
        if row.stream // 1000 not in (Direction.IN, Direction.OUT, Direction.CARD):
            found.note("history", key, "there is no such stream")
    for closing, total in transaction.closings:
        key = f"wallet {closing.wallet}, stream {closing.stream}, transaction {closing.txn_id}"
        if total is None:
            found.note("closing", key, "it closes a payment that is not in history")
        if closing.closed_by <= closing.txn_id or closing.error_code < 0:
            found.note("closing", key, "it is not a closing that could have been written")


def _owners_money(transaction: Transaction, found: Findings) -> None:
    """Owners' accounts change by what history and closings of the transaction say, and by nothing else."""
    said: dict[int, int] = defaultdict(int)
    for row, error in transaction.history:
        total, currency = row.sum + row.commission, row.stream % 1000
        incoming = row.stream // 1000 == Direction.IN
        said[account_id(row.wallet, Kind.WALLET, currency)] += total if incoming else -total
        if row.state == 1 or error is not None:
            said[account_id(row.wallet, Kind.HOLD, currency)] += total
    for closing, total_or_none in transaction.closings:
        total, currency = total_or_none or 0, closing.stream % 1000
        said[account_id(closing.wallet, Kind.HOLD, currency)] -= total
        if closing.error_code:
            said[account_id(closing.wallet, Kind.WALLET, currency)] += total
    moved: dict[int, int] = defaultdict(int)
    for entry in transaction.entries:
        if entry.account_id & 7 <= Kind.HOLD:
            moved[entry.account_id] += entry.change
    if said != moved:
        for account in sorted(said.keys() | moved.keys()):
            if said.get(account, 0) != moved.get(account, 0):
                key = f"transaction {transaction.txn_id}, account {account}"
                found.note("entry", key, f"history says {said.get(account, 0)}, entries {moved.get(account, 0)}")


def _payments(transaction: Transaction, found: Findings) -> None:
    """A stored answer belongs to a transaction with entries and, when an owner pays, to its record in history."""
    for row in transaction.payments:
        key = f"owner {row.owner}, client id {row.client_id}"
        if not transaction.entries:
            found.note("payment", key, f"its transaction {row.txn_id} moved nothing")
        shown = any(
            record.wallet == row.owner and record.client_id == row.client_id and record.stream >= 2000
            for record, _ in transaction.history
        )
        if row.owner > 0 and not shown:
            found.note("payment", key, f"history does not show it under transaction {row.txn_id}")


def currency_of(account: int) -> int:
    """Return the currency in an account's id."""
    return (account & 8191) >> 3
