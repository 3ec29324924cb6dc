"""
The clock: microseconds since 1970 in UTC; Moscow time at the edge.

One object is built from the settings and handed down, so that a test or a demo can move it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

MOSCOW = timezone(timedelta(hours=3))
MOSCOW_S = 3 * 3600


DEMO = "demo"
"""Under which name the books of a demonstration are marked as such."""

MOVED = "clock"
"""Under which name a demonstration keeps how far its clock was moved, in microseconds."""


@dataclass(slots=True)
class Clock:
    """What time it is: the machine's clock plus an offset in microseconds, which only a demonstration has."""

    offset: int = 0
    source: Callable[[], int] = time.time_ns

    def now(self) -> int:
        """Return microseconds since 1970-01-01 UTC."""
        return self.source() // 1000 + self.offset


def at_zone(moment: int, zone: timezone = MOSCOW) -> str:
    """Write a moment (microseconds) as `YYYY-MM-DDThh:mm:ss+hh:mm`. Source: access.md 3."""
    minute, second = divmod(moment // SECOND, 60)
    before, after = _around_seconds(minute, zone)
    return f"{before}{second:02}{after}"


@lru_cache(4096)
def _around_seconds(minute: int, zone: timezone) -> tuple[str, str]:
    text = datetime.fromtimestamp(minute * 60, zone).isoformat()
    return text[:17], text[19:]


def with_milliseconds(moment: int) -> str:
    """Write a moment as `YYYY-MM-DDThh:mm:ss.fff+03:00`, the form of error bodies. Source: access.md 5.1."""
    stamp = datetime.fromtimestamp(moment // SECOND, MOSCOW).replace(microsecond=moment % SECOND)
    return stamp.isoformat(timespec="milliseconds")


def month_start(moment: int) -> int:
    """Return the first moment of the Moscow month that holds the given one."""
    stamp = datetime.fromtimestamp(moment // SECOND, MOSCOW)
    return micros(stamp.replace(day=1, hour=0, minute=0, second=0))


def month_of(moment: int) -> int:
    """Return the number of the Moscow month that holds a moment: 202601 is January 2026."""
    return day_of(moment) // 100


def day_of(moment: int) -> int:
    """Return the number of the Moscow day that holds a moment: 20260131 is 31 January 2026."""
    return _day_number((moment // SECOND + MOSCOW_S) // 86400)


def date_of(moment: int) -> date:
    """Return the Moscow date of a moment."""
    number = day_of(moment)
    return date(number // 10_000, number // 100 % 100, number % 100)


@lru_cache(1024)
def _day_number(days: int) -> int:
    day = date(1970, 1, 1) + timedelta(days=days)
    return (day.year * 100 + day.month) * 100 + day.day


def month_bounds(month: int) -> tuple[int, int]:
    """Return the first moment of a Moscow month, by its number, and that of the next one."""
    year, number = divmod(month, 100)
    begin = datetime(year, number, 1, tzinfo=MOSCOW)
    end = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=MOSCOW)
    return micros(begin), micros(end)


def micros(stamp: datetime) -> int:
    """Return a zoned date-time as microseconds since 1970."""
    gap = stamp - datetime(1970, 1, 1, tzinfo=UTC)
    return (gap.days * 86400 + gap.seconds) * SECOND + gap.microseconds
