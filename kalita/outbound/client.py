"""
The guarded client: resolves a name once, looks at every address it stands for, connects to the one it looked at.

    Answer   a status and as much of the body as was asked for; a redirect is an answer like any other
    Failure  no answer; tells whether the request may have been sent

Source: reliability-programme.md SSRF and rule 4.
"""

import asyncio
import ssl
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import httpcore
import httpx

from kalita.outbound.addresses import Network, barred
from kalita.outbound.names import Names, Resolver, Unresolved
from kalita.outbound.targets import BadTarget, Target, read

if find_spec("sniffio") is None:
    # httpcore asks for it with every request; when it is not installed, each time in vain and on the disk.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

MOST_KEPT = 256
IDLE_S = 4.0
_DROPPED = (OSError, httpcore.NetworkError, httpcore.RemoteProtocolError)
SMALLEST_TIMEOUT_S, LARGEST_TIMEOUT_S = 0.1, 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. whole: the body ended within the bound and in time; if not, it may be missing."""

    status: int
    body: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """
    No answer came back.

    reason  address (it may not be called), unresolved, unreachable, timeout or broken
    sent    the request may have arrived, as a whole or in part
    """

    reason: str
    detail: str
    sent: bool


class Barred(OSError):  # noqa: N818 - named for what it is
    """The address leads where no call may go."""


class Outbound:
    """
    Call addresses that somebody gave us.

    networks    inner networks that may be called all the same
    unresolved  a name that does not resolve passes `check`: it may come to be later
    verify      look at certificates; a list of trusted ones may be given instead
    resolver, below   for tests: what a name stands for, what connects
    """

    def __init__(
        self,
        networks: Iterable[Network] = (),
        unresolved: bool = False,
        verify: bool | ssl.SSLContext = True,
        resolver: Resolver | None = None,
        below: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._networks, self._unresolved = tuple(networks), unresolved
        self._names = Names(resolver)
        context = verify if isinstance(verify, ssl.SSLContext) else httpx.create_ssl_context(verify)
        self._kept = _Kept(context, _Guard(self.resolve, below or httpcore.AnyIOBackend()))

    async def check(self, url: str, timeout_s: float = 2.0) -> str | None:
        """Say why an address may not be called, None when it may. Nothing is sent there."""
        try:
            target = read(url)
            async with asyncio.timeout(timeout_s):
                await self.resolve(target.host)
        except BadTarget as problem:
            return str(problem)
        except Unresolved as problem:
            return None if self._unresolved else str(problem)
        except TimeoutError:
            return None if self._unresolved else "the name takes too long to resolve"
        except Barred as problem:
            return str(problem)
        return None

    async def resolve(self, host: str) -> list[str]:
        """
        Return what a host stands for, every address of it looked at.

        raises  Unresolved; Barred when any of them may not be called
        """
        found = [host] if Target("http", host, 80, "/").number else await self._names.find(host)
        for address in found:
            reason = barred(address, self._networks)
            if reason:
                raise Barred(f"{host} leads to {address}: {reason}")
        return found

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, max_bytes: int,
        connect_s: float | None = None,
    ) -> Answer | Failure:  # fmt: skip
        """Post a body; see `request`."""
        return await self.request("POST", url, body, headers, timeout_s, max_bytes, connect_s)

    async def get(self, url: str, headers: Mapping[str, str], timeout_s: float, max_bytes: int) -> Answer | Failure:
        """Get an address; see `request`."""
        return await self.request("GET", url, b"", headers, timeout_s, max_bytes)

    async def request(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, max_bytes: int,
        connect_s: float | None = None,
    ) -> Answer | Failure:  # fmt: skip
        """
        Send a request and return what came of it; no redirect is followed, nothing is decompressed.

        A connection that was kept, and that the receiver ends as the request arrives, is replaced by a new one, once:
        so a request has to mean the same when it comes twice.
        timeout_s  seconds for the whole exchange, name look-up included; a status that is there by then is an answer
        max_bytes  how much of the answer's body is read
        connect_s  seconds for the connection to each address that the name stands for; None: as long as all of it
        """
        assert SMALLEST_TIMEOUT_S <= timeout_s <= LARGEST_TIMEOUT_S
        try:
            target = read(url)
        except BadTarget as problem:
            return Failure("address", str(problem), False)
        exchange = _Exchange(timeout_s, connect_s or timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(exchange, _request(method, target, body, headers, exchange), max_bytes)
        except httpcore.ConnectTimeout:
            return Failure("timeout", f"no connection within {connect_s or timeout_s:g} s", exchange.sent)
        except (TimeoutError, httpcore.TimeoutException):
            if exchange.status is not None:
                return Answer(exchange.status, b"", whole=False)
            return Failure("timeout", f"no answer within {timeout_s:g} s", exchange.sent)
        except Barred as problem:
            return Failure("address", str(problem), False)
        except Unresolved as problem:
            return Failure("unresolved", str(problem), False)
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as problem:
            return Failure("broken" if exchange.sent else "unreachable", str(problem)[:200], exchange.sent)

    async def _exchange(self, exchange: "_Exchange", request: httpcore.Request, max_bytes: int) -> Answer:
        origin = request.url.origin
        connection = await self._kept.take(origin)
        if connection is not None:
            try:
                return await self._over(connection, exchange, request, max_bytes)
            except _DROPPED:
                if exchange.status is not None:
                    raise
        return await self._over(self._kept.new(origin), exchange, request, max_bytes)

    async def _over(
        self, connection: httpcore.AsyncHTTPConnection, exchange: "_Exchange", request: httpcore.Request, max_bytes: int
    ) -> Answer:
        """Send a request over a connection, and keep that or end it."""
        try:
            answer = await connection.handle_async_request(request)
            exchange.status = answer.status
            result = await _read(answer, max_bytes)
        except BaseException:
            await asyncio.shield(connection.aclose())
            raise
        await self._kept.give(request.url.origin, connection)
        return result

    async def close(self) -> None:
        """End every connection."""
        await self._kept.close()
        self._names.close()


async def _read(answer: httpcore.Response, max_bytes: int) -> Answer:
    found, whole = bytearray(), True
    try:
        async for part in answer.aiter_stream():
            found += part
            if len(found) > max_bytes:
                whole = False
                break
    except (OSError, httpcore.NetworkError, httpcore.ProtocolError):
        whole = False  # the status line came, and that is an answer
    finally:
        await answer.aclose()
    return Answer(answer.status, bytes(found[:max_bytes]), whole)


class _Kept:
    """
    Connections that are used again for a while. httpcore's own pool looks at all of them for every request, which with
    a hundred receivers costs more than the request.
    """

    def __init__(self, context: ssl.SSLContext, guard: "_Guard") -> None:
        self._context, self._guard = context, guard
        self._idle: dict[tuple[bytes, bytes, int], list[httpcore.AsyncHTTPConnection]] = {}
        self._count = 0

    async def take(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection | None:
        """Return a connection that nobody uses and that is still good, None when there is none."""
        idle = self._idle.get((origin.scheme, origin.host, origin.port), [])
        while idle:
            connection = idle.pop()
            self._count -= 1
            if connection.is_available() and not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    def new(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        """Return a new connection."""
        return httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._context, keepalive_expiry=IDLE_S, network_backend=self._guard
        )

    async def give(self, origin: httpcore.Origin, connection: httpcore.AsyncHTTPConnection) -> None:
        """Keep a connection for the next request, or end it."""
        if self._count >= MOST_KEPT:
            await self._sweep()
        if not connection.is_idle() or self._count >= MOST_KEPT:
            await connection.aclose()
            return
        self._idle.setdefault((origin.scheme, origin.host, origin.port), []).append(connection)
        self._count += 1

    async def _sweep(self) -> None:
        """End those that have been idle for too long."""
        for origin, idle in list(self._idle.items()):
            self._idle[origin] = [connection for connection in idle if not connection.has_expired()]
            for connection in idle:
                if connection.has_expired():
                    self._count -= 1
                    await connection.aclose()
            if not self._idle[origin]:
                del self._idle[origin]

    async def close(self) -> None:
        """End all."""
        for idle in self._idle.values():
            for connection in idle:
                await connection.aclose()
        self._idle, self._count = {}, 0


class _Exchange:
    """What is known of one request while it is under way."""

    def __init__(self, timeout_s: float, connect_s: float) -> None:
        self.timeouts = dict.fromkeys(("read", "write", "pool"), timeout_s) | {"connect": connect_s}
        self.sent = False
        self.status: int | None = None

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Note that bytes of the request may be on their way (httpcore)."""
        if event.endswith(".send_request_headers.started"):
            self.sent = True


def _request(
    method: str, target: Target, body: bytes, headers: Mapping[str, str], exchange: _Exchange
) -> httpcore.Request:
    heads = [("Host", target.authority), ("Accept-Encoding", "identity"), *headers.items()]
    if method != "GET":
        heads.append(("Content-Length", str(len(body))))
    url = httpcore.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    return httpcore.Request(
        method,
        url,
        headers=[(name.encode(), value.encode()) for name, value in heads],
        content=body,
        extensions={"timeout": exchange.timeouts, "trace": exchange.trace},
    )


class _Guard(httpcore.AsyncNetworkBackend):
    """Connect to an address that was looked at, never to a name."""

    def __init__(self, resolve: Resolver, below: httpcore.AsyncNetworkBackend) -> None:
        self._resolve, self._below = resolve, below

    async def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.AsyncNetworkStream:  # fmt: skip
        """Resolve, look, connect: to the first of the addresses that takes the connection (httpcore)."""
        problem: Exception = Unresolved(host)
        for address in (await self._resolve(host))[:4]:
            try:
                return _Stream(await self._below.connect_tcp(address, port, timeout, local_address, socket_options))
            except (OSError, httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                problem = refused
        raise problem

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: nothing is called that way (httpcore)."""
        raise Barred("no socket of this machine may be called")

    async def sleep(self, seconds: float) -> None:
        """Wait (httpcore)."""
        await asyncio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A connection that is closed when its TLS does not come about in time; httpcore leaves it open then."""

    def __init__(self, below: httpcore.AsyncNetworkStream) -> None:
        self.read, self.write = below.read, below.write  # type: ignore[method-assign]
        self.aclose, self.get_extra_info = below.aclose, below.get_extra_info  # type: ignore[method-assign]
        self._below = below

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Begin TLS (httpcore)."""
        try:
            return await self._below.start_tls(ssl_context, server_hostname, timeout)
        except BaseException:
            await asyncio.shield(self._below.aclose())
            raise
