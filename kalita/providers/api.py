"""
Providers over HTTP: what a payment costs, standing terms, rates, preparatory calls. Source: payments.md 5 to 9.
"""

import re
from typing import Any

import msgspec

from kalita.exchange.store import Exchange
from kalita.money import RUB, WALLET_CURRENCIES, number, parse_amount
from kalita.providers.cards import luhn, masked
from kalita.providers.catalogue import NICKNAME_TRANSFER, Catalogue
from kalita.providers.detect import Detector
from kalita.providers.prepared import Prepared
from kalita.providers.provider import Provider
from kalita.providers.quotes import Quote, quote
from kalita.providers.shapes import (
    CardBody,
    Commission,
    Container,
    Content,
    CrossRate,
    CrossRates,
    Element,
    Part,
    PrepareBody,
    QuoteBody,
    QuoteInfo,
    Range,
    TermsInfo,
    TermsOf,
    plain,
)
from kalita.refusals import (
    ABOVE_MAXIMUM,
    BELOW_MINIMUM,
    CURRENCY,
    NO_PROVIDER,
    PROVIDER_CLOSED,
    UNREACHABLE,
    UNUSABLE,
    WRONG_CARD,
    WRONG_FORMAT,
    Refusal,
    Refused,
    malformed,
)
from kalita.wire.amounts import encode
from kalita.wire.door import amount_text
from kalita.wire.endpoint import Call, Caller, Endpoint, Family, Permission, Rate
from kalita.wire.fields import currency_of
from kalita.wire.oldsite import NORMAL, OldAnswer
from kalita.wire.params import Param

LONGEST_ACCOUNT = 200
_PHONE = re.compile(r"\+?[1-9]\d{9,14}", re.ASCII)
_NICKNAME = re.compile(r"[A-Za-z0-9]{5,20}", re.ASCII)
CARD_CONTAINER = "bd6fb248-2bdf-49ed-bcb2-9b0a789cfde8"
KAZAKH_CONTAINER = "a42ebc79-0584-4271-b8a0-15cb4ea8b340"


class Quotes:
    """Answer what is asked before a payment."""

    def __init__(self, catalogue: Catalogue, exchange: Exchange, detector: Detector, prepared: Prepared) -> None:
        self._catalogue, self._exchange, self._detector, self._prepared = catalogue, exchange, detector, prepared

    async def commission(self, call: Call) -> bytes:
        """Answer what a payment would cost; the payment itself is priced by the same code."""
        body: QuoteBody = call.body
        currency = currency_of(body.purchase_totals.total.currency)
        pay_from = currency_of(body.payment_method.account_id)
        text = amount_text("purchaseTotals.total.amount", bytes(body.purchase_totals.total.amount))
        amount = parse_amount(text, currency or RUB)
        if amount is None:
            raise malformed("purchaseTotals.total.amount", "digits with at most one point are needed")
        provider = self._payable(call.path["id"])
        if body.payment_method.type != "Account":
            raise Refused(UNUSABLE)
        if currency is None or pay_from not in WALLET_CURRENCIES:
            raise Refused(CURRENCY)
        if not _may_be(provider, body.account):
            raise Refused(WRONG_FORMAT)
        found = quote(provider, amount, currency, pay_from, self._exchange)
        if isinstance(found, Refusal):
            raise Refused(found)
        return encode(_info(provider.id, found, pay_from, currency))

    async def terms(self, call: Call) -> bytes:
        """Answer the standing terms of a provider."""
        return encode(_terms(self._payable(call.path["id"])))

    async def old_terms(self, call: Call) -> bytes:
        """Answer the same in the shape of the old site."""
        body = msgspec.Raw(encode(_terms(self._payable(call.path["id"]))))
        return encode(OldAnswer(NORMAL, {"body": body, "status": 200}))

    async def rates(self, call: Call) -> bytes:
        """Answer every rate of the moment, both ways."""
        rows = [] if self._exchange.stale else self._exchange.rates.all()
        return encode(
            CrossRates([CrossRate("General", f"{one:03}", f"{other:03}", plain(rate)) for one, other, rate in rows])
        )

    async def card(self, call: Call) -> bytes:
        """Answer the provider of a card number. Source: payments.md 9.1."""
        found = self._detector.card(call.body.account)
        if found is None:
            raise Refused(WRONG_CARD)
        return encode(Container([Element("termsId", str(found))]))

    async def prepare(self, call: Call) -> bytes:
        """Answer what a payment to a card of a Kazakh bank has to carry. Source: payments.md 9.2."""
        body: PrepareBody = call.body
        if (str(body.version), str(body.transfer_sum), body.src) != ("2", "100", "sinap"):
            raise Refused(UNUSABLE)
        if not luhn(body.card_number):
            raise Refused(WRONG_CARD)
        note = self._prepared.note(call.wallet, body.card_number)
        return encode(Container([Element("account", masked(body.card_number)), Element("ev_account1", note)]))

    def _payable(self, provider_id: int) -> Provider:
        provider = self._catalogue.get(provider_id)
        if provider is None or not provider.payable:
            raise Refused(PROVIDER_CLOSED)
        return provider


def _may_be(provider: Provider, account: str) -> bool:
    """Tell whether a text may name a recipient: here phones carry their country code, and cards blanks."""
    if not account.strip() or len(account) > LONGEST_ACCOUNT:
        return False
    if provider.kind == "card":
        return luhn(account.replace(" ", ""))
    if provider.kind in ("wallet", "conversion", "mobile"):
        named = provider.id == NICKNAME_TRANSFER and _NICKNAME.fullmatch(account)
        return bool(_PHONE.fullmatch(account) or named)
    return True


def _info(provider_id: int, found: Quote, pay_from: int, currency: int) -> QuoteInfo:
    def part(minor: int, of: int) -> Part:
        return Part(number(minor, of), f"{of:03}")

    return QuoteInfo(
        provider_id,
        part(found.debited, pay_from),
        part(found.credited, currency),
        part(found.commission, pay_from),
        part(0, pay_from),
        plain(found.rate),
    )


def _terms(provider: Provider) -> TermsInfo:
    terms, currency = provider.terms, provider.currencies[0]

    def amount(minor: int | None) -> Any:
        return None if minor is None else number(minor, currency)

    row = Range(0, plain(terms.percent / 100), amount(terms.least), amount(terms.most), amount(terms.fixed))
    return TermsInfo(Content(TermsOf(str(provider.id), Commission([row]))))


def provider_number(text: str) -> int | None:
    """Read a provider's id from the path; raise the 404 for what is no number. Source: payments.md 3.4, access.md 9."""
    if not text.isascii() or not text.isdigit():
        raise Refused(NO_PROVIDER)
    return int(text) if len(text) <= 9 else None


PROVIDER = Param(
    "id",
    provider_number,
    "a provider's id has at most 9 digits",
    {"type": "string", "pattern": "^[0-9]{1,9}$"},
    required=True,
    example="99",
)
_OF_QUOTES = (
    NO_PROVIDER, PROVIDER_CLOSED, UNUSABLE, WRONG_FORMAT, CURRENCY, BELOW_MINIMUM, ABOVE_MAXIMUM, UNREACHABLE,
)  # fmt: skip


def _form(method: str, path: str, old: bool = False) -> Endpoint:
    return Endpoint(
        method,
        path,
        Quotes,
        Quotes.old_terms if old else Quotes.terms,
        "Standing commission of a provider" + (", old form" if old else ""),
        "payments.md 6",
        caller=Caller.ANYONE,
        at=(PROVIDER,),
        answers=OldAnswer if old else TermsInfo,
        refusals=(NO_PROVIDER, PROVIDER_CLOSED),
        family=Family.PAYMENT,
        rate=Rate.NONE,
    )


def _container(name: str, handler: Any, body: type, title: str, refusals: tuple[Refusal, ...]) -> Endpoint:
    return Endpoint(
        "POST",
        f"/sinap/api/refs/{name}/containers",
        Quotes,
        handler,
        title,
        "payments.md 9",
        permission=Permission.PAYMENTS,
        body=body,
        answers=Container,
        refusals=refusals,
        family=Family.PAYMENT,
    )


ROWS = (
    Endpoint(
        "POST",
        "/sinap/providers/{id}/onlineCommission",
        Quotes,
        Quotes.commission,
        "What a payment would cost",
        "payments.md 5",
        permission=Permission.PAYMENTS,
        at=(PROVIDER,),
        body=QuoteBody,
        answers=QuoteInfo,
        refusals=_OF_QUOTES,
        family=Family.PAYMENT,
    ),
    _form("GET", "/sinap/providers/{id}/form"),
    _form("POST", "/sinap/providers/{id}/form"),
    _form("GET", "/sinap/providers/{id}/form/proxy.action", old=True),
    Endpoint(
        "GET",
        "/sinap/crossRates",
        Quotes,
        Quotes.rates,
        "Exchange rates",
        "payments.md 8",
        caller=Caller.OPTIONAL,
        answers=CrossRates,
        family=Family.PAYMENT,
    ),
    _container(
        CARD_CONTAINER, Quotes.card, CardBody, "The provider of a card (Russia, Belarus)", (WRONG_CARD,)
    ),
    _container(
        KAZAKH_CONTAINER, Quotes.prepare, PrepareBody, "Prepare a payment to a card of a Kazakh bank",
        (WRONG_CARD, UNUSABLE),
    ),
)  # fmt: skip
