"""
Connections that take too long: a request that does not end arriving, one that says nothing, one that stays for nothing.

A client that dribbles costs the server a connection for so long and no longer. The bounds are made short here; what
they are in earnest is tested last.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

import pytest

from kalita.web import listen
from kalita.web.protocol import Protocol
from kalita.web.request import Request
from kalita.web.server import Server
from kalita.wire.endpoint import Answer
from tests.api.house import House

SLOWEST_S, IDLE_S, SWEEP_S = 0.6, 1.8, 0.1
PATIENCE_S = 20
HEAD = b"POST /sinap/api/v2/terms/99/payments HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
ASK = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def serve(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], Awaitable[None]]], None]:
    """Let clients talk to a listening server; they get its port."""
    monkeypatch.setattr(listen, "SLOWEST_REQUEST_S", SLOWEST_S)
    monkeypatch.setattr(listen, "KEEP_ALIVE_S", IDLE_S)

    async def work(clients: Callable[[int], Awaitable[None]]) -> None:
        bound, ready = listen.bind("127.0.0.1", 0), asyncio.Event()
        serving = asyncio.create_task(listen.listen(house.app.server(), bound, None, ready.set))
        await ready.wait()
        try:
            await clients(bound.getsockname()[1])
        finally:
            signal.raise_signal(signal.SIGTERM)
            await serving

    return lambda clients: house.run(work(clients))


async def lasts(port: int, first: bytes, more: bytes = b"", every: float = 0.05) -> tuple[float, bytes]:
    """Connect, send something, then a byte now and then; return how long the server stood it, and what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.monotonic()
    writer.write(first)

    async def dribble() -> None:
        for at in range(len(more)):
            await asyncio.sleep(every)
            writer.write(more[at : at + 1])

    dribbling = asyncio.create_task(dribble())
    try:
        said = await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        said = b""
    dribbling.cancel()
    writer.close()
    return time.monotonic() - begun, said


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", b""),
        (b"GET /health HT", b""),
        (HEAD, b"X-Slow: " + b"a" * 500),
        (HEAD + b"\r\n", b'{"id": "' + b"1" * 500),
        (HEAD + b"\r\n{", b""),
    ],
    ids=["silent", "half a line", "slow head", "slow body", "stopped body"],
)
def test_request_that_does_not_arrive_ends_its_connection(serve, first: bytes, more: bytes) -> None:
    """Whatever part of it is late, and however steadily bytes come: after the bound the connection is closed."""

    async def clients(port: int) -> None:
        lasted, said = await lasts(port, first, more)
        assert SLOWEST_S <= lasted < SLOWEST_S + 5 * SWEEP_S + 0.5
        assert said == b""

    serve(clients)


def test_others_are_served_meanwhile(serve) -> None:
    """Two hundred dribbling clients do not keep anybody waiting, and all of them are gone in the end."""

    async def clients(port: int) -> None:
        slow = [asyncio.create_task(lasts(port, HEAD, b"X: " + b"a" * 500)) for _ in range(200)]
        await asyncio.sleep(SLOWEST_S / 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.monotonic()
        writer.write(ASK)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begun < SLOWEST_S / 2
        writer.close()
        assert all(lasted < 5 for lasted, _ in await asyncio.gather(*slow))

    serve(clients)


def test_idle_connection_is_kept_longer_and_then_ended(serve) -> None:
    """Between requests the longer bound holds; each request begins it anew."""

    async def clients(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.monotonic()
        for _ in range(3):
            writer.write(ASK)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r")[0]))
            await asyncio.sleep(SLOWEST_S + 3 * SWEEP_S)
        idle_since = time.monotonic()
        assert await reader.read() == b""
        assert time.monotonic() - begun > 3 * SLOWEST_S
        assert time.monotonic() - idle_since < IDLE_S + 1
        writer.close()

    serve(clients)


def test_client_that_does_not_read_is_cut(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for much and takes nothing does not keep the answers in the server's memory for ever."""
    cut_off = asyncio.Event()

    class Watched(Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            cut_off.set()

    async def clients(port: int) -> None:
        taken = []
        for patient in (False, True):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.transport.pause_reading()
            writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 16)
            if not patient:
                await asyncio.wait_for(cut_off.wait(), PATIENCE_S)
            writer.transport.resume_reading()
            taken.append(await _all_of(reader))
            writer.close()
        cut, whole = taken
        assert whole > 1_000_000
        assert cut < whole

    monkeypatch.setattr(listen, "Protocol", Watched)
    serve(clients)


def test_answers_wait_for_a_client_that_does_not_read(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it asks for: the server prepares no more than it can hand over, and cuts it after the bound."""
    served, closing = 0, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    respond = Server.respond

    async def counted(self: Server, asked: Request) -> tuple[Answer, str]:
        nonlocal served
        served += 1
        return await respond(self, asked)

    async def clients(port: int) -> None:
        nonlocal served
        for patient in (False, True):
            served = 0
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.transport.pause_reading()
            writer.write(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 2_000 + closing)
            await asyncio.sleep(IDLE_S / 2 if patient else IDLE_S + 5 * SWEEP_S)
            before = served
            writer.transport.resume_reading()
            assert await _all_of(reader) > 0
            assert served == (2_001 if patient else before)
            assert before < 200
            writer.close()

    monkeypatch.setattr(Server, "respond", counted)
    serve(clients)


async def _all_of(reader: asyncio.StreamReader) -> int:
    count = 0
    try:
        while part := await reader.read(65536):
            count += len(part)
    except ConnectionError:
        pass
    return count


def test_bounds_in_earnest() -> None:
    """30 seconds for a request to arrive; an idle connection outlives the usual pool of a proxy (60 seconds)."""
    assert (listen.SLOWEST_REQUEST_S, listen.KEEP_ALIVE_S) == (30, 75)
