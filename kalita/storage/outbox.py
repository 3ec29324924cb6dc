"""
The outbox: which events a group of the ledger causes, for whom.

An event is written in the commit of what it tells of, so it is there if and only if the payment is. Both engines ask
these functions, so no way of moving money can forget it. Source: webhooks.md 1; reliability-programme.md I6.
"""

from collections.abc import Mapping
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


IN, OUT = 1, 2
"""Which payments a hook is for, as bits."""

Hook = tuple[int, str, int]
"""Wallet, id and bits of a hook."""


class EventRow(NamedTuple):
    """A message that is to be sent. caused_by: the transaction that caused it; txn_id: the payment it speaks of."""

    wallet: int
    channel: int
    caused_by: int
    stream: int
    kind: int
    txn_id: int
    receiver: str
    subject: str = ""
    attempts: int = 0
    due_at: int = 0
    state: int = 0


def events_of(writes: Writes, hooks: Mapping[int, Hook]) -> list[EventRow]:
    """Return the events of a group. hooks: those of its wallets, by wallet."""
    found = []
    for row in writes.history:
        hook = hooks.get(row.wallet)
        if hook and hook[2] & _bit(row.stream):
            kind = Kind.WAITING if row.state == 1 else Kind.DONE
            found.append(EventRow(row.wallet, Channel.PAYMENTS, row.txn_id, row.stream, kind, row.txn_id, hook[1]))
    for closing in writes.closings:
        hook = hooks.get(closing.wallet)
        if hook and hook[2] & _bit(closing.stream):
            found.append(
                EventRow(
                    closing.wallet,
                    Channel.PAYMENTS,
                    closing.closed_by,
                    closing.stream,
                    Kind.CLOSED,
                    closing.txn_id,
                    hook[1],
                )
            )
    return sorted(found)


def _bit(stream: int) -> int:
    return IN if stream // 1000 == 1 else OUT
