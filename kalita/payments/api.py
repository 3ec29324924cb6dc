"""
Payments over HTTP: the shapes of the wire and their strict reading. Source: payments.md 1 to 3.
"""

import re
from typing import Annotated

import msgspec

from kalita.money import CURRENCIES, RUB, parse_amount
from kalita.payments.accept import Payments, Request
from kalita.refusals import (
    ABOVE_MAXIMUM,
    BELOW_MINIMUM,
    CURRENCY,
    NO_SUCH_RECIPIENT,
    NOT_ENOUGH_MONEY,
    OUTGOING_RESTRICTED,
    OWN_WALLET,
    PROVIDER_CLOSED,
    RECIPIENT_STATUS,
    REPEATED,
    UNUSABLE,
    WRONG_FORMAT,
    Refusal,
    Refused,
    malformed,
)
from kalita.wire.amounts import Amount
from kalita.wire.door import amount_text, text_or_digits
from kalita.wire.endpoint import Call, Endpoint, Family, Permission
from kalita.wire.params import Param

LONGEST_COMMENT = 255
_CLIENT_ID = re.compile(r"\d{1,20}", re.ASCII)
_SOURCE = re.compile(r"account_(\d{3})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


RawId = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        extra_json_schema={
            "type": ["string", "integer"],
            "pattern": "^[0-9]{1,20}$",
            "minimum": 0,
            "maximum": 10**20 - 1,
            "description": "the client's own id of the payment: the same id again gives the first answer again",
            "examples": ["1700000000000"],
        }
    ),
]
RawAmount = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        extra_json_schema={
            "type": ["number", "string"],
            "pattern": r"^[0-9]{1,12}(\.[0-9]{1,30})?$",
            "minimum": 0,
            "exclusiveMaximum": 10**12,
            "description": "more than two decimals are rounded down",
            "examples": [100.5],
        }
    ),
]
RawField = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["string", "integer", "null"], "minimum": 0})]
Fields = Annotated[dict[str, RawField], msgspec.Meta(examples=[{"account": "+79994445566"}])]
CurrencyCode = Annotated[
    str | int, msgspec.Meta(description="ISO 4217 number, as text or as a number", examples=["643"])
]


class Sum(msgspec.Struct):
    """How much: a number or its text, in a currency by its ISO number."""

    amount: RawAmount
    currency: CurrencyCode


class PaymentMethod(msgspec.Struct):
    """From which balance. The member is the wire's."""

    type: Annotated[str, msgspec.Meta(examples=["Account"])]
    account_id: CurrencyCode = msgspec.field(name="accountId")


class PaymentBody(msgspec.Struct):
    """What a client sends; unknown members are ignored."""

    id: RawId
    sum: Sum
    fields: Fields
    payment_method: PaymentMethod | None = msgspec.field(name="paymentMethod", default=None)
    comment: Annotated[
        str | None, msgspec.Meta(description="at most 255 characters, no line breaks", examples=["For lunch"])
    ] = None
    source: Annotated[str | None, msgspec.Meta(description="old form: account_643 in place of paymentMethod")] = None


class State(msgspec.Struct):
    """Always `Accepted`; the outcome is read from history."""

    code: str


class PaymentTransaction(msgspec.Struct):
    """Our number of the payment, as text."""

    id: str
    state: State


class SumInfo(msgspec.Struct):
    """The amount after rounding."""

    amount: Amount
    currency: str


class PaymentInfo(msgspec.Struct):
    """What goes back for an accepted payment; `comment` only when one was sent."""

    id: str
    terms: str
    fields: dict[str, str]
    sum: SumInfo
    transaction: PaymentTransaction
    source: str
    comment: str | msgspec.UnsetType = msgspec.UNSET


async def pay(payments: Payments, call: Call) -> bytes:
    """Accept a payment. The answer goes out only after the commit."""
    request = request_of(call.wallet, call.path["id"], call.body)
    return (await payments.accept(request)).encode()


def request_of(payer: int, provider: int, body: PaymentBody) -> Request:
    """Turn a body into a request in our words; raise the 400 that names the field."""
    client_id = text_or_digits("id", bytes(body.id))
    if client_id is None or not _CLIENT_ID.fullmatch(client_id):
        raise malformed("id", "1 to 20 decimal digits are needed")
    currency = currency_of(body.sum.currency)
    amount = parse_amount(amount_text("sum.amount", bytes(body.sum.amount)), currency or RUB)
    if amount is None:
        raise malformed("sum.amount", "digits with at most one point are needed, without sign, blank or exponent")
    method, pay_from = _paid_from(body)
    return Request(
        payer, provider, client_id, amount, currency, pay_from, method, _fields(body.fields), _comment(body.comment)
    )


def currency_of(value: str | int) -> int | None:
    """Return a currency's ISO number from its text or number; None for what is no currency."""
    text = str(value)
    number = int(text) if len(text) <= 3 and text.isascii() and text.isdigit() else 0
    return number if number in CURRENCIES else None


def _paid_from(body: PaymentBody) -> tuple[str, int | None]:
    if body.payment_method is not None:
        return body.payment_method.type, currency_of(body.payment_method.account_id)
    legacy = _SOURCE.fullmatch(body.source or "")
    if legacy is None:
        raise malformed("paymentMethod", "it is required")
    return "Account", currency_of(legacy[1])


def _fields(raw: dict[str, msgspec.Raw]) -> dict[str, str]:
    fields = {}
    for name, value in raw.items():
        text = text_or_digits(f"fields.{name}", bytes(value))
        if text is not None:
            fields[name] = text
    return fields


def _comment(comment: str | None) -> str | None:
    if comment is None:
        return None
    if len(comment) > LONGEST_COMMENT:
        raise malformed("comment", f"at most {LONGEST_COMMENT} characters are allowed")
    if _CONTROL.search(comment):
        raise malformed("comment", "control characters and line breaks are not allowed")
    return comment


def provider_number(text: str) -> int | None:
    """Read a provider's id from the path; raise the 404 for what is no number. Source: payments.md 3.4, access.md 9."""
    if not text.isascii() or not text.isdigit():
        raise Refused(NO_PROVIDER)
    return int(text) if len(text) <= 9 else None


NO_PROVIDER = Refusal("155", 404, PROVIDER_CLOSED.en, PROVIDER_CLOSED.ru)
PROVIDER = Param(
    "id",
    provider_number,
    "a provider's id has at most 9 digits",
    {"type": "string", "pattern": "^[0-9]{1,9}$"},
    required=True,
    example="99",
)

ROWS = (
    Endpoint(
        "POST",
        "/sinap/api/v2/terms/{id}/payments",
        Payments,
        pay,
        "Pay a provider, or another wallet (99)",
        "payments.md 3",
        permission=Permission.PAYMENTS,
        at=(PROVIDER,),
        body=PaymentBody,
        answers=PaymentInfo,
        refusals=(
            NO_PROVIDER,
            PROVIDER_CLOSED,
            UNUSABLE,
            REPEATED,
            WRONG_FORMAT,
            NO_SUCH_RECIPIENT,
            OWN_WALLET,
            CURRENCY,
            BELOW_MINIMUM,
            ABOVE_MAXIMUM,
            NOT_ENOUGH_MONEY,
            OUTGOING_RESTRICTED,
            RECIPIENT_STATUS,
        ),
        family=Family.PAYMENT,
        aliases=("/sinap/api/terms/{id}/payments", "/sinap/terms/{id}/payments"),
        sampled=True,
    ),
)
