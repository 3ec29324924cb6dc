"""
The ledger process of the embedded engine: one writer with a core of its own, at the other end of a socket pair.

It ends when the server's end closes, whatever became of the server: what it had begun to write is committed or not, as
a whole, and the next server's ledger goes on from there.
"""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import uvloop

from kalita.clock import Clock
from kalita.keys import Keys
from kalita.ledger import frames
from kalita.ledger.order import Accepted, Outcome
from kalita.ledger.writer import Fault, Writer
from kalita.observe import set_up_log
from kalita.storage.sqlite.engine import SqliteEngine


class _Connection(asyncio.Protocol):
    """The server's end: orders come in, replies go out, many to a frame."""

    def __init__(self) -> None:
        self._frames = frames.Frames()
        self._replies: list[frames.Reply] = []
        self._writer: Writer | None = None
        self._transport: asyncio.Transport | None = None
        self.hello: asyncio.Future[frames.Hello] = asyncio.get_running_loop().create_future()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            if self._writer is None:
                self.hello.set_result(frames.decode_hello(frame))
                continue
            for number, order in frames.decode_orders(frame):
                self._writer.put(order).add_done_callback(lambda answer, number=number: self._reply(number, answer))

    def ready(self, writer: Writer) -> None:
        """Say that orders may come."""
        self._writer = writer
        self._send(frames.Ready(writer.lane))

    def _reply(self, number: int, answer: "asyncio.Future[Outcome]") -> None:
        if not self._replies:
            asyncio.get_running_loop().call_soon(self._flush)
        self._replies.append(reply_of(number, answer))

    def _flush(self) -> None:
        replies, self._replies = self._replies, []
        self._send(replies)

    def _send(self, content: object) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames.framed(content))


def reply_of(number: int, answer: "asyncio.Future[Outcome]") -> frames.Reply:
    """Turn what became of an order into its reply."""
    problem = answer.exception()
    if problem is not None:
        return frames.Reply(number, failed=str(problem), reference=getattr(problem, "reference", ""))
    outcome = answer.result()
    if isinstance(outcome, Accepted):
        return frames.Reply(number, accepted=outcome)
    return frames.Reply(number, refused=(outcome.code, outcome.status, outcome.en, outcome.ru))


async def _run(end: socket.socket) -> None:
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, sock=end)
    hello = await connection.hello
    engine = SqliteEngine(Path(hello.database), inline=True)
    writer = Writer(engine, Keys(hello.secret), Clock(hello.clock_offset), hello.largest_group)
    await writer.start()
    connection.ready(writer)
    await connection.closed.wait()
    await writer.stop()
    await engine.close()


def main() -> None:
    """Run on the socket whose number is the first argument. Signals are the server's: it closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    set_up_log()
    end = socket.socket(fileno=int(sys.argv[1]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(end))


if __name__ == "__main__":
    main()
