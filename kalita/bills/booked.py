"""
What the books keep of a bill: the orders that pay it and give it back have keys of their own, and say with them what
its rows said. Whoever changes or deletes such a row past the program leaves a key that nothing answers to.
"""

import hashlib

import msgspec

from kalita.bills.bill import Bill
from kalita.ledger.accounts import house
from kalita.payments.payouts import Key
from kalita.providers.catalogue import WALLET_TRANSFER

KEEPER = house(WALLET_TRANSFER, 0)
"""Whose the keys are: no owner's, who would see them in his history."""
_AS_ISSUED = Bill._fields.index("state")


def payment_key(bill: Bill, payer: int, paid_at: int) -> Key:
    """
    Return the key of the order that pays a bill: one for each bill, with everything that the paid bill says.

    Its meaning ends with that of the words: they go when the owner is erased, and the rest has to be proven still.
    """
    bare = bill._replace(comment=None, customer=None, custom=None)[:_AS_ISSUED]
    words = _said(bill.comment, bill.customer, bill.custom)
    return Key(KEEPER, f"bill:{bill.number}", _said(*bare, payer, paid_at) + words)


def without_words(key: Key) -> Key:
    """Return what the key of a paid bill begins with, whatever it said in words."""
    return key._replace(meaning=key.meaning[: len(key.meaning) // 2])


def refund_key(owner: int, bill_id: str, number: int, refund_id: str, amount: int, whole: int, made_at: int) -> Key:
    """Return the key of the order that gives money of a bill back: one for each bill and id of a refund."""
    return Key(KEEPER, f"bill-refund:{number}:{refund_id}", _said(owner, bill_id, refund_id, amount, whole, made_at))


def _said(*facts: int | str | None) -> str:
    return hashlib.blake2b(msgspec.json.encode(facts), digest_size=16).hexdigest()
