"""
The access epoch, good for a moment: no request waits for a read of its own.

A process may go by what was read for GOOD_S from when that read began. Whoever changes the epoch answers only SETTLED_S
after his commit: then no process goes by the old one any more, and what he says holds everywhere. Moments are those of
the monotonic clock, which all processes of a machine share: a ledger process tells its server what its groups read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import asyncpg

from kalita.storage.engine import Heard, Unavailable

GOOD_S = 0.014
SETTLED_S = 0.015
AGES_S = 0.01
"""One so old is read anew, beside those who still go by it."""

CHANGES = "access_changed"
"""The statement that changes it."""


class Epoch:
    """
    What this process knows of the epoch.

    ask  reads it
    Those who come when it is not good any more share a read that begins after they came. One that ages is read anew on
    the side; a group that reads the epoch on its way saves that.
    """

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self._waiting: list[asyncio.Future[int]] = []
        self._asking: asyncio.Task[None] | None = None
        self._value, self._read_at = 0, 0.0

    async def read(self) -> int:
        """Return the epoch as it was at most GOOD_S ago. raises: Unavailable"""
        loop, age = asyncio.get_running_loop(), monotonic() - self._read_at
        if age < GOOD_S:
            if age > AGES_S and self._asking is None:
                self._asking = loop.create_task(self._run())
            return self._value
        answer: asyncio.Future[int] = loop.create_future()
        self._waiting.append(answer)
        if self._asking is None:
            self._asking = loop.create_task(self._run())
        return await answer

    @property
    def known(self) -> Heard:
        """What was found last, and when that read began."""
        return self._value, self._read_at

    def learn(self, epoch: int, begun: float) -> None:
        """Take what a read found. begun: by the monotonic clock, no later than when it was sent"""
        if begun > self._read_at:
            self._value, self._read_at = epoch, begun

    async def _run(self) -> None:
        """Read once, and again for those who came meanwhile."""
        again = True
        while again:
            waiting, self._waiting = self._waiting, []
            begun = monotonic()
            try:
                epoch = await self._ask()
            except (Unavailable, asyncpg.PostgresError) as problem:
                for answer in _still(waiting):
                    answer.set_exception(problem)
            else:
                self.learn(epoch, begun)
                for answer in _still(waiting):
                    answer.set_result(epoch)
            again = bool(self._waiting)
        self._asking = None


def _still(waiting: list["asyncio.Future[int]"]) -> list["asyncio.Future[int]"]:
    """Return those that nobody has given up."""
    return [answer for answer in waiting if not answer.done()]
