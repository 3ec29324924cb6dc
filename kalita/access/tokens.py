"""
Tokens: 32 hex characters shown once, stored as a SHA-256; one live token a wallet; 180 days.

Source: access.md 4.
"""

import hashlib
import re
import secrets
from typing import NamedTuple

from kalita.clock import DAY, Clock
from kalita.storage.engine import Engine, Step
from kalita.wire.endpoint import Permission

LIFE_DAYS = 180
_FORM = re.compile(r"[\x21-\x7e]{1,256}", re.ASCII)


class Bearer(NamedTuple):
    """Who a live token belongs to. closed: the wallet was closed."""

    wallet: int
    permissions: int
    closed: bool
    language: str


class Issued(NamedTuple):
    """What is known of a token once it was shown: its first 4 characters, what it allows, moments in microseconds."""

    begins: str
    permissions: int
    issued_at: int
    expires_at: int
    revoked_at: int | None

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

    async def bearer(self, token: str) -> Bearer | None:
        """Return whose live token this is; None for an unknown, blocked, expired or malformed one alike."""
        if not _FORM.fullmatch(token):
            return None
        row = await self._engine.one("caller_by_token", token_hash(token))
        if row is None:
            return None
        wallet, permissions, expires_at, closed_at, language = row
        if expires_at <= self._clock.now():
            return None
        return Bearer(wallet, permissions, closed_at is not None, language)

    async def issue(self, wallet: int, permissions: Permission) -> str:
        """
        Issue a token and block the one before, in one transaction.

        returns  the token itself: the only time it can be seen
        """
        assert permissions
        token, now = secrets.token_hex(16), self._clock.now()
        added = (token_hash(token), wallet, token[:4], int(permissions), now, now + LIFE_DAYS * DAY)
        await self._engine.change(Step("token_revoke_live", (wallet, now)), Step("token_add", added))
        return token

    async def of_wallet(self, wallet: int) -> list[Issued]:
        """Return the facts of every token a wallet ever had, oldest first."""
        return [Issued(*row) for row in await self._engine.all("tokens_of_wallet", wallet)]

    async def revoke(self, wallet: int) -> bool:
        """Block the live token; return whether there was one."""
        (count,) = await self._engine.change(Step("token_revoke_live", (wallet, self._clock.now())))
        return count > 0
