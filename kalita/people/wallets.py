"""
Wallets: who owns one, and how one comes into being. Source: profile.md 0, access.md 4.
"""

import secrets
import string
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import msgspec

from kalita.access.acts import Who, act
from kalita.access.tokens import CHANGED
from kalita.clock import Clock
from kalita.keys import Keys
from kalita.ledger.accounts import (
    LARGEST_WALLET,
    SMALLEST_WALLET,
    Direction,
    Kind,
    account_id,
    account_range,
    house,
)
from kalita.ledger.order import Accepted, Ceiling, Opening, Order, Outcome, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.money import RUB
from kalita.refusals import PERSON_NOT_FOUND, REPEATED, Refusal
from kalita.storage.engine import Engine, Step


class Level(IntEnum):
    """Identification levels; the words are the profile's. Source: profile.md 0."""

    ANONYMOUS = 0
    SIMPLE = 1
    VERIFIED = 2
    FULL = 3


@dataclass(frozen=True, slots=True)
class Wallet:
    """A wallet as stored. Moments in microseconds UTC."""

    wallet: int
    created_at: int
    registered_at: int | None
    level: int
    blocked: int
    restricted: int
    closed_at: int | None
    language: str
    nickname: str | None
    email: str | None
    default_currency: int
    last_login_at: int | None
    last_login_ip: str | None
    nickname_at: int | None = None
    moved_to: int | None = None
    made_for: int | None = None


class Balance(NamedTuple):
    """What an owner has in one currency: available and on hold, minor units, and the totals of its history streams."""

    currency: int
    available: int
    on_hold: int
    sum_in: int
    sum_out: int
    sum_card: int


OPERATOR = 7
"""The provider that a top-up by the operator shows in history: the wallet system itself (providers.md)."""


def parse_wallet(text: str) -> int | None:
    """Read a wallet's number: 10 to 15 digits, a leading `+` allowed; None when it is not one."""
    digits = text.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or digits[0] == "0" or len(digits) > 15:
        return None
    return int(digits) if SMALLEST_WALLET <= int(digits) <= LARGEST_WALLET else None


def new_nickname() -> str:
    """Make up a nickname: 10 characters A–Z 0–9. Source: profile.md 10."""
    return "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(10))


class Wallets:
    """Create wallets, look them up, bring money in for the operator."""

    def __init__(self, engine: Engine, writer: Ledger, clock: Clock, keys: Keys) -> None:
        self._engine, self._writer, self._clock, self._keys = engine, writer, clock, keys

    async def get(self, wallet: int) -> Wallet | None:
        """Return a wallet, or None."""
        row = await self._engine.one("wallet_by_number", wallet)
        return Wallet(*row) if row else None

    async def after(self, wallet: int, limit: int) -> list[Wallet]:
        """Return the wallets with larger numbers, in order, at most so many."""
        return [Wallet(*row) for row in await self._engine.all("wallets_after", wallet, limit)]

    async def balances(self, wallet: int) -> list[Balance]:
        """Return a wallet's balances: roubles first, then in the order they were opened."""
        found: dict[int, Balance] = {}
        on_hold: dict[int, int] = {}
        for row in await self._engine.all("accounts_between", *account_range(wallet)):
            kind, currency, balance, *sums = row
            if kind == Kind.WALLET:
                found[currency] = Balance(currency, balance, 0, *sums)
            elif kind == Kind.HOLD:
                on_hold[currency] = balance
        ordered = sorted(found.values(), key=lambda balance: balance.currency != RUB)
        return [one._replace(on_hold=on_hold[one.currency]) if one.currency in on_hold else one for one in ordered]

    async def create(self, wallet: int, level: Level = Level.SIMPLE, currencies: tuple[int, ...] = (RUB,)) -> bool:
        """
        Make a wallet with its owner known, or claim one that a payment brought into being.

        returns  False when the wallet is there already and has an owner
        """
        nickname = new_nickname()
        openings = tuple(Opening(wallet, Kind.WALLET, currency, level, nickname) for currency in currencies)
        await self._writer.submit(Order(wallet, openings=openings))
        made = await self.get(wallet)
        if made is not None and made.nickname == nickname:  # not by another that was made at the same moment
            return True
        claim = Step("wallet_claim", (wallet, self._clock.now(), nickname, int(level)))
        claimed, _ = await self._engine.change(claim, CHANGED)
        return claimed > 0

    async def make_for(self, old: int, new: int, level: Level, currencies: tuple[int, ...]) -> bool:
        """
        Make a wallet for the owner of another, and keep in the same commit that it was made for that one.

        A wallet that a payment brought into being is taken; one that has an owner is not, nor one for an old wallet
        that is closed or has another made for it.
        returns  whether this call made it
        """
        openings = tuple(Opening(new, Kind.WALLET, currency, Level.ANONYMOUS) for currency in currencies)
        await self._writer.submit(Order(new, openings=openings))
        facts = (new, self._clock.now(), new_nickname(), int(level), old)
        _, made, *_ = await self._engine.change(
            Step("wallet_lock", (old,)), Step("wallet_claim_for", facts), Step("wallet_moves", (old, new)), CHANGED
        )
        return made > 0

    async def set_level(self, wallet: int, level: Level) -> bool:
        """Set a wallet's level by the operator's hand; return whether there is such a wallet."""
        now = self._clock.now()
        set_, *_ = await self._engine.change(
            Step("wallet_set_level", (wallet, int(level))),
            act(wallet, now, Who.OPERATOR, "level.set", level.name),
            CHANGED,
        )
        return set_ > 0

    async def top_up(
        self,
        wallet: int,
        amount: int,
        currency: int,
        client_id: str | None,
        note: str,
        ceilings: tuple[Ceiling, ...] = (),
    ) -> Outcome:
        """
        Bring money in by the operator's hand: from the operator's account of this writer's lane to the wallet.

        amount     minor units, positive
        client_id  the operator's own id: the same one again gives the first answer and moves nothing
        note       shown as the sender in the wallet's history
        ceilings   what its balance may not pass, see limits/
        returns    PERSON_NOT_FOUND when there is no such wallet, or it was closed
        """
        meaning = self._keys.digest("meaning", msgspec.json.encode(("top-up", wallet, amount, currency, note)))
        known = await self.get(wallet)
        if known is None or known.closed_at is not None:
            return await self._repeat_or(PERSON_NOT_FOUND, house(0, 0), client_id, meaning)
        owner = house(0, self._writer.lane)
        source = account_id(owner, Kind.AGENT, currency)
        target = account_id(wallet, Kind.WALLET, currency)
        order = Order(
            owner=house(0, 0),
            client_id=client_id,
            meaning=meaning,
            transfers=(Transfer(source, target, amount),),
            ceilings=ceilings,
            openings=(Opening(owner, Kind.AGENT, currency), Opening(wallet, Kind.WALLET, currency)),
            records=(Record(wallet, Direction.IN, currency, OPERATOR, note, amount, 0, "", None),),
        )
        return await self._writer.submit(order)

    async def _repeat_or(self, refusal: Refusal, owner: int, client_id: str | None, meaning: str) -> Outcome:
        """Return what an id was answered with before, though it would be refused now; else the refusal."""
        row = await self._engine.one("payment_by_client_id", owner, client_id) if client_id else None
        if row is None:
            return refusal
        txn_id, first_meaning, answer = row
        return Accepted(txn_id, answer, True) if first_meaning == meaning else REPEATED


__all__ = ["Accepted", "Balance", "Level", "Wallet", "Wallets", "parse_wallet"]
