"""The access epoch, asked for once for all who want it at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from kalita.storage.engine import Unavailable

EVERY_S = 0.003
"""Between two reads: about as often as a busy writer brings the epoch along."""


class Epoch:
    """
    Share a read among those who wait for it.

    ask  reads the epoch
    Whoever comes while a read is under way waits for the next one: what he gets was read after he came. A statement
    that reads the epoch on its way answers those who waited when it was sent, which leaves nothing to ask.
    """

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self._ask = ask
        self._waiting: list[asyncio.Future[int]] = []
        self._asking: asyncio.Task[None] | None = None
        self._next = 0.0

    async def read(self) -> int:
        """Return the epoch as of a moment after this call began. raises: Unavailable"""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        self._waiting.append(answer)
        if self._asking is None:
            self._asking = loop.create_task(self._run())
        return await answer

    def waiting(self) -> list["asyncio.Future[int]"]:
        """Return those who wait now and whom nobody has answered."""
        self._waiting = _still(self._waiting)
        return list(self._waiting)

    def answer(self, waiting: list["asyncio.Future[int]"], epoch: int) -> None:
        """Answer those who waited before the read was sent."""
        for answer in _still(waiting):
            answer.set_result(epoch)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(max(self._next - loop.time(), 0))
            waiting, self._waiting = self.waiting(), []
            if not waiting:
                continue
            self._next = loop.time() + EVERY_S
            try:
                epoch = await self._ask()
            except (Unavailable, asyncpg.PostgresError) as problem:
                for answer in _still(waiting):
                    answer.set_exception(problem)
            else:
                self.answer(waiting, epoch)
        self._asking = None


def _still(waiting: list["asyncio.Future[int]"]) -> list["asyncio.Future[int]"]:
    """Return those that are not answered, and that nobody has given up."""
    return [answer for answer in waiting if not answer.done()]
