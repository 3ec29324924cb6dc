"""
Receivers for tests: real HTTP servers on loopback that note what arrives and misbehave as they are told.
"""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Got:
    """One request as it arrived, and when (seconds of the monotonic clock). Header names in lower case."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Reply = Callable[[Got], "bytes | float | None"]
"""Bytes to answer with; seconds to wait before a 200; None: drop the connection."""


def status(code: int, *heads: str, body: bytes = b"") -> bytes:
    """Return an answer with a status."""
    lines = [f"HTTP/1.1 {code} Any", f"Content-Length: {len(body)}", *heads, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Receiver:
    """A server that runs: where, what arrived, what it answers (by path, else to everything)."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    reply: Reply = lambda got: OK
    connections: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Return an address of it."""
        return f"http://{host}:{self.port}{path}"

    def wait(self, count: int, within_s: float = 10.0, where: Callable[[Got], bool] = lambda got: True) -> list[Got]:
        """Return the requests that fit once there are so many of them; fail when they do not come in time."""
        ends = time.monotonic() + within_s
        with self.changed:
            while len(found := [one for one in self.got if where(one)]) < count:
                left = ends - time.monotonic()
                assert left > 0, f"{len(found)} of {count} requests came within {within_s} s"
                self.changed.wait(left)
            return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answer(reader, writer):
                    pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = first.split(" ")
        got = Got(time.monotonic(), method, path, headers, body)
        with self.changed:
            self.got.append(got)
            self.changed.notify_all()
        reply = self.reply(got)
        if reply is None:
            return False
        if isinstance(reply, float):
            await asyncio.sleep(reply)
            reply = OK
        writer.write(reply)
        await writer.drain()
        return True


@contextlib.contextmanager
def receiver(reply: Reply | None = None) -> Iterator[Receiver]:
    """Run a receiver on a thread until the block ends."""
    running = Receiver()
    if reply is not None:
        running.reply = reply
    ready, loop = threading.Event(), asyncio.new_event_loop()
    end = asyncio.Event()

    async def work() -> None:
        server = await asyncio.start_server(running.serve, "127.0.0.1", 0)
        running.port = server.sockets[0].getsockname()[1]
        ready.set()
        await end.wait()
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.01)  # let the connections close

    thread = threading.Thread(target=lambda: loop.run_until_complete(work()))
    thread.start()
    try:
        assert ready.wait(10)
        yield running
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join()
        loop.close()
