"""
The kinds of payments: each turns a request into one order of the ledger, or into the reason why not.

    to a wallet, by number or nickname   settled at once
    conversion                           over the house's liquidity accounts, settled at once
    to an outside provider               set aside on hold, and a payout for dispatch

Source: payments.md 3.3 and 4.
"""

import re
from typing import NamedTuple

import msgspec

from kalita.exchange.rates import debit
from kalita.exchange.store import Exchange
from kalita.keys import Keys
from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.holds import accept_on_hold
from kalita.ledger.order import TXN, Count, Extra, Opening, Order, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.limits.bind import Limits
from kalita.limits.table import Category
from kalita.money import KZT, RUB, WALLET_CURRENCIES
from kalita.payments.request import Request, answer_around
from kalita.people.wallets import Level
from kalita.providers.catalogue import WALLET_SYSTEM, WALLET_TRANSFER
from kalita.providers.provider import Provider
from kalita.providers.quotes import category_of, out_of_bounds
from kalita.refusals import (
    CURRENCY,
    NO_SUCH_RECIPIENT,
    OWN_WALLET,
    UNREACHABLE,
    WRONG_FORMAT,
    Refusal,
)
from kalita.storage.engine import Engine

PHONE = re.compile(r"\+?([1-9]\d{9,14})", re.ASCII)
SEALED = "payout"
_encode = msgspec.json.encode


class Plan(NamedTuple):
    """
    A payment that may go to the ledger.

    category  what limits count it as
    counted   the records that limits measure; None: all of the order
    payout    fields in clear of what dispatch has to carry; None: settled inside
    """

    order: Order
    category: Category
    counted: tuple[Record, ...] | None = None
    payout: dict[str, str] | None = None


class Lease(NamedTuple):
    """Who carries a payout from its first moment, and for how long (microseconds)."""

    holder: str
    lasts: int


class Kinds:
    """Turn requests into plans."""

    def __init__(
        self, engine: Engine, writer: Ledger, keys: Keys, make_wallets: bool, limits: Limits, exchange: Exchange | None
    ) -> None:
        self._engine, self._writer, self._keys = engine, writer, keys
        self._make_wallets, self._limits, self._exchange = make_wallets, limits, exchange

    def to_wallet(self, request: Request, provider: Provider, meaning: str) -> Plan | Refusal:
        """Plan a transfer to a wallet by its number. Source: payments.md 4.1."""
        phone = PHONE.fullmatch(request.fields.get("account", ""))
        if phone is None:
            return WRONG_FORMAT
        return self._transfer(request, provider, meaning, int(phone[1]), f"+{phone[1]}")

    async def to_nickname(self, request: Request, provider: Provider, meaning: str) -> Plan | Refusal:
        """Plan a transfer to a nickname; neither answer nor history tells the number. Source: payments.md 4.2."""
        account, kind = request.fields.get("account", ""), request.fields.get("accountType")
        phone = PHONE.fullmatch(account) if kind != "nickname" else None
        if phone is not None:
            return self._transfer(request, provider, meaning, int(phone[1]), f"+{phone[1]}")
        if kind == "phone":
            return WRONG_FORMAT
        row = await self._engine.one("wallet_of_nickname", account.upper())
        if row is None:
            return NO_SUCH_RECIPIENT
        return self._transfer(request, provider, meaning, int(row[0]), account.upper())

    def _transfer(
        self, request: Request, provider: Provider, meaning: str, payee: int, shown: str, as_: int | None = None
    ) -> Plan | Refusal:
        """
        Plan a transfer.

        as_  the provider that history shows, when it is not the one that was asked for: then the payee is known to have
             a wallet, and gets a balance in the currency
        """
        if payee == request.payer:
            return OWN_WALLET
        refusal = out_of_bounds(provider.terms, request.amount)
        if refusal is not None:
            return refusal
        payer, amount, currency = request.payer, request.amount, request.currency or RUB
        fee, comment = provider.terms.commission(amount), request.comment or ""
        source = account_id(payer, Kind.WALLET, currency)
        transfers = [Transfer(source, account_id(payee, Kind.WALLET, currency), amount)]
        openings = self._payee(payee, currency) if as_ is None else [_balance(payee, currency)]
        self._fee(source, currency, fee, transfers, openings)
        paid = Record(
            payer, Direction.OUT, currency, as_ or request.provider, shown, amount, fee, comment, request.client_id
        )
        received = Record(payee, Direction.IN, currency, WALLET_SYSTEM, f"+{payer}", amount, 0, comment, None)
        answer = answer_around(request, currency, provider.form.shown(request.fields))
        return Plan(_order(request, meaning, transfers, openings, (paid, received), answer), Category.TRANSFER)

    def _payee(self, payee: int, currency: int) -> list[Opening]:
        return [_balance(payee, currency)] if self._make_wallets else []

    def _fee(self, source: int, currency: int, fee: int, transfers: list[Transfer], openings: list[Opening]) -> None:
        if fee:
            keeper = house(0, self._writer.lane)
            transfers.append(Transfer(source, account_id(keeper, Kind.FEE, currency), fee))
            openings.append(Opening(keeper, Kind.FEE, currency))

    async def conversion(self, request: Request, provider: Provider, meaning: str) -> Plan | Refusal:
        """Plan a conversion between the payer's balances, and a transfer on to another. Source: payments.md 4.3."""
        phone = PHONE.fullmatch(request.fields.get("account", ""))
        if phone is None:
            return WRONG_FORMAT
        payee, source, target = int(phone[1]), request.pay_from or RUB, request.currency or RUB
        if target not in WALLET_CURRENCIES or (source == target and payee == request.payer):
            return CURRENCY
        refusal = out_of_bounds(provider.terms, request.amount)
        if refusal is not None:
            return refusal
        if not self._make_wallets and await self._engine.one("wallet_level", payee) is None:
            return NO_SUCH_RECIPIENT
        if source == target:
            return self._transfer(request, provider, meaning, payee, f"+{payee}", WALLET_TRANSFER)
        rate = self._exchange.rate(source, target) if self._exchange is not None else None
        if rate is None:
            return UNREACHABLE
        cost = debit(request.amount, source, target, rate)
        shown = provider.form.shown(request.fields)
        order = self._converted(request, meaning, payee, cost, provider.terms.commission(cost), shown)
        order = msgspec.structs.replace(order, extras=(Extra("conversion_add", (request.payer, TXN, str(rate))),))
        counts: tuple[Count, ...] = ()
        if target == KZT:
            counts = await self._limits.to_tenge(request.payer, payee, cost, source)
        category = Category.OTHER if payee == request.payer else Category.TRANSFER
        counted = tuple(one for one in order.records if one.currency == source or one.direction is Direction.IN)
        return Plan(msgspec.structs.replace(order, counts=counts), category, counted)

    def _converted(
        self, request: Request, meaning: str, payee: int, cost: int, fee: int, shown: dict[str, str]
    ) -> Order:
        """
        Build the order of a conversion.

        shown      the fields, card numbers masked
        cost, fee  minor units of the balance that pays; what rounding left over stays on its liquidity account
        """
        payer, amount, comment = request.payer, request.amount, request.comment or ""
        source, target = request.pay_from or RUB, request.currency or RUB
        desk = house(0, self._writer.lane)
        pays, gets = account_id(payer, Kind.WALLET, source), account_id(payer, Kind.WALLET, target)
        openings = [Opening(desk, Kind.LIQUIDITY, one) for one in (source, target)]
        openings.append(Opening(payer, Kind.WALLET, target))
        transfers = [
            Transfer(pays, account_id(desk, Kind.LIQUIDITY, source), cost),
            Transfer(account_id(desk, Kind.LIQUIDITY, target), gets, amount),
        ]
        self._fee(pays, source, fee, transfers, openings)
        records = [
            Record(payer, Direction.OUT, source, request.provider, f"+{payee}", cost, fee, comment, request.client_id),
            Record(payer, Direction.IN, target, request.provider, f"+{payer}", amount, 0, comment, None),
        ]
        if payee != payer:
            transfers.append(Transfer(gets, account_id(payee, Kind.WALLET, target), amount))
            openings.append(_balance(payee, target))
            records += [
                Record(payer, Direction.OUT, target, WALLET_TRANSFER, f"+{payee}", amount, 0, comment, None),
                Record(payee, Direction.IN, target, WALLET_SYSTEM, f"+{payer}", amount, 0, comment, None),
            ]
        answer = answer_around(request, target, shown)
        return _order(request, meaning, transfers, openings, tuple(records), answer)

    def outside(self, request: Request, provider: Provider, meaning: str, lease: Lease) -> Plan | Refusal:
        """
        Plan a payment to an outside provider: on hold until its connector knows. Source: payments.md 3.3, 4.4 to 4.10.

        lease  who will carry it
        """
        refusal = out_of_bounds(provider.terms, request.amount)
        if refusal is not None:
            return refusal
        fields, currency = request.fields, request.currency or RUB
        shown = provider.form.shown(fields)
        fee = provider.terms.commission(request.amount) + provider.form.surcharge(fields)
        record = Record(
            request.payer, Direction.OUT, currency, provider.id, shown.get("account", ""), request.amount, fee,
            request.comment or "", request.client_id,
        )  # fmt: skip
        category = category_of(provider)
        payout = (
            request.payer, TXN, provider.id, currency, request.amount, fee, int(category), record.account,
            _encode(shown).decode(), self._keys.seal(SEALED, _encode(fields).decode(), str(request.payer)),
            lease.lasts, lease.holder,
        )  # fmt: skip
        answer = answer_around(request, currency, shown)
        order = Order(request.payer, request.client_id, meaning, answer=answer, extras=(Extra("payout_add", payout),))
        return Plan(accept_on_hold(record, order), category, None, fields)


def _balance(payee: int, currency: int) -> Opening:
    return Opening(payee, Kind.WALLET, currency, Level.ANONYMOUS)


def _order(
    request: Request, meaning: str, transfers: list[Transfer], openings: list[Opening], records: tuple[Record, ...],
    answer: tuple[str, str],
) -> Order:  # fmt: skip
    return Order(
        owner=request.payer,
        client_id=request.client_id,
        meaning=meaning,
        transfers=tuple(transfers),
        openings=tuple(openings),
        records=records,
        answer=answer,
    )
