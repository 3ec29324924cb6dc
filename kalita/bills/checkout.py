"""
Bills over HTTP, for who pays them, and the pairs of keys. Source: invoices.md 2.2 and 6.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import msgspec

from kalita.bills.api import pay_url
from kalita.bills.bill import Bill, State
from kalita.bills.keys import KeyPairs
from kalita.bills.page import receiver
from kalita.bills.pay import LARGEST_NUMBER, Payers
from kalita.clock import with_milliseconds
from kalita.money import CURRENCIES, LETTERS
from kalita.people.wallets import Wallets
from kalita.refusals import (
    ABOVE_BALANCE_OF_PAYEE,
    BILL_CONFLICT_OF_PAYER,
    BILL_NOT_FOUND,
    BILL_OVER,
    CURRENCY,
    IDENTIFICATION_REQUIRED,
    NOT_ENOUGH_MONEY,
    OUTGOING_RESTRICTED,
    OWN_WALLET,
    RECIPIENT_STATUS,
    TOKEN_CAP,
    Refusal,
    malformed,
    payment,
)
from kalita.wire.amounts import Money, encode, money
from kalita.wire.door import text_or_digits
from kalita.wire.endpoint import Answer, Call, Caller, Endpoint, Family, Permission
from kalita.wire.params import Param, choice, whole

READY = "READY_FOR_PAY"
LONGEST_NAME = 100
ENDS = {
    State.REJECTED: "REJECTED_STATUS", State.REJECTED_BY_PAYER: "REJECTED_STATUS", State.EXPIRED: "EXPIRED_STATUS",
    State.PAID: "PAID_BY_OTHER_STATUS",
}  # fmt: skip
RawText = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["string", "integer"], "minimum": 0})]


class BillProvider(msgspec.Struct):
    """Who asks for the money."""

    id: int
    short_name: str
    long_name: str
    logo_url: str | None


class UnpaidBill(msgspec.Struct):
    """An unpaid bill as its payer sees it; moments in milliseconds."""

    id: int
    external_id: str
    creation_datetime: int
    expiration_datetime: int
    sum: Money
    status: str
    type: str
    repetitive: bool
    provider: BillProvider
    comment: str | None
    pay_url: str


class UnpaidBills(msgspec.Struct):
    """A page, newest first; the last two go into `next_id` and `next_creation_datetime`, null on the last page."""

    bills: list[UnpaidBill]
    next_bill_id: int | None
    next_bill_creation_datetime: int | None


class PayBody(msgspec.Struct):
    """Which bill: its number, or the id of its pay link; in which currency."""

    invoice_uid: RawText
    currency: Annotated[str | int, msgspec.Meta(description="ISO 4217 number", examples=["643"])]


class Paid(msgspec.Struct):
    """A bill was paid."""

    invoice_status: str
    is_sms_confirm: bool
    result: dict[str, str] = msgspec.field(name="WALLET_ACCEPT_PAY_RESULT")


class NotPaid(msgspec.Struct):
    """A bill was not paid."""

    invoice_status: str
    is_sms_confirm: bool
    result: dict[str, str] = msgspec.field(name="WALLET_ACCEPT_PAY_RESULT")
    code: str
    message: str


class RejectBody(msgspec.Struct):
    """Which bill, by its number."""

    id: RawText


class KeysBody(msgspec.Struct, rename="camel"):
    """A name for the pair; where notifications go, if anywhere."""

    keys_pair_name: Annotated[str, msgspec.Meta(examples=["My shop"])]
    server_notifications_url: str | None = None


class KeysResult(msgspec.Struct, rename="camel"):
    """The pair, in its newer form."""

    name: str
    public_key: str
    secret_key: str
    created_date_time: str


class KeysInfo(msgspec.Struct):
    """A new pair of keys, in both forms that clients read. The secret is shown this once."""

    public: str = msgspec.field(name="PublicKey")
    secret: str = msgspec.field(name="SecretKey")
    result: KeysResult


class Checkout:
    """Answer those who pay. address: where this server is reached from outside."""

    def __init__(self, payers: Payers, pairs: KeyPairs, wallets: Wallets, address: Callable[[], str]) -> None:
        self._payers, self._pairs, self._wallets, self._address = payers, pairs, wallets, address

    async def search(self, call: Call) -> bytes:
        """Answer the unpaid bills of a wallet."""
        query, rows = call.query, call.query["rows"]
        until = min(_until(query["max_creation_datetime"]), _until(query["next_creation_datetime"]))
        since = _micros(query["min_creation_datetime"] or 0)
        at_most = LARGEST_NUMBER if query["next_id"] is None else query["next_id"]
        found = await self._payers.unpaid(call.wallet, since, until, at_most, rows + 1)
        following = found[rows] if len(found) > rows else None
        shown = [await self._unpaid(bill) for bill in found[:rows]]
        after = (following.number, following.created_at // 1000) if following else (None, None)
        return encode(UnpaidBills(shown, *after))

    async def pay(self, call: Call) -> Answer:
        """Pay a bill from a balance."""
        name = text_or_digits("invoice_uid", bytes(call.body.invoice_uid))
        if not name:
            raise malformed("invoice_uid", "it is required")
        bill = await self._payers.visible(call.wallet, name)
        outcome = await self._payers.pay(call.wallet, bill, _currency(call.body.currency), call.caps)
        if isinstance(outcome, Refusal):
            return _failed("NOT_PAID_STATUS", outcome, call.language)
        if outcome.state == State.PAID and outcome.payer == call.wallet:
            return Answer(msgspec.json.encode(Paid("PAID_STATUS", False, {})))
        return _failed(ENDS[State(outcome.state)], BILL_OVER, call.language)

    async def reject(self, call: Call) -> Answer:
        """Reject a bill."""
        name = text_or_digits("id", bytes(call.body.id))
        if not name or not (name.isascii() and name.isdigit()):
            raise malformed("id", "the number of a bill is needed")
        await self._payers.reject(call.wallet, name)
        return Answer(b"")

    async def create_keys(self, call: Call) -> bytes:
        """Make a pair of keys."""
        name = call.body.keys_pair_name
        if not 0 < len(name) <= LONGEST_NAME:
            raise malformed("keysPairName", f"1 to {LONGEST_NAME} characters are needed")
        made = await self._pairs.create(call.wallet, name, call.body.server_notifications_url or None)
        result = KeysResult(made.name, made.public, made.secret, with_milliseconds(made.created_at))
        return encode(KeysInfo(made.public, made.secret, result))

    async def _unpaid(self, bill: Bill) -> UnpaidBill:
        _, number = await self._pairs.site(bill.owner)
        name = await receiver(self._wallets, bill.owner)
        return UnpaidBill(
            bill.number, bill.bill_id, bill.created_at // 1000, bill.expires_at // 1000,
            money(bill.amount, bill.currency), READY, "MERCHANT", False, BillProvider(number, name, name, None),
            bill.comment, pay_url(self._address(), bill.uid),
        )  # fmt: skip


def _failed(status: str, refusal: Refusal, language: str) -> Answer:
    body = NotPaid(status, False, {}, f"QWPRC-{refusal.code}", refusal.text(language))
    return Answer(msgspec.json.encode(body), 400)


def _currency(value: str | int) -> int:
    text = str(value)
    if text in LETTERS:
        return LETTERS[text]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0
    return number if number in CURRENCIES else 0


def _micros(moment: int) -> int:
    """Read a Unix time: seconds below 10**11, else milliseconds."""
    return moment * (1_000_000 if moment < 10**11 else 1000)


def _until(moment: int | None) -> int:
    """Return the last microsecond of a moment's second or millisecond; of none: far ahead."""
    if moment is None:
        return 2**62
    return _micros(moment) + (999_999 if moment < 10**11 else 999)


def _time(name: str) -> Param:
    return whole(name, 0, 10**14)


def _row(method: str, path: str, handler: Any, title: str, source: str, **more: Any) -> Endpoint:
    settled: dict[str, Any] = {"permission": Permission.PAYMENTS, "caller": Caller.EITHER} | more
    return Endpoint(method, path, Checkout, handler, title, f"invoices.md {source}", **settled)


ROWS = (
    _row(
        "POST", "/widgets-api/api/p2p/protected/keys/create", Checkout.create_keys, "A new pair of keys", "2.2",
        caller=Caller.TOKEN, body=KeysBody, answers=KeysInfo, refusals=(IDENTIFICATION_REQUIRED,),
        aliases=("/partner/bill/v1/bills/widgets-api/api/p2p/protected/keys/create",),  # where one client looks for it
    ),
    _row(
        "GET", "/checkout-api/api/bill/search", Checkout.search, "Unpaid bills", "6.1",
        query=(
            choice("statuses", (READY,), READY, ("None",)),
            *(
                replace(param, ignored=("None",))
                for param in (
                    whole("rows", 1, 50, default=50), _time("min_creation_datetime"), _time("max_creation_datetime"),
                    whole("next_id", 0, LARGEST_NUMBER), _time("next_creation_datetime"),
                )
            ),
        ),
        answers=UnpaidBills, aliases=("/checkout/api/bill/search",),
    ),
    _row(
        "POST", "/checkout-api/invoice/pay/wallet", Checkout.pay, "Pay a bill", "6.2",
        body=PayBody, answers=Paid, family=Family.PAYMENT, spends=True,
        refusals=(
            BILL_NOT_FOUND, BILL_OVER, NOT_ENOUGH_MONEY, CURRENCY, OWN_WALLET, RECIPIENT_STATUS, OUTGOING_RESTRICTED,
            ABOVE_BALANCE_OF_PAYEE, TOKEN_CAP, *(payment(code) for code in (558, 700, 704, 705, 711, 866, 867, 943)),
        ),
        refused_as=NotPaid,
        aliases=("/checkout/invoice/pay/wallet",),
    ),
    _row(
        "POST", "/checkout-api/api/bill/reject", Checkout.reject, "Reject a bill", "6.3",
        body=RejectBody, any_type=True, empty=True, refusals=(BILL_NOT_FOUND, BILL_CONFLICT_OF_PAYER),
        aliases=("/checkout/api/bill/reject",),
    ),
)  # fmt: skip
