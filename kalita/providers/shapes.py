"""
Bodies of the calls about providers: what goes in and what comes back. Source: payments.md 5 to 15.
"""

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from kalita.wire.amounts import Amount, Number
from kalita.wire.fields import CurrencyCode, RawAmount


class Method(msgspec.Struct, rename="camel"):
    """From which balance."""

    type: Annotated[str, msgspec.Meta(examples=["Account"])]
    account_id: CurrencyCode


class Total(msgspec.Struct):
    """How much is to arrive."""

    amount: RawAmount
    currency: CurrencyCode


class Totals(msgspec.Struct):
    """What is to be paid."""

    total: Total


class QuoteBody(msgspec.Struct, rename="camel"):
    """Asks what a payment would cost."""

    account: Annotated[str, msgspec.Meta(examples=["+79994445566"])]
    payment_method: Method
    purchase_totals: Totals


class Part(msgspec.Struct):
    """An amount; its currency is text here."""

    amount: Amount
    currency: str


class QuoteInfo(msgspec.Struct, rename="camel"):
    """What a payment would cost: what is debited is what arrives, by the rate, and the commissions."""

    provider_id: int
    withdraw_sum: Part
    enrollment_sum: Part
    qw_commission: Part
    funding_source_commission: Part
    withdraw_to_enrollment_rate: Number


class Range(msgspec.Struct):
    """Terms from a sum up: clamp(sum * rate, min, max) + fixed."""

    bound: Amount
    rate: Number
    min: Amount | None
    max: Amount | None
    fixed: Amount


class Commission(msgspec.Struct):
    """The terms of a provider."""

    ranges: list[Range]


class TermsOf(msgspec.Struct):
    """A provider and its terms."""

    id: str
    commission: Commission


class Content(msgspec.Struct):
    """A wrapping of the old form."""

    terms: TermsOf


class TermsInfo(msgspec.Struct):
    """The standing terms of a provider."""

    content: Content


class CrossRate(msgspec.Struct):
    """How many units of one currency are given for one unit of another."""

    set: str
    from_: str = msgspec.field(name="from")
    to: str
    rate: Number


class CrossRates(msgspec.Struct):
    """Every pair, both ways."""

    result: list[CrossRate]


class CardBody(msgspec.Struct):
    """Asks for the provider of a card."""

    account: Annotated[str, msgspec.Meta(examples=["4256 1211 1111 1117"])]


class PrepareBody(msgspec.Struct, rename="camel"):
    """Prepares a payment to a card of a Kazakh bank."""

    card_number: Annotated[str, msgspec.Meta(examples=["4256121111111117"])]
    version: Annotated[str | int, msgspec.Meta(examples=["2"])]
    transfer_sum: Annotated[str | int, msgspec.Meta(examples=["100"])]
    src: Annotated[str, msgspec.Meta(examples=["sinap"])]


class Element(msgspec.Struct):
    """One value for the fields of the payment that follows."""

    name: str
    value: str
    type: str = "field"


class Container(msgspec.Struct):
    """Values in no particular order."""

    elements: list[Element]


class Category(msgspec.Struct):
    """What kind of provider it is."""

    name: str


class Found(msgspec.Struct, rename="camel"):
    """A provider that a search found."""

    id: int
    logo_url: str | None
    site_url: str | None
    category: Category
    type: str


class Item(msgspec.Struct):
    """One result."""

    name: str
    description: str
    uri: str | None
    data: Found


class SearchInfo(msgspec.Struct):
    """What a search found."""

    items: list[Item]


class MobileOperator(msgspec.Struct, rename="camel"):
    """Whose a phone number is."""

    id: int
    short_name: str
    logo_url: str | None


class MobileOperators(msgspec.Struct, rename="camel"):
    """One operator, or none."""

    mobile_operator_provider_list: list[MobileOperator]


class Card(msgspec.Struct, rename="camel"):
    """A provider as the catalogue's own call shows it."""

    type: str
    id: int
    short_name: str
    long_name: str
    logo_url: str | None
    keys: str
    has_payment_form: bool
    site_url: str | None
    search_available: bool
    description: str | None
    extras: dict[str, Any]


def plain(value: Decimal) -> int | Decimal:
    """Return a number without exponent and without zeros at its end: 1 as 1."""
    text = f"{value.normalize():f}"
    return Decimal(text) if "." in text else int(text)
