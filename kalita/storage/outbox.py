"""
The outbox: what a group of the ledger causes to be told.

A payment that is done at once needs no event: it is in the history of its wallet, and the hook keeps how far it was
told (table `told`). One that waits, and how it ended, are events, written in the commit of what they tell of. Both
engines ask this function, so no way of moving money can forget it. Who is to be woken for it is found afterwards, in
the chain of commits (outbound/follow.py).

Source: webhooks.md 1; reliability-programme.md I6.
"""

from enum import IntEnum
from typing import NamedTuple

from kalita.storage.engine import Writes

NEVER = 2**62
"""When nothing is due."""


class Channel(IntEnum):
    """What a receiver is told of."""

    PAYMENTS = 1
    BILLS = 2


class Kind(IntEnum):
    """What an event says."""

    DONE = 0
    WAITING = 1
    CLOSED = 2
    TEST = 3
    BILL_PAID = 4
    BILL_REJECTED = 5
    BILL_EXPIRED = 6


KIND = "CASE WHEN {} < 2000 THEN 1 ELSE 2 END"
"""Which kinds of a hook, as bits, a stream is for: 1 what comes in, 2 what goes out."""

WAITS = 1
"""The state of a record of history that waits."""


class EventRow(NamedTuple):
    """A message that is to be sent. caused_by: the transaction that caused it; txn_id: the payment it speaks of."""

    wallet: int
    channel: int
    caused_by: int
    stream: int
    kind: int
    txn_id: int
    receiver: str = ""
    subject: str = ""
    attempts: int = 0
    due_at: int = 0
    state: int = 0


def events_of(writes: Writes) -> list[EventRow]:
    """Return the events of a group, in order, for whoever has a hook: the engine puts in which (`receiver`)."""
    waits = [
        EventRow(row.wallet, Channel.PAYMENTS, row.txn_id, row.stream, Kind.WAITING, row.txn_id)
        for row in writes.history
        if row.state == WAITS
    ]
    ends = [
        EventRow(row.wallet, Channel.PAYMENTS, row.closed_by, row.stream, Kind.CLOSED, row.txn_id)
        for row in writes.closings
    ]
    return sorted(waits + ends)
