"""
What an engine of storage does, whichever it is.

A group is written in one transaction: lock the accounts in id order, then look up what the orders need, let the ledger
judge, write, commit. Only the commit makes it so; the caller answers after it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from kalita.storage.rows import (
    AccountRow,
    BarRow,
    ClosingRow,
    EntryRow,
    GroupRow,
    HistoryRow,
    LaneRow,
    PaymentRow,
    WalletRow,
)

Row = tuple[Any, ...]
Named = tuple[str, Row]
"""A named statement with its arguments."""


class LaneLost(Exception):  # noqa: N818 - named for what happened
    """The lane is leased to another writer: take a new one and repeat the group."""


class Unavailable(Exception):  # noqa: N818 - named for what happened
    """The database cannot be reached or cannot write now; nothing was acknowledged, the same call may be repeated."""


def settle(answer: "asyncio.Future[Any]", outcome: Any) -> None:
    """Give whoever waits for an answer its outcome, or the exception that says why not; nobody may wait any more."""
    if answer.done():
        return
    if isinstance(outcome, Exception):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


class Needs(NamedTuple):
    """
    What a group has to read: accounts, repeat keys, payments that may still wait on hold.

    accounts  ranges of ids, the first and the last of each, ascending: one account, or all that an owner has

    guards    named reads that find a row while what an order stands on is still so, in order; they lock that row
    """

    lane: int
    holder: str
    accounts: list[tuple[int, int]]
    keys: list[tuple[int, str]]
    waiting: list[tuple[int, int, int]]
    guards: Sequence[Named] = ()


@dataclass(slots=True)
class Found:
    """
    What was found under the locks.

    waiting  the total, sum and commission, of each payment that still waits on hold
    guards   those that found their row
    """

    lane: LaneRow
    accounts: dict[int, AccountRow]
    payments: dict[tuple[int, str], PaymentRow]
    waiting: dict[tuple[int, int, int], int]
    guards: set[Named] = field(default_factory=set)


@dataclass(slots=True)
class Writes:
    """
    What a group writes; empty when every order was refused or a repeat.

    refused  at least one order was: nothing shows whether what was read for it still holds
    """

    wallets: list[WalletRow] = field(default_factory=list)
    opened: list[AccountRow] = field(default_factory=list)
    accounts: list[AccountRow] = field(default_factory=list)
    entries: list[EntryRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    history: list[HistoryRow] = field(default_factory=list)
    closings: list[ClosingRow] = field(default_factory=list)
    bars: list[BarRow] = field(default_factory=list)
    extras: list[Named] = field(default_factory=list)
    group: GroupRow | None = None
    refused: bool = False


class Step(NamedTuple):
    """One named statement of a change, with its parameters."""

    query: str
    args: Row


Change = Callable[..., Awaitable[list[int]]]
"""What makes a change: `Engine.change` itself, or who asks another process for it."""

Heard = tuple[int, float]
"""An access epoch, and a moment of this machine's monotonic clock (seconds) at which it was not yet passed."""


class Engine(Protocol):
    """Durable rows. Every call may raise Unavailable."""

    async def group(self, needs: Needs, judge: Callable[[Found], Writes]) -> None:
        """Read, judge and write one group in one transaction; return after the commit."""

    async def lease(self, holder: str, seconds: int) -> int:
        """Lease a free lane by the machine's clock, or renew the holder's own; return its number."""

    async def release(self, holder: str) -> None:
        """Give a lane back."""

    async def one(self, query: str, *args: Any) -> Row | None:
        """Return the one row of a short keyed read, or None."""

    async def epoch(self) -> int:
        """
        Return a number that changes with every change of who may do what: tokens, blocks, closed wallets.

        Whoever keeps such facts asks before he uses them: no change is missed that was answered before he asks.
        """

    @property
    def heard(self) -> Heard | None:
        """The newest epoch that is known here, for another process of this machine; None: read it yourself."""

    def hear(self, heard: Heard) -> None:
        """Take what another process of this machine knows of the epoch."""

    def hand_over(self, change: Change | None) -> None:
        """Let changes be made by another process of this machine, where one writer is better than two; None: here."""

    async def all(self, query: str, *args: Any) -> list[Row]:
        """Return the rows of a short keyed read."""

    async def change(self, *steps: Step) -> list[int]:
        """Run named statements in one transaction; return how many rows each touched."""

    def snapshot(self) -> "AbstractAsyncContextManager[Snapshot]":
        """Open a view of the database as of one moment, beside a live server."""

    async def close(self) -> None:
        """End every connection."""


class Snapshot(Protocol):
    """The whole database as of one moment."""

    def rows(self, query: str, *args: Any) -> AsyncIterator[list[Row]]:
        """Stream the rows of a named query, some thousands at a time."""
