"""The clock: microseconds UTC inside, zones at the edge, moved by hand in tests."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalita.clock import DAY, MOSCOW, SECOND, Clock, at_zone, micros, month_start, with_milliseconds

MOMENTS = st.integers(0, 4_000_000_000 * SECOND)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_offset_moves_the_clock() -> None:
    """A demonstration is moved by an offset, a test gives its own source."""
    assert Clock(source=lambda: 5_000_000).now() == 5_000
    assert Clock(DAY, lambda: 5_000_000).now() == DAY + 5_000
    assert abs(Clock().now() - datetime.now(UTC).timestamp() * SECOND) < 5 * SECOND


@given(MOMENTS, ZONES)
def test_moment_is_written_in_its_zone_and_reads_back(moment: int, zone: timezone) -> None:
    """Whole seconds, and the zone's own offset."""
    text = at_zone(moment, zone)
    stamp = datetime.fromisoformat(text)
    assert micros(stamp) == moment // SECOND * SECOND
    assert stamp.utcoffset() == zone.utcoffset(None)
    assert text == datetime.fromtimestamp(moment // SECOND, zone).isoformat()


def test_documented_forms() -> None:
    """Source: access.md 3 and 5.1."""
    moment = micros(datetime(2026, 1, 14, 12, 12, 8, 9_999, UTC))
    assert at_zone(moment) == "2026-01-14T15:12:08+03:00"
    assert with_milliseconds(moment) == "2026-01-14T15:12:08.009+03:00"


@pytest.mark.parametrize(("stamp", "start"), [
    ("2026-01-31T20:59:59+00:00", "2026-01-01T00:00:00+03:00"),
    ("2026-01-31T21:00:00+00:00", "2026-02-01T00:00:00+03:00"),
    ("2024-02-29T23:59:59+03:00", "2024-02-01T00:00:00+03:00"),
    ("2025-12-31T21:00:00+00:00", "2026-01-01T00:00:00+03:00"),
])  # fmt: skip
def test_month_begins_in_moscow(stamp: str, start: str) -> None:
    """Months are Moscow's, also on the last evening of a month, a leap day and a year's end."""
    begun = month_start(micros(datetime.fromisoformat(stamp)))
    assert at_zone(begun, MOSCOW) == start
