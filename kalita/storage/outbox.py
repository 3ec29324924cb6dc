"""
The outbox: what a group of the ledger causes to be told, and whom.

A payment that is done at once needs no event: it is in the history of its wallet, and the hook keeps how far it was
told (table `told`). One that waits, and how it ended, are events, written in the commit of what they tell of. Both
engines ask these functions, so no way of moving money can forget it.

Source: webhooks.md 1; reliability-programme.md I6.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from kalita.storage.engine import Hook, Writes

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
    receiver: str
    subject: str = ""
    attempts: int = 0
    due_at: int = 0
    state: int = 0


def events_of(writes: Writes, hooks: Mapping[int, Hook]) -> list[EventRow]:
    """Return the events of a group. hooks: those of its wallets, by wallet."""
    found = []
    for row in writes.history:
        if row.state == WAITS and row.wallet in hooks:
            found.append((row.wallet, row.txn_id, row.stream, Kind.WAITING, row.txn_id))
    for closing in writes.closings:
        if closing.wallet in hooks:
            found.append((closing.wallet, closing.closed_by, closing.stream, Kind.CLOSED, closing.txn_id))
    return [
        EventRow(wallet, Channel.PAYMENTS, caused_by, stream, kind, txn_id, hooks[wallet].id)
        for wallet, caused_by, stream, kind, txn_id in sorted(found)
        if hooks[wallet].kinds & _bit(stream)
    ]


def woken_by(writes: Writes, hooks: Mapping[int, Hook]) -> list[tuple[int, int]]:
    """
    Return which wallets' hooks have to be woken, in order, and the moment of the group.

    Something is due since then. What was due before stays where it is: who has waited longest is served first.
    """
    touched = {(row.wallet, row.stream) for rows in (writes.history, writes.closings) for row in rows}
    woken = {
        wallet
        for wallet, stream in touched
        if wallet in hooks and hooks[wallet].next_at > writes.at and hooks[wallet].kinds & _bit(stream)
    }
    return [(wallet, writes.at) for wallet in sorted(woken)]


def _bit(stream: int) -> int:
    return IN if stream // 1000 == 1 else OUT
