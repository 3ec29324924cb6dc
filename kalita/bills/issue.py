"""
Issuing bills and rejecting them, by who asks for the money. Source: invoices.md 3.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec

from kalita.bills.bill import LIFE, Bill, State, Wish, expiry_of
from kalita.bills.keys import KeyPairs
from kalita.clock import Clock, at_zone
from kalita.ids import next_id
from kalita.observe import log
from kalita.people.wallets import Level, Wallets
from kalita.refusals import (
    BILL_CONFLICT,
    BILL_CONFLICT_OF_PAYER,
    BILL_EXISTS,
    BILL_NOT_FOUND,
    FORBIDDEN,
    Refused,
    malformed,
)
from kalita.storage.engine import Engine, Step, Unavailable

Same = Callable[[Bill, Wish], bool]
SWEPT_AT_ONCE, SWEEP_S = 200, 1.0


class Bills:
    """Issue bills, look at them, reject them, let them expire."""

    def __init__(self, engine: Engine, clock: Clock, wallets: Wallets, pairs: KeyPairs) -> None:
        self._engine, self._clock, self._wallets, self.pairs = engine, clock, wallets, pairs

    async def issue(self, owner: int, pair: str, bill_id: str, wish: Wish, same: Same | None = None) -> Bill:
        """
        Issue a bill; the same wish under the same id gives the bill as it is now.

        same    tells whether the bill there is what was wished for; without it everything is compared
        raises  Refused: the expiry is none, the owner may not ask for money, or the id was used for another wish
        """
        if wish.expiry is not None and expiry_of(wish.expiry, 0) is None:
            raise malformed("expirationDateTime", "a date like 2026-01-14T15:12:08+03:00 is needed")
        known = await self.get(owner, bill_id)
        if known is None:
            await self._may(owner)
            known = await self._add(owner, pair, bill_id, wish)
        if not (same or _same)(known, wish):
            raise Refused(BILL_EXISTS, "this billId was used for another bill")
        return known

    async def admit(self, owner: int) -> None:
        """Raise the refusal when the owner of a key is blocked. Source: invoices.md 3.5."""
        wallet = await self._wallets.get(owner)
        if wallet is None or wallet.blocked:
            raise Refused(FORBIDDEN, "the owner of the key is blocked")

    async def _may(self, owner: int) -> None:
        wallet = await self._wallets.get(owner)
        if wallet is None or wallet.blocked or wallet.level < Level.VERIFIED:
            raise Refused(FORBIDDEN, "the owner of the key is blocked, or not VERIFIED or FULL any more")

    async def _add(self, owner: int, pair: str, bill_id: str, wish: Wish) -> Bill:
        now = self._clock.now()
        expiry = expiry_of(wish.expiry, now)
        if expiry is None:
            raise malformed("expirationDateTime", "a moment to come is needed")
        made = None
        while made is None:  # but for the rare number that another bill has already
            number = next_id(now, 0, 0) | secrets.randbelow(4096)
            row = (
                owner, bill_id, number, str(uuid4()), pair, wish.amount, wish.currency, wish.comment, wish.customer,
                wish.custom, expiry[0], now, expiry[1],
            )  # fmt: skip
            steps = [Step("bill_add", row)]
            if wish.phone is not None:
                steps.append(Step("bill_list_for", (wish.phone, number)))
            await self._engine.change(*steps)
            made = await self.get(owner, bill_id)
        return made

    async def get(self, owner: int, bill_id: str) -> Bill | None:
        """Return a bill as it is now, or None."""
        return await self.found("bill_get", owner, bill_id)

    async def found(self, query: str, *args: int | str) -> Bill | None:
        """
        Return the bill that a named read finds, as it is now, or None.

        One whose time has passed is expired by whoever looks first, so that nobody is told what a payment that is
        being written still changes.
        """
        row = await self._engine.one(query, *args)
        if row is None:
            return None
        bill, now = Bill(*row), self._clock.now()
        if bill.is_over(now):
            await self._engine.change(Step("bill_expire", (bill.number, now)), *closing(bill.number))
            row = await self._engine.one(query, *args)
            assert row is not None
            return Bill(*row)
        return bill

    async def known(self, owner: int, bill_id: str) -> Bill:
        """Return a bill as it is now; raise the refusal when there is none."""
        bill = await self.get(owner, bill_id)
        if bill is None:
            raise Refused(BILL_NOT_FOUND)
        return bill

    async def reject(self, bill: Bill, state: State) -> Bill:
        """
        Reject a bill; one that is rejected already stays as it is.

        state   REJECTED or REJECTED_BY_PAYER
        raises  Refused: it was paid, or has expired
        """
        if bill.state == State.WAITING:
            await self._engine.change(
                Step("bill_reject", (bill.number, int(state), self._clock.now())), *closing(bill.number)
            )
            bill = await self.known(bill.owner, bill.bill_id)
        if bill.state not in (State.REJECTED, State.REJECTED_BY_PAYER):
            refusal = BILL_CONFLICT if state == State.REJECTED else BILL_CONFLICT_OF_PAYER
            raise Refused(refusal, "the bill was paid or has expired")
        return bill

    async def sweep(self) -> int:
        """Let bills past their time expire; return how many there were."""
        now = self._clock.now()
        overdue = await self._engine.all("bills_overdue", now, SWEPT_AT_ONCE)
        for (number,) in overdue:
            await self._engine.change(Step("bill_expire", (number, now)), *closing(number))
        return len(overdue)

    async def keep_sweeping(self) -> None:
        """Sweep now and then, until cancelled."""
        while True:
            try:
                count = await self.sweep()
            except Unavailable as problem:
                log.warning("bills_not_swept", reason=str(problem))
                count = 0
            await asyncio.sleep(SWEEP_S if count < SWEPT_AT_ONCE else 0)


def closing(number: int) -> tuple[Step, ...]:
    """Return what goes with every end of a bill: it leaves the payers' lists, and its owner may be told."""
    return Step("bill_unlist", (number,)), Step("bill_event", (number,)), Step("bill_wake", (number,))


def _same(bill: Bill, wish: Wish) -> bool:
    """Compare what was asked for: fields in any order are the same, and an expiry only where it was asked for."""
    if (bill.amount, bill.currency, bill.comment) != (wish.amount, wish.currency, wish.comment):
        return False
    if (bill.customer, _fields(bill.custom)) != (wish.customer, _fields(wish.custom)):
        return False
    if wish.expiry is None:
        return bill.expiry == at_zone(bill.created_at + LIFE)  # as one is made up
    shown = expiry_of(wish.expiry, 0)
    return shown is not None and shown[0] == bill.expiry


def _fields(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
