"""
The one writer of a process: orders wait here, go to the database in groups, and are answered after the commit.
"""

import asyncio
import contextlib
import secrets
from collections import deque

from kalita.clock import Clock
from kalita.keys import Keys
from kalita.ledger.group import Group, needs_of
from kalita.ledger.order import Order, Outcome
from kalita.observe import GROUP_SIZE, log
from kalita.storage.engine import Engine, LaneLost, Unavailable

LARGEST_GROUP = 128
LONGEST_QUEUE = 10_000
LEASE_S = 30


class Fault(Exception):  # noqa: N818 - the world failed, or we did; not the caller
    """An order could not be written; nothing of it happened. The reference leads to the log."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"the order was not written, reference {reference}")
        self.reference = reference


class Writer:
    """
    Gather orders, judge and commit them in groups.

    largest_group  how many orders share one commit
    """

    def __init__(self, engine: Engine, keys: Keys, clock: Clock, largest_group: int = LARGEST_GROUP) -> None:
        self._engine, self._clock, self._key = engine, clock, keys.of("chain")
        self._largest = largest_group
        self._waiting: deque[tuple[Order, asyncio.Future[Outcome]]] = deque()
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
        if self._stopping or len(self._waiting) >= LONGEST_QUEUE:
            raise Unavailable("the ledger takes no more orders now")
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((order, answer))
        self._awake.set()
        return await answer

    async def _run(self) -> None:
        while not (self._stopping and not self._waiting):
            if not self._waiting:
                self._awake.clear()
                await self._wait()
                continue
            count = min(len(self._waiting), self._largest)
            await self._write([self._waiting.popleft() for _ in range(count)])

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._awake.wait(), LEASE_S / 3)
        except TimeoutError:
            try:
                self._lane = await self._engine.lease(self._holder, LEASE_S)
            except Exception as problem:
                log.warning("lane_not_renewed", exc_info=problem)

    async def _write(self, batch: list[tuple[Order, "asyncio.Future[Outcome]"]]) -> None:
        try:
            outcomes = await self._commit([order for order, _ in batch])
        except Unavailable as problem:
            self._fail(batch, problem)
        except Exception as problem:
            if len(batch) > 1:
                for pair in batch:
                    await self._write([pair])
            else:
                self._fail(batch, self._fault(problem))
        else:
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if not answer.done():
                    answer.set_result(outcome)

    async def _commit(self, orders: list[Order]) -> list[Outcome]:
        GROUP_SIZE.observe(len(orders))
        while True:
            group = Group(orders, self._clock.now(), self._key)
            try:
                await self._engine.group(needs_of(orders, self._lane, self._holder), group.judge)
            except LaneLost:
                self._lane = await self._engine.lease(self._holder, LEASE_S)
            else:
                return group.outcomes

    def _fail(self, batch: list[tuple[Order, "asyncio.Future[Outcome]"]], problem: Exception) -> None:
        for _, answer in batch:
            if not answer.done():
                answer.set_exception(problem)

    def _fault(self, problem: Exception) -> Fault:
        fault = Fault(secrets.token_hex(8))
        log.error("order_not_written", reference=fault.reference, exc_info=problem)
        return fault
