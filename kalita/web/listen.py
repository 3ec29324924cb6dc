"""
Listen: uvicorn on uvloop with httptools, and bounds on slow and swollen requests that it does not have itself.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus
from random import getrandbits
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from kalita.clock import Clock
from kalita.observe import REFUSALS
from kalita.refusals import TOO_LARGE_HEADERS, TOO_LONG_ADDRESS, VALIDATION, Refusal, Refused
from kalita.web.errors import body_of, service_of
from kalita.web.heads import LONGEST_ADDRESS
from kalita.wire.endpoint import JSON_TYPE, Family

LARGEST_HEAD = 64 * 1024
"""A head that is not complete after so many bytes ends the connection; what completes is measured by the gate."""

SLOWEST_REQUEST_S = 30
KEEP_ALIVE_S = 75
DRAIN_S = 20


class OneWrite:
    """
    A transport that sends what is written in one turn of the event loop in one piece.

    Some clients only ever see the bytes that come with the head of an answer. Source: client-compatibility.md T15
    """

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keep data until the turn ends."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send what is kept, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts:
            parts, self._parts = self._parts, []
            self._transport.write(b"".join(parts))


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a bound on a head's size and on the time a request may take to arrive."""

    def connection_made(self, transport: Any) -> None:
        """Begin: the first request has to arrive within the bound too."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]
        self.head_bytes = 0
        self.in_head = True
        self.begun_at: float | None = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Parse; end a connection whose head does not end."""
        if self.in_head:
            self.head_bytes += len(data)
        elif self.begun_at is None:
            self.begun_at, self.in_head, self.head_bytes = self.loop.time(), True, len(data)
        super().data_received(data)
        if self.in_head and self.head_bytes > LARGEST_HEAD and not self.transport.is_closing():
            self._end(TOO_LARGE_HEADERS)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._end(VALIDATION, msg)

    def _end(self, refusal: Refusal, detail: str = "") -> None:
        """Refuse a request that never became one, and end the connection: the parser cannot go on."""
        address: bytes = getattr(self, "url", b"")
        problem = Refused(TOO_LONG_ADDRESS) if len(address) > LONGEST_ADDRESS else Refused(refusal, detail)
        REFUSALS.labels(problem.refusal.code).inc()
        trace_id = f"{getrandbits(64):016x}"
        body = body_of(problem, Family.SERVICE, service_of(address.decode("latin-1")), "ru", trace_id, Clock().now())
        status = HTTPStatus(problem.refusal.status)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {JSON_TYPE.decode()}\r\n"
            f"content-length: {len(body)}\r\nx-trace-id: {trace_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_headers_complete(self) -> None:
        """Note that the head is complete."""
        self.in_head, self.head_bytes = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self.begun_at = None
        super().on_message_complete()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep a connection that the client only stopped sending on until its last whole request is answered."""
        newest: RequestResponseCycle | None = self.cycle
        if newest is None or newest.more_body or newest.response_complete:
            return False
        newest.keep_alive = False
        return True


async def _sweep(server: uvicorn.Server) -> None:
    """End connections whose request has been arriving for too long."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SLOWEST_REQUEST_S / 6)
        for protocol in list(server.server_state.connections):
            begun = getattr(protocol, "begun_at", None)
            if begun is not None and loop.time() - begun > SLOWEST_REQUEST_S:
                protocol.transport.close()


class _Main(uvicorn.Server):
    """The first server of the process: a signal asks it to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal; uvicorn's own way raises it again at the end, and whoever closes after us never would."""
        loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


class _Quiet(uvicorn.Server):
    """A second server of the process: the first one handles the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Bind an address. port 0: any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _configured(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=BoundedProtocol,
        loop="none",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )


async def listen(
    application: Any, bound: socket.socket, metrics: tuple[Any, socket.socket] | None, ready: Callable[[], None]
) -> None:
    """
    Serve until a signal asks to stop; then let requests finish.

    metrics  the application and the address that only the operator reaches
    ready    called once the address listens
    """
    server = _Main(_configured(application))
    helpers = [asyncio.create_task(_sweep(server)), asyncio.create_task(_when_started(server, ready))]
    second = _Quiet(_configured(metrics[0])) if metrics else None
    if second and metrics:
        helpers.append(asyncio.create_task(second.serve([metrics[1]])))
    await server.serve([bound])
    if second:
        second.should_exit = True
        await helpers.pop()
    for helper in helpers:
        helper.cancel()


async def _when_started(server: uvicorn.Server, ready: Callable[[], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.005)
    ready()
