"""
Payouts: payments to outside providers, from their acceptance on hold to their end, and what is given back later.
"""

from enum import IntEnum
from typing import NamedTuple

from msgspec.structs import replace

from kalita.connectors.protocol import Done, Rejected
from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import TXN, Extra, Guard, Opening, Order, Record, Transfer
from kalita.limits.table import Category


class State(IntEnum):
    """Where a payout stands."""

    NEW = 0
    ASKED = 1
    DONE = 2
    FAILED = 3
    STUCK = 4


OPERATORS = State.STUCK
CANCELLED = 797
"""What history shows of a payment that an operator or the provider cancelled. Source: history.md 7."""


class PaidOut(NamedTuple):
    """A payment to the outside as its row tells it; amounts in minor units."""

    wallet: int
    txn_id: int
    provider: int
    currency: int
    amount: int
    commission: int
    category: int

    @property
    def held(self) -> Held:
        """What lies on hold for it."""
        return Held(self.wallet, Direction.OUT, self.currency, self.txn_id, self.amount, self.commission)

    @property
    def record(self) -> Record:
        """Its record in history, as far as limits look at it."""
        return Record(
            self.wallet, Direction.OUT, self.currency, self.provider, "", self.amount, self.commission, "", None
        )

    @property
    def limited(self) -> Category:
        """What limits counted it as."""
        return Category(self.category)


def ended(paid: PaidOut, outcome: Done | Rejected, lane: int, asked: int) -> Order:
    """Return the order that ends a payment on hold and says so in its row. asked: attempts that led to the outcome."""
    if isinstance(outcome, Done):
        order, facts = post(paid.held, paid.provider, lane), (State.DONE, 0, outcome.reference, "")
    else:
        code = outcome.code if outcome.code > 0 else 300
        order, facts = void(paid.held, code), (State.FAILED, code, "", outcome.note)
    return replace(order, extras=(Extra("payout_end", (paid.wallet, paid.txn_id, *facts, asked)),))


def said_of(outcome: Done | Rejected) -> str:
    """Say an outcome in words, for operators."""
    if isinstance(outcome, Done):
        return f"done {outcome.reference}".strip()
    return f"refused with {outcome.code} {outcome.note}".strip()


class Key(NamedTuple):
    """What makes an order happen once: whose key, the key, and what was asked for with it."""

    owner: int
    client_id: str
    meaning: str


def refunded(paid: PaidOut, account: str, given: int, amount: int, lane: int, key: Key | None = None) -> Order:
    """
    Return the order that gives money of a payment back: from the provider's settlement to the payer.

    account  the recipient as history showed it
    given    minor units that were given back before; if that is no longer so, the order is refused as outdated
    key      the operator's; without one the house's own, by what was given before: it is in the books, so that nobody
             who writes past the program can have the same part given back again
    """
    settlement = house(paid.provider, lane)
    source = account_id(settlement, Kind.SETTLEMENT, paid.currency)
    comment = f"Refund of {paid.txn_id}"
    key = key or Key(house(paid.provider, 0), f"refund:{paid.txn_id}:{given}", str(amount))
    back = Record(paid.wallet, Direction.IN, paid.currency, paid.provider, account, amount, 0, comment, None)
    return Order(
        owner=key.owner,
        client_id=key.client_id,
        meaning=key.meaning,
        transfers=(Transfer(source, account_id(paid.wallet, Kind.WALLET, paid.currency), amount),),
        openings=(Opening(settlement, Kind.SETTLEMENT, paid.currency),),
        records=(back,),
        guard=Guard("payout_may_be_refunded", (paid.wallet, paid.txn_id, given)),
        extras=(
            Extra("payout_refunded", (paid.wallet, paid.txn_id, amount)),
            Extra("refund_add", (paid.wallet, paid.txn_id, TXN, amount, paid.currency)),
        ),
    )
