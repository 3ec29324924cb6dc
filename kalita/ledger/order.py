"""
Orders: what the ledger is asked, and what it answers.

    Order    up to 16 linked transfers and the rows that must appear with them, all or nothing
    Outcome  Accepted (now or earlier) or a Refusal
"""

from typing import NamedTuple

import msgspec

from kalita.ledger.accounts import Direction, Kind
from kalita.refusals import Refusal

MOST_TRANSFERS = 16


class Transfer(NamedTuple):
    """Move a positive amount (minor units) from one account to another of the same currency."""

    source: int
    target: int
    amount: int


class Opening(NamedTuple):
    """
    Open an account if it is not there yet; with `level` set, make the owner's wallet too.

    overdraft  of an agent: how far below zero its account may go, minor units
    """

    owner: int
    kind: Kind
    currency: int
    level: int | None = None
    nickname: str | None = None
    overdraft: int | None = None


class Record(NamedTuple):
    """One side of the payment in history. sum and commission in minor units; account: the other side as shown."""

    wallet: int
    direction: Direction
    currency: int
    provider: int
    account: str
    sum: int
    commission: int
    comment: str
    client_id: str | None
    waiting: bool = False


class Closing(NamedTuple):
    """End a payment that waits on hold. error_code: 0 success, else the code its history shows."""

    wallet: int
    stream: int
    txn_id: int
    error_code: int


class Bar(NamedTuple):
    """
    Bar an account from now on, if there is one: 0 nothing, 1 nothing leaves, 2 nothing comes in, 3 both.

    A balance that is opened later is barred as those beside it are.
    """

    account: int
    bars: int


class Check(NamedTuple):
    """Refuse with a payment code what passes a limit: `most` for the sum over the categories of a bit mask."""

    categories: int
    most: int
    code: int


MONTH, DAY = 1, 2
"""In place of a period: the Moscow month or day of the order's own transaction."""


class Count(NamedTuple):
    """
    Count what is spent of a limit; the order is refused when a check does not hold over all accounts of the wallet.

    account   the wallet's, one that the order's transfers move: the counter lies on it
    period    MONTH or DAY, or a month or a day by its number (clock.py), to give back; category: 0 to 30
    amount    minor units, below zero to give back; number: of payments, likewise
    """

    account: int
    period: int
    category: int
    amount: int
    number: int = 1
    checks: tuple[Check, ...] = ()


class Ceiling(NamedTuple):
    """Refuse with a payment code what would lift an account's balance above `most`."""

    account: int
    most: int
    code: int


class Guard(NamedTuple):
    """
    A named read that finds a row as long as the order may happen, and locks it.

    One order uses it up: of several that name the same guard the first wins, the others get OUTDATED.
    """

    query: str
    args: tuple[int | str | None, ...]


TXN = "\0txn"
"""Stands for the transaction's id among the arguments of an Extra; no text of a user can be it."""


class Extra(NamedTuple):
    """A named statement that is run in the order's own commit, if it is accepted and not a repeat."""

    query: str
    args: tuple[int | str | None, ...]


class Order(msgspec.Struct, frozen=True, array_like=True):
    """
    What is to happen as a whole.

    owner, client_id  the repeat key: one owner's id names one order, for ever; no client_id: no repeat key
    meaning    keyed hash of the request; the same key with another meaning is refused
    records    a record's account must be among those the transfers move, for its total
    closes     the payment on hold that this order ends; its transfers empty that hold
    bars       apply to the orders after this one
    counts, ceilings   limits that bind under the same lock; they are not part of the books
    guard, extras      rows of other rooms that have to be so, and change, with this order
    answer     text of the answer before and after the transaction id
    """

    owner: int
    client_id: str | None = None
    meaning: str = ""
    transfers: tuple[Transfer, ...] = ()
    openings: tuple[Opening, ...] = ()
    records: tuple[Record, ...] = ()
    closes: Closing | None = None
    bars: tuple[Bar, ...] = ()
    answer: tuple[str, str] = ("", "")
    counts: tuple[Count, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    guard: Guard | None = None
    extras: tuple[Extra, ...] = ()


class Accepted(NamedTuple):
    """The order is in the books. repeated: it was there before, and this is the first answer again."""

    txn_id: int
    answer: str
    repeated: bool


Outcome = Accepted | Refusal
