"""
Two calls that clients make though no page tells of them: a bill by its link, and the bills one issued.

Source: invoices.md 6.4. What is made up beyond it: docs/decisions/0020-bills.md.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import msgspec

from kalita.bills.api import BILL_ID, Customer
from kalita.bills.bill import Bill, State
from kalita.bills.issue import Bills
from kalita.bills.pay import Payers
from kalita.clock import Clock, micros, with_milliseconds
from kalita.refusals import BILL_NOT_FOUND, Refused
from kalita.storage.engine import Engine
from kalita.wire.amounts import Money, encode, money
from kalita.wire.dates import parse_moment
from kalita.wire.endpoint import Call, Caller, Endpoint, Permission
from kalita.wire.params import Param, choice, several, whole

MOST_AT_ONCE, FAR = 10_000, 2**62
STATUSES = {
    State.WAITING: "READY_FOR_PAY", State.PAID: "PAID", State.REJECTED: "REJECTED_BY_MERCHANT",
    State.REJECTED_BY_PAYER: "REJECTED_BY_CUSTOMER", State.EXPIRED: "EXPIRED",
}  # fmt: skip
MEANT = {word: (state,) for state, word in STATUSES.items()} | {"REJECTED": (State.REJECTED, State.REJECTED_BY_PAYER)}
END = "1970-01-01T00:00:00.000Z"
_FRACTION = re.compile(r"\.(\d{1,9})", re.ASCII)


class LinkedBill(msgspec.Struct, rename="camel"):
    """A bill as whoever holds its link sees it."""

    invoice_uid: str
    invoice_status: str
    amount: Money
    create_date_time: str
    expire_date_time: str
    merchant_id: str
    invoice_ext_id: str
    comment: str | None
    pay_methods_filter: list[str]


class PayInfo(msgspec.Struct, rename="camel"):
    """How a bill was paid."""

    result_code: str


class IssuedBill(msgspec.Struct, rename="camel"):
    """A bill as its owner's pages list it; moments in UTC."""

    status: str
    invoice_uid: str
    external_invoice_id: str
    creation_date_time: str
    change_date_time: str
    sum: Money
    customers: Annotated[list[Customer], msgspec.Meta(description="whom it asks, if it was told")]
    extras: Annotated[list[str], msgspec.Meta(description="always empty")]
    comment: str
    payinfos: list[PayInfo]


class IssuedPage(msgspec.Struct, rename="camel"):
    """Bills, newest first; the date goes into `endDateTime` for those that follow, of 1970 at the end."""

    invoices: list[IssuedBill]
    next_invoice_date: str


class IssuedBills(msgspec.Struct):
    """A page of bills."""

    result: IssuedPage


class Span(NamedTuple):
    """What a date stands for: the first and the last microsecond of its second, or of its millisecond."""

    first: int
    last: int


class Issued:
    """Answer those who hold a link, and those who issued bills."""

    def __init__(self, engine: Engine, clock: Clock, bills: Bills, payers: Payers) -> None:
        self._engine, self._clock, self._bills, self._payers = engine, clock, bills, payers

    async def linked(self, call: Call) -> bytes:
        """Answer a bill by the id of its pay link."""
        bill = await self._payers.by_uid(call.path["uid"].lower())
        if bill is None:
            raise Refused(BILL_NOT_FOUND)
        site, _ = await self._bills.pairs.site(bill.owner)
        return encode(
            LinkedBill(
                bill.uid, STATUSES[State(bill.state)], money(bill.amount, bill.currency),
                with_milliseconds(bill.created_at), with_milliseconds(bill.expires_at), site, bill.bill_id,
                bill.comment, ["QIWI"],
            )
        )  # fmt: skip

    async def listed(self, call: Call) -> bytes:
        """Answer the bills that the caller issued."""
        query = call.query
        start, end = query["startDateTime"], query["endDateTime"]
        since, until = start.first if start else 0, end.last if end else FAR
        wanted = {state for word in query["statuses"] or MEANT for state in MEANT[word]}
        if query["externalInvoiceId"] is None:
            page, following = await self._page(call.wallet, since, until, wanted, query["rows"])
        else:
            bill = await self._bills.get(call.wallet, query["externalInvoiceId"])
            fits = bill is not None and since <= bill.created_at <= until
            page, following = [bill] if bill is not None and fits else [], None
        shown = [_issued(bill) for bill in page if State(bill.state) in wanted]
        return encode(IssuedBills(IssuedPage(shown, END if following is None else utc(following))))

    async def _page(
        self, owner: int, since: int, until: int, wanted: set[State], rows: int
    ) -> tuple[list[Bill], int | None]:
        """
        Return bills, newest first, and when the newest of those that follow was issued; None: there are no more.

        A date leads to the next page, so that no millisecond may be cut in two: its bills go out together, even where
        they are more than `rows`.
        """
        found = await self._between(owner, since, until, wanted, rows + 1)
        if len(found) > rows and _milli(found[0]) == _milli(found[-1]):
            first = _milli(found[0]) * 1000
            found = await self._between(owner, max(since, first), until, wanted, MOST_AT_ONCE)
            older = await self._between(owner, since, first - 1, wanted, 1)
            return await self._now(found), older[0].created_at if older else None
        if len(found) > rows:
            return await self._now([one for one in found if _milli(one) != _milli(found[-1])]), found[-1].created_at
        return await self._now(found), None

    async def _between(self, owner: int, since: int, until: int, wanted: set[State], limit: int) -> list[Bill]:
        states = "".join(str(int(state)) for state in sorted(wanted))
        rows = await self._engine.all("bills_issued", owner, since, until, states, self._clock.now(), limit)
        return [Bill(*row) for row in rows]

    async def _now(self, found: list[Bill]) -> list[Bill]:
        """Let those whose time has passed expire, as whoever looks at a bill does."""
        now = self._clock.now()
        return [await self._bills.known(one.owner, one.bill_id) if one.is_over(now) else one for one in found]


def _milli(bill: Bill) -> int:
    return bill.created_at // 1000


def _issued(bill: Bill) -> IssuedBill:
    customers = [] if bill.customer is None else [msgspec.json.decode(bill.customer, type=Customer)]
    paid = [PayInfo("SUCCESS")] if bill.state == State.PAID else []
    return IssuedBill(
        STATUSES[State(bill.state)], bill.uid, bill.bill_id, utc(bill.created_at), utc(bill.changed_at),
        money(bill.amount, bill.currency), customers, [], bill.comment or "", paid,
    )  # fmt: skip


def utc(moment: int) -> str:
    """Write a moment (microseconds) in UTC, with milliseconds and `Z`."""
    stamp = datetime.fromtimestamp(moment // 1_000_000, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{moment // 1000 % 1000:03}Z"


def span_of(text: str) -> Span | None:
    """Read a date as the second that it names, or the millisecond where it has a fraction."""
    stamp = parse_moment(text)
    if stamp is None:
        return None
    fraction, first = _FRACTION.search(text), micros(stamp)
    if fraction is None:
        return Span(first, first + 999_999)
    first += int(fraction[1][:3].ljust(3, "0")) * 1000
    return Span(first, first + 999)


def _date(name: str) -> Param:
    schema = {"type": "string", "format": "date-time"}
    return Param(name, span_of, "a date like 2026-01-14T12:12:08.000Z is needed", schema)


def _row(path: str, handler: Callable[..., Any], title: str, **more: Any) -> Endpoint:
    return Endpoint(
        "GET", path, Issued, handler, title, "invoices.md 6.4",
        caller=Caller.EITHER, permission=Permission.PAYMENTS, **more,
    )  # fmt: skip


ROWS = (
    _row(
        "/qw-p2p-checkout-api/v1/invoice/{uid}", Issued.linked, "A bill by its pay link",
        at=(
            Param(
                "uid", lambda text: text, "the id of a pay link is needed", {"type": "string"}, True,
                example="aa0fa2bb-5452-47ca-9190-cd9c1a73718f",
            ),
        ),
        answers=LinkedBill, refusals=(BILL_NOT_FOUND,),
    ),
    _row(
        "/widgets-api/api/p2p/protected/invoices", Issued.listed, "Bills that one issued",
        query=(
            choice("dataType", ("CREATED",), "CREATED"), several("statuses", tuple(MEANT)),
            whole("rows", 1, 50, default=50), _date("startDateTime"), _date("endDateTime"),
            replace(BILL_ID, name="externalInvoiceId", required=False),
        ),
        answers=IssuedBills,
    ),
)  # fmt: skip
