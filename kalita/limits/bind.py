"""
Limits bind payments: an order gets the counters and ceilings of its payer's and payee's levels.

They are judged and written in the payment's own commit, under the payer's lock. What is measured: money that leaves,
with its commission, whether it has arrived or waits; what comes back is given back to the period it left in.
Source: profile.md 7, payments.md 3.4
"""

from collections.abc import Callable

from msgspec.structs import replace

from kalita.access.tokens import CHANGED
from kalita.clock import Clock, day_of, month_of
from kalita.ids import moment_of
from kalita.ledger.accounts import Direction, Kind, account_id, account_range, owner_of
from kalita.ledger.counters import read
from kalita.ledger.group import period_at
from kalita.ledger.order import DAY, MONTH, TXN, Ceiling, Check, Count, Extra, Order, Record
from kalita.limits.table import BY_TOKEN, OF, TENGE, TURNOVER_MASK, Category, Limit, Table, built_in, read_table
from kalita.limits.worth import worth
from kalita.money import KZT, RUB
from kalita.people.moving import TRANSFER
from kalita.people.wallets import Level
from kalita.refusals import Refusal, payment
from kalita.storage.engine import Engine, Step

TABLE = "limits"
MOST_KNOWN = 100_000
CODES = {
    Limit.TRANSFERS: 943, Limit.PAYOUTS: 711, Limit.INTERNATIONALS: 711, Limit.CASH: 716, Limit.CASH_DAY: 717,
    Limit.OPERATION: 558,
}  # fmt: skip
OWN_BALANCE, PAYEES_BALANCE, TENGE_OUT, TENGE_IN = 700, 702, 866, 867
Worth = Callable[[int, int, int], int]
"""Turns an amount in a currency into another currency; minor units."""


class Limits:
    """
    Bind orders by the limits of a level.

    lifted  no limit refuses; counters are kept all the same
    worth   what an amount is worth in roubles or tenge at the moment
    """

    def __init__(self, engine: Engine, clock: Clock, lifted: bool = False, worth: Worth = worth) -> None:
        self._engine, self._clock, self._lifted, self._worth = engine, clock, lifted, worth
        self._levels: dict[int, int] = {}
        self._checks: dict[tuple[int, int, int, int], tuple[Check, ...]] = {}
        self._highest: dict[int, int | None] = {}
        self._table = built_in()
        self._epoch = -1

    async def table(self) -> Table:
        """Return the table that holds now: the operator's, or the one that comes with the program."""
        await self._fresh()
        return self._table

    async def put(self, table: Table) -> None:
        """Keep an operator's table; servers take it up with their next payment."""
        await self._engine.change(Step("meta_put", (TABLE, table.text())), CHANGED)

    async def level(self, wallet: int) -> int:
        """Return a wallet's level; one that is still to be made has the lowest. Kept while the epoch stands still."""
        await self._fresh()
        return await self._level(wallet)

    async def _level(self, wallet: int) -> int:
        levels = self._levels  # of this epoch: what is found may be out of date before it is kept
        level = levels.get(wallet)
        if level is None:
            row = await self._engine.one("wallet_level", wallet)
            if row is None:
                return Level.ANONYMOUS
            level = levels[wallet] = int(row[0])
        return level

    async def _fresh(self) -> None:
        epoch = await self._engine.epoch()
        if epoch != self._epoch:
            row = await self._engine.one("meta_get", TABLE)
            self._table = read_table(row[0]) if row else built_in()
            self._levels, self._checks, self._highest, self._epoch = {}, {}, {}, epoch
        elif len(self._levels) >= MOST_KNOWN:
            self._levels = {}

    async def bind(self, order: Order, category: Category) -> Order:
        """
        Give a payment the limits of all it has records of: who pays, who is paid.

        category  of what leaves; each record of money that comes in gets the ceiling of its owner's level
        """
        await self._fresh()
        counts, ceilings, extras = order.counts, order.ceilings, order.extras
        payers = [record.wallet for record in order.records if record.direction is not Direction.IN]
        for record in order.records:
            if record.direction is Direction.IN:
                code = OWN_BALANCE if payers.count(record.wallet) == len(payers) else PAYEES_BALANCE
                ceilings += await self._ceiling(record.wallet, record.currency, code)
            else:
                more, measured = await self._counts(record, category)
                counts, extras = counts + more, extras + measured
        return replace(order, counts=counts, ceilings=ceilings, extras=extras)

    async def ceiling(self, wallet: int, currency: int, code: int = OWN_BALANCE) -> tuple[Ceiling, ...]:
        """Return what a balance may not pass, and with which code it is refused; nothing where there is no limit."""
        await self._fresh()
        return await self._ceiling(wallet, currency, code)

    async def _ceiling(self, wallet: int, currency: int, code: int) -> tuple[Ceiling, ...]:
        if self._lifted:
            return ()
        level = await self._level(wallet)
        if currency != RUB:
            most = self._most(self._table, level, currency)
        elif level in self._highest:
            most = self._highest[level]
        else:
            most = self._highest[level] = self._most(self._table, level, RUB)
        return () if most is None else (Ceiling(account_id(wallet, Kind.WALLET, currency), most, code),)

    def _most(self, table: Table, level: int, currency: int) -> int | None:
        measure = KZT if currency == KZT and table.has(Limit.BALANCE, KZT) else RUB
        most = table.most(Limit.BALANCE, level, measure)
        return None if most is None else self._worth(most, measure, currency)

    async def in_roubles(self, amount: int, currency: int) -> int:
        """Return what an amount is worth in roubles, rounded up."""
        await self._fresh()
        return self._worth(amount, currency, RUB)

    async def fits(self, amount: int, currency: int, level: Level) -> bool:
        """Tell whether a balance is one that a level may hold."""
        most = self._most(await self.table(), level, currency)
        return self._lifted or most is None or amount <= most

    async def _counts(self, record: Record, category: Category) -> tuple[tuple[Count, ...], tuple[Extra, ...]]:
        level = await self._level(record.wallet)
        total, measure = self._measure(record.sum + record.commission, record.currency)
        account = account_id(record.wallet, Kind.WALLET, record.currency)
        counts = [self._count(account, level, MONTH, category, total, measure)]
        if category is Category.CASH:
            counts.append(self._count(account, level, DAY, category, total, measure))
        if record.currency == RUB:
            return tuple(counts), ()
        return tuple(counts), (Extra("measured_add", (record.wallet, TXN, total)),)

    def _measure(self, total: int, currency: int) -> tuple[int, int]:
        """Return what is counted of a payment and in which currency: tenge only where they have limits of their own."""
        measure = KZT if currency == KZT and self._table.in_tenge else RUB
        return self._worth(total, currency, measure), measure

    def _count(self, account: int, level: int, period: int, category: Category, total: int, measure: int) -> Count:
        sort = (level, period, category, measure)
        checks = self._checks.get(sort)
        if checks is None:
            checks = self._checks[sort] = self._checks_of(*sort)
        return Count(account, period, category + TENGE if measure == KZT else category, total, 1, checks)

    def _checks_of(self, level: int, period: int, category: int, measure: int) -> tuple[Check, ...]:
        """A limit of its own kind comes before the turnover, so that the code says the most it can."""
        shift = TENGE if measure == KZT else 0
        own = 1 << category + shift
        limits: list[tuple[Limit, int, int]] = []
        if period == DAY:
            limits.append((Limit.CASH_DAY, own, CODES[Limit.CASH_DAY]))
        else:
            limits.append((Limit.OPERATION, 0, CODES[Limit.OPERATION]))
            if category in OF:
                limit = OF[Category(category)]
                limits.append((limit, own, CODES[limit]))
            limits.append((Limit.TURNOVER, TURNOVER_MASK << shift, 705 if level >= Level.VERIFIED else 704))
        found = ((self._table.most(limit, level, measure), mask, code) for limit, mask, code in limits)
        return tuple(Check(mask, most, code) for most, mask, code in found if most is not None and not self._lifted)

    async def would_refuse(self, order: Order) -> Refusal | None:
        """Look at a bound order as the ledger would now, without it: the first limit that does not hold, or None."""
        now = self._clock.now()
        for count in order.counts:
            spent = await self.spent(owner_of(count.account), period_at(count.period, now))
            for mask, most, code in count.checks:
                if sum(spent[one][0] for one in spent if mask >> one & 1) + count.amount > most:
                    return payment(code)
        for account, most, code in order.ceilings:
            coming = sum(one.amount for one in order.transfers if one.target == account)
            coming -= sum(one.amount for one in order.transfers if one.source == account)
            rows = await self._engine.all("accounts_between", account, account)
            if coming + (rows[0][2] if rows else 0) > most:
                return payment(code)
        return None

    async def spent(self, wallet: int, period: int) -> dict[int, tuple[int, int]]:
        """Return what a wallet spent in a period, by category: minor units, number of payments."""
        found: dict[int, tuple[int, int]] = {}
        for _, text in await self._engine.all("spent_of", *account_range(wallet)):
            for (at, category), (amount, number) in read(text).items():
                if at == period:
                    before = found.get(category, (0, 0))
                    found[category] = (before[0] + amount, before[1] + number)
        return found

    async def to_tenge(self, payer: int, payee: int, amount: int, currency: int) -> tuple[Count, ...]:
        """
        Count what is turned into tenge: by whom it goes out, and to whom it comes, a month each.

        amount  minor units of the currency that is paid
        """
        roubles, counts = self._worth(amount, currency, RUB), []
        for wallet, moved, category, code in (
            (payer, currency, Category.TENGE_OUT, TENGE_OUT),
            (payee, KZT, Category.TENGE_IN, TENGE_IN),
        ):
            most = self._table.most(Limit.TO_TENGE, await self.level(wallet))
            checks = () if most is None or self._lifted else (Check(1 << category, most, code),)
            counts.append(Count(account_id(wallet, Kind.WALLET, moved), MONTH, category, roubles, 1, checks))
        return tuple(counts)

    async def refunded(self, order: Order, record: Record | None, txn_id: int) -> Order:
        """
        Count a refund between wallets: nothing refuses it, and what it gives back whole is given back to limits.

        record  the payer's of the transfer that is given back, whole with this; None as long as it is not
        """
        counted = await self.unbound(order)
        if record is None:
            return counted
        back = await self.given_back(record, txn_id, Category.TRANSFER)
        return replace(counted, counts=counted.counts + back)

    async def unbound(self, order: Order) -> Order:
        """Count a transfer between wallets that no limit may refuse."""
        bound = await self.bind(order, Category.TRANSFER)
        return replace(bound, counts=tuple(count._replace(checks=()) for count in bound.counts), ceilings=())

    async def carried(self, old: int, new: int) -> tuple[Count, ...]:
        """
        Return what lets a wallet go on with what its owner spent of his limits in an old one, which is barred.

        The money that moved over was not spent; what a token with a cap paid ends with the token.
        """
        shift, counts = account_id(new - old, Kind.WALLET, 0), []
        for account, text in await self._engine.all("spent_of", *account_range(old)):
            for (period, category), (amount, number) in read(text).items():
                if category != BY_TOKEN:
                    counts.append(Count(account + shift, period, category, amount, number))
        for stream, txn_id, sum_, commission in await self._engine.all("moved_out", old):
            record = Record(old, Direction.OUT, stream % 1000, TRANSFER, "", sum_, commission, "", None)
            back = await self.given_back(record, txn_id, Category.TRANSFER)
            counts += [count._replace(account=count.account + shift) for count in back]
        return tuple(counts)

    async def given_back(self, record: Record, txn_id: int, category: Category) -> tuple[Count, ...]:
        """
        Return what a payment that failed or was refunded gives back, for the order that gives the money back.

        record    the payer's, as it was accepted
        category  the same as then
        """
        moment, total, shift = moment_of(txn_id), record.sum + record.commission, 0
        if record.currency != RUB:
            row = await self._engine.one("measured", record.wallet, txn_id)
            total = int(row[0]) if row else 0
            shift = TENGE if record.currency == KZT and (await self.table()).in_tenge else 0
        periods = [month_of(moment), day_of(moment)] if category is Category.CASH else [month_of(moment)]
        account = account_id(record.wallet, Kind.WALLET, record.currency)
        return tuple(Count(account, period, category + shift, -total, -1) for period in periods)
