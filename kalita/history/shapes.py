"""
The objects of history as the wire has them: one full object for lists and for single transactions.

Source: history.md 7, client-compatibility.md 3.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from kalita import ids
from kalita.clock import at_zone
from kalita.history.pages import DONE, Shown
from kalita.ledger.accounts import Direction
from kalita.providers.catalogue import CONVERSION, WALLET_SYSTEM, Catalogue
from kalita.refusals import payment
from kalita.wire.amounts import Money, Number, encode, money

STATUSES = {
    0: ("SUCCESS", "Успешно", "Success"),
    1: ("WAITING", "Запрос обрабатывается", "In progress"),
    2: ("ERROR", "Ошибка", "Error"),
}
_NO_RATES: Mapping[int, Decimal] = {}
DIRECTIONS: dict[int, str] = {Direction.IN: "IN", Direction.OUT: "OUT", Direction.CARD: "QIWI_CARD"}


class ProviderInfo(msgspec.Struct, rename="camel"):
    """Whom the payment went to, or where it came from. Every member is always there."""

    id: int
    short_name: str
    long_name: str | None
    logo_url: str | None
    description: str | None
    keys: str | None
    site_url: str | None
    extras: list[str]


class Features(msgspec.Struct, rename="camel"):
    """What can be done with the payment."""

    cheque_ready: bool
    bank_document_ready: bool = False
    bank_document_available: bool = False
    repeat_payment_enabled: bool = False
    favorite_payment_enabled: bool = False
    regular_payment_enabled: bool = False
    chat_available: bool = False
    greeting_card_attached: bool = False


class View(msgspec.Struct):
    """Two lines for a person."""

    title: str
    account: str


class Extra(msgspec.Struct):
    """A public field of the payment."""

    key: str
    value: str


class Transaction(msgspec.Struct, rename="camel"):
    """A payment as its owner sees it."""

    txn_id: int
    person_id: int
    date: str
    error_code: int
    error: str | None
    type: str
    status: str
    status_text: str
    trm_txn_id: str
    account: str
    sum: Money
    commission: Money
    total: Money
    provider: ProviderInfo
    source: ProviderInfo
    comment: str
    currency_rate: Number
    payment_extras: list[Extra]
    features: Features
    service_extras: dict[str, str]
    view: View


class Page(msgspec.Struct, rename="camel"):
    """A page; the tokens name the first record of the next one, null on the last."""

    data: list[Transaction]
    next_txn_id: int | None
    next_txn_date: str | None


class Totals(msgspec.Struct, rename="camel"):
    """Sums of what succeeded, one for each currency."""

    incoming_total: list[Money]
    outgoing_total: list[Money]


def amounts(totals: dict[int, int]) -> list[Money]:
    """Return totals by currency, ascending by its number."""
    return [money(total, currency) for currency, total in sorted(totals.items())]


class Shapes:
    """
    Turn records into the wire's objects, with names out of the catalogue.

    Records of one kind differ in a few members only. So the object of a kind is encoded once, with a mark where those
    members go, and cut at the marks; a record is then one join of texts.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._cuts: dict[_Sort, list[bytes]] = {}
        self._version = catalogue.version

    def transaction(
        self, wallet: int, row: Shown, language: str, zone: timezone, rates: Mapping[int, Decimal] = _NO_RATES
    ) -> bytes:
        """
        Write a record of a wallet as a Transaction, in a language, its date in a zone.

        rates  of conversions, by transaction
        """
        return self.transactions(wallet, (row,), language, zone, rates)[0]

    def transactions(
        self, wallet: int, rows: Iterable[Shown], language: str, zone: timezone, rates: Mapping[int, Decimal]
    ) -> list[bytes]:
        """Write many, each as `transaction` does."""
        if self._version != self._catalogue.version:
            self._cuts, self._version = {}, self._catalogue.version
        known, owner, dated, texts = self._cuts, b"%d" % wallet, _dates(zone), []
        for txn_id, stream, provider, account, sum_, commission, comment, client_id, state, error_code in rows:
            sort = (stream, provider, state, error_code, language)
            begin, b, c, d, e, f, g, h, i, j, k, end = known.get(sort) or self._cut(sort)
            currency, shown, number = stream % 1000, encode(account), b"%d" % txn_id
            date, paid = dated(ids.moment_of(txn_id)), _money(sum_, currency)
            fee, total = _money(commission, currency), _money(sum_ + commission, currency) if commission else paid
            rate = encode(rates[txn_id]) if provider == CONVERSION and txn_id in rates else b"1"
            client = encode(client_id) if client_id else b'"%b"' % number
            texts.append(b"".join((
                begin, number, b, owner, c, date, d, client, e, shown, f, paid, g, fee, h, total, i,
                encode(comment) if comment else b'""', j, rate, k, shown, end,
            )))  # fmt: skip
        return texts

    def page(self, texts: Iterable[bytes], following: tuple[int, str] | None) -> bytes:
        """Write a Page of records that `transactions` wrote. following: the tokens of the next page, if there is one"""
        begin, between, before_date, end = _PAGE_CUTS
        txn_id, date = (b"%d" % following[0], b'"%b"' % following[1].encode()) if following else (b"null", b"null")
        return b"".join((begin, b",".join(texts), between, txn_id, before_date, date, end))

    def _cut(self, sort: "_Sort") -> list[bytes]:
        stream, provider_id, state, error_code, language = sort
        status, russian, english = STATUSES[state]
        provider, title = self._provider(provider_id, language)
        kind = Transaction(
            _MARK,
            _MARK,
            _TEXT_MARK,
            error_code or 0,
            payment(error_code).text(language) if error_code else None,
            DIRECTIONS[stream // 1000],
            status,
            english if language == "en" else russian,
            _MARK,
            _MARK,
            _MARK,
            _MARK,
            _MARK,
            provider,
            self._provider(WALLET_SYSTEM, language)[0],
            _MARK,
            _MARK,
            [],
            Features(cheque_ready=state == DONE),
            {},
            View(title, _MARK),
        )
        cuts = self._cuts[sort] = encode(kind).split(b"\0")
        return cuts

    def _provider(self, number: int, language: str) -> tuple[ProviderInfo, str]:
        provider = self._catalogue.get(number)
        name = provider.name(language) if provider else str(number)
        return ProviderInfo(number, name, name, None, None, None, None, []), name


_Sort = tuple[int, int, int, int | None, str]
"""What records of one kind share: stream, provider, state, error code, language."""

_MARK: Any = msgspec.Raw(b"\0")
"""Stands where a record's own member goes; no text that is encoded has this byte."""

_TEXT_MARK: Any = msgspec.Raw(b'"\0"')
"""The same for a text that needs no escapes."""

_PAGE_CUTS = encode(Page([_MARK], _MARK, _MARK)).split(b"\0")


@lru_cache(8)
def _dates(zone: timezone) -> Callable[[int], bytes]:
    """Return what writes moments in a zone; what many wallets pay in a second is written once."""
    return lru_cache(8_192)(lambda moment: at_zone(moment, zone).encode())


@lru_cache(16_384)
def _money(minor: int, currency: int) -> bytes:
    return encode(money(minor, currency))
