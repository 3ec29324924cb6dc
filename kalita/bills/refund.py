"""
Giving money of a paid bill back, where the operator switched it on. Source: invoices.md 3.4.
"""

from typing import NamedTuple

from kalita.bills.bill import Bill, State
from kalita.bills.booked import refund_key
from kalita.clock import Clock
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.order import TXN, Extra, Guard, Order, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.limits.bind import Limits
from kalita.providers.catalogue import WALLET_SYSTEM, WALLET_TRANSFER
from kalita.refusals import (
    BILL_CONFLICT,
    OUTDATED,
    REFUND_AMOUNT,
    REFUND_EXISTS,
    REFUND_NOT_FOUND,
    REPEATED,
    Refusal,
    Refused,
)
from kalita.storage.engine import Engine


class Refund(NamedTuple):
    """Money that went back. amount in minor units; whole: with it everything did."""

    amount: int
    whole: int
    made_at: int
    txn_id: int


class Refunds:
    """Give money back. offered: False: nothing is."""

    def __init__(self, engine: Engine, writer: Ledger, clock: Clock, limits: Limits, offered: bool) -> None:
        self._engine, self._writer, self._clock = engine, writer, clock
        self._limits, self._offered = limits, offered

    async def known(self, bill: Bill, refund_id: str) -> Refund:
        """Return a refund; raise the refusal when there is none."""
        refund = await self._found(bill, refund_id) if self._offered else None
        if refund is None:
            raise Refused(REFUND_NOT_FOUND)
        return refund

    async def _found(self, bill: Bill, refund_id: str) -> Refund | None:
        row = await self._engine.one("bill_refund_get", bill.owner, bill.bill_id, refund_id)
        return None if row is None else Refund(*row)

    async def give_back(self, bill: Bill, refund_id: str, amount: int, currency: int) -> Refund | Bill:
        """
        Give an amount back to the payer; the same id with the same amount gives the same answer.

        returns  the refund; or the bill, when it changed meanwhile and has to be looked at again
        """
        if not self._offered:
            raise Refused(REFUND_NOT_FOUND)
        known = await self._found(bill, refund_id)
        if known is not None:
            if (known.amount, bill.currency) != (amount, currency):
                raise Refused(REFUND_EXISTS, "this refundId was used for another amount")
            return known
        if bill.state != State.PAID:
            raise Refused(BILL_CONFLICT, "the bill is not paid")
        if currency != bill.currency or not 0 < amount <= bill.amount - bill.refunded:
            raise Refused(REFUND_AMOUNT)
        paid = self._paid(bill) if amount + bill.refunded == bill.amount else None
        order = await self._limits.refunded(self._order(bill, refund_id, amount), paid, bill.txn_id or 0)
        outcome = await self._writer.submit(order)
        if outcome == OUTDATED:
            return bill
        if isinstance(outcome, Refusal) and outcome != REPEATED:
            raise Refused(BILL_CONFLICT, outcome.en)
        known = await self._found(bill, refund_id)
        if known is None:
            raise Refused(BILL_CONFLICT, "the books hold a refund with this refundId, and its row is missing")
        return bill if isinstance(outcome, Refusal) else known

    def _paid(self, bill: Bill) -> Record:
        """Return the payer's record of the payment, as far as limits look at it."""
        assert bill.payer is not None
        return Record(bill.payer, Direction.OUT, bill.currency, WALLET_TRANSFER, "", bill.amount, 0, "", None)

    def _order(self, bill: Bill, refund_id: str, amount: int) -> Order:
        payer, owner, currency = bill.payer, bill.owner, bill.currency
        assert payer is not None
        whole, now = int(amount + bill.refunded == bill.amount), self._clock.now()
        key = refund_key(owner, bill.bill_id, bill.number, refund_id, amount, whole, now)
        comment = bill.comment or ""
        source, target = (account_id(wallet, Kind.WALLET, currency) for wallet in (owner, payer))
        return Order(
            owner=key.owner,
            client_id=key.client_id,
            meaning=key.meaning,
            transfers=(Transfer(source, target, amount),),
            records=(
                Record(owner, Direction.OUT, currency, WALLET_TRANSFER, f"+{payer}", amount, 0, comment, None),
                Record(payer, Direction.IN, currency, WALLET_SYSTEM, f"+{owner}", amount, 0, comment, None),
            ),
            guard=Guard("bill_refund_fits", (bill.number, bill.refunded)),
            extras=(
                Extra("bill_refund_counts", (bill.number, amount)),
                Extra("bill_refund_add", (owner, bill.bill_id, refund_id, amount, whole, now, TXN)),
            ),
        )
