"""
Notifications about bills: to the address of the pair the bill was issued with, signed with its secret.

One that is sent again is the same; a day of attempts begins anew. Source: invoices.md 7.
"""

import hashlib
import hmac
import secrets
from typing import Any, NamedTuple

import msgspec

from kalita import __version__
from kalita.bills.bill import Bill, State, short_date
from kalita.bills.issue import Bills
from kalita.bills.keys import CHANNEL, KeyPairs
from kalita.clock import HOUR, MINUTE
from kalita.money import CURRENCIES, padded
from kalita.outbound.deliver import Letter, Receiver, Write
from kalita.outbound.sent import Attempt, attempts
from kalita.storage.engine import Engine, Step

PAUSES = tuple(minutes * MINUTE for minutes in (1, 2, 5, 10, 20, 40))
TRIED_FOR = 24 * HOUR
EVER = (0, 2**62)
SIGNATURE = "X-Api-Signature-SHA256"
STATES = {
    State.WAITING: "WAITING", State.PAID: "PAID", State.REJECTED: "REJECTED", State.REJECTED_BY_PAYER: "REJECTED",
    State.EXPIRED: "EXPIRED",
}  # fmt: skip


class Value(msgspec.Struct):
    """An amount as text with two decimals, in a currency by its letters."""

    value: str
    currency: str


class NoticeStatus(msgspec.Struct, rename="camel"):
    """What became of the bill, and when."""

    value: str
    changed_date_time: str


class NoticeBill(msgspec.Struct, rename="camel", omit_defaults=True):
    """A bill as a notification tells it; customer and customFields are there even when they are empty."""

    site_id: str
    bill_id: str
    amount: Value
    status: NoticeStatus
    customer: msgspec.Raw
    custom_fields: msgspec.Raw
    creation_date_time: str
    expiration_date_time: str
    comment: str | msgspec.UnsetType = msgspec.UNSET


class Notice(msgspec.Struct):
    """One notification."""

    bill: NoticeBill
    version: str = "1"


class Event(NamedTuple):
    """A bill's end that is to be told."""

    caused_by: int
    stream: int
    receiver: str
    attempts: int
    bill_id: str


def signature(secret: str, currency: str, value: str, bill_id: str, site: str, status: str) -> str:
    """Sign what the documentation lists; the key is the secret's whole text."""
    content = "|".join((currency, value, bill_id, site, status))
    return hmac.new(secret.encode(), content.encode(), hashlib.sha256).hexdigest()


class Notices:
    """The channel of bills. timeout_s: for one attempt, all in all; connect_s: for its connection."""

    timeout_s = 10.0
    connect_s: float | None = 5.0

    def __init__(self, engine: Engine, bills: Bills, pairs: KeyPairs) -> None:
        self._engine, self._bills, self._pairs = engine, bills, pairs

    async def due(self, receiver: Receiver, now: int, limit: int) -> list[Letter]:
        """Return what is to be sent now."""
        rows = await self._engine.all("events_of_bills", receiver.wallet, now, limit)
        return [await self._letter(receiver, Event(*row), now) for row in rows]

    async def _letter(self, receiver: Receiver, event: Event, now: int) -> Letter:
        write: Write | None = None
        since = 0
        if event.receiver == receiver.id:
            bill = await self._bills.known(receiver.wallet, event.bill_id)
            secret = await self._pairs.secret(receiver.wallet, bill.pair)
            site, _ = await self._pairs.site(receiver.wallet)
            since = await self._since(receiver.wallet, event, bill, now)
            if secret is not None:
                write = _Writer(bill, secret, site)
        return Letter(event.caused_by, event.stream, event.attempts, write, since)

    async def _since(self, wallet: int, event: Event, bill: Bill, now: int) -> int:
        """Return when the day of attempts began: of a bill that ended longer ago, with the first of this day."""
        if not event.attempts:
            return now
        if now - bill.changed_at < TRIED_FOR:
            return bill.changed_at
        what = wallet, CHANNEL, now - TRIED_FOR, event.caused_by, event.stream
        row = await self._engine.one("attempts_began", *what)
        return bill.changed_at if row is None else int(row[0])

    async def attempts(self, wallet: int, before: int, limit: int) -> list[Attempt]:
        """Return the newest attempts to tell of a wallet's bills that are older than a moment."""
        return await attempts(self._engine, wallet, CHANNEL, before, limit)

    async def again(self, wallet: int, pair: str, span: tuple[int, int] = EVER, failed: bool = False) -> int:
        """
        Let notifications go to the address of a pair again, with all their attempts.

        span    when the bills ended, in microseconds
        failed  only those that were given up
        returns how many
        """
        states = (2, 2) if failed else (1, 2)
        return await self._again(wallet, Step("bill_events_again", (wallet, pair, *span, *states)))

    async def again_one(self, wallet: int, pair: str, bill_id: str) -> int:
        """Let the notification of one bill go again; return 0 when none was sent to the pair's address."""
        bill = await self._bills.get(wallet, bill_id)
        if bill is None:
            return 0
        cause = bill.txn_id or bill.number
        return await self._again(wallet, Step("events_again", (wallet, CHANNEL, pair, cause, cause, 1, 2)))

    async def _again(self, wallet: int, step: Step) -> int:
        count, _ = await self._engine.change(step, Step("receiver_wake", (wallet, CHANNEL)))
        return count

    def delay(self, attempts: int, since: int, now: int) -> int | None:
        """Return the pause after so many attempts, a tenth more or less; None once a day has passed."""
        if now - since >= TRIED_FOR:
            return None
        pause = PAUSES[attempts - 1] if attempts <= len(PAUSES) else HOUR
        return pause + secrets.randbelow(pause // 5) - pause // 10


class _Writer:
    """Writes and signs a notification."""

    def __init__(self, bill: Bill, secret: str, site: str) -> None:
        self._bill, self._secret, self._site = bill, secret, site

    def __call__(self, now: int) -> tuple[bytes, dict[str, str]]:
        """Return body and headers."""
        bill = self._bill
        value, currency = padded(bill.amount), CURRENCIES[bill.currency].letters
        status = STATES[State(bill.state)]
        notice = Notice(
            NoticeBill(
                self._site, bill.bill_id, Value(value, currency), NoticeStatus(status, short_date(bill.changed_at)),
                _raw(bill.customer), _raw(bill.custom), short_date(bill.created_at), bill.expiry[:19] + "+03",
                msgspec.UNSET if bill.comment is None else bill.comment,
            )
        )  # fmt: skip
        return msgspec.json.encode(notice), {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": f"Kalita-bills/{__version__}",
            SIGNATURE: signature(self._secret, currency, value, bill.bill_id, self._site, status),
        }


def _raw(text: str | None) -> Any:
    return msgspec.Raw((text or "{}").encode())
