"""
HTTP/1.1 on a connection: httptools parses, the table answers, each answer leaves in one write.

uvicorn supervises (sockets, signals, graceful stop) and takes a protocol class; its own builds an ASGI conversation for
every request, which costs as much as the whole payment (docs/decisions/0001). The ASGI application stays for other
servers, and both answer through Server.respond.
"""

import asyncio
from collections import deque
from http import HTTPStatus
from random import getrandbits
from typing import Any

import httptools
import uvicorn
from uvicorn.server import ServerState

from kalita.clock import Clock
from kalita.observe import REFUSALS, log
from kalita.refusals import TOO_LARGE_HEADERS, TOO_LONG_ADDRESS, VALIDATION, Refusal, Refused
from kalita.web.errors import body_of, family_of, service_of
from kalita.web.heads import LONGEST_ADDRESS
from kalita.web.request import Request, decoded
from kalita.web.server import Server
from kalita.wire.door import LARGEST_BODY
from kalita.wire.endpoint import JSON_TYPE, Answer

LARGEST_HEAD = 64 * 1024
"""A head that is not complete after so many bytes ends the connection; what completes is measured by the gate."""

LARGEST_WRITTEN_BODY = 8 * LARGEST_BODY
"""A body with what its chunks are wrapped in, and what is written behind them."""

MOST_PIPELINED = 16
HEAD_ARRIVES_S = 0.25
"""What a connection that was opened as the server stops has for its first head."""

STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in HTTPStatus}
BODILESS = (204, 304)


class Protocol(asyncio.Protocol):
    """
    One connection. Requests are answered in the order they came, one at a time.

    begun_at   loop time when the request that is arriving began; None between requests
    idle_since loop time since when nothing is going on; None while something is
    """

    def __init__(self, config: uvicorn.Config, server_state: ServerState, app_state: Any, _loop: Any = None) -> None:
        application = config.loaded_app
        assert isinstance(application, Server)
        self._server, self._state = application, server_state
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._serving = self._keep = False
        self._writable = True
        self._url, self._body, self._arrived, self._in_head = b"", b"", 0, True
        self._headers: list[tuple[bytes, bytes]] = []
        self._too_large = self._ended = self._again = False
        self._task: asyncio.Task[None]
        self.begun_at: float | None = None
        self.idle_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the first request has to arrive within the bound too."""
        self.transport: Any = transport
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if isinstance(peer, tuple) else ""
        self._state.connections.add(self)  # type: ignore[arg-type]
        self.begun_at, self._keep = self._loop.time(), True

    def connection_lost(self, exc: Exception | None) -> None:
        """End. What was begun is finished: its answer can be asked for again."""
        self._state.connections.discard(self)
        self._waiting.clear()
        self._ended = True

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; end a connection whose request does not end, or that does not speak HTTP."""
        if self._ended:
            return
        self._arrived += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError as problem:
            self._refuse_broken(VALIDATION, str(problem) or "this is not HTTP/1.1")
            return
        if self._in_head and self._arrived > LARGEST_HEAD:
            self._refuse_broken(TOO_LARGE_HEADERS)
        elif self._arrived > LARGEST_WRITTEN_BODY and self.begun_at is not None and not self._in_head:
            self._swollen()

    def _feed(self, data: bytes | memoryview) -> None:
        """Parse; a request that would like another protocol is read again without that wish, with its body."""
        while True:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as stop:
                if not self._again:
                    self._keep = False
                    return
                data = memoryview(data)[stop.args[0] :]
                head = _head_of(self._parser, self._url, self._headers)
                self._parser = httptools.HttpRequestParser(self)
                self._parser.feed_data(head)

    def eof_received(self) -> bool:
        """Keep a connection that the client only stopped sending on until its last whole request is answered."""
        self._keep = False
        return self._serving or bool(self._waiting)

    def on_message_begin(self) -> None:
        """Begin a request (httptools)."""
        self._url, self._body, self._headers = b"", b"", []
        self._in_head, self._too_large = True, False
        self.begun_at, self.idle_since = self._loop.time(), None

    def on_url(self, url: bytes) -> None:
        """Take a part of the address (httptools)."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what is written behind a body in chunks is none (httptools)."""
        if self._in_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Note that the head is complete; invite a body that waits to be invited (httptools)."""
        self._in_head, self._arrived = False, 0
        self._again = self._parser.should_upgrade() and self._parser.get_method() != b"CONNECT"
        if self._again:
            return
        invited = False
        for name, value in self._headers:
            if name == b"content-length" and (len(value) > 9 or int(value) > LARGEST_BODY):
                self._swollen()
                return
            invited = invited or (name == b"expect" and value.lower() == b"100-continue")
        if invited and not self._serving and self._parser.get_http_version() != "1.0":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body (httptools)."""
        if not self._too_large:
            self._body += body
            if len(self._body) > LARGEST_BODY:
                self._swollen()

    def on_message_complete(self) -> None:
        """Answer the request, after those before it (httptools)."""
        if not self._too_large and not self._again:
            self._take(self._body)

    def pause_writing(self) -> None:
        """Read and answer nothing more for a client that does not take its answers (asyncio)."""
        self._writable = False
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Answer on, read on (asyncio)."""
        self._writable = True
        if self.transport.is_closing():
            return
        if self._waiting and not self._serving:
            self.idle_since = None
            self._start(*self._waiting.popleft())
        if len(self._waiting) < MOST_PIPELINED:
            self.transport.resume_reading()

    def shutdown(self) -> None:
        """
        Answer what has arrived, and the request whose body is arriving, then end (called by uvicorn).

        A connection that was just opened gets a moment for the head of its request, which may be on its way.
        """
        self._keep = False
        if self.begun_at is not None and not self._serving:
            self._loop.call_later(HEAD_ARRIVES_S, self._end_unless_arriving)
        else:
            self._end_unless_arriving()

    def _end_unless_arriving(self) -> None:
        arriving = self.begun_at is not None and not self._in_head
        if not self._serving and not arriving:
            self.transport.close()

    def _swollen(self) -> None:
        """Answer a body past the bound at once; the rest of it is not read."""
        self._too_large, self._ended = True, True
        self._take(b"")

    def _take(self, body: bytes) -> None:
        self.begun_at = None
        keep = self._parser.get_http_version() != "1.0" and self._parser.should_keep_alive() and not self._too_large
        address = httptools.parse_url(self._url)
        raw: bytes = address.path or b"/"
        path, query = raw.decode("latin-1"), address.query or b""
        request = Request(
            self._parser.get_method().decode("ascii"),
            decoded(path),
            query,
            len(self._url),
            self._headers,
            body,
            self._client,
            self._too_large,
        )
        if self._serving:
            self._waiting.append((request, keep))
            if len(self._waiting) >= MOST_PIPELINED:
                self.transport.pause_reading()
        else:
            self._start(request, keep)

    def _start(self, request: Request, keep: bool) -> None:
        self._serving = True
        self._task = self._loop.create_task(self._serve(request, keep))
        self._state.tasks.add(self._task)

    async def _serve(self, request: Request, keep: bool) -> None:
        try:
            answer, trace_id = await self._server.respond(request)
        except BaseException:
            self.transport.close()
            raise
        finally:
            self._state.tasks.discard(self._task)  # a callback of the task would cost a turn of the loop
        self._serving = False
        self._state.total_requests += 1
        if self.transport.is_closing():
            return
        keep = keep and (self._keep or bool(self._waiting))
        self.transport.write(_written(answer, trace_id, keep, request.method == "HEAD"))
        if not keep:
            self._end()
        elif self._waiting and self._writable:
            if len(self._waiting) == MOST_PIPELINED:
                self.transport.resume_reading()
            self._start(*self._waiting.popleft())
        elif self._waiting or self.begun_at is None:
            self.idle_since = self._loop.time()

    def _end(self) -> None:
        """Take nothing more, and close once the last answer is taken, for which there is as long as for being idle."""
        self._ended, self.begun_at, self.idle_since = True, None, self._loop.time()
        self.transport.close()

    def _refuse_broken(self, refusal: Refusal, detail: str = "") -> None:
        """Refuse a request that never became one, and end the connection: the parser cannot go on."""
        self._ended = True
        if self._serving or self.transport.is_closing():
            self._keep = False
            return
        problem = Refused(TOO_LONG_ADDRESS) if len(self._url) > LONGEST_ADDRESS else Refused(refusal, detail)
        REFUSALS.labels(problem.refusal.code).inc()
        trace_id = f"{getrandbits(64):016x}"
        log.info("request", route="", status=problem.refusal.status, trace=trace_id)
        path = self._url.decode("latin-1").partition("?")[0]
        body = body_of(problem, family_of(path), service_of(path), "ru", trace_id, Clock().now())
        self.transport.write(_written(Answer(body, problem.refusal.status), trace_id, False, False))
        self._end()


def _head_of(parser: Any, url: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Write a head again without the wish for another protocol."""
    first = b"%b %b HTTP/%b" % (parser.get_method(), url, parser.get_http_version().encode())
    kept = (name + b": " + value for name, value in headers if name != b"upgrade")
    return b"\r\n".join((first, *kept, b"", b""))


def _written(answer: Answer, trace_id: str, keep: bool, head_only: bool) -> bytes:
    """Write an answer as it goes over the wire, in one piece. Source: client-compatibility.md T15."""
    body, status, content_type, headers = answer
    parts = [STATUS_LINES[status]]
    if status not in BODILESS:
        parts.append(b"content-type: %b\r\ncontent-length: %d\r\n" % (content_type or JSON_TYPE, len(body)))
    parts.append(b"x-trace-id: %b\r\n" % trace_id.encode())
    for name, value in headers:
        parts.append(b"%b: %b\r\n" % (name, value))
    parts.append(b"\r\n" if keep else b"connection: close\r\n\r\n")
    if not head_only and status not in BODILESS:
        parts.append(body)
    return b"".join(parts)
