"""
A bill: what is asked for, by whom, until when, and what became of it. Pure. Source: invoices.md 1.
"""

import re
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from kalita.clock import DAY, MOSCOW, SECOND, at_zone, micros
from kalita.wire.dates import parse_moment

LIFE = 45 * DAY
MOST = 999_999_99
_LOOSE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?(?:(Z)|([+ -]\d\d)(?::?(\d\d))?)?", re.ASCII)
_FRACTION = re.compile(r"\.(\d{1,9})")


class State(IntEnum):
    """What became of a bill; only WAITING changes."""

    WAITING = 0
    PAID = 1
    REJECTED = 2
    REJECTED_BY_PAYER = 3
    EXPIRED = 4


class Bill(NamedTuple):
    """A bill as it is kept. amount in minor units; customer, custom: canonical JSON; expiry: as it is echoed."""

    owner: int
    bill_id: str
    number: int
    uid: str
    pair: str
    amount: int
    currency: int
    comment: str | None
    customer: str | None
    custom: str | None
    expiry: str
    created_at: int
    expires_at: int
    state: int
    changed_at: int
    payer: int | None
    txn_id: int | None
    refunded: int

    def is_over(self, now: int) -> bool:
        """Tell whether the bill still waits although its time has passed."""
        return self.state == State.WAITING and self.expires_at <= now


class Wish(NamedTuple):
    """What is asked for when a bill is issued. expiry: as sent, None when it was not."""

    amount: int
    currency: int
    comment: str | None
    customer: str | None
    custom: str | None
    expiry: str | None
    phone: int | None = None


def expiry_of(text: str | None, now: int) -> tuple[str, int] | None:
    """
    Read when a bill is to expire.

    text     as sent, in ISO 8601: seconds and the minutes of the offset may be left out; None: in 45 days
    returns  how it is echoed, in Moscow time with the fraction that was sent, and when it really expires: never later
             than in 45 days; None when the text is no moment to come
    """
    if text is None:
        return at_zone(now + LIFE), now + LIFE
    stamp = parse_moment(_full(text))
    if stamp is None:
        return None
    fraction = _FRACTION.search(text)
    part = int(fraction[1][:6].ljust(6, "0")) if fraction else 0
    moment = micros(stamp) + part
    if moment <= now:
        return None
    shown = stamp.astimezone(MOSCOW).replace(tzinfo=None).isoformat() + (fraction[0] if fraction else "") + "+03:00"
    return shown, min(moment, now + LIFE)


def _full(text: str) -> str:
    """Write out what ISO 8601 lets people leave out: seconds, the colon and the minutes of an offset."""
    found = _LOOSE.fullmatch(text)
    if found is None:
        return text
    minute, rest, zulu, hours, minutes = found.groups()
    return minute + (rest or ":00") + (zulu or (f"{hours}:{minutes or '00'}" if hours else ""))


def short_date(moment: int) -> str:
    """Write a moment without fraction and with an hour-only offset, as notifications do."""
    return datetime.fromtimestamp(moment // SECOND, MOSCOW).strftime("%Y-%m-%dT%H:%M:%S+03")
