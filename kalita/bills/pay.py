"""
Paying bills, by whoever has a wallet. Source: invoices.md 1 and 6.

The change of the bill and the movement of money are one transaction under the bill's lock, so of all who pay, reject or
let it expire at the same time exactly one wins.
"""

import re

from kalita.access.caps import Caps
from kalita.bills.bill import Bill, State
from kalita.bills.booked import payment_key
from kalita.bills.issue import Bills, closing
from kalita.clock import Clock
from kalita.ledger.accounts import Direction, Kind, account_id
from kalita.ledger.order import TXN, Extra, Guard, Opening, Order, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.limits.bind import Limits
from kalita.limits.caps import capped
from kalita.limits.table import Category
from kalita.people.wallets import Level, Wallets
from kalita.providers.catalogue import WALLET_SYSTEM, WALLET_TRANSFER
from kalita.refusals import (
    BILL_NOT_FOUND,
    BILL_OVER,
    CURRENCY,
    OUTDATED,
    OWN_WALLET,
    RECIPIENT_STATUS,
    REPEATED,
    Refusal,
    Refused,
)
from kalita.storage.engine import Engine, Step

_UID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
LARGEST_NUMBER = 2**53 - 1


class Payers:
    """The payers' side of bills: see those that are asked for, pay them, reject them."""

    def __init__(
        self, engine: Engine, writer: Ledger, clock: Clock, wallets: Wallets, limits: Limits, bills: Bills
    ) -> None:
        self._engine, self._writer, self._clock, self._wallets = engine, writer, clock, wallets
        self._limits, self._bills = limits, bills

    async def unpaid(self, wallet: int, since: int, until: int, at_most: int, limit: int) -> list[Bill]:
        """Return the unpaid bills a wallet sees, newest first: issued in a period, with numbers up to `at_most`."""
        rows = await self._engine.all("bills_for", wallet, since, until, at_most, self._clock.now(), limit)
        return [Bill(*row) for row in rows]

    async def opened(self, wallet: int, bill: Bill) -> None:
        """Note that a wallet opened the page of a bill: it sees the bill from now on."""
        if bill.state == State.WAITING and bill.owner != wallet:
            await self._engine.change(Step("bill_list_for", (wallet, bill.number)))

    async def by_uid(self, uid: str) -> Bill | None:
        """Return a bill by the id of its pay link, or None."""
        return await self._bills.found("bill_by_uid", uid) if _UID.fullmatch(uid) else None

    async def visible(self, wallet: int, name: str) -> Bill:
        """
        Return a bill that a wallet may pay.

        name    its number, if it was addressed to the wallet, opened or closed by it; or the id of its pay link
        raises  Refused: there is none, or the wallet does not see it
        """
        bill = await self.by_uid(name.lower())
        if bill is None and name.isascii() and name.isdigit() and len(name) <= 16:
            bill = await self._bills.found("bill_by_number", int(name)) if int(name) <= LARGEST_NUMBER else None
            if bill is not None and not await self._sees(wallet, bill):
                bill = None
        if bill is None:
            raise Refused(BILL_NOT_FOUND)
        return bill

    async def _sees(self, wallet: int, bill: Bill) -> bool:
        if bill.payer == wallet or str(wallet) == _phone(bill):
            return True
        return await self._engine.one("bill_is_for", wallet, bill.number) is not None

    async def pay(self, wallet: int, bill: Bill, currency: int, caps: Caps | None = None) -> Bill | Refusal:
        """
        Pay a bill, once.

        caps      what the token that asks may not go beyond
        currency  that of the bill
        returns   the bill as it is then, paid by whomever; or the refusal of the payment
        """
        if currency != bill.currency:
            return CURRENCY
        if bill.owner == wallet:
            return OWN_WALLET
        if bill.state != State.WAITING:
            return bill
        owner = await self._wallets.get(bill.owner)
        if owner is None or owner.level < Level.VERIFIED or owner.blocked or owner.closed_at is not None:
            return RECIPIENT_STATUS
        bound = await self._limits.bind(self._order(wallet, bill), Category.TRANSFER)
        order = await capped(bound, caps, WALLET_TRANSFER, self._limits)
        if isinstance(order, Refusal):
            return order
        outcome = await self._writer.submit(order)
        if isinstance(outcome, Refusal) and outcome not in (OUTDATED, REPEATED):
            return outcome
        bill = await self._bills.known(bill.owner, bill.bill_id)
        return BILL_OVER if bill.state == State.WAITING else bill  # the books know that it was paid, its row does not

    async def reject(self, wallet: int, name: str) -> None:
        """Reject a bill that was addressed to a wallet; raise the refusal when it cannot be."""
        bill = await self.visible(wallet, name)
        if bill.owner == wallet:
            raise Refused(BILL_NOT_FOUND)
        await self._bills.reject(bill, State.REJECTED_BY_PAYER)

    def _order(self, wallet: int, bill: Bill) -> Order:
        currency, now = bill.currency, self._clock.now()
        comment = bill.comment or ""
        source, target = (account_id(one, Kind.WALLET, currency) for one in (wallet, bill.owner))
        paid = Record(wallet, Direction.OUT, currency, WALLET_TRANSFER, f"+{bill.owner}", bill.amount, 0, comment, None)
        received = Record(
            bill.owner, Direction.IN, currency, WALLET_SYSTEM, f"+{wallet}", bill.amount, 0, comment, None
        )
        key = payment_key(bill, wallet, now)
        return Order(
            owner=key.owner,
            client_id=key.client_id,
            meaning=key.meaning,
            transfers=(Transfer(source, target, bill.amount),),
            openings=(Opening(bill.owner, Kind.WALLET, currency),),
            records=(paid, received),
            guard=Guard("bill_payable", (bill.number,)),
            extras=(
                Extra("bill_paid", (bill.number, now, wallet, TXN)),
                *(Extra(step.query, step.args) for step in closing(bill.number)),
            ),
        )


def _phone(bill: Bill) -> str:
    found = re.search(r'"phone":"\+?(\d{10,15})"', bill.customer or "")
    return found[1] if found else ""
