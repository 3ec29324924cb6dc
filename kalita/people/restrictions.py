"""
Restrictions and nicknames over HTTP, and the operator's hand that restricts and blocks. Source: profile.md 9 and 10.
"""

import msgspec

from kalita.access.acts import Who, act_in_order
from kalita.access.tokens import CHANGED
from kalita.clock import Clock
from kalita.ledger.accounts import BAR_OUT, Kind, account_id, balances_beside
from kalita.ledger.order import Bar, Extra, Order
from kalita.ledger.writer import Ledger
from kalita.money import RUB
from kalita.people.profile import Nickname, nickname_of
from kalita.people.wallets import Wallets
from kalita.refusals import PERSON_NOT_FOUND, Refusal, Refused
from kalita.storage.engine import Engine
from kalita.wire.endpoint import Call, Endpoint, Permission
from kalita.wire.params import wallet_number

TEXTS = {"ru": "Исходящие платежи заблокированы", "en": "Outgoing payments are blocked"}


def bars_of(wallet: int, bars: int) -> tuple[Bar, ...]:
    """Return what bars every balance of a wallet, those too that are opened meanwhile."""
    return tuple(Bar(account, bars) for account in balances_beside(account_id(wallet, Kind.WALLET, RUB)))


class Restriction(msgspec.Struct, rename="camel"):
    """What the wallet may not do."""

    restriction_code: str
    restriction_description: str


class Restrictions:
    """Show what a wallet may not do, and decide it for the operator."""

    def __init__(self, engine: Engine, writer: Ledger, wallets: Wallets, clock: Clock) -> None:
        self._engine, self._writer, self._wallets, self._clock = engine, writer, wallets, clock

    async def current(self, call: Call) -> bytes:
        """Answer the restrictions of the caller's wallet: none, or outgoing payments."""
        wallet = await self._wallets.get(call.wallet)
        if wallet is None:
            raise Refused(PERSON_NOT_FOUND)
        barred = wallet.restricted or wallet.blocked
        return msgspec.json.encode([Restriction("OUTGOING_PAYMENTS", TEXTS[call.language])] if barred else [])

    async def nickname(self, call: Call) -> bytes:
        """Answer the nickname of the caller's wallet and what may be done with it."""
        wallet = await self._wallets.get(call.wallet)
        if wallet is None:
            raise Refused(PERSON_NOT_FOUND)
        return msgspec.json.encode(nickname_of(wallet, self._clock.now()))

    async def put(self, wallet: int, restricted: bool, blocked: bool, what: str) -> Refusal | None:
        """
        Restrict or block a wallet, or lift that; what it may not do binds its very next payment.

        what  the word of the act
        """
        bars = BAR_OUT if restricted or blocked else 0
        outcome = await self._writer.submit(
            Order(
                wallet,
                bars=bars_of(wallet, bars),
                extras=(
                    Extra("wallet_restrict", (wallet, int(restricted), int(blocked))),
                    Extra(*CHANGED),
                    act_in_order(wallet, self._clock.now(), Who.OPERATOR, what),
                ),
            )
        )
        return outcome if isinstance(outcome, Refusal) else None


WALLET = (wallet_number("wallet"),)

ROWS = (
    Endpoint(
        "GET",
        "/person-profile/v1/persons/{wallet}/status/restrictions",
        Restrictions,
        Restrictions.current,
        "What the wallet may not do",
        "profile.md 9",
        permission=Permission.PROFILE,
        at=WALLET,
        answers=list[Restriction],
        refusals=(PERSON_NOT_FOUND,),
    ),
    Endpoint(
        "GET",
        "/qw-nicknames/v1/persons/{wallet}/nickname",
        Restrictions,
        Restrictions.nickname,
        "The wallet's nickname",
        "profile.md 10",
        permission=Permission.PROFILE,
        at=WALLET,
        answers=Nickname,
        refusals=(PERSON_NOT_FOUND,),
    ),
)
