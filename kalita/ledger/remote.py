"""
The server's side of the ledger process: the same `submit`, another place.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from kalita.ledger import frames
from kalita.ledger.order import Accepted, Order, Outcome
from kalita.ledger.writer import Fault, fault
from kalita.observe import GROUP_SIZE, log
from kalita.refusals import Refusal
from kalita.storage.engine import Engine, Heard, Step, Unavailable

LONGEST_QUEUE = 10_000
START_S = 30
END_S = 5
"""What a process has to end by itself in, once its socket is closed; then it is killed, which loses nothing."""

WRITE_S = 60
"""The same where it may have a log to bring home."""

RETRY_S = 1

Hear = Callable[[Heard], None]


class RemoteWriter:
    """
    Send orders to a ledger process and wait for its replies; start a new process when one dies.

    An order whose process died before it answered may be in the books or not: the caller is told that nothing is known
    (Unavailable), and a repeat with the same key finds out.

    engine  of this process: is told what the other knows of the access epoch, and may have its changes made there
    """

    def __init__(self, hello: frames.Hello, engine: Engine | None = None) -> None:
        self._hello, self._engine = hello, engine
        self._connection: _Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._starting: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        """Start the process and wait until it leased its lane."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                _command(theirs.fileno()), pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
        made = _Connection(self._lost, self._engine.hear if self._engine else None)
        _, connection = await asyncio.get_running_loop().create_connection(lambda: made, sock=ours)
        try:
            connection.send(self._hello)
            await asyncio.wait_for(connection.ready, START_S)
            if connection.ended:
                raise Unavailable("it ended at once")
        except (TimeoutError, Unavailable):
            connection.close()
            await self._ended(END_S)
            raise Unavailable("the ledger process did not start; its log says why") from None
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        if self._engine is not None:
            self._engine.hand_over(self.change)

    async def stop(self) -> None:
        """Let the process write what waits, then end."""
        self._stopping = True
        if self._starting is not None:
            self._starting.cancel()
        within_s = END_S
        if self._connection is not None:
            await self._connection.drained()
            self._connection.close()
            within_s = WRITE_S
        await self._ended(within_s)
        if self._engine is not None:
            self._engine.hand_over(None)

    @property
    def lane(self) -> int:
        """The lane of the process."""
        return self._connection.lane if self._connection else 0

    async def submit(self, order: Order) -> Outcome:
        """Put an order into the books. See Writer.submit."""
        return await self._taking().submit(order)

    async def change(self, *steps: Step) -> list[int]:
        """Let the process make a change, in the commit of a group if one is due. See Engine.change."""
        return await self._taking().change(steps)

    def _taking(self) -> "_Connection":
        connection = self._connection
        if connection is None or self._stopping or len(connection.waiting) >= LONGEST_QUEUE:
            raise Unavailable("the ledger takes no more orders now")
        return connection

    def _lost(self) -> None:
        self._connection = None
        if not self._stopping and self._starting is None:
            log.error("ledger_process_lost")
            self._starting = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        """Start a process again, and again for as long as it does not start, whatever the reason."""
        while self._connection is None:
            try:
                await self._ended(END_S)
                await self.start()
            except Exception as problem:
                known = isinstance(problem, (Unavailable, OSError))
                log.error("ledger_process_not_restarted", reason=str(problem), exc_info=None if known else problem)
                await asyncio.sleep(RETRY_S)
        log.info("ledger_process_restarted")
        self._starting = None

    async def _ended(self, within_s: int) -> None:
        """Wait until the process is gone; one that does not go in time is killed."""
        if self._process is None:
            return
        try:
            await asyncio.to_thread(self._process.wait, within_s)
        except subprocess.TimeoutExpired:
            log.error("ledger_process_killed")
            self._process.kill()
            await asyncio.to_thread(self._process.wait)


def _command(end: int) -> list[str]:
    """Return what starts a ledger process. end: the number of its socket"""
    return [sys.executable, "-m", "kalita.ledger.process", str(end)]


class _Connection(asyncio.Protocol):
    """
    One ledger process as the server sees it.

    lost  called when it is gone
    hear  is told what comes beside the replies
    """

    def __init__(self, lost: Callable[[], None], hear: Hear | None) -> None:
        loop = asyncio.get_running_loop()
        self._lost, self._hear, self._loop = lost, hear, loop
        self._frames = frames.Frames()
        self._transport: asyncio.Transport | None = None
        self._unsent: list[tuple[int, Order]] = []
        self._number = 0
        self.waiting: dict[int, asyncio.Future[Any]] = {}
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended = False
        self.lane = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits that nothing is known of his order (asyncio)."""
        self.ended = True
        problem = Unavailable("the ledger process ended; repeat the call to learn what became of the order")
        if not self.ready.done():
            self.ready.set_exception(problem)
        waiting, self.waiting = self.waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(problem)
        self._lost()

    def data_received(self, data: bytes) -> None:
        """Hand out replies (asyncio)."""
        for frame in self._frames.feed(data):
            if not self.ready.done():
                self.lane = frames.decode_ready(frame).lane
                self.ready.set_result(None)
                continue
            told = frames.decode_replies(frame)
            if told.heard is not None and self._hear is not None:
                self._hear(told.heard)
            GROUP_SIZE.observe(sum(reply.changed is None for reply in told.replies))
            for reply in told.replies:
                _settle(self.waiting.pop(reply.number), reply)

    def submit(self, order: Order) -> "asyncio.Future[Outcome]":
        """Send an order with the others of this turn of the event loop."""
        number, answer = self._next()
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append((number, order))
        return answer

    def change(self, steps: Sequence[Step]) -> "asyncio.Future[list[int]]":
        """Send a change."""
        number, answer = self._next()
        try:
            self.send(frames.Change(number, list(steps)))
        except (OverflowError, TypeError, ValueError):
            del self.waiting[number]
            raise
        return answer

    def _next(self) -> "tuple[int, asyncio.Future[Any]]":
        self._number += 1
        answer = self.waiting[self._number] = self._loop.create_future()
        return self._number, answer

    def send(self, content: object) -> None:
        """Send one frame."""
        assert self._transport is not None
        self._transport.write(frames.framed(content))

    async def drained(self) -> None:
        """Wait until every order has its reply."""
        if self.waiting:
            await asyncio.wait(list(self.waiting.values()))

    def close(self) -> None:
        """End the process by closing this end."""
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        try:
            self.send(frames.Orders(unsent))
        except (OverflowError, TypeError, ValueError):
            for pair in unsent:
                self._flush_alone(pair)

    def _flush_alone(self, pair: tuple[int, Order]) -> None:
        """Send one order of a frame that cannot be written: only the one that spoils it fails, with a reference."""
        try:
            self.send(frames.Orders([pair]))
        except (OverflowError, TypeError, ValueError) as problem:
            answer = self.waiting.pop(pair[0], None)
            if answer is not None and not answer.done():
                answer.set_exception(fault("order_not_written", problem))


def _settle(answer: "asyncio.Future[Any]", reply: frames.Reply) -> None:
    if answer.done():
        return
    if reply.accepted is not None:
        answer.set_result(Accepted(*reply.accepted))
    elif reply.refused is not None:
        answer.set_result(Refusal(*reply.refused))
    elif reply.changed is not None:
        answer.set_result(reply.changed)
    elif reply.reference:
        answer.set_exception(Fault(reply.reference))
    else:
        answer.set_exception(Unavailable(reply.failed))
