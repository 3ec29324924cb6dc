"""
Payouts: payments to outside providers, from their acceptance on hold to their end, and what is given back later.
"""

from enum import IntEnum
from typing import NamedTuple

from msgspec.structs import replace

from kalita.connectors.protocol import Done, Rejected
from kalita.ledger.accounts import Direction
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import Extra, Order, Record
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


def ended(paid: PaidOut, outcome: Done | Rejected, lane: int) -> Order:
    """Return the order that ends a payment on hold and says so in its row."""
    if isinstance(outcome, Done):
        order, facts = post(paid.held, paid.provider, lane), (State.DONE, 0, outcome.reference, "")
    else:
        code = outcome.code if outcome.code > 0 else 300
        order, facts = void(paid.held, code), (State.FAILED, code, "", outcome.note)
    return replace(order, extras=(Extra("payout_end", (paid.wallet, paid.txn_id, *facts)),))
