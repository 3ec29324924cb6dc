"""Transaction ids order everything: growing under any clock, and periods and cursors cut them by the second."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from kalita import ids
from kalita.clock import SECOND, at_zone
from kalita.history.pages import Span, from_cursor, span_of

START = ids.EPOCH_S * SECOND
END = START + ((1 << 41) - 1) * 1000
EDGE = 2**53 - 2
IDS = st.integers(1, EDGE)
LANES = st.integers(0, 63)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@st.composite
def stamps(draw: st.DrawFn) -> datetime:
    """Draw a date-time of any zone: around the life of ids, often where one second becomes another."""
    second = draw(st.integers(START // SECOND - 10**6, END // SECOND - 1))
    microsecond = draw(st.sampled_from((0, 0, 1, 999_999)))
    return datetime.fromtimestamp(second, draw(ZONES)).replace(microsecond=microsecond)


@st.composite
def near(draw: st.DrawFn, stamp: datetime) -> int:
    """Draw an id from the seconds around a date-time, or from anywhere."""
    first = int(stamp.timestamp() - ids.EPOCH_S) * 1000 << 12
    around = st.sampled_from((-4_096_000, -1, 0, 1, 4_095_999, 4_096_000)).map(lambda gap: first + gap)
    return draw(around.filter(lambda txn_id: 0 < txn_id <= EDGE) | IDS)


def seconds(stamp: datetime) -> int:
    """Return the whole seconds since 1970 of a date-time."""
    return (stamp - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


@given(
    st.integers(START + 1000, END - 10**9),
    st.lists(st.tuples(st.sampled_from((-(10**9), -1_000_000, -1000, -1, 0, 1, 1000, 10**7)), LANES), max_size=200),
)
def test_ids_grow_under_any_clock(now: int, moves: list[tuple[int, int]]) -> None:
    """Each id is larger than the last of what it touches, keeps its lane, and is never before its clock."""
    last = 0
    for move, lane in moves:
        now = min(max(now + move, START + 1000), END - 10**9)
        chosen = ids.next_id(now, last, lane)
        assert last < chosen < 2**53
        assert chosen & 63 == ids.lane_of(chosen) == lane
        assert ids.moment_of(chosen) >= now // SECOND * SECOND
        assert chosen >> 6 <= max((now // 1000 - ids.EPOCH_S * 1000) << 6, (last >> 6) + 1)
        last = chosen


@given(st.integers(START, END - SECOND), st.lists(LANES, min_size=2, max_size=64, unique=True))
def test_lanes_never_choose_the_same_id(now: int, lanes: list[int]) -> None:
    """Writers that see the same clock and the same last id choose different ids."""
    assert len({ids.next_id(now, 1 << 12, lane) for lane in lanes}) == len(lanes)


@given(IDS)
@example(1)
@example(EDGE)
def test_moment_and_first_of_second_agree(txn_id: int) -> None:
    """An id lies between the first of its second and the first of the next, and the first ones say their second."""
    moment = ids.moment_of(txn_id)
    first = ids.first_of_second(moment)
    assert first <= txn_id <= ids.first_of_second(moment + SECOND)
    assert moment % SECOND == 0
    assert ids.moment_of(first) == moment
    assert first == 0 or ids.moment_of(first - 1) == moment - SECOND


@given(st.data(), stamps(), stamps())
def test_period_holds_the_ids_of_its_seconds(data: st.DataObject, one: datetime, other: datetime) -> None:
    """Both ends belong to a period, to the second, whatever the zone."""
    start, end = sorted((one, other))
    low, high = span_of(start, end)
    for stamp in (start, end):
        txn_id = data.draw(near(stamp))
        within = seconds(start) <= ids.moment_of(txn_id) // SECOND <= seconds(end)
        assert (low <= txn_id <= high) == within


@given(st.lists(stamps().map(lambda stamp: stamp.replace(microsecond=0)), min_size=2, max_size=6), IDS)
def test_periods_that_follow_each_other_part_the_ids(cuts: list[datetime], txn_id: int) -> None:
    """Of periods without a gap each id is in exactly one, so that totals of days add up to that of the month."""
    cuts = sorted(set(cuts), key=seconds)
    spans = [span_of(a, b - timedelta(seconds=1)) for a, b in pairwise(cuts)]
    whole = span_of(cuts[0], cuts[-1] - timedelta(seconds=1))
    assert all(a.high + 1 == b.low for a, b in pairwise(spans))
    homes = sum(low <= txn_id <= high for low, high in spans)
    assert homes == (len(cuts) > 1 and whole.low <= txn_id <= whole.high)


@given(st.data(), stamps(), IDS)
def test_cursor_orders_by_second_and_then_by_id(data: st.DataObject, stamp: datetime, txn_id: int) -> None:
    """At or before a cursor is an earlier second, or the same second and no larger id, also for a made-up cursor."""
    txn_id = data.draw(st.just(txn_id) | near(stamp))
    other = data.draw(st.just(txn_id) | near(stamp))
    low, high = from_cursor(stamp, txn_id)
    second = ids.moment_of(other) // SECOND
    assert (low <= other <= high) == (second < seconds(stamp) or (second == seconds(stamp) and other <= txn_id))


@given(IDS, ZONES)
def test_cursor_as_written_points_at_its_id(txn_id: int, zone: timezone) -> None:
    """The tokens of a page, written in any zone and read again, begin the next page with just that record."""
    stamp = datetime.fromisoformat(at_zone(ids.moment_of(txn_id), zone))
    assert from_cursor(stamp, txn_id) == Span(0, txn_id)
