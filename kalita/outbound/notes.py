"""
What came of attempts, and receivers given back: gathered, and written many in one commit.

One statement for all of a kind: on SQLite whoever writes keeps the ledger waiting, on PostgreSQL whoever holds a hook.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from kalita.observe import log
from kalita.outbound.pace import Pace
from kalita.storage.engine import Engine, Step, Unavailable

GATHER_S, GATHER_LONG_S = 0.005, 0.05


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


class Over(msgspec.Struct, frozen=True):
    """What became of an event: its state, how often it was tried, when it is due again or since when it is over."""

    wallet: int
    channel: int
    caused_by: int
    stream: int
    state: int
    attempts: int
    due_at: int


class Back(msgspec.Struct, frozen=True, order=True):
    """A receiver that its holder gives back."""

    wallet: int
    channel: int
    holder: str


class Notes:
    """
    Gather and write.

    pace  of what is noted: where it is slow a commit waits for more
    """

    def __init__(self, engine: Engine, pace: Pace) -> None:
        self._engine, self._pace = engine, pace
        self._attempts: list[Attempt] = []
        self._over: dict[tuple[int, int, int, int], Over] = {}
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

    def release(self, wallet: int, channel: int, holder: str) -> None:
        """Give a receiver back, after what was noted before."""
        self._back[wallet, channel] = Back(wallet, channel, holder)
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
            await asyncio.sleep(GATHER_LONG_S if self._pace.is_slow else GATHER_S)
            try:
                await self.write()
            except Unavailable as problem:
                log.warning("delivery_not_noted", reason=str(problem))
                await asyncio.sleep(1)
                self._awake.set()

    async def write(self) -> None:
        """Write what has gathered: receivers last and in order, as the ledger locks them."""
        attempts, over, back = list(self._attempts), dict(self._over), dict(self._back)
        waiting, steps = list(self._waiting), list[Step]()
        if attempts:
            steps.append(Step("attempts_add", _text(attempts)))
        if over:
            steps.append(Step("events_over", _text([over[key] for key in sorted(over)])))
        if back:
            given = _text(sorted(back.values()))
            steps += (Step("receivers_lock", given), Step("receivers_release", given))
        if steps:
            await self._engine.change(*steps)
        del self._attempts[: len(attempts)], self._waiting[: len(waiting)]
        for key, one in over.items():
            if self._over[key] is one:
                del self._over[key]
        for place, last in back.items():
            if self._back[place] is last:
                del self._back[place]
        for told in waiting:
            if not told.done():
                told.set_result(None)


def _text(rows: Sequence[Attempt | Over | Back]) -> tuple[str]:
    return (msgspec.json.encode(rows).decode(),)
