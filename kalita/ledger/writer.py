"""
The one writer of a process: orders wait here, go to the database in groups, and are answered after the commit.
"""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from kalita.clock import Clock
from kalita.keys import Keys
from kalita.ledger.group import Group, Unread, needs_of
from kalita.ledger.order import Order, Outcome
from kalita.observe import GROUP_SIZE, log
from kalita.storage.engine import Engine, LaneLost, Unavailable, settle

LARGEST_GROUP = 128
LONGEST_QUEUE = 10_000
LEASE_S = 30


Settle = Callable[[Outcome | Exception], None]


class Fault(Exception):  # noqa: N818 - the world failed, or we did; not the caller
    """An order could not be written; nothing of it happened. The reference leads to the log."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"the order was not written, reference {reference}")
        self.reference = reference


class Ledger(Protocol):
    """Where orders go, wherever the writer lives: in this process or in one of its own (remote.py)."""

    @property
    def lane(self) -> int:
        """The lane that is written: house accounts are chosen by it."""

    async def start(self) -> None:
        """Lease a lane and begin."""

    async def stop(self) -> None:
        """Write what waits, give the lane back, end."""

    async def submit(self, order: Order) -> Outcome:
        """Put an order into the books; see Writer.submit."""


class Writer:
    """
    Gather orders, judge and commit them in groups.

    largest_group  how many orders share one commit
    """

    def __init__(self, engine: Engine, keys: Keys, clock: Clock, largest_group: int = LARGEST_GROUP) -> None:
        self._engine, self._clock, self._key = engine, clock, keys.of("chain")
        self._largest = largest_group
        self._waiting: deque[tuple[Order, Settle]] = deque()
        self._awake = asyncio.Event()
        self._holder = secrets.token_hex(8)
        self._lane = -1
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Lease a lane and begin."""
        self._lane = await self._engine.lease(self._holder, LEASE_S)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write what waits, give the lane back, end."""
        self._stopping = True
        self._awake.set()
        if self._task is not None:
            await self._task
            with contextlib.suppress(Unavailable):
                await self._engine.release(self._holder)

    @property
    def lane(self) -> int:
        """The lane this writer leases: house accounts are chosen by it."""
        return self._lane

    async def submit(self, order: Order) -> Outcome:
        """
        Put an order into the books.

        returns  after the commit: Accepted, or the Refusal that kept it out
        raises   Unavailable or Fault when nothing could be written; the same order may be sent again
        """
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.put(order, partial(settle, answer))
        return await answer

    def put(self, order: Order, settle: Settle) -> None:
        """Let an order wait for the next group; `settle` gets its outcome, or the exception that says why not."""
        if self._stopping or len(self._waiting) >= LONGEST_QUEUE:
            settle(Unavailable("the ledger takes no more orders now"))
        else:
            self._waiting.append((order, settle))
            self._awake.set()

    async def _run(self) -> None:
        while not (self._stopping and not self._waiting):
            if not self._waiting:
                self._awake.clear()
                await self._wait()
                continue
            count = min(len(self._waiting), self._largest)
            await self._write([self._waiting.popleft() for _ in range(count)])
            await asyncio.sleep(0)  # an engine that writes inline has held up the loop: let answers go out

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._awake.wait(), LEASE_S / 3)
        except TimeoutError:
            try:
                self._lane = await self._engine.lease(self._holder, LEASE_S)
            except Exception as problem:
                log.warning("lane_not_renewed", exc_info=problem)

    async def _write(self, batch: list[tuple[Order, Settle]]) -> None:
        try:
            outcomes = await self._commit([order for order, _ in batch])
        except Unavailable as problem:
            for _, settle in batch:
                settle(problem)
        except Exception as problem:
            if len(batch) == 1:
                batch[0][1](fault("order_not_written", problem))
                return
            for pair in batch:
                await self._write([pair])
        else:
            for (_, settle), outcome in zip(batch, outcomes, strict=True):
                settle(outcome)

    async def _commit(self, orders: list[Order]) -> list[Outcome]:
        GROUP_SIZE.observe(len(orders))
        beside: set[int] = set()
        while True:
            group = Group(orders, self._clock.now(), self._key, beside)
            try:
                await self._engine.group(needs_of(orders, self._lane, self._holder, beside), group.judge)
            except LaneLost:
                self._lane = await self._engine.lease(self._holder, LEASE_S)
            except Unread as unread:
                beside |= unread.owners
            else:
                return group.outcomes


def fault(event: str, problem: Exception) -> Fault:
    """Log what could not be written; return the fault whose reference leads there."""
    found = Fault(secrets.token_hex(8))
    log.error(event, reference=found.reference, exc_info=problem)
    return found
