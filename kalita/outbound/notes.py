"""
What came of attempts, and receivers given back: gathered, and written many in one commit.

One statement for all of a kind: on SQLite whoever writes keeps the ledger waiting, on PostgreSQL whoever holds a hook.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import TypeVar

import msgspec

from kalita.observe import log
from kalita.outbound.pace import Pace
from kalita.storage.engine import Engine, Step, Unavailable

Key = TypeVar("Key")
Kept = TypeVar("Kept")
GATHER_S, GATHER_LONG_S, LOOK_S = 0.005, 0.2, 0.02
WORTH_WHILE = 32
"""A commit keeps the ledger waiting, and on SQLite makes readers forget the pages they know."""


class Attempt(msgspec.Struct, frozen=True):
    """A row of the table of attempts."""

    wallet: int
    channel: int
    at: int
    caused_by: int
    stream: int
    receiver: str
    number: int
    micros: int
    status: int
    failure: str
    kind: int
    txn_id: int


class Over(msgspec.Struct, frozen=True):
    """
    What became of an event: its state, how often it was tried, when it is due again or since when it is over.

    One of history becomes an event when it has to be sent again, or is given up.
    """

    wallet: int
    channel: int
    caused_by: int
    stream: int
    kind: int
    txn_id: int
    receiver: str
    state: int
    attempts: int
    due_at: int
    subject: str = ""


class Told(msgspec.Struct, frozen=True, order=True):
    """How far a receiver was told of a stream of history."""

    wallet: int
    stream: int
    receiver: str
    txn_id: int


class Back(msgspec.Struct, frozen=True, order=True):
    """A receiver that its holder gives back. at: since when it waits, should there be more for it."""

    wallet: int
    channel: int
    holder: str
    at: int


class Notes:
    """
    Gather and write.

    pace  of what is noted: beside requests a commit waits for more
    """

    def __init__(self, engine: Engine, pace: Pace) -> None:
        self._engine, self._pace = engine, pace
        self._attempts: list[Attempt] = []
        self._over: dict[tuple[int, int, int, int], Over] = {}
        self._told: dict[tuple[int, int], Told] = {}
        self._back: dict[tuple[int, int], Back] = {}
        self._awake = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []

    def attempted(self, attempt: Attempt) -> None:
        """Let an attempt wait for the next commit."""
        self._attempts.append(attempt)
        self._awake.set()

    def over(self, over: Over) -> None:
        """Let what became of an event wait for the next commit; of several the last counts."""
        self._over[over.wallet, over.channel, over.caused_by, over.stream] = over
        self._awake.set()

    def told(self, told: Told) -> None:
        """Let how far a receiver was told wait for the next commit."""
        self._told[told.wallet, told.stream] = told
        self._awake.set()

    def release(self, back: Back) -> None:
        """Give a receiver back, after what was noted before."""
        self._back[back.wallet, back.channel] = back
        self._awake.set()

    async def written(self) -> None:
        """Return once everything noted so far is on the disk."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._awake.set()
        await waiting

    async def run(self) -> None:
        """Write what gathers, until cancelled."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            await self._gathered()
            try:
                await self.write()
            except Unavailable as problem:
                log.warning("delivery_not_noted", reason=str(problem))
                await asyncio.sleep(1)
                self._awake.set()

    async def _gathered(self) -> None:
        """Wait a moment; beside requests until a commit is worth while, but not for long."""
        await asyncio.sleep(GATHER_S)
        ends = monotonic() + GATHER_LONG_S
        while self._pace.beside and len(self._attempts) < WORTH_WHILE and monotonic() < ends:
            await asyncio.sleep(LOOK_S)

    async def write(self) -> None:
        """Write what has gathered: receivers last and in order, as the ledger locks them."""
        attempts, over, told, back = list(self._attempts), dict(self._over), dict(self._told), dict(self._back)
        waiting, steps = list(self._waiting), list[Step]()
        if attempts:
            steps.append(Step("attempts_add", _text(attempts)))
        if over:
            steps.append(Step("events_over", _text([over[key] for key in sorted(over)])))
        if told:
            steps.append(Step("told_add", _text(sorted(told.values()))))
        if back:
            given = _text(sorted(back.values()))
            steps += (Step("receivers_lock", given), Step("receivers_release", given))
        if steps:
            await self._engine.change(*steps)
        del self._attempts[: len(attempts)], self._waiting[: len(waiting)]
        _drop(self._over, over)
        _drop(self._told, told)
        _drop(self._back, back)
        for one in waiting:
            if not one.done():
                one.set_result(None)


def _drop(kept: dict[Key, Kept], written: dict[Key, Kept]) -> None:
    """Drop what was written, but for what has changed since."""
    for key, row in written.items():
        if kept[key] is row:
            del kept[key]


def _text(rows: Sequence[Attempt | Over | Told | Back]) -> tuple[str]:
    return (msgspec.json.encode(rows).decode(),)
