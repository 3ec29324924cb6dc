"""
Tokens: 32 hex characters shown once, stored as a SHA-256; one live token a wallet; 180 days.

Source: access.md 4.
"""

import hashlib
import re
import secrets
from itertools import islice
from typing import NamedTuple

import msgspec

from kalita.access.acts import Who, act
from kalita.access.caps import Caps, kept, stored
from kalita.clock import DAY, MINUTE, Clock
from kalita.storage.engine import Engine, Step
from kalita.wire.endpoint import Permission

LIFE_DAYS = 180
MOST_KNOWN = 50_000
_FORM = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)


RESTS = 10 * MINUTE
MOST_WRITTEN, MOST_LOOKED_AT = 100, 2_000
CHANGED = Step("access_changed", ())
"""Goes with every change of tokens, blocks and closed wallets."""


class Bearer(NamedTuple):
    """Who a live token belongs to. closed: the wallet was closed."""

    wallet: int
    permissions: int
    expires_at: int
    closed: bool
    caps: Caps | None = None


class Issued(NamedTuple):
    """What is known of a token once it was shown: its first 4 characters, what it allows, moments in microseconds."""

    begins: str
    permissions: int
    issued_at: int
    expires_at: int
    revoked_at: int | None
    last_used_at: int | None = None
    last_used_from: str | None = None

    @property
    def words(self) -> list[str]:
        """What it allows, in the words of the contract."""
        return [str(one.name).lower() for one in Permission(self.permissions)]


def token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """Issue, revoke and look up tokens."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._known: dict[str, Bearer] = {}
        self._epoch = -1
        self._uses: dict[str, tuple[int, str]] = {}
        self._written: dict[str, int] = {}

    async def bearer(self, token: str, client: str | None = None) -> Bearer | None:
        """
        Return whose live token this is; None for an unknown, blocked, expired or malformed one alike.

        Live tokens are kept in memory for as long as the access epoch stands still.

        client  the address it came from; that it was used is written by `write_uses`. None: nobody uses it now
        """
        epoch = await self._engine.epoch()
        if epoch != self._epoch or len(self._known) >= MOST_KNOWN:
            self._known, self._epoch = {}, epoch
        known = self._known  # of this epoch: what is found may be out of date before it is kept
        bearer = known.get(token)
        if bearer is None:
            bearer = await self._look_up(token)
            if bearer is None:
                return None
            known[token] = bearer
        now = self._clock.now()
        if bearer.expires_at <= now:
            return None
        if client is not None and not bearer.closed:
            self._uses[token] = (now, client)
        return bearer

    async def _look_up(self, token: str) -> Bearer | None:
        if not _FORM.fullmatch(token):
            return None
        row = await self._engine.one("caller_by_token", token_hash(token))
        if row is None:
            return None
        wallet, permissions, expires_at, closed_at, caps = row
        return Bearer(wallet, permissions, expires_at, closed_at is not None, kept(caps))

    async def issue(
        self, wallet: int, permissions: Permission, who: Who = Who.OPERATOR, caps: Caps | None = None
    ) -> str:
        """
        Issue a token and block the one before, in one transaction.

        caps     what it may not go beyond, for good
        returns  the token itself: the only time it can be seen
        """
        assert permissions
        token, now = secrets.token_hex(16), self._clock.now()
        added = (token_hash(token), wallet, token[:4], int(permissions), now, now + LIFE_DAYS * DAY, stored(caps))
        await self._engine.change(
            Step("wallet_lock", (wallet,)),
            Step("token_revoke_live", (wallet, now)),
            Step("token_add", added),
            act(wallet, now, who, "token.issued", token[:4]),
            CHANGED,
        )
        return token

    async def write_uses(self) -> None:
        """Write down when tokens were last used: some at a time, each at most once in ten minutes."""
        if len(self._written) >= MOST_KNOWN:
            self._written = {}
        rows: list[dict[str, str | int]] = []
        for token in list(islice(self._uses, MOST_LOOKED_AT)):
            at, client = self._uses.pop(token)
            if abs(at - self._written.get(token, 0)) >= RESTS:
                self._written[token] = at
                rows.append({"hash": token_hash(token), "at": at, "client": client})
                if len(rows) == MOST_WRITTEN:
                    break
        if rows:
            await self._engine.change(Step("tokens_used", (msgspec.json.encode(rows).decode(),)))

    async def of_wallet(self, wallet: int) -> list[Issued]:
        """Return the facts of every token a wallet ever had, oldest first."""
        return [Issued(*row) for row in await self._engine.all("tokens_of_wallet", wallet)]

    async def revoke(self, wallet: int, who: Who = Who.OPERATOR) -> bool:
        """Block the live token; return whether there was one."""
        now = self._clock.now()
        count, *_ = await self._engine.change(
            Step("token_revoke_live", (wallet, now)), Step("act_of_revocation", (wallet, now, who.value)), CHANGED
        )
        return count > 0
