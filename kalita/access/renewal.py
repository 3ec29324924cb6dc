"""
Tokens that renew themselves over two calls, where the operator allows it.

Source: access.md 4.3, client-compatibility.md 6.
"""

import secrets
from collections.abc import Awaitable, Callable

import msgspec

from kalita.access.acts import Who
from kalita.access.caps import Caps, kept
from kalita.access.rates import Window, count
from kalita.access.tokens import CHANGED, LIFE_DAYS, Tokens, token_hash
from kalita.clock import DAY, MINUTE, SECOND, Clock
from kalita.refusals import (
    BLOCKED,
    FORBIDDEN,
    PERSON_NOT_FOUND,
    ROUTE_NOT_FOUND,
    UNAUTHORIZED,
    UNAVAILABLE,
    Refused,
)
from kalita.storage.engine import Engine, Step
from kalita.wire.endpoint import Call, Caller, Endpoint
from kalita.wire.params import Param, choice

CODE_LASTS = 60 * SECOND
AHEAD = MINUTE
"""A code may end so much later than one that is given now: clocks step back a little."""
Tell = Callable[[int], Awaitable[None]]
"""Tells an owner that his token was renewed."""


class RenewalCode(msgspec.Struct):
    """Good once, for a minute, for the token that was shown."""

    code: str


class NewToken(msgspec.Struct):
    """The new token and the seconds it lives; the one before is dead."""

    access_token: str
    expires_in: int


class Renewal:
    """
    Renew tokens. Where the operator does not allow it the rows are not served.

    general  the window that every other call of the wallet counts in too
    tell     owners hear of it
    """

    def __init__(self, engine: Engine, tokens: Tokens, clock: Clock, general: Window, tell: Tell) -> None:
        self._engine, self._tokens, self._clock = engine, tokens, clock
        self._general, self._tell = general, tell

    async def authorize(self, call: Call) -> bytes:
        """Give a code for a live token."""
        token = call.query["token"]
        bearer = await self._tokens.bearer(token, call.client)
        if bearer is None:
            raise _unauthorized("the token is unknown, expired or blocked")
        _admit(bearer.caps, call.client)
        code, now = secrets.token_hex(16), self._clock.now()
        count(self._general, bearer.wallet, now)
        if bearer.closed:
            raise Refused(PERSON_NOT_FOUND, "the wallet was closed")
        await self._engine.change(
            Step("renewal_forget", (now,)),
            Step("renewal_add", (token_hash(code), bearer.wallet, token_hash(token), now + CODE_LASTS)),
        )
        return msgspec.json.encode(RenewalCode(code))

    async def renew(self, call: Call) -> bytes:
        """Turn a code into a new token with the same permissions, and block the one before."""
        hashed, now = token_hash(call.query["code"]), self._clock.now()
        latest = now + CODE_LASTS + AHEAD
        row = await self._engine.one("renewal", hashed, now, latest)
        if row is None:
            raise self._dead()
        wallet, permissions, caps = row
        _admit(kept(caps), call.client)
        token = secrets.token_hex(16)
        fresh, ends = token_hash(token), now + LIFE_DAYS * DAY
        _, used, *_ = await self._engine.change(
            Step("wallet_lock", (wallet,)),
            Step("renewal_use", (hashed, now, fresh, latest)),
            Step("token_revoke_by_renewal", (wallet, now, hashed, fresh)),
            Step("token_add_by_renewal", (fresh, wallet, token[:4], permissions, now, ends, hashed)),
            Step("act_by_renewal", (wallet, now, "token.renewed", str(Who.OWNER), token[:4], hashed, fresh)),
            CHANGED,
        )
        if not used:
            raise self._dead()
        await self._tell(wallet)
        return msgspec.json.encode(NewToken(token, LIFE_DAYS * DAY // SECOND))

    def _dead(self) -> Refused:
        return _unauthorized("the code is unknown, was used, or its token is no longer live")


def _admit(caps: Caps | None, client: str) -> None:
    """Refuse an address from where the token may not be used: it cannot be renewed from there either."""
    if caps is not None and not caps.admits(client):
        raise Refused(FORBIDDEN, "this token may not be used from this address")


def _unauthorized(detail: str) -> Refused:
    refused = Refused(UNAUTHORIZED, detail)
    refused.headers["www-authenticate"] = "Bearer"
    return refused


def _text(name: str, required: bool = True) -> Param:
    def read(text: str) -> str | None:
        return text if len(text) <= 256 and text.isprintable() else None

    return Param(name, read, "a text of at most 256 characters is needed", {"type": "string"}, required)


ROWS = (
    Endpoint(
        "POST",
        "/oauth/authorize",
        Renewal,
        Renewal.authorize,
        "Get a code to renew a token with",
        "access.md 4.3",
        caller=Caller.ANYONE,
        query=(choice("response_type", ("code",), "code"), _text("token"), _text("client_id", False)),
        answers=RenewalCode,
        refusals=(UNAUTHORIZED, FORBIDDEN, PERSON_NOT_FOUND, ROUTE_NOT_FOUND, BLOCKED, UNAVAILABLE),
        form=True,
    ),
    Endpoint(
        "POST",
        "/oauth/token",
        Renewal,
        Renewal.renew,
        "Renew a token",
        "access.md 4.3",
        caller=Caller.ANYONE,
        query=(choice("grant_type", ("authorization_code",), "authorization_code"), _text("code")),
        answers=NewToken,
        refusals=(UNAUTHORIZED, FORBIDDEN, ROUTE_NOT_FOUND, BLOCKED, UNAVAILABLE),
        form=True,
    ),
)
