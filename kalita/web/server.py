"""
The server: an ASGI application that serves the table of rows, and the gate in front of each.

The gate, in the order of payments.md 3.1: address and headers, method, body size, types; token → caller → permission →
rate → own wallet; query; body. Only then the handler runs, and its answer goes out in one piece.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache, partial
from random import getrandbits
from typing import Any

import msgspec

from kalita.access.caps import Caps
from kalita.access.pairs import Pairs, is_secret
from kalita.access.rates import Rates, Window, count
from kalita.access.tokens import Bearer, Tokens
from kalita.clock import Clock
from kalita.ledger.writer import Fault
from kalita.observe import REFUSALS, ROUTES, log
from kalita.refusals import (
    CONVERSION_FAILED,
    FORBIDDEN,
    INTERNAL,
    METHOD_NOT_ALLOWED,
    PERSON_NOT_FOUND,
    ROUTE_NOT_FOUND,
    TOO_LARGE_BODY,
    UNAUTHORIZED,
    UNAVAILABLE,
    Refused,
)
from kalita.storage.engine import Unavailable
from kalita.web import heads as head
from kalita.web.errors import body_of, family_of, service_of
from kalita.web.request import Request, decoded
from kalita.web.router import Router
from kalita.wire import door
from kalita.wire.endpoint import JSON_TYPE, Answer, Call, Caller, Endpoint, Family, Rate
from kalita.wire.params import read_path, read_query, with_body

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

KEPT_QUERIES = 256
SAMPLE = 100
"""Of rows that are sampled, one answer in so many gets a line in the log."""


class Gone(Exception):  # noqa: N818 - named for what happened
    """The client went away before its body was complete."""


class _Route:
    """A row made ready to serve: its service, its decoder, its counters."""

    def __init__(self, row: Endpoint, service: Any) -> None:
        self.row, self.service = row, service
        shape = row.read_as or row.body
        self.decoder: msgspec.json.Decoder[Any] | None = msgspec.json.Decoder(shape) if shape else None
        self.permission = int(row.permission or 0)
        self.media = (row.media, *row.other_media)
        self.read_query: Callable[[bytes], dict[str, Any]] = partial(read_query, row.query)
        if row.rate is Rate.HISTORY:  # the same few queries again and again, and nothing private in them
            self.read_query = lru_cache(KEPT_QUERIES)(self.read_query)
        self.figures = ROUTES.of(row.path)
        self.passed = 0


class Server:
    """
    Serve rows over ASGI.

    rows      the table
    services  an instance for every class the rows name
    """

    def __init__(
        self,
        rows: Iterable[Endpoint],
        services: dict[type, Any],
        tokens: Tokens,
        pairs: Pairs,
        rates: Rates,
        clock: Clock,
    ) -> None:
        self._tokens, self._pairs, self._rates, self._clock = tokens, pairs, rates, clock
        self._router: Router[_Route] = Router()
        self.rows = tuple(rows)
        for row in self.rows:
            route = _Route(row, services[row.of])
            for path in (row.path, *row.aliases):
                self._router.add(row.method, path, route, row.head)

    async def respond(self, request: Request) -> tuple[Answer, str]:
        """Answer one request; return the trace id that goes with the answer."""
        begun = time.perf_counter()
        trace_id = f"{getrandbits(64):016x}"
        route, texts, methods = self._router.find(request.method, request.path)
        heads = None
        try:
            heads = head.read(request.headers, request.address_length)
            if route is None:
                raise _no_such_route(methods)
            if request.too_large:
                raise Refused(TOO_LARGE_BODY)
            result = await self._pass(request, route, texts, heads, trace_id)
            answer = result if isinstance(result, Answer) else Answer(result, route.row.success)
        except Exception as problem:
            refused = self._refused(problem, route, trace_id)
            language = heads.language if heads is not None else head.language_of(request.headers)
            answer = self._refusal(refused, request.path, route, language, trace_id)
            if route is not None and route.row.said_as and heads is not None and head.wants_page(heads):
                answer = route.row.said_as(refused, language)
        if route is not None:
            self._note(route, answer.status, time.perf_counter() - begun, trace_id)
        else:
            log.info("request", route="", status=answer.status, trace=trace_id)
        return answer, trace_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        try:
            request = await _asgi_request(scope, receive)
        except Gone:
            return
        answer, trace_id = await self.respond(request)
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            (b"x-trace-id", trace_id.encode()),
            *answer.headers,
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _pass(
        self, request: Request, route: _Route, texts: dict[str, str], heads: head.Heads, trace_id: str
    ) -> bytes | Answer:
        row = route.row
        head.check_accept(heads, route.media, row.family)
        if route.decoder is not None and request.body:
            head.check_content_type(heads, row)
        wallet, pair, caps = 0, "", None
        if row.caller is Caller.SECRET or row.caller is Caller.EITHER:
            wallet, pair, caps = await self._by_secret(request, route, heads)
        elif row.caller is Caller.TOKEN or (row.caller is Caller.OPTIONAL and heads.authorization is not None):
            bearer = await self._bearer(request, heads)
            wallet = bearer.wallet
            self._admit(route, bearer)
        path = read_path(row.at, texts) if row.at else texts
        if "wallet" in path and path["wallet"] != wallet:
            raise Refused(FORBIDDEN, "the wallet in the path is not the token's")
        query = route.read_query(with_body(request.query, request.body) if row.form else request.query)
        body = None
        if route.decoder is not None and not (row.bare and not request.body):
            body = _decoded(request.body, route)
        call = Call(
            wallet, heads.language, path, query, body, trace_id, pair, request.headers, caps, request.method,
            request.client,
        )  # fmt: skip
        if row.caller is Caller.ANYONE:
            return await self._open_to_anyone(request, route, call)
        return await row.handler(route.service, call)

    async def _open_to_anyone(self, request: Request, route: _Route, call: Call) -> bytes | Answer:
        """Let a row that knows no caller answer; what it takes for a bad token counts as one does at the gate."""
        try:
            return await route.row.handler(route.service, call)
        except Refused as problem:
            if problem.refusal is UNAUTHORIZED:
                self._count(self._rates.bad_tokens, request.client)
            raise

    def _refused(self, problem: Exception, route: _Route | None, trace_id: str) -> Refused:
        """Return the refusal that an exception goes out as: a rule's own, 503 for the world, 500 for a bug."""
        if isinstance(problem, Refused):
            return problem
        if isinstance(problem, (Unavailable, Fault)):
            reference = getattr(problem, "reference", trace_id)
            log.warning("unavailable", trace=trace_id, reference=reference, reason=str(problem))
            refused = Refused(UNAVAILABLE, f"{problem}; the same call may be repeated. Reference {reference}")
            refused.headers["retry-after"] = "1"
            return refused
        log.error("internal_error", trace=trace_id, route=route.row.path if route else "", exc_info=problem)
        return Refused(INTERNAL, f"reference {trace_id}")

    async def _by_secret(self, request: Request, route: _Route, heads: head.Heads) -> tuple[int, str, Caps | None]:
        """Return whose secret key was shown, or whose token where either will do."""
        row = route.row
        secret = head.bearer_of(heads)
        if row.caller is Caller.EITHER and not is_secret(secret):
            bearer = await self._bearer(request, heads)
            self._admit(route, bearer)
            return bearer.wallet, "", bearer.caps
        holder = await self._pairs.holder(secret) if is_secret(secret) else None
        if holder is None:
            raise self._unauthorized(request)
        self._count(self._rates.general, holder.wallet)
        if holder.closed:
            raise Refused(PERSON_NOT_FOUND, "the wallet was closed")
        if row.spends and not holder.may_spend:
            raise Refused(FORBIDDEN, "the owner of this key has not allowed it to spend")
        return holder.wallet, holder.pair, None

    async def _bearer(self, request: Request, heads: head.Heads) -> Bearer:
        bearer = await self._tokens.bearer(head.bearer_of(heads), request.client)
        if bearer is None:
            raise self._unauthorized(request)
        if bearer.caps is not None and not bearer.caps.admits(request.client):
            raise Refused(FORBIDDEN, "this token may not be used from this address")
        return bearer

    def _unauthorized(self, request: Request) -> Refused:
        self._count(self._rates.bad_tokens, request.client)
        problem = Refused(UNAUTHORIZED, "the token is missing, unknown, expired or blocked")
        problem.headers["www-authenticate"] = "Bearer"
        return problem

    def _admit(self, route: _Route, bearer: Bearer) -> None:
        row = route.row
        if route.permission & ~bearer.permissions:
            name = row.permission.words if row.permission else ""
            raise Refused(FORBIDDEN, f"Token lacks the permission '{name}'")
        if row.rate is Rate.HISTORY:
            self._count(self._rates.history, bearer.wallet)
        elif row.rate is Rate.GENERAL:
            self._count(self._rates.general, bearer.wallet)
        if bearer.closed:
            raise Refused(PERSON_NOT_FOUND, "the wallet was closed")

    def _count(self, window: Window, key: int | str) -> None:
        count(window, key, self._clock.now())

    def _refusal(self, problem: Refused, path: str, route: _Route | None, language: str, trace_id: str) -> Answer:
        family = route.row.family if route else family_of(path)
        REFUSALS.labels(problem.refusal.code).inc()
        body = body_of(problem, family, service_of(path), language, trace_id, self._clock.now())
        extra = [(name.encode(), value.encode()) for name, value in problem.headers.items()]
        return Answer(body, problem.refusal.status, JSON_TYPE, tuple(extra))

    def _note(self, route: _Route, status: int, seconds: float, trace_id: str) -> None:
        route.figures.count(status, seconds)
        ROUTES.answered += 1
        if status < 400 and route.row.sampled:
            route.passed += 1
            if route.passed % SAMPLE:
                return
        log.info("request", route=route.row.path, status=status, ms=round(seconds * 1000, 2), trace=trace_id)


def _decoded(raw: bytes, route: _Route) -> Any:
    """Read a body; where bills are asked for a body of another shape has a code of its own. Source: invoices.md 3.5"""
    assert route.decoder is not None
    try:
        return door.decode(raw, route.decoder)
    except Refused as problem:
        if route.row.family is not Family.BILL:
            raise
        raise Refused(CONVERSION_FAILED, problem.detail, problem.fields) from None


def _no_such_route(methods: list[str]) -> Refused:
    if not methods:
        return Refused(ROUTE_NOT_FOUND, "there is no such path")
    problem = Refused(METHOD_NOT_ALLOWED, f"this path takes {', '.join(methods)}")
    problem.headers["allow"] = ", ".join(methods)
    return problem


async def _asgi_request(scope: Scope, receive: Receive) -> Request:
    """Read a request from an ASGI server, its body no further than the bound."""
    body, more = b"", True
    while more and len(body) <= door.LARGEST_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        body += message.get("body", b"")
        more = message.get("more_body", False)
    too_large = len(body) > door.LARGEST_BODY
    return Request(
        scope["method"],
        decoded(scope["raw_path"].decode("latin-1")),
        scope["query_string"],
        len(scope["raw_path"]) + len(scope["query_string"]),
        scope["headers"],
        b"" if too_large else body,
        scope["client"][0] if scope["client"] else "",
        too_large,
    )


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
