"""
Pairs of keys as their owner sees them: made, listed, revoked; the address of notifications. Source: invoices.md 2.
"""

import secrets
from typing import NamedTuple
from uuid import uuid4

from kalita.access.acts import Who, act
from kalita.access.pairs import new_public, new_secret, secret_hash
from kalita.access.tokens import CHANGED
from kalita.clock import Clock
from kalita.keys import BadKey, Keys
from kalita.outbound.client import Outbound
from kalita.outbound.targets import BadTarget, read
from kalita.people.wallets import Level, Wallets
from kalita.refusals import IDENTIFICATION_REQUIRED, Refused, malformed
from kalita.storage.engine import Engine, Step
from kalita.storage.outbox import Channel

MOST_PAIRS = 20
LONGEST_URL = 500
PAID, ALL_STATES = 1, 3
"""What notifications are for, as bits: paid bills, and those that were rejected or expired."""

CHANNEL = int(Channel.BILLS)
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Made(NamedTuple):
    """A new pair: the only time its secret is seen."""

    id: str
    name: str
    public: str
    secret: str
    created_at: int


class Pair(NamedTuple):
    """A live pair."""

    id: str
    name: str
    public: str
    may_spend: int
    created_at: int


class Address(NamedTuple):
    """Where a wallet's notifications go. kinds: PAID, or ALL_STATES."""

    pair: str
    url: str
    kinds: int


class KeyPairs:
    """
    Make pairs of keys, look at them, change what they may, revoke them.

    anywhere  notifications may go to plain HTTP and to other ports: in a demonstration, or for development
    """

    def __init__(
        self, engine: Engine, clock: Clock, keys: Keys, wallets: Wallets, outbound: Outbound, anywhere: bool
    ) -> None:
        self._engine, self._clock, self._keys, self._wallets = engine, clock, keys, wallets
        self._outbound, self._anywhere = outbound, anywhere

    async def create(
        self, wallet: int, name: str, url: str | None = None, may_spend: bool = False, kinds: int = PAID
    ) -> Made:
        """
        Make a pair; with an address, notifications go there from now on and nowhere else.

        raises  Refused: the owner is not identified enough, has too many pairs, or the address may not be called
        """
        owner = await self._wallets.get(wallet)
        if owner is None or owner.level < Level.VERIFIED:
            raise Refused(IDENTIFICATION_REQUIRED, "the owner has to be VERIFIED or FULL")
        if len(await self.live(wallet)) >= MOST_PAIRS:
            raise malformed("keysPairName", f"there are {MOST_PAIRS} live pairs; revoke one first")
        if url is not None:
            await self._check(url)
        site, _ = await self.site(wallet)
        now = self._clock.now()
        made = Made(str(uuid4()), name, new_public(), new_secret(site, wallet), now)
        sealed = self._keys.seal("pair", made.secret, f" {wallet} {made.id}")
        row = (wallet, made.id, name, made.public, secret_hash(made.secret), sealed, int(may_spend), now)
        steps = [Step("pair_add", row), act(wallet, now, Who.OWNER, "pair.created"), CHANGED]
        if url is not None:
            steps.append(Step("receiver_move", (wallet, CHANNEL, made.id, url, kinds, now)))
        await self._engine.change(*steps)
        return made

    async def by_public(self, public: str) -> tuple[int, str] | None:
        """Return the wallet and the id of the live pair with a public key, or None."""
        row = await self._engine.one("pair_by_public", public)
        return None if row is None else (row[0], row[1])

    async def live(self, wallet: int) -> list[Pair]:
        """Return a wallet's live pairs."""
        return [Pair(*row) for row in await self._engine.all("pairs_live", wallet)]

    async def address(self, wallet: int) -> Address | None:
        """Return where a wallet's notifications go, None when nowhere."""
        row = await self._engine.one("receiver_get", wallet, CHANNEL)
        return None if row is None else Address(*row[:3])

    async def revoke(self, wallet: int, pair: str, who: Who = Who.OWNER) -> bool:
        """Revoke a pair; its bills stay payable, notifications for them stop. Return whether there was one."""
        now = self._clock.now()
        steps = (
            Step("pair_revoke", (wallet, pair, now)),
            Step("receiver_drop", (wallet, CHANNEL, pair)),
            Step("events_cancel", (wallet, CHANNEL, pair, now)),
        )
        return await self._change(wallet, pair, act(wallet, now, who, "pair.revoked"), *steps)

    async def spend(self, wallet: int, pair: str, may: bool, who: Who = Who.OWNER) -> bool:
        """Let a pair's secret pay, or no longer; return whether there is such a live pair."""
        told = act(wallet, self._clock.now(), who, "pair.may_spend" if may else "pair.may_not_spend")
        return await self._change(wallet, pair, told, Step("pair_spends", (wallet, pair, int(may))))

    async def tell(self, wallet: int, pair: str, kinds: int) -> bool:
        """Notify of paid bills, or of all that ended; return whether the pair has an address."""
        changed, *_ = await self._engine.change(Step("receiver_tells", (wallet, CHANNEL, pair, kinds)))
        return changed > 0

    async def _change(self, wallet: int, pair: str, told: Step, *steps: Step) -> bool:
        """Do something to a live pair, which is on record; live servers look again at once."""
        if pair not in [one.id for one in await self.live(wallet)]:
            return False
        changed, *_ = await self._engine.change(*steps, told, CHANGED)
        return changed > 0

    async def site(self, wallet: int) -> tuple[str, int]:
        """Return the name and the number of a wallet's site; they are made when they are first asked for."""
        while True:
            row = await self._engine.one("site_get", wallet)
            if row is not None:
                return row[0], row[1]
            name = "".join(secrets.choice(_BASE36) for _ in range(6)) + "-00"
            await self._engine.change(Step("site_add", (wallet, name, secrets.randbelow(900_000_000) + 100_000_000)))

    async def secret(self, wallet: int, pair: str) -> str | None:
        """Return the secret of a live pair; None when it was revoked."""
        row = await self._engine.one("pair_secret", wallet, pair)
        if row is None:
            return None
        secret = self._keys.open("pair", row[0], f" {wallet} {pair}")
        if secret is None:
            raise BadKey(f"the secret of pair {pair} does not open with this secret key")
        return secret

    async def _check(self, url: str) -> None:
        reason = f"at most {LONGEST_URL} characters are allowed" if len(url) > LONGEST_URL else None
        if reason is None and not self._anywhere:
            try:
                target = read(url)
            except BadTarget as problem:
                reason = str(problem)
            else:
                if (target.scheme, target.port) != ("https", 443):
                    reason = "https on port 443 is needed"
        reason = reason or await self._outbound.check(url)
        if reason:
            raise malformed("serverNotificationsUrl", reason)
