"""
Accept a payment: one order of the ledger, or the reason why not. Source: payments.md 3.
"""

import re
from dataclasses import dataclass

import msgspec

from kalita.keys import Keys
from kalita.ledger.accounts import Direction, Kind, account_id, house
from kalita.ledger.order import Accepted, Opening, Order, Record, Transfer
from kalita.ledger.writer import Ledger
from kalita.limits.bind import Limits
from kalita.limits.table import Category
from kalita.money import RUB, WALLET_CURRENCIES, face
from kalita.people.wallets import Level
from kalita.providers.catalogue import WALLET_SYSTEM, WALLET_TRANSFER, Catalogue, Provider
from kalita.refusals import (
    ABOVE_MAXIMUM,
    BELOW_MINIMUM,
    CURRENCY,
    OWN_WALLET,
    PROVIDER_CLOSED,
    REPEATED,
    UNUSABLE,
    WRONG_FORMAT,
    Refusal,
    Refused,
)
from kalita.storage.engine import Engine

_PHONE = re.compile(r"\+?([1-9]\d{9,14})", re.ASCII)
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Request:
    """
    What a payer asks for, its shape checked, its words ours.

    client_id  the payer's own id, digits
    amount     minor units, already rounded down
    currency   of the sum; None when it is no currency we know
    pay_from   currency of the balance to debit; None likewise
    method     how to pay; only `Account` is offered
    fields     the provider's details as sent
    """

    payer: int
    provider: int
    client_id: str
    amount: int
    currency: int | None
    pay_from: int | None
    method: str
    fields: dict[str, str]
    comment: str | None


class Payments:
    """Accept payments into the ledger."""

    def __init__(
        self,
        engine: Engine,
        writer: Ledger,
        catalogue: Catalogue,
        keys: Keys,
        make_wallets: bool,
        limits: Limits,
    ) -> None:
        self._engine, self._writer, self._catalogue, self._keys = engine, writer, catalogue, keys
        self._make_wallets, self._limits = make_wallets, limits

    async def accept(self, request: Request) -> str:
        """
        Accept a payment and return the text of its answer; for a repeat the first answer again.

        raises  Refused with the payment code that says why not; nothing was debited then
        """
        meaning = self._meaning(request)
        prepared = self._prepare(request, meaning)
        if isinstance(prepared, Refusal):
            return await self._repeat_or(prepared, request, meaning)
        outcome = await self._writer.submit(await self._limits.bind(prepared, Category.TRANSFER))
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        return outcome.answer

    async def _repeat_or(self, refusal: Refusal, request: Request, meaning: str) -> str:
        """Answer a repeat even when the rules would now refuse it: the id is looked up before any rule."""
        row = await self._engine.one("payment_by_client_id", request.payer, request.client_id)
        if row is None:
            raise Refused(refusal)
        earlier = Accepted(row[0], row[2], True)
        if row[1] != meaning:
            raise Refused(REPEATED)
        return earlier.answer

    def _meaning(self, request: Request) -> str:
        """Hash what a request means: the same id with another meaning is refused. Source: payments.md 3.2."""
        content = (
            request.provider,
            request.amount,
            request.currency,
            request.pay_from,
            request.method,
            sorted(request.fields.items()),
            request.comment,
        )
        return self._keys.digest("meaning", _encode(content))

    def _prepare(self, request: Request, meaning: str) -> Order | Refusal:
        provider = self._catalogue.get(request.provider)
        if provider is None or not provider.payable or provider.id != WALLET_TRANSFER:
            return PROVIDER_CLOSED
        if request.method != "Account":
            return UNUSABLE
        if request.currency not in provider.currencies or request.pay_from not in WALLET_CURRENCIES:
            return CURRENCY
        return self._transfer(request, provider, meaning)

    def _transfer(self, request: Request, provider: Provider, meaning: str) -> Order | Refusal:
        """Prepare a transfer to a wallet. Source: payments.md 4.1."""
        phone = _PHONE.fullmatch(request.fields.get("account", ""))
        if phone is None:
            return WRONG_FORMAT
        payee = int(phone[1])
        if payee == request.payer:
            return OWN_WALLET
        if request.pay_from != request.currency:
            return CURRENCY
        terms = provider.terms
        if request.amount < terms.min_sum:
            return BELOW_MINIMUM
        if terms.max_sum is not None and request.amount > terms.max_sum:
            return ABOVE_MAXIMUM
        return self._order(request, payee, terms.commission(request.amount), meaning)

    def _order(self, request: Request, payee: int, fee: int, meaning: str) -> Order:
        payer, amount, currency = request.payer, request.amount, request.currency or RUB
        comment = request.comment or ""
        source = account_id(payer, Kind.WALLET, currency)
        transfers = [Transfer(source, account_id(payee, Kind.WALLET, currency), amount)]
        openings = [Opening(payee, Kind.WALLET, currency, Level.ANONYMOUS)] if self._make_wallets else []
        if fee:
            keeper = house(0, self._writer.lane)
            transfers.append(Transfer(source, account_id(keeper, Kind.FEE, currency), fee))
            openings.append(Opening(keeper, Kind.FEE, currency))
        paid = Record(
            payer, Direction.OUT, currency, request.provider, f"+{payee}", amount, fee, comment, request.client_id
        )
        received = Record(payee, Direction.IN, currency, WALLET_SYSTEM, f"+{payer}", amount, 0, comment, None)
        return Order(
            owner=payer,
            client_id=request.client_id,
            meaning=meaning,
            transfers=tuple(transfers),
            openings=tuple(openings),
            records=(paid, received),
            answer=answer_around(request, currency),
        )


def answer_around(request: Request, currency: int) -> tuple[str, str]:
    """
    Write the answer to a payment, cut where the transaction id goes.

    It is stored with the payment and replayed to repeats, never built again. Source: payments.md 2.2
    """
    fields = _encode(request.fields).decode()
    comment = "" if request.comment is None else f',"comment":{_encode(request.comment).decode()}'
    return (
        f'{{"id":"{request.client_id}","terms":"{request.provider}","fields":{fields},'
        f'"sum":{{"amount":{face(request.amount, currency)},"currency":"{currency}"}},"transaction":{{"id":"',
        f'","state":{{"code":"Accepted"}}}},"source":"account_{request.pay_from}"{comment}}}',
    )
