"""
Bills over HTTP, for who asks for money: issue, look, reject, give back. Source: invoices.md 3.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from kalita.bills.bill import MOST, Bill, State, Wish
from kalita.bills.issue import Bills
from kalita.bills.notify import STATES
from kalita.bills.refund import Refund, Refunds
from kalita.clock import with_milliseconds
from kalita.money import CURRENCIES, KZT, RUB, padded, parse_amount
from kalita.people.wallets import parse_wallet
from kalita.refusals import (
    BILL_CONFLICT,
    BILL_EXISTS,
    BILL_NOT_FOUND,
    CONVERSION_FAILED,
    FORBIDDEN,
    NOT_ACCEPTABLE,
    REFUND_AMOUNT,
    REFUND_EXISTS,
    REFUND_NOT_FOUND,
    UNSUPPORTED_TYPE,
    Refused,
    malformed,
)
from kalita.wire.door import amount_text
from kalita.wire.endpoint import Call, Caller, Endpoint, Family
from kalita.wire.fields import CONTROL, short_text
from kalita.wire.params import Param

LONGEST, LONGEST_CONTACT = 255, 100
MOST_FIELDS, LARGEST_FIELDS = 30, 4096
LETTERS = {"RUB": RUB, "KZT": KZT}
_AMOUNTS = tuple(b"%c" % first for first in b'"-0123456789')
"""What a text or a number begins with."""
_canonical = msgspec.json.encode

RawValue = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        extra_json_schema={
            "type": ["string", "number"],
            "pattern": r"^[0-9]{1,12}(\.[0-9]{1,30})?$",
            "description": "more than two decimals are rounded down",
            "examples": ["100.50"],
        }
    ),
]


class AmountBody(msgspec.Struct):
    """How much, in roubles or tenge by their letters."""

    value: RawValue
    currency: Annotated[str, msgspec.Meta(examples=["RUB"])]


class CustomerBody(msgspec.Struct):
    """Who is asked; members that are null are ignored."""

    phone: str | None = None
    email: str | None = None
    account: str | None = None


class BillBody(msgspec.Struct, rename="camel"):
    """What is asked for; unknown members are ignored."""

    amount: AmountBody
    comment: str | None = None
    expiration_date_time: Annotated[str | None, msgspec.Meta(description="absent: in 45 days")] = None
    customer: CustomerBody | None = None
    custom_fields: Annotated[dict[str, str] | None, msgspec.Meta(examples=[{"themeCode": "Ivan-KaLi"}])] = None


class BillAmount(msgspec.Struct):
    """An amount as text with two decimals."""

    currency: str
    value: str


class BillStatus(msgspec.Struct, rename="camel"):
    """WAITING, PAID, REJECTED or EXPIRED, and since when."""

    value: str
    changed_date_time: str


class Customer(msgspec.Struct, omit_defaults=True):
    """Who is asked, as it was sent."""

    phone: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType = msgspec.UNSET
    account: str | msgspec.UnsetType = msgspec.UNSET


class BillInfo(msgspec.Struct, rename="camel", omit_defaults=True):
    """A bill; customer, custom fields and comment only when they were given."""

    site_id: str
    bill_id: str
    amount: BillAmount
    status: BillStatus
    creation_date_time: str
    expiration_date_time: str
    pay_url: str
    comment: str | msgspec.UnsetType = msgspec.UNSET
    customer: Customer | msgspec.UnsetType = msgspec.UNSET
    custom_fields: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class RefundBody(msgspec.Struct):
    """How much goes back."""

    amount: AmountBody


class RefundInfo(msgspec.Struct, rename="camel"):
    """Money that went back: PARTIAL, or FULL when with it everything did."""

    amount: BillAmount
    date_time: str
    refund_id: str
    status: str


class BillsApi:
    """Answer those who ask for money. address: where this server is reached from outside."""

    def __init__(self, bills: Bills, refunds: Refunds, address: Callable[[], str]) -> None:
        self._bills, self._refunds, self._address = bills, refunds, address

    async def issue(self, call: Call) -> bytes:
        """Issue a bill."""
        await self._bills.admit(call.wallet)
        wish = wish_of(call.body)
        return await self.shown(await self._bills.issue(call.wallet, call.pair, call.path["billId"], wish))

    async def look(self, call: Call) -> bytes:
        """Answer a bill as it is now."""
        return await self.shown(await self._known(call))

    async def reject(self, call: Call) -> bytes:
        """Reject a bill."""
        bill = await self._known(call)
        return await self.shown(await self._bills.reject(bill, State.REJECTED))

    async def give_back(self, call: Call) -> bytes:
        """Give money of a paid bill back."""
        amount, currency = _amount(call.body.amount)
        refund_id = call.path["refundId"]
        while True:
            bill = await self._known(call)
            refund = await self._refunds.give_back(bill, refund_id, amount, currency)
            if isinstance(refund, Refund):
                return _refund(bill, refund_id, refund)

    async def given_back(self, call: Call) -> bytes:
        """Answer what went back under an id."""
        bill = await self._known(call)
        return _refund(bill, call.path["refundId"], await self._refunds.known(bill, call.path["refundId"]))

    async def _known(self, call: Call) -> Bill:
        """Return the bill of a call; raise the refusal when there is none, or its owner is blocked."""
        await self._bills.admit(call.wallet)
        return await self._bills.known(call.wallet, call.path["billId"])

    async def shown(self, bill: Bill) -> bytes:
        """Write a bill as its owner sees it."""
        site, _ = await self._bills.pairs.site(bill.owner)
        info = BillInfo(
            site,
            bill.bill_id,
            BillAmount(CURRENCIES[bill.currency].letters, padded(bill.amount)),
            BillStatus(STATES[State(bill.state)], with_milliseconds(bill.changed_at)),
            with_milliseconds(bill.created_at),
            bill.expiry,
            pay_url(self._address(), bill.uid),
            msgspec.UNSET if bill.comment is None else bill.comment,
            _given(bill.customer),
            _given(bill.custom),
        )
        return msgspec.json.encode(info)


def pay_url(address: str, uid: str) -> str:
    """Return the link that a bill is paid by. It ends with the id, and clients append to it: it holds a `?`."""
    return f"{address}/form/?invoice_uid={uid}"


def _given(text: str | None) -> Any:
    return msgspec.UNSET if text is None else msgspec.Raw(text.encode())


def _refund(bill: Bill, refund_id: str, refund: Refund) -> bytes:
    amount = BillAmount(CURRENCIES[bill.currency].letters, padded(refund.amount))
    status = "FULL" if refund.whole else "PARTIAL"
    return msgspec.json.encode(RefundInfo(amount, with_milliseconds(refund.made_at), refund_id, status))


def wish_of(body: BillBody) -> Wish:
    """Turn a body into what is asked for; raise the 400 that names the member."""
    amount, currency = _amount(body.amount)
    given = msgspec.structs.asdict(body.customer) if body.customer else {}
    customer = {name: _short(f"customer.{name}", text, LONGEST_CONTACT) for name, text in given.items() if text}
    phone = parse_wallet(customer.get("phone", "")) if customer.get("phone") else None
    return Wish(
        amount,
        currency,
        None if body.comment is None else short_text("comment", body.comment, LONGEST),
        _canonical(customer).decode() if customer else None,
        _custom(body.custom_fields or {}),
        body.expiration_date_time or None,
        phone,
    )


def _amount(body: AmountBody) -> tuple[int, int]:
    currency = LETTERS.get(body.currency)
    if currency is None:
        raise malformed("amount.currency", f"one of {', '.join(LETTERS)} is needed")
    raw = bytes(body.value)
    if not raw.startswith(_AMOUNTS):
        raise Refused(CONVERSION_FAILED, "amount.value: an amount is needed", {"amount.value": ["an amount is needed"]})
    amount = parse_amount(amount_text("amount.value", raw), currency)
    if amount is None or not 0 < amount <= MOST:
        raise malformed("amount.value", "more than zero and at most 999999.99 is needed")
    return amount, currency


def _custom(fields: dict[str, str]) -> str | None:
    given = {name: _short(f"customFields.{name}", text, LONGEST) for name, text in fields.items()}
    text = _canonical(given)
    if len(given) > MOST_FIELDS or len(text) > LARGEST_FIELDS:
        raise malformed("customFields", f"at most {MOST_FIELDS} fields and {LARGEST_FIELDS} bytes are allowed")
    return text.decode() if given else None


def _short(name: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise malformed(name, f"at most {longest} characters are allowed")
    return text


def named(name: str, example: str) -> Param:
    """Take an id of the caller's own: 1 to 200 printable characters."""

    def read(text: str) -> str | None:
        return text if 0 < len(text) <= 200 and not CONTROL.search(text) and text.isprintable() else None

    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    return Param(name, read, "1 to 200 printable characters are needed", schema, True, example=example)


BILL_ID, REFUND_ID = named("billId", "order-2024-000017"), named("refundId", "1")
_BASE = "/partner/bill/v1/bills/{billId}"
_OF_ALL = (CONVERSION_FAILED, NOT_ACCEPTABLE, UNSUPPORTED_TYPE)


def _row(method: str, path: str, handler: Any, title: str, source: str, refusals: Any, **more: Any) -> Endpoint:
    settled: dict[str, Any] = {
        "caller": Caller.SECRET, "family": Family.BILL, "at": (BILL_ID,), "answers": BillInfo,
        "refusals": (BILL_NOT_FOUND, FORBIDDEN, *refusals, *_OF_ALL),
    } | more  # fmt: skip
    return Endpoint(method, _BASE + path, BillsApi, handler, title, f"invoices.md {source}", **settled)


_BACK = {"at": (BILL_ID, REFUND_ID), "answers": RefundInfo}
_BACK_REFUSALS = (REFUND_NOT_FOUND, REFUND_AMOUNT, BILL_CONFLICT, REFUND_EXISTS)

ROWS = (
    _row("PUT", "", BillsApi.issue, "Issue a bill", "3.1", (BILL_EXISTS,), body=BillBody),
    _row("GET", "", BillsApi.look, "A bill as it is now", "3.2", ()),
    _row("POST", "/reject", BillsApi.reject, "Reject a bill", "3.3", (BILL_CONFLICT,)),
    *(
        _row(
            method, "/refunds/{refundId}", BillsApi.give_back, f"Give money back{old}", "3.4", _BACK_REFUSALS,
            body=RefundBody, **_BACK,
        )
        for method, old in (("PUT", ""), ("POST", ", old form"))
    ),
    _row(
        "GET", "/refunds/{refundId}", BillsApi.given_back, "What was given back", "3.4", (REFUND_NOT_FOUND,), **_BACK
    ),
)  # fmt: skip
