"""
The objects of history as the wire has them: one full object for lists and for single transactions.

Source: history.md 7, client-compatibility.md 3.
"""

from datetime import timezone
from typing import TypeVar, cast

import msgspec

from kalita import ids
from kalita.clock import at_zone
from kalita.history.pages import DONE, Shown
from kalita.ledger.accounts import Direction
from kalita.providers.catalogue import WALLET_SYSTEM, Catalogue
from kalita.refusals import payment
from kalita.wire.amounts import Money, Number, encode, money

Written = TypeVar("Written", bound=msgspec.Struct)

STATUSES = {
    0: ("SUCCESS", "Успешно", "Success"),
    1: ("WAITING", "Запрос обрабатывается", "In progress"),
    2: ("ERROR", "Ошибка", "Error"),
}
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


def _written(shape: Written) -> Written:
    """Write a part that never changes once: what is encoded later copies the text. The type stays, for the schema."""
    return cast(Written, msgspec.Raw(encode(shape)))


READY, NOT_READY = _written(Features(cheque_ready=True)), _written(Features(cheque_ready=False))


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
    """Turn records into the wire's objects, with names out of the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[int, str], tuple[ProviderInfo, str]] = {}
        self._version = catalogue.version

    def transaction(self, wallet: int, row: Shown, language: str, zone: timezone) -> Transaction:
        """Show a record of a wallet in a language, its date in a zone."""
        txn_id, stream, provider_id, account, sum_, commission, comment, client_id, state, error_code = row
        direction, currency = divmod(stream, 1000)
        status, russian, english = STATUSES[state]
        provider, title = self._provider(provider_id, language)
        return Transaction(
            txn_id,
            wallet,
            at_zone(ids.moment_of(txn_id), zone),
            error_code or 0,
            payment(error_code).text(language) if error_code else None,
            DIRECTIONS[direction],
            status,
            english if language == "en" else russian,
            client_id if client_id is not None else str(txn_id),
            account,
            money(sum_, currency),
            money(commission, currency),
            money(sum_ + commission, currency),
            provider,
            self._provider(WALLET_SYSTEM, language)[0],
            comment,
            1,
            [],
            READY if state == DONE else NOT_READY,
            {},
            View(title, account),
        )

    def _provider(self, number: int, language: str) -> tuple[ProviderInfo, str]:
        if self._version != self._catalogue.version:
            self._known, self._version = {}, self._catalogue.version
        known = self._known.get((number, language))
        if known is None:
            provider = self._catalogue.get(number)
            name = provider.name(language) if provider else str(number)
            known = self._known[number, language] = (
                _written(ProviderInfo(number, name, name, None, None, None, None, [])),
                name,
            )
        return known
