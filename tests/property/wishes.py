"""
What a random walk asks the books for. A wish says in plain values what should happen; two equal wishes are repeats.
"""

from dataclasses import dataclass

from kalita.app import App
from kalita.ledger.accounts import Direction
from kalita.ledger.holds import Held, post, void
from kalita.ledger.order import Accepted
from kalita.payments.accept import Request
from kalita.refusals import Refusal, Refused
from tests.books import RUB, bill, pay

OPERATOR, PROVIDER = 0, 1


@dataclass(frozen=True)
class Payment:
    """A payment to a wallet through the API's own door. to: the number as typed."""

    payer: int
    to: str
    amount: int
    client_id: str
    currency: int | None = RUB
    pay_from: int | None = RUB
    method: str = "Account"
    provider: int = 99
    comment: str | None = None

    @property
    def key(self) -> tuple[int, str] | None:
        """The repeat key."""
        return self.payer, self.client_id

    async def ask(self, app: App) -> int | Refusal:
        """Ask the books."""
        request = Request(
            self.payer,
            self.provider,
            self.client_id,
            self.amount,
            self.currency,
            self.pay_from,
            self.method,
            {"account": self.to},
            self.comment,
        )
        try:
            text = await app.payments.accept(request)
        except Refused as refused:
            return refused.refusal
        return int(text.split('"transaction":{"id":"')[1].split('"')[0])


class _Ordered:
    """A wish that goes to the ledger as an order."""

    async def ask(self, app: App) -> int | Refusal:
        """Ask the books; the id of the transaction, the first one for a repeat."""
        outcome = await self._submit(app)
        return outcome.txn_id if isinstance(outcome, Accepted) else outcome


@dataclass(frozen=True)
class Charged(_Ordered):
    """A payment to a wallet with a commission, in any currency."""

    payer: int
    payee: int
    amount: int
    fee: int
    currency: int
    client_id: str | None

    @property
    def key(self) -> tuple[int, str] | None:
        """The repeat key."""
        return None if self.client_id is None else (self.payer, self.client_id)

    async def _submit(self, app: App):
        order = pay(self.payer, self.payee, self.amount, fee=self.fee, currency=self.currency, client_id=self.client_id)
        return await app.writer.submit(order)


@dataclass(frozen=True)
class TopUp(_Ordered):
    """Money that the operator brings."""

    wallet: int
    amount: int
    currency: int
    note: str
    client_id: str | None

    @property
    def key(self) -> tuple[int, str] | None:
        """The repeat key."""
        return None if self.client_id is None else (OPERATOR, self.client_id)

    async def _submit(self, app: App):
        return await app.wallets.top_up(self.wallet, self.amount, self.currency, self.client_id, self.note)


@dataclass(frozen=True)
class Waiting(_Ordered):
    """A payment to an outside provider: its money waits on hold."""

    payer: int
    amount: int
    fee: int
    currency: int
    client_id: str | None

    @property
    def key(self) -> tuple[int, str] | None:
        """The repeat key."""
        return None if self.client_id is None else (self.payer, self.client_id)

    async def _submit(self, app: App):
        order = bill(self.payer, self.amount, fee=self.fee, currency=self.currency, client_id=self.client_id)
        return await app.writer.submit(order)


@dataclass(frozen=True)
class End(_Ordered):
    """The end of a payment that waits, or once did. error_code: 0 success."""

    first: Waiting
    txn_id: int
    error_code: int
    key = None

    async def _submit(self, app: App):
        first = self.first
        held = Held(first.payer, Direction.OUT, first.currency, self.txn_id, first.amount, first.fee)
        order = void(held, self.error_code) if self.error_code else post(held, PROVIDER, app.writer.lane)
        return await app.writer.submit(order)


Wish = Payment | Charged | TopUp | Waiting | End
