"""
Limits over HTTP: what a level allows, what is spent of it. Source: profile.md 7 and 8.
"""

from dataclasses import replace

import msgspec

from kalita.clock import Clock, at_zone, month_bounds, month_of
from kalita.limits.bind import Limits
from kalita.limits.table import OF, TENGE, TURNOVER_MASK, Category, Limit, Table
from kalita.money import CURRENCIES, KZT, LARGEST, RUB, number
from kalita.people.wallets import Wallets
from kalita.refusals import PERSON_NOT_FOUND
from kalita.storage.engine import Engine
from kalita.wire.amounts import Amount, encode
from kalita.wire.endpoint import Call, Endpoint, Permission
from kalita.wire.params import several, wallet_number

TYPES = {
    "REFILL": Limit.BALANCE, "TURNOVER": Limit.TURNOVER, "PAYMENTS_P2P": Limit.TRANSFERS,
    "PAYMENTS_PROVIDER_INTERNATIONALS": Limit.INTERNATIONALS, "PAYMENTS_PROVIDER_PAYOUT": Limit.PAYOUTS,
    "WITHDRAW_CASH": Limit.CASH,
}  # fmt: skip
MASKS = {Limit.TURNOVER: TURNOVER_MASK} | {limit: 1 << category for category, limit in OF.items()}


class Interval(msgspec.Struct, rename="camel"):
    """The Moscow month: its first moment, the first one after it."""

    date_from: str
    date_till: str


class ActualLimit(msgspec.Struct):
    """What a level allows of one kind, what is spent, what is left; rest + spent is max while it is kept."""

    type: str
    currency: str
    rest: Amount
    max: Amount
    spent: Amount
    interval: Interval


class Countries(msgspec.Struct, rename="upper"):
    """Limits in roubles; and in tenge, where the operator keeps any."""

    ru: list[ActualLimit]
    kz: list[ActualLimit]


class ActualLimits(msgspec.Struct):
    """The limits that were asked for, in that order."""

    limits: Countries


class TransferCount(msgspec.Struct, rename={"number": "p2pPaymentCountLimit"}):
    """How many transfers to other wallets were made this month."""

    number: int


class LimitsApi:
    """Show owners their limits."""

    def __init__(self, engine: Engine, limits: Limits, wallets: Wallets, clock: Clock) -> None:
        self._engine, self._limits, self._wallets, self._clock = engine, limits, wallets, clock

    async def actual(self, call: Call) -> bytes:
        """Answer the limits of the caller's level and what is spent of them this month."""
        wallet, asked = call.wallet, tuple(dict.fromkeys(call.query["types"]))
        table, level = await self._limits.table(), await self._limits.level(wallet)
        balances = {one.currency: one.available for one in await self._wallets.balances(wallet)}
        spent = {category: amount for category, (amount, _) in (await self._spent(wallet)).items()}
        month = month_bounds(month_of(self._clock.now()))
        interval = Interval(at_zone(month[0]), at_zone(month[1]))

        def country(currency: int) -> list[ActualLimit]:
            shown = [one for one in asked if currency == RUB or table.most(TYPES[one], level, currency) is not None]
            return [_shown(word, currency, table, level, spent, balances, interval) for word in shown]

        return encode(ActualLimits(Countries(country(RUB), country(KZT))))

    async def count(self, call: Call) -> bytes:
        """Answer how many transfers to other wallets succeeded or wait this month."""
        numbers = {category: number for category, (_, number) in (await self._spent(call.wallet)).items()}
        return encode(TransferCount(sum(numbers.get(Category.TRANSFER + shift, 0) for shift in (0, TENGE))))

    async def _spent(self, wallet: int) -> dict[int, tuple[int, int]]:
        return await self._limits.spent(wallet, month_of(self._clock.now()))


def _shown(
    word: str, currency: int, table: Table, level: int, spent: dict[int, int], balances: dict[int, int],
    interval: Interval,
) -> ActualLimit:  # fmt: skip
    limit = TYPES[word]
    if limit is Limit.BALANCE:
        gone = balances.get(currency, 0)
    else:
        mask = MASKS[limit] << (TENGE if currency == KZT else 0)
        gone = sum(amount for category, amount in spent.items() if mask >> category & 1)
    most = table.most(limit, level, currency)
    most = LARGEST if most is None else most
    rest = max(0, most - gone)
    return ActualLimit(
        word, CURRENCIES[currency].letters, number(rest, currency), number(most, currency), number(gone, currency),
        interval,
    )  # fmt: skip


WALLET = (wallet_number("wallet"),)

ROWS = (
    Endpoint(
        "GET",
        "/qw-limits/v1/persons/{wallet}/actual-limits",
        LimitsApi,
        LimitsApi.actual,
        "Limits of the wallet's level and what is spent of them",
        "profile.md 7",
        permission=Permission.PROFILE,
        at=WALLET,
        query=(replace(several("types", tuple(TYPES)), required=True),),
        answers=ActualLimits,
        refusals=(PERSON_NOT_FOUND,),
    ),
    Endpoint(
        "GET",
        "/qw-limits/v1/persons/{wallet}/p2p-payment-count-limit",
        LimitsApi,
        LimitsApi.count,
        "How many transfers to other wallets were made this month",
        "profile.md 8",
        permission=Permission.PROFILE,
        at=WALLET,
        answers=TransferCount,
        refusals=(PERSON_NOT_FOUND,),
    ),
)
