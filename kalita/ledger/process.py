"""
The ledger process of a server: one writer with a core of its own, at the other end of a socket pair.

It ends when the server's end closes, whatever became of the server: what it had begun to write is committed or not, as
a whole, and the next server's ledger goes on from there.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from typing import cast

import uvloop

from kalita.clock import MOVED, Clock
from kalita.keys import Keys
from kalita.ledger import frames
from kalita.ledger.order import Accepted, Outcome
from kalita.ledger.writer import Writer, fault
from kalita.observe import set_up_log
from kalita.storage.engine import Engine, Unavailable
from kalita.storage.postgres.engine import PostgresEngine
from kalita.storage.sqlite.engine import SqliteEngine

FOLLOW_S = 1


class _Connection(asyncio.Protocol):
    """The server's end: orders come in, replies go out, many to a frame."""

    def __init__(self) -> None:
        self._frames = frames.Frames()
        self._replies: list[frames.Reply] = []
        self._writer: Writer | None = None
        self._engine: Engine | None = None
        self._changing: set[asyncio.Future[None]] = set()
        self._transport: asyncio.Transport | None = None
        self.hello: asyncio.Future[frames.Hello] = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio)."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the server is gone (asyncio)."""
        self.closed.set()
        if not self.hello.done():
            self.hello.cancel()

    def data_received(self, data: bytes) -> None:
        """Take orders and changes in (asyncio)."""
        for frame in self._frames.feed(data):
            if self._writer is None:
                self.hello.set_result(frames.decode_hello(frame))
                continue
            work = frames.decode_work(frame)
            if isinstance(work, frames.Change):
                task = asyncio.ensure_future(self._change(work))
                self._changing.add(task)
                task.add_done_callback(self._changing.discard)
                continue
            for number, order in work.orders:
                self._writer.put(order, partial(self._settle, number))

    def ready(self, writer: Writer, engine: Engine) -> None:
        """Say that orders may come."""
        self._writer, self._engine = writer, engine
        self._send(frames.Ready(writer.lane))

    async def _change(self, change: frames.Change) -> None:
        assert self._engine is not None
        try:
            self._reply(frames.Reply(change.number, changed=await self._engine.change(*change.steps)))
        except Unavailable as problem:
            self._reply(reply_of(change.number, problem))
        except Exception as problem:
            self._reply(reply_of(change.number, fault("change_not_written", problem)))

    def _settle(self, number: int, outcome: Outcome | Exception) -> None:
        self._reply(reply_of(number, outcome))

    def _reply(self, reply: frames.Reply) -> None:
        if not self._replies:
            asyncio.get_running_loop().call_soon(self._flush)
        self._replies.append(reply)

    def _flush(self) -> None:
        replies, self._replies = self._replies, []
        assert self._engine is not None
        self._send(frames.Replies(replies, self._engine.heard))

    def _send(self, content: object) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames.framed(content))


def reply_of(number: int, outcome: Outcome | Exception) -> frames.Reply:
    """Turn what became of an order into its reply."""
    if isinstance(outcome, Accepted):
        return frames.Reply(number, accepted=outcome)
    if isinstance(outcome, Exception):
        return frames.Reply(number, failed=str(outcome), reference=getattr(outcome, "reference", ""))
    return frames.Reply(number, refused=(outcome.code, outcome.status, outcome.en, outcome.ru))


async def _follow(engine: Engine, clock: Clock) -> None:
    """Take up what `kalita clock` did."""
    while True:
        await asyncio.sleep(FOLLOW_S)
        with contextlib.suppress(Unavailable):
            row = await engine.one("meta_get", MOVED)
            clock.offset = int(row[0]) if row else 0


def core_of(pid: int, cores: list[int]) -> int:
    """
    Return which core a ledger process keeps to: one of the upper half, where fewer devices interrupt.

    cores  those it may use, ascending; several installations of a machine spread over them by their process ids
    """
    return cores[-1 - pid % (len(cores) // 2)]


def _keep_to_a_core() -> None:
    """
    Stay on one core, in a session of its own.

    A group is three questions to PostgreSQL, each a sleep and a waking. On the server's core the ledger, and the
    database behind it, would each time wait their turn behind requests: a fifth fewer payments on two cores.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.setsid()
        os.sched_setaffinity(0, {core_of(os.getpid(), cores)})


def _engine(hello: frames.Hello) -> Engine:
    if "://" in hello.database:
        return PostgresEngine(hello.database, strict=not hello.demo)
    return SqliteEngine(Path(hello.database), inline=True)


async def _run(end: socket.socket) -> None:
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, sock=end)
    hello = await connection.hello
    if hello.own_core:
        _keep_to_a_core()
    engine = _engine(hello)
    clock = Clock(hello.clock_offset)
    writer = Writer(engine, Keys(hello.secret), clock, hello.largest_group)
    following = asyncio.create_task(_follow(engine, clock)) if hello.demo else None
    await writer.start()
    connection.ready(writer, engine)
    await connection.closed.wait()
    if following is not None:
        following.cancel()
    await writer.stop()
    await engine.close()


def main() -> None:
    """Run on the socket whose number is the first argument. Signals are the server's: it closes its end."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    set_up_log()
    gc.freeze()
    gc.set_threshold(50_000)
    end = socket.socket(fileno=int(sys.argv[1]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(end))


if __name__ == "__main__":
    main()
