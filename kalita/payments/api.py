"""
Payments over HTTP: the shapes of the wire and their strict reading. Source: payments.md 1 to 3.
"""

import re
from typing import Annotated

import msgspec

from kalita.money import RUB, parse_amount
from kalita.payments.accept import Payments, Request
from kalita.providers.api import PROVIDER
from kalita.refusals import (
    ABOVE_MAXIMUM,
    BELOW_MINIMUM,
    CURRENCY,
    FORBIDDEN,
    LEVEL_TOO_LOW,
    NO_PROVIDER,
    NO_SUCH_RECIPIENT,
    NOT_ENOUGH_MONEY,
    OUTGOING_RESTRICTED,
    OWN_WALLET,
    PROVIDER_CLOSED,
    RECIPIENT_STATUS,
    REPEATED,
    TOKEN_CAP,
    UNREACHABLE,
    UNUSABLE,
    WRONG_CARD,
    WRONG_CARD_DATA,
    WRONG_EXPIRY,
    WRONG_FORMAT,
    WRONG_PHONE,
    Refused,
    malformed,
    payment,
)
from kalita.wire.amounts import Amount, encode
from kalita.wire.door import amount_text, text_or_digits
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Family, Permission
from kalita.wire.fields import CurrencyCode, RawAmount, currency_of, short_text
from kalita.wire.oldsite import NORMAL, OldAnswer

LONGEST_COMMENT = 255
_CLIENT_ID = re.compile(r"\d{1,20}", re.ASCII)
_SOURCE = re.compile(r"account_(\d{3})", re.ASCII)


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
RawField = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["string", "integer", "null"], "minimum": 0})]
Fields = Annotated[dict[str, RawField], msgspec.Meta(examples=[{"account": "+79994445566"}])]


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


async def validate(payments: Payments, call: Call) -> Answer:
    """Look at a payment as if it were paid, without paying it; refusals come in the shape of the old site too."""
    try:
        await payments.check(request_of(call.wallet, call.path["id"], call.body))
    except Refused as problem:
        if not problem.refusal.code.isdigit():
            raise
        said = {"code": f"QWPRC-{problem.refusal.code}", "message": problem.refusal.text(call.language)}
        return Answer(encode(OldAnswer(NORMAL, {"body": said, "status": 400})), 400)
    return Answer(encode(OldAnswer(NORMAL, {"body": {}, "status": 200})))


async def pay(payments: Payments, call: Call) -> bytes:
    """Accept a payment. The answer goes out only after the commit."""
    request = request_of(call.wallet, call.path["id"], call.body)
    if call.pair and not payments.open_to_secrets(request.provider):
        raise Refused(FORBIDDEN, "a secret key pays wallets and cards only")
    return (await payments.accept(request, call.caps)).encode()


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
    return None if comment is None else short_text("comment", comment, LONGEST_COMMENT)


_RULES = (
    PROVIDER_CLOSED, UNUSABLE, WRONG_FORMAT, WRONG_PHONE, WRONG_CARD, WRONG_CARD_DATA, WRONG_EXPIRY, NO_SUCH_RECIPIENT,
    TOKEN_CAP, OWN_WALLET, CURRENCY, LEVEL_TOO_LOW, BELOW_MINIMUM, ABOVE_MAXIMUM, NOT_ENOUGH_MONEY, OUTGOING_RESTRICTED,
    RECIPIENT_STATUS, UNREACHABLE, *(payment(code) for code in (558, 700, 702, 704, 705, 711, 866, 867, 943)),
)  # fmt: skip


def _validations(path: str, *aliases: str) -> Endpoint:
    return Endpoint(
        "POST",
        path,
        Payments,
        validate,
        "Look at a payment without paying",
        "payments.md 7",
        permission=Permission.PAYMENTS,
        at=(PROVIDER,),
        body=PaymentBody,
        answers=OldAnswer,
        refusals=(NO_PROVIDER, *_RULES),
        family=Family.PAYMENT,
        aliases=aliases,
        refused_as=OldAnswer,
    )


ROWS = (
    _validations("/sinap/terms/{id}/validations", "/sinap/api/terms/{id}/validations"),
    _validations("/user/sinap/api/terms/{id}/validations/proxy.action"),
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
        refusals=(NO_PROVIDER, REPEATED, *_RULES),
        family=Family.PAYMENT,
        caller=Caller.EITHER,
        spends=True,
        aliases=("/sinap/api/terms/{id}/payments", "/sinap/terms/{id}/payments"),
        sampled=True,
    ),
)
