"""
The audit of bills: what the rows of paid bills and of their refunds say is what the ledger says, both ways.

Each of them has its two records in history, a transaction to itself, and the key that the books hold of it; each such
key has its row. Of an owner who was erased the words are gone, and everything else is compared. Those from before the
keys have none: history proves who paid whom, how much and with which words, but not that none of them is missing.
"""

from typing import NamedTuple

from kalita.bills.bill import Bill, State
from kalita.bills.booked import payment_key, refund_key, without_words
from kalita.ledger.audit_rows import END, Findings, Rows
from kalita.payments.payouts import Key
from kalita.storage.engine import Row, Snapshot

_COLUMNS = len(Bill._fields)
_TXN_OF_BILL, _TXN_OF_REFUND = Bill._fields.index("txn_id"), 6


class Said(NamedTuple):
    """What a row says. wrong: what history knows better; key: what the books hold, or begin with, if it is true."""

    table: str
    name: str
    wrong: str
    key: Key


async def bills(snapshot: Snapshot, found: Findings) -> None:
    """Check every bill on which money moved and every refund of one, and that none is missing."""
    paid = await Rows(snapshot, "audit_bills", lambda row: (row[_TXN_OF_BILL],)).start()
    given = await Rows(snapshot, "audit_bill_refunds", lambda row: (row[_TXN_OF_REFUND],)).start()
    keys = await Rows(snapshot, "audit_bill_keys", lambda row: row[:1]).start()
    while (txn := min(paid.key, given.key, keys.key)) != END:
        said = [*map(_bill, await paid.take(txn)), *map(_refund, await given.take(txn))]
        _compare(txn[0], said, [Key(*row[1:]) for row in await keys.take(txn)], found)
    found.count("bill", paid.count)
    found.count("bill_refund", given.count)


def _compare(txn_id: int, said: list[Said], booked: list[Key], found: Findings) -> None:
    """Compare what is said of one transaction with the keys that the books hold of it."""
    for table, name, wrong, key in said:
        if not wrong and any(one.client_id == key.client_id and not _is(one, key) for one in booked):
            wrong = "it does not say what it said when the money moved"
        if not wrong and len(said) > 1:
            wrong = f"it is not alone with transaction {txn_id}"
        if wrong:
            found.note(table, name, wrong)
    for one in booked:
        if one.client_id not in [row.key.client_id for row in said]:
            table = "bill" if one.client_id.startswith("bill:") else "bill_refund"
            found.note(
                table, f"transaction {txn_id}", f"the row of {one.client_id} is missing, though it is in the books"
            )


def _is(booked: Key, key: Key) -> bool:
    return booked.owner == key.owner and booked.meaning.startswith(key.meaning)


def _bill(row: Row) -> Said:
    bill, (sent, received, given, erased) = Bill(*row[:_COLUMNS]), row[_COLUMNS:]
    wrong = ""
    if bill.state != State.PAID:
        wrong = "money is said to have moved, and it is not paid"
    elif sent is None or received is None:
        wrong = "history has no such payment"
    elif bill.refunded != given or not 0 <= given <= bill.amount:
        wrong = f"{bill.refunded} of it is said to be given back, its refunds come to {given}"
    key = payment_key(bill, bill.payer or 0, bill.changed_at)
    return Said("bill", f"wallet {bill.owner}, {bill.bill_id}", wrong, without_words(key) if erased else key)


def _refund(row: Row) -> Said:
    owner, bill_id, refund_id, amount, whole, made_at, _, number, asked, sent, received, given = row
    wrong = ""
    if number is None:
        wrong = "there is no such bill"
    elif sent is None or received is None:
        wrong = "history has no such payment"
    elif whole != int(given == asked):
        wrong = f"{given} of {asked} was given back with it, and it says otherwise"
    key = refund_key(owner, bill_id, number or 0, refund_id, amount, whole, made_at)
    return Said("bill_refund", f"wallet {owner}, {bill_id}, {refund_id}", wrong, key)
